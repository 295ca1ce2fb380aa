"""The Compose command, talking to the same engine as the library."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path

from lab import machine
from lab.engine.endpoint import DEFAULT_SOCKET, resolve
from lab.engine.errors import EngineError, Problem

_VERSION_TIMEOUT_S = 15.0
MINIMUM_VERSION = 2


def compose_command(environment: Mapping[str, str] | None = None) -> list[str]:
    """The words that start Compose: the installed plugin, else the binary in this environment.

    Run it with :func:`compose_environment`, or it may talk to another engine than the library does.

    Raises:
        EngineError: neither works.
    """
    env = os.environ if environment is None else environment
    tried: list[str] = []
    for command in candidates(Path(sys.executable)):
        version, problem = compose_version(command, env)
        if version is not None:
            return command
        tried.append(f"{' '.join(command)}: {problem}")
    raise EngineError(
        Problem.NO_COMPOSE,
        tried="Looking for Compose",
        happened="; ".join(tried),
        advice=[
            "make the environment anew, which brings Compose: rm -rf .venv && make .venv",
            "install Docker's Compose plugin, version 2 or newer",
        ],
    )


def compose_environment(
    environment: Mapping[str, str] | None = None, *, default_socket: Path = DEFAULT_SOCKET
) -> dict[str, str]:
    """The environment in which docker and compose commands use the engine of :func:`find`.

    Raises:
        EngineError: the environment names a Docker context that cannot be read.
    """
    env = os.environ if environment is None else environment
    return resolve(env, default_socket).environment(env)


def candidates(python: Path) -> list[list[str]]:
    """The commands to try, in order. ``python`` is the interpreter of the environment in use."""
    return [["docker", "compose"], [str(python.parent / "docker-compose")]]


def compose_version(command: list[str], environment: Mapping[str, str]) -> tuple[str | None, str]:
    """The version of a Compose command and an empty text; or None and what is wrong with it."""
    try:
        done = machine.run(
            [*command, "version", "--short"], timeout_s=_VERSION_TIMEOUT_S, env=environment
        )
    except machine.CommandError as error:
        lines = machine.tail(error.output, 1)
        return None, lines[0] if lines else error.happened
    version = done.stdout.strip().removeprefix("v")
    major = re.match(r"\d+", version)
    if major is None:
        return None, f"says that its version is {version!r}"
    if int(major.group()) < MINIMUM_VERSION:
        return None, f"is version {version}, too old"
    return version, ""
