"""A proftpd.conf written anew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lab.own.rewriting import Rewrite, StandingLine, WrittenLine, row_by_row


def proftpd_conf(standing: Mapping[str, Sequence[StandingLine]], behind: int | None) -> Rewrite:
    """What writes a proftpd.conf with these lines: each where the directive is in force, in the same section.

    Args:
        standing: where the directives in force stand. Those of a name that do not hold become comments.
        behind: the row behind which directives come that no line in force sets; ``None``: at the end.
    """

    def rewrite(text: str, lines: Sequence[WrittenLine]) -> str:
        return row_by_row(text, lines, standing, behind=behind, indented=True)

    return rewrite
