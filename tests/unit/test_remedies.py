"""The room of remedies: for a reason and settings, the changes that cure it."""

from __future__ import annotations

import dataclasses
import tomllib
from datetime import UTC, datetime, timedelta
from importlib import resources
from typing import Any

import pytest

from lab.cases import edge, ftplib, net_ftp, nginx, pyftpdlib, tls_perl, vsftpd
from lab.clients import PROGRAMS
from lab.clients.haproxy import Haproxy
from lab.model import Attempt, ClientSettings, Rating, Reason, ServerSettings, differing_fields
from lab.record.models import CertificateRecord
from lab.remedies import CURES, as_written, cured, remedies_for
from lab.remedies.chains import EXPIRED_ROOT, ROOT_MISSING, Likeness, likeness, others
from lab.remedies.lines import changes
from lab.servers import SERVERS
from lab.servers.proftpd import Proftpd
from lab.servers.pure_ftpd import PureFtpd

NOW = datetime(2031, 2, 16, tzinfo=UTC)


def names(reason: Reason, server: ServerSettings, client: ClientSettings) -> list[str]:
    return [remedy.cure for remedy in remedies_for(reason, Attempt(server, client))]


@pytest.mark.parametrize(
    ("reason", "server", "client", "wanted"),
    [
        (
            Reason.SELF_SIGNED_LEAF,
            vsftpd(certificate="self-signed"),
            net_ftp("rocky9"),
            ["known-authority", "served-trusted", "pinned", "not-verified"],
        ),
        # nginx cannot pin a certificate
        (
            Reason.SELF_SIGNED_LEAF,
            nginx(certificate="self-signed"),
            edge(),
            ["known-authority", "served-trusted", "not-verified"],
        ),
        (
            Reason.UNKNOWN_ISSUER,
            nginx(certificate="private-ca"),
            tls_perl("centos7"),
            ["known-authority", "root-trusted", "not-verified"],
        ),
        # where the intermediate is missing, the authority's root alone is no cure
        (
            Reason.UNKNOWN_ISSUER,
            nginx(certificate="incomplete-chain"),
            tls_perl("centos7"),
            ["intermediate-sent", "chain-trusted", "not-verified"],
        ),
        (
            Reason.HOSTNAME_MISMATCH,
            vsftpd(certificate="wrong-host"),
            ftplib("rocky9"),
            ["certificate-for-name", "not-verified"],
        ),
        (
            Reason.NO_SHARED_CIPHER,
            vsftpd(ciphers="DES-CBC3-SHA"),
            net_ftp("rocky9", ciphers="AES128"),
            ["server-suites", "client-suites"],
        ),
        (
            Reason.TLS_REQUIRED,
            pyftpdlib(),
            net_ftp("centos7", tls=False),
            ["client-tls", "plain-login"],
        ),
        (
            Reason.DATA_TLS_REQUIRED,
            PureFtpd(),
            ftplib("rocky9", protect_data=False),
            ["data-protected"],
        ),
        (Reason.CLOSED, Proftpd(key_of="self-signed"), ftplib("rocky9"), ["own-key"]),
        (
            Reason.TIMED_OUT,
            nginx(port_filter="dropped"),
            edge(),
            ["let-in"],
        ),
        # a health check is a client of its own
        (
            Reason.PLAINTEXT_PEER,
            nginx(),
            Haproxy(check="http", check_port=True),
            ["check-with-tls", "without-tls"],
        ),
        (Reason.PLAINTEXT_PEER, nginx(tls=False), Haproxy(), ["server-tls", "without-tls"]),
        (
            Reason.INTERNAL_ERROR_ALERT,
            nginx(certificate_by_name=True),
            Haproxy(check="connect"),
            ["any-name", "check-with-name"],
        ),
        (
            Reason.UNKNOWN_ISSUER,
            nginx(),
            edge(earlier="unchecked", session_reuse=True),
            ["root-trusted", "sessions-apart", "not-verified"],
        ),
        (Reason.UNKNOWN, vsftpd(), net_ftp("rocky9"), []),
    ],
)
def test_a_reason_and_settings_have_their_cures(
    reason: Reason, server: ServerSettings, client: ClientSettings, wanted: list[str]
) -> None:
    assert names(reason, server, client) == wanted


