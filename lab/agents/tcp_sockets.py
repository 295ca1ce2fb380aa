"""Which TCP sockets have a local port? Asked of the kernel, without connecting to anything.

A probe that connects would leave a line in the log which the lab attributes to an attempt.
``sock_diag(7)`` filters by port in the kernel; ``/proc/net/tcp``, the fallback where that netlink
family is missing, lists every socket: after thousands of attempts most are in TIME_WAIT.
"""

# An agent runs on the interpreter of its container.
# ruff: noqa: UP006, UP035

import socket
import struct
from typing import Iterator, List, NamedTuple

ESTABLISHED, SYN_RECV, TIME_WAIT, CLOSE_WAIT, LISTEN, NEW_SYN_RECV = 1, 3, 6, 8, 10, 12

#: Every state except TIME_WAIT, in which nothing can happen any more.
_STATES = 0xFFFF & ~(1 << TIME_WAIT)

_NETLINK_SOCK_DIAG = 4
_SOCK_DIAG_BY_FAMILY = 20
_REQUEST_ONE = 0x001  # NLM_F_REQUEST
_REQUEST_DUMP = 0x301  # NLM_F_REQUEST | NLM_F_DUMP
_ANY_COOKIE = b"\xff" * 8  # INET_DIAG_NOCOOKIE, twice
_ERROR, _DONE = 2, 3
_HEADER = struct.Struct("=IHHII")
_REQUEST = struct.Struct("=BBBxI H H 16s 16s I 8s".replace(" ", ""))
#: Family, state, then the socket's identity, expiry, queues, user and inode.
_ROW = struct.Struct("=BBxx48xIIIII")


class TcpSocket(NamedTuple):
    """One socket: its state, the length of its receive queue and its inode.

    A listening socket's receive queue counts the connections that wait for ``accept()``; inode 0
    means that no process has the socket open.
    """

    state: int
    queue: int
    inode: int


def tcp_sockets(port: int) -> List[TcpSocket]:
    """The TCP sockets over IPv4 with this local port, TIME_WAIT left out."""
    try:
        return list(_from_netlink(port))
    except OSError:
        with open("/proc/net/tcp", encoding="ascii") as table:
            return list(_from_proc(table.read(), port))


def is_listening(port: int) -> bool:
    """Whether some process listens on this port."""
    return any(row.state == LISTEN for row in tcp_sockets(port))


def is_busy(port: int) -> bool:
    """Whether a connection to this port is being served, or waits to be.

    A connection that was reset is not among the sockets, even while its server still works on that.
    """
    for row in tcp_sockets(port):
        if row.state == LISTEN:
            if row.queue:
                return True
        elif row.inode or row.state in (ESTABLISHED, SYN_RECV, CLOSE_WAIT, NEW_SYN_RECV):
            return True
    return False


def is_queued(port: int) -> bool:
    """Whether a connection to this port waits to be accepted.

    It takes a tenth of the time of :func:`is_busy`: the kernel looks up one socket instead of all.
    """
    try:
        listening = _listening_on(port)
    except OSError:
        # No such family, or nobody listens on all addresses.
        return any(row.state == LISTEN and row.queue for row in tcp_sockets(port))
    return bool(listening.queue)


def _listening_on(port: int) -> TcpSocket:
    """The socket that listens on this port of every address; ``OSError``: there is none."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_SOCK_DIAG) as kernel:
        kernel.settimeout(2.0)
        kernel.send(_request(_REQUEST_ONE, port, _ANY_COOKIE))
        data = kernel.recv(65536)
        if _HEADER.unpack_from(data)[1] != _SOCK_DIAG_BY_FAMILY:
            raise OSError("sock_diag knows no such socket")
        return _row(data)


def _request(flags: int, port: int, cookie: bytes = b"") -> bytes:
    body = _REQUEST.pack(
        socket.AF_INET, socket.IPPROTO_TCP, 0, _STATES, socket.htons(port), 0, b"", b"", 0, cookie
    )
    size = _HEADER.size + len(body)
    return _HEADER.pack(size, _SOCK_DIAG_BY_FAMILY, flags, 0, 0) + body


def _row(data: bytes) -> TcpSocket:
    _, state, _, queue, _, _, inode = _ROW.unpack_from(data, _HEADER.size)
    return TcpSocket(state, queue, inode)


def _from_netlink(port: int) -> Iterator[TcpSocket]:
    """Ask ``sock_diag(7)``; the layouts are those of ``linux/inet_diag.h``."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_SOCK_DIAG) as kernel:
        kernel.settimeout(2.0)
        kernel.send(_request(_REQUEST_DUMP, port))
        while True:
            data = kernel.recv(65536)
            while data:
                length, kind, _, _, _ = _HEADER.unpack_from(data)
                if kind == _DONE:
                    return
                if kind == _ERROR:
                    raise OSError("sock_diag refused the request")
                yield _row(data)
                data = data[(length + 3) & ~3 :]


def _from_proc(table: str, port: int) -> Iterator[TcpSocket]:
    """Read ``/proc/net/tcp``; proc(5) describes the columns."""
    wanted = ":%04X" % port
    for line in table.splitlines()[1:]:
        fields = line.split()
        if fields[1].endswith(wanted):
            state = int(fields[3], 16)
            if state != TIME_WAIT:
                yield TcpSocket(state, int(fields[4].split(":")[1], 16), int(fields[9]))
