"""The attempts of a run in a laboratory that is open, each written down as it ends."""

from __future__ import annotations

import contextlib
import os
import platform
import warnings
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from lab import __version__
from lab.clients import PROGRAMS
from lab.host.engine import EngineError, lost
from lab.model import Attempt, Result, Role
from lab.model.expectations import Judgement, PlannedAttempt, Verdict, judge
from lab.own.files import UserFiles
from lab.record import (
    AttemptResult,
    CaseRecord,
    Chain,
    ImageRecord,
    RecordWriter,
    RunRecord,
    gravest,
)
from lab.record.models import CertificateRecord, ImageUse, RaceRecord, RunHeader
from lab.record.writing import ATTEMPT_NAME, CASES_NAME, LATEST_NAME
from lab.remedies.advice import Advice
from lab.run.attempts import run
from lab.run.laboratory import Lab
from lab.run.link import AgentError
from lab.servers import SERVERS
from lab.wire.packets import Capture, CapturePolicy, pcapng

if TYPE_CHECKING:
    from lab.cases import LoadedCase

OnAttempt = Callable[[AttemptResult], None]


@dataclass(frozen=True)
class Conducted:
    """A run that has ended, and where its record is."""

    record: RunRecord
    path: Path


class Adviser:
    """What is said of the first refusal of a run that nobody expected.

    Args:
        remedies: whether they are tried; else its cause is all.
    """

    def __init__(self, laboratory: Lab, own: UserFiles | None, *, remedies: bool = True) -> None:
        self._laboratory, self._own, self._remedies = laboratory, own or UserFiles(), remedies
        self.given = False

    def of(self, result: AttemptResult, chain: Chain) -> Advice | None:
        """The advice; ``None``: it was not refused, that was expected, or there was one already."""
        refused = result.outcome is not None and result.outcome.result is not Result.COMPLETED
        if self.given or not refused or result.verdict is Verdict.AS_EXPECTED:
            return None
        self.given = True
        from lab.run.remedies import advise, explained  # noqa: PLC0415 - most attempts complete

        if not self._remedies:
            return explained(self._laboratory.session, result, chain)
        return advise(self._laboratory, result, chain, self._own)


def record_run(
    laboratory: Lab,
    planned: Sequence[PlannedAttempt],
    cases: Sequence[LoadedCase] = (),
    on_attempt: OnAttempt | None = None,
    captures: CapturePolicy | None = None,
    chosen: Sequence[str] = (),
    adviser: Adviser | None = None,
    run_id: str | None = None,
    given_up: Callable[[], bool] = lambda: False,
) -> Conducted:
    """Make these attempts in a laboratory that is open, and record them.

    Args:
        run_id: of a run that is one of several in this laboratory.
        given_up: whether nobody waits for what is left: what was under way then is in no record.
    """
    header = _header(laboratory, run_id or laboratory.run_id, datetime.now(UTC), chosen)
    link = link_of(cases, planned, chosen)
    with RecordWriter.create(laboratory.checkout.state / "runs", header, link) as writer:
        complete = False
        results: dict[str, AttemptResult] = {}

        def finished(result: AttemptResult, capture: Capture | None) -> None:
            if given_up():
                raise CancelledError
            if result.verdict is Verdict.LAB_ERROR and (gone := lost()) is not None:
                # The attempts that are left could only fail, each in its turn.
                number, left = len(planned), len(planned) - len(results)
                raise EngineError("lost", planned=number, left=left, error=gone, record=writer.path)
            wire = results[result.same_as].wire if result.same_as else result.wire
            if wire is not None and capture is not None and not capture.missing:
                words = f"{result.id}: {result.attempt}"
                if result.outcome is not None:
                    words += f"\n{result.outcome.in_words()}"
                wire = replace(wire, file=writer.capture(result.id, pcapng(capture, words)))
            known = {"wire": wire, "images": images_of(laboratory, result)}
            result = result.model_copy(update=known)
            if result.chain is not None and result.chain not in writer.certificates:
                writer.chain(result.chain, chain_of(laboratory, result.attempt))
            if adviser is not None:
                chain = writer.certificates.get(result.chain or "", ())
                result = result.with_(advice=adviser.of(result, chain))
            writer.attempt(result)
            results[result.id] = result
            if on_attempt:
                on_attempt(result)

        software, session = {one.attempt.server.software for one in planned}, laboratory.session
        try:
            with ThreadPoolExecutor(1) as aside:
                asking = aside.submit(session.facts, software)
                run(session, planned, finished, captures=captures or CapturePolicy.REFUSED)
            # Of a server whose agent was lost the attempts have said so.
            with contextlib.suppress(AgentError):
                writer.describe(topology=writer.header.topology | {"servers": asking.result()})
            complete = True
        finally:
            # Of a case that was cut short nothing is said: its twin may not have been made.
            cut_short = {p.case_id for p in planned if p.id not in results}
            for case in cases:
                if case.id not in cut_short:
                    writer.case(case_record(case, results))
            record = writer.finish(datetime.now(UTC), complete=complete)
        return Conducted(record, writer.path)


