"""An operator's certificate chain and private key: checked for what makes them unusable, no more.

Expired, self-signed, made out to another name, too weak: that is what an attempt is to show, and none
of it is an error here. An error is what no server could be started with, or what is not what it is
taken for: a key in the certificate's place, a chain that does not begin with the key's certificate.

Sources: OpenSSL's ``SSL_CTX_use_certificate_chain_file(3)`` (the first certificate of the file is the
server's own, everything outside PEM blocks is passed over) and ``SSL_CTX_use_PrivateKey_file(3)``.
"""

from __future__ import annotations

import dataclasses
import itertools
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.utils import CryptographyDeprecationWarning

from lab.certificates import CertificateError, describe
from lab.certificates.description import fingerprint
from lab.inputs.findings import Finding, InputError, Severity

_BEGIN = re.compile(rb"^-----BEGIN ([A-Z0-9 ]+)-----[ \t\r]*$", re.MULTILINE)
_CERTIFICATES = ("CERTIFICATE", "X509 CERTIFICATE")
_KEYS = (
    "PRIVATE KEY",
    "RSA PRIVATE KEY",
    "EC PRIVATE KEY",
    "DSA PRIVATE KEY",
    "ENCRYPTED PRIVATE KEY",
    "OPENSSH PRIVATE KEY",
)
_DER = b"\x30"


@dataclass(frozen=True)
class OwnCertificate:
    """A certificate that an operator brought, ready to be served."""

    chain_pem: bytes
    """The certificates of the file in its order, the server's own first."""
    key_pem: bytes = field(repr=False)
    leaf_sha256: str
    """Fingerprint of the server's own certificate, 64 lower-case hexadecimal digits."""
    description: str
    """One line for each certificate of the chain."""
    names: tuple[str, ...] = ()
    """The DNS names and addresses in the server's own certificate."""
    chain_file: str = ""
    """File of the chain, as it was named; empty: it is not known."""
    key_file: str | None = None
    """File of the key; ``None``: it is in the chain's file."""


@dataclass(frozen=True)
class OwnAnchors:
    """Certificates that an operator brought to be trusted, under the name `own`."""

    pem: bytes
    description: str
    """One line for each certificate."""
    file: str = ""
    """Where they were read from, as it was named; empty: it is not known."""


@dataclass(frozen=True)
class Own:
    """What an operator brought under the name `own`: to be served, to be trusted."""

    certificate: OwnCertificate | None = None
    anchors: OwnAnchors | None = None
    """Trusted in the place of what issued the certificate."""


@dataclass(frozen=True)
class _Block:
    label: str
    line: int
    pem: bytes


@dataclass(frozen=True)
class _Member:
    """One certificate of the chain and where it stands."""

    line: int
    certificate: x509.Certificate

    def __str__(self) -> str:
        subject = self.certificate.subject.rfc4514_string() or "(no subject)"
        return f"line {self.line}: {subject}"


def read_certificate(
    chain: bytes,
    key: bytes | None,
    chain_file: str = "chain.pem",
    key_file: str = "key.pem",
) -> tuple[OwnCertificate, list[Finding]]:
    """Read a chain and its key.

    Args:
        chain: contents of the chain's file, PEM.
        key: contents of the key's file, PEM; ``None``: the key is in the chain's file, too.
        chain_file: name of the chain's file, for messages.
        key_file: name of the key's file, for messages.

    Raises:
        InputError: what no server could be started with.
    """
    findings: list[Finding] = []
    blocks = _blocks(chain, chain_file)
    key_source, key_name = (chain, chain_file) if key is None else (key, key_file)
    key_blocks = blocks if key is None else _blocks(key_source, key_name)
    _check_places(blocks, key_blocks, chain_file, key_name, separate=key is not None)
    members = [_member(block, chain_file) for block in blocks if block.label in _CERTIFICATES]
    key_block = _key_block(key_blocks, key_name, findings)
    public = _public_key(key_block, key_name)
    _check_key(members, public, chain_file, key_name)
    findings += _strange_lines(chain, chain_file)
    if key is not None and any(block.label in _KEYS for block in blocks):
        line = next(block.line for block in blocks if block.label in _KEYS)
        text = f"the private key here is not used: {key_name} is given for it"
        findings.append(Finding(Severity.NOTE, chain_file, line, text))
    findings += _order(members, chain_file)
    chain_pem = b"".join(m.certificate.public_bytes(Encoding.PEM) for m in members)
    description = _describe(chain_pem, chain_file)
    own = OwnCertificate(
        chain_pem=chain_pem,
        key_pem=key_block.pem,
        leaf_sha256=fingerprint(members[0].certificate),
        description=description[0],
        names=description[1],
    )
    return own, findings


