"""What vsftpd.conf says for which settings."""

from __future__ import annotations

import dataclasses
import itertools
import re
from typing import Any

import pytest

from lab.model import ProtocolRange, from_, only, up_to
from lab.servers import SERVERS, ListenerPlace, listen_request
from lab.servers.vsftpd import DEBIAN, DEBIAN_12, EL9, FIXED, Build, Vsftpd, VsftpdServer

PLACE = ListenerPlace(
    key="k1",
    port=21001,
    passive_ports=(30010, 30019),
    password="secret",
    chain="/certificates/valid.chain.pem",
    private_key="/certificates/valid.key.pem",
    client_ca="/certificates/anchors/public.pem",
)

#: What the settings' defaults say explicitly, beside what is fixed.
DEFAULTS = {
    "ssl_enable": "YES",
    "implicit_ssl": "NO",
    "force_local_logins_ssl": "YES",
    "force_local_data_ssl": "YES",
    "anonymous_enable": "NO",
    "rsa_cert_file": "/certificates/valid.chain.pem",
    "rsa_private_key_file": "/certificates/valid.key.pem",
}


def options(build: Build = DEBIAN, **settings: Any) -> dict[str, str]:
    text = VsftpdServer(build=build).configure(Vsftpd(**settings), PLACE)
    lines = [line.partition("=") for line in text.splitlines()]
    assert len({name for name, _, _ in lines}) == len(lines), "an option is written twice"
    return {name: value for name, _, value in lines}


def test_what_is_not_set_is_not_written() -> None:
    written = options()
    assert written.keys() == DEFAULTS.keys() | {always.name for always in FIXED["always"]}
    assert {name: written[name] for name in DEFAULTS} == DEFAULTS


def test_the_place_is_written() -> None:
    written = options()
    assert written["listen_port"] == "21001"
    assert (written["pasv_min_port"], written["pasv_max_port"]) == ("30010", "30019")
    assert written["vsftpd_log_file"] == "/run/lab/listeners/k1/log"
    assert written["local_root"] == "/run/lab/listeners/k1/upload"


def test_every_constant_has_a_reason() -> None:
    assert all(len(always.reason) > 5 for always in itertools.chain(*FIXED.values()))


@pytest.mark.parametrize(
    ("settings", "option", "value"),
    [
        ({"ciphers": "AES128-SHA:DES-CBC3-SHA"}, "ssl_ciphers", "AES128-SHA:DES-CBC3-SHA"),
        ({"ciphers": ""}, "ssl_ciphers", ""),
        ({"tls": False}, "ssl_enable", "NO"),
        ({"tls_required_login": False}, "force_local_logins_ssl", "NO"),
        ({"tls_required_data": False}, "force_local_data_ssl", "NO"),
        ({"require_ssl_reuse": True}, "require_ssl_reuse", "YES"),
        ({"require_ssl_reuse": False}, "require_ssl_reuse", "NO"),
        ({"strict_ssl_read_eof": True}, "strict_ssl_read_eof", "YES"),
        ({"strict_ssl_read_eof": False}, "strict_ssl_read_eof", "NO"),
        ({"ssl_sni_hostname": "ftp.lab.test"}, "ssl_sni_hostname", "ftp.lab.test"),
        ({"implicit_tls": True}, "implicit_ssl", "YES"),
        ({"allow_anon_ssl": True}, "allow_anon_ssl", "YES"),
        ({"pasv_ports": "40000-40001"}, "pasv_max_port", "40001"),
        ({"extra": ("ssl_tlsv1_2=YES",)}, "ssl_tlsv1_2", "YES"),
    ],
)
def test_a_setting_is_written_as_its_option(
    settings: dict[str, Any], option: str, value: str
) -> None:
    assert options(**settings)[option] == value


def test_certificate_unset_writes_no_option_and_empty_an_empty_one() -> None:
    assert "rsa_cert_file" not in options(certificate="unset")
    empty = options(certificate="empty")
    assert empty["rsa_cert_file"] == ""
    assert "rsa_private_key_file" not in empty


def test_a_protocol_range_writes_every_switch() -> None:
    written = options(protocols=up_to("TLSv1.2"))
    names = ["ssl_sslv3", "ssl_tlsv1", "ssl_tlsv11", "ssl_tlsv12", "ssl_tlsv13"]
    assert [written[name] for name in names] == ["YES", "YES", "YES", "YES", "NO"]


@pytest.mark.parametrize("protocols", [only("TLSv1.2"), from_("TLSv1"), ProtocolRange()])
def test_builds_differ_only_in_the_names_of_the_switches(protocols: ProtocolRange) -> None:
    debian, el9 = options(DEBIAN, protocols=protocols), options(EL9, protocols=protocols)
    renamed = {
        "ssl_tlsv11": "ssl_tlsv1_1",
        "ssl_tlsv12": "ssl_tlsv1_2",
        "ssl_tlsv13": "ssl_tlsv1_3",
    }
    assert {renamed.get(name, name): value for name, value in debian.items()} == el9
    assert not debian.keys() & set(renamed.values())


