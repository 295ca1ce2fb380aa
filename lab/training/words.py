"""The training room's words in both languages: the texts of ``words.toml``, and the page's for tokens."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from lab.model import Outcome, Reason
from lab.remedies.words import InBothLanguages, read_words
from lab.text import visible

WORDS_PATH = Path(__file__).with_name("words.toml")


def table(section: str) -> Mapping[str, InBothLanguages]:
    """All words of a section, by name."""
    return read_words(WORDS_PATH)[section]


def say(section: str, name: str, /, **values: object) -> InBothLanguages:
    """The words of this name, filled in.

    Raises:
        KeyError: there are none, or a value is not given.
    """
    found = table(section)[name]
    return found.format(**values) if values else found


@cache
def token(section: str, name: str) -> InBothLanguages:
    """A token of a vocabulary (``stage``, ``side``, ``reason``, ...) in words, as the page has them."""
    from lab.report.html.language import word  # noqa: PLC0415 - the page's texts are many

    text = word(section, name)
    return InBothLanguages(text.plain_in("en"), text.plain_in("ja"))


def reason_in_words(reason: Reason | None) -> InBothLanguages:
    """A reason, or that there is none because the goal was reached."""
    return say("guess", "works") if reason is None else token("reason", reason)


def outcome_words(outcome: Outcome | None) -> InBothLanguages:
    """What came of an attempt, in a sentence."""
    from lab.report.advice import outcome_in_words  # noqa: PLC0415

    return InBothLanguages(outcome_in_words(outcome, "en"), outcome_in_words(outcome, "ja"))


def titled(title: str) -> InBothLanguages:
    """A title of a case, of a section or of a remedy, as far as its document has it in both languages."""
    from lab.report.html.language import remedy_titles, titles  # noqa: PLC0415

    return InBothLanguages(title, titles().get(title) or remedy_titles().get(title, title))


def narrated(paragraph: str) -> InBothLanguages:
    """A paragraph of a case's story, as far as its document has it in both languages."""
    from lab.report.html.language import stories  # noqa: PLC0415

    return InBothLanguages(visible(paragraph), visible(stories().get(paragraph, paragraph)))
