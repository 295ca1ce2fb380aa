"""What the page shows, arranged from a record: groups of cases, their attempts, the matrix, the counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from markupsafe import Markup

from lab.expectations import Verdict
from lab.model import Attempt, Captured, Reason, Result, Role, Side, Stage, Standing, set_fields
from lab.record import AttemptRecord, CaseRecord, ImageRecord, RaceRecord, RunRecord, gravest
from lab.report.html import signs
from lab.report.html.language import Text, say, word
from lab.report.html.quoting import inline, plain, quote
from lab.report.html.sequence import Happened, sequence_of
from lab.report.html.signs import Sign

#: In a record with more attempts, logs of completed attempts that went as expected are left out.
MOST_ATTEMPTS_WITH_LOGS = 3000
#: So many attempts that need a look are listed one by one.
MOST_LISTED = 50

UNJUDGED = "unjudged"
VERDICTS = (*(str(v) for v in Verdict), UNJUDGED)


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One claim of a document with the verdict of the run, as the report shows it."""

    id: str
    section_en: str
    section_ja: str
    text_en: str
    text_ja: str
    verdict: str
    """``confirmed``, ``refuted``, ``conditional``, ``not-testable-here`` or ``not-run``."""
    platforms: Mapping[str, str] = field(default_factory=dict)
    """The verdict on each platform, e.g. ``{"rocky9:FIPS": "confirmed"}``."""
    condition_en: str = ""
    condition_ja: str = ""
    why_en: str = ""
    """How the verdict follows, or why nothing can be tested."""
    why_ja: str = ""
    cases: tuple[str, ...] = ()
    """Names of the cases that test it."""
    stand_ins: tuple[str, ...] = ()
    """Images among theirs that only stand in for a distribution."""


@dataclass(frozen=True)
class Change:
    """A setting in which an attempt differs from the first of its case."""

    name: str
    before: Text
    after: Text


@dataclass(frozen=True)
class Shown:
    """One attempt of a case, or several tries of it with one outcome."""

    anchor: str
    attempt: AttemptRecord
    count: int
    sign: Sign
    seen: Text
    title: Markup
    changes: tuple[Change, ...] = ()
    happened: Happened | None = None
    impostor: Shown | None = None
    """Of a remedy: the same with an impostor in the server's place."""
    log_left_out: bool = False

    @property
    def verdict(self) -> str:
        """The token of its verdict."""
        return str(self.attempt.verdict or UNJUDGED)

    @property
    def remarkable(self) -> bool:
        """Whether it did not go as expected."""
        return self.attempt.verdict in {Verdict.SURPRISE, Verdict.LAB_ERROR}

    @property
    def facts(self) -> list[Text]:
        """What was negotiated."""
        return signs.facts(self.attempt.outcome) if self.attempt.outcome else []

    @property
    def why(self) -> Text | None:
        """What the reason of the refusal means."""
        outcome = self.attempt.outcome
        return say(f"why.{outcome.reason}") if outcome and outcome.reason else None

    @property
    def expected(self) -> Text | None:
        """What was expected."""
        expectation = self.attempt.expectation
        return signs.expectation_words(expectation) if expectation else None

    @property
    def client_text(self) -> Markup:
        """The client's own error."""
        outcome, report = self.attempt.outcome, self.attempt.client_report
        return quote((outcome.texts.client if outcome else "") or (report.error if report else ""))

    @property
    def message(self) -> Markup:
        """What the client's user is shown."""
        return quote(self.attempt.outcome.texts.message if self.attempt.outcome else "")

    @property
    def server_text(self) -> Markup:
        """The server's log of this attempt."""
        outcome, report = self.attempt.outcome, self.attempt.server_report
        return quote((outcome.texts.server if outcome else "") or (report.log if report else ""))

    @property
    def library(self) -> Markup:
        """The client's TLS library."""
        report = self.attempt.client_report
        return inline(report.library) if report else Markup("")

    @property
    def captured(self) -> Captured | None:
        """What an impostor got."""
        report = self.attempt.server_report
        return report.captured if report else None

    @property
    def standing(self) -> str:
        """What a remedy is worth; nothing for another attempt."""
        return self.attempt.standing or ""


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
    """Further outcomes of the same attempt, and attempts that are neither twin nor remedy."""
    platform: str
    variant: str
    """What distinguishes it from others of the case on the same platform."""
    stand_ins: tuple[str, ...]
    keys: str
    """Indices into the facets, for each different attempt: ``platform.verdict.stage.reason``."""
    attempts: int
    unfinished: bool = False

    @property
    def verdict(self) -> str:
        """The token of its verdict."""
        judged = self.unfinished or any(s.attempt.verdict for s in self.all)
        return str(self.case.verdict) if judged else UNJUDGED

    @property
    def race(self) -> RaceRecord | None:
        """The rate, if it is a race."""
        return self.case.race

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
class Group:
    """A case with its story, from every client."""

    anchor: str
    title: Markup
    name: str
    lead: Markup
    story: tuple[Markup, ...]
    units: tuple[Unit, ...]

    @property
    def rows(self) -> list[tuple[Text, Markup, str, list[Shown | None]]]:
        """Every kind of attempt as a row, every client as a column: role, title, standing, cells."""
        by_row: dict[tuple[str, str, str], list[Shown | None]] = {}
        for column, unit in enumerate(self.units):
            for shown in unit.all:
                key = (str(shown.attempt.role), str(shown.title), shown.standing)
                cells = by_row.setdefault(key, [None] * len(self.units))
                cells[column] = cells[column] or shown  # of several outcomes the most frequent one
        return [
            (word("role", role), Markup(title), standing, cells)  # noqa: S704 - escaped by Shown
            for (role, title, standing), cells in by_row.items()
        ]


