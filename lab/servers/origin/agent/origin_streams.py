"""What a request comes to the lab's own web origin over: a connection, with TLS or without.

With TLS a pair of memory buffers lies between the library and the connection, so that what the library
sends can be changed.
"""

# ruff: noqa: UP006, UP007, UP035, UP045

import contextlib
import socket
import ssl
from typing import Any, Callable, Optional, Tuple

Bytes = Callable[[bytes], bytes]

#: When a client has left that connected, and shook hands, and asked for nothing.
NO_REQUEST = "before the end of its request"


class Left(Exception):
    """The client has closed its side; the text says when."""


class Stream:
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


class Plain(Stream):
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


class Tls(Stream):
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
