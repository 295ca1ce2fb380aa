"""Finding a case to show: those to begin with, and the one that a word means."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

from rich.text import Text

from lab.cases import CaseError, Catalogue, LoadedCase
from lab.documents.verdicts import case_name
from lab.grouping import grouped_by
from lab.model.expectations import Verdict
from lab.record import CaseRecord
from lab.remedies.words import InBothLanguages
from lab.report import view
from lab.report.layout import COLUMNS
from lab.training.words import say, titled

#: What stands for the end of a line: an ellipsis is two columns wide in some terminals.
_CUT = " ..."
RECOMMENDED_PATH = Path(__file__).with_name("recommended.toml")


@cache
def recommended() -> tuple[str, ...]:
    """The cases to begin with, in their order, as ``module/function``."""
    return tuple(tomllib.loads(RECOMMENDED_PATH.read_text(encoding="utf-8"))["cases"])


def functions(cases: Sequence[LoadedCase]) -> dict[str, list[LoadedCase]]:
    """Cases by ``module/function``, each with all its clients."""
    return grouped_by(cases, lambda case: case_name(case.id))


def one_case(catalogue: Catalogue, word: str) -> LoadedCase:
    """The case that a word means, for the first of its clients unless the word names one.

    Args:
        catalogue: all cases.
        word: a name, a part of one, or the number of one of those to begin with, as it is listed.

    Raises:
        CaseError: none, or several; the message names the nearest, or all.
    """
    first = recommended()
    if word in map(str, range(1, len(first) + 1)):
        word = first[int(word) - 1]
    named = [case for case in catalogue.cases if case_name(case.id) == word]
    found = functions(named or catalogue.select([word]))
    if len(found) > 1:
        names = "\n  ".join(found)
        raise CaseError(f"{word!r} is part of the names of {len(found)} cases:\n  {names}")
    return next(iter(found.values()))[0]


def title_of(case: LoadedCase) -> InBothLanguages:
    """What a case is about: the first sentence of its story."""
    return titled(told(case).title)


def told(case: LoadedCase) -> view.CaseView:
    """A case that nobody has run, as every report shows one."""
    record = CaseRecord(**case.described, verdict=Verdict.AS_EXPECTED)
    return view.CaseView((view.ClientView(record, ()),))


def listed_cases(catalogue: Catalogue, language: str, *, whole: bool) -> Iterator[Text]:
    """A line for each case: those to begin with, numbered, and if asked for all others."""
    found = functions(catalogue.cases)
    first = recommended()
    times = Counter(cases[0].name for cases in found.values())

    def line(prefix: str, name: str) -> Text:
        """The name by which a case is asked for, and its title as far as there is room."""
        case = found[name][0]
        text = Text(f"{prefix}{case.name if times[case.name] == 1 else name}")
        text.append(f"  {title_of(case).in_(language)}", "dim")
        if text.cell_len > COLUMNS:
            text.truncate(COLUMNS - len(_CUT))
            text.append(_CUT, style="dim")
        return text

    yield Text(say("list", "begin").in_(language), "bold")
    for number, name in enumerate(first, start=1):
        yield line(f"{number:>3}  ", name)
    if not whole:
        yield Text(say("list", "all").in_(language), "dim")
        return
    yield Text()
    yield Text(say("list", "others", number=len(found) - len(first)).in_(language), "bold")
    sections: dict[tuple[str, str], list[str]] = {}
    for name, (case, *_) in found.items():
        if name not in first:
            sections.setdefault((case.document, case.section), []).append(name)
    for (document, section), names in sorted(sections.items(), key=lambda one: one[0][0]):
        yield Text(f"{document}: {titled(section).in_(language)}", style="dim")
        yield from (line("     ", name) for name in names)
