"""``lab-check.toml``: what is checked, which clients must deliver, and who must be refused.

It is committed beside the configuration; the files that it names are found from where it is. Reading is
strict: what is not understood is refused, with its line.
"""

from __future__ import annotations

import dataclasses
import os
import re
import tomllib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from lab.check.clients import meant, usual_among
from lab.check.result import SourceLine
from lab.model import PROTOCOLS
from lab.own.configurations import GivenFiles, readers
from lab.own.findings import Findings, InputError, check_line, read_text
from lab.settings import SettingsError
from lab.text import cut, did_you_mean, sentences

#: The file that is read where none is named, if it is there.
NAME: Final = "lab-check.toml"
#: What stands for every client that fits.
ALL: Final = "all"
_ERRORS = Path(__file__).with_name("errors.toml")
_AT_LINE = re.compile(r" \(at line (\d+), column \d+\)| \(at end of document\)")
_HEADER = re.compile(r"\s*\[\s*(?P<name>[\w-]+)\s*\]", re.ASCII)


@dataclass(frozen=True)
class ClientPattern:
    """A client that is named, or several with a pattern, and where that is."""

    pattern: str
    written: SourceLine | None = None


@dataclass(frozen=True, kw_only=True)
class Demands:
    """What a ``lab-check.toml`` says; without one, that all clients that fit must deliver."""

    file: str | None = None
    files: GivenFiles = field(default_factory=GivenFiles)
    deliver: tuple[ClientPattern, ...] = (ClientPattern("*"),)
    may_be_cannot: tuple[ClientPattern, ...] = ()
    settings: Mapping[str, SourceLine] = field(default_factory=dict)
    """``FIELD=VALUE`` for every client, as ``lab attempt -c`` takes them, and where each is written."""
    over: Mapping[str, SourceLine] = field(default_factory=dict)
    """The versions over which nobody may get through."""
    without_tls: SourceLine | None = None
    unverified: SourceLine | None = None
    impostor: SourceLine | None = None
    """Where it is demanded that these are refused; ``None``: it is not."""
    baseline: Path | None = None

    def clients(
        self, fitting: Sequence[str], narrowed: Sequence[str] = ()
    ) -> dict[str, tuple[SourceLine | None, bool]]:
        """The clients that must deliver: where that is demanded, and whether they may be `cannot`.

        Args:
            fitting: all that fit the server.
            narrowed: patterns of the command line: no other clients.

        Raises:
            InputError: a pattern means no client, or a client is in both lists.
        """
        found: dict[str, tuple[SourceLine | None, bool]] = {}
        # Images that only these would need are not made for a pattern that fits others as well.
        usual = usual_among(fitting)
        chosen = {c for words in narrowed for c in _meant(ClientPattern(words), fitting, usual)}
        first = {*usual, *chosen}
        for one in self.may_be_cannot:
            found |= dict.fromkeys(_meant(one, fitting, first), (one.written, True))
        for one in self.deliver:
            for client in _meant(one, fitting, first):
                if client not in found:
                    # Nobody has said that a client which the lab has not is to be there.
                    found[client] = (one.written, one.written is None)
                elif found[client][1] and one.written and one.written.text != ALL:
                    other, line = found[client][0], one.written.line
                    at = other.line if other else None
                    raise failure(self.file or "", at, "in-two-lists", client=client, line=line)
        return {c: found[c] for c in fitting if c in found and (not narrowed or c in chosen)}


def failure(file: str, line: int | None, problem: str, /, **values: object) -> InputError:
    """To be raised: what is wrong, and what to do."""
    return Findings(file).failure_of(sentences(_ERRORS)[problem], line, **values)


def _meant(one: ClientPattern, fitting: Sequence[str], first: Collection[str]) -> tuple[str, ...]:
    place = one.written
    file, line = (place.file, place.line) if place else ("--clients", None)
    try:
        found = meant(one.pattern, fitting, first)
    except SettingsError as error:
        raise failure(file, line, "unknown-client", said=f"{error}") from error
    if not found:
        known = ", ".join(fitting)
        raise failure(file, line, "pattern-means-nothing", pattern=cut(one.pattern), known=known)
    return found


def find(named: Path | None) -> Demands:
    """What the file of this name says, or the one in the working directory; without one, the usual.

    Raises:
        InputError: it cannot be read, or says what is not understood.
    """
    if named is None and not os.path.lexists(NAME):
        return Demands()
    return read(named or Path(NAME))


def read(path: Path) -> Demands:
    """What a ``lab-check.toml`` says.

    Raises:
        InputError: it cannot be read, or says what is not understood.
    """
    text = read_text(path)
    file = str(path)
    for number, line in enumerate(text.split("\n"), 1):
        check_line(file, number, line, number)
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        at = _AT_LINE.search(str(error))
        said = cut(_AT_LINE.sub("", str(error)), 200)
        raise failure(file, int(at[1]) if at and at[1] else None, "not-toml", said=said) from error
    except RecursionError as error:
        raise failure(file, None, "too-deep") from error
    except ValueError as error:  # a number with more digits than Python reads
        raise failure(file, None, "not-toml", said=cut(str(error), 200)) from error
    return _Reading(path, text, table).finish()


