"""TLS on a connection: what was offered, selected and refused, in the order in which it passed.

Source: RFC 5246, sections 6.2 (records), 7.1 (ChangeCipherSpec), 7.2 (alerts), 7.3 (the handshake, and the
abbreviated one), 7.4.2 (Certificate); RFC 8446, sections 4.4.2, 5.1, 5.2 and appendix D.4 (a
ChangeCipherSpec that means nothing).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESCCM, AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from lab.model import Side
from lab.tls import client_hello, server_hello
from lab.tls import records as tls
from lab.tls.client_hello import ClientHello
from lab.tls.records import Reader, Record, WireError
from lab.tls.server_hello import ServerHello
from lab.wire.streams import Connection, Moment

#: Those of a key log, by label and client random.
_Secrets = Mapping[tuple[str, bytes], bytes]
_Taken = tuple[Moment, Side, Record | bytes]
#: An encrypted alert of TLS 1.3: two bytes, the inner type, the tag of the suite (CCM_8's has 8 bytes).
_ALERT_SIZES = (2 + 1 + 16, 2 + 1 + 8)
#: The same of JSSE, which pads every record with 16 bytes (RFC 8446, section 5.4): shorter than a Finished or
#: a Certificate of it. Behind these it may be data as well.
_PADDED_ALERT_SIZE = 2 + 1 + 16 + 16
_USER_CANCELED = 90
#: Of what is no TLS, so many bytes are shown.
_SHOWN = 160


class Point(StrEnum):
    """How far a connection had come."""

    CONNECT = "connect"
    """No connection was made."""
    GREETING = "greeting"
    """Connected, and the server had not said anything yet."""
    CLEAR = "clear"
    """In the dialogue in clear text, AUTH included."""
    BEFORE_CLIENT_HELLO = "before-client-hello"
    BEFORE_SERVER_HELLO = "before-server-hello"
    HANDSHAKE = "handshake"
    """Behind the ServerHello."""
    AFTER_HANDSHAKE = "after-handshake"
    """The client had finished, and nothing else was exchanged yet."""
    SESSION = "session"
    """Later."""


@dataclass(frozen=True)
class Offered:
    """The ClientHello."""

    newest: str
    """The newest version that it speaks."""
    versions: tuple[str, ...] | None
    """The versions that it lists; null: it has no such list, older ones may do as well."""
    suites: tuple[str, ...]
    """Cipher suites in its order, as OpenSSL names them."""
    server_name: str | None
    """SNI; null: it names none."""
    alpn: tuple[str, ...]
    """Application protocols; none: it does not say."""


@dataclass(frozen=True)
class Selected:
    """The ServerHello."""

    version: str
    cipher: str
    retry: bool
    """The server first asked for another ClientHello (HelloRetryRequest)."""
    resumed: bool | None
    """An earlier session was resumed; null: the handshake ended before that could be seen."""


@dataclass(frozen=True)
class Certificates:
    """The Certificate message of the server."""

    number: int
    size: int
    """All of them, in bytes."""


@dataclass(frozen=True)
class AlertSeen:
    """One alert."""

    by: Side
    """Who sent it."""
    point: Point
    """How far the handshake had come."""
    after_ms: float
    """Milliseconds from the connection's first packet."""
    name: str | None
    """As the IANA registry has it; null: it is encrypted."""
    number: int | None = None
    fatal: bool | None = None
    """Whether it ends the handshake; null: it is encrypted."""
    decrypted: bool = False
    """The key log opened it."""

    @property
    def is_goodbye(self) -> bool:
        """Whether its sender closes, and says nothing against the other end."""
        return self.number in (tls.CLOSE_NOTIFY, _USER_CANCELED)


@dataclass(frozen=True)
class NotTls:
    """What is no TLS where TLS had begun."""

    by: Side
    after_ms: float
    """Milliseconds from the connection's first packet."""
    text: str
    """How it begins; other bytes than text are escaped."""


