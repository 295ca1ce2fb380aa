"""Which of many words occur in a text, and which patterns are tried for that."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lab.explain.occurring import Literals, PatternsByWord

WORDS = st.text(alphabet="abc ", min_size=1, max_size=9)


@given(st.lists(WORDS), st.text(alphabet="abc ", max_size=60))
def test_the_words_that_occur_are_found_and_no_others(words: list[str], text: str) -> None:
    assert Literals(words).within(text) == {word for word in words if word in text}


def test_a_word_occurs_at_either_end_and_alone() -> None:
    words = Literals(["certificate", "expired", "eof"])
    assert words.within("certificate has expired") == {"certificate", "expired"}
    assert words.within("expired") == {"expired"}
    assert words.within("eof") == {"eof"}
    assert not words.within("")


def test_a_pattern_is_tried_for_any_of_its_words_once_and_in_its_place() -> None:
    patterns = PatternsByWord(
        [
            ("first", "b+|c+", ["bbb", "ccc"]),
            ("always", "[xy]", []),
            ("last", "a+", ["aaa"]),
        ]
    )
    assert set(patterns.words) == {"aaa", "bbb", "ccc"}
    assert [name for name, _, _ in patterns.with_any(["aaa", "ccc", "bbb", "ddd"])] == [
        "first",
        "always",
        "last",
    ]
    assert [name for name, _, _ in patterns.with_any([])] == ["always"]
