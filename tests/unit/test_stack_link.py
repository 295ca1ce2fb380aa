"""The line to an agent: answers, deadlines, and every way in which it can end. No engine."""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any, cast

import pytest
from docker import DockerClient
from docker.errors import APIError

from lab.run import link as links
from lab.run.link import AgentError, AgentLink, AgentLost

ARGV = ["/usr/bin/python3", "/opt/lab/agents/made_up.py"]
STDOUT, STDERR = 1, 2
Message = dict[str, Any]


class MadeUpAgent:
    """The container's end of the line, as the engine multiplexes it."""

    def __init__(self, *, ready: bool = True) -> None:
        self.ours, self._line = socket.socketpair()
        api = SimpleNamespace(
            exec_create=self._create,
            exec_start=lambda *_, **__: self.ours,
        )
        self.client = cast("DockerClient", SimpleNamespace(api=api))
        self._requests = self._line.makefile("rb")
        if ready:
            self.say({"ready": True, "agent": "made-up", "versions": {"perl": "5.36"}})

    def _create(self, _container: str, argv: list[str], **_: bool) -> Message:
        self.argv = argv
        return {"Id": "exec-1"}

    def link(self, archive: bytes = b"") -> AgentLink:
        return AgentLink(self.client, "rocky9-fips", "0123abc", ARGV, archive)

    def say(self, message: Message) -> None:
        self.write(json.dumps(message).encode() + b"\n")

    def write(self, data: bytes, stream: int = STDOUT) -> None:
        self._line.sendall(struct.pack(">BxxxL", stream, len(data)) + data)

    def raw(self, data: bytes) -> None:
        self._line.sendall(data)

    def read(self, size: int) -> bytes:
        return self._requests.read(size)

    def request(self) -> Message:
        read: Message = json.loads(self._requests.readline())
        return read

    def serve(self, answer: Callable[[Message], Message]) -> None:
        """Answer one request, whenever it comes."""

        def work() -> None:
            request = self.request()
            self.say({"id": request["id"], **answer(request)})

        threading.Thread(target=work, daemon=True).start()

    def end(self) -> None:
        """What happens when the container is killed."""
        with contextlib.suppress(OSError):  # it was killed before
            self._line.shutdown(socket.SHUT_RDWR)
        self._requests.close()
        self._line.close()


MakeAgent = Callable[..., MadeUpAgent]


@pytest.fixture
def make_agent() -> Iterator[MakeAgent]:
    made: list[MadeUpAgent] = []

    def make(*, ready: bool = True) -> MadeUpAgent:
        made.append(MadeUpAgent(ready=ready))
        return made[-1]

    yield make
    for agent in made:
        agent.end()
        agent.ours.close()


@pytest.fixture
def agent(make_agent: MakeAgent) -> MadeUpAgent:
    return make_agent()


@pytest.fixture
def link(agent: MadeUpAgent) -> Iterator[AgentLink]:
    opened = agent.link()
    yield opened
    opened.close()


def asked(link: AgentLink, *, peer: AgentLink | None = None) -> Callable[[], Message]:
    """Ask in the background; what is returned waits for the answer."""
    pool = ThreadPoolExecutor(1)
    future = pool.submit(link.call, "attempt", 20.0, peer=peer)
    pool.shutdown(wait=False)
    return lambda: future.result(10)


def test_a_call_is_answered(agent: MadeUpAgent, link: AgentLink) -> None:
    seen: list[Message] = []

    def answer(request: Message) -> Message:
        seen.append(request)
        return {"ok": True, "result": {"failed": False}}

    agent.serve(answer)
    assert link.call("attempt", 5.0, host="ftp.lab.test") == {"failed": False}
    assert link.versions == {"perl": "5.36"}
    (request,) = seen
    expected = {"op": "attempt", "deadline_s": 5.0, "host": "ftp.lab.test"}
    assert {name: request[name] for name in expected} == expected


def test_answers_find_their_callers_in_whatever_order_and_pieces_they_come(
    agent: MadeUpAgent, link: AgentLink
) -> None:
    # given two requests under way
    first, second = asked(link), asked(link)
    ids = [agent.request()["id"], agent.request()["id"]]
    # when the second is answered first, both in one frame that is cut in the middle of a line
    data = b"".join(
        json.dumps({"id": i, "ok": True, "result": {"id": i}}).encode() + b"\n"
        for i in reversed(ids)
    )
    agent.write(data[:30])
    agent.write(b"a warning\n", STDERR)
    agent.write(data[30:])
    # then each gets its own
    assert {first()["id"], second()["id"]} == set(ids)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"ok": False, "kind": "crashed", "error": "signal 11"}, "attempt crashed: signal 11"),
        ({"ok": False, "kind": "timed-out", "error": "5 s"}, "attempt timed-out: 5 s"),
        ({"ok": False}, "attempt failed: no reason given"),
    ],
)
def test_a_fault_of_the_agent_names_agent_container_and_reason(
    agent: MadeUpAgent, link: AgentLink, answer: Message, said: str
) -> None:
    agent.serve(lambda _: answer)
    with pytest.raises(AgentError, match=said) as raised:
        link.call("attempt", 5.0)
    assert str(raised.value).startswith("made_up.py in rocky9-fips: ")
    assert not isinstance(raised.value, AgentLost)


