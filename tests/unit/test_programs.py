"""Client programs: settings to requests, results to reports. Pure functions, no process."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from lab.clients import PROGRAMS, Installed, Target
from lab.clients.base import report_from, ssl_version
from lab.clients.curl import arguments
from lab.clients.net_ftp import options
from lab.model import (
    Delivery,
    FtpClientSettings,
    Goal,
    ProtocolRange,
    from_,
    only,
    up_to,
)
from lab.run.containers import agent_files
from lab.settings import parse_client

DELIVERY = Delivery(name="a.txt", size=1024, sha256="00")
TARGET = Target(host="ftp.lab.test", port=2121, user="lab", password="secret", delivery=DELIVERY)
EVERYTHING = {
    "python": "3.9.21",
    "openssl": "OpenSSL 3.5.1 1 Jul 2025",
    "libnet": ["3.11", "3.15"],
    "curl": "curl 7.76.1 (x86_64-redhat-linux-gnu) libcurl/7.76.1 OpenSSL/3.5.1 zlib/1.2.11",
}
ROCKY = Installed(platform="rocky9", stand_in=True, versions=EVERYTHING)


FTP_PROGRAMS = [n for n, p in PROGRAMS.items() if issubclass(p.settings, FtpClientSettings)]
#: Those that deliver a file, unless they are told not to.
DELIVERING = [n for n in FTP_PROGRAMS if PROGRAMS[n].settings_with().goal is Goal.TRANSFER]


def client(program: str = "net-ftp", /, **settings: object) -> Any:
    return PROGRAMS[program].settings_with(**settings)


# -- all programs ----------------------------------------------------------------------------------


def test_a_program_is_known_by_the_name_in_its_settings() -> None:
    assert all(p.settings_with().program == p.name == name for name, p in PROGRAMS.items())


@pytest.mark.parametrize("name", [n for n, p in PROGRAMS.items() if "rocky9" in p.platforms])
def test_default_settings_are_supported_where_everything_is_installed(name: str) -> None:
    assert PROGRAMS[name].unsupported(client(name), ROCKY) is None


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_request_can_be_sent(name: str) -> None:
    request = PROGRAMS[name].request(client(name), TARGET)
    assert json.loads(json.dumps(request)) == request


@pytest.mark.parametrize("name", DELIVERING)
def test_a_request_has_the_payload_only_if_a_file_is_to_be_delivered(name: str) -> None:
    delivering = PROGRAMS[name].request(client(name), TARGET)
    logging_in = PROGRAMS[name].request(client(name, goal=Goal.LOGIN), TARGET)
    assert delivering["payload"] == {"name": "a.txt", "size": 1024}
    assert logging_in["payload"] is None


@pytest.mark.parametrize("name", DELIVERING)
def test_a_transfer_without_a_file_is_an_error_of_the_caller(name: str) -> None:
    without = Target(host="ftp.lab.test", port=21, user="lab", password="secret")
    with pytest.raises(ValueError, match="delivery"):
        PROGRAMS[name].request(client(name), without)


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_agents_files_are_in_the_tree(name: str) -> None:
    assert PROGRAMS[name].agent.argv[1].rpartition("/")[2] in agent_files()


@pytest.mark.parametrize(
    ("program", "settings", "hint"),
    [
        ("ftplib", {"implicit_tls": True}, "implicit"),
        ("ftplib", {"session_cache": "shared"}, "ftplib-reuse"),
        ("ftplib-reuse", {"session_cache": "none"}, "stock ftplib"),
        ("net-ftp", {"libnet": "3.12"}, "it has 3.11, 3.15"),
        ("net-ftp", {"libnet": "3.11", "session_cache": "none"}, "cache of its own"),
        ("curl", {"goal": Goal.HANDSHAKE}, "handshake"),
        ("curl", {"session_cache": "shared"}, "session"),
        ("curl", {"protocols": only("SSLv3")}, "SSLv3"),
    ],
)
def test_what_a_program_cannot_express_has_a_cause(
    program: str, settings: dict[str, object], hint: str
) -> None:
    cause = PROGRAMS[program].unsupported(client(program, **settings), ROCKY)
    assert cause is not None
    assert hint in cause


def refused() -> list[tuple[str, str, str]]:
    """Every program with what it cannot be told: the words, and the settings that ask for it."""
    return [
        (name, words, asked)
        for name, program in PROGRAMS.items()
        for words, each in program.told["cannot"].items()
        for asked in each
    ]


@pytest.mark.parametrize(("name", "words", "asked"), refused())
def test_what_the_tables_refuse_are_settings_that_there_are(
    name: str, words: str, asked: str
) -> None:
    settings = PROGRAMS[name].settings_with()
    fields = {field.name for field in dataclasses.fields(settings)}
    told = [word.partition("=") for word in asked.split() if "!=" not in word]

    assert all(
        hasattr(settings, word.partition("=")[0].removesuffix("!")) for word in asked.split()
    )
    # each value is one that the command line takes, and an attribute that is no field says yes or no
    written = [f"{field}={value}" for field, equals, value in told if equals and field in fields]
    written = [word for word in written if not word.startswith("program=")]
    parse_client(f"{name}@{settings.platform}", written)
    assert all(value in ("yes", "no") for field, equals, value in told if field not in fields)
    assert words == words.strip()


def test_the_centos7_stand_in_has_no_honest_curl() -> None:
    stand_in = Installed(platform="centos7", stand_in=True, versions=EVERYTHING)
    real = Installed(platform="centos7", stand_in=False, versions=EVERYTHING)
    settings = client("curl", platform="centos7")
    assert PROGRAMS["curl"].unsupported(settings, stand_in) == (
        "the stand-in image has no NSS curl"
    )
    assert PROGRAMS["curl"].unsupported(settings, real) is None


def test_an_image_without_curl_says_so() -> None:
    bare = Installed(platform="rocky9", stand_in=True, versions={"curl": None})
    assert PROGRAMS["curl"].unsupported(client("curl"), bare) == "the image has no curl"


# -- reports ---------------------------------------------------------------------------------------


def test_a_report_keeps_what_the_agent_saw() -> None:
    report = report_from(
        {
            "failed": True,
            "step": "starttls",
            "error": "certificate verify failed",
            "message": "FTP failed to start tls: Proceed with negotiation.",
            "reply_code": 234,
            "reply_text": "Proceed with negotiation.",
            "verify_code": 18,
            "library": "OpenSSL 3.5.1 1 Jul 2025",
            "warnings": ["one"],
            "elapsed_ms": 12.5,
        }
    )
    assert (report.failed, report.step, report.verify_code) == (True, "starttls", 18)
    assert report.reply_code == 234
    assert report.warnings == ("one",)
    assert report.elapsed_ms == 12.5
    assert report.timed_out is False
    assert report.verified is None


def test_an_attempt_that_the_deadline_ended_says_at_which_step() -> None:
    report = report_from({"failed": True, "timed_out": True, "step": "put", "elapsed_ms": 1000})
    assert report.timed_out is True
    assert "put" in report.error


def test_a_result_of_something_else_is_no_report() -> None:
    with pytest.raises(ValueError, match="not a report"):
        report_from({"pid": 7})
    with pytest.raises(ValueError, match="not one of a command"):
        PROGRAMS["curl"].report({"failed": False, "step": "quit"})


# -- net-ftp ---------------------------------------------------------------------------------------


def test_a_libnet_that_the_image_was_made_without_has_the_reason_of_that() -> None:
    # given an image that was made when Debian 11 had left the mirror
    versions = {"libnet": ["3.15"], "libnet absent": {"3.11": "Debian 11 is gone"}}
    installed = Installed(platform="rocky9", stand_in=True, versions=versions)

    # when the one that is missing is asked for, one that nobody knows, and the one that is there
    causes = [
        PROGRAMS["net-ftp"].unsupported(client(libnet=version), installed)
        for version in ("3.11", "3.12", "3.15")
    ]

    # then only the first has a reason
    assert causes == [
        "the image has no libnet 3.11 (it has 3.15): Debian 11 is gone",
        "the image has no libnet 3.12 (it has 3.15)",
        None,
    ]


@pytest.mark.parametrize(
    ("libnet", "cache"), [("3.11", "default"), ("3.11", "shared"), ("3.15", "none")]
)
def test_every_cache_goes_with_every_libnet_but_none_with_one_that_has_its_own(
    libnet: str, cache: str
) -> None:
    settings = client(libnet=libnet, session_cache=cache)
    assert PROGRAMS["net-ftp"].unsupported(settings, ROCKY) is None


def test_net_ftp_gets_no_option_that_the_settings_do_not_set() -> None:
    assert options(client(), TARGET) == {"Port": 2121, "Timeout": 10.0, "Passive": 1}


@pytest.mark.parametrize(
    ("settings", "option"),
    [
        ({"verify": False}, ("SSL_verify_mode", 0)),
        ({"verify_name": "other.lab.test"}, ("SSL_verifycn_name", "other.lab.test")),
        ({"sni": ""}, ("SSL_hostname", "")),
        ({"sni": "other.lab.test"}, ("SSL_hostname", "other.lab.test")),
        ({"ciphers": "AES128"}, ("SSL_cipher_list", "AES128")),
        ({"protocols": only("TLSv1.2")}, ("SSL_version", "TLSv1_2")),
        ({"session_cache": "none"}, ("SSL_session_cache_size", 0)),
        ({"implicit_tls": True}, ("SSL", 1)),
    ],
)
def test_each_setting_of_net_ftp_is_one_option(
    settings: dict[str, object], option: tuple[str, object]
) -> None:
    default = options(client(), TARGET)
    assert options(client(**settings), TARGET) == {**default, option[0]: option[1]}


def test_active_mode_is_said_and_not_left_to_the_distribution() -> None:
    assert options(client(mode="active"), TARGET)["Passive"] == 0


def test_paths_of_the_target_become_options() -> None:
    target = Target(
        host="h",
        port=21,
        user="u",
        password="p",
        ca_file="/ca.pem",
        fingerprint="ab12",
        certificate="/c.pem",
        key="/k.pem",
    )
    given = options(client(goal=Goal.LOGIN), target)
    assert given["SSL_ca_file"] == "/ca.pem"
    assert given["SSL_fingerprint"] == "sha256$ab12"
    assert (given["SSL_cert_file"], given["SSL_key_file"]) == ("/c.pem", "/k.pem")


@pytest.mark.parametrize(
    ("protocols", "spelt"),
    [
        (only("TLSv1.2"), "TLSv1_2"),
        (only("SSLv3"), "SSLv3"),
        (up_to("TLSv1.2"), "SSLv23:!SSLv2:!SSLv3:!TLSv1_3"),
        (up_to("TLSv1.1"), "SSLv23:!SSLv2:!SSLv3:!TLSv1_2:!TLSv1_3"),
        (from_("TLSv1.2"), "SSLv23:!SSLv2:!SSLv3:!TLSv1:!TLSv1_1"),
        (ProtocolRange("SSLv3", "TLSv1"), "SSLv23:!SSLv2:!TLSv1_1:!TLSv1_2:!TLSv1_3"),
        (ProtocolRange("TLSv1", "TLSv1.2"), "SSLv23:!SSLv2:!SSLv3:!TLSv1_3"),
    ],
)
def test_a_protocol_range_is_spelt_as_io_socket_ssl_reads_it(
    protocols: ProtocolRange, spelt: str
) -> None:
    assert ssl_version(protocols) == spelt


def test_implicit_tls_needs_no_starttls() -> None:
    request = PROGRAMS["net-ftp"].request(client(implicit_tls=True), TARGET)
    assert request["starttls"] is False
    assert PROGRAMS["net-ftp"].request(client(), TARGET)["starttls"] is True
    assert PROGRAMS["net-ftp"].request(client(tls=False), TARGET)["starttls"] is False


# -- ftplib ----------------------------------------------------------------------------------------


def test_the_two_ftplibs_differ_in_one_thing() -> None:
    stock = PROGRAMS["ftplib"].request(client("ftplib"), TARGET)
    corrected = PROGRAMS["ftplib-reuse"].request(client("ftplib-reuse"), TARGET)
    assert {name for name in stock if stock[name] != corrected[name]} == {"reuse"}


def test_a_data_channel_in_clear_text_is_asked_for_in_each_programs_way() -> None:
    told = {name: client(name, protect_data=False) for name in ("net-ftp", "ftplib", "curl")}
    made = {name: PROGRAMS[name].request(one, TARGET) for name, one in told.items()}
    assert (made["net-ftp"]["prot"], made["ftplib"]["protect_data"]) == ("C", False)
    assert "--ftp-ssl-control" in made["curl"]["argv"]
    assert "--ssl-reqd" not in made["curl"]["argv"]
    assert PROGRAMS["net-ftp"].request(client(), TARGET)["prot"] is None


def test_an_open_end_of_a_range_is_not_set() -> None:
    request = PROGRAMS["ftplib"].request(client("ftplib", protocols=up_to("TLSv1.2")), TARGET)
    assert (request["minimum"], request["maximum"]) == (None, "TLSv1.2")


# -- curl ------------------------------------------------------------------------------------------


def test_curl_uploads_as_people_type_it() -> None:
    argv = arguments(client("curl"), TARGET)
    assert argv[0] == "curl"
    assert "--ssl-reqd" in argv
    assert argv[argv.index("--upload-file") + 1] == "{payload}"
    assert argv[-1] == "ftp://ftp.lab.test:2121/a.txt"
    assert not {"--insecure", "--cacert", "--ciphers", "--tls-max", "--ftp-port"} & set(argv)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"verify": False}, ["--insecure"]),
        ({"ciphers": "AES128"}, ["--ciphers", "AES128"]),
        ({"protocols": only("TLSv1.2")}, ["--tlsv1.2", "--tls-max", "1.2"]),
        ({"protocols": up_to("TLSv1")}, ["--tls-max", "1.0"]),
        ({"session_cache": "none"}, ["--no-sessionid"]),
        ({"mode": "active"}, ["--ftp-port", "-"]),
    ],
)
def test_each_setting_of_curl_adds_its_words(settings: dict[str, object], words: list[str]) -> None:
    default = arguments(client("curl"), TARGET)
    argv = arguments(client("curl", **settings), TARGET)
    at = argv.index(words[0])
    assert list(argv[at : at + len(words)]) == words
    assert [word for word in argv if word not in words] == [
        word for word in default if word not in words
    ]


def test_curl_speaks_tls_from_the_first_byte_or_never_when_told_so() -> None:
    implicit = arguments(client("curl", implicit_tls=True), TARGET)
    assert implicit[-1].startswith("ftps://")
    assert "--ssl-reqd" not in implicit
    assert "--ssl-reqd" not in arguments(client("curl", tls=False), TARGET)


def test_curl_logs_in_without_a_transfer() -> None:
    argv = arguments(client("curl", goal=Goal.LOGIN), TARGET)
    assert argv[-2:] == ("--head", "ftp://ftp.lab.test:2121/")


# What curl 7.88.1 on OpenSSL 3.5.1 wrote, shortened to the lines that matter.
_HANDSHAKE = """\
< 220 (vsFTPd 3.0.5)
> AUTH SSL
< 234 Proceed with negotiation.
* TLSv1.3 (OUT), TLS handshake, Client hello (1):
* TLSv1.3 (IN), TLS handshake, Certificate (11):
* TLSv1.3 (IN), TLS handshake, Finished (20):
* SSL connection using TLSv1.3 / TLS_AES_256_GCM_SHA384
*  SSL certificate verify ok.
> USER lab
< 331 Please specify the password.
> PASS secret
< 230 Login successful.
> PBSZ 0
< 200 PBSZ set to 0.
> PROT P
< 200 PROT now Private.
> EPSV
< 229 Entering Extended Passive Mode (|||30027|)
> STOR a.txt
"""
_RESUMED = """\
* SSL re-using session ID
* TLSv1.3 (OUT), TLS handshake, Client hello (1):
* TLSv1.3 (IN), TLS handshake, Finished (20):
* SSL connection using TLSv1.3 / TLS_AES_256_GCM_SHA384
*  SSL certificate verify ok.
< 150 Ok to send data.
* TLSv1.3 (OUT), TLS alert, close notify (256):
< 226 Transfer complete.
"""
_NOT_RESUMED = """\
* TLSv1.3 (OUT), TLS handshake, Client hello (1):
* TLSv1.3 (IN), TLS handshake, Certificate (11):
* SSL connection using TLSv1.3 / TLS_AES_256_GCM_SHA384
*  SSL certificate verify ok.
< 150 Ok to send data.
< 522 SSL connection failed: session reuse required
* server did not report OK, got 522
curl: (18) server did not report OK, got 522
"""
_SELF_SIGNED = """\
< 220 (vsFTPd 3.0.5)
> AUTH SSL
< 234 Proceed with negotiation.
* TLSv1.3 (IN), TLS handshake, Certificate (11):
* TLSv1.3 (OUT), TLS alert, unknown CA (560):
* SSL certificate problem: self-signed certificate
curl: (60) SSL certificate problem: self-signed certificate
More details here: https://curl.se/docs/sslcerts.html
"""
_CLEAR_DATA = """\
< 150 Ok to send data.
* Connection accepted from server
* TLSv1.2 (OUT), TLS alert, protocol version (582):
* OpenSSL SSL_read: OpenSSL/3.5.1: error:0A00010B:SSL routines::wrong version number, errno 0
curl: (56) sa_addr inet_ntop() failed with errno 97: Address family not supported by protocol
"""


def said(stderr: str, exit_status: int = 0, stdout: str = "", **more: object) -> dict[str, object]:
    return {
        "argv": ["curl"],
        "version": EVERYTHING["curl"],
        "stderr": stderr,
        "stdout": stdout,
        "exit_status": exit_status,
        "elapsed_ms": 20.0,
        **more,
    }


def test_curls_trace_of_a_delivery_is_read() -> None:
    report = PROGRAMS["curl"].report(said(_HANDSHAKE + _RESUMED))
    assert (report.failed, report.step, report.error, report.message) == (False, "quit", "", "")
    assert (report.protocol, report.cipher) == ("TLSv1.3", "TLS_AES_256_GCM_SHA384")
    assert (report.verified, report.data_protected, report.session_reused) == (True, True, True)
    assert (report.reply_code, report.reply_text) == (226, "Transfer complete.")
    assert report.library == "OpenSSL/3.5.1"


def test_curls_trace_of_a_full_handshake_on_the_data_connection_is_read() -> None:
    report = PROGRAMS["curl"].report(said(_HANDSHAKE + _NOT_RESUMED, exit_status=18))
    assert (report.failed, report.step, report.exit_status) == (True, "put", 18)
    assert report.reply_code == 522
    assert (report.data_protected, report.session_reused) == (True, False)
    assert report.message == "curl: (18) server did not report OK, got 522"


def test_curls_verification_failure_has_its_number() -> None:
    stdout = "\nssl_verify_result=18\n"
    report = PROGRAMS["curl"].report(said(_SELF_SIGNED, exit_status=60, stdout=stdout))
    assert (report.failed, report.step, report.verify_code) == (True, "starttls", 18)
    assert report.error == (
        "(60) SSL certificate problem: self-signed certificate;"
        " TLSv1.3 (OUT), TLS alert, unknown CA (560)"
    )
    assert report.verified is None


def test_a_number_that_curl_has_not_got_is_not_reported() -> None:
    # 1 is what curl writes where OpenSSL was not asked, as for a wrong host name.
    assert (
        PROGRAMS["curl"]
        .report(said("", exit_status=60, stdout="ssl_verify_result=1\n"))
        .verify_code
        is None
    )
    assert (
        PROGRAMS["curl"]
        .report(said("", exit_status=35, stdout="ssl_verify_result=18\n"))
        .verify_code
        is None
    )


def test_a_data_connection_in_clear_text_is_seen_in_curls_trace() -> None:
    report = PROGRAMS["curl"].report(said(_HANDSHAKE + _CLEAR_DATA, exit_status=56))
    assert (report.step, report.data_protected, report.session_reused) == ("put", False, None)
    assert "wrong version number" in report.error


def test_an_implicit_servers_handshake_is_seen_before_curl_calls_itself_connected() -> None:
    # given what curl writes since 8.13, where the handshake is a part of connecting
    words = "curl: (35) TLS connect error: error:0A00010B:SSL routines::wrong version number\n"
    trace = "*   Trying 172.18.0.2:990...\n* TLSv1.3 (OUT), TLS handshake, Client hello (1):\n"
    report = PROGRAMS["curl"].report(said(trace + words, exit_status=35))

    assert (report.failed, report.step) == (True, "starttls")


def test_a_refused_connection_has_its_symbol() -> None:
    stderr = (
        "* connect to 172.18.0.2 port 2999 failed: Connection refused\n"
        "curl: (7) Failed to connect to ftp.lab.test port 2999 after 1 ms:"
        " Couldn't connect to server\n"
    )
    report = PROGRAMS["curl"].report(said(stderr, exit_status=7))
    assert (report.step, report.errno, report.exit_status) == ("connect", "ECONNREFUSED", 7)


def test_a_command_that_the_deadline_ended_is_a_failure() -> None:
    report = PROGRAMS["curl"].report(
        said("< 220 (vsFTPd 3.0.5)\n> AUTH SSL\n", exit_status=-9, timed_out=True)
    )
    assert (report.failed, report.timed_out, report.step) == (True, True, "starttls")
    assert "deadline" in report.error
