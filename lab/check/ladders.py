"""The ladders of a server: options that decide how strong it is and whom it lets in, strongest value first.

A server declares them in its own folder (``ladder.toml``; the head of vsftpd's says what the keys mean). One
rung of each ladder is a configuration: :data:`Rungs` are their numbers, 0 being the strongest.
"""

from __future__ import annotations

import dataclasses
import inspect
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from lab.model import PROTOCOLS, ProtocolRange, Reason, ServerSettings
from lab.remedies.lines import server_lines
from lab.remedies.words import InBothLanguages
from lab.servers import SERVERS, Server, server_of
from lab.settings import parse_server

#: The rung of each ladder, 0 being the strongest.
Rungs = tuple[int, ...]

TABLE = "ladder.toml"
_LINE = "line:"
_RANGE = "protocols"


@dataclass(frozen=True)
class Rung:
    """A value of an option."""

    value: Any
    """Of the field, of several a tuple; of an end of a range the version; of a further line the line,
    ``None`` without it."""
    lets_in: InBothLanguages | None = None
    """Whom it lets in beside those whom the stronger ones let in."""
    weak: bool = False
    """Whether it is there for old clients only."""


@dataclass(frozen=True)
class Ladder:
    """An option of a server with its values, the strongest first."""

    setting: str
    """A field of the server's settings, or several that one line says, with blanks between them;
    ``protocols.minimum``, ``protocols.maximum`` or ``line:NAME``."""
    purpose: InBothLanguages
    eased_by: frozenset[Reason]
    """Refusals for which a weaker value is tried."""
    rungs: tuple[Rung, ...]
    keep: bool = False
    """Whether the first value is the one that the file has, and no stronger one was looked for."""

    @property
    def field(self) -> str:
        """The field of the settings that it is in, of several the first."""
        if self.setting.startswith(_LINE):
            return "extra"
        return self.setting.split(" ")[0].partition(".")[0]

    def fields(self, rung: Rung) -> dict[str, Any]:
        """Of a ladder of plain fields: their values at a rung."""
        names = self.setting.split(" ")
        values = rung.value if len(names) > 1 else (rung.value,)
        return dict(zip(names, values, strict=True))


@dataclass(frozen=True)
class LeftOut:
    """A word of an option that adds up, which no configuration that is searched has."""

    option: str
    word: str
    because: InBothLanguages
    """What it would allow."""

    def without(self, line: str, server: Server[Any]) -> str:
        """A further line without the word; empty: it has no other one."""
        name, _, words = line.partition("=")
        if server.option_of(line) != self.option or self.word not in words.split():
            return line
        others = " ".join(word for word in words.split() if word != self.word)
        return f"{name}={others}" if others else ""


def ladders_of(base: ServerSettings) -> tuple[Ladder, ...]:
    """The ladders that a server's folder declares, for a configuration; nothing: it declares none."""
    return tuple(_ladder(row, base) for row in _table_of(base).get("option", ()))


def _table_of(base: ServerSettings) -> Mapping[str, Any]:
    path = Path(inspect.getfile(type(server_of(base)))).with_name(TABLE)
    return tomllib.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def _ladder(row: dict[str, Any], base: ServerSettings) -> Ladder:
    setting, keep = row["setting"], row.get("keep", False)
    rungs = [
        Rung(
            None if one.get("unset") else _value(base.software, setting, one["is"]),
            InBothLanguages(**one["lets-in"]) if "lets-in" in one else None,
            one.get("weak", False),
        )
        for one in row["values"]
        if base.software in one.get("servers", SERVERS)
    ]
    if keep:
        written = _written(base, setting)
        # Without a line a switch is off, which a line that says so would not change.
        rungs = [
            Rung(written),
            *(one for one in rungs if one.value not in (written, written or False)),
        ]
    eased = frozenset(Reason(reason) for reason in row["eased-by"])
    return Ladder(setting, InBothLanguages(**row["purpose"]), eased, tuple(rungs), keep)


