"""Which of many words occur in a text, and which patterns are tried for that."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.explain.occurring import Literals, PatternsByWord
from lab.explain.patterns import literal_first, literals

WORDS = st.text(alphabet="abc ", min_size=1, max_size=9)


@given(st.lists(WORDS), st.text(alphabet="abc ", max_size=60), st.lists(st.slices(60)))
def test_the_words_that_occur_are_found_and_no_others(
    words: list[str], text: str, pieces: list[slice]
) -> None:
    words += [text[piece] for piece in pieces if text[piece]]
    assert Literals(words).within(text) == {word for word in words if word in text}


@pytest.mark.parametrize("before", range(9))
def test_long_words_are_found_wherever_they_begin_and_end(before: int) -> None:
    words = Literals(
        ["certificate", "certificate expired", "証明書の有効期限", "expired \udc80 now"]
    )
    for word in ("certificate", "証明書の有効期限", "expired \udc80 now"):
        assert words.within("x" * before + word + "y" * 3) == {word}
        assert not words.within("x" * before + word[:-1] + "y" * 3)


def test_a_word_occurs_at_either_end_and_alone() -> None:
    words = Literals(["certificate", "expired", "eof"])
    assert words.within("certificate has expired") == {"certificate", "expired"}
    assert words.within("expired") == {"expired"}
    assert words.within("eof") == {"eof"}
    assert not words.within("")


def test_a_pattern_is_tried_for_any_word_of_each_group_once_and_in_its_place() -> None:
    patterns = PatternsByWord(
        [
            ("first", "(b+|c+)d", [["bbb", "ccc"], ["d"]]),
            ("always", "[xy]", []),
            ("last", "a+", [["aaa"]]),
        ]
    )
    assert set(patterns.words) == {"aaa", "bbb", "ccc"}

    def tried(text: str) -> list[str]:
        occurring = Literals(patterns.words).within(text)
        return [name for name, *_ in patterns.possible(text, occurring)]

    assert tried("aaa cccd bbb") == ["first", "always", "last"]
    assert tried("aaa ccc") == ["always", "last"]
    assert tried("d") == ["always"]


@pytest.mark.parametrize(
    ("pattern", "groups"),
    [
        ("error|fail", [("error", "fail")]),
        (
            "[Ee]rror code:? ?525",
            [("error code 525", "error code525", "error code: 525", "error code:525")],
        ),
        (r"\b(?:smtp|ftp)d\[\d+\]: lost", [("]: lost",), ("ftpd[", "smtpd[")]),
        ("a(?:bc|de)+ closed", [(" closed",)]),
        ("(?:abc|def)+ closed", [(" closed",), ("abc", "def")]),
        ("tls[0-9]", [tuple(f"tls{number}" for number in range(10))]),
        ("[^a]bc|def", []),
        ("ab", []),
    ],
)
def test_of_each_group_of_words_a_match_has_one(
    pattern: str, groups: list[tuple[str, ...]]
) -> None:
    assert literals(pattern) == groups


PIECES = st.sampled_from(
    ["a", "b", "C", "[aC]", "[^a]", "(?:", "|", ")", "?", "+", "{2}", r"\b", "."]
)


@given(st.lists(PIECES, max_size=12), st.text(alphabet="abcC", max_size=24))
def test_no_match_is_without_a_word_of_each_group(pieces: list[str], text: str) -> None:
    pattern = "".join(pieces)
    try:
        found = re.search(pattern, text)
    except re.error:
        return
    if found:
        assert all(any(word in text.lower() for word in words) for words in literals(pattern))


@pytest.mark.parametrize(
    ("pattern", "same"),
    [
        (r"\bpid[ =:]\d+", r"pid(?<=\bpid)[ =:]\d+"),
        (r"a|\bfoo bar\b|(?:\bx+)", r"a|foo(?<=\bfoo) bar\b|(?:\bx+)"),
        (r"\bpop3?d", r"pop(?<=\bpop)3?d"),
        (r"\\bfoo|\b(?:a|b)", r"\\bfoo|\b(?:a|b)"),
    ],
)
def test_a_word_is_looked_for_before_its_edge(pattern: str, same: str) -> None:
    assert literal_first(pattern) == same


@given(st.text(alphabet=r"fox \b|?", max_size=12), st.text(alphabet="fox \\b", max_size=20))
def test_a_pattern_matches_the_same_with_the_word_before_its_edge(pattern: str, text: str) -> None:
    try:
        wanted = [found.span() for found in re.finditer(pattern, text)]
    except re.error:
        return
    assert [found.span() for found in re.finditer(literal_first(pattern), text)] == wanted
