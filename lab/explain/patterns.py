"""Patterns of the dialects for a text that nobody has cut into messages: their edges, and words of each.

A dialect is matched on what one program said. What a person pastes has more around it: a time, a prefix,
quotes, another program that passes the sentence on. So ``^`` and ``$`` of a pattern stand for the edges of
a line or of what is quoted in it, and a pattern is tried only where the words occur that it needs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from re import _parser as parser  # type: ignore[attr-defined]  # isort: skip

#: Before what a program says: the beginning of a line, or what another one writes before a quotation.
BEGINNING = r"""(?:^[ \t]*|(?<=[:>\]|;] )|(?<=["'`(\[>:\t]))"""
#: After it: the end of a line, or of a quotation; a full stop may stand before it.
END = r"""(?=[.,;]?[ \t]*$|[.,;]?["'`)\]]|[ \t]*[;|]|\\n)"""
#: A word that a pattern cannot do without has at least so many letters; fewer occur anywhere.
SHORTEST = 3
#: So many words one group of them has at most.
_MOST = 24
_REPEATS = frozenset({"MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"})


def with_edges(pattern: str) -> str:
    """The pattern with :data:`BEGINNING` and :data:`END` in the place of ``^`` and ``$``."""
    made, position, in_set = [], 0, False
    while position < len(pattern):
        letter = pattern[position]
        if letter == "\\":
            made.append(pattern[position : position + 2])
            position += 2
            continue
        if in_set:
            in_set = letter != "]"
        elif letter == "[":
            in_set = True
            # A "]" or "^" at the beginning of a set means no edge and no end.
            head = re.match(r"\[\^?\]?", pattern[position:])
            assert head is not None
            made.append(head[0])
            position += head.end()
            continue
        elif letter in "^$":
            letter = BEGINNING if letter == "^" else END
        made.append(letter)
        position += 1
    return "".join(made)


#: The edge of a word and the letters that follow it, the last of which is not repeated; or any other escape.
_AT_A_WORD = re.compile(r"\\b(\w+)(?![?*+{])|\\.")


def literal_first(pattern: str) -> str:
    r"""The pattern with each ``\bword`` as ``word(?<=\bword)``, which matches the same.

    Python looks for a letter that a match begins with much faster than it tries a pattern at every place.
    """
    return _AT_A_WORD.sub(lambda at: rf"{at[1]}(?<=\b{at[1]})" if at[1] else at[0], pattern)


def literals(pattern: str) -> list[tuple[str, ...]]:
    """Groups of words in lower case: one of each group occurs in whatever the pattern matches.

    The group that occurs most seldom, as far as its words tell, comes first. None: there are no such words.

    Raises:
        re.error: not a regular expression.
    """
    return sorted(set(_groups(parser.parse(pattern))), key=_seldom, reverse=True)


def _seldom(words: tuple[str, ...]) -> tuple[int, int, tuple[str, ...]]:
    return min(map(len, words)), -len(words), words


def _groups(items: Iterable[Any]) -> list[tuple[str, ...]]:
    """What a sequence of the parsed pattern cannot do without, as far as the words are long enough."""
    return [words for words in _needed(items) if min(map(len, words)) >= SHORTEST]


def _needed(items: Iterable[Any]) -> Iterator[tuple[str, ...]]:
    before = frozenset({""})
    for item in items:
        whole = _whole(item)
        joined = before if whole is None else _joined(before, whole)
        if whole is not None and joined is not None:
            before = joined
            continue
        yield tuple(sorted(before))
        before = whole or frozenset({""})
        if whole is None:
            yield from _inside(item)
    yield tuple(sorted(before))


def _inside(item: Any) -> Iterator[tuple[str, ...]]:
    """Groups of an item that can be too many things to name."""
    kind, value = str(item[0]), item[1]
    if kind == "SUBPATTERN":
        yield from _needed(value[-1])
    elif kind == "BRANCH":
        each = [max(_groups(branch), key=_seldom, default=()) for branch in value[1]]
        if all(each):
            yield tuple(sorted({word for words in each for word in words}))
    elif kind in _REPEATS and value[0] > 0:
        yield from _needed(value[2])
    elif kind == "ATOMIC_GROUP":
        yield from _needed(value)


def _whole(item: Any) -> frozenset[str] | None:
    """All that an item can be, in lower case; ``None``: more than :data:`_MOST`."""
    kind, value = str(item[0]), item[1]
    if kind == "LITERAL":
        return frozenset({chr(value).lower()})
    if kind in ("AT", "ASSERT", "ASSERT_NOT"):
        return frozenset({""})
    if kind == "IN":
        return _letters(value)
    if kind == "SUBPATTERN":
        return _sequence(value[-1])
    if kind == "BRANCH":
        return _either(_sequence(branch) for branch in value[1])
    if kind in _REPEATS and value[:2] == (0, 1):
        return _either([frozenset({""}), _sequence(value[2])])
    return None


def _letters(items: Sequence[Any]) -> frozenset[str] | None:
    letters = set()
    for kind, value in items:
        if str(kind) == "LITERAL":
            letters.add(chr(value).lower())
        elif str(kind) == "RANGE" and value[1] - value[0] < _MOST:
            letters |= {chr(one).lower() for one in range(value[0], value[1] + 1)}
        else:
            return None
    return frozenset(letters)


def _sequence(items: Iterable[Any]) -> frozenset[str] | None:
    made: frozenset[str] | None = frozenset({""})
    for item in items:
        whole = _whole(item)
        made = None if made is None or whole is None else _joined(made, whole)
    return made


def _joined(before: frozenset[str], after: frozenset[str]) -> frozenset[str] | None:
    if len(before) * len(after) > _MOST:
        return None
    return frozenset(one + other for one in before for other in after)


def _either(each: Iterable[frozenset[str] | None]) -> frozenset[str] | None:
    found: set[str] = set()
    for one in each:
        if one is None:
            return None
        found |= one
    return frozenset(found) if len(found) <= _MOST else None
