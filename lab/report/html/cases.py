"""A record's cases as the page shows them: tries with one outcome once, changes against a case's first."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from operator import attrgetter
from typing import Any

from markupsafe import Markup, escape

from lab.documents import WHERE
from lab.grouping import grouped_by
from lab.model import ClientReport, Result, Role, Side, Stage, differing_fields
from lab.model.expectations import FACTS, Verdict
from lab.record.models import AttemptResult, RunRecord, result_expected
from lab.report import view
from lab.report.advice import advice_in_words
from lab.report.html.language import LANGUAGES, Text, inline, plain, quote, say
from lab.report.html.sequence import Happened, sequence_of
from lab.report.view import captured, wire_in_words
from lab.report.warnings import warnings_of

#: What is said of an attempt of which nothing was expected.
UNJUDGED = "unjudged"
VERDICTS = (*(str(v) for v in Verdict), UNJUDGED)
#: What a cell of the table says of cases: does it work?
STATES = ("works", "in-clear", "refused", "false-success", "unexpected", "cannot")
#: Who ended an attempt, or what else is to be said about it first.
SYMBOLS = ("completed", "in-clear", "given-away", "false-success", *Side, "cannot", "lab-error")

#: What a case is about: its attempts have one of these roles, the others stand beside it.
MAIN_ROLES = frozenset({Role.BREAKS, Role.WORKS, Role.ATTEMPT})
_FACTS = attrgetter("result", "by", "stage", "reason", "not_judged", *FACTS)
_ALARMING = frozenset({Verdict.SURPRISE, Verdict.LAB_ERROR})
#: Words with which every line of a log begins stand above it if they are so long, in characters.
SHORTEST_REPETITION = 8
#: The style sheet says it in both languages.
_DEFAULT = Markup('<i class="default"></i>')
_PLACES = {where: place for place, where in enumerate(WHERE)}


@dataclass
class AttemptView:
    """One attempt of a case, or several tries of it with one outcome."""

    anchor: str
    attempt: AttemptResult
    count: int
    main: AttemptResult | None
    """The attempt that the case is about."""
    impostor: AttemptView | None = None
    """Of a remedy: the same with an impostor in the server's place."""

    @property
    def client(self) -> ClientReport:
        """What the client reported; empty, if it did not."""
        return self.attempt.client_report or ClientReport(failed=False, step="")

    @property
    def verdict(self) -> str:
        """The token of its verdict."""
        return str(self.attempt.verdict or UNJUDGED)

    @property
    def remarkable(self) -> bool:
        """Whether it did not go as expected."""
        return self.attempt.verdict in _ALARMING

    @property
    def symbol(self) -> str:
        """Its sign, one of :data:`SYMBOLS`."""
        outcome = self.attempt.outcome
        if outcome is None:
            return "cannot" if self.attempt.verdict is Verdict.CANNOT else "lab-error"
        if captured(self.attempt):
            return "given-away"
        if outcome.result is Result.FALSE_SUCCESS:
            return "false-success"
        if outcome.result is not Result.COMPLETED:
            return str(outcome.by or "unknown")
        return "in-clear" if outcome.without_tls or outcome.file_in_clear else "completed"

    @property
    def completed(self) -> bool:
        """Whether it reached its goal, and what was negotiated says the rest."""
        outcome = self.attempt.outcome
        return self.symbol == "completed" and outcome is not None and not outcome.not_judged

    @property
    def stage(self) -> str:
        """The stage at which it was refused; nothing if it was not."""
        outcome = self.attempt.outcome
        return str(outcome.stage) if outcome and outcome.result is not Result.COMPLETED else ""

    @property
    def protocol(self) -> Text | str:
        """The protocol version of a completion; nothing of anything else."""
        if self.symbol not in {"completed", "in-clear"} or self.attempt.outcome is None:
            return ""
        if self.attempt.outcome.without_tls:
            return say("fact.without_tls")
        return inline(self.attempt.outcome.protocol or "TLS", 12)

    @property
    def warnings(self) -> list[Text]:
        """What is warned of beside the outcome."""
        return [Text.prose(one.en, one.ja) for one in warnings_of(self.attempt)]

    @property
    def title(self) -> Markup:
        """Of a remedy: what is done."""
        titled = self.attempt.role in {Role.REMEDY, Role.IMPOSTOR}
        return inline(self.attempt.label) if titled else Markup("")

    @property
    def happened(self) -> Happened | None:
        """What happened, stage by stage: of what the case is about, and of what needs a look."""
        return sequence_of(self.attempt) if self.attempt is self.main or self.remarkable else None

    @property
    def changes(self) -> Iterator[tuple[str, Markup, Markup]]:
        """The settings in which it differs from what the case is about: name, before, after."""
        if self.main is None or self.main is self.attempt:
            return
        for field in differing_fields(self.main.attempt, self.attempt.attempt):
            side, _, name = field.partition(".")
            ends = (getattr(a, side) for a in (self.main, self.attempt))
            before, after = (getattr(end, name, None) for end in ends)
            if name != "impostor":
                yield field, setting(before), setting(after)

    @property
    def server_text(self) -> Markup:
        """The server's log of this attempt."""
        report = self.attempt.server_report
        return quote(without_repetition(report.log)) if report else Markup("")

    @property
    def wire(self) -> tuple[Markup, Markup] | None:
        """What it looked like on the wire, a fact on each line: what many share, and the last line."""
        *seen, last = wire_in_words(self.attempt.wire).split("\n")
        return (quote("\n".join(seen)), quote(last)) if last else None

    @property
    def advice(self) -> list[tuple[Text, list[Text]]]:
        """Cause, place and remedies, each a label with its lines."""
        advice = self.attempt.advice
        if advice is None:
            return []
        english, japanese = (advice_in_words(advice, language) for language in LANGUAGES)
        said = []
        for (label, text), (its_label, its_text) in zip(english, japanese, strict=True):
            lines = zip(text.split("\n"), its_text.split("\n"), strict=True)
            both = Text(escape(label), escape(its_label))
            said.append((both, [Text.prose(line, same) for line, same in lines]))
        return said

    @property
    def witnesses(self) -> list[str]:
        """Whom client, server and wire name as the one who refused; nothing if they were not heard."""
        heard = self.attempt.witnesses
        every = (heard.client, heard.server, heard.wire) if heard else ()
        return [str(one.names or "silent") for one in every]

    @property
    def standing(self) -> str:
        """What a remedy is worth; nothing for another attempt."""
        return plain(self.attempt.standing or "", 40)


