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

from lab.dialects import DialectError, interpret
from lab.expectations import Expectation, Judgement, OnBuild, Verdict, judge
from lab.model import Attempt, Observation, Outcome, Reason, Result
from lab.own.judged import judged
from lab.run import impostor
from lab.run.feasibility import Unsupported
from lab.run.link import AgentError
from lab.run.session import Evidence, Session
from lab.wire import CapturePolicy, WireReading, Witnesses, hear_witnesses, read

#: Attempts under way at the same time for each processor: an attempt mostly waits for its peer.
PER_PROCESSOR = 8


@dataclass(frozen=True)
class Job:
    """One attempt to make, and what is expected of it."""

    id: str
    attempt: Attempt
    expect: Expectation | None = None
    on_build: Sequence[OnBuild] = ()
    """What is expected instead where the builds have a capability; the first that holds counts."""
    otherwise: Expectation | None = None
    """In a race: what is as good."""
    apart: bool = False
    """One of several tries that are counted: no other one with the same settings stands for it."""
    anchors_given: bool = False
    """Whether what goes by ``trust=own`` was given apart from the chain that goes by ``certificate=own``."""


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
    same_as: str | None = None
    """Id of the job that this attempt was made for, with the same settings; ``None``: for its own."""


def run(
    session: Session,
    jobs: Sequence[Job],
    finished: Callable[[Finished], None],
    *,
    workers: int | None = None,
    captures: CapturePolicy = CapturePolicy.REFUSED,
) -> None:
    """Make every attempt, several at a time, and hand each to ``finished`` (one call at a time).

    Jobs with the same settings of both ends are one attempt, which is judged for each of them.
    ``captures`` says of which attempts the capture is kept. What ends the run early (Ctrl-C, a record
    that cannot be written) also ends the session, so that nobody waits for the attempts under way; what
    is finished has been handed over.
    """
    if not jobs:
        return
    together = _spread(_together(jobs))
    workers = min(len(together), workers or PER_PROCESSOR * (os.cpu_count() or 1))
    pool = ThreadPoolExecutor(workers, thread_name_prefix="attempt")
    try:
        for done in as_completed(
            [pool.submit(_make, session, same, captures) for same in together]
        ):
            for one in done.result():
                finished(one)
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        session.close()
        raise
    finally:
        pool.shutdown(wait=True)


def make(session: Session, job: Job, captures: CapturePolicy = CapturePolicy.REFUSED) -> Finished:
    """Make one attempt, judge it, and hear the witnesses of a refusal."""
    return _make(session, [job], captures)[0]


def _make(session: Session, jobs: Sequence[Job], captures: CapturePolicy) -> list[Finished]:
    """Make the one attempt of these jobs, and judge it for each."""
    attempt = jobs[0].attempt
    started, clock = datetime.datetime.now(datetime.UTC), time.perf_counter()
    outcome: Outcome | None = None
    evidence: Evidence | None = None
    wire: WireReading | None = None
    witnesses: Witnesses | None = None

    def passed_ms() -> float:
        return (time.perf_counter() - clock) * 1000

    def keep(observation: Observation) -> bool:
        return captures is CapturePolicy.ALL or interpret(observation).result is Result.REFUSED

    try:
        evidence = session.attempt(attempt, None if captures is CapturePolicy.NONE else keep)
        # What is asked afterwards, to explain and to judge, is no part of the attempt.
        elapsed_ms = passed_ms()
        outcome = judged(
            attempt, interpret(evidence.observation), anchors_given=jobs[0].anchors_given
        )
        if evidence.capture is not None:
            wire = read(evidence.capture)
        witnesses = hear_witnesses(evidence.observation, outcome, wire)
        outcome = explained(session, attempt, outcome)
        jobs = [_on_these_builds(session, job) for job in jobs]
        judgements = [_judged(job, evidence.observation, outcome) for job in jobs]
    except Unsupported as cause:
        judgements = [Judgement(Verdict.CANNOT, str(cause))] * len(jobs)
    except (AgentError, DialectError) as error:
        judgements = [Judgement(Verdict.LAB_ERROR, str(error))] * len(jobs)
    return [
        Finished(
            job=job,
            judgement=judgement,
            outcome=outcome,
            evidence=evidence,
            started=started,
            elapsed_ms=elapsed_ms if evidence else passed_ms(),
            wire=wire,
            witnesses=witnesses,
            same_as=None if job is jobs[0] else jobs[0].id,
        )
        for job, judgement in zip(jobs, judgements, strict=True)
    ]


def _on_these_builds(session: Session, job: Job) -> Job:
    """The job with what is expected of the builds that made its attempt.

    Raises:
        AgentError: the builds could not be asked.
    """
    for build in job.on_build:
        if session.has(job.attempt, build.capability):
            return dataclasses.replace(job, expect=build.expect, on_build=())
    return job


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


def _together(jobs: Iterable[Job]) -> list[list[Job]]:
    """Jobs that are one and the same attempt, in the order of the first of each."""
    same: dict[object, list[Job]] = {}
    for job in jobs:
        same.setdefault(job.id if job.apart else job.attempt, []).append(job)
    return list(same.values())


def _spread(together: Iterable[list[Job]]) -> list[list[Job]]:
    """Order attempts so that neighbours use different listeners: those on one wait for each other."""
    waiting: dict[object, list[list[Job]]] = {}
    for jobs in together:
        waiting.setdefault(jobs[0].attempt.server, []).append(jobs)
    spread: list[list[Job]] = []
    while waiting:
        for key in list(waiting):
            spread.append(waiting[key].pop(0))
            if not waiting[key]:
                del waiting[key]
    return spread
