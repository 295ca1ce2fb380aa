"""The Compose command, talking to the same engine as the library."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path

from lab.host import machine
from lab.host.endpoint import resolve
from lab.host.errors import EngineError, EngineProblem

_VERSION_TIMEOUT_S = 15.0
MINIMUM_VERSION = 2
ADVICE = "make the environment anew, which brings Compose: rm -rf .venv && make .venv"


def compose_command(environment: Mapping[str, str] | None = None) -> list[str]:
    """The words that start Compose; run it with :func:`compose_environment`.

    Raises:
        EngineError: there is none that works.
    """
    return find_compose(os.environ if environment is None else environment)[0]


def find_compose(environment: Mapping[str, str]) -> tuple[list[str], str]:
    """The installed plugin, else the binary in this environment, and its version.

    Raises:
        EngineError: neither works.
    """
    tried: list[str] = []
    for command in candidates(Path(sys.executable)):
        version, problem = compose_version(command, environment)
        if version is not None:
            return command, version
        tried.append(f"{' '.join(command)}: {problem}")
    raise EngineError(
        EngineProblem.NO_COMPOSE,
        tried="Looking for Compose",
        happened="; ".join(tried),
        advice=[ADVICE, "install Docker's Compose plugin, version 2 or newer"],
    )


def compose_environment(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment in which docker and compose commands use the engine of :func:`lab.host.find`.

    Raises:
        EngineError: the environment names a Docker context that cannot be read.
    """
    env = os.environ if environment is None else environment
    return resolve(env).environment(env)


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
