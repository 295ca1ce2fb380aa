"""Which of thousands of words occur in a text, and which patterns are worth a try for that.

A text has a few of the words that the lab knows. They are found by their first and last letters, which the
text is searched for once, so that an answer costs what the text says, and not what the tables have.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

_WORD = re.compile(r"[a-z_]{3,}", re.IGNORECASE)
#: So many letters at a time are compared as one number: that of ``Q`` for a :class:`memoryview`.
_AT_ONCE = 8


def words_in(text: str) -> frozenset[str]:
    """The words of a text, in lower case."""
    return frozenset(word.lower() for word in _WORD.findall(text))


class Literals:
    """Words in lower case, to find those that occur in a text."""

    def __init__(self, words: Iterable[str]) -> None:
        self._short: list[str] = []
        #: By the first letters: the last ones, and the word.
        self._begun: dict[int, list[tuple[int, str]]] = {}
        for word in dict.fromkeys(words):
            letters = _letters(word)
            if len(letters) < _AT_ONCE:
                self._short.append(word)
                continue
            begun = self._begun.setdefault(_number(letters[:_AT_ONCE]), [])
            begun.append((_number(letters[-_AT_ONCE:]), word))
        ends = {end for words in self._begun.values() for end, _ in words}
        self._edges = frozenset(self._begun) | ends

    def within(self, lower: str) -> frozenset[str]:
        """Those that occur in a text in lower case."""
        edges = self._edges_in(_letters(lower))
        long = (
            word
            for first in edges & self._begun.keys()
            for end, word in self._begun[first]
            if end in edges
        )
        return frozenset(word for word in (*self._short, *long) if word in lower)

    def _edges_in(self, letters: bytes) -> set[int]:
        """The first and last letters of words that occur, wherever they do."""
        found: set[int] = set()
        for begin in range(min(_AT_ONCE, len(letters))):
            whole = (len(letters) - begin) // _AT_ONCE * _AT_ONCE
            numbers = memoryview(letters)[begin : begin + whole].cast("Q")
            found.update(filter(self._edges.__contains__, numbers))
        return found


def _letters(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _number(letters: bytes) -> int:
    return int.from_bytes(letters, sys.byteorder)


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

    def possible(self, lower: str, occurring: frozenset[str]) -> Iterator[Sequence[Any]]:
        """The entries whose pattern can match a text, in their order.

        Args:
            lower: the text in lower case.
            occurring: those of :attr:`words` that occur in it, beside any others.
        """
        places = set(self._always)
        for word in self._needing.keys() & occurring:
            places.update(self._needing[word])
        for place in sorted(places):
            entry = self._entries[place]
            for words in entry[-1][1:]:
                for word in words:
                    if word in lower:
                        break
                else:
                    break
            else:
                yield entry