@pytest.mark.parametrize("reason", [r for r in Reason if any(r in cure.reasons for cure in CURES)])
def test_every_remedy_changes_something_and_what_is_unsafe_is_shown_to_an_impostor(
    reason: Reason,
) -> None:
    attempt = Attempt(
        vsftpd(certificate="self-signed", require_cert=True), net_ftp("rocky9", ciphers="HIGH")
    )
    for remedy in remedies_for(reason, attempt):
        assert differing_fields(attempt, remedy.attempt), remedy.title
        assert (remedy.impostor is not None) or remedy.rating is not Rating.UNSAFE


def test_what_a_client_is_given_to_trust_does_not_help_an_impostor() -> None:
    attempt = Attempt(nginx(certificate="self-signed"), tls_perl("rocky9"))
    trusted, unchecked = cured(attempt, "served-trusted", "not-verified")
    assert str(trusted.impostor) == "refused:client:verify:unknown-issuer"
    assert unchecked.impostor == unchecked.expect
    assert (trusted.rating, unchecked.rating) == (Rating.RECOMMENDED, Rating.UNSAFE)


def test_a_cure_that_does_nothing_here_is_named() -> None:
    attempt = Attempt(nginx(), edge())
    with pytest.raises(ValueError, match="the cure pinned is none for edge@debian13 -> nginx"):
        cured(attempt, "pinned")


def test_a_document_has_words_of_its_own() -> None:
    attempt = Attempt(vsftpd(certificate="expired"), net_ftp("rocky9"))
    (remedy,) = cured(attempt, "not-verified", words={"not-verified": "FTPSSSLVerifyNone 1"})
    assert remedy.title == "FTPSSSLVerifyNone 1"


def test_the_table_of_cures_says_what_is_understood_of_fields_that_there_are() -> None:
    classes = {
        "server": [one.settings for one in SERVERS.values()],
        "client": [one.settings for one in PROGRAMS.values()],
    }
    known = {
        f"{end}.{field.name}"
        for end, each in classes.items()
        for one in each
        for field in dataclasses.fields(one)
    }
    table = tomllib.loads((resources.files("lab.remedies") / "cures.toml").read_text("utf-8"))
    keys = {"reasons", "unset", "served", "only_with", "only_without", "like", "gives", "said"}
    keys |= {"rating", "beside"}
    for name, row in table["cure"].items():
        named = {f"{end}.{field}" for end in classes for field in row.get(end, {})}
        named |= {row[key] for key in ("unset", "only_with", "only_without") if key in row}
        assert named <= known, name
        assert row.keys() <= keys | classes.keys(), name


def test_a_server_that_sends_its_certificate_alone_is_told_to_send_all() -> None:
    attempt = Attempt(Proftpd(certificate="own", certificate_chain=False), net_ftp("rocky9"))
    alone = Likeness("incomplete-chain")
    known = {one.cure: one for one in remedies_for(Reason.UNKNOWN_ISSUER, attempt, alone)}
    assert [*known] == ["chain-sent", "intermediate-sent", "chain-trusted", "not-verified"]
    assert known["chain-sent"].attempt == attempt.with_server(certificate_chain=True)
    # An intermediate that the file does not have has to be sent as well, and needs the line for it.
    added = known["intermediate-sent"]
    of_chain, of_conf = changes(attempt, as_written(attempt, added.attempt, [added]), {})
    assert (of_chain.fields, of_conf.fields) == (("certificate",), ("certificate_chain",))
    assert [line.split()[0] for line in of_conf.write] == ["TLSCertificateChainFile"]
    # One of the lab's that replaces it is sent whole, and changes no line of the person's.
    renewed = next(r for r in remedies_for(Reason.EXPIRED, attempt) if r.cure == "renewed")
    assert renewed.attempt.server == Proftpd(certificate="renewed", certificate_chain=True)
    [of_chain] = changes(attempt, as_written(attempt, renewed.attempt, [renewed]), {})
    assert of_chain.fields == ("certificate",)
    # the twin sends all already
    sends = attempt.with_server(certificate_chain=True)
    assert "chain-sent" not in [r.cure for r in remedies_for(Reason.UNKNOWN_ISSUER, sends, alone)]


