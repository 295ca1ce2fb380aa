"""Commands for whoever teaches or learns: a case step by step, a quiz, a shell beside the clients."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import typer

from lab.cli import common

if TYPE_CHECKING:
    from lab.cases import Catalogue
    from lab.training.screen import Screen

#: So many more refusals are made than are asked about: some cannot be tried, or turn out to be no question.
_SPARE = 3


def demo(
    case: str | None = None,
    language: common.Language = "en",
    pauses: bool = True,
    listing: bool = False,
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
    raise typer.Exit(common.LAB_ERROR if unshown else common.status_of_verdict(verdict))


def quiz(
    seed: int | None = None, count: int = 5, language: common.Language = "en", pauses: bool = True
) -> None:
    """``lab quiz``: exit status 1 if something came otherwise than its case expects."""
    import secrets
    from itertools import islice

    from lab.record import gravest
    from lab.training.quiz import Quiz, questions

    seed = secrets.randbelow(10_000) if seed is None else seed
    asked = list(islice(questions(_catalogue().select([]), seed), count + _SPARE))
    screen = _screen(language, pauses=pauses)
    from lab.training.live import live
    from lab.training.screen import ReaderLeft
    from lab.training.words import say

    planned = [p for one in asked for p in (one.refusal, one.fix) if p is not None]
    game = Quiz(screen, min(count, len(asked)))
    try:
        with live(planned) as run:
            done = 0
            for question in asked:
                if done == count:
                    break
                done += game.ask(question, run.of(question.case))
            game.end(seed)
    except ReaderLeft:
        screen.say(say("page", "ended"))
        game.end(seed, left=True)
    raise typer.Exit(common.status_of_verdict(gravest(game.verdicts)))


def shell(
    where: str,
    command: list[str] | None = None,
    server: str | None = None,
    server_settings: list[str] | None = None,
    language: common.Language = "en",
) -> None:
    """``lab shell``: with a command its exit status."""
    from lab.own.attempt import FTP_SERVER
    from lab.run.agents import Unsupported
    from lab.settings import parse_server
    from lab.training.shell import client_shell, servers_to_try

    servers = servers_to_try()
    if server or server_settings:
        servers = ((parse_server(server_settings or [], server or FTP_SERVER), False),)
    terminal = sys.stdin.isatty() and sys.stdout.isatty()
    try:
        with client_shell(where, servers, language) as opened:
            if not command:
                common.say(opened.hint(language).rstrip())
            status = opened.run(command or [], terminal=terminal)
    except Unsupported as cause:
        common.say(f"cannot: {cause}", error=True)
        raise typer.Exit(common.LAB_ERROR) from None
    raise typer.Exit(status if command else common.OK)


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
