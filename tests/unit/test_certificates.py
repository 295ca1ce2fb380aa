"""The catalogue against a real OpenSSL: each slug is what it says, and nothing else is wrong."""

from __future__ import annotations

import hashlib
import re
import ssl
import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from lab.certificates import (
    ANCHORS,
    CATALOGUE,
    CertificateError,
    Issuer,
    Key,
    UnknownCertificate,
    spec_of,
)
from lab.certificates.authority import Subject, generate_key, request_certificate
from lab.certificates.description import describe
from lab.certificates.material import RunCertificates
from lab.clients.net_ftp import NetFtp
from lab.model import Attempt
from lab.run.certificates import begin
from lab.servers.vsftpd import Vsftpd
from tests.unit import rsa_keys

FTP, OTHER = "ftp.lab.test", "pyftpdlib.lab.test"
ADDRESSES = {FTP: "172.30.7.10", OTHER: "172.30.7.11"}
REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def material(pytestconfig: pytest.Config) -> RunCertificates:
    made = RunCertificates([FTP, OTHER])
    made.add_addresses(ADDRESSES)
    with rsa_keys.all_different(rsa_keys.folder(pytestconfig)):
        return made.generate()


def handshake(
    material: RunCertificates,
    folder: Path,
    slug: str,
    *,
    anchor: str = "public",
    level: int = 2,
    host: str = FTP,
    verify: bool = True,
    common_name: bool = True,
    strict: bool = False,
    purpose: ssl.Purpose = ssl.Purpose.SERVER_AUTH,
) -> int | None:
    """Shake hands in memory; the X509 number of the client's refusal, None: it was content."""
    certificate = material.server(slug, FTP)
    chain, key = folder / "chain.pem", folder / "key.pem"
    chain.write_bytes(certificate.chain_pem)
    key.write_bytes(certificate.key_pem)
    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_context.set_ciphers("ALL:@SECLEVEL=0")  # so that it loads what it is told to present
    server_context.load_cert_chain(chain, key)
    client_context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client_context.set_ciphers(f"ALL:@SECLEVEL={level}")
    client_context.hostname_checks_common_name = common_name
    if strict:
        client_context.verify_flags |= ssl.VERIFY_X509_STRICT
    client_context.check_hostname = verify
    client_context.verify_mode = ssl.CERT_REQUIRED if verify else ssl.CERT_NONE
    client_context.load_verify_locations(cadata=material.anchor(anchor).decode())
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = server_context.wrap_bio(to_server, to_client, server_side=True)
    client = client_context.wrap_bio(to_client, to_server, server_hostname=host)
    try:
        _shake(client, server)
    except ssl.SSLCertVerificationError as error:
        return error.verify_code
    return None


def _shake(*ends: ssl.SSLObject) -> None:
    for _ in range(6):
        waiting = 0
        for end in ends:
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                waiting += 1
        if not waiting:
            return
    raise AssertionError("the handshake in memory does not end")


@pytest.mark.parametrize("slug", CATALOGUE)
def test_openssl_says_of_each_certificate_what_the_catalogue_says(
    material: RunCertificates, tmp_path: Path, slug: str
) -> None:
    assert handshake(material, tmp_path, slug) == CATALOGUE[slug].x509_error


# What is left when a client trusts the certificate's own anchor: every other defect stays.
UNDER_ITS_OWN_ANCHOR = {
    "self-signed": None,
    "private-ca": None,
    "root-in-chain": None,
    "impostor": None,
    "expired-self-signed": 10,
    "self-signed-reissued": None,
}


@pytest.mark.parametrize("slug", CATALOGUE)
def test_trusting_its_own_anchor_cures_exactly_a_missing_trust(
    material: RunCertificates, tmp_path: Path, slug: str
) -> None:
    spec = CATALOGUE[slug]
    expected = UNDER_ITS_OWN_ANCHOR.get(slug, spec.x509_error)
    issuer = spec.leaf.issuer
    anchor = slug if issuer is Issuer.ITSELF else str(issuer)
    assert handshake(material, tmp_path, slug, anchor=anchor) == expected


