"""The exit status of the command.

0 all as expected, or completed; 1 a surprise, or refused; 2 wrong usage; 3 the lab itself could not do
it; 128 and the signal's number when a signal ended it.
"""

from __future__ import annotations

from collections.abc import Mapping

from lab.expectations import Verdict
from lab.model import Result
from lab.record import AttemptResult, RunRecord

OK, SURPRISE, USAGE, LAB_ERROR = 0, 1, 2, 3


def of_run(record: RunRecord) -> int:
    """The status that a run's verdict has; a run that was cut short is not judged."""
    if not record.complete:
        return LAB_ERROR  # whether all is as expected is not known
    return {Verdict.LAB_ERROR: LAB_ERROR, Verdict.SURPRISE: SURPRISE}.get(record.verdict, OK)


def of_attempt(record: AttemptResult) -> int:
    """The status of one attempt: what was expected decides, else whether it completed."""
    if record.outcome is None:
        return LAB_ERROR
    if record.expectation is not None:
        return OK if record.verdict is Verdict.AS_EXPECTED else SURPRISE
    return OK if record.outcome.result is Result.COMPLETED else SURPRISE


def of_scans(counts: Mapping[str, int]) -> int:
    """The status of scans, of which :func:`lab.run.scanning.counted` says what came."""
    return LAB_ERROR if counts["lab_error"] else SURPRISE if counts["disagree"] else OK


def of_signal(number: int) -> int:
    """The status that a shell gives to what a signal ended."""
    return 128 + number
