"""The lab's own sentences: texts from outside in them, harmless and short; words that were meant; errors.

In a record texts from outside are kept as they came (:func:`readable`).
"""

from __future__ import annotations

import dataclasses
import ipaddress
import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Mapping
from enum import Enum
from functools import cache, partial
from pathlib import Path
from typing import Any, ClassVar

#: Of a text from outside a sentence quotes at most so many characters.
LONGEST_QUOTE = 80
#: A whole message has at most so many: a list of a chain's certificates fits.
LONGEST_MESSAGE = 2000
#: Of a list a sentence names at most so many members.
MOST_LISTED = 20

# What a reader would not see, and what changes how other text is seen: control characters, format
# characters such as directional marks and zero-width spaces, surrogates, private use, unassigned code
# points, line and paragraph separators.
_HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
# Printable ASCII and Latin-1, Greek, Cyrillic, punctuation without format characters, kana, kanji: the
# texts that nearly everything consists of need no second look.
_HARMLESS = (
    "\x20-\x7e\xa1-\xac\xae-\u0377\u0400-\u052f\u2010-\u2027\u2030-\u205e"
    "\u3001-\u3029\u3041-\u3096\u309b-\u30ff\u4e00-\u9fff\uff01-\uff60"
)
#: What :func:`escaped` is for: it finds what may be hidden, line ends and tabs among it.
MAY_HIDE = re.compile(f"[^{_HARMLESS}]")
#: The same in a text of several lines: line ends and tabs stay.
MAY_HIDE_IN_LINES = re.compile(f"[^\n\t{_HARMLESS}]")


def escaped(match: re.Match[str]) -> str:
    """The escape of a hidden character that was found; any other character stays itself."""
    character = match[0]
    if unicodedata.category(character) not in _HIDDEN_CATEGORIES:
        return character
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def visible(text: str) -> str:
    """A text from outside, made harmless for a terminal: hidden characters become escapes.

    Line ends and tabs stay. Nothing is left that moves a terminal's cursor, colours it or reorders text,
    or that cannot be encoded.
    """
    return MAY_HIDE_IN_LINES.sub(escaped, text.replace("\r\n", "\n"))


def cut(text: str, longest: int = LONGEST_QUOTE) -> str:
    """The beginning of a text, with ``...`` in the place of the rest if it is longer."""
    return text if len(text) <= longest else text[: longest - 3] + "..."


def one_line(text: str, longest: int = LONGEST_MESSAGE) -> str:
    """A sentence with quotations in it: visible, on one line, cut where it is longer than any should be."""
    return visible(cut(text, longest)).replace("\n", "\\n")


def listed(items: Iterable[str], most: int = MOST_LISTED, *, language: str = "en") -> str:
    """``a, b, c and 7 more``, or the same in ``ja``."""
    words = list(items)
    rest = len(words) - most
    shown = ("、" if language == "ja" else ", ").join(cut(word) for word in words[:most])
    if rest <= 0:
        return shown
    return f"{shown}、ほか {rest} 件" if language == "ja" else f"{shown} and {rest} more"


# -- words that were meant -------------------------------------------------------------------------


def closest(word: str, known: Iterable[str], *, most: int = 3, alike: float = 0.5) -> list[str]:
    """The known words that this one may have been meant for, the likest first; case makes no difference.

    Args:
        word: what was written. One that is longer than :data:`LONGEST_QUOTE` is compared with none.
        known: what could have been meant.
        most: so many are named at most.
        alike: how alike they must be, from 0 to 1 (:func:`difflib.get_close_matches`).
    """
    import difflib  # noqa: PLC0415 - nearly no command needs it

    by_lower = {name.lower(): name for name in known}
    if len(word) > LONGEST_QUOTE:
        return []
    near = difflib.get_close_matches(word.lower(), by_lower, n=most, cutoff=alike)
    return [by_lower[name] for name in near]


def did_you_mean(
    word: str,
    known: Iterable[str],
    *,
    most: int = 3,
    alike: float = 0.5,
    write: str = "{}",
    otherwise: str = "",
) -> str:
    """The end of a sentence about a word that is not known: ``; did you mean A or B?``.

    Args:
        word, known, most, alike: as in :func:`closest`.
        write: how a word is written in the question, such as ``"`{}=YES`"``.
        otherwise: the answer if nothing is alike enough, such as the sentence's full stop.
    """
    near = [write.format(name) for name in closest(word, known, most=most, alike=alike)]
    return f"; did you mean {' or '.join(near)}?" if near else otherwise


def no_such(kind: str, word: str, known: Iterable[str]) -> str:
    """The message about a word that is none of the known ones, which it names, the closest first."""
    return none_of(f"no {kind}", word, list(known))


def none_of(unknown: str, word: str, known: Collection[str]) -> str:
    """The same, with other words for what it is none of."""
    hint = did_you_mean(word, known, otherwise=".")
    return f"{unknown} {word!r}{hint} There are: {', '.join(known)}"


# -- texts of a record ----------------------------------------------------------------------------

#: A longer line of somebody else's text, and a longer text, is cut in its middle (in characters).
LONGEST_LINE = 4096
LONGEST_TEXT = 256 * 1024

