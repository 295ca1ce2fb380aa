"""What a check comes to: what was demanded, what came of each demand, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    # What a plan is made of is wanted before containers start: none of this is loaded by then.
    from pathlib import Path

    from lab.check.baseline import BaselineComparison
    from lab.model import Attempt, Outcome, Rating
    from lab.own.files import UserFiles
    from lab.own.findings import Finding
    from lab.record import AttemptResult
    from lab.remedies.advice import Advice
    from lab.remedies.lines import LineChange
    from lab.remedies.words import InBothLanguages


@dataclass(frozen=True)
class SourceLine:
    """A line of a file, as ``FILE:LINE`` names it."""

    file: str
    """As the person named it."""
    line: int | None = None
    """Counted from 1; ``None``: the file as a whole."""
    text: str = ""
    """What stands there; empty: it is no line of text, or nothing can be read there any more."""

    def __str__(self) -> str:
        return self.file if self.line is None else f"{self.file}:{self.line}"


class Demand(StrEnum):
    """What a requirement demands."""

    DELIVERS = "delivers"
    """The client reaches its goal: an upload over FTP, a response from the web."""
    VERIFIES = "verifies"
    """The client does not reach its goal without having checked the certificate."""
    IMPOSTOR = "impostor"
    """The client is refused, or refuses, at somebody else's server in the place of the right one."""
    OVER = "over"
    """Nobody gets through over this old version of TLS."""
    WITHOUT_TLS = "without-tls"
    """Nobody gets through without TLS."""
    CLEAR_DATA = "clear-data"
    """Nobody who has logged in over TLS sends a file in clear text."""


@dataclass(frozen=True, kw_only=True)
class Requirement:
    """One thing that is demanded of the configuration, and what shows whether it is met."""

    attempt: Attempt
    own: UserFiles
    """What its settings were read from."""
    demand: Demand
    client: str
    """``PROGRAM@PLATFORM[:POLICY]``: who connects."""
    version: str = ""
    """Of :attr:`Demand.OVER`: the version, such as ``TLSv1``."""
    may_be_cannot: bool = False
    """Whether it is no error that this cannot be tried here."""
    written: SourceLine | None = None
    """The line of ``lab-check.toml`` that demands it; ``None``: nobody wrote it, all clients must deliver."""

    @property
    def id(self) -> str:
        """The same in every check of any configuration: ``delivers/net-ftp@rocky9:FIPS``."""
        return "/".join(filter(None, (self.demand, self.version, self.client)))


