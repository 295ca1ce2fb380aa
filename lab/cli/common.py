"""What several commands say and end with: words, the terminal, the status of what was made."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from lab.cli.streams import (
    LAB_ERROR,
    OK,
    SURPRISE,
    USAGE,
    print_error,
    print_json,
    say,
    say_to_people,
)
from lab.words import InBothLanguages, read_words

if TYPE_CHECKING:
    from rich.console import Console

    from lab.cases import LoadedCase
    from lab.record import AttemptResult, RunRecord

__all__ = [
    "LAB_ERROR",
    "OK",
    "SURPRISE",
    "USAGE",
    "print_error",
    "print_json",
    "say",
    "say_to_people",
]

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
