"""A check in words: a table of what came of each requirement, each cause once, and what is proposed.

For people (:func:`tell`) and for programs (:func:`as_json`). Proposed are the remedies, ranked, and the
strongest configuration.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.cells import cell_len
from rich.text import Text

from lab.check.judging import got_through, on_real_hosts, say
from lab.check.result import (
    CheckResult,
    Demand,
    RankedRemedy,
    Row,
    RowVerdict,
    SourceLine,
    Strongest,
    StrongestLine,
)
from lab.check.strongest import say as proposed
from lab.grouping import grouped_by
from lab.model import NotJudged, Rating
from lab.remedies.words import InBothLanguages, words
from lab.report.advice import advice_in_words, change_in_words, outcome_in_words, refusal_in_words
from lab.report.layout import padded, print_hanging
from lab.text import listed, visible

if TYPE_CHECKING:
    from rich.console import Console


_STYLES = {
    RowVerdict.MET: "green",
    RowVerdict.BROKEN: "bold red",
    RowVerdict.CANNOT: "yellow",
    RowVerdict.LAB_ERROR: "bold magenta",
}
_STATUS_STYLES = {0: "bold green", 1: "bold red", 3: "bold magenta"}
_RATINGS = {Rating.UNSAFE: "giving_away", Rating.TEMPORARY: "temporary"}
#: What programs are told of an outcome.
_OF_OUTCOME = ("result", "by", "stage", "reason", "protocol", "cipher")
#: Columns of a label, and before one of a proposal.
_LABEL, _INDENT = 11, 4
#: So many ranked remedies are shown, and so many clients of each and of a cause, where nobody asks for all.
MOST_SHOWN, MOST_NAMED = 5, 6


def tell(
    result: CheckResult,
    target: Console,
    language: str,
    *,
    verbose: bool = False,
    written: Path | None = None,
) -> None:
    """Print what a check came to, and what changed since its baseline.

    Args:
        result: of the check.
        target: where to.
        language: ``en`` or ``ja``.
        verbose: every client, cause and remedy.
        written: the file that has the strongest configuration; ``None``: it was not written.
    """
    _Telling(result, target, language, verbose, written).tell()


@dataclass(frozen=True)
class _Telling:
    """Prints a check."""

    result: CheckResult
    target: Console
    language: str
    verbose: bool
    written: Path | None

    def tell(self) -> None:
        """Print all of it."""
        causes = causes_of(self.result.rows)
        numbers = {row.requirement.id: n for n, rows in enumerate(causes, 1) for row in rows}
        for demand in Demand:
            rows = [row for row in self.result.rows if row.requirement.demand is demand]
            if rows:
                self.target.print(Text(self._said("demand", demand), style="bold"))
                self._rows(rows, numbers)
        for number, rows in enumerate(causes, 1):
            self._cause(number, rows)
        self._remedies()
        if self.result.strongest is not None:
            self._strongest(self.result.strongest)
        self.target.print()
        self._end()
        if (compared := self.result.compared) is not None:
            from lab.check.baseline import baseline_in_words  # noqa: PLC0415 - most have none

            style = _STATUS_STYLES[self.result.exit_status]
            self._paragraph(self._said("baseline", "beside", file=compared.file), style)
            for line in baseline_in_words(compared, self.language):
                print_hanging(self.target, "  ", Text(visible(line)))

    def _said(self, section: str, name: str, /, **values: object) -> str:
        return say(section, name, **values).in_(self.language)

    def _proposed(self, name: str, /, **values: object) -> str:
        return proposed("head", name, **values).in_(self.language)

    def _paragraph(self, words: str, style: str = "") -> None:
        print_hanging(self.target, "", Text(visible(words), style=style))

    def _labelled(self, indent: int, label: str, text: str) -> None:
        head = Text(" " * indent + padded(label, _LABEL), style="dim")
        print_hanging(self.target, head, Text(visible(text)))

    # -- rows and causes -----------------------------------------------------------------------------

    def _rows(self, rows: Sequence[Row], numbers: Mapping[str, int]) -> None:
        width = max(cell_len(visible(_named(row))) for row in rows)
        for row in rows:
            number = numbers.get(row.requirement.id)
            where = listed([str(one) for one in row.where[:2]], language=self.language)
            behind = " ".join(filter(None, [visible(where), f"[{number}]" if number else ""]))
            words = Text(visible(row_in_words(row, self.language)), style=_STYLES[row.verdict])
            if behind:
                words.append(f"  {behind}", style="not bold default")
            print_hanging(self.target, f"  {padded(visible(_named(row)), width)} ", words)

    def _cause(self, number: int, rows: Sequence[Row]) -> None:
        """One cause, with the clients that it stops."""
        first = rows[0]
        self.target.print()
        words = row_in_words(first, self.language)
        if first.outcome is not None and not got_through(first.requirement.demand, first.outcome):
            bare = dataclasses.replace(first.outcome, not_judged=(), presumed=())
            words = outcome_in_words(bare, self.language)
        head = f"[{number}] "
        print_hanging(self.target, head, Text(visible(words), style=_STYLES[first.verdict]))
        for label, text in self._of_cause(rows):
            self._labelled(len(head), label, text)

    def _of_cause(self, rows: Sequence[Row]) -> Iterator[tuple[str, str]]:
        first, language = rows[0], self.language
        label = {
            name: self._said("head", name)
            for name in ("clients", "cause", "why", "where", "remedy", "user-sees", "demanded")
        }
        most = len(rows) if self.verbose else MOST_NAMED
        named = dict.fromkeys(_named(one) for one in rows)
        yield label["clients"], listed(named, most, language=language)
        causes = list(dict.fromkeys(one.cause for one in rows if one.cause is not None))
        if causes:
            told = causes if self.verbose else causes[:1]
            yield label["cause"], "\n".join(cause.in_(language) for cause in told)
        elif first.why:
            yield label["why"], first.why
        if first.where:
            yield label["where"], "\n".join(_line(one) for one in first.where)
        if first.advice is not None:
            pairs = advice_in_words(first.advice, language, everything=self.verbose)
            skipped = {label["cause"], label["where"]}
            remedies = [pair for pair in pairs if pair[0] not in skipped]
            yield from remedies if self.verbose else remedies[:1]
        if first.remedy:
            lines = (change_in_words(change).in_(language) for change in first.remedy)
            yield label["remedy"], "\n".join(lines)
        seen = dict.fromkeys(one.user_sees.split("\n")[0] for one in rows if one.user_sees)
        if seen:
            yield label["user-sees"], "\n".join(seen)
        if first.requirement.written is not None and self.verbose:
            yield label["demanded"], str(first.requirement.written)

    # -- what is proposed ----------------------------------------------------------------------------

    def _remedies(self) -> None:
        every = self.result.remedies
        if not every:
            return
        self.target.print()
        self.target.print(Text(self._proposed("remedies"), style="bold"))
        most = len(every) if self.verbose else MOST_SHOWN
        broken = sum(row.requirement.demand is Demand.DELIVERS for row in self.result.broken)
        for number, one in enumerate(every[:most], 1):
            facts = {"number": len(one.brings_in), "broken": broken, "title": one.title}
            title = self._proposed("title", rating=rating_in_words(one), **facts)
            style = "bold red" if one.rating is Rating.UNSAFE else "bold"
            print_hanging(self.target, f"  {number} ", Text(visible(title), style=style))
            self._remedy(one)
        if (rest := len(every) - most) > 0:
            self.target.print(f"  {self._proposed('more', number=rest)}")

    def _remedy(self, one: RankedRemedy) -> None:
        for change in one.changes:
            if change.was or change.write:
                self._labelled(_INDENT, "", change_in_words(change).in_(self.language))
        most = len(one.brings_in) if self.verbose else MOST_NAMED
        brought_in = listed(one.brings_in, most, language=self.language)
        self._labelled(_INDENT, self._proposed("brings-in"), brought_in)
        for name, clients in (("loses", one.loses), ("breaks", one.breaks)):
            if clients:
                text = listed(clients, language=self.language)
                self._labelled(_INDENT, self._proposed(name), text)

    def _strongest(self, one: Strongest) -> None:
        must = _to_be_served(self.result)
        self.target.print()
        heading = strongest_of(self.result, one).in_(self.language)
        self.target.print(Text(heading, style="bold"))
        if one.text:
            plural = "client" if len(must) == 1 else "clients"
            facts = {"served": len(one.served), "all": len(must), "clients": plural}
            tried = self._proposed("tried", tries=one.tries, **facts)
            self._labelled(_INDENT, self._proposed("serves"), tried)
            for number, (texts, comment) in enumerate(_decisive(one.lines)):
                said = " / ".join(words.in_(self.language) for words in comment)
                named = InBothLanguages("`, `".join(texts), "`、`".join(texts))
                label = "" if number else self._proposed("lines")
                self._labelled(_INDENT, label, self._proposed("line", text=named, words=said))
        name = "not-served" if one.text else "not-found"
        for number, note in enumerate(one.notes):
            label = "" if number else self._proposed(name)
            self._labelled(_INDENT, label, note.in_(self.language))
        if one.text:
            written = self.written
            known = self._proposed("written", file=written) if written else self._proposed("write")
            self._labelled(_INDENT, "", known)

    # -- what holds of all ---------------------------------------------------------------------------

    def _end(self) -> None:
        result = self.result
        for note in result.notes:
            self._paragraph(note.in_(self.language))
        for image in result.stand_ins:
            self._paragraph(self._said("head", "stand-in", **vars(image)), "dim")
        if result.record is not None:
            words = self._said("head", "record", path=result.record)
            self.target.print(Text(words, style="dim"), soft_wrap=True)
        seconds = f"{result.elapsed_s:.1f}"
        words = self._said("head", "took", said=conclusion(result), seconds=seconds)
        self._paragraph(words, _STATUS_STYLES[result.status])


def conclusion(result: CheckResult) -> Any:
    """What a check came to, in one sentence, in both languages."""
    number = len(result.rows)
    left = sum(row.verdict in (RowVerdict.CANNOT, RowVerdict.LAB_ERROR) for row in result.rows)
    names = {0: "all-met", 1: "status-1", 3: "status-3"}
    values: dict[str, Any] = {"number": number, "broken": len(result.broken), "open": left}
    values["met"] = number - left
    counted = (values["met"], values["broken"], left)[(0, 1, 3).index(result.status)]
    # Of English alone; Japanese has no plural.
    values["requirements"] = "requirement" if number == 1 else "requirements"
    values["are"] = "is" if counted == 1 else "are"
    words = say("head", names[result.status], **values)
    return words + say("head", "left", **values) if left and result.status != 3 else words


def causes_of(rows: Sequence[Row]) -> list[list[Row]]:
    """The rows that are not met, those together that have one cause at one place."""
    found: dict[object, list[Row]] = {}
    for row in rows:
        if row.verdict is not RowVerdict.MET:
            outcome = row.outcome
            how = (outcome.by, outcome.stage, outcome.reason) if outcome else None
            key: object = (row.verdict, row.why)
            if row.verdict is RowVerdict.BROKEN:
                # Of a refusal the client's own part of the cause is one of several.
                key = (row.requirement.demand, how or row.cause, row.where)
            found.setdefault(key, []).append(row)
    return list(found.values())


def row_in_words(row: Row, language: str) -> str:
    """What came of a requirement, in a line: reason and stage of a refusal, else what was negotiated."""
    outcome, demand = row.outcome, row.requirement.demand
    if outcome is None or row.verdict in (RowVerdict.CANNOT, RowVerdict.LAB_ERROR):
        name = "not-judged" if outcome is not None else str(row.verdict)
        return say("result", name).in_(language)
    if not got_through(demand, outcome):
        if demand is Demand.VERIFIES:
            return say("result", "not-reached").in_(language)
        words = refusal_in_words(outcome, language)
        if demand is not Demand.DELIVERS:
            words = f"{say('result', 'refused').in_(language)}: {words}"
        return words + _rate(row, language)
    name = _NAMES[demand][row.verdict is RowVerdict.MET]
    if demand is Demand.DELIVERS and row.verdict is RowVerdict.MET and not delivers(row):
        name = "completes"
    words = say("result", name).in_(language)
    if demand is Demand.DELIVERS and outcome.protocol:
        words += f"  {outcome.protocol} {outcome.cipher or ''}".rstrip()
    return words + _rate(row, language)


_NAMES = {
    Demand.DELIVERS: ("real-host", "delivers"),
    Demand.VERIFIES: ("unverified", "verifies"),
    Demand.IMPOSTOR: ("got-through", "got-through"),
    Demand.OVER: ("got-through", "got-through"),
    Demand.WITHOUT_TLS: ("got-through", "got-through"),
    Demand.CLEAR_DATA: ("clear-data", "clear-data"),
}


def delivers(row: Row) -> bool:
    """Whether a completion here is one on the person's own server and clients, as far as anybody can know."""
    outcome = row.outcome
    return (
        row.verdict is RowVerdict.MET
        and outcome is not None
        and not outcome.presumed
        and set(outcome.not_judged) <= {NotJudged.ROOTS_STAND_IN}
        and not any(on_real_hosts(one, always=False) for one in row.attempts)
    )


