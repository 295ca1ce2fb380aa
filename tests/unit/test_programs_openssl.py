"""``openssl s_client``: settings to its options, what it prints to a report, and its agent."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lab.clients import PROGRAMS, Installed, Target
from lab.clients.openssl import QUIT, Openssl, arguments
from lab.dialects import client_dialect
from lab.model import (
    Attempt,
    ClientReport,
    ClientSettings,
    Goal,
    ProtocolRange,
    Reason,
    from_,
    only,
    up_to,
)
from lab.servers.origin import Origin
from lab.settings import SettingsError, parse_client, spell_arguments
from tests.agent_process import AgentProcess

TARGET = Target(host="origin.lab.test", port=2100, user="lab", password="secret")
VERSION = "OpenSSL 3.0.20 7 Apr 2026 (Library: OpenSSL 3.5.1 1 Jul 2025)"
ROCKY = Installed(platform="rocky9", stand_in=True, versions={"openssl": VERSION})
OPENSSL = PROGRAMS["openssl"]
CONNECT = ("openssl", "s_client", "-connect", "origin.lab.test:2100")


def client(**settings: Any) -> Any:
    return Openssl(**settings)


# -- the command line ------------------------------------------------------------------------------


def test_the_pages_command_is_the_one_that_minds_no_certificate() -> None:
    request = OPENSSL.request(
        client(verify=False, goal=Goal.HANDSHAKE, protocols=only("TLSv1.2")), TARGET
    )

    assert request["argv"] == [*CONNECT, "-tls1_2"]
    assert request["input"] == "Q\n"
    assert json.loads(json.dumps(request)) == request


def test_to_verify_is_chain_and_name_as_for_every_program() -> None:
    assert arguments(client(), TARGET) == (
        *CONNECT,
        *("-verify_return_error", "-verify_hostname", "origin.lab.test"),
    )


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, ()),
        ({"sni": "other.lab.test"}, ("-servername", "other.lab.test")),
        ({"sni": ""}, ("-noservername",)),
        ({"sni": "", "platform": "centos7"}, ()),
        ({"ciphers": "RC4-SHA"}, ("-cipher", "RC4-SHA")),
        ({"protocols": only("SSLv3")}, ("-ssl3",)),
        ({"protocols": only("TLSv1")}, ("-tls1",)),
        ({"protocols": only("TLSv1.3")}, ("-tls1_3",)),
        ({"protocols": up_to("TLSv1.2")}, ("-max_protocol", "TLSv1.2")),
        ({"protocols": from_("TLSv1.2")}, ("-min_protocol", "TLSv1.2")),
        (
            {"protocols": ProtocolRange("TLSv1", "TLSv1.1")},
            ("-min_protocol", "TLSv1", "-max_protocol", "TLSv1.1"),
        ),
        # 1.0.2 has options against versions, and no TLS 1.3 to be against.
        (
            {"protocols": ProtocolRange("TLSv1", "TLSv1.1"), "platform": "centos7"},
            ("-no_ssl3", "-no_tls1_2"),
        ),
        ({"protocols": up_to("TLSv1.2"), "platform": "centos7"}, ()),
        ({"verify_name": "other.lab.test"}, ("-verify_hostname", "other.lab.test")),
        ({"options": ("-tls1_0",)}, ("-tls1_0",)),
    ],
)
def test_each_setting_adds_its_words_and_no_other(
    settings: dict[str, object], words: tuple[str, ...]
) -> None:
    assert arguments(client(verify=False, **settings), TARGET) == (*CONNECT, *words)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"verify_name": "other.lab.test"}, ("-verify_hostname", "other.lab.test")),
        ({"verify_name": "192.0.2.1"}, ("-verify_ip", "192.0.2.1")),
        ({"verify_name": ""}, ()),
    ],
)
def test_the_name_that_counts_can_be_another_an_address_or_none(
    settings: dict[str, object], words: tuple[str, ...]
) -> None:
    assert arguments(client(**settings), TARGET) == (*CONNECT, "-verify_return_error", *words)


def test_an_address_as_the_host_is_verified_as_one() -> None:
    target = Target(host="192.0.2.7", port=443, user="lab", password="secret")

    assert arguments(client(), target)[-2:] == ("-verify_ip", "192.0.2.7")


def test_paths_of_the_target_become_options() -> None:
    target = Target(
        host="origin.lab.test",
        port=443,
        user="lab",
        password="secret",
        ca_file="/ca.pem",
        certificate="/own.pem",
        key="/own.key",
    )

    argv = arguments(client(verify=False), target)

    assert argv[4:] == (
        *("-CAfile", "/ca.pem"),
        *("-cert", "/own.pem", "-cert_chain", "/own.pem", "-key", "/own.key"),
    )


def test_a_response_is_asked_for_as_somebody_would_type_it() -> None:
    request = OPENSSL.request(client(sni="www.lab.test", timeout_s=2.5), TARGET)

    assert request["input"].startswith("GET / HTTP/1.1\r\nHost: www.lab.test\r\n")
    assert request["input"].endswith("\r\n\r\n")
    assert request["limit_s"] == 2.5


@pytest.mark.parametrize(
    ("settings", "hint"), [({"tls": False}, "TLS"), ({"last_error": True}, "verify=no")]
)
def test_what_s_client_has_no_option_for_has_a_cause(
    settings: dict[str, object], hint: str
) -> None:
    cause = OPENSSL.unsupported(client(**settings), ROCKY)

    assert cause is not None
    assert hint in cause


def test_the_last_error_is_what_it_reports_when_it_minds_none() -> None:
    assert OPENSSL.unsupported(client(last_error=True, verify=False), ROCKY) is None


def test_the_centos7_stand_in_has_no_command_of_its_own() -> None:
    nothing = {"openssl": None}
    stand_in = Installed(platform="centos7", stand_in=True, versions=nothing)
    bare = Installed(platform="centos7", stand_in=False, versions=nothing)
    real = Installed(
        platform="centos7", stand_in=False, versions={"openssl": "OpenSSL 1.0.2k-fips  26 Jan 2017"}
    )
    settings = client(platform="centos7")

    assert OPENSSL.unsupported(settings, stand_in) == (
        "the stand-in image has no OpenSSL 1.0.2 command line"
    )
    assert OPENSSL.unsupported(settings, bare) == "the image has no openssl command"
    assert OPENSSL.unsupported(settings, real) is None


def test_options_are_written_and_read_back_and_are_for_command_lines_alone() -> None:
    settings = parse_client("openssl@rocky9", ["options=-nameopt", "options=oneline"])
    attempt = Attempt(Origin(), settings)

    assert isinstance(settings, Openssl)
    assert settings.options == ("-nameopt", "oneline")
    words = spell_arguments(attempt)
    assert [w for w in words if w.startswith("options=")] == ["options=-nameopt", "options=oneline"]
    with pytest.raises(SettingsError, match="net-ftp has no setting 'options'"):
        parse_client("net-ftp@rocky9", ["options=-v"])


# -- what it prints --------------------------------------------------------------------------------

_HEAD = """\
CONNECTED(00000003)
---
Certificate chain
 0 s:CN = origin.lab.test
   i:CN = Lab CA
