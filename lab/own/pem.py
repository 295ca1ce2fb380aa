"""A person's certificate chain and private key: checked for what makes them unusable, no more.

Expired, self-signed, made out to another name, too weak: that is what an attempt is to show, and none
of it is an error here. An error is what no server could be started with, or what is not what it is
taken for: a key in the certificate's place, a chain that does not begin with the key's certificate.
cryptography reads what is in a PEM block; here the blocks are found, with their lines.

Sources: OpenSSL's ``SSL_CTX_use_certificate_chain_file(3)`` (the first certificate of the file is the
server's own, everything outside PEM blocks is passed over) and ``SSL_CTX_use_PrivateKey_file(3)``.
"""

from __future__ import annotations

import binascii
import contextlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from lab.certificates import CertificateError
from lab.certificates.description import DAMAGES, ChainDescription, describe, fingerprint
from lab.own.chain import ChainMember, check_anchors, in_order, in_words, issued, quietly, say_order
from lab.own.files import UserAnchors, UserCertificate
from lab.own.findings import Findings, data
from lab.text import cut

#: So many blocks of a file are read: a bundle of all public roots has about 150.
MOST_BLOCKS = 500
#: How large a chain may be for a client, in bytes: as much a client with OpenSSL takes of the message that
#: has the certificates (``SSL_CTX_set_max_cert_list(3)``, by default 100 kB), which every client here is.
LARGEST_CHAIN = 100 * 1024
#: The largest modulus that OpenSSL verifies with, in bits (``OPENSSL_RSA_MAX_MODULUS_BITS``).
LARGEST_RSA = 16384
#: A key of that size is about 12,800 bytes in PEM.
LARGEST_KEY = 16_000
#: Of certificates with one name so many are tried as the issuer of another.
MOST_NAMESAKES = 10
#: Of what a library says about a damaged certificate or key, so many characters are said.
LONGEST_REASON = 200

