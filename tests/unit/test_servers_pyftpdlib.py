"""What the pyftpdlib listener is told for which settings."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from lab.model import up_to
from lab.servers import SERVER_HOSTS, SERVERS, ListenerPlace
from lab.servers.pyftpdlib import Pyftpdlib, PyftpdlibServer

PLACE = ListenerPlace(
    key="k1",
    port=21001,
    passive_ports=(30010, 30012),
    password="secret",
    chain="/certificates/valid.chain.pem",
    private_key="/certificates/valid.key.pem",
)


def configuration(**settings: Any) -> dict[str, Any]:
    text = PyftpdlibServer().configure(Pyftpdlib(**settings), PLACE)
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def test_the_model_and_the_servers_name_the_same_software() -> None:
    assert SERVERS.keys() == SERVER_HOSTS.keys()
    assert all(server.name == name for name, server in SERVERS.items())


def test_what_is_not_set_is_left_to_the_library() -> None:
    made = configuration()
    assert made["ciphers"] is None
    assert made["protocols_off"] is None
    assert made["attributes"] == {
        "passive_ports": [30010, 30011, 30012],
        "tls_control_required": True,
        "tls_data_required": True,
        "certfile": "/certificates/valid.chain.pem",
        "keyfile": "/certificates/valid.key.pem",
    }


@pytest.mark.parametrize(
    ("settings", "attributes"),
    [
        ({"tls_required_login": False}, {"tls_control_required": False}),
        ({"tls_required_data": False}, {"tls_data_required": False}),
        ({"pasv_ports": "5-6"}, {"passive_ports": [5, 6]}),
        ({"certificate": "empty"}, {"certfile": ""}),
        ({"extra": ("timeout=5", "banner=welcome")}, {"timeout": 5, "banner": "welcome"}),
    ],
)
def test_a_setting_is_an_attribute_of_the_handler(
    settings: dict[str, Any], attributes: dict[str, Any]
) -> None:
    made = configuration(**settings)["attributes"]
    assert {name: made[name] for name in attributes} == attributes


def test_a_certificate_that_is_unset_is_not_an_attribute() -> None:
    assert not {"certfile", "keyfile"} & configuration(certificate="unset")["attributes"].keys()


def test_without_tls_no_tls_attribute_is_set() -> None:
    assert configuration(tls=False)["attributes"].keys() == {"passive_ports"}


def test_a_protocol_range_switches_the_others_off() -> None:
    assert configuration(protocols=up_to("TLSv1.2"))["protocols_off"] == ["TLSv1.3"]


def test_a_place_without_the_files_is_refused() -> None:
    bare = dataclasses.replace(PLACE, chain=None)
    with pytest.raises(ValueError, match="chain"):
        PyftpdlibServer().configure(Pyftpdlib(), bare)