def test_who_waits_is_told_when_the_container_is_killed(
    agent: MadeUpAgent, link: AgentLink
) -> None:
    waiting = asked(link)
    agent.request()
    agent.write(b"perl: out of memory\n", STDERR)
    agent.end()
    with pytest.raises(
        AgentLost, match=r"made_up\.py in rocky9-fips .*it said: perl: out of memory"
    ):
        waiting()
    # and who comes later is told at once
    with pytest.raises(AgentLost, match="it said: perl: out of memory"):
        link.call("attempt", 20.0)


@pytest.mark.parametrize("data", [b"\x01\x00\x00", b"\x01\x00\x00\x00\x00\x00\x00\x09{", b""])
def test_a_line_that_ends_in_the_middle_of_a_frame_is_lost(
    agent: MadeUpAgent, link: AgentLink, data: bytes
) -> None:
    waiting = asked(link)
    agent.request()
    agent.raw(data)
    agent.end()
    with pytest.raises(AgentLost, match=r"made_up\.py in rocky9-fips"):
        waiting()


def test_what_is_no_json_ends_the_line(agent: MadeUpAgent, link: AgentLink) -> None:
    waiting = asked(link)
    agent.request()
    agent.write(b"Segmentation fault\n")
    with pytest.raises(AgentLost, match="broke"):
        waiting()


def test_nobody_waits_for_a_client_when_the_server_has_gone(
    agent: MadeUpAgent, link: AgentLink, make_agent: MakeAgent
) -> None:
    # given an attempt under way on a client, and the server's agent
    server = make_agent()
    peer = server.link()
    waiting = asked(link, peer=peer)
    number = agent.request()["id"]
    # when the server's container is killed
    server.end()
    with pytest.raises(AgentLost, match=r"made_up\.py in rocky9-fips ended"):
        waiting()
    # then the client's late answer disturbs nobody, and the client goes on
    agent.say({"id": number, "ok": True, "result": {}})
    agent.serve(lambda _: {"ok": True, "result": {"fine": True}})
    assert link.call("attempt", 5.0) == {"fine": True}
    # and nothing is begun with a server that has gone already
    with pytest.raises(AgentLost):
        link.call("attempt", 5.0, peer=peer)
    peer.close()


def test_a_peer_that_outlives_the_call_is_left_alone(
    agent: MadeUpAgent, link: AgentLink, make_agent: MakeAgent
) -> None:
    server = make_agent()
    peer = server.link()
    agent.serve(lambda _: {"ok": True, "result": {"fine": True}})
    assert link.call("attempt", 5.0, peer=peer) == {"fine": True}
    server.serve(lambda _: {"ok": True, "result": {"log": ""}})
    assert peer.call("collect", 5.0) == {"log": ""}
    peer.close()


def test_an_answer_that_never_comes_is_given_up(
    agent: MadeUpAgent, link: AgentLink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(links, "GRACE_S", 0.0)
    with pytest.raises(AgentError, match="did not answer 'attempt' within 0 s"):
        link.call("attempt", 0.1)
    monkeypatch.undo()
    # and when it comes after all, nobody takes it for the answer to what was asked next
    given_up = agent.request()["id"]
    waiting = asked(link)
    agent.say({"id": given_up, "ok": True, "result": {"late": True}})
    agent.say({"id": agent.request()["id"], "ok": True, "result": {"late": False}})
    assert waiting() == {"late": False}


def test_closing_tells_who_waits(agent: MadeUpAgent, link: AgentLink) -> None:
    waiting = asked(link)
    agent.request()
    link.close()
    with pytest.raises(AgentLost, match="is closed"):
        waiting()
    link.close()  # a second time is no error


def test_an_agent_that_does_not_get_ready_is_named_with_its_words(
    make_agent: MakeAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(links, "READY_S", 0.2)
    agent = make_agent(ready=False)
    agent.write(b"Can't locate Net/FTP.pm in @INC\n", STDERR)
    with pytest.raises(AgentError, match=r"made_up\.py in rocky9-fips was not ready.*Net/FTP\.pm"):
        agent.link()


def test_an_agent_that_ends_before_it_is_ready_is_named_with_its_words(
    make_agent: MakeAgent,
) -> None:
    agent = make_agent(ready=False)
    agent.write(b"Can't locate Net/FTP.pm in @INC\n", STDERR)
    agent.end()
    with pytest.raises(AgentLost, match=r"made_up\.py in rocky9-fips ended; it said: Can't locate"):
        agent.link()


def test_a_container_in_which_nothing_starts_is_named(agent: MadeUpAgent) -> None:
    def refuse(*_: object, **__: object) -> Message:
        raise APIError("container 0123abc is not running")

    cast("Any", agent.client.api).exec_create = refuse
    with pytest.raises(
        AgentError, match=r"made_up\.py does not start in rocky9-fips: .*not running"
    ):
        agent.link()