def read_anchors(
    content: bytes, file: str, first_line: int = 1
) -> tuple[OwnAnchors, list[Finding]]:
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
    members = [_member(block, file) for block in blocks]
    pem = b"".join(m.certificate.public_bytes(Encoding.PEM) for m in members)
    description = _describe(pem, file)[0]
    for member, one in zip(members, description.splitlines(), strict=True):
        certificate = member.certificate
        if any(_issued(certificate, other.certificate) for other in members):
            continue
        words = one.partition(": ")[2]
        text = (
            f"the certificate of its issuer is not here: {words}. A chain is verified up to a certificate"
            " that is its own issuer, by most clients: give the root"
        )
        findings.append(Finding(Severity.WARNING, file, member.line, text))
    return OwnAnchors(pem=pem, description=description, file=file), findings


def read_label(content: bytes, file: str, first_line: int = 1, *, key: bool) -> list[_Block]:
    """The PEM blocks of a part of a file, if they are what the part is for; raises like `read_anchors`.

    Args:
        key: whether the part is for a private key, and not for certificates.
    """
    if not _BEGIN.search(content):
        what = "private key" if key else "certificate"
        if b"-----BEGIN" in content:
            why, remedy = "its lines are indented", "Let every line begin in the first column."
        else:
            why = "there is no PEM block (-----BEGIN ...-----) in it"
            remedy = f"Paste the {what} in PEM, with its first and last line."
        raise InputError(file, first_line, f"this is no {what}: {why}.", remedy)
    try:
        blocks = [
            dataclasses.replace(block, line=block.line + first_line - 1)
            for block in _blocks(content, file)
        ]
    except InputError as error:
        line = first_line if error.line is None else error.line + first_line - 1
        raise InputError(file, line, error.what, error.remedy) from error
    wanted = _KEYS if key else _CERTIFICATES
    wrong = next((block for block in blocks if block.label not in wanted), None)
    if wrong is None:
        return blocks
    if key and wrong.label in _CERTIFICATES:
        raise InputError(
            file,
            wrong.line,
            "this is a certificate, where its private key belongs.",
            "Give the private key here and the certificate in its own parameter.",
        )
    if not key and wrong.label in _KEYS:
        raise InputError(
            file,
            wrong.line,
            "this is a private key, where a certificate belongs.",
            "Give the certificate, and the key to nobody.",
        )
    raise InputError(
        file, wrong.line, *(_instead_of_key(wrong) if key else _instead_of_certificate(wrong))
    )


# -- PEM -------------------------------------------------------------------------------------------


def _blocks(content: bytes, file: str) -> list[_Block]:
    """The PEM blocks of a file.

    Raises:
        InputError: a block without its end, or a file that is not PEM.
    """
    blocks: list[_Block] = []
    position = 0
    while match := _BEGIN.search(content, position):
        line = content.count(b"\n", 0, match.start()) + 1
        label = match[1].decode("ascii")
        end = re.compile(rb"^-----END " + match[1] + rb"-----[ \t\r]*$", re.MULTILINE).search(
            content, match.end()
        )
        following = _BEGIN.search(content, match.end())
        if end is None or (following is not None and following.start() < end.start()):
            raise InputError(
                file,
                line,
                f"the block BEGIN {label} has no END {label}: the file is cut off or damaged.",
                "Export it again, or copy the missing lines.",
            )
        blocks.append(_Block(label, line, content[match.start() : end.end()].strip() + b"\n"))
        position = end.end()
    if not blocks:
        raise InputError(file, None, *_not_pem(content))
    return blocks


