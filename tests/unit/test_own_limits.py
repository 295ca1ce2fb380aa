"""How much an operator's file may hold: the most is read, one more is an error that says so."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from lab.clients.net_ftp import NetFtp
from lab.model import ProtocolRange
from lab.own import mt_config as mt
from lab.own.attempt import read_attempt
from lab.own.backend import read
from lab.own.backend_data import DEEPEST, MOST_PARTS, MOST_VALUES
from lab.own.configurations import GivenFiles
from lab.own.findings import (
    LONGEST_LINE,
    MOST_FINDINGS,
    MOST_SETTINGS,
    Finding,
    InputError,
    Severity,
    most_of,
)
from lab.own.mt_client import client_settings, protocols
from lab.own.pem import LARGEST_CHAIN, LARGEST_KEY, MOST_BLOCKS, read_anchors, read_certificate
from lab.own.vcl import MOST_BACKENDS, MOST_PARAMETERS, MOST_STEPS
from lab.servers.vsftpd.own import reading as conf
from lab.text import LONGEST_MESSAGE
from tests.unit.certificates import HOST, MATERIAL

SERVED = MATERIAL.server("full-chain", HOST)
CHAIN, KEY = SERVED.chain_pem, SERVED.key_pem

Read = Callable[[str], object]


def backends(file: str) -> Read:
    return lambda text: read(text, file)


def vcl(number: int) -> str:
    return "".join(f'backend b{n} {{ .host = "a.example"; }}\n' for n in range(number))


def toml(number: int) -> str:
    return "".join(f'[[backends]]\naddress = "a{n}.example"\n' for n in range(number))


def as_json(number: int) -> str:
    return json.dumps({"backends": [{"address": f"a{n}.example"} for n in range(number)]})


def nested(depth: int) -> str:
    return '{"address": "a.example", "comment": ' + "[" * depth + "]" * depth + "}"


def parameters(number: int) -> str:
    return json.dumps({"address": "a.example"} | {f"p{n}": n for n in range(number - 1)})


#: How a file is read, what has this much, how much is read, and what is said of one more.
LIMITS: list[tuple[Read, Callable[[int], str], int, str]] = [
    (conf.parse, lambda n: "x" * (n - 2) + "=1", LONGEST_LINE, "characters"),
    (conf.parse, lambda n: "ssl_enable=YES\n" * n, MOST_SETTINGS, "more than 2000 settings"),
    (mt.parse, lambda n: "Name " + "x" * (n - 5), LONGEST_LINE, "characters"),
    (mt.parse, lambda n: "CGIPath /x\n" * n, MOST_SETTINGS, "more than 2000 settings"),
    (backends("a.vcl"), vcl, MOST_BACKENDS, "more than 500 backends"),
    (backends("a.toml"), toml, MOST_BACKENDS, "more than 500 backends"),
    (backends("a.json"), as_json, MOST_BACKENDS, "more than 500 backends"),
    (backends("a.json"), parameters, MOST_PARAMETERS, "more than 200 parameters"),
    (
        backends("a.vcl"),
        lambda n: "backend a { " + '.host = "a.example"; ' * n + "}",
        MOST_PARAMETERS,
        "more than 200 parameters",
    ),
    (backends("a.json"), nested, DEEPEST, "more than 32 deep"),
    (
        backends("a.toml"),
        lambda n: 'address = "a.example"\ncomment = ' + "[" * n + "]" * n,
        DEEPEST,
        "more than 32 deep",
    ),
    (
        backends("a.toml"),
        lambda n: 'address = "a.example"\n' + ".".join("a" * n) + " = 1",
        MOST_PARTS,
        "more than 16 parts",
    ),
    (
        backends("a.json"),
        lambda n: '{"address": "a.example", "x": [' + "1," * (n - 3) + "1]}",
        MOST_VALUES,
        "more than 50000 values",
    ),
    (
        backends("a.toml"),
        lambda n: 'address = "a.example"\nx = [' + "1," * (n - 3) + "]",
        MOST_VALUES,
        "more than 50000 values",
    ),
    (backends("a.toml"), lambda n: "port = 0x" + "1" * (n - 2), 18, "a number of 19 digits"),
]


@pytest.mark.parametrize(
    ("reader", "text", "most", "said"),
    LIMITS,
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_most_is_read_and_one_more_is_an_error(
    reader: Read, text: Callable[[int], str], most: int, said: str
) -> None:
    try:
        reader(text(most))
    except InputError as error:  # that it is a number is no more than one of what may be wrong
        assert said not in str(error)  # noqa: PT017
    with pytest.raises(InputError) as raised:
        reader(text(most + 1))
    assert said in raised.value.what
    assert raised.value.remedy


@pytest.mark.parametrize("digits", [21, 5000])
@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("a.json", '{\n"port": %s}'),
        ("a.toml", "\nport = %s"),
        ("a.vcl", 'backend a {\n.connect_timeout = %ss; .host = "a"; }'),
    ],
)
def test_a_number_of_very_many_digits_is_named_with_its_line(
    file: str, text: str, digits: int
) -> None:
    with pytest.raises(InputError, match=f"a number of {digits} digits") as raised:
        read(text % ("9" * digits), file)
    assert raised.value.line == 2


def test_a_name_that_is_there_twice_in_json() -> None:
    with pytest.raises(InputError, match="'address' twice"):
        read('{"address": "a.example", "address": "b.example"}', "a.json")


def test_what_no_cipher_list_has_is_refused() -> None:
    with pytest.raises(InputError, match="plain letters") as raised:
        read('{"address": "a.example", "ssl_ciphers": "\\ud800"}', "a.json")
    assert "\\ud800" in str(raised.value)


def test_a_lone_surrogate_in_pem_is_no_pem() -> None:
    with pytest.raises(InputError, match="no PEM block"):
        read('{"address": "a.example", "ssl_ca_cert": "\\ud800"}', "a.json")


def test_words_of_a_vcl_are_counted_and_a_block_is_passed_over_in_one_step() -> None:
    sub = "sub a { " + "set x = y; " * 60_000 + "}\n"
    assert read(sub + vcl(1), "a.vcl").address == "a.example"
    with pytest.raises(InputError, match="more than 250000 words"):
        read("a " * (MOST_STEPS + 1), "a.vcl")


# -- numbers and blanks of an mt-config.cgi -----------------------------------------------------------


def test_numbers_beyond_all_bounds_are_as_in_perl() -> None:
    many = "9" * 400
    config = mt.parse(f"FTPSOptions SSL_verify_mode={many}\nFTPSOptions Timeout={many}\n")
    settings, findings, _ = client_settings(config, NetFtp())
    assert settings.verify
    assert settings.timeout_s == NetFtp().timeout_s
    assert any("no time" in finding.text for finding in findings)


def test_blanks_beside_colons_go_and_those_at_the_ends_stay() -> None:
    assert protocols("SSLv23 : !SSLv3\t:!TLSv1") == ProtocolRange("TLSv1.1", None)
    for text in (" SSLv23:!SSLv3", "SSLv23:!SSLv3 "):
        with pytest.raises(ValueError, match="is no version"):
            protocols(text)


def test_blanks_at_the_end_of_a_value_go() -> None:
    config = mt.parse("SSLVersion \t TLSv1_2 \t\x0b\r\n")
    assert config.version is not None
    assert config.version.value == "TLSv1_2"


# -- PEM ---------------------------------------------------------------------------------------------


def test_a_chain_that_no_client_takes_is_an_error() -> None:
    leaf, key = served_by_a_small_key()
    times = LARGEST_CHAIN // (len(leaf) * 3 // 4)
    read_certificate(leaf * (times // 2), key)
    with pytest.raises(InputError, match="a client with OpenSSL takes 102400") as raised:
        read_certificate(leaf * min(times * 2, MOST_BLOCKS), key)
    assert raised.value.line == 1


def served_by_a_small_key() -> tuple[bytes, bytes]:
    served = MATERIAL.server("valid", HOST)
    leaf = served.chain_pem.partition(b"-----END CERTIFICATE-----\n")
    return b"".join(leaf[:2]), served.key_pem


def test_a_file_of_very_many_blocks() -> None:
    block = b"-----BEGIN A-----\n-----END A-----\n"
    with pytest.raises(InputError, match="only a block A"):
        read_certificate(block * MOST_BLOCKS, KEY)
    with pytest.raises(InputError, match="more than 500 PEM blocks") as raised:
        read_certificate(block * (MOST_BLOCKS + 1), KEY)
    assert raised.value.line == 2 * MOST_BLOCKS + 1


def test_the_lines_of_blocks_are_counted_on() -> None:
    wrong = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    with pytest.raises(InputError, match="cannot be read") as raised:
        read_certificate(b"\n\n" + CHAIN + b"# a line\n" + wrong, KEY)
    assert raised.value.line == 2 + CHAIN.count(b"\n") + 2


def test_a_key_that_is_too_large_is_not_looked_at() -> None:
    block = b"-----BEGIN PRIVATE KEY-----\n%s-----END PRIVATE KEY-----\n"
    with pytest.raises(InputError, match=f"larger than {LARGEST_KEY}"):
        read_certificate(CHAIN, block % (b"A" * LARGEST_KEY + b"\n"))


def test_a_key_for_diffie_hellman_is_not_tried() -> None:
    # the beginning of a PrivateKeyInfo with the identifier of such keys (RFC 5958, PKCS #3); no key
    der = bytes.fromhex("301a020100300b06092a864886f70d010301")
    body = base64.encodebytes(der)
    pem = b"-----BEGIN PRIVATE KEY-----\n%s-----END PRIVATE KEY-----\n" % body
    with pytest.raises(InputError, match="for Diffie-Hellman"):
        read_certificate(CHAIN, pem)


def test_of_very_many_anchors_the_issuers_are_found() -> None:
    leaf, intermediate, root = (
        part + b"-----END CERTIFICATE-----\n"
        for part in CHAIN.split(b"-----END CERTIFICATE-----\n")[:3]
    )
    anchors, findings = read_anchors(leaf + intermediate + root, "a.pem")
    assert [finding.severity for finding in findings] == [Severity.NOTE], "the leaf is no CA"
    assert len(anchors.description.splitlines()) == 3
    _, findings = read_anchors(leaf + root, "a.pem")
    assert [(f.line, f.severity) for f in findings] == [(1, Severity.WARNING), (1, Severity.NOTE)]


# -- what is said ------------------------------------------------------------------------------------


def test_of_very_many_findings_the_first_are_said_and_the_rest_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "vsftpd.conf"
    path.write_text("nonsense=1\n" * 100)
    _, _, findings = read_attempt(GivenFiles(configurations={"vsftpd-conf": path}))
    assert len(findings) == MOST_FINDINGS + 1
    assert [finding.line for finding in findings[:3]] == [1, 2, 3]
    assert "more findings, which are not printed" in findings[-1].text
    few = findings[:MOST_FINDINGS]
    assert most_of(few) == few


def test_a_finding_quotes_little_and_nothing_that_moves_a_terminal() -> None:
    (finding,) = (
        f
        for f in mt.parse("FTPSOption \x1b[31m" + "x" * 1000 + "\n", "a\nb.cgi").findings
        if "did you mean" in f.text
    )
    assert str(finding).startswith("a\\nb.cgi:1: warning: ")
    assert "\\x1b[31m" in str(finding)
    assert "x" * 81 not in str(finding)


def test_a_message_has_an_end() -> None:
    error = InputError("a.conf", 1, "x" * 10_000, "\ny")
    assert len(error.what) == LONGEST_MESSAGE
    assert error.remedy == "\\ny"
    finding = Finding(Severity.NOTE, "a.conf", 1, "x" * 10_000)
    assert str(finding).endswith("...")
