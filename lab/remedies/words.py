"""What is said of refusals and remedies, in English and Japanese: the texts of ``words.toml``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from lab.words import InBothLanguages, joined, listed_in_both, pattern_of, read_words

__all__ = [
    "InBothLanguages",
    "joined",
    "listed_in_both",
    "pattern_of",
    "read_words",
    "table",
    "words",
]


def table(section: str) -> Mapping[str, InBothLanguages]:
    """All words of a section, by name."""
    return read_words(Path(__file__).with_name("words.toml"))[section]


def words(section: str, name: str, /, **values: object) -> InBothLanguages:
    """The words of this name, filled in.

    Raises:
        KeyError: there are none.
    """
    found = table(section)[name]
    return found.format(**values) if values else found
