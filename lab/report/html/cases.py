"""A record's cases as the report shows them: by document and section, each from every client."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from lab.expectations import Verdict
from lab.model import PLATFORMS, Attempt, Role, Stage
from lab.record import AttemptResult, CaseRecord, RaceRecord, RunRecord, gravest
from lab.report.html.attempts import (
    MAIN_ROLES,
    UNJUDGED,
    VERDICTS,
    Shown,
    chains,
    settings,
    settings_in_line,
    show,
)
from lab.report.html.language import Text, word
from lab.report.html.quoting import inline, plain, prose

#: In a record with more attempts, logs of completed attempts that went as expected are left out.
MOST_ATTEMPTS_WITH_LOGS = 3000

_PLACES = {
    where: place
    for place, where in enumerate(
        f"{platform}:{policy}" if policy else platform
        for platform, policies in PLATFORMS.items()
        for policy in policies or ("",)
    )
}
# Titles come from identifiers, which cannot spell these.
_SPELLINGS = {
    "tls": "TLS",
    "ftp": "FTP",
    "sni": "SNI",
    "aes128": "AES128",
    "rc4": "RC4",
    "sslv3": "SSLv3",
    "openssl": "OpenSSL",
    "diffie hellman": "Diffie-Hellman",
    "net ftp": "Net::FTP",
    "pythons": "Python's",
    "vsftpd": "vsftpd",
    "curl": "curl",
}
_SPELT = re.compile(
    rf"\b(?:{'|'.join(sorted(_SPELLINGS, key=len, reverse=True))})\b", re.IGNORECASE
)
_VERSION = re.compile(r"\bTLS 1 ([0-3])\b")


@dataclass(frozen=True)
class Facets:
    """What cases are filtered by, each with its values in the order in which they are offered."""

    platforms: tuple[str, ...]
    verdicts: tuple[str, ...]
    stages: tuple[str, ...]
    reasons: tuple[str, ...]

    @classmethod
    def of(cls, attempts: Sequence[AttemptResult]) -> Facets:
        """The facets of a record: values that it does not have are not offered."""
        outcomes = [a.outcome for a in attempts if a.outcome]
        stages = {o.stage for o in outcomes}
        return cls(
            platforms=tuple(sorted({a.client.where for a in attempts}, key=_place)),
            verdicts=VERDICTS,
            stages=tuple(str(stage) for stage in Stage if stage in stages),
            reasons=tuple(sorted({str(o.reason) for o in outcomes if o.reason})),
        )


@dataclass(frozen=True)
class Unit:
    """A case from one client: what is searched, filtered and linked to."""

    anchor: str
    case: CaseRecord
    main: Shown | None
    """The attempt that the case is about."""
    twin: Shown | None
    remedies: tuple[Shown, ...]
    others: tuple[Shown, ...]
    """Further outcomes of the main attempt, and what has no place elsewhere."""
    label: str
    """The client, with what else distinguishes it."""
    platform: str
    variant: str
    """What distinguishes it from others of the case on the same platform."""
    stand_ins: tuple[str, ...]
    keys: str
    """Indices into the facets, for each different attempt: ``platform.verdict.stage.reason``."""
    unfinished: bool = False

    @property
    def verdict(self) -> str:
        """The token of its verdict."""
        return str(self.case.verdict) if any(s.attempt.verdict for s in self.all) else UNJUDGED

    @property
    def race(self) -> RaceRecord | None:
        """The rate, if it is a race."""
        return self.case.race

    @property
    def rate_differs(self) -> bool:
        """Whether it is a race, and its rate is not as expected."""
        race = self.race
        return race is not None and not race.least <= race.refused <= race.most

    @property
    def alarming(self) -> str:
        """The verdict if it is one to look at, else nothing."""
        return self.verdict if self.verdict in {Verdict.SURPRISE, Verdict.LAB_ERROR} else ""

    @property
    def server_settings(self) -> list[tuple[str, Text]]:
        """What is set on the server."""
        return settings(self.main.attempt, "server") if self.main else []

    @property
    def client_settings(self) -> list[tuple[str, Text]]:
        """What is set on the client."""
        return settings(self.main.attempt, "client") if self.main else []

    @property
    def all(self) -> Iterator[Shown]:
        """Every attempt that is shown."""
        for one in (self.main, self.twin, *self.remedies, *self.others):
            if one:
                yield one
                if one.impostor:
                    yield one.impostor


@dataclass(frozen=True)
class Row:
    """One kind of attempt of a case, from every client."""

    role: Text
    standing: str
    title: Markup
    cells: tuple[Shown | None, ...]


@dataclass(frozen=True)
class Group:
    """A case with its story, from every client."""

    anchor: str
    title: Markup
    name: str
    """As the record has it."""
    lead: Markup
    """The story's first paragraph."""
    story: tuple[Markup, ...]
    """The others."""
    units: tuple[Unit, ...]

    @property
    def rows(self) -> list[Row]:
        """Every kind of attempt, the main one first; of several outcomes the one that comes first."""
        by_row: dict[tuple[str, str, Markup], list[Shown | None]] = {}
        for column, unit in enumerate(self.units):
            for shown in unit.all:
                key = (str(shown.attempt.role), shown.standing, inline(_title(shown)))
                cells = by_row.setdefault(key, [None] * len(self.units))
                cells[column] = cells[column] or shown
        return [
            Row(word("role", role), standing, title, tuple(cells))
            for (role, standing, title), cells in by_row.items()
        ]


