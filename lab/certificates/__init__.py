"""Certificates of a run: a catalogue of slugs, made anew each time, never kept.

``catalogue.toml`` says what each slug is and what is wrong with it, ``authority`` issues one, ``material``
makes those of a run, ``description`` says in words what a chain holds. These modules need cryptography, which
is slow to import; this one needs nothing.

A certificate as a server presents it is a leaf plus what the server sends with it. Both are
declared apart, so that slugs which differ only in what is sent share the very same leaf:
``incomplete-chain`` is ``valid`` minus its intermediate and nothing else.

The X509 numbers are those of OpenSSL 3 (``include/openssl/x509_vfy.h``).
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from importlib import resources
from types import MappingProxyType
from typing import Any

from lab.text import no_such

#: The lab's own DNS zone (RFC 6761 reserves ``test``).
ZONE = "lab.test"
#: The name that ``wrong-host`` is made out to.
OTHER_HOST = f"other.{ZONE}"
#: The slug, and the name of the trust anchor, of a certificate that a person brought.
OWN = "own"
#: The slug of a client's certificate that a person brought.
OWN_CLIENT = "own-client"
#: The name of what servers trust where a person brought a client's certificate.
CLIENT_CA = "client-ca"
#: The name of the lab's user, to whom ``client`` is made out.
USER = "lab"


class CertificateError(ValueError):
    """A certificate cannot be made; the message says which and why."""


class UnknownCertificate(CertificateError, KeyError):
    """No such certificate, anchor or host; the message names the closest ones."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        self.message = no_such(kind, name, known)
        super().__init__(self.message)

    def __str__(self) -> str:
        """The message itself: a KeyError would show its repr."""
        return self.message


class Issuer(StrEnum):
    """Who signed the leaf."""

    PUBLIC = "public"
    """The CA whose root is in the clients' trust stores."""
    PRIVATE = "private-ca"
    """A company's CA: honest, in no trust store."""
    ATTACKER = "impostor"
    """A CA of somebody who wants to be taken for the server."""
    ITSELF = "itself"


class Key(StrEnum):
    """Kind and size of a key pair."""

    RSA_1024 = "RSA-1024"
    RSA_2048 = "RSA-2048"
    RSA_3072 = "RSA-3072"
    ECDSA_P256 = "ECDSA P-256"


class Names(StrEnum):
    """Which names the leaf carries."""

    HOST = "host"
    HOST_AND_ADDRESS = "host-and-address"
    OTHER_HOST = "other-host"
    WILDCARD = "wildcard"
    """Every name of the zone, and so the host's."""
    WILDCARD_BELOW = "wildcard-below"
    """Every name below the host's, and so not the host's."""
    COMMON_NAME_ONLY = "common-name-only"
    OTHER_COMMON_NAME_ONLY = "other-common-name-only"
    COMMON_NAME_BESIDE_OTHER = "common-name-beside-other"
    """The host in the common name, and another host as the only alternative name."""
    USER = "user"


class Sends(StrEnum):
    """What the server sends."""

    LEAF = "leaf"
    CHAIN = "chain"
    """The leaf and its intermediate, as RFC 5246 section 7.4.2 asks for."""
    CHAIN_AND_ROOT = "chain-and-root"
    DISORDER = "disorder"
    """The same three, the root before the intermediate: RFC 5246 section 7.4.2 forbids it, RFC 8446
    section 4.4.2 asks clients to be prepared for it. The leaf stays the first: with any other order no
    server starts, since its key is not that of the first certificate."""


class Intermediate(StrEnum):
    """Which of the issuing CA's certificates is sent: all have the same subject and key."""

    ORDINARY = "ordinary"
    EXPIRED = "expired"
    SHA1 = "sha1"
    """Its signature is RSA with SHA-1."""
    NOT_A_CA = "not-a-ca"
    """Its basic constraints say CA:FALSE."""
    NO_KEY_USAGE = "no-key-usage"
    """A CA without the extension that says what its key is for."""


class Usage(StrEnum):
    """The extended key usage of the leaf."""

    ANY = "any"
    """Server and client authentication."""
    CLIENT = "client"
    """Client authentication only."""


@dataclass(frozen=True)
class Leaf:
    """What makes a leaf the leaf it is: equal declarations are one and the same certificate."""

    issuer: Issuer = Issuer.PUBLIC
    key: Key = Key.RSA_2048
    names: Names = Names.HOST
    starts: timedelta = timedelta(days=-1)
    """Beginning of the validity, relative to the time at which the material is made."""
    ends: timedelta = timedelta(days=30)
    usage: Usage = Usage.ANY
    authority_key: bool = True
    """Whether it has the Authority Key Identifier (RFC 5280 section 4.2.1.1)."""
    key_of: str | None = None
    """Slug of the certificate whose key pair it has, too. ``None``: it has one of its own if it is its own
    issuer, or if another one names it here; else the one that its server (or user) has for all of this
    kind that this CA issues."""


@dataclass(frozen=True, kw_only=True)
class CertificateSpec:
    """One slug of the catalogue."""

    slug: str
    title: str
    summary: str
    leaf: Leaf = Leaf()
    sends: Sends = Sends.CHAIN
    intermediate: Intermediate = Intermediate.ORDINARY
    defect: str | None = None
    """What is wrong, in a few words; ``None``: nothing is."""
    x509_error: int | None = None
    """What OpenSSL 3 reports at security level 2 when a client that trusts the public CA checks
    chain, purpose and host name with OpenSSL's defaults; ``None``: it is content."""


_DAY = timedelta(days=1)
#: How the values of a table become those of a field; the others are what they are.
_FORMS: Mapping[str, Callable[[Any], object]] = {
    "issuer": Issuer,
    "key": Key,
    "names": Names,
    "usage": Usage,
    "sends": Sends,
    "intermediate": Intermediate,
    "starts": lambda days: days * _DAY,
    "ends": lambda days: days * _DAY,
    "leaf": lambda table: Leaf(**_fields(table)),
}


def _fields(table: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _FORMS[name](v) if name in _FORMS else v for name, v in table.items()}


_TABLES = tomllib.loads(resources.files(__name__).joinpath("catalogue.toml").read_text("utf-8"))
_ROWS: Mapping[str, Mapping[str, Any]] = _TABLES["certificate"]
#: The catalogue, by slug, in the order in which it is shown.
CATALOGUE: Mapping[str, CertificateSpec] = MappingProxyType(
    {slug: CertificateSpec(slug=slug, **_fields(row)) for slug, row in _ROWS.items()}
)
#: The trust anchors, by name, with what they hold.
ANCHORS: Mapping[str, str] = MappingProxyType(_TABLES["anchors"])


def spec_of(slug: str) -> CertificateSpec:
    """The entry of the catalogue.

    Raises:
        UnknownCertificate: there is none; the message names the closest.
    """
    if slug not in CATALOGUE:
        raise UnknownCertificate("certificate", slug, CATALOGUE)
    return CATALOGUE[slug]
