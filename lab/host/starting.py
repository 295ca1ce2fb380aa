"""Having an engine, and giving it back: what ``make engine`` and ``make engine-stop`` do.

Where there is none and the lab may, it installs the distribution's package and starts its service: by
systemd where that runs, else by the package's own init script. Who started it is written down on /run, so
that every checkout can see it and it goes when the machine restarts.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from lab.host import checkout, machine
from lab.host.engine import DEFAULT_SOCKET, Endpoint, EngineError, NamedBy, connect, probe, resolve
from lab.host.machine import Say

if TYPE_CHECKING:
    from docker import DockerClient

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
SERVICE_TIMEOUT_S = 120.0
READY_TIMEOUT_S = 60.0
HUNG_AFTER_S = 10.0
"""How long a daemon that lives may leave its socket unanswered: it may be starting up."""
STOP_TIMEOUT_S = 30.0
SAME_START_S = 60.0
"""A process whose start differs by more has only the id of the recorded one. (By less, the machine's clock
may have been set.)"""


class Daemon(NamedTuple):
    """A process, told from a later one with the same id by its start (seconds since 1970)."""

    pid: int
    started: float
    name: str = "dockerd"

    def __str__(self) -> str:
        return f"{self.name} (process {self.pid})"


class Owner(NamedTuple):
    """The record of who started the daemon: the checkout's identity and directory, the process."""

    checkout: str
    path: str
    pid: int
    started: float
    format: int = 2

    def owns(self, daemon: Daemon) -> bool:
        """Whether this is about ``daemon``, and not about an earlier process with its id."""
        return daemon.pid == self.pid and abs(daemon.started - self.started) < SAME_START_S


def ensure(say: Say, environment: Mapping[str, str] | None = None) -> DockerClient:
    """The engine of :func:`lab.host.engine.find`; where there is none, install and start one first.

    That happens only for the machine's default socket, as root, on Debian or Ubuntu (or where
    dockerd is already installed). An engine that a person chose, by DOCKER_HOST or a Docker
    context, is never replaced.

    Args:
        say: shows a line of progress.
        environment: in place of ``os.environ``.

    Raises:
        EngineError: there is no engine and none could be started.
    """
    endpoint = resolve(environment)
    try:
        client = connect(endpoint)
    except EngineError as error:
        if refused := refusal(endpoint, error):
            raise refused from error
        say(f"engine: {error.tried}: {error.happened}")
        with _alone(say):
            if not _answers():
                _bring_up(say)
            client = connect(endpoint)
    say(f"engine: {client.version().get('Version', 'of unknown version')} at {endpoint}")
    return client


def refusal(endpoint: Endpoint, error: EngineError) -> EngineError | None:
    """The error to raise where the lab may not start an engine itself; None where it may."""
    if endpoint.chosen or error.problem not in {"no-socket", "refused", "silent"}:
        return error
    reason = "this user is not root"
    if machine.is_root():
        if machine.has_docker_io() or machine.program("dockerd") is not None:
            return None
        reason = f"this is neither Debian nor Ubuntu but {machine.os_release()['PRETTY_NAME']}"
    return EngineError("cannot-start", error=error, reason=reason)


def _alone(say: Say) -> AbstractContextManager[None]:
    """While no other lab starts or stops the engine."""
    return machine.locked(LOCK_FILE, "starting or stopping the engine", LOCK_TIMEOUT_S, say)


def missing_packages() -> list[str]:
    """The packages whose program is not installed."""
    return [package for name, package in PACKAGE_OF.items() if machine.program(name) is None]


def install(packages: list[str], say: Say) -> None:
    """Install the engine's packages.

    Raises:
        EngineError: apt-get failed; the message holds the end of what it said.
    """
    names = " ".join(packages)
    say(f"engine: installing {names}")
    try:
        machine.apt_install(packages, lambda: not missing_packages(), say)
    except machine.CommandError as error:
        raise EngineError("not-installed", names=names, happened=error) from error


def _bring_up(say: Say) -> None:
    """Install what is missing, start the service and wait for its answer."""
    packages = missing_packages() if machine.has_docker_io() else []
    if packages:
        install(packages, say)
    began, running = time.monotonic(), find_daemon()
    before = LOG_FILE.stat().st_size if LOG_FILE.exists() else 0
    # Where systemd runs the daemon is its business; one that runs is not started a second time.
    ours = not machine.systemd_runs() and (running is None or bool(packages))
    if machine.systemd_runs():
        command, log = ["systemctl", "start", "docker.service"], "journalctl -u docker.service"
    else:
        # Not by invoke-rc.d: a policy-rc.d may forbid that. Not by service(8): it drops HTTPS_PROXY.
        command, log = ["sh", "-c", TOLERANT, str(INIT_SCRIPT), "start"], str(LOG_FILE)
    doing = " ".join(command[-2:])
    failed: dict[str, object] = {"tried": f"Starting the engine ({doing})", "log": log}
    if running is None:
        remove_stale(say)
        say(f"engine: {doing} (log: {log})")
        try:
            environment = machine.administrator_environment()
            machine.run(command, timeout_s=SERVICE_TIMEOUT_S, env=environment)
        except machine.CommandError as error:
            happened = _with_words(error.happened, error.output)
            raise EngineError("not-started", happened=happened, restart="", **failed) from error
        # The init script does not wait for the process that it starts in the background.
        machine.wait_until(lambda: find_daemon() is not None, timeout_s=3)
    else:
        socket = f"unix://{DEFAULT_SOCKET}"
        failed["tried"] = f"Waiting for the engine at {socket}, which {running} is to give"
        say(f"engine: {running} runs; giving it time to answer")
    if ours and (daemon := find_daemon()) is not None:
        write_owner(daemon)
    patience_s = READY_TIMEOUT_S if running is None else HUNG_AFTER_S
    machine.wait_until(lambda: _answers() or find_daemon() is None, timeout_s=patience_s)
    if _answers():
        say(f"engine: ready after {time.monotonic() - began:.1f} s")
        return
    left = find_daemon()
    if left is None and ours:
        remove_files()
    happened = f"{left} runs and does not answer" if left else "it has ended"
    restart = f"as root, kill {left.pid}, see that it has gone, then: " if left else ""
    happened = _with_words(happened, telling(_log(before)))
    raise EngineError("not-started", happened=happened, restart=restart, **failed)


