"""A check in the forms that CI systems read: JUnit XML, Markdown, annotations, GitLab's code quality, SARIF.

Each form has a module. All are made of the result of the check, and of how it stands beside a baseline if
there is one; they say the same of every requirement. ``docs/ci.md`` has what each system shows of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Final

from lab.check.files import OutputFile
from lab.own.findings import InputError

if TYPE_CHECKING:
    from lab.check.baseline import BaselineComparison
    from lab.check.result import CheckResult

#: The module that makes each, by the option that names its file.
_MAKERS: Final = {
    "--junit": "junit",
    "--summary": "summary",
    "--code-quality": "code_quality",
    "--sarif": "sarif",
}


@dataclass(frozen=True)
class Outputs:
    """The files that a check is to leave, by the option that names each."""

    files: dict[str, Path] = field(default_factory=dict)

    @classmethod
    def named(cls, **files: Path | None) -> Outputs:
        """By the options' names, with an underscore in the place of a dash; ``None``: it is not wanted."""
        return cls(
            {f"--{n.replace('_', '-')}": path for n, path in files.items() if path is not None}
        )

    def look(self) -> None:
        """See that all of them can be written, before anything is run; nothing is left behind.

        Raises:
            InputError: one cannot, or two options name the same file.
        """
        seen: dict[Path, str] = {}
        for option, path in self.files.items():
            OutputFile(path).look()
            other = seen.setdefault(path.resolve(), option)
            if other != option and (path.is_file() or not path.exists()):
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
            # A check without them waits for none of them.
            form = import_module(f"lab.check.outputs.{_MAKERS[option]}")
            text = form.document(result, compared, language)
            OutputFile(path).write(text, append=option == "--summary")