class _Reading:
    """One file, key by key."""

    def __init__(self, path: Path, text: str, table: Mapping[str, Any]) -> None:
        self._path, self._table = path, table
        self._lines = text.split("\n")
        self._file = str(path)

    def finish(self) -> Demands:
        """All that it says."""
        self._known("", ("files", "clients", "refuse", "baseline"))
        self._known("clients", ("deliver", "may-be-cannot", "settings"))
        self._known("refuse", ("over", "without-tls", "unverified", "impostor"))
        wanted = {
            name.replace("-", "_"): self._place("refuse", name)
            for name in ("without-tls", "unverified", "impostor")
            if self._flag("refuse", name)
        }
        return Demands(
            file=self._file,
            files=self._files(),
            deliver=self._deliver(),
            may_be_cannot=self._patterns("may-be-cannot"),
            settings={
                one: self._place("clients", "settings", one)
                for one in self._list("clients", "settings")
            },
            over=self._versions(),
            baseline=self._baseline(),
            **wanted,
        )

    def _deliver(self) -> tuple[ClientPattern, ...]:
        clients = self._section("clients")
        if "deliver" not in clients:
            return Demands().deliver
        if clients["deliver"] == ALL:
            return (ClientPattern("*", self._place("clients", "deliver", ALL)),)
        return self._patterns("deliver")

    def _patterns(self, key: str) -> tuple[ClientPattern, ...]:
        return tuple(
            ClientPattern(one, self._place("clients", key, one))
            for one in self._list("clients", key)
        )

    def _versions(self) -> dict[str, SourceLine]:
        found = {}
        for version in self._list("refuse", "over"):
            place = self._place("refuse", "over", version)
            if version not in PROTOCOLS:
                hint = did_you_mean(version, PROTOCOLS, otherwise=".")
                known = ", ".join(PROTOCOLS)
                values = {"version": cut(version), "hint": hint, "known": known}
                raise failure(self._file, place.line, "unknown-version", **values)
            found[version] = place
        return found

    def _files(self) -> GivenFiles:
        kinds = readers()
        builds = {one.build_option for one in kinds.values()} - {""}
        fields = {one.name.replace("_", "-"): one for one in dataclasses.fields(GivenFiles)}
        for of_servers in ("configurations", "builds"):
            del fields[of_servers]
        self._known("files", [*kinds, *sorted(builds), *fields])
        read: dict[str, Any] = {"configurations": {}, "builds": {}}
        for key, value in self._section("files").items():
            text = self._text("files", key, value)
            if key in kinds:
                read["configurations"][key] = self._path.parent / text
            elif key in builds:
                read["builds"][key] = text
            else:
                is_path = "Path" in str(fields[key].type)
                read[fields[key].name] = self._path.parent / text if is_path else text
        return GivenFiles(**read)

    def _baseline(self) -> Path | None:
        if "baseline" not in self._table:
            return None
        return self._path.parent / self._text("", "baseline", self._table["baseline"])

    # -- kinds of values -------------------------------------------------------------------------------

    def _section(self, name: str) -> Mapping[str, Any]:
        """A part of the file; without a name all of it."""
        found = self._table.get(name, {}) if name else self._table
        if not isinstance(found, dict):
            raise self._wrong("", name, found, f"[{name}] and below it what belongs to it")
        return found

    def _known(self, section: str, known: Iterable[str]) -> None:
        for name in self._section(section):
            if name not in known:
                hint = did_you_mean(name, known, otherwise=".")
                values = {"name": cut(name), "hint": hint, "known": ", ".join(known)}
                line = self._place(section, name).line
                raise failure(self._file, line, "unknown-key", **values)

    def _text(self, section: str, key: str, value: object) -> str:
        if not isinstance(value, str) or not value or "\0" in value:
            raise self._wrong(section, key, value, f'{key} = "..."')
        return value

    def _flag(self, section: str, key: str) -> bool:
        value = self._section(section).get(key, False)
        if not isinstance(value, bool):
            raise self._wrong(section, key, value, f"{key} = true or {key} = false")
        return value

    def _list(self, section: str, key: str) -> Sequence[str]:
        value = self._section(section).get(key, [])
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            example = f'{key} = ["..."]' + (f' or {key} = "{ALL}"' if key == "deliver" else "")
            raise self._wrong(section, key, value, example)
        return value

    def _wrong(self, section: str, key: str, value: object, wanted: str) -> InputError:
        kinds = {str: "a text", bool: "true or false", list: "a list", dict: "a table"}
        kinds |= {int: "a number", float: "a number"}
        # What is left of TOML are dates and times of day.
        found = "an empty text" if value == "" else kinds.get(type(value), "a date or a time")
        line = self._place(section, key).line
        return failure(self._file, line, "wrong-kind", name=cut(key), found=found, wanted=wanted)

    # -- lines -----------------------------------------------------------------------------------------

    def _place(self, section: str, key: str, item: str = "") -> SourceLine:
        """The line of a key, of a list that of an item; else the nearest one that can be found."""
        spelt = re.compile(
            rf"""\s*(?:{re.escape(section)}\s*\.\s*)?["']?{re.escape(key)}["']?\s*[=.]"""
        )
        header = re.compile(rf"""\s*\[\[?\s*["']?{re.escape(key)}["']?\s*\]""")
        current, at, of_section = "", None, None
        for number, line in enumerate(self._lines, 1):
            if found := _HEADER.match(line):
                current = found["name"]
                of_section = number if current == section else of_section
            top = not section and header.match(line)
            if at is None and (top or (current in (section, "") and spelt.match(line))):
                at = number
            if at is not None and (not item or f'"{item}"' in line or f"'{item}'" in line):
                return SourceLine(self._file, number, item or line.strip())
        return SourceLine(self._file, at or of_section, item)
