"""Processes are told apart and ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab import machine
from lab.engine import processes
from lab.engine.processes import parse_stat

FIELDS = "S 1 2152 2152 0 -1 4194560 8274 10695 5 3 10 4 6 2 20 0 9 0 9159 1418616832 18707"


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "300"]) as process:
        yield process
        process.kill()


def found(pid: int) -> processes.Process:
    process = processes.read(pid)
    assert process is not None
    return process


def test_the_fields_of_a_stat_file() -> None:
    process = parse_stat(f"2152 (dockerd) {FIELDS}")
    assert (process.pid, process.name, process.state) == (2152, "dockerd", "S")
    assert (process.parent, process.started_ticks) == (1, 9159)


@given(st.text(st.characters(exclude_characters="\n", codec="ascii"), max_size=15))
def test_a_name_may_hold_anything(name: str) -> None:
    assert parse_stat(f"7 ({name}) {FIELDS}").name == name


@pytest.mark.parametrize("text", ["", "7 dockerd S 1", "7 (dockerd) S 1"])
def test_another_text_is_not_a_stat_file(text: str) -> None:
    with pytest.raises(ValueError, match="not the text of"):
        parse_stat(text)


def test_this_process_is_found_with_its_command() -> None:
    process = found(os.getpid())
    assert process.running
    assert process.parent == os.getppid()
    assert process.command[0] == Path(f"/proc/{os.getpid()}/cmdline").read_text().split("\0")[0]
    assert process in processes.everyone()


def test_a_process_is_itself_whatever_it_does_at_the_moment() -> None:
    process = found(os.getpid())
    assert replace(process, state="D", parent=1, name="renamed", command=()) == process
    assert replace(process, started_ticks=process.started_ticks + 1) != process


def test_a_process_that_does_not_exist_is_none(tmp_path: Path) -> None:
    assert processes.read(7, proc=tmp_path) is None


def test_a_zombie_does_not_run() -> None:
    with subprocess.Popen(["true"]) as child:
        assert machine.wait_until(lambda: not found(child.pid).running, timeout_s=5)
        assert processes.still(found(child.pid)) is None


def test_a_later_process_with_the_same_id_is_another(sleeper: subprocess.Popen[bytes]) -> None:
    now = found(sleeper.pid)
    assert processes.still(now) is not None
    earlier = replace(now, started_ticks=now.started_ticks - 1)
    assert processes.still(earlier) is None
    # and it is not signalled in the earlier one's place
    processes.send(earlier, signal.SIGKILL)
    assert sleeper.poll() is None


def test_a_process_is_ended_with_sigterm(sleeper: subprocess.Popen[bytes]) -> None:
    assert processes.terminate(found(sleeper.pid), grace_s=5)
    assert processes.read(sleeper.pid) is None


def test_a_stopped_process_is_ended_too(sleeper: subprocess.Popen[bytes]) -> None:
    os.kill(sleeper.pid, signal.SIGSTOP)
    assert machine.wait_until(lambda: found(sleeper.pid).stopped, timeout_s=5)
    assert processes.terminate(found(sleeper.pid), grace_s=5)


def test_a_process_that_ignores_sigterm_is_killed() -> None:
    # given
    program = (
        "import signal, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        "print('ready', flush=True); time.sleep(300)"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"ready\n"
        # when, then
        assert processes.terminate(found(child.pid), grace_s=0.2)


@pytest.mark.parametrize(
    ("text", "pid"),
    [("2152", 2152), (" 7\n", 7), ("", None), ("x", None), ("-1", None), ("0", None)],
)
def test_pid_files(tmp_path: Path, text: str, pid: int | None) -> None:
    path = tmp_path / "docker.pid"
    path.write_text(text)
    assert processes.read_pid_file(path) == pid


def test_a_pid_file_that_does_not_exist(tmp_path: Path) -> None:
    assert processes.read_pid_file(tmp_path / "none" / "docker.pid") is None
