"""Settings as they are written on the command line."""

from __future__ import annotations

import dataclasses
import re
import shlex
import tomllib
from functools import cache
from pathlib import Path
from typing import Any, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

import lab.settings
from lab.certificates import ANCHORS, CATALOGUE
from lab.clients import PROGRAMS
from lab.clients.curl import Curl
from lab.clients.net_ftp import NetFtp
from lab.model import (
    PLATFORMS,
    PROTOCOLS,
    Attempt,
    ClientSettings,
    Goal,
    ProtocolRange,
    ServerSettings,
)
from lab.model.expectations import Expectation, completed
from lab.model.software import CLIENT_CONTAINERS, NAMED_CONTAINERS
from lab.servers import SERVERS
from lab.servers.origin import BEHAVIOURS
from lab.servers.vsftpd import Vsftpd
from lab.settings import (
    SettingsError,
    attempt_of,
    help_lines,
    parse_client,
    parse_server,
    spell_arguments,
)

# What can be an argument of a program: anything but NUL and what UTF-8 cannot carry.
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
SLUGS = st.sampled_from(sorted(CATALOGUE))
SECONDS = st.floats(min_value=0, exclude_min=True, allow_infinity=False)
VARIABLES = st.tuples(st.sampled_from(["A", "FTPSSSLVerifyNone", "_x"]), TEXT).map("=".join)


@st.composite
def protocol_ranges(draw: st.DrawFn) -> ProtocolRange:
    low, high = sorted(draw(st.tuples(*[st.integers(0, len(PROTOCOLS) - 1)] * 2)))
    return ProtocolRange(
        draw(st.sampled_from([None, PROTOCOLS[low]])),
        draw(st.sampled_from([None, PROTOCOLS[high]])),
    )


PORTS = st.tuples(st.integers(1, 65535), st.integers(1, 65535)).map(
    lambda pair: f"{min(pair)}-{max(pair)}"
)

#: Values of fields for which their type and words do not say enough.
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "certificate": SLUGS | st.sampled_from(["unset", "empty"]),
    "client_certificate": st.none() | SLUGS,
    "fingerprint": st.none() | SLUGS,
    "trust": st.none() | st.sampled_from(sorted(ANCHORS)),
    "pasv_address": st.none() | st.ip_addresses(v=4).map(str) | st.sampled_from(NAMED_CONTAINERS),
    "pasv_ports": st.none() | PORTS,
    "port_allowed": st.none() | st.sampled_from(CLIENT_CONTAINERS),
    "behaviour": st.sampled_from(sorted(BEHAVIOURS)),
    "answer_delay_s": st.none() | SECONDS,
    "timeout_s": SECONDS,
    "payload": st.integers(0, 2**40),
    "environment": st.lists(VARIABLES, max_size=2).map(tuple),
}
BY_TYPE: dict[Any, st.SearchStrategy[Any]] = {
    bool: st.booleans(),
    str: TEXT,
    bool | None: st.none() | st.booleans(),
    str | None: st.none() | TEXT,
    int | None: st.none() | st.integers(0, 9999),
    ProtocolRange | None: st.none() | protocol_ranges(),
    tuple[str, ...]: st.lists(TEXT, max_size=3).map(tuple),
}


@cache
def fields_of(settings: type[Any], *apart: str) -> st.SearchStrategy[dict[str, Any]]:
    """Any values for every field but these."""
    values: dict[str, st.SearchStrategy[Any]] = {}
    for name, hint in get_type_hints(settings).items():
        if name in VALUES:
            values[name] = VALUES[name]
        else:
            values[name] = BY_TYPE[hint] if hint in BY_TYPE else st.from_type(hint)
    named = {f.name for f in dataclasses.fields(settings)} - set(apart)
    return st.fixed_dictionaries({name: values[name] for name in values if name in named})


@st.composite
def ends(draw: st.DrawFn, *, alike: bool) -> tuple[ServerSettings, ClientSettings]:
    """A server, and a client that speaks the same or does not."""
    server = draw(st.sampled_from(list(SERVERS.values())))
    programs = [
        p for p in PROGRAMS.values() if (p.settings.speaks == server.settings.speaks) is alike
    ]
    program = draw(st.sampled_from(programs))
    platform = draw(st.sampled_from(program.platforms))
    return server.settings_with(
        **draw(fields_of(server.settings, "software"))
    ), program.settings_with(
        platform=platform,
        policy=draw(st.sampled_from(PLATFORMS[platform])) if PLATFORMS[platform] else None,
        **draw(fields_of(program.settings, "program", "platform", "policy")),
    )


def read_command(command: str) -> Attempt:
    """What a shell and `lab attempt` make of a command line."""
    words = iter(shlex.split(command))
    assert (next(words), next(words)) == ("lab", "attempt")
    options: dict[str, list[str]] = {}
    for option in words:
        options.setdefault(option, []).append(next(words))
    (software,), (client,) = options["--server"], options["--client"]
    return Attempt(
        parse_server(options.get("-s", []), software), parse_client(client, options.get("-c", []))
    )


