"""An operator's certificate chain and private key."""

from __future__ import annotations

import re

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509 import load_pem_x509_certificate

from lab.certificates import CATALOGUE
from lab.own.findings import InputError, Severity
from lab.own.pem import read_certificate
from tests.unit.certificates import HOST, MATERIAL

_BLOCK = re.compile(rb"-----BEGIN [^-]+-----.*?-----END [^-]+-----\n", re.DOTALL)


def served(slug: str) -> tuple[bytes, bytes]:
    """Chain and key of a certificate of the catalogue."""
    made = MATERIAL.server(slug, HOST)
    return made.chain_pem, made.key_pem


def blocks(pem: bytes) -> list[bytes]:
    return _BLOCK.findall(pem)


def refused(chain: bytes, key: bytes | None, *, what: str) -> InputError:
    with pytest.raises(InputError) as raised:
        read_certificate(chain, key, "chain.pem", "key.pem")
    assert what in raised.value.what
    assert raised.value.remedy
    return raised.value


CHAIN, KEY = served("full-chain")
LEAF, INTERMEDIATE, ROOT = blocks(CHAIN)
OTHER_KEY = served("impostor")[1]


# -- what can be served ----------------------------------------------------------------------------


@pytest.mark.parametrize("slug", CATALOGUE)
def test_every_certificate_can_be_brought_whatever_is_wrong_with_it(slug: str) -> None:
    made = MATERIAL.server(slug, HOST)
    own, findings = read_certificate(made.chain_pem, made.key_pem)
    assert own.leaf_sha256 == made.leaf_sha256
    assert own.chain_pem == made.chain_pem
    assert own.key_pem == made.key_pem
    assert own.description.startswith("0: ")
    # What is wrong with a certificate is for the attempt to show; an order is the file's.
    assert [f.severity for f in findings] == [Severity.WARNING] * (slug == "wrong-order")


@pytest.mark.parametrize("key_first", [True, False])
def test_key_and_chain_may_be_in_one_file(key_first: bool) -> None:
    own, findings = read_certificate(KEY + CHAIN if key_first else CHAIN + KEY, None)
    assert own.chain_pem == CHAIN
    assert own.key_pem == KEY
    assert findings == []


def test_a_key_beside_the_chain_is_not_used_when_another_is_given() -> None:
    own, findings = read_certificate(OTHER_KEY + CHAIN, KEY, "chain.pem", "key.pem")
    assert own.key_pem == KEY
    assert [(f.severity, f.file, f.line) for f in findings] == [(Severity.NOTE, "chain.pem", 1)]


@pytest.mark.parametrize(
    "make",
    [
        lambda key: key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        lambda key: key.private_bytes(
            Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()
        ),
    ],
    ids=["pkcs8", "traditional"],
)
@pytest.mark.parametrize("slug", ["valid", "ecdsa"])
def test_both_forms_of_a_key_are_read(slug: str, make: object) -> None:
    chain, key = served(slug)
    private = load_pem_private_key(key, None)
    assert callable(make)
    own, _ = read_certificate(chain, make(private))
    assert own.chain_pem == chain


def test_the_parameters_before_an_ec_key_are_passed_over() -> None:
    chain, key = served("ecdsa")
    parameters = b"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
    assert read_certificate(chain, parameters + key)[0].key_pem == key


def test_windows_line_ends_are_read() -> None:
    own, findings = read_certificate(CHAIN.replace(b"\n", b"\r\n"), KEY.replace(b"\n", b"\r\n"))
    assert own.chain_pem == CHAIN
    assert findings == []


def test_the_old_label_of_a_certificate_is_read() -> None:
    own, _ = read_certificate(CHAIN.replace(b"CERTIFICATE", b"X509 CERTIFICATE"), KEY)
    assert own.chain_pem == CHAIN


def test_text_outside_the_blocks_is_left_out_and_said() -> None:
    bag = b"Bag Attributes\n    friendlyName: x\n"
    own, findings = read_certificate(bag + LEAF + b"garbage\n" + INTERMEDIATE + b"\n\nend\n", KEY)
    assert own.chain_pem == LEAF + INTERMEDIATE
    (finding,) = findings
    assert (finding.severity, finding.line) == (Severity.NOTE, 1)
    assert finding.text.startswith("4 lines outside")


