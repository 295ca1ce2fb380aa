"""Making what the lab did not write fit for a record: texts of servers, clients and logs."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from enum import Enum
from typing import Any

from pydantic import BaseModel

#: A longer line of somebody else's text, and a longer text, is cut in its middle (in characters).
LONGEST_LINE = 4096
LONGEST_TEXT = 256 * 1024

_PLAIN = frozenset({bool, int, float, type(None)})
_MARK = " [cut: {} characters] "
_ROOM_FOR_MARK = 40
_SURROGATES = re.compile("[\ud800-\udfff]")
# What JSON allows unescaped and a terminal or a reader may trip over: DEL, C1 controls, line
# separators, and the marks that reorder text.
_UNSAFE = re.compile("[\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def readable(text: str) -> str:
    """Make a text from outside fit for a record.

    What is not Unicode (a surrogate that a lenient decoder left) becomes U+FFFD. A line longer than
    :data:`LONGEST_LINE` and a text longer than :data:`LONGEST_TEXT` lose their middle; a mark says
    how much. Control characters stay: JSON escapes them, a report makes them visible.
    """
    text = _SURROGATES.sub("\ufffd", text)
    if len(text) > LONGEST_LINE:
        text = "\n".join(_cut(line, LONGEST_LINE) for line in text.split("\n"))
    return _cut(text, LONGEST_TEXT)


def readable_throughout(value: Any) -> Any:
    """Apply :func:`readable` to every text in a value: in containers and dataclasses, too.

    What is readable already is returned as it is.
    """
    # Almost everything is: this runs over every part of every attempt.
    kind = type(value)
    if kind is str:
        return value if value.isascii() and len(value) <= LONGEST_LINE else readable(value)
    if kind in _PLAIN:
        return value
    if isinstance(value, Enum):
        return value
    if isinstance(value, str):
        return readable(value)
    if isinstance(value, Mapping):
        return {readable_throughout(k): readable_throughout(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return kind(readable_throughout(v) for v in value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        old = {name: getattr(value, name) for name in value.__dataclass_fields__}
        new = {name: readable_throughout(v) for name, v in old.items()}
        return value if new == old else dataclasses.replace(value, **new)
    return value


def to_json(model: BaseModel, *, indent: int | None = None) -> str:
    """A model as JSON that is safe to show.

    Its only control characters are ``indent``'s.
    """
    return escaped(model.model_dump_json(indent=indent))


def escaped(text: str) -> str:
    """JSON with escapes for what JSON allows and a terminal may trip over."""
    return _UNSAFE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def _cut(text: str, longest: int) -> str:
    if len(text) <= longest:
        return text
    kept = (longest - _ROOM_FOR_MARK) // 2
    return text[:kept] + _MARK.format(len(text) - 2 * kept) + text[-kept:]
