"""Messages about wrong usage in Japanese.

Most of these messages are made where a fault is found, in English. A message of a table that has both
languages brings its own; the sentences of the others are recognized (``wordings.toml``).
"""

from __future__ import annotations

import re
import string
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from lab.words import InBothLanguages, pattern_of, read_words

#: What begins a message: where it is, as compilers write it.
_PLACE = re.compile(r"(?P<place>\S(?:[^:\n]|:(?=\S))*): (?P<rest>.+)", re.DOTALL)


def in_japanese(message: str) -> str:
    """The message line by line in Japanese; a line that nobody has put into Japanese stays."""
    return "\n".join(_line(line) for line in message.split("\n"))


def _line(line: str) -> str:
    found = _PLACE.fullmatch(line)
    rest = _sentence(found["rest"]) if found else None
    placed = f"{found['place']}: {rest}" if found and rest is not None else None
    whole = _sentence(line)
    # What begins with a gap, such as an assignment, may take a place into it; no place has a blank, mostly.
    if placed is not None and found is not None and " " not in found["place"]:
        whole = _sentence(line, begins=True)
    return whole or placed or line


def _sentence(words: str, *, begins: bool = False) -> str | None:
    """A sentence in Japanese, if it is known; ``begins``: by words at its beginning."""
    for pattern, said in _wordings():
        if begins and said.en.startswith("{"):
            continue
        if (found := pattern.fullmatch(words)) is not None:
            named = {name: _sentence(text) or text for name, text in found.groupdict().items()}
            return said.ja.format(**named)
    return None


@cache
def _wordings() -> Sequence[tuple[re.Pattern[str], InBothLanguages]]:
    """What matches each wording, those of the most letters first."""
    table = read_words(Path(__file__).with_name("wordings.toml"))["wording"]

    def letters(said: InBothLanguages) -> int:
        return sum(len(text) for text, *_ in string.Formatter().parse(said.en))

    ordered = sorted(table.values(), key=letters, reverse=True)
    return [(re.compile(_with_hint(pattern_of(said.en))), said) for said in ordered]


def _with_hint(pattern: str) -> str:
    """A hint begins where an unknown word ends: it is a full stop, or what was meant behind a semicolon."""
    return pattern.replace("(?P<hint>.+?)", r"(?P<hint>\.|; .+?)")
