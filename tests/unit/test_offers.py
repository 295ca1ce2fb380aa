"""Asking both ends for their suites: the questions, with this machine's TLS library for an answer."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import Any, cast

import pytest
import trustme

from lab.clients.net_ftp import NetFtp
from lab.run.link import AgentError, AgentLink
from lab.run.offers import ask_client, ask_server
from lab.run.suites import Offer, configured
from lab.servers.vsftpd import Vsftpd
from lab.tls.client_hello import parse
from lab.tls.records import HANDSHAKE_FAILURE, fatal_alert

#: In the place of an answer: there is none, and the connection stays.
SILENCE = b"\0"
GCM256, SHA = "ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-RSA-AES128-SHA"


class Probe:
    """The agent's ops, with a connection in memory in the place of the network."""

    def __init__(self, context: ssl.SSLContext, refused: str | None = None) -> None:
        self._context = context
        self._refused = refused
        self.open = 0

    def call(self, op: str, _deadline_s: float, **arguments: Any) -> dict[str, Any]:
        if op == "exchange":
            answer = self._answer(arguments["hello"])
            return {"answer": answer, "refused": self._refused, "silent": False}
        if op == "receive":
            hello, reaction = self._attempt(bytes.fromhex(arguments["answer"]))
            return {"hello": hello.hex(), "reaction": reaction.hex()}
        self.open += 1 if op == "open" else -1
        return {"port": 2000}

    def _answer(self, hello: str) -> str:
        """What a server of the library answers."""
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        connection = self._context.wrap_bio(incoming, outgoing, server_side=True)
        incoming.write(bytes.fromhex(hello))
        with pytest.raises((ssl.SSLWantReadError, ssl.SSLError)):
            connection.do_handshake()
        return outgoing.read().hex()

    def _attempt(self, answer: bytes) -> tuple[bytes, bytes]:
        """What a client of the library opens with, and how it reacts to an answer."""
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        connection = self._context.wrap_bio(incoming, outgoing, server_hostname="ftp.lab.test")
        with pytest.raises(ssl.SSLWantReadError):
            connection.do_handshake()
        hello = outgoing.read()
        incoming.write(answer)
        with pytest.raises(ssl.SSLError):
            connection.do_handshake()
        return hello, outgoing.read()


def client_of(minimum: ssl.TLSVersion, maximum: ssl.TLSVersion) -> Probe:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # Level 0, or the library has no signature for what is older than TLS 1.2.
    context.set_ciphers(f"{GCM256}:{SHA}:@SECLEVEL=0")
    context.minimum_version, context.maximum_version = minimum, maximum
    return Probe(context)


def asked_client(probe: Probe, said: str = "") -> Offer:
    link = cast("AgentLink", probe)
    return ask_client(link, NetFtp(), lambda port: said)


def server_of(**limits: ssl.TLSVersion) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made = trustme.CA().issue_cert("ftp.lab.test", key_type=trustme.KeyType.RSA)
    made.configure_cert(context)
    context.set_ciphers(f"{SHA}:ECDHE-ECDSA-AES256-GCM-SHA384:{GCM256}")
    for name, version in limits.items():
        setattr(context, name, version)
    return context


def asked_server(probe: Probe) -> Offer:
    listed = configured([SHA, "ECDHE-ECDSA-AES256-GCM-SHA384", GCM256])
    known = Offer(end="vsftpd", configured=listed, key="RSA-2048")
    return ask_server(cast("AgentLink", probe), Vsftpd(), 2100, known)


def names(offer: Offer) -> dict[str, list[str]]:
    return {version: [s.name for s in offer.suites[version]] for version in offer.versions}


def test_a_client_of_tls13_says_all_in_its_hello() -> None:
    probe = client_of(ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)
    offer = asked_client(probe)
    assert offer.versions == ("TLSv1.3", "TLSv1.2")
    assert names(offer)["TLSv1.2"] == [GCM256, SHA]
    assert probe.open == 0, "every port was closed again"


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
@pytest.mark.parametrize(
    ("minimum", "versions"),
    [
        (ssl.TLSVersion.TLSv1_2, ["TLSv1.2"]),
        (ssl.TLSVersion.TLSv1_1, ["TLSv1.2", "TLSv1.1"]),
    ],
)
def test_an_older_client_is_asked_for_each_older_version(
    minimum: ssl.TLSVersion, versions: list[str]
) -> None:
    offer = asked_client(client_of(minimum, ssl.TLSVersion.TLSv1_2))
    assert list(offer.versions) == versions
    assert all(suites == [SHA] for v, suites in names(offer).items() if v != "TLSv1.2")


