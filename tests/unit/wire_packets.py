"""Made-up captures: what passes a server's interface, packet for packet, with real TLS in it."""

from __future__ import annotations

import contextlib
import ipaddress
import ssl
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import trustme

from lab.model import Side
from lab.wire.packets import Capture, Packet

SERVER, CLIENT = "172.30.77.10", "172.30.77.5"
PORT = 2100
#: When everything here begins, in nanoseconds since 1970.
BEGUN = 1_900_000_000_000_000_000
FIN, SYN, RST, PSH, ACK = 0x01, 0x02, 0x04, 0x08, 0x10
_HALF = 1 << 31


def frame(
    source: tuple[str, int],
    target: tuple[str, int],
    sequence: int,
    flags: int,
    payload: bytes = b"",
) -> bytes:
    """An Ethernet frame with IPv4 and TCP; checksums are left to hardware that is not there."""
    tcp = struct.pack(
        ">HHIIBBHHH", source[1], target[1], sequence % (1 << 32), 0, 5 << 4, flags, 64240, 0, 0
    )
    addresses = b"".join(ipaddress.IPv4Address(host).packed for host in (source[0], target[0]))
    size = 20 + len(tcp) + len(payload)
    ip = struct.pack(">BBHHHBBH", 0x45, 0, size, 0, 0, 64, 6, 0) + addresses
    return bytes(12) + b"\x08\x00" + ip + tcp + payload


@dataclass
class Wire:
    """Writes packets down as they are sent; a millisecond passes before each."""

    client: tuple[str, int] = (CLIENT, 40000)
    server: tuple[str, int] = (SERVER, PORT)
    first: int = 1000
    """Initial sequence number of both ends."""
    packets: list[Packet] = field(default_factory=list)
    now_ns: int = BEGUN
    sent: dict[Side, int] = field(default_factory=dict)

    def put(self, side: Side, flags: int, payload: bytes = b"", at: int | None = None) -> Packet:
        """One packet; ``at`` is its place in the stream, by default the next."""
        self.now_ns += 1_000_000
        place = self.sent.get(side, 0) if at is None else at
        sequence = self.first + (0 if flags & SYN else 1 + place)
        ends = (self.server, self.client) if side is Side.SERVER else (self.client, self.server)
        data = frame(*ends, sequence, flags, payload)
        packet = Packet(self.now_ns, len(data), side is Side.SERVER, data)
        self.packets.append(packet)
        if at is None:
            self.sent[side] = place + len(payload)
        return packet

    def open(self, by: Side = Side.CLIENT) -> Wire:
        """Make the connection."""
        other = Side.CLIENT if by is Side.SERVER else Side.SERVER
        self.put(by, SYN)
        self.put(other, SYN | ACK)
        self.put(by, ACK)
        return self

    def says(self, side: Side, data: bytes | str) -> Wire:
        """Send something, in pieces of the usual size."""
        data = data.encode() if isinstance(data, str) else data
        for place in range(0, len(data), 1448):
            self.put(side, PSH | ACK, data[place : place + 1448])
        return self

    def dialogue(self, *lines: str) -> Wire:
        """Lines of FTP: ``<`` is the server's, ``>`` the client's."""
        for line in lines:
            self.says(Side.SERVER if line[0] == "<" else Side.CLIENT, f"{line[2:]}\r\n")
        return self

    def waits(self, seconds: float) -> Wire:
        """Nothing happens for so long."""
        self.now_ns += int(seconds * 1e9)
        return self

    def closes(self, side: Side) -> Wire:
        """The end of what this side says."""
        self.put(side, FIN | ACK)
        return self

    def breaks(self, side: Side) -> Wire:
        """A reset."""
        self.put(side, RST | ACK)
        return self

    def tls(self, *ends: Tls, to: int | None = None) -> Wire:
        """The flights of a handshake, or its first ``to``."""
        for side, data in (flight for end in ends for flight in end.flights[:to]):
            self.says(side, data)
        return self

    def capture(self, key_log: str = "") -> Capture:
        """What is kept of it."""
        return Capture(
            packets=tuple(self.packets),
            port=PORT,
            key_log=key_log,
            no_key_log="" if key_log else "its library wrote none",
        )


@dataclass
class Tls:
    """Two ends of TLS in memory."""

    client: ssl.SSLObject
    server: ssl.SSLObject
    flights: list[tuple[Side, bytes]] = field(default_factory=list)
    """What each sent, in its turn."""
    errors: dict[Side, ssl.SSLError] = field(default_factory=dict)
    _pipes: dict[Side, tuple[ssl.MemoryBIO, ssl.MemoryBIO]] = field(default_factory=dict)

    @classmethod
    def between(
        cls, client: ssl.SSLContext, server: ssl.SSLContext, name: str | None = "ftp.lab.test"
    ) -> Tls:
        """Let them shake hands as far as they get."""
        pipes = {side: (ssl.MemoryBIO(), ssl.MemoryBIO()) for side in (Side.CLIENT, Side.SERVER)}
        made = cls(
            client.wrap_bio(*pipes[Side.CLIENT], server_hostname=name),
            server.wrap_bio(*pipes[Side.SERVER], server_side=True),
            _pipes=pipes,
        )
        done: set[Side] = set()
        while len(done) < 2:
            before = len(made.flights)
            for side, end in ((Side.CLIENT, made.client), (Side.SERVER, made.server)):
                if side not in done and made._steps(side, end):
                    done.add(side)
                made._passes(side)
            if len(made.flights) == before:
                break
        return made

    def says(self, side: Side, text: bytes) -> Tls:
        """Send something through the session; nothing: close_notify."""
        end = self.client if side is Side.CLIENT else self.server
        if text:
            end.write(text)
        else:
            with contextlib.suppress(ssl.SSLError):
                end.unwrap()
        self._passes(side)
        return self

    def _steps(self, side: Side, end: ssl.SSLObject) -> bool:
        try:
            end.do_handshake()
        except ssl.SSLWantReadError:
            return False
        except ssl.SSLError as error:
            self.errors[side] = error
        return True

    def _passes(self, side: Side) -> None:
        data = self._pipes[side][1].read()
        if data:
            self.flights.append((side, data))
            other = Side.SERVER if side is Side.CLIENT else Side.CLIENT
            self._pipes[other][0].write(data)


AUTHORITY = trustme.CA()
CERTIFICATE = AUTHORITY.issue_cert("ftp.lab.test")


def client_context(version: str | None = None, *, trusts: bool = True) -> ssl.SSLContext:
    """A client's; of one version only if it is named."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if trusts:
        AUTHORITY.configure_trust(context)
    return _only(context, version)


def server_context(version: str | None = None) -> ssl.SSLContext:
    """A server's."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    CERTIFICATE.configure_cert(context)
    return _only(context, version)


def _only(context: ssl.SSLContext, version: str | None) -> ssl.SSLContext:
    if version is not None:
        number = getattr(ssl.TLSVersion, version.replace(".", "_"))
        context.minimum_version = context.maximum_version = number
    return context


@contextlib.contextmanager
def key_log(context: ssl.SSLContext, folder: Path) -> Iterator[Path]:
    """The file to which a context writes its secrets."""
    path = folder / "secrets"
    context.keylog_filename = str(path)
    yield path


AUTH = ("< 220 (vsFTPd 3.0.5)", "> AUTH TLS", "< 234 Proceed with negotiation.")


def ftps() -> Wire:
    """A connection that has come to AUTH."""
    return Wire().open().dialogue(*AUTH)
