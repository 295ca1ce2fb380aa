"""Records, handshake messages and alerts: the outermost layers of TLS.

Sources: RFC 5246, sections 6.2.1 (records), 7.2 (alerts) and 7.4 (handshake); RFC 8446, sections 5.1 and 6;
the IANA registry "TLS Alerts"; RFC 6101, section 5.4.2 (alert 41, of SSLv3).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from types import MappingProxyType

from lab.model import PROTOCOLS

CHANGE_CIPHER_SPEC, ALERT, HANDSHAKE, APPLICATION_DATA = 20, 21, 22, 23
CLIENT_HELLO, SERVER_HELLO, CERTIFICATE, SERVER_HELLO_DONE, FINISHED = 1, 2, 11, 14, 20

CLOSE_NOTIFY, HANDSHAKE_FAILURE, PROTOCOL_VERSION = 0, 40, 70

#: A record is at most so long (RFC 5246, section 6.2.3), in bytes.
_LONGEST_RECORD = (1 << 14) + 2048

#: A version's number on the wire (RFC 6101, 2246, 4346, 5246, 8446).
VERSIONS = {name: 0x0300 + minor for minor, name in enumerate(PROTOCOLS)}


def table(name: str) -> Iterator[list[str]]:
    """The rows of one of the tables beside this module, without its comments."""
    text = resources.files(__package__).joinpath(name).read_text("utf-8")
    return (line.split("\t") for line in text.splitlines() if line[:1] != "#")


VERSION_NAMES = {number: name for name, number in VERSIONS.items()}


#: The alerts of TLS by their numbers.
ALERTS: Mapping[int, str] = MappingProxyType({int(n): name for n, name in table("alerts.tsv")})
#: Alerts that end nothing, or end it in good order, whatever the version.
_NO_ERRORS = frozenset({0, 90, 100})
_WARNING, _FATAL = 1, 2


class WireError(ValueError):
    """Bytes that are not the TLS that was looked for; the message says what they are instead."""


@dataclass(frozen=True)
class Alert:
    """An alert: why the other end goes no further."""

    description: int


@dataclass(frozen=True)
class Record:
    """One record, and where it ends in the stream."""

    content_type: int
    version: int
    fragment: bytes
    end: int


class Reader:
    """Takes fields off the front of some bytes.

    Raises (every method):
        WireError: fewer bytes than a field needs.
    """

    def __init__(self, data: bytes, what: str) -> None:
        self._data, self._what = data, what

    def __bool__(self) -> bool:
        return bool(self._data)

    def take(self, size: int) -> bytes:
        """The next ``size`` bytes."""
        if size > len(self._data):
            raise WireError(f"{self._what} ends too early")
        taken, self._data = self._data[:size], self._data[size:]
        return taken

    def number(self, size: int) -> int:
        """The next ``size`` bytes as an unsigned number."""
        return int.from_bytes(self.take(size))

    def vector(self, size: int) -> bytes:
        """The next variable-length field, whose length is a number of ``size`` bytes."""
        return self.take(self.number(size))

    def numbers(self, size: int) -> list[int]:
        """What is left, as numbers of ``size`` bytes each."""
        found = []
        while self:
            found.append(self.number(size))
        return found


def extensions(reader: Reader) -> dict[int, bytes]:
    """The extensions at the end of a hello, by number; none where it ends before them."""
    found: dict[int, bytes] = {}
    block = Reader(reader.vector(2) if reader else b"", "the list of extensions")
    while block:
        kind = block.number(2)
        found[kind] = block.vector(2)
    return found


def vector(size: int, content: bytes) -> bytes:
    """A variable-length field: its length as a number of ``size`` bytes, then ``content``."""
    return len(content).to_bytes(size) + content


def two_byte(numbers: list[int] | tuple[int, ...]) -> bytes:
    """Numbers of two bytes each, one after the other."""
    return b"".join(number.to_bytes(2) for number in numbers)


def record(content_type: int, version: int, fragment: bytes) -> bytes:
    """One record."""
    return bytes([content_type]) + version.to_bytes(2) + vector(2, fragment)


def handshake(message_type: int, body: bytes) -> bytes:
    """One handshake message, without a record around it."""
    return bytes([message_type]) + vector(3, body)


def fatal_alert(description: int) -> bytes:
    """A record with a fatal alert."""
    return record(ALERT, VERSIONS["TLSv1.2"], bytes([_FATAL, description]))


def records(data: bytes) -> tuple[list[Record], bytes]:
    """The records at the front of a stream, and what is left; see :func:`begins_record` for that."""
    found: list[Record] = []
    place = 0
    while begins_record(data[place : place + 5]) and len(data) - place >= 5:
        content_type, version = data[place], int.from_bytes(data[place + 1 : place + 3])
        end = place + 5 + int.from_bytes(data[place + 3 : place + 5])
        if end > len(data):
            break
        found.append(Record(content_type, version, data[place + 5 : end], end))
        place = end
    return found, data[place:]


def begins_record(data: bytes) -> bool:
    """Whether the bytes may be the beginning of a record; there may be fewer than its head has."""
    return (
        (not data or CHANGE_CIPHER_SPEC <= data[0] <= APPLICATION_DATA)
        and data[1:2] in (b"", b"\x03")
        and (len(data) < 5 or int.from_bytes(data[3:5]) <= _LONGEST_RECORD)
    )


def messages(data: bytes) -> tuple[list[tuple[int, bytes]], bytes]:
    """The handshake messages (type, body) at the front of some fragments, and what is left of them."""
    found: list[tuple[int, bytes]] = []
    while len(data) >= 4:
        end = 4 + int.from_bytes(data[1:4])
        if end > len(data):
            break
        found.append((data[0], data[4:end]))
        data = data[end:]
    return found, data


def first_message(data: bytes, wanted: int, name: str) -> bytes | Alert | None:
    """The body of the first handshake message, or an alert; ``None``: the data end before either.

    Raises:
        WireError: the bytes are not TLS records, or another message than the one ``wanted``.
    """
    begun = b""
    for content_type, fragment in _whole(data):
        if content_type == ALERT and not begun:
            return Alert(fragment[1]) if len(fragment) == 2 else None
        if content_type != HANDSHAKE:
            raise WireError(f"a record of type {content_type} where a handshake was to begin")
        begun += fragment
        for kind, body in messages(begun)[0]:
            if kind != wanted:
                raise WireError(f"a handshake message of type {kind} where a {name} was to be")
            return body
    return None


def alerts(data: bytes) -> list[int]:
    """The descriptions of all alerts that are not encrypted."""
    return [fragment[1] for kind, fragment in _whole(data) if kind == ALERT and len(fragment) == 2]


def _whole(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Type and fragment of each record that is complete."""
    found, rest = records(data)
    for one in found:
        yield one.content_type, one.fragment
    if len(rest) >= 5 and not begins_record(rest[:5]):
        raise WireError(f"no TLS record begins so: {rest[:12].hex(' ')}")


def alert_name(number: int) -> str:
    """What an alert is called; one that is not in the registry, by its number alone."""
    return ALERTS.get(number, f"alert_{number}")


def is_fatal(level: int, number: int, version: str | None) -> bool:
    """Whether an alert ends the handshake.

    Args:
        level: as it was sent; TLS 1.3 does not look at it (RFC 8446, section 6).
        number: which alert.
        version: the version that the server has chosen, if it has.
    """
    return number not in _NO_ERRORS and (level == _FATAL or version == "TLSv1.3")