@dataclass(frozen=True)
class Section:
    """Cases of one section of a document."""

    anchor: str
    document: str
    section: str
    groups: tuple[Group, ...]


@dataclass(frozen=True)
class MatrixRow:
    """A case, or one variant of it, on every platform."""

    group: Group
    variant: Markup
    first: bool
    """Whether the row carries the case's title, over so many rows."""
    span: int
    cells: tuple[tuple[Unit, ...], ...]


@dataclass(frozen=True)
class Bar:
    """A part of a bar: where it begins and ends, in percent, and what it stands for."""

    kind: str
    start: float
    width: float
    number: int


@dataclass(frozen=True)
class StageCount:
    """How many first attempts ended at a stage, by whom."""

    stage: str
    words: Text
    bars: tuple[Bar, ...]
    number: int


class Page:
    """Everything that the templates ask for."""

    def __init__(self, record: RunRecord, claims: Sequence[Claim] | None) -> None:
        self.record = record
        self.claims = claims
        self.with_logs = len(record.attempts) <= MOST_ATTEMPTS_WITH_LOGS
        self.platforms = _ordered(a.client.where for a in record.attempts)
        self.reasons = _ordered(
            str(a.outcome.reason) for a in record.attempts if a.outcome and a.outcome.reason
        )
        self.stages = [
            str(s)
            for s in Stage
            if any(a.outcome and a.outcome.stage is s for a in record.attempts)
        ]
        self.counts = Counter(str(a.verdict or UNJUDGED) for a in record.attempts)
        self.stand_ins = {name for a in record.attempts for name in a.stand_ins}
        self._indices = (
            {p: i for i, p in enumerate(self.platforms)},
            {v: i for i, v in enumerate(VERDICTS)},
            {s: i for i, s in enumerate(self.stages)},
            {r: i for i, r in enumerate(self.reasons)},
        )

    @cached_property
    def sections(self) -> tuple[Section, ...]:
        """The cases, by document and section, in the order in which they first come."""
        arranged: dict[tuple[str, str], dict[str, list[_Given]]] = {}
        for given in _cases(self.record):
            place = arranged.setdefault((given.case.document, given.case.section), {})
            place.setdefault(given.case.name, []).append(given)
        sections: list[Section] = []
        numbers = _Numbers()
        for number, ((document, section), by_name) in enumerate(arranged.items(), start=1):
            groups = tuple(self._group(many, numbers) for many in by_name.values())
            sections.append(Section(f"s{number}", document, section, groups))
        return tuple(sections)

    @cached_property
    def groups(self) -> tuple[Group, ...]:
        """All cases."""
        return tuple(group for section in self.sections for group in section.groups)

    @cached_property
    def units(self) -> tuple[Unit, ...]:
        """All cases, from each client."""
        return tuple(unit for group in self.groups for unit in group.units)

    @property
    def verdicts(self) -> list[tuple[str, int]]:
        """Every verdict with its number; ``unjudged`` only if there is one."""
        return [(v, self.counts[v]) for v in VERDICTS if v != UNJUDGED or self.counts[v]]

    @property
    def statement(self) -> Text:
        """The run in one sentence."""
        if not self.record.attempts:
            return say("summary.empty")
        verdict = self.record.verdict
        if verdict is Verdict.AS_EXPECTED and self.counts[UNJUDGED] == len(self.record.attempts):
            return say("summary.unjudged")
        return say(
            {
                Verdict.LAB_ERROR: "summary.lab_errors",
                Verdict.SURPRISE: "summary.surprises",
                Verdict.CANNOT: "summary.expected_but_cannot",
                Verdict.AS_EXPECTED: "summary.all_expected",
            }[verdict]
        )

    @property
    def verdict_bars(self) -> list[Bar]:
        """The verdicts as parts of one bar."""
        return _bars([(verdict, number) for verdict, number in self.verdicts if number])

    @cached_property
    def stage_counts(self) -> list[StageCount]:
        """Where first attempts ended, and who ended them; at last those that reached their goal."""
        ended: dict[str, Counter[str]] = {}
        for unit in self.units:
            outcome = unit.main.attempt.outcome if unit.main else None
            if outcome is not None:
                where = "reached" if outcome.result is Result.COMPLETED else str(outcome.stage)
                by = "completed" if outcome.result is Result.COMPLETED else str(outcome.by)
                ended.setdefault(where, Counter())[by] += 1
        most = max((c.total() for c in ended.values()), default=0)
        return [
            StageCount(
                stage,
                say("summary.reached") if stage == "reached" else word("stage", stage),
                tuple(_bars(sorted(ended[stage].items()), whole=most)),
                ended[stage].total(),
            )
            for stage in (*(str(s) for s in Stage), "reached")
            if stage in ended
        ]

    @cached_property
    def matrix(self) -> list[tuple[Section, list[MatrixRow]]]:
        """The rows of the matrix by section."""
        return [(s, [row for g in s.groups for row in self._rows(g)]) for s in self.sections]

    @cached_property
    def platform_stand_ins(self) -> frozenset[str]:
        """Platforms that were seen on a stand-in of their own."""
        return frozenset(
            a.client.where for a in self.record.attempts if a.client.platform in a.stand_ins
        )

    @cached_property
    def attention(self) -> list[tuple[str, list[tuple[Unit, Shown]], int]]:
        """Surprises and lab errors one by one: verdict, the first of them, how many more."""
        found: dict[str, list[tuple[Unit, Shown]]] = {}
        for unit in self.units:
            for shown in unit.all:
                if shown.remarkable:
                    found.setdefault(shown.verdict, []).append((unit, shown))
        return [
            (v, found[v][:MOST_LISTED], max(len(found[v]) - MOST_LISTED, 0))
            for v in (Verdict.LAB_ERROR, Verdict.SURPRISE)
            if v in found
        ]

    @cached_property
    def rates(self) -> list[Unit]:
        """Races whose rate is not as expected."""
        return [
            unit
            for unit in self.units
            if unit.race
            and unit.case.verdict is Verdict.SURPRISE
            and not unit.race.least <= unit.race.refused <= unit.race.most
        ]

    @cached_property
    def cannot(self) -> list[tuple[Markup, list[tuple[str, int]]]]:
        """Causes of what could not be tried, with the clients and how often."""
        stopped: dict[str, Counter[str]] = {}
        for attempt in self.record.attempts:
            if attempt.verdict is Verdict.CANNOT:
                clients = stopped.setdefault(attempt.verdict_why, Counter())
                clients[plain(attempt.client)] += 1
        return [(inline(why, 600), list(clients.items())) for why, clients in stopped.items()]

    @property
    def glossary(self) -> list[tuple[str, list[tuple[Text, str, Text]]]]:
        """The words of the report with their meaning: words, token, meaning."""
        return [
            ("verdicts", [(word("verdict", v), v, say(f"verdict_means.{v}")) for v in VERDICTS]),
            ("roles", [(word("role", r), r, say(f"role_means.{r}")) for r in Role]),
            ("standings", [(word("standing", s), s, say(f"standing_means.{s}")) for s in Standing]),
            (
                "reasons",
                [(word("reason", r), r, say(f"why.{r}")) for r in Reason if r in self.reasons],
            ),
        ]

    @property
    def run_facts(self) -> list[tuple[Text, list[tuple[str, Markup]]]]:
        """What is known of machine and engine."""
        return [
            (say("summary.machine"), _pairs(self.record.machine)),
            (say("summary.engine"), _pairs(self.record.engine)),
            (say("nav.run"), _pairs(self.record.topology)),
        ]

    # -- parts -------------------------------------------------------------------------------------

    def _group(self, many: Sequence[_Given], numbers: _Numbers) -> Group:
        first = many[0].case
        lead, *rest = _paragraphs(first.story)
        title = (first.title or first.name).strip()
        return Group(
            anchor=numbers.group(),
            title=_sentence(title),
            name=plain(first.name),
            lead=lead,
            story=tuple(rest),
            units=tuple(self._unit(given, numbers.unit()) for given in many),
        )

    def _unit(self, given: _Given, anchor: str) -> Unit:
        case = given.case
        folded = list(_folded(given.attempts))
        first = folded[0][0] if folded else None
        shown: list[Shown] = []
        for number, (attempt, count) in enumerate(folded):
            one = self._shown(attempt, count, f"{anchor}-{number}", first)
            if one.attempt.role is Role.IMPOSTOR and shown and _is_of(one, shown[-1]):
                shown[-1] = _with(shown[-1], impostor=one)
            else:
                shown.append(one)
        main = shown[0] if shown and shown[0].attempt.role is not Role.TWIN else None
        rest = shown[1:] if main else shown
        twins = [s for s in rest if s.attempt.role is Role.TWIN]
        remedies = [s for s in rest if s.attempt.role is Role.REMEDY]
        others = [s for s in rest if s not in remedies and s not in twins[:1]]
        client = first.client if first else None
        return Unit(
            anchor=anchor,
            case=case,
            main=main,
            twin=twins[0] if twins else None,
            remedies=tuple(remedies),
            others=tuple(others),
            platform=client.where if client else "",
            variant=case.label.replace(f"@{client.where}", "", 1) if client else case.label,
            stand_ins=tuple(sorted({n for a in given.attempts for n in a.stand_ins})),
            keys=self._keys(given.attempts),
            attempts=len(given.attempts),
            unfinished=given.unfinished,
        )

    def _shown(
        self, attempt: AttemptRecord, count: int, anchor: str, first: AttemptRecord | None
    ) -> Shown:
        main = first is attempt
        shown = Shown(
            anchor=anchor,
            attempt=attempt,
            count=count,
            sign=signs.sign_of(attempt),
            seen=signs.seen(attempt),
            title=_title(attempt),
            changes=tuple(_changes(first, attempt)) if first and not main else (),
            log_left_out=not self.with_logs
            and attempt.verdict is Verdict.AS_EXPECTED
            and attempt.outcome is not None
            and attempt.outcome.result is Result.COMPLETED,
        )
        if main or shown.remarkable:
            return _with(shown, happened=sequence_of(attempt))
        return shown

    def _keys(self, attempts: Iterable[AttemptRecord]) -> str:
        platforms, verdicts, stages, reasons = self._indices
        seen: dict[tuple[int, int, int | str, int | str], None] = {}
        for attempt in attempts:
            outcome = attempt.outcome
            stage = stages[str(outcome.stage)] if outcome and outcome.stage else ""
            reason = reasons[str(outcome.reason)] if outcome and outcome.reason else ""
            verdict = verdicts[str(attempt.verdict or UNJUDGED)]
            seen[(platforms[attempt.client.where], verdict, stage, reason)] = None
        return " ".join(".".join(map(str, key)) for key in seen)

    def _rows(self, group: Group) -> Iterator[MatrixRow]:
        by_variant: dict[str, dict[str, list[Unit]]] = {}
        for unit in group.units:
            by_variant.setdefault(unit.variant, {}).setdefault(unit.platform, []).append(unit)
        for number, (variant, units) in enumerate(by_variant.items()):
            yield MatrixRow(
                group=group,
                variant=inline(variant, 80),
                first=number == 0,
                span=len(by_variant),
                cells=tuple(tuple(units.get(p, ())) for p in self.platforms),
            )


