"""A quiz: only the message at first, then the server's log, then the wire; fewer hints are more points."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.text import Text

from lab.cases import LoadedCase
from lab.model import Rating, Reason, Result
from lab.model.expectations import PlannedAttempt, Verdict
from lab.record import AttemptResult
from lab.text import visible
from lab.training import parts
from lab.training.choice import functions
from lab.training.guess import candidates, gives_away, is_ambiguous, is_given_away
from lab.training.screen import Screen, answer, offer, show_message
from lab.training.source import CaseSource
from lab.training.words import say, titled, token

#: Points of an answer by how many hints came before it.
POINTS = (3, 2, 1)
#: Of a message so many lines are shown.
_MOST_SAID = 6


@dataclass(frozen=True)
class QuizQuestion:
    """A refusal of the catalogue to be guessed."""

    case: LoadedCase

    @property
    def refusal(self) -> PlannedAttempt:
        """What is asked about."""
        return self.case.plan()[0]

    @property
    def fix(self) -> PlannedAttempt | None:
        """The case's best remedy; ``None``: it has none that cures."""
        rank = {Rating.RECOMMENDED: 0, Rating.TEMPORARY: 1}
        cures = [
            planned
            for planned in self.case.plan()
            if planned.rating in rank
            and planned.expect is not None
            and planned.expect.result is Result.COMPLETED
            and not planned.attempt.server.impostor
        ]
        return min(cures, key=lambda planned: rank[planned.rating], default=None)  # type: ignore[index]


def questions(cases: Sequence[LoadedCase], seed: int) -> Iterator[QuizQuestion]:
    """Every refusal that can be asked about, in the order of this seed: reasons that were not there first.

    Of each case one client is asked about, and none whose messages name the reason.
    """
    draw = random.Random(seed)
    drawn = [
        draw.choice(asked)
        for clients in functions(cases).values()
        if (asked := [case for case in clients if _can_be_asked(case)])
    ]
    draw.shuffle(drawn)
    while drawn:
        seen = set()
        later = []
        for case in drawn:
            reason = case.case.expect.reason
            if reason in seen:
                later.append(case)
                continue
            seen.add(reason)
            yield QuizQuestion(case)
        drawn = later


def _can_be_asked(case: LoadedCase) -> bool:
    expect = case.case.expect
    if case.case.race is not None or expect.result is Result.COMPLETED or expect.reason is None:
        return False
    if expect.message:
        return not gives_away(expect.message, expect.reason)
    return not is_given_away(case.case.attempt.client.program, expect.reason)


class Quiz:
    """Questions one after the other, and the score."""

    def __init__(self, screen: Screen, count: int) -> None:
        """Nothing is asked yet.

        Args:
            count: how many questions there will be.
        """
        self._screen, self._count = screen, count
        self._asked = self.points = 0
        self.verdicts: set[Verdict | None] = set()

    def ask(self, question: QuizQuestion, source: CaseSource) -> bool:
        """Ask one question; false: it cannot be tried on these images, or is none.

        What is no question: nobody knows the reason, the message is the answer, or what both ends offer
        speaks for another one.

        Raises:
            ReaderLeft: whoever answers has left.
        """
        row = source.result(question.refusal.id)
        self.verdicts.add(row.verdict)
        if row.outcome is None or row.client_report is None:
            return False
        right = row.outcome.reason
        if right is Reason.UNKNOWN:
            return False
        if right is not None and (
            gives_away(row.client_report.message, right)
            or is_ambiguous(right, parts.compared(row, source))
        ):
            return False
        if self._asked:
            self._screen.pause()
        self._asked += 1
        self._screen.heading(self._asked, self._count, say("quiz", "question"))
        self._message(row)
        offered = candidates(row, source.chain())
        offer(self._screen, offered)
        given, hints = self._answered(row, offered)
        self._screen.lines([Text()])
        if answer(self._screen, offered, right, given):
            points = POINTS[hints]
            self.points += points
            self._screen.say(say("quiz", "points", points=points), "green")
        self._explain(question, row, source)
        return True

    def end(self, seed: int, *, left: bool = False) -> None:
        """The score, and how to be asked the same again.

        Args:
            seed: the questions' seed.
            left: whoever answers has left before the last question.
        """
        self._screen.lines([Text()])
        if self._screen.pauses:
            most = POINTS[0] * self._asked
            self._screen.say(say("quiz", "score", points=self.points, most=most), "bold")
        if self._asked < self._count and not left:
            self._screen.say(say("quiz", "fewer", number=self._asked), "yellow")
        self._screen.say(say("quiz", "again", seed=seed, count=self._count), "dim")

    def _message(self, row: AttemptResult) -> None:
        names = {"client": row.client, "server": row.server.software}
        self._screen.say(say("quiz", "sees", **names))
        show_message(self._screen, row, _MOST_SAID)

    def _answered(self, row: AttemptResult, offered: Sequence[Reason | None]) -> tuple[int, int]:
        """The number answered, and after how many hints it came; 0, if none came at all."""
        hints = (
            ("server_says", parts.server_log(row.server_report.log if row.server_report else "")),
            ("wire", parts.wire(row)),
        )
        for number, (label, words) in enumerate(hints):
            given = self._screen.ask(say("quiz", "prompt", points=POINTS[number]), len(offered))
            if given:
                return given, number
            self._screen.pair(say("evidence", label), words)
        return self._screen.ask(say("quiz", "last", points=POINTS[-1]), len(offered)), len(hints)

    def _explain(self, question: QuizQuestion, row: AttemptResult, source: CaseSource) -> None:
        for label, words in parts.cause(row, source):
            self._screen.pair(label, words)
        fix = question.fix
        if fix is None:
            return
        made = source.result(fix.id)
        self.verdicts.add(made.verdict)
        language = self._screen.language
        worth = token("standing", str(fix.rating)).in_(language)
        title = f"{visible(titled(fix.title).in_(language))} ({worth})"
        self._screen.pair(say("quiz", "fix"), title, "green")
        self._screen.pair(say("remedy", "result"), parts.came_of([made]))
