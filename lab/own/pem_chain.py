"""The certificates of a chain: read, described, and whether each is followed by its issuer."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.utils import CryptographyDeprecationWarning

from lab.certificates import CertificateError, describe
from lab.certificates.description import DAMAGES, ChainDescription
from lab.own.findings import Finding, InputError, Severity
from lab.own.pem_blocks import Block
from lab.text import cut

#: How large a chain may be for a client, in bytes: as much a client with OpenSSL takes of the message that
#: has the certificates (``SSL_CTX_set_max_cert_list(3)``, by default 100 kB), which every client here is.
LARGEST_CHAIN = 100 * 1024
#: Of more certificates than this no order is worked out: each is tried with each.
MOST_ORDERED = 20
#: Of what a library says about a damaged certificate or key, so many characters are said.
LONGEST_REASON = 200


@dataclass(frozen=True)
class Member:
    """One certificate of the chain and where it stands."""

    line: int
    certificate: x509.Certificate

    def __str__(self) -> str:
        subject = self.certificate.subject.rfc4514_string() or "(no subject)"
        return f"line {self.line}: {cut(subject)}"


def member_of(block: Block, file: str) -> Member:
    """The certificate in a block.

    Raises:
        InputError: it cannot be read.
    """
    try:
        with warnings.catch_warnings():
            # What is odd about a certificate is for the attempt to show.
            warnings.simplefilter("ignore", CryptographyDeprecationWarning)
            certificate = x509.load_pem_x509_certificate(
                block.pem.replace(b"X509 CERTIFICATE", b"CERTIFICATE")
            )
            # Names are read when they are asked for.
            _ = certificate.subject, certificate.issuer
    except DAMAGES as error:
        raise InputError(
            file,
            block.line,
            f"this certificate cannot be read: {cut(str(error), LONGEST_REASON)}.",
            "Look at it with `openssl x509 -text -noout`, and export it again if that fails, too.",
        ) from error
    return Member(block.line, certificate)


def description_of(chain_pem: bytes, file: str) -> ChainDescription:
    """What is in each certificate.

    Raises:
        InputError: one of them cannot be described.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CryptographyDeprecationWarning)
            return describe(chain_pem)
    except CertificateError as error:
        raise InputError(
            file,
            None,
            f"the chain cannot be described: {cut(str(error), LONGEST_REASON)}.",
            "Export it again.",
        ) from error


def check_size(members: Sequence[Member], file: str) -> None:
    """A chain must be one that a client takes.

    Raises:
        InputError: it is larger than that.
    """
    # Each certificate has its length before it, and so have they all (RFC 5246, section 7.4.2).
    size = 3 + sum(3 + len(m.certificate.public_bytes(Encoding.DER)) for m in members)
    if size > LARGEST_CHAIN:
        raise InputError(
            file,
            members[0].line,
            f"the {len(members)} certificates are {size} bytes in a handshake, and a client with OpenSSL"
            f" takes {LARGEST_CHAIN}: no client would go on.",
            "Leave in the file only the server's own certificate and those that lead from it to a root.",
        )


def misplaced(members: Sequence[Member], file: str) -> list[Finding]:
    """Whether each certificate issued the one before it: asked for by RFC 5246, section 7.4.2."""
    for before, after in itertools.pairwise(members):
        if issued(before.certificate, after.certificate):
            continue
        right = in_order(members)
        found = in_words(members)
        whole = len(right) == len(members)
        wanted = f"; in order it would be {in_words(right)}" if whole else ""
        text = (
            f"{after} did not issue the certificate before it ({before}). Each certificate is to be"
            f" followed by that of its issuer; here are {found}{wanted}. The server sends them as they"
            " are: most clients cope, some do not"
        )
        return [Finding(Severity.WARNING, file, after.line, text)]
    return []


def in_words(members: Sequence[Member]) -> str:
    """The certificates with their lines, of many the first."""
    shown = "; ".join(str(member) for member in members[:MOST_ORDERED])
    rest = len(members) - MOST_ORDERED
    return shown if rest <= 0 else f"{shown}; and {rest} more"


def in_order(members: Sequence[Member]) -> list[Member]:
    """From the first certificate upwards, as far as issuers are found; of many, only the first."""
    if len(members) > MOST_ORDERED:
        return [members[0]]
    chain, left = [members[0]], list(members[1:])
    while issuer := next((m for m in left if issued(chain[-1].certificate, m.certificate)), None):
        chain.append(issuer)
        left.remove(issuer)
    return chain


def issued(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Whether the second issued the first: its name and, where it can be checked, its signature."""
    if certificate.issuer != issuer.subject:
        return False
    try:
        certificate.verify_directly_issued_by(issuer)
    except InvalidSignature:
        return False
    except (*DAMAGES, TypeError):
        return True  # an algorithm that cannot be checked here: the names must do
    return True
