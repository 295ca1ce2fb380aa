"""An operator's files, read within bounds: as bytes, as text, line by line."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path

from lab.own import files
from lab.own.findings import InputError

#: A longer line is in no configuration file: the longest, a list of cipher suites, has some 4000 characters.
LONGEST_LINE = 16_384
#: vsftpd 3.0.5 has 136 options, Movable Type some 400 directives: no file has more lines with settings.
MOST_SETTINGS = 2000
#: No name of an option is longer; one that is is compared with none.
LONGEST_NAME = 80


def read_bytes(path: Path, limit: files.Limit) -> bytes:
    """What an operator's file holds.

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
    if b"\0" in content:
        raise InputError(
            str(path),
            content[: content.index(b"\0")].count(b"\n") + 1,
            "the file is not plain text: it has NUL bytes (UTF-16?).",
            "Save it as UTF-8 without a byte order mark.",
        )
    return content.decode("utf-8", "backslashreplace")


def check_line(file: str, number: int, line: str, settings: int) -> None:
    """A line of a configuration file is no longer, and there are no more of them, than in any real one.

    Args:
        file: its name, for the message.
        number: of the line, counted from 1.
        line: the line.
        settings: how many lines with settings there are up to this one.

    Raises:
        InputError: it is too long, or there are too many.
    """
    if len(line) > LONGEST_LINE:
        raise InputError(
            file,
            number,
            f"this line has {len(line)} characters, and {LONGEST_LINE} is the most that is read.",
            "Check that it is the right file, or shorten the line.",
        )
    if settings > MOST_SETTINGS:
        raise InputError(
            file,
            number,
            f"the file has more than {MOST_SETTINGS} settings, and that is the most that is read.",
            "Check that it is the right file, or leave out what it does not need.",
        )


def closest(name: str, known: Iterable[str], alike: float) -> str | None:
    """The known name that this one was meant for, if one is alike enough (from 0 to 1)."""
    if len(name) > LONGEST_NAME:
        return None
    near = difflib.get_close_matches(name, known, n=1, cutoff=alike)
    return near[0] if near else None
