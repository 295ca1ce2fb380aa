"""Tests that stood at an earlier commit: a pytest plugin that leaves out all others (``-p tools.standing``).

A test is the same one under the same name in a module of the same name, with the same parameters. What needs
no engine may have moved meanwhile, from the unit tests to the integration tests.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.host.checkout import root

#: Names the file with the tests that are to be run, one a line.
VARIABLE = "LAB_TESTS_OF"
#: Those of a commit that this house may still have.
PLACES = ("tests/unit", "tests/e2e", "scenarios")
#: Seconds to collect all of them.
LIMIT_S = 120.0


def same(node: str) -> str:
    """What a test is known by, wherever its module lies now."""
    path, _, name = node.partition("::")
    kind = "end-to-end" if path.startswith(("tests/e2e/", "scenarios/")) else "alone"
    return f"{kind} {Path(path).name}::{name}"


def tests_of(commit: str) -> Iterator[str]:
    """All tests of a commit of this repository, collected in a folder of their own.

    Raises:
        subprocess.CalledProcessError: there is no such commit, or its tests cannot be collected here.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "tree")
        git = ("git", "-C", str(root()), "worktree")
        subprocess.run([*git, "add", "--quiet", "--detach", str(folder), commit], check=True)
        try:
            command = (sys.executable, "-m", "pytest", "--collect-only", "--quiet", *PLACES)
            done = subprocess.run(
                command,
                cwd=folder,
                env={**os.environ, "PYTHONPATH": str(folder)},
                stdout=subprocess.PIPE,
                text=True,
                timeout=LIMIT_S,
                check=True,
            )
        finally:
            subprocess.run([*git, "remove", "--force", str(folder)], check=True)
    yield from (same(line) for line in done.stdout.splitlines() if "::" in line)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what did not stand."""
    stood = set(Path(os.environ[VARIABLE]).read_text(encoding="utf-8").splitlines())
    left_out = [item for item in items if same(item.nodeid) not in stood]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if same(item.nodeid) in stood]
