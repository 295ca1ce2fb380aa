"""What an earlier daemon left in the way of a new one: decided first, then cleared away.

What belongs to a process that lives is never removed, and a daemon that the lab did not start is
never ended.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lab.engine.connect import WAY_POINT, SocketState
from lab.engine.daemon.observing import Observed
from lab.engine.daemon.stopping import Say, end
from lab.engine.errors import EngineError, Problem
from lab.engine.processes import Process
from lab.engine.settings import DaemonSettings


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
                end(process, settings)
            case Remove(path):
                path.unlink(missing_ok=True)
