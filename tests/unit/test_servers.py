"""What holds for every server software: no setting silently does nothing."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from lab.model import FtpServerSettings, only
from lab.run.containers import agent_files
from lab.servers import SERVER_HOSTS, SERVERS, ListenerPlace, listen_request
from lab.servers.nginx import Nginx

FTP = [n for n, s in SERVERS.items() if issubclass(s.settings, FtpServerSettings)]
#: Another value than the default, where ``not default`` is none.
OTHER: dict[str, Any] = {
    "certificate": "unset",
    "ciphers": "AES128-SHA",
    "protocols": only("TLSv1.2"),
    "ssl_sni_hostname": "x",
    "pasv_address": "192.0.2.1",
    "pasv_ports": "1-2",
    "data_ports": "dropped",
    "hello_filter": "dropped",
    "port_filter": "dropped",
    "port_allowed": "edge",
    "behaviour": "close",
    "answer_delay_s": 1.5,
    "dh_bits": 1024,
    "extra": ("a=b",),
}
#: What the session decides: whether there is a listener, whose address the filter lets in or is announced.
OF_THE_SESSION = {"software", "listening", "port_allowed", "pasv_address", "presumed", "key_of"}


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
    wanted = SERVERS[software].settings_with(**settings)
    return listen_request(SERVERS[software], wanted, place(software))


@pytest.mark.parametrize("software", SERVERS)
def test_every_setting_changes_what_the_agent_is_told_or_cannot_be(software: str) -> None:
    server = SERVERS[software]
    untouched = request_of(software)
    for field in dataclasses.fields(server.settings):
        if field.name in OF_THE_SESSION:
            continue
        value = OTHER.get(field.name, not field.default)
        cause = server.unsupported(server.settings_with(**{field.name: value}))
        if cause is None:
            assert request_of(software, **{field.name: value}) != untouched, field.name
        else:
            assert field.name in cause


@pytest.mark.parametrize("software", FTP)
def test_the_address_that_is_announced_is_the_places(software: str) -> None:
    # given a container's name, of which only the session knows the address
    settings = SERVERS[software].settings_with(pasv_address="silent")
    found = dataclasses.replace(place(software), pasv_address="172.30.0.40")
    request = listen_request(SERVERS[software], settings, found)
    assert "172.30.0.40" in request["config"]
    assert "silent" not in request["config"]


@pytest.mark.parametrize("software", SERVERS)
def test_what_is_not_set_can_be(software: str) -> None:
    assert SERVERS[software].unsupported(SERVERS[software].settings_with()) is None


@pytest.mark.parametrize("software", SERVERS)
@pytest.mark.parametrize(
    ("settings", "cause"),
    [
        ({"port_allowed": "edge"}, "with port_filter=open everybody is let in"),
        ({"port_filter": "dropped", "listening": False}, "listening=off"),
        ({"ciphers": "a\nb"}, "one printable line"),
    ],
)
def test_what_makes_no_sense_anywhere_is_said(
    software: str, settings: dict[str, Any], cause: str
) -> None:
    wanted = SERVERS[software].settings_with(**settings)
    assert cause in (SERVERS[software].unsupported(wanted) or "")


def test_a_packet_filter_needs_an_image_that_has_one() -> None:
    wanted: dict[str, Any] = {"port_filter": "dropped", "port_allowed": "edge"}
    able = [
        name
        for name, server in SERVERS.items()
        if server.unsupported(server.settings_with(**wanted)) is None
    ]
    assert able == [name for name in SERVERS if name != "origin@openssl-1.0.2k"]


def test_the_addresses_that_are_let_in_are_told() -> None:
    settings = Nginx(port_filter="rejected", port_allowed="edge")
    let_in = dataclasses.replace(place("nginx"), port_allowed=("172.30.0.30",))
    request = listen_request(SERVERS["nginx"], settings, let_in)
    assert (request["port_filter"], request["port_allowed"]) == ("rejected", ["172.30.0.30"])


@pytest.mark.parametrize("software", SERVERS)
def test_an_agents_file_is_there(software: str) -> None:
    agent = SERVERS[software].agent
    assert agent.argv[1].rpartition("/")[2] in agent_files()
    assert agent.argv[-1] == agent.name
