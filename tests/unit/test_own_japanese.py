"""What is said of a person's files is said in Japanese as well, with the same facts."""

from __future__ import annotations

import re

import pytest

from lab.own.findings import Finding, Findings, Severity, data

TABLES = ("attempt.toml", "backend.toml", "chain.toml", "mt.toml", "pem.toml")
#: Words for things that come before the places of a number or a line in one language only.
_PLACE = re.compile(r"\{(\w+)")


@pytest.mark.parametrize("table", TABLES)
def test_all_words_are_there_in_japanese_and_none_is_left_over(table: str) -> None:
    english = {**data(table)["words"], **data(table).get("phrases", {})}
    english.pop("no-names", None)  # a part of another
    assert english.keys() == data(table)["ja"].keys()


@pytest.mark.parametrize("table", TABLES)
def test_what_is_filled_in_is_known_in_both_languages(table: str) -> None:
    english = {**data(table)["words"], **data(table).get("phrases", {})}
    for name, ja in data(table)["ja"].items():
        # beside the text of a number of days, the number itself is given
        known = {*_PLACE.findall(english[name]), "number"}
        assert set(_PLACE.findall(ja)) <= known, name


def test_a_finding_is_said_in_either_language() -> None:
    found = Findings("my.vcl", "backend.toml")
    found.say("commas", 3)
    (finding,) = found
    assert finding.in_("en") == str(finding)
    assert finding.in_("ja").startswith("my.vcl:3: 注記: コンマは")
    # what nobody has put in Japanese is said in English
    assert Finding(Severity.NOTE, "a", 1, "b").in_("ja") == "a:1: note: b"
