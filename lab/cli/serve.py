"""``lab serve``: servers and origins that stay, for people's own clients and browsers."""

from __future__ import annotations

import ipaddress
import signal
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import typer

from lab.cli import common
from lab.grouping import grouped_by

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from lab.serve.errors import ServeError
    from lab.serve.names import ServedEntry
    from lab.serve.serving import Ready
    from lab.words import InBothLanguages

#: The port of the page, unless another is asked for; entries have those behind it.
FIRST_PORT = 21000
#: So many entries are listed with their addresses; of more, the ports.
FEW = 12
#: Columns of the labels of what is served.
LABELS = 33


def serve(
    names: list[str] | None = None,
    list_: bool = False,
    port: int = FIRST_PORT,
    address: str = "127.0.0.1",
    edit: bool = False,
    language: common.Language = "en",
) -> None:
    """``lab serve``: ends with 0 when somebody ends it (Ctrl-C)."""
    from lab.images.errors import Printed
    from lab.run.checkout import Checkout
    from lab.serve.errors import ServeError
    from lab.serve.names import choose
    from lab.serve.servers import LOOPBACK, SPAN, Place
    from lab.serve.serving import Wish
    from lab.serve.serving import serve as serve_until_ended

    if list_:
        _Told(language).names()
        return
    try:
        if not names:
            raise ServeError("nothing")
        entries = choose(names)
        if not 1024 <= port <= 65535 - SPAN:
            raise ServeError("ports", first=port, needed=SPAN)
        place = Place(_address(address), port)
        if place.address != LOOPBACK:
            reached = {"address": place.address, "first": port, "last": port + SPAN}
            common.say(_said("warning", **reached).in_(language), error=True)
        # A terminal that is closed ends the command as Ctrl-C does.
        if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:
            signal.signal(signal.SIGHUP, signal.getsignal(signal.SIGTERM))
        wish = Wish(entries, place, edit)
        told = _Told(language)
        serve_until_ended(wish, Checkout.here(), Printed(), told.more, told.ready)
    except ServeError as error:
        common.print_error(error)
        raise typer.Exit(common.USAGE if error.usage else common.LAB_ERROR) from error
    common.say(_said("ended").in_(language), error=True)


def _address(text: str) -> str:
    try:
        found = ipaddress.IPv4Address(text)
    except ValueError:
        raise _no_address(text, "no-address") from None
    if found.is_unspecified or found.is_multicast:
        raise _no_address(text, "not-one-address")
    return str(found)


def _no_address(text: str, why: str) -> ServeError:
    from lab.serve.errors import ServeError

    happened = _said(why)
    return ServeError("address", address=text, happened=happened.en, happened_ja=happened.ja)


def _said(name: str, /, **values: object) -> InBothLanguages:
    return common.said("serve", name, **values)


