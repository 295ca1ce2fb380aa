"""A question with its candidates: what its user sees, offering them, and whether an answer is right."""

from __future__ import annotations

from collections.abc import Sequence

from lab.model import Reason
from lab.record import AttemptResult
from lab.report import view
from lab.training.screen import Screen
from lab.training.words import reason_in_words, say


def show_message(screen: Screen, row: AttemptResult, most: int) -> None:
    """What the user of the client sees, at most so many lines of it, and what only stands in here."""
    report = row.client_report
    message = view.excerpt(report.message if report else "", most, screen.language)
    missing = "silent" if report and not report.failed else "without_words"
    words = message or say("attempt", missing).in_(screen.language)
    for line in words.split("\n"):
        screen.text("    ", line, "bold" if message else "dim")
    for name in row.stand_ins:
        screen.say(say("situation", "stand_in", name=name), "dim")


def offer(screen: Screen, offered: Sequence[Reason | None]) -> None:
    """The question, and the candidates with their numbers."""
    screen.say(say("guess", "question"), "bold")
    for number, reason in enumerate(offered, start=1):
        screen.text(f"  {number}  ", reason_in_words(reason).in_(screen.language))


def answer(
    screen: Screen, offered: Sequence[Reason | None], right: Reason | None, given: int
) -> bool:
    """Say which candidate is right; whether its number was given (0: none was)."""
    correct = reason_in_words(right)
    if not given:
        screen.say(say("guess", "answer", reason=correct), "bold green")
        return False
    guess = offered[given - 1]
    if guess is right:
        screen.say(say("guess", "right", reason=correct), "bold green")
        return True
    screen.say(say("guess", "wrong", guess=reason_in_words(guess), reason=correct), "bold red")
    return False