@pytest.mark.parametrize("slug", CATALOGUE)
def test_without_verification_everything_is_accepted(
    material: RunCertificates, tmp_path: Path, slug: str
) -> None:
    assert handshake(material, tmp_path, slug, verify=False) is None


@pytest.mark.parametrize(
    ("slug", "code"),
    [("valid", 66), ("rsa3072", None), ("ecdsa", None), ("wildcard", 66), ("full-chain", 66)],
)
def test_at_security_level_3_only_the_leaf_s_size_is_at_fault(
    material: RunCertificates, tmp_path: Path, slug: str, code: int | None
) -> None:
    assert handshake(material, tmp_path, slug, level=3) == code


@pytest.mark.parametrize("slug", ["weak-key", "weak-signature"])
def test_what_is_weak_is_accepted_below_security_level_1(
    material: RunCertificates, tmp_path: Path, slug: str
) -> None:
    assert handshake(material, tmp_path, slug, level=0) is None


def test_a_client_that_ignores_the_common_name_refuses_cn_only(
    material: RunCertificates, tmp_path: Path
) -> None:
    assert handshake(material, tmp_path, "cn-only", common_name=False) == 62
    assert handshake(material, tmp_path, "valid", common_name=False) is None


@pytest.mark.parametrize(
    ("slug", "code"),
    [
        ("valid", None),
        ("ecdsa", None),
        ("renewed", None),
        ("full-chain", None),
        ("no-authority-key", 85),
        ("ca-no-key-usage", 92),
    ],
)
def test_a_strict_client_asks_for_the_extensions_of_rfc_5280(
    material: RunCertificates, tmp_path: Path, slug: str, code: int | None
) -> None:
    assert handshake(material, tmp_path, slug, strict=True) == code


def test_wrong_host_is_right_for_the_host_it_names(
    material: RunCertificates, tmp_path: Path
) -> None:
    assert handshake(material, tmp_path, "wrong-host", host="other.lab.test") is None


def test_a_trust_store_with_the_intermediate_alone_lacks_the_issuer(
    material: RunCertificates, tmp_path: Path
) -> None:
    assert handshake(material, tmp_path, "valid", anchor="public-intermediate") == 2


def test_a_trust_store_with_root_and_intermediate_makes_an_incomplete_chain_whole(
    material: RunCertificates, tmp_path: Path
) -> None:
    assert handshake(material, tmp_path, "incomplete-chain", anchor="public-chain") is None
    assert handshake(material, tmp_path, "private-ca", anchor="public-chain") == 20


def test_a_common_name_is_right_for_the_host_it_names(
    material: RunCertificates, tmp_path: Path
) -> None:
    assert handshake(material, tmp_path, "other-cn-only", host="other.lab.test") is None
    assert (
        handshake(material, tmp_path, "other-cn-only", host="other.lab.test", common_name=False)
        == 62
    )


def test_a_common_name_beside_other_names_does_not_count(
    material: RunCertificates, tmp_path: Path
) -> None:
    leaf = describe(material.server("cn-beside-other", FTP).chain_pem).leaf
    assert (leaf.subject.split(",")[0], leaf.names) == (f"CN={FTP}", ("other.lab.test",))
    assert handshake(material, tmp_path, "cn-only") is None
    assert handshake(material, tmp_path, "cn-beside-other") == 62
    assert handshake(material, tmp_path, "cn-beside-other", host="other.lab.test") is None


@pytest.mark.parametrize(
    ("slug", "host", "code"),
    [
        ("wildcard", FTP, None),
        ("wildcard", f"files.{FTP}", 62),
        ("wildcard", "lab.test", 62),
        ("wildcard-below", f"files.{FTP}", None),
        ("wildcard-below", FTP, 62),
        ("wildcard-below", f"a.b.{FTP}", 62),
    ],
)
def test_a_wildcard_covers_exactly_one_label(
    material: RunCertificates, tmp_path: Path, slug: str, host: str, code: int | None
) -> None:
    assert handshake(material, tmp_path, slug, host=host) == code


