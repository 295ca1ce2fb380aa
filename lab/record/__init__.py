"""The record: the machine-readable result of a run, written while the run goes on.

Everything that a report says comes from here. Each attempt is appended to a journal (JSON Lines) as
it ends, so that a run that is killed leaves a record of what it saw; a run that ends turns its
journal into one ``record.json``. :func:`load` reads both::

    .lab/runs/<run id>/attempts.jsonl    the journal
    .lab/runs/<run id>/record.json       the whole, once the run has ended
    .lab/runs/<run id>/wire/             captures, for Wireshark
    .lab/runs/latest                     a link to the newest run of all cases
    .lab/runs/last-cases                 a link to the newest run of some cases
    .lab/runs/last-attempt               a link to the newest `lab attempt`

``docs/record.md`` describes the format, ``lab/schema/record.schema.json`` specifies it.
"""

from lab.record.models import AttemptResult, CaseRecord, Chain, ImageRecord, RunRecord, gravest
from lab.record.reading import load
from lab.record.writing import RecordError, RecordWriter, to_json, whole

# A run and its parts; further ones are imported from ``models``.
__all__ = ["AttemptResult", "CaseRecord", "Chain", "ImageRecord", "RunRecord", "gravest"]
# Reading and writing.
__all__ += ["RecordError", "RecordWriter", "load", "to_json", "whole"]