@dataclass(frozen=True)
class _Told:
    """What people are told, in their language."""

    language: str

    def _say(self, name: str, /, **values: object) -> None:
        """Words of the table, in lines of the terminal's width."""
        from lab.report.layout import print_hanging

        print_hanging(common.console(), "", _said(name, **values).in_(self.language))

    def more(self, words: InBothLanguages) -> None:
        """What happens while it serves."""
        told = words.in_(self.language)
        common.console(error=True).print(told, markup=False, highlight=False, soft_wrap=True)

    def names(self) -> None:
        """Every name, and in which ways it is served."""
        from lab.serve.names import Transport, catalogue

        yes = _said("yes").in_(self.language)

        def marks(ways: Sequence[ServedEntry]) -> list[str]:
            have = {entry.transport for entry in ways}
            return [yes if transport in have else "-" for transport in Transport]

        self._table(catalogue(), marks)
        common.say("")
        self._say("how-named")

    def _table(
        self, entries: Sequence[ServedEntry], cells: Callable[[Sequence[ServedEntry]], list[str]]
    ) -> None:
        """A line for each subject, with something for each way."""
        from rich.cells import cell_len

        from lab.report.layout import padded, print_hanging
        from lab.serve.names import Transport

        name, shows = (_said(one).in_(self.language) for one in ("name", "what-it-shows"))
        rows = [[name, *Transport, shows]]
        for subject, ways in grouped_by(entries, lambda entry: entry.subject).items():
            rows.append([subject, *cells(ways), ways[0].title.in_(self.language)])
        widths = [max(cell_len(cell) for cell in column) for column in zip(*rows, strict=True)]
        for *first, last in rows:
            begin = "".join(
                padded(f"{cell} ", w + 1) for cell, w in zip(first, widths, strict=False)
            )
            print_hanging(common.console(), begin, last)

    def ready(self, ready: Ready) -> None:
        """What is served now, and how it is reached."""
        from lab.serve.servers import PASSWORD
        from lab.servers.base import USER

        entries, place = ready.wish.entries, ready.wish.place
        (self._addresses if len(entries) <= FEW else self._ports)(ready)
        common.say("")
        self._pair("page", f"http://{place.host}:{place.first}/")
        self._pair("ca", _shown(ready.ca))
        if any(entry.is_ftp for entry in entries):
            self._pair("account", _said("user", user=USER, password=PASSWORD).in_(self.language))
        for entry, said in ready.not_running:
            common.say("")
            self._say("not-running", name=entry.name)
            common.say(f"  {said}")
        for entry, path in ready.files:
            common.say("\n" + _said("to-edit", name=entry.name).in_(self.language) + _shown(path))
        self._commands(ready)
        for name in (*(["edited"] if ready.files else []), "to-end"):
            common.say("")
            self._say(name)
        sys.stdout.flush()

    def _pair(self, label: str, what: str) -> None:
        # In one piece, however long: it is there to be copied.
        from lab.report.layout import padded

        common.say(padded(_said(label).in_(self.language), LABELS) + what)

    def _addresses(self, ready: Ready) -> None:
        from lab.report.layout import print_hanging
        from lab.serve.commands import url

        width = max(len(entry.transport) for entry in ready.wish.entries)
        for subject, ways in grouped_by(ready.wish.entries, lambda entry: entry.subject).items():
            title, shows = ways[0].title.in_(self.language), ways[0].shows.in_(self.language)
            words = f"{title}。{shows}" if self.language == "ja" else f"{title}. {shows}"
            print_hanging(common.console(), f"{subject}: ", words)
            for entry in ways:
                common.say(f"  {entry.transport:<{width}}  {url(entry, ready.wish.place)}")

    def _ports(self, ready: Ready) -> None:
        from lab.serve.names import Transport

        place = ready.wish.place

        def ports(ways: Sequence[ServedEntry]) -> list[str]:
            found = {entry.transport: str(place.port(entry)) for entry in ways}
            return [found.get(transport, "-") for transport in Transport]

        self._table(ready.wish.entries, ports)
        common.say("")
        self._say("ways", host=place.host)

    def _commands(self, ready: Ready) -> None:
        """The commands for each entry of a few; of many, for the first of each way."""
        from lab.serve.commands import commands, hosts_hint

        first: dict[str, ServedEntry] = {}
        for entry in ready.wish.entries:
            first.setdefault(entry.name if len(ready.wish.entries) == 1 else entry.transport, entry)
        for entry in first.values():
            common.say(f"\n{entry.name}")
            for client, command in commands(entry, ready.wish.place, _shown(ready.ca)):
                name = _said("browser").in_(self.language) if client == "browser" else client
                common.say(f"  {name}:\n    {command}")
            if hint := hosts_hint(entry, ready.wish.place):
                common.say(f"  {_said('hosts').in_(self.language)}\n    {hint}")


def _shown(path: Path) -> str:
    """A path as people type it here."""
    from pathlib import Path

    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
