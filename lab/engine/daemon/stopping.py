"""Ending a daemon with everything that it would leave: containerd, containers, mounts, files."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable
from pathlib import Path

from lab import machine
from lab.engine import processes
from lab.engine.daemon.observing import observe
from lab.engine.errors import EngineError, Problem
from lab.engine.processes import Process
from lab.engine.settings import DaemonSettings

Say = Callable[[str], None]

_MOUNTS = Path("/proc/self/mountinfo")


def shut_down(daemon: Process | None, settings: DaemonSettings, say: Say) -> None:
    """End the daemon and the containerd that it started, and remove what would be stale.

    A daemon that acts on SIGTERM ends its containers and its containerd by itself. One that has to
    be killed leaves them: they are ended here.

    Raises:
        EngineError: a process did not end.
    """
    if daemon is not None:
        say(f"engine: ending {daemon}")
        end(daemon, settings)
    containerd = observe(settings).containerd
    if containerd is not None:
        say(f"engine: ending {containerd}, which that daemon left")
        end(containerd, settings)
    for shim in left_shims(processes.everyone(), settings):
        say(f"engine: ending {shim} and its container, which that daemon left")
        _end_tree(shim, settings)
    for mount in left_mounts(_MOUNTS.read_text(encoding="utf-8", errors="replace"), settings):
        say(f"engine: unmounting {mount}, which that daemon left")
        _unmount(mount)
    remove_files(settings)


def left_mounts(mountinfo: str, settings: DaemonSettings) -> list[Path]:
    """The mounts of ended containers in the text of ``/proc/self/mountinfo``, innermost first.

    Only what dockerd mounts for containers counts: their root (overlay), shared memory (tmpfs) and
    network namespace (nsfs). What an administrator mounted below the data root is left alone.
    """
    made = {
        "overlay": settings.data_root / "overlay2",
        "tmpfs": settings.data_root / "containers",
        "nsfs": settings.exec_root / "netns",
    }
    found = []
    for line in mountinfo.splitlines():
        fields = line.split()
        if len(fields) < 10 or "-" not in fields:
            continue
        # The type follows the hyphen that ends the optional fields: proc_pid_mountinfo(5).
        where, kind = Path(_unescape(fields[4])), fields[fields.index("-") + 1]
        if kind in made and made[kind].resolve() in where.parents:
            found.append(where)
    return list(reversed(found))


def _unescape(path: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match.group(1), 8)), path)


def _unmount(path: Path) -> None:
    try:
        machine.run(["umount", str(path)], timeout_s=30)
    except machine.CommandError as error:
        raise EngineError(
            Problem.STOP_FAILED,
            tried=f"Unmounting {path}, which the daemon left",
            happened=str(error),
            advice=[f"see what holds it (fuser -vm {path}), then try again"],
        ) from error


def left_shims(everyone: list[Process], settings: DaemonSettings) -> list[Process]:
    """The supervisors of containers that talk to this daemon's containerd."""
    address = str(settings.containerd_socket)
    return [
        process
        for process in everyone
        if process.running
        and process.name.startswith("containerd-shim")
        and address in process.command
    ]


def descendants(ancestor: Process, everyone: list[Process]) -> list[Process]:
    """All processes below ``ancestor``, children before their own children."""
    found: list[Process] = []
    parents = {ancestor.pid}
    while True:
        below = [p for p in everyone if p.parent in parents and p not in found]
        if not below:
            return found
        found += below
        parents = {p.pid for p in below}


def _end_tree(shim: Process, settings: DaemonSettings) -> None:
    # The container first: it would outlive its shim.
    for process in descendants(shim, processes.everyone()):
        processes.send(process, signal.SIGKILL)
    end(shim, settings)


def end(process: Process, settings: DaemonSettings) -> None:
    """End a process: SIGTERM, and SIGKILL when it does not act on it in time.

    Raises:
        EngineError: it did not end.
    """
    if not processes.terminate(process, grace_s=settings.stop_timeout_s):
        raise EngineError(
            Problem.STOP_FAILED,
            tried=f"Ending {process}",
            happened="it still lives after SIGTERM and SIGKILL",
            advice=[f"see what holds it (cat /proc/{process.pid}/stack), or restart the machine"],
        )


def remove_files(settings: DaemonSettings) -> None:
    """Remove the files that would be stale once the daemon has gone."""
    stale = (
        settings.owner_file,
        settings.pid_file,
        settings.socket,
        settings.containerd_pid_file,
    )
    for path in stale:
        path.unlink(missing_ok=True)