def test_a_persons_own_certificate_is_replaced_by_the_labs_for_the_labs_name() -> None:
    client = net_ftp("rocky9", trust="own", host="ftp.example.test")
    attempt = Attempt(vsftpd(certificate="own"), client)
    renewed = next(r for r in remedies_for(Reason.EXPIRED, attempt) if r.cure == "renewed")
    assert renewed.attempt.server.certificate == "renewed"
    assert (renewed.attempt.client.trust, renewed.attempt.client.host) == ("public-root", None)
    # What the person writes leaves their client alone; the twin has nothing of their own.
    assert as_written(attempt, renewed.attempt).client == client
    lab = Attempt(vsftpd(certificate="expired"), net_ftp("rocky9"))
    (of_lab, *_) = remedies_for(Reason.EXPIRED, lab)
    assert as_written(lab, of_lab.attempt) == of_lab.attempt


def test_a_persons_own_certificate_has_the_cures_of_what_it_is_like() -> None:
    attempt = Attempt(vsftpd(certificate="own"), net_ftp("rocky9", trust="own"))

    def cures(reason: Reason, slug: str) -> list[str]:
        found = Likeness(slug)
        return [one.cure for one in remedies_for(reason, attempt, found)]

    unsafe = ["not-verified"]
    assert cures(Reason.EXPIRED, "expired") == ["renewed", *unsafe]
    assert cures(Reason.EXPIRED, "expired-intermediate") == ["intermediate-renewed", *unsafe]
    assert cures(Reason.EXPIRED, EXPIRED_ROOT) == ["anchor-renewed", *unsafe]
    assert cures(Reason.UNKNOWN_ISSUER, "incomplete-chain")[:2] == [
        "intermediate-sent",
        "chain-trusted",
    ]
    assert cures(Reason.UNKNOWN_ISSUER, "private-ca")[:2] == ["known-authority", "root-trusted"]
    assert cures(Reason.ISSUER_NOT_FOUND, ROOT_MISSING) == ["root-trusted", *unsafe]


def test_what_clients_are_given_is_tried_with_the_labs_certificate_and_written_for_the_persons() -> (
    None
):
    attempt = Attempt(vsftpd(certificate="own"), net_ftp("rocky9", trust="own"))
    found = remedies_for(Reason.UNKNOWN_ISSUER, attempt, Likeness("private-ca"))
    trusted = next(one for one in found if one.cure == "root-trusted")
    assert trusted.attempt.server.certificate == "private-ca"
    assert trusted.attempt.client.trust == "private-ca"
    written = as_written(attempt, trusted.attempt, [trusted])
    assert (written.server.certificate, written.client.trust) == ("own", "root")


def test_the_name_that_is_checked_is_corrected_and_the_one_that_is_sent_is_kept() -> None:
    def corrected(client: ClientSettings, name: str = "") -> ClientSettings:
        attempt = Attempt(nginx(), client)
        found = remedies_for(Reason.HOSTNAME_MISMATCH, attempt, Likeness(name=name))
        return next(one for one in found if one.cure == "name-corrected").attempt.client

    apart = corrected(tls_perl("rocky9", verify_name="a.test", sni="nginx.lab.test"), "b.test")
    assert (apart.checked_name, vars(apart)["sni"]) == ("b.test", "nginx.lab.test")
    # one name was given for both
    both = corrected(edge(verify_name="a.test", sni="a.test"), "nginx.lab.test")
    assert (both.program, both.checked_name) == ("edge", "nginx.lab.test")
    assert vars(both)["sni"] == "nginx.lab.test"
    # the edge has one name for both, so that a bare client shows it
    bare = corrected(edge(), "other.lab.test")
    assert (bare.program, bare.checked_name) == ("tls-perl", "other.lab.test")
    assert vars(bare)["sni"] == "nginx.lab.test"
    # Net::FTP checks what it connects to, unless it is told otherwise
    ftp = net_ftp("rocky9", verify_name="a.test")
    attempt = Attempt(vsftpd(), ftp)
    (first, *_) = [
        one
        for one in remedies_for(Reason.HOSTNAME_MISMATCH, attempt)
        if one.cure == "name-corrected"
    ]
    assert first.attempt.client.checked_name is None


def certificate(subject: str, issuer: str, days: int = 9, **facts: Any) -> CertificateRecord:
    """One that ends in so many days."""
    return CertificateRecord(
        subject=subject,
        issuer=issuer,
        not_before=NOW - timedelta(days=90),
        not_after=NOW + timedelta(days=days),
        **{
            "key": "RSA-2048",
            "key_type": "RSA",
            "signature": "sha256WithRSAEncryption",
            "ca": subject != "CN=a",
            "self_signed": subject == issuer,
            "sha256": "0" * 64,
            "public_key_sha256": "0" * 64,
            **facts,
        },
    )