def _not_pem(content: bytes) -> tuple[str, str]:
    if not content.strip():
        return "the file is empty.", "Give a file with PEM blocks (-----BEGIN CERTIFICATE-----)."
    if content.startswith(_DER):
        return (
            "the file is binary (DER or PKCS #12), not PEM.",
            "Convert it: `openssl x509 -inform der -in FILE` for a certificate,"
            " `openssl pkcs12 -nodes -in FILE` for a .p12 or .pfx.",
        )
    return (
        "there is no PEM block in the file (-----BEGIN ...-----).",
        "Give the file that the server is configured with, in PEM.",
    )


def _strange_lines(content: bytes, file: str) -> list[Finding]:
    """Text outside the blocks: OpenSSL passes over it, and so does every server built on it."""
    outside: list[int] = []
    inside: bytes | None = None
    for number, line in enumerate(content.split(b"\n"), 1):
        begin = _BEGIN.match(line)
        if inside is None and begin:
            inside = b"-----END " + begin[1] + b"-----"
        elif inside is not None and line.startswith(inside):
            inside = None
        elif inside is None and line.strip():
            outside.append(number)
    if not outside:
        return []
    lines = "one line" if len(outside) == 1 else f"{len(outside)} lines"
    text = f"{lines} outside the PEM blocks: servers pass over such text, the lab leaves it out"
    return [Finding(Severity.NOTE, file, outside[0], text)]


def _check_places(
    blocks: Sequence[_Block],
    key_blocks: Sequence[_Block],
    chain_file: str,
    key_file: str,
    *,
    separate: bool,
) -> None:
    """Each file holds what it is given for."""
    has_certificate = any(block.label in _CERTIFICATES for block in blocks)
    has_key = any(block.label in _KEYS for block in key_blocks)
    if separate and not has_certificate and not has_key:
        swapped = any(b.label in _KEYS for b in blocks) and any(
            b.label in _CERTIFICATES for b in key_blocks
        )
        if swapped:
            raise InputError(
                chain_file,
                blocks[0].line,
                f"the two files are exchanged: here is a private key, in {key_file} the certificate.",
                f"Write --chain {key_file} --key {chain_file}.",
            )
    if not has_certificate:
        raise InputError(chain_file, blocks[0].line, *_instead_of_certificate(blocks[0]))
    if not has_key:
        if not separate:
            raise InputError(
                chain_file,
                None,
                "there is no private key for this certificate.",
                "Give it with --key FILE.",
            )
        raise InputError(key_file, key_blocks[0].line, *_instead_of_key(key_blocks[0]))


def _instead_of_certificate(block: _Block) -> tuple[str, str]:
    if block.label in _KEYS:
        return (
            "this is a private key, where a certificate belongs.",
            "Give the certificate with --chain and this file with --key.",
        )
    if "REQUEST" in block.label:
        return (
            "this is a certificate signing request: no certificate yet.",
            "Give the certificate that the CA made of it.",
        )
    if block.label == "TRUSTED CERTIFICATE":
        return (
            "this is OpenSSL's own form of a certificate (TRUSTED CERTIFICATE).",
            "Convert it: `openssl x509 -in FILE -out chain.pem`.",
        )
    if block.label in ("PKCS7", "CMS"):
        return (
            f"the certificates are wrapped in {block.label}.",
            "Take them out: `openssl pkcs7 -print_certs -in FILE -out chain.pem`.",
        )
    return (
        f"there is no certificate in the file, only a block {block.label}.",
        "Give the file that the server is configured with (rsa_cert_file).",
    )


def _instead_of_key(block: _Block) -> tuple[str, str]:
    if block.label in _CERTIFICATES:
        return (
            "this is a certificate, where its private key belongs.",
            "Give the private key with --key and this file with --chain.",
        )
    if block.label.endswith("PUBLIC KEY"):
        return (
            "this is a public key: a server needs the private one.",
            "Give the private key that the certificate was requested with.",
        )
    return (
        f"there is no private key in the file, only a block {block.label}.",
        "Give the file that the server is configured with (rsa_private_key_file).",
    )


# -- certificates ----------------------------------------------------------------------------------


def _member(block: _Block, file: str) -> _Member:
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
    return _Member(block.line, certificate)


