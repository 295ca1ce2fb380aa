"""What a check comes to: who gets through, what the solution gives away, and what it is worth.

A solution that works is rated by what it changed: the settings before and after, held against the rated cures
of :mod:`lab.remedies`; by what the exercise itself says of a change; and by what was seen: who got through
that must not, and what an impostor was given.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from operator import attrgetter

from lab.exercises import Exercise, ExerciseClient, ExerciseError, texts
from lab.exercises.reading import ReadFolder
from lab.model import (
    Attempt,
    Captured,
    ClientSettings,
    Outcome,
    Rating,
    Result,
    ServerSettings,
    differing_fields,
)
from lab.model.expectations import Expectation, Verdict, judge
from lab.record import AttemptResult
from lab.remedies import CURES
from lab.remedies.words import InBothLanguages, words
from lab.settings import parse_client, parse_server


class Grade(StrEnum):
    """What the state of the files is worth."""

    UNTOUCHED = "untouched"
    """The files are as they were at the start."""
    USELESS = "useless"
    """Something was changed, and every client ends as before."""
    OPEN = "open"
    """Not every client gets through."""
    UNSAFE = "unsafe"
    """Every client gets through, and something is given away: this does not count as solved."""
    TEMPORARY = "temporary"
    """Every client gets through, until a better solution is in place: it counts."""
    SOLVED = "solved"


@dataclass(frozen=True)
class GradedClient:
    """What came of one client."""

    client: ExerciseClient
    outcome: Outcome
    """Of its tries one that did not complete, if there is any: as at the start before others."""
    message: str
    """What its user saw; empty where it got through."""
    server_log: str
    as_before: bool
    """Whether it ends as it did at the start."""

    @property
    def through(self) -> bool:
        """Whether it reached its goal in every try."""
        return self.outcome.result is Result.COMPLETED


@dataclass(frozen=True)
class GivenAway:
    """Something that a solution gives away, and the argument."""

    rating: Rating
    what: InBothLanguages
    captured: Captured | None = None
    """What an impostor was given."""


@dataclass(frozen=True)
class Grading:
    """What one check comes to."""

    grade: Grade
    clients: tuple[GradedClient, ...]
    intruders: tuple[GradedClient, ...]
    given_away: tuple[GivenAway, ...]
    changed: frozenset[str]
    """The files that differ from their state at the start."""

    @property
    def solved(self) -> bool:
        """Whether it counts."""
        return self.grade in {Grade.SOLVED, Grade.TEMPORARY}

    @property
    def rating(self) -> Rating:
        """What the state of the files is worth as a remedy."""
        known = {
            Grade.SOLVED: Rating.RECOMMENDED,
            Grade.TEMPORARY: Rating.TEMPORARY,
            Grade.UNSAFE: Rating.UNSAFE,
        }
        return known.get(self.grade, Rating.USELESS)


def grade(
    exercise: Exercise,
    before: ReadFolder,
    now: ReadFolder,
    results: Mapping[str, AttemptResult],
    *,
    changed: Collection[str],
) -> Grading:
    """Judge the results of one check.

    Args:
        exercise: which.
        before: the files as they were at the start.
        now: the trainee's files.
        results: of :func:`lab.exercises.reading.plan`, by id.
        changed: the files that differ.

    Raises:
        ExerciseError: an attempt could not be made.
    """
    clients = tuple(
        _graded(one, [results[f"client-{number}-{n}"] for n in range(one.tries)])
        for number, one in enumerate(exercise.clients)
    )
    intruders = tuple(
        _graded(one, [results[f"intruder-{number}"]])
        for number, one in enumerate(exercise.intruders)
    )
    through = all(one.through for one in clients)
    given: tuple[GivenAway, ...] = ()
    if through:
        of_files = [one for one in exercise.weakenings if one.file in changed]
        given = (
            *_given_away(exercise, before, now, results, clients, intruders),
            *(GivenAway(one.rating, one.words) for one in of_files),
        )
    graded = _grade(clients, given, changed=bool(changed))
    return Grading(graded, clients, intruders, given, frozenset(changed))


def _grade(clients: Sequence[GradedClient], given: Sequence[GivenAway], *, changed: bool) -> Grade:
    if not all(one.through for one in clients):
        if not changed:
            return Grade.UNTOUCHED
        return Grade.USELESS if all(one.as_before for one in clients) else Grade.OPEN
    ratings = {one.rating for one in given}
    if Rating.UNSAFE in ratings:
        return Grade.UNSAFE
    return Grade.TEMPORARY if Rating.TEMPORARY in ratings else Grade.SOLVED


def _graded(client: ExerciseClient, results: Sequence[AttemptResult]) -> GradedClient:
    made: list[tuple[AttemptResult, Outcome]] = []
    for each in results:
        if each.outcome is None:
            raise ExerciseError("not-tried", client=client.client, why=each.verdict_why)
        made.append((each, each.outcome))
    expected = Expectation.parse(client.fails)
    refused = [pair for pair in made if pair[1].result is not Result.COMPLETED]
    # A race can end in several ways: one of them is that of the start.
    before = [p for p in refused or made if judge(expected, p[1]).verdict is Verdict.AS_EXPECTED]
    result, outcome = next(iter(before or refused or made))
    report = result.client_report
    return GradedClient(
        client,
        outcome,
        report.message.strip() if report and refused else "",
        result.server_report.log.strip() if result.server_report else "",
        bool(before),
    )


# -- what is given away ------------------------------------------------------------------------------


def _given_away(
    exercise: Exercise,
    before: ReadFolder,
    now: ReadFolder,
    results: Mapping[str, AttemptResult],
    clients: Sequence[GradedClient],
    intruders: Sequence[GradedClient],
) -> Iterator[GivenAway]:
    """All that the solution gives away, each once."""
    seen: set[InBothLanguages] = set()
    for number, (was, attempt) in enumerate(zip(before.clients, now.clients, strict=True)):
        captured = _captured(results[f"impostor-{number}"])
        found = [*_by_cures(was, attempt), *_by_the_exercise(exercise, was, attempt)]
        found += _by_what_was_negotiated(clients[number].outcome)
        if captured is not None and not any(r is Rating.UNSAFE for r, _ in found):
            found.append((Rating.UNSAFE, InBothLanguages()))
        for rating, what in found:
            if what not in seen:
                seen.add(what)
                yield GivenAway(rating, what, captured)
    for number, one in enumerate(intruders):
        if one.through:
            captured = _captured(results[f"intruder-impostor-{number}"])
            yield GivenAway(Rating.UNSAFE, one.client.what, captured)


def _captured(result: AttemptResult) -> Captured | None:
    return result.server_report.captured if result.server_report else None


def _by_cures(before: Attempt, now: Attempt) -> Iterator[tuple[Rating, InBothLanguages]]:
    """The cures, other than recommended ones, that the change contains."""
    for cure in CURES:
        if cure.rating is Rating.RECOMMENDED:
            continue
        cured = cure.change(before)
        if cured is not None and cured != before and _contains(before, cured, now):
            yield cure.rating, words("cure", cure.name)


def _contains(before: Attempt, cured: Attempt, now: Attempt) -> bool:
    """Whether all that a cure changes is now as the cure leaves it."""
    return all(
        attrgetter(name)(now) == attrgetter(name)(cured) for name in differing_fields(before, cured)
    )


def _by_the_exercise(
    exercise: Exercise, before: Attempt, now: Attempt
) -> Iterator[tuple[Rating, InBothLanguages]]:
    """What the exercise says of a change that was made."""
    for one in exercise.weakenings:
        end, _, assignment = (one.setting or one.lost).partition(".")
        name = assignment.partition("=")[0]
        if not name or not hasattr(getattr(now, end), name):
            continue
        was, is_now = (getattr(getattr(each, end), name) for each in (before, now))
        wanted = getattr(_assigned(now, end, assignment), name)
        if one.lost:
            weaker = set(wanted) <= set(was) and not set(wanted) <= set(is_now)
        else:
            weaker = is_now == wanted != was
        if weaker:
            yield one.rating, one.words


def _assigned(now: Attempt, end: str, assignment: str) -> ServerSettings | ClientSettings:
    """Settings of this end's program with this assignment alone."""
    if end == "server":
        return parse_server([assignment], now.server.software)
    return parse_client(str(now.client), [assignment])


#: What a suite with forward secrecy begins with, as OpenSSL names it.
_FORWARD_SECRET = ("ECDHE-", "DHE-", "TLS_")
_NEW_VERSIONS = ("TLSv1.2", "TLSv1.3")


def _by_what_was_negotiated(outcome: Outcome) -> Iterator[tuple[Rating, InBothLanguages]]:
    """Old versions and suites: every exercise has a solution without them."""
    if outcome.protocol is None:
        return
    if outcome.protocol not in _NEW_VERSIONS:
        yield Rating.UNSAFE, texts("old-version", protocol=outcome.protocol)
    elif not (outcome.cipher or "").startswith(_FORWARD_SECRET):
        yield Rating.TEMPORARY, texts("old-suite", cipher=outcome.cipher)
