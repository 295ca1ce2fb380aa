"""The syslog of a container with servers that have no other log: each process's lines into its listener's.

``/dev/log`` is a socket of datagrams. The kernel says which process sent one; it is a listener, which has
told the file that it wants, or a child of one. A child is asked about when it says its first line, and
remembered.
"""

import os
import re
import select
import socket
import struct
from typing import Dict, Optional

from listener import name_and_parent, running, spawn

PLACE = "/dev/log"
#: How the line begins with which a process says that it is a listener; the rest is the path of its log.
_LISTENER = b"\0listener "
#: The priority with which every line begins (RFC 3164, section 4.1.1).
_PRIORITY = re.compile(rb"^<\d{1,3}>")
_CREDENTIALS = struct.Struct("iii")
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
    """In a process that is about to become a listener: say which file is for what it and its children say."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.sendto(_LISTENER + os.fsencode(log), place)


def collect(place: str) -> None:
    """Collect until descriptor 0 ends; each byte there is answered with one when all lines are written."""
    agent = socket.socket(fileno=0)
    if os.path.exists(place):
        os.unlink(place)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as lines:
        lines.bind(place)
        os.chmod(place, 0o666)
        lines.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        lines.setblocking(False)
        files = Files()
        while True:
            ready = select.select([agent, lines], [], [])[0]
            while _one(lines, files):
                pass
            if agent in ready:
                if not agent.recv(1):
                    return
                agent.send(b"!")


def _one(lines: socket.socket, files: "Files") -> bool:
    """Take one line; whether there was any."""
    try:
        text, ancillary, _, _ = lines.recvmsg(_LONGEST, socket.CMSG_SPACE(_CREDENTIALS.size))
    except BlockingIOError:
        return False
    pid = _CREDENTIALS.unpack(ancillary[0][2])[0]
    if text.startswith(_LISTENER):
        files.listener(pid, os.fsdecode(text[len(_LISTENER) :]))
        return True
    path = files.of(pid)
    if path is not None and os.path.isdir(os.path.dirname(path)):
        with open(path, "ab") as file:
            file.write(_PRIORITY.sub(b"", text).rstrip(b"\n\0") + b"\n")
    return True


class Files:
    """Which file is whose."""

    def __init__(self) -> None:
        self._listeners: Dict[int, str] = {}
        self._children: Dict[int, str] = {}

    def listener(self, pid: int, path: str) -> None:
        """A process is a listener with this log."""
        self._listeners[pid] = path
        # Its number may have been a session's before.
        self._children.pop(pid, None)

    def of(self, pid: int) -> Optional[str]:
        """The log for what this process says; ``None``: nobody knows it."""
        if pid in self._listeners:
            return self._listeners[pid]
        try:
            with open("/proc/%d/stat" % pid, encoding="utf-8", errors="replace") as file:
                parent = name_and_parent(file.read())[1]
        except (FileNotFoundError, ProcessLookupError):
            # It has ended: what it said before tells.
            return self._children.get(pid)
        path = self._listeners.get(parent) or self._children.get(parent)
        if path is None:
            # Its parent is the container's first process: the listener has ended.
            return self._children.get(pid)
        self._children[pid] = path
        return path
