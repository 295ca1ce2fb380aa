"""Files that a check leaves: whether they can be written, and writing them in one step."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lab.host.machine import write_whole
from lab.own.findings import InputError


@dataclass(frozen=True)
class OutputFile:
    """A file that a person named to be written.

    A regular file is replaced in one step: a reader never finds half of it. What is there already and is no
    regular file (``/dev/stdout``, a pipe) is written to.
    """

    path: Path

    def look(self) -> None:
        """See that it can be written, and leave everything as it is.

        Raises:
            InputError: it cannot.
        """
        try:
            if self.path.is_dir():
                raise IsADirectoryError(0, "this is a directory")
            if self._replaced:
                with tempfile.NamedTemporaryFile(dir=self._target.parent):
                    pass
            if self.path.exists() and not os.access(self.path, os.W_OK):
                raise PermissionError(0, "it may not be written")
        except (OSError, ValueError) as error:  # ValueError: a NUL in the name
            raise self._cannot(error) from error

    def write(self, text: str, *, append: bool = False) -> None:
        """Write it, or append to what is there.

        Raises:
            InputError: it cannot be written.
        """
        try:
            if append or not self._replaced:
                with self.path.open("a", encoding="utf-8", newline="\n") as file:
                    file.write(text)
                return
            write_whole(self._target, text)
        except (OSError, ValueError) as error:
            raise self._cannot(error) from error

    @property
    def _target(self) -> Path:
        """Where a link leads to: the link stays."""
        return self.path.resolve()

    @property
    def _replaced(self) -> bool:
        return self.path.is_file() or not self.path.exists()

    def _cannot(self, error: OSError | ValueError) -> InputError:
        said = error.strerror if isinstance(error, OSError) else None
        what = f"the file cannot be written: {said or error}."
        remedy = "Name a file in a folder that is there and that may be written to."
        return InputError(str(self.path), None, what, remedy)


def check_apart(outputs: Mapping[str, Path], inputs: Mapping[str, Path]) -> None:
    """See that nothing which is to be written is an input, or another output, by whatever name.

    Links are followed, and two names of one file are one file. Devices and pipes take what comes.

    Args:
        outputs: what is to be written, by the option that names it.
        inputs: what is read, by the option or the key that names it.

    Raises:
        InputError: one of the outputs is an input, or two of them are one file.
    """
    read = {_identity(path): name for name, path in inputs.items()}
    read.pop(None, None)
    written: dict[object, str] = {}
    for option, path in outputs.items():
        this = _identity(path)
        if this is None:
            continue
        if this in read:
            what = f"{option} would write over what {read[this]} reads."
            raise InputError(str(path), None, what, f"Name another file with {option}.")
        other = written.setdefault(this, option)
        if other != option:
            what = f"both {other} and {option} are to write this file."
            raise InputError(str(path), None, what, "Name another file for one of them.")


def _identity(path: Path) -> object:
    """What tells a file from others; ``None``: it is there, and no regular one."""
    try:
        if path.exists() and not stat.S_ISREG(path.stat().st_mode):
            return None
        target = path.resolve()  # where it is written: without the folders that `..` leaves again
        found = target.stat() if target.exists() else None
    except (OSError, ValueError):  # which the reading or the writing of it says
        return None
    return (found.st_dev, found.st_ino) if found is not None else target
