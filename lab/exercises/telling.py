"""A check in words: who gets through, who is refused at which stage, and what the solution gives away.

What is said is what a person at both ends could see. The cause, the line and the cure are never in it.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.text import Text

from lab.exercises import Exercise, say
from lab.exercises.folder import read as read_folder
from lab.exercises.grading import GivenAway, Grade, GradedClient, Grading
from lab.exercises.score import POINTS, ExerciseScore
from lab.model import Outcome, Rating, Result
from lab.remedies.words import captured_in_words
from lab.report.advice import outcome_in_words
from lab.report.layout import print_hanging
from lab.text import visible

if TYPE_CHECKING:
    from rich.console import Console

_INDENT = 4
#: What programs are told of an outcome.
_OF_OUTCOME = ("result", "by", "stage", "reason", "protocol", "cipher")
_STYLES = {True: "green", False: "red"}
_GRADES = {Grade.SOLVED: "bold green", Grade.TEMPORARY: "bold green", Grade.UNSAFE: "bold red"}


def tell(
    graded: Grading,
    score: ExerciseScore,
    target: Console,
    language: str,
    *,
    verbose: bool = False,
) -> None:
    """Print what a check comes to."""

    def line(words: str, style: str = "") -> None:
        print_hanging(target, " " * _INDENT, Text(visible(words), style=style))

    for one in graded.clients:
        print_hanging(target, "", Text(str(one.client), style="bold"))
        line(in_words(one.outcome, language), _STYLES[one.through])
        if one.message:
            line(say("user-sees", language, message=one.message.split("\n")[0]))
        if verbose and not one.through and one.server_log:
            line(say("server-log", language))
            for each in one.server_log.split("\n"):
                line(f"  {each}")
    for one in graded.intruders:
        print_hanging(
            target, "", Text(f"{one.client.client}: {one.client.what.in_(language)}", "bold")
        )
        words = say("got-in" if one.through else "kept-out", language)
        line(words, _STYLES[not one.through])
    target.print()
    values = {
        "number": sum(not one.through for one in graded.clients),
        "of": len(graded.clients),
        "points": score.points,
        "most": POINTS,
    }
    sentence = say(f"grade-{graded.grade}", language, **values)
    print_hanging(target, "", Text(sentence, style=_GRADES.get(graded.grade, "bold")))
    for given in graded.given_away:
        for words in _given(given, language):
            line(words)


def _given(one: GivenAway, language: str) -> Iterator[str]:
    rating = say("worth-unsafe" if one.rating is Rating.UNSAFE else "worth-temporary", language)
    what = one.what.in_(language)
    yield f"{rating}: {what}" if what else rating
    if one.captured is not None:
        yield say("impostor-got", language, captured=captured_in_words(one.captured).in_(language))


def in_words(outcome: Outcome, language: str) -> str:
    """An outcome in one line, without the cause."""
    if outcome.result is Result.COMPLETED:
        tls = f": {outcome.protocol} {outcome.cipher}" if outcome.protocol else ""
        return say("through" if tls else "through-plain", language) + tls
    return outcome_in_words(replace(outcome, not_judged=()), language)


def as_json(exercise: Exercise, graded: Grading, points: int) -> dict[str, Any]:
    """What a check comes to, for programs."""

    def row(one: GradedClient) -> dict[str, Any]:
        return {
            "client": one.client.client,
            "file": one.client.file or None,
            "through": one.through,
            **{name: getattr(one.outcome, name) for name in _OF_OUTCOME},
            "message": one.message or None,
        }

    return {
        "exercise": exercise.name,
        "grade": graded.grade,
        "solved": graded.solved,
        "points": points,
        "clients": [row(one) for one in graded.clients],
        "intruders": [row(one) for one in graded.intruders],
        "given_away": [
            {
                "rating": one.rating,
                "en": one.what.en,
                "ja": one.what.ja,
                "impostor_got": one.captured.in_words() if one.captured else None,
            }
            for one in graded.given_away
        ],
    }


# -- the solution ------------------------------------------------------------------------------------


def differences(before: Path, after: Path, language: str) -> Iterator[str]:
    """What differs between two folders: lines of texts; of certificates and keys, what they then are."""
    old, new = read_folder(before), read_folder(after)
    for name, content in new.items():
        was = old.get(name, b"")
        if was == content:
            continue
        if name.endswith((".pem", ".key")):
            yield from _certificates(name, content, language)
            continue
        before_lines, after_lines = (one.decode().splitlines() for one in (was, content))
        yield from difflib.unified_diff(before_lines, after_lines, name, name, lineterm="", n=1)


def _certificates(name: str, content: bytes, language: str) -> Iterator[str]:
    yield say("is-now", language, name=name)
    if name.endswith(".key"):
        yield f"  {say('another-key', language)}"
        return
    from lab.certificates.description import describe  # noqa: PLC0415 - is slow to import

    for one in describe(content).certificates:
        yield say("certificate", language, subject=one.subject, issuer=one.issuer)
