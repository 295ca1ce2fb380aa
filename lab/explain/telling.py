"""The answer in lines for a terminal, in English or Japanese."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from lab.explain.answer import Explanation, PossibleCause
from lab.report.layout import COLUMNS, hung, padded
from lab.text import one_line

#: Candidates that are told with all that the lab has on them, where there are several.
FULLY = 2
#: So many further ones have a line each; of more, those of one side and stage have one together.
_ALONE = 2
#: So many sections of documents are named, and so many remedies beside what is unsafe.
_MOST = 3
_LABEL = 11
#: At the end of a line of a command that goes on.
_CONTINUED = " \\"


#: The words of a section and name, filled in.
Say = Callable[..., str]


def told(found: Explanation, language: str, *, everything: bool = False) -> Iterator[str]:
    """The answer's lines.

    Args:
        found: the answer.
        language: ``en`` or ``ja``.
        everything: every candidate with all that the lab has on it.
    """
    say: Say = partial(_said, found, language)
    if found.cut:
        yield from hung("", say("head", "cut"))
        yield ""
    if not found.candidates:
        yield from _nearest(found, say)
        return
    fully: list[PossibleCause] = []
    several = len(found.candidates) > 1
    if several:
        yield from hung("", say("head", "several", number=len(found.candidates)))
    rest = [] if everything else found.candidates[FULLY:]
    if len(rest) <= _ALONE:
        rest = []
    for number, one in enumerate(found.candidates[: len(found.candidates) - len(rest)], start=1):
        yield from _head(one, language, f"{number}. " if several else "", say)
        if not several or everything or number <= FULLY:
            fully.append(one)
            yield from _candidate(one, language, say, shortly=several and not everything)
    yield from _together(rest, say)
    if found.apart:
        yield ""
        yield from _line("apart", found.apart["ask"][language], say, indent=0)
        yield from _line("run", found.apart["run"], say, end=_CONTINUED)
        yield from _line("look", found.apart["look"][language], say)
    if found.beside:
        yield ""
        also = ", ".join(f"{one.reason} ({one.known['name'][language]})" for one in found.beside)
        yield from _line("beside", also, say, indent=0)
    yield from _addresses(fully)


def _said(found: Explanation, language: str, section: str, entry: str, /, **values: object) -> str:
    return found.words[section][entry][language].format(**values)


def _head(one: PossibleCause, language: str, prefix: str, say: Say) -> Iterator[str]:
    head = say("head", "one", reason=one.reason, name=one.known["name"][language])
    confidence = say("head", "confidence", word=say("confidence", one.confidence))
    yield from hung(prefix, f"{head} ({confidence})")


def _together(rest: Sequence[PossibleCause], say: Say) -> Iterator[str]:
    """Candidates by who decides where: their names alone."""
    decided: dict[tuple[str, str], list[str]] = {}
    for one in rest:
        decided.setdefault((one.by, one.stage), []).append(one.reason)
    for (by, stage), reasons in decided.items():
        who = say("line", "by", side=say("side", by), stage=say("stage", stage))
        yield from hung("", say("line", "rest", who=who, reasons=", ".join(reasons)))


def _candidate(one: PossibleCause, language: str, say: Say, *, shortly: bool) -> Iterator[str]:
    yield from _line("means", one.known["why"][language], say)
    side, stage = say("side", one.by), say("stage", one.stage)
    yield from _line("who", say("line", "by", side=side, stage=stage), say)
    if one.program and not shortly:
        yield from _line("says", one_line(one.program), say)
    if one.case:
        yield from _line("case", say("line", "demo", case=one.case["case"]), say)
    for section in one.sections[: 1 if shortly else _MOST]:
        document = section["document"][language].split(":")[0]
        heading = section["section"][language]
        yield from _line(
            "document", say("line", "section", document=document, section=heading), say
        )
    safe = [remedy for remedy in one.remedies if remedy["rating"] != "unsafe"]
    unsafe = [remedy for remedy in one.remedies if remedy["rating"] == "unsafe"]
    for label, remedies in (("remedy", safe[: 2 if shortly else _MOST]), ("unsafe", unsafe[:1])):
        for remedy in remedies:
            rating = say("rating", remedy["rating"])
            title = remedy["title"][language]
            yield from _line(label, say("line", "remedy", title=title, rating=rating), say)


def _line(label: str, text: str, say: Say, *, indent: int = 2, end: str = "") -> list[str]:
    """A label and its text; ``end`` is behind every line but the last."""
    head = " " * indent + padded(say("label", label), _LABEL + 2 - indent)
    *lines, last = hung(head, text, COLUMNS - len(end))
    return [*(line + end for line in lines), last]


def _addresses(told: Sequence[PossibleCause]) -> Iterator[str]:
    """The documents' addresses, each whole: a line that is broken cannot be followed."""
    yield from dict.fromkeys(f"  {section['address']}" for one in told for section in one.sections)


def _nearest(found: Explanation, say: Say) -> Iterator[str]:
    if not found.nearest:
        yield from hung("", say("head", "nothing_near"))
        return
    yield from hung("", say("head", "nothing"))
    for text, title in found.nearest:
        words = say("line", "text", text=one_line(text), title=one_line(title))
        yield from _line("nearest", words, say)
