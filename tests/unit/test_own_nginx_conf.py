"""An nginx.conf: what nginx reads out of it, and what is said of its lines."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from lab.model import ProtocolRange, only
from lab.own.attempt import read_attempt
from lab.own.configurations import GivenFiles
from lab.own.findings import LONGEST_LINE, InputError, Severity
from lab.servers.nginx.own.reading import NginxConf, parse

WHOLE = """\
user www-data;
events {}
http {
    ssl_ciphers HIGH;
    ssl_protocols TLSv1.2;
    server { listen 80; server_name plain.example.com; }
    server {
        listen 443 ssl;
        ssl_protocols TLSv1.2 TLSv1.3;
        ssl_certificate /etc/ssl/chain.pem;
        ssl_certificate_key /etc/ssl/server.key;
        gzip on;
    }
}
"""


def server(*lines: str) -> NginxConf:
    """A server block alone, with TLS, a certificate and these lines; they begin at line 4."""
    inside = "\n".join(["listen 443 ssl;", "ssl_certificate /etc/ssl/chain.pem;", *lines])
    return parse(f"server {{\n{inside}\n}}\n")


def test_the_first_server_with_tls_counts_and_what_is_around_it() -> None:
    conf = parse(WHOLE)
    assert conf.settings.tls
    assert conf.settings.ciphers == "HIGH"  # of http
    assert conf.settings.protocols == ProtocolRange("TLSv1.2", "TLSv1.3")  # its own, not of http
    assert conf.lines == {"ciphers": 4, "protocols": 9}
    assert conf.files["ssl_certificate_key"] == ("/etc/ssl/server.key", 11)
    assert [f.line for f in conf.findings if "2 servers" in f.text] == [7]
    assert any(f.text == "without a part in a handshake: gzip (line 12)" for f in conf.findings)


@pytest.mark.parametrize(
    ("line", "field", "value"),
    [
        ("ssl_protocols TLSv1.2;", "protocols", only("TLSv1.2")),
        ("ssl_protocols TLSv1.2 SSLv2;", "protocols", only("TLSv1.2")),
        ("ssl_protocols TLSv1 TLSv1.2;", "extra", ("ssl_protocols=TLSv1 TLSv1.2",)),
        ("ssl_ciphers 'ALL:@SECLEVEL=0';", "ciphers", "ALL:@SECLEVEL=0"),
        ("ssl_verify_client on;", "require_cert", True),
        ("ssl_verify_client optional;", "require_cert", None),
        ("ssl_dhparam /etc/ssl/dh.pem;", "dh_bits", 2048),
        ("ssl_ecdh_curve prime256v1;", "extra", ("ssl_ecdh_curve=prime256v1",)),
        ("ssl_bogus on;", "extra", ("ssl_bogus=on",)),
    ],
)
def test_a_directive_becomes_a_setting(line: str, field: str, value: object) -> None:
    assert getattr(server(line).settings, field) == value


@pytest.mark.parametrize(
    ("line", "severity", "said"),
    [
        ("ssl_bogus on;", Severity.ERROR, "it has no directive `ssl_bogus`"),
        ("ssl_protocols TLS1.2;", Severity.ERROR, "`TLS1.2` is no version"),
        ("ssl_verify_client optional;", Severity.WARNING, "nobody is refused by it"),
        ("ssl_ecdh_curve prime256v1;", Severity.NOTE, "goes to the lab's server as it is"),
        ("ssl_dhparam /etc/ssl/dh.pem;", Severity.NOTE, "a group of 2048 bits"),
    ],
)
def test_what_is_said_of_a_line(line: str, severity: Severity, said: str) -> None:
    (found,) = (f for f in server(line).findings if f.line == 4)
    assert found.severity is severity
    assert said in found.text


def test_a_server_without_tls_and_one_without_a_certificate_are_said() -> None:
    plain = parse("server { listen 443; ssl_ciphers HIGH; }")
    assert not plain.settings.tls
    assert any("it speaks HTTP without TLS" in f.text for f in plain.findings)
    bare = parse("server { listen 443 ssl; }")
    assert bare.settings.certificate == "unset"
    assert any(f.severity is Severity.ERROR for f in bare.findings)


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("http {\n  server {\n", 2, 'expecting "}"'),
        ("http { }\n}", 2, 'unexpected "}"'),
        ("http {\n server {\n  ssl_protocols;\n }\n}", 3, "invalid number of arguments"),
        # one that is included in http: a semicolon is missing, and a blank is in a list
        (
            "server {\n listen 443 ssl;\n ssl_certificate /c\n ssl_certificate_key /k;\n}",
            3,
            "invalid number of arguments",
        ),
        ("server {\n listen 443 ssl;\n ssl_ciphers A, B;\n}", 3, "invalid number of arguments"),
        ("include other.conf;", None, "no server is in this file"),
        ("server { listen " + "1" * LONGEST_LINE, 1, "is the most that is read"),
    ],
)
def test_what_nginx_could_not_read_ends_the_command(text: str, line: int | None, said: str) -> None:
    with pytest.raises(InputError, match=said.replace("}", r"\}")) as ended:
        parse(text)
    assert ended.value.line == line


def test_it_is_a_way_into_an_attempt(tmp_path: Path) -> None:
    file = tmp_path / "nginx.conf"
    file.write_text(WHOLE, encoding="utf-8")
    made, own, findings = read_attempt(
        GivenFiles(configurations={"nginx-conf": file}), server_settings=["ciphers=ALL"]
    )
    assert (made.server.software, made.client.program) == ("nginx", "edge")
    assert made.server.ciphers == "ALL"  # the command line wins
    assert made.server.protocols == ProtocolRange("TLSv1.2", "TLSv1.3")
    assert own is not None
    assert own.places == {"server.protocols": f"{file}:9"}
    assert any("wins" in f.text or "ciphers" in f.text for f in findings)


@pytest.mark.parametrize("other", ["conf", "config"])
def test_it_goes_with_no_file_of_ftp(other: str, tmp_path: Path) -> None:
    file = tmp_path / "nginx.conf"
    file.write_text(WHOLE, encoding="utf-8")
    config = file if other == "config" else None
    configurations = {"nginx-conf": file} | ({"vsftpd-conf": file} if other == "conf" else {})
    files = GivenFiles(configurations=configurations)
    with pytest.raises(InputError, match="for a web client"):
        read_attempt(dataclasses.replace(files, mt_config=config))


def test_it_says_nothing_to_another_server(tmp_path: Path) -> None:
    file = tmp_path / "nginx.conf"
    file.write_text(WHOLE, encoding="utf-8")
    files = GivenFiles(configurations={"nginx-conf": file})
    with pytest.raises(InputError, match="says nothing to origin"):
        read_attempt(files, server="origin")
