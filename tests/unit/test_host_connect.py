"""What a socket that is no working engine is told apart by, on sockets made for the test."""

from __future__ import annotations

import os
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lab.host import EngineError, EngineProblem, find, lost
from lab.host.connect import (
    SocketState,
    innermost,
    parse_api,
    probe,
    unsupported,
)

Serve = Callable[[bytes | None], Path]


@pytest.fixture
def directory() -> Iterator[Path]:
    # A socket's path may have at most 107 bytes, fewer than pytest's own directories take.
    with tempfile.TemporaryDirectory(prefix="lab-") as name:
        yield Path(name)


@pytest.fixture
def serve(directory: Path) -> Iterator[Serve]:
    """A listener that answers every request with the given bytes; with None it never answers."""
    opened: list[socket.socket] = []
    threads: list[threading.Thread] = []

    def start(answer: bytes | None) -> Path:
        path = directory / "engine.sock"
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(str(path))
        listener.listen()
        opened.append(listener)

        def loop() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    connection.settimeout(5)
                    connection.recv(65536)
                    connection.sendall(answer or b"")

        if answer is not None:
            thread = threading.Thread(target=loop, daemon=True)
            thread.start()
            threads.append(thread)
        return path

    yield start
    for listener in opened:
        try:
            listener.shutdown(socket.SHUT_RDWR)
        finally:
            listener.close()
    for thread in threads:
        thread.join(timeout=5)


def http(status: str, body: str = "") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    return f"{head}\r\nConnection: close\r\n\r\n{body}".encode()


def failure_of(environment: dict[str, str], default_socket: Path) -> EngineError:
    with pytest.raises(EngineError) as failure:
        find(environment, default_socket=default_socket, timeout_s=1)
    return failure.value


def test_no_socket(directory: Path) -> None:
    error = failure_of({"DOCKER_CONTEXT": "default"}, directory / "none.sock")
    assert error.problem is EngineProblem.NO_SOCKET
    assert "there is no such socket" in error.happened
    # The two ways: have one installed, or point to one.
    assert len(error.advice) == 2
    assert "apt-get install docker.io" in error.advice[0]
    assert "DOCKER_HOST" in error.advice[1]


def test_a_socket_whose_daemon_has_gone(directory: Path) -> None:
    # given
    path = directory / "engine.sock"
    with socket.socket(socket.AF_UNIX) as gone:
        gone.bind(str(path))
    # when
    error = failure_of({"DOCKER_CONTEXT": "default"}, path)
    # then
    assert probe(path).state is SocketState.REFUSED
    assert error.problem is EngineProblem.NO_ANSWER
    assert "no process listens on it" in error.happened


def test_a_daemon_that_listens_and_does_not_answer(serve: Serve) -> None:
    path = serve(None)
    error = failure_of({"DOCKER_CONTEXT": "default"}, path)
    assert error.problem is EngineProblem.NO_ANSWER
    assert f"process {os.getpid()} listens there" in error.happened
    assert "no answer to GET /_ping within 1 s" in error.happened


@pytest.mark.parametrize(
    ("answer", "detail"),
    [
        (http("503 Service Unavailable"), "HTTP/1.1 503 Service Unavailable"),
        (b"220 ready\r\n", "220 ready"),
        (b"", "it hangs up"),
    ],
    ids=["an error", "another protocol", "nothing"],
)
def test_a_listener_that_is_no_engine(serve: Serve, answer: bytes, detail: str) -> None:
    found = probe(serve(answer), timeout_s=2)
    assert found.state is SocketState.SILENT
    assert detail in found.detail


