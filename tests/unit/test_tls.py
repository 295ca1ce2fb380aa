"""Reading and writing the first messages of TLS, against the TLS library of this machine."""

from __future__ import annotations

import ssl

import pytest
import trustme

from lab.model import PROTOCOLS
from lab.tls import client_hello, server_hello
from lab.tls.records import (
    HANDSHAKE,
    PROTOCOL_VERSION,
    VERSIONS,
    Alert,
    WireError,
    fatal_alert,
    record,
    two_byte,
    vector,
)
from lab.tls.server_hello import ServerHello
from lab.tls.suites import SUITES, Suite, suite_named, suite_of
from tools import suites as suites_table

TLS12 = [suite for suite in SUITES.values() if suite.usable_in("TLSv1.2")]
TLS13 = [suite for suite in SUITES.values() if suite.usable_in("TLSv1.3")]


def named(name: str) -> Suite:
    suite = suite_named(name)
    assert suite is not None, name
    return suite


def hello_of_a_client(maximum: ssl.TLSVersion, ciphers: str) -> bytes:
    """The ClientHello that this machine's library writes."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.maximum_version = maximum
    context.set_ciphers(ciphers)
    outgoing = ssl.MemoryBIO()
    connection = context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="ftp.lab.test")
    with pytest.raises(ssl.SSLWantReadError):
        connection.do_handshake()
    return outgoing.read()


def reaction_of_a_client(maximum: ssl.TLSVersion, answer: bytes) -> bytes:
    """What this machine's library sends back to a server's answer."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.maximum_version = maximum
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    connection = context.wrap_bio(incoming, outgoing, server_hostname="ftp.lab.test")
    with pytest.raises(ssl.SSLWantReadError):
        connection.do_handshake()
    outgoing.read()
    incoming.write(answer)
    with pytest.raises(ssl.SSLError):
        connection.do_handshake()
    return outgoing.read()


