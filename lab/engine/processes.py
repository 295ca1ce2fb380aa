"""Processes as /proc shows them: who a pid is, whether it lives, ending it."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass, field
from pathlib import Path

from lab.machine import wait_until

PROC = Path("/proc")
_DEAD_STATES = frozenset({"Z", "X", "x"})


@dataclass(frozen=True)
class Process:
    """One process at one moment; two are equal when they are the same process at any moments.

    ``started_ticks`` (clock ticks after boot) tells it from a later process with the same pid.
    The rest can change while it lives: its state does with every turn on a processor.
    """

    pid: int
    name: str = field(compare=False)
    state: str = field(compare=False)
    parent: int = field(compare=False)
    started_ticks: int
    command: tuple[str, ...] = field(default=(), compare=False)

    @property
    def running(self) -> bool:
        """False for a zombie, which keeps its pid although its program has ended."""
        return self.state not in _DEAD_STATES

    @property
    def stopped(self) -> bool:
        """Whether a signal or a debugger holds it."""
        return self.state in {"T", "t"}

    def __str__(self) -> str:
        return f"{self.name} (process {self.pid})"


def parse_stat(text: str) -> Process:
    """Read ``/proc/PID/stat``, see proc_pid_stat(5).

    Raises:
        ValueError: the text is not of that form.
    """
    before, opening, rest = text.partition(" (")
    # The name may itself hold spaces and parentheses: the last ")" ends it.
    name, closing, numbers = rest.rpartition(") ")
    fields = numbers.split()
    if not opening or not closing or len(fields) < 20:
        raise ValueError(f"not the text of a /proc/PID/stat file: {text[:60]!r}")
    return Process(
        pid=int(before),
        name=name,
        state=fields[0],
        parent=int(fields[1]),
        started_ticks=int(fields[19]),
    )


def read(pid: int, proc: Path = PROC) -> Process | None:
    """The process with this id, or None when there is none (any more)."""
    directory = proc / str(pid)
    try:
        stat = (directory / "stat").read_text(encoding="utf-8", errors="replace")
        raw = (directory / "cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return None
    seen = parse_stat(stat)
    command = tuple(part.decode(errors="replace") for part in raw.split(b"\0") if part)
    return Process(seen.pid, seen.name, seen.state, seen.parent, seen.started_ticks, command)


def everyone(proc: Path = PROC) -> list[Process]:
    """All processes that can be seen."""
    pids = sorted(int(entry.name) for entry in proc.iterdir() if entry.name.isdecimal())
    return [process for pid in pids if (process := read(pid, proc)) is not None]


def still(process: Process) -> Process | None:
    """The same process as it is now, or None when it has ended."""
    now = read(process.pid)
    if now is None or not now.running or now != process:
        return None
    return now


def read_pid_file(path: Path) -> int | None:
    """The id in a pid file; None when there is no file or nothing usable in it."""
    try:
        text = path.read_text(encoding="ascii", errors="replace").strip()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return int(text) if text.isdecimal() and int(text) > 0 else None


def send(process: Process, number: signal.Signals) -> None:
    """Signal exactly this process; nothing happens when it has ended."""
    if still(process) is None:
        return
    try:
        os.kill(process.pid, number)
    except ProcessLookupError:
        return


def terminate(process: Process, *, grace_s: float, kill_s: float = 5.0) -> bool:
    """End a process: SIGTERM, after ``grace_s`` seconds SIGKILL. True when it has ended.

    A process that is stopped gets SIGCONT too, without which it could not act on SIGTERM.
    """
    send(process, signal.SIGTERM)
    send(process, signal.SIGCONT)
    if _gone(process, grace_s):
        return True
    send(process, signal.SIGKILL)
    return _gone(process, kill_s)


def _gone(process: Process, timeout_s: float) -> bool:
    return wait_until(lambda: _reaped(process), timeout_s=timeout_s)


def _reaped(process: Process) -> bool:
    if still(process) is None:
        _reap(process.pid)
        return True
    return False


def _reap(pid: int) -> None:
    """Collect the exit status when it is a child of this process; a zombie would keep the pid."""
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return
