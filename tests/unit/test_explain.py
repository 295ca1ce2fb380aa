"""What ``lab explain`` makes of texts: the recorded ones, those with several causes, and no messages."""

from __future__ import annotations

import functools
import itertools
import json
import tomllib
from collections.abc import Iterator
from dataclasses import replace

import pytest
from rich.cells import cell_len

from lab.explain import index as index_module
from lab.explain.answer import Explanation, explain
from lab.explain.deciding import decide
from lab.explain.hearing import Hearing, Utterance, generation
from lab.explain.index import INDEX, load
from lab.explain.reading import decoded
from lab.explain.telling import told
from lab.host.checkout import source
from lab.model import Reason, Side, Stage
from lab.text import visible
from lab.training.choice import one_case
from tests.transcripts.transcript import files
from tests.unit.catalogue import catalogue

TABLES = load()


@functools.cache
def answer(text: str) -> Explanation:
    return explain(text.encode(), TABLES)


def reasons(text: str) -> list[str]:
    return [one.reason for one in answer(text).candidates]


def recorded(part: str) -> Iterator[tuple[str, str]]:
    """Each text that a program showed its user, or a server wrote down, with the reason that was found."""
    seen = set()
    for file in files().values():
        for one in file.transcripts:
            reason = one.outcome.split(":")[2]
            log = "\n".join(one.log) if one.started else ""
            text = (
                str(one.said.get("message") or one.said.get("error", ""))
                if part == "message"
                else log
            )
            if text.strip() and reason != "unknown" and (text, reason) not in seen:
                seen.add((text, reason))
                yield text, reason


# -- texts with several causes, and what separates them ------------------------------------------------


@pytest.mark.parametrize(
    ("text", "causes"),
    [
        (
            "SSL connect attempt failed error:0A000410:SSL routines::sslv3 alert handshake failure",
            {
                Reason.NO_SHARED_CIPHER,
                Reason.CLIENT_CERTIFICATE_REQUIRED,
                Reason.NO_SERVER_CERTIFICATE,
            },
        ),
        (
            "ssl.SSLEOFError: EOF occurred in violation of protocol (_ssl.c:1124)",
            {Reason.CLOSED, Reason.NO_SHARED_PROTOCOL},
        ),
        (
            "curl: (35) OpenSSL SSL_connect: SSL_ERROR_SYSCALL in connection to ftp.example.com:21",
            {Reason.CLOSED, Reason.NO_SHARED_PROTOCOL},
        ),
        (
            "curl: (25) Failed FTP upload: 522",
            {Reason.DATA_TLS_FAILED, Reason.DATA_TLS_REQUIRED, Reason.SESSION_REUSE_REQUIRED},
        ),
        ("curl: (67) Access denied: 530", {Reason.LOGIN_FAILED, Reason.TLS_REQUIRED}),
        (
            "421 [Net::FTP] Connection closed",
            {
                Reason.CLOSED,
                Reason.TLS_REQUIRED,
                Reason.SERVER_FAULT,
                Reason.CLIENT_CERTIFICATE_REQUIRED,
                Reason.ABORTED,
            },
        ),
        (
            "curl: (64) Requested SSL level failed",
            {Reason.TLS_NOT_OFFERED, Reason.PROTECTION_REFUSED},
        ),
    ],
)
def test_a_text_with_several_causes_has_exactly_these_and_a_question(
    text: str, causes: set[Reason]
) -> None:
    found = answer(text)
    assert {one.reason for one in found.candidates} == causes
    assert found.apart is not None
    assert {one.confidence for one in found.candidates} <= {"medium", "low"}


def test_the_sentence_of_movable_type_has_the_causes_that_were_recorded() -> None:
    """And others of a handshake or a certificate, which the lab has no case of with this client."""
    text = "FTP failed to start tls: Proceed with negotiation."
    seen = {reason for said, reason in recorded("message") if said == text}
    found = answer(text).candidates
    assert seen <= {one.reason for one in found}
    assert {one.stage for one in found} == {"verify", "handshake"}


