"""The ClientHello: reading one that a client wrote, and writing one to ask a server with.

Sources: RFC 5246, section 7.4.1.2; RFC 8446, sections 4.1.2 and 4.2; RFC 6066, section 3 (SNI); RFC
7301 (ALPN); RFC 8701 (values that mean nothing, to be skipped).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from lab.model import PROTOCOLS
from lab.tls import records
from lab.tls.records import CLIENT_HELLO, VERSION_NAMES, VERSIONS, Reader, record, two_byte, vector
from lab.tls.suites import SIGNALS, Suite, suite_of

_SERVER_NAME, _GROUPS, _POINT_FORMATS, _SIGNATURES, _ALPN = 0, 10, 11, 13, 16
_MASTER_SECRET, _VERSIONS, _KEY_SHARE, _RENEGOTIATION = 23, 43, 51, 0xFF01

#: A version that will never be (RFC 8701).
NO_VERSION = 0x7A7A

_P256, _P384, _P521, _X25519, _X448 = 23, 24, 25, 29, 30
#: The base points of P-256 (SEC 2, section 2.4.2) and X25519 (RFC 7748, section 4.1): valid public
#: keys. Whoever sends them goes no further than the server's answer, so that nothing is secret.
_BASE_P256 = bytes.fromhex(
    "04"
    "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
    "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"
)
_BASE_X25519 = bytes([9]) + bytes(31)

#: All that a certificate of the lab can sign with: PKCS#1, PSS and ECDSA, down to SHA-1.
_SIGNATURE_SCHEMES = (
    *(0x0403, 0x0503, 0x0603, 0x0804, 0x0805, 0x0806, 0x0807, 0x0808, 0x0809, 0x080A, 0x080B),
    *(0x0401, 0x0501, 0x0601, 0x0303, 0x0301, 0x0203, 0x0201),
)


@dataclass(frozen=True)
class ClientHello:
    """What a client offers.

    ``versions`` is ``None`` if the hello has no list of them: the client then speaks ``newest`` and
    does not say which older ones. ``groups`` and ``signatures`` are the numbers on the wire.
    """

    newest: str
    versions: tuple[str, ...] | None
    suites: tuple[Suite, ...]
    server_name: str | None
    groups: tuple[int, ...]
    signatures: tuple[int, ...]
    alpn: tuple[str, ...] = ()
    """The application protocols that it would speak, e.g. ``http/1.1`` (RFC 7301)."""
    random: bytes = b""
    """By which a key log names the session."""


def parse(data: bytes) -> ClientHello | None:
    """Read the records that a client opened its handshake with.

    Returns:
        ``None`` if it sent an alert instead, or ended inside the message.

    Raises:
        WireError: the bytes are no TLS (an SSLv2 ClientHello included), or no ClientHello.
    """
    body = records.first_message(data, CLIENT_HELLO, "ClientHello")
    return read(body) if isinstance(body, bytes) else None


def read(body: bytes) -> ClientHello:
    """Read the body of the message.

    Raises:
        WireError: it is no ClientHello.
    """
    reader = Reader(body, "the ClientHello")
    legacy = reader.number(2)
    random = reader.take(32)
    reader.vector(1)
    numbers = Reader(reader.vector(2), "the list of cipher suites").numbers(2)
    reader.vector(1)
    found = records.extensions(reader)
    versions = _listed(found, _VERSIONS, 1)
    named = tuple(VERSION_NAMES[v] for v in versions if v in VERSION_NAMES)
    return ClientHello(
        newest=max(named, key=PROTOCOLS.index) if named else VERSION_NAMES.get(legacy, "TLSv1.2"),
        versions=named or None,
        suites=tuple(suite_of(n) for n in numbers if n not in SIGNALS and not _means_nothing(n)),
        server_name=_server_name(found.get(_SERVER_NAME, b"")),
        groups=_listed(found, _GROUPS, 2),
        signatures=_listed(found, _SIGNATURES, 2),
        alpn=_protocols(found.get(_ALPN, b"")),
        random=random,
    )


def build(
    version: str,
    suites: Sequence[Suite],
    server_name: str | None = None,
    *,
    listed_version: int | None = None,
) -> bytes:
    """The records that offer exactly one protocol version and these suites.

    Everything else is offered as widely as can be, so that a refusal is about version and suites.
    The hello is good for one answer: its key shares are nobody's.

    Args:
        version: the protocol version.
        suites: the cipher suites.
        server_name: the name to ask for (SNI); default: none.
        listed_version: of a hello of TLS 1.3, the number in the list of versions instead of 1.3's.
    """
    tls13 = version == "TLSv1.3"
    added = [
        (_GROUPS, vector(2, two_byte((_X25519, _P256, _P384, _P521, _X448)))),
        (_POINT_FORMATS, vector(1, bytes([0]))),
        (_SIGNATURES, vector(2, two_byte(_SIGNATURE_SCHEMES))),
        (_MASTER_SECRET, b""),
        (_RENEGOTIATION, vector(1, b"")),
    ]
    if server_name is not None:
        name = bytes([0]) + vector(2, server_name.encode("idna"))
        added.append((_SERVER_NAME, vector(2, name)))
    if tls13:
        shares = [(_P256, _BASE_P256), (_X25519, _BASE_X25519)]
        written = b"".join(group.to_bytes(2) + vector(2, key) for group, key in shares)
        added.append((_KEY_SHARE, vector(2, written)))
        number = VERSIONS[version] if listed_version is None else listed_version
        added.append((_VERSIONS, vector(1, number.to_bytes(2))))
    legacy = VERSIONS["TLSv1.2" if tls13 else version]
    body = (
        legacy.to_bytes(2)
        + os.urandom(32)
        + vector(1, b"")
        + vector(2, two_byte([suite.number for suite in suites]))
        + vector(1, bytes([0]))
        + vector(2, b"".join(kind.to_bytes(2) + vector(2, data) for kind, data in added))
    )
    # RFC 8446, section 5.1: the first record of a hello may call itself TLS 1.0 for old servers.
    first = min(legacy, VERSIONS["TLSv1"])
    return record(records.HANDSHAKE, first, records.handshake(CLIENT_HELLO, body))


def _listed(found: dict[int, bytes], kind: int, size: int) -> tuple[int, ...]:
    """The two-byte numbers of an extension that is a list whose length has ``size`` bytes."""
    if kind not in found:
        return ()
    content = Reader(found[kind], f"extension {kind}").vector(size)
    numbers = Reader(content, f"extension {kind}").numbers(2)
    return tuple(number for number in numbers if not _means_nothing(number))


def _server_name(data: bytes) -> str | None:
    names = Reader(Reader(data, "the server name").vector(2), "the server name") if data else None
    while names:
        kind, name = names.number(1), names.vector(2)
        if kind == 0:
            return name.decode("ascii", "replace")
    return None


def _protocols(data: bytes) -> tuple[str, ...]:
    names = Reader(Reader(data, "ALPN").vector(2), "ALPN") if data else None
    found: list[str] = []
    while names:
        found.append(names.vector(1).decode("ascii", "replace"))
    return tuple(found)


def _means_nothing(number: int) -> bool:
    """RFC 8701: 0x0A0A, 0x1A1A, ... 0xFAFA."""
    return number & 0x0F0F == 0x0A0A and number >> 8 == number & 0xFF
