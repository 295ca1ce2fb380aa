"""The rows of a check, made in a laboratory that is open, and what else is found out there.

Requirements that are met in some tries only (:mod:`lab.remedies.races`) are repeated, what is refused is
advised on. The remedies ranked, and the strongest configuration, rest on attempts that are in no record:
there are many, and what counts of them is said.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

from lab.check.judging import judged, refused_in, say, told
from lab.check.plan import CheckPlan
from lab.check.result import Demand, RankedRemedy, Requirement, Row, RowVerdict, Strongest
from lab.model import Result, Role, Side, Stage
from lab.model.attempt import Offers
from lab.model.expectations import PlannedAttempt
from lab.record import AttemptResult, Chain, RunRecord
from lab.remedies.causes import Evidence, cause_of
from lab.remedies.races import may_differ
from lab.remedies.words import InBothLanguages
from lab.run.agents import Unsupported
from lab.run.attempts import make_all
from lab.run.laboratory import Lab
from lab.run.link import AgentError
from lab.run.recording import own_files
from lab.run.results import Conducted, images_of, record_run
from lab.run.session import Session

if TYPE_CHECKING:
    from lab.check.form import WantedStrongest
    from lab.remedies.advice import Advice, TriedRemedy

#: So many refusals are advised on at the same time: each mostly waits for its attempts.
ADVISED_AT_ONCE = 4
#: A race is tried so often at a time, and so many times while it ends only one way: one that refuses an
#: upload in ten is then missed in one check of a hundred.
TRIES: Final = 12
ROUNDS: Final = 4


def make_rows(
    laboratory: Lab, plan: CheckPlan, run_id: str, *, advised: bool = True
) -> tuple[Conducted, list[Row]]:
    """The attempts of a plan in a laboratory that is open, recorded, and what they say of its requirements.

    Args:
        advised: as in :func:`lab.check.checking.check`.

    Raises:
        EngineError, AgentError, RecordError: as in :func:`lab.check.checking.check`.
    """
    own = own_files(plan.own)
    planned = [
        PlannedAttempt(
            one.id,
            one.attempt,
            role=Role.IMPOSTOR if one.demand is Demand.IMPOSTOR else Role.ATTEMPT,
            own=own,
        )
        for one in plan.requirements
    ]
    conducted = record_run(laboratory, planned, run_id=run_id)
    results = {one.id: one for one in conducted.record.attempts}
    rows = [_offered(laboratory, judged(one, results[one.id])) for one in plan.requirements]
    if advised:
        rows = _raced(laboratory.session, plan, rows)
        rows = _advised(laboratory, rows, conducted.record)
    else:
        rows = [_explained(row, conducted.record) if _is_refused(row) else row for row in rows]
    return conducted, rows


def _explained(row: Row, record: RunRecord) -> Row:
    """A refused row with its cause; nothing is made for it."""
    result = refused_in(row)
    return dataclasses.replace(row, cause=cause_of(Evidence(result, _chain(record, result))))


def _offered(laboratory: Lab, row: Row) -> Row:
    """The row; of an old version that was refused, only if the client does offer it."""
    wanted = row.requirement
    if wanted.demand is not Demand.OVER or row.verdict is not RowVerdict.MET:
        return row
    if row.outcome is None or row.outcome.stage is not Stage.HANDSHAKE:
        return row
    if row.outcome.by is Side.SERVER:
        return row
    try:
        if laboratory.session.has(wanted.attempt, Offers(wanted.version)):
            return row
    except (AgentError, Unsupported) as error:
        return dataclasses.replace(row, verdict=RowVerdict.LAB_ERROR, why=str(error))
    cause = say("why", "version-not-offered", client=wanted.client, version=wanted.version)
    return dataclasses.replace(row, verdict=RowVerdict.CANNOT, why=cause.en, cause=cause)


# -- races ------------------------------------------------------------------------------------------


def known_to_race(row: Row) -> bool:
    """Whether what an attempt negotiated is known to complete in some tries only."""
    if row.requirement.demand is not Demand.DELIVERS or row.outcome is None:
        return False
    return may_differ(row.requirement.attempt, row.outcome)


def _raced(session: Session, plan: CheckPlan, rows: Sequence[Row]) -> list[Row]:
    """The rows; those of races each tried until it has ended both ways or often enough.

    Raises:
        AgentError: a container or an agent failed.
    """
    own = own_files(plan.own)
    racing = {
        row.requirement.id: (row.requirement, list(row.attempts))
        for row in rows
        if known_to_race(row)
    }
    for number in range(ROUNDS if racing else 0):
        # What is always refused is no race.
        goes_on = {True} if number else {True, False}
        left = [
            identity
            for identity, (_, made) in racing.items()
            if len(ends := _ends(made)) == 1 and ends <= goes_on
        ]
        tries = {
            f"{identity}#{number}.{again}": identity
            for identity in left
            for again in range(TRIES - (not number))
        }
        planned = [
            PlannedAttempt(name, racing[identity][0].attempt, counted=True, own=own)
            for name, identity in tries.items()
        ]
        made_now = make_all(session, planned)
        for name, identity in tries.items():
            racing[identity][1].append(made_now[name])
    repeated = {identity: _of_a_race(*each) for identity, each in racing.items()}
    return [repeated.get(row.requirement.id, row) for row in rows]


def _ends(results: Sequence[AttemptResult]) -> set[bool | None]:
    """Whether the goal was reached, as far as that is known."""
    return {one.outcome.result is Result.COMPLETED if one.outcome else None for one in results}


def _of_a_race(wanted: Requirement, results: Sequence[AttemptResult]) -> Row:
    made = [one for one in results if one.outcome is not None]
    refused = [one for one in made if one.outcome and one.outcome.result is not Result.COMPLETED]
    # Of a race that ends in several ways the one decides of which its user learns nothing.
    refused.sort(key=lambda one: bool(one.outcome and one.outcome.result is Result.REFUSED))
    row = judged(wanted, (refused or made)[0])
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


# -- advice -----------------------------------------------------------------------------------------


def _advised(laboratory: Lab, rows: Sequence[Row], record: RunRecord) -> list[Row]:
    """The rows; those that are refused with cause, place and remedies.

    Of rows that are refused alike these are tried for one of each program: the first tries all, the others
    what they change themselves, and of the server's changes those that did something.
    """
    alike: dict[object, dict[str, Row]] = {}
    for row in rows:
        if _is_refused(row):
            alike.setdefault(_kind(row), {}).setdefault(refused_in(row).client.program, row)

    if not alike:
        return list(rows)
    from lab.run import remedies  # noqa: PLC0415 - what all is well with needs none of it

    def advise(row: Row, elsewhere: Sequence[TriedRemedy] = ()) -> Advice:
        result = refused_in(row)
        chain = _chain(record, result)
        return remedies.advise(laboratory, result, chain, row.requirement.own, elsewhere)

    with ThreadPoolExecutor(ADVISED_AT_ONCE, "advice") as pool:
        first = [next(iter(programs.values())) for programs in alike.values()]
        given = {kind: [one] for kind, one in zip(alike, pool.map(advise, first), strict=True)}
        further = [
            (kind, row) for kind, programs in alike.items() for row in [*programs.values()][1:]
        ]
        tried = [given[kind][0].remedies for kind, _ in further]
        made = pool.map(advise, (row for _, row in further), tried)
        for (kind, _), advice in zip(further, made, strict=True):
            given[kind].append(advice)
    said = {kind: remedies.together(advices) for kind, advices in given.items()}
    return [
        told(row, said[_kind(row)], _chain(record, refused_in(row))) if _is_refused(row) else row
        for row in rows
    ]


def _chain(record: RunRecord, result: AttemptResult) -> Chain:
    """What the server of an attempt was given."""
    return record.certificates.get(result.chain or "", ())


def _is_refused(row: Row) -> bool:
    """Whether a client must deliver, and was refused."""
    return (
        row.verdict is RowVerdict.BROKEN
        and row.requirement.demand is Demand.DELIVERS
        and row.outcome is not None
        and row.outcome.result is not Result.COMPLETED
    )


def _kind(row: Row) -> object:
    """The same for all rows that are refused in one way, whichever client it is: the server is one."""
    outcome = row.outcome
    assert outcome is not None
    return outcome.by, outcome.stage, outcome.reason, outcome.cause


# -- what else is found out -------------------------------------------------------------------------


def found_out(
    laboratory: Lab,
    plan: CheckPlan,
    rows: Sequence[Row],
    *,
    advised: bool,
    wanted: WantedStrongest | None,
) -> tuple[tuple[RankedRemedy, ...], Strongest | None]:
    """The remedies ranked, if there is anything to cure; the strongest configuration, if that is wanted.

    Both share what was tried.

    Raises:
        AgentError: a container or an agent failed.
    """
    broken = any(row.verdict is RowVerdict.BROKEN for row in rows)
    ranking = advised and broken
    searching = wanted is not None and (broken or wanted.always)
    if not (ranking or searching):
        return (), None
    from lab.check.ranking import ranked  # noqa: PLC0415 - what all is well with needs none of it
    from lab.check.strongest import strongest  # noqa: PLC0415
    from lab.check.tries import MOST_FOR_EACH, Tries  # noqa: PLC0415

    def make(planned: list[PlannedAttempt]) -> dict[str, AttemptResult]:
        laboratory.session.equip_for(one.attempt for one in planned)
        made = make_all(laboratory.session, planned)
        # What a distribution does otherwise than its stand-in is judged by the images.
        return {n: one.with_(images=images_of(laboratory, one)) for n, one in made.items()}

    tries = Tries(make, own_files(plan.own), most=MOST_FOR_EACH * len(rows))
    for row in rows:
        tries.know(row.attempts)
    remedies = ranked(rows, tries) if ranking else ()
    if wanted is None or not searching:
        return remedies, None
    language = wanted.language

    def note(words: InBothLanguages) -> None:
        laboratory.progress.step("strongest", words.in_(language))

    return remedies, strongest(rows, plan.server, wanted.form, tries, note, language)


def not_searched(plan: CheckPlan, rows: Sequence[Row]) -> Iterator[InBothLanguages]:
    """That no stronger configuration is looked for, where something is broken and one would be."""
    if any(row.verdict is RowVerdict.BROKEN for row in rows):
        for one in plan.checked.given:
            if not one.reader.is_written:
                yield say("note", "no-stronger", file=one.reader.file)
