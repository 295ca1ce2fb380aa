"""The tables of words and of meanings, read and checked: what :mod:`lab.explain.index` is made of."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, model_validator

from lab.dialects import (
    SHARED,
    ClientDialect,
    DialectError,
    Names,
    Patterns,
    ServerDialect,
    Table,
    dialect_files,
    read,
)
from lab.model import PROTOCOLS, Reason, Side, Stage
from lab.remedies.words import InBothLanguages

#: The folder of the words of programs that the lab does not run: ``clients``, ``servers``.
WORDS = Path(__file__).with_name("words")
MEANINGS = Path(__file__).parent

Kind = Literal["clients", "servers"]
KINDS: tuple[Kind, ...] = ("clients", "servers")


def _candidate(value: Any) -> Any:
    if isinstance(value, str):
        parts = value.split(":")
        if len(parts) != 3:
            raise ValueError(f"{value!r}: write SIDE:STAGE:REASON, as in client:verify:expired")
        return dict(zip(("by", "stage", "reason"), parts, strict=True))
    return value


class Possible(Table):
    """One thing that a text can mean, written ``client:verify:expired``."""

    by: Side
    stage: Stage
    reason: Reason


Possibles = Annotated[
    tuple[Annotated[Possible, BeforeValidator(_candidate)], ...],
    BeforeValidator(lambda value: [value] if isinstance(value, str) else value),
]


class Meaning(Table):
    """What signals mean that the rules do not decide, or decide only with more than a text has."""

    client: Names = ()
    """Signals in a client's words; any of them."""
    server: Names = ()
    """Signals in a server's words; any of them. With ``client``: both must be heard."""
    also: Names = ()
    """Further signals of either, all of which must be heard: an entry with more of them comes first."""
    step: Names | None = None
    """What the rest of the text has to show that the program was doing (``[steps]``)."""
    protocol: Names | None = None
    """A version of TLS that the rest of the text has to name (``[protocols]``)."""
    certificate: Names = ()
    """Reasons that a certificate's error has to name; the entry says what they mean here."""
    may_be: Possibles
    """Exactly what it can be, the likeliest first."""
    seldom: Possibles = ()
    """What it can be besides, of programs that are hardly met any more: named, and no candidate."""
    apart: str = ""
    """Of several: the entry of ``[apart]`` that says what tells them apart."""
    source: str = ""

    @model_validator(mode="after")
    def _asks_for_something(self) -> Meaning:
        if not self.client and not self.server:
            raise ValueError("a meaning names signals of a client or of a server")
        if len(self.may_be) > 1 and not self.apart:
            raise ValueError("several causes, and no `apart` that separates them")
        return self


class Apart(Table):
    """What tells several causes of one text apart."""

    ask: InBothLanguages
    """The question that separates them."""
    run: str
    """The one command to run; HOST, PORT and NAME stand for the reader's own."""
    look: InBothLanguages
    """The one line of the log to look for, and what it says."""


class Meanings(Table):
    """A table of meanings, or all of them together."""

    title: str = ""
    family: Mapping[str, Possibles] = {}
    """What an entry's ``may_be`` names in place of the causes themselves, less its ``but_not`` (reasons):
    all that a program words alike because it does not look at it."""
    steps: Mapping[str, Patterns] = {}
    """What in a text shows what a program was doing, by the steps of the rules (``put``, ``login``, ...)."""
    protocols: Mapping[str, Patterns] = {}
    """What in a text shows which version of TLS was spoken."""
    apart: Mapping[str, Apart] = {}
    meaning: tuple[Meaning, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _families_are_their_causes(cls, value: Any) -> Any:
        families = value.get("family", {})
        return {**value, "meaning": [_spelt_out(one, families) for one in value.get("meaning", ())]}

    @model_validator(mode="after")
    def _names_are_known(self) -> Meanings:
        for entry in self.meaning:
            if unknown := {*(entry.protocol or ())} - set(PROTOCOLS):
                raise ValueError(f"no version of TLS: {', '.join(sorted(unknown))}")
        return self


def _spelt_out(entry: Any, families: Mapping[str, Any]) -> Any:
    """An entry of a table with its families' causes in place of their names, less ``but_not``.

    Raises:
        ValueError: ``but_not`` leaves out what is not there.
    """
    if not isinstance(entry, Mapping):
        return entry
    plain = {key: value for key, value in entry.items() if key != "but_not"}
    if "may_be" not in entry:
        return plain
    causes = [
        cause
        for name in _names(entry["may_be"])
        for cause in (_names(families.get(name, name)) if isinstance(name, str) else [name])
    ]
    but_not = set(_names(entry.get("but_not", ())))
    reasons = [str(cause).rpartition(":")[2] for cause in causes]
    if absent := but_not - set(reasons):
        raise ValueError(f"`but_not` leaves out what is not there: {', '.join(sorted(absent))}")
    left = [one for one, reason in zip(causes, reasons, strict=True) if reason not in but_not]
    return {**plain, "may_be": left}


def _names(value: Any) -> list[Any]:
    return [value] if isinstance(value, str) else list(value)


def words_files(kind: Kind) -> Mapping[str, Path]:
    """The files of words by name: those of the lab's programs, of libraries, and of others.

    What a program of the lab says besides, in ways and versions that the lab does not run, is in a file of
    its name: `go elsewhere`.
    """
    own = dict(dialect_files(kind))
    if kind == "clients":
        own |= {path.stem: path for path in SHARED.glob("*.toml") if _has_words(path)}
    more = {
        f"{path.stem} elsewhere" if path.stem in own else path.stem: path
        for path in sorted((WORDS / kind).glob("*.toml"))
    }
    return {**own, **more}


def table(kind: Kind, path: Path) -> ClientDialect | ServerDialect:
    """A file of words in the form of its kind.

    Raises:
        DialectError: it does not have the form.
    """
    return read(path, ClientDialect) if kind == "clients" else read(path, ServerDialect)


@functools.cache
def meanings() -> Meanings:
    """The tables of meanings as one.

    Raises:
        DialectError: one does not have the form; an ``[apart]`` is there twice or not at all.
    """
    files = [read(path, Meanings) for path in sorted(MEANINGS.glob("meanings*.toml"))]
    names = [name for file in files for name in file.apart]
    if twice := {name for name in names if names.count(name) > 1}:
        raise DialectError(f"[apart.{twice.pop()}] is in two tables of meanings")
    asked = {entry.apart for file in files for entry in file.meaning if entry.apart}
    if missing := asked - set(names):
        raise DialectError(f"the tables of meanings have no [apart.{missing.pop()}]")
    return Meanings.model_construct(
        steps={name: words for file in files for name, words in file.steps.items()},
        protocols={name: words for file in files for name, words in file.protocols.items()},
        apart={name: apart for file in files for name, apart in file.apart.items()},
        meaning=tuple(entry for file in files for entry in file.meaning),
    )


@functools.cache
def _has_words(path: Path) -> bool:
    """Whether a shared file is a dialect, and not rules or numbers."""
    return not {"rule", "always"} & tomllib.loads(path.read_text(encoding="utf-8")).keys()
