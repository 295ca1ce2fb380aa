"""wget: settings to its options, its ``--debug`` lines and GnuTLS's log to a report."""

from __future__ import annotations

from typing import Any

import pytest

from lab.clients import PROGRAMS, Installed, Target
from lab.clients.wget import Wget, arguments
from lab.model import Delivery, Goal, only

DELIVERY = Delivery.named("x.txt", 10)
TARGET = Target(host="ftp.lab.test", port=2100, user="lab", password="secret", delivery=DELIVERY)
HAS = Installed(platform="debian13", stand_in=False, versions={"wget": "GNU Wget 1.25.0"})

BEGUN = """\
Connecting to ftp.lab.test (ftp.lab.test)|172.30.77.100|:2100... connected.
220 (vsFTPd 3.0.5)
--> AUTH TLS
234 Proceed with negotiation.
"""
HANDSHAKE = """\
gnutls[4]: Keeping ciphersuite c0.30 (GNUTLS_ECDHE_RSA_AES_256_GCM_SHA384)
gnutls[4]: HSK[0x1]: CLIENT HELLO was queued [218 bytes]
gnutls[4]: HSK[0x1]: Server's version: 3.3
gnutls[4]: HSK[0x1]: Selected cipher suite: GNUTLS_ECDHE_RSA_AES_256_GCM_SHA384
gnutls[4]: HSK[0x1]: CERTIFICATE (11) was received. Length 1964
gnutls[4]: HSK[0x1]: FINISHED was queued [16 bytes]
gnutls[4]: HSK[0x1]: FINISHED (20) was received. Length 12
"""
LISTED = f"""{BEGUN}{HANDSHAKE}--> USER lab
331 Please specify the password.
--> PASS secret
230 Login successful.
--> PROT P
200 PROT now Private.
--> LIST -a
150 Here comes the directory listing.
gnutls[4]: HSK[0x2]: CLIENT HELLO was queued [442 bytes]
gnutls[4]: HSK[0x2]: FINISHED (20) was received. Length 12
gnutls[4]: HSK[0x2]: FINISHED was queued [16 bytes]
226 Directory send OK.
"""


def said(stderr: str, exit_status: int = 5) -> Any:
    raw = {"argv": arguments(Wget(), TARGET), "stderr": stderr, "exit_status": exit_status}
    return PROGRAMS["wget"].report(raw | {"version": "GNU Wget 1.25.0\n+ssl/gnutls"})


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({}, "ftps://ftp.lab.test:2100/"),
        ({"tls": False}, "ftp://ftp.lab.test:2100/"),
        ({"implicit_tls": True}, "--ftps-implicit"),
        ({"fallback": True}, "--ftps-fallback-to-ftp"),
        ({"verify": False}, "--no-check-certificate"),
        ({"session_cache": "none"}, "--no-ftps-resume-ssl"),
        ({"protect_data": False}, "--ftps-clear-data-connection"),
        ({"mode": "active"}, "--no-passive-ftp"),
        ({"tries": 1}, "--tries=1"),
        ({"protocols": only("TLSv1.2")}, "--ciphers=NORMAL:-VERS-ALL:+VERS-TLS1.2"),
    ],
)
def test_each_setting_is_an_option(settings: dict[str, Any], word: str) -> None:
    assert word in arguments(Wget(**settings), TARGET)


def test_it_delivers_nothing_and_says_so() -> None:
    why = PROGRAMS["wget"].unsupported(Wget(goal=Goal.TRANSFER), HAS)

    assert why is not None
    assert "only fetches" in why
    assert PROGRAMS["wget"].unsupported(Wget(), HAS) is None
    assert Wget().goal is Goal.LOGIN


def test_a_list_is_read_with_both_handshakes() -> None:
    report = said(LISTED, 0)

    assert (report.failed, report.step, report.reply_code) == (False, "quit", 226)
    assert (report.protocol, report.cipher) == ("TLSv1.2", "ECDHE-RSA-AES256-GCM-SHA384")
    assert (report.verified, report.data_protected, report.session_reused) == (True, True, True)


def test_a_certificate_is_refused_in_the_handshake() -> None:
    words = "ERROR: The certificate of 'ftp.lab.test' is not trusted."
    report = said(f"{BEGUN}{HANDSHAKE}==> AUTH TLS ... {words}\n")

    assert (report.step, report.reply_code, report.verified) == ("starttls", 234, None)
    assert report.message == words


def test_a_bad_certificate_of_an_implicit_server_looks_like_no_implicit_server() -> None:
    connected = BEGUN.partition("220")[0]
    last = "Server does not like implicit FTPS connections."
    report = said(
        f"{connected}{HANDSHAKE}The certificate's owner does not match hostname\n{last}\n"
    )

    assert report.step == "starttls"
    assert report.message.splitlines()[-1] == last


@pytest.mark.parametrize(
    "lines",
    [
        "Connecting to ftp.lab.test|192.0.2.1|:21... failed: Connection refused.\n",
        # With --debug its line is cut: what it closes is told in the midst of it.
        "Connecting to ftp.lab.test|192.0.2.1|:21... Closed fd 3\nfailed: Connection refused.\n",
    ],
)
def test_a_closed_port_refuses_the_connection(lines: str) -> None:
    report = said(lines, 4)

    assert (report.step, report.errno, report.exit_status) == ("connect", "ECONNREFUSED", 4)
    assert report.message == "Connection refused."
