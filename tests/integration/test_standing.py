"""Tests that stood at an earlier commit are told by their names, and the others are left out."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lab.host.checkout import root
from tools.standing import VARIABLE, same


@pytest.mark.parametrize(
    ("then", "now", "is_same"),
    [
        ("tests/unit/test_a.py::test_b[c]", "tests/integration/test_a.py::test_b[c]", True),
        ("tests/unit/test_a.py::test_b[c]", "tests/unit/test_a.py::test_b[d]", False),
        ("tests/unit/test_a.py::test_b", "tests/e2e/test_a.py::test_b", False),
        ("scenarios/fastly/a.py::b[c-works]", "scenarios/fastly/a.py::b[c-works]", True),
    ],
)
def test_a_test_is_the_same_wherever_its_module_lies(then: str, now: str, is_same: bool) -> None:
    assert (same(then) == same(now)) is is_same


def test_only_what_stood_is_run(tmp_path: Path) -> None:
    module = tmp_path / "test_some.py"
    module.write_text(
        "def test_old() -> None: ...\n\n\ndef test_new() -> None:\n    raise OSError\n"
    )
    stood = tmp_path / "stood"
    stood.write_text(same("test_some.py::test_old"))
    command = (sys.executable, "-m", "pytest", "-q", "-p", "tools.standing", "-c", os.devnull)
    done = subprocess.run(
        [*command, f"--rootdir={tmp_path}", module.name],
        cwd=tmp_path,
        env={**os.environ, VARIABLE: str(stood), "PYTHONPATH": str(root())},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed, 1 deselected" in done.stdout
