"""What is wrong, one by one: a rule, a place and a sentence, as every system that shows findings wants it."""

from __future__ import annotations

import hashlib
import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from lab.check.demands import NAME
from lab.check.judging import say
from lab.check.result import CheckResult, Demand, EarlyEnd, Row, RowVerdict, SourceLine
from lab.host.checkout import repository
from lab.model import Result
from lab.own.findings import Finding, InputError, Severity
from lab.remedies.words import InBothLanguages, read_words
from lab.report.advice import advice_in_words, change_in_words, outcome_in_words
from lab.settings import SettingsError
from lab.text import listed, one_line

#: A directive, in a line of a configuration: what stays when its value changes.
_DIRECTIVE = re.compile(r"[\s.$]*([\w-]+)")


class ProblemLevel(StrEnum):
    """How much a problem matters."""

    ERROR = "error"
    """A requirement is broken, or nobody knows whether it is met."""
    WARNING = "warning"
    """Something about the files themselves."""
    NOTE = "note"
    """A requirement that the baseline has as broken already."""


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One thing that is wrong."""

    rule: str
    """The kind: the reason of a refusal, what had to be refused, ``cannot``, ``lab-error``, ``file`` or
    ``input``."""
    level: ProblemLevel
    title: str
    """One line, with the client in it."""
    text: str
    """Some lines: the title, cause, place and remedies."""
    client: str
    """Who is concerned; empty: it is about a file."""
    place: SourceLine
    """The line that decides: its file as the repository has it."""
    fingerprint: str
    """64 hexadecimal digits: the same as long as the same is wrong, wherever the line moves."""


def words(section: str, name: str, /, **values: object) -> InBothLanguages:
    """The words of this room, filled in."""
    return read_words(Path(__file__).with_name("words.toml"))[section][name].format(**values)


def problems(result: CheckResult, language: str) -> list[Problem]:
    """All that is wrong: requirements first, then what is to be said of the files themselves."""
    if result.ended is not None:
        return [_of_end(result.ended, language)]
    rows = [row for row in result.rows if row.verdict is RowVerdict.BROKEN or row.left_open]
    of_rows = [_of_row(row, result, language) for row in rows]
    return [*of_rows, *_of_findings(result.findings, language)]


def demanded(row: Row, language: str) -> str:
    """What was demanded, in a sentence without its full stop."""
    wanted = row.requirement
    return words("demand", wanted.demand, client=wanted.client, version=wanted.version).in_(
        language
    )


def came(row: Row, language: str) -> str:
    """What came of it, in a sentence without its full stop."""
    if row.outcome is None or row.left_open:
        return one_line(row.cause.in_(language) if row.cause else row.why)
    said = outcome_in_words(row.outcome, language)
    if not row.race:
        return said
    rate = words("row", "rate", completed=row.completed, tries=row.tries)
    return f"{rate.in_(language)}{said}"


def titled(row: Row, language: str) -> str:
    """What was demanded and what came of it, in a sentence without its full stop."""
    return f"{demanded(row, language)}: {came(row, language)}"


def told(row: Row, language: str) -> list[str]:
    """What is said of a row that is broken: texts of some lines, each behind its label."""
    pairs = []
    if row.advice is not None:
        pairs = advice_in_words(row.advice, language)
    elif row.cause is not None:
        pairs = [(say("head", "cause").in_(language), row.cause.in_(language))]
    if row.where and not (row.advice and row.advice.where):
        where = listed(map(str, row.where), language=language)
        pairs.insert(1, (say("head", "where").in_(language), where))
    if row.remedy:
        written = "\n".join(change_in_words(change).in_(language) for change in row.remedy)
        pairs.append((say("head", "remedy").in_(language), written))
    if row.user_sees:
        pairs.append((say("head", "user-sees").in_(language), row.user_sees))
    return [f"{label}: {text}" for label, text in pairs]


def in_repository(name: str) -> str:
    """A file as the repository around the current folder has it; outside of one, as it was named."""
    top = repository(Path.cwd())
    path = Path(os.path.abspath(name))  # noqa: PTH100 - a link keeps the name that the repository has
    if top is not None and path.is_relative_to(top):
        return path.relative_to(top).as_posix()
    return name


def rule_of(row: Row) -> str:
    """The kind of what is wrong with a row."""
    if row.verdict is not RowVerdict.BROKEN:
        return str(row.verdict)
    demand, outcome = row.requirement.demand, row.outcome
    if demand is Demand.DELIVERS and outcome and outcome.result is not Result.COMPLETED:
        return str(outcome.reason)
    return str(demand)


def rule_in_words(rule: str, language: str) -> str:
    """What a rule is about, in some words."""
    from lab.report.html.language import word  # noqa: PLC0415 - only two of the forms have rules

    known = read_words(Path(__file__).with_name("words.toml"))["rule"]
    return known[rule].in_(language) if rule in known else word("reason", rule).plain_in(language)


def _of_end(ended: EarlyEnd, language: str) -> Problem:
    place = SourceLine(in_repository(ended.place.file), ended.place.line)
    text = ended.text.in_(language)
    rule = "input" if ended.by_input else str(RowVerdict.LAB_ERROR)
    return Problem(
        rule=rule,
        level=ProblemLevel.ERROR,
        title=one_line(text),
        text=text,
        client="",
        place=place,
        fingerprint=_fingerprint(rule, place.file, re.sub(r"\d+", "0", ended.text.en)),
    )


def _of_row(row: Row, result: CheckResult, language: str) -> Problem:
    rule, known = rule_of(row), result.is_known(row)
    place = _place(row, result)
    title = titled(row, language)
    if known and result.compared is not None:
        title = words("row", "known", title=title, file=result.compared.file).in_(language)
    return Problem(
        rule=rule,
        level=ProblemLevel.NOTE if known else ProblemLevel.ERROR,
        title=one_line(title),
        text="\n".join([title, *told(row, language)]),
        client=row.client,
        place=place,
        fingerprint=_fingerprint(row.requirement.id, rule, place.file, _directive(place.text)),
    )


def _place(row: Row, result: CheckResult) -> SourceLine:
    """Where it is shown: the line that decides, else the one that demands it, else the file as a whole."""
    file = SourceLine(result.files[0] if result.files else NAME)
    found = next(iter(row.where), None) or row.requirement.written or file
    return SourceLine(in_repository(found.file), found.line, found.text)


def _directive(line: str) -> str:
    found = _DIRECTIVE.match(line)
    return found[1] if found else ""


def _of_findings(findings: Sequence[Finding], language: str) -> Iterator[Problem]:
    seen: Counter[str] = Counter()
    for one in findings:
        if one.severity is Severity.NOTE:
            continue
        text = one.ja if language == "ja" and one.ja else one.text
        # Dates and numbers of lines in a sentence change without anybody having done anything.
        same = re.sub(r"\d+", "0", one.text)
        place = SourceLine(in_repository(one.file), one.line)
        seen[f"{place.file}:{same}"] += 1
        number = str(seen[f"{place.file}:{same}"])
        yield Problem(
            rule="file",
            level=ProblemLevel.WARNING,
            title=one_line(text),
            text=text,
            client="",
            place=place,
            fingerprint=_fingerprint("file", place.file, same, number),
        )


def _fingerprint(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()


# -- a check that ended before anything was known ---------------------------------------------------


def result_of(error: BaseException, files: Sequence[str]) -> CheckResult:
    """What is left of a check that an input or the lab has ended.

    Args:
        error: what ended it.
        files: its inputs, as they were named; where the error names no file, it is shown at the first.
    """
    place = SourceLine(files[0] if files else NAME)
    if isinstance(error, InputError):
        text = InBothLanguages(*[f"{error.what} {error.remedy}"] * 2)
        if error.file in files or Path(error.file).exists():
            place = SourceLine(error.file, error.line)
    elif isinstance(error, Exception):
        text = InBothLanguages(*[str(error)] * 2)
    else:
        text = words("end", "signal")
    by_input = isinstance(error, InputError | SettingsError)
    return CheckResult(
        files=tuple(files), rows=(), ended=EarlyEnd(text=text, place=place, by_input=by_input)
    )
