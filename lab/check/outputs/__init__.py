"""A check in the forms that CI systems read: JUnit XML, Markdown, annotations, GitLab's code quality, SARIF.

Each form has a module. All are made of the result of the check, and of how it stands beside a baseline if
there is one; they say the same of every requirement. ``docs/ci.md`` has what each system shows of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from lab.check.baseline import BaselineComparison
from lab.check.files import OutputFile
from lab.check.outputs import code_quality, junit, sarif, summary
from lab.check.result import CheckResult
from lab.own.findings import InputError

_MAKERS: dict[str, Callable[[CheckResult, BaselineComparison | None, str], str]] = {
    "--junit": junit.document,
    "--summary": summary.document,
    "--code-quality": code_quality.document,
    "--sarif": sarif.document,
}


@dataclass(frozen=True)
class Outputs:
    """The files that a check is to leave, by the option that names each."""

    files: dict[str, Path] = field(default_factory=dict)

    def look(self) -> None:
        """See that all of them can be written, before anything is run; nothing is left behind.

        Raises:
            InputError: one cannot, or two options name the same file.
        """
        seen: dict[Path, str] = {}
        for option, path in self.files.items():
            OutputFile(path).look()
            other = seen.setdefault(path.resolve(), option)
            if other != option and path.is_file() | (not path.exists()):
                what = f"both {other} and {option} are to write this file."
                raise InputError(str(path), None, what, "Name another file for one of them.")

    def write(
        self, result: CheckResult, compared: BaselineComparison | None, language: str
    ) -> None:
        """Write them all.

        Raises:
            InputError: one cannot be written any more.
        """
        for option, path in self.files.items():
            text = _MAKERS[option](result, compared, language)
            OutputFile(path).write(text, append=option == "--summary")
