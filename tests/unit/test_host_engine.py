"""Which engine a person means, how one that does not work is told apart, and which Compose is used."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lab.host.engine import (
    Endpoint,
    EngineError,
    NamedBy,
    Tls,
    compose_environment,
    find,
    lost,
    parse_api,
    probe,
    resolve,
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
        find(environment, default_socket=default_socket, timeout_s=0.3)
    return failure.value


def test_no_socket(directory: Path) -> None:
    error = failure_of({"DOCKER_CONTEXT": "default"}, directory / "none.sock")
    assert error.problem == "no-socket"
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
    assert probe(path).problem == "refused"
    assert error.problem == "refused"
    assert "no process listens on it" in error.happened


def test_a_daemon_that_listens_and_does_not_answer(serve: Serve) -> None:
    path = serve(None)
    error = failure_of({"DOCKER_CONTEXT": "default"}, path)
    assert error.problem == "silent"
    assert f"process {os.getpid()} listens there" in error.happened
    assert "no answer to GET /_ping within 0.3 s" in error.happened


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
    assert found.problem == "silent"
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
    assert error.problem == "no-permission"
    assert error.advice == (
        "join the group 'docker' that owns it, then log in anew: sudo usermod -aG docker $USER",
        "run the lab as root",
    )


def test_an_engine_that_a_person_chose_is_never_replaced(directory: Path) -> None:
    missing = f"unix://{directory}/none.sock"
    error = failure_of({"DOCKER_HOST": missing}, directory / "default.sock")
    assert error.problem == "chosen"
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
    assert error.problem == "chosen"
    assert error.happened == "Connection refused"


@pytest.mark.parametrize("host", ["nonsense", "unix://" + "x" * 200, "tcp://"])
def test_a_host_that_cannot_be_used(directory: Path, host: str) -> None:
    assert failure_of({"DOCKER_HOST": host}, directory / "s").problem == "chosen"


def test_ssh_is_explained(directory: Path) -> None:
    error = failure_of({"DOCKER_HOST": "ssh://user@host"}, directory / "s")
    assert error.problem == "ssh"
    assert "ssh -L" in str(error)


def test_an_engine_is_lost_when_it_has_gone_and_not_when_it_is_slow(
    serve: Serve, directory: Path
) -> None:
    def seen(host: str) -> EngineError | None:
        return lost({"DOCKER_HOST": host}, timeout_s=0.3)

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
    assert error.problem == "unsupported"
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
        (FileNotFoundError(), "no-socket"),
        (NotADirectoryError(), "no-socket"),
        (PermissionError(), "no-permission"),
        (ConnectionRefusedError(), "refused"),
        (TimeoutError(), "silent"),
        (BlockingIOError(), "silent"),
        (OSError("AF_UNIX path too long"), "unusable"),
    ],
)
def test_failures_of_connect(error: OSError, state: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise error

    monkeypatch.setattr("socket.socket.connect", fails)
    assert probe(Path("/nowhere")).problem == state


# -- which engine ----------------------------------------------------------------------------------


def write_context(directory: Path, name: str, host: str, *, tls: bool = False) -> None:
    digest = hashlib.sha256(name.encode()).hexdigest()
    metadata = directory / "contexts" / "meta" / digest / "meta.json"
    metadata.parent.mkdir(parents=True)
    endpoint = {"docker": {"Host": host, "SkipTLSVerify": False}}
    metadata.write_text(json.dumps({"Name": name, "Metadata": {}, "Endpoints": endpoint}))
    if tls:
        files = directory / "contexts" / "tls" / digest / "docker"
        files.mkdir(parents=True)
        (files / "ca.pem").write_text("")


def write_current(directory: Path, name: str) -> None:
    (directory / "config.json").write_text(json.dumps({"auths": {}, "currentContext": name}))


def test_without_any_choice_it_is_the_default_socket(tmp_path: Path) -> None:
    endpoint = resolve({"DOCKER_CONFIG": str(tmp_path)})
    assert endpoint == Endpoint("unix:///var/run/docker.sock", NamedBy.DEFAULT)
    assert not endpoint.chosen


def test_docker_host_wins_over_every_context(tmp_path: Path) -> None:
    # given
    write_context(tmp_path, "one", "tcp://192.0.2.1:2375")
    write_current(tmp_path, "one")
    environment = {
        "DOCKER_CONFIG": str(tmp_path),
        "DOCKER_CONTEXT": "one",
        "DOCKER_HOST": "unix:///run/user/1000/docker.sock",
    }
    # when
    endpoint = resolve(environment)
    # then
    assert endpoint.host == "unix:///run/user/1000/docker.sock"
    assert endpoint.origin is NamedBy.DOCKER_HOST
    assert endpoint.socket == Path("/run/user/1000/docker.sock")


def test_docker_context_wins_over_the_current_context(tmp_path: Path) -> None:
    write_context(tmp_path, "one", "tcp://192.0.2.1:2375")
    write_context(tmp_path, "two", "tcp://192.0.2.2:2375")
    write_current(tmp_path, "one")
    endpoint = resolve({"DOCKER_CONFIG": str(tmp_path), "DOCKER_CONTEXT": "two"})
    assert endpoint == Endpoint("tcp://192.0.2.2:2375", NamedBy.CONTEXT, name="two")


def test_the_current_context_is_read_from_the_configuration(tmp_path: Path) -> None:
    write_context(tmp_path, "one", "tcp://192.0.2.1:2376", tls=True)
    write_current(tmp_path, "one")
    endpoint = resolve({"DOCKER_CONFIG": str(tmp_path)})
    assert endpoint.host == "tcp://192.0.2.1:2376"
    assert endpoint.tls is not None
    assert endpoint.tls.verify
    assert (endpoint.tls.directory / "ca.pem").exists()


def test_a_context_is_found_without_a_configuration_file(tmp_path: Path) -> None:
    write_context(tmp_path, "one", "tcp://192.0.2.1:2375")
    endpoint = resolve({"DOCKER_CONFIG": str(tmp_path), "DOCKER_CONTEXT": "one"})
    assert endpoint.host == "tcp://192.0.2.1:2375"


def test_the_context_named_default_is_the_default_socket(tmp_path: Path) -> None:
    write_context(tmp_path, "one", "tcp://192.0.2.1:2375")
    write_current(tmp_path, "one")
    endpoint = resolve({"DOCKER_CONFIG": str(tmp_path), "DOCKER_CONTEXT": "default"})
    assert endpoint.origin is NamedBy.DEFAULT


def test_the_configuration_is_looked_for_in_the_home_directory(tmp_path: Path) -> None:
    write_context(tmp_path / ".docker", "one", "tcp://192.0.2.1:2375")
    write_current(tmp_path / ".docker", "one")
    assert resolve({"HOME": str(tmp_path)}).name == "one"


def test_an_unknown_context_is_an_error_that_names_those_that_exist(tmp_path: Path) -> None:
    write_context(tmp_path, "one", "tcp://192.0.2.1:2375")
    with pytest.raises(EngineError, match=r"'two': it does not exist") as failure:
        resolve({"DOCKER_CONFIG": str(tmp_path), "DOCKER_CONTEXT": "two"})
    assert failure.value.problem == "context"
    assert "default, one" in str(failure.value)


@pytest.mark.parametrize("text", ["{", '{"Endpoints": {}}', '{"Endpoints": {"docker": {}}}', "[]"])
def test_a_broken_context_is_an_error_that_names_its_file(tmp_path: Path, text: str) -> None:
    write_context(tmp_path, "one", "tcp://192.0.2.1:2375")
    (metadata,) = tmp_path.glob("contexts/meta/*/meta.json")
    metadata.write_text(text)
    with pytest.raises(EngineError) as failure:
        resolve({"DOCKER_CONFIG": str(tmp_path), "DOCKER_CONTEXT": "one"})
    assert str(metadata) in str(failure.value)


def test_a_broken_configuration_is_not_taken_for_an_empty_one(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{not json")
    with pytest.raises(EngineError, match=r"config\.json") as failure:
        resolve({"DOCKER_CONFIG": str(tmp_path)})
    assert failure.value.problem == "configuration"


def test_tls_follows_dockers_own_variables(tmp_path: Path) -> None:
    host = {"DOCKER_HOST": "tcp://192.0.2.1:2376", "DOCKER_CERT_PATH": str(tmp_path)}
    assert resolve(host).tls is None
    assert resolve({**host, "DOCKER_TLS": "1"}).tls == Tls(tmp_path, verify=False)
    assert resolve({**host, "DOCKER_TLS_VERIFY": "1"}).tls == Tls(tmp_path, verify=True)


def test_commands_are_pointed_to_the_same_engine(tmp_path: Path) -> None:
    # given
    base = {"PATH": "/bin", "DOCKER_CONTEXT": "one", "DOCKER_TLS_VERIFY": "1"}
    plain = Endpoint("tcp://192.0.2.1:2375", NamedBy.CONTEXT, name="one")
    secure = Endpoint("tcp://192.0.2.1:2376", NamedBy.CONTEXT, name="one", tls=Tls(tmp_path))
    # then
    assert plain.environment(base) == {"PATH": "/bin", "DOCKER_HOST": "tcp://192.0.2.1:2375"}
    assert secure.environment(base) == {
        "PATH": "/bin",
        "DOCKER_HOST": "tcp://192.0.2.1:2376",
        "DOCKER_CERT_PATH": str(tmp_path),
        "DOCKER_TLS_VERIFY": "1",
    }


@pytest.mark.parametrize(
    ("endpoint", "text"),
    [
        (Endpoint("unix:///s", NamedBy.DEFAULT), "unix:///s (the default socket)"),
        (Endpoint("unix:///s", NamedBy.DOCKER_HOST), "unix:///s (from DOCKER_HOST)"),
        (
            Endpoint("unix:///s", NamedBy.CONTEXT, name="one"),
            "unix:///s (from the Docker context 'one')",
        ),
    ],
)
def test_an_endpoint_says_who_named_it(endpoint: Endpoint, text: str) -> None:
    assert str(endpoint) == text


# -- Compose -----------------------------------------------------------------------------------------


def test_compose_is_pointed_to_the_engine_of_find() -> None:
    environment = compose_environment({"DOCKER_HOST": "tcp://192.0.2.1:2375", "PATH": "/bin"})
    assert environment == {"DOCKER_HOST": "tcp://192.0.2.1:2375", "PATH": "/bin"}
