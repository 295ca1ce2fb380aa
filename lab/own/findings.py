"""What is said about a person's file: findings beside the settings, errors instead of them."""

from __future__ import annotations

import bisect
import functools
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from lab.own import files
from lab.remedies.words import InBothLanguages
from lab.text import one_line

#: Of the findings about one attempt so many are said.
MOST_FINDINGS = 50
#: A longer line is in no configuration file: the longest, a list of cipher suites, has some 4000 characters.
LONGEST_LINE = 16_384
#: vsftpd 3.0.5 has 136 options, Movable Type some 400 directives: no file has more lines with settings.
MOST_SETTINGS = 2000
#: With this character some editors begin a file; no program that is meant here expects it.
BYTE_ORDER_MARK = "\ufeff"
#: Perl and vsftpd read bytes: only these characters are blanks to them.
BLANKS = " \t\n\r\f\v"


class Severity(StrEnum):
    """How much a finding matters."""

    ERROR = "error"
    """The program that the file is for ends, or refuses to start, because of this line."""
    WARNING = "warning"
    """The line does something other than it seems to say, gives something away, or is left out
    although it can change an outcome."""
    NOTE = "note"
    """The line was understood, and this became of it."""


@dataclass(frozen=True)
class Finding:
    """Something worth saying about one line of a file; the file is read nevertheless."""

    severity: Severity
    file: str
    line: int | None
    """Counted from 1; ``None``: the finding is about the file as a whole."""
    text: str
    ja: str = ""
    """The same in Japanese; empty: nobody has put it in Japanese."""

    def __str__(self) -> str:
        return f"{_place(self.file, self.line)}: {self.severity}: {one_line(self.text)}"

    def in_(self, language: str) -> str:
        """In a line in ``en`` or ``ja``, as :func:`str` gives it."""
        if language != "ja" or not self.ja:
            return str(self)
        severity = data("findings.toml")["severity"][self.severity]
        return f"{_place(self.file, self.line)}: {severity}: {one_line(self.ja)}"


class InputError(ValueError):
    """A file cannot be an input at all; the message says where, why and what to do.

    Args:
        file: as the person named it.
        line: counted from 1; ``None``: the file as a whole.
        what: what is wrong.
        remedy: what to do about it.
        ja: both in Japanese; ``None``: nobody has put them in Japanese here.
    """

    def __init__(
        self, file: str, line: int | None, what: str, remedy: str, ja: tuple[str, str] | None = None
    ) -> None:
        self.file, self.line = file, line
        self.what, self.remedy = one_line(what), one_line(remedy)
        self._ja = ja
        super().__init__(f"{_place(file, line)}: {self.what}\n{self.remedy}")

    def in_(self, language: str) -> str:
        """The message in ``en`` or ``ja``."""
        if language != "ja" or self._ja is None:
            return str(self)
        what, remedy = map(one_line, self._ja)
        return f"{_place(self.file, self.line)}: {what}\n{remedy}"


@dataclass(frozen=True)
class Origins:
    """Where the lines of a text stand that was put together of several files."""

    lines: Sequence[tuple[str, int]] = ()
    """By line the file and the number there; empty: it is one file."""

    def of(self, file: str, line: int | None) -> tuple[str, int | None]:
        """The file and the line there of a line of the text; ``file`` is that of the text as a whole."""
        return (file, line) if line is None or not self.lines else self.lines[line - 1]


#: Of a text that is one file.
ONE_FILE = Origins()