def _describe(chain_pem: bytes, file: str) -> tuple[str, tuple[str, ...]]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CryptographyDeprecationWarning)
            chain = describe(chain_pem)
    except CertificateError as error:
        raise InputError(
            file, None, f"the chain cannot be described: {error}.", "Export it again."
        ) from error
    return chain.in_words(), chain.leaf.names


def _order(members: Sequence[_Member], file: str) -> list[Finding]:
    """Whether each certificate issued the one before it: asked for by RFC 5246, section 7.4.2."""
    for before, after in itertools.pairwise(members):
        if _issued(before.certificate, after.certificate):
            continue
        right = _sorted(members)
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


def _sorted(members: Sequence[_Member]) -> list[_Member]:
    """From the first certificate upwards, as far as issuers are found."""
    chain, left = [members[0]], list(members[1:])
    while issuer := next((m for m in left if _issued(chain[-1].certificate, m.certificate)), None):
        chain.append(issuer)
        left.remove(issuer)
    return chain


def _issued(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    if certificate.issuer != issuer.subject:
        return False
    try:
        certificate.verify_directly_issued_by(issuer)
    except InvalidSignature:
        return False
    except (UnsupportedAlgorithm, TypeError, ValueError):
        return True  # an algorithm that cannot be checked here: the names must do
    return True


# -- the key ---------------------------------------------------------------------------------------


def _key_block(blocks: Sequence[_Block], file: str, findings: list[Finding]) -> _Block:
    keys = [block for block in blocks if block.label in _KEYS]
    if len(keys) > 1:
        text = f"there are {len(keys)} private keys in the file: servers use the first, so does the lab"
        findings.append(Finding(Severity.WARNING, file, keys[1].line, text))
    return keys[0]


def _public_key(block: _Block, file: str) -> bytes:
    """The public half, in DER, by which key and certificate are compared."""
    if block.label == "OPENSSH PRIVATE KEY":
        raise InputError(
            file,
            block.line,
            "the key is in OpenSSH's own form, which TLS servers do not read.",
            "Convert a copy: `ssh-keygen -p -m PEM -f FILE`.",
        )
    if block.label == "ENCRYPTED PRIVATE KEY" or b"Proc-Type: 4,ENCRYPTED" in block.pem:
        raise InputError(
            file,
            block.line,
            "the private key is encrypted: a server without a terminal cannot ask for the passphrase,"
            " and vsftpd ends at start (`500 OOPS: SSL: cannot load RSA private key`).",
            "Give an unencrypted copy: `openssl pkey -in FILE -out FILE.plain`.",
        )
    try:
        key = load_pem_private_key(block.pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise InputError(
            file,
            block.line,
            f"this private key cannot be read: {error}.",
            "Look at it with `openssl pkey -text -noout`, and export it again if that fails, too.",
        ) from error
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _check_key(members: Sequence[_Member], public: bytes, chain_file: str, key_file: str) -> None:
    """The first certificate must be the key's."""
    matching = [m for m in members if _public_of(m.certificate) == public]
    if matching and matching[0] is members[0]:
        return
    if matching:
        leaf = matching[0]
        right = _sorted([leaf, *(m for m in members if m is not leaf)])
        raise InputError(
            chain_file,
            members[0].line,
            "the chain is in the wrong order: a server takes the first certificate for its own, and the"
            f" private key belongs to another one. Found: {'; '.join(map(str, members))}. vsftpd ends"
            " at start (`500 OOPS: SSL: cannot load RSA private key`).",
            f"Write the server's own certificate first, then each issuer: {'; '.join(map(str, right))}.",
        )
    raise InputError(
        key_file,
        None,
        f"the private key does not belong to any certificate of {chain_file}"
        f" ({'; '.join(map(str, members))}). vsftpd ends at start (`500 OOPS: SSL: cannot load RSA"
        " private key`).",
        "Give the key that the certificate was requested with. Both commands must print the same:"
        f" `openssl x509 -noout -pubkey -in {chain_file}` and `openssl pkey -pubout -in {key_file}`.",
    )


def _public_of(certificate: x509.Certificate) -> bytes | None:
    try:
        key = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm):
        return None  # a key of a kind that cannot be read here is not the given one
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
