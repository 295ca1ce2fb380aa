"""A check that ended before anything was known, as a result: an input was wrong, or the lab failed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lab.check.demands import NAME
from lab.check.outputs.problems import words
from lab.check.result import CheckResult, EarlyEnd, SourceLine
from lab.own.findings import InputError
from lab.remedies.words import InBothLanguages
from lab.settings import SettingsError


def result_of(error: BaseException, files: Sequence[str]) -> CheckResult:
    """What is left of a check.

    Args:
        error: what ended it.
        files: its inputs, as they were named; where the error names no file, it is shown at the first.
    """
    place = SourceLine(files[0] if files else NAME)
    if isinstance(error, InputError):
        text = InBothLanguages(*[f"{error.what} {error.remedy}"] * 2)
        if error.file in files or Path(error.file).exists():
            place = SourceLine(error.file, error.line)
    elif isinstance(error, Exception):
        text = InBothLanguages(*[str(error)] * 2)
    else:
        text = words("end", "signal")
    by_input = isinstance(error, InputError | SettingsError)
    return CheckResult(
        files=tuple(files), rows=(), ended=EarlyEnd(text=text, place=place, by_input=by_input)
    )
