"""``lab serve``: servers and origins that stay, for people's own clients and browsers."""

from __future__ import annotations

import ipaddress
import signal
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from lab.cli import common

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lab.serve.names import ServedEntry
    from lab.serve.serving import Ready

#: The port of the page, unless another is asked for; entries have those behind it.
FIRST_PORT = 21000
#: So many entries are listed with their addresses; of more, the ports.
FEW = 12


def serve(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NAME]...", help="What to serve: `expired`, `https:rc4`, a case; `all`."
        ),
    ] = None,
    list_: Annotated[bool, typer.Option("--list", help="List the names, and end.")] = False,
    port: Annotated[
        int, typer.Option("--port", metavar="FIRST", help="The first port: that of the page.")
    ] = FIRST_PORT,
    address: Annotated[
        str, typer.Option(help="Listen on this address of the machine, for others to reach.")
    ] = "127.0.0.1",
    edit: Annotated[
        bool,
        typer.Option("--edit", help="Configurations as files, read again when they are saved."),
    ] = False,
) -> None:
    """``lab serve``: ends with 0 when somebody ends it (Ctrl-C)."""
    from lab.images import Printed
    from lab.run.checkout import Checkout
    from lab.serve.errors import ServeError
    from lab.serve.names import choose
    from lab.serve.servers import LOOPBACK, SPAN, Place
    from lab.serve.serving import Wish
    from lab.serve.serving import serve as serve_until_ended

    if list_:
        _print_names()
        return
    try:
        if not names:
            raise ServeError("nothing")
        entries = choose(names)
        if not 1024 <= port <= 65535 - SPAN:
            raise ServeError("ports", first=port, needed=SPAN)
        place = Place(_address(address), port)
        if place.address != LOOPBACK:
            common.say(
                _WARNING.format(address=place.address, first=port, last=port + SPAN), error=True
            )
        # A terminal that is closed ends the command as Ctrl-C does.
        if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:
            signal.signal(signal.SIGHUP, signal.getsignal(signal.SIGTERM))
        wish = Wish(entries, place, edit)
        serve_until_ended(wish, Checkout.here(), Printed(), _say_more, _print_ready)
    except ServeError as error:
        common.print_error(error)
        raise typer.Exit(common.USAGE if error.usage else common.LAB_ERROR) from error
    common.say("ended; nothing is left", error=True)


_WARNING = """\
WARNING: whoever reaches {address} can use what is served, from {first} to {last}:
broken servers, and an FTP account whose password is known. Uploads stay in the
containers' memory, which is limited, and go with this command. No port of a
container is opened, and nothing of this host can be reached through them."""


def _say_more(words: str) -> None:
    common.console(error=True).print(words, markup=False, highlight=False, soft_wrap=True)


def _address(text: str) -> str:
    from lab.serve.errors import ServeError

    try:
        found = ipaddress.IPv4Address(text)
    except ValueError:
        raise ServeError("address", address=text, happened="it is no IPv4 address") from None
    if found.is_unspecified or found.is_multicast:
        raise ServeError("address", address=text, happened="it is not one address of a machine")
    return str(found)


def _print_names() -> None:
    from rich.table import Table

    from lab.serve.names import Transport, catalogue

    table = Table("name", *Transport, "what it shows", box=None, pad_edge=False)
    for subject, ways in _by_subject(catalogue()).items():
        have = {entry.transport for entry in ways}
        marks = ["yes" if transport in have else "-" for transport in Transport]
        table.add_row(subject, *marks, ways[0].title.en)
    common.console().print(table, highlight=False)
    common.say(
        "\nA name is served in every way that there is, `https:NAME` in one of them."
        "\n`https` is all of HTTPS, `all` everything here. The server of a case"
        "\n(`lab list`) is served by the case's name."
    )


def _by_subject(entries: Sequence[ServedEntry]) -> dict[str, list[ServedEntry]]:
    found: dict[str, list[ServedEntry]] = {}
    for entry in entries:
        found.setdefault(entry.subject, []).append(entry)
    return found


def _print_ready(ready: Ready) -> None:
    from lab.serve.servers import PASSWORD
    from lab.servers.base import USER

    entries, place = ready.wish.entries, ready.wish.place
    (_print_addresses if len(entries) <= FEW else _print_ports)(ready)
    say = common.say
    say(f"\nAll of it explained, with links:  http://{place.host}:{place.first}/")
    say(f"The CA certificate to trust:      {_shown(ready.ca)}")
    if any(entry.is_ftp for entry in entries):
        say(f"FTP account:                      user {USER}, password {PASSWORD}")
    for entry, said in ready.not_running:
        say(
            f"\n{entry.name} does not start, as on a real host; its port refuses. It says:\n  {said}"
        )
    for entry, path in ready.files:
        say(f"\nTo edit, {entry.name}: {_shown(path)}")
    _print_commands(ready)
    if ready.files:
        say("\nThe server starts again when its file is saved; the files go when this ends.")
    say("\nCtrl-C ends it, and leaves nothing.")
    sys.stdout.flush()


def _print_addresses(ready: Ready) -> None:
    from lab.report.layout import print_hanging
    from lab.serve.commands import url

    width = max(len(entry.transport) for entry in ready.wish.entries)
    for subject, ways in _by_subject(ready.wish.entries).items():
        print_hanging(common.console(), f"{subject}: ", f"{ways[0].title.en}. {ways[0].shows.en}")
        for entry in ways:
            common.say(f"  {entry.transport:<{width}}  {url(entry, ready.wish.place)}")


def _print_ports(ready: Ready) -> None:
    from rich.table import Table

    from lab.serve.names import Transport

    place = ready.wish.place
    table = Table("name", *Transport, "what it shows", box=None, pad_edge=False)
    for subject, ways in _by_subject(ready.wish.entries).items():
        ports = {entry.transport: str(place.port(entry)) for entry in ways}
        table.add_row(subject, *(ports.get(t, "-") for t in Transport), ways[0].title.en)
    common.console().print(table, highlight=False)
    common.say(
        f"\nhttps://{place.host}:PORT/   ftp://{place.host}:PORT/ (AUTH TLS)"
        f"   ftps://{place.host}:PORT/ (implicit)"
    )


def _print_commands(ready: Ready) -> None:
    """The commands for each entry of a few; of many, for the first of each way."""
    from lab.serve.commands import commands, hosts_hint

    first: dict[str, ServedEntry] = {}
    for entry in ready.wish.entries:
        first.setdefault(entry.name if len(ready.wish.entries) == 1 else entry.transport, entry)
    for entry in first.values():
        common.say(f"\n{entry.name}")
        for client, command in commands(entry, ready.wish.place, _shown(ready.ca)):
            common.say(f"  {client}:\n    {command}")
        if hint := hosts_hint(entry, ready.wish.place):
            common.say(f"  /etc/hosts, where the name is not found:\n    {hint}")


def _shown(path: Path) -> str:
    """A path as people type it here."""
    from pathlib import Path

    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
