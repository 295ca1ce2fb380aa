"""Compose is the plugin or the program of the environment: whichever of them can be started."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lab.host.engine import (
    EngineError,
    compose_command,
    find_compose,
)


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, str]]:
    """Puts programs of these names and bodies where Compose is looked for; the environment to look in."""
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))

    def install(**programs: str) -> dict[str, str]:
        for name, body in programs.items():
            path = tmp_path / name.replace("_", "-")
            path.write_text(f"#!/bin/sh\n{body}\n")
            path.chmod(0o755)
        return {"PATH": str(tmp_path)}

    return install


@pytest.mark.parametrize(("body", "version"), [("echo v2.29.1", "2.29.1"), ("echo 5.6.1", "5.6.1")])
def test_the_plugin_comes_before_the_binary_of_the_environment(
    installed: Callable[..., dict[str, str]], body: str, version: str
) -> None:
    environment = installed(docker=body, docker_compose="echo 2.0.0")
    assert find_compose(environment) == (["docker", "compose"], version)
    assert compose_command(environment) == ["docker", "compose"]


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("echo 1.29.2", "its version is '1.29.2', not 2 or newer"),
        ("echo hello", "its version is 'hello', not 2 or newer"),
        ("echo 'unknown command' >&2; exit 1", "unknown command"),
    ],
)
def test_the_binary_of_the_environment_is_used_where_the_plugin_does_not_work(
    installed: Callable[..., dict[str, str]], tmp_path: Path, body: str, problem: str
) -> None:
    # given neither
    with pytest.raises(EngineError) as failure:
        find_compose(installed(docker=body))
    # then what was tried is named
    binary = str(tmp_path / "docker-compose")
    assert failure.value.problem == "no-compose"
    assert f"docker compose: {problem}; {binary}: could not be started" in failure.value.happened
    # and with the binary that is used
    assert find_compose(installed(docker_compose="echo 5.6.1")) == ([binary], "5.6.1")
