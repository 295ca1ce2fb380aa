"""The resident agent of an edge: a reverse proxy or a tunnel, visited as its users visit it.

``edges.py /usr/sbin/haproxy -v``: the program, and the arguments that make it say its version. An attempt is
one visitor's request: the program is started with a configuration in a directory of its own, visited once
when it listens, and ended; what it logged is in the result, unread. A request::

    {
        "op": "attempt",
        "argv": ["/usr/sbin/haproxy", "-db", "-f", "haproxy.cfg"],
        "files": {"haproxy.cfg": "...", "client.pem": ["/opt/.../chain.pem", "/opt/.../key.pem"]},
        "logs": ["error.log"],
        "settles_s": 0.5,
        "settled": "",
        "written": "error.log",
        "host": "www.lab.test",
        "path": "/",
        "authorization": "Basic ...",
        "visitor_s": 20.0,
        "end_with": "SIGUSR1",
        "verify": true,
    }

``files`` are written into the directory, in which the program also runs; one whose value is a list has the
content of these files, one after the other (of ``first:PATH`` the first certificate). ``{visitors}`` in a
text stands for the address and port at which visitors come, ``{address}`` for the address, ``{port}`` for the
port, ``{place}`` for the directory. ``settles_s`` is how long it needs from when it listens on, or at most
needs where ``settled``, words of its output, tell that it is ready; ``host`` what the visitor asks for, where
that is not the address. What the program says on its output and in ``logs`` comes back by name, the output as
``output``; ``written`` is the file that has something in it when the visit is logged, and ``end_with`` the
signal that then ends the program. ``verify`` says what the settings have checked, and comes back.

The result: ``started`` (whether it came to listen), ``said`` (the texts by name), ``status``, ``reason``,
``headers`` (names in lower case) and ``body`` as the visitor read them, or ``broken``, the symbol of the
error with which the visitor's connection ended (``EOF``: without a word).
"""

import contextlib
import errno
import http.client
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from typing import Any, Dict, List, Optional

from helper_programs import run, text_of
from listener import queue_of
from openssl_library import OpenSSL
from resident import DEADLINE_S, BadRequest, Progress, Request, ResidentAgent, Result

#: The program that this agent runs, and the arguments that make it say its version.
PROGRAM, VERSION = (sys.argv + [""])[1], sys.argv[2:]
#: Every attempt's directory is directly below this one.
ROOT = "/run/lab/edges"
#: The port at which visitors come, each attempt's at an address of its own.
PORT = 8080
#: How much of an attempt's deadline may be used: the rest is for telling how far it came.
SHARE = 0.75
#: So long the program may take to end in good order, in seconds.
END_S = 1.5
_LAST = "-----END CERTIFICATE-----\n"
#: At most so much is kept of a text, in characters: a page, a log.
MOST = 32768


def attempt(request: Request, progress: Progress) -> Result:
    """One visit; see the module's text for the request."""
    argv = [str(word) for word in request.get("argv") or ()]
    if argv[:1] != [PROGRAM]:
        raise BadRequest("no program %s: this agent runs %s" % (argv[:1], PROGRAM))
    if not VERSIONS.get("version"):
        raise BadRequest("%s is not installed here" % PROGRAM)
    started = time.monotonic()
    until = started + SHARE * request.get("deadline_s", DEADLINE_S)
    progress(started=True, version=VERSIONS["version"], library=VERSIONS["library"], said={})
    # Those that were left are removed by the agent's start.
    place = tempfile.mkdtemp(dir=ROOT)
    try:
        result = _attempt(request, argv, place, until)
    finally:
        shutil.rmtree(place, ignore_errors=True)
    result.update(
        verify=request.get("verify"),
        version=VERSIONS["version"],
        library=VERSIONS["library"],
        elapsed_ms=(time.monotonic() - started) * 1000.0,
    )
    return result


def _attempt(request: Request, argv: List[str], place: str, until: float) -> Result:
    address = own_address(os.getpid())
    names = {
        "{visitors}": "%s:%d" % (address, PORT),
        "{address}": address,
        "{port}": str(PORT),
        "{place}": place,
    }
    for name, content in request["files"].items():
        _write(os.path.join(place, name), content, names)
    with open(os.path.join(place, "output"), "wb") as output:
        process = subprocess.Popen(
            [_filled(word, names) for word in argv],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=place,
            env=dict(os.environ, HOME=place),
        )
    result: Result = {"started": _wait(process, address, until)}
    if result["started"]:
        _settle(request, os.path.join(place, "output"), until)
        limit = min(request["visitor_s"], max(0.1, until - time.monotonic()))
        headers = {"Authorization": request["authorization"], "Connection": "close"}
        if request.get("host"):
            headers["Host"] = request["host"]
        result.update(visit(address, request["path"], headers, limit))
        if request.get("written"):
            _wait_for_a_line(os.path.join(place, request["written"]), until)
        # One that has ended by itself listened before it had read all of its configuration.
        result["started"] = "status" in result or process.poll() is None
    _end(process, getattr(signal, request.get("end_with", "SIGTERM")))
    logs = ["output", *request["logs"]]
    texts = {name: text_of(os.path.join(place, name))[-MOST:] for name in logs}
    result["said"] = {name: text.replace(place + "/", "") for name, text in texts.items()}
    result["exit_status"] = process.returncode
    return result


