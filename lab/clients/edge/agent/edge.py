"""The resident agent of the program edge: nginx as a reverse proxy, visited as its users visit it.

An attempt is one visitor's request: ``edge_nginx.visit``. nginx is started once for each distinct
configuration (about 20 ms) and stays; the origin's address is not in the configuration but in the
request, so that all listeners of a run share it. A request::

    {
        "op": "attempt",
        "config": "...",
        "origin": "nginx.lab.test:2103",
        "path": "/",
        "earlier": "/earlier",
        "authorization": "Basic ...",
        "verify": true,
        "names": [{"pattern": "...", "name": "Hostname mismatch", "known": true}],
        "refusals": "...",
    }

``config`` is the whole nginx.conf; in it ``log``, ``pid`` and ``visitors`` (the socket it listens on)
are names in nginx's own directory; ``authorization`` is in the visitor's request. ``environment``, a
table, adds to the variables of its process. ``earlier`` is what a visitor asks for before the one whose visit
is in the result; such an nginx is for this attempt alone, for what it keeps of the first visit.
``verify`` says whether it checks certificates (null: no TLS) and comes back. ``names``, in their order,
are the reasons that the visitor is given for a line of nginx's log.

The result is what ``edge_nginx.visit`` returns, with ``started`` (true), ``library`` and ``elapsed_ms``.
When nginx does not take the configuration and its words match ``refusals``, the settings are what is
wrong with it: ``{"started": false, "output": ...}``; other words are a fault of whoever wrote the
configuration, ``crashed``. A visit that the deadline ends is ``{"started": true, "timed_out": true}``.
"""

import collections
import fcntl
import hashlib
import json
import os
import platform
import re
import shutil
import tempfile
import time
from typing import Any, Dict, Generator, Optional, Set

from edge_nginx import PROGRAM, EdgeNginx, tell
from helper_programs import end_with_the_agent, run
from listener import kill, spawn
from openssl_library import OpenSSL
from resident import DEADLINE_S, BadRequest, Request, ResidentAgent, Result, Wait, text

Deferred = Generator[Wait, Set[int], Any]

#: Every agent's directory is directly below this one; in it, every nginx has one.
ROOT = "/run/lab/edge"
#: At most so many of them stay: each has about 10 MB, most of it shared.
MOST = 24
#: How much of an attempt's deadline the visit may use: the rest is for telling how far it came.
SHARE = 0.95


