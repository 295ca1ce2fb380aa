"""Having an engine, and giving it back: what ``make engine`` and ``make engine-stop`` do."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import docker
import docker.errors
import requests.exceptions
from filelock import FileLock, Timeout

from lab import checkout, machine
from lab.engine import daemon, install
from lab.engine.connect import WAY_INSTALL, WAY_POINT, SocketState, connect, find, probe
from lab.engine.daemon import Observed, Say
from lab.engine.endpoint import Endpoint, resolve
from lab.engine.errors import EngineError, Problem
from lab.engine.ownership import Container, other_users
from lab.engine.settings import DaemonSettings

LOCK_TIMEOUT_S = 1200.0
"""Another checkout may be installing packages meanwhile."""
SERVICE_TIMEOUT_S = 120.0


class Stopped(StrEnum):
    """What became of a request to stop the engine."""

    STOPPED = "stopped"
    NOT_RUNNING = "not-running"
    NOT_OURS = "not-ours"
    IN_USE = "in-use"


@dataclass(frozen=True)
class StopResult:
    """The answer to :func:`stop`: what was done, and a sentence for the operator."""

    outcome: Stopped
    message: str


def to_stderr(line: str) -> None:
    """The default way to show progress: results alone go to standard output."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def ensure(
    *,
    say: Say = to_stderr,
    environment: Mapping[str, str] | None = None,
    settings: DaemonSettings | None = None,
    root: Path | None = None,
) -> docker.DockerClient:
    """The engine of :func:`lab.engine.find`; where there is none, install and start one first.

    That happens only for the machine's default socket, as root, on Debian or Ubuntu (or where
    dockerd is already installed). An engine that a person chose, by DOCKER_HOST or a Docker
    context, is never replaced.

    Args:
        say: shows a line of progress.
        environment: in place of ``os.environ``.
        settings: the daemon to start, for one that is not the machine's.
        root: the checkout that will own the daemon; this one when not given.

    Raises:
        EngineError: there is no engine and none could be started.
    """
    wanted = settings or DaemonSettings()
    env = os.environ if environment is None else environment
    endpoint = resolve(env, wanted.socket)
    try:
        return _announced(connect(endpoint), endpoint, say)
    except EngineError as error:
        if refusal := why_not_start(
            endpoint,
            error,
            root=machine.is_root(),
            system=machine.os_release(),
            installed=machine.program("dockerd") is not None,
        ):
            raise refusal from error
        say(f"engine: {error.tried}: {error.happened}")
    with _lock(wanted, say):
        if probe(wanted.socket, 2.0).state is not SocketState.ANSWERS:
            _bring_up(wanted, say, root)
        return _announced(connect(endpoint), endpoint, say)


def _announced(client: docker.DockerClient, endpoint: Endpoint, say: Say) -> docker.DockerClient:
    say(f"engine: {client.version().get('Version', 'of unknown version')} at {endpoint}")
    return client


def why_not_start(
    endpoint: Endpoint,
    error: EngineError,
    *,
    root: bool,
    system: machine.OsRelease,
    installed: bool,
) -> EngineError | None:
    """The error to raise where the lab may not start an engine itself; None where it may."""
    if endpoint.chosen or error.problem not in {Problem.NO_SOCKET, Problem.NO_ANSWER}:
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


def _lock(settings: DaemonSettings, say: Say) -> AbstractContextManager[object]:
    settings.state_directory.mkdir(parents=True, exist_ok=True)
    lock = FileLock(settings.lock_file)
    try:
        return lock.acquire(timeout=0)
    except Timeout:
        say("engine: another lab is starting or stopping it; waiting")
    try:
        return lock.acquire(timeout=LOCK_TIMEOUT_S)
    except Timeout as error:
        raise EngineError(
            Problem.START_FAILED,
            tried=f"Waiting for another lab that is starting or stopping the engine"
            f" ({settings.lock_file})",
            happened=f"it still holds the lock after {LOCK_TIMEOUT_S:g} s",
            advice=[f"see which process that is: fuser {settings.lock_file}"],
        ) from error


def _bring_up(settings: DaemonSettings, say: Say, root: Path | None) -> None:
    packages = install.missing_packages() if machine.os_release().has_docker_io else []
    if packages:
        install.install(packages, say)
    if machine.systemd_runs() and settings == DaemonSettings():
        _start_service(settings, say)
        return
    observed = daemon.observe(settings)
    if observed.daemon is not None and not observed.daemon.stopped:
        say(f"engine: {observed.daemon} runs; giving it time to answer")
        if _answers_in_time(settings):
            if packages:
                # The package's init script started it because this checkout installed the package.
                daemon.record_owner(observed.daemon, settings, root)
            return
    daemon.start(settings, say, root=root)


