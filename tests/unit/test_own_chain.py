"""What is seen to be wrong with a chain before any attempt."""

from __future__ import annotations

import dataclasses
import datetime
import itertools
from collections.abc import Sequence

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import AuthorityInformationAccessOID, NameOID

from lab.certificates import CATALOGUE
from lab.model.software import LIMITS, PLATFORMS
from lab.own.chain import Checked, check_chain
from lab.own.findings import Finding, Severity
from lab.own.names import matches
from lab.own.pem import read_anchors, read_certificate
from tests.unit.certificates import HOST, MATERIAL

_SIDES = ("servers", "clients")
NOW = datetime.datetime.now(datetime.UTC)


def checked(slug: str, trusted: str = "public", **changes: str) -> list[Finding]:
    """What is said of a certificate of the catalogue."""
    own, _ = read_certificate(
        MATERIAL.server(slug, HOST).chain_pem, MATERIAL.server(slug, HOST).key_pem
    )
    given = {"where": "rocky9:DEFAULT", "whose": "ca.pem", "host": HOST} | changes
    return check_chain(
        own.chain_pem,
        own.lines,
        "chain.pem",
        Checked(trusted=MATERIAL.anchor(trusted), **given),
    )


def warned(findings: Sequence[Finding]) -> list[str]:
    return [finding.text for finding in findings if finding.severity is Severity.WARNING]


# -- beside what OpenSSL says --------------------------------------------------------------------------


@pytest.mark.parametrize("slug", [slug for slug in CATALOGUE if slug != "cn-only"])
def test_warned_is_of_what_openssl_refuses_and_of_nothing_else(slug: str) -> None:
    # The numbers of the catalogue are OpenSSL's at security level 2, in handshakes.
    assert bool(warned(checked(slug))) is (CATALOGUE[slug].x509_error is not None)


@pytest.mark.parametrize(
    ("slug", "words"),
    [
        ("expired", "expired on "),
        ("not-yet-valid", "is valid from "),
        ("wrong-host", "is not for ftp.lab.test, which clients ask for: it is for other."),
        (
            "other-cn-only",
            "it is for nobody: it has no alternative names, and its common name is other.",
        ),
        ("cn-only", "has ftp.lab.test as its common name alone"),
        ("self-signed", "is its own issuer: only clients that were given it accept it"),
        ("private-ca", "if it is a root, clients have to be given it"),
        ("root-in-chain", "is its own issuer and not among what clients trust (ca.pem)"),
        ("incomplete-chain", "CN=Public CA intermediate"),
        ("expired-intermediate", "expired on "),
        ("not-a-ca", "issued the one before it and is no CA"),
        ("wrong-purpose", "is not made for servers (extended key usage clientAuth)"),
        ("weak-key", "has RSA-1024, which is too small for rocky9:DEFAULT, "),
        (
            "weak-signature",
            "is signed with sha1WithRSAEncryption, which is too weak for rocky9:DEFAULT, ",
        ),
    ],
)
def test_each_defect_is_said_in_its_own_words(slug: str, words: str) -> None:
    said = warned(checked(slug))
    assert any(words in text for text in said), said
    # its twin, in which nothing else is different
    assert not warned(checked("valid"))


def test_the_issuer_that_is_missing_is_named_with_where_it_belongs() -> None:
    (text,) = warned(checked("incomplete-chain"))
    assert "the issuer of line 1: CN=ftp.lab.test" in text
    assert text.endswith("Add it behind line 1")
    # the twin: whoever trusts the intermediate itself misses nothing
    assert not warned(checked("incomplete-chain", "public-chain"))


def test_dates_are_said_with_the_days() -> None:
    (text,) = warned(checked("expired"))
    assert "1 day ago: renew it" in text
    (note,) = [f.text for f in checked("valid") if "is valid until" in f.text]
    assert note.endswith(("29 days left", "30 days left"))
    assert f"{NOW:%Y-}" in note or f"{NOW.year + 1}-" in note


def test_a_root_that_is_sent_is_useless() -> None:
    notes = [f for f in checked("full-chain") if "is a root" in f.text]
    assert [(f.severity, f.line is None) for f in notes] == [(Severity.NOTE, False)]
    assert not [f for f in checked("valid") if "is a root" in f.text]


def test_a_client_has_a_certificate_for_clients() -> None:
    asked = Checked(where="rocky9:DEFAULT", trusted=MATERIAL.anchor("public"), whose="ca.pem")
    said = {}
    for slug, side in itertools.product(("client", "wrong-purpose", "valid"), _SIDES):
        own = MATERIAL.server(slug, HOST).chain_pem
        lines = range(own.count(b"BEGIN"))
        found = check_chain(own, lines, "chain.pem", dataclasses.replace(asked, side=side))
        said[slug, side] = [text for text in warned(found) if "is not made for" in text]
    assert [bool(said["client", side]) for side in _SIDES] == [True, False]
    assert [bool(said["wrong-purpose", side]) for side in _SIDES] == [True, False]
    assert [bool(said["valid", side]) for side in _SIDES] == [False, False]