# -- order -----------------------------------------------------------------------------------------


def test_issuers_out_of_order_are_served_as_they_are_with_a_warning() -> None:
    own, findings = read_certificate(LEAF + ROOT + INTERMEDIATE, KEY)
    assert own.chain_pem == LEAF + ROOT + INTERMEDIATE
    (finding,) = findings
    assert finding.severity is Severity.WARNING
    assert finding.line == LEAF.count(b"\n") + 1
    assert "did not issue" in finding.text
    found, _, right = finding.text.partition("in order it would be")
    assert found.index("CN=Public CA root") < found.index("CN=Public CA intermediate")
    assert right.index("CN=Public CA intermediate") < right.index("CN=Public CA root")


def test_a_stranger_in_the_chain_is_warned_of() -> None:
    stranger = blocks(served("impostor")[0])[1]
    own, findings = read_certificate(LEAF + stranger, KEY)
    assert own.chain_pem == LEAF + stranger
    (finding,) = findings
    assert "did not issue" in finding.text
    assert "in order it would be" not in finding.text


@pytest.mark.parametrize(
    ("certificates", "line", "why"),
    [
        ([LEAF, LEAF, INTERMEDIATE], 1, "the same certificate as in line 1"),
        ([LEAF, INTERMEDIATE, INTERMEDIATE], 2, "the same certificate as in line {}"),
        ([LEAF, ROOT], 1, "the one that did, CN=Public CA intermediate"),
    ],
)
def test_a_certificate_that_is_there_twice_or_missing_is_named(
    certificates: list[bytes], line: int, why: str
) -> None:
    chain = b"".join(certificates)
    own, (finding,) = read_certificate(chain, KEY)
    assert own.chain_pem == chain
    before = b"".join(certificates[:line]).count(b"\n") + 1
    assert (finding.severity, finding.line) == (Severity.WARNING, before)
    assert why.format(LEAF.count(b"\n") + 1) in finding.text


def test_two_intermediates_of_the_same_name_are_told_apart_by_their_signature() -> None:
    """`weak-signature` has another certificate of the same intermediate: it did issue the leaf."""
    own, findings = read_certificate(*served("weak-signature"))
    assert findings == []
    assert own.leaf_sha256 == MATERIAL.server("valid", HOST).leaf_sha256


@pytest.mark.parametrize("order", [(2, 1, 0), (1, 0), (1, 2, 0)])
def test_a_chain_that_does_not_begin_with_the_leaf_is_an_error(order: tuple[int, ...]) -> None:
    certificates = [LEAF, INTERMEDIATE, ROOT]
    error = refused(b"".join(certificates[i] for i in order), KEY, what="in the wrong order")
    assert error.file == "chain.pem"
    assert error.line == 1
    assert "cannot load RSA private key" in error.what
    leaf_line = sum(certificates[i].count(b"\n") for i in order[: order.index(0)]) + 1
    assert f"then each issuer: line {leaf_line}: " in error.remedy


# -- what is not what it is taken for --------------------------------------------------------------


def test_a_key_of_another_certificate_is_an_error() -> None:
    error = refused(CHAIN, OTHER_KEY, what="does not belong to any certificate of chain.pem")
    assert error.file == "key.pem"
    assert "openssl pkey -pubout -in key.pem" in error.remedy


def test_files_that_are_exchanged_are_named() -> None:
    error = refused(KEY, CHAIN, what="the two files are exchanged")
    assert "--chain key.pem --key chain.pem" in error.remedy


def test_a_key_where_a_certificate_belongs() -> None:
    assert refused(KEY, KEY, what="a private key, where a certificate belongs").file == "chain.pem"
    assert refused(KEY, None, what="a private key, where a certificate belongs").file == "chain.pem"


def test_a_certificate_where_a_key_belongs() -> None:
    assert (
        refused(CHAIN, LEAF, what="a certificate, where its private key belongs").file == "key.pem"
    )


def test_a_chain_without_a_key_anywhere() -> None:
    assert "--key FILE" in refused(CHAIN, None, what="no private key").remedy


