"""What the ClientHello of each client weighs, and whether it fits into one TCP segment.

python tools/hellos.py                           every client, as a table
python tools/hellos.py curl@rocky9               this one
python tools/hellos.py --write docs/networks.md  the table of that page, anew

The bytes are those of the first record that the client sends on its control connection (of the web: its only
one), its head included, as they passed the network.
"""

from __future__ import annotations

import argparse
import re
import struct
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab.agents.helper_programs import SEGMENT
from lab.clients import PROGRAMS
from lab.model import Attempt, Side
from lab.model.expectations import PlannedAttempt
from lab.run.agents import Unsupported
from lab.run.laboratory import open_lab
from lab.run.link import AgentError
from lab.settings import parse_client, parse_server
from lab.wire.ftp import clear_text
from lab.wire.packets import Capture
from lab.wire.streams import connections

#: Whom a client asks, by what it speaks.
ASKED = {"FTP": "vsftpd", "HTTP": "nginx"}
#: Groups of the extension key_share (RFC 8446, section 4.2.8; the registry of TLS Supported Groups).
GROUPS = {
    23: "P-256",
    24: "P-384",
    25: "P-521",
    29: "X25519",
    30: "X448",
    256: "ffdhe2048",
    4588: "X25519MLKEM768",
}
#: Extension, head of a record, type and length of a message, version and random of a ClientHello.
KEY_SHARE, RECORD, MESSAGE, FIXED = 51, 5, 4, 34
BEGIN, END = "<!-- tools/hellos.py -->\n", "<!-- end -->\n"


@dataclass(frozen=True)
class Hello:
    """One client's first record."""

    size: int
    shares: tuple[str, ...]
    """The groups of which it has a key share; none: TLS 1.3 is not offered."""


def hello(data: bytes) -> Hello | None:
    """Read the record at the beginning of ``data``; ``None``: it is no ClientHello."""
    if len(data) < RECORD + MESSAGE or data[0] != 22 or data[RECORD] != 1:
        return None
    (length,) = struct.unpack_from(">H", data, 3)
    groups: list[str] = []
    place = RECORD + MESSAGE + FIXED
    place += 1 + data[place]
    place += 2 + int(struct.unpack_from(">H", data, place)[0])
    place += 1 + data[place]
    place += 2
    while place + 4 <= RECORD + length:
        kind, size = struct.unpack_from(">HH", data, place)
        place += 4
        if kind == KEY_SHARE:
            share = place + 2
            while share + 4 <= place + size:
                group, key = struct.unpack_from(">HH", data, share)
                groups.append(GROUPS.get(group, str(group)))
                share += 4 + key
        place += size
    return Hello(RECORD + length, tuple(groups))


def seen(capture: Capture) -> Hello | None:
    """The ClientHello of the client's first connection."""
    for connection in connections(capture):
        clear = clear_text(connection)
        if connection.control and clear.tls_from:
            return hello(connection.stream(Side.CLIENT).data[clear.tls_from[0] :])
    return None


def clients() -> Iterator[str]:
    """Every client, as ``PROGRAM@PLATFORM``."""
    for name, program in PROGRAMS.items():
        yield from (f"{name}@{platform}" for platform in program.platforms)


def rows(named: Sequence[str]) -> Iterator[tuple[str, str, str, str]]:
    """Client, library, what it weighs, its key shares; where it could not be had, the cause."""
    planned = []
    for name in named:
        speaks = PROGRAMS[name.partition("@")[0]].settings.speaks
        attempt = Attempt(parse_server([], ASKED[speaks]), parse_client(name, []))
        planned.append(PlannedAttempt(name, attempt))
    with open_lab(attempts=[one.attempt for one in planned]) as laboratory:
        for one in planned:
            try:
                result, capture = laboratory.session.attempt(one, capture=True)
            except (Unsupported, AgentError) as error:
                yield one.id, "", "-", f"cannot: {error}"
                continue
            found = seen(capture) if capture else None
            report = result.client_report
            library = report.library if report else ""
            if found is None:
                yield one.id, library, "-", "no ClientHello came by"
            else:
                fits = "" if found.size <= SEGMENT else ", more than one segment"
                shares = ", ".join(found.shares) or "none: TLS 1.2 at most"
                yield one.id, library, f"{found.size}{fits}", shares


def table(found: Sequence[tuple[str, str, str, str]]) -> str:
    """The rows as Markdown."""
    head = ("client", "TLS library, as it says", "bytes of the ClientHello", "key shares")
    lines = [head, ("---",) * 4, *found]
    return "".join(f"| {' | '.join(cell.replace('|', '/') for cell in row)} |\n" for row in lines)


def main(argv: list[str] | None = None) -> int:
    """Make the attempts and print or write the table; the exit status is 0."""
    parser = argparse.ArgumentParser(prog="python tools/hellos.py")
    parser.add_argument("client", nargs="*", help="PROGRAM@PLATFORM (default: every client)")
    parser.add_argument("--write", type=Path, help="the page whose table is written anew")
    arguments = parser.parse_args(argv)
    text = table(list(rows(arguments.client or list(clients()))))
    if arguments.write is None:
        sys.stdout.write(text)
        return 0
    page = arguments.write.read_text(encoding="utf-8")
    place = re.compile(re.escape(BEGIN) + ".*?" + re.escape(END), re.DOTALL)
    arguments.write.write_text(place.sub(lambda _: f"{BEGIN}{text}{END}", page), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
