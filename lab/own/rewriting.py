"""A server's configuration written anew: some lines other ones, each with a comment, the rest as it is.

What is not named keeps its place, its spelling and its comments, byte for byte. A comment that was written
here before goes when its line is written again. How a file of one server is written stands in that server's
folder; this is what they have in common.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
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


def read_exactly(path: Path) -> str:
    """A configuration file, so that :func:`as_bytes` gives the same bytes again.

    Raises:
        InputError: it cannot be read.
    """
    return read_bytes(path, CONFIGURATION).decode("utf-8", _BYTES)


def as_bytes(text: str) -> bytes:
    """A text of :func:`read_exactly` or :data:`Rewrite`, as it is written."""
    return text.encode("utf-8", _BYTES)


def marked(comment: Sequence[str]) -> list[str]:
    """A comment as lines of a file."""
    return [f"{MARK}{one}" for one in comment]


def without_marks(made: list[str]) -> None:
    """Take away the comments of the lab's at the end."""
    while made and made[-1].lstrip(BLANKS).startswith(MARK):
        made.pop()


def in_groups(lines: Sequence[WrittenLine], end: str = "") -> Iterator[str]:
    """The lines, those with the same comment together under it."""
    by_comment: dict[tuple[str, ...], list[WrittenLine]] = {}
    for line in lines:
        by_comment.setdefault(line.comment, []).append(line)
    for comment, each in by_comment.items():
        yield from marked(comment)
        yield from (f"{line.text}{end}" for line in each)
