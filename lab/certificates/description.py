"""What a certificate chain says, in words: read from the bytes, not from the catalogue."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InternalError, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from lab.certificates import CertificateError

_DAY = "%Y-%m-%d %H:%M UTC"


_OF_X509 = (x509.DuplicateExtension, x509.InvalidVersion, x509.UnsupportedGeneralNameType)
#: What reading a certificate's parts raises where they are damaged.
DAMAGES = (ValueError, UnsupportedAlgorithm, InternalError, *_OF_X509)


@dataclass(frozen=True, kw_only=True)
class CertificateDescription:
    """One certificate."""

    subject: str
    issuer: str
    names: tuple[str, ...]
    """Subject alternative names: DNS names and IP addresses."""
    not_before: datetime
    not_after: datetime
    key: str
    """Kind and size, e.g. ``RSA-2048`` or ``ECDSA secp256r1``."""
    key_type: str
    """Kind of the key pair, e.g. ``RSA`` or ``ECDSA``."""
    key_bits: int | None
    """Size of the key; ``None``: its kind has one size only, or is unknown here."""
    signature: str
    """Signature algorithm, e.g. ``sha256WithRSAEncryption``."""
    ca: bool
    self_signed: bool
    sha256: str
    """Fingerprint of the certificate, 64 lower-case hexadecimal digits."""
    public_key_sha256: str
    """SHA-256 of its SubjectPublicKeyInfo (RFC 5280 section 4.1), as pins of a key have it."""

    def in_words(self) -> str:
        """One line, for people."""
        names = f"for {', '.join(self.names)}" if self.names else "without alternative names"
        by = "signed by itself" if self.self_signed else f"issued by {self.issuer}"
        return (
            f"{self.subject} {'(CA)' if self.ca else names}, {self.key}, {by}"
            f" with {self.signature}, valid {self.not_before:{_DAY}} to {self.not_after:{_DAY}}"
        )


@dataclass(frozen=True)
class ChainDescription:
    """What a server sends, leaf first."""

    certificates: tuple[CertificateDescription, ...]

    @property
    def leaf(self) -> CertificateDescription:
        """The server's own certificate."""
        return self.certificates[0]

    def in_words(self) -> str:
        """One line for each certificate, numbered from the leaf as OpenSSL numbers the depth."""
        return "\n".join(f"{depth}: {c.in_words()}" for depth, c in enumerate(self.certificates))


def describe(chain_pem: bytes) -> ChainDescription:
    """Describe a chain of PEM certificates, leaf first.

    Raises:
        CertificateError: the bytes hold no certificate that can be read.
    """
    try:
        chain = x509.load_pem_x509_certificates(chain_pem)
        return ChainDescription(tuple(_describe(certificate) for certificate in chain))
    except DAMAGES as error:
        raise CertificateError(f"no PEM certificate can be read: {error}") from error


def _describe(certificate: x509.Certificate) -> CertificateDescription:
    key, key_type, key_bits = _key(certificate)
    return CertificateDescription(
        subject=certificate.subject.rfc4514_string(),
        issuer=certificate.issuer.rfc4514_string(),
        names=_names(certificate),
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        key=key,
        key_type=key_type,
        key_bits=key_bits,
        signature=certificate.signature_algorithm_oid._name,
        ca=_is_ca(certificate),
        self_signed=certificate.issuer == certificate.subject,
        sha256=fingerprint(certificate),
        public_key_sha256=public_key_fingerprint(certificate),
    )


def fingerprint(certificate: x509.Certificate) -> str:
    """SHA-256 of the certificate's DER form, as lower-case hexadecimal digits."""
    return hashlib.sha256(certificate.public_bytes(Encoding.DER)).hexdigest()


def public_key_fingerprint(certificate: x509.Certificate) -> str:
    """SHA-256 of the SubjectPublicKeyInfo in DER form, as lower-case hexadecimal digits."""
    key = certificate.public_key()
    info = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(info).hexdigest()


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    dns = names.get_values_for_type(x509.DNSName)
    return (*dns, *(str(ip) for ip in names.get_values_for_type(x509.IPAddress)))


def _is_ca(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def _key(certificate: x509.Certificate) -> tuple[str, str, int | None]:
    """The key in words, its kind, and its size in bits."""
    key = certificate.public_key()
    match key:
        case rsa.RSAPublicKey():
            return f"RSA-{key.key_size}", "RSA", key.key_size
        case ec.EllipticCurvePublicKey():
            return f"ECDSA {key.curve.name}", "ECDSA", key.key_size
        case ed25519.Ed25519PublicKey():
            return "Ed25519", "Ed25519", None
        case ed448.Ed448PublicKey():
            return "Ed448", "Ed448", None
        case _:
            return type(key).__name__, type(key).__name__, None
