"""From Movable Type's directives to the client that it starts."""

from __future__ import annotations

import pytest

from lab.clients.base import Target, ssl_version
from lab.clients.net_ftp import NetFtp
from lab.clients.net_ftp import options as net_ftp_options
from lab.model import ProtocolRange, only
from lab.own.findings import Finding, InputError, Severity
from lab.own.mt_client import client_settings, protocols, sha256_fingerprint
from lab.own.mt_config import parse

BASE = NetFtp(platform="rocky9", policy="FIPS")


def read(text: str, pins: dict[str, str] | None = None) -> tuple[NetFtp, list[Finding]]:
    return client_settings(parse(text, "mt"), BASE, pins)[:2]


def texts(findings: list[Finding], severity: Severity | None = None) -> list[str]:
    return [str(f) for f in findings if severity in (None, f.severity)]


# -- directives and options of Net::FTP ------------------------------------------------------------


def test_without_directives_nothing_is_set() -> None:
    settings, findings = read("")
    assert settings == BASE
    assert findings == []


def test_verification_off_is_unsafe_and_says_what_is_safe() -> None:
    settings, findings = read("FTPSSSLVerifyNone 1\n")
    assert settings.verify is False
    (text,) = texts(findings, Severity.WARNING)
    assert text.startswith("mt:1: ")
    assert "SSL_fingerprint" in text


def test_the_documented_remedy_sets_the_cipher_list_and_says_what_it_is() -> None:
    settings, findings = read("FTPSOptions SSL_cipher_list=AES128\n")
    assert settings.ciphers == "AES128"
    assert "alias" in " ".join(texts(findings))


def test_net_ftp_ignores_reuse_session() -> None:
    settings, findings = read("FTPSOptions ReuseSession=1\n")
    assert settings == BASE
    (text,) = texts(findings)
    assert "Net::FTP ignores it" in text


def test_the_version_of_a_directive_becomes_the_range() -> None:
    settings, _ = read("FTPSSSLVersion TLSv1_2\n")
    assert settings.protocols == only("TLSv1.2")


def test_a_version_that_has_no_effect_is_named() -> None:
    settings, findings = read("FTPSSSLVersion TLSv1_2\nSSLVersion TLSv1_3\n")
    assert settings.protocols == only("TLSv1.3")
    (text,) = texts(findings)
    assert text.startswith("mt:1: warning: `FTPSSSLVersion TLSv1_2` has no effect")


def test_options_go_over_the_directives() -> None:
    settings, findings = read(
        "FTPSSSLVerifyNone 1\nFTPSSSLVersion TLSv1_3\n"
        "FTPSOptions SSL_version=TLSv1_2\nFTPSOptions SSL_verify_mode=1\n"
    )
    assert settings.verify is True
    assert settings.protocols == only("TLSv1.2")
    assert any("on again" in text for text in texts(findings))


@pytest.mark.parametrize(
    ("line", "field", "value"),
    [
        ("SSL_verify_mode=0", "verify", False),
        ("SSL_verify_mode=", "verify", False),
        ("SSL_verify_mode=1", "verify", True),
        ("SSL_verify_mode=3", "verify", True),
        ("SSL_verifycn_name=ftp.example.com", "verify_name", "ftp.example.com"),
        ("SSL_hostname=ftp.example.com", "sni", "ftp.example.com"),
        ("SSL_hostname=", "sni", ""),
        ("SSL_session_cache_size=0", "session_cache", "none"),
        ("Passive=0", "mode", "active"),
        ("Passive=1", "mode", "passive"),
        ("Timeout=2.5", "timeout_s", 2.5),
        ("SSL=1", "implicit_tls", True),
    ],
)
def test_options_of_net_ftp(line: str, field: str, value: object) -> None:
    settings, _ = read(f"FTPSOptions {line}\n")
    assert getattr(settings, field) == value


@pytest.mark.parametrize("value", ["SSL_VERIFY_PEER", "0x01", "00", "none"])
def test_a_verify_mode_that_is_no_number_ends_the_program(value: str) -> None:
    with pytest.raises(InputError, match="must be a number") as raised:
        read(f"\nFTPSOptions SSL_verify_mode={value}\n")
    assert raised.value.line == 2


@pytest.mark.parametrize(
    ("line", "right"),
    [
        ("FTPSSSLVersion TLSv1.2", "TLSv1_2"),
        ("SSLVersion 1.2", "TLSv1_2"),
        ("FTPSOptions SSL_version=TLSv1.0", "TLSv1"),
        ("FTPSSSLVersion TLSv1_2 TLSv1_3", "SSLv23"),
        ("FTPSSSLVersion TLSv1_2:TLSv1_3", "one version"),
    ],
)
def test_a_version_that_is_none_ends_the_program(line: str, right: str) -> None:
    with pytest.raises(InputError, match="IO::Socket::SSL dies of it") as raised:
        read(f"{line}\n")
    assert raised.value.line == 1
    assert right in str(raised.value)


@pytest.mark.parametrize("key", ["SSL_ca_file", "SSL_ca_path", "SSL_cert_file", "SSL_key_file"])
def test_files_of_the_operators_machine_are_left_out(key: str) -> None:
    settings, findings = read(f"FTPSOptions {key}=/etc/x.pem\n")
    assert settings == BASE
    assert "left out" in texts(findings, Severity.WARNING)[0]


@pytest.mark.parametrize("key", ["SSL_ciphersuites", "SSL_ocsp_mode", "BlockSize", "NoSuch"])
def test_what_has_no_setting_is_left_out_and_said(key: str) -> None:
    settings, findings = read(f"FTPSOptions {key}=1\n")
    assert settings == BASE
    assert any(f"FTPSOptions {key}=1" in text for text in texts(findings, Severity.WARNING))


