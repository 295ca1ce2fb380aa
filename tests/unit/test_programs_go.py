"""A caller of Go's net/http: settings to its request, and its result to a report."""

from __future__ import annotations

from typing import Any

import pytest

from lab.clients import PROGRAMS, Installed, Target
from lab.clients.go import Go
from lab.dialects import client_dialect
from lab.model import ClientReport, Goal, Reason, from_, up_to

TARGET = Target(host="nginx.lab.test", port=2100, user="lab", password="secret")
HAS = Installed(platform="debian13", stand_in=False, versions={"go": "go1.24.4"})
GO = PROGRAMS["go"]
BOTH = "AES128-SHA:ECDHE-RSA-AES128-GCM-SHA256"


def client(**settings: Any) -> Any:
    return Go(**settings)


def test_what_is_not_set_is_the_librarys() -> None:
    request = GO.request(client(), TARGET)

    assert request["goal"] == str(Goal.RESPONSE)
    for name in ("ca_file", "server_name", "minimum", "maximum", "suites", "certificate"):
        assert request[name] is None
    assert request["verify"] is request["tls"] is True


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"verify": False}, {"verify": False}),
        ({"protocols": up_to("TLSv1.2")}, {"minimum": None, "maximum": "TLSv1.2"}),
        ({"protocols": from_("TLSv1")}, {"minimum": "TLSv1", "maximum": None}),
        ({"ciphers": BOTH}, {"ciphers": BOTH, "suites": [0x002F, 0xC02F]}),
        ({"sni": "a.test", "verify_name": "a.test"}, {"server_name": "a.test"}),
    ],
    ids=str,
)
def test_each_setting_is_one_of_tls_config(
    settings: dict[str, Any], said: dict[str, object]
) -> None:
    usual = GO.request(client(), TARGET)

    assert GO.unsupported(client(**settings), HAS) is None
    assert GO.request(client(**settings), TARGET) == {**usual, **said}


@pytest.mark.parametrize(
    "settings",
    [
        {"last_error": True},
        {"sni": ""},
        {"sni": "other.lab.test"},
        {"verify_name": "other.lab.test"},
        {"ciphers": "HIGH:!aNULL"},
    ],
    ids=str,
)
def test_what_it_cannot_be_told_is_said(settings: dict[str, Any]) -> None:
    assert GO.unsupported(client(), HAS) is None
    assert GO.unsupported(client(**settings), HAS)


def test_a_suite_has_openssls_name() -> None:
    report = GO.report({"failed": False, "step": "response", "suite": 0x002F})

    assert report.cipher == "AES128-SHA"


@pytest.mark.parametrize(
    ("words", "signal", "reason"),
    [
        ("signed by unknown authority", "certificate-rejected", Reason.UNKNOWN_ISSUER),
        (
            "has expired or is not yet valid: current time 2026-11-30T01:20:13Z is after 2026-11-29",
            "certificate-rejected",
            Reason.EXPIRED,
        ),
        ("relies on legacy Common Name field, use SANs instead", "name-rejected", Reason.UNKNOWN),
        ("is valid for other.lab.test, not nginx.lab.test", "name-rejected", Reason.UNKNOWN),
    ],
)
@pytest.mark.parametrize("frame", ["", "tls: failed to verify certificate: "], ids=["1.19", "1.24"])
def test_both_ways_to_say_what_is_wrong_with_a_certificate_are_heard(
    frame: str, words: str, signal: str, reason: Reason
) -> None:
    error = f'Get "https://nginx.lab.test:2100/": {frame}x509: certificate {words}'
    dialect = client_dialect("go")

    assert signal in dialect.heard(ClientReport(failed=True, step="handshake", error=error))
    assert dialect.certificate_reason(error) is reason