# The longest label that there is has 21 characters.
_EDGE = re.compile(rb"^-----(BEGIN|END) ([A-Z0-9 ]{1,64})-----[ \t\r]*$", re.MULTILINE)
_CERTIFICATES = ("CERTIFICATE", "X509 CERTIFICATE")
_KEYS = (
    *("PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "DSA PRIVATE KEY"),
    *("ENCRYPTED PRIVATE KEY", "OPENSSH PRIVATE KEY"),
)
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
#: Keys for Diffie-Hellman in DER: PKCS #3 (1.2.840.113549.1.3.1) and X9.42 (1.2.840.10046.2.1).
_DIFFIE_HELLMAN = (bytes.fromhex("2a864886f70d010301"), bytes.fromhex("2a8648ce3e0201"))
_TABLE = "pem.toml"


@dataclass(frozen=True)
class _Block:
    """One PEM block and the line of its first line."""

    label: str
    line: int
    pem: bytes


_Blocks = Sequence[_Block]


def read_certificate(
    chain: bytes,
    key: bytes | None,
    chain_file: str = "chain.pem",
    key_file: str = "key.pem",
    first_lines: tuple[int, int] = (1, 1),
) -> tuple[UserCertificate, Findings]:
    """Read a chain and its key.

    Args:
        chain: contents of the chain's file, PEM.
        key: contents of the key's file, PEM; ``None``: the key is in the chain's file, too.
        chain_file: name of the chain's file, for messages.
        key_file: name of the key's file, for messages.
        first_lines: where in their files chain and key begin.

    Raises:
        InputError: what no server could be started with.
    """
    found, of_key = Findings(chain_file, _TABLE), Findings(key_file, _TABLE)
    chain = _without_mark(chain, found)
    blocks = key_blocks = _blocks(chain, found, first_lines[0])
    if key is not None:
        key_blocks = _blocks(_without_mark(key, of_key), of_key, first_lines[1])
    else:
        of_key = Findings(chain_file, _TABLE)
    _check_places(blocks, key_blocks, found, of_key, separate=key is not None)
    members = [_member(block, found) for block in blocks if block.label in _CERTIFICATES]
    _check_size(members, found)
    keys = [block for block in key_blocks if block.label in _KEYS]
    if len(keys) > 1:
        of_key.say("several-keys", keys[1].line, number=len(keys))
    _compare(members, _public_half(keys[0], of_key), found, of_key)
    found += of_key
    _say_outside(chain, blocks, found, first_lines[0])
    unused = next((block for block in blocks if block.label in _KEYS and key is not None), None)
    if unused is not None:
        found.say("unused-key", unused.line, file=key_file)
    say_order(members, found)
    chain_pem, description = _described(members, found)
    leaf = members[0].certificate
    own = UserCertificate(
        chain_pem=chain_pem,
        key_pem=keys[0].pem,
        leaf_sha256=fingerprint(leaf),
        description=description.in_words(),
        lines=tuple(member.line for member in members),
        chain_file=chain_file,
        key_file=None if key is None else key_file,
        self_issued=issued(leaf, leaf),
    )
    return own, found


def read_anchors(content: bytes, file: str, first_line: int = 1) -> tuple[UserAnchors, Findings]:
    """Read certificates that are to be trusted, from a part of a file.

    Args:
        content: the part, PEM.
        file: name of the file, for messages.
        first_line: where in the file the part begins.

    Raises:
        InputError: what no client could be told to trust.
    """
    found = Findings(file, _TABLE)
    members = [_member(b, found) for b in check_part(content, file, first_line, key=False)]
    pem, description = _described(members, found)
    by_subject: dict[x509.Name, list[x509.Certificate]] = {}
    for member in members:
        by_subject.setdefault(member.certificate.subject, []).append(member.certificate)
    for member, one in zip(members, description.certificates, strict=True):
        namesakes = by_subject.get(member.certificate.issuer, [])[:MOST_NAMESAKES]
        if not any(issued(member.certificate, issuer) for issuer in namesakes):
            words = cut(one.in_words(), LONGEST_REASON)
            found.say("issuer-not-here", member.line, certificate=words)
    check_anchors(members, found)
    return UserAnchors(pem=pem, description=description.in_words(), file=file), found


def check_part(content: bytes, file: str, first_line: int, *, key: bool) -> list[_Block]:
    """The blocks of a part of a file that is for private keys, or for certificates, and for nothing else.

    Raises:
        InputError: there is no whole block, or one of another kind.
    """
    found = Findings(file, _TABLE)
    blocks = _blocks(content, found, first_line)
    wrong = next((b for b in blocks if b.label not in (_KEYS if key else _CERTIFICATES)), None)
    if wrong is not None:
        raise found.failure(wrong.line, *_misplaced(wrong.label, key=key))
    return blocks


# -- blocks ----------------------------------------------------------------------------------------


def _blocks(content: bytes, found: Findings, first_line: int | None = None) -> list[_Block]:
    """The PEM blocks of a file, or of a part of it.

    Raises:
        InputError: a block without its end, a file that is not PEM, or one with too many blocks.
    """
    blocks: list[_Block] = []
    opened: re.Match[bytes] | None = None
    line, counted = first_line or 1, 0
    for edge in _EDGE.finditer(content):
        if edge[1] == b"BEGIN":
            if opened is not None:
                break
            line, counted = line + content.count(b"\n", counted, edge.start()), edge.start()
            if len(blocks) == MOST_BLOCKS:
                raise found.fail("too-many-blocks", line, most=MOST_BLOCKS)
            opened = edge
        elif opened is not None and edge[2] == opened[2]:
            pem = content[opened.start() : edge.end()].strip() + b"\n"
            blocks.append(_Block(edge[2].decode("ascii"), line, pem))
            opened = None
    if opened is not None:
        raise found.fail("cut-off", line, label=opened[2].decode("ascii"))
    if not blocks:
        raise found.failure(first_line, *_not_pem(content))
    return blocks


def _not_pem(content: bytes) -> tuple[str, str]:
    """What a file without any PEM block is, and what to do."""
    text = content.decode("latin-1")
    hint = next(h for h in data("pem.toml")["content"] if re.match(h["begins"], text))
    return hint["what"], hint["remedy"]


def _misplaced(label: str, *, key: bool) -> tuple[str, str]:
    """What is wrong with such a block where a private key, or a certificate, belongs; what to do."""
    where = "key" if key else "chain"
    hints = (h for h in data("pem.toml")["block"] if h.get("where", where) == where)
    hint = next(h for h in hints if re.fullmatch(h["label"], label))
    return hint["what"].format(label=label), hint["remedy"]


def _check_places(
    blocks: _Blocks, key_blocks: _Blocks, chain: Findings, key: Findings, *, separate: bool
) -> None:
    """Each file holds what it is given for."""
    labels = {block.label for block in blocks}
    has_key = any(block.label in _KEYS for block in key_blocks)
    if labels.isdisjoint(_CERTIFICATES):
        swapped = any(block.label in _CERTIFICATES for block in key_blocks) and not has_key
        if separate and swapped and not labels.isdisjoint(_KEYS):
            raise chain.fail("exchanged", blocks[0].line, key=key.file, chain=chain.file)
        raise chain.failure(blocks[0].line, *_misplaced(blocks[0].label, key=False))
    if not has_key and separate:
        raise key.failure(key_blocks[0].line, *_misplaced(key_blocks[0].label, key=True))
    if not has_key:
        raise chain.fail("no-key", None)


def _without_mark(content: bytes, found: Findings) -> bytes:
    """A file's content without the byte order mark with which some editors begin it.

    Seen: OpenSSL 3.5.1 passes over one, 1.0.2k takes the first line for text outside the blocks and so
    finds the first certificate, or the key, missing.
    """
    if content.startswith(_BYTE_ORDER_MARK):
        found.say("byte-order-mark", 1)
    return content.removeprefix(_BYTE_ORDER_MARK)


def _say_outside(content: bytes, blocks: _Blocks, found: Findings, first_line: int) -> None:
    """Text outside the blocks: OpenSSL passes over it, and so does every server built on it."""
    inside = {n for b in blocks for n in range(b.line, b.line + b.pem.count(b"\n"))}
    lines = enumerate(content.split(b"\n"), first_line)
    outside = [number for number, line in lines if line.strip() and number not in inside]
    if outside:
        many = "one line" if len(outside) == 1 else f"{len(outside)} lines"
        found.say("outside", outside[0], lines=many)


# -- the chain -------------------------------------------------------------------------------------


def _member(block: _Block, found: Findings) -> ChainMember:
    try:
        with quietly():
            certificate = x509.load_pem_x509_certificate(block.pem.replace(b" X509 ", b" "))
            _ = certificate.subject, certificate.issuer  # names are read when they are asked for
    except DAMAGES as error:
        said = cut(str(error), LONGEST_REASON)
        raise found.fail("damaged-certificate", block.line, said=said) from error
    return ChainMember(block.line, certificate)


def _described(members: Sequence[ChainMember], found: Findings) -> tuple[bytes, ChainDescription]:
    """The certificates one after the other, and what is in each."""
    pem = b"".join(m.certificate.public_bytes(Encoding.PEM) for m in members)
    try:
        with quietly():
            return pem, describe(pem)
    except CertificateError as error:
        said = cut(str(error), LONGEST_REASON)
        raise found.fail("not-described", None, said=said) from error


def _check_size(members: Sequence[ChainMember], found: Findings) -> None:
    """A chain must be one that a client takes."""
    # Each certificate has its length before it, and so have they all (RFC 5246, section 7.4.2).
    size = 3 + sum(3 + len(m.certificate.public_bytes(Encoding.DER)) for m in members)
    if size > LARGEST_CHAIN:
        number = len(members)
        raise found.fail("large", members[0].line, number=number, size=size, most=LARGEST_CHAIN)


# -- the key ---------------------------------------------------------------------------------------


def _public_half(block: _Block, found: Findings) -> bytes:
    """The public half, in DER, by which key and certificate are compared.

    Raises:
        InputError: no server could read the key.
    """
    label = _unusable(block)
    if label is not None:
        raise found.failure(block.line, *_misplaced(label, key=True))
    if len(block.pem) > LARGEST_KEY:
        raise found.fail("large-key", block.line, size=len(block.pem), most=LARGEST_KEY)
    try:
        # A server does not try the key's numbers for primes either, and of 8192 bits that takes seconds.
        pem = block.pem
        key = serialization.load_pem_private_key(pem, None, unsafe_skip_rsa_key_validation=True)
        public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    except (*DAMAGES, TypeError) as error:
        said = cut(str(error), LONGEST_REASON)
        raise found.fail("damaged-key", block.line, said=said) from error
    if isinstance(key, RSAPrivateKey) and key.key_size > LARGEST_RSA:
        raise found.fail("large-rsa", block.line, bits=key.key_size, most=LARGEST_RSA)
    return public


def _unusable(block: _Block) -> str | None:
    """The label in the table of a key that no server can use, if that is seen without reading it."""
    if block.label == "OPENSSH PRIVATE KEY":
        return block.label
    if block.label == "ENCRYPTED PRIVATE KEY" or b"Proc-Type: 4,ENCRYPTED" in block.pem:
        return "ENCRYPTED PRIVATE KEY"
    with contextlib.suppress(binascii.Error):  # reading it says what is wrong
        der = binascii.a2b_base64(b"".join(block.pem.splitlines()[1:-1]))
        if any(identifier in der for identifier in _DIFFIE_HELLMAN):
            return "DIFFIE-HELLMAN"  # reading one tries primes for seconds
    return None


def _compare(members: Sequence[ChainMember], public: bytes, chain: Findings, key: Findings) -> None:
    """The first certificate must be the key's.

    Raises:
        InputError: the key is another certificate's, or nobody's.
    """
    leaf = next((m for m in members if _public_of(m.certificate) == public), None)
    words = in_words(members)
    if leaf is None:
        raise key.fail("another-key", None, chain=chain.file, key=key.file, found=words)
    if leaf is not members[0]:
        right = in_words(in_order([leaf, *(m for m in members if m is not leaf)]))
        raise chain.fail("leaf-not-first", members[0].line, found=words, right=right)


def _public_of(certificate: x509.Certificate) -> bytes | None:
    try:
        key = certificate.public_key()
    except DAMAGES:
        return None  # a key of a kind that cannot be read here is not the given one
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
