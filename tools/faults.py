"""Can the end-to-end tests fail? Puts faults into copies of the tree, one at a time, and looks.

``tests/faults.toml`` lists the faults: a text in a file, what stands there instead, and the test functions
that have to notice. A function that only fails before it comes to its own words (a fixture, an import) has
noticed nothing. What was seen is kept in ``tests/faults-seen.tsv``.

Usage: ``python -m tools.faults [WORD ...]``: all faults, or those whose name or functions contain a word.
"""

from __future__ import annotations

import ast
import datetime
import os
import subprocess
import sys
import tempfile
import tomllib
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab.checkout import root
from tests.trees import copy_tree

LIST = Path("tests/faults.toml")
SEEN = Path("tests/faults-seen.tsv")
E2E = Path("tests/e2e")
HEAD = ("fault", "test function", "seen", "day")
PYTEST = (
    sys.executable,
    "-m",
    "pytest",
    "-q",
    "-p",
    "no:cacheprovider",
    "--tb=line",
    "--no-header",
)
#: Seconds for the functions of one fault.
LIMIT_S = 1200


@dataclass(frozen=True)
class Fault:
    """One change that must not go unnoticed."""

    name: str
    file: str
    replace: str
    """Stands once in the file."""
    by: str
    red: tuple[str, ...]
    """Test functions, as ``test_wire.test_a_closed_port``."""

    def put_into(self, tree: Path) -> None:
        """Change the file of a tree.

        Raises:
            ValueError: there is no such file, or the text does not stand in it exactly once.
        """
        path = tree / self.file
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
        if text.count(self.replace) != 1:
            raise ValueError(
                f"{self.name}: {self.replace!r} stands {text.count(self.replace)} times in"
                f" {self.file}, not once; adapt {LIST}"
            )
        path.write_text(text.replace(self.replace, self.by), encoding="utf-8")

    def concerns(self, words: Iterable[str]) -> bool:
        """Whether its name or one of its functions has one of these words in it."""
        texts = (self.name, *self.red)
        return any(word in text for word in words for text in texts)


@dataclass(frozen=True)
class Faults:
    """The list."""

    faults: tuple[Fault, ...]
    open: tuple[str, ...]
    """Functions for which nobody has thought of a fault yet."""


def read(tree: Path) -> Faults:
    """The list of a tree."""
    listed = tomllib.loads((tree / LIST).read_text(encoding="utf-8"))
    return Faults(
        tuple(Fault(**fault | {"red": tuple(fault["red"])}) for fault in listed["fault"]),
        tuple(listed.get("open", ())),
    )


def functions(tree: Path) -> set[str]:
    """All end-to-end test functions of a tree."""
    return {
        f"{path.stem}.{node.name}"
        for path in (tree / E2E).glob("test_*.py")
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


def noticed(fault: Fault) -> Mapping[str, str]:
    """What each function of a fault makes of it: ``red``, ``green``, or ``not reached``."""
    with tempfile.TemporaryDirectory(prefix="fault-") as place:
        tree = copy_tree(Path(place) / "tree")
        fault.put_into(tree)
        junit = Path(place) / "junit.xml"
        nodes = [f"{E2E}/{module}.py::{name}" for module, name in map(_split, fault.red)]
        inherited = {name: value for name, value in os.environ.items() if name != "LAB_ROOT"}
        there = inherited | {"PYTHONPATH": str(tree)}
        tests = [*PYTEST, f"--junit-xml={junit}", *nodes]
        try:
            subprocess.run(tests, timeout=LIMIT_S, cwd=tree, env=there, check=False)
        finally:  # also where it was ended early
            down = [sys.executable, "-m", "lab", "down"]
            subprocess.run(down, capture_output=True, cwd=tree, env=there, check=False)
        return judged(fault.red, junit)


def judged(red: Sequence[str], junit: Path) -> dict[str, str]:
    """What a report says of functions: one item that fails is enough."""
    seen = dict.fromkeys(red, "not reached")
    for item in ET.parse(junit).getroot().iter("testcase") if junit.exists() else ():
        module = item.get("classname", "").rpartition(".")[2]
        name = f"{module}.{item.get('name', '').partition('[')[0]}"
        if name not in seen or item.find("error") is not None or item.find("skipped") is not None:
            continue
        if item.find("failure") is not None:
            seen[name] = "red"
        elif seen[name] != "red":
            seen[name] = "green"
    return seen


def _split(function: str) -> tuple[str, str]:
    module, _, name = function.partition(".")
    return module, name


def remember(tree: Path, fault: Fault, seen: Mapping[str, str]) -> None:
    """Write down what was seen, over what was seen of the same fault before."""
    path, today = tree / SEEN, datetime.datetime.now(datetime.UTC).date().isoformat()
    lines = path.read_text(encoding="utf-8").splitlines()[1:] if path.exists() else []
    rows = [line.split("\t") for line in lines]
    rows = [row for row in rows if row[0] != fault.name]
    rows += [[fault.name, name, how, today] for name, how in seen.items()]
    path.write_text("\n".join("\t".join(row) for row in [HEAD, *sorted(rows)]) + "\n")


def main(words: Sequence[str]) -> int:
    """Try the faults; the status is 1 if one went unnoticed."""
    tree, status = root(), 0
    chosen = [one for one in read(tree).faults if not words or one.concerns(words)]
    for number, fault in enumerate(chosen, start=1):
        print(f"== {number} of {len(chosen)}: {fault.name} ({fault.file})", flush=True)  # noqa: T201
        seen = noticed(fault)
        remember(tree, fault, seen)
        for name, how in seen.items():
            print(f"{how:12} {name}", flush=True)  # noqa: T201
        status |= any(how != "red" for how in seen.values())
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