@dataclass(frozen=True)
class _Given:
    """A case and its attempts, as the record has them."""

    case: CaseRecord
    attempts: tuple[AttemptRecord, ...]
    unfinished: bool = False


class _Numbers:
    """Anchors: short, and in no danger of what a record's names may contain."""

    def __init__(self) -> None:
        self._groups = self._units = 0

    def group(self) -> str:
        self._groups += 1
        return f"g{self._groups}"

    def unit(self) -> str:
        self._units += 1
        return f"u{self._units}"


def _cases(record: RunRecord) -> Iterator[_Given]:
    """The cases of the record, then those that the run did not finish, then attempts in no case."""
    by_id = {attempt.id: attempt for attempt in record.attempts}
    placed: set[str] = set()
    for case in record.cases:
        attempts = tuple(by_id[i] for i in case.attempts if i in by_id)
        placed.update(a.id for a in attempts)
        yield _Given(case, attempts)
    unfinished: dict[str, list[AttemptRecord]] = {}
    alone: dict[Attempt, list[AttemptRecord]] = {}
    for attempt in record.attempts:
        if attempt.id in placed:
            continue
        if attempt.case is not None:
            unfinished.setdefault(attempt.case, []).append(attempt)
        else:
            alone.setdefault(attempt.attempt, []).append(attempt)
    for identity, attempts_ in unfinished.items():
        name, _, label = identity.partition("[")
        yield _Given(
            CaseRecord(
                id=identity,
                name=name,
                label=label.removesuffix("]"),
                title=name.rpartition("/")[2].replace("_", " "),
                verdict=gravest(a.verdict for a in attempts_),
            ),
            tuple(attempts_),
            unfinished=True,
        )
    for settings_, attempts_ in alone.items():
        yield _Given(_without_case(settings_, attempts_), tuple(attempts_))


