"""Both streams and exit statuses: what every command says and ends with, without the library of options.

The exit status: 0 all as expected, or completed; 1 a surprise, or refused; 2 wrong usage; 3 the lab itself
could not do it; 128 and the signal's number when a signal ended it; so 141 if the reader of its output left.
"""

from __future__ import annotations

import io
import json
import os
import select
import sys

OK, SURPRISE, USAGE, LAB_ERROR = 0, 1, 2, 3


class Interrupted(BaseException):
    """A signal asks the command to end. No :class:`Exception`: nothing on the way handles it."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def say(words: str, *, error: bool = False) -> None:
    """Print words as they are: no colours, no lines broken."""
    (sys.stderr if error else sys.stdout).write(f"{words}\n")


def print_json(value: object) -> None:
    """Print a value as indented JSON; what JSON does not know is printed as its ``str``."""
    say(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def print_error(error: Exception) -> None:
    """Print an error's text as the command's message."""
    say(f"lab: {error}", error=True)


def prepare() -> None:
    """Standard streams that were closed (``<&-``) lead nowhere; letters that a locale lacks are escaped."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), mode, encoding="utf-8"))
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def reader_has_gone() -> bool:
    """Whether nobody reads standard output any more; what is left is written otherwise."""
    try:
        sys.stdout.flush()
        looking = select.poll()
        looking.register(sys.stdout.fileno(), 0)
    except BrokenPipeError:
        return True
    except OSError:  # it is no file
        return False
    return any(event & select.POLLERR for _, event in looking.poll(0))
