"""Programs of this machine that making images needs; installed where that is possible."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lab import machine
from lab.images.errors import IMPORT_ADVICE, ImageError, Problem

INSTALL_TIMEOUT_S = 600.0
_installing = threading.Lock()


@dataclass(frozen=True)
class Tool:
    """A program and the packages that bring it on Debian and Ubuntu."""

    program: str
    packages: tuple[str, ...]
    purpose: str


MMDEBSTRAP = Tool(
    "mmdebstrap",
    ("mmdebstrap", "debian-archive-keyring"),
    "which makes the Debian base images where no registry answers",
)
NPM = Tool(
    "npm", ("npm",), "which fetches the libraries of the stand-ins where no registry answers"
)


def path(tool: Tool, report: Callable[[str], None], *, otherwise: Sequence[str] = ()) -> str:
    """The full path of a program, which is installed first if it is missing.

    Args:
        tool: the program.
        report: told when something takes time.
        otherwise: what the operator can do instead, beside what is true for every tool.

    Raises:
        ImageError: it is missing and cannot be installed from here.
    """
    # One at a time: apt-get locks, and two images need the same tool.
    with _installing:
        found = machine.program(tool.program)
        if found is None:
            report(f"installing {tool.program} on this machine, {tool.purpose}")
            _install(tool, otherwise)
            found = machine.program(tool.program)
    if found is None:
        raise _missing(tool, "its package was installed, the program is still not there", otherwise)
    return found


def _install(tool: Tool, otherwise: Sequence[str]) -> None:
    apt = machine.program("apt-get")
    if apt is None:
        happened = f"{tool.program} is not installed, and this is {machine.os_release()}"
        raise _missing(tool, happened, otherwise)
    if not machine.is_root():
        happened = f"{tool.program} is not installed, and this user may not install packages"
        raise _missing(tool, happened, otherwise)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    wait = ("-o", "DPkg::Lock::Timeout=120")
    install = ("install", "--yes", "--no-install-recommends", *tool.packages)
    try:
        for arguments in (("update",), install):
            argv = [apt, *wait, *arguments]
            machine.run(argv, timeout_s=INSTALL_TIMEOUT_S, env=environment)
    except machine.CommandError as error:
        raise _missing(tool, str(error), otherwise) from error


def _missing(tool: Tool, happened: str, otherwise: Sequence[str]) -> ImageError:
    return ImageError(
        Problem.TOOL,
        tried=f"getting {tool.program}, {tool.purpose}",
        happened=happened,
        advice=[
            f"as root on Debian or Ubuntu: apt-get install {' '.join(tool.packages)}",
            *otherwise,
            "let the engine reach a registry (docker pull debian:bookworm-slim must work)",
            IMPORT_ADVICE,
        ],
    )
