"""The lab's own origin: what its listener is told, and a real one on this machine's loopback."""

from __future__ import annotations

import dataclasses
import http.client
import importlib
import json
import os
import re
import select
import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from lab.dialects import server_dialect
from lab.model import from_, only, up_to
from lab.servers import SERVERS, ListenerPlace, listen_request
from lab.servers.origin import BEHAVIOURS, Origin, OriginServer
from lab.tls import client_hello, server_hello
from lab.tls.records import Alert
from lab.tls.server_hello import ServerHello
from lab.tls.suites import SUITES
from tests.agent_process import AGENTS

HOST = "origin.lab.test"
OLD = "origin@openssl-1.0.2k"
PATIENCE_S = 10.0
PLACE = ListenerPlace(
    key="k1",
    port=2101,
    passive_ports=(30000, 30019),
    password="secret",
    chain="/certificates/valid.chain.pem",
    private_key="/certificates/valid.key.pem",
    client_ca="/certificates/anchors/public.pem",
)


def configuration(software: str = "origin", **settings: Any) -> dict[str, Any]:
    wanted = SERVERS[software].settings_with(**settings)
    made: dict[str, Any] = json.loads(SERVERS[software].configure(wanted, PLACE))
    return made


# -- what it is told --------------------------------------------------------------------------------


def test_what_is_not_set_is_left_to_the_interpreter() -> None:
    made = configuration()
    left = ("ciphers", "versions", "dh_group", "client_ca", "server_name", "answer_delay_s")
    assert {name: made[name] for name in left} == dict.fromkeys(left)
    assert (made["behaviour"], made["tls"]) == ("serve", True)
    assert made["chain"] == "/certificates/valid.chain.pem"


@pytest.mark.parametrize(
    ("software", "protocols", "versions"),
    [
        ("origin", up_to("TLSv1.2"), ["TLSv1", "TLSv1.1", "TLSv1.2"]),
        ("origin", from_("TLSv1.2"), ["TLSv1.2", "TLSv1.3"]),
        (OLD, up_to("TLSv1.2"), ["SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2"]),
        (OLD, from_("TLSv1.2"), ["TLSv1.2"]),
    ],
)
def test_a_range_is_what_the_library_has_of_it(
    software: str, protocols: Any, versions: list[str]
) -> None:
    assert configuration(software, protocols=protocols)["versions"] == versions


@pytest.mark.parametrize(
    ("certificate", "files"),
    [("unset", (None, None)), ("empty", ("", "")), ("valid", (PLACE.chain, PLACE.private_key))],
)
def test_a_certificate_that_is_unset_is_none_and_an_empty_one_has_no_name(
    certificate: str, files: tuple[str | None, str | None]
) -> None:
    made = configuration(certificate=certificate)
    assert (made["chain"], made["private_key"]) == files


def test_without_tls_no_certificate_is_needed() -> None:
    bare = dataclasses.replace(PLACE, chain=None, private_key=None)
    made = json.loads(OriginServer().configure(Origin(tls=False), bare))
    assert (made["tls"], made["chain"]) == (False, None)


@pytest.mark.parametrize(
    ("software", "settings", "cause"),
    [
        ("origin", {"behaviour": "silent", "tls": False}, "tls is off"),
        ("origin", {"behaviour": "close", "answer_delay_s": 1.0}, "close never answers"),
        ("origin", {"protocols": only("SSLv3")}, "speaks TLSv1 to TLSv1.3"),
        (OLD, {"protocols": only("TLSv1.3")}, "OpenSSL 1.0.2k speaks SSLv3 to TLSv1.2"),
        (OLD, {"port_filter": "dropped"}, "no packet filter"),
        (
            "origin",
            {"behaviour": "no-secure-renegotiation", "protocols": only("TLSv1.3")},
            "a ServerHello of TLSv1.2",
        ),
    ],
)
def test_what_it_cannot_do_is_said(software: str, settings: dict[str, Any], cause: str) -> None:
    wanted = SERVERS[software].settings_with(**settings)
    assert cause in (SERVERS[software].unsupported(wanted) or "")


@pytest.mark.parametrize("software", ["origin", OLD])
@pytest.mark.parametrize("behaviour", BEHAVIOURS)
def test_every_behaviour_can_be_asked_for(software: str, behaviour: str) -> None:
    assert configuration(software, behaviour=behaviour)["behaviour"] == behaviour


