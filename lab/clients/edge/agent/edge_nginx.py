"""One nginx on one configuration: started, asked whether it answers, visited, its log read, ended.

It runs as a single process in the foreground (``daemon off; master_process off;``), so that there is
nothing beside it that could outlive it: the kernel ends it when the agent ends, however that ends.

nginx tells its visitor nothing but 502 or 504, and no variable of its configuration holds the reason; its
log does. A content delivery network answers 503 with a reason. So a visitor asks a helper, the helper asks
nginx, and nginx asks the origin: the helper finds the lines of exactly this request and answers as the
network would. Both connections are real HTTP. The words that lines are known by, and the reasons they stand
for, come with the request.
"""

import contextlib
import http.client
import json
import os
import re
import secrets
import shutil
import socket
import socketserver
import threading
from http.server import BaseHTTPRequestHandler
from typing import Any, Dict, List, Optional, Tuple

from helper_programs import end_with_the_agent, text_of
from listener import kill, spawn
from resident import Request, Result

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

#: The header by which nginx learns where to ask: a listener's address is not part of a configuration.
ORIGIN = "X-Lab-Origin"
#: In the place of a status, when what came from nginx is no HTTP.
NO_ANSWER = 0
#: Headers that belong to one connection (RFC 9110, section 7.6.1), or are written anew.
_OWN_HEADERS = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length"})


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
    lines, mark = text_of(log, start).splitlines(), ', host: "%s"' % visitor
    return [_BEFORE.sub("", line.partition(_AFTER)[0]) for line in lines if mark in line]


# -- a visit -------------------------------------------------------------------------------------


class Helper(socketserver.TCPServer):
    """Serves one visitor and keeps what was behind the answer."""

    #: How long it waits for the visitor to come, in seconds.
    timeout = 5.0

    def __init__(self, request: Request, nginx_socket: str, nginx_log: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.given = request
        self.nginx_socket = nginx_socket
        self.nginx_log = nginx_log
        self.said: List[str] = []
        self.known = True
        self.status = 0


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Helper

    def do_GET(self) -> None:
        helper = self.server
        visitor = "visitor-" + secrets.token_hex(8)
        start = size(helper.nginx_log)
        status, reason, headers, body = self._ask(visitor)
        helper.status = status
        helper.said = messages(helper.nginx_log, start, visitor)
        if status == NO_ANSWER and not helper.said:
            raise RuntimeError("nginx has not answered, and its log does not say why")
        if helper.said and not 0 < status < 500:
            name, helper.known = name_of(helper.said, helper.given["names"])
            status, reason = 503, name
            headers, body = [("Content-Type", "text/html")], _page(name)
        self._answer(status, reason, headers, body)

    def _ask(self, visitor: str) -> Tuple[int, str, List[Tuple[str, str]], bytes]:
        """What nginx answers; it passes on what is no HTTP at all, which is no answer."""
        edge = _UnixConnection(self.server.nginx_socket)
        origin = self.server.given["origin"]
        try:
            edge.request(
                "GET",
                self.path,
                headers={
                    "Host": visitor,
                    ORIGIN: origin,
                    "Authorization": self.headers["Authorization"],
                    "Connection": "close",
                },
            )
            answer = edge.getresponse()
            return answer.status, answer.reason, answer.getheaders(), answer.read()
        except http.client.HTTPException:
            return NO_ANSWER, "", [], b""
        finally:
            edge.close()

    def _answer(
        self, status: int, reason: str, headers: List[Tuple[str, str]], body: bytes
    ) -> None:
        self.send_response_only(status, reason)
        for name, value in headers:
            if name.lower() not in _OWN_HEADERS:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """What a request was is in the result; the agent's stderr is for faults."""


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost")
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self._path)


def name_of(said: List[str], names: List[Dict[str, Any]]) -> Tuple[str, bool]:
    """The reason that a visitor is given for these lines, and whether the network is known to say so.

    The first of ``names``, each ``{pattern, name, known}``, whose pattern occurs in a line; a name may
    refer to groups of its pattern.
    """
    for entry in names:
        for line in said:
            found = re.search(entry["pattern"], line)
            if found:
                return found.expand(entry["name"]), entry["known"]
    raise ValueError("no name for any of %r, and none for the rest" % (said,))


def _page(name: str) -> bytes:
    title = "503 " + name.replace("&", "&amp;").replace("<", "&lt;")
    page = "<html><head><title>{0}</title></head><body><h1>Error {0}</h1></body></html>\n"
    return page.format(title).encode("utf-8")


def visit(request: Request, nginx_socket: str, nginx_log: str) -> Result:
    """Visit the edge once.

    Args:
        request: ``origin`` (where nginx asks), ``path``, ``authorization``, ``names``; ``earlier``, the path
            that is asked for before, if one is.
        nginx_socket: where nginx is asked.
        nginx_log: path of its log.

    Returns:
        ``status``, ``reason``, ``headers`` (names in lower case) as the visitor read them; ``said``, the
        lines of nginx's log; ``known``, whether the reason is one that the network is known to give;
        ``edge_status``, nginx's own answer (0: none that can be read).
    """
    headers = {"Authorization": request["authorization"], "Connection": "close"}
    if request.get("earlier"):
        _come_earlier(request, nginx_socket)
    with Helper(request, nginx_socket, nginx_log) as helper:
        serving = threading.Thread(target=helper.handle_request, daemon=True)
        serving.start()
        visitor = http.client.HTTPConnection("127.0.0.1", helper.server_address[1])
        try:
            visitor.request("GET", request["path"], headers=headers)
            answer = visitor.getresponse()
            answer.read()
        finally:
            visitor.close()
            serving.join()
    return {
        "status": answer.status,
        "reason": answer.reason,
        "headers": {name.lower(): value for name, value in answer.getheaders()},
        "said": helper.said,
        "known": helper.known,
        "edge_status": helper.status,
    }


def _come_earlier(request: Request, nginx_socket: str) -> None:
    """Visit another location, whatever comes of it: what counts is the session that is left."""
    headers = {"Authorization": request["authorization"], "Connection": "close"}
    with contextlib.suppress(http.client.HTTPException):
        with contextlib.closing(_UnixConnection(nginx_socket)) as edge:
            edge.request("GET", request["earlier"], headers=headers)
            edge.getresponse().read()


def tell(request: Request, nginx_socket: str, nginx_log: str, descriptor: int) -> None:
    """Visit, and write the result as JSON to ``descriptor``."""
    data: Optional[bytes] = json.dumps(visit(request, nginx_socket, nginx_log)).encode("ascii")
    while data:
        data = data[os.write(descriptor, data) :]