@given(ends(alike=True))
def test_the_spelt_command_line_repeats_exactly_the_attempt(
    both: tuple[ServerSettings, ClientSettings],
) -> None:
    attempt = Attempt(*both)
    assert read_command(shlex.join(spell_arguments(attempt))) == attempt


@given(ends(alike=False))
def test_ends_that_do_not_speak_the_same_are_no_attempt(
    both: tuple[ServerSettings, ClientSettings],
) -> None:
    with pytest.raises(SettingsError, match="speaks"):
        attempt_of(*both)


def test_the_spelling_names_what_is_set_and_nothing_else() -> None:
    attempt = Attempt(
        Vsftpd(ciphers="AES128-SHA:DES-CBC3-SHA", protocols=ProtocolRange.parse("..TLSv1.2")),
        NetFtp(policy="FIPS", verify=False),
    )
    assert shlex.join(spell_arguments(attempt)) == (
        "lab attempt --server vsftpd -s ciphers=AES128-SHA:DES-CBC3-SHA -s protocols=..TLSv1.2"
        " --client net-ftp@rocky9:FIPS -c verify=no"
    )
    assert spell_arguments(attempt, completed(verified=False))[-2:] == [
        "--expect",
        "completed:verified=no",
    ]


def test_an_attempt_with_nothing_set_is_a_short_line() -> None:
    attempt = Attempt(Vsftpd(), NetFtp(platform="centos7"))
    assert (
        shlex.join(spell_arguments(attempt))
        == "lab attempt --server vsftpd --client net-ftp@centos7"
    )


def test_the_spelt_expectation_reads_back() -> None:
    expectation = Expectation.parse("refused:server:handshake:no-shared-cipher")
    words = spell_arguments(Attempt(Vsftpd(), NetFtp()), expectation)
    assert Expectation.parse(words[-1]) == expectation


@pytest.mark.parametrize("text", ["yes", "on", "true", "1", "YES", "peer"])
def test_words_for_verifying(text: str) -> None:
    assert parse_client("net-ftp@centos7", [f"verify={text}"]).verify is True


@pytest.mark.parametrize("text", ["no", "off", "false", "0", "None", "none"])
def test_words_for_not_verifying(text: str) -> None:
    assert parse_client("net-ftp@centos7", [f"verify={text}"]).verify is False


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("1024", 1024),
        ("100kB", 100_000),
        ("1MB", 1_000_000),
        ("1mb", 1_000_000),
        ("2 MiB", 2 * 1024 * 1024),
        ("7B", 7),
    ],
)
def test_sizes(text: str, size: int) -> None:
    assert parse_client("curl@rocky9", [f"payload={text}"]) == Curl(payload=size)


def test_values_of_every_kind_are_read_by_the_field_s_type() -> None:
    server = parse_server(
        ["protocols=TLSv1.2..", "require_ssl_reuse=no", "extra=a=1", "extra=b=2", "ciphers="]
    )
    assert server == Vsftpd(
        protocols=ProtocolRange("TLSv1.2", None),
        require_ssl_reuse=False,
        extra=("a=1", "b=2"),
        ciphers="",
    )
    client = parse_client("net-ftp@rocky9:FUTURE", ["goal=handshake", "timeout_s=2.5s", "sni="])
    assert client == NetFtp("rocky9", "FUTURE", goal=Goal.HANDSHAKE, timeout_s=2.5, sni="")
    assert client.where == "rocky9:FUTURE"


def test_a_platform_with_policies_is_under_its_own_when_none_is_written() -> None:
    assert parse_client("net-ftp@rocky9").policy == "DEFAULT"
    assert parse_client("net-ftp@centos7").policy is None


@pytest.mark.parametrize(
    ("assignment", "words"),
    [
        (
            "cipher=HIGH",
            ["vsftpd has no setting 'cipher'", "did you mean ciphers", "impostor, "],
        ),
        ("ciphers", ["ciphers has no value", "ciphers=VALUE"]),
        (
            "port_allowed=egde",
            ["no value of port_allowed 'egde'; did you mean edge?", "rocky9-fips, centos7"],
        ),
        ("certificate=self-singed", ["'self-singed'", "did you mean self-signed", "unset, empty"]),
        ("protocols=TLS1.2", ["protocols=TLS1.2 cannot be read", "TLSv1.2"]),
        ("protocols=TLSv1.3..TLSv1.2", ["empty", "minimum is above"]),
        ("protocols=", ["protocols= cannot be read"]),
        ("tls=maybe", ["tls=maybe cannot be read", "yes, on, true, 1, no"]),
        ("tls=none", ["tls=none cannot be read"]),
        ("data_ports=closed", ["'closed'", "open, dropped, rejected"]),
        ("pasv_ports=30009-30000", ["FIRST-LAST", "30000-30009"]),
        ("pasv_ports=many", ["FIRST-LAST"]),
        ("pasv_ports=0-99999", ["30000-30009"]),
        ("pasv_address=300.1.1.1", ["pasv_address=300.1.1.1 cannot be read"]),
        ("pasv_address=silence", ["no value of pasv_address 'silence'; did you mean silent?"]),
        ("software=pyftpdlib", ["given with --server"]),
        (
            "behaviour=close",
            ["vsftpd has no setting 'behaviour': it is one of origin", "require_cert"],
        ),
        ("", ["vsftpd has no setting ''", "certificate, ciphers"]),
    ],
)
def test_a_server_setting_that_cannot_be_read(assignment: str, words: list[str]) -> None:
    with pytest.raises(SettingsError) as caught:
        parse_server([assignment])
    assert all(word in str(caught.value) for word in words), str(caught.value)