def test_anonymous_users_get_their_own_directory() -> None:
    written = options(anonymous=True)
    assert written["anonymous_enable"] == "YES"
    assert written["anon_root"] == "/run/lab/listeners/k1/anonymous"
    assert not options().keys() & {always.name for always in FIXED["anonymous"]}


def test_a_required_client_certificate_comes_with_the_issuers_to_ask_for() -> None:
    written = options(require_cert=True)
    assert written["require_cert"] == "YES"
    assert written["ca_certs_file"] == "/certificates/anchors/public.pem"
    assert "validate_cert" not in written


def test_extra_lines_come_last_so_that_they_win() -> None:
    text = VsftpdServer().configure(Vsftpd(extra=("debug_ssl=NO", "a=b=c")), PLACE)
    assert text.endswith("debug_ssl=NO\na=b=c\n")


@pytest.mark.parametrize(
    ("settings", "cause"),
    [
        ({"ciphers": "HIGH\nssl_enable=NO"}, "one printable line"),
        ({"extra": ("no value",)}, "NAME=VALUE"),
    ],
)
def test_what_cannot_be_written_is_said(settings: dict[str, Any], cause: str) -> None:
    assert cause in (VsftpdServer().unsupported(Vsftpd(**settings)) or "")


def test_a_range_that_a_builds_library_has_nothing_of_is_said() -> None:
    old = SERVERS["vsftpd@openssl-1.0.2k"]
    wanted = SERVERS[old.name].settings_with(protocols=from_("TLSv1.3"))
    assert old.unsupported(wanted) == "protocols is TLSv1.3..: OpenSSL 1.0.2k ends at TLSv1.2"
    assert VsftpdServer().unsupported(wanted) is None


@pytest.mark.parametrize("protocols", [None, from_("TLSv1.2"), up_to("TLSv1.2"), ProtocolRange()])
def test_another_library_changes_nothing_in_the_file(protocols: ProtocolRange | None) -> None:
    old = SERVERS["vsftpd@openssl-1.0.2k"]
    settings = SERVERS[old.name].settings_with(protocols=protocols)
    assert old.unsupported(settings) is None
    assert old.configure(settings, PLACE) == VsftpdServer().configure(settings, PLACE)


@pytest.mark.parametrize(
    ("settings", "cause"),
    [
        ({"protocols": from_("TLSv1.2")}, "no switch for TLSv1.1, TLSv1.2, TLSv1.3"),
        ({"protocols": up_to("TLSv1.2")}, "no switch for TLSv1.1, TLSv1.2, TLSv1.3"),
        ({"ssl_sni_hostname": "ftp.lab.test"}, "no option ssl_sni_hostname"),
        ({"protocols": from_("TLSv1.1")}, None),
    ],
)
def test_what_3_0_3_has_no_option_for_is_said(settings: dict[str, Any], cause: str | None) -> None:
    older = SERVERS["vsftpd@3.0.3"]
    said = older.unsupported(older.settings_with(**settings))
    assert said is None if cause is None else cause in (said or "")


def test_3_0_3_switches_what_it_knows_and_nothing_else() -> None:
    written = options(DEBIAN_12, protocols=from_("TLSv1.1"))
    switches = {name: value for name, value in written.items() if re.match("ssl_(sslv|tlsv)", name)}
    assert switches == {"ssl_sslv3": "NO", "ssl_tlsv1": "NO"}


@pytest.mark.parametrize(
    ("settings", "missing"),
    [({}, "chain"), ({"certificate": "unset", "require_cert": True}, "client_ca")],
)
def test_a_place_without_the_files_is_refused(settings: dict[str, Any], missing: str) -> None:
    bare = dataclasses.replace(PLACE, chain=None, private_key=None, client_ca=None)
    with pytest.raises(ValueError, match=missing):
        VsftpdServer().configure(Vsftpd(**settings), bare)


def test_the_request_has_what_the_agent_needs() -> None:
    settings = Vsftpd(data_ports="rejected", pasv_ports="40000-40009")
    request = listen_request(SERVERS["vsftpd"], settings, PLACE)
    assert request == {
        "key": "k1",
        "directory": "/run/lab/listeners/k1",
        "config": SERVERS["vsftpd"].configure(settings, PLACE),
        "port": 21001,
        "user": "lab",
        "password": "secret",
        "impostor": False,
        "data_ports": "rejected",
        "client_nat": False,
        "hello_filter": "open",
        "passive_range": [40000, 40009],
        "port_filter": "open",
        "port_allowed": [],
        "files": {},
    }


def test_the_password_is_not_in_the_configuration() -> None:
    assert "secret" not in VsftpdServer().configure(Vsftpd(), PLACE)
