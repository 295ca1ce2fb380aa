"""What the files of a record are called and hold."""

from __future__ import annotations

from lab.record.models import AttemptRecord, CaseRecord, Model, RunHeader

RECORD_NAME = "record.json"
JOURNAL_NAME = "attempts.jsonl"
#: A link beside the runs' folders to the newest one.
LATEST_NAME = "latest"


class RecordError(Exception):
    """A record cannot be read or written; the message names the file, the place, what to do."""


class Entry(Model):
    """One line of the journal; exactly one field is set."""

    run: RunHeader | None = None
    attempt: AttemptRecord | None = None
    case: CaseRecord | None = None