class Findings(list[Finding]):
    """What is to be said about one file so far, in the order in which it was found.

    Args:
        file: as the person named it.
        table: where the words are that :meth:`say` says, such as ``mt.toml``.
        origins: where the lines stand, if the file was put together.
    """

    def __init__(self, file: str, table: str = "", origins: Origins = ONE_FILE) -> None:
        super().__init__()
        self.file, self.table, self.origins = file, table, origins

    def at(self, line: int | None) -> tuple[str, int | None]:
        """The file and the line there."""
        return self.origins.of(self.file, line)

    def place(self, line: int | None) -> str:
        """``FILE:LINE``, or the file as a whole."""
        file, number = self.at(line)
        return file if number is None else f"{file}:{number}"

    def in_words(self, line: int) -> InBothLanguages:
        """The line, and its file where that is another one than the file as a whole."""
        file, number = self.at(line)
        name = "one-line" if file == self.file else "line-of"
        words = InBothLanguages(**data("findings.toml")["phrases"][name])
        return words.format(number=number, file=file)

    def say(self, name: str, line: int | None, /, **values: object) -> None:
        """The words of this name in the table, with the values in the places of their names."""
        table = data(self.table)
        self.say_words(table["words"][name], line, table.get("ja", {}).get(name, ""), **values)

    def say_words(self, words: str, line: int | None, ja: str = "", /, **values: object) -> None:
        """Words as tables have them, ``SEVERITY: TEXT``, with the values in the places of their names.

        Args:
            words: in English.
            line: which they are about.
            ja: the text in Japanese; empty: there is none.
            values: by name; one that is :class:`InBothLanguages` in its own language.
        """
        severity, _, text = words.partition(": ")
        said = InBothLanguages(text, ja).format(**values)
        self.append(Finding(Severity(severity), *self.at(line), said.en, said.ja))

    def fail(self, name: str, line: int | None, /, **values: object) -> InputError:
        """To be raised: the error of this name in the table, with the values as in :meth:`say`."""
        return self.failure_of(data(self.table)["errors"][name], line, **values)

    def failure_of(
        self, error: Mapping[str, Any], line: int | None, /, **values: object
    ) -> InputError:
        """To be raised: an error as tables have it: ``what``, ``remedy``, and the two under ``ja``."""
        japanese = error.get("ja", {})
        what, remedy = (
            InBothLanguages(error[part], japanese.get(part, error[part])).format(**values)
            for part in ("what", "remedy")
        )
        ja = (what.ja, remedy.ja) if japanese else None
        return InputError(*self.at(line), what.en, remedy.en, ja)

    def failure(self, line: int | None, what: str, remedy: str) -> InputError:
        """To be raised: the file cannot be an input."""
        return InputError(*self.at(line), what, remedy)


def most_of(findings: Sequence[Finding]) -> list[Finding]:
    """The first findings, at most :data:`MOST_FINDINGS`, and one that says how many there are beside them."""
    rest = len(findings) - MOST_FINDINGS
    if rest <= 0:
        return list(findings)
    text = f"there are {rest} more findings, which are not printed: see to these first"
    last = Finding(Severity.NOTE, findings[MOST_FINDINGS].file, None, text)
    return [*findings[:MOST_FINDINGS], last]


@functools.cache
def data(name: str) -> dict[str, Any]:
    """What a table beside these modules holds, such as ``pem.toml``."""
    return tomllib.loads((Path(__file__).parent / name).read_text(encoding="utf-8"))


def read_bytes(path: Path, limit: files.ReadLimit) -> bytes:
    """What a person's file holds.

    Raises:
        InputError: it cannot be read, or is larger than its kind may be.
    """
    try:
        return files.read(path, limit)
    except files.Unreadable as error:
        raise InputError(str(path), None, f"{error.what}.", error.remedy) from error


def read_text(path: Path) -> str:
    """The text of a configuration file.

    A byte that is not UTF-8 (in a comment, mostly) is written out in digits.

    Raises:
        InputError: it cannot be read, or is no text.
    """
    content = read_bytes(path, files.CONFIGURATION)
    before, nul, _ = content.partition(b"\0")
    if nul:
        what = "the file is not plain text: it has NUL bytes (UTF-16?)."
        remedy = "Save it as UTF-8 without a byte order mark."
        raise InputError(str(path), before.count(b"\n") + 1, what, remedy)
    return content.decode("utf-8", "backslashreplace")


class Lines:
    """Where the lines of a text are."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._ends = [end.start() for end in re.finditer("\n", text)]

    def of(self, at: int) -> int:
        """The line of a place, counted from 1."""
        return bisect.bisect_left(self._ends, at) + 1

    def rest(self, at: int) -> str:
        """What the line of a place has from there on."""
        end = self.text.find("\n", at)
        return self.text[at : None if end < 0 else end]


def check_line(file: str, number: int | None, line: str, settings: int) -> None:
    """A line of a configuration file is no longer, and there are no more of them, than in any real one.

    Args:
        file: its name, for the message.
        number: of the line, counted from 1.
        line: the line.
        settings: how many lines with settings there are up to this one.

    Raises:
        InputError: it is too long, or there are too many.
    """
    remedy = "Check that it is the right file, or"
    if len(line) > LONGEST_LINE:
        what = f"this line has {len(line)} characters, and {LONGEST_LINE} is the most that is read."
        raise InputError(file, number, what, f"{remedy} shorten the line.")
    if settings > MOST_SETTINGS:
        what = (
            f"the file has more than {MOST_SETTINGS} settings, and that is the most that is read."
        )
        raise InputError(file, number, what, f"{remedy} leave out what it does not need.")


def _place(file: str, line: int | None) -> str:
    """``FILE:LINE``, as compilers write it."""
    return one_line(file) if line is None else f"{one_line(file)}:{line}"