PROCEED = "FTP failed to start tls: Proceed with negotiation."
VSFTPD = 'Thu Jan  1 00:00:00 1970 [pid 1] DEBUG: Client "192.0.2.1", '


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            f'{PROCEED}\n{VSFTPD}"SSL_accept failed: error:0A0000C1:SSL routines::no shared cipher"',
            "no-shared-cipher",
        ),
        (
            f"{PROCEED}\nerror:0A000086:SSL routines::certificate verify failed\nverify error:num=10:x",
            "expired",
        ),
        (
            f'{PROCEED}\n{VSFTPD}"SSL_accept failed: error:0A000415:SSL routines::alert"',
            "expired",
        ),
        (
            "sslv3 alert handshake failure\n[info] 1#1: *1 SSL_do_handshake() failed (SSL: error:0A0000C1:"
            "SSL routines::no shared cipher) while SSL handshaking, client: 192.0.2.1",
            "no-shared-cipher",
        ),
        (
            "Command: STOR x.txt\nResponse: 550 Permission denied.\ncurl: (25) Failed FTP upload: 550",
            "upload-denied",
        ),
    ],
)
def test_a_second_line_separates(text: str, reason: str) -> None:
    assert reasons(text)[0] == reason
    assert len(reasons(text)) < 3


@pytest.mark.parametrize(
    ("text", "said"),
    [
        # a sentence of a library that hides the cause has all that it hides
        (
            "gnutls_handshake() failed: The TLS connection was non-properly terminated.",
            ["closed", "reset"],
        ),
        (
            "gnutls_handshake() failed: Handshake failed",
            ["no-shared-cipher", "no-server-certificate", "client-certificate-required"],
        ),
        ("curl: (55) OpenSSL SSL_write: Broken pipe", ["client-certificate-required", "reset"]),
        ("curl: (25) Failed FTP upload: 550", ["upload-denied", "file-not-created"]),
        ("550 Permission denied.\ncurl: (25) Failed FTP upload: 550", ["upload-denied"]),
        # the second line of a reply alone; a warning behind a delivery that is done
        ("421 Please reconnect using TLS security mechanisms.", ["tls-required"]),
        (
            "Sorry, but that file doesn't exist: [/etc/ssl/private/pure-ftpd.pem]",
            ["connection-refused"],
        ),
        (
            "PHP Request Shutdown: SSL_read on shutdown: unexpected eof while reading",
            ["unclean-close"],
        ),
        (
            "522 SSL connection failed; session reuse required: see require_ssl_reuse option in vsftpd.conf",
            ["session-reuse-required"],
        ),
        # one sentence of a program's for both of its channels, whatever page it names below
        (
            "curl: (60) SSL certificate problem: self signed certificate\n"
            "More details here: https://curl.se/docs/sslcerts.html",
            ["self-signed-leaf", "data-tls-failed"],
        ),
        ("cURL error 60: SSL certificate problem: certificate has expired", ["expired"]),
        (
            "PHP Warning:  file_put_contents(): Failed to open stream: operation failed in x.php on line 7",
            [
                "closed",
                "timed-out",
                "not-ftp",
                "reset",
                "service-unavailable",
                "server-fault",
                "aborted",
            ],
        ),
        (
            "javax.net.ssl.SSLHandshakeException: Received fatal alert: handshake_failure",
            ["no-shared-cipher", "client-certificate-required", "no-server-certificate"],
        ),
        # the layer decides, and not what an earlier check left
        (
            'Server a/b is DOWN, reason: Layer4 connection problem, info: "SSL handshake failure"\n'
            "backend 'b' has no server available!",
            ["connection-refused"],
        ),
        # within a copy the control channel's certificate was accepted; over HTTP there is one channel
        ("Failed to copyto: x509: certificate signed by unknown authority", ["data-tls-failed"]),
        (
            'Failed to copy: Put "https://s3.example/": x509: certificate signed by unknown authority',
            ["unknown-issuer", "self-signed-leaf", "self-signed-in-chain"],
        ),
        # the first to leave fewer causes knows which is likely
        ("starttls: Proceed with negotiation.\n SSL connect attempt failed", ["reset", "closed"]),
        (f'{VSFTPD}"SSL_accept failed: error:0A00041B:SSL routines::alert"', ["bad-signature"]),
        # Go's net/textproto quotes a reply; what a web server logs is quoted, too
        ('2026/01/02 03:04:05 530 "Please login with USER and PASS."', ["tls-not-offered"]),
        (
            'failed to make FTP connection to "a:21": 530 "Please login with USER and PASS."',
            ["tls-not-offered"],
        ),
        ('{"error":"530 \\"Login incorrect.\\""}', ["login-failed"]),
        (r'2026/01/02 03:04:05 530 "\"lab\": Login incorrect."', ["login-failed"]),
        ('"GET / HTTP/1.1" 502 "-"', []),
        # what uploads joins the client's error and the reply: the first connection had been made
        (
            "2 errors occurred:\n\t* tls: failed to verify certificate: x509: certificate signed by "
            'unknown authority\n\t* 522 "SSL handshake failed."',
            ["data-tls-failed"],
        ),
        # frames of a trace say which connection, and which line of a reply
        (
            "  in get_stream\n  in get_passive_connection\n    reader = await self._open_connection(ip)\n"
            "ssl.SSLCertVerificationError: [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: "
            "self-signed certificate (_ssl.c:1130)",
            ["data-tls-failed"],
        ),
        (
            "  in start_tls\nssl.SSLCertVerificationError: [SSL: CERTIFICATE_VERIFY_FAILED] certificate "
            "verify failed: self-signed certificate (_ssl.c:1130)",
            ["self-signed-leaf"],
        ),
        # a connection for data has its address behind `via`
        (
            "Failed to connect to a.example:21 after 3 ms: Could not connect to server",
            ["connection-refused", "no-route", "reset"],
        ),
        (
            "Failed to connect to a.example:21 via 192.0.2.1:40000 after 3 ms: Could not connect to server",
            ["data-connection-failed"],
        ),
        # what is suppressed came of the alert that nobody is there to read
        (
            "javax.net.ssl.SSLHandshakeException: Remote host terminated the handshake\n"
            "\tSuppressed: java.net.SocketException: Broken pipe\n"
            "Caused by: java.io.EOFException: SSL peer shut down incorrectly",
            ["closed", "aborted"],
        ),
        (
            "failed: Connection reset by peer, IO::Socket::IP configuration failed",
            ["reset", "closed"],
        ),
        # who is written to when it is gone
        ("500 write failed: Broken pipe", ["client-certificate-required", "reset"]),
        ("curl: (8) Got a 421 ftp-server response when 220 was expected", ["service-unavailable"]),
        (
            "curl: (6) Could not resolve host: host.example (Could not contact DNS servers)",
            ["resolver-failed"],
        ),
        (
            "ERROR: Connection to origin failed\n"
            "1 3 127.0.0.1 TCP_MISS_ABORTED/502 3399 GET http://x/ - HIER_NONE/- text/html",
            ["connection-refused", "timed-out"],
        ),
        (
            "errorCode=1 Failed to receive data, cause: A TLS fatal alert has been received.",
            ["client-certificate-required"],
        ),
    ],
)
def test_a_text_has_what_it_hides_and_nothing_else(text: str, said: list[str]) -> None:
    assert reasons(text) == said