def link_of(
    cases: Sequence[LoadedCase], planned: Sequence[PlannedAttempt], chosen: Sequence[str]
) -> str:
    """Which link leads to such a run: what is a part of one stands for no whole one."""
    if not cases:
        return ATTEMPT_NAME
    whole = not chosen and len(planned) == sum(len(case.plan()) for case in cases)
    return LATEST_NAME if whole else CASES_NAME


def images_of(laboratory: Lab, result: AttemptResult) -> tuple[ImageUse, ...]:
    """The images that an attempt runs on: the server's, the client's."""
    server, program = SERVERS[result.server.software], PROGRAMS[result.client.program]
    services = (server.service, program.service(result.client))
    names = dict.fromkeys(map(laboratory.image_of, services))
    return tuple(
        _image_use(
            name,
            laboratory.images[name].provenance.stand_in,
            laboratory.moved(name) if result.verdict is Verdict.SURPRISE else None,
        )
        for name in names
        if name is not None
    )


@cache
def _image_use(name: str, stand_in: bool, moved: tuple[str, ...] | None) -> ImageUse:
    return ImageUse(name=name, stand_in=stand_in, moved=moved)


def chain_of(laboratory: Lab, attempt: Attempt) -> Chain:
    """What an attempt's server is given, in words; the server has a certificate."""
    from cryptography.utils import CryptographyDeprecationWarning  # noqa: PLC0415

    from lab.certificates.description import describe  # noqa: PLC0415 - needs cryptography

    made = laboratory.material.server(attempt.server.certificate, attempt.server.host)
    with warnings.catch_warnings():
        # What is odd about an operator's own certificate is for the attempt to show.
        warnings.simplefilter("ignore", CryptographyDeprecationWarning)
        described = describe(made.chain_pem).certificates
    return tuple(CertificateRecord(**vars(certificate)) for certificate in described)


def case_record(case: LoadedCase, records: Mapping[str, AttemptResult]) -> CaseRecord:
    """What came of a case, from the attempts of it that were made."""
    ids = tuple(p.id for p in case.plan() if p.id in records)
    race, judgement = _race(case, [records[i] for i in ids])
    return CaseRecord(
        **case.described,
        attempts=ids,
        verdict=gravest([*(records[i].verdict for i in ids), judgement.verdict]),
        verdict_why=judgement.why,
        race=race,
    )


def _race(case: LoadedCase, made: Sequence[AttemptResult]) -> tuple[RaceRecord | None, Judgement]:
    """How often the refusal of a race came, judged when every try was made."""
    race = case.case.race
    tries = [a for a in made if a.role is Role.BREAKS and a.outcome is not None]
    if race is None or len(tries) < race.times:
        return None, Judgement(Verdict.AS_EXPECTED, "")
    expect = case.case.expect
    came = sum(judge(expect, a.outcome).verdict is Verdict.AS_EXPECTED for a in tries if a.outcome)
    most = race.times if race.most is None else race.most
    record = RaceRecord(times=race.times, refused=came, least=race.least, most=most)
    return record, race.judge(came, expect.result)


def _header(laboratory: Lab, run_id: str, started: datetime, chosen: Sequence[str]) -> RunHeader:
    version = laboratory.client.version()
    return RunHeader(
        run_id=run_id,
        chosen=tuple(chosen),
        lab_version=__version__,
        started=started,
        machine={
            "system": platform.platform(),
            "architecture": platform.machine(),
            "cores": os.cpu_count(),
            "python": platform.python_version(),
        },
        engine={"version": version.get("Version"), "api": version.get("ApiVersion")},
        images=tuple(
            ImageRecord(
                name=n, tag=image.tag, **image.provenance.model_dump(mode="json", exclude={"image"})
            )
            for n, image in laboratory.images.items()
        ),
        topology={
            "project": laboratory.topology.project,
            "containers": sorted(laboratory.topology.containers),
            "sealed": laboratory.seal.holds,
            "seal": {"how": laboratory.seal.how, "options": dict(laboratory.seal.options)},
        },
    )
