"""What the agent beside a server kept of an attempt, and the same as a file that Wireshark opens: pcapng.

The secrets of the TLS sessions are in the file, too, in a block that Wireshark reads by itself: it shows
the decrypted dialogue without being told anything.

Source: IETF draft-ietf-opsawg-pcapng, sections 4.1 (section header), 4.2 (interface), 4.3 (packet), 4.7
(decryption secrets).
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

#: Of every packet: time (nanoseconds since 1970), size on the wire, size here, 1 if the server sent it.
_HEAD = struct.Struct(">QIIB")


class CapturePolicy(StrEnum):
    """Of which attempts the capture is kept."""

    ALL = "all"
    REFUSED = "refused"
    NONE = "none"


@dataclass(frozen=True)
class Packet:
    """One Ethernet frame, as it passed the server's interface."""

    time_ns: int
    """When, in nanoseconds since 1970."""
    size: int
    """Its size on the wire, in bytes; ``data`` may be less of it."""
    from_server: bool
    data: bytes


@dataclass(frozen=True)
class Capture:
    """The packets of one attempt in their order, and what is missing of them."""

    packets: tuple[Packet, ...] = ()
    port: int = 0
    """The server's control port; of a web origin, its port."""
    cut: int = 0
    """Payload that was left out, in bytes: the rest of long transfers."""
    lost: int = 0
    """Packets for which the kernel had no room meanwhile, of all attempts under way."""
    late: bool = False
    """The kernel had not handed over everything in time: the last packets may be missing."""
    unclear: int = 0
    """Connections that may have been another attempt's as well, and were left out."""
    key_log: str = ""
    """The secrets of the TLS sessions, in the format of NSS (``SSLKEYLOGFILE``)."""
    no_key_log: str = ""
    """Why there are no secrets, where there are none."""
    missing: str = ""
    """Why there is no capture at all; empty: there is one."""


def captured(
    answer: Mapping[str, Any], port: int, key_log: str = "", no_key_log: str = ""
) -> Capture:
    """What the agent's op ``collect`` answered.

    Raises:
        ValueError: the packets are not in the agent's format.
    """
    return Capture(
        packets=tuple(_packets(base64.b64decode(answer["packets"], validate=True))),
        port=port,
        key_log=key_log,
        no_key_log=no_key_log,
        **{name: answer[name] for name in ("cut", "lost", "late", "unclear")},
    )


def _packets(blob: bytes) -> Iterator[Packet]:
    place = 0
    while place < len(blob):
        if place + _HEAD.size > len(blob):
            raise ValueError("the packets end inside the head of one")
        time_ns, size, here, from_server = _HEAD.unpack_from(blob, place)
        place += _HEAD.size
        if place + here > len(blob):
            raise ValueError("the packets end inside one")
        yield Packet(time_ns, size, bool(from_server), blob[place : place + here])
        place += here


# -- as a file -------------------------------------------------------------------------------------


_SECTION, _INTERFACE, _PACKET, _SECRETS = 0x0A0D0D0A, 1, 6, 10
_BYTE_ORDER = 0x1A2B3C4D
_ETHERNET = 1
_TLS_KEY_LOG = 0x544C534B

_END_OF_OPTIONS, _COMMENT = 0, 1
_APPLICATION = 4
_INTERFACE_NAME, _RESOLUTION = 2, 9
_FLAGS = 2
_INBOUND, _OUTBOUND = 1, 2
_NANOSECONDS = 9
#: How much of a packet is kept at most.
_SNAP = 65535


def pcapng(capture: Capture, comment: str) -> bytes:
    """The file.

    Args:
        capture: what is in it.
        comment: what it is; Wireshark shows it under "Capture File Properties".
    """
    blocks = [_section(comment), _interface("the server's eth0")]
    if capture.key_log:
        blocks.append(_secrets(capture.key_log.encode("ascii", "replace")))
    blocks += [_packet(packet) for packet in capture.packets]
    return b"".join(blocks)


def _section(comment: str) -> bytes:
    options = [(_COMMENT, comment.encode()), (_APPLICATION, b"tls-ftps-interop-lab")]
    # Of unknown length: -1.
    return _block(_SECTION, struct.pack("<IHHq", _BYTE_ORDER, 1, 0, -1) + _options(options))


def _interface(name: str) -> bytes:
    options = [(_INTERFACE_NAME, name.encode()), (_RESOLUTION, bytes([_NANOSECONDS]))]
    return _block(_INTERFACE, struct.pack("<HHI", _ETHERNET, 0, _SNAP) + _options(options))


def _secrets(key_log: bytes) -> bytes:
    return _block(_SECRETS, struct.pack("<II", _TLS_KEY_LOG, len(key_log)) + _padded(key_log))


def _packet(packet: Packet) -> bytes:
    high, low = divmod(packet.time_ns, 1 << 32)
    head = struct.pack("<IIIII", 0, high, low, len(packet.data), packet.size)
    direction = _OUTBOUND if packet.from_server else _INBOUND
    options = [(_FLAGS, struct.pack("<I", direction))]
    return _block(_PACKET, head + _padded(packet.data) + _options(options))


def _block(kind: int, body: bytes) -> bytes:
    size = len(body) + 12
    return struct.pack("<II", kind, size) + body + struct.pack("<I", size)


def _options(options: Iterable[tuple[int, bytes]]) -> bytes:
    written = [
        struct.pack("<HH", code, len(value)) + _padded(value)
        for code, value in ((code, value[:65535]) for code, value in options)
    ]
    return b"".join([*written, struct.pack("<HH", _END_OF_OPTIONS, 0)])


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)
