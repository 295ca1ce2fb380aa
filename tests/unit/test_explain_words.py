"""The words of programs that the lab does not run: sentences that they hear, and prose that they do not."""

from __future__ import annotations

import functools
import re
import tomllib
from pathlib import Path

import pytest

from lab.dialects import Words
from lab.explain.reading import plain
from lab.explain.tables import KINDS, WORDS, table, words_files

TEXTS = tomllib.loads(
    (Path(__file__).parents[1] / "explain/words.toml").read_text(encoding="utf-8")
)
SAID = [
    (file, signal, text)
    for file, signals in TEXTS["said"].items()
    for signal, texts in signals.items()
    for text in ([texts] if isinstance(texts, str) else texts)
]


@functools.cache
def patterns() -> tuple[tuple[str, str, re.Pattern[str]], ...]:
    """Every pattern of the files of words, with the file and the signal.

    A file that has moved into the folder of its program is asked about while sentences are given for it.
    """
    found = []
    for kind in KINDS:
        for listed, path in words_files(kind).items():
            name = path.stem if WORDS in path.parents else listed
            if WORDS not in path.parents and name not in TEXTS["said"]:
                continue
            for signal, words in table(kind, path).signals.items():
                texts = words.text if isinstance(words, Words) else words
                found += [(name, signal, re.compile(one.pattern, re.MULTILINE)) for one in texts]
    return tuple(found)


@pytest.mark.parametrize(("name", "signal", "text"), SAID)
def test_the_words_of_a_program_are_heard(name: str, signal: str, text: str) -> None:
    read = plain(text)
    assert signal in {one for file, one, found in patterns() if file == name and found.search(read)}


def test_no_pattern_asks_for_a_letter_that_no_text_has_any_more() -> None:
    letters = re.compile(r"[\u2018\u2019\u201c\u201d\u3000\uff1a\u300c\u300d\uff08\uff09\u3002]")
    assert not letters.search(plain("‘’“”\u3000：「」（）。"))  # noqa: RUF001
    assert not [(file, one) for file, one, found in patterns() if letters.search(found.pattern)]


def test_every_file_of_words_hears_a_sentence() -> None:
    assert set(TEXTS["said"]) == {name for name, _, _ in patterns()}


@pytest.mark.parametrize("text", TEXTS["prose"])
def test_prose_with_a_word_of_theirs_is_not_heard(text: str) -> None:
    assert not [(file, one) for file, one, found in patterns() if found.search(text)]