EXPIRED_45 = (
    "error:0A000415:SSL routines::sslv3 alert certificate expired:../ssl/record/rec_layer_s3.c:1605"
    ":SSL alert number 45"
)
UNKNOWN_CA_48 = "error:14094418:SSL routines:ssl3_read_bytes:tlsv1 alert unknown ca"


@pytest.mark.parametrize(
    "text",
    [
        f"postfix/smtpd[9]: warning: TLS library problem: {EXPIRED_45}:",
        "SSL_accept error from unknown[192.0.2.1]: -1\n"
        f"warning: TLS library problem: {EXPIRED_45}:",
        "postfix/smtpd[9]: warning: TLS library problem: error:0A000412:SSL routines::sslv3 alert bad"
        " certificate:../ssl/record/rec_layer_s3.c:1605:SSL alert number 42:",
        f"postfix/submission/smtpd[9]: warning: TLS library problem: {UNKNOWN_CA_48}:",
        f"dovecot: imap-login: TLS handshaking: SSL_accept() failed: {EXPIRED_45}",
        f"exim: TLS error on connection from [192.0.2.1] (SSL_accept): {UNKNOWN_CA_48}",
        f"SSL_accept() failed (SSL: {EXPIRED_45}) while SSL handshaking, client: 192.0.2.1",
        f"sendmail[7]: STARTTLS=server, error: accept failed=-1, reason={UNKNOWN_CA_48}",
    ],
)
def test_the_alert_that_a_server_received_is_of_a_client_that_refused_it(text: str) -> None:
    assert {(one.by, one.stage) for one in answer(text).candidates} == {("client", "verify")}


@pytest.mark.parametrize(
    "text",
    [
        f"curl: (56) OpenSSL SSL_read: {EXPIRED_45}, errno 0",
        f"postfix/smtp[9]: warning: TLS library problem: {EXPIRED_45}:",
        f"SSL_do_handshake() failed (SSL: {EXPIRED_45}) while SSL handshaking to upstream, client: x",
        'Get "https://www.example/": remote error: tls: bad certificate',
    ],
)
def test_the_alert_that_a_client_received_is_about_its_own_certificate(text: str) -> None:
    found = answer(text)
    assert [one.reason for one in found.candidates] == ["client-certificate-required"]
    assert "none that it accepts" in found.candidates[0].known["why"]["en"]