@pytest.mark.parametrize(
    ("slug", "host", "code"),
    [
        ("valid", ADDRESSES[FTP], 64),
        ("wildcard", ADDRESSES[FTP], 64),
        ("cn-only", ADDRESSES[FTP], 64),
        ("ip-address", ADDRESSES[FTP], None),
        ("ip-address", ADDRESSES[OTHER], 64),
        ("ip-address", FTP, None),
    ],
)
def test_a_server_that_is_reached_by_its_address_needs_it_in_its_certificate(
    material: RunCertificates, tmp_path: Path, slug: str, host: str, code: int | None
) -> None:
    assert handshake(material, tmp_path, slug, host=host) == code


def test_what_names_an_address_waits_until_it_is_known() -> None:
    early = RunCertificates([FTP]).generate()
    assert f"{FTP}/ip-address.chain.pem" not in dict(early.files(FTP))
    with pytest.raises(CertificateError, match=f"address of {FTP} is not known"):
        early.server("ip-address", FTP)
    with pytest.raises(CertificateError, match=f"the address of {FTP}: '172.30.7' does not"):
        early.add_addresses({FTP: "172.30.7"})

    early.add_addresses(ADDRESSES)

    assert describe(early.server("ip-address", FTP).chain_pem).leaf.names == (FTP, ADDRESSES[FTP])
    assert f"{FTP}/ip-address.chain.pem" in dict(early.files(FTP))
    assert early.address(FTP) == ADDRESSES[FTP]


def test_what_is_made_out_to_a_host_can_hold_for_other_names_too() -> None:
    made = RunCertificates([FTP])
    made.hold_for(["ftp.example.com"])
    names = {
        slug: describe(made.server(slug, FTP).chain_pem).leaf.names
        for slug in ("valid", "expired", "wrong-host")
    }
    assert names["valid"] == names["expired"] == (FTP, "ftp.example.com")
    # one that is to be wrong stays wrong
    assert "ftp.example.com" not in names["wrong-host"]


@pytest.mark.parametrize(
    ("new", "old"), [("renewed", "expired"), ("self-signed-reissued", "expired-self-signed")]
)
def test_what_is_made_anew_has_the_same_key_and_is_another_certificate(
    material: RunCertificates, new: str, old: str
) -> None:
    made, ended = (material.server(slug, FTP) for slug in (new, old))
    after, before = describe(made.chain_pem).leaf, describe(ended.chain_pem).leaf
    assert public_key(made.chain_pem) == public_key(ended.chain_pem)
    assert after.public_key_sha256 == before.public_key_sha256
    assert made.key_pem == ended.key_pem
    assert after.sha256 != before.sha256
    assert (after.subject, after.names) == (before.subject, before.names)
    assert before.not_after < material.now < after.not_after
    same = {s for s in CATALOGUE if public_key_of(material, s) == after.public_key_sha256}
    assert same == {new, old}


def public_key_of(material: RunCertificates, slug: str) -> str:
    return describe(material.server(slug, FTP).chain_pem).leaf.public_key_sha256


def public_key(chain_pem: bytes) -> bytes:
    """SubjectPublicKeyInfo of the first certificate, as OpenSSL's command line would print it."""
    leaf = x509.load_pem_x509_certificates(chain_pem)[0]
    return leaf.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def test_only_the_old_self_signed_certificate_is_trusted_by_who_pinned_it(
    material: RunCertificates, tmp_path: Path
) -> None:
    """The same name and key do not make it the same certificate: the trust store needs the new one."""
    slug, old = "self-signed-reissued", "expired-self-signed"
    assert handshake(material, tmp_path, slug, anchor=old) == 18
    assert handshake(material, tmp_path, slug, anchor=slug) is None
    assert handshake(material, tmp_path, old, anchor=slug) == 18


def test_the_wrong_order_has_the_root_before_the_intermediate(material: RunCertificates) -> None:
    right, wrong = (
        x509.load_pem_x509_certificates(material.server(slug, FTP).chain_pem)
        for slug in ("full-chain", "wrong-order")
    )
    assert wrong == [right[0], right[2], right[1]]


