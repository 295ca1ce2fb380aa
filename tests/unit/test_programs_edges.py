"""Edges that are started for a visit: settings to configurations, logs and pages to reports."""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping
from typing import Any

import pytest

from lab.clients import PROGRAMS, Installed, Target
from lab.clients.edges import VisitedProgram, bare, words_of
from lab.dialects.rules import interpret
from lab.model import HOST_ADDRESS, Attempt, Observation, Reason, Side, Stage, from_, only, up_to
from lab.model.outcome import ServerReport
from lab.servers.nginx import Nginx
from tests.agent_process import AGENTS

TARGET = Target(host="nginx.lab.test", port=2103, user="lab", password="secret")
ADDRESS = Target(host="172.30.4.9", port=2103, user="lab", password="secret")
CERTIFIED = Target(
    host="nginx.lab.test", port=1, user="lab", password="x", certificate="/c.pem", key="/k.pem"
)
EDGES = {n: p for n, p in PROGRAMS.items() if isinstance(p, VisitedProgram)}
INSTALLED = Installed(platform="debian13", stand_in=False, versions={"version": "1"})
OF_NGINX = (
    "[info] 55#55: *2 SSL_do_handshake() failed (SSL: error:{0}) while SSL handshaking, client: a"
)


def configured(edge: str, target: Target = TARGET, **settings: Any) -> str:
    """Everything that the program is given to read."""
    program = EDGES[edge]
    files = program.start(program.settings_with(**settings), target).files
    return "\n".join(text for text in files.values() if isinstance(text, str))


def observed(edge: str, said: Mapping[str, Any], log: str = "", **settings: Any) -> Observation:
    program = EDGES[edge]
    client = program.settings_with(**settings)
    report = program.report({"started": True, "verify": True, **said})
    return Observation(
        attempt=Attempt(Nginx(), client), client=report, server=ServerReport(started=True, log=log)
    )


# -- configurations ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("edge", "settings", "lines"),
    [
        (
            "haproxy",
            {},
            [
                "option httplog",
                "retries 0",
                "server origin nginx.lab.test:2103 ssl sni str(nginx.lab.test) verify required"
                " ca-file /etc/ssl/certs/ca-certificates.crt\n",
            ],
        ),
        ("haproxy", {"configured": False}, ["server origin nginx.lab.test:2103 ssl\n"]),
        ("haproxy", {"tls": False}, ["server origin nginx.lab.test:2103\n"]),
        ("haproxy", {"sni": ""}, ["verifyhost nginx.lab.test\n"]),
        ("haproxy", {"verify": False}, [" verify none\n"]),
        ("haproxy", {"protocols": only("TLSv1")}, ["ssl-min-ver TLSv1.0 ssl-max-ver TLSv1.0"]),
        ("haproxy", {"ciphers": "HIGH:!aNULL"}, ['ciphers "HIGH:!aNULL"']),
        ("haproxy", {"retries": 3}, ["retries 3"]),
        ("haproxy", {"log_errors": True}, ["%[bc_err_str] / %[ssl_bc_err_str]"]),
        ("haproxy", {"check": "connect"}, [" check\n"]),
        (
            "haproxy",
            {"check": "http", "check_port": True},
            ["option httpchk\n", " check port 2103\n"],
        ),
        (
            "haproxy",
            {"check": "connect", "check_ssl": True, "check_sni": True},
            [" check check-ssl check-sni nginx.lab.test\n"],
        ),
        ("haproxy", {"timeout_s": 1.5}, ["timeout connect 1500ms", "timeout server 1500ms"]),
        (
            "apache",
            {},
            [
                "LogLevel warn",
                "SSLProxyEngine on\nSSLProxyVerify require\nSSLProxyVerifyDepth 10\n"
                "SSLProxyCACertificateFile /etc/ssl/certs/ca-certificates.crt\nProxyPass / https://",
            ],
        ),
        ("apache", {"configured": False}, ["SSLProxyEngine on\nProxyPass / https://nginx.lab"]),
        ("apache", {"tls": False}, ["ProxyPass / http://nginx.lab.test:2103/"]),
        (
            "apache",
            {"verify": False},
            ["SSLProxyVerify none", "SSLProxyCheckPeerName off", "SSLProxyCheckPeerExpire off"],
        ),
        ("apache", {"protocols": only("TLSv1.2")}, ["SSLProxyProtocol -all +TLSv1.2\n"]),
        ("apache", {"sni": "a.lab.test", "verify": False}, ["ProxyPreserveHost On"]),
        ("apache", {"ciphers": "HIGH"}, ['SSLProxyCipherSuite "HIGH"']),
        (
            "caddy",
            {},
            [
                "reverse_proxy https://nginx.lab.test:2103 {",
                "tls_trusted_ca_certs /etc/ssl/certs/ca-certificates.crt",
            ],
        ),
        ("caddy", {"configured": False}, ["reverse_proxy https://nginx.lab.test:2103"]),
        ("caddy", {"verify": False}, ["tls_insecure_skip_verify"]),
        (
            "caddy",
            {"verify_name": "a.lab.test", "sni": "a.lab.test"},
            ["tls_server_name a.lab.test"],
        ),
        (
            "stunnel",
            {},
            ["sni = nginx.lab.test", "verifyChain = yes", "checkHost = nginx.lab.test"],
        ),
        ("stunnel", {"configured": False}, ["connect = nginx.lab.test:2103\n"]),
        (
            "stunnel",
            {"verify_name": "a.lab.test", "sni": "b.lab.test"},
            ["sni = b.lab.test", "checkHost = a.lab.test"],
        ),
        (
            "squid",
            {},
            ["cache_peer nginx.lab.test parent 2103 0 no-query", "connect-timeout=10 tls\n"],
        ),
        ("squid", {"configured": False}, [" tls\n"]),
        ("squid", {"verify": False}, [" tls sslflags=DONT_VERIFY_PEER\n"]),
        (
            "squid",
            {"protocols": only("TLSv1.1")},
            ["tls-min-version=1.1 tls-options=NO_TLSv1_2,NO_TLSv1_3"],
        ),
        ("squid", {"sni": "a.lab.test", "verify_name": "a.lab.test"}, ["ssldomain=a.lab.test"]),
        ("stunnel", {"sni": ""}, ["sni = \n"]),
        ("stunnel", {"protocols": up_to("TLSv1.2")}, ["sslVersionMax = TLSv1.2"]),
    ],
)
def test_settings_become_configuration(
    edge: str, settings: dict[str, Any], lines: list[str]
) -> None:
    text = configured(edge, **settings)

    if not settings.get("configured", True):
        assert "ca-certificates" not in text
    assert [line for line in lines if line not in text] == [], text


