"""Captures as Wireshark's own reader has them, and where the lab's reader differs.

``tshark`` is Debian's, in the image of ``sslscan``: it has nothing in common with :mod:`lab.wire`. It is
given all captures of a run as one file, with the secrets that are in them, and says of every packet what
it finds there; what belongs to one connection is put together here.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from docker import DockerClient

from lab.model import Side
from lab.tls.records import ALERTS, VERSION_NAMES
from lab.tls.suites import SIGNALS, suite_of
from lab.wire.reading import ConnectionReading, WireReading
from lab.wire.tls import Point

#: What tshark is asked for of every packet.
FIELDS = (
    "ip.src",
    "tcp.srcport",
    "tcp.dstport",
    "ip.dst",
    "tcp.flags",
    "tls.handshake.type",
    "tls.handshake.version",
    "tls.handshake.extensions.supported_version",
    "tls.handshake.ciphersuite",
    "tls.handshake.extensions_server_name",
    "tls.handshake.random",
    "tls.handshake.certificate_length",
    "tls.alert_message.desc",
)
FIN, RST = 0x01, 0x04
CLIENT_HELLO, SERVER_HELLO, CERTIFICATE = "1", "2", "11"
#: The random of a HelloRetryRequest (RFC 8446, section 4.1.3).
RETRY = "cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c"
#: A port of the lab may be the registered one of something else, and FTP and HTTP may precede TLS.
ONLY = ("--only-protocols", "frame,pcap,eth,ethertype,ip,tcp,tls,x509sat")
AGGREGATED = ("-E", "aggregator=|")
PATIENCE_S = 240

#: A packet, as tshark has it: the values of a field, in their order.
Row = Mapping[str, list[str]]


def rows(engine: DockerClient, image: str, captures: bytes) -> list[Row]:
    """What tshark says of each packet of a file, which may be several files one behind the other."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        entry = tarfile.TarInfo("all.pcapng")
        entry.size, entry.mode = len(captures), 0o644
        archive.addfile(entry, io.BytesIO(captures))
    asked = [word for name in FIELDS for word in ("-e", name)]
    box = engine.containers.create(
        image,
        ["tshark", "-n", "-r", "/all.pcapng", *ONLY, "-T", "fields", *AGGREGATED, *asked],
        network_mode="none",
    )
    try:
        box.put_archive("/", packed.getvalue())
        box.start()
        status = box.wait(timeout=PATIENCE_S)["StatusCode"]
        said = box.logs(stdout=False, stderr=True).decode()
        assert status == 0, f"tshark ended with {status}: {said[-2000:]}"
        lines = box.logs(stdout=True, stderr=False).decode().splitlines()
    finally:
        box.remove(force=True)
    return [
        {
            name: value.split("|") if value else []
            for name, value in zip(FIELDS, line.split("\t"), strict=True)
        }
        for line in lines
    ]


@dataclass
class Connection:
    """One connection, as tshark has it."""

    versions: tuple[str, ...] | None = None
    """The list of the last ClientHello before the server chose; ``None``: there is no list."""
    suites: tuple[str, ...] | None = None
    server_name: str | None = None
    version: str | None = None
    """The server's choice."""
    cipher: str | None = None
    certificates: int | None = None
    alerts: list[tuple[Side, str]] = field(default_factory=list)
    closed: tuple[Side, bool] | None = None
    """Who was the first to close, and whether that broke the connection."""

    def take(self, side: Side, row: Row) -> None:
        """The next packet."""
        types = row["tls.handshake.type"]
        if side is Side.CLIENT and CLIENT_HELLO in types and self.cipher is None:
            named = _versions(row["tls.handshake.extensions.supported_version"])
            self.versions = named or None
            numbers = (int(one, 16) for one in row["tls.handshake.ciphersuite"])
            self.suites = tuple(
                suite_of(n).name for n in numbers if n not in SIGNALS and n & 0x0F0F != 0x0A0A
            )
            self.server_name = next(iter(row["tls.handshake.extensions_server_name"]), None)
        chosen = side is Side.SERVER and SERVER_HELLO in types and self.cipher is None
        # Behind a HelloRetryRequest in the same packet, the ServerHello is the last.
        if chosen and row["tls.handshake.random"][-1] != RETRY:
            listed = _versions(row["tls.handshake.extensions.supported_version"])
            legacy = VERSION_NAMES[int(row["tls.handshake.version"][-1], 16)]
            self.version = listed[-1] if listed else legacy
            self.cipher = suite_of(int(row["tls.handshake.ciphersuite"][-1], 16)).name
        if side is Side.SERVER and CERTIFICATE in types and self.certificates is None:
            self.certificates = len(row["tls.handshake.certificate_length"])
        self.alerts += [(side, ALERTS[int(n)]) for n in row["tls.alert_message.desc"]]
        flags = int(row["tcp.flags"][0], 16)
        if flags & (FIN | RST) and self.closed is None:
            self.closed = (side, bool(flags & RST))


