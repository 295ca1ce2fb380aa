"""What only the key log opens: the records of TLS 1.3 behind the ServerHello.

There the end of the handshake and every alert of it are encrypted. With the secrets that a client's
library wrote down, the wire is a witness there, too. TLS 1.2 and older say all of that in clear text.

Source: RFC 8446, sections 5.2 (records), 5.3 (nonce), 7.1 (HKDF-Expand-Label), 7.3 (keys); the format of the
key log is that of NSS (draft-ietf-tls-keylogfile).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESCCM, AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from lab.model import Side
from lab.tls.records import APPLICATION_DATA, FINISHED, HANDSHAKE, Record, messages

_KEY_UPDATE = 24
#: The labels of a key log, of the handshake's secrets and of those behind it.
_LABELS = {
    Side.CLIENT: ("CLIENT_HANDSHAKE_TRAFFIC_SECRET", "CLIENT_TRAFFIC_SECRET_0"),
    Side.SERVER: ("SERVER_HANDSHAKE_TRAFFIC_SECRET", "SERVER_TRAFFIC_SECRET_0"),
}


class _Cipher(Protocol):
    def decrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None) -> bytes: ...


def parse(key_log: str) -> Mapping[tuple[str, bytes], bytes]:
    """The secrets of a key log by label and client random; a line that is none is left out."""
    found: dict[tuple[str, bytes], bytes] = {}
    for line in key_log.splitlines():
        words = line.split()
        if len(words) != 3 or line.startswith("#"):
            continue
        try:
            found[words[0], bytes.fromhex(words[1])] = bytes.fromhex(words[2])
        except ValueError:
            continue
    return found


class Opener:
    """Opens the records of one end of a connection, one after the other."""

    def __init__(
        self, side: Side, suite: int, random: bytes, secrets: Mapping[tuple[str, bytes], bytes]
    ) -> None:
        """Nothing is opened of a suite that is not one of TLS 1.3's, or without secrets.

        Args:
            side: whose records.
            suite: number of the cipher suite.
            random: the ClientHello's.
            secrets: as :func:`parse` has them.
        """
        self._suite = suite
        self._secrets = [secrets.get((label, random)) for label in _LABELS[side]]
        self._rest = b""
        self._cipher: _Cipher | None = None
        self._iv = b""
        self._sequence = 0
        self._next_key()

    def open(self, record: Record) -> tuple[int, bytes] | None:
        """Type and content of an encrypted record; ``None``: it cannot be opened, nor what follows."""
        if self._cipher is None or record.content_type != APPLICATION_DATA:
            return None
        nonce = bytes(
            a ^ b for a, b in zip(self._iv, self._sequence.to_bytes(len(self._iv)), strict=True)
        )
        head = bytes([record.content_type]) + record.version.to_bytes(2)
        head += len(record.fragment).to_bytes(2)
        try:
            padded = self._cipher.decrypt(nonce, record.fragment, head)
        except (InvalidTag, ValueError):
            self._cipher = None
            return None
        self._sequence += 1
        inner = padded.rstrip(b"\0")
        if not inner:
            return None
        kind, content = inner[-1], inner[:-1]
        if kind == HANDSHAKE:
            self._follow(content)
        return kind, content

    def _follow(self, content: bytes) -> None:
        """Behind Finished, other keys are used."""
        found, self._rest = messages(self._rest + content)
        for message, _ in found:
            if message == FINISHED:
                self._next_key()
            elif message == _KEY_UPDATE:
                self._cipher = None

    def _next_key(self) -> None:
        secret = self._secrets.pop(0) if self._secrets else None
        self._sequence = 0
        self._cipher, self._iv = (_suite(self._suite, secret) if secret else None) or (None, b"")


def _suite(number: int, secret: bytes) -> tuple[_Cipher, bytes] | None:
    algorithm: hashes.HashAlgorithm = hashes.SHA384() if number == 0x1302 else hashes.SHA256()
    if len(secret) != algorithm.digest_size:
        return None
    key = expanded(secret, b"key", 16 if number in (0x1301, 0x1304, 0x1305) else 32, algorithm)
    iv = expanded(secret, b"iv", 12, algorithm)
    if number in (0x1301, 0x1302):
        return AESGCM(key), iv
    if number == 0x1303:
        return ChaCha20Poly1305(key), iv
    if number in (0x1304, 0x1305):
        return AESCCM(key, tag_length=16 if number == 0x1304 else 8), iv
    return None


def expanded(secret: bytes, label: bytes, size: int, algorithm: hashes.HashAlgorithm) -> bytes:
    """HKDF-Expand-Label with an empty context."""
    label = b"tls13 " + label
    info = size.to_bytes(2) + bytes([len(label)]) + label + b"\0"
    return HKDFExpand(algorithm, size, info).derive(secret)