@pytest.mark.parametrize(
    "text",
    [
        "ssl.SSLError: [SSL: TLSV1_ALERT_UNKNOWN_CA] (_ssl.c:1006)",
        f"warning: TLS library problem: {EXPIRED_45}:",
        "remote error: tls: bad certificate",
        "remote party sent a TLS alert: 'BadCertificate'",
    ],
)
def test_whose_alert_nobody_tells_is_read_both_ways(text: str) -> None:
    found = answer(text)
    assert {(one.by, one.stage) for one in found.candidates} == {
        ("server", "handshake"),
        ("client", "verify"),
    }
    assert "high" not in {one.confidence for one in found.candidates}
    assert found.apart is not None


READING = "while reading response header from upstream, client: 192.0.2.1, upstream: "


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("upstream prematurely closed connection", "closed"),
        ("recv() failed (104: Connection reset by peer)", "reset"),
        ("upstream timed out (110: Connection timed out)", "timed-out"),
    ],
)
def test_what_ends_behind_the_handshake_is_none_of_it(text: str, reason: str) -> None:
    found = answer(f'{text} {READING}"https://192.0.2.2:8443/"').candidates
    assert {(one.by, one.stage) for one in found} == {("server", "response")}
    assert found[0].reason == reason
    assert not reasons(f'{text} {READING}"http://192.0.2.2:8080/"')


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Hostname doesn't match against certificate", "hostname-mismatch"),
        ("Error 526 invalid SSL certificate", "expired"),
        ("error:0A00018E:SSL routines::ca md too weak", "connection-refused"),
        (
            'nginx: [emerg] SSL_CTX_use_PrivateKey("/k.pem") failed (SSL: error:05800074:x509'
            " certificate routines::key values mismatch)",
            "connection-refused",
        ),
        (
            'nginx: [emerg] cannot load certificate "/c.pem": PEM_read_bio_X509_AUX() failed (SSL:'
            " error:0480006C:PEM routines::no start line:Expecting: TRUSTED CERTIFICATE)",
            "connection-refused",
        ),
    ],
)
def test_common_texts_are_known(text: str, reason: str) -> None:
    assert reasons(text)[0] == reason


@pytest.mark.parametrize(
    "name",
    [
        one["name"]
        for one in tomllib.loads(
            (source() / "lab/documents/fastly/messages.toml").read_text(encoding="utf-8")
        )["name"]
        if not one["name"].startswith(("\\", "Service"))
    ],
)
def test_every_message_of_the_page_is_known(name: str) -> None:
    assert reasons(f"503 {name}")


def test_versions_that_exclude_each_other_are_none() -> None:
    assert generation("Go", "1.20", "1.19") == "Go"
    assert generation("Go", "1.19", "1.20") == "Go 1.19 to 1.20"


def test_nss_names_alert_40_by_the_place_where_it_came() -> None:
    assert "client-certificate-required" not in reasons("SSL_ERROR_NO_CYPHER_OVERLAP")
    assert "client-certificate-required" in reasons("SSL_ERROR_HANDSHAKE_FAILURE_ALERT")


@pytest.mark.parametrize(
    ("text", "program"),
    [
        (
            "error:14090086:SSL routines:SSL3_GET_SERVER_CERTIFICATE:certificate verify failed",
            "OpenSSL 1.0.0 to 1.0.2",
        ),
        ("error:0A000410:SSL routines::sslv3 alert handshake failure", "OpenSSL 3.0 to 3.1"),
        ("error:0A000410:SSL routines::ssl/tls alert handshake failure", "OpenSSL 3.2 to 3.6"),
        ("error:0A000410:SSL routines::tls alert handshake failure", "OpenSSL from 4.0 on"),
    ],
)
def test_the_wording_tells_the_generation(text: str, program: str) -> None:
    assert answer(text).candidates[0].program.split("; ")[0] == program


GNUTLS = "*** Fatal error: Error in the certificate.\n- Status: The certificate is NOT trusted. {}"
RUBY = "/usr/lib/ruby/gems/{}/net/ftp.rb:1514:in {}readline': end of file reached (EOFError)"


