"""Commands about cases: listing them, running them into a record, running them many times."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import typer
from rich.text import Text

from lab.cli import common
from lab.grouping import grouped_by
from lab.report.layout import print_hanging

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lab.cases import LoadedCase
    from lab.record import RunRecord
    from lab.run.results import Conducted


#: What a list in JSON has of a case, beside its attempts.
_TOLD = ("id", "document", "section", "story")


def list_cases(document: str | None = None, as_json: bool = False) -> None:
    """``lab list``."""
    cases = common.chosen_cases(None, document, every=True)
    if as_json:
        told = [{name: getattr(c, name) for name in _TOLD} for c in cases]
        plans = [{"attempts": [planned.id for planned in c.plan()]} for c in cases]
        common.print_json([one | plan for one, plan in zip(told, plans, strict=True)])
    else:
        _print_cases(cases)


def run_cases(
    cases: list[str] | None = None,
    document: str | None = None,
    capture: Literal["all", "refused", "none"] = "refused",
    language: common.Language = "en",
    verbose: bool = False,
    as_json: bool = False,
) -> None:
    """``lab run``: its exit status is that of the run's verdict."""
    from lab.record import whole
    from lab.report.terminal import Counter, print_run
    from lab.run.recording import conduct
    from lab.wire.packets import CapturePolicy

    def page(record: Path) -> Path:
        return record.with_name("report.html")

    def load_page() -> None:
        from lab.report.html import load

        load()

    def write_page(conducted: Conducted) -> None:
        from lab.documents.verdicts import evaluate_tested
        from lab.report.html import write

        record = conducted.record
        write(record, page(conducted.path), evaluate_tested(record))

    chosen = common.chosen_cases(cases, document)
    total = sum(len(c.plan()) for c in chosen)
    counter = Counter(total, common.console(error=True), language=language)
    conducted = conduct(
        chosen,
        chosen=[*(cases or ()), *(["-d", document] if document else ())],
        on_attempt=counter.count,
        captures=CapturePolicy(capture),
        meanwhile=load_page,
        then=write_page,
    )
    counter.end()
    if as_json:
        common.say(whole(conducted.record).rstrip())
    else:
        places = {"record": conducted.path, "report": page(conducted.path)}
        print_run(conducted.record, common.console(), places, verbose=verbose, language=language)
    raise typer.Exit(common.status_of_run(conducted.record))


def soak(cases: list[str] | None = None, rounds: int = 50) -> None:
    """``lab soak``: exit status 1 if something flips that is no race."""
    from lab.report.view import counts_in_words
    from lab.run.recording import soak as run_soak

    def after_round(number: int, record: RunRecord) -> None:
        common.say(f"round {number} of {rounds}: {counts_in_words(record)}", error=True)

    soaked = run_soak(common.chosen_cases(cases), rounds, after_round)
    common.say(soaked.in_words())
    raise typer.Exit(common.OK if soaked.steady else common.SURPRISE)


def _print_cases(cases: Sequence[LoadedCase]) -> None:
    """Print cases under their sections; one with several clients once, with all of them."""
    section = None
    # Two modules may have a function of the same name.
    for c, *others in grouped_by(cases, lambda one: (one.path, one.name)).values():
        if (c.document, c.section) != section:
            section = (c.document, c.section)
            print_hanging(common.console(), "", Text(f"\n{c.document}: {c.section}", style="bold"))
        print_hanging(common.console(), "  ", c.name)
        clients = [one.label for one in (c, *others)]
        for words in (c.story.splitlines()[0].replace("``", "`"), ", ".join(clients)):
            print_hanging(common.console(), " " * 6, Text(words, style="dim"))
