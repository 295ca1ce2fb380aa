"""The private key of a certificate: one that a server can read, and that belongs to the chain."""

from __future__ import annotations

from collections.abc import Sequence

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)

from lab.inputs.findings import Finding, InputError, Severity
from lab.inputs.pem_blocks import KEYS, Block
from lab.inputs.pem_chain import Member, in_order


def key_block_of(blocks: Sequence[Block], file: str, findings: list[Finding]) -> Block:
    """The key that a server uses of a file that has at least one; others are added to the findings."""
    keys = [block for block in blocks if block.label in KEYS]
    if len(keys) > 1:
        text = f"there are {len(keys)} private keys in the file: servers use the first, so does the lab"
        findings.append(Finding(Severity.WARNING, file, keys[1].line, text))
    return keys[0]


def public_half(block: Block, file: str) -> bytes:
    """The public half, in DER, by which key and certificate are compared.

    Raises:
        InputError: no server could read the key.
    """
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


def check_key(members: Sequence[Member], public: bytes, chain_file: str, key_file: str) -> None:
    """The first certificate must be the key's.

    Raises:
        InputError: the key is another certificate's, or nobody's.
    """
    matching = [m for m in members if _public_of(m.certificate) == public]
    if matching and matching[0] is members[0]:
        return
    if matching:
        leaf = matching[0]
        right = in_order([leaf, *(m for m in members if m is not leaf)])
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
