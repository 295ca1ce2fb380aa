"""The suites of both ends in a terminal: both lists, what is common, and what comes of it."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from lab.run.suites import Comparison, Offer
from lab.text import visible
from lab.tls.suites import Suite

_COLUMN = 10
#: A server's whole list is of interest only if it is short: what it comes to is above it.
_MOST = 8


def print_comparison(comparison: Comparison, console: Console) -> None:
    """Print a comparison, its sentence first."""
    style = "bold green" if comparison.possible else "bold red"
    console.print(Text(visible(comparison.sentence), style=style))
    _print_offer("client", comparison.client, console)
    _print_offer("server", comparison.server, console)
    console.print()
    console.print(Text("common to both", style="bold"))
    for version, suites in comparison.common.items():
        _print_suites(version, suites, console)
    if not comparison.common:
        _print_words("-", "no protocol version", console)


def _print_offer(side: str, offer: Offer, console: Console) -> None:
    console.print()
    console.print(Text(f"{side}: {visible(offer.end)}", style="bold"))
    if offer.nothing:
        _print_words("-", f"nothing: {visible(offer.nothing)}", console)
    for version in offer.versions:
        _print_suites(version, offer.suites[version], console)
    if side == "server":
        _print_words("key", offer.key or "no certificate", console)
        _print_words("list", _list_in_words(offer), console)


def _list_in_words(offer: Offer) -> str:
    """A server's cipher list as its library reads it, and what of it the certificate leaves."""
    listed, excluded = offer.configured, offer.excluded
    words = _names(listed) if len(listed) <= _MOST else f"{len(listed)} suites"
    if not excluded or not offer.key:
        return words or "no suite"
    which = _names(excluded) if len(excluded) <= _MOST else f"{len(excluded)} of them"
    return f"{words} (not with this key: {which})"


def _print_suites(label: str, suites: Sequence[Suite], console: Console) -> None:
    _print_words(label, _names(suites) if suites else "no suite", console)


def _names(suites: Sequence[Suite]) -> str:
    return " ".join(suite.name for suite in suites)


def _print_words(label: str, words: str, console: Console) -> None:
    """Words in a column of their own, beside a label."""
    width = max(console.width - _COLUMN, 2 * _COLUMN)
    for number, line in enumerate(Text(words).wrap(console, width)):
        line.rstrip()
        before = Text(f"  {'' if number else label:<{_COLUMN - 2}}", style="dim")
        console.print(before + line, soft_wrap=True)
