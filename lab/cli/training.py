"""Commands for whoever teaches or learns: a case step by step, a quiz, a shell beside the clients."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from lab.cli import common
from lab.model.expectations import Verdict

if TYPE_CHECKING:
    from lab.cases import Catalogue
    from lab.training.screen import Screen

Language = Annotated[Literal["en", "ja"], typer.Option("--lang", help="en, ja")]
Pauses = Annotated[
    bool, typer.Option("--pause/--no-pause", help="Wait for an answer, or show all in one go.")
]


def demo(
    case: Annotated[
        str | None, typer.Argument(metavar="[CASE]", help="A case, or a part of its name.")
    ] = None,
    language: Language = "en",
    pauses: Pauses = True,
    listing: Annotated[
        bool, typer.Option("--list", help="List all cases, ten to begin with first.")
    ] = False,
) -> None:
    """``lab demo``: exit status 1 if something came otherwise than the case expects."""
    from lab.training.choice import listed_cases, one_case
    from lab.training.screen import ReaderLeft

    catalogue = _catalogue()
    if listing or case is None:
        for line in listed_cases(catalogue, language, whole=listing):
            common.console().print(line, soft_wrap=True)
        return
    chosen = one_case(catalogue, case)
    screen = _screen(language, pauses=pauses)
    from lab.training.demo import Demonstration
    from lab.training.live import live

    demonstration = Demonstration(chosen, screen)
    demonstration.begin()
    try:
        with live(chosen.plan(), [chosen]) as run:
            verdict = demonstration.tell(run.of(chosen))
            unshown = run.result(chosen.plan()[0].id).outcome is None
    except ReaderLeft:
        from lab.training.words import say

        screen.say(say("page", "ended"))
        return
    if verdict is Verdict.LAB_ERROR or unshown:
        raise typer.Exit(common.LAB_ERROR)
    raise typer.Exit(common.SURPRISE if verdict is Verdict.SURPRISE else common.OK)


def _catalogue() -> Catalogue:
    from lab.cases import Catalogue
    from lab.host.checkout import source

    return Catalogue.load(source() / "scenarios")


def _screen(language: str, *, pauses: bool) -> Screen:
    from lab.training.screen import Screen
    from lab.training.words import say

    if pauses and not sys.stdin.isatty():
        common.say(say("page", "no_terminal").in_(language), error=True)
        pauses = False
    return Screen(common.console(), language, pauses=pauses)
