"""What the lab's own web origin speaks over: a connection, with TLS or without; the library's context.

With TLS a pair of memory buffers lies between the library and the connection, so that what the library
sends can be changed. What the client opens with is read as far as the origin logs it (RFC 5246, section
7.4.1.2; RFC 6066, section 3; RFC 8446, section 4.2.1).
"""

import contextlib
import socket
import ssl
import struct
import warnings
from typing import Any, Callable, Dict, List, Optional, Tuple

_HANDSHAKE, _CLIENT_HELLO, _SERVER_HELLO = 22, 1, 2
_SERVER_NAME, _SUPPORTED_VERSIONS, _RENEGOTIATION_INFO = 0, 43, 0xFF01
VERSIONS = {
    0x0300: "SSLv3",
    0x0301: "TLSv1",
    0x0302: "TLSv1.1",
    0x0303: "TLSv1.2",
    0x0304: "TLSv1.3",
}
Bytes = Callable[[bytes], bytes]

#: When a client has left that connected, and shook hands, and asked for nothing.
NO_REQUEST = "before the end of its request"


class Left(Exception):
    """The client has closed its side; the text says when."""


class OriginStream:
    """What a request comes over; without TLS nothing is negotiated."""

    protocol: Optional[str] = None
    cipher: Optional[str] = None

    def recv(self) -> bytes:
        """Some bytes. Raises :class:`Left` at the end."""
        raise NotImplementedError

    def send(self, data: bytes) -> None:
        """Send all of these."""
        raise NotImplementedError

    def close(self) -> None:
        """Say that nothing more is sent, where the protocol has a word for it."""


class PlainStream(OriginStream):
    """A connection without TLS; ``received`` has been read from it already."""

    def __init__(self, connection: socket.socket, received: bytes) -> None:
        self._socket = connection
        self._received = received

    def recv(self) -> bytes:
        """As declared."""
        data, self._received = self._received or self._socket.recv(65536), b""
        if not data:
            raise Left(NO_REQUEST)
        return data

    def send(self, data: bytes) -> None:
        """As declared."""
        self._socket.sendall(data)


class TlsStream(OriginStream):
    """A connection over TLS; ``change`` may change what the library sends."""

    def __init__(
        self,
        context: ssl.SSLContext,
        connection: socket.socket,
        received: bytes,
        change: Optional[Bytes] = None,
    ) -> None:
        self._socket = connection
        self._change = change
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._incoming.write(received)
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)

    def handshake(self) -> None:
        """Shake hands. Raises :class:`ssl.SSLError`, its alert sent, and :class:`Left`."""
        self._do(self._tls.do_handshake, "in the handshake")
        self.protocol = self._tls.version()
        cipher = self._tls.cipher()
        self.cipher = cipher[0] if cipher else None

    def recv(self) -> bytes:
        """As declared."""
        data: bytes = self._do(lambda: self._tls.read(65536), NO_REQUEST)
        if not data:
            raise Left(NO_REQUEST)
        return data

    def send(self, data: bytes) -> None:
        """As declared."""
        self._do(lambda: self._tls.write(data), "before the answer")

    def close(self) -> None:
        """Send close_notify."""
        # The library then wants to read the other one.
        with contextlib.suppress(ssl.SSLError):
            self._tls.unwrap()
        self._flush()

    def _do(self, step: Callable[[], Any], when: str) -> Any:
        while True:
            wants_more, result = self._try(step)
            if not wants_more:
                return result
            data = self._socket.recv(65536)
            if not data:
                raise Left(when)
            self._incoming.write(data)

    def _try(self, step: Callable[[], Any]) -> Tuple[bool, Any]:
        try:
            return False, step()
        except ssl.SSLWantReadError:
            return True, None
        finally:
            # What there is to say is said, an alert as well.
            self._flush()

    def _flush(self) -> None:
        data = self._outgoing.read()
        if data:
            self._socket.sendall(self._change(data) if self._change else data)


