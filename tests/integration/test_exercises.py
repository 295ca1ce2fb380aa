"""Two processes that start an exercise at the same moment."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def test_of_two_that_start_at_once_one_does(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "from lab.cli import main; main()", "exercise", "start"]
    environment = {**os.environ, "LAB_ROOT": str(tmp_path)}
    both = [
        subprocess.Popen(
            [*command, number], cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True
        )
        for number in ("1", "2")
    ]
    said = [one.communicate()[1] for one in both]
    assert sorted(one.returncode for one in both) == [0, 2], said
    assert "is under way in" in "".join(said)
    assert len(list(tmp_path.glob("exercise-*"))) == 1
