"""The lab's own web origin, as the agent handles it, and its listener: it misbehaves as no other server will.

Each connection has a thread of its own, so
that one that hangs holds up no other. What is TLS in it is the interpreter's ``ssl``, alerts included:
``origin_tls`` makes its context, and lies between it and the connection.

The log has one line an event, ``TIME [CONNECTION] ADDRESS: EVENT``; docs/servers.md lists the events.
"""

import _ssl
import contextlib
import itertools
import json
import os
import platform
import re
import select
import socket
import ssl
import struct
import sys
import threading
import time
from typing import Any, Callable, Dict, List, Optional, Set, Tuple

from origin_tls import (
    Left,
    OriginStream,
    PlainStream,
    TlsStream,
    hello_in_words,
    is_tls,
    is_whole,
    make_context,
    without_renegotiation_info,
)
from server_program import ForkedProgram, record_authorization

#: By behaviour: the alert that the library sends when it asks what to do with the server name.
ALERTS = {
    "alert-internal-error": ssl.ALERT_DESCRIPTION_INTERNAL_ERROR,
    "alert-handshake-failure": ssl.ALERT_DESCRIPTION_HANDSHAKE_FAILURE,
    "alert-unrecognized-name": ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME,
}
#: What a client gets to read that never asks.
BANNER = b"220 FTP server ready.\r\n"
#: The longest head of a request that is read, in bytes.
HEAD_BYTES = 16384
_CREDENTIALS = re.compile(rb"^Authorization: *([^\r\n]+)", re.IGNORECASE | re.MULTILINE)
#: Connections that may wait to be accepted.
QUEUE = 128