def make_context(configuration: Dict[str, Any]) -> ssl.SSLContext:
    """The library's context for these settings; what is ``None`` is left as the library has it.

    The cipher list comes before certificate and group: it may set the security level, which decides
    about them.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if configuration["versions"] is not None:
        limit(context, configuration["versions"])
    if configuration["ciphers"] is not None:
        context.set_ciphers(configuration["ciphers"])
    if configuration["chain"] is not None:
        context.load_cert_chain(configuration["chain"], configuration["private_key"] or None)
    if configuration["dh_group"] is not None:
        context.load_dh_params(configuration["dh_group"])
    if configuration["client_ca"] is not None:
        context.load_verify_locations(configuration["client_ca"])
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def limit(context: ssl.SSLContext, versions: List[str]) -> None:
    """Allow these protocol versions, which come one after the other, and no others."""
    if hasattr(context, "minimum_version"):
        with warnings.catch_warnings():
            # That old versions are deprecated is known.
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = ssl.TLSVersion[versions[0].replace(".", "_")]
            context.maximum_version = ssl.TLSVersion[versions[-1].replace(".", "_")]
        return
    # A library from before 1.1.0 knows no limits, but switches; the interpreter sets some of them.
    for version in ("SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2"):
        option = getattr(ssl, "OP_NO_" + version.replace(".", "_"))
        if version in versions:
            context.options &= ~option
        else:
            context.options |= option


def without_renegotiation_info(flight: bytes) -> bytes:
    """Records as they are, except that a ServerHello has no extension ``renegotiation_info``.

    A server from before RFC 5746 sends such a one (RFC 5746, section 3.4).
    """
    if len(flight) < 9 or flight[0] != _HANDSHAKE or flight[5] != _SERVER_HELLO:
        return flight
    length = int.from_bytes(flight[6:9], "big")
    body, rest = flight[9 : 9 + length], flight[9 + length :]
    session = 2 + 32 + 1 + body[34]
    head, block = body[: session + 3], body[session + 5 :]
    kept = b""
    while block:
        kind, size = struct.unpack(">HH", block[:4])
        if kind != _RENEGOTIATION_INFO:
            kept += block[: 4 + size]
        block = block[4 + size :]
    changed = head + (struct.pack(">H", len(kept)) + kept if kept else b"")
    record = struct.unpack(">H", flight[3:5])[0] - len(body) + len(changed)
    return (
        flight[:3]
        + struct.pack(">H", record)
        + flight[5:6]
        + len(changed).to_bytes(3, "big")
        + changed
        + rest
    )


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data = data

    def take(self, length: int) -> bytes:
        if len(self.data) < length:
            raise ValueError("it ends too early")
        taken, self.data = self.data[:length], self.data[length:]
        return taken

    def number(self, width: int) -> int:
        return int.from_bytes(self.take(width), "big")

    def vector(self, width: int) -> "_Reader":
        return _Reader(self.take(self.number(width)))


def is_tls(data: bytes) -> bool:
    """Whether these first bytes begin a record of a TLS handshake."""
    return data[:1] == bytes([_HANDSHAKE])


def is_whole(data: bytes) -> bool:
    """Whether the data hold the whole of the first record."""
    return len(data) >= 5 and len(data) >= 5 + int.from_bytes(data[3:5], "big")


def hello_in_words(data: bytes) -> Optional[str]:
    """The versions as a client's first record lists them, else its newest, and the server name in it.

    ``None``: it is no ClientHello, or not one in a single record.
    """
    try:
        message = _Reader(data[3:]).vector(2)
        if not is_tls(data) or message.number(1) != _CLIENT_HELLO:
            return None
        body = message.vector(3)
        versions, name = [body.number(2)], ""
        body.take(32)
        for width in (1, 2, 1):  # session, suites, compression methods
            body.vector(width)
        extensions = body.vector(2) if body.data else _Reader(b"")
        while extensions.data:
            kind, content = extensions.number(2), extensions.vector(2)
            if kind == _SERVER_NAME:
                names = content.vector(2)
                name = names.vector(2).data.decode("ascii") if names.number(1) == 0 else name
            elif kind == _SUPPORTED_VERSIONS:
                listed = content.vector(1).data
                versions = [
                    int.from_bytes(listed[i : i + 2], "big") for i in range(0, len(listed), 2)
                ]
    except (ValueError, UnicodeDecodeError):
        return None
    # Numbers that are no version keep places free for what may come (RFC 8701).
    known = ", ".join(VERSIONS[v] for v in versions if v in VERSIONS) or "no known version"
    return "%s; %s" % (known, "server name " + name if name else "no server name")