@pytest.fixture(scope="module")
def rsa_server() -> ssl.SSLContext:
    """A server of this machine's library with an RSA key and three suites, one for another key."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made = trustme.CA().issue_cert("ftp.lab.test", key_type=trustme.KeyType.RSA)
    made.configure_cert(context)
    context.set_ciphers(
        "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES256-GCM-SHA384:AES128-SHA:@SECLEVEL=0"
    )
    return context


def answer_of_a_server(context: ssl.SSLContext, hello: bytes) -> ServerHello | Alert | None:
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    connection = context.wrap_bio(incoming, outgoing, server_side=True)
    incoming.write(hello)
    with pytest.raises((ssl.SSLWantReadError, ssl.SSLError)):
        connection.do_handshake()
    return server_hello.parse(outgoing.read())


# -- the ClientHello ------------------------------------------------------------------------------


def test_a_client_of_tls13_lists_its_versions_and_its_suites_in_order() -> None:
    ciphers = "ECDHE-RSA-AES256-GCM-SHA384:AES128-SHA"
    hello = client_hello.parse(hello_of_a_client(ssl.TLSVersion.TLSv1_3, ciphers))
    assert hello is not None
    assert hello.newest == "TLSv1.3"
    assert hello.versions is not None
    assert hello.versions[:2] == ("TLSv1.3", "TLSv1.2")
    assert [s.name for s in hello.suites if s.first != "TLSv1.3"] == ciphers.split(":")
    assert named("TLS_AES_256_GCM_SHA384") in hello.suites
    assert hello.server_name == "ftp.lab.test"
    assert 23 in hello.groups
    assert 0x0804 in hello.signatures


def test_an_older_client_says_its_newest_version_alone() -> None:
    hello = client_hello.parse(hello_of_a_client(ssl.TLSVersion.TLSv1_2, "AES128-SHA"))
    assert hello is not None
    assert (hello.newest, hello.versions) == ("TLSv1.2", None)
    assert hello.suites == (named("AES128-SHA"),), "the renegotiation signal is no suite"


@pytest.mark.parametrize("version", PROTOCOLS)
def test_what_is_built_is_read_back(version: str) -> None:
    offered = [suite for suite in SUITES.values() if suite.usable_in(version)]
    hello = client_hello.parse(client_hello.build(version, offered, "ftp.lab.test"))
    assert hello is not None
    assert hello.newest == version
    assert list(hello.suites) == offered
    assert hello.server_name == "ftp.lab.test"


def test_values_that_mean_nothing_are_skipped() -> None:
    nothing = Suite(0x3A3A, "GREASE", "TLSv1.2", "", "", "", "")
    hello = client_hello.parse(client_hello.build("TLSv1.2", [nothing, TLS12[0]]))
    assert hello is not None
    assert hello.suites == (TLS12[0],)
    assert hello.server_name is None


def test_a_hello_without_extensions_is_read() -> None:
    body = bytes([3, 1]) + bytes(32) + vector(1, b"") + vector(2, two_byte((0x2F,))) + b"\1\0"
    message = bytes([1]) + vector(3, body)
    hello = client_hello.parse(record(HANDSHAKE, VERSIONS["TLSv1"], message))
    assert hello is not None
    assert (hello.newest, hello.suites, hello.groups) == ("TLSv1", (named("AES128-SHA"),), ())


def test_a_hello_in_two_records_is_put_together() -> None:
    whole = client_hello.build("TLSv1.2", TLS12)
    message = whole[5:]
    split = record(HANDSHAKE, 0x0301, message[:20]) + record(HANDSHAKE, 0x0301, message[20:])
    assert client_hello.parse(split) == client_hello.parse(whole)


@pytest.mark.parametrize(
    "data",
    [b"", fatal_alert(40), client_hello.build("TLSv1.2", TLS12)[:50]],
    ids=["nothing", "alert", "cut off"],
)
def test_no_hello_is_none(data: bytes) -> None:
    assert client_hello.parse(data) is None


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (bytes.fromhex("802e0100020015000000106a"), "no TLS record begins so: 80 2e"),
        (b"USER lab\r\n", "no TLS record begins so"),
        (record(23, 0x0303, bytes(8)), "a record of type 23"),
        (server_hello.build("TLSv1.2", TLS12[0]), "a handshake message of type 2"),
        (record(HANDSHAKE, 0x0301, bytes([1]) + vector(3, bytes(9))), "ClientHello ends too early"),
    ],
    ids=["SSLv2", "plain text", "application data", "ServerHello", "too short"],
)
def test_what_is_no_client_hello_is_an_error(data: bytes, words: str) -> None:
    with pytest.raises(WireError, match=words):
        client_hello.parse(data)


# -- the server's answer --------------------------------------------------------------------------


def test_a_server_picks_what_its_list_and_its_key_allow(rsa_server: ssl.SSLContext) -> None:
    left, picked = list(TLS12), []
    while isinstance(
        answer := answer_of_a_server(rsa_server, client_hello.build("TLSv1.2", left)), ServerHello
    ):
        assert answer.version == "TLSv1.2"
        picked.append(answer.suite.name)
        left.remove(answer.suite)
    assert sorted(picked) == ["AES128-SHA", "ECDHE-RSA-AES256-GCM-SHA384"]
    assert answer == Alert(40)


def test_a_server_of_tls13_answers_the_borrowed_key_shares(rsa_server: ssl.SSLContext) -> None:
    answer = answer_of_a_server(rsa_server, client_hello.build("TLSv1.3", TLS13[:1]))
    assert answer == ServerHello("TLSv1.3", TLS13[0])


def test_a_version_that_a_server_does_not_speak_is_alert_70(rsa_server: ssl.SSLContext) -> None:
    suites = [named("AES128-SHA")]
    answer = answer_of_a_server(rsa_server, client_hello.build("TLSv1.1", suites))
    assert answer == Alert(PROTOCOL_VERSION)


def test_a_server_hello_is_read_back() -> None:
    suite = named("AES128-SHA")
    assert server_hello.parse(server_hello.build("TLSv1.1", suite)) == ServerHello("TLSv1.1", suite)
    assert server_hello.parse(b"") is None
    with pytest.raises(WireError, match="type 1 where a ServerHello"):
        server_hello.parse(client_hello.build("TLSv1.2", [suite]))


@pytest.mark.parametrize(("version", "spoken"), [("TLSv1.2", True), ("TLSv1.1", False)])
def test_a_clients_reaction_tells_whether_it_speaks_a_version(version: str, spoken: bool) -> None:
    suite = named("ECDHE-RSA-AES256-SHA")
    answer = server_hello.build(version, suite)
    reaction = reaction_of_a_client(ssl.TLSVersion.TLSv1_2, answer)
    assert server_hello.accepts(reaction) is spoken


def test_a_client_that_leaves_without_a_word_does_not_speak_it() -> None:
    assert not server_hello.accepts(b"")


# -- the table ------------------------------------------------------------------------------------


def test_the_table_has_each_suite_once() -> None:
    assert len({suite.name for suite in SUITES.values()}) == len(SUITES) > 140
    assert all(suite.number == number for number, suite in SUITES.items())


def test_the_table_agrees_with_this_machines_library() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_ciphers("ALL:@SECLEVEL=0")
    theirs = {c["id"] & 0xFFFF: c["name"] for c in context.get_ciphers()}
    ours = {n: SUITES[n].name for n in theirs if n in SUITES}
    assert ours == {n: name for n, name in theirs.items() if n in SUITES}
    missing = [name for n, name in theirs.items() if n not in SUITES]
    assert [name for name in missing if "PSK" not in name and "SRP" not in name] == []


@pytest.mark.parametrize(
    ("name", "versions"),
    [
        ("AES128-SHA", ["SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2"]),
        ("ECDHE-RSA-AES256-GCM-SHA384", ["TLSv1.2"]),
        ("TLS_AES_128_GCM_SHA256", ["TLSv1.3"]),
    ],
)
def test_a_suite_belongs_to_versions(name: str, versions: list[str]) -> None:
    assert [v for v in PROTOCOLS if named(name).usable_in(v)] == versions


def test_names_of_old_and_unknown_suites() -> None:
    assert named("EDH-RSA-DES-CBC3-SHA").name == "DHE-RSA-DES-CBC3-SHA"
    assert suite_named("NOPE") is None
    unknown = suite_of(0xC0DE)
    assert (unknown.name, unknown.number) == ("0xC0DE", 0xC0DE)


@pytest.mark.parametrize(
    ("description", "columns"),
    [
        (
            "EDH-RSA-DES-CBC3-SHA SSLv3 Kx=DH Au=RSA Enc=3DES(168) Mac=SHA1",
            "DHE-RSA-DES-CBC3-SHA SSLv3 DHE RSA 3DES-CBC SHA-1",
        ),
        (
            "ECDH-ECDSA-AES128-SHA SSLv3 Kx=ECDH/ECDSA Au=ECDH Enc=AES(128) Mac=SHA1",
            "ECDH-ECDSA-AES128-SHA SSLv3 ECDH ECDSA AES-128-CBC SHA-1",
        ),
        (
            "TLS_AES_128_CCM_SHA256 TLSv1.3 Kx=any Au=any Enc=AESCCM(128) Mac=AEAD",
            "TLS_AES_128_CCM_SHA256 TLSv1.3 any any AES-128-CCM AEAD",
        ),
        ("PSK-NULL-SHA SSLv3 Kx=PSK Au=PSK Enc=None Mac=SHA1", None),
        ("EXP-RC4-MD5 SSLv3 Kx=RSA(512) Au=RSA Enc=RC4(40) Mac=MD5 export", None),
    ],
)
def test_a_library_s_description_of_a_suite_in_the_columns_of_the_table(
    description: str, columns: str | None
) -> None:
    found = suites_table.columns(description)
    assert (found and " ".join(found)) == columns
