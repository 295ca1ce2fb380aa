"""A server's configuration written anew: some lines other ones, each with a comment, the rest as it is.

What is not named keeps its place, its spelling and its comments, byte for byte. A comment that was written
here before goes when its line is written again. How a file of one server is written stands in that server's
folder; this is what they have in common.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lab.own.files import CONFIGURATION
from lab.own.findings import BLANKS, read_bytes

#: What a comment of the lab's begins with.
MARK = "# lab check: "
#: Bytes that are no UTF-8 go out as they came in.
_BYTES = "surrogateescape"


@dataclass(frozen=True)
class WrittenLine:
    """A line of a configuration, and what is said above it."""

    name: str
    """Of the option."""
    text: str
    """The whole line, without what the file's syntax ends it with; empty: the option's line is taken out."""
    comment: tuple[str, ...] = ()
    """Lines of a comment, without what marks it."""


#: The text of a configuration and the lines to be written; the text with them.
Rewrite = Callable[[str, Sequence[WrittenLine]], str]


@dataclass(frozen=True)
class StandingLine:
    """Where a file has an option: in one row, or in several of which each continues the one before."""

    first: int
    """The first row, counted from 0."""
    rows: int = 1
    tail: str = ""
    """A comment behind it, which stays."""
    holds: bool = False
    """Whether this is the one that holds, of several of its name."""


def read_exactly(path: Path) -> str:
    """A configuration file, so that :func:`as_bytes` gives the same bytes again.

    Raises:
        InputError: it cannot be read.
    """
    return read_bytes(path, CONFIGURATION).decode("utf-8", _BYTES)


def as_bytes(text: str) -> bytes:
    """A text of :func:`read_exactly` or :data:`Rewrite`, as it is written."""
    return text.encode("utf-8", _BYTES)


def plain(text: str) -> str:
    """A text of :func:`read_exactly` as :func:`lab.own.findings.read_text` gives it."""
    return as_bytes(text).decode("utf-8", "backslashreplace")


def marked(comment: Sequence[str]) -> list[str]:
    """A comment as lines of a file."""
    return [f"{MARK}{one}" for one in comment]


def without_marks(made: list[str]) -> None:
    """Take away the comments of the lab's at the end."""
    while made and made[-1].lstrip(BLANKS).startswith(MARK):
        made.pop()


def row_by_row(
    text: str,
    lines: Sequence[WrittenLine],
    standing: Mapping[str, Sequence[StandingLine]],
    *,
    behind: int | None = None,
    indented: bool = False,
) -> str:
    """A file that has one option a line, with these lines: each in the place of the one that holds.

    The others of its name become comments.

    Args:
        text: the file.
        lines: what is written; a comment above several that stand together is written once.
        standing: where the file has each option, by its name.
        behind: the row behind which options come that the file does not have; ``None``: at the end.
        indented: whether a comment may be indented as its line is.
    """
    rows = text.split("\n")
    wanted = {line.name: line for line in lines}
    named = {
        one.first: (wanted[n], one) for n, each in standing.items() if n in wanted for one in each
    }
    new = [line for line in lines if line.name not in standing and line.text]
    made: list[str] = []
    above: tuple[str, ...] = ()
    number = 0
    while number < len(rows):
        line, place = named.get(number, (None, StandingLine(number)))
        old = rows[number : number + place.rows]
        number += place.rows
        indent = _indent(old[0]) if indented else ""
        off = [f"{indent}# {row.lstrip(BLANKS)}" for row in old]
        if line is None:
            made += old
            above = ()
        elif not place.holds:
            made += off
            above = ()
        else:
            without_marks(made)
            made += [indent + one for one in marked(line.comment)] if line.comment != above else []
            made += [f"{indent}{line.text}{place.tail}"] if line.text else off
            above = line.comment if line.text else ()
        if behind is not None and behind < number and new:
            made += [indent + one for one in in_groups(new)]
            new, above = [], ()
    if new:
        while made and not made[-1].strip(BLANKS):
            made.pop()
        made += ["", *in_groups(new), ""]
    return "\n".join(made)


def last_ones(text: str, option_of: Callable[[str], str]) -> Mapping[str, Sequence[StandingLine]]:
    """Where each option stands, in a file of which the last line of an option holds.

    Args:
        text: the file.
        option_of: the option that a row sets; empty: it sets none.
    """
    found: dict[str, list[StandingLine]] = {}
    for number, row in enumerate(text.split("\n")):
        if name := option_of(row):
            found.setdefault(name, []).append(StandingLine(number))
    return {name: [*each[:-1], replace(each[-1], holds=True)] for name, each in found.items()}


def _indent(row: str) -> str:
    return row[: len(row) - len(row.lstrip(" \t"))]


def in_groups(lines: Sequence[WrittenLine], end: str = "") -> Iterator[str]:
    """The lines, those with the same comment together under it."""
    by_comment: dict[tuple[str, ...], list[WrittenLine]] = {}
    for line in lines:
        by_comment.setdefault(line.comment, []).append(line)
    for comment, each in by_comment.items():
        yield from marked(comment)
        yield from (f"{line.text}{end}" for line in each)