def test_a_public_key_is_no_private_key() -> None:
    public = (
        load_pem_x509_certificate(LEAF)
        .public_key()
        .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    refused(CHAIN, public, what="a public key")


@pytest.mark.parametrize(
    ("label", "what"),
    [
        ("CERTIFICATE REQUEST", "signing request"),
        ("NEW CERTIFICATE REQUEST", "signing request"),
        ("TRUSTED CERTIFICATE", "TRUSTED CERTIFICATE"),
        ("PKCS7", "wrapped in PKCS7"),
        ("X509 CRL", "only a block X509 CRL"),
    ],
)
def test_other_blocks_are_named(label: str, what: str) -> None:
    refused(f"-----BEGIN {label}-----\nAAAA\n-----END {label}-----\n".encode(), KEY, what=what)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "empty"),
        (b"\n \n", "empty"),
        (b"\x30\x82\x03\x01", "binary (DER or PKCS #12)"),
        (b"hello\n", "no PEM block"),
    ],
)
def test_a_file_that_is_not_pem(content: bytes, what: str) -> None:
    assert refused(content, KEY, what=what).file == "chain.pem"
    assert refused(CHAIN, content, what=what).file == "key.pem"


@pytest.mark.parametrize("marked", ["chain", "key"])
def test_a_byte_order_mark_is_passed_over_as_openssl_3_does_and_warned_of(marked: str) -> None:
    parts = {"chain": CHAIN, "key": KEY}
    parts[marked] = b"\xef\xbb\xbf" + parts[marked]
    own, findings = read_certificate(parts["chain"], parts["key"], "chain", "key")
    assert (own.chain_pem, own.key_pem) == (CHAIN, KEY)
    (finding,) = findings
    assert (finding.severity, finding.file, finding.line) == (Severity.WARNING, marked, 1)
    assert "OpenSSL 1.0.2 does not see the first PEM block" in finding.text


def test_a_block_that_is_cut_off_is_named_with_its_line() -> None:
    assert refused(LEAF + INTERMEDIATE[:-20], KEY, what="no END CERTIFICATE").line == (
        LEAF.count(b"\n") + 1
    )
    # The end of the next block is not the end of this one.
    headless = b"".join(LEAF.splitlines(keepends=True)[:-1])
    assert refused(headless + INTERMEDIATE, KEY, what="no END CERTIFICATE").line == 1


def test_a_block_that_is_damaged_is_named_with_its_line() -> None:
    lines = INTERMEDIATE.splitlines(keepends=True)
    damaged = b"".join([*lines[:3], b"AAAA" * 16 + b"\n", *lines[4:]])
    assert refused(LEAF + damaged[:200] + damaged[260:], KEY, what="cannot be read").line == (
        LEAF.count(b"\n") + 1
    )


@pytest.mark.parametrize("form", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL])
def test_an_encrypted_key_is_an_error(form: PrivateFormat) -> None:
    private = load_pem_private_key(KEY, None)
    encrypted = private.private_bytes(Encoding.PEM, form, BestAvailableEncryption(b"secret"))
    error = refused(CHAIN, encrypted, what="is encrypted")
    assert "openssl pkey" in error.remedy


def test_a_key_of_openssh_is_an_error() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    refused(CHAIN, pem, what="OpenSSH's own form")


def test_a_damaged_key_is_an_error() -> None:
    lines = KEY.splitlines(keepends=True)
    refused(CHAIN, b"".join([*lines[:2], *lines[4:]]), what="private key cannot be read")


def test_of_several_keys_the_first_is_used() -> None:
    own, findings = read_certificate(CHAIN, KEY + OTHER_KEY, "chain.pem", "key.pem")
    assert own.key_pem == KEY
    assert [(f.severity, f.file) for f in findings] == [(Severity.WARNING, "key.pem")]
    refused(CHAIN, OTHER_KEY + KEY, what="does not belong")


def test_a_key_is_never_shown() -> None:
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    error = refused(CHAIN, pem, what="does not belong")
    assert not any(line.decode() in str(error) for line in pem.splitlines()[1:-1])
    assert "PRIVATE KEY" not in repr(read_certificate(CHAIN, KEY)[0])