def _without_case(attempt: Attempt, attempts: Sequence[AttemptRecord]) -> CaseRecord:
    """Attempts in no case, as if they were one: named by what is set."""
    apart = {"software", "program", "platform", "policy"}
    words = [
        f"{name}={_written(value)}"
        for end in (attempt.server, attempt.client)
        for name, value in set_fields(end).items()
        if name not in apart
    ]
    name = " ".join([attempt.server.software, *words])
    return CaseRecord(
        id=f"{name} {attempt.client}",
        name=name,
        label=str(attempt.client),
        title=name,
        verdict=gravest(a.verdict for a in attempts),
    )


def _folded(attempts: Sequence[AttemptRecord]) -> Iterator[tuple[AttemptRecord, int]]:
    """Tries of the same thing with the same outcome once, with their number; the most frequent first."""
    tries: dict[Any, dict[Any, list[AttemptRecord]]] = {}
    for attempt in attempts:
        outcome = attempt.outcome
        same = (attempt.role, attempt.label, attempt.standing, attempt.server, attempt.client)
        came = (attempt.verdict, attempt.verdict_why if outcome is None else _came(attempt))
        tries.setdefault(same, {}).setdefault(came, []).append(attempt)
    for outcomes in tries.values():
        for many in sorted(outcomes.values(), key=len, reverse=True):
            yield many[0], len(many)


