"""Texts from outside in sentences, and the words that were meant."""

from __future__ import annotations

import pytest

from lab.text import (
    LONGEST_MESSAGE,
    LONGEST_QUOTE,
    closest,
    cut,
    did_you_mean,
    listed,
    no_such,
    one_line,
    visible,
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\r\nb\tc", "a\nb\tc"),
        ("a\rb", "a\\x0db"),
        ("\x1b[31m\x9b", "\\x1b[31m\\x9b"),
        ("a\u202eb\u200bc", "a\\u202eb\\u200bc"),
        ("\ud800", "\\ud800"),
        ("\U000e0001", "\\U000e0001"),
        ("証明書の期限\u3000é", "証明書の期限\u3000é"),
    ],
)
def test_what_would_move_a_terminal_or_not_be_seen_becomes_an_escape(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_a_sentence_is_one_line_with_an_end() -> None:
    assert one_line("a\nb") == "a\\nb"
    assert one_line("x" * 10_000) == "x" * (LONGEST_MESSAGE - 3) + "..."
    assert cut("x" * LONGEST_QUOTE) == "x" * LONGEST_QUOTE
    assert len(cut("x" * 1000)) == LONGEST_QUOTE
    assert listed("abcde", most=3) == "a, b, c and 2 more"
    assert listed(iter("ab"), most=3) == "a, b"


def test_the_closest_words_are_found_whatever_their_case() -> None:
    known = ["DEFAULT", "FIPS", "FUTURE"]
    assert closest("fips", known) == ["FIPS"]
    assert closest("FUTUR", known, most=1) == ["FUTURE"]
    assert closest("x" * 100, ["x" * 100]) == []
    assert did_you_mean("futre", known, write="`{}`") == "; did you mean `FUTURE`?"
    assert did_you_mean("nothing like it", known, otherwise=".") == "."


def test_an_unknown_word_is_answered_with_the_closest_and_with_all() -> None:
    known = ["client", "server", "network"]
    wanted = "no side 'srver'; did you mean server? There are: client, server, network"
    assert no_such("side", "srver", known) == wanted
    assert no_such("side", "x", ["client"]) == "no side 'x'. There are: client"
