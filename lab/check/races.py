"""Requirements that are met in some tries only (:mod:`lab.remedies.races`), and are therefore repeated."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Final

from lab.check.judging import judged, say
from lab.check.plan import PlannedRow
from lab.check.result import Demand, Row
from lab.model import Result
from lab.model.expectations import PlannedAttempt
from lab.record import AttemptResult, OwnFiles
from lab.remedies.races import may_differ
from lab.run.attempts import make_all
from lab.run.session import Session

#: A race is tried so often at a time, and so many times while it ends only one way: one that refuses an
#: upload in ten is then missed in one check of a hundred.
TRIES: Final = 12
ROUNDS: Final = 4


def known_to_race(planned: PlannedRow, row: Row) -> bool:
    """Whether what an attempt negotiated is known to complete in some tries only."""
    if row.requirement.demand is not Demand.DELIVERS or row.outcome is None:
        return False
    return may_differ(planned.attempt, row.outcome)


def repeated(
    session: Session, racing: Sequence[tuple[PlannedRow, Row]], own: OwnFiles | None
) -> Mapping[str, Row]:
    """The rows of races, each tried until it has ended both ways or often enough; by requirement.

    Raises:
        AgentError: a container or an agent failed.
    """
    tries = {planned.requirement.id: list(row.attempts) for planned, row in racing}
    for number in range(ROUNDS):
        # What is always refused is no race.
        goes_on = {True} if number else {True, False}
        left = [
            planned
            for planned, _ in racing
            if len(ends := _ends(tries[planned.requirement.id])) == 1 and ends <= goes_on
        ]
        plan = {
            f"{one.requirement.id}#{number}.{again}": one
            for one in left
            for again in range(TRIES - (not number))
        }
        made = make_all(
            session,
            [PlannedAttempt(n, one.attempt, counted=True, own=own) for n, one in plan.items()],
        )
        for name, one in plan.items():
            tries[one.requirement.id].append(made[name])
    return {p.requirement.id: _row(p, tries[p.requirement.id]) for p, _ in racing}


def _ends(results: Sequence[AttemptResult]) -> set[bool | None]:
    """Whether the goal was reached, as far as that is known."""
    return {one.outcome.result is Result.COMPLETED if one.outcome else None for one in results}


def _row(planned: PlannedRow, results: Sequence[AttemptResult]) -> Row:
    made = [one for one in results if one.outcome is not None]
    refused = [one for one in made if one.outcome and one.outcome.result is not Result.COMPLETED]
    # Of a race that ends in several ways the one decides of which its user learns nothing.
    refused.sort(key=lambda one: bool(one.outcome and one.outcome.result is Result.REFUSED))
    row = judged(planned, (refused or made)[0])
    row = dataclasses.replace(
        row,
        race=len(refused) < len(made),
        completed=len(made) - len(refused),
        tries=len(made),
        attempts=tuple(made),
    )
    if row.race and refused:
        row = dataclasses.replace(row, cause=say("cause", "race", client=row.client))
    return row
