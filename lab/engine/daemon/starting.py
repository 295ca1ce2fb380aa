"""Starting dockerd and waiting until it answers; why it did not, in the words of its log."""

from __future__ import annotations

import os
import re
import subprocess
import time
from pathlib import Path

from lab import checkout, machine
from lab.engine import processes
from lab.engine.connect import WAY_POINT, SocketState, probe
from lab.engine.daemon.clearing import carry_out, plan
from lab.engine.daemon.observing import PROBE_TIMEOUT_S, observe
from lab.engine.daemon.stopping import Say, remove_files
from lab.engine.errors import EngineError, Problem
from lab.engine.hints import explain_log
from lab.engine.ownership import Owner, write_owner
from lab.engine.processes import Process
from lab.engine.settings import DaemonSettings

PROGRESS_EVERY_S = 5.0


def start(settings: DaemonSettings, say: Say, *, root: Path | None = None) -> Process:
    """Start dockerd in a session of its own, record its owner, and wait until it answers.

    ``root`` is the checkout that will own it (default: this one).

    Raises:
        EngineError: something that the lab did not start is in the way, or the daemon did not come
            up; the message then holds the end of its log and what is known about its words.
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
        remove_files(settings)
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
        found = probe(settings.socket, PROBE_TIMEOUT_S)
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
