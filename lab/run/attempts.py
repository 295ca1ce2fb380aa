"""Running attempts: a plan in, verdicts out, each handed over the moment it is known.

Every attempt ends in exactly one verdict. What breaks in the lab itself is ``lab-error`` for the
attempts that it hits, and the rest goes on.
"""

from __future__ import annotations

import dataclasses
import datetime
import os
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from operator import itemgetter
from queue import SimpleQueue
from typing import Any

from lab.certificates import OWN
from lab.dialects import DialectError
from lab.dialects.rules import hear, interpret
from lab.grouping import grouped_by
from lab.model import Attempt, ClientSettings, Outcome, Reason, Result
from lab.model.expectations import Judgement, PlannedAttempt, Verdict, impostor_difference, judge
from lab.own.judged import judged
from lab.record import AttemptResult
from lab.run.agents import Unsupported
from lab.run.link import AgentError
from lab.run.session import Session
from lab.wire.packets import Capture, CapturePolicy
from lab.wire.reading import read
from lab.wire.witnesses import hear_witnesses

#: Attempts under way at the same time for each processor: an attempt mostly waits for its peer.
PER_PROCESSOR = 8
#: In which part of a run, from its beginning, attempts are begun in which somebody waits for a time limit.
WAITING_WITHIN = 0.5
#: Verdicts on what was not made, which need no expectation.
_UNMADE = frozenset({Verdict.CANNOT, Verdict.LAB_ERROR})