@dataclass
class Handshake:
    """What was read of TLS, and how far it came."""

    hello: ClientHello | None = None
    selected: ServerHello | None = None
    retry: bool = False
    resumed: bool | None = None
    certificates: Certificates | None = None
    alerts: list[tuple[Moment, AlertSeen]] = field(default_factory=list)
    finished: dict[Side, Moment] = field(default_factory=dict)
    """When each end sent its Finished."""
    sealed_by_server: bool = False
    """Over TLS 1.3 the server sent something behind its ServerHello."""
    spoken: Moment | None = None
    """When the client sent something behind its Finished."""
    not_tls: dict[Side, tuple[Moment, NotTls]] = field(default_factory=dict)
    """What each end sent that is no TLS."""
    unreadable: str = ""
    """Why a message could not be read."""

    @property
    def version(self) -> str | None:
        """The version that the server chose."""
        return self.selected.version if self.selected else None

    @property
    def is_the_clients_turn(self) -> bool:
        """Whether the server has nothing to say before the client's Finished (RFC 8446, section 2).

        What it sends behind its ServerHello is one flight: the first record of it counts.
        """
        return self.sealed_by_server and Side.CLIENT not in self.finished

    @property
    def point(self) -> Point:
        """How far it has come."""
        if self.hello is None:
            return Point.BEFORE_CLIENT_HELLO
        if self.selected is None:
            return Point.BEFORE_SERVER_HELLO
        awaited = [Side.CLIENT] if self.version == "TLSv1.3" else [Side.CLIENT, Side.SERVER]
        if any(side not in self.finished for side in awaited):
            return Point.HANDSHAKE
        return Point.AFTER_HANDSHAKE if self.spoken is None else Point.SESSION


@dataclass
class _End:
    """One end of the handshake."""

    rest: bytes = b""
    encrypts: bool = False
    opener: Opener | None = None


class _Reading:
    """Follows the records of both ends."""

    def __init__(self, begun: Moment, secrets: _Secrets) -> None:
        self.seen = Handshake()
        self._begun = begun
        self._finished_seen = False
        self._secrets = secrets
        self._ends = {Side.CLIENT: _End(), Side.SERVER: _End()}

    def take(self, side: Side, record: Record, moment: Moment) -> None:
        """The next record."""
        end = self._ends[side]
        if record.content_type == tls.APPLICATION_DATA and self.seen.version == "TLSv1.3":
            self._sealed(side, end, record, moment)
        elif record.content_type == tls.HANDSHAKE and end.encrypts:
            self.seen.finished.setdefault(side, moment)
        elif record.content_type == tls.HANDSHAKE:
            self._messages(side, end, record.fragment, moment)
        elif record.content_type == tls.CHANGE_CIPHER_SPEC and self.seen.version != "TLSv1.3":
            self._changes_cipher(side, end)
        elif record.content_type == tls.ALERT:
            self._alert(side, None if end.encrypts else record.fragment, moment)
        elif record.content_type == tls.APPLICATION_DATA:
            self._data(side, moment)

    def take_other(self, side: Side, data: bytes, moment: Moment) -> None:
        """What is no record; nothing of this end is read behind it."""
        what = NotTls(side, moment.since(self._begun), shown(data))
        self.seen.not_tls[side] = (moment, what)

    def _sealed(self, side: Side, end: _End, record: Record, moment: Moment) -> None:
        """A record of TLS 1.3: what is in it, as far as that can be known."""
        opened = end.opener.open(record) if end.opener else None
        self.seen.sealed_by_server |= side is Side.SERVER
        if opened is None:
            first = side is Side.CLIENT and side not in self.seen.finished
            padded = first and len(record.fragment) == _PADDED_ALERT_SIZE
            if padded or len(record.fragment) in _ALERT_SIZES:
                self._alert(side, None, moment)
            elif side is Side.CLIENT and self._finishes(moment):
                self.seen.finished[side] = moment
                self._finished_seen = len(record.fragment) in self._finished_sizes()
            else:
                self._data(side, moment)
        elif opened[0] == tls.ALERT:
            self._alert(side, opened[1], moment, opened=True)
        elif opened[0] == tls.HANDSHAKE:
            self._messages(side, end, opened[1], moment)
        else:
            self._data(side, moment)

    def _finishes(self, moment: Moment) -> bool:
        """Whether an unreadable record of the client may belong to the end of its handshake.

        A certificate of its own and Finished are records of one packet; the file can be in it, too.
        """
        finished = self.seen.finished.get(Side.CLIENT)
        return finished is None or (finished == moment and not self._finished_seen)

    def _finished_sizes(self) -> tuple[int, int]:
        """Of an encrypted Finished: its head, the hash, the inner type, the tag; without and with padding."""
        number = self.seen.selected.suite.number if self.seen.selected else 0
        size = 4 + (48 if number == 0x1302 else 32) + 1 + (8 if number == 0x1305 else 16)
        return size, size + 16

    def _messages(self, side: Side, end: _End, fragment: bytes, moment: Moment) -> None:
        found, end.rest = tls.messages(end.rest + fragment)
        for kind, body in found:
            try:
                self._message(side, kind, body, moment)
            except WireError as error:
                self.seen.unreadable = self.seen.unreadable or f"{side}: {error}"

    def _message(self, side: Side, kind: int, body: bytes, moment: Moment) -> None:
        seen = self.seen
        if kind == tls.CLIENT_HELLO and side is Side.CLIENT and seen.selected is None:
            seen.hello = client_hello.read(body)
        elif kind == tls.SERVER_HELLO and side is Side.SERVER and seen.selected is None:
            chosen = server_hello.read(body)
            seen.retry |= chosen.retry
            if not chosen.retry:
                self._select(chosen)
        elif kind == tls.CERTIFICATE and side is Side.SERVER and seen.certificates is None:
            seen.certificates = _certificates(body, tls13=seen.version == "TLSv1.3")
            seen.resumed = False
        elif kind == tls.FINISHED:
            self.seen.finished.setdefault(side, moment)

    def _select(self, chosen: ServerHello) -> None:
        self.seen.selected = chosen
        if chosen.version != "TLSv1.3":
            return
        self.seen.resumed = chosen.resumes
        random = self.seen.hello.random if self.seen.hello else b""
        for side, end in self._ends.items():
            end.opener = Opener(side, chosen.suite.number, random, self._secrets)

    def _changes_cipher(self, side: Side, end: _End) -> None:
        if self.seen.selected is None:
            return  # behind a HelloRetryRequest it means nothing
        end.encrypts = True
        if side is Side.SERVER and self.seen.resumed is None:
            # Without a certificate: the abbreviated handshake, or an anonymous suite; in that the
            # client is the first to change.
            self.seen.resumed = not self._ends[Side.CLIENT].encrypts

    def _data(self, side: Side, moment: Moment) -> None:
        # What a server sends first may be session tickets.
        if side is Side.CLIENT and self.seen.spoken is None:
            self.seen.spoken = moment

    def _alert(self, side: Side, sent: bytes | None, moment: Moment, opened: bool = False) -> None:
        place = (side, self.seen.point, moment.since(self._begun))
        alert = AlertSeen(*place, None)
        if sent is not None and len(sent) == 2:
            level, number = sent
            fatal = tls.is_fatal(level, number, self.seen.version)
            alert = AlertSeen(*place, tls.alert_name(number), number, fatal, opened)
        self.seen.alerts.append((moment, alert))


