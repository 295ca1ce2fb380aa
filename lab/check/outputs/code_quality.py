"""GitLab's code quality report: what a merge request shows of each line.

Source: https://docs.gitlab.com/ci/testing/code_quality/, "Code Quality report format": an array; an entry has
``description``, ``check_name``, ``fingerprint``, ``severity`` (info, minor, major, critical, blocker) and
``location`` with a ``path`` in the repository, without ``./``, and ``lines.begin``. There is no schema of it.
"""

from __future__ import annotations

import json

from lab.check.outputs.problems import ProblemLevel, problems
from lab.check.result import CheckResult

_SEVERITIES = {
    ProblemLevel.ERROR: "critical",
    ProblemLevel.WARNING: "minor",
    ProblemLevel.NOTE: "info",
}


def document(result: CheckResult, language: str) -> str:
    """The whole file."""
    entries = [
        {
            "description": one.title,
            "check_name": one.rule,
            "fingerprint": one.fingerprint,
            "severity": _SEVERITIES[one.level],
            "location": {"path": one.place.file, "lines": {"begin": one.place.line or 1}},
        }
        for one in problems(result, language)
    ]
    return json.dumps(entries, ensure_ascii=False, indent=2) + "\n"
