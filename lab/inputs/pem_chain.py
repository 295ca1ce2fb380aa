"""The certificates of a chain: read, described, and whether each is followed by its issuer."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.utils import CryptographyDeprecationWarning

from lab.certificates import CertificateError, describe
from lab.inputs.findings import Finding, InputError, Severity
from lab.inputs.pem_blocks import Block


@dataclass(frozen=True)
class Member:
    """One certificate of the chain and where it stands."""

    line: int
    certificate: x509.Certificate

    def __str__(self) -> str:
        subject = self.certificate.subject.rfc4514_string() or "(no subject)"
        return f"line {self.line}: {subject}"


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
    except ValueError as error:
        raise InputError(
            file,
            block.line,
            f"this certificate cannot be read: {error}.",
            "Look at it with `openssl x509 -text -noout`, and export it again if that fails, too.",
        ) from error
    return Member(block.line, certificate)


def description_of(chain_pem: bytes, file: str) -> str:
    """One line for each certificate.

    Raises:
        InputError: one of them cannot be described.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CryptographyDeprecationWarning)
            chain = describe(chain_pem)
    except CertificateError as error:
        raise InputError(
            file, None, f"the chain cannot be described: {error}.", "Export it again."
        ) from error
    return chain.in_words()


def misplaced(members: Sequence[Member], file: str) -> list[Finding]:
    """Whether each certificate issued the one before it: asked for by RFC 5246, section 7.4.2."""
    for before, after in itertools.pairwise(members):
        if issued(before.certificate, after.certificate):
            continue
        right = in_order(members)
        found = "; ".join(str(member) for member in members)
        if len(right) == len(members):
            wanted = f"; in order it would be {'; '.join(str(member) for member in right)}"
        else:
            wanted = ""
        text = (
            f"{after} did not issue the certificate before it ({before}). Each certificate is to be"
            f" followed by that of its issuer; here are {found}{wanted}. The server sends them as they"
            " are: most clients cope, some do not"
        )
        return [Finding(Severity.WARNING, file, after.line, text)]
    return []


def in_order(members: Sequence[Member]) -> list[Member]:
    """From the first certificate upwards, as far as issuers are found."""
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
    except (UnsupportedAlgorithm, TypeError, ValueError):
        return True  # an algorithm that cannot be checked here: the names must do
    return True
