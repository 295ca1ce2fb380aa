"""What proftpd.conf says for which settings, and what ProFTPD's logs mean."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from lab.dialects import server_dialect
from lab.model import from_, only
from lab.servers import ListenerPlace
from lab.servers.proftpd import FIXED, Proftpd, ProftpdServer, word

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
DEFAULTS = [
    "TLSEngine on",
    "TLSRequired on",
    "TLSRSACertificateFile /certificates/valid.chain.pem",
    "TLSRSACertificateKeyFile /certificates/valid.key.pem",
    "TLSCertificateChainFile /certificates/valid.chain.pem",
]


def lines(**settings: Any) -> list[str]:
    return ProftpdServer().configure(Proftpd(**settings), PLACE).splitlines()


def test_what_is_not_set_is_not_written() -> None:
    assert lines()[len(FIXED["always"]) :] == DEFAULTS


def test_the_place_is_written() -> None:
    written = lines()
    assert "Port 21001" in written
    assert "PassivePorts 30010 30019" in written
    assert "SystemLog /run/lab/listeners/k1/log" in written
    assert "DefaultChdir /run/lab/listeners/k1/upload" in written


def test_every_constant_has_a_reason() -> None:
    assert all(len(always.reason) > 5 for always in itertools.chain(*FIXED.values()))


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"ciphers": "AES128-SHA:HIGH"}, "TLSCipherSuite AES128-SHA:HIGH"),
        ({"ciphers": ""}, 'TLSCipherSuite ""'),
        ({"protocols": only("TLSv1.2")}, "TLSProtocol TLSv1.2"),
        ({"protocols": from_("TLSv1.1")}, "TLSProtocol TLSv1.1 TLSv1.2 TLSv1.3"),
        ({"tls": False}, "TLSEngine off"),
        ({"tls_required_login": False}, "TLSRequired data"),
        ({"tls_required_data": False}, "TLSRequired ctrl"),
        ({"tls_required_login": False, "tls_required_data": False}, "TLSRequired off"),
        ({"require_ssl_reuse": False}, "TLSOptions NoSessionReuseRequired"),
        (
            {"require_ssl_reuse": False, "implicit_tls": True},
            "TLSOptions UseImplicitSSL NoSessionReuseRequired",
        ),
        ({"require_cert": True}, "TLSVerifyClient on"),
        ({"require_cert": True}, "TLSCACertificateFile /certificates/anchors/public.pem"),
        ({"pasv_ports": "40000-40001"}, "PassivePorts 40000 40001"),
        ({"certificate": "empty"}, 'TLSRSACertificateFile ""'),
        ({"anonymous": True}, "<Anonymous /run/lab/listeners/k1/anonymous>"),
        ({"impostor": True}, "AuthPAMConfig lab-impostor-k1"),
        ({"extra": ("TLSRenegotiate=none",)}, "TLSRenegotiate none"),
    ],
)
def test_a_setting_is_written_as_its_directive(settings: dict[str, Any], line: str) -> None:
    assert line in lines(**settings)


def test_a_certificate_alone_is_one_without_its_chain() -> None:
    assert not [line for line in lines(certificate_chain=False) if "ChainFile" in line]
    assert not [line for line in lines(certificate="unset") if "Certificate" in line]


def test_who_takes_every_login_has_no_anonymous_users_of_its_own() -> None:
    # given both, ProFTPD takes everybody for an anonymous user: the alias of the impostor is of that block
    assert not [line for line in lines(impostor=True, anonymous=True) if "<Anonymous" in line]


def test_a_parameter_is_in_quotes_where_it_must_be() -> None:
    assert word("HIGH:!aNULL") == "HIGH:!aNULL"
    assert word("HIGH +AES") == '"HIGH +AES"'
    assert word('a"b\\') == '"a\\"b\\\\"'


DATE = "2026-11-30 01:19:41,811 "
TLS = DATE + "mod_tls/2.9.2[129]: "


@pytest.mark.parametrize(
    ("log", "signal"),
    [
        (
            f"{TLS}unable to accept TLS connection: protocol error: \n"
            "  (1) error:0A0000C1:SSL routines::no shared cipher\n",
            "no-shared-cipher",
        ),
        (
            f"{TLS}unable to accept TLS connection: protocol error: \n"
            "  (1) error:0A000102:SSL routines::unsupported protocol\n",
            "no-shared-protocol",
        ),
        (
            f"{TLS}unable to accept TLS connection: client did not provide certificate, but one is required"
            " via 'TLSVerifyClient on'\n",
            "no-client-certificate",
        ),
        (
            f"{TLS}client did not reuse TLS session, rejecting data connection (see the"
            " NoSessionReuseRequired TLSOptions parameter)\n",
            "session-reuse-required",
        ),
        (f"{TLS}Unable to accept AUTH TLS due to lack of certificates\n", None),
        (
            f"{DATE}host proftpd[214] 0.0.0.0 (client[127.0.0.1]): mod_tls.c: error initializing session: No"
            " such file or directory\n",
            "greeting-refused",
        ),
        (
            # of a data connection in clear text: no version of TLS is at fault
            f"{TLS}unable to accept TLS connection: protocol error: \n"
            "  (1) error:0A00010B:SSL routines::wrong version number\n"
            f"{TLS}unable to open data connection: TLS negotiation failed\n",
            "data-tls-failed",
        ),
    ],
)
def test_a_log_says_why(log: str, signal: str | None) -> None:
    heard = server_dialect("proftpd").heard(log)
    assert heard == ({signal} if signal else set())


def test_commands_and_replies_are_read_from_one_line() -> None:
    log = f"{DATE}[41] command: STOR x reply: 226 Transfer complete\n"
    dialogue = server_dialect("proftpd").dialogue(log)
    assert dialogue == [(True, "STOR x"), (False, "226 Transfer complete")]


@pytest.mark.parametrize(
    ("output", "words"),
    [
        (
            f"{DATE}host proftpd[7]: fatal: unknown configuration directive 'NoSuch' on line 26 of '/c'\n"
            f"{DATE}host proftpd[7]: fatal: Did you mean:\n  DenyUser\n  Port\n",
            "unknown configuration directive 'NoSuch' on line 26 of '/c'",
        ),
        (
            f"{DATE}host proftpd[7]: fatal: TLSCipherSuite: unable to use ciphersuite 'NOPE:!EXPORT': \n"
            "  (1) error:0A0000B9:SSL routines::no cipher match on line 26 of '/c'\n",
            "TLSCipherSuite: unable to use ciphersuite 'NOPE:!EXPORT': (1) error:0A0000B9:SSL routines::no"
            " cipher match on line 26 of '/c'",
        ),
        ("Failed binding to 0.0.0.0\n", "Failed binding to 0.0.0.0"),
    ],
)
def test_a_server_that_did_not_start_says_why(output: str, words: str) -> None:
    assert server_dialect("proftpd").last_words(output) == words
