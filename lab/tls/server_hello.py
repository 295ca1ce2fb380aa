"""The server's answer to a ClientHello: reading it, and writing one to ask a client with.

Sources: RFC 5246, sections 7.4.1.3 and 7.4.5; RFC 8446, sections 4.1.3 and 4.2.1.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from lab.tls import records
from lab.tls.records import SERVER_HELLO, VERSION_NAMES, VERSIONS, Reader, handshake, vector
from lab.tls.suites import Suite, suite_of

_VERSIONS, _PRE_SHARED_KEY = 43, 41
#: The random of a ServerHello that is none: SHA-256 of "HelloRetryRequest" (RFC 8446, section 4.1.3).
_RETRY = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")


@dataclass(frozen=True)
class ServerHello:
    """What a server chose."""

    version: str
    suite: Suite
    retry: bool = False
    """It only asks for another ClientHello (HelloRetryRequest)."""
    resumes: bool = False
    """It goes on with an earlier session, as TLS 1.3 says so."""


def parse(data: bytes) -> ServerHello | records.Alert | None:
    """Read the records of a server's first answer; ``None``: it ended without one.

    Raises:
        WireError: the bytes are no TLS, or neither a ServerHello nor an alert.
    """
    body = records.first_message(data, SERVER_HELLO, "ServerHello")
    return read(body) if isinstance(body, bytes) else body


def read(body: bytes) -> ServerHello:
    """Read the body of the message.

    Raises:
        WireError: it is no ServerHello, or one of an unknown version.
    """
    reader = Reader(body, "the ServerHello")
    version = reader.number(2)
    retry = reader.take(32) == _RETRY
    reader.vector(1)
    suite = suite_of(reader.number(2))
    reader.take(1)
    found = records.extensions(reader)
    if _VERSIONS in found:
        version = int.from_bytes(found[_VERSIONS])
    if version not in VERSION_NAMES:
        raise records.WireError(f"a ServerHello of the unknown version 0x{version:04X}")
    return ServerHello(VERSION_NAMES[version], suite, retry, _PRE_SHARED_KEY in found)


def build(version: str, suite: Suite) -> bytes:
    """The records of a server (TLS 1.2 and older) that chooses so and then ends its part at once.

    A client that accepts the version objects to the missing certificate; see :func:`accepts`.
    """
    number = VERSIONS[version]
    session = vector(1, b"")
    body = number.to_bytes(2) + os.urandom(32) + session + suite.number.to_bytes(2) + bytes(1)
    messages = handshake(SERVER_HELLO, body) + handshake(records.SERVER_HELLO_DONE, b"")
    return records.record(records.HANDSHAKE, number, messages)


def accepts(reaction: bytes) -> bool:
    """Whether the client that reacts so to :func:`build` speaks the version.

    One that does not sends the alert ``protocol_version``, or (OpenSSL 1.0.x) closes without a word;
    any other alert is about what comes after the version.
    """
    seen = records.alerts(reaction)
    return bool(seen) and records.PROTOCOL_VERSION not in seen
