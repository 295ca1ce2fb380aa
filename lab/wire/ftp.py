"""The clear text before TLS: the FTP dialogue up to AUTH, or all of it where there is no TLS.

Source: RFC 959, section 4.2 (replies); RFC 4217, section 4 (AUTH: the client's handshake begins right after
the reply to it); RFC 8446, section 5.1 (how a record begins).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from lab.model import Side
from lab.wire.streams import Connection, Moment, Stream

#: Of clear text so many lines are read, and of each so many bytes.
MOST_LINES = 200
MOST_BYTES = 1024

_FINAL_REPLY = re.compile(r"[1-5]\d\d(?: |$)")
_REPLY = re.compile(r"[1-5]\d\d(?:[ -]|$)")
_SECRET = re.compile(r"(?i)^(PASS|ACCT) .*")
#: An alert or a handshake record of any version; nothing that is clear text begins so.
_RECORDS = (b"\x15\x03", b"\x16\x03")


@dataclass(frozen=True)
class Line:
    """One line of clear text."""

    side: Side
    text: str
    """Without its end; a password is not in it."""

    @property
    def is_reply(self) -> bool:
        """Whether it is the last line of an FTP reply."""
        return self.side is Side.SERVER and bool(_FINAL_REPLY.match(self.text))

    @property
    def is_negative(self) -> bool:
        """Whether it is an FTP reply that says no."""
        return self.side is Side.SERVER and is_negative_reply(self.text)

    @property
    def is_ftp(self) -> bool:
        """Whether a server that speaks FTP may say it."""
        return bool(_REPLY.match(self.text)) or self.text.startswith(" ")

    @property
    def verb(self) -> str:
        """Of a command, its first word."""
        return self.text.partition(" ")[0].upper() if self.side is Side.CLIENT else ""


@dataclass(frozen=True)
class Clear:
    """What a connection has of clear text, and where in each stream TLS begins."""

    lines: tuple[Line, ...]
    tls_from: tuple[int, int] | None
    """Offsets in the client's and in the server's stream; ``None``: there is no TLS."""
    agreed: bool
    """Whether the server had said yes to AUTH."""


def is_negative_reply(text: str) -> bool:
    """Whether a text is a reply of FTP that says no."""
    return bool(_FINAL_REPLY.match(text)) and text[0] in "45"


class _Lines:
    """Takes lines off the front of a stream."""

    def __init__(self, side: Side, stream: Stream) -> None:
        self._side, self._stream = side, stream
        self.offset = 0

    @property
    def next(self) -> Moment | None:
        """When the next line was whole; ``None``: there is none."""
        end = self._end()
        return self._stream.when(end) if end else None

    @property
    def begins_tls(self) -> Moment | None:
        """When the beginning of TLS was there, if that is what comes next."""
        end = self.offset + 2
        found = self._stream.data[self.offset : end] in _RECORDS
        return self._stream.when(end) if found else None

    def take(self) -> Line:
        """The next line; there is one."""
        end = self._end()
        text = self._stream.data[self.offset : end].decode("utf-8", "replace").rstrip("\r\n")
        self.offset = end
        return Line(self._side, _SECRET.sub(r"\1 ***", text))

    def _end(self) -> int:
        return self._stream.data.find(b"\n", self.offset, self.offset + MOST_BYTES) + 1


def clear_text(connection: Connection) -> Clear:
    """Read a connection's clear text, in the order in which it passed."""
    client = _Lines(Side.CLIENT, connection.from_client)
    server = _Lines(Side.SERVER, connection.from_server)
    lines: list[Line] = []
    asked = False
    for one in _in_order(client, server):
        if isinstance(one, Side):
            # To a client that begins at once, all that the server has said is its answer.
            at_once = one is Side.CLIENT and not client.offset
            offsets = (client.offset, 0 if at_once else server.offset)
            return Clear(tuple(lines), offsets, agreed=False)
        lines.append(one)
        if one.side is Side.CLIENT:
            asked = one.verb == "AUTH"
        elif asked and one.is_reply:
            if one.text[0] in "23":
                return Clear(tuple(lines), (client.offset, server.offset), agreed=True)
            asked = False
    return Clear(tuple(lines), None, agreed=False)


def _in_order(client: _Lines, server: _Lines) -> Iterator[Line | Side]:
    """The lines of both as they came, and who begins TLS without agreement: there it ends."""
    for _ in range(MOST_LINES):
        begins = {Side.CLIENT: client.begins_tls, Side.SERVER: server.begins_tls}
        next_client = None if begins[Side.CLIENT] else client.next
        next_server = None if begins[Side.SERVER] else server.next
        known = ((moment, side) for side, moment in begins.items() if moment)
        first, side = min(known, default=(None, None))
        if first and side and all(m is None or first < m for m in (next_client, next_server)):
            yield side
            return
        if next_client is not None and (next_server is None or next_client < next_server):
            yield client.take()
        elif next_server is not None:
            yield server.take()
        else:
            return
