"""A check in words: a table of what came of each requirement, each cause once, and what holds of all."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.cells import cell_len
from rich.text import Text

from lab.check.judging import got_through, on_real_hosts, say
from lab.check.proposals import print_proposals, proposals_as_json
from lab.check.result import CheckResult, Demand, Row, RowVerdict, SourceLine
from lab.model import NotJudged
from lab.report.advice import advice_in_words, change_in_words, outcome_in_words, refusal_in_words
from lab.report.layout import padded, print_hanging
from lab.text import listed, visible

if TYPE_CHECKING:
    from rich.console import Console

    from lab.check.baseline import BaselineComparison

_STYLES = {
    RowVerdict.MET: "green",
    RowVerdict.BROKEN: "bold red",
    RowVerdict.CANNOT: "yellow",
    RowVerdict.LAB_ERROR: "bold magenta",
}
_STATUS_STYLES = {0: "bold green", 1: "bold red", 3: "bold magenta"}
#: What programs are told of an outcome.
_OF_OUTCOME = ("result", "by", "stage", "reason", "protocol", "cipher")
#: Columns of a label below a cause.
_LABEL = 11


def tell(
    result: CheckResult,
    target: Console,
    language: str,
    compared: BaselineComparison | None = None,
    *,
    verbose: bool = False,
    written: Path | None = None,
) -> None:
    """Print what a check came to, and what changed since its baseline.

    Args:
        result: of the check.
        target: where to.
        language: ``en`` or ``ja``.
        compared: with its baseline; ``None``: there is none.
        verbose: every client, cause and remedy.
        written: the file that has the strongest configuration; ``None``: it was not written.
    """
    causes = causes_of(result.rows)
    numbers = {row.requirement.id: n for n, rows in enumerate(causes, 1) for row in rows}
    for demand in Demand:
        rows = [row for row in result.rows if row.requirement.demand is demand]
        if rows:
            target.print(Text(say("demand", demand).in_(language), style="bold"))
            _print_rows(rows, numbers, target, language)
    for number, rows in enumerate(causes, 1):
        _print_cause(number, rows, target, language, verbose=verbose)
    print_proposals(result, target, language, written=written, verbose=verbose)
    target.print()
    for note in result.notes:
        print_hanging(target, "", Text(visible(note.in_(language))))
    for image in result.stand_ins:
        words = say("head", "stand-in", name=image.name, library=image.library).in_(language)
        print_hanging(target, "", Text(visible(words), style="dim"))
    if result.record is not None:
        words = say("head", "record", path=result.record).in_(language)
        target.print(Text(words, style="dim"), soft_wrap=True)
    seconds = f"{result.elapsed_s:.1f}"
    words = say("head", "took", said=conclusion(result), seconds=seconds).in_(language)
    print_hanging(target, "", Text(words, style=_STATUS_STYLES[result.status]))
    if compared is not None:
        from lab.check.baseline import baseline_in_words  # noqa: PLC0415 - most have none

        words = say("baseline", "beside", file=compared.file).in_(language)
        style = _STATUS_STYLES[compared.status]
        print_hanging(target, "", Text(visible(words), style=style))
        for line in baseline_in_words(compared, language):
            print_hanging(target, "  ", Text(visible(line)))


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


def _print_rows(
    rows: Sequence[Row], numbers: Mapping[str, int], target: Console, language: str
) -> None:
    width = max(cell_len(visible(_named(row))) for row in rows)
    for row in rows:
        number = numbers.get(row.requirement.id)
        where = listed([str(one) for one in row.where[:2]], language=language)
        behind = " ".join(filter(None, [visible(where), f"[{number}]" if number else ""]))
        words = Text(visible(row_in_words(row, language)), style=_STYLES[row.verdict])
        if behind:
            words.append(f"  {behind}", style="not bold default")
        print_hanging(target, f"  {padded(visible(_named(row)), width)} ", words)


def _named(row: Row) -> str:
    version = row.requirement.version
    return f"{version} ({row.client})" if version else row.client


def _print_cause(
    number: int, rows: Sequence[Row], target: Console, language: str, *, verbose: bool
) -> None:
    """One cause, with the clients that it stops."""
    first = rows[0]
    target.print()
    words = row_in_words(first, language)
    if first.outcome is not None and not got_through(first.requirement.demand, first.outcome):
        bare = dataclasses.replace(first.outcome, not_judged=(), presumed=())
        words = outcome_in_words(bare, language)
    head = f"[{number}] "
    print_hanging(target, head, Text(visible(words), style=_STYLES[first.verdict]))
    for label, text in _of_cause(rows, language, verbose=verbose):
        print_hanging(
            target,
            Text(" " * len(head) + padded(label, _LABEL), style="dim"),
            Text(visible(text)),
        )


def _of_cause(rows: Sequence[Row], language: str, *, verbose: bool) -> Iterator[tuple[str, str]]:
    first = rows[0]
    most = len(rows) if verbose else 6
    named = dict.fromkeys(_named(one) for one in rows)
    yield _label("clients", language), listed(named, most, language=language)
    causes = list(dict.fromkeys(one.cause for one in rows if one.cause is not None))
    if causes:
        told = causes if verbose else causes[:1]
        yield _label("cause", language), "\n".join(cause.in_(language) for cause in told)
    elif first.why:
        yield _label("why", language), first.why
    if first.where:
        yield _label("where", language), "\n".join(_line(one) for one in first.where)
    if first.advice is not None:
        skipped = {_label("cause", language), _label("where", language)}
        pairs = advice_in_words(first.advice, language, everything=verbose)
        remedies = [pair for pair in pairs if pair[0] not in skipped]
        yield from remedies if verbose else remedies[:1]
    if first.remedy:
        lines = "\n".join(change_in_words(change).in_(language) for change in first.remedy)
        yield _label("remedy", language), lines
    seen = dict.fromkeys(one.user_sees.split("\n")[0] for one in rows if one.user_sees)
    if seen:
        yield _label("user-sees", language), "\n".join(seen)
    if first.requirement.written is not None and verbose:
        yield _label("demanded", language), str(first.requirement.written)


def _line(place: SourceLine) -> str:
    return f"{place}: {place.text}" if place.text else str(place)


def _label(name: str, language: str) -> str:
    return say("head", name).in_(language)


def as_json(result: CheckResult, compared: BaselineComparison | None = None) -> dict[str, Any]:
    """What a check came to, for programs."""
    return {
        "status": result.status if compared is None else compared.status,
        "files": list(result.files),
        "rows": [_row_as_json(row) for row in result.rows],
        **proposals_as_json(result),
        "notes": [dataclasses.asdict(note) for note in result.notes],
        "findings": [
            {"severity": f.severity, "file": f.file, "line": f.line, "en": f.text, "ja": f.ja}
            for f in result.findings
        ],
        "baseline": compared.as_json() if compared else None,
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
