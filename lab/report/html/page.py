"""What stands on the page beside the cases: the run in short, counts, what needs a look, the matrix."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from markupsafe import Markup

from lab.expectations import Verdict
from lab.model import Rating, Reason, Result, Role, Side, Stage
from lab.record import ImageRecord, RunRecord
from lab.report.html.attempts import UNJUDGED, VERDICTS, Shown
from lab.report.html.cases import Facets, Group, Section, Unit, arrange
from lab.report.html.claims import Claim
from lab.report.html.language import Text, say, word
from lab.report.html.quoting import inline, plain, prose

#: So many attempts that need a look are listed one by one.
MOST_LISTED = 50
#: Who can end an attempt, as bars and signs have it.
ENDS = ("completed", *(str(side) for side in Side))
_REACHED = "reached"


@dataclass(frozen=True)
class Bar:
    """A part of a bar: where it begins and how wide it is, in percent, and what it stands for."""

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


@dataclass(frozen=True)
class MatrixRow:
    """A case, or one variant of it, on every platform."""

    group: Group
    variant: Markup
    first: bool
    """Whether the row carries the case's title ..."""
    span: int
    """... over so many rows."""
    cells: tuple[tuple[Unit, ...], ...]


class Page:
    """Everything that the templates ask for."""

    def __init__(self, record: RunRecord, claims: Sequence[Claim] | None) -> None:
        self.record = record
        self.claims = claims
        self.facets = Facets.of(record.attempts)
        self.sections: tuple[Section, ...] = arrange(record, self.facets)
        self.groups = tuple(group for section in self.sections for group in section.groups)
        self.units = tuple(unit for group in self.groups for unit in group.units)
        self.counts = Counter(str(a.verdict or UNJUDGED) for a in record.attempts)

    # -- the run -----------------------------------------------------------------------------------

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
    def started(self) -> datetime:
        """When the run began, in UTC."""
        return self.record.started.astimezone(UTC)

    @property
    def verdicts(self) -> list[tuple[str, int]]:
        """Every verdict with its number; ``unjudged`` only if there is one."""
        return [(v, self.counts[v]) for v in VERDICTS if v != UNJUDGED or self.counts[v]]

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
                completed = outcome.result is Result.COMPLETED
                where, by = (_REACHED, "completed") if completed else (outcome.stage, outcome.by)
                ended.setdefault(str(where), Counter())[str(by)] += 1
        most = max((c.total() for c in ended.values()), default=0)
        return [
            StageCount(
                stage,
                say("summary.reached") if stage == _REACHED else word("stage", stage),
                tuple(_bars(sorted(ended[stage].items()), whole=most)),
                ended[stage].total(),
            )
            for stage in (*(str(s) for s in Stage), _REACHED)
            if stage in ended
        ]

    @property
    def clients(self) -> int:
        """How many different clients took part: programs on platforms."""
        return len({str(a.client) for a in self.record.attempts})

    @property
    def images_standing_in(self) -> int:
        """How many images only stand in for a distribution."""
        return sum(image.stand_in for image in self.record.images)

    @property
    def contents(self) -> list[str]:
        """The sections of the page that there are."""
        there = {"matrix": bool(self.units), "claims": self.claims is not None}
        names = ("attention", "matrix", "claims", "cases", "images", "run", "words")
        return [name for name in names if there.get(name, True)]

    @property
    def run_facts(self) -> list[tuple[Text, list[tuple[str, Markup]]]]:
        """What is known of machine, engine and topology."""
        return [
            (say("summary.machine"), pairs(self.record.machine)),
            (say("summary.engine"), pairs(self.record.engine)),
            (say("summary.images"), pairs(self.record.sources)),
            (say("summary.topology"), pairs(self.record.topology)),
        ]

    # -- what needs a look ---------------------------------------------------------------------------

    @cached_property
    def attention(self) -> list[tuple[str, list[Shown], int]]:
        """Lab errors and surprises one by one: verdict, the first of them, how many more."""
        found: dict[str, list[Shown]] = {}
        for unit in self.units:
            for shown in unit.all:
                if shown.remarkable:
                    found.setdefault(shown.verdict, []).append(shown)
        return [
            (verdict, found[verdict][:MOST_LISTED], max(len(found[verdict]) - MOST_LISTED, 0))
            for verdict in (Verdict.LAB_ERROR, Verdict.SURPRISE)
            if verdict in found
        ]

    @cached_property
    def rates(self) -> list[Unit]:
        """Races whose rate is not as expected."""
        return [unit for unit in self.units if unit.rate_differs]

    @cached_property
    def cannot(self) -> list[tuple[Markup, list[tuple[str, int]]]]:
        """Causes of what could not be tried, with the clients and how often."""
        stopped: dict[str, Counter[str]] = {}
        for attempt in self.record.attempts:
            if attempt.verdict is Verdict.CANNOT:
                clients = stopped.setdefault(attempt.verdict_why, Counter())
                clients[plain(attempt.client)] += 1
        return [(inline(why, 600), list(clients.items())) for why, clients in stopped.items()]

    # -- the matrix ----------------------------------------------------------------------------------

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
                cells=tuple(tuple(units.get(p, ())) for p in self.facets.platforms),
            )

    # -- claims and words ----------------------------------------------------------------------------

    @property
    def claim_counts(self) -> list[tuple[str, int]]:
        """How many claims have each verdict that there is."""
        return list(Counter(claim.verdict for claim in self.claims or ()).items())

    @property
    def claim_sections(self) -> list[tuple[Text, list[Claim]]]:
        """The claims by section of the document."""
        found: dict[tuple[str, str], list[Claim]] = {}
        for claim in self.claims or ():
            found.setdefault((claim.section_en, claim.section_ja), []).append(claim)
        return [(both(en, ja), claims) for (en, ja), claims in found.items()]

    def groups_named(self, names: Iterable[str]) -> list[Group]:
        """The cases of these names that are in the record; a name may be without its module."""
        return [self._groups_by_name[name] for name in names if name in self._groups_by_name]

    @cached_property
    def _groups_by_name(self) -> dict[str, Group]:
        by_name = {group.units[0].case.name: group for group in self.groups}
        by_id = {group.units[0].case.id.partition("[")[0]: group for group in self.groups}
        return by_name | by_id

    @property
    def glossary(self) -> list[tuple[str, list[tuple[Text, str, Text]]]]:
        """The words of the report with their meaning: words, token, meaning."""
        reasons = [r for r in Reason if r in self.facets.reasons]
        return [
            ("verdicts", [(word("verdict", v), v, say(f"verdict_means.{v}")) for v in VERDICTS]),
            ("roles", [(word("role", r), r, say(f"role_means.{r}")) for r in Role]),
            ("standings", [(word("standing", s), s, say(f"standing_means.{s}")) for s in Rating]),
            ("reasons", [(word("reason", r), r, say(f"why.{r}")) for r in reasons]),
        ]


