"""What the lab has on each reason: words, cases that show it, sections of the documents, rated remedies.

Made once, for the index: to load the cases and documents takes longer than an answer may.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lab.cases import Catalogue, LoadedCase
from lab.documents import documents
from lab.host.checkout import source
from lab.model import Reason, Result, Side, Stage
from lab.remedies import CURES, Remedy, remedies_for, title_of
from lab.remedies.words import InBothLanguages, table, words
from lab.training.choice import functions, recommended
from lab.training.choice import title_of as title_of_case
from lab.training.words import titled, token


def known() -> dict[str, Any]:
    """By reason, by stage and by side: plain data, in both languages where people read it."""
    by_function = functions(Catalogue.load(source() / "scenarios").cases)
    return {
        "reasons": {reason.value: _of_reason(reason, by_function) for reason in Reason},
        "stages": {stage.value: _both(token("stage", stage.value)) for stage in Stage},
        "sides": {side.value: _both(token("side", side.value)) for side in Side},
    }


def _of_reason(reason: Reason, by_function: Mapping[str, list[LoadedCase]]) -> dict[str, Any]:
    broken = [
        case
        for cases in by_function.values()
        for case in cases
        if case.case.expect.result is not Result.COMPLETED and case.case.expect.reason is reason
    ]
    why = table("why")[reason.value]
    return {
        "name": _both(token("reason", reason.value)),
        "why": _both(why),
        "cases": _cases(reason, broken, by_function),
        "sections": _sections(broken),
        "remedies": _remedies(reason, broken),
    }


def _cases(
    reason: Reason, broken: Iterable[LoadedCase], by_function: Mapping[str, list[LoadedCase]]
) -> list[dict[str, Any]]:
    """Cases that end so, those to begin with first: what ``lab demo`` takes, and what it tells."""
    names = [case.split("/")[1] for case in by_function]
    first = recommended()
    # `lab demo` tells a case for the first of its clients.
    shown = {case.id for case in broken}
    found = {name: cases for name, cases in by_function.items() if cases[0].id in shown}
    order = sorted(found, key=lambda name: (_place(name, first), -_alike(name, reason), name))
    made = []
    for name in order:
        case = found[name][0]
        short = name.split("/")[1]
        expect = case.case.expect
        made.append(
            {
                "case": short if sum(short in one for one in names) == 1 else name,
                "title": _both(title_of_case(case)),
                "by": expect.by.value if expect.by else None,
                "stage": expect.stage.value if expect.stage else None,
                "speaks": case.client.speaks,
            }
        )
    return made


def _place(name: str, first: Sequence[str]) -> int:
    return first.index(name) if name in first else len(first)


def _alike(name: str, reason: Reason) -> int:
    """How many words of the reason are in a case's name."""
    return len(set(reason.value.split("-")) & set(name.split("/")[1].split("_")))


def _sections(broken: Iterable[LoadedCase]) -> list[dict[str, Any]]:
    """Where the documents treat it, the section with the most cases first."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    known_documents = documents()
    broken = list(broken)
    often = Counter((case.document, case.section) for case in broken)
    for case in sorted(broken, key=lambda one: -often[one.document, one.section]):
        document = (
            known_documents.get(case.document.replace("_", "-")) or known_documents[case.document]
        )
        found.setdefault(
            (case.document, case.section),
            {
                "document": _both(InBothLanguages(document.title.en, document.title.ja)),
                "section": _both(titled(case.section)),
                "address": document.address,
                "speaks": case.client.speaks,
            },
        )
    return list(found.values())


def _remedies(reason: Reason, broken: list[LoadedCase]) -> list[dict[str, Any]]:
    """The general cures as the cases' attempts have them; a cure that no case meets by its title alone."""
    found: dict[str, dict[str, Any]] = {}
    for case in broken:
        for remedy in remedies_for(reason, case.case.attempt):
            _add(found, remedy, title_of(case.case.attempt, remedy), case.client.speaks)
    for cure in CURES:
        if reason in cure.reasons and cure.name not in found:
            found[cure.name] = {
                "rating": cure.rating.value,
                "title": _both(words("cure", cure.name)),
                "speaks": [],
            }
    for cure in CURES:
        if cure.said and cure.name in found:
            found[cure.name]["said"] = cure.said
    ratings = ["recommended", "temporary", "unsafe", "useless"]
    return sorted(found.values(), key=lambda one: ratings.index(one["rating"]))


def _add(
    found: dict[str, dict[str, Any]], remedy: Remedy, title: InBothLanguages, speaks: str
) -> None:
    if remedy.cure in ("", "line"):  # of one configuration's own lines
        return
    entry = found.setdefault(
        remedy.cure, {"rating": remedy.rating.value, "title": _both(title), "speaks": []}
    )
    if speaks not in entry["speaks"]:
        entry["speaks"].append(speaks)


def _both(text: InBothLanguages) -> dict[str, str]:
    return {"en": text.en, "ja": text.ja}
