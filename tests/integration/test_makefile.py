"""The Makefile as the front door: which commands it runs, and what it says when it cannot."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from lab.host import checkout, machine

ROOT = checkout.root()
TARGETS = ["bench", "clean", "doctor", "down", "engine", "engine-stop", "help", "lab", "test", "up"]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A directory with the Makefile, what it calls, and nothing else that works."""
    root = tmp_path / "checkout"
    (root / "tools").mkdir(parents=True)
    shutil.copy(ROOT / "Makefile", root)
    shutil.copy(ROOT / "tools" / "environment", root / "tools")
    (root / "pyproject.toml").write_text("")
    return root


def make(tree: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    # As on a new machine: nothing of an outer make, no terminal.
    dropped = {
        "MAKEFLAGS",
        "MAKELEVEL",
        "MFLAGS",
        "MAKEOVERRIDES",
        "PYTHON",
        "RUN",
        "BASELINE",
        "OPTIONS",
        "DEMOS",
    }
    environment = {k: v for k, v in os.environ.items() if k not in dropped}
    return machine.run(
        ["make", *arguments], timeout_s=60, check=False, cwd=tree, env={**environment, "CI": "true"}
    )


def program(path: Path, body: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def installed(tree: Path) -> Path:
    """The tree with an environment whose `lab` writes down what it was asked."""
    program(tree / ".venv/bin/lab", 'echo "lab $*" >> called; [ "$*" != "$FAIL" ]')
    program(tree / ".venv/bin/python", 'echo "python $*" >> called')
    (tree / ".venv/.ready").touch()
    return tree


def called(tree: Path) -> list[str]:
    return (tree / "called").read_text().splitlines()


def test_help_is_the_default_and_lists_every_target(tree: Path) -> None:
    done = make(tree)
    listed = re.findall(r"^  ([a-z-]+) +\S", done.stdout, re.MULTILINE)
    assert done.returncode == 0
    assert set(TARGETS) <= set(listed)
    assert [line for line in done.stdout.splitlines() if len(line) > 80] == []
    # and help needs no environment
    assert not (tree / ".venv").exists()


def test_every_phony_target_is_either_described_or_internal() -> None:
    text = (ROOT / "Makefile").read_text()
    phony = set(re.findall(r"^\.PHONY: (\S+)", text, re.MULTILINE))
    described = set(re.findall(r"^([a-z-]+):.*## ", text, re.MULTILINE))
    assert phony - described == {"lint-dockerfiles"}
    assert described - phony == set()


@pytest.mark.parametrize(
    ("target", "commands"),
    [
        ("lab", ["lab engine start", "lab run"]),
        ("up", ["lab engine start", "lab up"]),
        ("bench", ["lab engine start", "python -m tools.bench", "python tools/language_bench.py"]),
        ("down", ["lab down"]),
        ("doctor", ["lab doctor"]),
        ("engine", ["lab engine start"]),
        ("engine-stop", ["lab engine stop"]),
    ],
)
def test_targets_are_thin_over_the_command(
    installed: Path, target: str, commands: list[str]
) -> None:
    done = make(installed, target)
    assert done.returncode == 0, done.stderr
    assert called(installed) == commands


def test_cases_can_be_named(installed: Path) -> None:
    make(installed, "lab", "RUN=some-case --json")
    assert called(installed)[-1] == "lab run some-case --json"


def test_a_failing_command_fails_the_target_and_stops_it(installed: Path) -> None:
    done = make(installed, "lab", "FAIL=engine start")
    assert done.returncode
    assert called(installed) == ["lab engine start"]


def test_a_changed_pyproject_installs_again(installed: Path) -> None:
    # given: a stamp older than pyproject.toml, and an environment that works
    os.utime(installed / ".venv/.ready", (1, 1))
    program(installed / ".venv/bin/pip", 'echo "pip $*" >> called')
    # when
    done = make(installed, "down")
    # then
    assert done.returncode == 0, done.stderr
    assert any(line.startswith("pip install") for line in called(installed))
    assert called(installed)[-1] == "lab down"


def test_an_interrupted_installation_is_not_taken_for_a_finished_one(tree: Path) -> None:
    # given
    program(tree / ".venv/bin/python", "exit 0")
    program(tree / ".venv/bin/pip", "echo Collecting rich; echo 'no such package' >&2; exit 1")
    # when
    done = make(tree, "down")
    # then
    assert done.returncode
    assert "no such package" in done.stderr
    assert "pip could not install" in done.stderr
    assert not (tree / ".venv/.ready").exists()


def test_an_environment_that_no_longer_works_is_made_anew(tree: Path) -> None:
    # given: one whose interpreter is gone, and a Python that writes down what it was asked
    program(tree / ".venv/bin/python", "exit 127")
    (tree / ".venv/old").touch()
    maker = program(
        tree / "python3",
        'case "$*" in "-m venv .venv") mkdir -p .venv/bin && '
        "printf '#!/bin/sh\\n' > .venv/bin/pip && cp .venv/bin/pip .venv/bin/lab && "
        "chmod +x .venv/bin/*;; esac",
    )
    # when
    done = make(tree, "down", f"PYTHON={maker}")
    # then
    assert done.returncode == 0, done.stderr
    assert "does not work any more" in done.stdout
    assert not (tree / ".venv/old").exists()
    assert (tree / ".venv/.ready").exists()


def test_a_long_installation_shows_that_it_goes_on(tree: Path) -> None:
    # given
    program(tree / ".venv/bin/python", "exit 0")
    program(tree / ".venv/bin/lab", "exit 0")
    lines = [*[f"Collecting package-{n}" for n in range(25)], "Downloading x", "Installing build x"]
    lines.append("Installing collected packages: a, b")
    program(tree / ".venv/bin/pip", "cat <<END\n" + "\n".join(lines) + "\nEND")
    # when
    said = make(tree, "down").stdout.splitlines()
    # then
    assert said[1:-1] == [
        "environment: 10 packages found",
        "environment: 20 packages found",
        "environment: installing 25 packages",
    ]


def test_an_old_python_is_refused_by_name(tree: Path) -> None:
    old = program(tree / "python3.9", '[ "$1" = --version ] && echo "Python 3.9.18" || exit 1')
    done = make(tree, "lab", f"PYTHON={old}")
    assert done.returncode
    assert f"{old} is Python 3.9.18; the lab needs Python 3.11 or newer" in done.stderr


def test_a_python_that_does_not_exist_is_refused(tree: Path) -> None:
    done = make(tree, "lab", "PYTHON=/nowhere/python3")
    assert done.returncode
    assert "there is no program /nowhere/python3" in done.stderr
    assert "PYTHON=/path/to/python3" in done.stderr


def test_a_python_without_venv_says_which_package_brings_it(tree: Path) -> None:
    bare = program(tree / "python3", 'case "$*" in *ensurepip*) exit 1;; esac')
    done = make(tree, "lab", f"PYTHON={bare}")
    assert done.returncode
    assert "apt-get install python3-venv" in done.stderr
    assert not (tree / ".venv").exists()


def test_clean_removes_the_topology_first(installed: Path) -> None:
    # given
    (installed / ".lab/cache").mkdir(parents=True)
    (installed / "lab/__pycache__").mkdir(parents=True)
    # when
    done = make(installed, "clean")
    # then
    assert done.returncode == 0, done.stderr
    assert called(installed) == ["lab status", "lab down"]
    left = sorted(path.name for path in installed.iterdir())
    assert left == ["Makefile", "called", "lab", "pyproject.toml", "tools"]
    assert list((installed / "lab").iterdir()) == []


def test_clean_keeps_the_tools_when_the_topology_could_not_be_removed(installed: Path) -> None:
    done = make(installed, "clean", "FAIL=down")
    assert done.returncode
    assert "'lab down' failed" in done.stderr
    assert (installed / ".venv").exists()


def test_clean_without_an_environment_or_an_engine_removes_the_files(tree: Path) -> None:
    (tree / ".lab").mkdir()
    assert make(tree, "clean").returncode == 0
    assert not (tree / ".lab").exists()
    # and with an environment, where no engine answers
    program(tree / ".venv/bin/lab", "exit 3")
    program(tree / ".venv/bin/python", "exit 3")
    done = make(tree, "clean")
    assert done.returncode == 0
    assert "no engine answers" in done.stdout
    assert not (tree / ".venv").exists()


def test_an_unformatted_dockerfile_list_is_never_empty(installed: Path) -> None:
    # given: hadolint is there, Dockerfiles are not
    program(installed / ".venv/bin/hadolint", "exit 0")
    (installed / "compose").mkdir()
    # when, then: checking nothing is a failure
    assert make(installed, "lint-dockerfiles").returncode
    # given: one Dockerfile
    (installed / "compose/Dockerfile").touch()
    done = make(installed, "lint-dockerfiles")
    assert done.returncode == 0
    assert "checking compose/Dockerfile" in done.stdout


def test_ci_runs_make_test() -> None:
    path = ROOT / ".ci" / "run"
    text = path.read_text()
    assert path.stat().st_mode & stat.S_IXUSR
    assert text.startswith("#!/usr/bin/env bash\n")
    assert "set -euo pipefail\n" in text
    assert text.rstrip().endswith("make test")


def test_ci_works_from_anywhere_and_gives_the_status_of_make(tree: Path, tmp_path: Path) -> None:
    # given
    (tree / ".ci").mkdir()
    shutil.copy(ROOT / ".ci" / "run", tree / ".ci")
    (tree / "Makefile").write_text("test:\n\t@pwd; cat; exit 5\n")
    # when
    done = machine.run([str(tree / ".ci/run")], timeout_s=30, check=False, cwd=tmp_path)
    # then
    assert str(tree) in done.stdout
    assert done.returncode == 2


@pytest.mark.parametrize("path", [".lab/run.json", ".venv/bin/lab", "lab/__pycache__/x.pyc"])
def test_generated_files_are_ignored_by_git(path: str) -> None:
    done = machine.run(
        ["git", "check-ignore", "--no-index", "-q", path], timeout_s=20, check=False, cwd=ROOT
    )
    assert done.returncode == 0