class RowVerdict(StrEnum):
    """What came of a requirement."""

    MET = "met"
    BROKEN = "broken"
    CANNOT = "cannot"
    """It cannot be tried here."""
    LAB_ERROR = "lab-error"
    """The lab itself failed."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """A requirement, and what came of it."""

    requirement: Requirement
    verdict: RowVerdict
    outcome: Outcome | None = None
    """Of several tries the first that decided the verdict; ``None``: none could be made."""
    completed: int = 0
    """In how many of the tries the client reached its goal."""
    tries: int = 0
    """How often it was made."""
    race: bool = False
    """Whether it was repeated because what was negotiated is known to complete in some tries only."""
    why: str = ""
    """Of what could not be made: why."""
    cause: InBothLanguages | None = None
    """Of what is broken: the cause."""
    where: tuple[SourceLine, ...] = ()
    """Of what is broken: the lines that decide; nothing: no file that was given sets it."""
    remedy: tuple[LineChange, ...] = ()
    """Of a server that lets somebody through without TLS: what it must say instead."""
    user_sees: str = ""
    """Of a refusal: what the user of the client is shown."""
    advice: Advice | None = None
    """Of a refused delivery: cause, place and remedies that were tried; shared by what breaks alike."""
    attempts: tuple[AttemptResult, ...] = ()
    """What was made, as the record has it."""

    @property
    def left_open(self) -> bool:
        """Whether nobody knows if it is met, and nobody has said that this may be."""
        if self.verdict is RowVerdict.CANNOT:
            # What was made, and says nothing, is not what may be missing.
            return self.outcome is not None or not self.requirement.may_be_cannot
        return self.verdict is RowVerdict.LAB_ERROR

    @property
    def client(self) -> str:
        """Who connected."""
        return self.requirement.client


@dataclass(frozen=True, kw_only=True)
class RankedRemedy:
    """A change of the configuration, and what each client makes of it."""

    title: InBothLanguages
    rating: Rating
    changes: tuple[LineChange, ...]
    brings_in: tuple[str, ...]
    """Clients that are refused now and reach their goal with it."""
    loses: tuple[str, ...] = ()
    """Clients that reach their goal now and are refused with it."""
    breaks: tuple[str, ...] = ()
    """Requirements that somebody is refused, by id, which are met now and are not with it."""
    tries: int = 0
    """How many attempts that rests on."""


@dataclass(frozen=True, kw_only=True)
class StrongestLine:
    """A line of the strongest configuration."""

    text: str
    """As it is written; empty: it was taken out."""
    purpose: InBothLanguages
    """What it is for."""
    comment: tuple[InBothLanguages, ...] = ()
    """What is said above it in the file: what it is for, whom it lets in, whom one step more would lose."""
    next_stronger: str = ""
    """The next stronger value that was tried; empty: there is none."""
    loses: tuple[str, ...] = ()
    """The clients that this one would lose."""


@dataclass(frozen=True, kw_only=True)
class Strongest:
    """The strongest configuration that serves every client, or most of them, proven by a run."""

    text: str
    """The whole file; empty: none was found, and the notes say why."""
    lines: tuple[StrongestLine, ...] = ()
    """Those that the search set."""
    rows: tuple[Row, ...] = ()
    """What every requirement came to with it."""
    served: tuple[str, ...] = ()
    """The clients that it serves, each in all of its tries."""
    notes: tuple[InBothLanguages, ...] = ()
    """Whom it does not serve, and who excludes whom with what."""
    tries: int = 0
    """How many attempts the search made."""


@dataclass(frozen=True, kw_only=True)
class StandIn:
    """An image that only stands in for a distribution."""

    name: str
    library: str
    """Its TLS library, which is the distribution's."""


@dataclass(frozen=True, kw_only=True)
class EarlyEnd:
    """What ended a check before anything was known."""

    text: InBothLanguages
    place: SourceLine
    """Of an input the line that is wrong."""
    by_input: bool
    """Whether an input ended it, else the lab."""


@dataclass(frozen=True, kw_only=True)
class CheckResult:
    """All that one check came to."""

    files: tuple[str, ...]
    """What was checked, as it was named."""
    rows: tuple[Row, ...]
    findings: tuple[Finding, ...] = ()
    """What is to be said of the files themselves."""
    remedies: tuple[RankedRemedy, ...] = ()
    """Those that bring in most clients come first."""
    strongest: Strongest | None = None
    stand_ins: tuple[StandIn, ...] = ()
    builds: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """By image that something was tried on, the version of each program and library in it."""
    notes: tuple[InBothLanguages, ...] = ()
    """What holds of all rows: what is presumed of the operator's server, what is not judged."""
    record: Path | None = None
    """Where the attempts are recorded."""
    elapsed_s: float = 0.0
    ended: EarlyEnd | None = None
    """What ended it; then there are no rows. ``None``: it was made."""
    compared: BaselineComparison | None = None
    """How it stands beside a baseline; ``None``: there is none."""

    @property
    def broken(self) -> tuple[Row, ...]:
        """The rows that are broken."""
        return tuple(row for row in self.rows if row.verdict is RowVerdict.BROKEN)

    @property
    def left_open(self) -> tuple[Row, ...]:
        """The rows of which nobody knows whether they are met, and nobody has said that this may be."""
        return tuple(row for row in self.rows if row.left_open)

    @property
    def status(self) -> int:
        """The exit status: 0 all is met, 1 something is broken, 2 an input was wrong, 3 something is open."""
        if self.ended is not None:
            return 2 if self.ended.by_input else 3
        if self.broken:
            return 1
        return 3 if self.left_open else 0

    def is_known(self, row: Row) -> bool:
        """Whether a row is broken and the baseline has it as broken already."""
        return self.compared is not None and row.requirement.id in self.compared.known

    @property
    def exit_status(self) -> int:
        """The same, where what is broken and known to the baseline does not count."""
        if self.status == 1 and all(map(self.is_known, self.broken)):
            return 3 if self.left_open else 0
        return self.status