@pytest.mark.parametrize(
    ("settings", "missing"),
    [({}, "chain"), ({"certificate": "unset", "require_cert": True}, "client_ca")],
)
def test_a_place_without_the_files_is_refused(settings: dict[str, Any], missing: str) -> None:
    bare = dataclasses.replace(PLACE, chain=None, private_key=None, client_ca=None)
    with pytest.raises(ValueError, match=missing):
        OriginServer().configure(Origin(**settings), bare)


# -- what a client opens with ------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def agents_on_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(AGENTS))


def hello(version: str, name: str = HOST) -> bytes:
    usable = [suite for suite in SUITES.values() if suite.usable_in(version)]
    return client_hello.build(version, usable, name)


@pytest.mark.parametrize("version", ["SSLv3", "TLSv1", "TLSv1.2", "TLSv1.3"])
def test_versions_and_name_of_a_client_hello_are_read(version: str) -> None:
    module = importlib.import_module("origin_tls")
    data = hello(version)
    assert module.is_tls(data)
    assert [module.is_whole(data[:length]) for length in (4, len(data) - 1)] == [False, False]
    assert module.is_whole(data)
    said = module.hello_in_words(data)
    assert said.startswith(version)
    assert said.endswith(f"; server name {HOST}")


@pytest.mark.parametrize("length", range(0, 200, 7))
def test_a_client_hello_that_is_cut_off_is_none(length: int) -> None:
    module = importlib.import_module("origin_tls")
    cut = hello("TLSv1.2")[5 : 5 + length]
    record = b"\x16\x03\x01" + len(cut).to_bytes(2, "big") + cut
    assert module.hello_in_words(record) is None


@pytest.mark.parametrize("data", [b"", b"GET / HTTP/1.1\r\n", b"\x16", b"\x80\x2e\x01\x03\x01"])
def test_what_is_no_client_hello_is_none(data: bytes) -> None:
    assert importlib.import_module("origin_tls").hello_in_words(data) is None


# -- a real one --------------------------------------------------------------------------------------


class Here:
    """Listeners of the origin on this machine, and clients of them."""

    def __init__(self, agent: Any, root: Path, ca: trustme.CA) -> None:
        self.agent, self.root, self.ca = agent, root, ca
        self.port = 0
        self.key = ""

    def listen(self, **settings: Any) -> dict[str, Any]:
        """Start a listener and begin an attempt; what the agent said."""
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.key = f"l{self.port}"
        place = ListenerPlace(
            key=self.key,
            port=self.port,
            address="127.0.0.1",
            passive_ports=(30100, 30199),
            password="secret",
            chain=str(self.root / "chain.pem"),
            private_key=str(self.root / "key.pem"),
            client_ca=str(self.root / "ca.pem"),
        )
        made = listen_request(SERVERS["origin"], Origin(**settings), place)
        text = json.dumps(made).replace("/run/lab/listeners", str(self.root / "listeners"))
        answer = finish(self.agent.listen(json.loads(text)))
        if answer["started"]:
            self.begin()
        return answer

    def begin(self) -> None:
        finish(self.agent.begin({"key": self.key, "file": "x"}))

    def collect(self, **more: Any) -> dict[str, Any]:
        return finish(self.agent.collect({"key": self.key, "file": "x", **more}))

    def log(self) -> str:
        collected = self.collect()
        assert collected["ended"]
        log: str = collected["log"]
        return log

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), PATIENCE_S)

    def context(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        self.ca.configure_trust(context)
        return context

    def tls(self, name: str = HOST, context: ssl.SSLContext | None = None) -> ssl.SSLSocket:
        connection = self.connect()
        return (context or self.context()).wrap_socket(connection, server_hostname=name)

    def answer(self, version: str = "TLSv1.2", name: str = HOST) -> ServerHello | Alert | None:
        """What comes back to a ClientHello."""
        return server_hello.parse(self.exchange(hello(version, name)))

    def exchange(self, data: bytes) -> bytes:
        with self.connect() as client:
            client.sendall(data)
            client.shutdown(socket.SHUT_WR)
            return everything(client)


def everything(client: socket.socket) -> bytes:
    data = b""
    while more := client.recv(65536):
        data += more
    return data


def get(client: socket.socket) -> tuple[int, dict[str, str], Any]:
    """Status, head and body of the answer to a request."""
    client.sendall(b"GET / HTTP/1.1\r\nHost: origin.lab.test\r\n\r\n")
    response = http.client.HTTPResponse(client)
    response.begin()
    head = {name.lower(): value for name, value in response.getheaders()}
    return response.status, head, json.loads(response.read())


def finish(work: Any) -> dict[str, Any]:
    """Run an op as the resident agent's loop would."""
    if isinstance(work, dict):
        return work
    try:
        wait = next(work)
        while True:
            remaining = max(0.0, wait.until - time.monotonic())
            readable = select.select(list(wait.readable), [], [], remaining)[0]
            wait = work.send(set(readable))
    except StopIteration as end:
        result: dict[str, Any] = end.value
        return result


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, authority: trustme.CA) -> Iterator[Here]:
    made = authority.issue_cert(HOST, key_type=trustme.KeyType.ECDSA)
    (tmp_path / "key.pem").write_bytes(made.private_key_pem.bytes())
    (tmp_path / "chain.pem").write_bytes(b"".join(c.bytes() for c in made.cert_chain_pems))
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    server = importlib.import_module("server")
    monkeypatch.setattr(server, "ROOT", str(tmp_path / "listeners"))
    agent = server.ServerOps(server.program_named(["origin"]), server.CaptureOps("not here"))
    yield Here(agent, tmp_path, authority)
    agent.close_all()


