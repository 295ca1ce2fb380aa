"""ftp-ssl, curl for web origins, gnutls-cli: settings to command lines, what is printed to a report."""

from __future__ import annotations

from typing import Any

import pytest

from lab.clients import PROGRAMS, Installed, Target
from lab.clients.ftp_ssl import FtpSsl, typed
from lab.model import Delivery, Goal, only

DELIVERY = Delivery.named("x.txt", 10)
TARGET = Target(host="h.lab.test", port=2100, user="lab", password="secret", delivery=DELIVERY)


def installed(name: str) -> Installed:
    return Installed(platform="debian13", stand_in=False, versions={name: "1"})


def argv(program: str, **settings: Any) -> list[str]:
    one = PROGRAMS[program]
    words: list[str] = one.request(one.settings_with(**settings), TARGET)["argv"]
    return words


@pytest.mark.parametrize(
    ("program", "settings", "words"),
    [
        ("ftp-ssl", {"verify": True}, ["-z", "verify=1"]),
        ("ftp-ssl", {"secure": True}, ["-z", "secure"]),
        ("ftp-ssl", {"tls": False}, ["-z", "nossl"]),
        ("curl-https", {"verify": False}, ["--insecure"]),
        ("curl-https", {"protocols": only("TLSv1.2")}, ["--tlsv1.2", "--tls-max", "1.2"]),
        (
            "curl-https",
            {"sni": "a.test", "verify_name": "a.test"},
            ["--connect-to", "a.test:2100:h.lab.test:2100"],
        ),
        ("gnutls-cli", {"verify": False}, ["--insecure"]),
        ("gnutls-cli", {"verify_name": "a.test"}, ["--verify-hostname=a.test"]),
        (
            "gnutls-cli",
            {"protocols": only("TLSv1.2")},
            ["--priority=NORMAL:-VERS-ALL:+VERS-TLS1.2"],
        ),
    ],
)
def test_each_setting_adds_its_words(
    program: str, settings: dict[str, Any], words: list[str]
) -> None:
    usual, told = argv(program), argv(program, **settings)

    assert set(words) <= set(told)
    assert not set(words) <= set(usual)


@pytest.mark.parametrize(
    ("program", "settings"),
    [
        ("ftp-ssl", {"implicit_tls": True}),
        ("ftp-ssl", {"protocols": only("TLSv1.2")}),
        ("ftp-ssl", {"session_cache": "none"}),
        ("ftp-ssl", {"protect_data": False}),
        ("curl-https", {"goal": Goal.HANDSHAKE}),
        ("curl-https", {"sni": ""}),
        ("curl-https", {"verify_name": "a.test"}),
        ("gnutls-cli", {"tls": False}),
        ("gnutls-cli", {"ciphers": "HIGH"}),
    ],
)
def test_what_cannot_be_told_is_said(program: str, settings: dict[str, Any]) -> None:
    one = PROGRAMS[program]
    has = installed({"curl-https": "curl"}.get(program, program))

    assert one.unsupported(one.settings_with(**settings), has)
    assert one.unsupported(one.settings_with(), has) is None
    assert one.unsupported(one.settings_with(), installed("other"))


# -- ftp-ssl -------------------------------------------------------------------------------------------

BEGUN = """\
Connected to h.lab.test.
220 (vsFTPd 3.0.5)
---> AUTH TLS
234 Proceed with negotiation.
---> USER lab
331 Please specify the password.
---> PASS XXXX
"""
SENT = f"""{BEGUN}230 Login successful.
---> STOR x.txt
150 Ok to send data.
426 Failure reading network stream.
1048576 bytes sent in 0.02 secs (51.0751 MB/s)
Active cipher: TLS_AES_256_GCM_SHA384, protocol TLSv1.3.
---> QUIT
221 Goodbye.
"""


def ftp_ssl(stdout: str, stderr: str = "", exit_status: int = 0, goal: Goal = Goal.TRANSFER) -> Any:
    client: Any = PROGRAMS["ftp-ssl"].settings_with(goal=goal)
    raw = {"argv": argv("ftp-ssl", goal=goal), "input": typed(client, TARGET)}
    return PROGRAMS["ftp-ssl"].report(
        {**raw, "stdout": stdout, "stderr": stderr, "exit_status": exit_status}
    )


def test_it_calls_sent_what_the_server_says_it_has_not() -> None:
    report = ftp_ssl(SENT, "===>DONE SSL connect on DATA 7\n")

    assert (report.failed, report.exit_status, report.reply_code) == (False, 0, 426)
    assert (report.protocol, report.verified, report.data_protected) == ("TLSv1.3", False, True)
    assert report.message.splitlines() == [
        "426 Failure reading network stream.",
        "1048576 bytes sent in 0.02 secs (51.0751 MB/s)",
    ]


def test_a_login_that_is_refused_is_a_failure_whatever_the_exit_status() -> None:
    refused = f"{BEGUN}530 Login incorrect.\nLogin failed.\n---> QUIT\n221 Goodbye.\n"
    report = ftp_ssl(refused)

    assert (report.failed, report.step, report.reply_code) == (True, "login", 530)
    assert report.message == "530 Login incorrect."