@pytest.mark.parametrize(
    ("client", "assignment", "words"),
    [
        ("net-ftps@rocky9", "", ["no client program 'net-ftps'", "mean net-ftp", "ftplib-reuse"]),
        ("net-ftp@rocky8", "", ["no platform of net-ftp 'rocky8'", "mean rocky9?", "centos7"]),
        ("net-ftp@rocky9:fips", "", ["'fips'; did you mean FIPS?", "DEFAULT, LEGACY, FUTURE"]),
        ("net-ftp@rocky9:", "", ["no crypto policy of rocky9 ''"]),
        ("net-ftp@centos7:FIPS", "", ["centos7 has no crypto policies", "net-ftp@centos7"]),
        ("net-ftp", "", ["names no platform", "net-ftp@rocky9"]),
        ("lftp", "", ["names no platform", "lftp@debian13"]),
        ("net-ftp@rocky9", "policy=FIPS", ["given with --client"]),
        ("net-ftp@rocky9", "verfy=no", ["'verfy'; did you mean verify", "timeout_s"]),
        ("net-ftp@rocky9", "trust=privat-ca", ["'privat-ca'; did you mean private-ca?"]),
        ("net-ftp@rocky9", "fingerprint=x", ["no value of fingerprint 'x'", "valid"]),
        ("net-ftp@rocky9", "goal=upload", ["handshake, login, transfer"]),
        ("net-ftp@rocky9", "payload=1TB", ["payload=1TB cannot be read", "1MiB"]),
        ("net-ftp@rocky9", "payload=-1", ["payload=-1 cannot be read"]),
        ("net-ftp@rocky9", "payload=", ["payload= cannot be read"]),
        ("net-ftp@rocky9", "timeout_s=0", ["above zero"]),
        ("net-ftp@rocky9", "timeout_s=nan", ["above zero"]),
        ("net-ftp@rocky9", "timeout_s=soon", ["above zero"]),
        ("net-ftp@debian11", "", ["no platform of net-ftp 'debian11'", "did you mean debian1"]),
        ("lftp@debian13", "max_retries=-1", ["max_retries=-1 cannot be read", "whole number"]),
        ("edge@rocky9", "", ["no platform of edge 'rocky9'", "debian13"]),
        ("net-ftp@rocky9", "environment=NAME", ["NAME=VALUE"]),
    ],
)
def test_a_client_that_cannot_be_read(client: str, assignment: str, words: list[str]) -> None:
    with pytest.raises(SettingsError) as caught:
        parse_client(client, [assignment] if assignment else [])
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_an_unknown_server_is_answered_with_the_known_ones() -> None:
    with pytest.raises(SettingsError, match=r"'vsftp'; did you mean vsftpd or vsftpd@"):
        parse_server([], "vsftp")


def test_a_setting_given_twice_is_refused_and_not_silently_the_last() -> None:
    with pytest.raises(SettingsError, match="ciphers is given twice"):
        parse_server(["ciphers=HIGH", "ciphers=ALL"])


def test_help_names_every_field_of_one_program_that_can_be_assigned() -> None:
    names = [name for name, _ in help_lines(PROGRAMS["net-ftp"].settings)]
    assert names[0] == "goal"
    assert "libnet" in names
    assert not {"program", "ssl_force", "jvm_options"} & set(names)


@pytest.mark.parametrize("name", [*SERVERS, *PROGRAMS])
def test_help_is_in_both_languages_and_of_this_program(name: str) -> None:
    settings = SERVERS[name].settings if name in SERVERS else PROGRAMS[name].settings
    for field, text in help_lines(settings):
        assert text.en, field
        assert re.search("[ぁ-んァ-ン一-龯]", text.ja), f"no Japanese of {field}: {text.en}"


def test_no_japanese_help_is_of_a_field_that_there_is_no_more() -> None:
    servers = [server.settings for server in SERVERS.values()]
    clients = [program.settings for program in PROGRAMS.values()]
    known = {text.en for one in (*servers, *clients) for _, text in help_lines(one)}
    folder = Path(lab.settings.__file__).parent
    for file in folder.rglob("fields.toml"):
        assert tomllib.loads(file.read_text(encoding="utf-8")).keys() <= known, file