def test_it_answers_with_what_was_negotiated(here: Here) -> None:
    assert here.listen()["started"]
    with here.tls() as client:
        cipher = client.cipher()
        assert cipher is not None
        status, head, body = get(client)
        version = client.version()
    assert status == 200
    assert body == {"protocol": version, "cipher": cipher[0], "server_name": HOST}
    assert (head["x-tls-protocol"], head["x-tls-cipher"]) == (version, cipher[0])
    assert (head["content-type"], head["connection"]) == ("application/json", "close")
    log = here.log()
    assert f"server name {HOST}" in log
    assert f"handshake complete: {version} {cipher[0]}" in log
    assert len(log.splitlines()) == len(re.findall(r"(?m)^\S+ \S+ \[1\] 127\.0\.0\.1: ", log))


@pytest.mark.parametrize("settings", [{"tls": False}, {"behaviour": "plain-http"}])
def test_without_tls_nothing_was_negotiated(here: Here, settings: dict[str, Any]) -> None:
    here.listen(**settings)
    with here.connect() as client:
        status, head, body = get(client)
    assert (status, set(body.values())) == (200, {None})
    assert not head.keys() & {"x-tls-protocol", "x-tls-cipher"}
    answer = here.exchange(hello("TLSv1.2"))
    assert answer.startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize(
    ("behaviour", "alert"),
    [
        ("alert-internal-error", 80),
        ("alert-handshake-failure", 40),
        ("alert-unrecognized-name", 112),
    ],
)
@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
def test_a_client_hello_gets_an_alert(here: Here, behaviour: str, alert: int, version: str) -> None:
    here.listen(behaviour=behaviour)
    assert here.answer(version) == Alert(alert)
    assert f"alert {alert} is sent" in here.log()


def test_a_client_hello_gets_no_answer(here: Here) -> None:
    here.listen(behaviour="close")
    assert here.answer() is None
    here.listen(behaviour="reset")
    with here.connect() as client:
        client.sendall(hello("TLSv1.2"))
        with pytest.raises(ConnectionResetError):
            client.recv(100)


def test_it_is_silent_until_the_client_leaves(here: Here) -> None:
    here.listen(behaviour="silent")
    with here.connect() as client:
        client.sendall(hello("TLSv1.2"))
        client.settimeout(0.2)
        with pytest.raises(TimeoutError):
            client.recv(100)
    log = here.log()
    assert "silent to the ClientHello" in log
    assert log.splitlines()[-1].endswith(": ended")


def test_it_speaks_first_and_no_tls(here: Here) -> None:
    here.listen(behaviour="ftp-banner")
    with here.connect() as client:
        assert client.recv(100).startswith(b"220 ")
        client.sendall(hello("TLSv1.2"))
    assert "ClientHello: TLSv1.2" in here.log()


