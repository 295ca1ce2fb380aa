"""The agent that carries first TLS messages between the lab and real programs, unread.

It runs in the servers' containers. There it takes a server's place, so that a client program writes
its ClientHello to it, and it takes a client's place towards a listener. What the bytes say is read
where they are asked for. The standard library of Python 3.6 only. Ops:

``open`` ``{}``
    Opens a port for one connection: ``{port}``.
``receive`` ``{port, answer, implicit}``
    Plays an FTP server on ``port`` up to AUTH (with ``implicit``, TLS from the first byte on),
    takes the first record of the TLS handshake, sends the bytes ``answer`` and closes its side.
    ``{hello, reaction}``: that record, and all that came after the answer. Both are hexadecimal,
    and empty if nothing came. Answers when the connection has ended.
``close`` ``{port}``
    Nobody else will come: a ``receive`` that still waits for a connection answers.
``exchange`` ``{port, hello, implicit}``
    Plays a client of the listener on ``port`` up to AUTH (with ``implicit``, without it), sends the
    bytes ``hello`` and takes the first record that comes back. ``{answer, refused, silent}``: the
    record, hexadecimal, empty if the connection ended; ``refused`` is the reply of a server that does
    not take AUTH, else null; ``silent`` says that nothing came in four fifths of the deadline.
"""

import contextlib
import platform
import select
import socket
from typing import Dict, Generator, Optional, Set

from resident import DEADLINE_S, BadRequest, Progress, Request, ResidentAgent, Result, Wait

Step = Generator[Wait, Set[int], bool]
Arrival = Generator[Wait, Set[int], Optional[socket.socket]]

#: How often a wait looks whether the port was closed meanwhile, in seconds.
LOOK_S = 0.02

_REPLIES = {b"AUTH": b"234 Proceed with negotiation.\r\n", b"QUIT": b"221 Goodbye.\r\n"}
_OTHERWISE = b"530 Please login with USER and PASS.\r\n"


class Door:
    """A port on which one client is awaited."""

    def __init__(self) -> None:
        self.socket = socket.socket()
        self.socket.bind(("0.0.0.0", 0))
        self.socket.listen(1)
        self.socket.setblocking(False)
        self.port = self.socket.getsockname()[1]
        self.closed = False

    def arrival(self) -> Arrival:
        """Wait for a connection; ``None``: the door was closed before one came."""
        while not select.select([self.socket], [], [], 0)[0]:
            if self.closed:
                return None
            yield Wait(LOOK_S, [self.socket.fileno()])
        return self.socket.accept()[0]


class Peer:
    """A connection, with what has been read from it."""

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self.socket.setblocking(False)
        self.data = b""

    def more(self) -> Step:
        """Wait for more bytes; false at the end of the connection."""
        while True:
            try:
                data = self.socket.recv(65536)
            except BlockingIOError:
                yield Wait(DEADLINE_S, [self.socket.fileno()])
                continue
            except ConnectionResetError:
                return False
            self.data += data
            return bool(data)


class Doors:
    """The ops that stand in for a server."""

    def __init__(self) -> None:
        self._doors: Dict[int, Door] = {}

    def open(self, _request: Request) -> Result:
        """Open a port."""
        door = Door()
        self._doors[door.port] = door
        return {"port": door.port}

    def close(self, request: Request) -> Result:
        """Tell a ``receive`` that nobody comes; one that has ended does not mind."""
        door = self._doors.get(request.get("port", 0))
        if door is not None:
            door.closed = True
        return {}

    def receive(self, request: Request) -> Generator[Wait, Set[int], Result]:
        """Take one client's first record; see the module's text."""
        door = self._doors.get(request.get("port", 0))
        if door is None:
            raise BadRequest("no port %r is open: open one first" % (request.get("port"),))
        answer = bytes.fromhex(request["answer"])
        try:
            connection = yield from door.arrival()
        finally:
            del self._doors[door.port]
            door.socket.close()
        if connection is None:
            return {"hello": "", "reaction": ""}
        with connection:
            peer = Peer(connection)
            try:
                return (yield from _take_hello(peer, answer, request["implicit"]))
            except (BrokenPipeError, ConnectionResetError):
                # A client that leaves in the middle has said what it has said.
                return {"hello": peer.data.hex(), "reaction": ""}


def _take_hello(peer: Peer, answer: bytes, implicit: bool) -> Generator[Wait, Set[int], Result]:
    agreed = implicit
    if not implicit:
        peer.socket.sendall(b"220 ready\r\n")
    while not agreed:
        while b"\n" not in peer.data:
            if not (yield from peer.more()):
                return {"hello": "", "reaction": ""}
        line, _, peer.data = peer.data.partition(b"\n")
        command = line.split()[0].upper() if line.split() else b""
        peer.socket.sendall(_REPLIES.get(command, _OTHERWISE))
        agreed = command == b"AUTH"
    while not _is_record(peer.data):
        if not (yield from peer.more()):
            return {"hello": peer.data.hex(), "reaction": ""}
    hello, peer.data = peer.data, b""
    # A client that has gone already has said what it has said.
    with contextlib.suppress(OSError):
        peer.socket.sendall(answer)
        peer.socket.shutdown(socket.SHUT_WR)
    while (yield from peer.more()):
        pass
    return {"hello": hello.hex(), "reaction": peer.data.hex()}


def exchange(request: Request, _progress: Progress) -> Result:
    """Send a ClientHello to a listener; see the module's text."""
    timeout_s = request.get("deadline_s", DEADLINE_S) * 0.8
    with socket.create_connection(("127.0.0.1", request["port"]), timeout_s) as connection:
        data = b""
        silent = False
        try:
            if not request["implicit"]:
                _reply(connection)
                connection.sendall(b"AUTH TLS\r\n")
                reply = _reply(connection)
                if not reply.startswith("234"):
                    said = reply or "the connection was closed"
                    return {"answer": "", "refused": said, "silent": False}
            connection.sendall(bytes.fromhex(request["hello"]))
            while not _is_record(data):
                more = connection.recv(65536)
                if not more:
                    break
                data += more
        except socket.timeout:
            silent = True
        except (BrokenPipeError, ConnectionResetError):
            pass  # it ended without an answer, or after it
    return {"answer": data.hex(), "refused": None, "silent": silent}


def _reply(connection: socket.socket) -> str:
    """The last line of a reply."""
    data = b""
    while not _ends_reply(data):
        more = connection.recv(4096)
        if not more:
            break
        data += more
    return data.decode("utf-8", "replace").strip().rpartition("\n")[2]


def _ends_reply(data: bytes) -> bool:
    last = data.rstrip(b"\r\n").rpartition(b"\n")[2]
    return data.endswith(b"\n") and last[:3].isdigit() and last[3:4] == b" "


def _is_record(data: bytes) -> bool:
    """Whether the data hold one whole TLS record, or are no TLS (then they are told as they are)."""
    if data[:1] and data[0] not in (20, 21, 22, 23):
        return True
    return len(data) >= 5 and len(data) >= 5 + int.from_bytes(data[3:5], "big")


def main() -> None:
    """Serve until standard input ends."""
    doors = Doors()
    ResidentAgent(
        "tls-probe",
        versions={"python": platform.python_version()},
        forked={"exchange": exchange},
        inline={"open": doors.open, "close": doors.close, "receive": doors.receive},
    ).run()


if __name__ == "__main__":
    main()