def test_options_are_spelt_exactly() -> None:
    settings, findings = read("FTPSOptions ssl_cipher_list=AES128\n")
    assert settings.ciphers is None
    assert any("`FTPSOptions SSL_cipher_list=AES128`" in text for text in texts(findings))


def test_a_fingerprint_pins_a_certificate_that_the_lab_serves() -> None:
    digits = "ab" * 32
    colons = ":".join(["AB"] * 32)
    for written in (f"sha256${digits}", digits, f"SHA256${colons}"):
        settings, findings = read(
            f"FTPSOptions SSL_fingerprint={written}\nFTPSOptions ReuseSession=1\n",
            pins={digits: "own"},
        )
        assert settings.fingerprint == "own"
        assert texts(findings, Severity.WARNING) == []


def test_a_fingerprint_of_another_certificate_pins_another_one() -> None:
    line = f"FTPSOptions SSL_fingerprint=sha256${'0' * 64}\n"
    settings, _ = read(line, pins={"1": "own"})
    # whatever it is, it is not what the person's server has
    assert settings.fingerprint == "impostor"
    # where no certificate of the person's is served, it says nothing
    settings, findings = read(line, pins={})
    assert settings.fingerprint is None
    assert "left out" in texts(findings, Severity.WARNING)[0]


def test_a_fingerprint_that_is_none_ends_the_program() -> None:
    with pytest.raises(InputError, match="invalid fingerprint"):
        read("FTPSOptions SSL_fingerprint=sha256:abcd!\n")


# -- options of Net::FTPSSL ------------------------------------------------------------------------


def test_a_configured_hash_drops_session_reuse_and_names_the_second_line() -> None:
    settings, findings = read("\nFTPSOptions SSL_cipher_list=HIGH\n")

    assert settings.session_cache == "default"
    (text,) = texts(findings)
    assert text.startswith("mt:2: note: ")
    assert "replaces the default ReuseSession=1" in text
    assert "`FTPSOptions ReuseSession=1`" in text


@pytest.mark.parametrize("value", ["0", "1"])
def test_session_reuse_that_a_line_decides_is_not_called_forgotten(value: str) -> None:
    settings, findings = read(
        f"FTPSOptions SSL_cipher_list=HIGH\nFTPSOptions ReuseSession={value}\n"
    )

    assert settings.ciphers == "HIGH"
    (text,) = texts(findings)
    assert text.startswith("mt:2: note: ")
    assert "Net::FTP ignores it" in text


@pytest.mark.parametrize("value", ["E", "I", "C", "TLS"])
def test_net_ftp_ignores_encryption_and_has_another_option_for_it(value: str) -> None:
    settings, findings = read(f"FTPSOptions Encryption={value}\nFTPSOptions ReuseSession=1\n")

    assert settings == BASE
    (text,) = texts(findings, Severity.WARNING)
    assert text.startswith("mt:1: ")
    assert "an option of Net::FTPSSL: Net::FTP ignores it" in text
    assert "`FTPSOptions SSL=1`" in text


# -- option values of IO::Socket::SSL --------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("TLSv1_2", "TLSv1.2"),
        ("tlsv12", "TLSv1.2"),
        ("TLSv1", "TLSv1"),
        ("TLSv1_3", "TLSv1.3"),
        ("SSLv3", "SSLv3"),
        ("SSLv23", "SSLv3.."),
        ("", "SSLv3.."),
        ("SSLv23:!SSLv3:!SSLv2", "TLSv1.."),
        ("!SSLv3 : !TLSv1", "TLSv1.1.."),
        ("SSLv2/3:!SSLv3:!TLSv1_3", "TLSv1..TLSv1.2"),
        ("SSLv23:!TLSv1:!TLSv1_1:!SSLv3:!SSLv2", "TLSv1.2.."),
    ],
)
def test_versions_are_read_as_the_module_reads_them(text: str, wanted: str) -> None:
    assert protocols(text) == ProtocolRange.parse(wanted)


@pytest.mark.parametrize("text", ["SSLv2", "TLSv1_2:!TLSv1_2", "SSLv23:!TLSv1_1"])
def test_what_is_no_range_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="leaves"):
        protocols(text)


@pytest.mark.parametrize("text", ["TLSv1.2", "TLS", "TLSv1_4", "TLSv1_2,TLSv1_3", "ALL"])
def test_what_is_no_version_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="invalid SSL_version specified"):
        protocols(text)


@pytest.mark.parametrize("text", ["SSLv23:!SSLv2:!SSLv3", "TLSv1_2", "SSLv23:!SSLv2:!SSLv3:!TLSv1"])
def test_net_ftp_is_given_the_same_versions_again(text: str) -> None:
    assert protocols(ssl_version(protocols(text))) == protocols(text)


@pytest.mark.parametrize("text", ["sha1$" + "a" * 40, "sha256$pub$" + "a" * 64, "a" * 40, "a:b"])
def test_fingerprints_of_another_kind_pin_nothing_here(text: str) -> None:
    assert sha256_fingerprint(text) is None


def test_the_settings_become_the_options_that_the_directives_mean() -> None:
    settings, _ = read("FTPSSSLVerifyNone 1\nFTPSOptions SSL_cipher_list=AES128\n")
    given = net_ftp_options(settings, Target(host="h", port=1, user="u", password="p"))
    assert given["SSL_verify_mode"] == 0
    assert given["SSL_cipher_list"] == "AES128"
    assert "SSL_version" not in given
