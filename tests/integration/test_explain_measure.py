"""How often `lab explain` is right on all that programs were heard to say, and that the document says so."""

from __future__ import annotations

import re

import pytest

from tests.explain.measure import DOCUMENT, Figures, answers, table, written
from tests.explain.texts import KNOWN

#: In points.
BEHIND = 4


@pytest.fixture(scope="module")
def known() -> Figures:
    return Figures.of(answers(KNOWN))


def test_the_known_texts_are_answered(known: Figures) -> None:
    assert known.first.percent >= 99
    assert known.exact.percent >= 94
    assert known.as_far_as_set_up.percent >= 94
    assert known.within_three.percent >= 99
    assert known.confidently_wrong.percent <= 0.5


def test_the_document_has_the_figures(known: Figures) -> None:
    """They may be a little behind a table of words that has changed."""
    now = table({"known": known})
    stands = written(DOCUMENT.read_text("utf-8"))
    assert len(numbers(now)) == len(numbers(stands)) > 0
    for measured, said in zip(numbers(now), numbers(stands), strict=True):
        assert abs(measured - said) <= BEHIND, "run make explain-measure"


def numbers(figures: str) -> list[float]:
    """The shares in percent, and the numbers of texts and programs."""
    return [float(n) for n in re.findall(r"(?<=\| )[\d.]+", figures)]
