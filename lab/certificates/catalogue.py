"""The certificate catalogue: what each slug is and what is wrong with it, as data.

A certificate as a server presents it is a leaf plus what the server sends with it. Both are
declared apart, so that slugs which differ only in what is sent share the very same leaf:
``incomplete-chain`` is ``valid`` minus its intermediate and nothing else.

The X509 numbers are those of OpenSSL 3 (``include/openssl/x509_vfy.h``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from types import MappingProxyType

from lab.text import no_such

#: The lab's own DNS zone (RFC 6761 reserves ``test``).
ZONE = "lab.test"
#: The name that ``wrong-host`` is made out to.
OTHER_HOST = f"other.{ZONE}"
#: The slug, and the name of the trust anchor, of a certificate that a person brought.
OWN = "own"
#: The name of the lab's user, to whom ``client`` is made out.
USER = "lab"


class CertificateError(ValueError):
    """A certificate cannot be made; the message says which and why."""


class UnknownCertificate(CertificateError, KeyError):
    """No such certificate, anchor or host; the message names the closest ones."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        self.name, self.known = name, tuple(known)
        self.message = no_such(kind, name, self.known)
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

    @property
    def anchor(self) -> str:
        """The trust anchor under which the chain is anchored: a name in :data:`ANCHORS`."""
        return self.slug if self.leaf.issuer is Issuer.ITSELF else str(self.leaf.issuer)


_ATTACKER = Leaf(issuer=Issuer.ATTACKER)
_PRIVATE = Leaf(issuer=Issuer.PRIVATE)
_DAY, _PAST, _LATER = timedelta(days=1), timedelta(days=-90), timedelta(days=90)

