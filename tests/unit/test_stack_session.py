"""A run's use of a topology, as far as it needs no containers."""

from __future__ import annotations

import socket
import struct
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from docker import DockerClient
from docker.errors import APIError
from filelock import FileLock

from lab.certificates.material import RunCertificates
from lab.model import Attempt
from lab.model.expectations import PlannedAttempt
from lab.run.agents import Agents, Unsupported, announced, let_in
from lab.run.containers import Containers, Equipment, OnceMap
from lab.run.laboratory import services_of
from lab.run.link import AgentError
from lab.run.listeners import NOT_LISTENING, Listener, ListenerPool, Listeners
from lab.run.network import Container
from lab.run.session import Session
from lab.run.topology import Topology
from lab.servers.nginx import Nginx
from lab.settings import parse_client, parse_server

ADDRESS = "172.30.0.30"
ATTEMPT = Attempt(parse_server([]), parse_client("net-ftp@rocky9:FIPS"))


class MadeUpEngine:
    """Takes files and waits for packet filters; starts nothing else."""

    def __init__(self, *, full: str = "", filter_status: int = 0) -> None:
        self.put: dict[str, list[str]] = {}
        self.started: list[str] = []
        self._full = full
        self._filter_status = filter_status

    @property
    def client(self) -> DockerClient:
        return cast("DockerClient", SimpleNamespace(api=self))

    def exec_create(self, container: str, argv: list[str], **_: object) -> dict[str, Any]:
        if "tar" in argv[-1]:
            self.put[container] = argv
        elif "nft" not in argv[-1]:
            self.started.append(container)
            raise APIError("nothing is started here")
        return {"Id": container}

    def exec_start(self, container: str, **_: object) -> socket.socket:
        ours, theirs = socket.socketpair()
        if container == self._full:
            said = b"tar: no space left on device"
            theirs.sendall(struct.pack(">BxxxL", 2, len(said)) + said)
        # Nothing more is said; what comes in is taken.
        theirs.shutdown(socket.SHUT_WR)
        threading.Thread(target=take_all, args=(theirs,), daemon=True).start()
        return ours

    def exec_inspect(self, container: str) -> dict[str, Any]:
        return {"ExitCode": 2 if container == self._full else self._filter_status}


def take_all(line: socket.socket) -> None:
    """Read to the end."""
    with line:
        while line.recv(65536):
            pass


def topology(*services: str, kept: bool = False) -> Topology:
    return Topology(
        project="tls-lab-made-up",
        containers={
            service: Container(f"id-of-{service}", "i", ADDRESS if service == "edge" else None)
            for service in services
        },
        lock=FileLock("unused"),
        kept=kept,
    )


def material() -> RunCertificates:
    made_up = SimpleNamespace(
        hosts=["ftp.lab.test"],
        files=lambda host: [(f"{host}/valid.chain.pem", b"chain")],
        anchor=lambda name: b"anchors",
        has_own=False,
        is_made=False,
        server=lambda slug, host: SimpleNamespace(leaf_sha256="00"),
    )
    return cast("RunCertificates", made_up)


def session(engine: MadeUpEngine, *services: str) -> Session:
    return Session(engine.client, topology(*services), material(), (), {}, {}, Path("/nowhere"))


def containers(engine: MadeUpEngine, *services: str) -> Containers:
    return Containers(engine.client, topology(*services))


def test_a_container_is_equipped_before_an_agent_starts_in_it() -> None:
    engine = MadeUpEngine()
    made = session(engine, "dns", "vsftpd", "rocky9-fips", "edge")
    assert engine.put == {}
    with pytest.raises(AgentError, match="nothing is started here"):
        made.attempt(PlannedAttempt("one", ATTEMPT))
    assert set(engine.put) == set(engine.started) == {"id-of-rocky9-fips"}


def test_a_container_that_takes_no_files_is_named() -> None:
    made = session(MadeUpEngine(full="id-of-vsftpd"), "vsftpd")
    with pytest.raises(AgentError, match="into the container vsftpd: tar: no space left on device"):
        made.equip("vsftpd")


def test_a_container_that_does_not_run_is_named_with_the_way_out() -> None:
    # given a topology in which the client's container has been killed
    made = session(MadeUpEngine(), "dns", "vsftpd")
    with pytest.raises(AgentError, match=r"rocky9-fips .*is not running .*`lab down` and `lab up`"):
        made.attempt(PlannedAttempt("one", ATTEMPT))


def test_a_session_that_has_ended_starts_no_agent() -> None:
    engine = MadeUpEngine()
    made = session(engine, "dns", "vsftpd", "rocky9-fips")
    made.close()
    with pytest.raises(AgentError, match="the session has ended"):
        made.attempt(PlannedAttempt("one", ATTEMPT))
    assert engine.started == []


@pytest.mark.parametrize("kept", [True, False])
def test_what_stays_of_a_run_is_taken_out_of_a_topology_that_is_kept(*, kept: bool) -> None:
    taken: list[str] = []

    class Told(Containers):
        def answer_for(self, host: str, service: str) -> None:
            taken.append(f"{host} is {service}")

        def forget_host(self) -> None:
            taken.append("forgotten")

    engine = MadeUpEngine()
    made = session(engine, "dns", "vsftpd")
    made.containers = Told(engine.client, topology("dns", "vsftpd", kept=kept))
    made.answer_for("ftp.example.net", ATTEMPT.server)
    made.close()
    assert taken == ["ftp.example.net is vsftpd", *(["forgotten"] if kept else [])]