# -- limits of the platforms ------------------------------------------------------------------------------


def test_the_limits_of_every_platform_are_known() -> None:
    every = {
        f"{p}:{policy}" if policy else p for p, of in PLATFORMS.items() for policy in of or ("",)
    }
    assert LIMITS.keys() == every


@pytest.mark.parametrize(
    ("slug", "refusing"),
    [
        # at security level 3 the size of an RSA-2048 key is found wanting, and nowhere else
        ("valid", {"rocky9:FUTURE"}),
        ("rsa3072", set()),
        ("ecdsa", set()),
        ("weak-key", {where for where in LIMITS if where != "centos7"}),
        (
            "weak-signature",
            {where for where in LIMITS if where not in ("centos7", "rocky9:LEGACY")},
        ),
    ],
)
def test_a_platform_refuses_what_is_below_its_level(slug: str, refusing: set[str]) -> None:
    refused = {
        where
        for where in LIMITS
        if any(" too small " in t or " too weak " in t for t in warned(checked(slug, where=where)))
    }
    assert refused == refusing


def made(
    key: CertificateIssuerPrivateKeyTypes, *, access: str | None = None, days: int = 90
) -> bytes:
    """A certificate that a CA nobody has issued, for this key."""
    algorithm = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Some CA")]))
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(NOW - datetime.timedelta(days=1))
        .not_valid_after(NOW + datetime.timedelta(days=days, hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
    )
    if access is not None:
        description = x509.AccessDescription(
            AuthorityInformationAccessOID.CA_ISSUERS, x509.UniformResourceIdentifier(access)
        )
        builder = builder.add_extension(
            x509.AuthorityInformationAccess([description]), critical=False
        )
    return builder.sign(key, algorithm).public_bytes(Encoding.PEM)


def said_of(pem: bytes, where: str = "rocky9:FIPS") -> list[Finding]:
    asked = Checked(where=where, trusted=MATERIAL.anchor("public"), whose="ca.pem", host=HOST)
    return check_chain(pem, [1], "chain.pem", asked)


@pytest.mark.parametrize(
    ("key", "words"),
    [
        (ed25519.Ed25519PrivateKey.generate(), "a kind that is switched off in rocky9:FIPS"),
        (
            rsa.generate_private_key(65537, 1024),
            "servers with OpenSSL at security level 2 do not load it",
        ),
        (ec.generate_private_key(ec.SECP192R1()), "has ECDSA secp192r1, which is too small for"),
    ],
    ids=["ed25519", "rsa1024", "p192"],
)
def test_kinds_and_sizes_of_keys(key: CertificateIssuerPrivateKeyTypes, words: str) -> None:
    assert any(words in text for text in warned(said_of(made(key))))
    # its twin
    good = warned(said_of(made(ec.generate_private_key(ec.SECP256R1()))))
    assert len(good) == 1
    assert "the certificate of the issuer" in good[0]


def test_where_the_issuer_is_is_said_where_the_certificate_says_it() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    (text,) = warned(said_of(made(key, access="http://ca.example.test/i.crt")))
    assert text.endswith("Add it behind line 1; it is at http://ca.example.test/i.crt")
    (text,) = warned(said_of(made(key)))
    assert text.endswith("Add it behind line 1")


def test_what_is_about_to_expire_is_warned_of() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    assert "in 13 days: renew it" in warned(said_of(made(key, days=13)))[0]
    assert not any("renew" in text for text in warned(said_of(made(key, days=14))))


# -- names, and what is trusted ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pattern", "host", "fits"),
    [
        ("a.example.test", "A.example.TEST", True),
        ("*.example.test", "a.example.test", True),
        ("*.example.test", "b.a.example.test", False),
        ("*.example.test", "example.test", False),
        ("*.test", "example.test", False),
        ("a*.example.test", "ab.example.test", False),
        ("b.example.test", "a.example.test", False),
    ],
)
def test_a_name_of_a_certificate_fits_a_host(pattern: str, host: str, fits: bool) -> None:
    assert matches(pattern, host) is fits


def test_what_is_to_be_trusted_is_looked_at_too() -> None:
    leaf = MATERIAL.server("incomplete-chain", HOST).chain_pem
    _, found = read_anchors(leaf, "ca.pem")
    assert any("is no CA and not its own issuer" in finding.text for finding in found)
    expired = MATERIAL.server("expired-self-signed", HOST).chain_pem
    assert any("expired on " in text for text in warned(read_anchors(expired, "ca.pem")[1]))
    # their twin
    assert not read_anchors(MATERIAL.anchor("public"), "ca.pem")[1]
