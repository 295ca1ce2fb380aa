"""The `lab` command as a process: what it loads, and what becomes of streams that somebody closes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest


def test_who_asks_for_help_waits_for_no_library() -> None:
    script = (
        "import sys\nfrom lab.cli.commands import app\n"
        "try:\n    app(['--help'])\nexcept SystemExit:\n    pass\n"
        "print(*sorted({m.partition('.')[0] for m in sys.modules}), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    heavy = {"docker", "pydantic", "cryptography", "rich", "jinja2", "requests"}
    assert set(done.stderr.split()) & heavy == set()
    assert done.stdout.startswith("Usage: ")


@pytest.mark.parametrize("words", [["list"], ["list", "--json"], ["attempt", "--fields"]])
def test_who_has_read_enough_of_the_output_hears_nothing_more(words: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as nobody:
        command = [sys.executable, "-m", "lab", *words]
        done = subprocess.run(command, stdout=nobody, stderr=subprocess.PIPE, check=False)
    assert (done.returncode, done.stderr) == (128 + signal.SIGPIPE, b"")


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_closed_stream_leads_nowhere(closed: str) -> None:
    program = "import sys; from lab.cli.entry import main; sys.argv[1:] = ['version']; main()"
    done = subprocess.run(
        ["sh", "-c", f'"$0" -c "$1" {closed}', sys.executable, program],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_terminal_without_the_letters_of_a_language_is_no_reason_to_end() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from lab.cli.entry import main; main()", "demo", "--lang", "ja"],
        capture_output=True,
        env=os.environ | {"PYTHONIOENCODING": "ascii"},
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"expired_certificate" in done.stdout