---
Server certificate
-----BEGIN CERTIFICATE-----
MIID
-----END CERTIFICATE-----
subject=CN = origin.lab.test
issuer=CN = Lab CA
---
No client certificate CA names sent
"""
# 3.0.20 on the library 3.5.1, recorded.
TLS13_3_0 = f"""\
{_HEAD}Peer signing digest: SHA256
Peer signature type: RSA-PSS
Server Temp Key: X25519, 253 bits
---
SSL handshake has read 1365 bytes and written 385 bytes
Verification error: self-signed certificate
---
New, TLSv1.3, Cipher is TLS_AES_256_GCM_SHA384
Server public key is 2048 bit
Secure Renegotiation IS NOT supported
Compression: NONE
Expansion: NONE
No ALPN negotiated
Early data was not sent
Verify return code: 18 (self-signed certificate)
---
"""
TLS12_3_0 = f"""\
{_HEAD}SSL handshake has read 1147 bytes and written 351 bytes
Verification: OK
---
New, SSLv3, Cipher is AES128-SHA
Server public key is 2048 bit
Secure Renegotiation IS supported
Compression: NONE
Expansion: NONE
No ALPN negotiated
SSL-Session:
    Protocol  : TLSv1.2
    Cipher    : AES128-SHA
    Session-ID: BED1
    Start Time: 1795297981
    Timeout   : 7200 (sec)
    Verify return code: 0 (ok)
    Extended master secret: yes
