"""Patterns of the dialects for a text that nobody has cut into messages: their edges, and a literal each.

A dialect is matched on what one program said. What a person pastes has more around it: a time, a prefix,
quotes, another program that passes the sentence on. So ``^`` and ``$`` of a pattern stand for the edges of
a line or of what is quoted in it, and a pattern is tried only where a word occurs that it cannot do without.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from re import _parser as parser  # type: ignore[attr-defined]  # isort: skip

#: Before what a program says: the beginning of a line, or what another one writes before a quotation.
BEGINNING = r"""(?:^[ \t]*|(?<=[:>\]|;] )|(?<=["'`(\[>:\t]))"""
#: After it: the end of a line, or of a quotation; a full stop may stand before it.
END = r"""(?=[.,;]?[ \t]*$|[.,;]?["'`)\]]|[ \t]*[;|]|\\n)"""
#: A word that a pattern cannot do without has at least so many letters; fewer occur anywhere.
SHORTEST = 3


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


def literals(pattern: str) -> tuple[str, ...]:
    """Words in lower case, one of which occurs in whatever the pattern matches; none: no such words.

    Raises:
        re.error: not a regular expression.
    """
    return _best(parser.parse(pattern))


def _best(items: Sequence[Any]) -> tuple[str, ...]:
    """The best of the words that a sequence of the parsed pattern cannot do without."""
    found = [words for words in _needed(items) if min(map(len, words)) >= SHORTEST]
    return max(found, key=lambda words: (min(map(len, words)), -len(words)), default=())


def _needed(items: Sequence[Any]) -> Iterator[tuple[str, ...]]:
    run = ""
    for kind, value in items:
        name = str(kind)
        if name == "LITERAL":
            run += chr(value).lower()
            continue
        if name == "SUBPATTERN":
            inner = value[-1]
            if all(str(one) == "LITERAL" for one, _ in inner):
                run += "".join(chr(code).lower() for _, code in inner)
                continue
        if run:
            yield (run,)
            run = ""
        if name == "SUBPATTERN":
            yield from _needed(value[-1])
        elif name == "BRANCH":
            each = [_best(branch) for branch in value[1]]
            if all(each):
                yield tuple(sorted({word for words in each for word in words}))
        elif name in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT") and value[0] > 0:
            yield from _needed(value[2])
        elif name == "ATOMIC_GROUP":
            yield from _needed(value)
    if run:
        yield (run,)
