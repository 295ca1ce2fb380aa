"""The machine that the lab runs on, and running its programs with a deadline."""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from lab.host import checkout, machine


def python(program: str) -> list[str]:
    return [sys.executable, "-c", program]


@pytest.mark.parametrize(
    ("name", "packaged"), [("ubuntu", True), ("debian", True), ("rocky", False), ("linux", False)]
)
def test_which_distributions_package_docker(
    name: str, packaged: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("platform.freedesktop_os_release", lambda: {"ID": name})
    assert machine.has_docker_io() is packaged


def test_a_system_that_does_not_say_what_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails() -> dict[str, str]:
        raise OSError

    monkeypatch.setattr("platform.freedesktop_os_release", fails)
    assert machine.os_release()["PRETTY_NAME"] == "Linux"


class TestRun:
    def test_what_it_printed(self) -> None:
        done = machine.run(
            python("import sys; print('out'); print('err', file=sys.stderr)"), timeout_s=20
        )
        assert (done.stdout, done.stderr, done.returncode) == ("out\n", "err\n", 0)

    def test_it_has_no_terminal_to_wait_for(self) -> None:
        program = python("import sys; print(repr(sys.stdin.read()))")
        assert machine.run(program, timeout_s=20).stdout == "''\n"

    def test_a_failure_shows_the_command_its_status_and_its_words(self) -> None:
        program = python("import sys; print('no such thing', file=sys.stderr); sys.exit(3)")
        with pytest.raises(machine.CommandError) as failure:
            machine.run(program, timeout_s=20)
        text = str(failure.value)
        assert "ended with status 3" in text
        assert "\n    no such thing" in text
        assert failure.value.argv == tuple(program)

    def test_a_failure_may_be_wanted(self) -> None:
        assert machine.run(python("raise SystemExit(3)"), timeout_s=20, check=False).returncode == 3

    def test_a_program_that_does_not_exist(self, tmp_path: Path) -> None:
        with pytest.raises(machine.CommandError, match="could not be started: No such file"):
            machine.run([str(tmp_path / "none")], timeout_s=20)

    def test_a_program_that_takes_too_long_ends_with_all_that_it_started(
        self, tmp_path: Path
    ) -> None:
        # given: a shell whose child would live on and hold its output open
        pid_file = tmp_path / "pid"
        script = f"sleep 300 & echo $! > {pid_file}; echo waiting; wait"
        # when
        began = time.monotonic()
        with pytest.raises(machine.CommandError, match=r"no end after 0\.5 s") as failure:
            machine.run(["sh", "-c", script], timeout_s=0.5)
        # then
        assert time.monotonic() - began < 10
        assert failure.value.output == "waiting"
        child = int(pid_file.read_text())
        assert machine.wait_until(
            lambda: (
                not psutil.pid_exists(child)
                or psutil.Process(child).status() == psutil.STATUS_ZOMBIE
            ),
            timeout_s=5,
        )

    def test_output_that_is_no_utf_8_is_shown_all_the_same(self) -> None:
        program = python("import os; os.write(1, b'caf\\xe9')")
        assert machine.run(program, timeout_s=20).stdout == "caf\N{REPLACEMENT CHARACTER}"


class TestRunLineByLine:
    def test_lines_are_handed_over_as_they_appear(self) -> None:
        lines: list[str] = []
        program = python("import sys; print('a'); print('b', file=sys.stderr)")
        done = machine.run(program, timeout_s=20, on_line=lines.append)
        assert sorted(lines) == ["a", "b"]
        assert done.stdout == "".join(f"{line}\n" for line in lines)

    def test_a_failure_shows_the_end_of_the_output(self) -> None:
        program = python("print('E: broken'); raise SystemExit(100)")
        with pytest.raises(machine.CommandError, match="ended with status 100") as failure:
            machine.run(program, timeout_s=20, on_line=lambda line: None)
        assert failure.value.output == "E: broken"

    def test_it_ends_at_its_deadline(self) -> None:
        with pytest.raises(machine.CommandError, match=r"no end after 0\.5 s"):
            machine.run(["sleep", "300"], timeout_s=0.5, on_line=lambda line: None)

    def test_an_error_of_the_reader_ends_the_program(self) -> None:
        def broken(line: str) -> None:
            raise ZeroDivisionError

        began = time.monotonic()
        with pytest.raises(ZeroDivisionError):
            machine.run(["sh", "-c", "echo x; sleep 300"], timeout_s=60, on_line=broken)
        assert time.monotonic() - began < 10


def test_ways_to_end_have_names() -> None:
    assert machine.describe_status(2) == "ended with status 2"
    assert machine.describe_status(-9) == "was killed by SIGKILL"
    assert machine.describe_status(-99) == "was killed by signal 99"


def test_the_tail_of_a_text_has_no_empty_lines() -> None:
    assert machine.tail("a\n\nb  \n\n", 5) == ["a", "b"]
    assert machine.tail("a\nb\nc", 2) == ["b", "c"]
    assert machine.tail("") == []


def test_the_administrators_directories_are_appended_once() -> None:
    path = machine.administrator_path("/opt/bin:/usr/sbin").split(os.pathsep)
    assert path[:2] == ["/opt/bin", "/usr/sbin"]
    assert path.count("/usr/sbin") == 1
    assert "/sbin" in path
    assert "" not in machine.administrator_path("").split(os.pathsep)


def test_room_below_a_path_that_does_not_exist_yet(tmp_path: Path) -> None:
    there, below = machine.free_bytes(tmp_path), machine.free_bytes(tmp_path / "a" / "b")
    assert there is not None
    assert below is not None
    assert below > 0


def test_waiting_ends_as_soon_as_the_condition_holds() -> None:
    answers = iter([False, False, True])
    assert machine.wait_until(lambda: next(answers), timeout_s=10, interval_s=0.001)


def test_waiting_ends_at_its_deadline() -> None:
    assert not machine.wait_until(lambda: False, timeout_s=0.05, interval_s=0.01)


def test_a_lock_excludes_others_and_ends_with_the_work(tmp_path: Path) -> None:
    said: list[str] = []
    path = tmp_path / "locks" / "it.lock"
    with (
        machine.locked(path, "making images", 10, pytest.fail),
        pytest.raises(machine.LockError, match=r"for 0\.05 s and holds") as raised,
        machine.locked(path, "making images", 0.05, said.append),
    ):
        pytest.fail("two held the lock")
    assert raised.value.problem == "locked"
    assert said == ["another lab on this machine is making images; waiting"]
    with machine.locked(path, "making images", 10, pytest.fail):
        pass


def test_a_lock_that_becomes_free_is_taken(tmp_path: Path) -> None:
    held, release = threading.Event(), threading.Event()
    path = tmp_path / "it.lock"

    def hold() -> None:
        with machine.locked(path, "working", 10, pytest.fail):
            held.set()
            release.wait(10)

    thread = threading.Thread(target=hold)
    thread.start()
    assert held.wait(10)
    with machine.locked(path, "working", 10, lambda _: release.set()):
        assert release.is_set()
    thread.join(10)


def test_two_checkouts_have_two_identities(tmp_path: Path) -> None:
    assert checkout.identity(tmp_path) != checkout.identity()
    assert checkout.identity(tmp_path) == checkout.identity(tmp_path / "x" / "..")
    assert (checkout.root() / "lab" / "host" / "checkout.py").exists()
    assert checkout.state_directory(tmp_path) == tmp_path / ".lab"
