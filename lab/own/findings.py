"""What is said about an operator's file: findings beside the settings, errors instead of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from lab.text import one_line

#: Of the findings about one attempt so many are said.
MOST_FINDINGS = 50


class Severity(StrEnum):
    """How much a finding matters."""

    ERROR = "error"
    """The program that the file is for ends, or refuses to start, because of this line."""
    WARNING = "warning"
    """The line does something other than it seems to say, gives something away, or is left out
    although it can change an outcome."""
    NOTE = "note"
    """The line was understood, and this became of it."""


@dataclass(frozen=True)
class Finding:
    """Something worth saying about one line of a file; the file is read nevertheless."""

    severity: Severity
    file: str
    line: int | None
    """Counted from 1; ``None``: the finding is about the file as a whole."""
    text: str

    def __str__(self) -> str:
        where = place(one_line(self.file), self.line)
        return f"{where}: {self.severity}: {one_line(self.text)}"


class InputError(ValueError):
    """A file cannot be an input at all; the message says where, why and what to do.

    Args:
        file: as the operator named it.
        line: counted from 1; ``None``: the file as a whole.
        what: what is wrong.
        remedy: what to do about it.
    """

    def __init__(self, file: str, line: int | None, what: str, remedy: str) -> None:
        self.file, self.line = file, line
        self.what, self.remedy = one_line(what), one_line(remedy)
        super().__init__(f"{place(one_line(file), line)}: {self.what}\n{self.remedy}")


def place(file: str, line: int | None) -> str:
    """``FILE:LINE``, as compilers write it."""
    return file if line is None else f"{file}:{line}"


def most_of(findings: Sequence[Finding]) -> list[Finding]:
    """The first findings, at most :data:`MOST_FINDINGS`, and one that says how many there are beside them."""
    rest = len(findings) - MOST_FINDINGS
    if rest <= 0:
        return list(findings)
    last = findings[MOST_FINDINGS]
    text = f"there are {rest} more findings, which are not printed: see to these first"
    return [*findings[:MOST_FINDINGS], Finding(Severity.NOTE, last.file, None, text)]
