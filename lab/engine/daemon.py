"""Starting and stopping dockerd where no service manager does it.

:func:`observe` looks at what an earlier daemon left, :func:`plan` decides what has to be cleared
away before a new one can start, :func:`start` does both and waits for the answer. What belongs to a
process that lives is never removed, and a daemon that the lab did not start is never ended.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lab import checkout, machine
from lab.engine import processes
from lab.engine.connect import WAY_POINT, SocketProbe, SocketState, probe
from lab.engine.errors import EngineError, Problem
from lab.engine.hints import explain_log
from lab.engine.ownership import Owner, read_owner, write_owner
from lab.engine.processes import Process
from lab.engine.settings import DaemonSettings, pid_file_of

Say = Callable[[str], None]

PROGRESS_EVERY_S = 5.0
_PROBE_TIMEOUT_S = 2.0
_MOUNTS = Path("/proc/self/mountinfo")


@dataclass(frozen=True)
class Observed:
    """Everything on this machine that has to do with one daemon."""

    probe: SocketProbe
    owner: Owner | None = None
    daemon: Process | None = None
    """The dockerd of these settings, when it lives."""
    listener: Process | None = None
    """The process behind the socket, when it is another one."""
    pid_file: bool = False
    pid_holder: Process | None = None
    """The process that now has the id in the pid file, whatever it is."""
    containerd: Process | None = None
    """The containerd that this dockerd started, when it lives."""
    containerd_pid_file: bool = False
    dead_system_containerd: bool = False
    """Whether the socket of a system-wide containerd is there with nobody behind it."""

    @property
    def ours(self) -> bool:
        """Whether a lab, of whichever checkout, started the daemon that lives."""
        return self.daemon is not None and self.owner is not None and self.owner.owns(self.daemon)


@dataclass(frozen=True)
class End:
    """A step: end a process that would be in the way."""

    process: Process
    why: str

    def __str__(self) -> str:
        return f"ending {self.process}: {self.why}"


@dataclass(frozen=True)
class Remove:
    """A step: remove a file that nobody holds any more."""

    path: Path
    why: str

    def __str__(self) -> str:
        return f"removing {self.path}: {self.why}"


Step = End | Remove


def observe(settings: DaemonSettings, *, probe_timeout_s: float = _PROBE_TIMEOUT_S) -> Observed:
    """Look at the sockets, pid files and processes of one daemon, changing nothing."""
    found = probe(settings.socket, probe_timeout_s)
    pid = processes.read_pid_file(settings.pid_file)
    holder = processes.read(pid) if pid else None
    listener = processes.read(found.listener) if found.listener else None
    daemon = _daemon_of(settings, holder, listener)
    containerd_pid = processes.read_pid_file(settings.containerd_pid_file)
    containerd = processes.read(containerd_pid) if containerd_pid else None
    return Observed(
        probe=found,
        owner=read_owner(settings.owner_file),
        daemon=daemon,
        listener=None if daemon is not None and listener == daemon else listener,
        pid_file=settings.pid_file.exists(),
        pid_holder=holder,
        containerd=containerd if is_containerd_of(containerd, settings) else None,
        containerd_pid_file=settings.containerd_pid_file.exists(),
        dead_system_containerd=(
            probe(settings.system_containerd, probe_timeout_s).state is SocketState.REFUSED
        ),
    )


def _daemon_of(
    settings: DaemonSettings, holder: Process | None, listener: Process | None
) -> Process | None:
    for process in (holder, listener):
        if is_dockerd_of(process, settings):
            return process
    # A daemon that is just starting, or whose pid file was removed under it.
    return next((p for p in processes.everyone() if is_dockerd_of(p, settings)), None)


def is_dockerd_of(process: Process | None, settings: DaemonSettings) -> bool:
    """Whether ``process`` lives and is the dockerd that uses the pid file of ``settings``."""
    return (
        process is not None
        and process.running
        and process.name == "dockerd"
        and pid_file_of(process.command) == settings.pid_file
    )


def is_containerd_of(process: Process | None, settings: DaemonSettings) -> bool:
    """Whether ``process`` lives and is the containerd that dockerd started below its exec root."""
    directory = str(settings.containerd_directory)
    return (
        process is not None
        and process.running
        and process.name == "containerd"
        and any(argument.startswith(directory) for argument in process.command)
    )


def plan(observed: Observed, settings: DaemonSettings) -> tuple[Step, ...]:
    """What has to go before a new daemon can start; nothing when the way is clear.

    Call it only for an engine that did not answer for long enough not to be just starting.

    Raises:
        EngineError: a process is in the way that the lab did not start.
    """
    steps: list[Step] = []
    daemon = observed.daemon
    if daemon is not None:
        if not observed.ours:
            raise _not_answering(daemon, observed, settings)
        steps.append(End(daemon, "it does not answer, and a lab started it"))
        steps.append(Remove(settings.pid_file, "it was that daemon's"))
    elif observed.listener is not None:
        raise _foreign_listener(observed.listener, observed, settings)
    elif observed.pid_file:
        steps.append(Remove(settings.pid_file, describe_holder(observed.pid_holder)))
    if observed.containerd is not None:
        steps.append(End(observed.containerd, "its dockerd has gone"))
    if observed.containerd_pid_file:
        steps.append(Remove(settings.containerd_pid_file, "its containerd has gone"))
    if observed.dead_system_containerd:
        why = "nobody listens there, and dockerd would wait for an answer"
        steps.append(Remove(settings.system_containerd, why))
    return tuple(steps)


def describe_holder(holder: Process | None) -> str:
    """Why a pid file that names ``holder`` is stale."""
    if holder is None:
        return "the daemon that it names has gone"
    if not holder.running:
        return f"{holder} has ended, only its entry is left"
    return f"{holder} is no dockerd of this socket"


def _not_answering(daemon: Process, observed: Observed, settings: DaemonSettings) -> EngineError:
    state = "is stopped (SIGSTOP)" if daemon.stopped else "runs"
    absent = observed.probe.state in {SocketState.ABSENT, SocketState.REFUSED}
    detail = "does not listen there" if absent else observed.probe.detail
    advice = [
        f"restart it: as root, kill {daemon.pid}, see that it has gone, and try again; "
        "under systemd: systemctl restart docker",
        WAY_POINT,
    ]
    if absent:
        advice.insert(0, "if it listens elsewhere, name that place in DOCKER_HOST")
    return EngineError(
        Problem.NO_ANSWER,
        tried=f"Waiting {settings.hung_after_s:g} s for the engine at unix://{settings.socket}",
        happened=f"{daemon} {state}, but {detail}; the lab did not start it and leaves it alone",
        advice=advice,
    )


def _foreign_listener(
    listener: Process, observed: Observed, settings: DaemonSettings
) -> EngineError:
    return EngineError(
        Problem.NO_ANSWER,
        tried=f"Waiting {settings.hung_after_s:g} s for the engine at unix://{settings.socket}",
        happened=f"{listener} listens there and is no dockerd that works: {observed.probe.detail}",
        advice=[
            "see why it does not answer (under systemd: systemctl status docker)",
            WAY_POINT,
        ],
    )


def carry_out(steps: tuple[Step, ...], settings: DaemonSettings, say: Say) -> None:
    """Clear the way as :func:`plan` decided.

    Raises:
        EngineError: a process did not end.
    """
    for step in steps:
        say(f"engine: {step}")
        match step:
            case End(process):
                _end(process, settings)
            case Remove(path):
                path.unlink(missing_ok=True)


def start(settings: DaemonSettings, say: Say, *, root: Path | None = None) -> Process:
    """Start dockerd in a session of its own, record its owner, and wait until it answers.

    ``root`` is the checkout that will own it (default: this one).

    Raises:
        EngineError: something that the lab did not start is in the way, or the daemon did not come
        up; the
            message then holds the end of its log and what is known about its words.
    """
    carry_out(plan(observe(settings), settings), settings, say)
    executable = machine.program("dockerd")
    if executable is None:
        raise EngineError(
            Problem.START_FAILED,
            tried="Starting dockerd",
            happened="the program is not installed",
            advice=["apt-get install docker.io iptables", WAY_POINT],
        )
    command = settings.command(executable)
    say(f"engine: starting {' '.join(command)} (log: {settings.log_file})")
    began = time.monotonic()
    child = _launch(command, settings)
    process = processes.read(child.pid)
    if process is None:
        _let_go(child)
        raise _start_failed(settings, command, "it ended at once")
    record_owner(process, settings, root)
    try:
        _wait_ready(child, process, settings, command, say)
    except BaseException:
        # Also for Ctrl-C: a daemon that is half up must not be left behind.
        processes.terminate(process, grace_s=settings.stop_timeout_s)
        _clear(settings)
        raise
    finally:
        _let_go(child)
    say(f"engine: ready after {time.monotonic() - began:.1f} s")
    return process


def record_owner(process: Process, settings: DaemonSettings, root: Path | None = None) -> None:
    """Write down that this checkout started ``process``."""
    write_owner(
        settings.owner_file,
        Owner(
            checkout=checkout.identity(root),
            path=str((root or checkout.root()).resolve()),
            pid=process.pid,
            started_ticks=process.started_ticks,
            socket=str(settings.socket),
            log_file=str(settings.log_file),
        ),
    )


def _launch(command: list[str], settings: DaemonSettings) -> subprocess.Popen[bytes]:
    for path in (settings.log_file, settings.pid_file, settings.socket):
        path.parent.mkdir(parents=True, exist_ok=True)
    if settings.log_file.exists():
        settings.log_file.replace(settings.log_file.with_name(settings.log_file.name + ".1"))
    with settings.log_file.open("wb") as log:
        try:
            child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd="/",
                # A user's PATH often lacks the directories of iptables and modprobe.
                env={**os.environ, "PATH": machine.administrator_path()},
                start_new_session=True,
            )
        except OSError as error:
            raise _start_failed(settings, command, error.strerror or str(error)) from error
    return child


def _let_go(child: subprocess.Popen[bytes]) -> None:
    # The daemon is meant to outlive this process; Popen's destructor takes that for a mistake
    # unless it knows an exit status.
    if child.poll() is None:
        child.returncode = 0


def _wait_ready(
    child: subprocess.Popen[bytes],
    process: Process,
    settings: DaemonSettings,
    command: list[str],
    say: Say,
) -> None:
    began = time.monotonic()
    shown = began

    def settled() -> bool:
        nonlocal shown
        now = time.monotonic()
        if now - shown >= PROGRESS_EVERY_S:
            shown = now
            say(f"engine: waiting for its answer, {now - began:.0f} s")
        if child.poll() is not None:
            return True
        found = probe(settings.socket, _PROBE_TIMEOUT_S)
        # The answer must be this daemon's: another one could have taken the socket.
        return found.state is SocketState.ANSWERS and found.listener in {process.pid, None}

    answered = machine.wait_until(settled, timeout_s=settings.ready_timeout_s)
    status = child.poll()
    if status is not None:
        raise _start_failed(settings, command, f"it {machine.describe_status(status)}")
    if not answered:
        waited = f"it did not answer within {settings.ready_timeout_s:g} s"
        raise _start_failed(settings, command, waited)


def _start_failed(settings: DaemonSettings, command: list[str], happened: str) -> EngineError:
    lines = read_log(settings.log_file)
    last = "".join(f"\n    {line}" for line in telling(lines)[-machine.TAIL_LINES :])
    advice = [hint] if (hint := explain_log(lines)) else []
    advice.append(f"read its whole log: {settings.log_file}")
    return EngineError(
        Problem.START_FAILED,
        tried=f"Starting {' '.join(command)}",
        happened=f"{happened}; the end of its log:{last}"
        if last
        else f"{happened}, without a word",
        advice=[*advice, WAY_POINT],
    )


def telling(lines: list[str]) -> list[str]:
    """The lines of a daemon's log that may say what is wrong; all of them when none does."""
    return [line for line in lines if not re.search(r"level=(info|debug)", line)] or lines