def _rate(row: Row, language: str) -> str:
    if not row.race:
        return ""
    return say("result", "rate", completed=row.completed, tries=row.tries).in_(language)


def _named(row: Row) -> str:
    version = row.requirement.version
    return f"{version} ({row.client})" if version else row.client


def _line(place: SourceLine) -> str:
    return f"{place}: {place.text}" if place.text else str(place)


def strongest_of(result: CheckResult, one: Strongest) -> InBothLanguages:
    """The heading of the strongest configuration: whether it serves all clients."""
    if not one.text:
        return proposed("head", "strongest-of-none")
    everybody = _to_be_served(result) <= {*one.served}
    return proposed("head", "strongest" if everybody else "strongest-of-most")


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
    alike = grouped_by((line for line in lines if line.loses), attrgetter("comment"))
    for comment, each in alike.items():
        yield [line.text for line in each], comment


# -- for programs -----------------------------------------------------------------------------------


def as_json(result: CheckResult) -> dict[str, Any]:
    """What a check came to, for programs."""
    return {
        "status": result.exit_status,
        "files": list(result.files),
        "rows": [_row_as_json(row) for row in result.rows],
        "remedies": [dataclasses.asdict(one) for one in result.remedies],
        "strongest": _strongest_as_json(result.strongest) if result.strongest else None,
        "notes": [dataclasses.asdict(note) for note in result.notes],
        "findings": [
            {"severity": f.severity, "file": f.file, "line": f.line, "en": f.text, "ja": f.ja}
            for f in result.findings
        ],
        "baseline": result.compared.as_json() if result.compared else None,
        "stand_ins": [image.name for image in result.stand_ins],
        "record": str(result.record) if result.record else None,
        "elapsed_s": round(result.elapsed_s, 3),
    }


def _row_as_json(row: Row) -> dict[str, Any]:
    wanted, outcome = row.requirement, row.outcome
    return {
        "id": wanted.id,
        "demand": wanted.demand,
        "client": wanted.client,
        "version": wanted.version or None,
        "demanded": str(wanted.written) if wanted.written else None,
        "verdict": row.verdict,
        "delivers": delivers(row) if wanted.demand is Demand.DELIVERS else None,
        **{name: getattr(outcome, name, None) for name in _OF_OUTCOME},
        "not_judged": list(outcome.not_judged) if outcome else [],
        "presumed": list(outcome.presumed) if outcome else [],
        "completed": row.completed,
        "tries": row.tries,
        "race": row.race,
        "why": row.why or None,
        "cause": dataclasses.asdict(row.cause) if row.cause else None,
        "where": [dataclasses.asdict(place) for place in row.where],
        "remedy": [dataclasses.asdict(change) for change in row.remedy],
        "user_sees": row.user_sees or None,
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