@pytest.mark.parametrize(
    ("text", "causes"),
    [
        # a sentence of another program's is not a part of GnuTLS'
        (
            GNUTLS.format("The name in the certificate does not match the expected."),
            ["hostname-mismatch"],
        ),
        (
            GNUTLS.format("The certificate chain violates the signer's constraints."),
            ["name-not-permitted", "path-too-long"],
        ),
        ("x509: “host.example” certificate is not trusted", ["unknown-issuer"]),
        # what an FTP library passes on of either channel; net/http has the address before it
        (
            "2026/01/02 03:04:05 x509: certificate signed by unknown authority",
            ["unknown-issuer", "self-signed-leaf", "self-signed-in-chain", "data-tls-failed"],
        ),
        (
            'Get "https://a.example/": x509: certificate signed by unknown authority',
            ["unknown-issuer", "self-signed-leaf", "self-signed-in-chain"],
        ),
        ("tls: received record with version 3030 when expecting version 303", ["server-fault"]),
        (
            "tls: first record does not look like a TLS handshake",
            ["plaintext-peer", "server-fault"],
        ),
        ("error receiving '211 ': Connection reset by peer", None),
        ('error sending "FEAT\n"', ["reset"]),
        ("invalid peer certificate: BadSignature", ["bad-signature", "weak-key"]),
        # written behind the handshake, not in it
        (
            "    return self._sslobj.write(data)\n           ~~~~~~~~~^^^^^\n"
            "ConnectionResetError: [Errno 104] Connection reset by peer",
            ["client-certificate-required", "reset"],
        ),
        (
            "    self._sslobj.do_handshake()\n    ~~~~~~~~~^^\n"
            "ConnectionResetError: [Errno 104] Connection reset by peer",
            ["reset", "closed"],
        ),
        (
            "    self.welcome = self.getresp()\n  File ftplib.py, line 234, in getmultiline\n"
            "    nextline = self.getline()\nEOFError",
            ["not-ftp", "closed"],
        ),
        (
            "    self.welcome = self.getresp()\n  File ftplib.py, line 230, in getmultiline\n"
            "    line = self.getline()\nEOFError",
            ["closed", "not-ftp"],
        ),
        # Ruby 3.4 names the class in a frame
        *(
            (
                f"{RUBY.format(version, head)}\n\tfrom net/ftp.rb:504:in {head}voidresp'\n"
                f"\tfrom net/ftp.rb:427:in {block}set_socket'",
                ["closed", "not-ftp"],
            )
            for version, head, block in (
                ("3.3.0", "`", "`block in "),
                ("3.4.0", "'Net::FTP#", "'block in Net::FTP#"),
            )
        ),
    ],
)
def test_a_words_place_tells_what_it_means(text: str, causes: list[str] | None) -> None:
    if causes is not None:
        assert reasons(text) == causes
    else:
        assert {"server-fault", "service-unavailable", "not-ftp", "closed", "reset"} <= set(
            reasons(text)
        )


PROMISE = """\
            triggerUncaughtException(err, true /* fromPromise */);
            ^

Error: self-signed certificate
    at TLSSocket.onConnectSecure (node:_tls_wrap:1681:34) {
  code: 'DEPTH_ZERO_SELF_SIGNED_CERT'
}"""


def test_lines_that_are_joined_lose_nothing_of_what_they_say_apart() -> None:
    assert reasons(PROMISE) == ["self-signed-leaf", "data-tls-failed"]
    assert reasons("Error: self-signed certificate\n  code: 'DEPTH_ZERO_SELF_SIGNED_CERT'") == [
        "self-signed-leaf"
    ]


def test_nobody_is_sure_where_a_text_says_two_things_that_do_not_fit() -> None:
    login = "pure-ftpd: (lab@192.0.2.1) [WARNING] Authentication failed for user [lab]"
    weak = "pure-ftpd: (lab@192.0.2.1) [INFO] SNI: [host.example]\n" + (
        "pure-ftpd: (lab@192.0.2.1) [WARNING] Sorry, cleartext sessions and weak ciphers are not accepted"
        " on this server."
    )
    assert {one.confidence for one in answer(login).candidates} == {"high"}
    both = answer(f"{login}\n{weak}")
    assert "high" not in {one.confidence for one in both.candidates}
    named = {one.reason for one in (*both.candidates, *both.beside)}
    assert named >= {"login-failed", "no-shared-cipher", "client-certificate-required"}


# -- texts that are none -------------------------------------------------------------------------------