def _versions(numbers: Iterable[str]) -> tuple[str, ...]:
    known = (int(one, 16) for one in numbers)
    return tuple(VERSION_NAMES[n] for n in known if n in VERSION_NAMES)


def connections(packets: Sequence[Row]) -> dict[frozenset[str], list[Row]]:
    """The packets of one capture, by both ends of their connection."""
    found: dict[frozenset[str], list[Row]] = {}
    for row in packets:
        if row["tcp.srcport"]:
            found.setdefault(frozenset((source(row), target(row))), []).append(row)
    return found


def source(row: Row) -> str:
    """Address and port."""
    return f"{row['ip.src'][0]}:{row['tcp.srcport'][0]}"


def target(row: Row) -> str:
    """Address and port."""
    return f"{row['ip.dst'][0]}:{row['tcp.dstport'][0]}"


def differences(reading: WireReading, packets: Sequence[Row]) -> Iterator[str]:
    """Where the lab reads a capture otherwise than tshark, a line a field."""
    theirs = connections(packets)
    ours = {frozenset((one.client, one.server)): one for one in reading.connections}
    if set(ours) != set(theirs):
        yield f"connections: {sorted(map(sorted, ours))}, tshark {sorted(map(sorted, theirs))}"
    for ends in ours.keys() & theirs.keys():
        one, seen = ours[ends], Connection()
        for row in theirs[ends]:
            seen.take(Side.CLIENT if source(row) == one.client else Side.SERVER, row)
        for name, our, their in compared(one, seen, key_log=reading.key_log):
            if our != their:
                yield f"{one.client} -> {one.server}: {name}: {our}, tshark {their}"


def compared(
    one: ConnectionReading, seen: Connection, *, key_log: bool
) -> Iterator[tuple[str, object, object]]:
    """Field, what the lab has, what tshark has."""
    offered, selected = one.offered, one.selected
    yield "a ClientHello", offered is not None, seen.suites is not None
    if offered is not None:
        yield "versions offered", offered.versions, seen.versions
        yield "suites offered", offered.suites, seen.suites
        yield "server name", offered.server_name, seen.server_name
    yield "version chosen", selected.version if selected else None, seen.version
    yield "suite chosen", selected.cipher if selected else None, seen.cipher
    # What is encrypted, tshark reads with the secrets of all versions, the lab with those of TLS 1.3.
    if key_log or seen.version != "TLSv1.3":
        number = one.certificates.number if one.certificates else None
        yield "certificates", number, seen.certificates
    # tshark takes nothing for TLS before there is a ClientHello: a client may send an alert and no more, and
    # a server without a version that it may speak sends its own without waiting for the hello.
    for side in (Side.CLIENT, Side.SERVER) if offered else ():
        sent = [a for a in one.alerts if a.by is side and a.point is not Point.BEFORE_CLIENT_HELLO]
        our = [alert.name for alert in sent]
        their = [name for by, name in seen.alerts if by is side]
        if len(our) == len(their):
            our = [name or other for name, other in zip(our, their, strict=True)]
        else:
            our = [name for name in our if name is not None]
        yield f"alerts of the {side}", our, their
    yield "closed", (one.closed.by, one.closed.reset) if one.closed else None, seen.closed


def disagreements(
    engine: DockerClient, image: str, captures: Sequence[tuple[str, WireReading, bytes]]
) -> list[str]:
    """Where both readers differ, by attempt and field.

    Args:
        engine: the engine on which tshark runs.
        image: an image that has it.
        captures: name, the lab's reading, and file of each attempt.
    """
    packets = rows(engine, image, b"".join(file for _, _, file in captures))
    expected = sum(reading.packets for _, reading, _ in captures)
    assert len(packets) == expected, f"tshark has {len(packets)} of {expected} packets"
    found, at = [], 0
    for name, reading, _ in captures:
        part = packets[at : at + reading.packets]
        at += reading.packets
        if (
            not reading.lost and not reading.late
        ):  # what is missing, each reader makes up for in its way
            found += [f"{name}: {line}" for line in differences(reading, part)]
    return found
