"""A question with its candidates: offering them, and saying whether an answer is right."""

from __future__ import annotations

from collections.abc import Sequence

from lab.model import Reason
from lab.training.screen import Screen
from lab.training.words import reason_in_words, say


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