def test_a_request_for_a_new_certificate_is_made_with_the_key_that_is_kept() -> None:
    key = generate_key(Key.ECDSA_P256)
    request = request_certificate(Subject(FTP, "server", (FTP, ADDRESSES[FTP])), key)
    assert request.is_signature_valid
    assert request.public_key() == key.public_key()


def test_a_client_certificate_passes_the_check_that_a_server_makes(
    material: RunCertificates, tmp_path: Path
) -> None:
    made = material.server("client", FTP)
    chain, key = tmp_path / "client.chain.pem", tmp_path / "client.key.pem"
    chain.write_bytes(made.chain_pem)
    key.write_bytes(made.key_pem)
    host = material.server("valid", FTP)
    server_chain, server_key = tmp_path / "chain.pem", tmp_path / "key.pem"
    server_chain.write_bytes(host.chain_pem)
    server_key.write_bytes(host.key_pem)
    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_context.load_cert_chain(server_chain, server_key)
    server_context.load_verify_locations(cadata=material.anchor("public").decode())
    server_context.verify_mode = ssl.CERT_REQUIRED
    client_context = ssl.create_default_context(cadata=material.anchor("public").decode())
    client_context.load_cert_chain(chain, key)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = server_context.wrap_bio(to_server, to_client, server_side=True)
    client = client_context.wrap_bio(to_client, to_server, server_hostname=FTP)

    _shake(client, server)

    assert "commonName', 'lab'" in str(server.getpeercert())


def leaf_of(material: RunCertificates, slug: str, host: str = FTP) -> str:
    return material.server(slug, host).leaf_sha256


def test_slugs_that_differ_in_what_is_sent_share_the_leaf(material: RunCertificates) -> None:
    shared = [
        "incomplete-chain",
        "full-chain",
        "weak-signature",
        "expired-intermediate",
        "not-a-ca",
        "ca-no-key-usage",
        "wrong-order",
    ]
    assert {leaf_of(material, slug) for slug in shared} == {leaf_of(material, "valid")}
    assert leaf_of(material, "root-in-chain") == leaf_of(material, "private-ca")


@pytest.mark.parametrize(
    "slug", ["self-signed", "expired-self-signed", "self-signed-reissued", "not-a-ca"]
)
def test_what_openssl_1_0_2_decides_by_key_usage_has_none(
    material: RunCertificates, slug: str
) -> None:
    """With a key usage that lacks signing, it says 20 instead of 18 or 24 (seen on 1.0.2k)."""
    chain = x509.load_pem_x509_certificates(material.server(slug, FTP).chain_pem)
    with pytest.raises(x509.ExtensionNotFound):
        chain[-1].extensions.get_extension_for_class(x509.KeyUsage)


def test_keys_can_be_made_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    material = RunCertificates([FTP, OTHER])
    assert material.generate() is material
    material.add_addresses(ADDRESSES)

    def no_key(*_: object) -> None:
        raise AssertionError("a key is generated after all were made ahead")

    for name in ("generate_key", "generate_rsa_key"):
        monkeypatch.setattr(f"lab.certificates.authority.{name}", no_key)
    for host in material.hosts:
        assert len(list(material.files(host))) == 2 * len(CATALOGUE) + len(ANCHORS)


def test_an_impostor_has_the_names_of_valid_and_nothing_else_of_it(
    material: RunCertificates,
) -> None:
    valid, impostor = (material.server(slug, FTP) for slug in ("valid", "impostor"))
    honest, false = describe(valid.chain_pem).leaf, describe(impostor.chain_pem).leaf
    assert (false.subject, false.names) == (honest.subject, honest.names)
    assert false.issuer != honest.issuer
    assert false.sha256 != honest.sha256
    assert impostor.key_pem != valid.key_pem


@pytest.mark.parametrize(
    ("slug", "length"), [("valid", 2), ("incomplete-chain", 1), ("root-in-chain", 3)]
)
def test_the_chain_is_what_the_server_sends_leaf_first(
    material: RunCertificates, slug: str, length: int
) -> None:
    chain = describe(material.server(slug, FTP).chain_pem).certificates
    assert len(chain) == length
    assert not chain[0].ca
    assert all(c.ca for c in chain[1:])
    assert [c.issuer for c in chain[:-1]] == [c.subject for c in chain[1:]]


