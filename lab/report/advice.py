"""What is said after a refusal, in lines for people: cause, place, and the remedies that were tried."""

from __future__ import annotations

from collections.abc import Iterator

from lab.model import Outcome, Rating
from lab.remedies.advice import Advice, TriedRemedy
from lab.remedies.lines import LineChange
from lab.remedies.words import InBothLanguages, captured_in_words, listed_in_both, words
from lab.text import listed

#: So many lines of a change are shown.
MOST_WRITTEN = 8


def advice_in_words(
    advice: Advice, language: str, *, everything: bool = False
) -> list[tuple[str, str]]:
    """The advice as pairs of a label and a text of some lines.

    Args:
        advice: what is said.
        language: ``en`` or ``ja``.
        everything: what was tried and is not enough as well.
    """

    def label(name: str) -> str:
        return words("advice", name).in_(language)

    pairs = [(label("cause"), advice.cause.in_(language))]
    if advice.where:
        pairs.append((label("where"), listed(advice.where, language=language)))
    held = [one for one in advice.remedies if one.holds]
    for one in held if everything else _one_of_a_kind(held):
        unsafe = one.rating is Rating.UNSAFE
        pairs.append((label("unsafe" if unsafe else "remedy"), "\n".join(_remedy(one, language))))
    if advice.sought and not any(one.rating is not Rating.UNSAFE for one in held):
        none = label("no_remedy" if advice.remedies else "nothing_to_try")
        pairs.insert(1 + bool(advice.where), (label("remedy"), none))
    if everything:
        rest = [one for one in advice.remedies if not one.holds]
        pairs += [(label("not_enough"), "\n".join(_remedy(one, language))) for one in rest]
    return pairs


def _one_of_a_kind(held: list[TriedRemedy]) -> list[TriedRemedy]:
    """Each single change, and of changes that add up the first at each end: the rest is behind ``-v``."""
    kinds: dict[object, TriedRemedy] = {}
    alone = any(len(one.cures) == 1 and one.rating is not Rating.UNSAFE for one in held)
    for number, one in enumerate(held):
        ends = tuple(change.end for change in one.changes)
        single = len(one.cures) == 1
        if not single and len(ends) > 1 and (alone or kinds):
            continue
        kinds.setdefault(number if single else ends, one)
    return list(kinds.values())


def outcome_in_words(outcome: Outcome | None, language: str) -> str:
    """An outcome in a sentence of plain text."""
    if language == "en" and outcome is not None:
        return outcome.in_words()
    from lab.report.html.language import outcome_words  # noqa: PLC0415 - English needs none of the page

    return outcome_words(outcome).plain_in(language)


def refusal_in_words(outcome: Outcome, language: str) -> str:
    """Stage and reason of a refusal; of a false success, what it is."""
    if outcome.false_success is not None:
        return outcome_in_words(outcome, language)
    stage, reason = str(outcome.stage), str(outcome.reason)
    if language == "en":
        return f"{stage}: {reason}"
    from lab.report.html.language import word  # noqa: PLC0415 - English needs none of the page

    named = word("reason", reason).plain_in(language)
    return f"{word('stage', stage).plain_in(language)}: {named} [{reason}]"


def _remedy(one: TriedRemedy, language: str) -> Iterator[str]:
    rating = {Rating.UNSAFE: "giving_away", Rating.TEMPORARY: "temporary"}
    worth = words("advice", rating.get(one.rating, "recommended"))
    yield (one.title.with_remark(worth) if one.holds else one.title).in_(language)
    for change in one.changes:
        if change.was or change.write:
            yield change_in_words(change).in_(language)
    if one.cannot:
        yield one.cannot
        return
    name = "tried" if one.tries == 1 else "tried_often"
    outcome = outcome_in_words(one.outcome, language)
    facts = {"tries": one.tries, "completed": one.completed, "outcome": outcome}
    yield words("advice", name, **facts).in_(language)
    if one.impostor is not None:
        got = captured_in_words(one.captured) if one.captured else words("advice", "nothing_got")
        outcome = outcome_in_words(one.impostor, language)
        yield words("advice", "impostor", outcome=outcome, captured=got).in_(language)


def change_in_words(change: LineChange) -> InBothLanguages:
    """What to write, and what goes."""
    at = "_at" if change.where else ""
    named = {"end": words("side", change.end), "where": listed_in_both(change.where)}
    if not change.write:
        return words("advice", f"take_out{at}", lines=_lines(change.was), **named)
    made = words("advice", f"write{at}", lines=_lines(change.write), **named)
    if not change.was:
        return made
    instead = words("advice", "instead", lines=_lines(change.was))
    return InBothLanguages(made.en + instead.en, made.ja + instead.ja)


def _lines(lines: tuple[str, ...]) -> InBothLanguages:
    shown = [*lines[:MOST_WRITTEN], *(["..."] if len(lines) > MOST_WRITTEN else [])]
    return InBothLanguages("`, `".join(shown), "`、`".join(shown))