_PLAIN = frozenset({bool, int, float, type(None)})
_MARK = " [cut: {} characters] "
_ROOM_FOR_MARK = 40
#: The mark of a cut in a text that :func:`readable` has made.
CUT = re.compile(re.escape(_MARK).replace(re.escape("{}"), r"\d+"))
_SURROGATES = re.compile("[\ud800-\udfff]")


def readable(text: str) -> str:
    """Make a text from outside fit for a record.

    What is not Unicode (a surrogate that a lenient decoder left) becomes U+FFFD. A line longer than
    :data:`LONGEST_LINE` and a text longer than :data:`LONGEST_TEXT` lose their middle; a mark says
    how much. Control characters stay: JSON escapes them, a report makes them visible.
    """
    text = _SURROGATES.sub("\ufffd", text)
    if len(text) > LONGEST_LINE:
        lines = text.split("\n")
        if max(map(len, lines)) > LONGEST_LINE:
            text = "\n".join(_without_middle(line, LONGEST_LINE) for line in lines)
    return _without_middle(text, LONGEST_TEXT)


def readable_throughout(value: Any) -> Any:
    """Apply :func:`readable` to every text in a value: in containers and dataclasses, too.

    What is readable already is returned as it is.
    """
    return value if _is_readable(value) else _made_readable(value)


def _is_readable(value: Any) -> bool:
    # Almost everything is: this runs over every part of every attempt.
    kind: Any = type(value)
    if kind is str:
        return value.isascii() and len(value) <= LONGEST_LINE
    return kind in _PLAIN or _looking_into(kind)(value)


@cache
def _looking_into(kind: type) -> Callable[[Any], bool]:
    """What says of a value of this type whether it is readable."""
    if issubclass(kind, Enum):
        return lambda _: True
    if issubclass(kind, Mapping):
        return lambda value: _are_readable(value) and _are_readable(value.values())
    if issubclass(kind, list | tuple):
        return _are_readable
    if dataclasses.is_dataclass(kind):
        names = tuple(kind.__dataclass_fields__)
        return lambda value: _are_readable(map(partial(getattr, value), names))
    return lambda _: not issubclass(kind, str)


def _are_readable(values: Iterable[Any]) -> bool:
    return all(map(_is_readable, values))


def _made_readable(value: Any) -> Any:
    if isinstance(value, str) and not isinstance(value, Enum):
        return readable(value)
    if isinstance(value, Mapping):
        return {readable_throughout(k): readable_throughout(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(readable_throughout(v) for v in value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        old = {name: getattr(value, name) for name in value.__dataclass_fields__}
        new = {name: readable_throughout(v) for name, v in old.items()}
        return value if new == old else dataclasses.replace(value, **new)
    return value


def _without_middle(text: str, longest: int) -> str:
    if len(text) <= longest:
        return text
    kept = (longest - _ROOM_FOR_MARK) // 2
    return text[:kept] + _MARK.format(len(text) - 2 * kept) + text[-kept:]


# -- errors that say what to do ------------------------------------------------------------------------


class AdvisedError(Exception):
    """Something the lab needs cannot be had, and there is a way out.

    A subclass names the table (TOML) of its sentences: by problem, what was ``tried``, what ``happened``
    (without it the field of this name) and the ``advice``; ``[ways]`` has what several problems share.

    Attributes:
        problem: the name of the entry, for code that decides on it.
        tried: what the lab tried, as a noun phrase.
        happened: what came of it.
        advice: what the operator can do, each item a way of its own.

    Args:
        problem: the name of the entry.
        fields: what is filled into its sentences; advice that comes to nothing is left out.
    """

    table: ClassVar[Path]

    def __init__(self, problem: str, /, **fields: object) -> None:
        table = sentences(self.table)
        said, fields = table[problem], {**table["ways"], **fields}
        self.problem = problem
        self.tried: str = said["tried"].format_map(fields)
        self.happened: str = said.get("happened", "{happened}").format_map(fields)
        ways = (way.format_map(fields) for way in said["advice"])
        self.advice: tuple[str, ...] = tuple(filter(None, ways))
        self._ja = {
            name: text.format_map(fields)
            if isinstance(text, str)
            else [way.format_map(fields) for way in text]
            for name, text in said.get("ja", {}).items()
        }
        super().__init__(self._message())

    def in_(self, language: str) -> str:
        """The message in ``en`` or ``ja``, where the table has it."""
        if language != "ja" or not self._ja:
            return str(self)
        lines = [f"{self._ja['tried']}、{self._ja['happened']}。"]
        return "\n".join([*lines, *(f"  - {way}" for way in self._ja["advice"])])

    def add(self, more: str) -> None:
        """Add a line to what happened."""
        self.happened += f"\n{more}"
        self.args = (self._message(),)

    def _message(self) -> str:
        lines = [f"{self.tried}: {self.happened}"]
        ways = [way.replace("\n", "\n     ") for way in self.advice]
        if len(ways) == 1:
            lines.append(f"  What to do: {ways[0]}")
        elif ways:
            lines.append("  What to do, one of:")
            lines += [f"  {number}. {way}" for number, way in enumerate(ways, start=1)]
        return "\n".join(lines)


@cache
def sentences(table: Path) -> Mapping[str, Any]:
    """The table of an error's sentences, by problem."""
    import tomllib  # noqa: PLC0415 - nearly no command needs it

    return tomllib.loads(table.read_text(encoding="utf-8"))


def is_address(text: str) -> bool:
    """Whether it is an IP address."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
