"""What the attempts at the servers of a container look like on the wire: whose each packet is.

The agent beside the servers (``server.py``) has this module watch the network, because every attempt
has to come by there. The standard library of Python 3.6 only. One attempt at a time uses a listener, so
what comes to its ports belongs to one attempt. Only connections whose first packet was seen are kept:
what still comes of an earlier one is dropped.

One of the agent's ops is answered here, inline:

``watch`` ``{key, ports, active}``
    An attempt at the listener ``key`` begins. ``ports`` are the server's own, as ranges ``[first,
    last]``, the control port's first; with ``active`` also the connections that the server opens
    to this client belong to it. It gives up what an earlier attempt of the same ``key`` has left.

The op ``collect`` hands over the packets once the attempt is over. It waits until the kernel has handed
over everything that has passed: ``{packets, cut, lost, late, unclear}``. ``packets`` is, in base64, for each
packet :data:`HEAD` and its bytes; ``cut`` how many bytes of payload were left out, ``lost`` how many packets
the kernel had no room for meanwhile (of all attempts), ``late`` whether some were not handed over in time,
``unclear`` how many connections may have been another attempt's as well and were left out. Where nothing can
be captured it is ``{missing}``, the reason.
"""

import array
import base64
import mmap
import socket
import struct
import time
from typing import Callable, Dict, Iterator, List, NamedTuple, Optional, Set, Tuple, Union

from resident import BadRequest, Deferred, Request, Result, Wait, text

#: By this interface the lab's network reaches a container.
INTERFACE = "eth0"
#: Payload of one connection that is kept, from its beginning, in bytes; of the rest, headers only.
MOST_PAYLOAD = 65536
#: Time (nanoseconds since 1970), size on the wire, size here, 1 if the server sent it.
HEAD = struct.Struct(">QIIB")
#: How long :meth:`Capture.packets` waits for the kernel, and how often it looks, in seconds.
PATIENCE_S, LOOK_S = 0.5, 0.01

_SYN, _ACK = 0x02, 0x10
_ETHERNET, _TCP_LEAST = 14, 20

Peer = Tuple[bytes, int]
#: The server's port, and the other end.
Connection = Tuple[int, Peer]


# -- the ring that the kernel fills: packet(7), TPACKET_V3; layouts of linux/if_packet.h ------------

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


# -- whose a packet is ---------------------------------------------------------------------------


class Segment(NamedTuple):
    """What of a packet's headers tells where it belongs."""

    connection: Connection
    flags: int
    payload_at: int
    payload: int
    """Size of the payload on the wire, in bytes."""


def segment(packet: Frame) -> Optional[Segment]:
    """Read the headers of IPv4 and TCP; ``None``: there is not all of them."""
    data = packet.data
    if len(data) < _ETHERNET + 20:
        return None
    tcp = _ETHERNET + (data[_ETHERNET] & 15) * 4
    if len(data) < tcp + _TCP_LEAST:
        return None
    source, destination = (
        data[_ETHERNET + 12 : _ETHERNET + 16],
        data[_ETHERNET + 16 : _ETHERNET + 20],
    )
    from_port, to_port = struct.unpack_from(">HH", data, tcp)
    (size,) = struct.unpack_from(">H", data, _ETHERNET + 2)
    payload_at, flags = tcp + (data[tcp + 12] >> 4) * 4, data[tcp + 13]
    if packet.outgoing:
        connection = (from_port, (destination, to_port))
    else:
        connection = (to_port, (source, from_port))
    # A short frame may be padded: the size of the IP packet counts.
    return Segment(connection, flags, payload_at, max(0, _ETHERNET + size - payload_at))


class WatchedAttempt:
    """What is kept of one attempt."""

    def __init__(self, ports: List[Tuple[int, int]], active: bool) -> None:
        self.ports = ports
        self.active = active
        #: What the kernel has not handed over yet may be older than that.
        self.begun_ns = _now_ns()
        self.ended_ns: Optional[int] = None
        #: Addresses that have come to the control port.
        self.clients: Set[bytes] = set()
        #: How much payload of each connection may still be kept, in bytes.
        self.room: Dict[Connection, int] = {}
        self.kept: List[bytes] = []
        self.cut = 0
        self.unclear = 0

    def may_have(self, packet: Frame, port: int, address: bytes) -> bool:
        """Whether a packet that opens a connection may belong to the attempt."""
        if packet.time_ns < self.begun_ns:
            return False
        if self.ended_ns is not None and packet.time_ns > self.ended_ns:
            return False
        if packet.outgoing:
            return self.active and address in self.clients
        if self.is_control(port):
            return True
        # Two listeners can be told to use the same passive ports.
        return address in self.clients and any(first <= port <= last for first, last in self.ports)

    def is_control(self, port: int) -> bool:
        """Whether connections to this port are the client's first."""
        return self.ports[0][0] <= port <= self.ports[0][1]

    def keep(self, packet: Frame, seen: Segment) -> None:
        """Keep a packet, its payload as far as there is room."""
        taken = min(seen.payload, len(packet.data) - seen.payload_at, self.room[seen.connection])
        self.room[seen.connection] -= taken
        self.cut += seen.payload - taken
        data = packet.data[: seen.payload_at + taken]
        self.kept.append(HEAD.pack(packet.time_ns, packet.size, len(data), packet.outgoing) + data)


