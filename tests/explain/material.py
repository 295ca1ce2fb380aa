"""Certificates for the peers: those of the lab's catalogue, and defects that it does not have."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID, ObjectIdentifier

from lab.certificates import Key
from lab.certificates.authority import certificate_pem, generate_rsa_key, key_pem
from lab.certificates.material import RunCertificates

#: Whom clients ask for.
HOST = "host.lab.test"
_DAY = timedelta(days=1)
#: An arc for examples in documentation (RFC 5612).
_NOBODY_KNOWS = ObjectIdentifier("1.3.6.1.4.1.32473.1")


def files() -> Iterator[tuple[str, bytes]]:
    """Path and contents: ``server/SLUG.{chain,key}.pem``, ``anchors/NAME.pem`` and ``trusted.pem``."""
    catalogue = RunCertificates([HOST])
    catalogue.add_addresses({HOST: "127.0.0.1"})
    second = _Second()
    for path, data in catalogue.files(HOST):
        yield path.replace(f"{HOST}/", "server/"), data
    for slug, chain in second.chains():
        yield f"server/{slug}.chain.pem", b"".join(map(certificate_pem, chain))
        yield f"server/{slug}.key.pem", key_pem(second.key)
    yield "trusted.pem", catalogue.anchor("public") + certificate_pem(second.root)
    yield "intermediate.pem", catalogue.anchor("public-intermediate")


class _Second:
    """A second CA, trusted like the first, that makes what the catalogue does not have."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC).replace(microsecond=0)
        self.key = generate_rsa_key(Key.RSA_2048)
        self._ca_key = generate_rsa_key(Key.RSA_2048)
        self._root_key = generate_rsa_key(Key.RSA_2048)
        self.root = self._certificate(
            "Second CA", "Second CA", self._root_key, self._root_key, ca=1
        )

    def chains(self) -> Iterator[tuple[str, list[x509.Certificate]]]:
        """Each defect with what a server sends, leaf first."""
        ca = self._certificate(
            "Second CA intermediate", "Second CA", self._ca_key, self._root_key, ca=0
        )
        leaf = self._certificate(HOST, "Second CA intermediate", self.key, self._ca_key)
        # A server that sends its leaf alone (ProFTPD with one file) is to have a whole chain.
        yield "direct", [self._certificate(HOST, "Second CA", self.key, self._root_key)]
        yield "bad-signature", [_damaged(leaf), ca]
        elsewhere = x509.NameConstraints([x509.DNSName("example.test")], None)
        yield (
            "name-constraints",
            [
                leaf,
                self._certificate(
                    "Second CA intermediate", "Second CA", self._ca_key, self._root_key,
                    ca=0, extension=elsewhere,
                ),
            ],
        )  # fmt: skip
        below = self._certificate(
            "Second CA below", "Second CA intermediate", self._ca_key, self._ca_key, ca=0
        )
        yield (
            "path-too-long",
            [self._certificate(HOST, "Second CA below", self.key, self._ca_key), below, ca],
        )
        unknown = x509.UnrecognizedExtension(_NOBODY_KNOWS, b"\x05\x00")
        yield (
            "unknown-extension",
            [
                self._certificate(
                    HOST, "Second CA intermediate", self.key, self._ca_key, extension=unknown
                ),
                ca,
            ],
        )

    def _certificate(
        self,
        subject: str,
        issuer: str,
        key: rsa.RSAPrivateKey,
        signer: rsa.RSAPrivateKey,
        ca: int | None = None,
        extension: x509.ExtensionType | None = None,
    ) -> x509.Certificate:
        """A certificate; ``ca`` is the number of CAs that may be below it, ``None`` that of a leaf."""
        usage = dict.fromkeys(
            ("content_commitment", "data_encipherment", "key_agreement", "encipher_only",
             "decipher_only"), False,
        )  # fmt: skip
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
            .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self.now - _DAY)
            .not_valid_after(self.now + 30 * _DAY)
            .add_extension(x509.BasicConstraints(ca is not None, ca), critical=True)
            .add_extension(
                x509.KeyUsage(
                    digital_signature=True, key_encipherment=ca is None,
                    key_cert_sign=ca is not None, crl_sign=ca is not None, **usage,
                ),
                critical=True,
            )
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), False
            )
        )  # fmt: skip
        if ca is None:
            names = x509.SubjectAlternativeName([x509.DNSName(HOST)])
            builder = builder.add_extension(names, critical=False)
        if extension is not None:
            builder = builder.add_extension(extension, critical=True)
        return builder.sign(signer, hashes.SHA256())


def _damaged(certificate: x509.Certificate) -> x509.Certificate:
    """The same with one bit of its signature turned."""
    der = certificate.public_bytes(Encoding.DER)
    return x509.load_der_x509_certificate(der[:-1] + bytes([der[-1] ^ 1]))