def visit(address: str, path: str, headers: Dict[str, str], limit_s: float) -> Result:
    """What a visitor gets: the answer, or how the line ended."""
    visitor = http.client.HTTPConnection(address, PORT, timeout=limit_s)
    try:
        visitor.request("GET", path, headers=headers)
        with visitor.sock.dup() as line:
            answer = visitor.getresponse()
            body = answer.read().decode("utf-8", "replace")[:MOST]
            # Who leaves before the edge has ended the connection has aborted its visit.
            with contextlib.suppress(OSError):
                while line.recv(65536):
                    pass
    except http.client.IncompleteRead as error:
        # The head of an answer has come, and a part of the page.
        return {"broken": "EOF", "body": error.partial.decode("utf-8", "replace")[:MOST]}
    except http.client.BadStatusLine as error:
        # Of these one says that nothing came at all.
        closed = isinstance(error, http.client.RemoteDisconnected)
        return {"broken": "EOF" if closed else "EPROTO", "body": str(error)[:MOST]}
    except OSError as error:
        number = errno.ETIMEDOUT if "timed out" in str(error) else error.errno
        return {"broken": errno.errorcode.get(number or 0, type(error).__name__), "body": ""}
    finally:
        visitor.close()
    return {
        "status": answer.status,
        "reason": answer.reason,
        "headers": {name.lower(): value for name, value in answer.getheaders()},
        "body": body,
    }


def own_address(pid: int) -> str:
    """A loopback address of a process's own: its last three bytes are the process's number."""
    return "127.%d.%d.%d" % (pid >> 16 & 255 | 64, pid >> 8 & 255, pid & 255)


def _wait(process: "subprocess.Popen[bytes]", address: str, until: float) -> bool:
    """Wait until the program listens; whether it does, rather than having ended."""
    pause = 0.002
    while time.monotonic() < until:
        if process.poll() is not None:
            return False
        if queue_of(PORT, address) is not None:
            return True
        time.sleep(pause)
        pause = min(pause * 1.5, 0.05)
    return False


def _settle(request: Request, output: str, until: float) -> None:
    """Wait until it serves: its output says so, or so long."""
    words, wait_s = request.get("settled"), request.get("settles_s") or 0.0
    end = min(until, time.monotonic() + wait_s)
    while time.monotonic() < end and not (words and words in text_of(output)[-MOST:]):
        time.sleep(0.005 if words else wait_s)


def _wait_for_a_line(path: str, until: float) -> None:
    until = min(until, time.monotonic() + END_S)
    while time.monotonic() < until and not (os.path.exists(path) and os.path.getsize(path)):
        time.sleep(0.005)


def _end(process: "subprocess.Popen[bytes]", number: int) -> None:
    """End the program in good order: then it has written its log."""
    if process.poll() is None:
        process.send_signal(number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(END_S)
    if process.poll() is None:
        process.kill()
        process.wait()


def _filled(text: str, names: Dict[str, str]) -> str:
    for name, value in names.items():
        text = text.replace(name, value)
    return text


def _write(path: str, content: Any, names: Dict[str, str]) -> None:
    with open(path, "w", encoding="utf-8") as file:
        if isinstance(content, str):
            file.write(_filled(content, names))
            return
        for part in content:
            with open(part.split(":", 1)[-1], encoding="utf-8") as source:
                text = source.read()
            file.write(
                text[: text.index(_LAST) + len(_LAST)] if part.startswith("first:") else text
            )


# -- the agent -----------------------------------------------------------------------------------------

#: What the program says of itself, filled when the agent starts.
VERSIONS: Dict[str, Optional[str]] = {}


def versions() -> Dict[str, Optional[str]]:
    """Of the program and of the TLS library that it is linked with; ``None``: not installed."""
    found: Dict[str, Optional[str]] = {"python": platform.python_version()}
    found["version"] = found["library"] = None
    if os.path.exists(PROGRAM):
        said = run(["/bin/sh", "-c", 'exec "$0" "$@" 2>&1', PROGRAM, *VERSION]).strip()
        found["version"] = said.split("\n")[0]
        try:
            found["library"] = OpenSSL(PROGRAM).version()
        except OSError:
            # It has another one, within itself.
            found["library"] = ""
    return found


if __name__ == "__main__":
    shutil.rmtree(ROOT, ignore_errors=True)
    os.makedirs(ROOT)
    VERSIONS.update(versions())
    ResidentAgent(os.path.basename(PROGRAM), versions=VERSIONS, forked={"attempt": attempt}).run()
