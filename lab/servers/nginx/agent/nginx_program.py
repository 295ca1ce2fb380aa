"""nginx, as the agent handles it: a master and one worker for each listener."""

import os
import re
import socket
from typing import List, Optional

from helper_programs import output_of
from listener import ANSWER_S, ListenerProcess, descendants, kill, processes
from server_program import LinkedProgram

BINARY = "/usr/sbin/nginx"
#: The socket in a listener's directory on which it tells its counters, and what counts.
STATUS = "status"
#: Its directories there, as the configuration names them.
ASIDE = ("body", "proxy", "fastcgi", "uwsgi", "scgi")
_ACTIVE = re.compile(rb"^Active connections: (\d+)", re.MULTILINE)
#: A cipher list of keywords; the other default in the program, a lone word, is that of its clients.
_CIPHER_LIST = re.compile(rb"\0([A-Z]+(?::[!+-]?[A-Za-z0-9]+)+)\0")


class NginxProgram(LinkedProgram):
    """Starts listeners of nginx, each with a configuration, a log and processes of its own."""

    binary = BINARY
    packages = ("nginx",)

    def start(self, config: str) -> None:
        """Become nginx; called in a forked process. It stays in the foreground by configuration."""
        self.give_up_root()
        directory = os.path.dirname(config)
        log = os.path.join(directory, "log")
        self.become(["-p", directory, "-e", log, "-c", config])

    def make_upload_directories(self, listener: ListenerProcess) -> None:
        """Make those for what nginx lays aside: its own would be closed to the agent."""
        for name in ASIDE:
            path = os.path.join(listener.directory, name)
            os.mkdir(path)
            os.chmod(path, 0o770)

    def is_quiet(self, listener: ListenerProcess) -> bool:
        """Ask its counters: it counts a connection until it has logged and closed it.

        The connection that asks is one. There is one worker, so that the answer comes after everything
        that it has taken from the queue of connections before.
        """
        active = self._active(listener)
        if active is None:
            listener.gives_no_answer()
        return bool(active == listener.at_rest + 1)

    def end_sessions(self, listener: ListenerProcess) -> None:
        """Kill the worker: the master starts another.

        The counters lie in memory that workers share: what this one had open is counted for ever.
        """
        listener.at_rest = (self._active(listener) or 1) - 1
        for pid in descendants(listener.pid, processes()):
            kill(pid)

    def version(self) -> str:
        """What the program says of itself."""
        return output_of([BINARY, "-v"]).rpartition(" ")[2].replace("/", " ")

    def lists_in(self, binary: bytes) -> List[str]:
        """The strings that are cipher lists, each once."""
        return sorted({text.decode("ascii") for text in _CIPHER_LIST.findall(binary)})

    def _active(self, listener: ListenerProcess) -> Optional[int]:
        found = _ACTIVE.search(self._status(listener))
        return int(found.group(1)) if found else None

    def _status(self, listener: ListenerProcess) -> bytes:
        with socket.socket(socket.AF_UNIX) as asking:
            asking.settimeout(ANSWER_S)
            try:
                asking.connect(os.path.join(listener.directory, STATUS))
                asking.sendall(b"GET / HTTP/1.0\r\n\r\n")
                return b"".join(iter(lambda: asking.recv(4096), b""))
            except OSError:
                return b""


PROGRAM = NginxProgram
