"""nginx: what its configuration says for which settings, and how the agent asks it."""

from __future__ import annotations

import dataclasses
import importlib
import itertools
import re
import socket
import threading
from pathlib import Path
from typing import Any

import pytest

from lab.dialects import server_dialect
from lab.model import ProtocolRange, only, up_to
from lab.servers import SERVERS, ListenerPlace, listen_request
from lab.servers.nginx import BODY, FIXED, Nginx, NginxServer
from tests.agent_process import AGENTS

CERTIFICATES = "/opt/lab/certificates"
PLACE = ListenerPlace(
    key="k1",
    port=2101,
    passive_ports=(30000, 30019),
    password="secret",
    chain=f"{CERTIFICATES}/nginx.lab.test/valid.chain.pem",
    private_key=f"{CERTIFICATES}/nginx.lab.test/valid.key.pem",
    client_ca=f"{CERTIFICATES}/anchors/public.pem",
)


def text(**settings: Any) -> str:
    return NginxServer().configure(Nginx(**settings), PLACE)


def directives(**settings: Any) -> dict[str, str]:
    """Those of the http block, each once, the servers' aside."""
    http = text(**settings).partition("http {\n")[2].partition("    server {")[0]
    found = re.findall(r"^    (\w+) (.+);$", http, re.MULTILINE)
    return dict(found)


def test_what_is_not_set_is_left_to_nginx() -> None:
    written = {name for name in directives() if name.startswith("ssl_")}
    assert written == {"ssl_certificate", "ssl_certificate_key"}


@pytest.mark.parametrize(
    ("settings", "directive", "value"),
    [
        ({"ciphers": "HIGH:!aNULL"}, "ssl_ciphers", "'HIGH:!aNULL'"),
        ({"ciphers": ""}, "ssl_ciphers", "''"),
        ({"ciphers": "a'; b"}, "ssl_ciphers", r"'a\'; b'"),
        ({"protocols": only("TLSv1.2")}, "ssl_protocols", "TLSv1.2"),
        ({"protocols": up_to("TLSv1.1")}, "ssl_protocols", "SSLv3 TLSv1 TLSv1.1"),
        ({"protocols": ProtocolRange()}, "ssl_protocols", "SSLv3 TLSv1 TLSv1.1 TLSv1.2 TLSv1.3"),
        ({"certificate": "empty"}, "ssl_certificate", '""'),
        ({"dh_bits": 1024}, "ssl_dhparam", "/run/lab/listeners/k1/dh.pem"),
        ({"require_cert": True}, "ssl_verify_client", "on"),
        ({"require_cert": False}, "ssl_verify_client", "off"),
        ({"require_cert": True}, "ssl_client_certificate", f"{CERTIFICATES}/anchors/public.pem"),
        ({"extra": ("ssl_ecdh_curve=secp384r1",)}, "ssl_ecdh_curve", "secp384r1"),
        ({"extra": ("keepalive_timeout = 5s",)}, "keepalive_timeout", "5s"),
        (
            {"certificate_by_name": True},
            "ssl_certificate",
            f"{CERTIFICATES}/$ssl_server_name/valid.chain.pem",
        ),
        (
            {"certificate_by_name": True},
            "ssl_certificate_key",
            f"{CERTIFICATES}/$ssl_server_name/valid.key.pem",
        ),
    ],
)
def test_a_setting_is_written_as_its_directive(
    settings: dict[str, Any], directive: str, value: str
) -> None:
    assert directives(**settings)[directive] == value


def test_what_is_always_written_is_and_says_why() -> None:
    written = text()
    for one in itertools.chain(*FIXED.values()):
        assert re.search(rf"^ *{one.name} ", written, re.MULTILINE), one
        assert one.reason


def test_the_answer_is_one_of_json_with_what_was_negotiated() -> None:
    assert text().count(f"return 200 '{BODY}';") == 1
    assert "listen 0.0.0.0:2101 ssl;" in text()


def test_without_tls_nothing_of_tls_is_written() -> None:
    written = text(tls=False, certificate_by_name=True, ssl_sni_hostname="nginx.lab.test")
    assert "listen 0.0.0.0:2101;" in written
    assert not re.search(r"^ *ssl_", written, re.MULTILINE)


def test_a_certificate_that_is_unset_is_not_written() -> None:
    assert "ssl_certificate" not in text(certificate="unset")


def test_other_names_than_its_own_have_a_server_that_rejects() -> None:
    servers = text(ssl_sni_hostname="nginx.lab.test").split("    server {\n")[1:]
    counting, rejecting, serving = servers
    assert "default_server;" in rejecting
    assert "ssl_reject_handshake on;" in rejecting
    assert "server_name 'nginx.lab.test';" in serving
    assert "stub_status;" in counting
    assert "ssl_reject_handshake" not in serving + counting


