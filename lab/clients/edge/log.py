"""What the lines of the edge's nginx are known by, and the reasons that its visitors are given.

``log.toml`` has the words of the log, the document's ``messages.toml`` the vendor's names for them. They are
used in two places: by the helper in the container, which answers a visitor (the names travel with the
request), and by the program, which reads the report.
"""

from __future__ import annotations

import errno
import functools
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from lab.dialects import SHARED, Pattern, Table, read


class Step(Table):
    """A step of an attempt, and what a line says while it is taken."""

    name: str
    pattern: Pattern


#: Of the number of an error.
_MOST_DIGITS = 9


class Name(Table):
    """The reason that a visitor is given for a line."""

    name: str
    """As the content delivery network words it; may refer to groups of the pattern."""
    pattern: Pattern
    source: str = ""
    """Where it is from, if it is not a message of the document's page."""

    @property
    def known(self) -> bool:
        """Whether the page has this name for this."""
        return not self.source


class Never(Table):
    """A message of the page that no line stands for, and why."""

    name: str
    because: str


class Messages(Table):
    """A vendor's names of errors, in the order in which they are tried."""

    name: tuple[Name, ...]
    never: tuple[Never, ...] = ()

    def as_data(self) -> list[dict[str, Any]]:
        """The names as the agent takes them."""
        return [{"pattern": n.pattern.pattern, "name": n.name, "known": n.known} for n in self.name]


class Numbers(Table):
    """Numbers in a line, each the first group of its pattern."""

    verify_code: Pattern
    errno: Pattern
    resolver: Pattern


class EdgeLog(Table):
    """How nginx's lines are read."""

    title: str
    source: str
    refusals: Pattern
    """What nginx says at its start of settings that its TLS library does not take."""
    step: tuple[Step, ...]
    numbers: Numbers
    resolver: Mapping[int, str]
    """The symbol of the resolver's error by the number in the line."""
    messages: str
    """The document whose vendor's names visitors are told."""

    def step_of(self, lines: Iterable[str]) -> str:
        """The step at which the last line that says so was written; ``connect`` if none does."""
        steps = [s.name for line in lines for s in self.step if s.pattern.search(line)]
        return steps[-1] if steps else "connect"

    def verify_code(self, lines: Iterable[str]) -> int | None:
        """OpenSSL's X509_V_ERR number."""
        return _number(self.numbers.verify_code, lines)

    def errno(self, lines: Iterable[str]) -> str | None:
        """The symbol of the system's error, or of the resolver's."""
        lines = list(lines)
        answer = _number(self.numbers.resolver, lines)
        if answer is not None:
            return self.resolver.get(answer, "EAI_FAIL")
        number = _number(self.numbers.errno, lines)
        return None if number is None else errno.errorcode.get(number)


def _number(pattern: re.Pattern[str], lines: Iterable[str]) -> int | None:
    found = [match for line in lines if (match := pattern.search(line))]
    # A longer number is none of an error, and Python does not read every one.
    return int(found[-1][1]) if found and len(found[-1][1]) <= _MOST_DIGITS else None


@functools.cache
def edge_log() -> EdgeLog:
    """How the log is read.

    Raises:
        DialectError: the file is broken.
    """
    return read(Path(__file__).with_name("log.toml"), EdgeLog)


@functools.cache
def messages() -> Messages:
    """What visitors are told; raises like :func:`edge_log`."""
    folder = edge_log().messages.replace("-", "_")
    return read(SHARED.parent / "documents" / folder / "messages.toml", Messages)
