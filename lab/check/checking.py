"""A check: every attempt of its plan made side by side, in one laboratory, and judged."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from lab.certificates import RunCertificates
from lab.check.plan import CheckPlan, PlannedRow
from lab.check.result import (
    CheckResult,
    Demand,
    RankedRemedy,
    Row,
    RowVerdict,
    StandIn,
    Strongest,
)
from lab.images.provenance import builds_of
from lab.model import Offers, Result, Role, Side, Stage
from lab.model.expectations import PlannedAttempt
from lab.remedies.words import InBothLanguages
from lab.run.laboratory import Lab, open_lab
from lab.run.recording import own_files

if TYPE_CHECKING:
    from lab.check.form import WantedStrongest
    from lab.record import AttemptResult, Chain, RunRecord
    from lab.remedies.advice import Advice, TriedRemedy
    from lab.run.results import Conducted

#: So many refusals are advised on at the same time: each mostly waits for its attempts.
ADVISED_AT_ONCE = 4


def check(
    plan: CheckPlan,
    *,
    advised: bool = True,
    strongest: WantedStrongest | None = None,
    certificates: RunCertificates | None = None,
    meanwhile: Callable[[], object] | None = None,
) -> CheckResult:
    """Make what a plan demands, and judge it.

    Args:
        plan: what is demanded.
        advised: repeat what is a race; of what is refused, try what cures it, and rank that. The cause is
            said anyway.
        strongest: look for the strongest configuration that serves all.
        certificates: those for its attempts, if they are begun already.
        meanwhile: done while the agents start.

    Raises:
        EngineError: there is none, or it has gone in the middle.
        ImageError, TopologyError, AgentError, RecordError: the lab could not be opened.
    """
    begun = time.monotonic()
    with open_lab(
        plan.own,
        attempts=[row.attempt for row in plan.rows],
        certificates=certificates,
        meanwhile=meanwhile,
    ) as laboratory:
        conducted, rows = make_rows(laboratory, plan, laboratory.run_id, advised=advised)
        remedies, found = _found_out(laboratory, plan, rows, advised=advised, wanted=strongest)
        builds = {
            name: builds_of(laboratory.images[name].provenance)
            for name in sorted({i.name for one in conducted.record.attempts for i in one.images})
        }
    from lab.check.judging import notes_on  # noqa: PLC0415

    return CheckResult(
        files=plan.files,
        rows=tuple(rows),
        findings=plan.findings,
        remedies=remedies,
        strongest=found,
        stand_ins=tuple(_stand_ins(conducted.record)),
        builds=builds,
        notes=(*notes_on(rows), *_not_searched(plan, rows)),
        record=conducted.path,
        elapsed_s=time.monotonic() - begun,
    )


def _not_searched(plan: CheckPlan, rows: Sequence[Row]) -> Iterator[InBothLanguages]:
    """That no stronger configuration is looked for, where something is broken and one would be."""
    from lab.check.judging import say  # noqa: PLC0415

    if any(row.verdict is RowVerdict.BROKEN for row in rows):
        for one in plan.checked.given:
            if not one.reader.is_written:
                yield say("note", "no-stronger", file=one.reader.file)


def make_rows(
    laboratory: Lab, plan: CheckPlan, run_id: str, *, advised: bool = True
) -> tuple[Conducted, list[Row]]:
    """The attempts of a plan in a laboratory that is open, recorded, and what they say of its requirements.

    Args:
        advised: as in :func:`check`.

    Raises:
        EngineError, AgentError, RecordError: as in :func:`check`.
    """
    # These are loaded while agents start.
    from lab.check.judging import judged  # noqa: PLC0415
    from lab.run.results import record_run  # noqa: PLC0415

    own = own_files(plan.own)
    planned = [
        PlannedAttempt(
            row.requirement.id,
            row.attempt,
            role=Role.IMPOSTOR if row.requirement.demand is Demand.IMPOSTOR else Role.ATTEMPT,
            own=own,
        )
        for row in plan.rows
    ]
    conducted = record_run(laboratory, planned, run_id=run_id)
    results = {one.id: one for one in conducted.record.attempts}
    rows = [judged(one, results[one.requirement.id]) for one in plan.rows]
    rows = [_offered(laboratory, *pair) for pair in zip(plan.rows, rows, strict=True)]
    if advised:
        rows = _raced(laboratory, plan, rows)
        rows = _advised(laboratory, plan, rows, conducted.record)
    else:
        rows = [_explained(row, conducted.record) if _is_refused(row) else row for row in rows]
    return conducted, rows


def _explained(row: Row, record: RunRecord) -> Row:
    """A refused row with its cause; nothing is made for it."""
    from lab.check.judging import refused_in  # noqa: PLC0415 - as above
    from lab.remedies.causes import Evidence, cause_of  # noqa: PLC0415

    result = refused_in(row)
    return dataclasses.replace(row, cause=cause_of(Evidence(result, _chain(record, result))))


def _offered(laboratory: Lab, planned: PlannedRow, row: Row) -> Row:
    """The row; of an old version that was refused, only if the client does offer it."""
    from lab.check.judging import say  # noqa: PLC0415
    from lab.run.agents import Unsupported  # noqa: PLC0415
    from lab.run.link import AgentError  # noqa: PLC0415

    wanted = row.requirement
    if wanted.demand is not Demand.OVER or row.verdict is not RowVerdict.MET:
        return row
    if row.outcome is None or row.outcome.stage is not Stage.HANDSHAKE:
        return row
    if row.outcome.by is Side.SERVER:
        return row
    try:
        if laboratory.session.has(planned.attempt, Offers(wanted.version)):
            return row
    except (AgentError, Unsupported) as error:
        return dataclasses.replace(row, verdict=RowVerdict.LAB_ERROR, why=str(error))
    cause = say("why", "version-not-offered", client=wanted.client, version=wanted.version)
    return dataclasses.replace(row, verdict=RowVerdict.CANNOT, why=cause.en, cause=cause)


def _raced(laboratory: Lab, plan: CheckPlan, rows: Sequence[Row]) -> list[Row]:
    """The rows, those that are races with all their tries."""
    from lab.check.races import known_to_race, repeated  # noqa: PLC0415

    pairs = zip(plan.rows, rows, strict=True)
    racing = [(planned, row) for planned, row in pairs if known_to_race(planned, row)]
    made = repeated(laboratory.session, racing, own_files(plan.own)) if racing else {}
    return [made.get(row.requirement.id, row) for row in rows]


def _advised(laboratory: Lab, plan: CheckPlan, rows: Sequence[Row], record: RunRecord) -> list[Row]:
    """The rows; those that are refused with cause, place and remedies.

    Of rows that are refused alike these are tried for one of each program: the first tries all, the others
    what they change themselves, and of the server's changes those that did something.
    """
    from lab.check.judging import refused_in, told  # noqa: PLC0415
    from lab.run.results import advice_of  # noqa: PLC0415

    owns = {one.requirement.id: one.own for one in plan.rows}
    alike: dict[object, dict[str, Row]] = {}
    for row in rows:
        if _is_refused(row):
            alike.setdefault(_kind(row), {}).setdefault(refused_in(row).client.program, row)

    def advise(row: Row, elsewhere: Sequence[TriedRemedy] = ()) -> Advice:
        result = refused_in(row)
        own, chain = owns[row.requirement.id], _chain(record, result)
        return advice_of(laboratory, own, result, chain, elsewhere)

    if not alike:
        return list(rows)
    from lab.run.remedies import together  # noqa: PLC0415 - what all is well with needs none of it

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
    said = {kind: together(advices) for kind, advices in given.items()}
    return [
        told(row, said[_kind(row)], owns[row.requirement.id], _chain(record, refused_in(row)))
        if _is_refused(row)
        else row
        for row in rows
    ]


def _chain(record: RunRecord, result: AttemptResult) -> Chain:
    """What the server of an attempt was given."""
    return record.certificates.get(result.chain or "", ())


def _found_out(
    laboratory: Lab,
    plan: CheckPlan,
    rows: Sequence[Row],
    *,
    advised: bool,
    wanted: WantedStrongest | None,
) -> tuple[tuple[RankedRemedy, ...], Strongest | None]:
    """The remedies ranked, if there is anything to cure; the strongest configuration, if that is wanted."""
    broken = any(row.verdict is RowVerdict.BROKEN for row in rows)
    ranking = advised and broken
    searching = wanted is not None and (broken or wanted.always)
    if not (ranking or searching):
        return (), None
    from lab.check.further import Further  # noqa: PLC0415 - what all is well with needs none of it

    further = Further(laboratory, plan, rows)
    return (
        further.ranked() if ranking else (),
        further.strongest(wanted) if wanted is not None and searching else None,
    )


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


def _stand_ins(record: RunRecord) -> list[StandIn]:
    """The images of these attempts that only stand in for a distribution."""
    used = {name for one in record.attempts for name in one.stand_ins}
    return [
        StandIn(name=image.name, library=image.tls_library or "its TLS library")
        for image in record.images
        if image.name in used
    ]
