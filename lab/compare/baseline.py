"""A baseline: a record that holds only what a comparison reads, made to be committed."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime
from operator import attrgetter

from lab.model import Texts
from lab.record import AttemptRecord, RunRecord

_NO_TIME = datetime(1970, 1, 1, tzinfo=UTC)


def baseline(record: RunRecord) -> str:
    """A record that holds only what a comparison reads, as text to be committed.

    It is read like any other record. An attempt is one line, in an order that does not differ from run
    to run and without its times, so that the next baseline differs only in what changed. The texts of
    both ends, configurations, packets, certificates and what an impostor got are left out, and so is what
    equals a default.
    """
    slim = _slim(record)
    plain = slim.model_dump(mode="json", exclude_defaults=True, exclude_computed_fields=True)
    attempts, cases = plain.pop("attempts", []), plain.pop("cases", [])
    head = {"format": record.format, "format_version": record.format_version, **plain}
    parts = [f"{json.dumps(name)}: {json.dumps(value)}" for name, value in head.items()]
    for name, values in (("cases", cases), ("attempts", attempts)):
        lines = ",\n".join(json.dumps(value) for value in values)
        parts.append(f'"{name}": [\n{lines}\n]')
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _slim(record: RunRecord) -> RunRecord:
    return record.model_copy(
        update={
            "machine": {},
            "engine": {},
            "topology": {},
            "certificates": {},
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


def _slim_attempt(attempt: AttemptRecord) -> AttemptRecord:
    outcome = attempt.outcome
    if outcome is not None:
        texts = Texts(message=outcome.texts.message)
        outcome = dataclasses.replace(outcome, texts=texts, elapsed_ms=0.0)
    return attempt.model_copy(
        update={
            "outcome": outcome,
            "client_report": None,
            "server_report": None,
            "configuration": "",
            "request": {},
            "chain": None,
            "wire": None,
            "witnesses": None,
            "started": _NO_TIME,
            "elapsed_ms": 0.0,
        }
    )
