"""Copies of the working tree, and the lab as it is installed from one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from lab.host.checkout import root

#: What a copy needs: the lab, and what its wheel is built of.
PARTS = (
    *("lab", "scenarios", "compose", "tests", "docs"),
    *("pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE"),
)
#: Seconds for a program.
LIMIT_S = 120


def copy_tree(target: Path, *, compiled: bool = False) -> Path:
    """The working tree without what it generates (but, if ``compiled``, for bytecode), at ``target``."""
    target.mkdir()
    ignored = shutil.ignore_patterns("*.egg-info", *(() if compiled else ("__pycache__",)))
    for name in PARTS:
        if (root() / name).is_dir():
            shutil.copytree(root() / name, target / name, ignore=ignored)
        else:
            shutil.copy2(root() / name, target / name)
    return target


_PIP = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")
_ALONE = ("--no-deps", "--no-index")


def wheel(tree: Path, folder: Path) -> Path:
    """The wheel of a tree, in a folder of its own."""
    build = (*_PIP, "wheel", *_ALONE, "--no-build-isolation")
    run(*build, "--wheel-dir", str(folder), str(tree))
    (made,) = folder.glob("*.whl")
    return made


def install(tree: Path, target: Path) -> Path:
    """The wheel of a tree, unpacked as pip installs it, without what it depends on."""
    made = wheel(tree, target.with_suffix(".wheels"))
    run(*_PIP, "install", *_ALONE, "--target", str(target), str(made))
    return target


def run(*command: str, of: Path | None = None, cwd: Path | None = None, status: int = 0) -> str:
    """What a program prints.

    Args:
        command: its words; ``lab`` and ``python`` are those of this environment.
        of: where its ``lab`` is imported from.
        cwd: where it is started.
        status: the exit status that it must have.
    """
    known = {"lab": (sys.executable, "-m", "lab"), "python": (sys.executable,)}
    words = [*known.get(command[0], command[:1]), *command[1:]]
    inherited = {name: value for name, value in os.environ.items() if name != "LAB_ROOT"}
    done = subprocess.run(
        words,
        cwd=cwd,
        env=inherited | ({"PYTHONPATH": str(of)} if of else {}),
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert done.returncode == status, f"{' '.join(command)}:\n{done.stdout}{done.stderr}"
    return done.stdout