@pytest.mark.parametrize(
    ("reason", "chain", "slug", "decides"),
    [
        (Reason.UNKNOWN_ISSUER, [("CN=a", "CN=b")], "incomplete-chain", 0),
        (Reason.UNKNOWN_ISSUER, [("CN=a", "CN=b"), ("CN=b", "CN=r")], "private-ca", 1),
        (
            Reason.SELF_SIGNED_IN_CHAIN,
            [("CN=a", "CN=b"), ("CN=b", "CN=r"), ("CN=r", "CN=r")],
            "root-in-chain",
            2,
        ),
        (Reason.UNKNOWN_ISSUER, [("CN=a", "CN=b"), ("CN=r", "CN=r")], "incomplete-chain", 0),
        (Reason.EXPIRED, [("CN=a", "CN=b", -1), ("CN=b", "CN=r")], "expired", 0),
        (Reason.EXPIRED, [("CN=a", "CN=b"), ("CN=b", "CN=r", -1)], "expired-intermediate", 1),
        (Reason.EXPIRED, [("CN=a", "CN=b"), ("CN=b", "CN=r")], EXPIRED_ROOT, None),
    ],
)
def test_a_chain_is_like_one_of_the_catalogue_and_one_of_it_decides(
    reason: Reason, chain: list[tuple[Any, ...]], slug: str, decides: int | None
) -> None:
    found = likeness(reason, [certificate(*each) for each in chain], NOW)
    assert (found.slug, found.decides) == (slug, decides)


def test_what_else_is_wrong_with_a_chain_is_said_beside_the_cure() -> None:
    chain = [certificate("CN=a", "CN=b", -1, names=("a.test",)), certificate("CN=b", "CN=r", -1)]
    said = [one.en for one in others(Reason.EXPIRED, chain, NOW, "b.test")]
    assert said == [
        "also a current certificate in the place of `CN=b`",
        "also with the name b.test",
    ]
    # the twin: what decides is cured, and nothing else is wrong
    sound = [chain[0], certificate("CN=b", "CN=r")]
    assert others(Reason.EXPIRED, sound, NOW, "a.test") == []


def test_a_certificate_and_a_line_of_the_configuration_are_two_changes() -> None:
    before = Attempt(vsftpd(certificate="own"), net_ftp("rocky9"))
    after = before.with_server(certificate="valid", require_ssl_reuse=False)
    of_chain, of_conf = changes(before, after, {"server.certificate": "chain.pem:1"})
    assert (of_chain.where, of_chain.write) == (("chain.pem:1",), ())
    assert (of_conf.where, of_conf.write) == ((), ("require_ssl_reuse=NO",))


def test_what_adds_up_at_a_server_is_one_change_for_each_line() -> None:
    before = Attempt(
        vsftpd(ciphers="AES128-SHA", extra=("sll_tlsv1=YES", "x_y=NO")), net_ftp("rocky9")
    )
    after = before.with_server(ciphers="HIGH", require_ssl_reuse=False, extra=("x_y=YES",))
    places = {
        "server.ciphers": "my.conf:3",
        "server.extra:sll_tlsv1=YES": "my.conf:4",
        "server.extra:x_y=NO": "my.conf:5",
    }
    made = {(one.where, one.was, one.write) for one in changes(before, after, places)}
    assert made == {
        (("my.conf:3",), ("ssl_ciphers=AES128-SHA",), ("ssl_ciphers=HIGH",)),
        (("my.conf:4",), ("sll_tlsv1=YES",), ()),
        (("my.conf:5",), ("x_y=NO",), ("x_y=YES",)),
        ((), (), ("require_ssl_reuse=NO",)),
    }


def test_a_persons_own_files_go_by_their_names() -> None:
    before = Attempt(vsftpd(certificate="own"), net_ftp("rocky9", trust="own"))
    places = {"client.trust": "ca.pem", "server.certificate": "chain.pem:1"}
    [trusted] = changes(before, before.with_client(trust="root"), places)
    assert trusted.was == ('SSL_ca_file => "ca.pem"',)
    assert trusted.write == ('SSL_ca_file => "root.pem"',)
    [pinned] = changes(before, before.with_client(fingerprint="own"), places)
    assert pinned.write == ('SSL_fingerprint => "sha256$<SHA-256 of chain.pem>"',)
