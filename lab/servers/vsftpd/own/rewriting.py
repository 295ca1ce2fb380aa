"""A vsftpd.conf written anew."""

from __future__ import annotations

from collections.abc import Sequence

from lab.own.findings import BLANKS
from lab.own.rewriting import WrittenLine, in_groups, marked, without_marks


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
            without_marks(made)
            line = wanted[name]
            made += marked(line.comment) if line.comment != above else ()
            made.append(line.text or f"# {row.lstrip(BLANKS)}")
            above = line.comment if line.text else ()
    missing = [line for line in lines if line.name not in last and line.text]
    if missing:
        while made and not made[-1].strip(BLANKS):
            made.pop()
        made += ["", *in_groups(missing), ""]
    return "\n".join(made)


def _option(row: str) -> str:
    """The option that a line of a vsftpd.conf sets; empty: it sets none."""
    if row.startswith("#") or not row.strip(BLANKS):
        return ""
    return row.lstrip(BLANKS).partition("=")[0]
