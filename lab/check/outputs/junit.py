"""JUnit XML: a test case a requirement.

Source of the form: junit-10.xsd of Jenkins's xUnit plugin, which is what pytest's ``xunit2`` follows as well;
GitLab and the actions that show test results read the same.
"""

from __future__ import annotations

from xml.etree import ElementTree as ET

from lab.check.baseline import BaselineComparison
from lab.check.outputs.problems import (
    came,
    demanded,
    in_repository,
    is_known,
    rule_of,
    rule_of_end,
    told,
)
from lab.check.result import CheckResult, EarlyEnd, Row, RowVerdict, SourceLine
from lab.text import one_line, visible


def document(result: CheckResult, compared: BaselineComparison | None, language: str) -> str:
    """The whole file."""
    cases = [_case(row, compared, language) for row in result.rows]
    if result.ended is not None:
        cases = [_ended(result.ended, language)]
    counts = {
        "tests": len(cases),
        "failures": _with(cases, "failure"),
        "errors": _with(cases, "error"),
        "skipped": _with(cases, "skipped"),
    }
    attributes = {
        "name": "lab check",
        **{name: str(number) for name, number in counts.items()},
        "time": f"{result.elapsed_s:.3f}",
    }
    suite = ET.Element("testsuite", attributes)
    if result.stand_ins:
        properties = ET.SubElement(suite, "properties")
        for one in result.stand_ins:
            value = one_line(one.library)
            ET.SubElement(properties, "property", name=f"stand-in {one.name}", value=value)
    suite.extend(cases)
    suites = ET.Element("testsuites")
    suites.append(suite)
    ET.indent(suites)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ET.tostring(suites, encoding="unicode")}\n'


def _with(cases: list[ET.Element], name: str) -> int:
    return sum(case.find(name) is not None for case in cases)


def _case(row: Row, compared: BaselineComparison | None, language: str) -> ET.Element:
    seconds = sum(attempt.elapsed_ms for attempt in row.attempts) / 1000
    case = ET.Element(
        "testcase",
        classname=f"lab.check.{row.requirement.demand}",
        name=row.requirement.id,
        time=f"{seconds:.3f}",
    )
    if row.verdict is RowVerdict.MET:
        return case
    name = "skipped"
    if row.verdict is RowVerdict.BROKEN and not is_known(row, compared):
        name = "failure"
    elif row.left_open:
        name = "error"
    message = f"{demanded(row, language)}: {came(row, language)}"
    said = ET.SubElement(case, name, type=rule_of(row), message=one_line(message))
    texts = [message, *(f"{label}: {text}" for label, text in told(row, language))]
    said.text = "\n".join(map(visible, texts))
    return case


def _ended(ended: EarlyEnd, language: str) -> ET.Element:
    rule, text = rule_of_end(ended), ended.text.in_(language)
    place = SourceLine(in_repository(ended.place.file), ended.place.line)
    case = ET.Element("testcase", classname="lab.check", name=rule, time="0.000")
    message = f"{place}: {text}"
    said = ET.SubElement(case, "error", type=rule, message=one_line(message))
    said.text = visible(message)
    return case