class OriginProgram(ForkedProgram):
    """Its listeners are forked from this process."""

    def __init__(self) -> None:
        self._library: Optional[Any] = None
        if ssl.OPENSSL_VERSION_INFO >= (1, 1):
            # Since then the list of a context is not yet what a connection can use: security levels.
            from openssl_library import OpenSSL

            self._library = OpenSSL(getattr(_ssl, "__file__", None) or sys.executable)

    def listener(self, configuration: Dict[str, Any]) -> Callable[[], object]:
        """As declared."""
        return OriginListener(configuration).run

    def in_words(self, error: Exception) -> str:
        """As declared."""
        return in_words(error)

    def versions(self) -> Dict[str, Any]:
        """The interpreter and the library under its ssl module."""
        return {
            "server": "the lab's own origin",
            "package": "Python %s" % platform.python_version(),
            "library": ssl.OPENSSL_VERSION,
            "library_file": _file_of("libcrypto"),
        }

    def default_ciphers(self) -> Dict[str, str]:
        """What a listener without a cipher list uses: what the interpreter's fresh context has."""
        names = self.expand(":".join(_names(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))))
        return {"list": ":".join(names), "source": "the TLS context that a listener makes"}

    def loads(self, chain: str, private_key: str) -> bool:
        """See :class:`ServerProgram`."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        try:
            context.load_cert_chain(chain, private_key)
        except ssl.SSLError:
            return False
        return True

    def speaks(self, version: str) -> bool:
        """See :class:`ServerProgram`."""
        if self._library is None:
            return super().speaks(version)
        return self._library.speaks(version)

    def expand(self, cipher_list: str) -> List[str]:
        """What a list means to the library, TLS 1.3 left out; nothing if nothing."""
        if self._library is not None:
            return self._library.suites(cipher_list)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        try:
            context.set_ciphers(cipher_list)
        except ssl.SSLError:
            return []
        return _names(context)


def _names(context: ssl.SSLContext) -> List[str]:
    names = [suite["name"] for suite in context.get_ciphers()]
    return [name for name in names if not name.startswith("TLS_")]


def _file_of(library: str) -> str:
    """Where a library lies that this process has loaded."""
    with open("/proc/self/maps", encoding="utf-8") as maps:
        found = re.search(r" (/\S*/%s\S*)$" % library, maps.read(), re.MULTILINE)
    return found.group(1) if found else ""


def in_words(error: Exception) -> str:
    """What an error says; of one of the ssl module without the line of its source."""
    text = str(error.args[-1]) if isinstance(error, ssl.SSLError) and error.args else str(error)
    return re.sub(r" \(_ssl\.c:\d+\)$", "", text)


def printable(data: bytes) -> str:
    """The beginning of what a client sent: the line as it is, or bytes in hexadecimal."""
    line = data.partition(b"\r\n")[0][:24]
    return "'%s'" % line.decode() if re.match(rb"[\x20-\x7e]*$", line) else data[:24].hex()


class Log:
    """A file of lines, each written at once."""

    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640)

    def write(self, number: int, address: str, event: str) -> None:
        """Add a line about a connection."""
        now = time.time()
        moment = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(now)) + ".%03d" % (now % 1 * 1000)
        # What a client has said stays in its line.
        said = "".join(letter if letter.isprintable() else "?" for letter in event)
        os.write(self._file, ("%s [%d] %s: %s\n" % (moment, number, address, said)).encode())


class OriginListener:
    """The listening socket, the settings, and the connections that are open."""

    def __init__(self, configuration: Dict[str, Any]) -> None:
        self.behaviour = configuration["behaviour"]
        self.expects_tls = configuration["tls"] and self.behaviour != "plain-http"
        self.delay_s = configuration["answer_delay_s"] or 0.0
        self.captured = configuration["captured"]
        self.context: Optional[ssl.SSLContext] = None
        if configuration["tls"] and self.behaviour not in ("plain-http", "ftp-banner"):
            self.context = make_context(configuration)
            if hasattr(self.context, "sni_callback"):
                self.context.sni_callback = self._on_server_name
            else:  # before Python 3.7
                self.context.set_servername_callback(self._on_server_name)
        self.log = Log(configuration["log"])
        self._own_name = configuration["server_name"]
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._open: Set[OriginConnection] = set()
        self._listening = socket.socket()
        self._listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listening.bind((configuration["address"], configuration["port"]))
        self._listening.listen(QUEUE)
        self._listening.setblocking(False)

    def run(self) -> None:
        """Accept connections and answer the agent, until the agent is gone."""
        while True:
            ready = select.select([self._listening.fileno(), 0], [], [])[0]
            if self._listening.fileno() in ready:
                with contextlib.suppress(BlockingIOError, ConnectionAbortedError):
                    self._serve(*self._listening.accept())
            if 0 in ready:
                word = os.read(0, 1)
                if not word:
                    return
                with self._lock:
                    for connection in self._open if word == b"k" else ():
                        connection.end()
                    os.write(0, b"1" if self._open else b"0")

    def _serve(self, accepted: socket.socket, address: Tuple[str, int]) -> None:
        connection = OriginConnection(self, accepted, address[0], next(self._numbers))
        with self._lock:
            self._open.add(connection)
        connection.start()

    def forget(self, connection: "OriginConnection") -> None:
        """A connection has ended, and said so."""
        with self._lock:
            self._open.discard(connection)

    def _on_server_name(self, _tls: Any, name: Optional[str], _context: Any) -> Optional[int]:
        """The library asks in the middle of a handshake: an alert, or ``None`` to go on."""
        connection = threading.current_thread()
        assert isinstance(connection, OriginConnection)
        connection.server_name = name
        alert = ALERTS.get(self.behaviour)
        if alert is None and self._own_name is not None and name != self._own_name:
            connection.tell("server name %s is not %s" % (name or "missing", self._own_name))
            alert = ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
        if alert is not None:
            connection.tell("alert %d is sent" % alert)
        return alert


class OriginConnection(threading.Thread):
    """One client, from the accepted connection to its end."""

    def __init__(
        self, origin: OriginListener, accepted: socket.socket, address: str, number: int
    ) -> None:
        super().__init__(daemon=True)
        self.server_name: Optional[str] = None
        self._origin = origin
        self._socket = accepted
        self._address = address
        self._number = number

    def tell(self, event: str) -> None:
        """Write a line to the log."""
        self._origin.log.write(self._number, self._address, event)

    def end(self) -> None:
        """Make the client's side look closed: whoever waits for it wakes up. For other threads."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def run(self) -> None:
        """Serve it, whatever comes."""
        try:
            self.tell("connected")
            self._serve()
        except Left as when:
            self.tell("the client left %s" % when)
        except ConnectionError:
            self.tell("the client reset the connection")
        except Exception as error:
            self.tell("failed inside: %s: %s" % (type(error).__name__, in_words(error)))
        finally:
            self._socket.close()
            self.tell("ended")
            self._origin.forget(self)

    # -- parts ------------------------------------------------------------------------------------

    def _serve(self) -> None:
        behaviour = self._origin.behaviour
        if behaviour == "ftp-banner":
            self._socket.sendall(BANNER)
            self.tell("banner sent")
        first = self._first()
        if behaviour == "ftp-banner":
            # It waits for commands, and what came is none.
            self._finish(half_close=False)
        elif self._origin.context is None:
            self._answer(PlainStream(self._socket, first))
        elif behaviour == "close":
            self.tell("closed without an answer to the ClientHello")
        elif behaviour == "reset":
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.tell("reset without an answer to the ClientHello")
        elif behaviour == "silent":
            self.tell("silent to the ClientHello")
            self._finish(half_close=False)
        else:
            self._serve_tls(self._origin.context, first)

    def _first(self) -> bytes:
        """The client's first record, or as much as comes of what is none."""
        data = b""
        while not data or (is_tls(data) and not is_whole(data)):
            more = self._socket.recv(65536)
            if not more:
                raise Left("in the middle of a TLS record" if data else "before it said anything")
            data += more
        hello = hello_in_words(data)
        if hello is not None:
            self.tell("ClientHello: " + hello)
        elif is_tls(data):
            self.tell("a TLS record that is no ClientHello: %s" % data[:12].hex())
        elif self._origin.expects_tls:
            self.tell("no ClientHello: %s" % printable(data))
        return data

    def _serve_tls(self, context: ssl.SSLContext, first: bytes) -> None:
        omit = self._origin.behaviour == "no-secure-renegotiation"
        stream = TlsStream(
            context, self._socket, first, without_renegotiation_info if omit else None
        )
        try:
            stream.handshake()
        except ssl.SSLError as error:
            self.tell("handshake failed: " + in_words(error))
            self._finish()
            return
        self.tell("handshake complete: %s %s" % (stream.protocol, stream.cipher))
        try:
            self._answer(stream)
        except ssl.SSLError as error:
            # Over TLS 1.3 a client may refuse after the server has finished.
            self.tell("failed after the handshake: " + in_words(error))
            self._finish()

    def _answer(self, stream: "OriginStream") -> None:
        head = read_head(stream)
        request = head.partition(b"\r\n")[0]
        if not re.match(rb"[A-Z]+ \S+ HTTP/1\.[01]$", request):
            self.tell("no HTTP request: %s" % printable(head))
            stream.send(response("400 Bad Request", stream, {"error": "no HTTP request"}))
        else:
            self.tell("request: %s" % request.decode("ascii", "replace"))
            if self._origin.behaviour == "close-after-request":
                self.tell("closed without an answer to the request")
                self._finish()
                return
            credentials = _CREDENTIALS.search(head)
            if self._origin.captured and credentials:
                record_authorization(self._origin.captured, credentials.group(1))
            self._wait()
            negotiated = {
                "protocol": stream.protocol,
                "cipher": stream.cipher,
                "server_name": self.server_name,
            }
            stream.send(response("200 OK", stream, negotiated))
            self.tell("answered: 200")
        stream.close()
        self._finish()

    def _wait(self) -> None:
        """Wait before the answer. Raises :class:`Left` if the client does not."""
        if self._origin.delay_s:
            self.tell("waits %g s before the answer" % self._origin.delay_s)
            # There is nothing that a client has to say meanwhile, except that it leaves.
            if select.select([self._socket], [], [], self._origin.delay_s)[0]:
                raise Left("before the answer")

    def _finish(self, half_close: bool = True) -> None:
        """Wait until the client closes: data that are not read would turn the end into a reset."""
        if half_close:
            # A client that has closed already, in full, is not connected any more.
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_WR)
        while self._socket.recv(65536):
            pass


def read_head(stream: OriginStream) -> bytes:
    """The head of a request, or the beginning of what is none."""
    data = b""
    while b"\r\n\r\n" not in data and len(data) < HEAD_BYTES:
        data += stream.recv()
        if not data[:1].isalpha():
            break
    return data


def response(status: str, stream: OriginStream, body: Dict[str, Optional[str]]) -> bytes:
    """An answer with a JSON body, which names in its head what was negotiated."""
    content = json.dumps(body).encode() + b"\n"
    lines = [
        "HTTP/1.1 " + status,
        "Content-Type: application/json",
        "Content-Length: %d" % len(content),
        "Connection: close",
    ]
    if stream.protocol:
        lines += ["X-TLS-Protocol: " + stream.protocol, "X-TLS-Cipher: %s" % stream.cipher]
    return "\r\n".join(lines + ["", ""]).encode() + content


PROGRAM = OriginProgram
