"""From finished attempts to the record: opens the laboratory, runs the plan, writes as it goes."""

from __future__ import annotations

import datetime
import os
import platform
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docker import DockerClient

from lab import __version__
from lab.cases import LoadedCase, Planned
from lab.expectations import Expectation, Judgement, Verdict, judge
from lab.imaging.progress import Printed, Progress
from lab.inputs import OwnCertificate
from lab.laboratory import Laboratory, open_laboratory
from lab.model import Attempt, Role
from lab.record import (
    AttemptRecord,
    CaseRecord,
    ImageRecord,
    ImageUse,
    RaceRecord,
    RecordWriter,
    RunHeader,
    RunRecord,
    gravest,
)
from lab.run import Finished, Job, run
from lab.servers import SERVERS
from lab.stack.checkout import Checkout, new_run_id

OnAttempt = Callable[[AttemptRecord], None]


@dataclass(frozen=True)
class Conducted:
    """A run that has ended, and where its record is."""

    record: RunRecord
    path: Path


def conduct(
    cases: Sequence[LoadedCase],
    *,
    only: Collection[str] | None = None,
    progress: Progress | None = None,
    on_attempt: OnAttempt | None = None,
    checkout: Checkout | None = None,
) -> Conducted:
    """Run cases and record them.

    Args:
        only: ids of planned attempts; others of the same cases are left out.
        on_attempt: told of each attempt after it is in the record.

    Raises:
        EngineError, ImageError, TopologyError, AgentError, RecordError: the lab could not be opened.
    """
    checkout, run_id = checkout or Checkout.here(), new_run_id()
    attempts = [p.attempt for case in cases for p in case.plan()]
    with open_laboratory(checkout, progress or Printed(), run_id, attempts=attempts) as laboratory:
        return conduct_in(laboratory, cases, run_id, only=only, on_attempt=on_attempt)


def conduct_in(
    laboratory: Laboratory,
    cases: Sequence[LoadedCase],
    run_id: str,
    *,
    only: Collection[str] | None = None,
    on_attempt: OnAttempt | None = None,
) -> Conducted:
    """Run cases in a laboratory that is open, and record them as the run ``run_id``."""
    plan = [p for case in cases for p in case.plan() if only is None or p.id in only]
    jobs = [Job(p.id, p.attempt, p.expect, p.otherwise) for p in plan]
    return _recorded(laboratory, run_id, jobs, {p.id: p for p in plan}, cases, on_attempt)


def repeat(
    attempt: Attempt,
    times: int,
    expect: Expectation | None = None,
    *,
    progress: Progress | None = None,
    on_attempt: OnAttempt | None = None,
    checkout: Checkout | None = None,
    own: OwnCertificate | None = None,
) -> Conducted:
    """Make one attempt so many times and record each; raises like :func:`conduct`."""
    checkout, run_id = checkout or Checkout.here(), new_run_id()
    jobs = [Job(f"attempt-{number}", attempt, expect) for number in range(1, times + 1)]
    with open_laboratory(
        checkout, progress or Printed(), run_id, own, attempts=[attempt]
    ) as laboratory:
        return _recorded(laboratory, run_id, jobs, {}, (), on_attempt)


def _recorded(
    laboratory: Laboratory,
    run_id: str,
    jobs: Sequence[Job],
    planned: Mapping[str, Planned],
    cases: Sequence[LoadedCase],
    on_attempt: OnAttempt | None,
) -> Conducted:
    header = _header(laboratory, run_id, _now())
    with RecordWriter.create(laboratory.checkout.state / "runs", header) as writer:
        complete = False
        records: dict[str, AttemptRecord] = {}

        def finished(one: Finished) -> None:
            record = _attempt_record(one, planned.get(one.job.id), laboratory)
            writer.attempt(record)
            records[record.id] = record
            if on_attempt:
                on_attempt(record)

        try:
            run(laboratory.session, jobs, finished)
            complete = True
        finally:
            for case in cases:
                # Of a case that was cut short nothing is said: its twin may not have been made.
                if all(i in records for i, p in planned.items() if p.case_id == case.id):
                    writer.case(_case_record(case, records))
            whole = writer.finish(_now(), complete=complete)
        return Conducted(whole, writer.path)