@pytest.mark.parametrize(
    ("hello", "said", "nothing"),
    [
        ("", "no cipher match", "no cipher match"),
        ("", "", "it did not ask for TLS"),
        (b"USER lab\r\n".hex(), "", "no TLS record begins so: 55 53 45 52 20 6c 61 62 0d 0a"),
    ],
)
def test_a_client_that_writes_no_hello_offers_nothing(hello: str, said: str, nothing: str) -> None:
    class Silent(Probe):
        def call(self, op: str, _deadline_s: float, **_arguments: Any) -> dict[str, Any]:
            return {"port": 2000, "hello": hello, "reaction": ""}

    offer = asked_client(Silent(ssl.create_default_context()), said)
    assert (offer.nothing, offer.versions) == (nothing, ())


def test_an_attempt_that_breaks_leaves_nobody_waiting() -> None:
    def attempt(_port: int) -> str:
        raise AgentError("the container was killed")

    probe = client_of(ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)
    with pytest.raises(AgentError, match="killed"):
        ask_client(cast("AgentLink", probe), NetFtp(), attempt)
    assert probe.open == 0


def test_a_server_is_asked_until_it_refuses_the_rest() -> None:
    offer = asked_server(Probe(server_of(maximum_version=ssl.TLSVersion.TLSv1_2)))
    assert names(offer) == {"TLSv1.2": [SHA, GCM256]}, "in the order of its list"
    assert [s.name for s in offer.excluded] == ["ECDHE-ECDSA-AES256-GCM-SHA384"]


def test_a_server_of_tls13_has_its_suites_too() -> None:
    offer = asked_server(Probe(server_of(minimum_version=ssl.TLSVersion.TLSv1_3)))
    assert offer.versions == ("TLSv1.3",)
    assert "TLS_AES_256_GCM_SHA384" in names(offer)["TLSv1.3"]


def test_a_server_without_a_certificate_speaks_versions_and_has_no_suite() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    # A callback that could bring a certificate: without one the library leaves TLS 1.3 out.
    context.sni_callback = lambda *_: None
    assert names(asked_server(Probe(context))) == {"TLSv1.3": [], "TLSv1.2": []}


def answering(answer: Callable[[bytes], bytes]) -> Offer:
    """The offer of a server that answers each hello so."""

    class Answering(Probe):
        def call(self, op: str, _deadline_s: float, **arguments: Any) -> dict[str, Any]:
            assert op == "exchange"
            said = answer(bytes.fromhex(arguments["hello"]))
            return {"answer": said.hex(), "refused": None, "silent": said == SILENCE}

    return asked_server(Answering(ssl.create_default_context()))


def test_a_server_that_refuses_the_suites_of_tls13_may_never_have_heard_of_it() -> None:
    # OpenSSL 1.0.2 does not read the list of versions and knows none of the suites.
    offer = answering(lambda _hello: fatal_alert(HANDSHAKE_FAILURE))
    assert offer.versions == ("TLSv1.2", "TLSv1.1", "TLSv1")


def test_a_complaint_in_clear_text_refuses_the_version() -> None:
    def answer(data: bytes) -> bytes:
        hello = parse(data)
        if hello is not None and hello.newest == "TLSv1.2":
            return fatal_alert(HANDSHAKE_FAILURE)
        return b"500 OOPS: error:140760FC:SSL routines:SSL23_GET_CLIENT_HELLO:unknown protocol"

    assert answering(answer).versions == ("TLSv1.2",)


def test_a_server_that_takes_no_auth_offers_nothing() -> None:
    offer = asked_server(Probe(server_of(), refused="530 Please login with USER and PASS."))
    assert offer.nothing == "it takes no AUTH: 530 Please login with USER and PASS."


@pytest.mark.parametrize(
    ("answer", "nothing"),
    [
        (SILENCE, "it does not answer a ClientHello"),
        (
            b"HTTP/1.1 400 Bad Request\r\nX: y\r\n",
            "it does not speak TLS: it says HTTP/1.1 400 Bad Request",
        ),
        (b"220 FTP server ready.\r\n", "it does not speak TLS: it says 220 FTP server ready."),
    ],
)
def test_a_server_that_speaks_no_tls_offers_nothing(answer: bytes, nothing: str) -> None:
    offer = answering(lambda _hello: answer)
    assert (offer.nothing, offer.versions) == (nothing, ())
