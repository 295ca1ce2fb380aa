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
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass

from lab import impostor
from lab.dialects import DialectError, interpret
from lab.expectations import Expectation, Judgement, Verdict, judge
from lab.model import Attempt, Observation, Outcome, Reason, Result
from lab.stack.link import AgentError
from lab.stack.session import Cannot, Evidence, Session
from lab.wire import Keep, WireReading, Witnesses, hear_witnesses, read

#: Attempts under way at the same time for each processor: an attempt mostly waits for its peer.
PER_PROCESSOR = 8


@dataclass(frozen=True)
class Job:
    """One attempt to make, and what is expected of it."""

    id: str
    attempt: Attempt
    expect: Expectation | None = None
    otherwise: Expectation | None = None
    """In a race: what is as good."""


@dataclass(frozen=True)
class Finished:
    """What came of a job."""

    job: Job
    judgement: Judgement
    outcome: Outcome | None
    evidence: Evidence | None
    started: datetime.datetime
    elapsed_ms: float
    """The whole attempt, as the lab saw it: both ends' agents included."""
    wire: WireReading | None = None
    """What the evidence's capture shows."""
    witnesses: Witnesses | None = None
    """What client, server and wire say of a refusal; ``None`` where nothing is captured."""


def run(
    session: Session,
    jobs: Sequence[Job],
    finished: Callable[[Finished], None],
    *,
    workers: int | None = None,
    captures: Keep = Keep.REFUSED,
) -> None:
    """Make every attempt, several at a time, and hand each to ``finished`` (one call at a time).

    ``captures`` says of which attempts the capture is kept. What ends the run early (Ctrl-C, a record
    that cannot be written) also ends the session, so that nobody waits for the attempts under way; what
    is finished has been handed over.
    """
    if not jobs:
        return
    workers = min(len(jobs), workers or PER_PROCESSOR * (os.cpu_count() or 1))
    pool = ThreadPoolExecutor(workers, thread_name_prefix="attempt")
    try:
        for done in as_completed(
            [pool.submit(make, session, job, captures) for job in _spread(jobs)]
        ):
            finished(done.result())
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        session.close()
        raise
    finally:
        pool.shutdown(wait=True)


def make(session: Session, job: Job, captures: Keep = Keep.REFUSED) -> Finished:
    """Make one attempt, judge it, and hear the witnesses of a refusal."""
    started, clock = datetime.datetime.now(datetime.UTC), time.perf_counter()
    outcome: Outcome | None = None
    evidence: Evidence | None = None
    wire: WireReading | None = None
    witnesses: Witnesses | None = None

    def keep(observation: Observation) -> bool:
        return captures is Keep.ALL or interpret(observation).result is Result.REFUSED

    try:
        evidence = session.attempt(job.attempt, None if captures is Keep.NONE else keep)
        outcome = interpret(evidence.observation)
        if evidence.capture is not None:
            wire = read(evidence.capture)
        witnesses = hear_witnesses(evidence.observation, outcome, wire)
        outcome = explained(session, job.attempt, outcome)
        judgement = _judged(job, evidence.observation, outcome)
    except Cannot as cause:
        judgement = Judgement(Verdict.CANNOT, str(cause))
    except (AgentError, DialectError) as error:
        judgement = Judgement(Verdict.LAB_ERROR, str(error))
    elapsed = (time.perf_counter() - clock) * 1000
    return Finished(job, judgement, outcome, evidence, started, elapsed, wire, witnesses)


def explained(session: Session, attempt: Attempt, outcome: Outcome) -> Outcome:
    """The outcome, of a missing common suite with the cause: what each end offers.

    Raises:
        AgentError: the two ends could not be asked.
    """
    if outcome.reason is not Reason.NO_SHARED_CIPHER:
        return outcome
    return dataclasses.replace(outcome, cause=session.suites(attempt).cause)


def _judged(job: Job, observation: Observation, outcome: Outcome) -> Judgement:
    if job.expect is None:
        return Judgement(Verdict.AS_EXPECTED, "nothing was expected")
    difference = impostor.difference(observation, outcome)
    if difference is not None:
        return Judgement(Verdict.SURPRISE, difference)
    judgement = judge(job.expect, outcome)
    if job.otherwise is not None and judgement.verdict is not Verdict.AS_EXPECTED:
        other = judge(job.otherwise, outcome)
        return other if other.verdict is Verdict.AS_EXPECTED else judgement
    return judgement


def _spread(jobs: Iterable[Job]) -> list[Job]:
    """Order jobs so that neighbours use different listeners: attempts on one wait for each other."""
    waiting: dict[object, list[Job]] = {}
    for job in jobs:
        waiting.setdefault(job.attempt.server, []).append(job)
    spread: list[Job] = []
    while waiting:
        for key in list(waiting):
            spread.append(waiting[key].pop(0))
            if not waiting[key]:
                del waiting[key]
    return spread
