"""PHP, Ruby and Node: their adapters, and what is taken from a server's log where a library tells little."""

from __future__ import annotations

from typing import Any

import pytest

from lab.clients import PROGRAMS, Installed, Target
from lab.dialects import server_dialect
from lab.dialects.telling import with_what_the_server_says
from lab.model import ClientReport, Delivery, Goal, only, up_to

TARGET = Target(
    host="ftp.lab.test",
    port=2100,
    user="lab",
    password="secret",
    delivery=Delivery(name="x.txt", size=10, sha256="0" * 64),
    ca_file="/opt/lab/certificates/anchors/private-ca.pem",
)
VERSIONS = {"ftp": "0.3.10", "net-ftp": "0.3.4", "basic-ftp": "6.2.6", "node": "20.19.2"}
DEBIAN = Installed(platform="debian13", stand_in=False, versions=VERSIONS)
ALL = ("php-ftp", "ruby-net-ftp", "basic-ftp", "npm-ftp", "node-https")


def client(program: str, /, **settings: Any) -> Any:
    return PROGRAMS[program].settings_with(**settings)


@pytest.mark.parametrize("program", ALL)
def test_every_program_can_be_tried_as_it_is_shipped(program: str) -> None:
    assert PROGRAMS[program].unsupported(client(program), DEBIAN) is None


@pytest.mark.parametrize("program", ALL)
def test_an_image_without_the_program_says_so(program: str) -> None:
    bare = Installed(platform="debian13", stand_in=False)
    assert "the image has no" in (PROGRAMS[program].unsupported(client(program), bare) or "")


@pytest.mark.parametrize(
    ("program", "settings", "hint"),
    [
        ("php-ftp", {"goal": Goal.HANDSHAKE}, "part of ftp_login"),
        ("php-ftp", {"implicit_tls": True}, "no implicit TLS"),
        ("php-ftp", {"verify": True}, "check of a certificate"),
        ("php-ftp", {"trust": "private-ca"}, "trust anchors"),
        ("php-ftp", {"ciphers": "AES128-SHA"}, "cipher list"),
        ("php-ftp", {"protocols": up_to("TLSv1.2")}, "protocol versions"),
        ("php-ftp", {"client_certificate": "client"}, "client certificate"),
        ("php-ftp", {"session_cache": "none"}, "no option"),
        ("php-ftp", {"protect_data": False}, "no option"),
        ("ruby-net-ftp", {"session_cache": "none"}, "no option"),
        ("ruby-net-ftp", {"implicit_tls": True, "tls": False}, "not a connection"),
        ("basic-ftp", {"goal": Goal.HANDSHAKE}, "always logs in"),
        ("basic-ftp", {"mode": "active"}, "no active mode"),
        ("basic-ftp", {"protect_data": False}, "no option"),
        ("basic-ftp", {"protocols": only("SSLv3")}, "no SSLv3"),
        ("npm-ftp", {"session_cache": "shared"}, "no option"),
        ("npm-ftp", {"mode": "active"}, "no active mode"),
        ("node-https", {"goal": Goal.HANDSHAKE}, "always asks"),
        ("node-https", {"last_error": True}, "last one"),
        ("node-https", {"protocols": only("SSLv3")}, "no SSLv3"),
    ],
)
def test_what_a_program_cannot_express_has_a_cause(
    program: str, settings: dict[str, Any], hint: str
) -> None:
    cause = PROGRAMS[program].unsupported(client(program, **settings), DEBIAN)

    assert cause is not None
    assert hint in cause


@pytest.mark.parametrize(
    ("program", "settings", "secure"),
    [
        ("basic-ftp", {}, True),
        ("basic-ftp", {"implicit_tls": True}, "implicit"),
        ("basic-ftp", {"tls": False}, False),
        ("npm-ftp", {}, True),
        ("npm-ftp", {"protect_data": False}, "control"),
        ("npm-ftp", {"implicit_tls": True}, "implicit"),
        ("npm-ftp", {"tls": False}, False),
    ],
)
def test_the_option_secure_is_written_as_the_package_has_it(
    program: str, settings: dict[str, Any], secure: object
) -> None:
    asked = PROGRAMS[program].request(client(program, **settings), TARGET)

    assert asked["secure"] == secure


def test_ruby_is_told_what_the_settings_say() -> None:
    settings = {"mode": "active", "verify": False, "protocols": up_to("TLSv1.2")}
    asked = PROGRAMS["ruby-net-ftp"].request(client("ruby-net-ftp", **settings), TARGET)

    assert (asked["passive"], asked["verify"], asked["maximum"]) == (False, False, "TLSv1.2")
    assert asked["ca_file"] == TARGET.ca_file
    assert asked["payload"] == {"name": "x.txt", "size": 10}


