"""A run that is killed leaves its record; the schema as a command."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from lab.record import (
    load,
)
from lab.record.__main__ import main as print_schema
from tests.unit.test_record import REFUSAL, schema

REPOSITORY = Path(__file__).parents[2]


def test_a_killed_run_leaves_every_attempt_that_it_wrote(tmp_path: Path) -> None:
    program = textwrap.dedent(
        """
        import os, signal, sys
        from pathlib import Path
        sys.path.insert(0, sys.argv[2])
        from tests.unit.test_record import attempt, header
        from lab.record import RecordWriter
        writer = RecordWriter.create(Path(sys.argv[1]), header())
        writer.attempt(attempt("one"))
        writer.attempt(attempt("two"))
        os.kill(os.getpid(), signal.SIGKILL)
        """
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path), str(REPOSITORY)], timeout=60, check=False
    )
    assert done.returncode == -signal.SIGKILL

    read = load(tmp_path / "latest")

    assert not read.complete
    assert read.ended is None
    assert [a.id for a in read.attempts] == ["one", "two"]
    assert read.attempts[1].outcome == REFUSAL


def test_the_module_prints_the_schema(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("lab.record.__main__.schema_text", schema)
    assert print_schema(["--schema"]) == 0
    assert capsys.readouterr().out == schema()
    wrong = [sys.executable, "-m", "lab.record"]
    assert subprocess.run(wrong, cwd=REPOSITORY, capture_output=True, check=False).returncode == 2
