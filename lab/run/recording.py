"""From finished attempts to the record: opens the laboratory, runs the plan, writes as it goes."""

from __future__ import annotations

import datetime
import os
import platform
import warnings
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cryptography.utils import CryptographyDeprecationWarning
from docker import DockerClient

from lab import __version__
from lab.cases import LoadedCase, Planned
from lab.certificates import OWN, describe
from lab.clients import PROGRAMS
from lab.expectations import Expectation, Judgement, Verdict, judge
from lab.images import Printed, Progress
from lab.model import CERTIFICATE_EMPTY, CERTIFICATE_UNSET, Attempt, Role
from lab.own.pem import UserFiles
from lab.record import (
    AttemptRecord,
    CaseRecord,
    CertificateRecord,
    Chain,
    ImageRecord,
    ImageUse,
    OwnFiles,
    RaceRecord,
    RecordWriter,
    RunHeader,
    RunRecord,
    gravest,
)
from lab.run.attempts import Finished, Job, run
from lab.run.checkout import Checkout, new_run_id
from lab.run.laboratory import Lab, open_lab
from lab.servers import SERVERS
from lab.wire import CapturePolicy, WireReading, pcapng

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
    captures: CapturePolicy = CapturePolicy.REFUSED,
    then: Callable[[Conducted], object] | None = None,
) -> Conducted:
    """Run cases and record them.

    Args:
        only: ids of planned attempts; others of the same cases are left out.
        on_attempt: told of each attempt after it is in the record.
        captures: of which attempts it is kept what they looked like on the wire.
        then: done with the finished record while the containers are removed, in another thread.

    Raises:
        EngineError, ImageError, TopologyError, AgentError, RecordError: the lab could not be opened.
    """
    checkout, run_id = checkout or Checkout.here(), new_run_id()
    attempts = [p.attempt for case in cases for p in case.plan()]
    with ThreadPoolExecutor(1) as aside:
        with open_lab(checkout, progress or Printed(), run_id, attempts=attempts) as laboratory:
            conducted = conduct_in(
                laboratory, cases, run_id, only=only, on_attempt=on_attempt, captures=captures
            )
            doing = aside.submit(then, conducted) if then is not None else None
        if doing is not None:
            doing.result()
    return conducted


def conduct_in(
    laboratory: Lab,
    cases: Sequence[LoadedCase],
    run_id: str,
    *,
    only: Collection[str] | None = None,
    on_attempt: OnAttempt | None = None,
    captures: CapturePolicy = CapturePolicy.REFUSED,
) -> Conducted:
    """Run cases in a laboratory that is open, and record them as the run ``run_id``."""
    plan = [p for case in cases for p in case.plan() if only is None or p.id in only]
    races = {case.id for case in cases if case.case.race is not None}
    jobs = [
        Job(p.id, p.attempt, p.expect, p.on_build, p.otherwise, apart=p.case_id in races)
        for p in plan
    ]
    planned = {p.id: p for p in plan}
    return _recorded(laboratory, run_id, jobs, planned, cases, on_attempt, captures=captures)


def repeat(
    attempt: Attempt,
    times: int,
    expect: Expectation | None = None,
    *,
    progress: Progress | None = None,
    on_attempt: OnAttempt | None = None,
    checkout: Checkout | None = None,
    own: UserFiles | None = None,
    captures: CapturePolicy = CapturePolicy.REFUSED,
) -> Conducted:
    """Make one attempt so many times and record each; raises like :func:`conduct`."""
    checkout, run_id = checkout or Checkout.here(), new_run_id()
    given = own is not None and own.anchors is not None
    jobs = [
        Job(f"attempt-{number}", attempt, expect, apart=True, anchors_given=given)
        for number in range(1, times + 1)
    ]
    with open_lab(checkout, progress or Printed(), run_id, own, attempts=[attempt]) as laboratory:
        own_files = _own_files(own)
        return _recorded(laboratory, run_id, jobs, {}, (), on_attempt, own_files, captures=captures)


