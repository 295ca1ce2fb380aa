"""The PEM blocks of a file: found whole, and of the kind that the file is given for."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from dataclasses import dataclass

from lab.own.findings import Finding, InputError, Severity

# The longest label that there is has 21 characters.
_BEGIN = re.compile(rb"^-----BEGIN ([A-Z0-9 ]{1,64})-----[ \t\r]*$", re.MULTILINE)
#: So many blocks of a file are read: a bundle of all public roots has about 150.
MOST_BLOCKS = 500
#: Labels of blocks that hold a certificate.
CERTIFICATES = ("CERTIFICATE", "X509 CERTIFICATE")
#: Labels of blocks that hold a private key.
KEYS = (
    "PRIVATE KEY",
    "RSA PRIVATE KEY",
    "EC PRIVATE KEY",
    "DSA PRIVATE KEY",
    "ENCRYPTED PRIVATE KEY",
    "OPENSSH PRIVATE KEY",
)
_DER = b"\x30"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Block:
    """One PEM block and the line of its first line."""

    label: str
    line: int
    pem: bytes


def blocks_of(content: bytes, file: str) -> list[Block]:
    """The PEM blocks of a file.

    Raises:
        InputError: a block without its end, a file that is not PEM, or one with too many blocks.
    """
    blocks: list[Block] = []
    position, line = 0, 1
    while match := _BEGIN.search(content, position):
        line += content.count(b"\n", position, match.start())
        if len(blocks) == MOST_BLOCKS:
            raise InputError(
                file,
                line,
                f"the file has more than {MOST_BLOCKS} PEM blocks, and that is the most that is read.",
                "Leave in it only what the server sends, or what is to be trusted.",
            )
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
        blocks.append(Block(label, line, content[match.start() : end.end()].strip() + b"\n"))
        line += content.count(b"\n", match.start(), end.end())
        position = end.end()
    if not blocks:
        raise InputError(file, None, *_not_pem(content))
    return blocks


def read_label(content: bytes, file: str, first_line: int = 1, *, key: bool) -> list[Block]:
    """The PEM blocks of a part of a file, if they are what the part is for.

    Args:
        content: the part.
        file: name of the file, for messages.
        first_line: where in the file the part begins.
        key: whether the part is for a private key, and not for certificates.

    Raises:
        InputError: there is no whole block, or one of another kind.
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
            for block in blocks_of(content, file)
        ]
    except InputError as error:
        line = first_line if error.line is None else error.line + first_line - 1
        raise InputError(file, line, error.what, error.remedy) from error
    wanted = KEYS if key else CERTIFICATES
    wrong = next((block for block in blocks if block.label not in wanted), None)
    if wrong is None:
        return blocks
    if key and wrong.label in CERTIFICATES:
        raise InputError(
            file,
            wrong.line,
            "this is a certificate, where its private key belongs.",
            "Give the private key here and the certificate in its own parameter.",
        )
    if not key and wrong.label in KEYS:
        raise InputError(
            file,
            wrong.line,
            "this is a private key, where a certificate belongs.",
            "Give the certificate, and the key to nobody.",
        )
    raise InputError(
        file, wrong.line, *(_instead_of_key(wrong) if key else _instead_of_certificate(wrong))
    )


def check_places(
    blocks: Sequence[Block],
    key_blocks: Sequence[Block],
    chain_file: str,
    key_file: str,
    *,
    separate: bool,
) -> None:
    """Each file holds what it is given for.

    Args:
        blocks: those of the chain's file.
        key_blocks: those of the key's file; of the chain's where it is to hold both.
        chain_file: name of the chain's file, for messages.
        key_file: name of the key's file, for messages.
        separate: whether the two are different files.

    Raises:
        InputError: a certificate or a key is missing.
    """
    has_certificate = any(block.label in CERTIFICATES for block in blocks)
    has_key = any(block.label in KEYS for block in key_blocks)
    if separate and not has_certificate and not has_key:
        swapped = any(b.label in KEYS for b in blocks) and any(
            b.label in CERTIFICATES for b in key_blocks
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


def without_mark(content: bytes, file: str) -> tuple[bytes, list[Finding]]:
    """A file's content without the byte order mark with which some editors begin it.

    Seen: OpenSSL 3.5.1 passes over one, 1.0.2k takes the first line for text outside the blocks and so
    finds the first certificate, or the key, missing.
    """
    if not content.startswith(_BYTE_ORDER_MARK):
        return content, []
    text = (
        "the file begins with a byte order mark: a server with OpenSSL 3 passes over it, one with OpenSSL"
        " 1.0.2 does not see the first PEM block; the lab leaves it out. Save the file without one"
    )
    return content.removeprefix(_BYTE_ORDER_MARK), [Finding(Severity.WARNING, file, 1, text)]


def strange_lines(content: bytes, file: str) -> list[Finding]:
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


def _instead_of_certificate(block: Block) -> tuple[str, str]:
    if block.label in KEYS:
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


def _instead_of_key(block: Block) -> tuple[str, str]:
    if block.label in CERTIFICATES:
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
