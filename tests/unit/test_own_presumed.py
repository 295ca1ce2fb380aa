"""What is presumed of the operator's server, in both languages."""

from __future__ import annotations

import pytest

from lab.model import Goal, Outcome, Result
from lab.own.presumed import in_both_languages, wordings
from lab.remedies.words import InBothLanguages
from lab.report.html.language import outcome_words

VALUES = {
    name: f"/srv/{name}"
    for name in (
        "MinUID",
        "banned_email_file",
        "build",
        "chroot_list_file",
        "email_password_file",
        "guest_username",
        "line",
        "name",
        "userlist_file",
        "value",
        "version",
    )
}


@pytest.mark.parametrize("wording", list(wordings()), ids=lambda one: one.en)
@pytest.mark.parametrize("place", ["vsftpd.conf:12", "my settings (2).conf"])
def test_every_wording_is_known_by_its_english(wording: InBothLanguages, place: str) -> None:
    said = wording.format(**VALUES)
    assert said.ja != said.en
    found = in_both_languages(f"{said.en} ({place})")
    assert found == InBothLanguages(f"{said.en} ({place})", f"{said.ja} ({place})")


def test_a_value_with_braces_stands_as_it_is() -> None:
    assert in_both_languages("the file /a{b} is there (a)").ja == "ファイル /a{b} がある (a)"


def test_somebodys_own_words_are_the_same_in_both_languages() -> None:
    assert in_both_languages("the moon is full").ja == "the moon is full"


def test_an_outcome_says_in_japanese_what_it_presumes() -> None:
    presumed = ("the file /x is there (a.conf:3)", "write_enable=YES is set (a.conf)")
    outcome = Outcome(result=Result.COMPLETED, goal=Goal.TRANSFER, presumed=presumed)
    words = outcome_words(outcome)
    assert "ファイル /x がある (a.conf:3)、write_enable=YES が設定されている (a.conf)" in words.ja
    assert "the file /x is there (a.conf:3), write_enable=YES is set (a.conf)" in words.en
