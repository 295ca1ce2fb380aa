"""Texts from outside inside the lab's own sentences: visible, on one line, and no longer than they help."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

#: Of a text from outside a sentence quotes at most so many characters.
LONGEST_QUOTE = 80
#: A whole message has at most so many: a list of a chain's certificates fits.
LONGEST_MESSAGE = 2000
#: Of a list a sentence names at most so many members.
MOST_LISTED = 20

# Everything that moves a terminal's cursor, colours it or reorders text, and what cannot be encoded; line
# ends and tabs stay.
_CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)


def visible(text: str) -> str:
    """A text from outside, made harmless for a terminal: control characters become escapes."""
    return _CONTROL.sub(_escape, text.replace("\r\n", "\n"))


def cut(text: str, longest: int = LONGEST_QUOTE) -> str:
    """The beginning of a text, with ``...`` in the place of the rest if it is longer."""
    return text if len(text) <= longest else text[: longest - 3] + "..."


def one_line(text: str, longest: int = LONGEST_MESSAGE) -> str:
    """A sentence with quotations in it: visible, on one line, cut where it is longer than any should be."""
    return visible(cut(text, longest)).replace("\n", "\\n")


def listed(items: Sequence[str] | Iterable[str], most: int = MOST_LISTED) -> str:
    """``a, b, c and 7 more``."""
    words = list(items)
    rest = len(words) - most
    shown = ", ".join(cut(word) for word in words[:most])
    return shown if rest <= 0 else f"{shown} and {rest} more"


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