def handshake(connection: Connection, offsets: tuple[int, int], secrets: _Secrets) -> Handshake:
    """Read the TLS of a connection.

    Args:
        connection: the connection.
        offsets: where TLS begins in the client's and in the server's stream.
        secrets: of a key log; none: what is encrypted stays so.
    """
    reading = _Reading(connection.begun, secrets)
    sides = dict(zip((Side.CLIENT, Side.SERVER), offsets, strict=True))
    taken = (one for side, offset in sides.items() for one in _records(connection, side, offset))
    for moment, side, record in sorted(taken, key=lambda one: one[0]):
        if isinstance(record, Record):
            reading.take(side, record, moment)
        else:
            reading.take_other(side, record, moment)
    return reading.seen


def shown(data: bytes) -> str:
    """The beginning of what is no TLS: its first line, other bytes than text escaped."""
    line = data[:_SHOWN].split(b"\n")[0].rstrip(b"\r")
    return "".join(chr(c) if 32 <= c < 127 else f"\\x{c:02x}" for c in line)


def _records(connection: Connection, side: Side, offset: int) -> Iterator[_Taken]:
    """The records of one end, and where they stop what is no TLS, each with its moment."""
    stream = connection.stream(side)
    found, rest = tls.records(stream.data[offset:])
    for record in found:
        yield stream.when(offset + record.end), side, record
    if rest and not tls.begins_record(rest[:5]):
        begins = len(stream.data) - len(rest)
        yield stream.when(begins + 1), side, rest