def _recorded(
    laboratory: Lab,
    run_id: str,
    jobs: Sequence[Job],
    planned: Mapping[str, Planned],
    cases: Sequence[LoadedCase],
    on_attempt: OnAttempt | None,
    own: OwnFiles | None = None,
    *,
    captures: CapturePolicy,
) -> Conducted:
    header = _header(laboratory, run_id, _now())
    with RecordWriter.create(laboratory.checkout.state / "runs", header) as writer:
        complete = False
        records: dict[str, AttemptRecord] = {}

        def finished(one: Finished) -> None:
            wire = records[one.same_as].wire if one.same_as else _written(one, writer)
            record = _attempt_record(one, planned.get(one.job.id), laboratory, own, wire)
            if record.chain is not None and record.chain not in writer.certificates:
                writer.chain(record.chain, _chain(laboratory, one.job.attempt))
            writer.attempt(record)
            records[record.id] = record
            if on_attempt:
                on_attempt(record)

        try:
            run(laboratory.session, jobs, finished, captures=captures)
            complete = True
        finally:
            for case in cases:
                # Of a case that was cut short nothing is said: its twin may not have been made.
                if all(i in records for i, p in planned.items() if p.case_id == case.id):
                    writer.case(_case_record(case, records))
            whole = writer.finish(_now(), complete=complete)
        return Conducted(whole, writer.path)


def _written(one: Finished, writer: RecordWriter) -> WireReading | None:
    """What an attempt looked like on the wire, with the file in which it is now."""
    capture = one.evidence.capture if one.evidence else None
    if one.wire is None or capture is None or capture.missing:
        return one.wire
    words = f"{one.job.id}: {one.job.attempt}"
    if one.outcome is not None:
        words += f"\n{one.outcome.in_words()}"
    return replace(one.wire, file=writer.capture(one.job.id, pcapng.write(capture, words)))


def _attempt_record(
    one: Finished,
    planned: Planned | None,
    laboratory: Lab,
    own: OwnFiles | None,
    wire: WireReading | None,
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
        standing=planned.rating if planned else None,
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
        chain=_chain_name(attempt) if evidence else None,
        own=own if _names_own(attempt) else None,
        request=dict(evidence.request) if evidence else {},
        wire=wire,
        witnesses=one.witnesses,
        same_as=one.same_as,
        started=one.started,
        elapsed_ms=one.elapsed_ms,
        images=tuple(
            ImageUse(
                name=name,
                stand_in=laboratory.images[name].provenance.stand_in,
                moved=laboratory.moved(name) if one.judgement.verdict is Verdict.SURPRISE else None,
            )
            for name in _images(laboratory, attempt)
        ),
    )


def _images(laboratory: Lab, attempt: Attempt) -> list[str]:
    """Names of the images that an attempt runs on: the server's, the client's."""
    services = (
        SERVERS[attempt.server.software].service,
        PROGRAMS[attempt.client.program].service(attempt.client),
    )
    names = dict.fromkeys(laboratory.image_of(service) for service in services)
    return [name for name in names if name is not None]


def _chain_name(attempt: Attempt) -> str | None:
    """What the record calls the chain that the server of an attempt is given."""
    certificate = attempt.server.certificate
    if certificate in (CERTIFICATE_UNSET, CERTIFICATE_EMPTY):
        return None
    return f"{attempt.server.host}/{certificate}"


def _chain(laboratory: Lab, attempt: Attempt) -> Chain:
    """That chain, in words."""
    made = laboratory.material.server(attempt.server.certificate, attempt.server.host)
    with warnings.catch_warnings():
        # What is odd about an operator's own certificate is for the attempt to show.
        warnings.simplefilter("ignore", CryptographyDeprecationWarning)
        described = describe(made.chain_pem).certificates
    return tuple(CertificateRecord(**vars(certificate)) for certificate in described)


def _own_files(own: UserFiles | None) -> OwnFiles | None:
    if own is None:
        return None
    served, trusted = own.certificate, own.anchors
    return OwnFiles(
        chain=served.chain_file if served else None,
        key=served.key_file if served else None,
        backend=trusted.file if trusted else None,
    )


def _names_own(attempt: Attempt) -> bool:
    server, client = attempt.server, attempt.client
    return OWN in (server.certificate, client.trust, client.pin)


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


def _header(laboratory: Lab, run_id: str, started: datetime.datetime) -> RunHeader:
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
            "sealed": laboratory.seal.holds,
            "seal": {"how": laboratory.seal.how, "options": dict(laboratory.seal.options)},
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
