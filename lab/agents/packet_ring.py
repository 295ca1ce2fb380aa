"""What passes a network interface, from a ring that the kernel fills by itself: packet(7), TPACKET_V3.

Nothing is copied or woken for a single packet: the kernel hands over a block of them when it is full, or
a few milliseconds after its first packet. The layouts are those of ``linux/if_packet.h``.
"""

# An agent runs on the interpreter of its container.
# ruff: noqa: UP006, UP035

import array
import mmap
import socket
import struct
from typing import Iterator, NamedTuple

_ETH_P_ALL = 0x0003
_SOL_PACKET, _PACKET_RX_RING, _PACKET_STATISTICS, _PACKET_VERSION = 263, 5, 6, 10
_TPACKET_V3 = 2
_SO_ATTACH_FILTER = 26
_PACKET_OUTGOING = 4
_KERNEL, _USER = 0, 1

#: A packet is at most so big: segmentation is left to a network card that is not there.
SNAP = 65535
_BLOCK, _BLOCKS = 1 << 18, 32
#: How long the kernel keeps a block that is not full, in milliseconds.
_RETIRE_MS = 8

#: Version and offset of private data, then status, number of packets, offset of the first.
_BLOCK_HEAD = struct.Struct("=IIIII")
_STATUS_AT = 8
#: Offset of the next, seconds, nanoseconds, bytes here, bytes on the wire, status, offset of the frame.
_PACKET_HEAD = struct.Struct("=IIIIIIH")
#: The sender's link-layer address follows the header; in it, whether the packet is one that goes out.
_KIND_AT = 48 + 10

#: ``IPv4 and TCP``, of Ethernet: halfword at 12, byte at 23 (``linux/filter.h``).
_FILTER = (
    (0x28, 0, 0, 12),
    (0x15, 0, 3, 0x0800),
    (0x30, 0, 0, 23),
    (0x15, 0, 1, 6),
    (0x06, 0, 0, SNAP),
    (0x06, 0, 0, 0),
)


class Frame(NamedTuple):
    """One packet: when (nanoseconds since 1970), its size on the wire, which way, its first bytes."""

    time_ns: int
    size: int
    outgoing: bool
    data: bytes


class PacketRing:
    """TCP over IPv4 on one interface, in both directions, from now on.

    Raises:
        OSError: there is no such interface, or the right is missing (CAP_NET_RAW).
    """

    def __init__(self, interface: str) -> None:
        # Without a protocol nothing comes before the filter and the ring are there.
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        try:
            self._socket.setsockopt(_SOL_PACKET, _PACKET_VERSION, _TPACKET_V3)
            self._attach_filter()
            ring = struct.pack(
                "=7I", _BLOCK, _BLOCKS, SNAP + 1, _BLOCK * _BLOCKS // (SNAP + 1), _RETIRE_MS, 0, 0
            )
            self._socket.setsockopt(_SOL_PACKET, _PACKET_RX_RING, ring)
            self._ring = mmap.mmap(self._socket.fileno(), _BLOCK * _BLOCKS)
            if hasattr(self._ring, "madvise"):
                # A forked server would hold on to the ring; Python has the call since 3.8.
                self._ring.madvise(mmap.MADV_DONTFORK)
            self._socket.bind((interface, _ETH_P_ALL))
        except OSError:
            self._socket.close()
            raise
        self._next = 0
        self._put = self._taken = 0
        #: Packets for which there was no room.
        self.lost = 0

    def fileno(self) -> int:
        """Readable when a block is full or its time is over."""
        return self._socket.fileno()

    def packets(self) -> Iterator[Frame]:
        """What the kernel has handed over; its blocks are given back as they are read."""
        # An interface that goes down is an error once; unread, poll() would return at once for ever.
        self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        while True:
            start = self._next * _BLOCK
            _, _, status, count, offset = _BLOCK_HEAD.unpack_from(self._ring, start)
            if not status & _USER:
                return
            place = start + offset
            for _ in range(count):
                step, sec, nsec, here, size, _, frame = _PACKET_HEAD.unpack_from(self._ring, place)
                data = self._ring[place + frame : place + frame + here]
                outgoing = self._ring[place + _KIND_AT] == _PACKET_OUTGOING
                yield Frame(sec * 1000000000 + nsec, size, outgoing, data)
                place += step
            self._taken += count
            struct.pack_into("=I", self._ring, start + _STATUS_AT, _KERNEL)
            self._next = (self._next + 1) % _BLOCKS

    def mark(self) -> int:
        """A number for "everything until now", for :meth:`is_past`."""
        statistics = self._socket.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 12)
        came, lost, _ = struct.unpack("=III", statistics)
        self.lost += lost
        self._put += came - lost
        return self._put

    def is_past(self, mark: int) -> bool:
        """Whether everything until ``mark`` has been handed over and read."""
        return self._taken >= mark

    def close(self) -> None:
        """Let go of the interface."""
        self._ring.close()
        self._socket.close()

    def _attach_filter(self) -> None:
        code = b"".join(struct.pack("=HBBI", *instruction) for instruction in _FILTER)
        # struct sock_fprog: the number of instructions and a pointer to them. The interpreter of CentOS
        # 7's image has no ctypes; an array tells where it lies, too.
        program = array.array("B", code)
        described = struct.pack("@HP", len(_FILTER), program.buffer_info()[0])
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, described)