def _answers_in_time(settings: DaemonSettings) -> bool:
    return machine.wait_until(
        lambda: probe(settings.socket, 2.0).state is SocketState.ANSWERS,
        timeout_s=settings.hung_after_s,
    )


def _start_service(settings: DaemonSettings, say: Say) -> None:
    # Where systemd runs, the daemon is its business: a second one beside docker.socket would lose.
    say("engine: systemctl start docker.service")
    try:
        machine.run(["systemctl", "start", "docker.service"], timeout_s=SERVICE_TIMEOUT_S)
    except machine.CommandError as error:
        raise EngineError(
            Problem.START_FAILED,
            tried="Starting docker.service with systemd",
            happened=str(error),
            advice=["read why: journalctl -u docker.service -n 50", WAY_POINT],
        ) from error
    if not _answers_in_time(settings):
        raise EngineError(
            Problem.START_FAILED,
            tried="Starting docker.service with systemd",
            happened=f"it started, but unix://{settings.socket} does not answer",
            advice=["read why: journalctl -u docker.service -n 50", WAY_POINT],
        )


def stop(
    *,
    say: Say = to_stderr,
    environment: Mapping[str, str] | None = None,
    settings: DaemonSettings | None = None,
    root: Path | None = None,
) -> StopResult:
    """Stop the daemon if this checkout started it and nothing but this checkout uses it.

    Otherwise nothing is changed, and the result says why.

    Raises:
        EngineError: it should end and did not.
    """
    wanted = settings or DaemonSettings()
    env = os.environ if environment is None else environment
    if not wanted.owner_file.exists():
        return _without_record(daemon.observe(wanted), wanted)
    if not machine.is_root():
        return StopResult(Stopped.NOT_OURS, f"{wanted.owner_file}: only root can stop this daemon")
    with _lock(wanted, say):
        observed = daemon.observe(wanted)
        identity = checkout.identity(root)
        if (result := decide_stop(observed, wanted, identity)) is not None:
            return result
        if observed.probe.state is SocketState.ANSWERS:
            others = other_users(_running(env, wanted), identity)
            if others:
                return StopResult(
                    Stopped.IN_USE,
                    "the engine is left running, because these containers use it: "
                    + "; ".join(others),
                )
        lived = observed.daemon is not None
        daemon.shut_down(observed.daemon, wanted, say)
    if not lived:
        return StopResult(
            Stopped.NOT_RUNNING, "the daemon had ended already; its remains are removed"
        )
    return StopResult(Stopped.STOPPED, f"the engine at unix://{wanted.socket} is stopped")


def decide_stop(observed: Observed, settings: DaemonSettings, identity: str) -> StopResult | None:
    """Why the daemon is not this checkout's to stop; None when it, or what it left, is."""
    owner = observed.owner
    if owner is None or (observed.daemon is not None and not observed.ours):
        return _without_record(observed, settings)
    if owner.checkout != identity:
        return StopResult(
            Stopped.NOT_OURS,
            f"the engine is left running: the lab in {owner.path} started it "
            f"(there: make engine-stop)",
        )
    return None


def _without_record(observed: Observed, settings: DaemonSettings) -> StopResult:
    where = f"unix://{settings.socket}"
    if observed.daemon is None and observed.listener is None:
        if observed.probe.state is SocketState.ANSWERS:
            return StopResult(
                Stopped.NOT_OURS, f"the engine at {where} is left running: no lab started it"
            )
        return StopResult(Stopped.NOT_RUNNING, f"no engine runs at {where}")
    process = observed.daemon or observed.listener
    by = "systemd started it" if machine.systemd_runs() else "no lab started it"
    return StopResult(Stopped.NOT_OURS, f"the engine at {where} ({process}) is left running: {by}")


def _running(environment: Mapping[str, str], settings: DaemonSettings) -> list[Container]:
    # Only this daemon's own socket counts here, whatever DOCKER_HOST says.
    plain = {k: v for k, v in environment.items() if k not in {"DOCKER_HOST", "DOCKER_CONTEXT"}}
    plain["DOCKER_CONTEXT"] = "default"
    client = find(plain, default_socket=settings.socket)
    try:
        return [
            Container(name=container.name or container.short_id, labels=container.labels)
            for container in client.containers.list()
        ]
    except (docker.errors.DockerException, requests.exceptions.RequestException) as error:
        raise EngineError(
            Problem.STOP_FAILED,
            tried="Asking the engine which containers run, before stopping it",
            happened=str(error),
            advice=["try again"],
        ) from error
    finally:
        client.close()
