"""A check: every attempt of its plan made side by side, in one laboratory, and judged."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from lab.certificates.material import RunCertificates
from lab.check.plan import CheckPlan
from lab.check.result import CheckResult, StandIn
from lab.images.provenance import builds_of
from lab.run.laboratory import open_lab

if TYPE_CHECKING:
    from lab.check.form import WantedStrongest
    from lab.record import RunRecord


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
        attempts=[one.attempt for one in plan.requirements],
        certificates=certificates,
        meanwhile=meanwhile,
    ) as laboratory:
        # These are loaded while agents start.
        from lab.check import judging  # noqa: PLC0415
        from lab.check import rows as making  # noqa: PLC0415

        conducted, rows = making.make_rows(laboratory, plan, laboratory.run_id, advised=advised)
        remedies, found = making.found_out(
            laboratory, plan, rows, advised=advised, wanted=strongest
        )
        builds = {
            name: builds_of(laboratory.images[name].provenance)
            for name in sorted({i.name for one in conducted.record.attempts for i in one.images})
        }
    return CheckResult(
        files=plan.files,
        rows=tuple(rows),
        findings=plan.findings,
        remedies=remedies,
        strongest=found,
        stand_ins=tuple(_stand_ins(conducted.record)),
        builds=builds,
        notes=(*judging.notes_on(rows), *making.not_searched(plan, rows)),
        record=conducted.path,
        elapsed_s=time.monotonic() - begun,
    )


def _stand_ins(record: RunRecord) -> list[StandIn]:
    """The images of these attempts that only stand in for a distribution."""
    used = {name for one in record.attempts for name in one.stand_ins}
    return [
        StandIn(name=image.name, library=image.tls_library or "its TLS library")
        for image in record.images
        if image.name in used
    ]
