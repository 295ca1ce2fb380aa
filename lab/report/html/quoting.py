"""Texts from outside on a page: escaped, made visible, and cut.

A record holds words of servers, clients and logs. On a page they must not become markup, must not
reorder or hide what stands beside them, and must not be so long that nothing else is found. What
:func:`quote`, :func:`inline`, :func:`code` and :func:`prose` return is the content of an element; for an
attribute there is :func:`plain`.
"""

from __future__ import annotations

import re
from functools import lru_cache

from markupsafe import Markup, escape

from lab.text import MAY_HIDE, MAY_HIDE_IN_LINES, escaped

#: A longer line is cut in its middle (in characters); the record has it whole.
LONGEST_LINE = 400
#: Where a text stands inside a sentence or in a table.
LONGEST_INLINE = 240
#: Of a longer text the middle is left out (in lines).
MOST_LINES = 40

_BLANK_TEXT = Markup("")


def quote(text: str, most_lines: int = MOST_LINES) -> Markup:
    """A foreign text of several lines: escaped, hidden characters visible, long parts cut."""
    if not text:
        return _BLANK_TEXT
    lines = text.replace("\r\n", "\n").strip("\n").split("\n")
    if len(lines) > most_lines:
        head = most_lines // 2
        left_out = len(lines) - most_lines
        mark = Markup("<mark>[{} lines: see the record]</mark>").format(left_out)
        shown = [
            *map(_line, lines[:head]),
            mark,
            *map(_line, lines[len(lines) - (most_lines - head) :]),
        ]
        return Markup("\n").join(shown)
    if MAY_HIDE_IN_LINES.search(text) is None and max(map(len, lines)) <= LONGEST_LINE:
        return _escape("\n".join(lines))  # nearly all texts
    return Markup("\n").join([_line(line) for line in lines])


def inline(text: object, longest: int = LONGEST_INLINE) -> Markup:
    """A foreign text inside a line; its line ends become visible as well."""
    text = str(text)
    return _inline(text, longest) if len(text) <= LONGEST_INLINE else _line(text, longest, keep="")


def code(text: object, longest: int = LONGEST_INLINE) -> Markup:
    """The same as code: a setting, a command, a name."""
    return Markup(f"<code>{inline(text, longest)}</code>")


def plain(text: object, longest: int = LONGEST_INLINE) -> str:
    """The same without markup, for attributes and titles; not yet escaped."""
    return MAY_HIDE.sub(escaped, _cut(str(text), longest))


def prose(text: str, mark: str = "``") -> Markup:
    """A paragraph in which what stands between two marks is code."""
    return Markup("").join(
        code(part, 600) if number % 2 else inline(part, 2000)
        for number, part in enumerate(text.split(mark))
    )


@lru_cache(maxsize=16_384)
def _inline(text: str, longest: int) -> Markup:
    # Names, settings and replies come again and again.
    return _line(text, longest, keep="")


def _line(line: str, longest: int = LONGEST_LINE, keep: str = "\t") -> Markup:
    if len(line) > longest:
        kept = longest // 2
        mark = Markup("<mark>[{} characters: see the record]</mark>").format(len(line) - 2 * kept)
        return _visible(line[:kept], keep) + mark + _visible(line[-kept:], keep)
    return _visible(line, keep)


def _escape(text: str) -> Markup:
    """The text as the content of an element, where quotation marks stand as they are."""
    return Markup(str(escape(text)).replace("&#34;", '"').replace("&#39;", "'"))


def _visible(text: str, keep: str) -> Markup:
    markup = _escape(text)
    if MAY_HIDE.search(markup) is None:
        return markup

    def mark(match: re.Match[str]) -> str:
        name = match[0] if match[0] in keep else escaped(match)
        return name if name == match[0] else f"<mark>{name}</mark>"

    return Markup(MAY_HIDE.sub(mark, str(markup)))


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "\u2026"