class EdgeOps:
    """The op of the agent, and the nginx processes that it has started."""

    def __init__(self, directory: str, library: Optional[str]) -> None:
        self._directory = directory
        self._library = library
        self._running: "collections.OrderedDict[str, EdgeNginx]" = collections.OrderedDict()
        self._busy: "collections.Counter[str]" = collections.Counter()
        self._alone = 0

    def attempt(self, request: Request) -> Deferred:
        """One visit; see the module's text for the request."""
        if not self._library:
            raise BadRequest("%s is not installed here" % PROGRAM)
        for name in ("config", "origin", "path", "authorization", "refusals"):
            text(request, name)
        started = time.monotonic()
        until = started + SHARE * request.get("deadline_s", DEADLINE_S)
        key = _key(request)
        if request.get("earlier"):
            self._alone += 1
            key += "-%d" % self._alone
        self._busy[key] += 1
        try:
            nginx = yield from self._nginx(key, request)
            output = nginx.output()
            if output is not None:
                if not re.search(request["refusals"], output):
                    raise RuntimeError("nginx does not take its configuration: " + output)
                result: Result = {"started": False, "output": output}
            else:
                if self._busy[key] == 1:
                    nginx.shorten_log()
                result = yield from self._visit(request, nginx, until)
        finally:
            self._busy[key] -= 1
            if request.get("earlier") and key in self._running:
                self._end(key)
        result["verify"] = request.get("verify")
        result["library"] = self._library
        result["elapsed_ms"] = (time.monotonic() - started) * 1000.0
        return result

    def _nginx(self, key: str, request: Request) -> Deferred:
        """The nginx of a configuration: it answers, or it has ended at its start."""
        nginx = self._running.get(key)
        if nginx is None or nginx.output() is not None:
            self._make_room()
            nginx = self._running[key] = EdgeNginx(
                os.path.join(self._directory, key),
                request["config"],
                request.get("environment") or {},
            )
        self._running.move_to_end(key)
        pause = 0.001
        while nginx.output() is None and not nginx.is_ready():
            yield Wait(pause, readable=[nginx.pidfd])
            pause = min(pause * 1.5, 0.02)
        return nginx

    def _make_room(self) -> None:
        """End what was not used for longest, as long as there are too many."""
        idle = [key for key in self._running if not self._busy[key]]
        for key in idle[: max(0, len(self._running) - MOST + 1)]:
            self._end(key)

    def _end(self, key: str) -> None:
        self._running.pop(key).end()
        del self._busy[key]

    def _visit(self, request: Request, nginx: EdgeNginx, until: float) -> Deferred:
        """Visit in a process of its own, until the time is over."""
        socket, log = nginx.socket, nginx.log

        def visit() -> None:
            end_with_the_agent()
            tell(request, socket, log, 0)

        pid, words = spawn(visit)
        told = b""
        try:
            while True:
                yield Wait(max(0.0, until - time.monotonic()), readable=[words.control.fileno()])
                try:
                    data = words.control.recv(65536)
                except BlockingIOError:
                    if time.monotonic() >= until:
                        return {"started": True, "timed_out": True}
                    continue
                if not data:
                    break
                told += data
            if not told:
                raise RuntimeError("the visit ended without a result: " + words.read())
            return dict(json.loads(told.decode("ascii")), started=True)
        finally:
            kill(pid)
            os.waitpid(pid, 0)
            words.close()

    def end_all(self) -> None:
        """End every nginx, and leave nothing."""
        while self._running:
            self._running.popitem()[1].end()
        shutil.rmtree(self._directory)


def _key(request: Request) -> str:
    """The same for requests that the same nginx can serve."""
    decisive = json.dumps([request["config"], request.get("environment")], sort_keys=True)
    return hashlib.sha256(decisive.encode("ascii")).hexdigest()[:16]


def own_directory() -> str:
    """A directory of this agent's own; those of agents that were killed are removed.

    Their processes have ended with them. A directory is locked as long as its agent lives.
    """
    os.makedirs(ROOT, mode=0o755, exist_ok=True)
    all_of_them = _locked(ROOT, fcntl.LOCK_EX)
    try:
        for entry in os.scandir(ROOT):
            try:
                lock = _locked(entry.path, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue  # its agent lives
            shutil.rmtree(entry.path)
            os.close(lock)
        directory = tempfile.mkdtemp(dir=ROOT)
        _locked(directory, fcntl.LOCK_EX)
    finally:
        os.close(all_of_them)
    return directory


def _locked(directory: str, how: int) -> int:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, how)
    except BlockingIOError:
        os.close(descriptor)
        raise
    return descriptor


def versions() -> Dict[str, Optional[str]]:
    """Of nginx and of the library that it is linked with; ``None``: it is not installed."""
    there = os.path.exists(PROGRAM)
    return {
        "python": platform.python_version(),
        "nginx": nginx_version() if there else None,
        "openssl": OpenSSL(PROGRAM).version() if there else None,
    }


def nginx_version() -> str:
    """As in ``nginx/1.26.3``; nginx says it on its standard error."""
    said: str = run(["/bin/sh", "-c", "exec %s -v 2>&1" % PROGRAM])
    return said.strip().partition("version: ")[2]


def main() -> None:
    """Serve until standard input ends."""
    found = versions()
    edge = EdgeOps(own_directory(), found["openssl"])
    ResidentAgent(
        "edge", versions=found, inline={"attempt": edge.attempt}, at_end=edge.end_all
    ).run()


if __name__ == "__main__":
    main()
