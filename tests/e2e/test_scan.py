"""sslscan against real listeners: what it finds, what the lab says, and that a lie is noticed."""

from __future__ import annotations

import re

import pytest

from lab.model import Attempt, ServerSettings
from lab.model.expectations import PlannedAttempt
from lab.run.attempts import make
from lab.run.laboratory import Lab
from lab.run.scan import (
    NotScanned,
    ScanComparison,
    compare_scan,
    counted,
    scan_all,
    scan_one,
)
from lab.settings import parse_client, parse_server
from tests.e2e.checkouts import Copy

pytestmark = pytest.mark.engine

TLS13 = {"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"}
GCM256 = "ECDHE-RSA-AES256-GCM-SHA384"


def scanned(laboratory: Lab, server: ServerSettings) -> ScanComparison:
    result = scan_one(laboratory.session, server)
    assert isinstance(result, ScanComparison), result
    return result


def suites(result: ScanComparison) -> dict[str, set[str]]:
    """Names of the suites that sslscan found, by version."""
    return {version: {s.name for s in found} for version, found in result.scan.suites.items()}


#: Server, settings, and exactly what is to be found; ``None``: some suites, whichever they are.
LISTENERS: list[tuple[str, list[str], dict[str, set[str] | None]]] = [
    ("vsftpd", [], {"TLSv1.3": TLS13, "TLSv1.2": {GCM256}}),
    ("vsftpd", ["ciphers=AES128-SHA", "protocols=..TLSv1.2"], {"TLSv1.2": {"AES128-SHA"}}),
    ("vsftpd", ["protocols=TLSv1.3"], {"TLSv1.3": TLS13}),
    ("vsftpd", ["protocols=..TLSv1.2", "require_cert=yes"], {"TLSv1.2": {GCM256}}),
    ("vsftpd", ["implicit_tls=yes", "protocols=..TLSv1.2"], {"TLSv1.2": {GCM256}}),
    (
        "vsftpd",
        ["protocols=..TLSv1.1", "ciphers=AES128-SHA:@SECLEVEL=0"],
        {"TLSv1.1": {"AES128-SHA"}, "TLSv1": {"AES128-SHA"}},
    ),
    ("pyftpdlib", ["protocols=..TLSv1.2", f"ciphers={GCM256}"], {"TLSv1.2": {GCM256}}),
    ("pyftpdlib", [], {"TLSv1.3": None, "TLSv1.2": None}),
    ("vsftpd@openssl-1.0.2k", ["ciphers=DES-CBC3-SHA"], {"TLSv1.2": {"DES-CBC3-SHA"}}),
    (
        "vsftpd@openssl-1.0.2k",
        ["protocols=SSLv3..TLSv1.1", "ciphers=AES128-SHA:RC4-SHA"],
        {
            "TLSv1.1": {"AES128-SHA", "RC4-SHA"},
            "TLSv1": {"AES128-SHA", "RC4-SHA"},
            "SSLv3": set(),
        },
    ),
    ("nginx", ["protocols=TLSv1.2.."], {"TLSv1.3": TLS13, "TLSv1.2": None}),
    ("nginx", ["protocols=TLSv1.2", f"ciphers={GCM256}"], {"TLSv1.2": {GCM256}}),
    ("origin", ["behaviour=close-after-request"], {"TLSv1.3": TLS13, "TLSv1.2": None}),
    (
        "origin@openssl-1.0.2k",
        ["ciphers=RC4-SHA", "protocols=TLSv1..TLSv1.2"],
        {"TLSv1.2": {"RC4-SHA"}, "TLSv1.1": {"RC4-SHA"}, "TLSv1": {"RC4-SHA"}},
    ),
    ("origin@openssl-1.0.2k", ["protocols=SSLv3"], {"SSLv3": set()}),
]


@pytest.mark.parametrize(
    ("software", "settings", "expected"),
    LISTENERS,
    ids=[f"{s} {' '.join(a)}" for s, a, _ in LISTENERS],
)
def test_sslscan_finds_what_the_lab_says(
    laboratory: Lab,
    software: str,
    settings: list[str],
    expected: dict[str, set[str] | None],
) -> None:
    result = scanned(laboratory, parse_server(settings, software))

    assert result.agree, result.disagreements
    found = suites(result)
    assert set(found) == set(expected)
    for version, names in expected.items():
        assert found[version] == names if names is not None else found[version]


def test_what_sslscan_does_not_ask_for_is_counted(laboratory: Lab) -> None:
    result = scanned(laboratory, parse_server(["protocols=SSLv3"], "origin@openssl-1.0.2k"))

    assert result.beyond
    assert set(result.beyond) == {f"SSLv3 {suite}" for suite in result.offer.suites["SSLv3"]}