def _certificates(body: bytes, *, tls13: bool) -> Certificates:
    reader = Reader(body, "the Certificate message")
    if tls13:
        reader.vector(1)
    entries = Reader(reader.vector(3), "the list of certificates")
    number = size = 0
    while entries:
        size += len(entries.vector(3))
        number += 1
        if tls13:
            entries.vector(2)
    return Certificates(number, size)


# -- what only the key log opens -------------------------------------------------------------------


_KEY_UPDATE = 24
#: The labels of a key log, of the handshake's secrets and of those behind it.
_LABELS = {
    Side.CLIENT: ("CLIENT_HANDSHAKE_TRAFFIC_SECRET", "CLIENT_TRAFFIC_SECRET_0"),
    Side.SERVER: ("SERVER_HANDSHAKE_TRAFFIC_SECRET", "SERVER_TRAFFIC_SECRET_0"),
}


class _Cipher(Protocol):
    def decrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None) -> bytes: ...


def parse_key_log(key_log: str) -> _Secrets:
    """The secrets of a key log by label and client random; a line that is none is left out."""
    found: dict[tuple[str, bytes], bytes] = {}
    for line in key_log.splitlines():
        with suppress(ValueError):
            label, random, secret = line.split()
            if not line.startswith("#"):
                found[label, bytes.fromhex(random)] = bytes.fromhex(secret)
    return found


class Opener:
    """Opens the records of one end of a connection, one after the other."""

    def __init__(self, side: Side, suite: int, random: bytes, secrets: _Secrets) -> None:
        """Nothing is opened of a suite that is not one of TLS 1.3's, or without secrets.

        Args:
            side: whose records.
            suite: number of the cipher suite.
            random: the ClientHello's.
            secrets: as :func:`parse` has them.
        """
        self._suite = suite
        self._secrets = [secrets.get((label, random)) for label in _LABELS[side]]
        self._rest = b""
        self._cipher: _Cipher | None = None
        self._iv = b""
        self._sequence = 0
        self._next_key()

    def open(self, record: Record) -> tuple[int, bytes] | None:
        """Type and content of an encrypted record; ``None``: it cannot be opened, nor what follows."""
        if self._cipher is None or record.content_type != tls.APPLICATION_DATA:
            return None
        counter = self._sequence.to_bytes(len(self._iv))
        nonce = bytes(a ^ b for a, b in zip(self._iv, counter, strict=True))
        head = bytes([record.content_type]) + record.version.to_bytes(2)
        head += len(record.fragment).to_bytes(2)
        try:
            padded = self._cipher.decrypt(nonce, record.fragment, head)
        except (InvalidTag, ValueError):
            self._cipher = None
            return None
        self._sequence += 1
        inner = padded.rstrip(b"\0")
        if not inner:
            return None
        kind, content = inner[-1], inner[:-1]
        if kind == tls.HANDSHAKE:
            self._follow(content)
        return kind, content

    def _follow(self, content: bytes) -> None:
        """Behind Finished, other keys are used."""
        found, self._rest = tls.messages(self._rest + content)
        for message, _ in found:
            if message == tls.FINISHED:
                self._next_key()
            elif message == _KEY_UPDATE:
                self._cipher = None

    def _next_key(self) -> None:
        secret = self._secrets.pop(0) if self._secrets else None
        self._sequence = 0
        self._cipher, self._iv = (_suite(self._suite, secret) if secret else None) or (None, b"")


def _suite(number: int, secret: bytes) -> tuple[_Cipher, bytes] | None:
    algorithm: hashes.HashAlgorithm = hashes.SHA384() if number == 0x1302 else hashes.SHA256()
    if len(secret) != algorithm.digest_size:
        return None
    key = expanded(secret, b"key", 16 if number in (0x1301, 0x1304, 0x1305) else 32, algorithm)
    iv = expanded(secret, b"iv", 12, algorithm)
    if number in (0x1301, 0x1302):
        return AESGCM(key), iv
    if number == 0x1303:
        return ChaCha20Poly1305(key), iv
    if number in (0x1304, 0x1305):
        return AESCCM(key, tag_length=16 if number == 0x1304 else 8), iv
    return None


def expanded(secret: bytes, label: bytes, size: int, algorithm: hashes.HashAlgorithm) -> bytes:
    """HKDF-Expand-Label with an empty context."""
    label = b"tls13 " + label
    info = size.to_bytes(2) + bytes([len(label)]) + label + b"\0"
    return HKDFExpand(algorithm, size, info).derive(secret)
