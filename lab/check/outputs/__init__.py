"""A check in the forms that CI systems read: JUnit XML, Markdown, annotations, GitLab's code quality, SARIF.

Each form has a module. All are made of the result of the check, which knows how it stands beside a baseline
if there is one; they say the same of every requirement. ``docs/ci.md`` has what each system shows of them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Final

from lab.check.files import OutputFile
from lab.own.findings import InputError

if TYPE_CHECKING:
    from lab.check.result import CheckResult

#: The module that makes each, by the option that names its file.
_MAKERS: Final = {
    "--junit": "junit",
    "--summary": "summary",
    "--code-quality": "code_quality",
    "--sarif": "sarif",
}


#: How files of each form begin: nobody's input does.
_BEGINNINGS: Final = {
    "--junit": (b"<?xml ",),
    "--code-quality": (b"[]\n", b'[\n  {\n    "description"'),
    "--sarif": (b'{\n  "$schema"',),
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
            InputError: one cannot.
        """
        for path in self.files.values():
            OutputFile(path).look()

    def write(self, result: CheckResult, language: str) -> None:
        """Write them all.

        Raises:
            InputError: one cannot be written any more.
        """
        for option, path in self.files.items():
            self._write_one(option, path, result, language)

    @contextmanager
    def told_of_an_end(
        self, files: Sequence[str], language: str, *, annotated: bool, inputs_known: bool = True
    ) -> Iterator[None]:
        """What ends the check meanwhile is left in the place of what an earlier check has left.

        Args:
            files: the inputs, as they were named.
            language: ``en`` or ``ja``.
            annotated: whether GitHub is told as well, on standard error.
            inputs_known: whether these are all; else a file is replaced only if it is one of the form.
        """
        try:
            yield
        except BaseException as error:
            from lab.check.outputs.problems import result_of  # noqa: PLC0415

            result = result_of(error, files)
            for option, path in self.files.items():
                with suppress(InputError):
                    if inputs_known or _is_replaceable(option, path):
                        self._write_one(option, path, result, language)
            if annotated:
                from lab.check.outputs import workflow_commands  # noqa: PLC0415

                for line in workflow_commands.lines(result, language):
                    sys.stderr.write(f"{line}\n")
            raise

    def _write_one(self, option: str, path: Path, result: CheckResult, language: str) -> None:
        # A check without them waits for none of them.
        form = import_module(f"lab.check.outputs.{_MAKERS[option]}")
        text = form.document(result, language)
        OutputFile(path).write(text, append=option == "--summary")


def _is_replaceable(option: str, path: Path) -> bool:
    """Whether there is nothing in a file, or what an earlier check has left."""
    try:
        if not path.is_file() or not path.stat().st_size:
            return True
        with path.open("rb") as file:
            return file.read(100).startswith(_BEGINNINGS.get(option, ()))
    except OSError:
        return False