def test_the_claim_of_another_listener_is_a_lie(laboratory: Lab) -> None:
    one = scanned(laboratory, parse_server([]))
    other = scanned(laboratory, parse_server(["ciphers=AES128-SHA", "protocols=..TLSv1.2"]))

    lie = compare_scan(other.server, one.scan, other.offer)

    assert set(lie.disagreements) == {
        "sslscan finds TLSv1.3, the settings allow ..TLSv1.2",
        f"sslscan finds {GCM256} in TLSv1.2, the server's list does not have it",
        "sslscan finds TLSv1.3, the lab gets no suite of it",
        "sslscan does not find AES128-SHA in TLSv1.2, the lab gets it",
        f"sslscan finds {GCM256} in TLSv1.2, the lab does not get it",
    }


@pytest.mark.parametrize(
    "extra", ["ssl_tlsv13=YES", "ssl_ciphers=ECDHE-RSA-AES256-GCM-SHA384:AES128-SHA"]
)
def test_a_line_that_undoes_the_settings_is_noticed(laboratory: Lab, extra: str) -> None:
    """vsftpd takes the last of two lines; what the settings say is then not what it does."""
    settings = ["ciphers=AES128-SHA", "protocols=..TLSv1.2", f"extra={extra}"]

    result = scanned(laboratory, parse_server(settings))

    assert not result.agree
    assert any("the settings allow" in d or "the server's list" in d for d in result.disagreements)


NOTHING_TO_SCAN = [
    ("vsftpd", ["tls=no"], "it speaks no TLS"),
    ("vsftpd", ["certificate=unset"], "it did not start"),
    ("vsftpd", ["certificate=empty", "protocols=..TLSv1.2"], "no handshake comes about"),
    ("vsftpd", ["ciphers=NOPE"], "it did not start"),
    ("nginx", ["listening=no"], "nothing listens"),
    ("nginx", ["port_filter=dropped", "port_allowed=edge"], "edge"),
    ("origin", ["behaviour=silent"], "never answers"),
]


def test_what_cannot_be_scanned_is_listed_with_the_reason(laboratory: Lab) -> None:
    servers = [parse_server(settings, software) for software, settings, _ in NOTHING_TO_SCAN]

    results = scan_all(laboratory.session, servers)

    assert counted(results) == {
        "agree": 0,
        "disagree": 0,
        "not_scannable": len(servers),
        "lab_error": 0,
    }
    for result, (_, _, why) in zip(results, NOTHING_TO_SCAN, strict=True):
        assert isinstance(result, NotScanned)
        assert why in result.why


def test_a_scan_leaves_no_line_in_the_next_attempts_log(laboratory: Lab) -> None:
    attempt = Attempt(parse_server(["ciphers=HIGH"]), parse_client("net-ftp@rocky9"))

    scanned(laboratory, attempt.server)
    log = make(laboratory.session, PlannedAttempt("x", attempt))[0].observation.server.log

    assert log.count("CONNECT: Client") == 1


def test_the_command_scans_one_server(shared: Copy) -> None:
    done = shared.lab(
        "scan", "--server", "vsftpd@openssl-1.0.2k", "-s", "ciphers=RC4-SHA", "--json"
    )

    assert done.status == 0, str(done)
    said = done.json()
    assert said["counts"] == {"agree": 1, "disagree": 0, "not_scannable": 0, "lab_error": 0}
    assert said["scans"][0]["settings"] == "vsftpd@openssl-1.0.2k ciphers=RC4-SHA"
    assert said["scans"][0]["sslscan"]["suites"] == {"TLSv1.2": ["RC4-SHA"]}
    assert said["scans"][0]["lab"]["suites"]["TLSv1.2"] == ["RC4-SHA"]


def test_the_command_scans_the_servers_of_cases(shared: Copy) -> None:
    done = shared.lab("scan", "triple_des")

    assert done.status == 0, str(done)
    assert "  agree  TLSv1.2" in done.out
    assert " agree" in done.out.splitlines()[-1]
    done = shared.lab("scan", "triple_des", "--lang", "ja")
    assert done.status == 0, str(done)
    assert "  一致  TLSv1.2" in done.out
    assert re.match(r"設定 \d+ 組: 一致 \d+", done.out.splitlines()[-1]), str(done)
    assert "起動しませんでした: 500 OOPS" in done.out, str(done)


def test_a_disagreement_is_the_exit_status(shared: Copy) -> None:
    lie = ("-s", "protocols=..TLSv1.2", "-s", "extra=ssl_tlsv13=YES")

    done = shared.lab("scan", *lie)

    assert done.status == 1, str(done)
    assert "sslscan finds TLSv1.3, the settings allow ..TLSv1.2" in done.out


def test_cases_and_a_server_at_once_are_wrong_usage(shared: Copy) -> None:
    done = shared.lab("scan", "triple_des", "--server", "nginx")

    assert done.status == 2, str(done)
    assert "either cases, or one server" in done.err