def test_a_client_of_node_sends_the_name_that_it_is_told_and_checks_another() -> None:
    settings = {"sni": "", "verify_name": "other.lab.test"}
    asked = PROGRAMS["node-https"].request(client("node-https", **settings), TARGET)

    assert (asked["server_name"], asked["verify_name"]) == ("", "other.lab.test")


# -- what the server's log says ----------------------------------------------------------------------

_PID = "Mon Nov 30 01:33:40 2026 [pid 43] "
_IN = f'{_PID}FTP command: Client "172.30.3.9", '
_OUT = f'{_PID}FTP response: Client "172.30.3.9", '
_TLS = f'{_PID}DEBUG: Client "172.30.3.9", "SSL version: '
GREETED = f'{_OUT}"220 (vsFTPd 3.0.5)"'
SECURED = f'{GREETED}\n{_IN}"AUTH TLS"\n{_OUT}"234 Proceed with negotiation."'
CONTROL = f'{SECURED}\n{_TLS}TLSv1.3, SSL cipher: TLS_AES_256_GCM_SHA384, not reused, no cert"'
DATA = f'{_TLS}TLSv1.3, SSL cipher: TLS_AES_256_GCM_SHA384, reused, no cert"'
STORED = f'{_IN}"STOR x.txt"\n{_OUT}"150 Ok to send data."'
LEFT = f'{_IN}"QUIT"\n{_OUT}"221 Goodbye."'


def told(log: str, *, failed: bool, step: str = "login", software: str = "vsftpd") -> ClientReport:
    report = ClientReport(failed=failed, step=step, verified=False)
    return with_what_the_server_says(report, server_dialect(software), log)


def test_a_completed_attempt_has_the_handshakes_of_both_channels() -> None:
    report = told(f"{CONTROL}\n{STORED}\n{DATA}\n{LEFT}", failed=False, step="quit")

    assert (report.protocol, report.cipher) == ("TLSv1.3", "TLS_AES_256_GCM_SHA384")
    assert (report.data_protected, report.session_reused) == (True, True)
    assert (report.step, report.reply_code, report.reply_text) == ("quit", 221, "Goodbye.")


def test_a_file_that_goes_without_a_second_handshake_goes_in_clear_text() -> None:
    report = told(f"{CONTROL}\n{STORED}\n{LEFT}", failed=False, step="quit")

    assert (report.data_protected, report.session_reused) == (False, None)


@pytest.mark.parametrize(
    ("log", "step", "reply"),
    [
        (GREETED, "greeting", 220),
        (f'{GREETED}\n{_IN}"AUTH TLS"\n{_OUT}"530 Please login."\n{LEFT}', "starttls", 530),
        (SECURED, "starttls", 234),
        # a ClientHello that was read as a command: its answer is none that the client asked for
        (f'{SECURED}\n{_IN}"\x16\x03\x01 x"\n{_OUT}"502 Not allowed."', "starttls", 234),
        (f'{SECURED}\n{_OUT}"502 Not allowed."', "starttls", 234),
        (f'{CONTROL}\n{_IN}"PROT P"\n{_OUT}"536 No."\n{LEFT}', "protect", 536),
        (f'{CONTROL}\n{_IN}"PASS <password>"\n{_OUT}"530 Login incorrect."\n{LEFT}', "login", 530),
        (f'{CONTROL}\n{_IN}"PASV"\n{_OUT}"425 No."\n{LEFT}', "put", 425),
    ],
)
def test_a_refusal_is_where_the_last_command_before_the_goodbye_was(
    log: str, step: str, reply: int
) -> None:
    report = told(log, failed=True)

    assert (report.step, report.reply_code) == (step, reply)


def test_the_version_of_an_old_suite_is_not_taken_for_that_of_the_connection() -> None:
    log = f'{SECURED}\n{_TLS}SSLv3, SSL cipher: AES128-SHA, not reused, no cert"'

    assert (told(log, failed=False).protocol, told(log, failed=False).cipher) == (
        None,
        "AES128-SHA",
    )


def test_a_log_without_ftp_leaves_the_report_as_it_is() -> None:
    assert told("", failed=True, step="connect") == ClientReport(
        failed=True, step="connect", verified=False
    )


def test_what_the_program_says_itself_stands() -> None:
    report = ClientReport(failed=True, step="put", protocol="TLSv1.2", reply_code=426)
    filled = with_what_the_server_says(report, server_dialect("vsftpd"), f"{CONTROL}\n{STORED}")

    assert (filled.protocol, filled.reply_code) == ("TLSv1.2", 426)


def test_pyftpdlib_says_what_was_negotiated_and_not_whether_it_was_resumed() -> None:
    log = "\n".join(
        f"[D 2026-11-30 01:33:40] 172.30.3.9:1-[lab] TLS on the {channel} channel: TLSv1.3, TLS_X"
        for channel in ("control", "data")
    )
    report = told(log, failed=False, software="pyftpdlib")

    assert (report.protocol, report.cipher) == ("TLSv1.3", "TLS_X")
    assert (report.data_protected, report.session_reused) == (True, None)
