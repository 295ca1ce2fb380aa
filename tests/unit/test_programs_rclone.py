"""rclone: settings to its flags, and its log to a report."""

from __future__ import annotations

from typing import Any

import pytest

from lab.clients import PROGRAMS, Installed, Target
from lab.clients.rclone import Rclone, arguments, obscured
from lab.dialects.rules import interpret
from lab.model import Attempt, Delivery, Goal, Observation, Reason, Side, Stage, from_, only, up_to
from lab.model.outcome import ServerReport
from lab.servers.vsftpd import Vsftpd

DELIVERY = Delivery.named("x.txt", 10)
TARGET = Target(host="ftp.lab.test", port=2100, user="lab", password="secret", delivery=DELIVERY)
HAS = Installed(platform="debian13", stand_in=False, versions={"rclone": "rclone v1.60.1-DEV"})
RCLONE = PROGRAMS["rclone"]

GREETED = """\
2026/11/30 01:20:11 DEBUG : ftp://ftp.lab.test:2100: Connecting to FTP server
2026/11/30 01:20:11 DEBUG : ftp://ftp.lab.test:2100: > dial: conn=*fshttp.timeoutConn, err=<nil>
2026/11/30 01:20:11 DEBUG : FTP Rx: "220 (vsFTPd 3.0.5)"
"""
BEGUN = f"""{GREETED}\
2026/11/30 01:20:11 DEBUG : FTP Tx: "AUTH TLS"
2026/11/30 01:20:11 DEBUG : FTP Rx: "234 Proceed with negotiation."
2026/11/30 01:20:11 DEBUG : FTP Tx: "USER lab"
"""
LOGGED_IN = f"""{BEGUN}\
2026/11/30 01:20:11 DEBUG : FTP Rx: "331 Please specify the password."
2026/11/30 01:20:11 DEBUG : FTP Tx: PASS *****
2026/11/30 01:20:11 DEBUG : FTP Rx: "230 Login successful."
2026/11/30 01:20:11 DEBUG : FTP Tx: "PROT P"
2026/11/30 01:20:11 DEBUG : FTP Rx: "200 PROT now Private."
"""
NOT_MADE = (
    'Failed to create file system for destination ":ftp:": NewFs: failed to make FTP connection to'
)


def client(**settings: Any) -> Any:
    return Rclone(**settings)


def said(stderr: str, exit_status: int = 1, argv: tuple[str, ...] = ()) -> Any:
    raw = {"argv": argv or arguments(client(), TARGET), "stderr": stderr}
    return PROGRAMS["rclone"].report(
        {**raw, "exit_status": exit_status, "version": "rclone v1.60.1-DEV"}
    )


def decided(stderr: str, log: str = "") -> tuple[Any, ...]:
    outcome = interpret(
        Observation(
            attempt=Attempt(Vsftpd(), client()),
            client=said(stderr),
            server=ServerReport(started=True, log=log),
            delivery=DELIVERY,
        )
    )
    return outcome.by, outcome.stage, outcome.reason


def test_a_password_is_written_as_rclone_reads_it() -> None:
    # `rclone reveal` of 1.60.1 gives the word back.
    assert obscured("secret") == "AAAAAAAAAAAAAAAAAAAAADe-yhAwiw"


def test_as_it_is_shipped_it_verifies_and_keeps_sessions() -> None:
    words = arguments(client(), TARGET)

    assert words[:6] == ("rclone", "--config", "", "-vv", "--dump", "headers")
    assert words[-5:] == ("--ftp-explicit-tls", "-L", "copyto", "{payload}", ":ftp:x.txt")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"verify": False}, ["--ftp-no-check-certificate"]),
        ({"protocols": up_to("TLSv1.2")}, ["--ftp-disable-tls13"]),
        ({"session_cache": "none"}, ["--ftp-tls-cache-size", "0"]),
        ({"options": ("--ca-cert", "x")}, ["--ca-cert", "x"]),
    ],
)
def test_each_setting_adds_its_flag(settings: dict[str, Any], words: list[str]) -> None:
    usual = list(arguments(client(), TARGET))

    place = usual.index("-L")
    assert list(arguments(client(**settings), TARGET)) == usual[:place] + words + usual[place:]


def test_it_logs_in_without_a_transfer() -> None:
    assert arguments(client(goal=Goal.LOGIN), TARGET)[-2:] == ("mkdir", ":ftp:")


def test_an_authority_goes_by_a_variable() -> None:
    target = Target(host="h", port=1, user="u", password="p", delivery=DELIVERY, ca_file="/ca.pem")

    assert RCLONE.request(client(), target)["environment"] == {"SSL_CERT_FILE": "/ca.pem"}


@pytest.mark.parametrize(
    "settings",
    [
        {"goal": Goal.HANDSHAKE},
        {"mode": "active"},
        {"protect_data": False},
        {"session_cache": "shared"},
        {"ciphers": "AES128-SHA"},
        {"protocols": only("TLSv1.2")},
        {"protocols": from_("TLSv1.2")},
        {"client_certificate": "client"},
    ],
    ids=str,
)
def test_what_it_has_no_flag_for_is_said(settings: dict[str, Any]) -> None:
    assert RCLONE.unsupported(client(), HAS) is None
    assert RCLONE.unsupported(client(**settings), HAS)


