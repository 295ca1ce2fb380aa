"""Making keys and certificates, over ``trustme`` where it can and ``cryptography`` elsewhere.

What ``trustme`` cannot make: RSA keys of another size than 2048 bits, a self-signed leaf, a leaf
without subject alternative names or with one purpose only, and a SHA-1 signature.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from lab.certificates import Intermediate, Key

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
_PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey

ORGANIZATION = "TLS interoperability lab"
_RSA_BITS = {Key.RSA_1024: 1024, Key.RSA_2048: 2048, Key.RSA_3072: 3072}
_CA_AGE = timedelta(days=3650)
# DER of the object identifiers 1.2.840.113549.1.1.11 and .5 (RFC 8017 appendix A.2.4).
_SHA256_WITH_RSA = bytes.fromhex("06092a864886f70d01010b")
_SHA1_WITH_RSA = bytes.fromhex("06092a864886f70d010105")


def generate_key(kind: Key) -> PrivateKey:
    """A new key pair; RSA takes from 10 ms (1024 bits) to half a second (3072)."""
    if kind is Key.ECDSA_P256:
        return ec.generate_private_key(ec.SECP256R1())
    return generate_rsa_key(kind)


def generate_rsa_key(kind: Key) -> rsa.RSAPrivateKey:
    """A new RSA key pair; ``kind`` is one of the RSA kinds."""
    return rsa.generate_private_key(public_exponent=65537, key_size=_RSA_BITS[kind])


def key_pem(key: PrivateKey) -> bytes:
    """The private key in the form that every OpenSSL since 0.9 reads."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())


def certificate_pem(certificate: x509.Certificate) -> bytes:
    """The certificate in PEM form."""
    return certificate.public_bytes(Encoding.PEM)


@dataclass(frozen=True)
class Subject:
    """Whom a leaf is made out to."""

    common_name: str
    unit: str
    alternative_names: tuple[str, ...]
    """DNS names and IP addresses."""


@dataclass(frozen=True)
class IssuedLeaf:
    """A leaf with its private key."""

    certificate: x509.Certificate
    key: PrivateKey


class _Issuing(trustme.CA):
    """A CA that there is: ``from_pem`` would read its key, and test primes that were made a moment ago."""

    def __init__(self, certificate: x509.Certificate, key: rsa.RSAPrivateKey) -> None:
        super().__init__()
        self._certificate, self._private_key = certificate, key


