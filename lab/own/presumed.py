"""What must hold on the operator's server for a completion to count there, in both languages.

An outcome has it in English, as ``vsftpd.toml`` words it; the Japanese is found by that wording.
"""

from __future__ import annotations

import functools
import re
import string
from collections.abc import Iterator

from lab.own.findings import data
from lab.remedies.words import InBothLanguages, pattern_of

_TABLE = "vsftpd.toml"


def wordings() -> Iterator[InBothLanguages]:
    """Every wording of a presumption, with the places of its values."""
    table = data(_TABLE)
    for given in (*table["option"].values(), *table["rule"]):
        if "presumes" in given:
            yield InBothLanguages(given["presumes"], given["presumes_ja"])
    yield InBothLanguages(**table["phrases"]["other-build"])


def in_both_languages(presumed: str) -> InBothLanguages:
    """A presumption of an outcome; one of somebody's own words is the same in both languages."""
    for pattern, ja in _patterns():
        found = pattern.fullmatch(presumed)
        if found is not None:
            return InBothLanguages(presumed, ja.format(**found.groupdict()))
    return InBothLanguages(presumed, presumed)


@functools.cache
def _patterns() -> tuple[tuple[re.Pattern[str], str], ...]:
    """What matches each wording, the one that says most first, and its Japanese."""
    with_place = InBothLanguages(**data(_TABLE)["phrases"]["presumed"])
    each = {with_place.format(what=one, place="{place}") for one in wordings()}
    longest_first = sorted(each, key=lambda one: -len("".join(_literals(one.en))))
    return tuple((re.compile(pattern_of(one.en)), one.ja) for one in longest_first)


def _literals(words: str) -> Iterator[str]:
    return (literal for literal, *_ in string.Formatter().parse(words))
