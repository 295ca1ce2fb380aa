"""Backends in VCL, the language in which a content delivery network's services are written.

What a file has in any language - names, values, lines - is here, too: :class:`Written`.

Only declarations of backends are read; everything else of a file is passed over. Sources: the
reference of VCL's declarations (``backend``) and types (``STRING``, ``RTIME``): strings in double quotes
on one line, with percent escapes; long strings ``{"..."}`` and ``{xyz"..."xyz}``, without; strings next
to each other are one; comments with ``#``, ``//`` and between ``/*`` and ``*/``.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import NoReturn

from lab.own.findings import Findings, Lines
from lab.text import cut

#: A service of a network has tens of backends; so many are read.
MOST_BACKENDS = 500
#: There are some 60 parameters; so many of one backend are read.
MOST_PARAMETERS = 200
#: More digits has no number that a parameter can have.
LONGEST_NUMBER = 20
#: Of a parameter as it is written so many characters are shown.
LONGEST_SHOWN = 60
#: Seconds of each unit of time.
UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "y": 31536000}

# Possessive: what was passed over is not kept to be tried again.
_BLANK = re.compile(r"(?:\s++|#[^\n]*+|//[^\n]*+|/\*.*?\*/)*+", re.DOTALL)
#: In a block that is passed over, what is neither a brace nor the beginning of a string or a comment.
_PLAIN = re.compile(r'[^{}"#/]+')
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_FIELD = re.compile(r"\.([A-Za-z][A-Za-z0-9_]*)")
_LONG_STRING = re.compile(r'\{([A-Za-z0-9_]*)"')
_TIME = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d|w|y)")
_INTEGER = re.compile(r"\d+")
_NUMBER = re.compile(r"\d+\.\d+")
_WORD = re.compile(r"[A-Za-z_]\w*")
#: So many words, strings and braces outside blocks are passed over: the largest file that a network takes
#: has a third of it.
MOST_STEPS = 250_000
#: What ends a value without quotes.
_AFTER_BARE = re.compile(r"""[;{}"#]|\s//|/\*""")
_ESCAPE = re.compile(
    r"%u\{(?P<braced>[0-9A-Fa-f]{1,6})\}|%u(?P<four>[0-9A-Fa-f]{4})|(?P<bytes>(?:%[0-9A-Fa-f]{2})++)"
)


class ValueKind(StrEnum):
    """What a value is in VCL; data languages have strings, numbers and booleans only."""

    STRING = "STRING"
    LONG_STRING = "long STRING"
    BOOLEAN = "BOOL"
    WORD = "ID"
    TIME = "RTIME"
    INTEGER = "INTEGER"
    NUMBER = "FLOAT"
    BLOCK = "block"
    BARE = "text without quotes"


@dataclass(frozen=True)
class Written:
    """One parameter of a backend, in whatever language."""

    name: str
    """As the file spells it; in VCL without the dot."""
    value: str | bool | int | float
    """Of a time, its length in seconds."""
    kind: ValueKind
    line: int
    """Where the parameter is."""
    text: str
    """The parameter as it is written, cut short where it is long."""
    content_line: int | None
    """Where the first line of a string of several lines is; ``None``: they are all in one line."""

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class WrittenBackend:
    """One backend of a file."""

    name: str
    """Empty: it has none."""
    line: int
    parameters: tuple[Written, ...]

    def __str__(self) -> str:
        return f"{cut(self.name) or 'a backend without a name'} (line {self.line})"


def check_number(found: Findings, line: int | None, backends: int, parameters: int = 0) -> None:
    """There are no more backends, and no more parameters of one, up to this line, than there can be.

    Raises:
        InputError: there are.
    """
    if backends > MOST_BACKENDS:
        raise found.fail("too-many-backends", line, most=MOST_BACKENDS)
    if parameters > MOST_PARAMETERS:
        raise found.fail("too-many-parameters", line, most=MOST_PARAMETERS)


def shortened(text: str) -> str:
    """The first line, at most :data:`LONGEST_SHOWN` characters of it."""
    first, newline, _ = text.strip().partition("\n")
    first = first.rstrip()
    return first if not newline and len(first) <= LONGEST_SHOWN else f"{first[:57]}..."


def read(text: str, found: Findings) -> list[WrittenBackend]:
    """All backends of a file, in its order.

    Raises:
        InputError: the file is not VCL as far as a backend needs it, or has none.
    """
    return _Reader(text, found).backends()