@dataclass(frozen=True)
class Authority:
    """A root and its one intermediate, which issues the leaves."""

    title: str
    root_key: rsa.RSAPrivateKey
    intermediate_key: rsa.RSAPrivateKey
    now: datetime

    @cached_property
    def root(self) -> x509.Certificate:
        """Its own certificate, valid for ten years before and after ``now``."""
        name, key = _name(f"{self.title} root", "certificate authority"), self.root_key
        return (
            _builder(name, name, key.public_key(), self.now - _CA_AGE, self.now + _CA_AGE)
            .add_extension(x509.BasicConstraints(ca=True, path_length=1), critical=True)
            .add_extension(_key_usage(ca=True), critical=True)
            .sign(key, hashes.SHA256())
        )

    @cached_property
    def _issuing(self) -> trustme.CA:
        return _Issuing(self.intermediate(), self.intermediate_key)

    def intermediate(self, variant: Intermediate = Intermediate.ORDINARY) -> x509.Certificate:
        """A certificate of the issuing CA; every variant has the same subject and key."""
        ca = variant is not Intermediate.NOT_A_CA
        key_usage = ca and variant is not Intermediate.NO_KEY_USAGE
        name = _name(f"{self.title} intermediate", "certificate authority")
        key, starts = self.intermediate_key.public_key(), self.now - _CA_AGE / 2
        lasts = timedelta(days=-1) if variant is Intermediate.EXPIRED else _CA_AGE / 2
        basic = x509.BasicConstraints(ca, path_length=0 if key_usage else None)
        builder = (
            _builder(name, self.root.subject, key, starts, self.now + lasts)
            .add_extension(basic, critical=True)
            .add_extension(_issued_by(self.root_key), critical=False)
        )
        if key_usage:
            # Without the right to sign, OpenSSL before 1.1.0 does not even take it for the issuer,
            # and would not get as far as saying that it is no CA: so that one has no key usage.
            builder = builder.add_extension(_key_usage(ca=True), critical=True)
        certificate = builder.sign(self.root_key, hashes.SHA256())
        if variant is Intermediate.SHA1:
            return with_sha1(certificate, self.root_key)
        return certificate

    def ordinary(self, subject: Subject, starts: datetime, ends: datetime, kind: Key) -> IssuedLeaf:
        """An ordinary leaf, RSA-2048 or ECDSA P-256, with a key of its own: trustme's work."""
        issued = self._issuing.issue_cert(
            *subject.alternative_names,
            common_name=subject.common_name,
            organization_name=ORGANIZATION,
            organization_unit_name=subject.unit,
            not_before=starts,
            not_after=ends,
            key_type=(trustme.KeyType.ECDSA if kind is Key.ECDSA_P256 else trustme.KeyType.RSA),
        )
        certificate = x509.load_pem_x509_certificate(issued.cert_chain_pems[0].bytes())
        # It was made here a moment ago: the test of its primes would only take time.
        pem = issued.private_key_pem.bytes()
        key = serialization.load_pem_private_key(pem, None, unsafe_skip_rsa_key_validation=True)
        assert isinstance(key, PrivateKey)
        return IssuedLeaf(certificate, key)

    def sign(
        self,
        request: x509.CertificateSigningRequest,
        starts: datetime,
        ends: datetime,
        *,
        client_only: bool = False,
        authority_key: bool = True,
    ) -> x509.Certificate:
        """What this CA makes of a request: names and key are the request's, the rest is the CA's."""
        key = request.public_key()
        assert isinstance(key, _PublicKey)
        issuer = _name(f"{self.title} intermediate", "certificate authority")
        purposes = [ExtendedKeyUsageOID.CLIENT_AUTH]
        purposes += [] if client_only else [ExtendedKeyUsageOID.SERVER_AUTH]
        builder = (
            _builder(request.subject, issuer, key, starts, ends)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(ca=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
        )
        if authority_key:
            builder = builder.add_extension(_issued_by(self.intermediate_key), critical=False)
        for extension in request.extensions:
            builder = builder.add_extension(extension.value, critical=extension.critical)
        return builder.sign(self.intermediate_key, hashes.SHA256())


def request_certificate(subject: Subject, key: PrivateKey) -> x509.CertificateSigningRequest:
    """A certificate signing request, as an operator sends it to a CA: made with the private key."""
    name = _name(subject.common_name, subject.unit)
    builder = x509.CertificateSigningRequestBuilder().subject_name(name)
    if subject.alternative_names:
        names = _alternative_names(subject.alternative_names)
        builder = builder.add_extension(names, critical=False)
    return builder.sign(key, hashes.SHA256())


def self_signed(subject: Subject, starts: datetime, ends: datetime, key: PrivateKey) -> IssuedLeaf:
    """A self-signed leaf, with the extensions that ``openssl req -x509`` gives it.

    It has no key usage: OpenSSL before 1.1.0 calls a certificate self-signed (18) only if its key
    usage, where it has one, includes signing certificates; otherwise its issuer is unknown (20).
    """
    name = _name(subject.common_name, subject.unit)
    certificate = (
        _builder(name, name, key.public_key(), starts, ends)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(_alternative_names(subject.alternative_names), critical=False)
        .sign(key, hashes.SHA256())
    )
    return IssuedLeaf(certificate, key)


def with_sha1(certificate: x509.Certificate, issuer_key: rsa.RSAPrivateKey) -> x509.Certificate:
    """The same certificate with an RSA-with-SHA-1 signature, which no builder makes any more.

    A certificate names its signature algorithm twice, inside the signed part and beside it
    (RFC 5280 section 4.1); the identifier is as long as that of SHA-256, and so is the signature.
    """
    signed = certificate.tbs_certificate_bytes
    changed = signed.replace(_SHA256_WITH_RSA, _SHA1_WITH_RSA, 1)
    signature = issuer_key.sign(changed, padding.PKCS1v15(), hashes.SHA1())
    der = (
        certificate.public_bytes(Encoding.DER)
        .replace(signed, changed)
        .replace(_SHA256_WITH_RSA, _SHA1_WITH_RSA)
        .replace(certificate.signature, signature)
    )
    return x509.load_der_x509_certificate(der)


def _name(common_name: str, unit: str) -> x509.Name:
    kinds = (NameOID.ORGANIZATION_NAME, NameOID.ORGANIZATIONAL_UNIT_NAME, NameOID.COMMON_NAME)
    return x509.Name(map(x509.NameAttribute, kinds, (ORGANIZATION, unit, common_name)))


def _builder(
    subject: x509.Name, issuer: x509.Name, key: _PublicKey, starts: datetime, ends: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(starts)
        .not_valid_after(ends)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _alternative_names(names: tuple[str, ...]) -> x509.SubjectAlternativeName:
    return x509.SubjectAlternativeName([_general_name(name) for name in names])


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _issued_by(key: rsa.RSAPrivateKey) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())


def _key_usage(*, ca: bool) -> x509.KeyUsage:
    # Suites with RSA key exchange, e.g. AES128-SHA, need a leaf that allows key encipherment.
    never = ("content_commitment", "data_encipherment", "key_agreement", "encipher_only")
    rights = dict.fromkeys((*never, "decipher_only"), False) | {"digital_signature": True}
    return x509.KeyUsage(**rights, key_encipherment=not ca, key_cert_sign=ca, crl_sign=ca)