def both(en: str, ja: str) -> Text:
    """A text that comes in both languages; what is between backquotes is code."""
    return Text(prose(en, "`"), prose(ja, "`"))


def breakable(platform: str) -> Markup:
    """A platform's name for a narrow column: a line may end before its policy."""
    return Markup(":<wbr>").join(inline(part, 40) for part in platform.split(":"))


def pairs(facts: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Markup]]:
    """Nested facts as flat pairs of a name and a value."""
    flat: list[tuple[str, Markup]] = []
    for name, value in facts.items():
        label = f"{prefix}{plain(name, 60)}"
        if isinstance(value, Mapping):
            flat += pairs(value, f"{label}: ")
        elif isinstance(value, list | tuple):
            flat.append((label, inline(", ".join(map(str, value)), 600)))
        elif value is not None:
            flat.append((label, inline(value, 600)))
    return flat


def image_versions(image: ImageRecord) -> list[tuple[str, Markup]]:
    """Versions of what is in an image."""
    packages = image.facts.get("packages")
    return pairs(packages) if isinstance(packages, Mapping) else []


def image_facts(image: ImageRecord) -> list[tuple[str, Markup]]:
    """What is known of an image beside what has its own place."""
    known = image.facts.items()
    return pairs({n: v for n, v in known if n != "packages" and v not in (None, [], {}, "")})


def _bars(parts: Sequence[tuple[str, int]], whole: int = 0) -> list[Bar]:
    total = whole or sum(number for _, number in parts)
    bars: list[Bar] = []
    start = 0.0
    for kind, number in parts:
        width = 100 * number / total
        bars.append(Bar(kind, round(start, 2), round(width, 2), number))
        start += width
    return bars