def test_the_socket_of_the_counters_is_opened_before_the_port() -> None:
    """Whoever sees the port listen may ask at once: nginx opens its sockets in the order of its servers."""
    opened = re.findall(r"^ *listen (\S+)", text(), re.MULTILINE)
    assert opened == [f"unix:{PLACE.directory}/status;", "0.0.0.0:2101"]


def test_the_group_for_dhe_goes_with_the_request() -> None:
    settings = Nginx(dh_bits=1024)
    files = listen_request(SERVERS["nginx"], settings, PLACE)["files"]
    assert list(files) == ["dh.pem"]
    assert files["dh.pem"].startswith("-----BEGIN DH PARAMETERS-----\n")


@pytest.mark.parametrize(
    ("settings", "cause"),
    [
        ({"certificate_by_name": True, "certificate": "unset"}, "there is none to look up"),
        ({"extra": ("x=y; } server {",)}, "one directive"),
        ({"extra": ("x y",)}, "NAME=VALUE"),
        ({"ciphers": "HIGH\nx"}, "one printable line"),
    ],
)
def test_what_cannot_be_written_is_said(settings: dict[str, Any], cause: str) -> None:
    assert cause in (NginxServer().unsupported(Nginx(**settings)) or "")


@pytest.mark.parametrize(
    ("settings", "missing"),
    [({}, "chain"), ({"certificate": "unset", "require_cert": True}, "client_ca")],
)
def test_a_place_without_the_files_is_refused(settings: dict[str, Any], missing: str) -> None:
    bare = dataclasses.replace(PLACE, chain=None, private_key=None, client_ca=None)
    with pytest.raises(ValueError, match=missing):
        NginxServer().configure(Nginx(**settings), bare)


# -- the agent's side --------------------------------------------------------------------------------


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(AGENTS))
    return importlib.import_module("nginx_program")


@pytest.mark.parametrize(
    ("binary", "found"),
    [
        (b"\0ssl_ciphers\0HIGH:!aNULL:!MD5\0DEFAULT\0", ["HIGH:!aNULL:!MD5"]),
        (b"\0HIGH:!aNULL:!MD5\0x\0HIGH:!aNULL:!MD5\0", ["HIGH:!aNULL:!MD5"]),
        (b"\0nothing: of the kind\0", []),
    ],
)
def test_the_default_list_is_found_in_the_binary(
    program: Any, binary: bytes, found: list[str]
) -> None:
    assert program.PROGRAM().lists_in(binary) == found


class Counters(threading.Thread):
    """The socket on which nginx tells how many connections are active, the asking one among them."""

    def __init__(self, directory: Path, active: int) -> None:
        super().__init__(daemon=True)
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(str(directory / "status"))
        self._socket.listen()
        self._active = active
        self.start()

    def run(self) -> None:
        connection, _ = self._socket.accept()
        with connection:
            connection.recv(1000)
            body = f"Active connections: {self._active} \nserver accepts handled requests\n"
            connection.sendall(f"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{body}".encode())
        self._socket.close()


@pytest.mark.parametrize(("active", "quiet"), [(1, True), (2, False), (11, False)])
def test_it_is_quiet_when_nobody_but_the_agent_is_connected(
    program: Any, tmp_path: Path, active: int, quiet: bool
) -> None:
    listener = importlib.import_module("listener").ListenerProcess("k1", str(tmp_path), 1, "lab")
    counters = Counters(tmp_path, active)
    assert program.PROGRAM().is_quiet(listener) is quiet
    counters.join(10)


def test_a_listener_that_tells_nothing_has_ended(
    program: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = importlib.import_module("listener")
    listener = module.ListenerProcess("k1", str(tmp_path), 1, "lab")
    monkeypatch.setattr(listener, "status", lambda: None)
    with pytest.raises(module.ListenerEnded, match="k1 does not answer"):
        program.PROGRAM().is_quiet(listener)


# -- its words ---------------------------------------------------------------------------------------


def test_both_kinds_of_origin_have_words_for_the_same() -> None:
    # given that a real server does not misbehave, and that each alert was met by one of them
    misbehaviour = {"sends-alert", "closes", "is-silent", "resets"}
    of_nginx, of_the_lab = (
        set(server_dialect("nginx").signals),
        set(server_dialect("origin").signals),
    )
    assert of_the_lab - of_nginx == misbehaviour | {"client-says-handshake-failure"}
    # and that the lab's own has one certificate for all names
    assert of_nginx - of_the_lab == {
        "client-says-unsupported-certificate",
        "no-certificate-for-name",
    }