_SPECS = (
    CertificateSpec(
        slug="valid",
        title="Nothing is wrong",
        summary="RSA-2048 leaf for the host's own name, with its intermediate, from the public CA.",
    ),
    CertificateSpec(
        slug="self-signed",
        title="Self-signed",
        summary="The server signed its certificate itself; nobody vouches for it.",
        leaf=Leaf(issuer=Issuer.ITSELF),
        sends=Sends.LEAF,
        defect="no CA signed it",
        x509_error=18,
    ),
    CertificateSpec(
        slug="private-ca",
        title="From a private CA",
        summary="A proper chain from a company's own CA, whose root is in no trust store.",
        leaf=_PRIVATE,
        defect="its CA is in no trust store",
        x509_error=20,
    ),
    CertificateSpec(
        slug="expired",
        title="Expired",
        summary="The validity of the leaf ended yesterday.",
        leaf=Leaf(starts=_PAST, ends=-_DAY),
        defect="its validity has ended",
        x509_error=10,
    ),
    CertificateSpec(
        slug="renewed",
        title="Renewed with the same key",
        summary=(
            "What the CA issues for a new request (CSR) that is made with the key of `expired`:"
            " valid now, with the same public key."
        ),
        leaf=Leaf(key_of="expired"),
    ),
    CertificateSpec(
        slug="not-yet-valid",
        title="Not yet valid",
        summary="The validity of the leaf begins tomorrow (or the client's clock is behind).",
        leaf=Leaf(starts=_DAY, ends=_LATER),
        defect="its validity has not begun",
        x509_error=9,
    ),
    CertificateSpec(
        slug="wrong-host",
        title="For another host",
        summary=f"A proper certificate, but for {OTHER_HOST}.",
        leaf=Leaf(names=Names.OTHER_HOST),
        defect="it does not carry the name that the client asked for",
        x509_error=62,
    ),
    CertificateSpec(
        slug="cn-only",
        title="Host name in the common name only",
        summary=(
            "No subject alternative name; the host is only the common name of the subject."
            " OpenSSL's default still accepts it, clients that follow RFC 9525 do not."
        ),
        leaf=Leaf(names=Names.COMMON_NAME_ONLY),
        defect="no subject alternative name",
    ),
    CertificateSpec(
        slug="other-cn-only",
        title="Another host's name in the common name only",
        summary=(
            f"No subject alternative name, and the common name is {OTHER_HOST}. It fits a client whose"
            " certificate name is set to that."
        ),
        leaf=Leaf(names=Names.OTHER_COMMON_NAME_ONLY),
        defect="its common name is another, and it has no subject alternative name",
        x509_error=62,
    ),
    CertificateSpec(
        slug="cn-beside-other",
        title="Host name in the common name, another host's beside it",
        summary=(
            f"The common name is the host, and the only subject alternative name is {OTHER_HOST}. Where"
            " there is such a list the common name does not count (RFC 2818 section 3.1)."
        ),
        leaf=Leaf(names=Names.COMMON_NAME_BESIDE_OTHER),
        defect="the host is its common name, and not in its subject alternative names",
        x509_error=62,
    ),
    CertificateSpec(
        slug="ip-address",
        title="For the server's address, too",
        summary="Its names are the host's own and the server's IP address.",
        leaf=Leaf(names=Names.HOST_AND_ADDRESS),
    ),
    CertificateSpec(
        slug="wildcard",
        title="Wildcard",
        summary=f"The only name is *.{ZONE}; it covers the host by one label.",
        leaf=Leaf(names=Names.WILDCARD),
    ),
    CertificateSpec(
        slug="wildcard-below",
        title="Wildcard of the level below",
        summary="The only name is *.<host>: it covers every name one label below the host, not the host.",
        leaf=Leaf(names=Names.WILDCARD_BELOW),
        defect="its wildcard covers the names below the host only",
        x509_error=62,
    ),
    CertificateSpec(
        slug="incomplete-chain",
        title="Intermediate missing",
        summary="The leaf of `valid`, sent without the intermediate that issued it.",
        sends=Sends.LEAF,
        defect="the intermediate is not sent",
        x509_error=20,
    ),
    CertificateSpec(
        slug="root-in-chain",
        title="Private root sent along",
        summary="The chain of `private-ca` with its root, which is in no trust store.",
        leaf=_PRIVATE,
        sends=Sends.CHAIN_AND_ROOT,
        defect="its CA is in no trust store, and the root is sent",
        x509_error=19,
    ),
    CertificateSpec(
        slug="full-chain",
        title="Public root sent along",
        summary="The chain of `valid` up to and including its trusted root: needless, harmless.",
        sends=Sends.CHAIN_AND_ROOT,
    ),
    CertificateSpec(
        slug="wrong-order",
        title="Chain in the wrong order",
        summary=(
            "The chain of `full-chain` with the root before the intermediate. Most clients sort it"
            " out."
        ),
        sends=Sends.DISORDER,
        defect="the certificates are not in order",
    ),
    CertificateSpec(
        slug="weak-key",
        title="RSA key too small",
        summary=(
            "RSA-1024 leaf from the public CA. A server whose OpenSSL is at security level 2 does"
            " not even load it."
        ),
        leaf=Leaf(key=Key.RSA_1024),
        defect="the key has 1024 bits",
        x509_error=66,
    ),
    CertificateSpec(
        slug="weak-signature",
        title="Signed with SHA-1",
        summary=(
            "The leaf of `valid` with an intermediate signed with SHA-1. vsftpd does not even load"
            " it at OpenSSL's security level 2."
        ),
        intermediate=Intermediate.SHA1,
        defect="the intermediate is signed with SHA-1",
        x509_error=68,
    ),
    CertificateSpec(
        slug="ecdsa",
        title="ECDSA P-256",
        summary="Nothing is wrong, but only suites that authenticate with ECDSA can be used.",
        leaf=Leaf(key=Key.ECDSA_P256),
    ),
    CertificateSpec(
        slug="rsa3072",
        title="RSA-3072",
        summary="Nothing is wrong, and the key is large enough for security level 3.",
        leaf=Leaf(key=Key.RSA_3072),
    ),
    CertificateSpec(
        slug="impostor",
        title="Somebody else's",
        summary="The same names as `valid`, from the CA of somebody who is not the server.",
        leaf=_ATTACKER,
        defect="an attacker made it",
        x509_error=20,
    ),
    CertificateSpec(
        slug="expired-self-signed",
        title="Self-signed and expired",
        summary="Self-signed, as servers make it at installation, and forgotten since.",
        leaf=Leaf(issuer=Issuer.ITSELF, starts=_PAST, ends=-_DAY),
        sends=Sends.LEAF,
        defect="no CA signed it, and its validity has ended",
        x509_error=18,
    ),
    CertificateSpec(
        slug="self-signed-reissued",
        title="Self-signed, made anew with the same key",
        summary=(
            "Self-signed again with the key of `expired-self-signed`: valid now, with the same public"
            " key. Who trusted the old certificate does not yet trust this one."
        ),
        leaf=Leaf(issuer=Issuer.ITSELF, key_of="expired-self-signed"),
        sends=Sends.LEAF,
        defect="no CA signed it",
        x509_error=18,
    ),
    CertificateSpec(
        slug="expired-intermediate",
        title="Intermediate expired",
        summary="The leaf of `valid`, sent with an old certificate of its intermediate.",
        intermediate=Intermediate.EXPIRED,
        defect="the validity of the intermediate has ended",
        x509_error=10,
    ),
    CertificateSpec(
        slug="not-a-ca",
        title="Issuer is not a CA",
        summary="The leaf of `valid`, sent with a certificate of its issuer that says CA:FALSE.",
        intermediate=Intermediate.NOT_A_CA,
        defect="its issuer is not a CA",
        x509_error=79,
    ),
    CertificateSpec(
        slug="wrong-purpose",
        title="For clients only",
        summary="For the host's own name, but its only extended key usage is that of clients.",
        leaf=Leaf(usage=Usage.CLIENT),
        defect="it is not made for servers",
        x509_error=26,
    ),
    CertificateSpec(
        slug="client",
        title="The user's own",
        summary=f"Client certificate of the user {USER}, from the public CA.",
        leaf=Leaf(names=Names.USER, usage=Usage.CLIENT),
        defect="it is a user's, not a server's",
        x509_error=26,
    ),
)

#: The catalogue, by slug, in the order in which it is shown.
CATALOGUE: Mapping[str, CertificateSpec] = MappingProxyType({spec.slug: spec for spec in _SPECS})

#: The trust anchors, by name, with what they hold.
ANCHORS: Mapping[str, str] = MappingProxyType(
    {
        "public": "the root that the clients' trust stores hold",
        "public-intermediate": "the public CA's intermediate alone, without the root",
        "public-chain": "the public CA's root and its intermediate",
        "private-ca": "the root of the private CA",
        "self-signed": "the self-signed certificates themselves, one for each host",
        "expired-self-signed": "the expired self-signed certificates, one for each host",
        "self-signed-reissued": "the self-signed certificates made anew, one for each host",
        "impostor": "the root of the attacker's CA",
    }
)


def spec_of(slug: str) -> CertificateSpec:
    """The entry of the catalogue.

    Raises:
        UnknownCertificate: there is none; the message names the closest.
    """
    try:
        return CATALOGUE[slug]
    except KeyError:
        raise UnknownCertificate("certificate", slug, CATALOGUE) from None
