"""SARIF 2.1.0, for GitHub's code scanning and other systems that show results of analyses.

Source: OASIS, Static Analysis Results Interchange Format Version 2.1.0 plus Errata 01.
"""

from __future__ import annotations

import json
from typing import Any, Final
from urllib.parse import quote

from lab import __version__
from lab.check.outputs.problems import Problem, ProblemLevel, problems, rule_in_words
from lab.check.result import CheckResult
from lab.text import visible

SCHEMA: Final = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
#: The version of how a fingerprint is made is a part of its name (section 3.27.17).
_FINGERPRINT = "labCheck/v1"


def document(result: CheckResult, language: str) -> str:
    """The whole file."""
    found = problems(result, language)
    rules = list(dict.fromkeys(one.rule for one in found))
    status = result.exit_status
    run: dict[str, Any] = {
        "tool": {
            "driver": {
                "name": "lab check",
                "version": __version__,
                "language": language,
                "rules": [
                    {"id": rule, "shortDescription": {"text": rule_in_words(rule, language)}}
                    for rule in rules
                ],
            }
        },
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {
            "%SRCROOT%": {"description": {"text": "the top of the repository"}},
        },
        "invocations": [{"executionSuccessful": status != 3, "exitCode": status}],
        "results": [_result(one, rules, since=result.compared is not None) for one in found],
        "properties": {"standIns": [one.name for one in result.stand_ins]},
    }
    whole = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(whole, ensure_ascii=False, indent=2) + "\n"


def _result(one: Problem, rules: list[str], *, since: bool) -> dict[str, Any]:
    physical: dict[str, Any] = {"artifactLocation": _artifact(one.place.file)}
    if one.place.line is not None:
        snippet = {"snippet": {"text": visible(one.place.text)}} if one.place.text else {}
        physical["region"] = {"startLine": one.place.line, **snippet}
    said = {
        "ruleId": one.rule,
        "ruleIndex": rules.index(one.rule),
        "level": str(one.level),
        "message": {"text": visible(one.text)},
        "locations": [{"physicalLocation": physical}],
        "partialFingerprints": {_FINGERPRINT: one.fingerprint},
    }
    if since:
        said["baselineState"] = "unchanged" if one.level is ProblemLevel.NOTE else "new"
    return said


def _artifact(file: str) -> dict[str, str]:
    if file.startswith("/"):
        return {"uri": f"file://{quote(file)}"}
    return {"uri": quote(file), "uriBaseId": "%SRCROOT%"}