def test_the_same_certificate_comes_at_every_call_and_another_for_another_host(
    material: RunCertificates,
) -> None:
    assert material.server("valid", FTP) == material.server("valid", FTP)
    assert describe(material.server("valid", OTHER).chain_pem).leaf.names == (OTHER,)


def test_two_materials_share_nothing() -> None:
    one, other = (RunCertificates([FTP]).server("ecdsa", FTP) for _ in range(2))
    assert one.leaf_sha256 != other.leaf_sha256
    assert one.key_pem != other.key_pem


def test_threads_that_ask_at_once_get_the_same_certificate() -> None:
    material = RunCertificates([FTP])
    seen: list[str] = []
    threads = [
        threading.Thread(target=lambda: seen.append(leaf_of(material, "self-signed")))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert len(seen) == 4
    assert len(set(seen)) == 1


def test_validity_is_relative_to_the_given_time() -> None:
    now = datetime(2031, 5, 17, 12, 30, tzinfo=UTC)
    expired = describe(
        RunCertificates([FTP], now).server("expired-self-signed", FTP).chain_pem
    ).leaf
    assert expired.not_after == now - timedelta(days=1)
    assert expired.not_before == now - timedelta(days=90)


def test_files_are_named_by_host_and_slug(material: RunCertificates) -> None:
    files = dict(material.files(FTP))
    assert set(files) == {
        *(f"{FTP}/{slug}.{part}.pem" for slug in CATALOGUE for part in ("chain", "key")),
        *(f"anchors/{name}.pem" for name in ANCHORS),
    }
    assert files[f"{FTP}/expired.chain.pem"] == material.server("expired", FTP).chain_pem
    assert files["anchors/public.pem"] == material.anchor("public")
    assert files["anchors/self-signed.pem"].count(b"BEGIN CERTIFICATE") == 2


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda m: m.server("self-singed", FTP), ["'self-singed'", "mean self-signed", "expired,"]),
        (lambda m: m.anchor("privat-ca"), ["'privat-ca'", "mean private-ca", "public,"]),
        (lambda m: m.server("valid", "fpt.lab.test"), ["'fpt.lab.test'", "mean ftp.lab.test"]),
        (lambda m: spec_of("qqq"), ["'qqq'. There are: valid, self-signed"]),
    ],
)
def test_an_unknown_name_is_answered_with_the_closest_ones(
    material: RunCertificates, ask: object, words: Sequence[str]
) -> None:
    assert callable(ask)
    with pytest.raises(UnknownCertificate) as caught:
        ask(material)
    assert all(word in str(caught.value) for word in words), str(caught.value)


@pytest.mark.parametrize(
    ("hosts", "words"),
    [
        ([], "name at least one"),
        (["Not A Host"], "'Not A Host' is no host name"),
        ([f"{'a' * 60}.lab.test"], "at most 62"),
        (["-a.lab.test"], "is no host name"),
        (["a..lab.test"], "is no host name"),
    ],
)
def test_a_host_that_fits_no_certificate_is_refused(hosts: list[str], words: str) -> None:
    with pytest.raises(CertificateError, match=re.escape(words)):
        RunCertificates(hosts)


def test_the_longest_host_fits_every_certificate() -> None:
    host = f"{'a' * 53}.lab.test"
    with pytest.raises(CertificateError, match="at most 62"):
        RunCertificates([f"a{host}"])
    made = RunCertificates([host]).server("wildcard-below", host)
    assert describe(made.chain_pem).leaf.names == (f"*.{host}",)


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(CertificateError, match="no time zone"):
        RunCertificates([FTP], datetime(2030, 1, 1))  # noqa: DTZ001


