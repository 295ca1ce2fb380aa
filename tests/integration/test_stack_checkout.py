"""The state of a lab in somebody's git repository."""

from __future__ import annotations

import subprocess
from functools import partial
from pathlib import Path

from lab.run.checkout import Checkout


def test_the_state_of_a_lab_is_no_part_of_the_repository_that_it_is_used_in(
    tmp_path: Path,
) -> None:
    run = partial(subprocess.run, cwd=tmp_path, check=True, capture_output=True, text=True)
    run(["git", "init", "-q"])
    checkout = Checkout(tmp_path)
    checkout.make_state()
    (checkout.state / "runs").mkdir()
    (checkout.state / "runs" / "record.json").write_text("{}")
    checkout.make_state()

    assert run(["git", "status", "--porcelain"]).stdout == ""