def test_the_handshake_begins_with_the_first_command_over_tls() -> None:
    refused = f'{NOT_MADE} "ftp.lab.test:2100": x509: certificate signed by unknown authority'
    report = said(f"{BEGUN}2026/11/30 01:20:11 {refused}\n")

    assert (report.step, report.reply_code, report.verified) == ("starttls", 234, None)
    assert report.message == refused
    assert decided(f"{BEGUN}2026/11/30 01:20:11 {refused}\n") == (
        Side.CLIENT,
        Stage.VERIFY,
        Reason.UNKNOWN_ISSUER,
    )


@pytest.mark.parametrize(
    ("words", "reason"),
    [("is after 2026-11-29", Reason.EXPIRED), ("is before 2026-12-01", Reason.NOT_YET_VALID)],
)
def test_one_sentence_is_for_both_ends_of_a_validity(words: str, reason: Reason) -> None:
    sentence = "x509: certificate has expired or is not yet valid: current time 2026-11-30"
    log = f'{BEGUN}2026/11/30 01:20:11 {NOT_MADE} "ftp.lab.test:2100": {sentence} {words}'

    assert decided(log) == (Side.CLIENT, Stage.VERIFY, reason)


def test_what_looks_after_the_connection_hides_no_reply() -> None:
    report = said(
        f"""{LOGGED_IN}\
2026/11/30 01:21:05 DEBUG : FTP Tx: "LIST ."
2026/11/30 01:21:05 DEBUG : FTP Rx: "150 Here comes the directory listing."
2026/11/30 01:21:05 DEBUG : FTP Rx: "522 SSL connection failed: session reuse required"
2026/11/30 01:21:05 DEBUG : FTP Tx: "NOOP"
2026/11/30 01:21:05 DEBUG : FTP Rx: "200 NOOP ok."
2026/11/30 01:21:05 DEBUG : FTP Tx: "QUIT"
2026/11/30 01:21:05 ERROR : Attempt 3/3 failed with 1 errors and: 1 error occurred:
\t* 522 SSL connection failed: session reuse required

2026/11/30 01:21:05 Failed to copyto: 1 error occurred:
\t* 522 SSL connection failed: session reuse required
"""
    )

    assert (report.step, report.reply_code, report.verified) == ("put", 522, True)
    assert report.message == (
        "Failed to copyto: 1 error occurred: * 522 SSL connection failed: session reuse required"
    )
    assert report.error == report.message


@pytest.mark.parametrize(
    ("given_up", "reply", "reason"),
    [
        (
            "update stor: 1 error occurred:\n\t* 426 Failure reading network stream.",
            (426, "Failure reading network stream."),
            Reason.ABORTED,
        ),
        (
            "SetModTime: 550 Not enough privileges.",
            (550, "Not enough privileges."),
            Reason.UPLOAD_DENIED,
        ),
        # no reply is quoted: the last one stays
        (
            "corrupted on transfer: sizes differ 455 vs 450",
            (226, "Directory send OK."),
            Reason.UNKNOWN,
        ),
    ],
)
def test_the_reply_that_it_gives_up_for_is_the_one_that_it_quotes(
    given_up: str, reply: tuple[int, str], reason: Reason
) -> None:
    trace = f"""{LOGGED_IN}\
2026/11/30 01:21:05 DEBUG : FTP Tx: "STOR x.txt"
2026/11/30 01:21:05 DEBUG : FTP Rx: "150 Ok to send data."
2026/11/30 01:21:05 DEBUG : FTP Tx: "LIST ."
2026/11/30 01:21:05 DEBUG : FTP Rx: "226 Directory send OK."
2026/11/30 01:21:05 DEBUG : FTP Tx: "DELE x.txt"
2026/11/30 01:21:05 DEBUG : FTP Rx: "250 Delete operation successful."
2026/11/30 01:21:05 Failed to copyto: {given_up}
"""

    report = said(trace)

    assert (report.step, report.reply_code, report.reply_text) == ("put", *reply)
    assert decided(trace)[1:] == (Stage.TRANSFER, reason)


def test_a_delivery_is_one() -> None:
    report = said(
        f"""{LOGGED_IN}\
2026/11/30 01:19:18 DEBUG : ftp://ftp.lab.test:2100: > dial: conn=*tls.Conn, err=<nil>
2026/11/30 01:19:18 DEBUG : FTP Tx: "STOR x.txt"
2026/11/30 01:19:18 DEBUG : FTP Rx: "226 Transfer complete."
2026/11/30 01:19:18 ERROR : ftp://ftp.lab.test:2100: SetModTime is not supported
2026/11/30 01:19:18 DEBUG : FTP Tx: "QUIT"
""",
        exit_status=0,
    )

    assert not report.failed
    assert (report.step, report.error, report.message) == ("quit", "", "")
    assert report.data_protected


def test_where_it_is_killed_its_last_try_says_why() -> None:
    raw = {
        "argv": list(arguments(client(), TARGET)),
        "exit_status": -9,
        "timed_out": True,
        "stderr": """\
2026/11/30 01:20:19 DEBUG : ftp://ftp.lab.test:2100: > dial: conn=<nil>, err=dial tcp 1.2.3.4: i/o timeout
2026/11/30 01:20:19 DEBUG : pacer: low level retry 2/10 (error dial tcp 1.2.3.4: i/o timeout)
""",
    }

    report = PROGRAMS["rclone"].report(raw)

    assert (report.failed, report.step, report.errno) == (True, "connect", "ETIMEDOUT")
    assert report.error.startswith("the attempt's deadline passed; dial tcp ")


def test_a_result_of_something_else_is_no_report() -> None:
    with pytest.raises(ValueError, match="not one of a command"):
        PROGRAMS["rclone"].report({"failed": True})