@dataclass(frozen=True)
class Section:
    """Cases of one section of a document."""

    anchor: str
    document: str
    section: str
    groups: tuple[Group, ...]


@dataclass(frozen=True)
class _Given:
    """A case and its attempts, as the record has them."""

    case: CaseRecord
    attempts: tuple[AttemptResult, ...]
    unfinished: bool = False


def arrange(record: RunRecord, facets: Facets) -> tuple[Section, ...]:
    """Everything in the record: its cases, those that were cut short, attempts in no case."""
    arranged: dict[tuple[str, str], dict[str, list[_Given]]] = {}
    for given in _all_cases(record):
        place = arranged.setdefault((given.case.document, given.case.section), {})
        place.setdefault(given.case.name, []).append(given)
    with_logs = len(record.attempts) <= MOST_ATTEMPTS_WITH_LOGS
    arranger = _Arranger(facets, chains(record.certificates), with_logs=with_logs)
    return tuple(
        Section(f"s{number}", document, section, tuple(map(arranger.group, by_name.values())))
        for number, ((document, section), by_name) in enumerate(arranged.items(), start=1)
    )


class _Arranger:
    """Numbers cases as it arranges them: an anchor does not depend on what names may contain."""

    def __init__(self, facets: Facets, given: Mapping[str, Markup], *, with_logs: bool) -> None:
        self._given = given
        self._with_logs = with_logs
        self._groups = self._units = 0
        self._platforms = {p: i for i, p in enumerate(facets.platforms)}
        self._verdicts = {v: i for i, v in enumerate(facets.verdicts)}
        self._stages = {s: i for i, s in enumerate(facets.stages)}
        self._reasons = {r: i for i, r in enumerate(facets.reasons)}

    def group(self, many: Sequence[_Given]) -> Group:
        self._groups += 1
        first = many[0].case
        lead, *rest = _paragraphs(first.story)
        return Group(
            anchor=f"g{self._groups}",
            title=_spelt((first.title or first.name).strip()),
            name=plain(first.name),
            lead=lead,
            story=tuple(rest),
            units=tuple(map(self._unit, many)),
        )

    def _unit(self, given: _Given) -> Unit:
        self._units += 1
        anchor, case = f"u{self._units}", given.case
        shown = show(given.attempts, anchor, self._given, with_logs=self._with_logs)
        main = next((s for s in shown if s.attempt.role in MAIN_ROLES), None)
        twin = next((s for s in shown if s.attempt.role is Role.TWIN), None)
        remedies = tuple(s for s in shown if s.attempt.role is Role.REMEDY)
        placed = {id(s) for s in (main, twin, *remedies)}
        client = given.attempts[0].client if given.attempts else None
        where = client.where if client else ""
        label = case.label or (str(client) if client else case.id)
        return Unit(
            anchor=anchor,
            case=case,
            main=main,
            twin=twin,
            remedies=remedies,
            others=tuple(s for s in shown if id(s) not in placed),
            label=label,
            platform=where,
            variant=label.replace(f"@{where}", "", 1),
            stand_ins=tuple(sorted({name for a in given.attempts for name in a.stand_ins})),
            keys=self._keys(given.attempts),
            unfinished=given.unfinished,
        )

    def _keys(self, attempts: Iterable[AttemptResult]) -> str:
        seen: dict[tuple[int, int, int | str, int | str], None] = {}
        for attempt in attempts:
            outcome = attempt.outcome
            stage = self._stages[str(outcome.stage)] if outcome and outcome.stage else ""
            reason = self._reasons[str(outcome.reason)] if outcome and outcome.reason else ""
            verdict = self._verdicts[str(attempt.verdict or UNJUDGED)]
            seen[self._platforms[attempt.client.where], verdict, stage, reason] = None
        return " ".join(".".join(map(str, key)) for key in seen)