@pytest.mark.parametrize("edge", EDGES)
def test_an_address_is_no_server_name(edge: str) -> None:
    text = configured(edge, ADDRESS, host=HOST_ADDRESS)

    assert "sni 172" not in text
    assert "str(172" not in text


@pytest.mark.parametrize("edge", EDGES)
def test_a_client_certificate_is_given_to_the_program(edge: str) -> None:
    program = EDGES[edge]

    start = program.start(program.settings_with(client_certificate="client"), CERTIFIED)

    given = " ".join(t if isinstance(t, str) else " ".join(t) for t in start.files.values())
    assert "/c.pem" in given
    assert "/k.pem" in given


@pytest.mark.parametrize("edge", EDGES)
def test_where_nothing_is_configured_nothing_else_can_be(edge: str) -> None:
    program = EDGES[edge]

    def why(**settings: Any) -> str:
        client = program.settings_with(configured=False, **settings)
        return program.unsupported(client, INSTALLED) or ""

    assert why() == ""
    assert "trust cannot be set" in why(trust="private-ca")
    assert "verify cannot be set" in why(verify=False)
    assert "needs tls=yes" in why(tls=False)
    assert "nginx.lab.test" in configured(edge, configured=False)


@pytest.mark.parametrize("edge", EDGES)
def test_two_names_are_had_by_those_that_can_keep_them_apart(edge: str) -> None:
    program = EDGES[edge]
    client = program.settings_with(verify_name="a.lab.test", sni="b.lab.test")

    why = program.unsupported(client, INSTALLED)

    assert (why is not None) == program.settings.one_name
    assert bare(client).program == "tls-perl"


def test_a_health_check_is_waited_for_and_its_options_need_one() -> None:
    program = EDGES["haproxy"]

    checked = program.start(program.settings_with(check="connect"), TARGET)

    assert checked.settled == "Server origin/origin is DOWN"
    assert checked.settles_s
    assert program.start(program.settings_with(), TARGET).settles_s == 0
    for name in ("check_port", "check_ssl", "check_sni"):
        why = program.unsupported(program.settings_with(**{name: True}), INSTALLED)
        assert "needs check" in str(why)
        assert (
            program.unsupported(program.settings_with(check="http", **{name: True}), INSTALLED)
            is None
        )


@pytest.mark.parametrize("edge", EDGES)
def test_a_word_that_would_change_the_configuration_is_none(edge: str) -> None:
    program = EDGES[edge]

    for settings in ({"host": "a b"}, {"ciphers": 'A"\n'}, {"verify_name": "x;y"}):
        assert program.unsupported(program.settings_with(**settings), INSTALLED)
    bare_image = Installed(platform="debian13", stand_in=False, versions={"version": None})
    assert "the image has no" in (program.unsupported(program.settings_with(), bare_image) or "")