NOT_KNOWN = """\
Your password has expired. Please choose a new one.
passwd: Authentication token is no longer valid; new one required
The session cookie has expired, please log in again
JWT expired at 2026-01-01T00:00:00Z. Current time: 2026-01-02T00:00:00Z
Certificate renewed successfully. The new expiry date is 2027-01-01.
Congratulations, all renewals succeeded: /etc/letsencrypt/live/example.com/fullchain.pem
192.0.2.1 - - [01/Jan/2026:00:00:00 +0000] "GET / HTTP/1.1" 200 5316 "-" "curl/8.5.0"
192.0.2.1 - - [01/Jan/2026:00:00:00 +0000] "GET /certificate.html HTTP/1.1" 530 550 "-" "-"
Thu Jan  1 00:00:00 2026 [pid 2] CONNECT: Client "192.0.2.1"
Thu Jan  1 00:00:00 2026 [pid 1] [lab] OK LOGIN: Client "192.0.2.1"
Thu Jan  1 00:00:00 2026 [pid 3] [lab] OK UPLOAD: Client "192.0.2.1", "/a.txt", 517 bytes, 1.00Kbyte/sec
Thu Jan  1 00:00:00 2026 1 192.0.2.1 517 /upload/a.txt b _ i r lab ftp 0 * c
TLS is a protocol for encrypting a connection; a certificate says who the server is.
If a certificate has expired, browsers show a warning until it is replaced.
530 files were copied, 421 of them new
Everything is up to date.
The handshake between the two parties went well.
証明書の更新が完了しました。
パスワードの有効期限が切れました。
HTTP/1.1 200 OK
2026-01-02 03:04:05,552 mod_tls/2.9.2[1]: TLS/TLS-C requested, starting TLS handshake
2026-01-02 03:04:05,425 app[431]: 553 552 files written
subject=CN = example.com
Verify return code: 0 (ok)
   v:NotBefore: Jan  2 03:04:05 2026 GMT; NotAfter: Jan  2 03:04:05 2027 GMT
SSL-Session: Protocol  : TLSv1.3
226 Transfer complete.
230 Login successful.
disk quota report: 80% used
""".splitlines()


@pytest.mark.parametrize("text", [*NOT_KNOWN, "\n".join(NOT_KNOWN[6:14])])
def test_what_is_no_refusal_is_not_known(text: str) -> None:
    assert reasons(text) == []


# -- what stands around a message ----------------------------------------------------------------------

FAILED = "[SSL: CERTIFICATE_VERIFY_FAILED]"
EXPIRED = "certificate verify failed: certificate has expired"


@pytest.mark.parametrize(
    "text",
    [
        f"{FAILED} {EXPIRED} (_ssl.c:1124)",
        f"配信に失敗しました\uff1a{FAILED} {EXPIRED} (_ssl.c:1124)。管理者に連絡してください",
        f"2026-01-01T00:00:00Z host app[12]: ERROR ssl.SSLError: {FAILED} {EXPIRED}",
        f"\x1b[1;31mssl.SSLError:\x1b[0m {FAILED} certificate verify failed:\x1b[K certificate has expired",
        f'{{"level":"error","msg":"{FAILED} {EXPIRED}\\n\\tat x","n":1}}',
        f"&quot;{FAILED} {EXPIRED}&quot; &#039;x&#039;",
        f"{FAILED} certificate verify fai\nled: certificate has expi\nred (_ssl.c:1124)",
        f"> {FAILED} certificate verify\n> failed: certificate has\n> expired (_ssl.c:1124)",
        f"\u201c{FAILED} certificate verify failed: certificate has expired\u201d",
        "curl: (60) SSL certificate problem: certificate has expired",
        "certificate has expired",
        "Error: certificate has expired.",
        "verify error:num=10:certificate has expired",
    ],
)
def test_what_is_around_a_message_does_not_matter(text: str) -> None:
    assert reasons(text) == ["expired"]


@pytest.mark.parametrize("number", ["421 ", ""])
def test_older_pure_ftpd_wants_tls_and_is_not_out_of_service(number: str) -> None:
    said = f"{number}Sorry, cleartext sessions are not accepted on this server."
    assert [one.reason for one in answer(said).candidates] == ["tls-required"]


@pytest.mark.parametrize(
    ("text", "helps"),
    [
        ("500 OOPS: vsftpd: refusing to run with writable root inside chroot()", True),
        ("500 OOPS: cannot change directory:/home/web", False),
        ("500 OOPS: cannot read user list file:/etc/vsftpd.userlist", False),
    ],
)
def test_a_remedy_for_one_text_of_a_reason_is_no_remedy_for_its_others(
    text: str, *, helps: bool
) -> None:
    (only,) = answer(text).candidates
    assert only.reason == "server-fault"
    assert any("allow_writeable_chroot" in one["title"]["en"] for one in only.remedies) is helps


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-8-sig"])
def test_other_encodings_are_read(encoding: str) -> None:
    found = explain(f"curl: (60) SSL certificate problem: {EXPIRED[27:]}".encode(encoding), TABLES)
    assert [one.reason for one in found.candidates] == ["expired"]


