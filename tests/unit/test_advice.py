"""An error that tells an operator what to do."""

from __future__ import annotations

from enum import StrEnum

from lab.advice import AdvisedError


class Kind(StrEnum):
    BROKEN = "broken"


def told(*advice: str) -> str:
    return str(AdvisedError(Kind.BROKEN, tried="Doing it", happened="it broke", advice=advice))


def test_one_way_out_is_said_in_a_line() -> None:
    assert told("mend it") == "Doing it: it broke\n  What to do: mend it"


def test_several_ways_out_are_numbered_and_stay_indented() -> None:
    assert told("a", "b\nand c").splitlines()[1:] == [
        "  What to do, one of:",
        "  1. a",
        "  2. b",
        "     and c",
    ]


def test_without_a_way_out_there_is_no_empty_heading() -> None:
    assert told() == "Doing it: it broke"
