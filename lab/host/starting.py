"""Having an engine, and giving it back: what ``make engine`` and ``make engine-stop`` do.

Where there is none and the lab may, it installs the distribution's package and starts its service: by
systemd where that runs, else by the package's own init script. Who started it is written down on /run, so
that every checkout can see it and it goes when the machine restarts.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lab.host import checkout, machine
from lab.host.connect import WAY_INSTALL, WAY_POINT, SocketState, connect, probe
from lab.host.endpoint import DEFAULT_SOCKET, Endpoint, NamedBy, resolve
from lab.host.errors import EngineError, EngineProblem

if TYPE_CHECKING:
    from docker import DockerClient

Say = Callable[[str], None]

DATA_ROOT = Path("/var/lib/docker")
OWNER_FILE = Path("/run/tls-lab/engine.json")
LOCK_FILE = Path("/run/tls-lab/engine.lock")
LOG_FILE = Path("/var/log/docker.log")
"""Where the init script lets dockerd write."""
INIT_SCRIPT = Path("/etc/init.d/docker")
TOLERANT = 'ulimit() { command ulimit "$@" 2>/dev/null || :; }; . "$0"'
"""Reads the init script in a shell in which it goes on where it may not raise a limit. It would end there
in a container or virtual machine without CAP_SYS_RESOURCE, although dockerd runs with lower limits."""
PID_FILE = Path("/var/run/docker.pid")
INIT_PID_FILE = Path("/var/run/docker-ssd.pid")
CONTAINERD_PID_FILE = Path("/var/run/docker/containerd/containerd.pid")
SYSTEM_CONTAINERD = Path("/run/containerd/containerd.sock")

PACKAGE_OF = {"dockerd": "docker.io", "iptables": "iptables"}
"""Package by the program that it brings. dockerd's package only recommends iptables."""

LOCK_TIMEOUT_S = 1200.0
"""Another checkout may be installing packages meanwhile."""
APT_TIMEOUT_S, APT_LOCK_S = 900.0, 120
SERVICE_TIMEOUT_S = 120.0
READY_TIMEOUT_S = 60.0
HUNG_AFTER_S = 10.0
"""How long a daemon that lives may leave its socket unanswered: it may be starting up."""
STOP_TIMEOUT_S = 30.0


@dataclass(frozen=True)
class Daemon:
    """A process, told from a later one with the same id by its start (clock ticks after boot)."""

    pid: int
    started_ticks: int
    name: str = "dockerd"

    def __str__(self) -> str:
        return f"{self.name} (process {self.pid})"


@dataclass(frozen=True)
class Owner:
    """The record of who started the daemon: the checkout's identity and directory, the process."""

    checkout: str
    path: str
    pid: int
    started_ticks: int
    format: int = 1

    def owns(self, daemon: Daemon) -> bool:
        """Whether this is about ``daemon``, and not about an earlier process with its id."""
        return (daemon.pid, daemon.started_ticks) == (self.pid, self.started_ticks)