def read_log(path: Path, lines: int = 200) -> list[str]:
    """The last ``lines`` lines of the daemon's log; none when there is no log."""
    try:
        return machine.tail(path.read_text(encoding="utf-8", errors="replace"), lines)
    except FileNotFoundError:
        return []


def shut_down(daemon: Process | None, settings: DaemonSettings, say: Say) -> None:
    """End the daemon and the containerd that it started, and remove what would be stale.

    A daemon that acts on SIGTERM ends its containers and its containerd by itself. One that has to
    be killed leaves them: they are ended here.

    Raises:
        EngineError: a process did not end.
    """
    if daemon is not None:
        say(f"engine: ending {daemon}")
        _end(daemon, settings)
    containerd = observe(settings).containerd
    if containerd is not None:
        say(f"engine: ending {containerd}, which that daemon left")
        _end(containerd, settings)
    for shim in left_shims(processes.everyone(), settings):
        say(f"engine: ending {shim} and its container, which that daemon left")
        _end_tree(shim, settings)
    for mount in left_mounts(_MOUNTS.read_text(encoding="utf-8", errors="replace"), settings):
        say(f"engine: unmounting {mount}, which that daemon left")
        _unmount(mount)
    _clear(settings)


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
    _end(shim, settings)


def _end(process: Process, settings: DaemonSettings) -> None:
    if not processes.terminate(process, grace_s=settings.stop_timeout_s):
        raise EngineError(
            Problem.STOP_FAILED,
            tried=f"Ending {process}",
            happened="it still lives after SIGTERM and SIGKILL",
            advice=[f"see what holds it (cat /proc/{process.pid}/stack), or restart the machine"],
        )


def _clear(settings: DaemonSettings) -> None:
    stale = (
        settings.owner_file,
        settings.pid_file,
        settings.socket,
        settings.containerd_pid_file,
    )
    for path in stale:
        path.unlink(missing_ok=True)