@dataclass(frozen=True, kw_only=True)
class Unit(view.ClientView):
    """A case from one client: what is searched, filtered and linked to."""

    anchor: str
    shown: tuple[AttemptView, ...]
    keys: str
    """Places in the facets, for each different attempt: ``platform.verdict.stage.reason``."""

    @cached_property
    def main(self) -> AttemptView | None:
        """The attempt that the case is about."""
        return next((s for s in self.shown if s.attempt.role in MAIN_ROLES), None)

    @property
    def twin(self) -> AttemptView | None:
        """The same with one thing changed."""
        return next((s for s in self.shown if s.attempt.role is Role.TWIN), None)

    @property
    def remedies(self) -> list[AttemptView]:
        """What was tried against it."""
        return [s for s in self.shown if s.attempt.role is Role.REMEDY]

    @property
    def others(self) -> list[AttemptView]:
        """Further outcomes of the main attempt, and what has no place elsewhere."""
        placed = {id(s) for s in (self.main, self.twin, *self.remedies)}
        return [s for s in self.shown if id(s) not in placed]

    @property
    def all(self) -> Iterator[AttemptView]:
        """Every attempt that is shown."""
        for one in self.shown:
            yield one
            if one.impostor:
                yield one.impostor

    @property
    def where(self) -> str:
        """The client's platform, with its policy."""
        return self.attempts[0].client.where if self.attempts else ""

    @property
    def label(self) -> str:
        """The client, with what else distinguishes it."""
        return self.case.label or str(self.attempts[0].client if self.attempts else self.case.id)

    @cached_property
    def stand_ins(self) -> tuple[str, ...]:
        """Images among those it was seen on that only stand in for a distribution."""
        return tuple(sorted({name for a in self.attempts for name in a.stand_ins}))

    @cached_property
    def verdict(self) -> str:
        """The token of its verdict."""
        return str(self.case.verdict) if any(a.verdict for a in self.attempts) else UNJUDGED

    @property
    def alarming(self) -> str:
        """The verdict if it is one to look at, else nothing."""
        return self.verdict if self.verdict in _ALARMING else ""

    @property
    def state(self) -> str:
        """Does it work? One of :data:`STATES`."""
        outcome = self.main.attempt.outcome if self.main else None
        if self.alarming:
            return "unexpected"
        if outcome is None:
            return "cannot"
        if outcome.result is Result.REFUSED:
            return "refused"
        symbol = self.main.symbol if self.main else ""
        return symbol if symbol in STATES else "works"

    @property
    def rate(self) -> Text | str:
        """The rate in words."""
        race = self.case.race
        if race is None:
            return ""
        key = "case.rate"
        if result_expected(self.attempts) is Result.FALSE_SUCCESS:
            key = "case.false_success_rate"
        numbers = {"refused": race.refused, "times": race.times}
        return say(key, least=race.least, most=race.most, **numbers)

    @property
    def rate_differs(self) -> bool:
        """Whether it is a race, and its rate is not as expected."""
        race = self.case.race
        return race is not None and not race.least <= race.refused <= race.most