def _came(attempt: AttemptRecord) -> Any:
    outcome = attempt.outcome
    if outcome is None:
        return None
    return (
        outcome.result,
        outcome.by,
        outcome.stage,
        outcome.reason,
        outcome.protocol,
        outcome.cipher,
        outcome.verified,
        outcome.data_protected,
        outcome.session_reused,
    )


def _is_of(impostor: Shown, remedy: Shown) -> bool:
    return remedy.attempt.role is Role.REMEDY and impostor.attempt.label == remedy.attempt.label


def _with(shown: Shown, **changes: Any) -> Shown:
    # dataclasses.replace() looks at every field; with ten thousand attempts that is felt.
    copy = object.__new__(Shown)
    copy.__dict__.update(shown.__dict__, **changes)
    return copy


def _title(attempt: AttemptRecord) -> Markup:
    """What an attempt is called beside its role."""
    if attempt.role in {Role.BREAKS, Role.WORKS, Role.ATTEMPT}:
        return Markup("")
    return inline(attempt.label) if attempt.role is not Role.TWIN else Markup("")


def _changes(first: AttemptRecord, attempt: AttemptRecord) -> Iterator[Change]:
    for side in ("server", "client"):
        one, other = vars(getattr(first, side)), vars(getattr(attempt, side))
        if one == other:
            continue
        for name, before in one.items():
            after = other[name]
            if before != after and name != "impostor":
                yield Change(f"{side}.{name}", _value(before), _value(after))


