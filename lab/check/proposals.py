"""What a check proposes, in words: the ranked remedies, and the strongest configuration."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.text import Text

from lab.check.result import CheckResult, Demand, RankedRemedy, RowVerdict, Strongest, StrongestLine
from lab.check.strongest import say
from lab.model import Rating
from lab.remedies.words import InBothLanguages, words
from lab.report.advice import change_in_words
from lab.report.layout import padded, print_hanging
from lab.text import listed, visible

if TYPE_CHECKING:
    from rich.console import Console

#: So many ranked remedies are shown where nobody asks for all of them.
MOST_SHOWN = 5
#: So many clients of one are named then.
MOST_NAMED = 6
#: Columns of a label.
_LABEL = 11
_INDENT = 4
_RATINGS = {Rating.UNSAFE: "giving_away", Rating.TEMPORARY: "temporary"}


def print_proposals(
    result: CheckResult, target: Console, language: str, *, written: Path | None, verbose: bool
) -> None:
    """Print what is below a check's table.

    Args:
        result: of the check.
        target: where to.
        language: ``en`` or ``ja``.
        written: the file that has the strongest configuration; ``None``: none was wanted.
        verbose: all remedies and all clients of each.
    """
    if result.remedies:
        target.print()
        target.print(Text(_label("remedies", language), style="bold"))
        most = len(result.remedies) if verbose else MOST_SHOWN
        broken = sum(row.requirement.demand is Demand.DELIVERS for row in result.broken)
        for number, one in enumerate(result.remedies[:most], 1):
            _print_remedy(number, one, broken, target, language, verbose=verbose)
        if (rest := len(result.remedies) - most) > 0:
            target.print(f"  {say('head', 'more', number=rest).in_(language)}")
    if result.strongest is not None:
        _print_strongest(result, result.strongest, target, language, written)


def _print_remedy(
    number: int,
    one: RankedRemedy,
    broken: int,
    target: Console,
    language: str,
    *,
    verbose: bool,
) -> None:
    rating = rating_in_words(one)
    facts = {"number": len(one.brings_in), "broken": broken, "title": one.title, "rating": rating}
    title = say("head", "title", **facts).in_(language)
    style = "bold red" if one.rating is Rating.UNSAFE else "bold"
    print_hanging(target, f"  {number} ", Text(visible(title), style=style))
    for change in one.changes:
        if change.was or change.write:
            _line(visible(change_in_words(change).in_(language)), "", target)
    most = len(one.brings_in) if verbose else MOST_NAMED
    _line(listed(one.brings_in, most, language=language), _label("brings-in", language), target)
    if one.loses:
        _line(listed(one.loses, language=language), _label("loses", language), target)
    if one.breaks:
        _line(listed(one.breaks, language=language), _label("breaks", language), target)


def _print_strongest(
    result: CheckResult, one: Strongest, target: Console, language: str, written: Path | None
) -> None:
    must = _to_be_served(result)
    target.print()
    target.print(Text(strongest_of(result, one).in_(language), style="bold"))
    if one.text:
        plural = "client" if len(must) == 1 else "clients"
        facts = {"served": len(one.served), "all": len(must), "clients": plural, "tries": one.tries}
        _line(say("head", "tried", **facts).in_(language), _label("serves", language), target)
        for number, (texts, comment) in enumerate(_decisive(one.lines)):
            said = " / ".join(words.in_(language) for words in comment)
            named = InBothLanguages("`, `".join(texts), "`、`".join(texts))
            text = say("head", "line", text=named, words=said).in_(language)
            _line(visible(text), "" if number else _label("lines", language), target)
    name = "not-served" if one.text else "not-found"
    for number, note in enumerate(one.notes):
        _line(visible(note.in_(language)), "" if number else _label(name, language), target)
    if one.text:
        known = say("head", "written", file=written) if written else say("head", "write")
        _line(visible(known.in_(language)), "", target)


def strongest_of(result: CheckResult, one: Strongest) -> InBothLanguages:
    """The heading of the strongest configuration: whether it serves all clients."""
    if not one.text:
        return say("head", "strongest-of-none")
    everybody = _to_be_served(result) <= {*one.served}
    return say("head", "strongest" if everybody else "strongest-of-most")


def rating_in_words(one: RankedRemedy) -> InBothLanguages:
    """What a remedy is worth."""
    return words("advice", _RATINGS.get(one.rating, "recommended"))


def _to_be_served(result: CheckResult) -> set[str]:
    return {
        row.client
        for row in result.rows
        if row.requirement.demand is Demand.DELIVERS
        and row.verdict in (RowVerdict.MET, RowVerdict.BROKEN)
    }


def _decisive(
    lines: Sequence[StrongestLine],
) -> Iterator[tuple[Sequence[str], Sequence[InBothLanguages]]]:
    """The lines that could be stronger, those together about which the same is said."""
    alike: dict[Sequence[InBothLanguages], list[str]] = {}
    for line in lines:
        if line.loses:
            alike.setdefault(line.comment, []).append(line.text)
    for comment, texts in alike.items():
        yield texts, comment


def _label(name: str, language: str) -> str:
    return say("head", name).in_(language)


def _line(text: str, label: str, target: Console) -> None:
    print_hanging(target, Text(" " * _INDENT + padded(label, _LABEL), style="dim"), Text(text))


def proposals_as_json(result: CheckResult) -> dict[str, Any]:
    """The same for programs: ``remedies`` and ``strongest``."""
    return {
        "remedies": [dataclasses.asdict(one) for one in result.remedies],
        "strongest": _strongest_as_json(result.strongest) if result.strongest else None,
    }


def _strongest_as_json(one: Strongest) -> dict[str, Any]:
    return {
        "text": one.text or None,
        "lines": [dataclasses.asdict(line) for line in one.lines],
        "served": list(one.served),
        "notes": [dataclasses.asdict(note) for note in one.notes],
        "rows": [
            {
                "id": row.requirement.id,
                "verdict": row.verdict,
                "completed": row.completed,
                "tries": row.tries,
            }
            for row in one.rows
        ],
        "tries": one.tries,
    }
