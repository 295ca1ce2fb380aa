"""How large the house is: files and lines of lab/, scenarios/ and compose/, room by room.

``make house`` prints it; ``make house BASELINE=DIRECTORY`` beside those of another checkout, with ratios.
"""

from __future__ import annotations

import argparse
import ast
import io
import sys
import tokenize
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FOLDERS = ("lab", "scenarios", "compose")
#: A file of at most so many lines is a small one.
SMALL = 60
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
    docstrings: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        text = node.value if isinstance(node, ast.Expr) else None
        if isinstance(text, ast.Constant) and isinstance(text.value, str):
            docstrings.update(range(text.lineno, (text.end_lineno or text.lineno) + 1))
    code: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in _NO_CODE:
            code.update(range(token.start[0], token.end[0] + 1))
    lines = source.count("\n")
    return Size(1, int(lines <= SMALL), len(code - docstrings), len(docstrings))


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


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, prog="make house")
    parser.add_argument("--baseline", type=Path, help="another checkout, to compare with")
    baseline = parser.parse_args().baseline
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
    return 0


if __name__ == "__main__":
    sys.exit(main())
