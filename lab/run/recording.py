"""Runs: the lab opened for planned attempts, which are made and recorded; once or often.

What makes and records an attempt is loaded by ``results``, while the containers' agents start.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lab.certificates.material import RunCertificates
from lab.model import Attempt, Role
from lab.model.expectations import Expectation, PlannedAttempt
from lab.own.files import UserFiles
from lab.run.checkout import new_run_id
from lab.run.laboratory import open_lab

if TYPE_CHECKING:
    from lab.cases import LoadedCase
    from lab.record.models import OwnFiles, RunRecord
    from lab.run.results import Conducted, OnAttempt
    from lab.wire.packets import CapturePolicy


def conduct(
    cases: Sequence[LoadedCase],
    *,
    only: Collection[str] | None = None,
    chosen: Sequence[str] = (),
    on_attempt: OnAttempt | None = None,
    captures: CapturePolicy | None = None,
    meanwhile: Callable[[], object] | None = None,
    then: Callable[[Conducted], object] | None = None,
) -> Conducted:
    """Run cases and record them.

    Args:
        only: ids of planned attempts; others of the same cases are left out.
        chosen: what was typed to choose the cases, if they are not all.
        on_attempt: told of each attempt after it is in the record.
        captures: of which attempts it is kept what they looked like on the wire (default: refused ones).
        meanwhile: done while containers and agents start, in another thread.
        then: done with the finished record while the containers are removed, in another thread.

    Raises:
        EngineError: there is none, or it has gone in the middle of the run.
        ImageError, TopologyError, AgentError, RecordError: the lab could not be opened.
    """
    planned = [p for case in cases for p in case.plan() if only is None or p.id in only]
    attempts = [p.attempt for p in planned]
    with ThreadPoolExecutor(1) as aside:
        with open_lab(attempts=attempts, meanwhile=meanwhile) as laboratory:
            from lab.run.results import record_run  # noqa: PLC0415

            conducted = record_run(laboratory, planned, cases, on_attempt, captures, chosen)
            doing = aside.submit(then, conducted) if then is not None else None
        if doing is not None:
            doing.result()
    return conducted


def repeat(
    attempt: Attempt,
    times: int,
    expect: Expectation | None = None,
    *,
    on_attempt: OnAttempt | None = None,
    own: UserFiles | None = None,
    captures: CapturePolicy | None = None,
    remedies: bool = True,
    certificates: RunCertificates | None = None,
    meanwhile: Callable[[], object] | None = None,
) -> Conducted:
    """Make one attempt so many times and record each; raises like :func:`conduct`.

    Args:
        remedies: try what cures the first refusal that was not expected; its cause is said anyway.
        certificates: those for it, if they are begun already.
        meanwhile: done while containers and agents start, in another thread.
    """
    one = PlannedAttempt("attempt", attempt, expect, counted=True, own=own_files(own))
    planned = [replace(one, id=f"attempt-{number}") for number in range(1, times + 1)]
    opened = open_lab(own, attempts=[attempt], certificates=certificates, meanwhile=meanwhile)
    with opened as laboratory:
        from lab.run.results import Adviser, record_run  # noqa: PLC0415

        adviser = Adviser(laboratory, own, remedies=remedies)
        return record_run(laboratory, planned, (), on_attempt, captures, adviser=adviser)


def own_files(own: UserFiles | None) -> OwnFiles | None:
    """Where a person's certificates were read from, as the record has it."""
    if own is None:
        return None
    from lab.record.models import OwnFiles  # noqa: PLC0415

    served, trusted = own.certificate, own.anchors
    of_backend = own.client.chain_file if own.client else None
    return OwnFiles(
        chain=served.chain_file if served else None,
        key=served.key_file if served else None,
        backend=trusted.file if trusted and trusted.option == "--backend" else of_backend,
        ca=trusted.file if trusted and trusted.option == "--ca" else None,
        host=own.host,
        certificate_given=own.certificate_given,
    )


@dataclass(frozen=True)
class Soaked:
    """What came of so many rounds."""

    rounds: int
    attempts: int
    flips: Mapping[str, Mapping[str, int]]
    """By attempt: how often each outcome came, where there is more than one."""
    surprises: Mapping[str, int]
    """By attempt or case: in how many rounds it was not as expected."""

    @property
    def steady(self) -> bool:
        """Whether nothing flipped and nothing was unexpected."""
        return not self.flips and not self.surprises

    def in_words(self) -> str:
        """What came of it, a line for each finding."""
        lines = [f"{self.rounds} rounds, {self.attempts} attempts: {len(self.flips)} flips"]
        for attempt, outcomes in self.flips.items():
            lines.append(f"  {attempt}")
            lines += [f"    {number:>4} x {words}" for words, number in outcomes.items()]
        lines += [f"  not as expected in {n} rounds: {name}" for name, n in self.surprises.items()]
        return "\n".join(lines)


def soak(
    cases: Sequence[LoadedCase], rounds: int, after_round: Callable[[int, RunRecord], None]
) -> Soaked:
    """Run ``cases`` so many times in one laboratory.

    The breaking attempts of declared races may differ from round to round; of everything else each
    round must show the same. The record of a round in which all was as expected is not kept.
    """
    planned = [one for case in cases for one in case.plan()]
    seen: dict[str, Counter[str]] = {}
    surprises: Counter[str] = Counter()
    attempts = 0
    with open_lab(attempts=[one.attempt for one in planned]) as laboratory:
        from lab.run.results import record_run  # noqa: PLC0415

        for number in range(1, rounds + 1):
            conducted = record_run(laboratory, planned, cases, run_id=new_run_id())
            record = conducted.record
            attempts += len(record.attempts)
            for attempt in record.attempts:
                if attempt.otherwise is None or attempt.role is not Role.BREAKS:
                    outcome = attempt.outcome
                    words = outcome.in_words() if outcome else attempt.verdict_why
                    seen.setdefault(attempt.id, Counter())[words] += 1
            unexpected = _unexpected(record)
            surprises.update(unexpected)
            if not unexpected:
                shutil.rmtree(conducted.path.parent)
            after_round(number, record)
    flips = {name: dict(found) for name, found in seen.items() if len(found) > 1}
    return Soaked(rounds, attempts, flips, dict(surprises))


def _unexpected(record: RunRecord) -> list[str]:
    bad = ("surprise", "lab-error")
    attempts = [a.id for a in record.attempts if a.verdict in bad]
    races = [c.id for c in record.cases if c.verdict in bad and not set(c.attempts) & set(attempts)]
    return [*attempts, *races]