@pytest.mark.parametrize("encoding", ["cp932", "euc_jp"])
def test_a_log_of_japanese_windows_or_unix_is_read(encoding: str) -> None:
    said = f"配信に失敗しました。サーバーへの接続エラー: {FAILED} {EXPIRED}"
    assert decoded(said.encode(encoding)) == said
    assert [one.reason for one in explain(said.encode(encoding), TABLES).candidates] == ["expired"]


def test_what_is_no_japanese_is_no_cp932() -> None:
    assert decoded(b"caf\xe9 \xff" + "接続エラー".encode()) == "caf\ufffd \ufffd接続エラー"


# -- the answer ----------------------------------------------------------------------------------------


def test_every_case_that_is_named_can_be_told() -> None:
    for reason, known in TABLES.known["reasons"].items():
        for case in known["cases"]:
            found = one_case(catalogue(), case["case"])
            assert found.case.expect.reason == reason


def test_every_reason_side_and_stage_has_words() -> None:
    assert set(TABLES.known["reasons"]) == {one.value for one in Reason}
    assert set(TABLES.known["sides"]) == {one.value for one in Side}
    assert set(TABLES.known["stages"]) == {one.value for one in Stage}
    for known in TABLES.known["reasons"].values():
        assert all(known[name][language] for name in ("name", "why") for language in ("en", "ja"))


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize("everything", [False, True])
def test_the_answer_fits_a_terminal(language: str, everything: bool) -> None:
    texts = [
        PROCEED,
        "sslv3 alert handshake failure",
        "certificate has expired",
        "no such thing known",
        "password expired",
    ]
    texts += [text for text, _ in recorded("message")][::9]
    for text in texts:
        for line in told(answer(text), language, everything=everything):
            assert visible(line) == line
            assert cell_len(line) <= 80 or line.strip().startswith("https://"), line


def test_of_many_candidates_the_later_ones_are_named_by_who_decides() -> None:
    found = answer(PROCEED)
    lines, all_of_it = list(told(found, "en")), list(told(found, "en", everything=True))
    assert sum(line.startswith("Or ") for line in lines) <= 3
    for one in found.candidates:
        assert one.reason in " ".join(lines)
        assert any(
            line.startswith(f"{n}. {one.reason}") for n in range(1, 50) for line in all_of_it
        )


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ("curl: (60) SSL certificate problem: certificate has expired\n" + "x\n" * 200_000, True),
        ("curl: (60) SSL certificate problem: certificate has expired\n" + "x" * 5000, True),
        ("curl: (60) SSL certificate problem: certificate has expired\n" + "x" * 4000, False),
    ],
)
def test_who_gives_too_much_is_told_that_not_all_was_looked_at(text: str, cut: bool) -> None:
    found = answer(text)
    assert [one.reason for one in found.candidates] == ["expired"]
    assert found.cut == found.as_json("en")["cut"] == cut
    for language, begins in (("en", "Not all of this text"), ("ja", "この文の一部")):
        assert next(told(found, language)).startswith(begins) == cut
    assert next(told(answer("nothing " + "x" * 5000), "en")).startswith("Not all of this text")


def test_json_has_the_documented_members() -> None:
    made_of = answer("curl: (60) SSL certificate problem: certificate has expired").as_json("en")
    first = made_of["candidates"][0]
    assert {"reason", "confidence", "by", "stage", "program", "case", "remedies"} <= set(first)
    assert (first["reason"], first["by"], first["stage"]) == ("expired", "client", "verify")
    assert first["confidence"] == "high"
    assert first["case"] == "no_public_certificate/expired_certificate"
    assert {one["rating"] for one in first["remedies"]} >= {"recommended", "unsafe"}
    assert all(one["address"].startswith(("https://", "docs/")) for one in first["sections"])


def test_the_index_names_every_table_that_is_heard() -> None:
    kept = json.loads(INDEX.read_text("utf-8"))
    assert set(kept) == {name for name, _ in index_module.tables()} | {index_module.KNOWN}


