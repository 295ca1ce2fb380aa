"""A server's configuration written anew: some lines other ones, each with a comment, the rest as it is.

What is not named keeps its place, its spelling and its comments, byte for byte. A comment that was written
here before goes when its line is written again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab.own.files import CONFIGURATION
from lab.own.findings import BLANKS, read_bytes

#: What a comment of the lab's begins with.
MARK = "# lab check: "
#: Bytes that are no UTF-8 go out as they came in.
_BYTES = "surrogateescape"
_VALUE = r"""\s(?:[^;'"]|'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*")*;"""


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


def vsftpd_conf(text: str, lines: Sequence[WrittenLine]) -> str:
    """A vsftpd.conf with these lines: each where the file has the option last, else at the end.

    Of a repeated option the last line holds; the ones before it become comments.
    """
    wanted = {line.name: line for line in lines}
    rows = text.split("\n")
    last = {name: n for n, row in enumerate(rows) if (name := _option(row)) in wanted}
    made: list[str] = []
    above: tuple[str, ...] = ()
    for number, row in enumerate(rows):
        name = _option(row)
        if name not in wanted:
            made.append(row)
            above = ()
        elif last[name] != number:
            made.append(f"# {row.lstrip(BLANKS)}")
            above = ()
        else:
            _without_marks(made)
            line = wanted[name]
            made += _marked(line.comment) if line.comment != above else ()
            made.append(line.text or f"# {row.lstrip(BLANKS)}")
            above = line.comment if line.text else ()
    missing = [line for line in lines if line.name not in last and line.text]
    if missing:
        while made and not made[-1].strip(BLANKS):
            made.pop()
        made += ["", *_in_groups(missing), ""]
    return "\n".join(made)


def nginx_conf(server_line: int, own: Mapping[str, Sequence[int]]) -> Rewrite:
    """What writes an nginx.conf with these lines: each where the server has the directive, else at its top.

    Args:
        server_line: where the server's block begins.
        own: the lines of the directives that stand in this block itself. A repeated one stays once.
    """

    def rewrite(text: str, lines: Sequence[WrittenLine]) -> str:
        starts = [0, *(match.end() for match in re.finditer("\n", text))]
        brace = text.index("{", starts[server_line - 1])
        indent = " " * (4 + len(_indent(text, starts[server_line - 1])))
        edits: list[tuple[int, int, str]] = []
        for line in lines:
            places = _places(text, line.name, [starts[n - 1] for n in own.get(line.name, ())])
            edits += [_in_place(text, begin, end, line, indent) for begin, end in places[:1]]
            edits += [(begin, end, "") for begin, end in places[1:]]
        if new := [line for line in lines if line.name not in own and line.text]:
            inserted = "\n".join(f"{indent}{one}" for one in _in_groups(new, ";"))
            rest = "" if text[brace + 1 :].split("\n", 1)[0].strip() == "" else f"\n{indent}"
            edits.append((brace + 1, brace + 1, f"\n{inserted}{rest}"))
        for begin, end, instead in sorted(edits, reverse=True):
            text = text[:begin] + instead + text[end:]
        return text

    return rewrite


def _places(text: str, name: str, rows: Sequence[int]) -> list[tuple[int, int]]:
    """Where a directive stands, from its name to its semicolon.

    Args:
        text: the file.
        name: of the directive.
        rows: where the lines begin in which it does, one for each time.
    """
    directive = re.compile(rf"(?<![\w$]){re.escape(name)}{_VALUE}")
    found: list[tuple[int, int]] = []
    for row in rows:
        match = directive.search(text, max(row, found[-1][1] if found else 0))
        assert match is not None, f"the parser saw {name} there"
        found.append(match.span())
    return found


def _in_place(
    text: str, begin: int, end: int, line: WrittenLine, indent: str
) -> tuple[int, int, str]:
    """What is replaced by a line with its comment, and by what."""
    row = text.rfind("\n", 0, begin) + 1
    alone = not text[row:begin].strip()
    here = _indent(text, row) if alone else indent
    block = [*_marked(line.comment), *([f"{line.text};"] if line.text else [])]
    written = "\n".join(f"{here}{one}" for one in block)
    return (_above(text, row) if alone else begin), end, written if alone else f"\n{written}"


def _option(row: str) -> str:
    """The option that a line of a vsftpd.conf sets; empty: it sets none."""
    if row.startswith("#") or not row.strip(BLANKS):
        return ""
    return row.lstrip(BLANKS).partition("=")[0]


def _marked(comment: Sequence[str]) -> list[str]:
    return [f"{MARK}{one}" for one in comment]


def _without_marks(made: list[str]) -> None:
    """Take away the comments of the lab's at the end."""
    while made and made[-1].lstrip(BLANKS).startswith(MARK):
        made.pop()


def _in_groups(lines: Sequence[WrittenLine], end: str = "") -> Iterator[str]:
    """The lines, those with the same comment together under it."""
    by_comment: dict[tuple[str, ...], list[WrittenLine]] = {}
    for line in lines:
        by_comment.setdefault(line.comment, []).append(line)
    for comment, each in by_comment.items():
        yield from _marked(comment)
        yield from (f"{line.text}{end}" for line in each)


def _indent(text: str, start: int) -> str:
    found = re.compile(r"[ \t]*").match(text, start)
    return found[0] if found else ""


def _above(text: str, row: int) -> int:
    """Where the comments of the lab's above a line begin; without any, where the line itself does."""
    while row and (before := text.rfind("\n", 0, row - 1) + 1) < row:
        if not text[before:row].lstrip(BLANKS).startswith(MARK):
            break
        row = before
    return row
