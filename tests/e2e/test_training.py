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
from lab.run.results import record_run
from lab.training import choice, words
from lab.training.demo import Demonstration
from lab.training.screen import Screen
from lab.training.source import CaseSource
from tests.e2e.checkouts import LAB, PATIENCE_S, Copy

pytestmark = pytest.mark.engine

CASE = "server_offers_only_suites_the_client_refuses"


def _cases() -> list[LoadedCase]:
    """Every case, for its first client."""
    found = choice.functions(Catalogue.load(root() / "scenarios").cases)
    return [cases[0] for cases in found.values()]


def test_every_case_is_told_from_what_came_of_it(laboratory: Lab) -> None:
    # given one run of all cases, each for its first client
    cases = _cases()
    planned = [one for case in cases for one in case.plan()]
    record = record_run(laboratory, new_run_id(), planned, cases).record
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
