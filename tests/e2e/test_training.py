"""The training room with real attempts: demonstrations of every case, and the command in a terminal."""

from __future__ import annotations

import contextlib
import io
import os
import pty
import re
import select
import signal
import subprocess
import time
from collections.abc import Iterator

import pytest
from docker import DockerClient
from rich.cells import cell_len
from rich.console import Console

from lab.cases import Catalogue, LoadedCase
from lab.host.checkout import root
from lab.model.expectations import Verdict
from lab.report.layout import COLUMNS
from lab.run.checkout import new_run_id
from lab.run.laboratory import Lab
from lab.run.link import execute
from lab.run.results import record_run
from lab.training import choice, words
from lab.training.demo import Demonstration
from lab.training.screen import Screen
from lab.training.source import CaseSource
from tests.e2e.checkouts import LAB, PATIENCE_S, Copy, agents_in

pytestmark = [pytest.mark.engine, pytest.mark.slow]

CASE = "server_offers_only_suites_the_client_refuses"


def _cases() -> list[LoadedCase]:
    """Every case, for its first client."""
    found = choice.functions(Catalogue.load(root() / "scenarios").select([]))
    return [cases[0] for cases in found.values()]


def test_every_case_is_told_from_what_came_of_it(laboratory: Lab) -> None:
    # given one run of all cases, each for its first client
    cases = _cases()
    planned = [one for case in cases for one in case.plan()]
    record = record_run(laboratory, planned, cases, run_id=new_run_id()).record
    # when each is told in both languages
    for case in cases:
        for language in ("en", "ja"):
            out = io.StringIO()
            screen = Screen(Console(file=out, width=COLUMNS, height=24), language, pauses=False)
            demonstration = Demonstration(case, screen)
            demonstration.begin()
            verdict = demonstration.tell(CaseSource.recorded(case, record))
            # then it is as expected, and fits a terminal of 80 columns
            assert verdict in {Verdict.AS_EXPECTED, Verdict.CANNOT}, f"{case.id}\n{out.getvalue()}"
            wide = [line for line in out.getvalue().split("\n") if cell_len(line) > COLUMNS]
            assert not wide, f"{case.id}: {wide}"


def test_a_demo_in_one_go(shared: Copy) -> None:
    done = shared.lab("demo", CASE, "--no-pause")
    assert done.status == 0, str(done)
    for step in words.table("step").values():
        assert step.en in done.out, str(done)
    # then the attempts were made live, the last of them against the expectation
    record = shared.record()
    main = next(a for a in record.attempts if a.id.endswith("/breaks"))
    assert main.client_report is not None
    assert f"It took {main.elapsed_ms:.0f} ms." in done.out, str(done)
    assert f"    {main.client_report.message}\n" in done.out, str(done)
    assert "The server allows none of the cipher suites" in done.out, str(done)
    assert done.out.rstrip().endswith(
        f"All came as the case expects: {len(record.attempts)} attempts."
    )
    # and the impostor's loot is what the impostor got
    loot = shared.lab("demo", "no_public_certificate/self_signed_certificate", "--no-pause")
    assert loot.status == 0, str(loot)
    got = [a.server_report.captured for a in shared.record().attempts if a.server_report]
    password = next(one.password for one in got if one is not None)
    assert password in loot.out, str(loot)


def test_a_demo_of_no_case_names_the_nearest(shared: Copy) -> None:
    done = shared.lab("demo", "expired_certificat_", "--no-pause")
    assert done.status == 2, str(done)
    assert "did you mean expired_certificate" in done.message, str(done)


def test_the_same_seed_is_the_same_quiz(shared: Copy) -> None:
    one, other = (shared.lab("quiz", "--seed", "7", "--count", "2", "--no-pause") for _ in "12")
    for done in (one, other):
        assert done.status == 0, str(done)
        assert done.out.count("What is the reason?") == 2, str(done)
        assert done.out.count("  fix  ") == 2, str(done)
    asked = [re.findall(r"^.* connected to .*$|^It is: .*$", d.out, re.M) for d in (one, other)]
    assert asked[0] == asked[1]
    assert len(asked[0]) == 4


