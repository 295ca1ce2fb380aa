"""proftpd.conf: what ProFTPD makes of it, as the settings of a server."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lab.certificates import OWN
from lab.model import ProtocolRange
from lab.own.attempt import read_attempt
from lab.own.configurations import GivenFiles
from lab.own.findings import LONGEST_LINE, InputError, data
from lab.own.presumed import in_both_languages
from lab.servers import ListenerPlace
from lab.servers.proftpd import SERVERS, Proftpd, ProftpdServer
from lab.servers.proftpd.own import reading as conf
from lab.servers.proftpd.own.reading import Becomes, ProftpdConf, directives
from tests.own_inputs import CONFIGURATIONS, JUDGED, NO_INPUT, Input

INPUTS = [one for one in CONFIGURATIONS if one.kind == "proftpd.conf"]
#: What every file of these tests begins with, so that only what is tested is out of the ordinary.
USUAL = (
    "LoadModule mod_tls.c\nTLSEngine on\nTLSRSACertificateFile /x.pem\nTLSRSACertificateKeyFile /x.key\n"
    "TLSCertificateChainFile /x.pem\nTLSRequired on\n"
)
FIRST = USUAL.count("\n") + 1
JAPANESE = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]")
PLACE = ListenerPlace(
    key="k1",
    port=2121,
    passive_ports=(30000, 30009),
    password="secret",
    chain="/chain.pem",
    private_key="/key.pem",
    client_ca="/ca.pem",
)


def read(text: str) -> ProftpdConf:
    return conf.parse(USUAL + text)


def parsed(one: Input, *, twin: bool = False) -> ProftpdConf:
    (content,) = (one.twin if twin else one.content).values()
    return conf.parse(content.decode())


# -- settings --------------------------------------------------------------------------------------


def test_a_usual_file_is_the_lab_s_server_and_nothing_is_presumed() -> None:
    found = read("")
    wanted = Proftpd(certificate_chain=True)
    assert found.settings == wanted
    assert not any(f.severity != "note" for f in found.findings)


def test_what_no_line_sets_is_the_program_s_default() -> None:
    settings = conf.parse("").settings
    assert (settings.tls, settings.certificate) == (False, "unset")
    assert (settings.tls_required_login, settings.tls_required_data) == (False, False)
    assert (settings.certificate_chain, settings.require_ssl_reuse) == (False, True)


@pytest.mark.parametrize(
    ("line", "fields"),
    [
        ("TLSProtocol TLSv1.2 TLSv1.3", {"protocols": ProtocolRange("TLSv1.2", "TLSv1.3")}),
        ("TLSProtocol ALL -TLSv1.3", {"extra": ("TLSProtocol=ALL -TLSv1.3",)}),
        ("TLSProtocol TLSv1 TLSv1.2", {"extra": ("TLSProtocol=TLSv1 TLSv1.2",)}),
        ('tlsciphersuite "HIGH !aNULL" # ours', {"ciphers": "HIGH !aNULL"}),
        ("TLSCipherSuite A\nTLSCipherSuite B", {"ciphers": "B"}),
        ("TLSCipherSuite A\nTLSCipherSuite TLSv1.2 B", {"ciphers": "B", "extra": ()}),
        ("<Global>\nTLSCipherSuite B\n</Global>\nTLSCipherSuite A", {"ciphers": "B"}),
        (
            "TLSCipherSuite TLSv1.3 B\nTLSCipherSuite A",
            {"ciphers": "A", "extra": ("TLSCipherSuite=TLSv1.3 B",)},
        ),
        ("TLSOptions UseImplicitSSL", {"implicit_tls": True}),
        (
            "TLSOptions EnableDiags \\\n  NoSessionReuseRequired\r",
            {"require_ssl_reuse": False, "extra": ("TLSOptions=EnableDiags",)},
        ),
        (
            "TLSOptions NoCertRequest NoSessionReuseRequired EnableDiags",
            {
                "require_ssl_reuse": False,
                "extra": ("TLSOptions=NoCertRequest", "TLSOptions=EnableDiags"),
            },
        ),
        ("TLSEngine off", {"tls": True}),
        ("<Global>\nTLSEngine off\nTLSCipherSuite A\n</Global>", {"tls": True, "ciphers": "A"}),
        ("<IfModule mod_tls.c>\nTLSCipherSuite A\n</IfModule>", {"ciphers": "A"}),
        ("<IfModule !mod_tls.c>\nTLSCipherSuite A\n</IfModule>", {"ciphers": None}),
        ("<IfModule mod_nope.c>\nTLSCipherSuite A\n</IfModule>", {"ciphers": None}),
        ("<IfDefine !X>\nTLSCipherSuite A\n</IfDefine>", {"ciphers": "A"}),
        ("TLSVerifyClient on", {"require_cert": True}),
        ("TLSVerifyClient optional", {"extra": ("TLSVerifyClient=optional",)}),
        ("MaxClients 3 Full", {"extra": ("MaxClients=3 Full",)}),
        ("DefaultRoot ~", {"extra": ("DefaultRoot=~",)}),
        ("<Limit STOR>\n DenyAll\n</Limit>", {"extra": ("<Limit=STOR> ⏎ DenyAll ⏎ </Limit>",)}),
        ("<Anonymous ~ftp>\nUser ftp\n</Anonymous>", {"anonymous": True}),
        ("<VirtualHost ftp2>\nTLSCipherSuite A\n</VirtualHost>", {"ciphers": None}),
    ],
)
def test_lines_are_settings(line: str, fields: dict[str, object]) -> None:
    settings = read(f"{line}\n").settings
    assert {name: getattr(settings, name) for name in fields} == fields


@pytest.mark.parametrize(
    ("compared", "met"),
    [
        (">= 1.3.6", True),
        ("!< 1.3.8", True),
        ("= 1.3.8c", True),
        ("1.3.8C", True),
        ("1.3.8", False),
        ("> 1.3.8rc4", True),
        ("< 1.3.8d", True),
        ("<= 1.3", False),
        ("> 2", False),
        ("!= 1.3.8c", False),
        ("=> 1.3", False),
    ],
)
def test_a_version_is_compared_as_mod_ifversion_does(compared: str, met: bool) -> None:
    found = read(f"<IfVersion {compared}>\nTLSCipherSuite A\n</IfVersion>\n")
    assert found.settings.ciphers == ("A" if met else None)
    [presumed] = found.settings.presumed
    assert "decides `" not in presumed
    assert f"<IfVersion {compared}>" in presumed
    assert in_both_languages(presumed).ja != presumed


def test_another_build_has_another_version() -> None:
    text = f"{USUAL}<IfVersion = 1.3.8>\nTLSCipherSuite A\n</IfVersion>\n"
    older = next(one for one in SERVERS if one.name == "proftpd@debian12")
    assert conf.parse(text, server=older).settings.ciphers == "A"
    assert conf.parse(text).settings.ciphers is None


@pytest.mark.parametrize(
    ("compared", "said"),
    [
        ("1.3.x", "badly formatted configured version '1.3.x'"),
        (">=1.3.6", "badly formatted configured version '>=1.3.6'"),
        ("", "wrong number of parameters"),
        ("> 1 2", "wrong number of parameters"),
        ("> 1.3.", "badly formatted configured version '1.3.'"),
        ("ge 1.3", "unknown comparison operator 'ge'"),
    ],
)
def test_a_comparison_that_is_none_ends_proftpd(compared: str, said: str) -> None:
    found = read(f"<IfVersion {compared}>\nTLSCipherSuite A\n</IfVersion>\n")
    assert found.settings.extra
    [error] = [f.text for f in found.findings if f.severity == "error"]
    assert "<IfVersion >= 1.3.6>" in error
    assert f"`fatal: <IfVersion>: {said}`" in error


def test_a_path_that_is_not_absolute_ends_proftpd() -> None:
    found = read("Include tls.conf\n")
    assert found.settings.extra == ("Include=tls.conf",)
    [error] = [f.text for f in found.findings if f.severity == "error"]
    assert "Include: unable to use path for configuration file 'tls.conf'" in error


def test_a_version_that_is_compared_with_a_pattern_is_presumed() -> None:
    found = read("<IfVersion ~ ^1\\.3>\nTLSCipherSuite A\n</IfVersion>\n")
    assert (found.settings.ciphers, found.settings.extra) == (None, ())
    assert found.settings.presumed


def test_what_tls_required_demands() -> None:
    usual = USUAL.replace("TLSRequired on\n", "")
    wanted = {
        "on": (True, True),
        "ctrl": (True, False),
        "data": (False, True),
        "off": (False, False),
    }
    for word, both in wanted.items():
        found = conf.parse(f"{usual}TLSRequired {word}\n").settings
        assert (found.tls_required_login, found.tls_required_data, found.extra) == (*both, ())
    other = conf.parse(f"{usual}TLSRequired auth+!data\n").settings
    assert other.extra == ("TLSRequired=auth+!data",)
    lines = ProftpdServer().configure(other, PLACE).splitlines()
    assert [line for line in lines if line.startswith("TLSRequired")] == ["TLSRequired auth+!data"]


def test_a_virtual_host_with_tls_is_tried_where_the_server_outside_has_none() -> None:
    host = "<VirtualHost a>\nTLSEngine on\nTLSCipherSuite A\n</VirtualHost>\n"
    text = f"LoadModule mod_tls.c\nTLSEngine off\n{host}"
    found = conf.parse(text)
    assert (found.settings.tls, found.settings.ciphers) == (True, "A")
    assert found.lines["ciphers"] == 5
    assert any("is the server that is tried" in f.text for f in found.findings)


def test_a_section_is_written_as_it_stands_with_its_lines() -> None:
    found = read("<Limit STOR>\n  DenyAll\n</Limit>\n")
    text = ProftpdServer().configure(found.settings, PLACE)
    assert "\n<Limit STOR>\nDenyAll\n</Limit>\n" in text
    assert found.written_lines == {
        "<Limit STOR>": FIRST,
        "DenyAll": FIRST + 1,
        "</Limit>": FIRST + 2,
    }
    assert ProftpdServer().unsupported(found.settings) is None


def test_every_field_and_entry_has_its_line() -> None:
    found = read("TLSCipherSuite A\nMaxClients 3\n")
    assert found.lines["tls"] == 2
    assert found.lines["ciphers"] == FIRST
    assert found.extra_lines == {"MaxClients=3": FIRST + 1}


def test_a_file_that_debian_ships_is_read_without_an_error() -> None:
    text = (
        "Include /etc/proftpd/modules.conf\nUseIPv6 on\n<IfModule mod_ident.c>\n  IdentLookups off\n"
        '</IfModule>\nServerName "Debian"\nListOptions "-l"\nDenyFilter \\*.*/\nPort 21\nUser proftpd\n'
        "<IfModule mod_quotatab.c>\nQuotaEngine off\n</IfModule>\nInclude /etc/proftpd/conf.d/\n"
    )
    found = conf.parse(text)
    assert not any(f.severity == "error" for f in found.findings)
    assert found.settings.extra == ("DenyFilter=\\*.*/",)
    assert found.settings.presumed == (
        "what /etc/proftpd/conf.d/ has changes nothing of this (proftpd.conf:14)",
    )
    idle = next(f.text for f in found.findings if "no part in an upload" in f.text)
    assert "ServerName (line 6)" in idle
    assert "ListOptions (line 7)" in idle


def test_without_a_line_that_loads_mod_tls_that_is_presumed() -> None:
    found = conf.parse(USUAL.partition("\n")[2])
    assert found.settings.tls
    assert found.settings.presumed == ("mod_tls is loaded (proftpd.conf:1)",)


# -- the table ---------------------------------------------------------------------------------------


def test_every_field_of_the_table_has_what_reads_it() -> None:
    fields = {name for name, row in directives().items() if row.treatment is Becomes.FIELD}
    assert fields == set(conf._FIELDS)


def test_what_rests_on_the_host_says_so_and_presumes_it() -> None:
    for name, row in directives().items():
        assert bool(row.says) is bool(row.presumes), name
        assert row.treatment is not Becomes.PRESUMED or row.presumes, name
        assert row.treatment is not Becomes.REPLACED or row.why or row.unless, name


# -- what is said ------------------------------------------------------------------------------------


@pytest.mark.parametrize("one", INPUTS, ids=str)
def test_what_can_stop_a_delivery_is_said_at_its_line(one: Input) -> None:
    number = one.at or None
    if one.ends == NO_INPUT:
        with pytest.raises(InputError) as raised:
            parsed(one)
        assert raised.value.line == number
        assert one.says in raised.value.what
        return
    found = parsed(one)
    assert not one.says or any(f.line == number and one.says in f.text for f in found.findings)
    presumed = [t for t in found.settings.presumed if t.endswith(f"(proftpd.conf:{number})")]
    assert presumed or one.ends != JUDGED


@pytest.mark.parametrize("one", INPUTS, ids=str)
def test_of_its_twin_nothing_is_said_or_presumed(one: Input) -> None:
    found = parsed(one, twin=True)
    assert not one.says or not any(one.says in f.text for f in found.findings)
    assert found.settings.presumed == ()


@pytest.mark.parametrize("one", [one for one in INPUTS if one.ends != NO_INPUT], ids=str)
def test_all_that_is_said_and_presumed_of_a_file_is_said_in_japanese(one: Input) -> None:
    found = parsed(one)
    assert all(JAPANESE.search(finding.ja) for finding in found.findings)
    assert all(JAPANESE.search(in_both_languages(each).ja) for each in found.settings.presumed)


def test_every_rule_is_met() -> None:
    files = [
        USUAL.partition("\n")[2],
        "",
        "TLSEngine on\n",
        "TLSEngine on\nTLSRSACertificateFile /x.pem\n",
        USUAL + "TLSVerifyClient on\n",
        USUAL.replace("TLSRequired on\n", ""),
        USUAL.replace("TLSRequired on", "TLSRequired ctrl+!data"),
    ]
    said = [f.text for text in files for f in conf.parse(text).findings]
    for rule in data(conf.TABLE)["rule"]:
        words = rule["says"].partition(": ")[2]
        fixed = max(re.split(r"\{\w+\}", words), key=len)
        assert any(fixed in text for text in said), rule


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("<Limit STOR>\nAllowAll\n", 1, "has no end"),
        ("<Limit STOR>\n</Directory>\n", 2, "not open there"),
        ("\ufeffTLSEngine on\n", 1, "byte order mark"),
        ("\nMaxClients 3\x07\n", 2, "control characters"),
        ("<IfModule a.c>\n" * 9, 9, "more than 8 deep"),
        ("A " + "x" * LONGEST_LINE, 1, "is the most that is read"),
    ],
)
def test_what_cannot_be_handed_on_ends_the_command(text: str, line: int, said: str) -> None:
    with pytest.raises(InputError, match=said) as ended:
        conf.parse(text)
    assert ended.value.line == line


# -- a way into an attempt ---------------------------------------------------------------------------


def test_it_is_a_way_into_an_attempt(tmp_path: Path) -> None:
    file = tmp_path / "proftpd.conf"
    file.write_text(f"{USUAL}TLSCipherSuite A\nMaxClients 3\n", encoding="utf-8")
    files = GivenFiles(configurations={"proftpd-conf": file})
    made, own, findings = read_attempt(files, server_settings=["ciphers=B"])
    assert (made.server.software, made.client.program) == ("proftpd", "net-ftp")
    assert made.server.ciphers == "B"  # the command line wins
    assert any(f.line == FIRST and "wins" in f.text for f in findings)
    assert own is not None
    assert own.places["server.extra:MaxClients=3"] == f"{file}:{FIRST + 1}"
    assert own.places["server.extra:MaxClients 3"] == f"{file}:{FIRST + 1}"
    assert "server.ciphers" not in own.places


def test_a_server_without_a_certificate_stays_without_one(tmp_path: Path) -> None:
    file = tmp_path / "proftpd.conf"
    file.write_text("LoadModule mod_tls.c\nTLSEngine on\n", encoding="utf-8")
    made, _, _ = read_attempt(GivenFiles(configurations={"proftpd-conf": file}))
    assert made.server.certificate == "unset"
    assert made.server.certificate != OWN


def test_two_configurations_are_not_tried_together(tmp_path: Path) -> None:
    files = {name: tmp_path / name for name in ("proftpd-conf", "vsftpd-conf")}
    for path in files.values():
        path.write_text("", encoding="utf-8")
    with pytest.raises(InputError, match="--proftpd-conf and --vsftpd-conf are the configurations"):
        read_attempt(GivenFiles(configurations=files))


def test_it_says_nothing_to_another_server(tmp_path: Path) -> None:
    file = tmp_path / "proftpd.conf"
    file.write_text(USUAL, encoding="utf-8")
    files = GivenFiles(configurations={"proftpd-conf": file})
    with pytest.raises(InputError, match=r"read as proftpd\.conf, which says nothing to pyftpdlib"):
        read_attempt(files, server="pyftpdlib")
    made, _, _ = read_attempt(files, server="proftpd@debian12")
    assert made.server.software == "proftpd@debian12"