def test_a_server_hello_without_renegotiation_info(here: Here) -> None:
    here.listen(behaviour="no-secure-renegotiation")
    extensions = extensions_of(here.exchange(hello("TLSv1.2")))
    assert 0xFF01 not in extensions
    # The others are left, and with the behaviour `serve` it is among them.
    here.listen(protocols=only("TLSv1.2"))
    assert extensions_of(here.exchange(hello("TLSv1.2"))) == {*extensions, 0xFF01}
    assert extensions


def extensions_of(flight: bytes) -> set[int]:
    """Numbers of the extensions in a ServerHello, its records checked to their end."""
    assert server_hello.parse(flight) is not None
    rest = flight
    while rest:
        assert rest[0] in (21, 22)
        rest = rest[5 + int.from_bytes(rest[3:5]) :]
    body = flight[9 : 9 + int.from_bytes(flight[6:9])]
    block = body[35 + body[34] + 5 :]
    found = set()
    while block:
        found.add(int.from_bytes(block[:2]))
        block = block[4 + int.from_bytes(block[2:4]) :]
    return found


@pytest.mark.parametrize(
    "flight", [b"", b"\x15\x03\x03\x00\x02\x02\x28", b"\x16\x03\x03\x00\x04\x0e\0\0\0"]
)
def test_what_is_no_server_hello_is_not_changed(flight: bytes) -> None:
    tls = importlib.import_module("origin_tls")
    assert tls.without_renegotiation_info(flight) == flight


def test_a_server_hello_with_nothing_else_has_no_extensions_left() -> None:
    tls = importlib.import_module("origin_tls")
    body = b"\x03\x03" + bytes(32) + b"\0" + b"\xc0\x30\0"
    alone = b"\x16\x03\x03\0\x31\x02\0\0\x2d" + body + b"\0\x05\xff\x01\0\x01\0"
    changed = b"\x16\x03\x03\0\x2a\x02\0\0\x26" + body
    assert tls.without_renegotiation_info(alone + b"next") == changed + b"next"


def test_it_leaves_after_the_request(here: Here) -> None:
    here.listen(behaviour="close-after-request")
    with here.tls() as client:
        client.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert client.recv(100) == b""
    log = here.log()
    assert "handshake complete" in log
    assert "closed without an answer to the request" in log


def test_it_waits_before_the_answer_and_notices_who_does_not(here: Here) -> None:
    here.listen(answer_delay_s=0.2)
    with here.tls() as client:
        begun = time.monotonic()
        assert get(client)[0] == 200
        assert time.monotonic() - begun >= 0.2
    here.listen(answer_delay_s=60.0)
    with here.tls() as client:
        client.sendall(b"GET / HTTP/1.1\r\n\r\n")
    assert "the client left before the answer" in here.log()


def test_one_that_hangs_holds_up_no_other(here: Here) -> None:
    here.listen()
    with here.connect(), here.connect() as half:
        half.sendall(hello("TLSv1.2")[:40])
        with here.tls() as client:
            assert get(client)[0] == 200
    here.log()


def test_one_that_does_not_end_is_ended(here: Here) -> None:
    here.listen(behaviour="silent")
    with here.connect() as client:
        client.sendall(hello("TLSv1.2"))
        collected = here.collect(deadline_s=0.6)
        assert client.recv(100) == b""
    assert not collected["ended"]
    here.begin()
    assert here.log() == ""


@pytest.mark.parametrize(
    ("said", "event"),
    [
        (b"", "left before it said anything"),
        (b"\x16\x03\x01\x02\x00\x01", "left in the middle of a TLS record"),
        (b"GET / HTTP/1.1\r\n\r\n", "no ClientHello: 'GET / HTTP/1.1'"),
        (b"\x00\x01\x02", "no ClientHello: 000102"),
        (hello("TLSv1.2"), "left in the handshake"),
    ],
)
def test_what_arrived_is_in_the_log(here: Here, said: bytes, event: str) -> None:
    here.listen()
    with here.connect() as client:
        client.sendall(said)
        client.shutdown(socket.SHUT_WR)
        everything(client)
    assert event in here.log()


def test_a_server_name_does_not_reach_the_next_line_of_the_log(here: Here) -> None:
    here.listen()
    here.exchange(hello("TLSv1.2", "a\nb"))
    assert "server name a?b" in here.log()


