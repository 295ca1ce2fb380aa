"""An nginx.conf written anew."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from lab.own.findings import BLANKS
from lab.own.rewriting import MARK, Rewrite, WrittenLine, in_groups, marked

_VALUE = r"""\s(?:[^;'"]|'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*")*;"""


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
            inserted = "\n".join(f"{indent}{one}" for one in in_groups(new, ";"))
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
    block = [*marked(line.comment), *([f"{line.text};"] if line.text else [])]
    written = "\n".join(f"{here}{one}" for one in block)
    return (_above(text, row) if alone else begin), end, written if alone else f"\n{written}"


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
