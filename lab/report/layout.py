"""Text in lines of so many columns: the one place where lines of terminal text are broken.

What has no colours is broken without the library that colours.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from rich.cells import cell_len, chop_cells

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

#: Lines are so long where nobody asks for something else.
COLUMNS: Final = 80
#: Words are not pressed into fewer columns than this, however narrow the terminal.
_NARROWEST: Final = 20
#: What no line may begin with, and what none may end with, in Japanese; as in a set of a pattern.
_NOT_FIRST = "、。,.:;!?)\\]」』】\u3015ー々ぁぃぅぇぉっゃゅょァィゥェォッャュョ"
_NOT_LAST = "「『(\\[【\u3014"
_WIDE = "\u2e80-\u9fff\uf900-\ufaff\uff00-\uff60"
#: Latin words whole, Japanese letter by letter.
_UNITS = re.compile(
    f"\\s+|[{_NOT_LAST}]*(?:[^\\s{_WIDE}]+|[^\\s{_NOT_LAST}])[{_NOT_FIRST}]*|[{_NOT_LAST}]+"
)


def wrap(words: str | Text, columns: int = COLUMNS) -> list[Text]:
    """The words in lines of at most so many columns, wide letters counted as two.

    Lines end where the text's own do; between Latin words they end at blanks, in Japanese anywhere but before
    a closing mark. What is longer than a line is cut.
    """
    from rich.text import Text  # noqa: PLC0415 - only where there are colours

    text = Text(words) if isinstance(words, str) else words
    lines: list[Text] = []
    for own in text.split("\n", allow_blank=True):
        for line in own.divide(_ends(own.plain, columns)):
            line.rstrip()
            lines.append(line)
    return lines or [Text()]


def hang(prefix: str | Text, words: str | Text, columns: int = COLUMNS) -> list[Text]:
    """The words behind a prefix; further lines begin below their first letter."""
    from rich.text import Text  # noqa: PLC0415 - only where there are colours

    head = Text(prefix) if isinstance(prefix, str) else prefix
    lines = []
    for words_of_line in wrap(words, _left(columns, head.cell_len)):
        # The prefix keeps its style to itself.
        lines.append(Text().append_text(head).append_text(words_of_line))
        lines[-1].rstrip()
        head = Text(" " * head.cell_len)
    return lines


def hung(prefix: str, words: str, columns: int = COLUMNS) -> list[str]:
    """The lines of :func:`hang` as plain text."""
    indent = cell_len(prefix)
    lines = broken(words, _left(columns, indent))
    heads = [prefix, *[" " * indent] * (len(lines) - 1)]
    return [(head + line).rstrip() for head, line in zip(heads, lines, strict=True)]


def broken(words: str, columns: int = COLUMNS) -> list[str]:
    """The lines of :func:`wrap` as plain text."""
    lines = []
    for own in words.split("\n"):
        ends = [0, *_ends(own, columns), len(own)]
        lines += [own[begin:end].rstrip() for begin, end in pairwise(ends)]
    return lines


def _left(columns: int, indent: int) -> int:
    """How many columns are left for words."""
    return max(columns - indent, _NARROWEST)


def print_hanging(console: Console, prefix: str | Text, words: str | Text) -> None:
    """Print words behind a prefix, as wide as the console is."""
    for line in hang(prefix, words, console.width):
        console.print(line, soft_wrap=True)


def padded(label: str, columns: int) -> str:
    """The label, and blanks up to so many columns and one more."""
    return label + " " * (max(columns - cell_len(label), 0) + 1)


def _ends(line: str, columns: int) -> Iterator[int]:
    """Where a line is divided."""
    if len(line) * (1 if line.isascii() else 2) <= columns:  # no letter is wider than that
        return
    measured = len if line.isascii() and line.isprintable() else cell_len
    used, filled = 0, False
    for found in _UNITS.finditer(line):
        unit, place = found[0], found.start()
        if unit.isspace():
            used += measured(unit)
            continue
        if filled and used + measured(unit) > columns:
            yield place
            used = 0
        while used + measured(unit) > columns:
            piece = chop_cells(unit, max(columns - used, 2))[0]
            place += len(piece)
            yield place
            unit, used = unit[len(piece) :], 0
        used, filled = used + measured(unit), True