class CaptureOps:
    """The packets of the attempts that are under way.

    Args:
        ring: where they come from; the reason, in words, if nothing can be captured.
    """

    def __init__(self, ring: Union[PacketRing, str]) -> None:
        self._missing = ring if isinstance(ring, str) else ""
        self._ring = None if isinstance(ring, str) else ring
        self._attempts: Dict[str, WatchedAttempt] = {}
        self._owners: Dict[Connection, WatchedAttempt] = {}
        self._lost_at: Dict[str, int] = {}

    @classmethod
    def of_interface(cls, interface: str = INTERFACE) -> "CaptureOps":
        """Watch this network interface, if that is possible."""
        try:
            return cls(PacketRing(interface))
        except OSError as error:
            return cls("%s: %s" % (interface, error))

    def readable(self) -> Dict[int, Callable[[], None]]:
        """What is to be called when a descriptor can be read."""
        return {} if self._ring is None else {self._ring.fileno(): self.take}

    def take(self) -> None:
        """Give every packet that the kernel has handed over to its attempt."""
        if self._ring is None:
            return
        for packet in self._ring.packets():
            seen = segment(packet)
            if seen is None:
                continue
            owner = self._owners.get(seen.connection)
            if seen.flags & (_SYN | _ACK) == _SYN:
                owner = self._open(packet, seen.connection, owner)
            if owner is not None:
                owner.keep(packet, seen)

    def watch(self, request: Request) -> Result:
        """The op: an attempt begins."""
        self.begin(text(request, "key"), request)
        return {}

    def begin(self, key: str, asked: Request) -> None:
        """An attempt at this listener begins; ``asked`` has its ``ports`` and ``active``."""
        ports = [(int(first), int(last)) for first, last in asked.get("ports") or ()]
        if not ports:
            raise BadRequest("ports is %r: it has at least one range" % (asked.get("ports"),))
        if self._ring is None:
            return
        self.drop(key)
        self._ring.mark()
        self._lost_at[key] = self._ring.lost
        self._attempts[key] = WatchedAttempt(ports, bool(asked.get("active")))

    def end(self, key: str) -> None:
        """The attempt is over: what is opened from now on is not its own."""
        if key in self._attempts:
            self._attempts[key].ended_ns = _now_ns()

    def packets(self, key: str) -> Deferred:
        """Everything about the attempt at this listener, which is forgotten."""
        if self._ring is None:
            return {"missing": self._missing}
        if key not in self._attempts:
            raise BadRequest("no attempt %r has begun" % key)
        mark = self._ring.mark()
        until = time.monotonic() + PATIENCE_S
        while not self._ring.is_past(mark) and time.monotonic() < until:
            yield Wait(LOOK_S, [self._ring.fileno()])
        lost = self._ring.lost - self._lost_at[key]
        attempt = self._attempts[key]
        self.drop(key)
        return {
            "packets": base64.b64encode(b"".join(attempt.kept)).decode("ascii"),
            "cut": attempt.cut,
            "lost": lost,
            "late": not self._ring.is_past(mark),
            "unclear": attempt.unclear,
        }

    def drop(self, key: str) -> None:
        """Forget an attempt and its connections, if there is one."""
        self._lost_at.pop(key, None)
        attempt = self._attempts.pop(key, None)
        if attempt is None:
            return
        for connection in attempt.room:
            if self._owners.get(connection) is attempt:
                del self._owners[connection]

    # -- parts ------------------------------------------------------------------------------------

    def _open(
        self, packet: Frame, connection: Connection, owner: Optional[WatchedAttempt]
    ) -> Optional[WatchedAttempt]:
        """Whose a connection is of which the first packet has come."""
        port, (address, _) = connection
        found = [one for one in self._attempts.values() if one.may_have(packet, port, address)]
        if owner in found:
            return owner  # the packet was sent again
        if len(found) > 1:
            for one in found:
                one.unclear += 1
            found = []
        if not found:
            self._owners.pop(connection, None)
            return None
        attempt = found[0]
        if attempt.is_control(port):
            attempt.clients.add(address)
        attempt.room[connection] = MOST_PAYLOAD
        self._owners[connection] = attempt
        return attempt


def _now_ns() -> int:
    # As the kernel's clock of packets; time_ns() came with Python 3.7.
    return int(time.time() * 1e9)
