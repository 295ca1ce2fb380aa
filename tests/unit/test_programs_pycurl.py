"""pycurl: settings to options of a handle, what libcurl and GnuTLS say to a report."""

from __future__ import annotations

from typing import Any

import pytest

from lab.clients import PROGRAMS, Installed, Target
from lab.clients.pycurl import Pycurl
from lab.clients.pycurl_https import PycurlHttps
from lab.model import Delivery, Goal, ProtocolRange, only, up_to

DELIVERY = Delivery.named("x.txt", 10)
TARGET = Target(host="ftp.lab.test", port=2100, user="lab", password="secret", delivery=DELIVERY)
HAS = Installed(platform="debian13", stand_in=False, versions={"pycurl": "PycURL/7.45.6"})
LIMITS = {"USERPWD": "lab:secret", "CONNECTTIMEOUT_MS": 10000, "TIMEOUT_MS": 20000, "NOSIGNAL": 1}

BEGUN = """\
*   Trying 172.30.77.100:2100...
* Connected to ftp.lab.test (172.30.77.100) port 2100
< 220 (vsFTPd 3.0.5)
> AUTH SSL
< 234 Proceed with negotiation.
* GnuTLS priority: NORMAL:-ARCFOUR-128:-CTYPE-ALL:+CTYPE-X509:-VERS-SSL3.0
"""
HANDSHAKE = """\
gnutls[4]: Keeping ciphersuite c0.30 (GNUTLS_ECDHE_RSA_AES_256_GCM_SHA384)
gnutls[4]: HSK[0x1]: CLIENT HELLO was queued [218 bytes]
gnutls[4]: HSK[0x1]: Server's version: 3.3
gnutls[4]: HSK[0x1]: Selected cipher suite: GNUTLS_ECDHE_RSA_AES_256_GCM_SHA384
gnutls[4]: HSK[0x1]: CERTIFICATE (11) was received. Length 1964
gnutls[4]: HSK[0x1]: FINISHED was queued [16 bytes]
gnutls[4]: HSK[0x1]: FINISHED (20) was received. Length 12
* SSL connection using TLS1.2 / ECDHE_RSA_AES_256_GCM_SHA384
"""
CHECKED = """\
*   server certificate verification OK
*   common name: ftp.lab.test (matched)
*   server certificate expiration date OK
*   server certificate activation date OK
"""
DATA = """\
> STOR x.txt
< 150 Ok to send data.
gnutls[4]: HSK[0x2]: CLIENT HELLO was queued [442 bytes]
gnutls[4]: HSK[0x2]: FINISHED (20) was received. Length 12
gnutls[4]: HSK[0x2]: FINISHED was queued [16 bytes]
* SSL connection using TLS1.2 / ECDHE_RSA_AES_256_GCM_SHA384
*   server certificate verification OK
*   server certificate activation date OK
"""
LOGGED_IN = """\
> USER lab
< 331 Please specify the password.
> PASS secret
< 230 Login successful.
> PROT P
< 200 PROT now Private.
"""
DELIVERED = f"{BEGUN}{HANDSHAKE}{CHECKED}{LOGGED_IN}{DATA}< 226 Transfer complete.\n"


def said(text: str, number: int = 0, words: str = "", name: str = "pycurl", **more: Any) -> Any:
    raw = {"options": {}, "said": text, "number": number, "words": words, **more}
    return PROGRAMS[name].report(raw | {"version": "PycURL/7.45.6 libcurl/8.14.1 GnuTLS/3.8.9"})


def options_of(client: Pycurl | PycurlHttps, **changes: Any) -> dict[str, Any]:
    request = PROGRAMS[client.program].request(client, TARGET if not changes else _target(changes))
    told = {name: value for name, value in request["options"].items() if name not in LIMITS}
    return {**told, **request["constants"]}


def _target(changes: dict[str, Any]) -> Target:
    return Target(**{**vars(TARGET), **changes})


def test_a_script_with_nothing_set_asks_for_tls_and_delivers() -> None:
    request = PROGRAMS["pycurl"].request(Pycurl(), TARGET)

    assert request["options"] == {"URL": "ftp://ftp.lab.test:2100/x.txt", "UPLOAD": 1, **LIMITS}
    assert request["constants"] == {"USE_SSL": ["USESSL_ALL"]}
    assert request["payload"] == {"name": "x.txt", "size": 10}