def test_a_description_says_what_the_certificate_holds(material: RunCertificates) -> None:
    chain = describe(material.server("weak-signature", FTP).chain_pem)
    leaf, intermediate = chain.certificates
    assert (leaf.key, leaf.key_type, leaf.key_bits) == ("RSA-2048", "RSA", 2048)
    assert leaf.signature == "sha256WithRSAEncryption"
    assert intermediate.signature == "sha1WithRSAEncryption"
    assert intermediate.key == "RSA-3072"
    assert chain.in_words().startswith(f"0: CN={FTP},")
    assert f"for {FTP}, RSA-2048, issued by CN=Public CA intermediate" in chain.in_words()
    other = describe(material.server("ecdsa", FTP).chain_pem).leaf
    assert (other.key, other.key_type, other.key_bits) == ("ECDSA secp256r1", "ECDSA", 256)
    assert leaf.sha256 == hashlib.sha256(first_der(material, "valid")).hexdigest()
    assert (
        leaf.public_key_sha256
        == hashlib.sha256(public_key(material.server("valid", FTP).chain_pem)).hexdigest()
    )


def first_der(material: RunCertificates, slug: str) -> bytes:
    return ssl.PEM_cert_to_DER_cert(
        material.server(slug, FTP).chain_pem.decode().partition("-----END CERTIFICATE-----")[0]
        + "-----END CERTIFICATE-----\n"
    )


@pytest.mark.parametrize("data", [b"", b"no certificate", b"-----BEGIN CERTIFICATE-----\nAAAA\n"])
def test_bytes_that_are_no_certificate_cannot_be_described(data: bytes) -> None:
    with pytest.raises(CertificateError, match="no PEM certificate can be read"):
        describe(data)


def test_the_page_about_certificates_lists_the_catalogue_in_its_order() -> None:
    page = (REPOSITORY / "docs" / "certificates.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([a-z0-9-]+)` \| ([^|]*) \| ([0-9-]+) \|$", page, re.MULTILINE)
    specs = [
        (s.slug, s.defect or "nothing", "-" if s.x509_error is None else str(s.x509_error))
        for s in CATALOGUE.values()
    ]
    assert rows == specs
    assert all(f"| `{name}` | {what} |" in page for name, what in ANCHORS.items())


@pytest.mark.parametrize(
    ("client", "server", "bits"),
    [
        (NetFtp(platform="rocky9", policy="FIPS"), Vsftpd(), 2048),
        (NetFtp(platform="rocky9", policy="FUTURE"), Vsftpd(), 3072),
        (NetFtp(platform="centos7"), Vsftpd(), 2048),
        (NetFtp(platform="centos7", ciphers="ALL:@SECLEVEL=3"), Vsftpd(), 3072),
        (NetFtp(platform="centos7"), Vsftpd(ciphers="HIGH:@SECLEVEL=3"), 3072),
        (NetFtp(platform="centos7"), Vsftpd(ciphers="HIGH:@SECLEVEL=1"), 2048),
    ],
)
def test_issuers_are_as_strong_as_the_strictest_client_asks_for(
    client: NetFtp, server: Vsftpd, bits: int
) -> None:
    made = begin([Attempt(server, client)])
    _, issuer = describe(made.server("valid", server.host).chain_pem).certificates
    assert issuer.key_bits == bits


def test_only_the_issuers_that_the_strictest_client_meets_are_so_strong() -> None:
    strict = NetFtp(platform="rocky9", policy="FUTURE")
    private = Attempt(
        Vsftpd(certificate="private-ca"), NetFtp(platform="centos7", trust="private-ca")
    )
    at_level_3 = [Attempt(Vsftpd(), strict), private]

    def bits(attempts: list[Attempt], slug: str) -> int | None:
        made = begin(attempts)
        return describe(made.server(slug, "ftp.lab.test").chain_pem).certificates[1].key_bits

    assert bits(at_level_3, "valid") == 3072
    assert bits(at_level_3, "private-ca") == 2048
    # One that nobody meets yet may be met by a remedy for that client; trusting one is meeting it.
    assert bits(at_level_3[:1], "private-ca") == 3072
    trusts = Attempt(Vsftpd(), NetFtp(platform="rocky9", policy="FUTURE", trust="private-ca"))
    assert bits([trusts, private], "private-ca") == 3072
