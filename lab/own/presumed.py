"""What must hold on the operator's server for a completion to count there, in both languages.

An outcome has it in English, as a server's own table words it; the Japanese is found by that wording.
"""

from __future__ import annotations

import functools
import re
import string
from collections.abc import Iterator

from lab.own.configurations import readers
from lab.own.findings import data
from lab.remedies.words import InBothLanguages, pattern_of

_AROUND = "findings.toml"


def presumption(what: str, place: str) -> str:
    """What is presumed, with the place that presumes it, as an outcome has it."""
    return _with_place().format(what=what, place=place).en


def wordings() -> Iterator[InBothLanguages]:
    """Every wording of a presumption, with the places of its values."""
    for reader in readers().values():
        yield from reader.reading.presumptions()
    yield sent_alone()


def sent_alone() -> InBothLanguages:
    """What is presumed of a certificate that nobody has given and whose chain its server does not send."""
    return InBothLanguages(**data(_AROUND)["phrases"]["sent-alone"])


def in_both_languages(presumed: str) -> InBothLanguages:
    """A presumption of an outcome; one of somebody's own words is the same in both languages."""
    for pattern, ja in _patterns():
        found = pattern.fullmatch(presumed)
        if found is not None:
            return InBothLanguages(presumed, ja.format(**found.groupdict()))
    return InBothLanguages(presumed, presumed)


def _with_place() -> InBothLanguages:
    return InBothLanguages(**data(_AROUND)["phrases"]["presumed"])


@functools.cache
def _patterns() -> tuple[tuple[re.Pattern[str], str], ...]:
    """What matches each wording, the one that says most first, and its Japanese."""
    each = {_with_place().format(what=one, place="{place}") for one in wordings()}
    parse = string.Formatter().parse
    longest_first = sorted(each, key=lambda one: -sum(len(text) for text, *_ in parse(one.en)))
    return tuple((re.compile(pattern_of(one.en)), one.ja) for one in longest_first)
