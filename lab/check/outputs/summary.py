"""A check in Markdown, for a job's summary page; what a server said is never markup."""

from __future__ import annotations

from collections.abc import Iterator

from lab.check.baseline import BaselineComparison, baseline_in_words
from lab.check.judging import say
from lab.check.outputs.problems import came, demanded, titled, told, words
from lab.check.result import CheckResult, EarlyEnd, RankedRemedy, RowVerdict
from lab.check.strongest import say as proposed
from lab.check.telling import conclusion, rating_in_words, strongest_of
from lab.grouping import grouped_by
from lab.own.findings import Severity
from lab.report.advice import change_in_words
from lab.report.markdown import block, details, limited, text
from lab.text import listed

#: So many groups of clients that break alike are told in full.
MOST_TOLD = 20

_SIGNS = {
    RowVerdict.MET: "✅",
    RowVerdict.BROKEN: "❌",
    RowVerdict.CANNOT: "⬜",
    RowVerdict.LAB_ERROR: "⚠️",
}

_SIGNS_OF_STATUS = {
    0: _SIGNS[RowVerdict.MET],
    1: _SIGNS[RowVerdict.BROKEN],
    3: _SIGNS[RowVerdict.LAB_ERROR],
}


def document(result: CheckResult, language: str) -> str:
    """The summary, at most what GitHub takes."""
    if result.ended is not None:
        return limited([_end(result, result.ended, language)])
    parts = [
        _head(result, language),
        _table(result, language),
        *([_beside(result.compared, language)] if result.compared else []),
        *_broken(result, language),
        _remedies(result, language),
        _strongest(result, language),
        _foot(result, language),
    ]
    return limited([part for part in parts if part])


def _head(result: CheckResult, language: str) -> str:
    status = result.exit_status
    sign, title = _SIGNS_OF_STATUS[status], conclusion(result)
    if status == 0 and result.broken:
        facts = {"number": len(result.broken), "total": len(result.rows)}
        sign, title = _SIGNS[RowVerdict.CANNOT], words("summary", "title_known", **facts)
    return f"## {sign} {text(listed(result.files, language=language))}: {text(title.in_(language))}"


def _end(result: CheckResult, ended: EarlyEnd, language: str) -> str:
    title = words("end", "title").in_(language)
    files = listed(result.files, language=language)
    head = f"## {_SIGNS[RowVerdict.LAB_ERROR]} {text(files)}: {text(title)}"
    return f"{head}\n\n{block(f'{ended.place}: {ended.text.in_(language)}')}"


def _table(result: CheckResult, language: str) -> str:
    columns = [words("summary", n).in_(language) for n in ("requirement", "result", "what_came")]
    columns.append(say("head", "where").in_(language))
    lines = [f"| {' | '.join(columns)} |", "| --- | --- | --- | --- |"]
    for row in result.rows:
        known = result.is_known(row)
        verdict = words("verdict", "known" if known else row.verdict).in_(language)
        sign = _SIGNS[RowVerdict.CANNOT if known else row.verdict]
        where = listed(map(str, row.where), language=language)
        cells = [demanded(row, language), f"{sign} {verdict}", came(row, language), where]
        lines.append(f"| {' | '.join(map(text, cells))} |")
    return "\n".join(lines)


def _beside(compared: BaselineComparison, language: str) -> str:
    title = say("baseline", "beside", file=compared.file).in_(language)
    changes = "\n".join(baseline_in_words(compared, language))
    return f"### {text(title)}\n\n{block(changes)}"


def _broken(result: CheckResult, language: str) -> Iterator[str]:
    new = (row for row in result.broken if not result.is_known(row))
    alike = grouped_by(new, lambda row: "\n".join(told(row, language)))
    if alike:
        yield f"### {words('summary', 'broken').in_(language)}"
    for said, rows in list(alike.items())[:MOST_TOLD]:
        clients = listed(dict.fromkeys(row.client for row in rows), language=language)
        each = [titled(row, language) for row in rows]
        title = f"{_SIGNS[RowVerdict.BROKEN]} {clients}"
        yield details(title, block("\n".join([*each, *filter(None, [said])])))
    if len(alike) > MOST_TOLD:
        yield words("summary", "more", number=len(alike) - MOST_TOLD).in_(language)


def _remedies(result: CheckResult, language: str) -> str:
    if not result.remedies:
        return ""
    names = ("brings-in", "loses", "breaks")
    columns = [
        words("summary", "change").in_(language),
        *(proposed("head", name).in_(language) for name in names),
    ]
    lines = [
        f"### {proposed('head', 'remedies').in_(language)}",
        "",
        f"| {' | '.join(columns)} |",
        "| --- | --- | --- | --- |",
    ]
    lines += [f"| {' | '.join(map(text, _cells(one, language)))} |" for one in result.remedies]
    return "\n".join(lines)


def _cells(one: RankedRemedy, language: str) -> list[str]:
    by = "、" if language == "ja" else "; "
    changes = by.join(change_in_words(c).in_(language) for c in one.changes if c.was or c.write)
    title = one.title.with_remark(rating_in_words(one)).in_(language)
    named = (one.brings_in, one.loses, one.breaks)
    return [
        f"{title}: {changes}" if changes else title,
        *(listed(names, language=language) for names in named),
    ]


def _strongest(result: CheckResult, language: str) -> str:
    found = result.strongest
    if found is None:
        return ""
    notes = [f"- {text(note.in_(language))}" for note in found.notes]
    if not found.text:
        return "\n".join(notes)
    title = strongest_of(result, found).in_(language)
    return details(title, "\n\n".join([block(found.text.rstrip("\n")), *notes]))


def _foot(result: CheckResult, language: str) -> str:
    said = [one for one in result.findings if one.severity is not Severity.NOTE]
    lines = [f"- {text(one.in_(language))}" for one in said]
    lines += [f"- {text(one.in_(language))}" for one in result.notes]
    lines += [
        f"- {text(say('head', 'stand-in', name=one.name, library=one.library).in_(language))}"
        for one in result.stand_ins
    ]
    return "\n".join(lines)