@pytest.mark.parametrize(
    ("text", "run"),
    [
        ("AUTH TLS\n234 Proceed\nSSL_connect: unexpected eof while reading", True),
        ("SSL_connect: unexpected eof while reading", False),
        ("https://x.test: SSL_connect: unexpected eof while reading", False),
        ("ftps://x.test: SSL_connect: unexpected eof while reading", False),
    ],
)
def test_the_command_that_tells_causes_apart_is_one_for_ftp_where_the_text_is_of_it(
    text: str, run: bool
) -> None:
    apart = answer(text).apart
    assert apart is not None
    assert ("-starttls ftp -connect HOST:21" in apart["run"]) is run
    assert ("-connect HOST:PORT" in apart["run"]) is not run


@pytest.mark.parametrize(
    ("text", "reasons"),
    [
        (
            "curl: (56) OpenSSL SSL_read: OpenSSL/3.0.17: error:0A000126:SSL routines::unexpected eof"
            " while reading, errno 0",
            {"closed", "aborted", "client-certificate-required"},
        ),
        ("エラー: 'ftp.example.com' の証明書の発行者が不明です。", {"unknown-issuer"}),
        ("526 Invalid SSL certificate", {"expired", "self-signed-leaf", "hostname-mismatch"}),
        ("curl: (22) The requested URL returned error: 525", {"no-shared-cipher"}),
    ],
)
def test_what_people_paste_alone_has_its_cause_among_the_candidates(
    text: str, reasons: set[str]
) -> None:
    assert reasons <= {one.reason for one in answer(text).candidates}


def test_the_first_of_two_lines_alone_may_be_what_the_second_would_have_said() -> None:
    first = "ERROR: The certificate of 'ftp.example.com' is not trusted."
    assert "unknown-issuer" in {one.reason for one in answer(first).beside}
    # the twin, with the line that Wget prints behind it
    second = "ERROR: The certificate of 'ftp.example.com' doesn't have a known issuer."
    assert answer(f"{first}\n{second}").candidates[0].reason == "unknown-issuer"


@pytest.mark.parametrize(
    "said",
    [
        "unrecognised variable in config file: ssl_tlsv1_3",
        "bad bool value in config file for: listen",
        "vsftpd: cannot read config file: /etc/vsftpd.conf",
        "could not bind listening IPv4 socket",
        "SSL: could not set cipher list",
        "SSL: cannot load RSA certificate",
    ],
)
def test_what_vsftpd_gives_up_with_at_its_start_is_of_no_login(said: str) -> None:
    found = answer(f"500 OOPS: {said}")
    assert [(one.stage, one.reason) for one in found.candidates] == [
        ("connect", "connection-refused"),
        ("greeting", "server-fault"),
    ]
    assert found.apart is not None
    assert "high" not in {one.confidence for one in found.candidates}
    # the twin, which a login brings about
    for at_login in (
        "500 OOPS: cannot change directory:/srv/www",
        "500 OOPS: vsftpd: refusing to run with writable root inside chroot()",
    ):
        [later] = answer(at_login).candidates
        assert (later.stage, later.reason) == ("login", "server-fault")


def vsftpd_said(pid: int, client: str, said: str) -> str:
    head = f"Fri Jan  2 03:04:05 2026 [pid {pid}]"
    failed = f'{head} DEBUG: Client "{client}", "SSL_accept failed: {said}"'
    greeted = f'{head} FTP response: Client "{client}", "220 (vsFTPd 3.0.5)"'
    return f'{head} CONNECT: Client "{client}"\n{greeted}\n{failed}\n'


def test_of_two_clients_that_fail_for_different_reasons_both_are_told() -> None:
    suite = "error:0A0000C1:SSL routines::no shared cipher"
    issuer = "error:0A000418:SSL routines::tlsv1 alert unknown ca"
    first = vsftpd_said(1, "192.0.2.1", suite)
    found = answer(first + vsftpd_said(2, "192.0.2.2", issuer))
    assert [one.reason for one in found.candidates] == ["no-shared-cipher"]
    assert "unknown-issuer" in {one.reason for one in found.beside}
    # the twins: one client alone, and two for the same reason
    assert not explain(first.encode()).beside  # with the tables that it reads itself
    assert not answer(first + vsftpd_said(2, "192.0.2.2", suite)).beside


def test_whose_words_they_are_is_told_in_the_order_in_which_they_were_heard() -> None:
    names = ["connection-refused", "no-route", "timed-out", "could-not-connect"]
    one = {"client": names, "may_be": [{"by": "server", "stage": "connect", "reason": "closed"}]}
    tables = replace(TABLES, meanings={**TABLES.meanings, "meaning": [one]})
    for order in itertools.permutations(names):
        heard = Hearing(clients={name: [Utterance(0, 1, f"of {name}", "")] for name in order})
        assert decide(heard, tables).programs == tuple(f"of {name}" for name in order)
