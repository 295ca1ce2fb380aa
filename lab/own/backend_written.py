"""A backend definition as its file has it, whatever the file's language: names, values, lines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from lab.own.findings import Finding, InputError, Severity
from lab.own.reading import closest as closest_name
from lab.text import cut, listed

#: A service of a network has tens of backends; so many are read.
MOST_BACKENDS = 500
#: There are some 60 parameters; so many of one backend are read.
MOST_PARAMETERS = 200
#: More digits has no number that a parameter can have.
LONGEST_NUMBER = 20


class Form(StrEnum):
    """The language of a file."""

    VCL = "VCL"
    TOML = "TOML"
    JSON = "JSON"


class Kind(StrEnum):
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
    """One parameter of a backend."""

    name: str
    """As the file spells it; in VCL without the dot."""
    value: str | bool | int | float
    """Of a time, its length in seconds."""
    kind: Kind
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


def chosen(
    backends: Sequence[WrittenBackend], wanted: str | None, file: str
) -> tuple[WrittenBackend, list[Finding]]:
    """The backend of this name, or the first; which one it is is said if there are others.

    Args:
        backends: at least one.

    Raises:
        InputError: there is none of this name.
    """
    names = listed(map(str, backends))
    if wanted is not None:
        for backend in backends:
            if backend.name == wanted:
                return backend, []
        near = closest_name(wanted, [b.name for b in backends if b.name], 0.6)
        hint = f"; did you mean {near}?" if near else "."
        raise InputError(
            file,
            None,
            f"there is no backend {cut(wanted)!r}{hint}",
            f"The file has {names}.",
        )
    if len(backends) == 1:
        return backends[0], []
    text = (
        f"there are {len(backends)} backends, {names}: the first is read; --backend-name NAME chooses"
        " another"
    )
    return backends[0], [Finding(Severity.NOTE, file, backends[0].line, text)]


def check_number(backends: int, file: str, line: int | None) -> None:
    """There are no more backends than a service has.

    Raises:
        InputError: there are, up to this line.
    """
    if backends > MOST_BACKENDS:
        raise InputError(
            file,
            line,
            f"there are more than {MOST_BACKENDS} backends, and that is the most that is read.",
            "Give a file with the one that is to be tried.",
        )


def check_parameters(parameters: int, file: str, line: int | None) -> None:
    """A backend has no more parameters than there can be.

    Raises:
        InputError: it has, up to this line.
    """
    if parameters > MOST_PARAMETERS:
        raise InputError(
            file,
            line,
            f"this backend has more than {MOST_PARAMETERS} parameters, and that is the most that is read.",
            "Leave in it what a backend can have.",
        )


def too_long_a_number(digits: int) -> tuple[str, str]:
    """What is wrong with a number of so many digits, and what to do."""
    what = f"here is a number of {digits} digits, which is more than any parameter can have"
    return what, "Write the number that is meant."


def repeated(backend: WrittenBackend, file: str) -> tuple[WrittenBackend, list[Finding]]:
    """Of a parameter that is there several times, the last; which is said."""
    last: dict[str, Written] = {}
    findings: list[Finding] = []
    for parameter in backend.parameters:
        before = last.pop(parameter.name, None)
        if before is not None:
            text = f"`{parameter}` takes the place of `{before}` in line {before.line}"
            findings.append(Finding(Severity.WARNING, file, parameter.line, text))
        last[parameter.name] = parameter
    kept = WrittenBackend(backend.name, backend.line, tuple(last.values()))
    return kept, findings


def closest(name: str, known: Iterable[str]) -> str:
    """``; did you mean X?``, or nothing."""
    lower = {k.lower(): k for k in known}
    near = closest_name(name.lower(), lower, 0.6)
    return f"; did you mean `{lower[near]}`?" if near else ""


def shortened(text: str) -> str:
    """The first line, at most 60 characters of it."""
    first, newline, _ = text.strip().partition("\n")
    first = first.rstrip()
    return first if len(first) <= 60 and not newline else first[:57] + "..."
