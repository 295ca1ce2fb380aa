"""A pure-ftpd.conf written anew."""

from __future__ import annotations

from collections.abc import Sequence

from lab.own.rewriting import WrittenLine, last_ones, row_by_row
from lab.servers.pure_ftpd.own.reading import option_set_by


def pure_ftpd_conf(text: str, lines: Sequence[WrittenLine]) -> str:
    """A pure-ftpd.conf with these lines: each where the file has the option last, else at the end.

    Of a repeated value the last line holds; the ones before it become comments.
    """
    return row_by_row(text, lines, last_ones(text, option_set_by))