class _Reader:
    """A position in a text."""

    def __init__(self, text: str, found: Findings) -> None:
        self.text, self.found, self.at = text, found, 0
        self.steps, self.lines = 0, Lines(text)

    # -- declarations ------------------------------------------------------------------------------

    def backends(self) -> list[WrittenBackend]:
        found: list[WrittenBackend] = []
        for word, start in self._top_level():
            if word == "backend" and (backend := self._backend(start)) is not None:
                found.append(backend)
                check_number(self.found, backend.line, len(found))
        if not found:
            raise self.found.fail("no-declaration", None)
        return found

    def _top_level(self) -> Iterator[tuple[str, int]]:
        """The words outside all braces; what is in braces after another word is passed over."""
        while self._blank():
            start = self.at
            word = self._match(_NAME)
            if word is not None:
                yield word, start
            elif self.text[start] == "{" and not self._long_string_begins():
                self._block(start)
            elif self.text[start] == "}":
                self._fail(start, "closing-brace")
            elif self._string() is None:
                self.at += 1

    def _backend(self, start: int) -> WrittenBackend | None:
        self._blank()
        name = self._match(_NAME)
        self._blank()
        if name is not None and self._match(_NAME) == "none":
            return None  # "backend NAME none;" always fails
        if name is None or self._peek() != "{":
            self._fail(start, "not-a-declaration")
        opened = self.at
        self.at += 1
        parameters: list[Written] = []
        while True:
            if not self._blank():
                self._fail(start, "no-end-of-block", name=cut(name))
            if self._peek() == "}":
                self.at += 1
                return WrittenBackend(name, self.lines.of(start), tuple(parameters))
            parameters.append(self._parameter(name, opened))
            check_number(self.found, parameters[-1].line, 1, len(parameters))

    def _parameter(self, backend: str, opened: int) -> Written:
        start = self.at
        name = self._match(_FIELD)
        if name is None:
            said = shortened(self.lines.rest(start))
            right = f": `.{said}`." if _NAME.match(said) else "."
            line = self.lines.of(opened)
            self._fail(start, "no-parameter", name=cut(backend), line=line, said=said, right=right)
        self._blank()
        if self._peek() != "=":
            self._fail(start, "no-equals", name=cut(name))
        self.at += 1
        self._blank()
        at_value = self.at
        kind, value = self._value(start, name)
        line, text = self.lines.of(start), shortened(self.text[start : self.at])
        self._blank()
        if self._peek() == ";":
            self.at += 1
        elif kind is not ValueKind.BLOCK:
            self._fail(start, "no-semicolon", written=text)
        return Written(name[1:], value, kind, line, text, self.lines.of(at_value))

    # -- values ------------------------------------------------------------------------------------

    def _value(self, start: int, name: str) -> tuple[ValueKind, str | bool | int | float]:
        if self._peek() == "{" and not self._long_string_begins():
            opened = self.at
            self._block(opened)
            return ValueKind.BLOCK, self.text[opened : self.at]
        long = self._long_string_begins()
        first = self._string()
        if first is not None:
            parts = [first]
            while self._blank() and (part := self._string()) is not None:
                parts.append(part)
            return (ValueKind.LONG_STRING if long else ValueKind.STRING), "".join(parts)
        # A comment may follow; an address of the web may be in it (`//`).
        rest = self.lines.rest(self.at)
        bare = _AFTER_BARE.split(rest, maxsplit=1)[0].rstrip()
        if not bare:
            self._fail(start, "no-value", name=cut(name))
        self.at += len(bare)
        digits = max(map(len, _INTEGER.findall(bare)), default=0)
        if digits > LONGEST_NUMBER:
            self._fail(start, "long-number", digits=digits)
        return _bare_value(bare)

    def _string(self) -> str | None:
        """A string in either form."""
        start = self.at
        opening = _LONG_STRING.match(self.text, start)
        if opening:
            closing = f'"{opening[1]}}}'
            end = self.text.find(closing, opening.end())
            if end < 0:
                marks = {"opening": cut(opening[0]), "closing": cut(closing)}
                self._fail(start, "no-end-of-long-string", **marks)
            self.at = end + len(closing)
            return self.text[opening.end() : end]
        if self._peek() != '"':
            return None
        end = self.text.find('"', start + 1)
        if end < 0 or self.text.find("\n", start + 1, end) >= 0:
            self._fail(start, "no-end-of-string")
        self.at = end + 1
        return _ESCAPE.sub(_escaped, self.text[start + 1 : end])

    def _long_string_begins(self) -> bool:
        return _LONG_STRING.match(self.text, self.at) is not None

    def _block(self, start: int) -> None:
        """Pass over everything up to the brace that closes the one here."""
        depth = 0
        while self._blank():
            if self._string() is not None or self._match(_PLAIN) is not None:
                continue
            depth += {"{": 1, "}": -1}.get(self.text[self.at], 0)
            self.at += 1
            if not depth:
                return
        self._fail(start, "brace-never-closed")

    # -- the text ----------------------------------------------------------------------------------

    def _blank(self) -> bool:
        """Pass over blanks and comments; false at the end of the text."""
        self.steps += 1
        if self.steps > MOST_STEPS:
            self._fail(self.at, "too-many-words", most=MOST_STEPS)
        blank = _BLANK.match(self.text, self.at)
        self.at = blank.end() if blank else self.at
        if self.text.startswith("/*", self.at):
            self._fail(self.at, "no-end-of-comment")
        return self.at < len(self.text)

    def _match(self, pattern: re.Pattern[str]) -> str | None:
        found = pattern.match(self.text, self.at)
        if found is None:
            return None
        self.at = found.end()
        return found[0]

    def _peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def _fail(self, at: int, error: str, /, **values: object) -> NoReturn:
        raise self.found.fail(error, self.lines.of(at), **values)


def _bare_value(text: str) -> tuple[ValueKind, str | bool | int | float]:
    """What a value without quotes is."""
    if text in ("true", "false"):
        return ValueKind.BOOLEAN, text == "true"
    if time := _TIME.fullmatch(text):
        return ValueKind.TIME, float(time[1]) * UNITS[time[2]]
    if _INTEGER.fullmatch(text):
        return ValueKind.INTEGER, int(text)
    if _NUMBER.fullmatch(text):
        return ValueKind.NUMBER, float(text)
    if _WORD.fullmatch(text):
        return ValueKind.WORD, text
    return ValueKind.BARE, text


def _escaped(found: re.Match[str]) -> str:
    """The characters of a percent escape; of several next to each other, which may be one character."""
    if found["bytes"]:
        return bytes.fromhex(found["bytes"].replace("%", "")).decode("utf-8", "replace")
    return chr(min(int(found["braced"] or found["four"], 16), sys.maxunicode))