@contextlib.contextmanager
def _in_a_terminal(copy: Copy, *argv: str) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """The command with a terminal of 80x24 as its input and output."""
    ours, theirs = pty.openpty()
    environment = copy.environment(TERM="dumb", COLUMNS="80", LINES="24")
    process = subprocess.Popen(
        [LAB, *argv],
        env=environment,
        cwd=copy.path,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    try:
        yield process, ours
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(PATIENCE_S)
        os.close(ours)


def _read_until(terminal: int, text: str) -> str:
    """What is shown up to a text."""
    shown, until = "", time.monotonic() + PATIENCE_S
    while text not in shown:
        assert time.monotonic() < until, f"waited for {text!r}; there was\n{shown}"
        if select.select([terminal], [], [], 0.2)[0]:
            try:
                shown += os.read(terminal, 65536).decode(errors="replace")
            except OSError:  # the other end has closed it
                break
    assert text in shown, f"waited for {text!r}; there was\n{shown}"
    return shown


def test_somebody_at_a_terminal_is_waited_for_and_may_leave(
    shared: Copy, engine: DockerClient
) -> None:
    before = shared.left(engine)
    with _in_a_terminal(shared, "demo", CASE) as (process, terminal):
        for step in ("server", "attempt"):
            shown = _read_until(terminal, "[Enter: on")
            assert words.say("step", step).en not in shown
            os.write(terminal, b"\n")
        _read_until(terminal, "[Enter: on")
        os.write(terminal, b"\n")
        # when the class guesses
        shown = _read_until(terminal, words.say("guess", "prompt").en)
        number = shown.split("  no shared cipher suite")[0].rsplit(maxsplit=1)[-1]
        os.write(terminal, f"{number}\n".encode())
        _read_until(terminal, "Right: no shared cipher suite.")
        # and the trainer interrupts
        os.write(terminal, b"\x03")
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(PATIENCE_S) == 128 + signal.SIGINT
    # then nothing is left but what was there
    assert sorted(shared.left(engine)) == sorted(before)


#: Runs each command that the hint prints, and says with which status it ended.
_EVERY_COMMAND = (
    "cat hint-?.txt | grep '^  [a-z]' | while read -r line; do"
    ' bash -c "$line" </dev/null >/dev/null 2>&1; echo "$? $line"; done'
)


@pytest.mark.parametrize("where", ["rocky9", "centos7", "debian13"])
def test_the_commands_that_a_shell_prints_work_as_printed(shared: Copy, where: str) -> None:
    done = shared.lab("shell", where, "--", "bash", "-c", f"cat hint-?.txt; {_EVERY_COMMAND}")
    assert done.status == 0, str(done)
    ran = re.findall(r"^(\d+) (.*)$", done.out, re.M)
    assert len(ran) == len(re.findall(r"^  [a-z]", done.out, re.M)) > 0, str(done)
    # then those to the servers with which nothing is wrong succeed, and the others do not
    servers = re.findall(r"^(\S+):(\d+)  (.*)$", done.out, re.M)
    assert len(servers) == 4, str(done)
    for host, port, words_of in servers:
        of_server = [(status, c) for status, c in ran if re.search(rf"{host}[: ]{port}\b", c)]
        assert of_server, f"no command for {host}:{port}\n{done}"
        broken = "something is wrong" in words_of
        assert all((status != "0") == broken for status, _ in of_server), f"{of_server}\n{done}"


def test_a_command_in_a_shell_ends_with_its_own_status(shared: Copy, engine: DockerClient) -> None:
    before = shared.left(engine)
    done = shared.lab(
        "shell", "rocky9:FIPS", "-s", "certificate=expired", "--", "sh", "-c", "exit 7"
    )
    assert done.status == 7, str(done)
    assert done.out == "", str(done)
    version = shared.lab("shell", "rocky9:FIPS", "--", "openssl", "version")
    assert version.status == 0, str(version)
    assert version.out.startswith("OpenSSL 3"), str(version)
    assert sorted(shared.left(engine)) == sorted(before)


def test_what_a_shell_has_started_ends_with_it(shared: Copy, engine: DockerClient) -> None:
    (container,) = shared.containers(engine, "rocky9-default")
    with _in_a_terminal(shared, "shell", "rocky9") as (process, terminal):
        _read_until(terminal, "rocky9$ ")
        os.write(terminal, b"sleep 4711 & echo $LAB_HOST:$LAB_PORT; pwd\n")
        shown = _read_until(terminal, "/run/lab/shell-")
        assert re.search(r"^ftp\.lab\.test:\d+\r?$", shown, re.M), shown
        os.write(terminal, b"exit\n")
        assert process.wait(PATIENCE_S) == 0
    assert not [one for one in agents_in(engine, container) if "4711" in one]
    left = execute(engine, container, ["ls", "/run/lab"]).output
    assert "shell-" not in left
    # and Ctrl-C ends what runs there
    running = shared.start("shell", "rocky9", "--", "sleep", "4712")
    running.wait_until(
        lambda: any("4712" in one for one in agents_in(engine, container)), "the command runs"
    )
    running.interrupt(signal.SIGINT)
    assert running.done().status == 128 + signal.SIGINT, str(running.so_far())
    assert not [one for one in agents_in(engine, container) if "4712" in one]


def test_a_shell_where_there_is_none_names_the_places(shared: Copy) -> None:
    for where, said in (("rocky8", "did you mean rocky9"), ("rocky9:FISP", "did you mean FIPS")):
        done = shared.lab("shell", where, "--", "true")
        assert done.status == 2, str(done)
        assert said in done.message, str(done)


def test_a_room_is_looked_at_with_a_demonstration(shared: Copy) -> None:
    done = shared.lab("doctor", "--room", "1", "--json")
    found = {one["name"]: one for one in done.json()}
    assert found["images"]["level"] == "ok", str(done)
    assert found["seats"]["level"] == "ok", str(done)
    shown = found["demonstration"]
    assert shown["level"] in {"ok", "warning"}, str(done)
    # then it was made, and recorded like any run, cut off from networks where that is possible
    assert any(a.case and "self_signed_certificate" in a.case for a in shared.record().attempts)
    assert ("no network at all" in shown["found"]) == (os.geteuid() == 0), str(done)