def _value(software: str, setting: str, text: str) -> Any:
    """The value as the settings have it.

    Raises:
        SettingsError: it is none.
    """
    if setting.startswith(_LINE):
        return f"{setting.removeprefix(_LINE)}={text}"
    names = setting.split(" ")
    if len(names) > 1:
        each = zip(names, text.split(" "), strict=True)
        return tuple(_value(software, name, one) for name, one in each)
    name, _, end = setting.partition(".")
    value = getattr(parse_server([f"{name}={text}"], software), name)
    return getattr(value, end) if end else value


def _written(base: ServerSettings, setting: str) -> Any:
    """What the file says of an option."""
    if not setting.startswith(_LINE):
        return getattr(base, setting)
    lines: tuple[str, ...] = getattr(base, "extra", ())
    option_of = server_of(base).option_of
    named = [line for line in lines if option_of(line) == setting.removeprefix(_LINE)]
    return named[-1] if named else None


class Ladders:
    """The ladders for one configuration, and the settings that their rungs come to."""

    def __init__(self, base: ServerSettings, spelt: Server[Any] | None = None) -> None:
        """Rungs that the server itself could not be told are left out.

        Args:
            base: what the file says.
            spelt: the build that the file is for; default: the lab's.
        """
        self.base, self._spelt = base, spelt or server_of(base)
        self._extra: tuple[str, ...] = getattr(base, "extra", ())
        self._without = [
            LeftOut(row["option"], row["word"], InBothLanguages(**row["because"]))
            for row in _table_of(base).get("without", ())
        ]
        server = server_of(base)
        possible = []
        for ladder in ladders_of(base):
            rungs = tuple(
                one
                for one in ladder.rungs
                if ladder.keep or server.unsupported(_alone(base, ladder, one)) is None
            )
            if rungs:
                possible.append(dataclasses.replace(ladder, rungs=rungs))
        self.ladders: tuple[Ladder, ...] = tuple(possible)

    @property
    def strongest(self) -> Rungs:
        """The first rung of each."""
        return self.canonical((0,) * len(self.ladders))

    def settings(self, rungs: Rungs) -> ServerSettings:
        """The server's settings at these rungs; what no ladder is about is as the file has it."""
        changes: dict[str, Any] = {}
        ends: dict[str, str] = {}
        lines = [line for one in self._extra for line in self._left(one)]
        for ladder, rung in zip(self.ladders, rungs, strict=True):
            value = ladder.rungs[rung].value
            if ladder.field == "extra":
                lines += [value] if value is not None else []
            elif ladder.field == _RANGE:
                ends[ladder.setting.partition(".")[2]] = value
            else:
                changes |= ladder.fields(ladder.rungs[rung])
        if ends:
            changes[_RANGE] = ProtocolRange(**ends)
        if hasattr(self.base, "extra"):
            changes["extra"] = tuple(lines)
        return dataclasses.replace(self.base, **changes)

    def canonical(self, rungs: Rungs) -> Rungs:
        """The same configuration with the rungs that say what it is: no oldest version above the newest."""
        ends = {
            ladder.setting.partition(".")[2]: number
            for number, ladder in enumerate(self.ladders)
            if ladder.field == _RANGE
        }
        if len(ends) < 2:
            return rungs
        low, high = ends["minimum"], ends["maximum"]
        newest = PROTOCOLS.index(self.ladders[high].rungs[rungs[high]].value)
        found = next(
            number
            for number, rung in enumerate(self.ladders[low].rungs)
            if number >= rungs[low] and PROTOCOLS.index(rung.value) <= newest
        )
        return (*rungs[:low], found, *rungs[low + 1 :])

    def lines(self, rungs: Rungs) -> Mapping[str, str]:
        """The lines of a configuration at these rungs, as that build has them, by name."""
        lines: dict[str, str] = {}
        settings, option_of = self.settings(rungs), server_of(self.base).option_of
        if self._extra:
            # Further lines that no ladder is about, sections among them, are none of it.
            extra = getattr(settings, "extra", ())
            about: dict[str, Any] = {
                "extra": tuple(one for one in extra if option_of(one) in self._governed)
            }
            settings = dataclasses.replace(settings, **about)
        for line in server_lines(settings, self._spelt):
            name, text = self._spelt.option_of(line), line.removesuffix(self._spelt.line_end)
            if name in lines and name in self._spelt.adds_up:
                words = f"{lines[name]} {text.removeprefix(name)}".split()
                text = " ".join(dict.fromkeys(words))
            lines[name] = text
        return lines

    def left_out(self, name: str) -> tuple[LeftOut, ...]:
        """The words that the file has of an option, and no configuration here."""
        server = server_of(self.base)
        return tuple(
            one
            for one in self._without
            if one.option == name and any(one.without(line, server) != line for line in self._extra)
        )

    def _left(self, line: str) -> Iterator[str]:
        """What is left of a further line: nothing, if a ladder is about all that it says."""
        server = server_of(self.base)
        name = server.option_of(line)
        if name in self._governed and name not in server.adds_up:
            return
        for one in self._without:
            line = one.without(line, server)
        if line:
            yield line

    @cached_property
    def _governed(self) -> frozenset[str]:
        """The names of all lines that ladders are about, as the lab's server and the file's build have them.

        A line that ends the server at start is kept in the file's own spelling.
        """
        each = (_names_of(self._plain, ladder, server_of(self.base)) for ladder in self.ladders)
        return frozenset().union(*each, *self.names)

    @cached_property
    def _plain(self) -> ServerSettings:
        without: dict[str, Any] = {"extra": ()} if self._extra else {}
        return dataclasses.replace(self.base, **without)

    @cached_property
    def names(self) -> tuple[frozenset[str], ...]:
        """By ladder, as the build that the file is for has them: the names of the lines that it is about.

        They are there, or other ones, at one rung and not at another.
        """
        return tuple(
            frozenset(_names_of(self._plain, ladder, self._spelt)) for ladder in self.ladders
        )


