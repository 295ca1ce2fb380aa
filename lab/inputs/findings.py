"""What is said about an operator's file: findings beside the settings, errors instead of them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


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
        return f"{place(self.file, self.line)}: {self.severity}: {self.text}"


class InputError(ValueError):
    """A file cannot be an input at all; the message says where, why and what to do.

    Args:
        file: as the operator named it.
        line: counted from 1; ``None``: the file as a whole.
        what: what is wrong.
        remedy: what to do about it.
    """

    def __init__(self, file: str, line: int | None, what: str, remedy: str) -> None:
        self.file, self.line, self.what, self.remedy = file, line, what, remedy
        super().__init__(f"{place(file, line)}: {what}\n{remedy}")


def place(file: str, line: int | None) -> str:
    """``FILE:LINE``, as compilers write it."""
    return file if line is None else f"{file}:{line}"