---
"""
# 3.5.7, recorded.
TLS13_3_5 = f"""\
{_HEAD}Peer signature type: rsa_pss_rsae_sha256
Negotiated TLS1.3 group: X25519MLKEM768
---
SSL handshake has read 2431 bytes and written 1613 bytes
Verification error: self-signed certificate
---
New, TLSv1.3, Cipher is TLS_AES_256_GCM_SHA384
Protocol: TLSv1.3
Server public key is 2048 bit
This TLS version forbids renegotiation.
Compression: NONE
Verify return code: 18 (self-signed certificate)
---
---
Post-Handshake New Session Ticket arrived:
SSL-Session:
    Protocol  : TLSv1.3
    Cipher    : TLS_AES_256_GCM_SHA384
    Verify return code: 18 (self-signed certificate)
---
read R BLOCK
"""
TLS12_3_5 = TLS12_3_0.replace("AES128-SHA\nServer", "AES128-SHA\nProtocol: TLSv1.2\nServer")
# 1.1.1: apps/s_client.c, print_stuff(); outputs of 1.1.1 in public files.
TLS12_1_1_1 = TLS12_3_0.replace("Verification: OK", "Verification error: self signed certificate")
TLS12_1_1_1 = TLS12_1_1_1.replace("0 (ok)", "18 (self signed certificate)")
# 1.0.2: the same function, and an output in a public file; there is no line "Verification".
TLS12_1_0_2 = """\
CONNECTED(00000003)
---
Certificate chain
 0 s:/CN=origin.lab.test
   i:/CN=Lab CA
---
Server certificate
-----BEGIN CERTIFICATE-----
MIID
-----END CERTIFICATE-----
subject=/CN=origin.lab.test
issuer=/CN=Lab CA
---
No client certificate CA names sent
Peer signing digest: SHA512
Server Temp Key: ECDH, P-256, 256 bits
---
SSL handshake has read 2198 bytes and written 415 bytes
---
New, TLSv1/SSLv3, Cipher is ECDHE-RSA-AES256-GCM-SHA384
Server public key is 2048 bit
Secure Renegotiation IS supported
Compression: NONE
Expansion: NONE
No ALPN negotiated
SSL-Session:
    Protocol  : TLSv1.2
    Cipher    : ECDHE-RSA-AES256-GCM-SHA384
    Session-ID: 2D55
    Session-ID-ctx:
    Master-Key: AB74
    Key-Arg   : None
    Krb5 Principal: None
    PSK identity: None
    Start Time: 1569563465
    Timeout   : 300 (sec)
    Verify return code: 21 (unable to verify the first certificate)
---
"""
RESPONSE = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{}closed\n"
NO_HANDSHAKE = """\
CONNECTED(00000003)
---
no peer certificate available
---
SSL handshake has read 7 bytes and written 232 bytes
Verification: OK
---
New, (NONE), Cipher is (NONE)
SSL-Session:
    Protocol  : TLSv1.2
    Cipher    : 0000
    Verify return code: 0 (ok)
---
"""
# 3.0.20 on 3.5.1, recorded: over TLS 1.3 the cipher is settled before the certificate comes.
NO_HANDSHAKE_TLS13 = """\
CONNECTED(00000003)
---
Certificate chain
 0 s:CN = origin.lab.test
   i:CN = Lab CA
