"""The cells of a run: its attempts, each by the name under which the other run has it, too."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from lab.compare.changes import text_of
from lab.expectations import Verdict
from lab.model import Outcome, Result, Role
from lab.record import AttemptResult, CaseRecord, RunRecord, gravest

#: What is compared of an outcome, beside the message that the user is shown. The texts of libraries and
#: servers, and times, differ from run to run.
FACTS: Final = ("result", "goal", "by", "stage", "reason", "cause", "verify_code", "not_judged")
#: And of what completed: how far a handshake had come when it was refused is often a matter of luck.
FACTS_OF_COMPLETION: Final = (
    "protocol",
    "cipher",
    "verified",
    "data_protected",
    "session_reused",
)

#: Attempts that are known by the title of their remedy.
_TITLED: Final = {Role.REMEDY: "remedy", Role.IMPOSTOR: "impostor after"}
_NUMBER_OF_TRY = re.compile(r"-\d+$")


@dataclass(frozen=True)
class Cell:
    """An attempt, or all tries of one attempt of a race."""

    attempts: tuple[AttemptResult, ...]
    rate: CaseRecord | None = None
    """Of the refusal of a race: its case."""

    @property
    def first(self) -> AttemptResult:
        """The attempt that stands for the others: their settings are the same."""
        return self.attempts[0]

    @property
    def verdict(self) -> Verdict | None:
        """The gravest of its attempts, and of the rate; ``None``: nothing was expected."""
        verdicts = {attempt.verdict for attempt in self.attempts}
        if verdicts == {None}:
            return None
        return gravest([*verdicts, self._verdict_on_rate()])

    @property
    def in_words(self) -> str:
        """What came of it, in one line."""
        if self.rate is not None and self.rate.race is not None:
            race = self.rate.race
            return f"refused in {race.refused} of {race.times} tries ({self.verdict})"
        words = Counter(_seen(attempt) for attempt in self.attempts)
        each = [text if len(words) == 1 else f"{n} x {text}" for text, n in words.items()]
        return f"{'; '.join(each)}{f' ({self.verdict})' if self.verdict else ''}"

    @property
    def ids(self) -> tuple[str, ...]:
        """Of its attempts."""
        return tuple(attempt.id for attempt in self.attempts)

    @property
    def images(self) -> frozenset[str]:
        """Names of the images of all its attempts."""
        return frozenset(image.name for a in self.attempts for image in a.images)

    def facts(self) -> dict[str, str | None]:
        """What is compared of its outcomes; nothing of the tries of a refusal that is a race."""
        if self.rate is not None:
            return {}
        outcomes = [attempt.outcome for attempt in self.attempts]
        names = (*FACTS, *FACTS_OF_COMPLETION)
        named = {name: _one([_fact(o, name) for o in outcomes]) for name in names}
        messages = [o.report.message.strip() or None if o else None for o in outcomes]
        return named | {"message": _one(messages)}

    def _verdict_on_rate(self) -> Verdict | None:
        race = self.rate.race if self.rate else None
        if race is None:
            return None
        within = race.least <= race.refused <= race.most
        return Verdict.AS_EXPECTED if within else Verdict.SURPRISE


def races_of(record: RunRecord) -> frozenset[str]:
    """Ids of the cases whose refusal is a race."""
    by_rate = {case.id for case in record.cases if case.race is not None}
    by_try = {a.case for a in record.attempts if a.otherwise is not None and a.case is not None}
    return frozenset(by_rate | by_try)


def cells_of(record: RunRecord, races: frozenset[str]) -> dict[str, Cell]:
    """The cells of a run by id, in the order of its cases, attempts outside of cases last."""
    cases = {case.id: case for case in record.cases}
    grouped: dict[str, list[AttemptResult]] = {}
    for attempt in sorted(record.attempts, key=_in_order(record)):
        grouped.setdefault(_name(attempt, races), []).append(attempt)
    return {
        name: Cell(tuple(attempts), _rate(attempts[0], cases, races))
        for name, attempts in grouped.items()
    }


def _name(attempt: AttemptResult, races: frozenset[str]) -> str:
    if attempt.case is not None and attempt.label and attempt.role in _TITLED:
        return f"{attempt.case}/{_TITLED[attempt.role]} {attempt.label!r}"
    return _NUMBER_OF_TRY.sub("", attempt.id) if attempt.case in races else attempt.id


def _rate(
    attempt: AttemptResult, cases: Mapping[str, CaseRecord], races: frozenset[str]
) -> CaseRecord | None:
    if attempt.case not in races or attempt.role is not Role.BREAKS:
        return None
    return cases.get(attempt.case or "")


def _in_order(record: RunRecord) -> Any:
    order = {name: n for n, name in enumerate(i for case in record.cases for i in case.attempts)}
    return lambda attempt: (order.get(attempt.id, len(order)), attempt.id)


def _seen(attempt: AttemptResult) -> str:
    return attempt.outcome.in_words() if attempt.outcome else attempt.verdict_why or "no outcome"


def _fact(outcome: Outcome | None, name: str) -> str | None:
    if outcome is None or (outcome.result is Result.REFUSED and name in FACTS_OF_COMPLETION):
        return None
    return text_of(getattr(outcome, name))


def _one(values: Iterable[str | None]) -> str | None:
    """One text for the tries of a race, which mostly agree."""
    distinct = sorted({value for value in values if value is not None})
    return " or ".join(distinct) or None
