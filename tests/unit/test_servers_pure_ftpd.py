"""What pure-ftpd.conf says for which settings, what its syslog means, and whose line of it is whose."""

from __future__ import annotations

from typing import Any

import pytest

from lab.dialects import server_dialect
from lab.model import only
from lab.servers import ListenerPlace
from lab.servers.pure_ftpd import PureFtpd, PureFtpdServer

PLACE = ListenerPlace(
    key="k1",
    port=21001,
    passive_ports=(30010, 30019),
    password="secret",
    chain="/certificates/valid.chain.pem",
    private_key="/certificates/valid.key.pem",
    client_ca="/certificates/anchors/public.pem",
)
SERVER = PureFtpdServer()
JOINED = (
    "# joined: /run/lab/listeners/k1/certificate.pem /certificates/valid.key.pem"
    " /certificates/valid.chain.pem"
)


def lines(**settings: Any) -> list[str]:
    return SERVER.configure(PureFtpd(**settings), PLACE).splitlines()


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({}, "TLS 3"),
        ({"tls_required_data": False}, "TLS 2"),
        ({"tls_required_login": False, "tls_required_data": False}, "TLS 1"),
        ({"tls": False}, "TLS 0"),
        ({}, "TLSCipherSuite HIGH"),
        ({"ciphers": "AES128-SHA"}, "TLSCipherSuite AES128-SHA"),
        ({"require_cert": True}, "TLSCipherSuite -C:HIGH"),
        ({"require_cert": True}, f"{JOINED} /certificates/anchors/public.pem"),
        ({}, JOINED),
        ({"pasv_ports": "40000-40001"}, "PassivePortRange 40000 40001"),
        ({"impostor": True}, "ExtAuth /run/lab/listeners/k1/authentication"),
        ({"extra": ("MaxIdleTime=5",)}, "MaxIdleTime 5"),
    ],
)
def test_a_setting_is_written_as_its_option(settings: dict[str, Any], line: str) -> None:
    assert line in lines(**settings)


@pytest.mark.parametrize(
    "settings",
    [
        {"protocols": only("TLSv1.1")},
        {"anonymous": True},
        {"tls_required_login": False},
        {"require_cert": True, "certificate": "unset"},
    ],
)
def test_what_it_has_no_option_for_is_said(settings: dict[str, Any]) -> None:
    assert next(iter(settings)) in (SERVER.unsupported(PureFtpd(**settings)) or "")


HEAD = "Nov 30 02:14:08 pure-ftpd: (?@192.0.2.1) "
SORRY = (
    f"{HEAD}[WARNING] Sorry, cleartext sessions and weak ciphers are not accepted on this server.\n"
)


def test_a_login_without_tls_that_comes_to_nothing_is_told_from_a_handshake() -> None:
    arrived = f"{HEAD}[INFO] New connection from 192.0.2.1\n"
    user, left = f"{HEAD}[DEBUG] Command [user] [lab]\n", f"{HEAD}[INFO] Logout.\n"
    handshake = f"{arrived}{HEAD}[DEBUG] Command [auth] [TLS]\n"
    heard = server_dialect("pure-ftpd").heard
    assert heard(arrived + user + left) == {"tls-required-login"}
    assert heard(handshake + SORRY) == {"cleartext-or-weak"}
    enabled = (
        f"{HEAD}[INFO] TLS: Enabled TLSv1.3 with TLS_AES_256_GCM_SHA384, 256 secret bits cipher\n"
    )
    assert heard(handshake + enabled + user + left) == set()
    failed = f"{HEAD}[WARNING] Authentication failed for user [lab]\n"
    password = f"{HEAD}[DEBUG] Command [pass] [<*>]\n"
    assert heard(arrived + user + password + failed + left) == {"login-refused"}
