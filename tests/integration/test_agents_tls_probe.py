"""The agent that carries first TLS messages, as a process on this machine."""

from __future__ import annotations

import socket
import struct
import sys
import threading
from collections.abc import Iterator

import pytest

from lab.tls import client_hello, server_hello
from lab.tls.records import HANDSHAKE_FAILURE, Alert, fatal_alert
from lab.tls.suites import SUITES
from tests.agent_process import AGENTS, PATIENCE_S, AgentProcess, running

HELLO = client_hello.build("TLSv1.2", [SUITES[0x2F]])
REFUSAL = fatal_alert(HANDSHAKE_FAILURE)


@pytest.fixture(scope="module")
def agent() -> Iterator[AgentProcess]:
    with running([sys.executable, str(AGENTS / "tls_probe.py")]) as started:
        assert started.ready["agent"] == "tls-probe"
        yield started


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), PATIENCE_S)


def everything(connection: socket.socket) -> bytes:
    data = b""
    while more := connection.recv(65536):
        data += more
    return data


def opened(agent: AgentProcess) -> int:
    port: int = agent.ask(op="open")["result"]["port"]
    return port


# -- in a server's place --------------------------------------------------------------------------


def test_a_client_is_led_to_auth_and_its_hello_is_taken(agent: AgentProcess) -> None:
    port = opened(agent)
    number = agent.request(op="receive", port=port, answer=REFUSAL.hex(), implicit=False)
    with connect(port) as client:
        assert client.recv(100).startswith(b"220 ")
        client.sendall(b"FEAT\r\n")
        assert client.recv(100).startswith(b"530 ")
        client.sendall(b"auth tls\r\n")
        assert client.recv(100).startswith(b"234 ")
        client.sendall(HELLO[:50])
        client.sendall(HELLO[50:])
        assert everything(client) == REFUSAL
        client.sendall(b"\x15\x03\x03\x00\x02\x02\x28")
    answer = agent.answer()
    assert answer["id"] == number
    assert answer["result"] == {"hello": HELLO.hex(), "reaction": "15030300020228"}


def test_implicit_tls_begins_at_once(agent: AgentProcess) -> None:
    port = opened(agent)
    agent.request(op="receive", port=port, answer="", implicit=True)
    with connect(port) as client:
        client.sendall(HELLO)
        assert everything(client) == b""
    assert agent.answer()["result"] == {"hello": HELLO.hex(), "reaction": ""}


@pytest.mark.parametrize("said", [b"", b"USER lab\r\n", b"AUTH TLS\r\n", b"QUIT\r\n"])
def test_a_client_that_leaves_before_its_hello(agent: AgentProcess, said: bytes) -> None:
    port = opened(agent)
    agent.request(op="receive", port=port, answer=REFUSAL.hex(), implicit=False)
    with connect(port) as client:
        client.sendall(said)
        client.shutdown(socket.SHUT_WR)
        everything(client)
    assert agent.answer()["result"] == {"hello": "", "reaction": ""}


def test_a_client_that_resets_after_its_hello_has_said_it(agent: AgentProcess) -> None:
    port = opened(agent)
    with connect(port) as client:
        client.sendall(HELLO)
        # Closing without lingering sends RST: the answer has nobody to go to.
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    answer = agent.ask(op="receive", port=port, answer=REFUSAL.hex(), implicit=True)
    assert answer["ok"], answer
    assert answer["result"]["reaction"] == ""


def test_a_client_that_speaks_no_tls_after_auth_is_told_as_it_is(agent: AgentProcess) -> None:
    port = opened(agent)
    agent.request(op="receive", port=port, answer="", implicit=True)
    with connect(port) as client:
        client.sendall(b"USER lab\r\n")
        everything(client)
    assert bytes.fromhex(agent.answer()["result"]["hello"]) == b"USER lab\r\n"


def test_nobody_comes_and_nobody_is_waited_for(agent: AgentProcess) -> None:
    port = opened(agent)
    receiving = agent.request(op="receive", port=port, answer="", implicit=False)
    agent.request(op="close", port=port)
    answers = {answer["id"]: answer["result"] for answer in (agent.answer(), agent.answer())}
    assert answers[receiving] == {"hello": "", "reaction": ""}