def test_a_socket_without_permission_names_the_group_and_two_ways(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given: this test may run as root, for whom every socket is open
    path = directory / "engine.sock"
    path.touch()
    monkeypatch.setattr(
        "socket.socket.connect", lambda *_: (_ for _ in ()).throw(PermissionError(13, "denied"))
    )
    monkeypatch.setattr(Path, "group", lambda _: "docker")
    # when
    error = failure_of({"DOCKER_CONTEXT": "default"}, path)
    # then
    assert error.problem is EngineProblem.NO_PERMISSION
    assert error.advice == (
        "join the group 'docker' that owns it, then log in anew: sudo usermod -aG docker $USER",
        "run the lab as root: sudo make lab",
    )


def test_an_engine_that_a_person_chose_is_never_replaced(directory: Path) -> None:
    missing = f"unix://{directory}/none.sock"
    error = failure_of({"DOCKER_HOST": missing}, directory / "default.sock")
    assert error.problem is EngineProblem.UNREACHABLE
    assert "from DOCKER_HOST" in str(error)
    assert any("unset DOCKER_HOST" in way for way in error.advice)
    assert "apt-get" not in str(error)


def test_an_engine_on_the_network_that_refuses(directory: Path) -> None:
    # given: a port that nobody listens on
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        host = f"tcp://127.0.0.1:{bound.getsockname()[1]}"
        # when
        error = failure_of({"DOCKER_HOST": host}, directory / "default.sock")
    # then: the operating system's own words, not the layers above them
    assert error.problem is EngineProblem.UNREACHABLE
    assert error.happened == "Connection refused"


@pytest.mark.parametrize("host", ["nonsense", "unix://" + "x" * 200, "tcp://"])
def test_a_host_that_cannot_be_used(directory: Path, host: str) -> None:
    assert failure_of({"DOCKER_HOST": host}, directory / "s").problem is EngineProblem.UNREACHABLE


def test_ssh_is_explained(directory: Path) -> None:
    error = failure_of({"DOCKER_HOST": "ssh://user@host"}, directory / "s")
    assert error.problem is EngineProblem.BAD_ENDPOINT
    assert "ssh -L" in str(error)


def test_an_engine_is_lost_when_it_has_gone_and_not_when_it_is_slow(
    serve: Serve, directory: Path
) -> None:
    def seen(host: str) -> EngineError | None:
        return lost({"DOCKER_HOST": host})

    # given one that does not answer in time, one that has gone, one on the network that has gone
    assert seen(f"unix://{serve(None)}") is None
    gone = seen(f"unix://{directory}/none.sock")
    assert gone is not None
    assert "there is no such socket" in str(gone)
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        remote = seen(f"tcp://127.0.0.1:{bound.getsockname()[1]}")
    assert remote is not None
    assert remote.happened == "Connection refused"


def test_an_engine_that_is_too_old(serve: Serve) -> None:
    # given: the same answer for the ping and for the version
    path = serve(http("200 OK", '{"ApiVersion": "1.24", "Os": "linux", "Version": "1.12.6"}'))
    # when
    error = failure_of({"DOCKER_CONTEXT": "default"}, path)
    # then
    assert error.problem is EngineProblem.UNSUPPORTED
    assert "its API is 1.24 (engine 1.12.6); the lab needs 1.41 or newer" in error.happened


@pytest.mark.parametrize(
    ("version", "problem"),
    [
        ({"Os": "linux", "ApiVersion": "1.41"}, None),
        ({"Os": "linux", "ApiVersion": "1.54"}, None),
        ({"Os": "linux", "ApiVersion": "2.0"}, None),
        ({"Os": "linux", "ApiVersion": "1.9"}, "its API is 1.9"),
        ({"Os": "linux"}, "its API is unknown"),
        ({"Os": "windows", "ApiVersion": "1.54"}, "it runs windows containers"),
    ],
)
def test_which_engines_can_be_used(version: dict[str, object], problem: str | None) -> None:
    found = unsupported(version)
    assert found == problem if problem is None else (found or "").startswith(problem)


def test_api_versions_compare_as_numbers() -> None:
    assert parse_api("1.9") < parse_api("1.41") < parse_api("1.100")
    assert parse_api("") == parse_api("x.y") == ()


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (FileNotFoundError(), SocketState.ABSENT),
        (NotADirectoryError(), SocketState.ABSENT),
        (PermissionError(), SocketState.FORBIDDEN),
        (ConnectionRefusedError(), SocketState.REFUSED),
        (TimeoutError(), SocketState.SILENT),
        (BlockingIOError(), SocketState.SILENT),
        (OSError("AF_UNIX path too long"), SocketState.UNUSABLE),
    ],
)
def test_failures_of_connect(
    error: OSError, state: SocketState, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise error

    monkeypatch.setattr("socket.socket.connect", fails)
    assert probe(Path("/nowhere")).state is state


def test_the_innermost_reason_is_found_in_arguments_and_causes() -> None:
    refused = ConnectionRefusedError(111, "Connection refused")
    wrapped = RuntimeError("Connection aborted.", refused)
    assert innermost(wrapped) == "Connection refused"
    outer = RuntimeError("outer")
    outer.__cause__ = wrapped
    assert innermost(outer) == "Connection refused"
    assert innermost(RuntimeError()) == "RuntimeError"
