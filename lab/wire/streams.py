"""Connections: what each end sent, when it was there, and who ended it.

A stream is put together as a receiver would: in the order of the sequence numbers, each byte once, with the
moment at which it and everything before it had passed the server's interface. Packets that cannot be read
are left out; nothing here raises for what it is given.

Source: RFC 9293, section 3.1 (header), section 3.4 (sequence numbers); RFC 791, section 3.1.
"""

from __future__ import annotations

import bisect
import heapq
import ipaddress
import itertools
import struct
from dataclasses import dataclass, field
from typing import NamedTuple

from lab.model import Side
from lab.wire.packets import Capture, Packet

_ETHERNET, _IPV4, _TCP = 14, 0x0800, 6
_FIN, _SYN, _RST, _ACK = 0x01, 0x02, 0x04, 0x10
_SEQUENCE = 1 << 32


class Moment(NamedTuple):
    """A place in the order of the packets, and the time; the order counts where times are equal."""

    number: int
    time_ns: int

    def since(self, begun: Moment) -> float:
        """Milliseconds from another moment."""
        return round((self.time_ns - begun.time_ns) / 1e6, 3)


class Address(NamedTuple):
    """One end of a connection."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


class _Segment(NamedTuple):
    """One packet of TCP."""

    moment: Moment
    from_server: bool
    client: Address
    server: Address
    sequence: int
    flags: int
    payload: bytes
    size: int


@dataclass
class Stream:
    """What one end sent, put together of its pieces."""

    data: bytes = b""
    """From its beginning without a gap, as far as it was captured."""
    cut: bool = False
    """There is more that was not captured."""
    finished: Moment | None = None
    """It has nothing more to say (FIN)."""
    reset: Moment | None = None
    """It broke the connection (RST)."""
    _ends: list[int] = field(default_factory=list)
    _moments: list[Moment] = field(default_factory=list)
    _first: int | None = None
    """The sequence number with which it begins; ``None``: that was not seen."""
    _next: int = 0
    _waiting: list[tuple[int, int, bytes, int]] = field(default_factory=list)

    def when(self, end: int) -> Moment:
        """When the first ``end`` bytes were there; ``end`` is at least 1 and at most all."""
        return self._moments[bisect.bisect_left(self._ends, end)]

    def starts_at(self, opening: _Segment) -> bool:
        """Note where it begins; false if it has begun elsewhere: then it is another connection."""
        first = (opening.sequence + 1) % _SEQUENCE
        if self._first is None:
            self._first = first
        return self._first == first

    def add(self, one: _Segment) -> None:
        """Take a piece."""
        if self._first is None:
            return
        offset = (one.sequence - self._first) % _SEQUENCE
        if offset >= _SEQUENCE // 2:
            return  # from before the beginning: a probe whether the other end is alive
        heapq.heappush(self._waiting, (offset, one.moment.number, one.payload, one.size))
        while self._waiting and self._waiting[0][0] <= self._next:
            begins, _, piece, size = heapq.heappop(self._waiting)
            fresh = piece[self._next - begins :]
            if fresh and not self.cut:
                self.data += fresh
                self._ends.append(len(self.data))
                self._moments.append(one.moment)
                self._next += len(fresh)
            if begins + size > self._next:
                self.cut = True
                self._next = begins + size

    def end(self) -> None:
        """No more pieces come."""
        self.cut |= bool(self._waiting)

    def last_before(self, moment: Moment) -> Moment | None:
        """The last packet before this one that brought more of it."""
        place = bisect.bisect_left(self._moments, moment)
        return self._moments[place - 1] if place else None

    def first_after(self, moment: Moment) -> Moment | None:
        """The first packet after this one that brought more of it."""
        place = bisect.bisect_right(self._moments, moment)
        return self._moments[place] if place < len(self._moments) else None

    @property
    def closed(self) -> Moment | None:
        """When it ended its part, in whichever way."""
        return min((m for m in (self.finished, self.reset) if m is not None), default=None)


@dataclass
class Connection:
    """One TCP connection, or the try to make one."""

    client: Address
    server: Address
    opened_by: Side
    begun: Moment
    control: bool
    """Whether it goes to the port that the client is told."""
    established: bool = False
    from_client: Stream = field(default_factory=Stream)
    from_server: Stream = field(default_factory=Stream)

    def stream(self, side: Side) -> Stream:
        """What this end sent."""
        return self.from_server if side is Side.SERVER else self.from_client


def connections(capture: Capture) -> tuple[Connection, ...]:
    """The connections of an attempt in the order in which they were begun."""
    found: list[Connection] = []
    by_ends: dict[tuple[Address, Address], Connection] = {}
    for one in filter(None, map(_segment, capture.packets, itertools.count())):
        ends, side = (one.client, one.server), Side.SERVER if one.from_server else Side.CLIENT
        opening = one.flags & (_SYN | _ACK | _RST) == _SYN
        known = by_ends.get(ends)
        if opening and (known is None or not known.stream(side).starts_at(one)):
            control = one.server.port == capture.port
            known = by_ends[ends] = Connection(*ends, side, one.moment, control)
            found.append(known)
        if known is not None:
            _take(known, known.stream(side), one)
    for connection in found:
        connection.from_client.end()
        connection.from_server.end()
    return tuple(found)


def _take(connection: Connection, stream: Stream, one: _Segment) -> None:
    if one.flags & _SYN:
        stream.starts_at(one)
        connection.established |= bool(one.flags & _ACK)
        return
    if one.size:
        stream.add(one)
    if one.flags & _FIN and stream.finished is None:
        stream.finished = one.moment
    if one.flags & _RST and stream.reset is None:
        stream.reset = one.moment


def _segment(packet: Packet, number: int) -> _Segment | None:
    """The headers of a packet, and its payload; ``None``: it is none of TCP over IPv4, or too short."""
    data = packet.data
    if len(data) < _ETHERNET + 20 or int.from_bytes(data[12:14]) != _IPV4:
        return None
    tcp = _ETHERNET + (data[_ETHERNET] & 15) * 4
    if data[_ETHERNET + 9] != _TCP or tcp < _ETHERNET + 20 or len(data) < tcp + 20:
        return None
    (whole,) = struct.unpack_from(">H", data, _ETHERNET + 2)
    hosts = [ipaddress.IPv4Address(data[at : at + 4]) for at in (_ETHERNET + 12, _ETHERNET + 16)]
    from_port, to_port, sequence = struct.unpack_from(">HHI", data, tcp)
    ends = (Address(str(hosts[0]), from_port), Address(str(hosts[1]), to_port))
    payload_at = tcp + (data[tcp + 12] >> 4) * 4
    size = max(0, _ETHERNET + whole - payload_at)
    ends = ends[::-1] if packet.from_server else ends
    moment, payload = Moment(number, packet.time_ns), data[payload_at : payload_at + size]
    return _Segment(moment, packet.from_server, *ends, sequence, data[tcp + 13], payload, size)
