"""JUnit XML: a test case a requirement.

Source of the form: junit-10.xsd of Jenkins's xUnit plugin, which is what pytest's ``xunit2`` follows as well;
GitLab and the actions that show test results read the same.
"""

from __future__ import annotations

from xml.etree import ElementTree as ET

from lab.check.outputs.problems import Problem, problems, rule_of, titled, told
from lab.check.result import CheckResult, Row, RowVerdict
from lab.text import one_line, visible


def document(result: CheckResult, language: str) -> str:
    """The whole file."""
    cases = [_case(row, result, language) for row in result.rows]
    if result.ended is not None:
        cases = [_ended(one) for one in problems(result, language)]
    counts = {"tests": len(cases)}
    for name, kind in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        counts[name] = sum(case.find(kind) is not None for case in cases)
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


def _case(row: Row, result: CheckResult, language: str) -> ET.Element:
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
    if row.verdict is RowVerdict.BROKEN and not result.is_known(row):
        name = "failure"
    elif row.left_open:
        name = "error"
    message = titled(row, language)
    said = ET.SubElement(case, name, type=rule_of(row), message=one_line(message))
    said.text = "\n".join(map(visible, [message, *told(row, language)]))
    return case


def _ended(one: Problem) -> ET.Element:
    case = ET.Element("testcase", classname="lab.check", name=one.rule, time="0.000")
    message = f"{one.place}: {one.text}"
    said = ET.SubElement(case, "error", type=one.rule, message=one_line(message))
    said.text = visible(message)
    return case
