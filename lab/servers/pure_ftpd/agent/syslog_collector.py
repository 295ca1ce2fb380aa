"""The syslog of a container with servers that have no other log: each process's lines into its listener's.

syslog(3) sends to the socket at ``/dev/log``. That is a link to one descriptor of whoever opens it: a
listener and its children have there the socket of their own log, which is theirs however short they live.
"""

import os
import re
import select
import socket
import struct
from typing import Dict

from listener import running, spawn

PLACE = "/dev/log"
#: Where a listener hands over its socket, beside :data:`PLACE`.
DOOR = ".door"
#: The descriptor of each listener, and so of its children, that leads to its socket (``O_PATH``).
DESCRIPTOR = 200
#: The priority with which every line begins (RFC 3164, section 4.1.1).
_PRIORITY = re.compile(rb"^<\d{1,3}>")
_ONE_DESCRIPTOR = struct.Struct("i")
_LONGEST = 16384


class SyslogCollector:
    """The process that collects, as the agent handles it."""

    def __init__(self, place: str = PLACE) -> None:
        """Start it; it listens when this returns.

        Raises:
            OSError: it does not.
        """
        self._place = place
        self._pid, self._words = spawn(lambda: collect(place))
        running.add(self._pid)
        self.flush()

    def flush(self) -> None:
        """Wait until everything that has been said is in its file.

        Raises:
            OSError: there is no answer.
        """
        if self._words.ask(b"?") != b"!":
            raise OSError("nobody collects %s: %s" % (self._place, self._words.read()))


def register(log: str, place: str = PLACE) -> None:
    """In a process that is about to become a listener: it and its children say what is for this file."""
    path = log + ".socket"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as own:
        own.bind(path)
        os.chmod(path, 0o666)
        handed = (socket.SOL_SOCKET, socket.SCM_RIGHTS, _ONE_DESCRIPTOR.pack(own.fileno()))
        own.sendmsg([os.fsencode(log)], [handed], 0, place + DOOR)
    os.dup2(os.open(path, os.O_PATH), DESCRIPTOR)


def collect(place: str) -> None:
    """Collect until descriptor 0 ends; each byte there is answered with one when all lines are written."""
    agent = socket.socket(fileno=0)
    for old in (place, place + DOOR):
        if os.path.lexists(old):
            os.unlink(old)
    os.symlink("/proc/self/fd/%d" % DESCRIPTOR, place)
    logs: Dict[socket.socket, str] = {}
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as door:
        door.bind(place + DOOR)
        door.setblocking(False)
        while True:
            ready = select.select([agent, door, *logs], [], [])[0]
            _let_in(door, logs)
            for lines, log in logs.items():
                _write(lines, log)
            if agent in ready:
                if not agent.recv(1):
                    return
                agent.send(b"!")


def _let_in(door: socket.socket, logs: Dict[socket.socket, str]) -> None:
    """Take the sockets of new listeners, and let go of those whose directory is gone."""
    while True:
        try:
            log, (handed,), _, _ = door.recvmsg(_LONGEST, socket.CMSG_SPACE(_ONE_DESCRIPTOR.size))
        except BlockingIOError:
            return
        for lines in [
            one for one, path in logs.items() if not os.path.isdir(os.path.dirname(path))
        ]:
            del logs[lines]
            lines.close()
        lines = socket.socket(fileno=_ONE_DESCRIPTOR.unpack(handed[2])[0])
        lines.setblocking(False)
        logs[lines] = os.fsdecode(log)


def _write(lines: socket.socket, log: str) -> None:
    """Write what was said; what a listener says whose directory is gone belongs to nobody."""
    while True:
        try:
            text = lines.recv(_LONGEST)
        except BlockingIOError:
            return
        if os.path.isdir(os.path.dirname(log)):
            with open(log, "ab") as file:
                file.write(_PRIORITY.sub(b"", text).rstrip(b"\n\0") + b"\n")
