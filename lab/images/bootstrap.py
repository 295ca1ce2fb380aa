"""Debian root file systems from the machine's own package mirror, by mmdebstrap."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from lab import machine
from lab.images import tools
from lab.images.errors import IMPORT_ADVICE, ImageError, Problem, is_no_space, no_space
from lab.images.recipe import Bootstrap

BOOTSTRAP_TIMEOUT_S = 900.0
QUERY_TIMEOUT_S = 20.0

#: Those of mmdebstrap's messages that begin a part of the work which takes seconds.
STEPS = ("I: running apt-get update", "I: downloading", "I: extracting", "I: installing")
#: Left out of every root file system: nobody reads them inside a container.
EXCLUDED = ("/usr/share/doc/*", "/usr/share/info/*", "/usr/share/locale/*", "/usr/share/man/*")
#: Kept nevertheless: the licences ask for it.
INCLUDED = ("/usr/share/doc/*/copyright",)


def mirror(environment: Mapping[str, str]) -> str | None:
    """The Debian mirror to use: ``LAB_DEBIAN_MIRROR``, else this machine's own.

    ``None``: none is known here, and mmdebstrap takes its default.
    """
    named = environment.get("LAB_DEBIAN_MIRROR", "").strip()
    if named:
        return named
    apt = machine.program("apt-get")
    if apt is None or machine.os_release().id != "debian":
        return None
    query = [apt, "indextargets", "--format", "$(ORIGIN) $(CODENAME) $(COMPONENT) $(REPO_URI)"]
    try:
        listed = machine.run(query, timeout_s=QUERY_TIMEOUT_S).stdout
    except machine.CommandError:
        return None
    return mirror_among(listed, machine.os_release().codename)


def mirror_among(listed: str, codename: str) -> str | None:
    """The mirror of the release itself among apt's index targets, not that of its updates.

    Args:
        listed: lines of origin, code name, component and URI.
        codename: the release that this machine runs, for example ``bookworm``.
    """
    for line in listed.splitlines():
        words = line.split()
        if words[:3] == ["Debian", codename, "main"] and len(words) == 4:
            return words[3].rstrip("/")
    return None


def command(
    mmdebstrap: str, bootstrap: Bootstrap, mirror_uri: str | None, target: Path
) -> list[str]:
    """The command line that writes the root file system of ``bootstrap`` to ``target`` (tar)."""
    setpriv = machine.program("setpriv")
    argv = [
        # It ends with the lab, even with one that was killed, and cleans up behind itself.
        *([setpriv, "--pdeathsig", "TERM"] if setpriv else []),
        mmdebstrap,
        "--variant=minbase",
        "--architectures=amd64",
        "--format=tar",
        '--aptopt=Acquire::Languages "none"',
    ]
    argv += [f"--dpkgopt=path-exclude={pattern}" for pattern in EXCLUDED]
    argv += [f"--dpkgopt=path-include={pattern}" for pattern in INCLUDED]
    if bootstrap.expired_index:
        # mmdebstrap leaves it in the root file system, for the installations on top of it.
        argv.append('--aptopt=Acquire::Check-Valid-Until "false"')
    if bootstrap.include:
        argv.append(f"--include={','.join(bootstrap.include)}")
    if "usr-is-merged" in bootstrap.include:
        # Without it the essential packages pull in usrmerge and with it the whole of perl.
        argv.append("--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr")
    return [*argv, bootstrap.suite, str(target), *([mirror_uri] if mirror_uri else [])]


def make(bootstrap: Bootstrap, target: Path, report: Callable[[str], None]) -> None:
    """Write the root file system of ``bootstrap`` to the tar archive ``target``.

    Raises:
        ImageError: mmdebstrap is missing or fails, or a disk is full.
    """
    mmdebstrap = tools.path(tools.MMDEBSTRAP, report)
    uri = mirror(os.environ)
    report(f"bootstrapping {bootstrap.suite} from the package mirror")

    def on_line(line: str) -> None:
        if line.startswith(STEPS):
            report(f"bootstrapping {bootstrap.suite}: {line.removeprefix('I: ').rstrip('.')}")

    try:
        machine.stream(
            command(mmdebstrap, bootstrap, uri, target),
            timeout_s=BOOTSTRAP_TIMEOUT_S,
            on_line=on_line,
        )
    except machine.CommandError as error:
        tried = f"bootstrapping Debian {bootstrap.suite} from {uri or 'its default mirror'}"
        if is_no_space(error.output):
            place = target.parent
            raise no_space(
                tried, _last(error.output), str(place), machine.free_bytes(place)
            ) from error
        raise ImageError(
            Problem.BOOTSTRAP,
            tried=tried,
            happened=str(error),
            advice=[
                "see whether this machine reaches the mirror: apt-get update"
                + (f", or open {uri}" if uri else ""),
                "name another mirror: LAB_DEBIAN_MIRROR=http://...",
                IMPORT_ADVICE,
            ],
        ) from error


def _last(text: str) -> str:
    lines = [line for line in text.splitlines() if is_no_space(line)]
    return lines[-1].strip() if lines else "no space left on device"
