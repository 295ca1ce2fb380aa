"""Exercises: something broken in ordinary files, to be mended and then checked with real clients.

An exercise is its folder here and nothing else. ``exercise.toml`` says what it is, ``files`` has the broken
state; ``solution``, ``unsafe`` and ``useless`` have what is changed of it by who solves it, by who weakens
security, and by who changes something that does nothing. Certificates and keys are in no folder: the table
``certificates`` says what they are, and they are made when the exercise is started.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from lab.model import Rating
from lab.remedies.words import InBothLanguages
from lab.text import AdvisedError, did_you_mean

HERE = Path(__file__).parent
#: What a folder has of the files: their broken state, and what each way changes.
Way = Literal["files", "solution", "unsafe", "useless"]
WAYS: tuple[Way, ...] = ("files", "solution", "unsafe", "useless")
#: Problems (``errors.toml``) that are the lab's or the machine's own; the others are of what was asked for.
LAB_FAILED = frozenset({"not-tried", "state-unreadable", "state-not-writable"})
#: So many hints each exercise has.
HINTS = 3


class ExerciseError(AdvisedError):
    """Something about an exercise cannot be done as it was asked for; the message says what to do."""

    table: ClassVar[Path] = HERE / "errors.toml"


class _Table(BaseModel):
    """A table of ``exercise.toml``."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ExerciseClient(_Table):
    """A client that connects in a check."""

    client: str
    """``PROGRAM@PLATFORM[:POLICY]``."""
    file: str = ""
    """What of the folder its settings are read from: an mt-config.cgi or a backend's definition."""
    settings: tuple[str, ...] = ()
    """``FIELD=VALUE``, as ``lab attempt -c`` takes them."""
    fails: str = "completed"
    """How it ends with the files as they are at the start, as ``lab attempt --expect`` takes it."""
    tries: int = 1
    """How often it must get through, one after the other: of a race, several times."""
    what: InBothLanguages = InBothLanguages()
    """Who that is, in words."""

    def __str__(self) -> str:
        """The client with what it is told: ``net-ftp@rocky9 (mt-config.cgi, protocols=..TLSv1.2)``."""
        told = [self.file] if self.file else []
        told += self.settings
        return f"{self.client} ({', '.join(told)})" if told else self.client


class ExerciseServer(_Table):
    """The server that the clients connect to."""

    software: str = "vsftpd"
    file: str = ""
    """Its configuration in the folder, by the name that its program gives it; empty: the folder has none."""
    settings: tuple[str, ...] = ()
    """``FIELD=VALUE``, as ``lab attempt -s`` takes them: what the trainee cannot change."""
    firewall: str | None = None
    """The only passive ports that a firewall lets through, ``FIRST-LAST``."""
    build: str | None = None
    """The build that the configuration is written for."""


class Weakening(_Table):
    """A change that gives something away in this exercise, because there is a better one here."""

    setting: str = ""
    """``server.FIELD=VALUE`` or ``client.FIELD=VALUE``: what it is set to."""
    lost: str = ""
    """The same of a further line of a configuration: that it is no longer there."""
    file: str = ""
    """A file of the folder: that it is another one."""
    rating: Rating
    words: InBothLanguages


class Exercise(_Table):
    """One exercise."""

    name: str
    order: int
    """Its place in the list."""
    about: str
    """The document that it belongs to, or ``field`` for one of the field's common accidents."""
    title: InBothLanguages
    task: InBothLanguages
    """What is broken, and what must be reached."""
    hints: tuple[InBothLanguages, ...] = Field(alias="hint")
    explanation: InBothLanguages
    """Why it broke and what cures it, for afterwards."""
    server: ExerciseServer
    clients: tuple[ExerciseClient, ...] = Field(alias="client")
    """Those that must get through."""
    intruders: tuple[ExerciseClient, ...] = Field((), alias="intruder")
    """Those that must not: who gets through shows what the solution gave away."""
    weakenings: tuple[Weakening, ...] = Field((), alias="weakening")
    certificates: Mapping[Way, Mapping[str, str]] = {}
    """By way and file, of what of the catalogue it is made (:mod:`lab.exercises.folder`)."""

    @property
    def number(self) -> int:
        """What it is called by before it is solved, because its name tells the cause: its place, from 1."""
        return 1 + list(exercises()).index(self.name)

    @property
    def place(self) -> Path:
        """Its folder."""
        return HERE / self.name


@cache
def exercises() -> Mapping[str, Exercise]:
    """All exercises that are found, by name, in the order of the list."""
    found = [_read(path.parent) for path in HERE.glob("*/exercise.toml")]
    return {one.name: one for one in sorted(found, key=lambda one: (one.order, one.name))}


def exercise_named(name: str) -> Exercise:
    """The exercise of this name, or of this number in the list.

    Raises:
        ExerciseError: there is none; the message names the closest.
    """
    known = exercises()
    if name.isascii() and name.isdigit() and len(name) < 5 and 0 < int(name) <= len(known):
        return list(known.values())[int(name) - 1]
    if name not in known:
        hint = did_you_mean(name, known, otherwise=".")
        raise ExerciseError("unknown", name=name, hint=hint, number=len(known))
    return known[name]


def _read(folder: Path) -> Exercise:
    table = tomllib.loads((folder / "exercise.toml").read_text(encoding="utf-8"))
    return Exercise(name=folder.name, **table)


@cache
def _words() -> Mapping[str, InBothLanguages]:
    texts = tomllib.loads((HERE / "words.toml").read_text(encoding="utf-8"))
    return {name: InBothLanguages(**both) for name, both in texts.items()}


def say(name: str, language: str, /, **values: object) -> str:
    """The words of this name in ``en`` or ``ja``, filled in.

    Raises:
        KeyError: there are none.
    """
    return texts(name, **values).in_(language)


def texts(name: str, /, **values: object) -> InBothLanguages:
    """The words of this name, filled in; raises as :func:`say`."""
    return _words()[name].format(**values)
