"""A process that has ended, seen by its number."""

from __future__ import annotations

import subprocess
import time

from lab.host import machine
from lab.host.starting import (
    process,
)


def test_a_process_that_has_ended_is_none() -> None:
    with subprocess.Popen(["sleep", "100"]) as child:
        found = process(child.pid)
        assert found is not None
        assert (found.pid, found.name) == (child.pid, "sleep")
        assert abs(found.started - time.time()) < 60
        child.kill()
        # also while nobody has taken its exit status
        assert machine.wait_until(lambda: process(child.pid) is None, timeout_s=5)
    assert process(child.pid) is None
    assert process(None) is None
