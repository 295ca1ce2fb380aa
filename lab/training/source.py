"""The rows of one case, wherever they come from: a record, or a run that is under way."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from lab.cases import LoadedCase
from lab.model import Role
from lab.model.expectations import PlannedAttempt
from lab.record import AttemptResult, Chain, RunRecord
from lab.run.suites import SuiteComparison


@dataclass(frozen=True)
class RemedyTried:
    """A remedy of a case with what came of it: all tries, and of an impostor's server those there."""

    tries: tuple[AttemptResult, ...]
    impostor: tuple[AttemptResult, ...] = ()

    @property
    def first(self) -> AttemptResult:
        """The try that stands for the others: one that was not as expected, else the first."""
        odd = (a for a in self.tries if a.verdict != "as-expected")
        return next(odd, self.tries[0])


@dataclass(frozen=True)
class CaseSource:
    """One case and its rows; what is not there yet is waited for."""

    case: LoadedCase
    result: Callable[[str], AttemptResult]
    """The row of a planned attempt, by its id."""
    record: Callable[[], RunRecord]
    """The finished record."""
    chain: Callable[[], Chain]
    """What the server of the case's first attempt was given."""
    suites: Callable[[AttemptResult], SuiteComparison | None] = lambda _: None
    """What both ends of a refused attempt offer; ``None``: they cannot be asked."""

    @classmethod
    def recorded(cls, case: LoadedCase, record: RunRecord) -> CaseSource:
        """The case as a record has it.

        Raises (later):
            KeyError: the record lacks an attempt of the case.
        """
        rows = {row.id: row for row in record.attempts}
        key = rows[case.plan()[0].id].chain
        chain = record.certificates.get(key, ()) if key is not None else ()
        return cls(case, rows.__getitem__, lambda: record, lambda: chain)

    def tries(self) -> list[AttemptResult]:
        """Every try of what the case is about."""
        first, *_ = plan = self.case.plan()
        return [self.result(p.id) for p in plan if p.role is first.role]

    def main(self) -> AttemptResult:
        """The try that the case is about: of a race the first that was refused."""
        if self.case.case.race is None:
            return self.result(self.case.plan()[0].id)
        tries = self.tries()
        refused = (a for a in tries if a.outcome is not None and a.outcome.reason is not None)
        return next(refused, tries[0])

    def remedies(self) -> Iterator[RemedyTried]:
        """The case's remedies, in its order; each is waited for when it is its turn."""
        plan = [p for p in self.case.plan() if p.role in {Role.REMEDY, Role.IMPOSTOR}]
        waiting: RemedyTried | None = None
        for (role, _), many in groupby(plan, key=lambda p: (p.role, _number(p))):
            rows = tuple(self.result(p.id) for p in many)
            if role is Role.IMPOSTOR and waiting is not None:
                yield RemedyTried(waiting.tries, rows)
                waiting = None
                continue
            if waiting is not None:
                yield waiting
            waiting = RemedyTried(rows)
        if waiting is not None:
            yield waiting

    def impostors(self) -> Iterator[Sequence[AttemptResult]]:
        """The attempts of the case that an impostor's server met, all tries of each together."""
        if self.case.case.attempt.server.impostor:
            yield self.tries()
        for remedy in self.remedies():
            for tries in (remedy.tries, remedy.impostor):
                if tries and tries[0].server.impostor:
                    yield tries

    def all_rows(self) -> Sequence[AttemptResult]:
        """Every row of the case, once the run has ended."""
        ids = {p.id for p in self.case.plan()}
        return [row for row in self.record().attempts if row.id in ids]


def _number(planned: PlannedAttempt) -> str:
    """``remedy-2`` of ``.../remedy-2`` and of ``.../remedy-2-impostor-03``."""
    return "-".join(planned.id.rsplit("/", 1)[-1].split("-")[:2])