def test_a_name_that_is_not_its_own_is_refused(here: Here) -> None:
    here.listen(ssl_sni_hostname=HOST)
    assert here.answer(name="other.lab.test") == Alert(112)
    assert "sni-rejected" in server_dialect("origin").heard(here.log())
    here.begin()
    assert isinstance(here.answer(), ServerHello)


@pytest.mark.parametrize(
    ("settings", "version", "alert", "signal"),
    [
        ({"ciphers": "ECDHE-RSA-AES128-SHA"}, "TLSv1.2", 40, "no-shared-cipher"),
        ({"protocols": only("TLSv1.3")}, "TLSv1.2", 70, "no-shared-protocol"),
        ({"certificate": "unset"}, "TLSv1.3", 40, "no-server-certificate"),
    ],
)
def test_its_own_words_say_why_a_handshake_failed(
    here: Here, settings: dict[str, Any], version: str, alert: int, signal: str
) -> None:
    here.listen(**settings)
    assert here.answer(version) == Alert(alert)
    assert signal in server_dialect("origin").heard(here.log())


@pytest.mark.parametrize("known", [False, True])
def test_a_client_certificate_is_required(here: Here, authority: trustme.CA, known: bool) -> None:
    here.listen(require_cert=True, protocols=only("TLSv1.2"))
    context = here.context()
    with pytest.raises(ssl.SSLError):
        here.tls(context=context).close()
    assert "no-client-certificate" in server_dialect("origin").heard(here.log())
    here.begin()
    (authority if known else trustme.CA()).issue_cert("client").configure_cert(context)
    if known:
        with here.tls(context=context) as client:
            assert get(client)[0] == 200
    else:
        with pytest.raises(ssl.SSLError):
            here.tls(context=context).close()
        assert "client-certificate-rejected" in server_dialect("origin").heard(here.log())


def test_a_group_for_dhe_comes_with_the_listener(here: Here, authority: trustme.CA) -> None:
    rsa = authority.issue_cert(HOST, key_type=trustme.KeyType.RSA)
    (here.root / "key.pem").write_bytes(rsa.private_key_pem.bytes())
    (here.root / "chain.pem").write_bytes(b"".join(c.bytes() for c in rsa.cert_chain_pems))
    suite, limits = "DHE-RSA-AES128-GCM-SHA256", only("TLSv1.2")
    here.listen(ciphers=suite, protocols=limits, dh_bits=2048)
    answer = here.answer()
    assert isinstance(answer, ServerHello)
    assert answer.suite.name == suite
    here.listen(ciphers=suite, protocols=limits)
    assert here.answer() == Alert(40), "without a group there is no DHE"


@pytest.mark.parametrize(
    "settings", [{"certificate": "empty"}, {"ciphers": "NOPE"}, {"ciphers": "PROFILE=SYSTEM"}]
)
def test_a_listener_that_cannot_start_says_why(here: Here, settings: dict[str, Any]) -> None:
    answer = here.listen(**settings)
    assert not answer["started"]
    assert answer["exit_status"] == 1
    assert re.fullmatch(r"\w+Error: .+", answer["output"])
    assert list((here.root / "listeners").iterdir()) == []


def test_the_facts_are_those_of_the_interpreters_library(here: Here) -> None:
    facts = here.agent.facts({"cipher_lists": ["AES128-SHA:AES256-SHA", "NOPE"]})
    assert facts["library"] == ssl.OPENSSL_VERSION
    assert "libcrypto" in facts["library_file"]
    assert facts["cipher_lists"] == {
        "AES128-SHA:AES256-SHA": ["AES128-SHA", "AES256-SHA"],
        "NOPE": [],
    }
    default = facts["default_ciphers"]["list"].split(":")
    assert "ECDHE-RSA-AES256-GCM-SHA384" in default
    assert here.agent.expand({"cipher_list": None}) == {"suites": default}


def test_a_listener_that_was_killed_is_reported_with_its_status(here: Here) -> None:
    pid = here.listen()["pid"]
    os.kill(pid, 9)
    ended = importlib.import_module("listener").ListenerEnded
    with pytest.raises(ended, match=f"pid {pid}.*status -9"):
        here.begin()
