"""What a client opens with, as far as an origin logs it: the ClientHello's versions and server name.

Sources: RFC 5246, section 7.4.1.2; RFC 6066, section 3; RFC 8446, section 4.2.1.
"""

# ruff: noqa: UP006, UP007, UP035, UP045

from typing import List, Optional

_HANDSHAKE, _CLIENT_HELLO = 22, 1
_SERVER_NAME, _SUPPORTED_VERSIONS = 0, 43
VERSIONS = {
    0x0300: "SSLv3",
    0x0301: "TLSv1",
    0x0302: "TLSv1.1",
    0x0303: "TLSv1.2",
    0x0304: "TLSv1.3",
}


class OpeningHello:
    """``versions`` as the client lists them, else its newest; ``server_name`` if it sent one."""

    def __init__(self, versions: List[str], server_name: Optional[str]) -> None:
        self.versions = versions
        self.server_name = server_name


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


def parse(data: bytes) -> Optional[OpeningHello]:
    """Read a client's first record; ``None``: it is no ClientHello, or not one in a single record."""
    try:
        record = _Reader(data)
        if record.number(1) != _HANDSHAKE:
            return None
        record.take(2)
        message = record.vector(2)
        if message.number(1) != _CLIENT_HELLO:
            return None
        return _read(message.vector(3))
    except (ValueError, UnicodeDecodeError):
        return None


def _read(body: _Reader) -> OpeningHello:
    versions = [body.number(2)]
    body.take(32)
    for width in (1, 2, 1):  # session, suites, compression methods
        body.vector(width)
    server_name = None
    extensions = body.vector(2) if body.data else _Reader(b"")
    while extensions.data:
        kind, content = extensions.number(2), extensions.vector(2)
        if kind == _SERVER_NAME:
            names = content.vector(2)
            if names.number(1) == 0:
                server_name = names.vector(2).data.decode("ascii")
        elif kind == _SUPPORTED_VERSIONS:
            listed = content.vector(1).data
            versions = [int.from_bytes(listed[i : i + 2], "big") for i in range(0, len(listed), 2)]
    # Numbers that are no version keep places free for what may come (RFC 8701).
    return OpeningHello([VERSIONS[v] for v in versions if v in VERSIONS], server_name)