def settings(attempt: AttemptRecord, side: str) -> list[tuple[str, Text]]:
    """What is set at one end: name and value; defaults are left out."""
    return [
        (name, _value(value))
        for name, value in set_fields(getattr(attempt, side)).items()
        if name not in {"software", "program", "platform", "policy"}
    ]


def _value(value: object) -> Text:
    if value is None or value == ():
        return say("case.default")
    return Text.same(Markup("<code>{}</code>").format(inline(_written(value))))


def _written(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return " ".join(map(str, value))
    return str(value)


def _paragraphs(story: str) -> list[Markup]:
    """A story's paragraphs; what is between double backquotes is code. At least one."""
    found = [_prose(" ".join(part.split())) for part in story.split("\n\n") if part.strip()]
    return found or [Markup("")]


def _prose(text: str) -> Markup:
    parts = text.split("``")
    code = Markup("<code>{}</code>").format
    return Markup("").join(
        code(inline(part, 600)) if number % 2 else inline(part, 2000)
        for number, part in enumerate(parts)
    )


def _sentence(title: str) -> Markup:
    """A title with a capital first letter, unless it begins with something that has its own spelling."""
    first = title[:1].upper() + title[1:] if title[:1].isalpha() and "=" not in title else title
    return inline(first, 160)


def _ordered(tokens: Iterable[str]) -> list[str]:
    """Different tokens, sorted."""
    return sorted(set(tokens))


def _bars(parts: Sequence[tuple[str, int]], whole: int = 0) -> list[Bar]:
    total = whole or sum(number for _, number in parts)
    bars: list[Bar] = []
    start = 0.0
    for kind, number in parts:
        width = 100 * number / total
        bars.append(Bar(kind, round(start, 2), round(width, 2), number))
        start += width
    return bars


def _pairs(facts: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Markup]]:
    """Nested facts as flat pairs."""
    pairs: list[tuple[str, Markup]] = []
    for name, value in facts.items():
        label = f"{prefix}{plain(name, 60)}"
        if isinstance(value, Mapping):
            pairs += _pairs(value, f"{label}: ")
        elif isinstance(value, list | tuple):
            pairs.append((label, inline(", ".join(map(str, value)), 600)))
        elif value is not None:
            pairs.append((label, inline(value, 600)))
    return pairs


def image_versions(image: ImageRecord) -> list[tuple[str, Markup]]:
    """Versions of what is in an image."""
    packages = image.facts.get("packages")
    return _pairs(packages) if isinstance(packages, Mapping) else []


def image_facts(image: ImageRecord) -> list[tuple[str, Markup]]:
    """What is known of an image beside what has its own place."""
    return [
        pair
        for name, value in image.facts.items()
        if name != "packages" and value not in (None, [], {}, "")
        for pair in _pairs({name: value})
    ]


def sides() -> tuple[str, ...]:
    """Who can end an attempt, as signs have it."""
    return ("completed", *(str(s) for s in Side))
