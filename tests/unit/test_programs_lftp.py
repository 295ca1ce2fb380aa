"""lftp: settings to its commands, its ``debug`` lines and GnuTLS's log to a report."""

from __future__ import annotations

from typing import Any

import pytest

from lab.clients import PROGRAMS, Installed, Target
from lab.clients.gnutls import GnutlsLog, priority_of
from lab.clients.lftp import Lftp, commands, quoted
from lab.model import Delivery, Goal, only, up_to

DELIVERY = Delivery.named("x.txt", 10)
TARGET = Target(host="ftp.lab.test", port=2100, user="lab", password="sec,ret", delivery=DELIVERY)
HAS = Installed(platform="debian13", stand_in=False, versions={"lftp": "LFTP | Version 4.9.2"})

GREETED = """\
---- attempt number 1 (max_retries=1000)
---- Connecting to ftp.lab.test (172.30.77.100) port 2100
<--- 220 (vsFTPd 3.0.5)
---> FEAT
<--- 211-Features:
<--- 211 End
---> AUTH TLS
"""
HANDSHAKE = """\
GNUTLS: Keeping ciphersuite c0.30 (GNUTLS_ECDHE_RSA_AES_256_GCM_SHA384)
GNUTLS: HSK[0x1]: CLIENT HELLO was queued [218 bytes]
GNUTLS: HSK[0x1]: Server's version: 3.3
GNUTLS: HSK[0x1]: Selected cipher suite: GNUTLS_ECDHE_RSA_AES_256_GCM_SHA384
GNUTLS: HSK[0x1]: CERTIFICATE (11) was received. Length 1964[1964], frag offset 0
GNUTLS: HSK[0x1]: FINISHED was queued [16 bytes]
GNUTLS: HSK[0x1]: FINISHED (20) was received. Length 12[12], frag offset 0
"""
RESUMED = """\
---> STOR x.txt
<--- 150 Ok to send data.
GNUTLS: HSK[0x2]: CLIENT HELLO was queued [442 bytes]
GNUTLS: HSK[0x2]: Server's version: 3.3
GNUTLS: HSK[0x2]: FINISHED (20) was received. Length 12[12], frag offset 0
GNUTLS: HSK[0x2]: FINISHED was queued [16 bytes]
"""
TLS = f"""{GREETED}<--- 234 Proceed with negotiation.
---> USER lab
{HANDSHAKE}"""
STORED = f"""{TLS}<--- 331 Please specify the password.
---> PASS secret
<--- 230 Login successful.
{RESUMED}<--- 226 Transfer complete.
---> SITE UTIME 20261130011807 x.txt
<--- 500 Unknown SITE command.
---> QUIT
<--- 221 Goodbye.
"""
IN_CLEAR = """\
---- attempt number 1 (max_retries=1000)
---- Connecting to ftp.lab.test (172.30.77.100) port 2100
<--- 220 (vsFTPd 3.0.5)
---> USER lab
<--- 331 Please specify the password.
---> PASS secret
<--- 230 Login successful.
---> STOR x.txt
<--- 226 Transfer complete.
"""


def client(**settings: Any) -> Any:
    return Lftp(**settings)


def said(stderr: str, exit_status: int = 1, **more: Any) -> Any:
    argv = ["lftp", "-c", "; ".join(commands(client(), TARGET))]
    version = "LFTP | Version 4.9.2\n\nLibraries used: GnuTLS 3.8.9, Readline 8.2"
    return PROGRAMS["lftp"].report(
        {"argv": argv, "stderr": stderr, "exit_status": exit_status, "version": version} | more
    )


def test_as_it_is_shipped_nothing_is_set_but_the_limit_of_time() -> None:
    assert commands(client(), TARGET) == [
        "debug 14",
        'set net:timeout "10"',
        'open -u "lab,sec,ret" ftp://ftp.lab.test:2100',
        'put {payload} -o "x.txt"',
    ]


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"tls": False}, 'set ftp:ssl-allow "no"'),
        ({"ssl_force": True}, 'set ftp:ssl-force "yes"'),
        ({"verify": False}, 'set ssl:verify-certificate "no"'),
        ({"mode": "active"}, 'set ftp:passive-mode "off"'),
        ({"session_cache": "none"}, 'set ftp:ssl-copy-sid "no"'),
        ({"max_retries": 1}, 'set net:max-retries "1"'),
        ({"protect_data": False}, 'set ftp:ssl-protect-data "no"'),
        ({"protocols": only("TLSv1.2")}, 'set ssl:priority "NORMAL:-VERS-ALL:+VERS-TLS1.2"'),
        ({"implicit_tls": True}, 'open -u "lab,sec,ret" ftps://ftp.lab.test:2100'),
        ({"goal": Goal.LOGIN}, "quote NOOP"),
    ],
)
def test_each_setting_is_typed(settings: dict[str, Any], word: str) -> None:
    assert word in commands(client(**settings), TARGET)