def test_whoever_has_connected_before_the_port_was_closed_is_served(agent: AgentProcess) -> None:
    port = opened(agent)
    with connect(port) as client:
        client.sendall(HELLO)
        client.shutdown(socket.SHUT_WR)
        agent.ask(op="close", port=port)
        answer = agent.ask(op="receive", port=port, answer="", implicit=True)
    assert answer["result"]["hello"] == HELLO.hex()


def test_a_port_that_is_not_open_is_a_bad_request(agent: AgentProcess) -> None:
    answer = agent.ask(op="receive", port=1, answer="", implicit=False)
    assert answer["kind"] == "bad-request"
    assert "no port 1 is open" in answer["error"]
    assert agent.ask(op="close", port=1)["ok"], "it has ended already: nothing to close"


# -- in a client's place --------------------------------------------------------------------------


class Server:
    """A server of one connection that follows a script: what it says, after what it has read."""

    def __init__(self, *script: tuple[bytes, bytes]) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(PATIENCE_S)
        self.port: int = self._listener.getsockname()[1]
        self.read = b""
        self._thread = threading.Thread(target=self._serve, args=(script,), daemon=True)
        self._thread.start()

    def _serve(self, script: tuple[tuple[bytes, bytes], ...]) -> None:
        connection, _ = self._listener.accept()
        connection.settimeout(PATIENCE_S)
        with connection:
            for wanted, said in script:
                while wanted not in self.read:
                    more = connection.recv(65536)
                    if not more:
                        return
                    self.read += more
                connection.sendall(said)

    def end(self) -> None:
        self._thread.join(PATIENCE_S)
        self._listener.close()


def exchange(agent: AgentProcess, server: Server, *, implicit: bool = False) -> dict[str, object]:
    answer = agent.ask(op="exchange", port=server.port, hello=HELLO.hex(), implicit=implicit)
    server.end()
    assert answer["ok"], answer
    result: dict[str, object] = answer["result"]
    return result


def test_a_servers_first_record_is_taken_and_no_more(agent: AgentProcess) -> None:
    picked = server_hello.build("TLSv1.2", SUITES[0x2F])
    server = Server(
        (b"", b"220-welcome\r\n220 ready\r\n"),
        (b"AUTH TLS\r\n", b"234 go on\r\n"),
        (HELLO, picked + b"500 OOPS: in clear text\r\n"),
    )
    result = exchange(agent, server)
    assert result["refused"] is None
    answer = server_hello.parse(bytes.fromhex(str(result["answer"])))
    assert answer == server_hello.ServerHello("TLSv1.2", SUITES[0x2F])


def test_a_refusal_is_taken(agent: AgentProcess) -> None:
    result = exchange(agent, Server((HELLO, REFUSAL)), implicit=True)
    assert server_hello.parse(bytes.fromhex(str(result["answer"]))) == Alert(HANDSHAKE_FAILURE)


def test_a_server_without_tls_refuses_in_its_own_words(agent: AgentProcess) -> None:
    server = Server((b"", b"220 ready\r\n"), (b"AUTH TLS\r\n", b"530 Please login.\r\n"))
    wanted = {"answer": "", "refused": "530 Please login.", "silent": False}
    assert exchange(agent, server) == wanted


def test_a_server_that_closes_has_no_answer(agent: AgentProcess) -> None:
    server = Server((b"", b"220 ready\r\n"), (b"AUTH TLS\r\n", b"234 go on\r\n"), (HELLO, b""))
    assert exchange(agent, server) == {"answer": "", "refused": None, "silent": False}


def test_a_server_that_never_answers_is_silent(agent: AgentProcess) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        asked = {"op": "exchange", "port": port, "hello": HELLO.hex(), "deadline_s": 1.0}
        answer = agent.ask(**asked, implicit=True)
    assert answer["result"] == {"answer": "", "refused": None, "silent": True}


def test_what_is_no_tls_is_taken_as_it_comes(agent: AgentProcess) -> None:
    result = exchange(agent, Server((HELLO, b"HTTP/1.1 400 Bad Request\r\n")), implicit=True)
    assert bytes.fromhex(str(result["answer"])) == b"HTTP/1.1 400 Bad Request\r\n"
