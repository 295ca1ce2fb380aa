"""One nginx on one configuration: started, asked whether it answers, ended, its log read.

It runs as a single process in the foreground (``daemon off; master_process off;``), so that there is
nothing beside it that could outlive it: the kernel ends it when the agent ends, however that ends.
"""

# ruff: noqa: UP006, UP007, UP035, UP045

import os
import re
import shutil
import socket
from typing import Dict, List, Optional

from helper_programs import end_with_the_agent
from listener import kill, spawn

PROGRAM = "/usr/sbin/nginx"
#: Names in an nginx's own directory; the configuration names the last three without a directory.
CONFIG, SOCKET, LOG, PID = "nginx.conf", "visitors", "log", "pid"

#: A log is begun anew when it is longer, in bytes.
LONGEST_LOG = 1 << 20

#: What nginx writes before the message, and after it what the message is about.
_BEFORE = re.compile(
    r"^\d{4}/\d\d/\d\d \d\d:\d\d:\d\d (\[\w+\]) \d+#\d+: (?:\*\d+ )?", re.MULTILINE
)
_AFTER = ", client: "


class EdgeNginx:
    """An nginx process and its directory.

    ``environment`` is added to the variables of the process.
    """

    def __init__(self, directory: str, config: str, environment: Dict[str, str]) -> None:
        self.directory = directory
        self._environment = environment
        self.socket = os.path.join(directory, SOCKET)
        self.log = os.path.join(directory, LOG)
        self._output: Optional[str] = None
        self._ready = False
        shutil.rmtree(directory, ignore_errors=True)
        os.makedirs(directory, mode=0o755)
        with open(os.path.join(directory, CONFIG), "w", encoding="utf-8") as file:
            file.write(config)
        self._pid, self._words = spawn(self._become)
        self.pidfd = os.pidfd_open(self._pid)

    def _become(self) -> None:
        # A socket's path is looked up from here; other names from the prefix (-p).
        os.chdir(self.directory)
        end_with_the_agent()
        argv = [PROGRAM, "-p", self.directory, "-e", LOG, "-c", CONFIG]
        os.execve(PROGRAM, argv, dict(os.environ, **self._environment))

    def output(self) -> Optional[str]:
        """What it said, if it has ended; ``None``: it runs."""
        if self._output is None and os.waitpid(self._pid, os.WNOHANG)[0]:
            self._let_go()
        return self._output

    def is_ready(self) -> bool:
        """Whether visitors can connect; finding out leaves no line that names a visitor."""
        if not self._ready:
            with socket.socket(socket.AF_UNIX) as visitor:
                try:
                    visitor.connect(self.socket)
                except (FileNotFoundError, ConnectionRefusedError):
                    return False
            self._ready = True
        return True

    def shorten_log(self) -> None:
        """Begin the log anew if it has become long; for when nobody else visits."""
        if size(self.log) > LONGEST_LOG:
            os.truncate(self.log, 0)

    def end(self) -> None:
        """End the process and remove its directory."""
        if self.output() is None:
            kill(self._pid)
            os.waitpid(self._pid, 0)
            self._let_go()
        shutil.rmtree(self.directory, ignore_errors=True)

    def _let_go(self) -> None:
        self._output = _BEFORE.sub(r"\1 ", self._words.read()) or "it said nothing"
        self._words.close()
        os.close(self.pidfd)


def size(log: str) -> int:
    """Where the next line of a log will begin."""
    return os.path.getsize(log) if os.path.exists(log) else 0


def messages(log: str, start: int, visitor: str) -> List[str]:
    """What a log says from ``start`` on of the request of one visitor, without time and numbers.

    Args:
        log: path of the log.
        start: where the request began.
        visitor: the name that the request had as its ``Host``, which nginx puts into every line.
    """
    if not os.path.exists(log):
        return []
    with open(log, "rb") as file:
        file.seek(start)
        lines = file.read().decode("utf-8", "replace").splitlines()
    mark = ', host: "%s"' % visitor
    return [_BEFORE.sub("", line.partition(_AFTER)[0]) for line in lines if mark in line]