def test_a_certificate_that_it_was_told_to_check_ends_it() -> None:
    report = ftp_ssl(
        BEGUN.partition("---> USER")[0],
        "ftp: setsockopt: Bad file descriptor\nftp: Certificates: certificate has expired\n",
        1,
    )

    assert (report.failed, report.step) == (True, "starttls")
    assert report.message == "ftp: Certificates: certificate has expired"


def test_its_own_words_are_read_after_what_it_says_of_each_octet() -> None:
    octets = "ssl_getc: SSL_read 13 (.) ssl_getc: SSL_read 10 (.) "
    report = ftp_ssl(BEGUN, f"{octets}ftp: connect: Connection refused\n")

    assert (report.failed, report.errno) == (True, "ECONNREFUSED")
    assert report.message == "ftp: connect: Connection refused"


def test_a_connection_that_ends_without_a_reply_is_what_its_user_sees() -> None:
    gone = "421 Service not available, remote server has closed connection"
    closed = ftp_ssl(f"Connected to h.lab.test.\n{gone}\n", goal=Goal.LOGIN)
    clear = "ssl_getc: SSL_read returned -1 - error:0A00010B:SSL routines::wrong version number\n"
    dying = ftp_ssl(f"{BEGUN}{gone}\nLogin failed.\n", clear, goal=Goal.LOGIN)

    assert (closed.failed, closed.step, closed.message, closed.error) == (
        True,
        "greeting",
        gone,
        gone,
    )
    # What comes in clear text inside TLS is in its log alone.
    assert (dying.step, dying.message) == ("login", gone)
    assert dying.error.endswith("SSL routines::wrong version number")


def test_a_handshake_alone_is_made_without_a_login() -> None:
    assert typed(FtpSsl(goal=Goal.HANDSHAKE), TARGET) == "status\nquit\n"
    assert not ftp_ssl(BEGUN.partition("---> USER")[0], goal=Goal.HANDSHAKE).failed


# -- web origins -----------------------------------------------------------------------------------------

CURL = """\
* Connected to h.lab.test (172.30.77.101) port 2100 (#0)
* SSL connection using TLSv1.3 / TLS_AES_256_GCM_SHA384
"""
#: Since 8.13 it calls itself connected when the handshake is done.
HELLO = """\
*   Trying 172.30.77.101:2100...
* TLSv1.3 (OUT), TLS handshake, Client hello (1):
"""


@pytest.mark.parametrize(
    ("stderr", "exit_status", "step", "failed"),
    [
        (f"{CURL}> GET / HTTP/1.1\n< HTTP/1.1 200 OK\n", 0, "response", False),
        (f"{CURL}> GET / HTTP/1.1\n< HTTP/1.1 404 Not Found\n", 0, "response", True),
        (f"{CURL}curl: (60) SSL: no alternative certificate subject name\n", 60, "handshake", True),
        (
            f"{HELLO}curl: (60) SSL certificate problem: certificate has expired\n",
            60,
            "handshake",
            True,
        ),
        ("curl: (7) Failed to connect: Connection refused\n", 7, "connect", True),
    ],
)
def test_curl_is_read_by_what_it_has_come_to(
    stderr: str, exit_status: int, step: str, failed: bool
) -> None:
    report = PROGRAMS["curl-https"].report(
        {"argv": ["curl"], "stderr": stderr, "exit_status": exit_status}
    )

    assert (report.failed, report.step) == (failed, step)
    assert report.protocol == ("TLSv1.3" if "SSL connection" in stderr else None)


GNUTLS = """\
Connecting to '172.30.77.101:2100'...
|<4>| HSK[0x1]: CLIENT HELLO was queued [218 bytes]
|<4>| HSK[0x1]: Server's version: 3.3
"""


@pytest.mark.parametrize(
    ("stdout", "exit_status", "asked", "step", "failed"),
    [
        (f"{GNUTLS}- Handshake was completed\n", 0, None, "handshake", False),
        (f"{GNUTLS}- Handshake was completed\nHTTP/1.1 200 OK\n", 0, "GET", "response", False),
        (f"{GNUTLS}- Handshake was completed\n", 0, "GET", "response", True),
        (f"{GNUTLS}- Status: The certificate is NOT trusted.\n", 1, "GET", "handshake", True),
        ("Connecting to '172.30.77.101:2100'...\n", 1, "GET", "connect", True),
    ],
)
def test_gnutls_cli_is_read_by_what_it_has_come_to(
    stdout: str, exit_status: int, asked: str | None, step: str, failed: bool
) -> None:
    raw = {"argv": ["gnutls-cli"], "stdout": stdout, "exit_status": exit_status, "input": asked}
    report = PROGRAMS["gnutls-cli"].report(raw | {"version": "gnutls-cli 3.8.9"})

    assert (report.failed, report.step, report.library) == (failed, step, "GnuTLS 3.8.9")
    assert report.verified == (True if "completed" in stdout else None)


def test_gnutls_cli_says_why_there_is_no_connection() -> None:
    said = "Could not connect to 172.30.77.101:2100: Connection refused"
    raw = {
        "argv": ["gnutls-cli"],
        "stdout": GNUTLS.splitlines()[0],
        "stderr": said,
        "exit_status": 1,
    }
    report = PROGRAMS["gnutls-cli"].report(raw)

    assert (report.step, report.errno, report.message) == ("connect", "ECONNREFUSED", said)