def run(
    session: Session,
    planned: Sequence[PlannedAttempt],
    finished: Callable[[AttemptResult, Capture | None], None],
    *,
    workers: int | None = None,
    captures: CapturePolicy = CapturePolicy.REFUSED,
) -> None:
    """Make every attempt, several at a time, and hand each result to ``finished`` (one call at a time).

    Attempts with the same settings of both ends are made once, which is judged for each of them; the first
    result of them has the capture, if it is to be kept. What ends the run early (Ctrl-C, a record that
    cannot be written) also ends the session, so that nobody waits for the attempts under way; what is
    finished has been handed over.

    Args:
        session: where they are made.
        planned: what to make.
        finished: told of each result, with its capture.
        workers: how many at a time; beside them half as many in which somebody waits for a time limit.
        captures: of which attempts the capture is kept.
    """
    if not planned:
        return
    groups = interleaved(grouped(planned))
    workers = min(len(groups), workers or PER_PROCESSOR * (os.cpu_count() or 1))
    pool = ThreadPoolExecutor(workers, thread_name_prefix="attempt")
    patient = ThreadPoolExecutor((workers + 1) // 2, thread_name_prefix="patient")
    done: SimpleQueue[Future[tuple[list[AttemptResult], Capture | None]]] = SimpleQueue()

    def begin(group: list[PlannedAttempt], where: Executor) -> None:
        where.submit(_make, session, group, captures).add_done_callback(done.put)

    try:
        for group in groups:
            if _waits(group):
                # Begun when it is its turn, it takes the turn of no other.
                pool.submit(begin, group, patient)
            else:
                begin(group, pool)
        for _ in groups:
            results, capture = done.get().result()
            for number, result in enumerate(results):
                finished(result, None if number else capture)
    except BaseException:
        for one in (pool, patient):
            one.shutdown(wait=False, cancel_futures=True)
        session.close()
        raise
    finally:
        for one in (pool, patient):
            one.shutdown(wait=True)


def make_all(session: Session, planned: Iterable[PlannedAttempt]) -> dict[str, AttemptResult]:
    """Make attempts side by side, without captures; the results by id."""
    results: dict[str, AttemptResult] = {}

    def finished(result: AttemptResult, _: Capture | None) -> None:
        results[result.id] = result

    run(session, list(planned), finished, captures=CapturePolicy.NONE)
    return results


def make(
    session: Session, planned: PlannedAttempt, captures: CapturePolicy = CapturePolicy.REFUSED
) -> tuple[AttemptResult, Capture | None]:
    """Make one attempt, judge it, and ask the witnesses of a refusal."""
    results, capture = _make(session, [planned], captures)
    return results[0], capture


def _make(
    session: Session, group: Sequence[PlannedAttempt], captures: CapturePolicy
) -> tuple[list[AttemptResult], Capture | None]:
    """Make the one attempt of these, and judge it for each."""
    first, capture = group[0], None
    attempt, server, client = first.attempt, first.attempt.server, first.attempt.client
    clock, now = time.perf_counter(), datetime.datetime.now(datetime.UTC)
    result = AttemptResult(id=first.id, server=server, client=client, started=now)
    try:
        result, capture = session.attempt(first, capture=captures is not CapturePolicy.NONE)
        result, capture = _interpreted(session, result, capture, first, captures)
        if result.outcome is not None:
            result = result.with_(outcome=explained(session, attempt, result.outcome))
        group = [_on_these_builds(session, one) for one in group]
        judgements = [_judged(one, result) for one in group]
    except Unsupported as cause:
        judgements = [Judgement(Verdict.CANNOT, str(cause))] * len(group)
    except (AgentError, DialectError) as error:
        judgements = [Judgement(Verdict.LAB_ERROR, str(error))] * len(group)
    if result.client_report is None:
        result = result.with_(elapsed_ms=(time.perf_counter() - clock) * 1000)
    results = [
        result.with_(
            **_of_plan(one),
            verdict=judgement.verdict if one.expect or judgement.verdict in _UNMADE else None,
            verdict_why=judgement.why if one.expect or judgement.verdict in _UNMADE else "",
            same_as=None if one is group[0] else first.id,
        )
        for one, judgement in zip(group, judgements, strict=True)
    ]
    return results, capture


def _of_plan(planned: PlannedAttempt) -> dict[str, Any]:
    """What a result has of the plan, beside the settings."""
    client, own = planned.attempt.client, planned.own
    names_own = OWN in (planned.attempt.server.certificate, client.trust, client.pin)
    said = own is not None and (own.host is not None or not own.certificate_given)
    return {
        "id": planned.id,
        "case": planned.case_id,
        "role": planned.role,
        "label": planned.title,
        "standing": planned.rating,
        "expectation": planned.expect,
        "otherwise": planned.otherwise,
        "own": own if names_own or said else None,
    }


def _interpreted(
    session: Session,
    result: AttemptResult,
    capture: Capture | None,
    planned: PlannedAttempt,
    captures: CapturePolicy,
) -> tuple[AttemptResult, Capture | None]:
    """What an attempt comes to; its capture, if it is to be kept.

    Raises:
        DialectError: a dialect file is broken or missing.
    """
    seen = result.observation
    wire = read(capture) if capture is not None and seen.client.failed else None
    heard = hear(seen, wire.overheard, data_broken=wire.data_broken) if wire else hear(seen)
    outcome = judged(
        planned.attempt,
        interpret(seen, heard),
        anchors_given=planned.own is not None and planned.own.says_what_is_trusted,
        own_roots=planned.own is not None and session.has_own_roots(planned.attempt.client),
        certificate_given=planned.own is None or planned.own.certificate_given,
    )
    if captures is CapturePolicy.REFUSED and outcome.result is Result.COMPLETED:
        capture = None
    if capture is not None and wire is None:
        wire = read(capture)
    server, witnesses = planned.attempt.server, hear_witnesses(seen, heard, outcome, wire)
    chain = f"{server.host}/{server.certificate}" if server.has_certificate else None
    return result.with_(outcome=outcome, wire=wire, witnesses=witnesses, chain=chain), capture


def _on_these_builds(session: Session, planned: PlannedAttempt) -> PlannedAttempt:
    """The attempt with what is expected of the builds that made it.

    Raises:
        AgentError: the builds could not be asked.
    """
    for build in planned.on_build:
        if session.has(planned.attempt, build.capability):
            return dataclasses.replace(planned, expect=build.expect, on_build=())
    return planned


def explained(session: Session, attempt: Attempt, outcome: Outcome) -> Outcome:
    """The outcome, of a missing common suite with the cause: what each end offers.

    Raises:
        AgentError: the two ends could not be asked.
    """
    if outcome.reason is not Reason.NO_SHARED_CIPHER:
        return outcome
    return dataclasses.replace(outcome, cause=session.suites(attempt).cause)


def _judged(planned: PlannedAttempt, result: AttemptResult) -> Judgement:
    if planned.expect is None or result.outcome is None:
        return Judgement(Verdict.AS_EXPECTED, "nothing was expected")
    difference = impostor_difference(result.observation, result.outcome)
    if difference is not None:
        return Judgement(Verdict.SURPRISE, difference)
    judgement = judge(planned.expect, result.outcome)
    if planned.otherwise is not None and judgement.verdict is not Verdict.AS_EXPECTED:
        other = judge(planned.otherwise, result.outcome)
        return other if other.verdict is Verdict.AS_EXPECTED else judgement
    return judgement


def grouped(planned: Iterable[PlannedAttempt]) -> list[list[PlannedAttempt]]:
    """Those that are one and the same attempt together, in the order of the first of each."""
    return list(grouped_by(planned, lambda one: one.id if one.counted else one.attempt).values())


def interleaved(groups: Iterable[list[PlannedAttempt]]) -> list[list[PlannedAttempt]]:
    """An order in which those that use one listener are spread over the run: they wait for each other.

    Where a client's time limit is set, somebody waits for it: none of these is among the last, with which
    the run would wait.
    """
    by_server = grouped_by(groups, lambda group: group[0].attempt.server)
    placed = []
    for at_one in by_server.values():
        for number, group in enumerate(at_one):
            within = WAITING_WITHIN if _waits(group) else 1
            placed.append(((number + 0.5) / len(at_one) * within, group))
    return [group for _, group in sorted(placed, key=itemgetter(0))]


def _waits(group: Sequence[PlannedAttempt]) -> bool:
    """Whether somebody waits for a time limit in this attempt: for as long it costs no processor time."""
    return group[0].attempt.client.timeout_s != ClientSettings.timeout_s