def _all_cases(record: RunRecord) -> Iterator[_Given]:
    """The cases of the record, then those that the run did not finish, then attempts in no case."""
    by_id = {attempt.id: attempt for attempt in record.attempts}
    placed: set[str] = set()
    for case in record.cases:
        attempts = tuple(by_id[i] for i in case.attempts if i in by_id)
        placed.update(a.id for a in attempts)
        yield _Given(case, attempts)
    unfinished: dict[str, list[AttemptResult]] = {}
    alone: dict[Attempt, list[AttemptResult]] = {}
    for attempt in record.attempts:
        if attempt.id in placed:
            continue
        if attempt.case is not None:
            unfinished.setdefault(attempt.case, []).append(attempt)
        else:
            alone.setdefault(attempt.attempt, []).append(attempt)
    for identity, many in unfinished.items():
        yield _Given(_cut_short(identity, many), tuple(many), unfinished=True)
    for many in alone.values():
        yield _Given(_without_case(many), tuple(many))


def _cut_short(identity: str, attempts: Sequence[AttemptResult]) -> CaseRecord:
    """A case of which the record has attempts and nothing else."""
    name, _, label = identity.partition("[")
    return CaseRecord(
        id=identity,
        name=name,
        label=label.removesuffix("]"),
        title=name.rpartition("/")[2].replace("_", " "),
        verdict=gravest(a.verdict for a in attempts),
    )


def _without_case(attempts: Sequence[AttemptResult]) -> CaseRecord:
    """Tries in no case, as if they were one: named by what is set."""
    name = settings_in_line(attempts[0])
    return CaseRecord(
        id=f"{name} {attempts[0].client}",
        name=name,
        label=str(attempts[0].client),
        title=name,
        verdict=gravest(a.verdict for a in attempts),
    )


def _place(where: str) -> tuple[int, str]:
    """Known platforms in their own order, others behind them by name."""
    return _PLACES.get(where, len(_PLACES)), where


def _title(shown: Shown) -> str:
    """What a row is called beside its role."""
    return shown.attempt.label if shown.attempt.role in {Role.REMEDY, Role.IMPOSTOR} else ""


def _paragraphs(story: str) -> list[Markup]:
    """A story's paragraphs; what is between double backquotes is code. At least one."""
    found = [prose(" ".join(part.split())) for part in story.split("\n\n") if part.strip()]
    return found or [Markup("")]


def _spelt(title: str) -> Markup:
    """A case's title, with the field's own spelling of its words and a capital first letter."""
    if "=" in title:  # settings, not a title
        return inline(title, 160)
    spelt = _SPELT.sub(lambda match: _SPELLINGS[match[0].lower()], title)
    spelt = _VERSION.sub(r"TLS 1.\1", spelt)
    kept = spelt.startswith(tuple(_SPELLINGS.values()))
    return inline(spelt if kept else spelt[:1].upper() + spelt[1:], 160)