@pytest.mark.parametrize(
    ("settings", "option", "value"),
    [
        ({"tls": False}, "USE_SSL", None),
        ({"try_tls": True}, "USE_SSL", ["USESSL_TRY"]),
        ({"protect_data": False}, "USE_SSL", ["USESSL_CONTROL"]),
        ({"implicit_tls": True}, "URL", "ftps://ftp.lab.test:2100/x.txt"),
        ({"implicit_tls": True}, "USE_SSL", None),
        ({"goal": Goal.LOGIN}, "NOBODY", 1),
        ({"verify": False}, "SSL_VERIFYPEER", 0),
        ({"verify": False}, "SSL_VERIFYHOST", 0),
        ({"verify": False, "check_name": True}, "SSL_VERIFYHOST", None),
        ({"check_name": False}, "SSL_VERIFYHOST", 0),
        ({"check_name": False}, "SSL_VERIFYPEER", None),
        ({"ciphers": "NORMAL:-VERS-TLS1.3"}, "SSL_CIPHER_LIST", "NORMAL:-VERS-TLS1.3"),
        ({"session_cache": "none"}, "SSL_SESSIONID_CACHE", 0),
        ({"mode": "active"}, "FTPPORT", "-"),
        ({"protocols": up_to("TLSv1.2")}, "SSLVERSION", ["SSLVERSION_MAX_TLSv1_2"]),
        (
            {"protocols": only("TLSv1.1")},
            "SSLVERSION",
            ["SSLVERSION_TLSv1_1", "SSLVERSION_MAX_TLSv1_1"],
        ),
    ],
)
def test_each_setting_is_an_option(settings: dict[str, Any], option: str, value: object) -> None:
    assert options_of(Pycurl(**settings)).get(option) == value


def test_files_are_given_by_their_paths() -> None:
    told = options_of(Pycurl(), ca_file="/ca.pem", certificate="/own.pem", key="/own.key")

    assert (told["CAINFO"], told["SSLCERT"], told["SSLKEY"]) == ("/ca.pem", "/own.pem", "/own.key")


def test_what_its_user_writes_is_a_script() -> None:
    client = Pycurl(verify=False, protocols=only("TLSv1.2"))

    assert PROGRAMS["pycurl"].written(client, TARGET) == (
        'curl.setopt(pycurl.URL, "ftp://HOST/FILE")',
        "curl.setopt(pycurl.SSL_VERIFYPEER, 0)",
        "curl.setopt(pycurl.SSL_VERIFYHOST, 0)",
        "curl.setopt(pycurl.SSLVERSION, pycurl.SSLVERSION_TLSv1_2 | pycurl.SSLVERSION_MAX_TLSv1_2)",
        "curl.setopt(pycurl.USE_SSL, pycurl.USESSL_ALL)",
    )


def test_another_name_of_an_origin_is_asked_for_at_its_address() -> None:
    told = options_of(PycurlHttps(sni="a.test", verify_name="a.test"))

    assert told["URL"] == "https://a.test:2100/"
    assert told["CONNECT_TO"] == ["a.test:2100:ftp.lab.test:2100"]


@pytest.mark.parametrize(
    ("client", "words"),
    [
        (Pycurl(goal=Goal.HANDSHAKE), "always logs in"),
        (Pycurl(session_cache="shared"), "no way to share"),
        (Pycurl(protocols=ProtocolRange("SSLv3", None)), "no SSL 3.0"),
        (PycurlHttps(goal=Goal.HANDSHAKE), "always asks for a page"),
        (PycurlHttps(sni=""), "always sends the name"),
        (PycurlHttps(protocols=ProtocolRange("SSLv3", None)), "no SSLv3"),
    ],
)
def test_what_it_cannot_be_told(client: Pycurl | PycurlHttps, words: str) -> None:
    program = PROGRAMS[client.program]

    assert words in str(program.unsupported(client, HAS))
    assert program.unsupported(program.settings(), HAS) is None
    nothing = Installed(platform="debian13", stand_in=False, versions={})
    assert "no pycurl" in str(program.unsupported(program.settings(), nothing))


