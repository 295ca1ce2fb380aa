"""An agent as a local process, and a small FTPS server for it to talk to."""

from __future__ import annotations

import atexit
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lab.run.containers import agent_files


def _as_in_a_container() -> Path:
    """A folder with every agent's files side by side, as each container has them."""
    folder = Path(tempfile.mkdtemp(prefix="lab-agents-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for name, content in agent_files().items():
        (folder / name).write_bytes(content)
    return folder


#: Where the agents are for the tests.
AGENTS = _as_in_a_container()

#: How long any answer may take here before the test fails, in seconds.
PATIENCE_S = 20.0


class AgentProcess:
    """Speaks the agents' protocol with a process on this machine."""

    def __init__(self, argv: list[str]) -> None:
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._read = b""
        self.ready = self.answer()
        self._number = 0

    def send(self, line: str) -> None:
        """One line, as it is."""
        assert self.process.stdin is not None
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def request(self, **arguments: Any) -> int:
        """Send a request; its id."""
        self._number += 1
        self.send(json.dumps({"id": self._number, "deadline_s": 10.0, **arguments}))
        return self._number

    def answer(self) -> dict[str, Any]:
        """The next line of the agent."""
        assert self.process.stdout is not None
        descriptor = self.process.stdout.fileno()
        until = time.monotonic() + PATIENCE_S
        while b"\n" not in self._read:
            ready, _, _ = select.select([descriptor], [], [], max(0.0, until - time.monotonic()))
            assert ready, f"the agent has not answered within {PATIENCE_S} s"
            data = os.read(descriptor, 65536)
            assert data, f"the agent has ended with status {self.process.wait(PATIENCE_S)}"
            self._read += data
        line, _, self._read = self._read.partition(b"\n")
        message: dict[str, Any] = json.loads(line)
        return message

    def ask(self, **arguments: Any) -> dict[str, Any]:
        """The answer to one request."""
        number = self.request(**arguments)
        answer = self.answer()
        assert answer["id"] == number
        return answer

    def end(self) -> int:
        """Close its input; its exit status."""
        if self.process.stdin is not None and not self.process.stdin.closed:
            self.process.stdin.close()
        return self.process.wait(PATIENCE_S)


@contextmanager
def running(argv: list[str]) -> Iterator[AgentProcess]:
    """An agent, ended afterwards."""
    agent = AgentProcess(argv)
    try:
        yield agent
    finally:
        agent.end()
        if agent.process.stdout is not None:
            agent.process.stdout.close()


_SERVER = """
import sys
from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import FTPHandler, TLS_FTPHandler
from pyftpdlib.servers import FTPServer

directory, certificate = sys.argv[1:3]
authorizer = DummyAuthorizer()
authorizer.add_user("lab", "secret", directory, perm="elradfmw")
base = TLS_FTPHandler if certificate else FTPHandler
settings = {"authorizer": authorizer, "auth_failed_timeout": 0}
if certificate:
    settings.update(certfile=certificate, tls_control_required=True, tls_data_required=True)
server = FTPServer(("127.0.0.1", 0), type("Handler", (base,), settings))
print(server.address[1], flush=True)
server.serve_forever()
"""


@contextmanager
def ftp_server(directory: Path, certificate: Path | None) -> Iterator[int]:
    """A server for ``lab`` with password ``secret``; yields its port. No certificate: no TLS."""
    argv = [sys.executable, "-W", "ignore", "-c", _SERVER, str(directory), str(certificate or "")]
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        assert process.stdout is not None
        ready, _, _ = select.select([process.stdout], [], [], PATIENCE_S)
        assert ready, "the server has not started"
        yield int(process.stdout.readline())
    finally:
        process.kill()
        process.wait(PATIENCE_S)
        if process.stdout is not None:
            process.stdout.close()
