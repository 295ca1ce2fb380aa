"""An operator's certificate chain and private key: checked for what makes them unusable, no more.

Expired, self-signed, made out to another name, too weak: that is what an attempt is to show, and none
of it is an error here. An error is what no server could be started with, or what is not what it is
taken for: a key in the certificate's place, a chain that does not begin with the key's certificate.

Sources: OpenSSL's ``SSL_CTX_use_certificate_chain_file(3)`` (the first certificate of the file is the
server's own, everything outside PEM blocks is passed over) and ``SSL_CTX_use_PrivateKey_file(3)``.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from lab.certificates.description import fingerprint
from lab.own.findings import Finding, Severity
from lab.own.pem_blocks import (
    CERTIFICATES,
    KEYS,
    blocks_of,
    check_places,
    read_label,
    strange_lines,
    without_mark,
)
from lab.own.pem_chain import (
    LONGEST_REASON,
    check_size,
    description_of,
    issued,
    member_of,
    misplaced,
)
from lab.own.pem_key import check_key, key_block_of, public_half
from lab.text import cut

#: Of certificates with one name so many are tried as the issuer of another.
MOST_NAMESAKES = 10


@dataclass(frozen=True)
class UserCertificate:
    """A certificate that an operator brought, ready to be served."""

    chain_pem: bytes
    """The certificates of the file in its order, the server's own first."""
    key_pem: bytes = field(repr=False)
    leaf_sha256: str
    """Fingerprint of the server's own certificate, 64 lower-case hexadecimal digits."""
    description: str
    """One line for each certificate of the chain."""
    chain_file: str = ""
    """File of the chain, as it was named; empty: it is not known."""
    key_file: str | None = None
    """File of the key; ``None``: it is in the chain's file."""


@dataclass(frozen=True)
class UserAnchors:
    """Certificates that an operator brought to be trusted, under the name `own`."""

    pem: bytes
    description: str
    """One line for each certificate."""
    file: str = ""
    """Where they were read from, as it was named; empty: it is not known."""


@dataclass(frozen=True)
class UserFiles:
    """What an operator brought under the name `own`: to be served, to be trusted."""

    certificate: UserCertificate | None = None
    anchors: UserAnchors | None = None
    """Trusted in the place of what issued the certificate."""


def read_certificate(
    chain: bytes,
    key: bytes | None,
    chain_file: str = "chain.pem",
    key_file: str = "key.pem",
) -> tuple[UserCertificate, list[Finding]]:
    """Read a chain and its key.

    Args:
        chain: contents of the chain's file, PEM.
        key: contents of the key's file, PEM; ``None``: the key is in the chain's file, too.
        chain_file: name of the chain's file, for messages.
        key_file: name of the key's file, for messages.

    Raises:
        InputError: what no server could be started with.
    """
    chain, findings = without_mark(chain, chain_file)
    if key is not None:
        key, found = without_mark(key, key_file)
        findings += found
    blocks = blocks_of(chain, chain_file)
    key_source, key_name = (chain, chain_file) if key is None else (key, key_file)
    key_blocks = blocks if key is None else blocks_of(key_source, key_name)
    check_places(blocks, key_blocks, chain_file, key_name, separate=key is not None)
    members = [member_of(block, chain_file) for block in blocks if block.label in CERTIFICATES]
    check_size(members, chain_file)
    key_block = key_block_of(key_blocks, key_name, findings)
    public = public_half(key_block, key_name)
    check_key(members, public, chain_file, key_name)
    findings += strange_lines(chain, chain_file)
    if key is not None and any(block.label in KEYS for block in blocks):
        line = next(block.line for block in blocks if block.label in KEYS)
        text = f"the private key here is not used: {key_name} is given for it"
        findings.append(Finding(Severity.NOTE, chain_file, line, text))
    findings += misplaced(members, chain_file)
    chain_pem = b"".join(m.certificate.public_bytes(Encoding.PEM) for m in members)
    own = UserCertificate(
        chain_pem=chain_pem,
        key_pem=key_block.pem,
        leaf_sha256=fingerprint(members[0].certificate),
        description=description_of(chain_pem, chain_file).in_words(),
    )
    return own, findings


def read_anchors(
    content: bytes, file: str, first_line: int = 1
) -> tuple[UserAnchors, list[Finding]]:
    """Read certificates that are to be trusted, from a part of a file.

    Args:
        content: the part, PEM.
        file: name of the file, for messages.
        first_line: where in the file the part begins.

    Raises:
        InputError: what no client could be told to trust.
    """
    findings: list[Finding] = []
    blocks = read_label(content, file, first_line, key=False)
    members = [member_of(block, file) for block in blocks]
    pem = b"".join(m.certificate.public_bytes(Encoding.PEM) for m in members)
    description = description_of(pem, file)
    by_subject: dict[x509.Name, list[x509.Certificate]] = {}
    for member in members:
        by_subject.setdefault(member.certificate.subject, []).append(member.certificate)
    for member, one in zip(members, description.certificates, strict=True):
        certificate = member.certificate
        namesakes = by_subject.get(certificate.issuer, [])[:MOST_NAMESAKES]
        if any(issued(certificate, issuer) for issuer in namesakes):
            continue
        words = cut(one.in_words(), LONGEST_REASON)
        text = (
            f"the certificate of its issuer is not here: {words}. A chain is verified up to a certificate"
            " that is its own issuer, by most clients: give the root"
        )
        findings.append(Finding(Severity.WARNING, file, member.line, text))
    return UserAnchors(pem=pem, description=description.in_words(), file=file), findings