def test_a_delivery_is_read_with_both_handshakes() -> None:
    report = said(DELIVERED)

    assert (report.failed, report.step, report.reply_code) == (False, "quit", 226)
    assert (report.protocol, report.cipher) == ("TLSv1.2", "ECDHE-RSA-AES256-GCM-SHA384")
    assert (report.verified, report.data_protected, report.session_reused) == (True, True, True)
    assert report.library == "GnuTLS/3.8.9"


def test_a_delivery_in_clear_text_is_not_protected() -> None:
    begun = BEGUN.replace("> AUTH SSL\n< 234 Proceed with negotiation.", "")
    report = said(f"{begun}> USER lab\n< 230 Login successful.\n> STOR x.txt\n< 226 Done.\n")

    assert (report.failed, report.data_protected, report.verified) == (False, False, None)


def test_a_certificate_that_is_not_looked_at_is_not_verified() -> None:
    report = said(DELIVERED.replace("verification OK", "verification SKIPPED"))

    assert (report.failed, report.verified) == (False, False)


def test_a_refused_certificate_is_told_with_gnutlss_reasons() -> None:
    words = "server certificate verification failed. CAfile: none CRLfile: none"
    report = said(f"{BEGUN}{HANDSHAKE}* {words}\n", 60, words, verify_result=(1 << 10) | (1 << 1))

    assert (report.step, report.reply_code, report.verified) == ("starttls", 234, None)
    assert report.error == f"(60) {words}; GNUTLS_CERT_EXPIRED"
    assert report.message == f"pycurl.error: (60, '{words}')"


@pytest.mark.parametrize("name", ["pycurl", "pycurl-https"])
def test_an_implicit_servers_certificate_is_refused_in_the_handshake(name: str) -> None:
    words = "SSL: certificate subject name (a) does not match target hostname 'ftp.lab.test'"
    text = f"*   Trying 172.30.77.100:2100...\n{BEGUN.splitlines()[-1]}\n{HANDSHAKE}* {words}\n"
    report = said(text, 60, words, name)

    assert report.step == ("starttls" if name == "pycurl" else "handshake")


def test_an_implicit_server_that_does_not_greet_is_past_its_handshake() -> None:
    begun = f"* Connected to ftp.lab.test (172.30.77.100) port 990\n{BEGUN.splitlines()[-1]}\n"
    report = said(f"{begun}{HANDSHAKE}{CHECKED}", 28, "Operation timed out")

    assert (report.step, report.errno) == ("greeting", "ETIMEDOUT")


def test_a_system_error_is_in_the_trace() -> None:
    trace = (
        "*   Trying 192.0.2.1:21...\n* connect to 192.0.2.1 port 21 failed: Connection refused\n"
    )
    report = said(trace, 7, "Failed to connect to ftp.lab.test port 21: Could not connect")

    assert (report.step, report.errno, report.exit_status) == ("connect", "ECONNREFUSED", 7)


def test_an_alert_of_the_library_is_told() -> None:
    alert = "gnutls[5]: REC[0x1]: Alert[2|116] - Certificate is required - was received\n"
    words = "GnuTLS recv error (-12): A TLS fatal alert has been received."
    report = said(f"{HANDSHAKE}{alert}", 56, words, "pycurl-https")

    assert report.error == f"(56) {words}; Alert[2|116] - Certificate is required"


def test_a_page_is_an_answer_with_status_200() -> None:
    asked = f"{BEGUN.splitlines()[-1]}\n{HANDSHAKE}{CHECKED}> GET / HTTP/1.1\n"
    found = said(f"{asked}< HTTP/1.1 200 OK\n", name="pycurl-https")
    denied = said(f"{asked}< HTTP/1.1 401 Unauthorized\n", name="pycurl-https")

    assert (found.failed, found.step, found.reply_code, found.verified) == (
        False,
        "response",
        200,
        True,
    )
    assert (denied.failed, denied.step, denied.reply_code) == (True, "response", 401)


def test_an_attempt_that_was_ended_has_no_trace() -> None:
    report = PROGRAMS["pycurl"].report({"options": {}, "failed": True, "timed_out": True})

    assert (report.failed, report.error) == (True, "the attempt's deadline passed")


@pytest.mark.parametrize("name", ["pycurl", "pycurl-https"])
def test_another_agents_result_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="not one of a script"):
        PROGRAMS[name].report({"argv": []})