def to_stderr(line: str) -> None:
    """The default way to show progress: results alone go to standard output."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def ensure(*, say: Say = to_stderr, environment: Mapping[str, str] | None = None) -> DockerClient:
    """The engine of :func:`lab.host.find`; where there is none, install and start one first.

    That happens only for the machine's default socket, as root, on Debian or Ubuntu (or where
    dockerd is already installed). An engine that a person chose, by DOCKER_HOST or a Docker
    context, is never replaced.

    Args:
        say: shows a line of progress.
        environment: in place of ``os.environ``.

    Raises:
        EngineError: there is no engine and none could be started.
    """
    endpoint = resolve(os.environ if environment is None else environment)
    try:
        return _announced(connect(endpoint), endpoint, say)
    except EngineError as error:
        if refused := refusal(endpoint, error):
            raise refused from error
        say(f"engine: {error.tried}: {error.happened}")
    with _lock(say):
        if not _answers():
            _bring_up(say)
        return _announced(connect(endpoint), endpoint, say)


def _announced(client: DockerClient, endpoint: Endpoint, say: Say) -> DockerClient:
    say(f"engine: {client.version().get('Version', 'of unknown version')} at {endpoint}")
    return client


def refusal(endpoint: Endpoint, error: EngineError) -> EngineError | None:
    """:func:`why_not_start` on this machine, for this user."""
    return why_not_start(
        endpoint,
        error,
        root=machine.is_root(),
        system=machine.os_release(),
        installed=machine.program("dockerd") is not None,
    )


def why_not_start(
    endpoint: Endpoint,
    error: EngineError,
    *,
    root: bool,
    system: machine.OsRelease,
    installed: bool,
) -> EngineError | None:
    """The error to raise where the lab may not start an engine itself; None where it may."""
    startable = {EngineProblem.NO_SOCKET, EngineProblem.NO_ANSWER}
    if endpoint.chosen or error.problem not in startable:
        return error
    if not root:
        reason = "this user is not root"
    elif not (installed or system.has_docker_io):
        reason = f"this is neither Debian nor Ubuntu but {system}"
    else:
        return None
    return EngineError(
        error.problem,
        tried=error.tried,
        happened=f"{error.happened}. The lab cannot start one here: {reason}",
        advice=[WAY_INSTALL, WAY_POINT],
    )


def _lock(say: Say) -> AbstractContextManager[object]:
    from filelock import FileLock, Timeout

    LOCK_FILE.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(LOCK_FILE)
    for patience_s in (0, LOCK_TIMEOUT_S):
        with contextlib.suppress(Timeout):
            return lock.acquire(timeout=patience_s)
        say("engine: another lab is starting or stopping it; waiting")
    raise EngineError(
        EngineProblem.START_FAILED,
        tried=f"Waiting for another lab that is starting or stopping the engine ({LOCK_FILE})",
        happened=f"it still holds the lock after {LOCK_TIMEOUT_S:g} s",
        advice=[f"see which process that is: fuser {LOCK_FILE}"],
    )


def missing_packages(found: Callable[[str], str | None] = machine.program) -> list[str]:
    """The packages whose program is not installed."""
    return [package for name, package in PACKAGE_OF.items() if found(name) is None]


def install(packages: list[str], say: Say) -> None:
    """Install ``packages`` with apt-get, without recommended ones.

    The package lists are fetched when it does not work without: there are none, or they are old.

    Raises:
        EngineError: apt-get failed; the message holds the end of what it said.
    """
    names = " ".join(packages)
    wanted = ["install", "-y", "--no-install-recommends", *packages]
    say(f"engine: installing {names}")
    try:
        try:
            _apt_get(wanted, say)
        except machine.CommandError:
            # Installing the package also starts its service, which may fail where the lab's way works.
            if not missing_packages():
                return
            say("engine: that failed; trying again with fresh package lists")
            _apt_get(["update"], say)
            _apt_get(wanted, say)
    except machine.CommandError as error:
        raise EngineError(
            EngineProblem.INSTALL_FAILED,
            tried=f"Installing {names}",
            happened=str(error),
            advice=[f"see why apt-get fails, then: apt-get install {names}", WAY_POINT],
        ) from error


def _apt_get(arguments: list[str], say: Say) -> None:
    def show(line: str) -> None:
        if done := re.match(r"Setting up ([^ :]+)", line):
            say(f"  apt: setting up {done[1]}")

    options = ("-q", f"-o=DPkg::Lock::Timeout={APT_LOCK_S}", "-o=Acquire::Retries=3")
    command = ["apt-get", *options, "-o=Dpkg::Use-Pty=0", *arguments]
    machine.stream(command, timeout_s=APT_TIMEOUT_S, on_line=show, env=_environment())


def _environment() -> dict[str, str]:
    """For apt-get and the daemon: a user's PATH often lacks the directories of iptables and modprobe."""
    settings = {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
    return {**os.environ, "PATH": machine.administrator_path(), **settings}


def _bring_up(say: Say) -> None:
    """Install what is missing, start the service and wait for its answer."""
    packages = missing_packages() if machine.os_release().has_docker_io else []
    if packages:
        install(packages, say)
    began, before, running = time.monotonic(), _size(LOG_FILE), find_daemon()
    # Where systemd runs the daemon is its business; one that runs is not started a second time.
    ours = not machine.systemd_runs() and (running is None or bool(packages))
    if machine.systemd_runs():
        command, log = ["systemctl", "start", "docker.service"], "journalctl -u docker.service"
    else:
        # Not by invoke-rc.d: a policy-rc.d may forbid that. Not by service(8): it drops HTTPS_PROXY.
        command, log = ["sh", "-c", TOLERANT, str(INIT_SCRIPT), "start"], str(LOG_FILE)
    tried = f"Starting the engine ({' '.join(command[-2:])})"
    if running is None:
        remove_stale(say)
        say(f"engine: {' '.join(command[-2:])} (log: {log})")
        try:
            machine.run(command, timeout_s=SERVICE_TIMEOUT_S, env=_environment())
        except machine.CommandError as error:
            raise _not_started(tried, error.happened, error.output.splitlines(), log) from error
        # The init script does not wait for the process that it starts in the background.
        machine.wait_until(lambda: find_daemon() is not None, timeout_s=3)
    else:
        tried = f"Waiting for the engine at unix://{DEFAULT_SOCKET}, which {running} is to give"
        say(f"engine: {running} runs; giving it time to answer")
    if ours and (daemon := find_daemon()) is not None:
        write_owner(daemon)
    machine.wait_until(
        lambda: _answers() or find_daemon() is None,
        timeout_s=READY_TIMEOUT_S if running is None else HUNG_AFTER_S,
    )
    if _answers():
        say(f"engine: ready after {time.monotonic() - began:.1f} s")
        return
    left = find_daemon()
    if left is None and ours:
        remove_files()
    happened = "it has ended" if left is None else f"{left} runs and does not answer"
    raise _not_started(tried, happened, telling(_log(before)), log, left)


def _not_started(
    tried: str, happened: str, said: list[str], log: str, left: Daemon | None = None
) -> EngineError:
    if said:
        happened += "; the end of what it said:"
    lines = [happened, *said[-machine.TAIL_LINES :]]
    restart = f"as root, kill {left.pid}, see that it has gone, then: " if left else ""
    return EngineError(
        EngineProblem.START_FAILED,
        tried=tried,
        happened="\n    ".join(lines),
        advice=[f"mend what its log ({log}) names, then: {restart}make engine", WAY_POINT],
    )


def _log(before: int) -> list[str]:
    """The lines that the log has behind its first ``before`` bytes; all, where it began anew."""
    try:
        content = LOG_FILE.read_bytes()
    except OSError:
        return []
    fresh = content[before:] if len(content) >= before else content
    return machine.tail(fresh.decode(errors="replace"), 200)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def telling(lines: list[str]) -> list[str]:
    """The lines of a daemon's log that may say what is wrong; all of them when none does."""
    return [line for line in lines if not re.search(r"level=(info|debug)", line)] or lines


def _answers() -> bool:
    return probe(DEFAULT_SOCKET, 2).state is SocketState.ANSWERS


def read_process(pid: int, proc: Path = Path("/proc")) -> Daemon | None:
    """The living process with this id; None for a zombie, whose program has ended."""
    try:
        text = (proc / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    # proc_pid_stat(5): the name may itself hold spaces and parentheses, the last ")" ends it.
    before, _, after = text.rpartition(") ")
    fields = after.split()
    if fields[0] in {"Z", "X", "x"}:
        return None
    return Daemon(pid, int(fields[19]), before.partition(" (")[2])


def find_daemon() -> Daemon | None:
    """The dockerd of the machine's own socket and pid files, when it lives."""

    def dockerd(pid: int | None) -> Daemon | None:
        process = read_process(pid) if pid else None
        return process if process is not None and process.name == "dockerd" else None

    by_file = dockerd(read_pid_file(PID_FILE)) or dockerd(read_pid_file(INIT_PID_FILE))
    return by_file or dockerd(probe(DEFAULT_SOCKET, 2).listener)


def read_pid_file(path: Path) -> int | None:
    """The id in a pid file; None when there is no file or nothing usable in it."""
    try:
        text = path.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return None
    return int(text) if text.isdecimal() and int(text) > 0 else None


def remove_stale(say: Say) -> None:
    """Remove what an earlier daemon left and the next one would take for a living one.

    That is a pid file whose process has gone, or is another program by now, and the socket of a
    machine-wide containerd with nobody behind it. No process is ended.
    """
    programs = {PID_FILE: "dockerd", INIT_PID_FILE: "dockerd", CONTAINERD_PID_FILE: "containerd"}
    for path, program in programs.items():
        pid = read_pid_file(path)
        process = read_process(pid) if pid else None
        if path.exists() and (process is None or process.name != program):
            say(f"engine: removing {path}: {process or 'its process'} is no {program} that runs")
            path.unlink()
    if probe(SYSTEM_CONTAINERD, 2).state is SocketState.REFUSED:
        say(f"engine: removing {SYSTEM_CONTAINERD}: nobody listens there")
        SYSTEM_CONTAINERD.unlink()


def read_owner(path: Path = OWNER_FILE) -> Owner | None:
    """The record at ``path``; None when there is none or it is not one that this version wrote.

    An unreadable record counts as nobody's: the daemon is then left alone, which is the safe side.
    """
    try:
        raw = json.loads(path.read_bytes())
        if raw["format"] != Owner.format:
            return None
        numbers = int(raw["pid"]), int(raw["started_ticks"])
        return Owner(str(raw["checkout"]), str(raw["path"]), *numbers)
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return None


def write_owner(daemon: Daemon, path: Path = OWNER_FILE) -> None:
    """Write down, in one step, that this checkout started ``daemon``."""
    owner = Owner(
        checkout.identity(), str(checkout.root().resolve()), daemon.pid, daemon.started_ticks
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}")
    part.write_text(json.dumps(asdict(owner), indent=2) + "\n", encoding="utf-8")
    part.replace(path)


def remove_files() -> None:
    """Remove the files that are stale once the daemon of the record has gone."""
    for path in (OWNER_FILE, PID_FILE, INIT_PID_FILE, DEFAULT_SOCKET):
        path.unlink(missing_ok=True)


def stop(*, say: Say = to_stderr) -> str:
    """Stop the daemon if this checkout started it and nothing but this checkout uses it.

    Otherwise nothing is changed. Only the machine's own socket counts here, whatever DOCKER_HOST says.

    Returns:
        A sentence for the operator: that it is stopped, or why it is not.

    Raises:
        EngineError: it should end and did not.
    """
    if not OWNER_FILE.exists():
        return why_not_stop(None, find_daemon(), "", answers=_answers()) or _NOTHING
    if not machine.is_root():
        return f"{OWNER_FILE}: only root can stop this daemon"
    with _lock(say):
        daemon, identity = find_daemon(), checkout.identity()
        if reason := why_not_stop(read_owner(), daemon, identity, answers=_answers()):
            return reason
        if daemon is not None:
            if _answers() and (others := other_users(_running(), identity)):
                users = "; ".join(others)
                return f"the engine is left running, because these containers use it: {users}"
            say(f"engine: ending {daemon}")
            _end(daemon)
        remove_files()
    if daemon is None:
        return "the daemon had ended already; its record is removed"
    return f"the engine at unix://{DEFAULT_SOCKET} is stopped"


def why_not_stop(
    owner: Owner | None, daemon: Daemon | None, identity: str, *, answers: bool
) -> str | None:
    """Why the daemon is not the checkout's to stop; None when it, or the record of one, is."""
    if owner is None or (daemon is not None and not owner.owns(daemon)):
        if daemon is None and not answers:
            return _NOTHING
        by = "systemd started it" if machine.systemd_runs() else "no lab started it"
        which = f" ({daemon})" if daemon else ""
        return f"the engine at unix://{DEFAULT_SOCKET}{which} is left running: {by}"
    if owner.checkout != identity:
        return (
            f"the engine is left running: the lab in {owner.path} started it "
            f"(there: make engine-stop)"
        )
    return None


_NOTHING = f"no engine runs at unix://{DEFAULT_SOCKET}"


def other_users(containers: Iterable[tuple[str, Mapping[str, str]]], identity: str) -> list[str]:
    """Running containers (name and labels) that are not this checkout's, each with whose it is."""
    others = []
    for name, labels in containers:
        label = labels.get(checkout.LABEL_CHECKOUT)
        if label is None:
            others.append(f"{name} (not of a lab)")
        elif label != identity:
            where = labels.get(checkout.LABEL_PATH) or f"checkout {label}"
            others.append(f"{name} (of the lab in {where})")
    return sorted(others)


def _running() -> list[tuple[str, Mapping[str, str]]]:
    with closing(connect(Endpoint(f"unix://{DEFAULT_SOCKET}", NamedBy.DEFAULT))) as client:
        return [(c.name or c.short_id, c.labels) for c in client.containers.list()]


def _end(daemon: Daemon) -> None:
    """End the daemon by SIGTERM, on which it ends its containers; SIGKILL when it does not act on it."""
    import psutil

    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(daemon.pid)
        process.terminate()
        process.resume()  # one that is stopped could not act on it
        if psutil.wait_procs([process], STOP_TIMEOUT_S)[1]:
            process.kill()
        if psutil.wait_procs([process], 5)[1]:
            raise EngineError(
                EngineProblem.STOP_FAILED,
                tried=f"Ending {daemon}",
                happened="it still lives after SIGTERM and SIGKILL",
                advice=[
                    f"see what holds it (cat /proc/{daemon.pid}/stack), or restart the machine"
                ],
            )
