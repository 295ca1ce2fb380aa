"""What an agent's process is brought before it starts, unpacked by a shell."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lab.run.containers import pack
from tests.unit.test_stack_link import ARGV, MadeUpAgent


def test_what_it_brings_comes_before_it_starts_and_before_the_first_request(
    tmp_path: Path,
) -> None:
    agent = MadeUpAgent()
    brought = tmp_path / "program"
    archive = pack({str(brought): b"a" * 100_000})
    with ThreadPoolExecutor(1) as aside:
        given = aside.submit(agent.read, len(archive))
        link = agent.link(archive)
    assert given.result() == archive
    # what the engine was told to run, with the same on its standard input and a request behind it
    told = [sys.executable if word == ARGV[0] else word for word in agent.argv]
    told[-1:] = ["-c", "import sys; print(sys.stdin.readline())"]
    done = subprocess.run(
        told, input=archive + b"a request\n", capture_output=True, check=True, timeout=30
    )
    assert done.stdout.decode().strip() == "a request"
    assert brought.stat().st_size == 100_000
    link.close()
    agent.end()
    agent.ours.close()