# -- reports -----------------------------------------------------------------------------------------

HAPROXY = (
    "127.0.0.1:33 [30/Nov/2026:01:22:17.391] visitors origin/origin 0/0/-1/-1/3 503 217 - - {0} 1/1/0/0/0 0/0"
    ' "GET / HTTP/1.1"'
)
AT = "[Mon Nov 30 01:32:00.679862 2026] [proxy:error] [pid 59:tid 59] "
APACHE = (
    f"{AT}[client 127.0.0.1:4] AH00898: Error during SSL Handshake with remote server returned by /"
)


def visited(
    log: str, status: int | None = 503, file: str = "output", **more: Any
) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "said": {file: log},
        "status": status,
        "reason": "Service Unavailable",
        "body": "",
    }
    return {"headers": {}, **answer, **more}


def down(why: str) -> dict[str, Any]:
    """A health check that has failed, and a visit after it; each line of the log is there twice."""
    said = (
        f"Server origin/origin is DOWN, reason: {why}, check duration: 0ms. 0 active and 0 backup"
        " servers left. 0 sessions active, 0 requeued, 0 remaining in queue."
    )
    visit = (
        "127.0.0.1:59508 [30/Nov/2026:14:34:14.326] visitors origin/<NOSRV> 0/-1/-1/-1/0 503 217 - - SC--"
        ' 1/1/0/0/0 0/0 "GET / HTTP/1.1"'
    )
    return visited("\n".join([f"[WARNING]  (13) : {said}", said, visit]))


HANDSHAKE_FAILED = 'Layer6 invalid response, info: "SSL handshake failure"'


def squid(page: str, error: str = "ERR_SECURE_CONNECT_FAIL 0") -> dict[str, Any]:
    """Both logs, the header and the page."""
    ready = (
        "2026/11/30 01:32:01| Accepting reverse-proxy HTTP Socket connections at conn2\n  port: 1\n"
    )
    cache = f"{ready}2026/11/30 01:32:02| ERROR: Connection to origin failed\n"
    access = "1796002322.161 3 127.0.0.1 TCP_MISS/503 3 GET http://a/ - HIER_NONE/- text/html\n"
    said = {"cache.log": cache, "access.log": access}
    return visited("", headers={"x-squid-error": error}, body=f"<p>({page})</p>", said=said)