---
no peer certificate available
---
No client certificate CA names sent
Server Temp Key: X25519, 253 bits
---
SSL handshake has read 1005 bytes and written 312 bytes
Verification error: self-signed certificate
---
New, TLSv1.3, Cipher is TLS_AES_256_GCM_SHA384
Secure Renegotiation IS NOT supported
Early data was not sent
Verify return code: 18 (self-signed certificate)
---
"""
WENT_ON = """\
Can't use SSL_get_servername
depth=0 CN = origin.lab.test
verify error:num=20:unable to get local issuer certificate
verify return:1
depth=0 CN = origin.lab.test
verify error:num=21:unable to verify the first certificate
verify return:1
depth=0 CN = origin.lab.test
verify return:1
"""
STOPPED = """\
depth=0 CN = origin.lab.test
verify error:num=18:self-signed certificate
8084F8DB667F0000:error:0A000086:SSL routines:tls_post_process_server_certificate:certificate verify\
 failed:ssl/statem/statem_clnt.c:2123:
"""


def report(
    stdout: str = "",
    stderr: str = "",
    *options: str,
    status: int = 0,
    typed: str = QUIT,
    timed_out: bool = False,
    version: str = VERSION,
) -> ClientReport:
    """Of a run with these options, for a handshake unless something else is typed."""
    raw: dict[str, Any] = {"argv": [*CONNECT, *options], "stdout": stdout, "stderr": stderr}
    raw |= {"exit_status": status, "input": typed, "timed_out": timed_out, "version": version}
    return PROGRAMS["openssl"].report({**raw, "elapsed_ms": 12.5})


@pytest.mark.parametrize(
    ("stdout", "protocol", "cipher", "code"),
    [
        (TLS13_3_0, "TLSv1.3", "TLS_AES_256_GCM_SHA384", 18),
        (TLS12_3_0, "TLSv1.2", "AES128-SHA", None),
        (TLS13_3_5, "TLSv1.3", "TLS_AES_256_GCM_SHA384", 18),
        (TLS12_3_5, "TLSv1.2", "AES128-SHA", None),
        (TLS12_1_1_1, "TLSv1.2", "AES128-SHA", 18),
        (TLS12_1_0_2, "TLSv1.2", "ECDHE-RSA-AES256-GCM-SHA384", 21),
    ],
    ids=["3.0 TLS 1.3", "3.0", "3.5 TLS 1.3", "3.5", "1.1.1", "1.0.2"],
)
def test_what_was_agreed_is_read_in_every_layout(
    stdout: str, protocol: str, cipher: str, code: int | None
) -> None:
    found = report(stdout, "DONE\n")

    assert not found.failed, found
    assert (found.step, found.protocol, found.cipher) == ("handshake", protocol, cipher)
    assert found.verify_code == code
    assert found.verified is False, "nobody asked for a name"
    assert found.library == "OpenSSL 3.5.1 1 Jul 2025"


def test_a_completed_run_shows_what_the_page_says_that_it_shows() -> None:
    lines = report(TLS12_1_0_2).message.splitlines()

    assert lines[:2] == ["subject=/CN=origin.lab.test", "issuer=/CN=Lab CA"]
    assert lines[2] == "New, TLSv1/SSLv3, Cipher is ECDHE-RSA-AES256-GCM-SHA384"
    assert lines[3] == "Protocol  : TLSv1.2"
    assert lines[4].startswith("Verify return code: 21 (")


def test_verified_is_a_chain_that_is_in_order_for_a_name_that_was_asked_for() -> None:
    assert report(TLS12_3_0, "", "-verify_hostname", "origin.lab.test").verified is True
    assert report(TLS12_3_0, "", "-verify_ip", "192.0.2.1").verified is True
    assert report(TLS12_3_0).verified is False
    assert report(TLS13_3_0, "", "-verify_hostname", "origin.lab.test").verified is False


def test_where_it_goes_on_the_last_error_is_reported_and_is_no_failure() -> None:
    found = report(TLS12_1_0_2, WENT_ON)

    assert (found.failed, found.error, found.verify_code) == (False, "", 21)


@pytest.mark.parametrize("stdout", [NO_HANDSHAKE, NO_HANDSHAKE_TLS13], ids=["1.2", "1.3"])
def test_where_it_stops_the_number_is_in_the_complaint(stdout: str) -> None:
    found = report(stdout, STOPPED, "-verify_return_error", status=1)

    assert (found.failed, found.step) == (True, "handshake")
    assert (found.verify_code, found.protocol, found.verified) == (18, None, None)
    assert client_dialect("openssl").certificate_reason(found.error) is Reason.SELF_SIGNED_LEAF
    assert "8084F8DB667F0000" not in found.error + found.message, "another one each time"


def test_an_error_that_was_passed_over_is_not_why_a_handshake_failed() -> None:
    found = report(NO_HANDSHAKE, WENT_ON + STOPPED.splitlines()[2] + "\n", status=1)

    assert found.verify_code is None
    assert found.error.startswith("error:0A000086:")


def test_a_date_beside_a_complaint_is_none_of_its_words() -> None:
    expired = STOPPED.replace(
        "num=18:self-signed certificate",
        "num=10:certificate has expired\nnotAfter=Nov 20 22:26:24 2026 GMT",
    )

    found = report(NO_HANDSHAKE, expired, status=1)

    assert found.verify_code == 10
    assert "2026" not in found.error + found.message


def test_a_response_is_its_status() -> None:
    found = report(TLS13_3_0 + RESPONSE, typed="GET / HTTP/1.1\r\n\r\n")
    refused = report(
        TLS13_3_0 + RESPONSE.replace("200 OK", "503 Service Unavailable"),
        typed="GET / HTTP/1.1\r\n\r\n",
    )
    none = report(TLS13_3_0 + "closed\n", typed="GET / HTTP/1.1\r\n\r\n")

    assert (found.failed, found.step, found.reply_code) == (False, "response", 200)
    assert found.reply_text == "OK"
    assert (refused.failed, refused.step, refused.reply_code) == (True, "response", 503)
    assert refused.reply_text == "Service Unavailable"
    assert (none.failed, none.step, none.reply_code) == (True, "response", None)


def test_a_server_that_leaves_without_farewell_has_answered_all_the_same() -> None:
    end = "8080:error:0A000126:SSL routines::unexpected eof while reading:ssl/record/rec.c:696:\n"

    found = report(TLS13_3_0 + RESPONSE, end, status=1, typed="GET / HTTP/1.1\r\n\r\n")

    assert (found.failed, found.error) == (False, "")


def test_a_response_cannot_tell_what_was_agreed() -> None:
    lie = "HTTP/1.1 200 OK\r\n\r\nNew, TLSv1.2, Cipher is NULL-MD5\n    Protocol  : SSLv3\n"
    lie += "Verify return code: 0 (ok)\n"

    found = report(TLS13_3_0 + lie, typed="GET / HTTP/1.1\r\n\r\n")

    assert (found.protocol, found.cipher) == ("TLSv1.3", "TLS_AES_256_GCM_SHA384")
    assert (found.verify_code, found.reply_code) == (18, 200)


def heard(stderr: str, stdout: str = "") -> set[str]:
    return set(client_dialect("openssl").heard(report(stdout, stderr, status=1)))


@pytest.mark.parametrize(
    "stderr",
    [
        "s_client: Unknown option: -tls1_0\ns_client: Use -help for summary.\n",
        "s_client: Option unknown option -tls1_0\ns_client: Use -help for summary.\n",
        "unknown option -tls1_0\nusage: s_client args\n\n -host host     - use -connect\n",
        "s_client: Option -servername needs a value\ns_client: Use -help for summary.\n",
    ],
    ids=["3.0, recorded", "1.1.1", "1.0.2", "no value, recorded"],
)
def test_an_option_that_there_is_not_is_an_error_of_usage(stderr: str) -> None:
    assert heard(stderr) == {"usage-rejected"}
    assert report("", stderr, status=1).step == "connect"


@pytest.mark.parametrize(
    "stderr",
    [
        "s_client: Unknown option: -ssl3\ns_client: Use -help for summary.\n",
        "s_client: Option unknown option -ssl3\ns_client: Use -help for summary.\n",
        "unknown option -tls1_3\nusage: s_client args\n",
    ],
    ids=["3.0, recorded", "1.1.1", "1.0.2"],
)
def test_a_version_that_the_build_has_not_is_a_version_that_it_cannot_offer(stderr: str) -> None:
    assert heard(stderr) == {"no-version-to-offer"}


def test_a_version_that_the_policy_forbids_is_the_same_and_comes_after_the_connection() -> None:
    stderr = "80E483AEE47F0000:error:0A0000BF:SSL routines:tls_setup_handshake:no protocols"
    stderr += " available:ssl/statem/statem_lib.c:155:\n"

    assert heard(stderr, NO_HANDSHAKE) == {"no-version-to-offer"}
    assert report(NO_HANDSHAKE, stderr, status=1).step == "handshake"


@pytest.mark.parametrize(
    ("stderr", "signal", "symbol"),
    [
        (
            "8064DD:error:8000006F:system library:BIO_connect:Connection refused:crypto/bio/"
            "bio_sock2.c:178:calling connect()\nconnect:errno=111\n",
            "connection-refused",
            "ECONNREFUSED",
        ),
        ("connect: No route to host\nconnect:errno=113\n", "no-route", "EHOSTUNREACH"),
        (
            "8044D1:error:10080002:BIO routines:BIO_lookup_ex:system lib:crypto/bio/bio_addr.c:764:"
            "Name or service not known\nconnect:errno=22\n",
            "name-not-found",
            None,
        ),
        (
            "8044D1:error:10080002:BIO routines:BIO_lookup_ex:system lib:crypto/bio/bio_addr.c:764:"
            "Temporary failure in name resolution\nconnect:errno=11\n",
            "resolver-failed",
            None,
        ),
    ],
    ids=["refused, recorded", "no route, 1.0.2", "no such name", "no resolver, recorded"],
)
def test_what_the_system_says_has_its_signal(stderr: str, signal: str, symbol: str | None) -> None:
    found = report("", stderr, status=1)

    assert signal in client_dialect("openssl").heard(found)
    assert (found.step, found.errno) == ("connect", symbol)


@pytest.mark.parametrize(
    ("stderr", "signal"),
    [
        ("write:errno=104\n", "reset"),
        ("read:errno=0\n", "eof"),
        (
            "139:error:140770FC:SSL routines:SSL23_GET_SERVER_HELLO:unknown protocol:s23_clnt.c:794:\n",
            "not-tls",
        ),
    ],
)
def test_how_a_handshake_ends_has_its_signal(stderr: str, signal: str) -> None:
    assert heard(stderr, NO_HANDSHAKE) == {signal}


def test_a_command_that_the_limit_ended_says_how_far_it_was() -> None:
    silent = report("CONNECTED(00000003)\n", "", status=-9, timed_out=True)
    dropped = report("", "", status=-9, timed_out=True)

    assert (silent.step, dropped.step) == ("handshake", "connect")
    assert all("timed-out" in client_dialect("openssl").heard(r) for r in (silent, dropped))


def test_a_result_of_something_else_is_no_report() -> None:
    with pytest.raises(ValueError, match="not one of a command"):
        PROGRAMS["openssl"].report({"pid": 7})


# -- the agent, on this machine's own command ------------------------------------------------------


def attempt(agent: AgentProcess, settings: ClientSettings, target: Target) -> ClientReport:
    request = OPENSSL.request(settings, target)
    answer = agent.ask(op="attempt", **request)
    assert answer["ok"], answer
    return OPENSSL.report(answer["result"])
