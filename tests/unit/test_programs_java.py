"""Callers of Java and of commons-net: settings to their requests, and their results to reports."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from lab.clients import PROGRAMS, Installed, Target
from lab.clients.commons_net import CommonsNet
from lab.clients.java import Java, openssl_name, suites
from lab.clients.java_http import JavaHttp
from lab.dialects import client_dialect
from lab.model import ClientReport, Delivery, Goal, Reason, up_to
from lab.remedies.lines import client_lines

TARGET = Target(
    host="ftp.lab.test",
    port=2100,
    user="lab",
    password="secret",
    delivery=Delivery.named("x.txt", 10),
)
VERSIONS = {"java": "21.0.13", "commons-net": "3.9.0"}
HAS = Installed(platform="debian13", stand_in=False, versions=VERSIONS)
JAVA, STOCK, REUSING = (PROGRAMS[n] for n in ("java", "commons-net", "commons-net-reuse"))
HTTP_CLIENT = PROGRAMS["java-http"]
EVERYBODY = ("java", "java-http", "commons-net", "commons-net-reuse")

#: What each says of a certificate, and what it means.
SAID = [
    (
        "javax.net.ssl.SSLHandshakeException: PKIX path building failed: "
        "sun.security.provider.certpath.SunCertPathBuilderException: "
        "unable to find valid certification path to requested target",
        "certificate-rejected",
        Reason.UNKNOWN_ISSUER,
    ),
    (
        "PKIX path validation failed: java.security.cert.CertPathValidatorException: "
        "Path does not chain with any of the trust anchors",
        "certificate-rejected",
        Reason.UNKNOWN_ISSUER,
    ),
    (
        "PKIX path validation failed: java.security.cert.CertPathValidatorException: validity check failed"
        "; Caused by: java.security.cert.CertificateExpiredException: NotAfter: Sun Nov 29 01:20:12 UTC 2026",
        "certificate-rejected",
        Reason.EXPIRED,
    ),
    (
        "java.security.cert.CertificateNotYetValidException: NotBefore: Tue Dec 01 01:20:12 UTC 2026",
        "certificate-rejected",
        Reason.NOT_YET_VALID,
    ),
    (
        "CertificateException: No subject alternative DNS name matching ftp.lab.test found.",
        "name-rejected",
        Reason.UNKNOWN,
    ),
]


@pytest.mark.parametrize(
    ("openssl", "jsse"),
    [
        ("AES128-SHA", "TLS_RSA_WITH_AES_128_CBC_SHA"),
        ("AES256-SHA256", "TLS_RSA_WITH_AES_256_CBC_SHA256"),
        ("AES128-GCM-SHA256", "TLS_RSA_WITH_AES_128_GCM_SHA256"),
        ("ECDHE-RSA-AES256-GCM-SHA384", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"),
        ("ECDHE-ECDSA-AES128-SHA", "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA"),
        ("DHE-RSA-AES256-SHA256", "TLS_DHE_RSA_WITH_AES_256_CBC_SHA256"),
        ("ECDHE-RSA-CHACHA20-POLY1305", "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"),
        ("DES-CBC3-SHA", "SSL_RSA_WITH_3DES_EDE_CBC_SHA"),
        ("TLS_AES_128_GCM_SHA256", "TLS_AES_128_GCM_SHA256"),
    ],
)
def test_suites_have_openssls_names_here_and_jsses_there(openssl: str, jsse: str) -> None:
    assert suites(openssl) == [jsse]
    assert openssl_name(jsse) == openssl


@pytest.mark.parametrize("ciphers", ["HIGH", "HIGH:!aNULL", "RC4-SHA", "AES128-SHA:NOPE"])
def test_a_word_that_stands_for_several_suites_is_said(ciphers: str) -> None:
    for program, client in ((JAVA, Java(ciphers=ciphers)), (STOCK, CommonsNet(ciphers=ciphers))):
        assert "one by one" in str(program.unsupported(client, HAS))


def test_as_it_is_shipped_commons_net_asks_nobody_who_it_talks_to() -> None:
    request = STOCK.request(CommonsNet(), TARGET)

    assert (request["verify"], request["check_name"], request["ca_file"]) == (False, False, None)
    assert request["tls"] is request["protect_data"] is request["passive"] is True
    assert (request["protocols"], request["suites"]) == (None, None)
    assert request["payload"] == {"name": "x.txt", "size": 10}
    assert "environment" not in request


def test_to_verify_is_chain_and_name_and_the_name_can_be_asked_for_alone() -> None:
    for client, asked in (
        (CommonsNet(verify=True), (True, True)),
        (CommonsNet(check_name=True), (False, True)),
        (CommonsNet(verify=True, check_name=False), (True, False)),
    ):
        request = STOCK.request(client, TARGET)
        assert (request["verify"], request["check_name"]) == asked


@pytest.mark.parametrize("program", EVERYBODY)
def test_a_client_certificate_is_handed_over_with_its_key(program: str) -> None:
    one: Any = PROGRAMS[program]
    client = one.settings_with(client_certificate="client")

    request = one.request(client, replace(TARGET, certificate="/c.pem", key="/k.pem"))

    assert one.unsupported(client, HAS) is None
    assert (request["certificate"], request["key"]) == ("/c.pem", "/k.pem")


@pytest.mark.parametrize("program", EVERYBODY)
def test_a_client_certificate_is_written_as_a_key_store(program: str) -> None:
    client: Any = PROGRAMS[program].settings_with(client_certificate="client")

    assert any("pkcs12 -export -in client.pem" in line for line in client_lines(client))


def test_http_clients_name_check_is_a_property_of_its_jvm() -> None:
    disabled = {"JAVA_TOOL_OPTIONS": "-Djdk.internal.httpclient.disableHostnameVerification"}
    for client, environment in (
        (JavaHttp(), None),
        (JavaHttp(verify=False), disabled),
        (JavaHttp(check_name=False), disabled),
        (JavaHttp(verify=False, check_name=True), None),
    ):
        assert HTTP_CLIENT.request(client, TARGET).get("environment") == environment
    assert f"java {disabled['JAVA_TOOL_OPTIONS']}" in client_lines(JavaHttp(check_name=False))


def test_options_of_the_jvm_go_by_a_variable() -> None:
    client = CommonsNet(program="commons-net-reuse", jvm_options=("-Da=b", "-Dc=d"))

    assert REUSING.request(client, TARGET)["environment"] == {"JAVA_TOOL_OPTIONS": "-Da=b -Dc=d"}


def test_a_range_is_the_list_of_its_versions() -> None:
    request = JAVA.request(Java(protocols=up_to("TLSv1.1")), TARGET)

    assert request["protocols"] == ["SSLv3", "TLSv1", "TLSv1.1"]


@pytest.mark.parametrize(
    ("program", "settings"),
    [
        ("java", {"last_error": True}),
        ("java", {"sni": "other.lab.test"}),
        ("java", {"verify_name": "other.lab.test"}),
        ("java-http", {"last_error": True}),
        ("java-http", {"sni": "other.lab.test"}),
        ("java-http", {"verify_name": "other.lab.test"}),
        ("java-http", {"ciphers": "HIGH"}),
        ("java-http", {"goal": Goal.HANDSHAKE}),
        ("commons-net", {"session_cache": "shared"}),
        ("commons-net", {"trust": "private-ca"}),
        ("commons-net-reuse", {"session_cache": "none"}),
    ],
    ids=str,
)
def test_what_it_cannot_be_told_is_said(program: str, settings: dict[str, Any]) -> None:
    one: Any = PROGRAMS[program]

    assert one.unsupported(one.settings_with(), HAS) is None
    assert one.unsupported(one.settings_with(**settings), HAS)


@pytest.mark.parametrize("program", EVERYBODY)
@pytest.mark.parametrize(("error", "signal", "reason"), SAID)
def test_what_jsse_says_of_a_certificate_is_heard(
    program: str, error: str, signal: str, reason: Reason
) -> None:
    dialect = client_dialect(program)

    assert signal in dialect.heard(ClientReport(failed=True, step="handshake", error=error))
    assert dialect.certificate_reason(error) is reason


@pytest.mark.parametrize(
    ("error", "errno"),
    [
        ("java.net.ConnectException: Connection refused", "ECONNREFUSED"),
        ("java.net.SocketException: Connection reset", "ECONNRESET"),
        (
            "javax.net.ssl.SSLException: x; Caused by: java.net.SocketException: Broken pipe",
            "EPIPE",
        ),
        ("java.net.SocketTimeoutException: Read timed out", "ETIMEDOUT"),
        ("java.net.UnknownHostException: nope.lab.test: Name or service not known", "EAI_NONAME"),
        ("java.net.UnknownHostException: a: Temporary failure in name resolution", "EAI_AGAIN"),
        ("javax.net.ssl.SSLHandshakeException: whatever", None),
    ],
)
def test_the_systems_errors_have_their_symbols(error: str, errno: str | None) -> None:
    report = JAVA.report({"failed": True, "step": "connect", "error": error})

    assert report.errno == errno


def test_a_suite_has_openssls_name_in_a_report() -> None:
    report = STOCK.report(
        {"failed": False, "step": "quit", "suite": "TLS_RSA_WITH_AES_128_CBC_SHA"}
    )

    assert report.cipher == "AES128-SHA"


def test_each_has_goals_of_its_own() -> None:
    assert JAVA.request(Java(goal=Goal.HANDSHAKE), TARGET)["goal"] == "handshake"
    assert STOCK.request(CommonsNet(goal=Goal.LOGIN), TARGET)["payload"] is None
