"""What the agent beside the server kept of one attempt."""

from __future__ import annotations

import base64
import struct
from collections.abc import Iterator, Mapping
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
        cut=answer["cut"],
        lost=answer["lost"],
        late=answer["late"],
        unclear=answer["unclear"],
        key_log=key_log,
        no_key_log=no_key_log,
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
