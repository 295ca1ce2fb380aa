"""The rules that every case keeps; one that breaks a rule does not load."""

from __future__ import annotations

import itertools

from lab.cases.plan import LoadedCase, PlannedAttempt
from lab.model import Result, differing_fields
from lab.settings import SettingsError, parse_client, parse_server, spell_arguments


class CaseError(Exception):
    """A case is not well-formed; the message names it and the rule that it breaks."""


def check(loaded: LoadedCase) -> None:
    """Check a case and everything that it plans.

    Raises:
        CaseError: the first rule that is broken.
    """
    case = loaded.case
    if case.expect.result is Result.REFUSED:
        if case.twin is None:
            raise CaseError(f"{loaded.id}: a case that breaks has a twin that completes")
        fields = differing_fields(case.attempt, case.twin)
        if len(fields) != 1:
            raise CaseError(
                f"{loaded.id}: the twin differs in exactly one field, not in {len(fields)}"
                f" ({', '.join(fields) or 'none'})"
            )
    elif case.twin is not None:
        raise CaseError(f"{loaded.id}: a case that expects completion has no twin")
    for remedy in case.remedies:
        if not differing_fields(case.attempt, remedy.attempt):
            raise CaseError(f"{loaded.id}: the remedy {remedy.title!r} changes nothing")
    for planned in loaded.plan():
        _check_words(planned)


def _check_words(planned: PlannedAttempt) -> None:
    """Every word is one that the command line knows too, and no refusal is left open."""
    expected = planned.expect
    for expect in (expected, *(build.expect for build in planned.on_build)):
        if expect is None or expected is None:
            continue
        if expect.result is not expected.result:
            raise CaseError(f"{planned.id}: on every build the result is the same")
        if expect.result is Result.REFUSED and None in (expect.by, expect.stage, expect.reason):
            raise CaseError(
                f"{planned.id}: an expected refusal names who refuses, at which stage and why"
            )
    words = spell_arguments(planned.attempt)
    given = list(itertools.pairwise(words))
    try:
        parse_server([v for o, v in given if o == "-s"], planned.attempt.server.software)
        parse_client(str(planned.attempt.client), [v for o, v in given if o == "-c"])
    except SettingsError as error:
        raise CaseError(f"{planned.id}: {error}") from error