def _names_of(plain: ServerSettings, ladder: Ladder, spelt: Server[Any]) -> Iterator[str]:
    if ladder.field == "extra":
        yield ladder.setting.removeprefix(_LINE)
        return
    values = [_alone(plain, ladder, rung) for rung in ladder.rungs]
    several = " " in ladder.setting
    if not (ladder.keep or several or ladder.setting.endswith("maximum")):
        # What is written at all where the field is set belongs to it too, whatever its value.
        first = ladder.rungs[0].value
        other: Any = not first if isinstance(first, bool) and len(ladder.rungs) == 1 else None
        values += [dataclasses.replace(plain, **{ladder.field: other})]
    written = [frozenset(server_lines(one, spelt)) for one in values]
    for line in frozenset().union(*written) - written[0].intersection(*written):
        yield spelt.option_of(line)


def _alone(base: ServerSettings, ladder: Ladder, rung: Rung) -> ServerSettings:
    """The configuration with this value and no other change."""
    if ladder.field == "extra":
        lines: Sequence[str] = getattr(base, "extra", ())
        option_of, name = server_of(base).option_of, ladder.setting.removeprefix(_LINE)
        others = [line for line in lines if option_of(line) != name]
        changes: dict[str, Any] = {
            "extra": (*others, *([rung.value] if rung.value is not None else []))
        }
        return dataclasses.replace(base, **changes)
    if ladder.field != _RANGE:
        return dataclasses.replace(base, **ladder.fields(rung))
    newest, value = ladder.setting.endswith("maximum"), rung.value
    ends = ("TLSv1.2", value) if newest else (value, PROTOCOLS[-1])
    return dataclasses.replace(base, protocols=ProtocolRange(*ends))
