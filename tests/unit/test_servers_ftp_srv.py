"""What ftp-srv is told for which settings, and what is read in its log."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lab.dialects import server_dialect
from lab.model import from_, only
from lab.servers import SERVERS, ListenerPlace

SERVER = SERVERS["ftp-srv"]
PLACE = ListenerPlace(
    key="k1",
    port=2101,
    passive_ports=(30000, 30009),
    password="secret",
    chain="/c.pem",
    private_key="/k.pem",
)


def told(**settings: Any) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(SERVER.configure(SERVER.settings_with(**settings), PLACE))
    return read


def test_the_defaults_are_the_librarys_own() -> None:
    options = told()["options"]
    assert options == {
        "url": "ftp://0.0.0.0:2101",
        "pasv_min": 30000,
        "pasv_max": 30009,
        "anonymous": False,
    }
    assert told()["tls"] == {"cert": "/c.pem", "key": "/k.pem"}


@pytest.mark.parametrize(
    ("settings", "tls"),
    [
        ({"tls": False}, None),
        ({"certificate": "unset"}, {}),
        (
            {"certificate": "unset", "protocols": from_("TLSv1.2")},
            {"minVersion": "TLSv1.2", "maxVersion": "TLSv1.3"},
        ),
        ({"certificate": "unset", "ciphers": "HIGH"}, {"ciphers": "HIGH"}),
    ],
)
def test_what_it_is_told_of_tls(settings: dict[str, Any], tls: object) -> None:
    assert told(**settings)["tls"] == tls


def test_implicit_tls_is_the_scheme_of_its_url() -> None:
    assert told(implicit_tls=True)["options"]["url"] == "ftps://0.0.0.0:2101"


def test_an_extra_line_is_an_option() -> None:
    assert told(extra=("timeout=5", "greeting=hello"))["options"]["timeout"] == 5


@pytest.mark.parametrize(
    ("settings", "cause"),
    [
        ({"tls_required_data": True}, "no option by which data must be encrypted"),
        ({"implicit_tls": True, "tls": False}, "tls=off"),
        ({"protocols": only("SSLv3")}, "Node speaks TLSv1 to TLSv1.3"),
        ({"client_nat": True, "extra": ("allow_foreign=true",)}, "behind the lab's NAT"),
    ],
)
def test_what_it_has_no_option_for_is_said(settings: dict[str, Any], cause: str) -> None:
    assert cause in (SERVER.unsupported(SERVER.settings_with(**settings)) or "")


@pytest.mark.parametrize(
    ("line", "signal"),
    [
        ('{"err":{"code":"ERR_SSL_NO_SHARED_CIPHER"},"msg":"Client error"}', "no-shared-cipher"),
        (
            '{"level":10,"message":"500 The given address is not yours","msg":"Reply"}',
            "data-command-refused",
        ),
        (
            '{"command":{"directive":"PASV","arg":null,"flags":[],"raw":"PASV"},"msg":"Handle command"}\n'
            '{"level":10,"message":"502 Command not supported","msg":"Reply"}',
            "data-command-refused",
        ),
    ],
)
def test_its_log_is_read(line: str, signal: str) -> None:
    patterns = server_dialect("ftp-srv").signals[signal]
    assert any(pattern.search(line) for pattern in patterns)
