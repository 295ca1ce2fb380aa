"""What the files of a record are called and hold."""

from __future__ import annotations

from lab.record.models import AttemptRecord, CaseRecord, Chain, Model, RunHeader

RECORD_NAME = "record.json"
JOURNAL_NAME = "attempts.jsonl"
#: The folder of captures, beside the record.
WIRE_NAME = "wire"
#: A link beside the runs' folders to the newest one.
LATEST_NAME = "latest"


class RecordError(Exception):
    """A record cannot be read or written; the message names the file, the place, what to do."""


class Entry(Model):
    """One line of the journal; exactly one field is set."""

    run: RunHeader | None = None
    certificates: dict[str, Chain] | None = None
    attempt: AttemptRecord | None = None
    case: CaseRecord | None = None
