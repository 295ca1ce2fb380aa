"""A vsftpd.conf written anew."""

from __future__ import annotations

from collections.abc import Sequence

from lab.own.findings import BLANKS
from lab.own.rewriting import WrittenLine, last_ones, row_by_row


def vsftpd_conf(text: str, lines: Sequence[WrittenLine]) -> str:
    """A vsftpd.conf with these lines: each where the file has the option last, else at the end.

    Of a repeated option the last line holds; the ones before it become comments.
    """
    return row_by_row(text, lines, last_ones(text, _option))


def _option(row: str) -> str:
    """The option that a line of a vsftpd.conf sets; empty: it sets none."""
    if row.startswith("#") or not row.strip(BLANKS):
        return ""
    return row.lstrip(BLANKS).partition("=")[0]
