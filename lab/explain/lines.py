"""Where a pattern is looked for in a long text: in the lines that have a word of it.

A pattern of the dialects begins with a choice of edges, which costs much at every place of a log; its words
are found at once. That a match is within one line is seen in the pattern: nothing of it can be a line's end.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import Any

from re import _parser as parser  # type: ignore[attr-defined]  # isort: skip

#: In a shorter text a pattern is looked for everywhere.
LONG = 8 * 1024
_LINE_END = ord("\n")
#: Letters of these classes can be a line's end.
_CLASSES = frozenset({"CATEGORY_SPACE", "CATEGORY_NOT_DIGIT", "CATEGORY_NOT_WORD"})
#: The edges of the whole text, which no line has.
_OF_THE_TEXT = frozenset({"AT_BEGINNING_STRING", "AT_END_STRING"})


@cache
def compiled(pattern: str) -> re.Pattern[str]:
    """The pattern, with ``^`` and ``$`` for a line."""
    return re.compile(pattern, re.MULTILINE)


def matches_in(
    pattern: str, groups: Sequence[Sequence[str]], text: str, lower: str
) -> Iterator[re.Match[str]]:
    """All matches of a pattern, in their order.

    Args:
        pattern: a regular expression.
        groups: words in lower case; a match has one of each group.
        text: where it is looked for.
        lower: the text in lower case.
    """
    found = compiled(pattern)
    if len(text) < LONG or len(lower) != len(text) or not groups or not within_a_line(pattern):
        yield from found.finditer(text)
        return
    for begin, end in _lines_with(groups[0], lower):
        yield from found.finditer(text, begin, end)


def _lines_with(words: Iterable[str], lower: str) -> list[tuple[int, int]]:
    lines = set()
    for word in words:
        at = lower.find(word)
        while at >= 0:
            end = lower.find("\n", at)
            end = end if end >= 0 else len(lower)
            lines.add((lower.rfind("\n", 0, at) + 1, end))
            at = lower.find(word, end)
    return sorted(lines)


@cache
def within_a_line(pattern: str) -> bool:
    """Whether a match has no line's end in it, and depends on nothing behind one.

    Raises:
        re.error: not a regular expression.
    """
    parsed = parser.parse(pattern, re.MULTILINE)
    return not parsed.state.flags & re.DOTALL and not any(map(_meets_a_line_end, parsed))


def _meets_a_line_end(item: Any) -> bool:
    kind, value = str(item[0]), item[1]
    if kind == "LITERAL":
        return bool(value == _LINE_END)
    if kind == "NOT_LITERAL":
        return bool(value != _LINE_END)
    if kind == "IN":
        return _has_line_end(value)
    if kind == "AT":
        return str(value) in _OF_THE_TEXT
    if kind == "SUBPATTERN" and value[1] & re.DOTALL:
        return True
    return any(map(_meets_a_line_end, _inside(value)))


def _inside(value: Any) -> Iterator[Any]:
    """The items of whatever an item has in it."""
    if isinstance(value, parser.SubPattern):
        yield from value
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _inside(one)


def _has_line_end(letters: Sequence[Any]) -> bool:
    negated, has = False, False
    for kind, value in letters:
        match str(kind):
            case "NEGATE":
                negated = True
            case "LITERAL":
                has = has or value == _LINE_END
            case "RANGE":
                has = has or value[0] <= _LINE_END <= value[1]
            case _:
                has = has or str(value) in _CLASSES
    return has != negated
