"""The words for what happens in an attempt, and for what it is for; versions of SSL and TLS.

Stages, sides, results and reasons are a closed vocabulary; ``docs/outcomes.md`` lists it with the rule
that decides each.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

from pydantic_core import core_schema


class Stage(StrEnum):
    """The stages of an attempt, in the order in which a connection passes them.

    A web origin passes ``resolve, connect, handshake, verify, response``; an FTPS server the others.
    """

    RESOLVE = "resolve"
    CONNECT = "connect"
    GREETING = "greeting"
    AUTH = "auth"
    HANDSHAKE = "handshake"
    VERIFY = "verify"
    LOGIN = "login"
    PROTECT = "protect"
    TRANSFER = "transfer"
    RESPONSE = "response"
    CLOSE = "close"


class Side(StrEnum):
    """Who ended an attempt."""

    CLIENT = "client"
    SERVER = "server"
    NETWORK = "network"
    UNKNOWN = "unknown"


class Result(StrEnum):
    """Whether the goal of an attempt was reached."""

    COMPLETED = "completed"
    REFUSED = "refused"
    FALSE_SUCCESS = "false-success"
    """The client's program reports success, and the file on the server is short or not there."""


class Goal(StrEnum):
    """How far an attempt is meant to go; ``completed`` means that it got there.

    ``login`` and ``transfer`` are those of an FTP client, ``response`` is a web client's.
    """

    HANDSHAKE = "handshake"
    LOGIN = "login"
    TRANSFER = "transfer"
    RESPONSE = "response"


class Reason(StrEnum):
    """Why an attempt was refused: what the deciding end reported, normalised."""

    # resolve
    NAME_NOT_FOUND = "name-not-found"
    RESOLVER_FAILED = "resolver-failed"
    # connect
    CONNECTION_REFUSED = "connection-refused"
    TIMED_OUT = "timed-out"
    NO_ROUTE = "no-route"
    USAGE_ERROR = "usage-error"
    # greeting
    NOT_FTP = "not-ftp"
    SERVICE_UNAVAILABLE = "service-unavailable"
    SERVER_FAULT = "server-fault"
    # auth
    TLS_NOT_OFFERED = "tls-not-offered"
    # handshake
    CIPHER_LIST_EMPTY = "cipher-list-empty"
    NO_SHARED_CIPHER = "no-shared-cipher"
    NO_SERVER_CERTIFICATE = "no-server-certificate"
    NO_SHARED_PROTOCOL = "no-shared-protocol"
    INTERNAL_ERROR_ALERT = "internal-error-alert"
    SNI_REJECTED = "sni-rejected"
    ALPN_REJECTED = "alpn-rejected"
    CLIENT_CERTIFICATE_REQUIRED = "client-certificate-required"
    PLAINTEXT_PEER = "plaintext-peer"
    CLOSED = "closed"
    RESET = "reset"
    LEGACY_RENEGOTIATION = "legacy-renegotiation"
    WEAK_DH = "weak-dh"
    WEAK_SIGNATURE_ALGORITHM = "weak-signature-algorithm"
    RC4_REFUSED = "rc4-refused"
    # verify
    SELF_SIGNED_LEAF = "self-signed-leaf"
    SELF_SIGNED_IN_CHAIN = "self-signed-in-chain"
    UNKNOWN_ISSUER = "unknown-issuer"
    FIRST_CERTIFICATE_UNVERIFIABLE = "first-certificate-unverifiable"
    ISSUER_NOT_FOUND = "issuer-not-found"
    EXPIRED = "expired"
    NOT_YET_VALID = "not-yet-valid"
    HOSTNAME_MISMATCH = "hostname-mismatch"
    WEAK_KEY = "weak-key"
    WEAK_SIGNATURE = "weak-signature"
    WRONG_PURPOSE = "wrong-purpose"
    NOT_A_CA = "not-a-ca"
    MISSING_EXTENSION = "missing-extension"
    """An extension that RFC 5280 asks for; a client refuses that where it checks strictly."""
    NAME_NOT_PERMITTED = "name-not-permitted"
    PATH_TOO_LONG = "path-too-long"
    UNKNOWN_EXTENSION = "unknown-extension"
    BAD_SIGNATURE = "bad-signature"
    REVOKED = "revoked"
    FINGERPRINT_MISMATCH = "fingerprint-mismatch"
    # login
    TLS_REQUIRED = "tls-required"
    LOGIN_FAILED = "login-failed"
    # protect
    PROTECTION_REFUSED = "protection-refused"
    # transfer
    SESSION_REUSE_REQUIRED = "session-reuse-required"
    DATA_TLS_REQUIRED = "data-tls-required"
    DATA_TLS_FAILED = "data-tls-failed"
    DATA_CONNECTION_FAILED = "data-connection-failed"
    UPLOAD_DENIED = "upload-denied"
    STORAGE_EXCEEDED = "storage-exceeded"
    FILE_NOT_CREATED = "file-not-created"
    ABORTED = "aborted"
    TRUNCATED = "truncated"
    # close
    UNCLEAN_CLOSE = "unclean-close"
    # any stage
    UNKNOWN = "unknown"