@pytest.mark.parametrize(
    ("edge", "said", "origin", "expected"),
    [
        (
            "haproxy",
            visited(HAPROXY.format("SC--")),
            OF_NGINX.format("0A000418:SSL routines::tlsv1 alert unknown ca:SSL alert number 48"),
            (Side.CLIENT, Stage.VERIFY, Reason.UNKNOWN_ISSUER),
        ),
        (
            "haproxy",
            visited(HAPROXY.format("SC--")),
            OF_NGINX.format("0A000438:SSL routines::tlsv1 alert internal error"),
            (Side.CLIENT, Stage.VERIFY, Reason.HOSTNAME_MISMATCH),
        ),
        (
            "haproxy",
            visited(HAPROXY.format("SC--")),
            "",
            (Side.NETWORK, Stage.CONNECT, Reason.CONNECTION_REFUSED),
        ),
        (
            "haproxy",
            visited(HAPROXY.format("sC--")),
            "",
            (Side.NETWORK, Stage.CONNECT, Reason.TIMED_OUT),
        ),
        (
            "apache",
            visited(APACHE, 500, "error.log"),
            "[info] 66#66: *2 client closed connection while waiting for request",
            (Side.CLIENT, Stage.VERIFY, Reason.UNKNOWN),
        ),
        (
            "apache",
            visited(
                f"{AT}AH02039: Certificate Verification: Error (18): self-signed\n{APACHE}",
                500,
                "error.log",
            ),
            "",
            (Side.CLIENT, Stage.VERIFY, Reason.SELF_SIGNED_LEAF),
        ),
        (
            "caddy",
            visited(
                '{"logger":"http.log.error","msg":"dial tcp 192.0.2.1:1: connect: connection refused"}',
                502,
            ),
            "",
            (Side.NETWORK, Stage.CONNECT, Reason.CONNECTION_REFUSED),
        ),
        (
            "caddy",
            visited(
                '{"logger":"http.log.error","msg":"x509: certificate is valid for a, not b"}', 502
            ),
            "",
            (Side.CLIENT, Stage.VERIFY, Reason.HOSTNAME_MISMATCH),
        ),
        (
            "stunnel",
            visited(
                "2026.11.30 01:32:04 LOG4[0]: CERT: Pre-verification error: certificate has expired",
                None,
                broken="ECONNRESET",
            ),
            "",
            (Side.CLIENT, Stage.VERIFY, Reason.EXPIRED),
        ),
        (
            "squid",
            squid("TLS code: X509_V_ERR_CERT_HAS_EXPIRED+broken_cert"),
            "",
            (Side.CLIENT, Stage.VERIFY, Reason.EXPIRED),
        ),
        (
            "squid",
            squid("Read Error", error="ERR_READ_ERROR 0"),
            "",
            (Side.NETWORK, Stage.CONNECT, Reason.CONNECTION_REFUSED),
        ),
        (
            "haproxy",
            visited(HAPROXY.format("SC--")),
            "something else",
            (Side.UNKNOWN, Stage.CONNECT, Reason.UNKNOWN),
        ),
        (
            "haproxy",
            down(HANDSHAKE_FAILED),
            OF_NGINX.format("0A000415:SSL routines::ssl/tls alert certificate expired"),
            (Side.CLIENT, Stage.VERIFY, Reason.EXPIRED),
        ),
        (
            "haproxy",
            down(HANDSHAKE_FAILED),
            OF_NGINX.format("0A000179:SSL routines::cert cb error"),
            (Side.SERVER, Stage.HANDSHAKE, Reason.INTERNAL_ERROR_ALERT),
        ),
        (
            "haproxy",
            down(
                'Layer6 invalid response, info: "Server presented an SSL certificate different from the'
                ' expected one"'
            ),
            "",
            (Side.CLIENT, Stage.VERIFY, Reason.HOSTNAME_MISMATCH),
        ),
        (
            "haproxy",
            down('Layer7 wrong status, code: 400, info: "Bad Request"'),
            "[info] 1#1: *11 client sent plain HTTP request to HTTPS port while reading client request"
            " headers, client: 127.0.0.1",
            (Side.SERVER, Stage.HANDSHAKE, Reason.PLAINTEXT_PEER),
        ),
        (
            "haproxy",
            down('Layer4 connection problem, info: "Connection refused"'),
            "",
            (Side.NETWORK, Stage.CONNECT, Reason.CONNECTION_REFUSED),
        ),
    ],
)
def test_what_an_edge_does_not_say_the_origin_knows(
    edge: str, said: dict[str, Any], origin: str, expected: tuple[Any, ...]
) -> None:
    outcome = interpret(observed(edge, said, origin))

    assert (outcome.by, outcome.stage, outcome.reason) == expected
    assert outcome.report.reply_code == said.get("status")
    by_check = "<NOSRV>" in str(said["said"])
    assert ("health check" in str(outcome.cause)) is by_check
    assert not by_check or outcome.report.error.count("is DOWN, reason: ") == 1


@pytest.mark.parametrize("edge", EDGES)
def test_a_page_is_a_page(edge: str) -> None:
    headers = {"x-tls-protocol": "TLSv1.3", "x-tls-cipher": "TLS_AES_128_GCM_SHA256"}

    report = EDGES[edge].report(
        {"started": True, "verify": True, **visited("", 200, headers=headers)}
    )

    assert (report.failed, report.verified, report.protocol) == (False, True, "TLSv1.3")


@pytest.mark.parametrize("edge", EDGES)
def test_what_does_not_start_says_why(edge: str) -> None:
    raw = {"started": False, "said": {"output": "FATAL: no such option"}}

    report = EDGES[edge].report(raw)

    assert (report.failed, report.step) == (True, "connect")
    assert "no such option" in report.message


@pytest.mark.parametrize("edge", EDGES)
def test_another_result_is_none_of_an_edge(edge: str) -> None:
    with pytest.raises(ValueError, match="not one of an edge"):
        EDGES[edge].report({"argv": []})
    assert EDGES[edge].report({"started": True, "timed_out": True}).timed_out


def test_the_words_on_a_page_are_read_without_its_markup() -> None:
    page = "<html><head><style>p {}</style></head><body><h1>A &amp; B</h1>\n<p>c\n</body></html>"

    assert words_of(page) == "A & B\nc"


# -- the agent ---------------------------------------------------------------------------------------


def test_addresses_are_a_process_s_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(AGENTS))
    agent = importlib.import_module("edges")

    found = {agent.own_address(pid) for pid in range(1, 1 << 22, 4093)}

    assert len(found) == len(range(1, 1 << 22, 4093))
    assert all(address.startswith("127.") for address in found)
    assert agent.own_address(os.getpid()) == agent.own_address(os.getpid())


def test_versions_up_to_one_are_a_range() -> None:
    assert "ssl-max-ver TLSv1.2" in configured("haproxy", protocols=up_to("TLSv1.2"))
    assert "ssl-min-ver TLSv1.2" in configured("haproxy", protocols=from_("TLSv1.2"))