@dataclass(frozen=True, kw_only=True)
class CaseArticle(view.CaseView):
    """A case from every client."""

    anchor: str
    units: tuple[Unit, ...]

    @property
    def rows(self) -> Iterator[tuple[str, str, Markup, list[AttemptView | None]]]:
        """Every kind of attempt, the main one first: role, standing, title, its outcome from each client.

        Of several outcomes of one attempt the one that comes first is there.
        """
        rows: dict[tuple[str, str, Markup], list[AttemptView | None]] = {}
        for column, unit in enumerate(self.units):
            for shown in unit.all:
                key = (str(shown.attempt.role), shown.standing, shown.title)
                cells = rows.setdefault(key, [None] * len(self.units))
                cells[column] = cells[column] or shown
        for (role, standing, title), cells in rows.items():
            yield role, standing, title, cells

    def cell(self, where: str) -> dict[str, list[Unit]]:
        """What there is from a platform, by state."""
        return grouped_by((u for u in self.units if u.where == where), lambda unit: unit.state)


def facets_of(attempts: Sequence[AttemptResult]) -> dict[str, tuple[str, ...]]:
    """What cases are filtered by, each with its values in the order in which they are offered."""
    outcomes = [a.outcome for a in attempts if a.outcome]
    stages = {o.stage for o in outcomes}
    places = {a.client.where for a in attempts}
    return {
        "platform": tuple(sorted(places, key=lambda w: (_PLACES.get(w, len(_PLACES)), w))),
        "verdict": VERDICTS,
        "stage": tuple(str(stage) for stage in Stage if stage in stages),
        "reason": tuple(sorted({str(o.reason) for o in outcomes if o.reason})),
    }


def arrange(record: RunRecord, facets: Mapping[str, Sequence[str]]) -> tuple[CaseArticle, ...]:
    """Everything in the record: its cases, those that were cut short, attempts in no case.

    Cases, clients and attempts are numbered: an anchor does not depend on what names may contain.
    """
    places = [{value: n for n, value in enumerate(values)} for values in facets.values()]
    found: list[CaseArticle] = []
    number = 0
    for case in view.everything_in(record):
        units: list[Unit] = []
        for client in case.clients:
            number += 1
            anchor = f"u{number}"
            keys = _keys(client.attempts, places)
            shown = _shown(client.attempts, anchor)
            units.append(Unit(**vars(client), anchor=anchor, shown=shown, keys=keys))
        anchor = f"g{len(found) + 1}"
        found.append(CaseArticle(clients=case.clients, anchor=anchor, units=tuple(units)))
    return tuple(found)


