"""Remedies for a refusal, tried where it happened: only what was seen to complete is called a remedy.

From the refused attempt :func:`lab.remedies.remedies_for` leads to changed attempts, which are made side by
side. One that is refused for another reason has come further, and leads on; so changes add up until the goal
is reached. What is unsafe is also tried at an impostor's server.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from lab.certificates import OWN
from lab.model import Attempt, Outcome, Rating, Reason, Result, Role, ServerSettings
from lab.model.expectations import PlannedAttempt
from lab.own.files import UserFiles
from lab.record import AttemptResult, Chain
from lab.remedies import CURES_BY_NAME, Remedy, as_written, remedies_for, title_of
from lab.remedies.advice import Advice, TriedRemedy
from lab.remedies.causes import Evidence, cause_of
from lab.remedies.chains import UNKNOWN, Likeness, likeness, others, sent
from lab.remedies.lines import LineChange, can_be_written, changes
from lab.remedies.races import may_differ, thoroughly
from lab.remedies.words import InBothLanguages, joined, words
from lab.run.agents import Unsupported
from lab.run.attempts import make_all
from lab.run.laboratory import Lab
from lab.run.link import AgentError
from lab.run.session import Session
from lab.run.suites import SuiteComparison

#: So many changes add up at most; and so many attempts that came further are followed from each step.
MOST_CHANGES, MOST_FOLLOWED = 4, 4
#: So many further tries of a remedy that races are made at a time: where one of four tries is lost, the first
#: of these mostly tells, and none are made after it.
TRIES_AT_A_TIME = 6
_WORST = (Rating.UNSAFE, Rating.TEMPORARY, Rating.RECOMMENDED)


@dataclass(frozen=True)
class _Path:
    """An attempt that some remedies lead to."""

    attempt: Attempt
    remedies: tuple[Remedy, ...] = ()
    titles: tuple[InBothLanguages, ...] = ()

    def on(self, remedy: Remedy) -> _Path:
        """One remedy further."""
        titles = (*self.titles, title_of(self.attempt, remedy))
        return _Path(remedy.attempt, (*self.remedies, remedy), titles)

    @property
    def rating(self) -> Rating:
        ratings = {remedy.rating for remedy in self.remedies}
        return next(rating for rating in _WORST if rating in ratings)


def waits_for_a_limit(result: AttemptResult) -> bool:
    """Whether a refusal took as long as the client waits: then a remedy that is none takes as long."""
    return result.elapsed_ms >= result.client.timeout_s * 1000 * 0.9


def advise(
    laboratory: Lab,
    result: AttemptResult,
    chain: Chain,
    own: UserFiles | None = None,
    elsewhere: Sequence[TriedRemedy] = (),
) -> Advice:
    """The cause of a refusal, where it is decided, and remedies, each tried.

    Args:
        laboratory: where the attempt was made.
        result: what came of it: a refusal.
        chain: what its server was given.
        own: what its settings were read from.
        elsewhere: what was tried for another program that this server refused in the same way; changes of
            the server that left that as it was are not tried again.

    Raises:
        AgentError: a container or an agent failed.
        ValueError: the attempt was not refused.
    """
    if waits_for_a_limit(result):
        laboratory.progress.step(
            "remedies",
            f"each is tried; what does not help waits for the client's limit of"
            f" {result.client.timeout_s:g} s once more, all at the same time",
        )
    session = laboratory.session
    cause = explained(session, result, chain).cause
    tried = _Search(session, result, chain, own or UserFiles(), elsewhere).everything()
    held = [one for one in tried if one.holds and one.rating is not Rating.UNSAFE]
    decides = next((one.decides for one in held if one.decides), ())
    return Advice(cause=cause, where=decides, remedies=tuple(tried))


def explained(session: Session, result: AttemptResult, chain: Chain) -> Advice:
    """The cause of a refusal alone: nothing is tried. Arguments and errors as of :func:`advise`."""
    cause = cause_of(Evidence(result, chain, _suites(session, result)))
    return Advice(cause=cause, sought=False)


def together(given: Sequence[Advice]) -> Advice:
    """The advice on several programs that one server refused in the same way; the cause is the first one's.

    A change of the server alone is in it once. What a client is to change names the program, if there are
    several, and so does what cures some of them only.
    """
    if len(given) == 1:
        return given[0]
    alike: dict[tuple[object, str], dict[str, TriedRemedy]] = {}
    for one in (remedy for advice in given for remedy in advice.remedies):
        of_client = any(change.end == "client" for change in one.changes)
        program = one.refused.client.program if one.refused else ""
        alike.setdefault((one.changes, program if of_client else ""), {})[program] = one
    made = []
    for (_, named), tried in alike.items():
        held = [program for program, one in tried.items() if one.holds]
        one = tried[held[0]] if held else next(iter(tried.values()))
        if named or 0 < len(held) < len(tried):
            programs = named or ", ".join(held)
            one = replace(one, title=words("advice", "for", title=one.title, program=programs))
        made.append(one)
    return replace(given[0], remedies=tuple(sorted(made, key=_first_the_smallest)))


def _suites(session: Session, result: AttemptResult) -> SuiteComparison | None:
    reason = result.outcome.reason if result.outcome else None
    if reason not in {Reason.NO_SHARED_CIPHER, Reason.NO_SHARED_PROTOCOL}:
        return None
    try:
        return session.suites(result.attempt)
    except (AgentError, Unsupported):
        # The cause is then told without.
        return None


@dataclass(eq=False)
class _Search:
    """The remedies that were tried so far."""

    _session: Session
    _refused: AttemptResult
    _chain: Chain
    _own: UserFiles
    _elsewhere: Sequence[TriedRemedy]

    def __post_init__(self) -> None:
        idle = (one.attempt for one in self._elsewhere if _was_idle(one))
        self._idle = {attempt.server for attempt in idle if attempt is not None}
        of_chain = self._likeness(self._refused.outcome, self._refused.server)
        self._places = self._own.places_at(of_chain.decides)
        self._seen = {self._refused.attempt.key}
        self._at_an_impostor: dict[str, AttemptResult] = {}

    def everything(self) -> list[TriedRemedy]:
        """All that was tried: what holds first, and of that what is to be kept before what is unsafe."""
        tried: list[tuple[_Path, TriedRemedy]] = []
        layer = [(_Path(self._refused.attempt), self._refused.outcome)]
        for number in range(MOST_CHANGES):
            paths = [path for each in layer for path in self._next(*each, first=number == 0)]
            layer = []
            for path, made in zip(paths, self._made(paths), strict=True):
                told = self._told(path, made)
                tried.append((path, told))
                # What waited is not followed: the wait for a limit is to come once.
                if told.further and not any(waits_for_a_limit(one) for one in made):
                    layer.append((path, told.outcome))
            if any(told.holds and told.rating is not Rating.UNSAFE for _, told in tried):
                break
            layer = layer[:MOST_FOLLOWED]
        shown = (self._shown_to_an_impostor(path, told) for path, told in tried)
        return sorted(shown, key=_first_the_smallest)

    def _next(self, path: _Path, outcome: Outcome | None, *, first: bool) -> Iterator[_Path]:
        if outcome is None or outcome.reason is None:
            return
        found = UNKNOWN
        if path.attempt.server.certificate == self._refused.server.certificate:
            found = self._likeness(outcome, path.attempt.server)
        racing = may_differ(path.attempt, outcome)
        for remedy in remedies_for(outcome.reason, path.attempt, found):
            # A client that checks nothing any more needs no second change; and what ends a race is known.
            useless = remedy.rating is Rating.UNSAFE or (racing and remedy.cure == "line")
            wanted = first or not useless
            wanted = wanted and can_be_written(path.attempt, remedy.attempt, self._own.form)
            wanted = wanted and not (first and remedy.attempt.server in self._idle)
            if wanted and remedy.attempt.key not in self._seen:
                self._seen.add(remedy.attempt.key)
                yield path.on(remedy)

    def _likeness(self, outcome: Outcome | None, server: ServerSettings) -> Likeness:
        """What of the chain such a server sends has to do with a refusal."""
        if not self._chain or outcome is None or outcome.reason is None:
            return UNKNOWN
        return likeness(outcome.reason, sent(server, self._chain), self._refused.started)

    def _is_further(self, made: AttemptResult) -> bool:
        """Whether it was refused for something else, so that the change was one on the way.

        A server that does not start is to its client what any other one is that does not: its own words
        tell whether a second fault of its configuration has come behind the first. An issuer that is not
        known is another one where more of the chain was sent.
        """
        before, outcome = self._refused.outcome, made.outcome
        if before is None or outcome is None or outcome.result is Result.COMPLETED:
            return False
        if (before.stage, before.reason) != (outcome.stage, outcome.reason):
            return True
        if len(sent(made.server, self._chain)) > len(sent(self._refused.server, self._chain)):
            return True
        words = _words_at_start(self._refused)
        return bool(words) and _words_at_start(made) not in ("", words)

    def _made(self, paths: Sequence[_Path]) -> list[list[AttemptResult]]:
        """The tries of each; of what is unsafe, at an impostor's server as well, side by side."""
        planned = [self._planned(str(number), path.attempt) for number, path in enumerate(paths)]
        unsafe = {f"impostor-{n}": p for n, p in enumerate(paths) if p.rating is Rating.UNSAFE}
        for name, path in unsafe.items():
            there = path.attempt.with_server(certificate="impostor", impostor=True)
            planned.append(PlannedAttempt(name, there, role=Role.IMPOSTOR))
        self._session.equip_for(one.attempt for one in planned)
        results = make_all(self._session, planned)
        self._at_an_impostor |= {path.attempt.key: results[name] for name, path in unsafe.items()}
        made = {number: [results[str(number)]] for number in range(len(paths))}
        self._repeat(paths, made)
        return list(made.values())

    def _planned(self, name: str, attempt: Attempt) -> PlannedAttempt:
        return PlannedAttempt(name, attempt, role=Role.REMEDY, counted=True, own=self._refused.own)

    def _repeat(self, paths: Sequence[_Path], made: Mapping[int, list[AttemptResult]]) -> None:
        """Add further tries of what may complete in some only, until one does not or there are enough."""
        racing = {
            # The large file first, which races more often; one with the attempt's own was made.
            number: [one for one, n in reversed(thoroughly(path.attempt)) for _ in range(n)][:-1]
            for number, path in enumerate(paths)
            # Of what is unsafe, one try says enough: it is shown for what it gives away.
            if path.rating is not Rating.UNSAFE and self._may_race(made[number][0])
        }
        while racing:
            tries = {
                f"{number}-{one}": (number, attempt)
                for number, left in racing.items()
                for one, attempt in enumerate(left[:TRIES_AT_A_TIME])
            }
            results = make_all(self._session, [self._planned(n, a) for n, (_, a) in tries.items()])
            for name, (number, _) in tries.items():
                made[number].append(results[name])
            racing = {
                number: rest
                for number, left in racing.items()
                if (rest := left[TRIES_AT_A_TIME:]) and all(map(_completed, made[number]))
            }

    def _may_race(self, made: AttemptResult) -> bool:
        """Whether a try that completed is not enough: it may end otherwise, or what was refused may."""
        came = ((one.attempt, one.outcome) for one in (made, self._refused))
        return _completed(made) and any(o is not None and may_differ(a, o) for a, o in came)

    def _told(self, path: _Path, made: Sequence[AttemptResult]) -> TriedRemedy:
        outcomes = [one.outcome for one in made if one.outcome is not None]
        titles = [*path.titles, *self._also(path)]
        completed = [one for one in outcomes if one.result is Result.COMPLETED]
        others = [one for one in outcomes if one.result is not Result.COMPLETED]
        decides = next((one for one in made if one.outcome in others), None)
        before = self._refused.attempt
        after = as_written(before, path.attempt, path.remedies)
        return TriedRemedy(
            cures=tuple(remedy.cure for remedy in path.remedies),
            title=joined(titles),
            rating=Rating.UNSAFE if any(map(self._gives_away, completed)) else path.rating,
            changes=self._changes(after),
            decides=self._decides(path.remedies[0]),
            tries=len(outcomes),
            completed=len(completed),
            outcome=next(iter(others or completed), None),
            cannot="" if outcomes else made[0].verdict_why,
            refused=before,
            attempt=path.attempt,
            further=decides is not None and self._is_further(decides),
        )

    def _changes(self, after: Attempt) -> tuple[LineChange, ...]:
        own, before = self._own, self._refused.attempt
        return changes(before, after, self._places, own.form, own.texts, own.named)

    def _decides(self, first: Remedy) -> tuple[str, ...]:
        """Where what was refused first is decided; what comes behind it has not been refused yet."""
        made = self._changes(as_written(self._refused.attempt, first.attempt, [first]))
        where = [place for change in made for place in change.where]
        if not where:
            beside = CURES_BY_NAME[first.cure].beside if first.cure in CURES_BY_NAME else ()
            extra = getattr(self._refused.server, "extra", ())
            known = (self._places.get(f"server.extra:{line}") for line in beside if line in extra)
            where = [place for place in known if place]
        return tuple(dict.fromkeys(where))

    def _gives_away(self, outcome: Outcome) -> bool:
        """Whether something went in clear text that the client was to protect, so that this is no cure."""
        client = self._refused.client
        file = outcome.file_in_clear and getattr(client, "protect_data", True)
        return client.tls and (outcome.without_tls or file)

    def _also(self, path: _Path) -> list[InBothLanguages]:
        """What a certificate of the lab's in the place of the person's own cures as well."""
        refused, outcome = self._refused, self._refused.outcome
        replaced = OWN == refused.server.certificate != path.attempt.server.certificate
        if not replaced or not self._chain or outcome is None or outcome.reason is None:
            return []
        asked = refused.client.checked_name or refused.client.host or ""
        return others(outcome.reason, self._chain, refused.started, asked)

    def _shown_to_an_impostor(self, path: _Path, told: TriedRemedy) -> TriedRemedy:
        """The same; of what is unsafe and holds, with what an impostor gets through it."""
        made = self._at_an_impostor.get(path.attempt.key)
        if made is None or not told.holds:
            return told
        captured = made.server_report.captured if made.server_report else None
        return replace(told, impostor=made.outcome, captured=captured)


def _words_at_start(made: AttemptResult) -> str:
    """What a server says that does not start, without times and numbers of lines; empty: it started."""
    server = made.server_report
    return "" if server is None or server.started else re.sub(r"\d+", "0", server.log.strip())


def _was_idle(one: TriedRemedy) -> bool:
    """Whether a change of the server alone left the refusal as it was."""
    return (
        {change.end for change in one.changes} == {"server"}
        and one.attempt is not None
        and one.outcome is not None
        and not one.completed
        and not one.further
        and not may_differ(one.attempt, one.outcome)
    )


def _completed(made: AttemptResult) -> bool:
    return made.outcome is not None and made.outcome.result is Result.COMPLETED


def _first_the_smallest(one: TriedRemedy) -> tuple[bool, bool, int, bool, bool]:
    """What holds and is to be kept; of that the smallest change, at the server, then at the client."""
    ends = {change.end for change in one.changes}
    size, several, of_client = len(one.cures), len(ends) > 1, "client" in ends
    return not one.holds, one.rating is Rating.UNSAFE, size, several, of_client
