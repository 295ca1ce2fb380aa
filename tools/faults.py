"""Can the end-to-end tests fail? Puts faults into a copy of the tree, one at a time, and looks.

``tests/faults.toml`` lists the faults: a text in a file, what stands there instead, and the test functions
that have to notice. Of these alone the items are run, until one fails. A function that only fails before it
comes to its own words (a fixture, an import) has noticed nothing. What was seen is kept in
``tests/faults-seen.tsv``.

Usage: ``python -m tools.faults [WORD ...]``: all faults, or those whose name or functions contain a word.
"""

from __future__ import annotations

import ast
import datetime
import os
import subprocess
import sys
import tempfile
import time
import tomllib
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from docker import DockerClient
from docker.errors import ImageNotFound

from lab.host.checkout import root, state_directory
from lab.host.engine import find
from lab.images.store import ImageStore
from lab.run import topology
from lab.run.checkout import Checkout
from tests.trees import copy_tree

LIST = Path("tests/faults.toml")
SEEN = Path("tests/faults-seen.tsv")
E2E = Path("tests/e2e")
RECIPES = Path("compose/images")
HEAD = ("fault", "test function", "seen", "day")
PYTEST = (
    *(sys.executable, "-m", "pytest", "-q", "--tb=line", "--no-header"),
    *("-p", "no:cacheprovider", "-p", "pytest_timeout", "-p", "tests.first_red"),
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

    @contextmanager
    def put_into(self, tree: Path) -> Iterator[None]:
        """Change the file of a tree for a while.

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
        try:
            yield
        finally:
            path.write_text(text, encoding="utf-8")

    def concerns(self, words: Iterable[str]) -> bool:
        """Whether its name or one of its functions has one of these words in it."""
        texts = (self.name, *self.red)
        return any(word in text for word in words for text in texts)


@dataclass(frozen=True)
class Faults:
    """The list."""

    faults: tuple[Fault, ...]
    open: Mapping[str, str]
    """Functions that no fault has been seen to turn red, and why."""


def read(tree: Path) -> Faults:
    """The list of a tree."""
    listed = tomllib.loads((tree / LIST).read_text(encoding="utf-8"))
    return Faults(
        tuple(Fault(**fault | {"red": tuple(fault["red"])}) for fault in listed["fault"]),
        listed.get("open", {}),
    )


def functions(tree: Path) -> set[str]:
    """All end-to-end test functions of a tree."""
    return {
        f"{path.stem}.{node.name}"
        for path in (tree / E2E).glob("test_*.py")
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


def copied(tree: Path) -> Path:
    """A copy of this tree that has what was compiled and downloaded here, at ``tree``."""
    copy_tree(tree, compiled=True)
    cache = state_directory() / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    state_directory(tree).mkdir()
    (state_directory(tree) / "cache").symlink_to(cache)
    return tree


def noticed(fault: Fault, tree: Path) -> Mapping[str, str]:
    """What each function of a fault makes of it in a copy: ``red``, ``green``, or ``not reached``."""
    junit = tree / "junit.xml"
    junit.unlink(missing_ok=True)
    nodes = [f"{E2E}/{module}.py::{name}" for module, name in map(_split, fault.red)]
    inherited = {name: value for name, value in os.environ.items() if name != "LAB_ROOT"}
    # Without what these tests do not need: a third of the time to the first of them.
    there = inherited | {"PYTHONPATH": str(tree), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    with fault.put_into(tree):
        tests = [*PYTEST, f"--junit-xml={junit}", *nodes]
        try:
            subprocess.run(tests, timeout=LIMIT_S, cwd=tree, env=there, check=False)
        except subprocess.TimeoutExpired:
            sys.stderr.write(f"{fault.name}: not done after {LIMIT_S} s\n")
        with closing(find()) as engine:
            topology.down(engine, Checkout(tree.resolve()), force=True)
            if fault.file.startswith(str(RECIPES)):
                forget_images(engine, tree)
    return judged(fault.red, junit)


def forget_images(engine: DockerClient, tree: Path) -> None:
    """Remove the images that this tree's recipes lead to, and those of this checkout do not."""
    its, ours = (
        ImageStore(engine, state_directory(tree), directory=recipes).current_tags()
        for recipes in (tree / RECIPES, root() / RECIPES)
    )
    for tag in its - ours:
        with suppress(ImageNotFound):  # it was not made
            engine.images.remove(tag)


def judged(red: Sequence[str], junit: Path) -> dict[str, str]:
    """What a report says of functions: one item that fails is enough."""
    found = dict.fromkeys(red, "not reached")
    for item in ET.parse(junit).getroot().iter("testcase") if junit.exists() else ():
        module = item.get("classname", "").rpartition(".")[2]
        name = f"{module}.{item.get('name', '').partition('[')[0]}"
        if name not in found or item.find("error") is not None or item.find("skipped") is not None:
            continue
        if item.find("failure") is not None:
            found[name] = "red"
        elif found[name] != "red":
            found[name] = "green"
    return found


def _split(function: str) -> tuple[str, str]:
    module, _, name = function.partition(".")
    return module, name


def seen(tree: Path) -> dict[tuple[str, str], str]:
    """What was seen, by fault and function."""
    return {(fault, name): how for fault, name, how, _ in _rows(tree)}


def remember(tree: Path, fault: Fault, found: Mapping[str, str]) -> None:
    """Write down what was seen, over what was seen of the same fault before."""
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    rows = [row for row in _rows(tree) if row[0] != fault.name]
    rows += [[fault.name, name, how, today] for name, how in found.items()]
    text = "\n".join("\t".join(row) for row in [HEAD, *sorted(rows)])
    (tree / SEEN).write_text(text + "\n", encoding="utf-8")


def _rows(tree: Path) -> list[list[str]]:
    lines = (tree / SEEN).read_text(encoding="utf-8").splitlines()
    return [line.split("\t") for line in lines[1:]]


def main(words: Sequence[str]) -> int:
    """Try the faults; the status is 1 if one went unnoticed."""
    status = 0
    chosen = [one for one in read(root()).faults if not words or one.concerns(words)]
    with tempfile.TemporaryDirectory(prefix="faults-") as place:
        tree = copied(Path(place) / "tree")
        for number, fault in enumerate(chosen, start=1):
            print(f"== {number} of {len(chosen)}: {fault.name} ({fault.file})", flush=True)  # noqa: T201
            begun = time.monotonic()
            found = noticed(fault, tree)
            remember(root(), fault, found)
            for name, how in found.items():
                print(f"{how:12} {name}", flush=True)  # noqa: T201
            print(f"-- {time.monotonic() - begun:.0f} s", flush=True)  # noqa: T201
            status |= any(how != "red" for how in found.values())
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
