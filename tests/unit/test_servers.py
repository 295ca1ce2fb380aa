"""What holds for every server software: no setting silently does nothing."""

from __future__ import annotations

import dataclasses
import subprocess
from typing import Any

import pytest

from lab.model import ORIGINS, SERVER_HOSTS, ServerSettings, only
from lab.run.files import agent_files
from lab.servers import SERVERS, ListenerPlace, dh_groups, listen_request
from lab.servers.base import FTP_FIELDS, ORIGIN_FIELDS

FTP = tuple(name for name in SERVER_HOSTS if name not in ORIGINS)
#: Another value than the default, where ``not default`` is none.
OTHER: dict[str, Any] = {
    "certificate": "unset",
    "ciphers": "HIGH",
    "protocols": only("TLSv1.2"),
    "ssl_sni_hostname": "x",
    "pasv_address": "192.0.2.1",
    "pasv_ports": "1-2",
    "data_ports": "dropped",
    "port_filter": "dropped",
    "port_allowed": "edge",
    "behaviour": "close",
    "answer_delay_s": 1.5,
    "dh_bits": 1024,
    "extra": ("a=b",),
}
#: What the session decides: whether there is a listener, whose address the filter lets in or is announced.
OF_THE_SESSION = {"software", "listening", "port_allowed", "pasv_address"}
#: What a server does anyway, told or not.
ANYWAY = {("pyftpdlib", "allow_anon_ssl")}
FIELDS = [f.name for f in dataclasses.fields(ServerSettings) if f.name not in OF_THE_SESSION]


def place(software: str) -> ListenerPlace:
    certificates = f"/opt/lab/certificates/{SERVER_HOSTS[software]}"
    return ListenerPlace(
        key="k1",
        port=2101,
        passive_ports=(30000, 30019),
        password="secret",
        chain=f"{certificates}/valid.chain.pem",
        private_key=f"{certificates}/valid.key.pem",
        client_ca="/opt/lab/certificates/anchors/public.pem",
    )


def request_of(software: str, **settings: Any) -> dict[str, Any]:
    wanted = ServerSettings(software=software, **settings)
    return listen_request(SERVERS[software], wanted, place(software))


@pytest.mark.parametrize("software", SERVERS)
@pytest.mark.parametrize("field", FIELDS)
def test_a_setting_changes_what_the_agent_is_told_or_cannot_be(software: str, field: str) -> None:
    default = getattr(ServerSettings(software=software), field)
    value = OTHER.get(field, not default)
    cause = SERVERS[software].unsupported(ServerSettings(software=software, **{field: value}))
    if cause is None:
        changed = request_of(software, **{field: value}) != request_of(software)
        assert changed is ((software, field) not in ANYWAY)
    else:
        assert field in cause


@pytest.mark.parametrize("software", FTP)
def test_the_address_that_is_announced_is_the_places(software: str) -> None:
    # given a container's name, of which only the session knows the address
    settings = ServerSettings(software=software, pasv_address="silent")
    found = dataclasses.replace(place(software), pasv_address="172.30.0.40")
    request = listen_request(SERVERS[software], settings, found)
    assert "172.30.0.40" in request["config"]
    assert "silent" not in request["config"]


@pytest.mark.parametrize("software", SERVERS)
def test_what_is_not_set_can_be(software: str) -> None:
    assert SERVERS[software].unsupported(ServerSettings(software=software)) is None


@pytest.mark.parametrize("software", FTP)
@pytest.mark.parametrize("field", ORIGIN_FIELDS)
def test_an_ftp_server_has_nothing_of_a_web_origin(software: str, field: str) -> None:
    value = OTHER.get(field, True)
    cause = SERVERS[software].unsupported(ServerSettings(software=software, **{field: value}))
    assert ORIGIN_FIELDS[field] in (cause or "")


@pytest.mark.parametrize("software", ORIGINS)
@pytest.mark.parametrize("field", FTP_FIELDS)
def test_a_web_origin_has_nothing_of_an_ftp_server(software: str, field: str) -> None:
    default = getattr(ServerSettings(), field)
    value = OTHER.get(field, not default)
    cause = SERVERS[software].unsupported(ServerSettings(software=software, **{field: value}))
    assert FTP_FIELDS[field] in (cause or "")


@pytest.mark.parametrize("software", SERVERS)
@pytest.mark.parametrize(
    ("settings", "cause"),
    [
        ({"port_filter": "closed"}, "open, dropped, rejected"),
        ({"port_allowed": "edge"}, "with port_filter=open everybody is let in"),
        ({"port_filter": "dropped", "listening": False}, "listening=off"),
        ({"dh_bits": 1000}, "there are groups of 768, 1024, 1536"),
    ],
)
def test_what_makes_no_sense_anywhere_is_said(
    software: str, settings: dict[str, Any], cause: str
) -> None:
    wanted = ServerSettings(software=software, **settings)
    assert cause in (SERVERS[software].unsupported(wanted) or "")


def test_a_packet_filter_needs_an_image_that_has_one() -> None:
    wanted: dict[str, Any] = {"port_filter": "dropped", "port_allowed": "edge"}
    able = [
        name
        for name, server in SERVERS.items()
        if server.unsupported(ServerSettings(software=name, **wanted)) is None
    ]
    assert able == [name for name in SERVERS if name != "origin@openssl-1.0.2k"]


def test_the_addresses_that_are_let_in_are_told() -> None:
    settings = ServerSettings(software="nginx", port_filter="rejected", port_allowed="edge")
    let_in = dataclasses.replace(place("nginx"), port_allowed=("172.30.0.30",))
    request = listen_request(SERVERS["nginx"], settings, let_in)
    assert (request["port_filter"], request["port_allowed"]) == ("rejected", ["172.30.0.30"])


@pytest.mark.parametrize("software", SERVERS)
def test_an_agents_files_are_there(software: str) -> None:
    agent = SERVERS[software].agent
    assert set(agent.files) <= agent_files().keys()
    assert agent.argv[-1] == agent.name


# -- groups for DHE ----------------------------------------------------------------------------------


@pytest.mark.parametrize("bits", dh_groups.SIZES)
def test_a_group_is_the_one_of_the_rfc(bits: int) -> None:
    prime = dh_groups.prime(bits)
    # Fermat's test, of the prime and of half of it (RFC 2412, appendix E.1): no digit can be wrong.
    assert prime.bit_length() == bits
    half = (prime - 1) // 2
    assert pow(2, prime - 1, prime) == 1
    assert pow(3, half - 1, half) == 1


def test_the_group_of_1024_bits_is_written_as_every_library_reads_it() -> None:
    done = subprocess.run(
        ["openssl", "dhparam", "-noout", "-text"],
        input=dh_groups.pem(1024),
        capture_output=True,
        text=True,
        check=False,
    )
    digits = "".join(done.stdout.split()).replace(":", "")
    assert f"{dh_groups.prime(1024):x}" in digits, done.stderr
    assert "(1024bit)" in digits