# -- the server's port -------------------------------------------------------------------------------


@pytest.mark.parametrize("software", ["vsftpd", "nginx", "origin"])
def test_where_nothing_is_to_listen_nothing_is_started(software: str) -> None:
    engine = MadeUpEngine()
    there = containers(engine, "dns", software)
    listeners = Listeners(
        Agents(engine.client, there, Equipment(there, material())), there, material(), "pw"
    )
    closed = parse_server(["listening=off"], software)
    with listeners.one(closed) as first, listeners.one(closed) as second:
        both = [first, second]
    assert {(one.started, one.output) for one in both} == {(False, NOT_LISTENING)}
    assert len({one.port for one in both}) == 2, "a port of its own, which nobody opens"
    assert engine.started == []


def test_the_container_that_a_filter_lets_in_is_found_by_its_name() -> None:
    there = containers(MadeUpEngine(), "dns", "nginx", "edge")
    filtered = parse_server(["port_filter=dropped", "port_allowed=edge"], "nginx")
    assert let_in(filtered, there) == (ADDRESS,)
    assert let_in(parse_server(["port_filter=dropped"], "nginx"), there) == ()


@pytest.mark.parametrize("name", ["egde", "dns", "172.30.0.30"])
def test_a_container_that_there_is_not_is_answered_with_those_that_there_are(name: str) -> None:
    there = containers(MadeUpEngine(), "dns", "nginx", "edge")
    filtered = Nginx(port_filter="dropped", port_allowed=name)
    with pytest.raises(Unsupported, match=rf"port_allowed={name}: .* there are edge, nginx$"):
        let_in(filtered, there)


@pytest.mark.parametrize(
    ("setting", "announces"),
    [("pasv_address=192.0.2.1", "192.0.2.1"), ("pasv_address=edge", ADDRESS)],
)
def test_what_is_announced_is_an_address_or_a_containers(setting: str, announces: str) -> None:
    there = containers(MadeUpEngine(), "dns", "vsftpd", "edge")
    assert announced(parse_server([setting]), there) == announces
    assert announced(parse_server([]), there) is None


def test_a_container_whose_address_cannot_be_announced_is_named() -> None:
    there = containers(MadeUpEngine(), "dns", "vsftpd", "edge")
    with pytest.raises(Unsupported, match=r"^pasv_address=silent: .* there are edge, vsftpd$"):
        announced(parse_server(["pasv_address=silent"]), there)


def test_the_container_that_is_named_is_started() -> None:
    named = parse_server(["pasv_address=silent", "port_filter=dropped", "port_allowed=edge"])
    client = parse_client("net-ftp@rocky9:FIPS")
    assert services_of([Attempt(named, client)]) == {"vsftpd", "rocky9-fips", "silent", "edge"}
    by_address = parse_server(["pasv_address=192.0.2.1"])
    assert services_of([Attempt(by_address, client)]) == {"vsftpd", "rocky9-fips"}


@pytest.mark.parametrize("status", [0, 124])
def test_the_silent_container_is_waited_for(status: int) -> None:
    # given one whose packet filter comes, or does not
    there = containers(MadeUpEngine(filter_status=status), "dns", "silent")
    if status:
        with pytest.raises(AgentError, match="silent has no packet filter after 10 s"):
            there.wait_for_silence()
    else:
        there.wait_for_silence()


def test_where_there_is_no_silent_container_nothing_is_waited_for() -> None:
    engine = MadeUpEngine()
    assert not containers(engine, "dns", "vsftpd").wait_for_silence()
    assert engine.started == []


def test_a_container_without_an_address_is_a_fault_of_the_lab() -> None:
    there = containers(MadeUpEngine(), "dns", "nginx", "rocky9-fips")
    filtered = parse_server(["port_filter=dropped", "port_allowed=rocky9-fips"], "nginx")
    with pytest.raises(AgentError, match=r"rocky9-fips .* has no address"):
        let_in(filtered, there)


# -- things made once --------------------------------------------------------------------------------


def test_a_thing_is_made_once_however_many_ask() -> None:
    once: OnceMap[object] = OnceMap()
    made: list[str] = []
    together = threading.Barrier(8)

    def make() -> object:
        made.append("once")
        return object()

    def ask(_: int) -> object:
        together.wait(10)
        return once.get("key", make)

    with ThreadPoolExecutor(8) as pool:
        things = set(pool.map(ask, range(8)))
    assert (len(things), len(made)) == (1, 1)
    assert once.values() == list(things)


def test_different_things_are_made_side_by_side() -> None:
    once: OnceMap[str] = OnceMap()
    other_is_made = threading.Event()

    def slow() -> str:
        assert other_is_made.wait(10), "the other one waited for this one"
        return "slow"

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(once.get, "slow", slow)
        assert once.get("quick", lambda: "quick") == "quick"
        other_is_made.set()
        assert first.result(10) == "slow"


def test_a_thing_that_could_not_be_made_is_tried_again() -> None:
    once: OnceMap[str] = OnceMap()

    def fail() -> str:
        raise AgentError("not yet")

    with pytest.raises(AgentError):
        once.get("key", fail)
    assert once.get("key", lambda: "made") == "made"


def test_a_listener_that_nobody_uses_any_more_is_used_again() -> None:
    def start(number: int) -> Listener:
        return Listener(f"listener-{number}", 2100 + number, True, "", "")

    pool = ListenerPool(start)
    with pool.one() as used, pool.one() as other:
        assert other is not used
    with pool.one() as again:
        assert again is used
