"""What is said after a refusal: cause, lines to write, and the words in both languages."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from lab.cases import curl, edge, ftplib, net_ftp, nginx, pyftpdlib, tls_python, vsftpd
from lab.clients import PROGRAMS
from lab.clients.apache import Apache
from lab.model import (
    Attempt,
    Captured,
    ClientReport,
    ClientSettings,
    FtpClientSettings,
    Goal,
    Outcome,
    Rating,
    Reason,
    Result,
    Side,
    Stage,
    only,
)
from lab.record.models import AttemptResult, CertificateRecord
from lab.remedies import CURES, remedies_for
from lab.remedies.advice import Advice, TriedRemedy
from lab.remedies.causes import Evidence, cause_of
from lab.remedies.lines import LineChange, changes, client_lines, server_lines
from lab.remedies.words import InBothLanguages, captured_in_words, listed_in_both, table, words
from lab.report.advice import advice_in_words
from lab.run.suites import Offer, compare_suites
from lab.servers.proftpd import Proftpd
from lab.settings import parse_client
from tests.unit.made_up import START, attempt_record

JAPANESE = re.compile("[\u3040-\u30ff\u4e00-\u9fff]")
SECTIONS = ("why", "fact", "when", "cure", "got", "side", "advice")
DELIVERED = Outcome(result=Result.COMPLETED, goal=Goal.TRANSFER)


def refusal(attempt: Attempt, reason: Reason, by: Side = Side.CLIENT) -> AttemptResult:
    outcome = Outcome(
        result=Result.REFUSED, goal=Goal.TRANSFER, by=by, stage=Stage.VERIFY, reason=reason
    )
    return attempt_record("one", attempt, outcome, None)


def certificate(subject: str, issuer: str, **changed: object) -> CertificateRecord:
    facts = {
        "names": ("ftp.example.test",),
        "not_before": START - timedelta(days=90),
        "not_after": START + timedelta(days=90),
        "key": "RSA-2048",
        "key_type": "RSA",
        "key_bits": 2048,
        "signature": "sha256WithRSAEncryption",
        "ca": False,
        "self_signed": subject == issuer,
        "sha256": "0" * 64,
        "public_key_sha256": "0" * 64,
    }
    return CertificateRecord.model_validate(
        {"subject": subject, "issuer": issuer} | facts | changed
    )


@pytest.mark.parametrize("section", SECTIONS)
def test_every_word_is_there_in_both_languages_with_the_same_gaps(section: str) -> None:
    for name, both in table(section).items():
        assert JAPANESE.search(both.ja), name
        assert not JAPANESE.search(both.en), name
        gaps = [sorted(re.findall(r"{\w+}", text)) for text in (both.en, both.ja)]
        assert gaps[0] == gaps[1], name


def test_every_reason_and_every_cure_has_words_and_none_is_left_over() -> None:
    assert set(table("why")) == {str(reason) for reason in Reason}
    assert set(table("cure")) == {c.name for c in CURES} | {
        "line-removed",
        "line-turned",
        "names-apart",
        "also-renewed",
        "also-named",
    }


# -- lines -----------------------------------------------------------------------------------------


def test_a_server_s_change_is_the_lines_of_its_own_configuration() -> None:
    before = Attempt(vsftpd(ciphers="DES-CBC3-SHA"), net_ftp("rocky9"))
    (change,) = changes(before, before.with_server(ciphers="HIGH"), {"server.ciphers": "my.conf:4"})
    assert change == LineChange(
        "server", ("ciphers",), ("my.conf:4",), ("ssl_ciphers=DES-CBC3-SHA",), ("ssl_ciphers=HIGH",)
    )


def test_a_further_line_that_is_turned_has_its_place() -> None:
    before = Attempt(vsftpd(extra=("write_enable=NO", "pasv_enable=YES")), net_ftp("rocky9"))
    after = before.with_server(extra=("write_enable=YES", "pasv_enable=YES"))
    (change,) = changes(before, after, {"server.extra:write_enable=NO": "my.conf:7"})
    assert (change.where, change.was) == (("my.conf:7",), ("write_enable=NO",))
    # The lab's own line of that name is there as well: what is written is the same.
    assert change.write == ()


@pytest.mark.parametrize(
    ("client", "line"),
    [
        (net_ftp("rocky9", protocols=only("TLSv1.2")), 'SSL_version => "TLSv1_2"'),
        (net_ftp("rocky9", verify=False), "SSL_verify_mode => 0"),
        (curl("rocky9", verify=False), "--insecure"),
        (curl("rocky9", ciphers="AES128-SHA"), "--ciphers AES128-SHA"),
        (ftplib("rocky9", ciphers="AES128-SHA"), "context.set_ciphers('AES128-SHA')"),
        (
            tls_python("rocky9", protocols=only("TLSv1.2")),
            "context.maximum_version = ssl.TLSVersion.TLSv1_2",
        ),
        (edge(ciphers="HIGH"), 'proxy_ssl_ciphers "HIGH";'),
        (Apache(client_certificate="user"), "SSLProxyMachineCertificateFile client.pem"),
    ],
)
def test_a_client_s_setting_is_a_line_as_its_users_write_it(
    client: ClientSettings, line: str
) -> None:
    assert line in client_lines(client)


@pytest.mark.parametrize("certificate", [None, "user"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_every_client_s_settings_can_be_written(name: str, certificate: str | None) -> None:
    lines = client_lines(PROGRAMS[name].settings(client_certificate=certificate))
    assert not any("\n" in line for line in lines)


def test_movable_type_has_directives_for_what_net_ftp_has_options_for() -> None:
    lines = client_lines(
        net_ftp("rocky9", verify=False, ciphers="AES128", protocols=only("TLSv1.2")), "mt-config"
    )
    assert {
        "FTPSSSLVerifyNone 1",
        "FTPSSSLVersion TLSv1_2",
        "FTPSOptions SSL_cipher_list=AES128",
    } <= set(lines)


@pytest.mark.parametrize(
    ("client", "line"),
    [
        ("lftp@debian13", "set ssl:verify-certificate no"),
        ("basic-ftp@debian13", "rejectUnauthorized: false"),
        ("ruby-net-ftp@debian13", "ssl: {verify_mode: OpenSSL::SSL::VERIFY_NONE}"),
        ("git-ftp@debian13", "--insecure"),
        ("wget@debian13", "--no-check-certificate"),
        ("go@debian13", "tls.Config{InsecureSkipVerify: true}"),
        ("apache@debian13", "SSLProxyVerify none"),
        ("caddy@debian13", "tls_insecure_skip_verify"),
    ],
)
def test_what_to_write_is_in_the_words_of_the_program(client: str, line: str) -> None:
    before = parse_client(client)
    ftp = isinstance(before, FtpClientSettings)
    attempt = Attempt(vsftpd() if ftp else nginx(), before)
    (change,) = changes(attempt, attempt.with_client(verify=False), {})
    assert line in change.write
    assert not any("debug" in one or "context." in one for one in change.write)


def test_every_server_s_lines_can_be_written() -> None:
    assert "ssl_protocols TLSv1.2;" in server_lines(nginx(protocols=only("TLSv1.2")))
    assert '"tls_control_required": true' in server_lines(pyftpdlib())


# -- causes ----------------------------------------------------------------------------------------


def test_a_wrong_name_stands_beside_the_names_in_the_certificate() -> None:
    result = refusal(Attempt(vsftpd(), net_ftp("rocky9")), Reason.HOSTNAME_MISMATCH)
    chain = [certificate("CN=a", "CN=ca", names=("a.example.test", "b.example.test"))]
    said = cause_of(Evidence(result, chain))
    assert "Asked for: ftp.lab.test. In the certificate: a.example.test, b.example.test." in said.en
    assert "ftp.lab.test" in said.ja
    (none,) = [certificate("CN=a", "CN=ca", names=())]
    assert "none beside its subject, `CN=a`" in cause_of(Evidence(result, [none])).en


def test_what_is_expired_is_named_with_its_day_and_what_is_not_is_not() -> None:
    result = refusal(Attempt(vsftpd(), net_ftp("rocky9")), Reason.EXPIRED)
    chain = [
        certificate("CN=leaf", "CN=ca"),
        certificate("CN=ca", "CN=root", not_after=result.started - timedelta(days=3, hours=1)),
    ]
    said = cause_of(Evidence(result, chain)).en
    assert "`CN=ca` ended on" in said
    assert "(3 days ago)" in said
    assert "CN=leaf" not in said


@pytest.mark.parametrize(
    ("hours", "said"),
    [
        (-60, "(2 days ago)"),
        (-30, "(1 day ago)"),
        (-3, "(less than a day ago)"),
        (3, "(in less than a day)"),
        (30, "(in 1 day)"),
        (60, "(in 2 days)"),
    ],
)
def test_days_are_counted_as_they_are_spoken(hours: int, said: str) -> None:
    moment = START + timedelta(hours=hours)
    result = refusal(Attempt(vsftpd(), net_ftp("rocky9")), Reason.EXPIRED).with_(started=START)
    dates = {"not_after": moment} if hours < 0 else {"not_before": moment}
    cause = cause_of(Evidence(result, [certificate("CN=leaf", "CN=ca", **dates)]))
    assert said in cause.en
    assert not re.search(r"[{}]", cause.ja)


def test_the_issuer_that_is_missing_is_named() -> None:
    result = refusal(Attempt(vsftpd(), net_ftp("rocky9")), Reason.UNKNOWN_ISSUER)
    alone = [certificate("CN=leaf", "CN=intermediate")]
    assert "the issuer `CN=intermediate` is not among them" in cause_of(Evidence(result, alone)).en
    whole = [*alone, certificate("CN=intermediate", "CN=intermediate")]
    assert "does not trust the last one, its root" in cause_of(Evidence(result, whole)).en


def test_of_a_chain_that_is_not_sent_that_is_said_and_the_twin_does_not_say_it() -> None:
    attempt = Attempt(Proftpd(certificate_chain=False), net_ftp("rocky9"))
    chain = [certificate("CN=leaf", "CN=intermediate"), certificate("CN=intermediate", "CN=root")]
    cause = cause_of(Evidence(refusal(attempt, Reason.UNKNOWN_ISSUER), chain))
    assert "The server sends `CN=leaf`; the issuer `CN=intermediate` is not among them" in cause.en
    assert "Its file has `CN=intermediate` as well, and no line has it sent" in cause.en
    assert "送られません" in cause.ja
    twin = attempt.with_server(certificate_chain=True)
    said = cause_of(Evidence(refusal(twin, Reason.UNKNOWN_ISSUER), chain)).en
    assert "the issuer `CN=root` is not among them" in said
    assert "has it sent" not in said


def test_an_explicit_client_at_an_implicit_server_is_said_and_its_twin_is_not() -> None:
    attempt = Attempt(vsftpd(implicit_tls=True), net_ftp("rocky9"))
    said = cause_of(Evidence(refusal(attempt, Reason.TIMED_OUT))).en
    assert "the server speaks TLS from the first byte on (implicit)" in said
    twin = attempt.with_client(implicit_tls=True)
    assert "implicit" not in cause_of(Evidence(refusal(twin, Reason.TIMED_OUT))).en


def test_a_default_that_decides_is_named_as_one() -> None:
    attempt = Attempt(vsftpd(), net_ftp("rocky9"))
    said = cause_of(Evidence(refusal(attempt, Reason.SESSION_REUSE_REQUIRED, Side.SERVER))).en
    assert "The server's option `require_ssl_reuse` is not set, and its default decides." in said
    set_there = attempt.with_server(require_ssl_reuse=True)
    said = cause_of(Evidence(refusal(set_there, Reason.SESSION_REUSE_REQUIRED, Side.SERVER))).en
    assert "The server's option is `require_ssl_reuse=YES`." in said


def test_what_completed_has_no_cause() -> None:
    made = attempt_record("one", Attempt(vsftpd(), net_ftp("rocky9")), DELIVERED, None)
    with pytest.raises(ValueError, match="the attempt one was not refused"):
        cause_of(Evidence(made))


# -- words for people ------------------------------------------------------------------------------


def remedy(rating: Rating = Rating.RECOMMENDED, tries: int = 1, completed: int = 1) -> TriedRemedy:
    return TriedRemedy(
        cures=("server-suites",),
        title=words("cure", "server-suites"),
        rating=rating,
        changes=(LineChange("server", ("ciphers",), ("my.conf:4",), ("a=1",), ("a=2",)),),
        tries=tries,
        completed=completed,
        outcome=DELIVERED,
    )


def test_a_remedy_says_what_to_write_and_what_came_of_it() -> None:
    advice = Advice(
        cause=InBothLanguages("why", "原因"), where=("my.conf:4",), remedies=(remedy(),)
    )
    assert advice_in_words(advice, "en") == [
        ("cause", "why"),
        ("where", "my.conf:4"),
        (
            "remedy",
            "a current cipher list at the server (recommended)\n"
            "server, my.conf:4: write `a=2` in place of `a=1`\n"
            "tried: completed (transfer) WITHOUT TLS: user, password and file went in clear text",
        ),
    ]
    assert [label for label, _ in advice_in_words(advice, "ja")] == ["原因", "場所", "対処"]


def test_a_remedy_that_did_not_hold_in_every_try_is_none() -> None:
    advice = Advice(cause=InBothLanguages("why", "原因"), remedies=(remedy(tries=10, completed=9),))
    assert [label for label, _ in advice_in_words(advice, "en")] == ["cause", "remedy"]
    assert "none of the changes" in dict(advice_in_words(advice, "en"))["remedy"]
    rest = dict(advice_in_words(advice, "en", everything=True))["not enough"]
    assert "tried 10 times, completed in 9" in rest


def test_what_is_unsafe_is_called_so_and_is_no_remedy() -> None:
    advice = Advice(cause=InBothLanguages("why", "原因"), remedies=(remedy(Rating.UNSAFE),))
    assert [label for label, _ in advice_in_words(advice, "en")] == ["cause", "remedy", "unsafe"]


def test_a_list_says_in_each_language_how_many_more_there_are() -> None:
    assert listed_in_both("abcde", 3) == InBothLanguages("a, b, c and 2 more", "a、b、c、ほか 2 件")


def test_a_remark_is_in_the_brackets_of_its_language() -> None:
    both = InBothLanguages("a", "あ").with_remark(InBothLanguages("b", "い"))

    assert (both.en, both.ja) == ("a (b)", "あ\uff08い\uff09")


def test_of_an_unknown_reason_it_is_said_how_to_see_more() -> None:
    attempt = Attempt(nginx(), parse_client("apache@debian13"))
    cause = cause_of(Evidence(refusal(attempt, Reason.UNKNOWN), []))
    assert "The log of apache may say more with `-c log_level=info`." in cause.en
    assert "apache のログ" in cause.ja
    assert "none is known" in dict(advice_in_words(Advice(cause=cause), "en"))["remedy"]
    # and where nobody has looked for one, nothing is said of any
    assert advice_in_words(Advice(cause=cause, sought=False), "en") == [("cause", cause.en)]
    told = attempt.with_client(log_level="info")
    assert "log_level" not in cause_of(Evidence(refusal(told, Reason.UNKNOWN), [])).en


@pytest.mark.parametrize(("size", "ends"), [(None, "x{y}"), (0, "an empty file"), (9, '"ab...")')])
def test_what_an_impostor_got_is_said_in_both_languages(size: int | None, ends: str) -> None:
    got = Captured(user="lab", password="x{y}", file_bytes=size, file_head="ab\ncd")
    said = captured_in_words(got)
    assert said.en == got.in_words()
    assert said.en.endswith(ends)
    assert said.ja.startswith("ユーザー lab、パスワード x{y}")
    assert not re.search(r"[a-z]{2,} [a-z]{2,}", said.ja)


def test_of_a_server_that_offers_nothing_no_versions_are_told() -> None:
    attempt = Attempt(vsftpd(), net_ftp("rocky9"))
    offers = Offer(end="net-ftp", suites={"TLSv1.2": ()})
    nothing = Offer(end="vsftpd", nothing="it did not start: 500")
    before = refusal(attempt, Reason.NO_SHARED_PROTOCOL)
    cause = cause_of(Evidence(before, suites=compare_suites(offers, nothing)))
    assert "The server offers nothing: it did not start: 500." in cause.en
    assert "speaks" not in cause.en
    # the twin: both have versions
    old = Offer(end="vsftpd", suites={"TLSv1.1": ()})
    cause = cause_of(Evidence(before, suites=compare_suites(offers, old)))
    assert "The server speaks TLSv1.1, the client TLSv1.2." in cause.en


def test_a_server_without_client_certificates_is_for_the_time_being() -> None:
    attempt = Attempt(vsftpd(require_cert=True), net_ftp("rocky9"))
    made = {one.cure: one for one in remedies_for(Reason.CLIENT_CERTIFICATE_REQUIRED, attempt)}
    assert made["no-client-certificate"].rating is Rating.TEMPORARY
    assert made["client-certificate"].rating is Rating.RECOMMENDED


@pytest.mark.parametrize(
    ("client", "says"),
    [
        (edge(), "The edge's words to its visitor: `502 Bad Gateway`"),
        (tls_python("rocky9"), "The server's words: `502 Bad Gateway`"),
    ],
)
def test_who_has_spoken_is_named(client: ClientSettings, says: str) -> None:
    report = ClientReport(failed=True, step="response", reply_code=502, reply_text="Bad Gateway")
    made = refusal(Attempt(nginx(), client), Reason.TIMED_OUT).with_(client_report=report)
    said = cause_of(Evidence(made))
    assert says in said.en
    assert ("エッジから" in said.ja) is ("edge" in says)
