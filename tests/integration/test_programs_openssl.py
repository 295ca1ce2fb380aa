"""The real `openssl s_client` against a web server of this machine."""

from __future__ import annotations

import shutil
import socket
import ssl
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trustme

from lab.clients import Target
from lab.model import (
    Goal,
)
from tests.agent_process import AGENTS, AgentProcess
from tests.unit.test_programs_openssl import attempt, client


@contextmanager
def web_server(directory: Path) -> Iterator[tuple[int, Path]]:
    """A server for ``localhost`` that answers one request after the other; its port and its CA."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(directory / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        serving = threading.Thread(target=_serve, args=(listener, context), daemon=True)
        serving.start()
        yield listener.getsockname()[1], directory / "ca.pem"
        listener.shutdown(socket.SHUT_RDWR)
        serving.join(5)


def _serve(listener: socket.socket, context: ssl.SSLContext) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection:
            try:
                connection.settimeout(5)
                with context.wrap_socket(connection, server_side=True) as tls:
                    if tls.recv(65536).startswith(b"GET / HTTP/1.1\r\n"):
                        tls.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{}")
                        tls.unwrap()
            except OSError:
                continue


@pytest.fixture(scope="module")
def agent() -> Iterator[AgentProcess]:
    if shutil.which("openssl") is None:
        pytest.skip("this machine has no openssl command")
    started = AgentProcess([sys.executable, str(AGENTS / "commands.py"), "openssl", "version"])
    yield started
    started.end()
    if started.process.stdout is not None:
        started.process.stdout.close()


def test_the_real_command_completes_and_is_refused(agent: AgentProcess, tmp_path: Path) -> None:
    with web_server(tmp_path) as (port, ca_file):
        trusting = Target(
            host="localhost", port=port, user="lab", password="secret", ca_file=str(ca_file)
        )
        unknowing = Target(host="localhost", port=port, user="lab", password="secret")
        completed = attempt(agent, client(), trusting)
        handshake = attempt(agent, client(goal=Goal.HANDSHAKE, verify=False), unknowing)
        refused = attempt(agent, client(), unknowing)

    assert not completed.failed, completed
    assert (completed.reply_code, completed.verified, completed.verify_code) == (200, True, None)
    assert completed.protocol is not None
    assert (handshake.failed, handshake.verified) == (False, False)
    assert handshake.verify_code in (19, 20, 21)
    assert (refused.failed, refused.step, refused.verify_code) == (True, "handshake", 20)


def test_the_real_command_is_ended_when_the_server_never_answers(agent: AgentProcess) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        target = Target(
            host="127.0.0.1", port=silent.getsockname()[1], user="lab", password="secret"
        )
        found = attempt(agent, client(timeout_s=0.8), target)

    assert (found.failed, found.timed_out, found.step) == (True, True, "handshake")
    assert found.elapsed_ms < 5000


def test_more_than_a_person_types_is_a_bad_request(agent: AgentProcess) -> None:
    answer = agent.ask(op="attempt", argv=["openssl", "version"], input="x" * 5000)

    assert answer["kind"] == "bad-request"
    assert "4096" in answer["error"]
