"""Installing Docker from Debian's or Ubuntu's own packages."""

from __future__ import annotations

import os
import re
from collections.abc import Callable

from lab import machine
from lab.engine.errors import EngineError, Problem

APT_TIMEOUT_S = 900.0
LOCK_TIMEOUT_S = 120
PACKAGE_OF = {"dockerd": "docker.io", "iptables": "iptables"}
"""Package by the program that it brings. dockerd's package only recommends iptables."""

# Large downloads and the packages as they become ready; the rest is over in a moment.
_DOWNLOAD = re.compile(r"^Get:\d+ .* (?P<name>\S+) \S+ \S+ \[(?P<size>[\d.]+ MB)\]$")
_READY = re.compile(r"^Setting up (?P<name>[^ :]+)")


def missing_packages(found: Callable[[str], str | None] = machine.program) -> list[str]:
    """The packages whose program is not installed."""
    return [package for name, package in PACKAGE_OF.items() if found(name) is None]


def install(packages: list[str], say: Callable[[str], None]) -> None:
    """Install ``packages`` with apt-get, without recommended ones.

    The package lists are fetched when apt knows no candidate, or when a candidate cannot be had any
    more because the lists are old.

    Raises:
        EngineError: apt-get failed; the message holds the end of what it said.
    """
    names = " ".join(packages)
    try:
        updated = False
        if not _have_candidates(packages):
            _update(say)
            updated = True
        say(f"engine: installing {names}")
        try:
            _apt_get(["install", "-y", "--no-install-recommends", *packages], say)
        except machine.CommandError:
            if updated:
                raise
            say("engine: that failed; trying again with fresh package lists")
            _update(say)
            _apt_get(["install", "-y", "--no-install-recommends", *packages], say)
    except machine.CommandError as error:
        raise EngineError(
            Problem.INSTALL_FAILED,
            tried=f"Installing {names}",
            happened=str(error),
            advice=[
                f"see why apt-get fails, then: apt-get install {names}",
                "point DOCKER_HOST to an engine that runs",
            ],
        ) from error


def parse_candidates(policy: str) -> dict[str, bool]:
    """Read ``apt-cache policy``: whether each package that it names has a candidate."""
    candidates: dict[str, bool] = {}
    name = ""
    for line in policy.splitlines():
        if line and not line[0].isspace() and line.endswith(":"):
            name = line[:-1]
            candidates[name] = False
        elif line.strip().startswith("Candidate:") and name:
            candidates[name] = line.split(":", 1)[1].strip() != "(none)"
    return candidates


def progress_line(line: str) -> str | None:
    """What is worth showing of a line of apt-get's, or None."""
    if match := _DOWNLOAD.match(line.strip()):
        return f"got {match['name']}, {match['size']}"
    if match := _READY.match(line.strip()):
        return f"setting up {match['name']}"
    return None


def _have_candidates(packages: list[str]) -> bool:
    policy = machine.run(["apt-cache", "policy", *packages], timeout_s=60, env=_environment())
    candidates = parse_candidates(policy.stdout)
    return all(candidates.get(package, False) for package in packages)


def _update(say: Callable[[str], None]) -> None:
    say("engine: fetching the package lists")
    _apt_get(["update"], say)


def _apt_get(arguments: list[str], say: Callable[[str], None]) -> None:
    def show(line: str) -> None:
        if arguments[0] != "update" and (step := progress_line(line)):
            say(f"  apt: {step}")

    options = [
        "-q",
        f"-o=DPkg::Lock::Timeout={LOCK_TIMEOUT_S}",
        "-o=Acquire::Retries=3",
        "-o=Dpkg::Use-Pty=0",
    ]
    command = ["apt-get", *options, *arguments]
    machine.stream(command, timeout_s=APT_TIMEOUT_S, on_line=show, env=_environment())


def _environment() -> dict[str, str]:
    return {
        **os.environ,
        "PATH": machine.administrator_path(),
        "DEBIAN_FRONTEND": "noninteractive",
        "LC_ALL": "C.UTF-8",
    }
