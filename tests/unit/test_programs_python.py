"""Programs of Python people: fsspec, aioftp, git-ftp. Settings to requests, results to reports."""

from __future__ import annotations

from typing import Any

import pytest

from lab.clients import PROGRAMS, Installed, Target
from lab.clients.git_ftp import GitFtp
from lab.model import Delivery, Goal, only

TARGET = Target(
    host="ftp.lab.test",
    port=2121,
    user="lab",
    password="secret",
    delivery=Delivery(name="a.txt", size=1024, sha256="00"),
)
DEBIAN = Installed(
    platform="debian13",
    stand_in=False,
    versions={"fsspec": "2026.9.0", "aioftp": "0.28.3", "git-ftp": "git-ftp version 2.1.0"},
)
NAMES = ("fsspec", "aioftp", "git-ftp")


def request_of(program: str, **settings: Any) -> dict[str, Any]:
    return PROGRAMS[program].request(PROGRAMS[program].settings_with(**settings), TARGET)


@pytest.mark.parametrize("program", NAMES)
def test_the_defaults_can_be_expressed(program: str) -> None:
    client = PROGRAMS[program].settings_with()
    assert client.platform == "debian13"
    assert PROGRAMS[program].unsupported(client, DEBIAN) is None


@pytest.mark.parametrize("program", NAMES)
def test_an_image_without_the_program_says_so(program: str) -> None:
    bare = Installed(platform="debian13", stand_in=False)
    cause = PROGRAMS[program].unsupported(PROGRAMS[program].settings_with(), bare)
    assert cause == f"the image has no {program}"


@pytest.mark.parametrize(
    ("program", "settings", "hint"),
    [
        ("fsspec", {"verify": True}, "never checks a certificate"),
        ("fsspec", {"trust": "private-ca"}, "no option for trust"),
        ("fsspec", {"protocols": only("TLSv1.2")}, "no option for protocols"),
        ("fsspec", {"goal": Goal.HANDSHAKE}, "logs in"),
        ("fsspec", {"mode": "active"}, "active"),
        ("fsspec", {"session_cache": "shared"}, "never resumes"),
        ("fsspec", {"protect_data": False}, "PROT P"),
        ("aioftp", {"mode": "active"}, "active"),
        ("aioftp", {"session_cache": "none"}, "always resumes"),
        ("aioftp", {"protect_data": False}, "PROT P"),
        ("git-ftp", {"goal": Goal.LOGIN}, "no action without a transfer"),
        ("git-ftp", {"ciphers": "AES128-SHA"}, "no option for ciphers"),
        ("git-ftp", {"session_cache": "none"}, "libcurl"),
        ("git-ftp", {"protect_data": False}, "clear text"),
    ],
)
def test_what_cannot_be_expressed_has_a_cause(
    program: str, settings: dict[str, Any], hint: str
) -> None:
    client = PROGRAMS[program].settings_with(**settings)
    assert hint in (PROGRAMS[program].unsupported(client, DEBIAN) or "")


def test_fsspec_is_told_a_word_for_tls_from_the_first_byte() -> None:
    assert request_of("fsspec")["tls"] is True
    assert request_of("fsspec", tls=False)["tls"] is False
    assert request_of("fsspec", implicit_tls=True)["tls"] == "tls"
    assert request_of("fsspec", implicit_tls=True, security="tlsv1_2")["tls"] == "tlsv1_2"


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, ["ftpes://ftp.lab.test:2121/"]),
        ({"tls": False}, ["ftp://ftp.lab.test:2121/"]),
        ({"implicit_tls": True}, ["ftps://ftp.lab.test:2121/"]),
        ({"verify": False}, ["--insecure", "ftpes://ftp.lab.test:2121/"]),
        ({"mode": "active"}, ["--active", "ftpes://ftp.lab.test:2121/"]),
    ],
)
def test_git_ftp_is_told_by_its_options(settings: dict[str, Any], words: list[str]) -> None:
    argv = request_of("git-ftp", **settings)["argv"]
    assert argv == ["git-ftp", "init", "-vv", "-u", "lab", "-p", "secret", *words]


def test_a_report_of_git_ftp_has_its_sentence_and_openssls_number() -> None:
    fatal = (
        "Can't access remote 'ftpes://lab:***@ftp.lab.test:2121/'. TLS verification failed (SSL certificate"
        " OpenSSL verify result: self-signed certificate (18)). Use --cacert to trust the server certificate"
        " or --insecure to skip verification."
    )
    raw = {"argv": ["git-ftp"], "exit_status": 5, "stdout": "", "stderr": f"fatal: {fatal}\n"}
    report = PROGRAMS["git-ftp"].report(raw)
    assert report.message == f"fatal: {fatal}"
    assert report.error.startswith(fatal)
    assert report.verify_code == 18


def test_a_report_of_git_ftp_reads_the_trace_of_libcurl() -> None:
    stderr = (
        "> AUTH SSL\n< 234 Proceed with negotiation.\n"
        "* SSL connection using TLSv1.3 / TLS_AES_256_GCM_SHA384 / x25519 / RSASSA-PSS\n"
        "> USER lab\n< 530 Login incorrect.\nfatal: Failed to log in.\n"
    )
    raw = {"argv": ["git-ftp"], "exit_status": 5, "stdout": "", "stderr": stderr}
    report = PROGRAMS["git-ftp"].report(raw)
    assert (report.step, report.reply_code) == ("login", 530)
    assert (report.protocol, report.cipher) == ("TLSv1.3", "TLS_AES_256_GCM_SHA384")
    assert report.message == "fatal: Failed to log in."


def test_git_ftp_has_a_limit_of_the_labs() -> None:
    assert request_of("git-ftp", timeout_s=3.0)["limit_s"] == 6.0
    assert GitFtp().timeout_s == 10.0