def test_a_word_is_one_word_whatever_is_in_it() -> None:
    assert quoted('a"b\\; c') == r'"a\"b\\; c"'


@pytest.mark.parametrize(
    "settings",
    [{"goal": Goal.HANDSHAKE}, {"ciphers": "HIGH"}, {"protocols": only("SSLv3")}],
)
def test_what_it_cannot_be_told_is_said(settings: dict[str, Any]) -> None:
    assert PROGRAMS["lftp"].unsupported(client(**settings), HAS)
    assert PROGRAMS["lftp"].unsupported(client(), HAS) is None


def test_a_range_is_a_priority_string() -> None:
    assert priority_of("SECURE256", up_to("TLSv1.1")) == (
        "SECURE256:-VERS-ALL:+VERS-TLS1.0:+VERS-TLS1.1"
    )
    assert priority_of(None, None) is None


def test_an_upload_is_read_with_both_handshakes() -> None:
    report = said(STORED, 0)

    assert (report.failed, report.step, report.reply_code) == (False, "quit", 226)
    assert (report.protocol, report.cipher) == ("TLSv1.2", "ECDHE-RSA-AES256-GCM-SHA384")
    assert (report.verified, report.data_protected, report.session_reused) == (True, True, True)
    assert (report.library, report.warnings) == ("GnuTLS 3.8.9", ())


def test_a_certificate_is_refused_in_the_handshake_whatever_it_wanted_to_say_next() -> None:
    words = "Certificate verification: The certificate is NOT trusted. The certificate issuer is unknown."
    report = said(f"{TLS}**** {words}\nput: /dev/fd/6: Fatal error: {words}\n")

    assert (report.step, report.reply_code, report.verified) == ("starttls", 234, None)
    assert report.message == f"put: /dev/fd/6: Fatal error: {words}"


def test_where_tls_fails_it_goes_on_in_clear_text_and_that_is_said() -> None:
    alert = "GNUTLS: REC[0x1]: Alert[2|40] - Handshake failed - was received\n"
    failed = f"{TLS.replace(HANDSHAKE, '')}{HANDSHAKE.splitlines()[1]}\n{alert}"
    failed += "**** gnutls_handshake: A TLS fatal alert has been received.\n"
    report = said(failed + IN_CLEAR, 0)

    assert (report.failed, report.protocol, report.data_protected) == (False, None, False)
    assert report.warnings == ("TLS failed: lftp went on in clear text, with user and password",)
    # and if that is refused, it was the handshake that failed first
    refused = IN_CLEAR.partition("<--- 331")[0] + "<--- 530 Use encryption.\n"
    report = said(f"{failed}{refused}put: Login failed: 530 Use encryption.\n")
    assert (report.step, report.reply_code) == ("starttls", 234)
    assert "Alert[2|40]" in report.error
    assert report.message == "put: Login failed: 530 Use encryption."


def test_where_the_server_refuses_auth_it_goes_on_in_clear_text_and_that_is_said() -> None:
    refused = GREETED + "<--- 530 Please login with USER and PASS.\n"
    report = said(refused + IN_CLEAR.partition("\n<--- 220")[2].partition("\n")[2], 0)

    assert report.protocol is None
    assert report.warnings == (
        "the server refused AUTH: lftp went on in clear text, with user and password",
    )


def test_a_file_that_was_sent_again_is_said() -> None:
    again = STORED.replace("number 1", "number 2")
    report = said(STORED.replace("<--- 226", "<--- 426") + again, 0)

    assert (report.failed, report.reply_code) == (False, 226)
    assert report.warnings == ("lftp began 2 times, without a word",)


def test_one_that_goes_on_trying_is_ended_and_shows_nothing() -> None:
    connecting = GREETED.partition("<---")[0]
    report = said(
        f"{connecting}**** Socket error (Connection refused) - reconnecting\n", -9, timed_out=True
    )

    assert (report.failed, report.step, report.errno) == (True, "connect", "ECONNREFUSED")
    assert (report.message, report.timed_out) == ("", True)


def test_a_second_hello_that_was_asked_for_is_of_the_same_session() -> None:
    log = GnutlsLog()
    hello = "HSK[0x1]: CLIENT HELLO was queued [218 bytes]"
    for line in (hello, "HSK[0x1]: HELLO RETRY REQUEST (2) was received.", hello, hello):
        assert log.take(f"|<4>| {line}")

    assert len(log.sessions) == 2
    assert not log.take("Connecting")
