"""Chains as operators bring them: made from what ``chain.toml`` says of each certificate, never kept."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from lab.certificates.authority import certificate_pem, with_sha1

#: What clients ask for.
HOST = "ftp.example.co.jp"
Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
_USAGES = {"client": ExtendedKeyUsageOID.CLIENT_AUTH, "server": ExtendedKeyUsageOID.SERVER_AUTH}
_UNKNOWN = x509.ObjectIdentifier("1.3.6.1.4.1.55555.1")


def made(declared: Mapping[str, Any]) -> dict[str, bytes]:
    """The files of a declaration, by name.

    Args:
        declared: ``sends`` (names of certificates, the file's order), ``trusts`` (what is in the CA file),
            ``key`` (whose private key), and for each certificate that is not the usual one a table of what
            differs in it.
    """
    certificates = {name: _certificate(name, declared) for name in _NAMES}
    key = _key_of(declared.get("key", "leaf"), declared)
    return {
        "chain.pem": b"".join(certificate_pem(certificates[n]) for n in declared["sends"]),
        "key.pem": key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        "ca.pem": b"".join(certificate_pem(certificates[n]) for n in declared["trusts"]),
    }


#: Every certificate, with its issuer.
_NAMES = {
    "root": "root",
    "intermediate": "root",
    "leaf": "intermediate",
    "alone": "alone",
    "other": "other",
}


def _certificate(name: str, declared: Mapping[str, Any]) -> x509.Certificate:
    told = declared.get(name, {})
    is_ca = told.get("ca", name not in ("leaf", "alone"))
    now = datetime.now(UTC)
    key, issuer = _key_of(name, declared), _NAMES[name]
    issuer_key = _key_of(told.get("signed_by", issuer), declared)
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(name, told))
        .issuer_name(_name(issuer, declared.get(issuer, {})))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=told.get("starts", -30)))
        .not_valid_after(now + timedelta(days=told.get("ends", 200)))
        .add_extension(x509.BasicConstraints(is_ca, told.get("path_length")), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(_of_issuer(_key_of(issuer, declared)), critical=False)
    )
    if name != "alone":
        builder = builder.add_extension(_usage(told.get("usage", "ca" if is_ca else "end")), True)
    if names := told.get("names", [HOST] if name in ("leaf", "alone") else []):
        alternative = x509.SubjectAlternativeName([x509.DNSName(one) for one in names])
        builder = builder.add_extension(alternative, critical=False)
    if purposes := told.get("purposes"):
        extended = x509.ExtendedKeyUsage([_USAGES[one] for one in purposes])
        builder = builder.add_extension(extended, critical=False)
    if permitted := told.get("permits"):
        only = x509.NameConstraints([x509.DNSName(one) for one in permitted], None)
        builder = builder.add_extension(only, critical=True)
    if told.get("critical"):
        builder = builder.add_extension(
            x509.UnrecognizedExtension(_UNKNOWN, b"\x05\x00"), critical=True
        )
    digest = None if isinstance(issuer_key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    certificate = builder.sign(issuer_key, digest)
    if told.get("digest") == "SHA-1":
        assert isinstance(issuer_key, rsa.RSAPrivateKey)
        return with_sha1(certificate, issuer_key)
    return certificate


def _name(name: str, told: Mapping[str, Any]) -> x509.Name:
    common = {"leaf": HOST, "alone": HOST, "other": "Example Other Root"}
    title = told.get("common_name", common.get(name, f"Example {name.capitalize()} CA"))
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, title)])


def _usage(kind: str) -> x509.KeyUsage:
    names = (
        "digital_signature content_commitment key_encipherment data_encipherment key_agreement"
        " key_cert_sign crl_sign encipher_only decipher_only"
    )
    of = {"ca": {"key_cert_sign", "crl_sign"}, "end": {"digital_signature", "key_encipherment"}}
    return x509.KeyUsage(**{name: name in of[kind] for name in names.split()})


def _of_issuer(key: Key) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())


def _key_of(name: str, declared: Mapping[str, Any]) -> Key:
    # Large enough for every platform.
    return _key(name, declared.get(name, {}).get("size", "RSA-3072"))


@cache
def _key(name: str, kind: str) -> Key:
    """The key pair of a certificate, the same in every chain of this process."""
    if kind == "Ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    if kind == "P-256":
        return ec.generate_private_key(ec.SECP256R1())
    return rsa.generate_private_key(public_exponent=65537, key_size=int(kind.removeprefix("RSA-")))
