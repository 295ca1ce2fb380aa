"""Settings as they are written on the command line."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from lab.certificates import ANCHORS, CATALOGUE
from lab.expectations import Expectation, completed
from lab.model import (
    BEHAVIOURS,
    CLIENT_CONTAINERS,
    COMMAND_LINES,
    NAMED_CONTAINERS,
    PLATFORMS,
    PROGRAMS,
    PROTOCOLS,
    SERVER_HOSTS,
    WEB_PROGRAMS,
    Attempt,
    ClientSettings,
    Goal,
    ProtocolRange,
    ServerSettings,
)
from lab.settings import (
    SettingsError,
    attempt_of,
    help_lines,
    parse_client,
    parse_server,
    spell,
    spell_arguments,
)

# What can be an argument of a program: anything but NUL and what UTF-8 cannot carry.
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
SLUGS = st.sampled_from(sorted(CATALOGUE))
MAYBE = st.none() | st.booleans()


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

SERVERS = st.builds(
    ServerSettings,
    software=st.sampled_from(sorted(SERVER_HOSTS)),
    certificate=SLUGS | st.sampled_from(["unset", "empty"]),
    ciphers=st.none() | TEXT,
    protocols=st.none() | protocol_ranges(),
    tls=st.booleans(),
    tls_required_login=st.booleans(),
    tls_required_data=st.booleans(),
    require_ssl_reuse=MAYBE,
    strict_ssl_read_eof=MAYBE,
    ssl_sni_hostname=st.none() | TEXT,
    require_cert=MAYBE,
    implicit_tls=st.booleans(),
    anonymous=st.booleans(),
    allow_anon_ssl=MAYBE,
    pasv_address=st.none() | st.ip_addresses(v=4).map(str) | st.sampled_from(NAMED_CONTAINERS),
    pasv_ports=st.none() | PORTS,
    data_ports=st.sampled_from(["open", "dropped", "rejected"]),
    listening=st.booleans(),
    port_filter=st.sampled_from(["open", "dropped", "rejected"]),
    port_allowed=st.none() | st.sampled_from(CLIENT_CONTAINERS),
    behaviour=st.sampled_from(sorted(BEHAVIOURS)),
    answer_delay_s=st.none() | st.floats(min_value=0, exclude_min=True, allow_infinity=False),
    dh_bits=st.none() | st.integers(1, 16384),
    certificate_by_name=st.booleans(),
    extra=st.lists(TEXT, max_size=3).map(tuple),
)
VARIABLES = st.tuples(st.sampled_from(["A", "FTPSSSLVerifyNone", "_x"]), TEXT).map("=".join)


@st.composite
def clients(draw: st.DrawFn) -> ClientSettings:
    program = draw(st.sampled_from(sorted(PROGRAMS)))
    platform = draw(st.sampled_from(PROGRAMS[program]))
    return ClientSettings(
        program=program,
        platform=platform,
        policy=draw(st.sampled_from(PLATFORMS[platform])) if PLATFORMS[platform] else None,
        goal=draw(st.sampled_from(list(Goal))),
        tls=draw(st.booleans()),
        implicit_tls=draw(st.booleans()),
        host=draw(st.none() | TEXT),
        verify=draw(st.booleans()),
        trust=draw(st.none() | st.sampled_from(sorted(ANCHORS))),
        fingerprint=draw(st.none() | SLUGS),
        verify_name=draw(st.none() | TEXT),
        sni=draw(st.none() | TEXT),
        ciphers=draw(st.none() | TEXT),
        protocols=draw(st.none() | protocol_ranges()),
        mode=draw(st.sampled_from(["passive", "active"])),
        session_cache=draw(st.sampled_from(["default", "shared", "none"])),
        libnet=draw(st.none() | TEXT),
        payload=draw(st.integers(0, 2**40)),
        user=draw(TEXT),
        password=draw(st.none() | TEXT),
        client_certificate=draw(st.none() | SLUGS),
        last_error=draw(st.booleans()),
        refuse_rc4=draw(st.booleans()),
        environment=draw(st.lists(VARIABLES, max_size=2).map(tuple)),
        options=draw(st.lists(TEXT, max_size=2).map(tuple)) if program in COMMAND_LINES else (),
        timeout_s=draw(st.floats(min_value=0, exclude_min=True, allow_infinity=False)),
    )


def speak_the_same(server: ServerSettings, client: ClientSettings) -> bool:
    return server.is_origin == (client.program in WEB_PROGRAMS)


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


@given(SERVERS, clients())
def test_the_spelt_command_line_repeats_exactly_the_attempt(
    server: ServerSettings, client: ClientSettings
) -> None:
    assume(speak_the_same(server, client))
    attempt = Attempt(server, client)
    assert read_command(spell(attempt)) == attempt


@given(SERVERS, clients())
def test_ends_that_do_not_speak_the_same_are_no_attempt(
    server: ServerSettings, client: ClientSettings
) -> None:
    assume(not speak_the_same(server, client))
    with pytest.raises(SettingsError, match="speaks"):
        attempt_of(server, client)


def test_the_spelling_names_what_is_set_and_nothing_else() -> None:
    attempt = Attempt(
        ServerSettings(
            ciphers="AES128-SHA:DES-CBC3-SHA", protocols=ProtocolRange.parse("..TLSv1.2")
        ),
        ClientSettings(policy="FIPS", verify=False),
    )
    assert spell(attempt) == (
        "lab attempt --server vsftpd -s ciphers=AES128-SHA:DES-CBC3-SHA -s protocols=..TLSv1.2"
        " --client net-ftp@rocky9:FIPS -c verify=no"
    )
    assert spell_arguments(attempt, completed(verified=False))[-2:] == [
        "--expect",
        "completed:verified=no",
    ]


def test_an_attempt_with_nothing_set_is_a_short_line() -> None:
    attempt = Attempt(ServerSettings(), ClientSettings(platform="centos7"))
    assert spell(attempt) == "lab attempt --server vsftpd --client net-ftp@centos7"


def test_the_spelt_expectation_reads_back() -> None:
    expectation = Expectation.parse("refused:server:handshake:no-shared-cipher")
    words = spell_arguments(Attempt(ServerSettings(), ClientSettings()), expectation)
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
    assert parse_client("curl@rocky9", [f"payload={text}"]).payload == size


def test_values_of_every_kind_are_read_by_the_field_s_type() -> None:
    server = parse_server(
        ["protocols=TLSv1.2..", "require_ssl_reuse=no", "extra=a=1", "extra=b=2", "ciphers="]
    )
    assert server == ServerSettings(
        protocols=ProtocolRange("TLSv1.2", None),
        require_ssl_reuse=False,
        extra=("a=1", "b=2"),
        ciphers="",
    )
    client = parse_client("ftplib@rocky9:FUTURE", ["goal=handshake", "timeout_s=2.5s", "sni="])
    assert (client.goal, client.timeout_s, client.sni) == (Goal.HANDSHAKE, 2.5, "")
    assert client.where == "rocky9:FUTURE"


def test_a_platform_with_policies_is_under_its_own_when_none_is_written() -> None:
    assert parse_client("net-ftp@rocky9").policy == "DEFAULT"
    assert parse_client("net-ftp@centos7").policy is None


@pytest.mark.parametrize(
    ("assignment", "words"),
    [
        (
            "cipher=HIGH",
            ["no server setting 'cipher'", "did you mean ciphers", "impostor, extra"],
        ),
        ("ciphers", ["ciphers has no value", "ciphers=VALUE"]),
        (
            "port_allowed=egde",
            ["no value of port_allowed 'egde'; did you mean edge?", "rocky9-fips, centos7, edge"],
        ),
        ("certificate=self-singed", ["'self-singed'", "did you mean self-signed", "unset, empty"]),
        ("protocols=TLS1.2", ["protocols=TLS1.2 cannot be read", "TLSv1.2"]),
        ("protocols=TLSv1.3..TLSv1.2", ["empty", "minimum is above"]),
        ("protocols=", ["protocols= cannot be read"]),
        ("tls=maybe", ["tls=maybe cannot be read", "yes, on, true, 1, no"]),
        ("tls=none", ["tls=none cannot be read"]),
        ("data_ports=closed", ["'closed'", "open, dropped, rejected"]),
        ("pasv_ports=30009-30000", ["30000-30009"]),
        ("pasv_ports=0-99999", ["30000-30009"]),
        ("pasv_address=300.1.1.1", ["pasv_address=300.1.1.1 cannot be read"]),
        ("pasv_address=silence", ["no value of pasv_address 'silence'; did you mean silent?"]),
        ("software=pyftpdlib", ["given with --server"]),
        ("", ["no server setting ''", "certificate, ciphers"]),
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
        ("net-ftp@debian13", "", ["no platform of net-ftp 'debian13'"]),
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


def test_help_names_every_field_that_can_be_assigned() -> None:
    names = [name for name, _ in help_lines(ClientSettings)]
    assert names[0] == "goal"
    assert "program" not in names
    assert all(help_text for _, help_text in help_lines(ServerSettings))