def _attempt_record(
    one: Finished, planned: Planned | None, laboratory: Laboratory
) -> AttemptRecord:
    attempt, evidence = one.job.attempt, one.evidence
    judged = one.job.expect is not None or one.judgement.verdict in (
        Verdict.CANNOT,
        Verdict.LAB_ERROR,
    )
    return AttemptRecord(
        id=one.job.id,
        case=planned.case_id if planned else None,
        role=planned.role if planned else Role.ATTEMPT,
        label=planned.title if planned else "",
        standing=planned.standing if planned else None,
        server=attempt.server,
        client=attempt.client,
        expectation=one.job.expect,
        otherwise=one.job.otherwise,
        outcome=one.outcome,
        verdict=one.judgement.verdict if judged else None,
        verdict_why=one.judgement.why if judged else "",
        client_report=evidence.observation.client if evidence else None,
        server_report=evidence.observation.server if evidence else None,
        configuration=evidence.configuration if evidence else "",
        request=dict(evidence.request) if evidence else {},
        started=one.started,
        elapsed_ms=one.elapsed_ms,
        images=tuple(
            ImageUse(name=name, stand_in=laboratory.images[name].provenance.stand_in)
            for name in (SERVERS[attempt.server.software].service, attempt.client.platform)
            if name in laboratory.images
        ),
    )


def _case_record(case: LoadedCase, records: Mapping[str, AttemptRecord]) -> CaseRecord:
    ids = tuple(p.id for p in case.plan() if p.id in records)
    race, judgement = _race(case, [records[i] for i in ids])
    return CaseRecord(
        id=case.id,
        name=case.name,
        label=case.label,
        document=case.document,
        section=case.section,
        title=case.title,
        story=case.story,
        attempts=ids,
        verdict=gravest([*(records[i].verdict for i in ids), judgement.verdict]),
        verdict_why=judgement.why,
        race=race,
    )


def _race(
    case: LoadedCase, attempts: Sequence[AttemptRecord]
) -> tuple[RaceRecord | None, Judgement]:
    """How often the refusal of a race came, judged when every try was made."""
    race = case.case.race
    tries = [a for a in attempts if a.role is Role.BREAKS and a.outcome is not None]
    if race is None or len(tries) < race.times:
        return None, Judgement(Verdict.AS_EXPECTED, "")
    expect = case.case.expect
    came = sum(judge(expect, a.outcome).verdict is Verdict.AS_EXPECTED for a in tries if a.outcome)
    most = race.times if race.most is None else race.most
    record = RaceRecord(times=race.times, refused=came, least=race.least, most=most)
    return record, race.judge(came)


def _header(laboratory: Laboratory, run_id: str, started: datetime.datetime) -> RunHeader:
    return RunHeader(
        run_id=run_id,
        lab_version=__version__,
        started=started,
        machine=_machine(),
        engine=_engine(laboratory.client),
        images=tuple(
            ImageRecord(
                name=name,
                tag=image.tag,
                **image.provenance.model_dump(mode="json", exclude={"image"}),
            )
            for name, image in laboratory.images.items()
        ),
        topology={
            "project": laboratory.topology.project,
            "containers": sorted(laboratory.topology.containers),
            "servers": laboratory.session.facts(),
        },
    )


def _machine() -> dict[str, Any]:
    return {
        "system": platform.platform(),
        "architecture": platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
    }


def _engine(client: DockerClient) -> dict[str, Any]:
    version = client.version()
    return {"version": version.get("Version"), "api": version.get("ApiVersion")}


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)
