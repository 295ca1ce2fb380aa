"""Which of thousands of words occur in a text, and which patterns are worth a try for that.

A text has a few of the words that the lab knows. They are found by their beginnings, which the text is cut
into once, so that an answer costs what the text says, and not what the tables have.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

_WORD = re.compile(r"[a-z_]{3,}", re.IGNORECASE)
#: A longer word is looked for only where so many of its first letters occur.
_BEGINNING = 6


def words_in(text: str) -> frozenset[str]:
    """The words of a text, in lower case."""
    return frozenset(word.lower() for word in _WORD.findall(text))


class Literals:
    """Words in lower case, to find those that occur in a text."""

    def __init__(self, words: Iterable[str]) -> None:
        self._short: list[str] = []
        self._long: dict[str, list[str]] = {}
        for word in dict.fromkeys(words):
            if len(word) < _BEGINNING:
                self._short.append(word)
            else:
                self._long.setdefault(word[:_BEGINNING], []).append(word)

    def within(self, lower: str) -> frozenset[str]:
        """Those that occur in a text in lower case."""
        begun = {
            piece
            for at in range(len(lower) - _BEGINNING + 1)
            if (piece := lower[at : at + _BEGINNING]) in self._long
        }
        possible = (*self._short, *(word for piece in begun for word in self._long[piece]))
        return frozenset(word for word in possible if word in lower)


class PatternsByWord:
    """Patterns with what they stand for.

    An entry is a list that ends with the pattern and groups of words: the pattern needs one word of each. No
    group: it is always tried.
    """

    def __init__(self, entries: Iterable[Sequence[Any]]) -> None:
        self._entries = list(entries)
        self._always: list[int] = []
        self._needing: dict[str, list[int]] = {}
        for place, (*_, groups) in enumerate(self._entries):
            if not groups:
                self._always.append(place)
            for word in groups[0] if groups else ():
                self._needing.setdefault(word, []).append(place)

    @property
    def words(self) -> Collection[str]:
        """Those of the first groups, by which patterns are found."""
        return self._needing.keys()

    def possible(self, lower: str, occurring: Iterable[str]) -> Iterator[Sequence[Any]]:
        """The entries whose pattern can match a text, in their order.

        Args:
            lower: the text in lower case.
            occurring: those of :attr:`words` that occur in it, beside any others.
        """
        places = set(self._always)
        for word in occurring:
            places.update(self._needing.get(word, ()))
        for place in sorted(places):
            entry = self._entries[place]
            if all(any(word in lower for word in words) for words in entry[-1][1:]):
                yield entry