def _with_words(happened: str, said: str) -> str:
    lines = machine.tail(said)
    return "\n    ".join([f"{happened}; the end of what it said:", *lines]) if lines else happened


def _log(before: int) -> str:
    """What the log has behind its first ``before`` bytes; all, where it began anew."""
    content = LOG_FILE.read_bytes() if LOG_FILE.exists() else b""
    return (content[before:] or content).decode(errors="replace")


def telling(log: str) -> str:
    """The lines of a daemon's log that may say what is wrong; all of them when none does."""
    lines = [line for line in log.splitlines() if not re.search(r"level=(info|debug)", line)]
    return "\n".join(lines) or log


def _answers() -> bool:
    return not probe(DEFAULT_SOCKET, 2).problem


def process(pid: int | None) -> Daemon | None:
    """The living process with this id; None for a zombie, whose program has ended."""
    import psutil

    with suppress(psutil.NoSuchProcess, ValueError):
        found = psutil.Process(pid or -1)
        if found.status() != psutil.STATUS_ZOMBIE:
            return Daemon(found.pid, found.create_time(), found.name())
    return None


def process_of(path: Path) -> Daemon | None:
    """The living process that a pid file names, if it names one."""
    with suppress(OSError, ValueError):
        return process(int(path.read_text(encoding="ascii", errors="replace")))
    return None


def find_daemon() -> Daemon | None:
    """The dockerd of the machine's own socket and pid files, when it lives."""
    looks: tuple[Callable[[], Daemon | None], ...] = (
        lambda: process_of(PID_FILE),
        lambda: process_of(INIT_PID_FILE),
        lambda: process(probe(DEFAULT_SOCKET, 2).listener),
    )
    found = (look() for look in looks)
    return next((daemon for daemon in found if daemon and daemon.name == "dockerd"), None)


def remove_stale(say: Say) -> None:
    """Remove what an earlier daemon left and the next one would take for a living one.

    That is a pid file whose process has gone, or is another program by now, and the socket of a
    machine-wide containerd with nobody behind it. No process is ended.
    """
    programs = {PID_FILE: "dockerd", INIT_PID_FILE: "dockerd", CONTAINERD_PID_FILE: "containerd"}
    for path, program in programs.items():
        found = process_of(path)
        if path.exists() and (found is None or found.name != program):
            say(f"engine: removing {path}: {found or 'its process'} is no {program} that runs")
            path.unlink()
    if probe(SYSTEM_CONTAINERD, 2).problem == "refused":
        say(f"engine: removing {SYSTEM_CONTAINERD}: nobody listens there")
        SYSTEM_CONTAINERD.unlink()


def read_owner(path: Path = OWNER_FILE) -> Owner | None:
    """The record at ``path``; None when there is none or it is not one that this version wrote.

    An unreadable record counts as nobody's: the daemon is then left alone, which is the safe side.
    """
    try:
        raw = json.loads(path.read_bytes())
        one = Owner(str(raw["checkout"]), str(raw["path"]), int(raw["pid"]), float(raw["started"]))
        return one if raw["format"] == one.format else None
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return None


def write_owner(daemon: Daemon, path: Path = OWNER_FILE) -> None:
    """Write down, in one step, that this checkout started ``daemon``."""
    here = str(checkout.root().resolve())
    owner = Owner(checkout.identity(), here, daemon.pid, daemon.started)
    path.parent.mkdir(parents=True, exist_ok=True)
    machine.write_whole(path, json.dumps(owner._asdict(), indent=2) + "\n")


def remove_files() -> None:
    """Remove the files that are stale once the daemon of the record has gone."""
    for path in (OWNER_FILE, PID_FILE, INIT_PID_FILE, DEFAULT_SOCKET):
        path.unlink(missing_ok=True)


def stop(say: Say) -> str:
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
    with _alone(say):
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
        started = f"the lab in {owner.path} started it (there: lab engine stop)"
        return f"the engine is left running: {started}"
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

    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(daemon.pid)
        process.terminate()
        process.resume()  # one that is stopped could not act on it
        if psutil.wait_procs([process], STOP_TIMEOUT_S)[1]:
            process.kill()
        if psutil.wait_procs([process], 5)[1]:
            raise EngineError("not-stopped", daemon=daemon, pid=daemon.pid)
