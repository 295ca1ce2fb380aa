"""What the commands say and end with: words, both streams, the terminal, exit statuses.

The exit status: 0 all as expected, or completed; 1 a surprise, or refused; 2 wrong usage; 3 the lab itself
could not do it; 128 and the signal's number when a signal ended it; so 141 if the reader of its output left.
Nothing here waits for the library of options: one command has its answer before that is loaded.
"""

from __future__ import annotations

import io
import json
import os
import select
import shutil
import sys
import textwrap
from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from rich.console import Console

    from lab.cases import LoadedCase
    from lab.record import AttemptResult, RunRecord
    from lab.words import InBothLanguages

OK, SURPRISE, USAGE, LAB_ERROR = 0, 1, 2, 3

#: How each group of commands is made: help in plain text, errors left to :func:`lab.cli.main`.
PLAIN: Final[dict[str, Any]] = {
    "add_completion": False,
    "pretty_exceptions_enable": False,
    "rich_markup_mode": None,
    "context_settings": {"help_option_names": ["-h", "--help"]},
}

Language = Literal["en", "ja"]


def said(section: str, name: str, /, **values: object) -> InBothLanguages:
    """The words of this name in the commands' table, filled in."""
    from lab.words import read_words

    return read_words(Path(__file__).with_name("words.toml"))[section][name].format(**values)


def chosen_cases(
    names: list[str] | None, document: str | None = None, *, every: bool = False
) -> list[LoadedCase]:
    """The checkout's cases of these names, of this document.

    Without any, all but those of a document that is run by its name only; with ``every`` those, too.

    Raises:
        CaseError: a name fits no case, or there is no such document.
    """
    from lab.cases import Catalogue
    from lab.host.checkout import source

    return Catalogue.load(source() / "scenarios").select(names or [], document, every=every)


# -- both streams --------------------------------------------------------------------------------------


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


def asks_for_japanese(words: Sequence[str]) -> bool:
    """Whether the words of a command ask for Japanese, whatever else is wrong with them."""
    before = words[: words.index("--")] if "--" in words else words
    return "--lang=ja" in before or ("--lang", "ja") in pairwise(before)


def print_error(error: Exception) -> None:
    """Print an error's text as the command's message, in the language that its words ask for.

    A terminal gets lines of its width.
    """
    say_to_people(f"lab: {_said(error)}")


def say_to_people(text: str) -> None:
    """Print a message on standard error: in lines of its width on a terminal, else as it is."""
    if sys.stderr.isatty():
        text = "\n".join(piece for line in text.splitlines() for piece in _broken(line))
    say(text, error=True)


def _said(error: Exception) -> str:
    if not asks_for_japanese(sys.argv[1:]):
        return str(error)
    from lab.cli.japanese import in_japanese

    own = getattr(error, "in_", None)
    return in_japanese(own("ja") if callable(own) else str(error))


def _broken(line: str) -> list[str]:
    """A line in pieces of the terminal's width, the later ones indented; no word is broken."""
    width = shutil.get_terminal_size().columns
    if not line.isascii():
        from lab.report.layout import hung

        first, *others = hung("", line, max(width, 20) - 2)
        return [first, *(f"  {one}" for one in others)]
    before = line[: len(line) - len(line.lstrip())] + "  "
    wrapper = textwrap.TextWrapper(
        max(width, 20), subsequent_indent=before, break_long_words=False, break_on_hyphens=False
    )
    return wrapper.wrap(line) or [line]


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


@cache
def console(*, error: bool = False) -> Console:
    """Where results go, with ``error`` where progress and messages go: laid out, in colours."""
    from rich.console import Console

    class Terminal(Console):
        def on_broken_pipe(self) -> None:
            raise  # noqa: PLE0704 - it is called where this was caught; Rich would end with 1

    return Terminal(stderr=error)


def columns() -> int:
    """How many columns a paragraph may have; longer lines do not read well."""
    return min(console().width, 100)


# -- exit statuses -------------------------------------------------------------------------------------


def status_of_run(record: RunRecord) -> int:
    """The status that a run's verdict has; a run that was cut short is not judged."""
    if not record.complete:
        return LAB_ERROR  # whether all is as expected is not known
    return status_of_verdict(record.verdict)


def status_of_verdict(verdict: str) -> int:
    """The status that a verdict has."""
    return {"lab-error": LAB_ERROR, "surprise": SURPRISE}.get(verdict, OK)


def status_of_attempt(record: AttemptResult) -> int:
    """The status of one attempt: what was expected decides, else whether it completed."""
    if record.outcome is None:
        return LAB_ERROR
    if record.expectation is not None:
        return OK if record.verdict == "as-expected" else SURPRISE
    return OK if record.outcome.result == "completed" else SURPRISE
