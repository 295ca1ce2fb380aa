"""A baseline: a record that holds only what a comparison reads, made to be committed."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from operator import attrgetter

from lab.model import ClientReport
from lab.record import EVIDENCE, AttemptResult, RunRecord, whole

_NO_TIME = datetime(1970, 1, 1, tzinfo=UTC)


def baseline(record: RunRecord) -> str:
    """A record that holds only what a comparison reads, as text to be committed.

    It is read like any other record. An attempt is one line, in an order that does not differ from run
    to run and without its times, so that the next baseline differs only in what changed. The texts of
    both ends, configurations, packets, certificates and what an impostor got are left out, and so is what
    equals a default.
    """
    return whole(_slim(record), computed=False)


def _slim(record: RunRecord) -> RunRecord:
    return record.model_copy(
        update={
            "machine": {},
            "engine": {},
            "topology": {},
            "certificates": {},
            "configurations": {},
            "ended": record.started if record.ended else None,
            "attempts": tuple(
                _slim_attempt(attempt) for attempt in sorted(record.attempts, key=attrgetter("id"))
            ),
            "cases": tuple(
                case.model_copy(update={"story": ""})
                for case in sorted(record.cases, key=attrgetter("id"))
            ),
        }
    )


def _slim_attempt(attempt: AttemptResult) -> AttemptResult:
    outcome, report = attempt.outcome, attempt.client_report
    if report is not None:
        facts = (
            "protocol",
            "cipher",
            "verified",
            "data_protected",
            "session_reused",
            "verify_code",
        )
        kept = {name: getattr(report, name) for name in ("failed", "message", *facts)}
        report = ClientReport(step="", **kept)
        outcome = dataclasses.replace(outcome, report=report) if outcome else None
    nothing = {
        name: AttemptResult.model_fields[name].get_default(call_default_factory=True)
        for name in EVIDENCE
    }
    return attempt.model_copy(
        update=nothing
        | {
            "outcome": outcome,
            "client_report": report,
            "chain": None,
            "started": _NO_TIME,
            "elapsed_ms": 0.0,
        }
    )
