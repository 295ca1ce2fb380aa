"""What is said of refusals and remedies, in English and Japanese: the texts of ``words.toml``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from lab.model import Captured
from lab.words import InBothLanguages, joined, listed_in_both, pattern_of, read_words

__all__ = ["InBothLanguages", "captured_in_words", "joined", "listed_in_both", "pattern_of"]
__all__ += ["read_words", "table", "words"]


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


def captured_in_words(captured: Captured) -> InBothLanguages:
    """What an impostor's server got, in a line."""
    login = words("got", "login", user=captured.user, password=captured.password)
    if captured.file_bytes is None:
        return login
    if not captured.file_bytes:
        return words("got", "empty", login=login)
    first = captured.file_head.split("\n", 1)[0]
    dots = "..." if captured.file_bytes > len(first.encode()) else ""
    return words("got", "file", login=login, size=captured.file_bytes, first=first + dots)
