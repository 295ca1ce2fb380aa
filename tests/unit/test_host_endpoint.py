"""Which engine a person means."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from lab.host import EngineError, EngineProblem, resolve
from lab.host.endpoint import Endpoint, NamedBy, Tls


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
    assert failure.value.problem is EngineProblem.BAD_ENDPOINT
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
    assert failure.value.problem is EngineProblem.BAD_ENDPOINT


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
