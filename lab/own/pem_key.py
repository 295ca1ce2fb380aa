"""The private key of a certificate: one that a server can read, and that belongs to the chain."""

from __future__ import annotations

import binascii
from collections.abc import Sequence

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)

from lab.certificates.description import DAMAGES
from lab.own.findings import Finding, InputError, Severity
from lab.own.pem_blocks import KEYS, Block
from lab.own.pem_chain import LONGEST_REASON, Member, in_order, in_words
from lab.text import cut

#: The largest modulus that OpenSSL verifies with, in bits (``OPENSSL_RSA_MAX_MODULUS_BITS``).
LARGEST_RSA = 16384
#: A key of that size is about 12,800 bytes in PEM.
LARGEST_KEY = 16_000

#: The identifiers of such keys, in DER: PKCS #3 (1.2.840.113549.1.3.1) and X9.42 (1.2.840.10046.2.1).
_DIFFIE_HELLMAN = (bytes.fromhex("2a864886f70d010301"), bytes.fromhex("2a8648ce3e0201"))


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
    if len(block.pem) > LARGEST_KEY:
        raise InputError(
            file,
            block.line,
            f"this private key is {len(block.pem)} bytes in PEM, and no key that a server can use is larger"
            f" than {LARGEST_KEY}.",
            "Check that it is the right file.",
        )
    if _is_diffie_hellman(block):
        raise InputError(
            file,
            block.line,
            "this is a key for Diffie-Hellman, which belongs to no certificate.",
            "Give the private key that the certificate was requested with.",
        )
    try:
        # A server does not try the key's numbers for primes either, and of 8192 bits that takes seconds.
        key = load_pem_private_key(block.pem, password=None, unsafe_skip_rsa_key_validation=True)
        public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    except (*DAMAGES, TypeError) as error:
        raise InputError(
            file,
            block.line,
            f"this private key cannot be read: {cut(str(error), LONGEST_REASON)}.",
            "Look at it with `openssl pkey -text -noout`, and export it again if that fails, too.",
        ) from error
    if isinstance(key, RSAPrivateKey) and key.key_size > LARGEST_RSA:
        raise InputError(
            file,
            block.line,
            f"this RSA key has {key.key_size} bits, and OpenSSL takes at most {LARGEST_RSA}.",
            "Give a key of 2048 to 4096 bits, and the certificate for it.",
        )
    return public


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
            f" private key belongs to another one. Found: {in_words(members)}. vsftpd ends"
            " at start (`500 OOPS: SSL: cannot load RSA private key`).",
            f"Write the server's own certificate first, then each issuer: {in_words(right)}.",
        )
    raise InputError(
        key_file,
        None,
        f"the private key does not belong to any certificate of {chain_file}"
        f" ({in_words(members)}). vsftpd ends at start (`500 OOPS: SSL: cannot load RSA"
        " private key`).",
        "Give the key that the certificate was requested with. Both commands must print the same:"
        f" `openssl x509 -noout -pubkey -in {chain_file}` and `openssl pkey -pubout -in {key_file}`.",
    )


def _is_diffie_hellman(block: Block) -> bool:
    """Such keys are tried for primes when they are loaded, which takes seconds."""
    body = b"".join(line for line in block.pem.split(b"\n") if b"-----" not in line)
    try:
        key = binascii.a2b_base64(body)
    except binascii.Error:
        return False  # the reader says what is wrong with it
    return any(identifier in key for identifier in _DIFFIE_HELLMAN)


def _public_of(certificate: x509.Certificate) -> bytes | None:
    try:
        key = certificate.public_key()
    except DAMAGES:
        return None  # a key of a kind that cannot be read here is not the given one
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
