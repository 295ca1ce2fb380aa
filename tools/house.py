"""How large the house is: files and lines of lab/, scenarios/ and compose/, room by room.

``make house`` prints it; ``make house BASELINE=DIRECTORY`` beside those of another checkout, with ratios;
``make house SINCE="COMMIT ..."`` says what of the first commit's lines is still there, and what came later;
commits behind it are left out, as if they had come later.
"""

from __future__ import annotations

import argparse
import ast
import io
import os
import re
import subprocess
import sys
import tokenize
from collections import defaultdict
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

FOLDERS = ("lab", "scenarios", "compose")
#: A file of at most so many lines is a small one.
SMALL = 60
#: In the porcelain of ``git blame`` and in a difference (git-blame(1), git-diff(1)).
_BLAMED = re.compile(r"^([0-9a-f]{40}) \d+ (\d+)", re.MULTILINE)
_HUNK = re.compile(r"^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@", re.MULTILINE)
_NO_CODE = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENDMARKER,
}


@dataclass(frozen=True)
class Size:
    """What some Python files have."""

    files: int = 0
    small: int = 0
    code: int = 0
    """Lines with code: neither blank, nor a comment, nor of a docstring."""
    docstrings: int = 0
    """Lines of docstrings, those of attributes included."""

    def __add__(self, other: Size) -> Size:
        return Size(
            self.files + other.files,
            self.small + other.small,
            self.code + other.code,
            self.docstrings + other.docstrings,
        )

    @property
    def share(self) -> float:
        """Docstrings among the lines of docstrings and code."""
        return self.docstrings / (self.docstrings + self.code or 1)


def size_of(source: str) -> Size:
    """The size of one file.

    Raises:
        SyntaxError: it is no Python.
    """
    code, docstrings = _lines(source)
    return Size(1, int(source.count("\n") <= SMALL), len(code), len(docstrings))


def _lines(source: str) -> tuple[set[int], set[int]]:
    """The numbers of the lines with code, and of those of docstrings."""
    docstrings: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        text = node.value if isinstance(node, ast.Expr) else None
        if isinstance(text, ast.Constant) and isinstance(text.value, str):
            docstrings.update(range(text.lineno, (text.end_lineno or text.lineno) + 1))
    code: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in _NO_CODE:
            code.update(range(token.start[0], token.end[0] + 1))
    return code - docstrings, docstrings


def rooms(checkout: Path) -> dict[str, Size]:
    """Sizes by room: a folder of lab/, or one of the other two."""
    found: defaultdict[str, Size] = defaultdict(Size)
    for path in _files(checkout):
        parts = path.relative_to(checkout).parts
        inside = parts[0] == "lab" and len(parts) > 2
        found["/".join(parts[:2]) if inside else parts[0]] += size_of(path.read_text("utf-8"))
    return dict(found)


def _files(checkout: Path) -> Iterator[Path]:
    for folder in FOLDERS:
        yield from sorted((checkout / folder).rglob("*.py"))


@dataclass(frozen=True)
class Left:
    """What is left of the code lines of a commit."""

    then: int
    """Code lines of the commit itself."""
    same: int = 0
    """As they were, wherever they stand now: ``git blame`` finds lines that were moved or copied, too."""
    changed: int = 0
    """In the same place with other words: of each hunk of the difference at most as many as stood there.

    What takes the place of lines that moved away is among them: the sum is rather too high.
    """

    def __add__(self, other: Left) -> Left:
        return Left(self.then + other.then, self.same + other.same, self.changed + other.changed)


def left_of(checkout: Path, commit: str, without: Iterable[str] = ()) -> Left:
    """What is left of a commit in the checkout's ``HEAD``.

    Args:
        checkout: a repository.
        commit: a commit in the history of ``HEAD``.
        without: others, whose lines count as such that came later.

    Raises:
        subprocess.CalledProcessError: there is no such commit.
    """

    def git(*words: str) -> str:
        command = ["git", "-C", str(checkout), *words]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    known = set(git("rev-list", commit).split())
    known -= {git("rev-parse", other).strip() for other in without}

    def code_of(revision: str, path: str) -> dict[int, bool]:
        """Of each line with code whether it came with these commits."""
        blamed = git("blame", "-w", "-M", "-C", "-C", "--porcelain", revision, "--", path)
        code, _ = _lines(git("show", f"{revision}:{path}"))
        came = {int(number): by in known for by, number in _BLAMED.findall(blamed)}
        return {number: came[number] for number in code}

    def left(path: str) -> Left:
        before = code_of(commit, path) if path in there else {}
        now = code_of("HEAD", path) if path in here else {}
        changed = 0
        for removed, added in _hunks(git("diff", "-w", "-U0", commit, "HEAD", "--", path)):
            stood = sum(before.get(number, False) for number in removed)
            changed += min(stood, sum(now.get(number) is False for number in added))
        return Left(sum(before.values()), sum(now.values()), changed if before else 0)

    there, here = (
        {
            path
            for path in git("ls-tree", "-r", "--name-only", of, *FOLDERS).split()
            if path.endswith(".py")
        }
        for of in (commit, "HEAD")
    )
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return sum(pool.map(left, sorted(there | here)), Left(0))


def _hunks(difference: str) -> Iterator[tuple[range, range]]:
    """The numbers of the lines that each hunk removes and adds."""
    for found in _HUNK.findall(difference):
        before, removed, now, added = (int(number or 1) for number in found)
        yield range(before, before + removed), range(now, now + added)


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, prog="make house")
    parser.add_argument("--baseline", type=Path, help="another checkout, to compare with")
    parser.add_argument(
        "--since", nargs="+", metavar="COMMIT", help="what of it is left, less others"
    )
    words = parser.parse_args()
    baseline = words.baseline
    here = rooms(Path(__file__).parents[1])
    total = sum(here.values(), Size())
    say = sys.stdout.write
    say(f"{'room':24}{'files':>6}{'small':>6}{'code':>8}{'docs':>7}\n")
    for name, size in sorted(here.items(), key=lambda item: -item[1].code):
        say(f"{name:24}{size.files:6}{size.small:6}{size.code:8}{size.docstrings:7}\n")
    say(f"{'all':24}{total.files:6}{total.small:6}{total.code:8}{total.docstrings:7}\n")
    in_lab = sum((s for name, s in here.items() if name.startswith("lab")), Size())
    say(f"Python files in lab/: {in_lab.files}; share of docstrings: {total.share:.3f}\n")
    if baseline is not None:
        before = sum(rooms(baseline).values(), Size())
        ratio = total.code / before.code
        say(f"baseline: code {before.code}, docstrings {before.share:.3f}; code x {ratio:.2f}\n")
    if words.since:
        commit, *without = words.since
        left = left_of(Path(__file__).parents[1], commit, without)
        still = left.same + left.changed
        say(
            f"of {left.then} code lines of {commit}: {left.same} as they were, {left.changed} changed\n"
            f"together {still}; {total.code - still} came later\n"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