def _shown(attempts: Sequence[AttemptResult], anchor: str) -> tuple[AttemptView, ...]:
    """The attempts of one case from one client, an impostor's inside the remedy that it is about."""
    folded = list(_folded(attempts))
    main = next((a for a, _ in folded if a.role in MAIN_ROLES), None)
    shown: list[AttemptView] = []
    for number, (attempt, count) in enumerate(folded):
        one = AttemptView(f"{anchor}-{number}", attempt, count, main)
        before = (shown[-1].attempt.role, shown[-1].attempt.label) if shown else None
        if attempt.role is Role.IMPOSTOR and before == (Role.REMEDY, attempt.label):
            shown[-1].impostor = one
        else:
            shown.append(one)
    return tuple(shown)


def _folded(attempts: Sequence[AttemptResult]) -> Iterator[tuple[AttemptResult, int]]:
    """Tries of the same thing with the same outcome once, with their number.

    The most frequent outcome comes first; of a race, the refusal that it is about.
    """
    tries: dict[Any, dict[Any, list[AttemptResult]]] = {}
    for attempt in attempts:
        same = (attempt.role, attempt.label, attempt.standing, attempt.server, attempt.client)
        tries.setdefault(same, {}).setdefault(_came(attempt), []).append(attempt)
    for outcomes in tries.values():
        for many in sorted(outcomes.values(), key=_rank, reverse=True):
            yield many[0], len(many)


def _came(attempt: AttemptResult) -> Any:
    """What is equal for two tries exactly if the same came of them."""
    outcome = attempt.outcome
    if outcome is None:
        return attempt.verdict, attempt.verdict_why
    return attempt.verdict, _FACTS(outcome), tuple(one.en for one in warnings_of(attempt))


def _rank(tries: Sequence[AttemptResult]) -> tuple[bool, int]:
    first = tries[0]
    refused = first.outcome is not None and first.outcome.result is not Result.COMPLETED
    return first.otherwise is not None and refused, len(tries)


def _keys(attempts: Iterable[AttemptResult], places: Sequence[Mapping[str, int]]) -> str:
    seen: dict[str, None] = {}
    for attempt in attempts:
        outcome = attempt.outcome
        values = (
            attempt.client.where,
            attempt.verdict or UNJUDGED,
            outcome.stage if outcome else None,
            outcome.reason if outcome else None,
        )
        key = (str(p[str(v)]) if v else "" for p, v in zip(places, values, strict=True))
        seen[".".join(key)] = None
    return " ".join(seen)


@lru_cache(maxsize=4096)
def setting(value: object) -> Markup:
    """The value of a setting."""
    return _DEFAULT if value is None or value == () else inline(view.written(value))


def without_repetition(log: str) -> str:
    """A log without what all its lines have in common, such as a date: that stands once, above them.

    The common words are looked for where lines begin, or behind the first word of each.
    """
    lines = log.strip("\n").split("\n")
    rows = [line.split(" ") for line in lines]
    start = int(len({row[0] for row in rows}) > 1)
    columns = itertools.takewhile(
        lambda column: len(set(column)) == 1, zip(*(r[start:] for r in rows), strict=False)
    )
    common = [column[0] for column in columns]
    if common and common[-1].startswith("[") and "]" not in common[-1]:
        common.pop()
    if len(lines) == 1 or sum(map(len, common)) < SHORTEST_REPETITION:
        return log
    cut = start + len(common)
    above = " ".join(["\u2026"] * start + common + ["\u2026"])
    return "\n".join([above, *(" ".join([*row[:start], *row[cut:]]) for row in rows)])


def moment(time: datetime) -> str:
    """A time in UTC, to the second."""
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