class NotJudged(StrEnum):
    """What an attempt cannot say of an operator's own certificate, and why."""

    ISSUER_LAB_CA_ONLY = "issuer-lab-ca-only"
    """The client trusts a CA of the lab, and no other."""
    ISSUER_FROM_CHAIN = "issuer-from-chain"
    """What the client trusts is taken from the chain that is served."""
    ROOTS_STAND_IN = "roots-stand-in"
    """The client trusts public roots that stand in for those of its distribution."""
    NAME_NOT_GIVEN = "name-not-given"
    """Nobody said which name the certificate must have: a name of the lab stands for it."""
    CERTIFICATE_NOT_GIVEN = "certificate-not-given"
    """The certificate was not given: one of the lab's is in its place."""


class Role(StrEnum):
    """What an attempt is for."""

    BREAKS = "breaks"
    """The documented failure of a case."""
    WORKS = "works"
    """What a case shows to complete."""
    TWIN = "twin"
    """The breaking attempt with one field changed, which completes."""
    REMEDY = "remedy"
    IMPOSTOR = "impostor"
    """A remedy, with an impostor in the server's place."""
    ATTEMPT = "attempt"
    """Asked for by itself, in no case."""


class Rating(StrEnum):
    """What a remedy is worth."""

    RECOMMENDED = "recommended"
    TEMPORARY = "temporary"
    UNSAFE = "unsafe"
    """It delivers, and gives something away: it is also run against an impostor."""
    USELESS = "useless"
    """Looks like a remedy, and is not: it is run to show that."""


#: Protocol versions in ascending order, spelt as OpenSSL and the field spell them.
PROTOCOLS = ("SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")


@dataclass(frozen=True)
class ProtocolRange:
    """A closed range of protocol versions; an open end is ``None``.

    Written ``TLSv1.2`` (that version only), ``TLSv1..TLSv1.2``, ``..TLSv1.2`` or ``TLSv1.2..``.
    """

    minimum: str | None = None
    maximum: str | None = None

    def __post_init__(self) -> None:
        for version in (self.minimum, self.maximum):
            if version is not None and version not in PROTOCOLS:
                known = ", ".join(PROTOCOLS)
                raise ValueError(f"unknown protocol version {version!r}: write one of {known}")
        if not self.versions():
            why = f"the protocol range {self} is empty: its minimum is above its maximum"
            raise ValueError(why)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the written form.

        Raises:
            ValueError: a version that is not in :data:`PROTOCOLS`, or an empty range.
        """
        if ".." in text:
            low, _, high = text.partition("..")
            return cls(low or None, high or None)
        if not text:
            why = "a protocol range is empty: write for example TLSv1.2 or TLSv1..TLSv1.2"
            raise ValueError(why)
        return cls(text, text)

    @classmethod
    def of(cls, versions: Collection[str]) -> Self | None:
        """The range of these versions and no others; ``None``: there are none, or not all between them."""
        inside = [version for version in PROTOCOLS if version in versions]
        found = cls(inside[0], inside[-1]) if inside else None
        return found if found and list(found.versions()) == inside else None

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: Any, _handler: Any) -> core_schema.CoreSchema:
        """In the record it is the written form."""
        return core_schema.no_info_plain_validator_function(
            lambda value: value if isinstance(value, cls) else cls.parse(str(value)),
            serialization=core_schema.to_string_ser_schema(),
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, _schema: Any, _handler: Any) -> dict[str, Any]:
        version = "|".join(map(re.escape, PROTOCOLS))
        return {"type": "string", "pattern": rf"^({version}|({version})?\.\.({version})?)$"}

    def versions(self) -> tuple[str, ...]:
        """The versions in the range, ascending; an open end reaches to the end of :data:`PROTOCOLS`."""
        low = PROTOCOLS.index(self.minimum) if self.minimum else 0
        high = PROTOCOLS.index(self.maximum) if self.maximum else len(PROTOCOLS) - 1
        return PROTOCOLS[low : high + 1]

    def __contains__(self, version: object) -> bool:
        return version in self.versions()

    def __str__(self) -> str:
        if self.minimum == self.maximum:
            return self.minimum or ".."
        return f"{self.minimum or ''}..{self.maximum or ''}"


def up_to(version: str) -> ProtocolRange:
    """Every version up to and including ``version``."""
    return ProtocolRange(None, version)


def from_(version: str) -> ProtocolRange:
    """Every version from ``version`` on."""
    return ProtocolRange(version, None)


def only(version: str) -> ProtocolRange:
    """Exactly ``version``."""
    return ProtocolRange(version, version)
