"""What a capture is read to say: dialogue, offer, choice, alerts, and who refused."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESCCM, AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from lab.model import Side
from lab.tls import server_hello
from lab.tls.records import (
    ALERT,
    APPLICATION_DATA,
    HANDSHAKE,
    VERSIONS,
    Record,
    fatal_alert,
    record,
)
from lab.tls.suites import suite_named
from lab.wire.packets import Capture
from lab.wire.reading import ConnectionReading, Ending, How, WireReading, read
from lab.wire.tls import Opener, Point, expanded, parse_key_log
from tests.unit.wire_packets import (
    ACK,
    AUTH,
    RST,
    SERVER,
    SYN,
    Tls,
    Wire,
    client_context,
    ftps,
    key_log,
    server_context,
)

CLIENT_SIDE, SERVER_SIDE = Side.CLIENT, Side.SERVER


def control(wire: Wire, secrets: str = "") -> ConnectionReading:
    reading = read(wire.capture(secrets))
    assert reading.control is not None
    return reading.control


def ending(wire: Wire, secrets: str = "") -> Ending | None:
    return control(wire, secrets).ending


@pytest.fixture
def secrets(tmp_path: Path) -> Iterator[tuple[ssl.SSLContext, Path]]:
    """A client of TLS 1.3, and where it writes its secrets."""
    context = client_context("TLSv1.3")
    with key_log(context, tmp_path) as path:
        yield context, path


# -- what was offered and selected -------------------------------------------------------------------


def test_the_dialogue_before_tls() -> None:
    seen = control(ftps().tls(Tls.between(client_context(), server_context())))
    assert [(one.by, one.text) for one in seen.said] == [
        (SERVER_SIDE if line[0] == "<" else CLIENT_SIDE, line[2:]) for line in AUTH
    ]


def test_passwords_are_left_out() -> None:
    wire = Wire().open().dialogue("< 220 hi", "> USER lab", "< 331 go on", "> PASS secret")
    assert control(wire).said[-1].text == "PASS ***"


def test_an_offer_of_tls_1_2() -> None:
    context = client_context("TLSv1.2")
    context.set_ciphers("ECDHE-ECDSA-AES256-GCM-SHA384:AES128-SHA")
    context.set_alpn_protocols(["http/1.1"])
    seen = control(Wire().open().tls(Tls.between(context, server_context())))

    assert seen.offered is not None
    assert (seen.offered.newest, seen.offered.versions) == ("TLSv1.2", None)
    assert seen.offered.suites == ("ECDHE-ECDSA-AES256-GCM-SHA384", "AES128-SHA")
    assert seen.offered.server_name == "ftp.lab.test"
    assert seen.offered.alpn == ("http/1.1",)
    assert seen.selected is not None
    assert seen.selected.version == "TLSv1.2"
    assert seen.selected.cipher == "ECDHE-ECDSA-AES256-GCM-SHA384"
    assert (seen.selected.retry, seen.selected.resumed) == (False, False)
    assert seen.certificates is not None
    assert seen.certificates.number == 1
    assert (seen.alerts, seen.not_tls, seen.unreadable, seen.cut) == ((), None, "", False)


@pytest.mark.parametrize("lost", [3, 4])
def test_of_a_dialogue_whose_beginning_is_missing_nobody_is_said_to_have_left(lost: int) -> None:
    wire = Wire().open().dialogue("< 220 hello", "> USER lab", "< 331 go", "> PASS x", "< 230 hi")
    wire.closes(Side.SERVER)
    assert control(wire).ending == Ending(Side.SERVER, How.CLOSED, Point.CLEAR)
    # when the capture has lost the first packet of either end
    del wire.packets[lost]
    assert control(wire).ending is None


def test_an_offer_of_several_versions_and_no_name() -> None:
    context = client_context()
    context.check_hostname = False
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    seen = control(ftps().tls(Tls.between(context, server_context(), None)))
    assert seen.offered is not None
    assert seen.offered.versions == ("TLSv1.3", "TLSv1.2")
    assert seen.offered.server_name is None
    assert seen.selected is not None
    assert seen.selected.version == "TLSv1.3"
    # without secrets the certificates of TLS 1.3 are not seen
    assert seen.certificates is None


def test_with_the_key_log_tls_1_3_is_read_like_the_others(
    secrets: tuple[ssl.SSLContext, Path],
) -> None:
    context, path = secrets
    tls = Tls.between(context, server_context())
    seen = read(ftps().tls(tls).capture(path.read_text()))
    assert seen.control is not None
    assert seen.control.certificates is not None
    assert seen.control.certificates.number == 1
    assert (seen.key_log, seen.no_key_log) == (True, "")


@pytest.mark.parametrize(
    ("suite", "aead", "size", "algorithm"),
    [
        (0x1301, AESGCM, 16, hashes.SHA256()),
        (0x1302, AESGCM, 32, hashes.SHA384()),
        (0x1303, ChaCha20Poly1305, 32, hashes.SHA256()),
        (0x1304, AESCCM, 16, hashes.SHA256()),
        (0x1305, lambda key: AESCCM(key, tag_length=8), 16, hashes.SHA256()),
    ],
)
def test_every_suite_of_tls_1_3_is_opened(
    suite: int, aead: Any, size: int, algorithm: hashes.HashAlgorithm
) -> None:
    # given a record that is sealed as RFC 8446, section 5.2, has it, padded
    secret = bytes(range(algorithm.digest_size))
    key, iv = (
        HKDFExpand(algorithm, n, n.to_bytes(2) + bytes([len(label)]) + label + b"\0").derive(secret)
        for n, label in ((size, b"tls13 key"), (12, b"tls13 iv"))
    )
    inner = bytes([2, 40, ALERT]) + bytes(5)
    tag = 8 if suite == 0x1305 else 16
    head = bytes([APPLICATION_DATA, 3, 3]) + (len(inner) + tag).to_bytes(2)
    fragment = aead(key).encrypt(iv, inner, head)
    # when it is opened, then its type and its content are what they were
    opener = Opener(CLIENT_SIDE, suite, b"r", {(LABEL, b"r"): secret})
    sealed = Record(APPLICATION_DATA, 0x0303, fragment, 0)
    assert opener.open(sealed) == (ALERT, bytes([2, 40]))
    # and the next record has another nonce
    assert opener.open(sealed) is None


def test_keys_are_derived_as_in_the_published_trace() -> None:
    # RFC 8448, section 3: "derive write traffic keys for handshake data", of the server
    secret = bytes.fromhex("b67b7d690cc16c4e75e54213cb2d37b4e9c912bcded9105d42befd59d391ad38")
    assert expanded(secret, b"key", 16, hashes.SHA256()).hex() == "3fce516009c21727d0f2e4e86ee403bc"
    assert expanded(secret, b"iv", 12, hashes.SHA256()).hex() == "5d313eb2671276ee13000b30"


def test_a_session_that_is_resumed() -> None:
    for version in ("TLSv1.2", "TLSv1.3"):
        context, server = client_context(version), server_context(version)
        first = Tls.between(context, server).says(SERVER_SIDE, b"tickets first")
        first.client.read(100)
        pipes = ssl.MemoryBIO(), ssl.MemoryBIO(), ssl.MemoryBIO(), ssl.MemoryBIO()
        again = Tls(
            context.wrap_bio(
                pipes[0], pipes[1], server_hostname="ftp.lab.test", session=first.client.session
            ),
            server.wrap_bio(pipes[2], pipes[3], server_side=True),
            _pipes={CLIENT_SIDE: pipes[:2], SERVER_SIDE: pipes[2:]},
        )
        for _ in range(3):
            for side, end in ((CLIENT_SIDE, again.client), (SERVER_SIDE, again.server)):
                again._steps(side, end)
                again._passes(side)
        selected = control(ftps().tls(again)).selected
        assert selected is not None
        assert (selected.version, selected.resumed) == (version, True)


def test_a_hello_retry_request() -> None:
    context, server = client_context("TLSv1.3"), server_context("TLSv1.3")
    server.set_ecdh_curve("secp384r1")
    selected = control(ftps().tls(Tls.between(context, server))).selected
    assert selected is not None
    assert selected.retry


# -- alerts ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
def test_the_client_does_not_trust_the_certificate(version: str) -> None:
    tls = Tls.between(client_context(version, trusts=False), server_context())
    assert tls.errors, "the library of this machine trusts everything"
    wire = ftps().tls(tls).closes(CLIENT_SIDE)
    seen = control(wire)
    assert seen.ending == Ending(CLIENT_SIDE, How.FATAL_ALERT, Point.HANDSHAKE, "unknown_ca")
    (alert,) = seen.alerts
    assert (alert.by, alert.number, alert.fatal, alert.decrypted) == (CLIENT_SIDE, 48, True, False)
    assert alert.after_ms > 0


def test_the_server_finds_no_common_suite_and_says_so_in_clear_text_too() -> None:
    context = client_context("TLSv1.2")
    context.set_ciphers("AES128-SHA")  # needs an RSA key
    tls = Tls.between(context, server_context())
    wire = ftps().tls(tls).dialogue("< 500 OOPS: no shared cipher").closes(SERVER_SIDE)
    seen = control(wire)
    assert seen.ending == Ending(
        SERVER_SIDE, How.FATAL_ALERT, Point.BEFORE_SERVER_HELLO, "handshake_failure"
    )
    assert seen.not_tls is not None
    assert (seen.not_tls.by, seen.not_tls.text) == (SERVER_SIDE, "500 OOPS: no shared cipher")
    assert seen.not_tls.after_ms > seen.alerts[0].after_ms


def refused_after_the_handshake(context: ssl.SSLContext) -> Tls:
    """Over TLS 1.3 the client has finished before the server misses its certificate."""
    server = server_context("TLSv1.3")
    server.verify_mode = ssl.CERT_REQUIRED
    tls = Tls.between(context, server)
    assert SERVER_SIDE in tls.errors
    return tls


def test_an_alert_that_is_encrypted_says_nothing() -> None:
    tls = refused_after_the_handshake(client_context("TLSv1.3"))
    seen = control(ftps().tls(tls).closes(SERVER_SIDE))
    assert seen.ending == Ending(SERVER_SIDE, How.ENCRYPTED_ALERT, Point.AFTER_HANDSHAKE)
    assert [(one.by, one.name, one.fatal) for one in seen.alerts] == [(SERVER_SIDE, None, None)]


@pytest.mark.parametrize(
    ("sealed", "ended"),
    [
        (2 + 1 + 16 + 16, Ending(CLIENT_SIDE, How.ENCRYPTED_ALERT, Point.HANDSHAKE)),
        # no certificate, padded and not; a Finished
        (8 + 1 + 16 + 16, Ending(SERVER_SIDE, How.CLOSED, Point.AFTER_HANDSHAKE)),
        (8 + 1 + 16, Ending(SERVER_SIDE, How.CLOSED, Point.AFTER_HANDSHAKE)),
        (4 + 32 + 1 + 16, Ending(SERVER_SIDE, How.CLOSED, Point.AFTER_HANDSHAKE)),
    ],
)
def test_an_alert_that_is_padded_is_no_finished(sealed: int, ended: Ending) -> None:
    # given what a client sends in place of its Finished, padded as JSSE does, and a server that then closes
    flights = Tls.between(client_context("TLSv1.3"), server_context()).flights
    sent = record(APPLICATION_DATA, VERSIONS["TLSv1.2"], bytes(sealed))
    wire = ftps().says(*flights[0]).says(*flights[1]).says(CLIENT_SIDE, sent)
    assert ending(wire.closes(SERVER_SIDE).closes(CLIENT_SIDE)) == ended


def test_the_key_log_opens_it(secrets: tuple[ssl.SSLContext, Path]) -> None:
    context, path = secrets
    tls = refused_after_the_handshake(context)
    seen = control(ftps().tls(tls).closes(SERVER_SIDE), path.read_text())
    name = "certificate_required"
    assert seen.ending == Ending(SERVER_SIDE, How.FATAL_ALERT, Point.AFTER_HANDSHAKE, name)
    assert [one.decrypted for one in seen.alerts] == [True]


def test_a_warning_ends_nothing() -> None:
    warning = record(ALERT, VERSIONS["TLSv1.2"], bytes([1, 112]))
    tls = Tls.between(client_context("TLSv1.2"), server_context())
    tls.flights.insert(1, (SERVER_SIDE, warning))
    tls.says(CLIENT_SIDE, b"USER lab\r\n")
    seen = control(ftps().tls(tls).closes(SERVER_SIDE))
    assert seen.ending is None
    assert [(one.name, one.fatal) for one in seen.alerts] == [("unrecognized_name", False)]


def test_what_is_sent_to_an_end_that_has_closed_ends_nothing() -> None:
    # OpenSSL answers an end without an answer with an alert of its own
    hello = Tls.between(client_context(), server_context()).flights[0]
    wire = Wire().open().says(*hello).closes(SERVER_SIDE).says(CLIENT_SIDE, fatal_alert(50))
    assert ending(wire) == Ending(SERVER_SIDE, How.CLOSED, Point.BEFORE_SERVER_HELLO)


# -- ends without an alert ---------------------------------------------------------------------------


@pytest.mark.parametrize("side", [CLIENT_SIDE, SERVER_SIDE])
def test_the_first_to_close_or_break_has_ended_it(side: Side) -> None:
    flights = Tls.between(client_context("TLSv1.2"), server_context()).flights
    for count, point in ((1, Point.BEFORE_SERVER_HELLO), (2, Point.HANDSHAKE)):
        for break_off, how in ((Wire.closes, How.CLOSED), (Wire.breaks, How.RESET)):
            wire = ftps()
            for flight in flights[:count]:
                wire.says(*flight)
            other = SERVER_SIDE if side is CLIENT_SIDE else CLIENT_SIDE
            break_off(wire, side)
            wire.closes(other)
            assert ending(wire) == Ending(side, how, point)


def test_who_leaves_without_a_clienthello() -> None:
    assert ending(ftps().closes(CLIENT_SIDE)) == Ending(
        CLIENT_SIDE, How.CLOSED, Point.BEFORE_CLIENT_HELLO
    )


def test_who_leaves_right_behind_the_handshake() -> None:
    tls = Tls.between(client_context("TLSv1.2"), server_context())
    wire = ftps().tls(tls).closes(CLIENT_SIDE).closes(SERVER_SIDE)
    assert ending(wire) == Ending(CLIENT_SIDE, How.CLOSED, Point.AFTER_HANDSHAKE)
    # and a good-bye comes before the other end closes
    tls = Tls.between(client_context("TLSv1.2"), server_context()).says(CLIENT_SIDE, b"")
    wire = ftps().tls(tls).closes(SERVER_SIDE)
    assert ending(wire) == Ending(CLIENT_SIDE, How.ENCRYPTED_ALERT, Point.AFTER_HANDSHAKE)


@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
def test_a_session_that_ends_later_was_not_refused(version: str) -> None:
    tls = Tls.between(client_context(version), server_context())
    tls.says(CLIENT_SIDE, b"USER lab\r\n").says(SERVER_SIDE, b"331 go on\r\n")
    assert ending(ftps().tls(tls).closes(SERVER_SIDE).closes(CLIENT_SIDE)) is None


def test_whoever_is_left_waiting_is_not_the_one_who_refused() -> None:
    hello = Tls.between(client_context(), server_context()).flights[0]
    silent = Ending(SERVER_SIDE, How.SILENCE, Point.BEFORE_SERVER_HELLO)
    assert ending(Wire().open().says(*hello).waits(0.4).closes(CLIENT_SIDE)) == silent
    # a greeting that does not come, and a reply
    unspoken = Ending(SERVER_SIDE, How.SILENCE, Point.GREETING)
    assert ending(Wire().open().waits(2).closes(CLIENT_SIDE)) == unspoken
    asked = Wire().open().dialogue(*AUTH[:2]).waits(2).closes(CLIENT_SIDE)
    assert ending(asked) == Ending(SERVER_SIDE, How.SILENCE, Point.CLEAR)
    # also when it answers at last, to an end that has gone
    late = Wire().open().waits(2).closes(CLIENT_SIDE).says(SERVER_SIDE, fatal_alert(50))
    assert ending(late) == Ending(SERVER_SIDE, How.SILENCE, Point.BEFORE_CLIENT_HELLO)
    # but who takes long for its own part has left by itself
    answered = Wire().open().dialogue(*AUTH).waits(2).closes(CLIENT_SIDE)
    assert ending(answered) == Ending(CLIENT_SIDE, How.CLOSED, Point.BEFORE_CLIENT_HELLO)


def test_who_takes_long_over_a_certificate_has_left_by_itself() -> None:
    # given a client that sends its ChangeCipherSpec at once (RFC 8446, appendix D.4), and checks the chain
    first, (_, answer), *_ = Tls.between(client_context("TLSv1.3"), server_context()).flights
    hello = answer[: 5 + int.from_bytes(answer[3:5], "big")]
    for said, left in (
        (answer, Ending(CLIENT_SIDE, How.CLOSED, Point.HANDSHAKE)),
        # as long as there is nothing behind the ServerHello, it is the server who is waited for
        (hello, Ending(SERVER_SIDE, How.SILENCE, Point.HANDSHAKE)),
    ):
        wire = Wire().open().says(*first).says(SERVER_SIDE, said)
        wire.says(CLIENT_SIDE, bytes.fromhex("140303000101")).waits(0.4).closes(CLIENT_SIDE)
        assert ending(wire) == left


# -- before TLS --------------------------------------------------------------------------------------


def test_no_connection() -> None:
    asked = Wire()
    asked.put(CLIENT_SIDE, SYN)
    asked.put(CLIENT_SIDE, SYN)
    assert ending(asked) == Ending(Side.NETWORK, How.NO_ANSWER, Point.CONNECT)
    asked.put(SERVER_SIDE, RST | ACK)
    assert ending(asked) == Ending(Side.NETWORK, How.NOT_ACCEPTED, Point.CONNECT)


@pytest.mark.parametrize(
    ("lines", "how", "point"),
    [
        (["< 421 too many"], How.REPLY, Point.GREETING),
        (["< SSH-2.0-x"], How.NOT_FTP, Point.GREETING),
        (["< 220 hi", "> AUTH TLS", "< 530 no"], How.REPLY, Point.CLEAR),
        (["< 220-hi", "< 220 hi", "> AUTH TLS", "< 500-no", "< 500 no"], How.REPLY, Point.CLEAR),
        (
            ["< 220 hi", "> USER lab", "< 530 encrypt", "> QUIT", "< 221 bye"],
            How.REPLY,
            Point.CLEAR,
        ),
    ],
)
def test_the_server_says_no_in_clear_text(lines: list[str], how: How, point: Point) -> None:
    wire = Wire().open().dialogue(*lines).closes(CLIENT_SIDE)
    assert ending(wire) == Ending(SERVER_SIDE, how, point)


def test_a_session_in_clear_text_that_ends_in_good_order() -> None:
    lines = ["< 220 hi", "> USER lab", "< 331 go on", "> PASS x", "< 230 in", "> QUIT", "< 221 bye"]
    assert ending(Wire().open().dialogue(*lines).closes(SERVER_SIDE)) is None


def test_auth_that_is_refused_and_asked_again() -> None:
    tls = Tls.between(client_context("TLSv1.2"), server_context())
    wire = Wire().open().dialogue("< 220 hi", "> AUTH TLS", "< 504 no", "> AUTH SSL", "< 334 go")
    seen = control(wire.tls(tls))
    assert seen.selected is not None
    assert seen.ending is None


# -- another language ----------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", ["HTTP/1.1 400 Bad Request", "220 ftp.lab.test ready"])
def test_a_peer_that_does_not_speak_tls(answer: str) -> None:
    hello = Tls.between(client_context(), server_context()).flights[0]
    wire = Wire().open().says(*hello).dialogue(f"< {answer}").closes(SERVER_SIDE)
    seen = control(wire)
    assert seen.not_tls is not None
    assert seen.not_tls.text == answer
    assert seen.ending == Ending(CLIENT_SIDE, How.NOT_TLS, Point.BEFORE_SERVER_HELLO)
    # what the client says about it counts
    wire.says(CLIENT_SIDE, fatal_alert(22))
    alert = Ending(CLIENT_SIDE, How.FATAL_ALERT, Point.BEFORE_SERVER_HELLO, "record_overflow")
    assert ending(wire) == alert


def test_a_peer_that_greets_before_the_clienthello() -> None:
    hello = Tls.between(client_context(), server_context()).flights[0]
    seen = control(Wire().open().dialogue("< 220 ready").says(*hello).closes(CLIENT_SIDE))
    assert [one.text for one in seen.said] == ["220 ready"]
    assert seen.ending == Ending(CLIENT_SIDE, How.NOT_TLS, Point.BEFORE_SERVER_HELLO)


def test_an_ftp_server_that_answers_the_clienthello_in_clear_text_has_refused() -> None:
    hello = Tls.between(client_context(), server_context()).flights[0]
    wire = ftps().says(*hello).dialogue("< 500 OOPS: unknown protocol").closes(SERVER_SIDE)
    assert ending(wire) == Ending(SERVER_SIDE, How.REPLY, Point.BEFORE_SERVER_HELLO)


def test_a_server_that_takes_the_clienthello_for_a_command_has_refused_nothing() -> None:
    hello = Tls.between(client_context(), server_context()).flights[0]
    told = b"502 Command not allowed: " + hello[1][:6] + b"\r\n"
    wire = ftps().says(*hello).says(SERVER_SIDE, told).closes(CLIENT_SIDE)
    assert ending(wire) == Ending(CLIENT_SIDE, How.NOT_TLS, Point.BEFORE_SERVER_HELLO)


def test_other_bytes_than_text_are_escaped_and_only_the_beginning_is_shown() -> None:
    hello = Tls.between(client_context(), server_context()).flights[0]
    wire = Wire().open().says(*hello).says(SERVER_SIDE, b"\xff\x1b[31m" + b"x" * 200)
    seen = control(wire)
    assert seen.not_tls is not None
    assert seen.not_tls.text.startswith("\\xff\\x1b[31mxxx")
    assert len(seen.not_tls.text) < 180


def test_a_message_that_cannot_be_read_is_said() -> None:
    hello = Tls.between(client_context(), server_context()).flights[0]
    broken = record(HANDSHAKE, VERSIONS["TLSv1.2"], bytes([2, 0, 0, 4]) + b"1234")
    seen = control(Wire().open().says(*hello).says(SERVER_SIDE, broken))
    assert "the ServerHello ends too early" in seen.unreadable
    assert seen.selected is None


def test_a_server_that_begins_with_an_alert() -> None:
    # given a server of implicit TLS, and a client that leaves before it has said anything
    wire = Wire().open().closes(CLIENT_SIDE).says(SERVER_SIDE, fatal_alert(70))
    seen = control(wire)
    assert [(one.by, one.name) for one in seen.alerts] == [(SERVER_SIDE, "protocol_version")]
    assert seen.ending == Ending(CLIENT_SIDE, How.CLOSED, Point.BEFORE_CLIENT_HELLO)
    # the alert first: then it is the alert
    wire = Wire().open().says(SERVER_SIDE, fatal_alert(70)).closes(CLIENT_SIDE)
    alert = Ending(SERVER_SIDE, How.FATAL_ALERT, Point.BEFORE_CLIENT_HELLO, "protocol_version")
    assert ending(wire) == alert


# -- several connections -----------------------------------------------------------------------------


def data_connection(by: Side = CLIENT_SIDE) -> Wire:
    return Wire(client=("172.30.77.5", 41000), server=(SERVER, 30000)).open(by)


def together(*wires: Wire) -> WireReading:
    packets = tuple(packet for wire in wires for packet in wire.packets)
    return read(Capture(packets=packets, port=2100))


@pytest.mark.parametrize("opened_by", [CLIENT_SIDE, SERVER_SIDE])
def test_on_a_data_connection_the_client_shakes_hands_whoever_opens_it(opened_by: Side) -> None:
    tls = Tls.between(client_context("TLSv1.2", trusts=False), server_context())
    reading = together(ftps(), data_connection(opened_by).tls(tls).closes(CLIENT_SIDE))
    assert reading.data is not None
    assert reading.data.opened_by is opened_by
    assert reading.data.ending == Ending(
        CLIENT_SIDE, How.FATAL_ALERT, Point.HANDSHAKE, "unknown_ca"
    )


def test_the_client_breaks_a_data_connection() -> None:
    tls = Tls.between(client_context("TLSv1.3"), server_context())
    broken = data_connection().tls(tls).breaks(CLIENT_SIDE)
    assert together(ftps(), broken).data_broken
    tls = Tls.between(client_context("TLSv1.3"), server_context())
    assert not together(ftps(), data_connection().tls(tls).closes(CLIENT_SIDE)).data_broken
    # what is sent to an end that has closed breaks nothing
    tls = Tls.between(client_context("TLSv1.3"), server_context())
    late = data_connection().tls(tls).closes(SERVER_SIDE).breaks(CLIENT_SIDE)
    assert not together(ftps(), late).data_broken


def test_a_file_that_comes_in_one_packet_with_finished_was_sent() -> None:
    # given a small file that a client sends with its Finished and closes behind, as JSSE does
    tls = Tls.between(client_context("TLSv1.3"), server_context())
    *before, (_, finished) = tls.flights[:3]
    file = record(APPLICATION_DATA, VERSIONS["TLSv1.2"], bytes(1041))
    wire = data_connection()
    for flight in before:
        wire.says(*flight)
    wire.says(CLIENT_SIDE, finished + file).closes(CLIENT_SIDE)
    assert together(ftps(), wire).data is None
    # without it, to close is all that it does
    wire = data_connection()
    for flight in before:
        wire.says(*flight)
    reading = together(ftps(), wire.says(CLIENT_SIDE, finished).closes(CLIENT_SIDE))
    assert reading.data is not None
    assert reading.data.ending == Ending(CLIENT_SIDE, How.CLOSED, Point.AFTER_HANDSHAKE)


def test_on_a_data_connection_the_server_owes_no_word() -> None:
    # given one that a client leaves before TLS, and one over which a file passes slowly
    left = data_connection().waits(2).closes(CLIENT_SIDE).says(SERVER_SIDE, fatal_alert(50))
    reading = together(ftps(), left)
    assert reading.data is not None
    assert reading.data.ending == Ending(CLIENT_SIDE, How.CLOSED, Point.BEFORE_CLIENT_HELLO)
    tls = Tls.between(client_context("TLSv1.2"), server_context()).says(CLIENT_SIDE, b"the file")
    sent = data_connection().tls(tls).waits(2).closes(CLIENT_SIDE)
    assert together(ftps(), sent).data is None
    # on the control connection an answer is owed
    tls = Tls.between(client_context("TLSv1.2"), server_context()).says(CLIENT_SIDE, b"USER lab")
    silent = Ending(SERVER_SIDE, How.SILENCE, Point.SESSION)
    assert ending(ftps().tls(tls).waits(2).closes(CLIENT_SIDE)) == silent


def test_a_file_in_clear_text_is_no_dialogue() -> None:
    wire = data_connection().says(CLIENT_SIDE, b"the file's first line\r\n").closes(CLIENT_SIDE)
    reading = together(ftps(), wire)
    assert reading.data is None
    assert reading.connections[1].said == ()


def test_the_last_control_connection_counts() -> None:
    first = Wire(client=("172.30.77.5", 40001)).open().dialogue("< 421 no").closes(SERVER_SIDE)
    second = ftps().tls(Tls.between(client_context("TLSv1.2"), server_context()))
    reading = together(first, second)
    assert reading.control is not None
    assert reading.control.ending is None


def test_nothing_at_all() -> None:
    assert read(Capture(missing="no right to")) == WireReading(missing="no right to")
    assert read(Capture()).control is None


# -- the key log that is not there -------------------------------------------------------------------


def test_why_there_are_no_secrets() -> None:
    tls = Tls.between(client_context("TLSv1.2", trusts=False), server_context())
    early = read(ftps().tls(tls).capture())
    assert early.no_key_log == "the handshake ended before there were secrets"
    whole = read(ftps().tls(Tls.between(client_context(), server_context())).capture())
    assert whole.no_key_log == "its library wrote none"
    assert read(Wire().open().dialogue("< 421 no").capture()).no_key_log == ""


def test_lines_of_a_key_log_that_are_none_are_left_out() -> None:
    assert parse_key_log(
        "# a comment\n\nCLIENT_RANDOM 00 zz\nCLIENT_RANDOM ab cd ef\nX 01 02\n"
    ) == {("X", b"\x01"): b"\x02"}


def test_secrets_of_another_session_open_nothing(secrets: tuple[ssl.SSLContext, Path]) -> None:
    context, path = secrets
    Tls.between(context, server_context())
    tls = refused_after_the_handshake(client_context("TLSv1.3"))
    assert ending(ftps().tls(tls).closes(SERVER_SIDE), path.read_text()) == Ending(
        SERVER_SIDE, How.ENCRYPTED_ALERT, Point.AFTER_HANDSHAKE
    )


def test_an_opener_gives_up_at_the_first_record_that_does_not_open() -> None:
    opener = Opener(CLIENT_SIDE, 0x1301, b"r", {(LABEL, b"r"): bytes(32)})
    sealed = Record(APPLICATION_DATA, 0x0303, bytes(40), 45)
    assert opener.open(sealed) is None
    assert opener.open(sealed) is None
    # nor of a suite that is none of TLS 1.3's, or with a secret of the wrong size
    assert Opener(CLIENT_SIDE, 0x002F, b"r", {(LABEL, b"r"): bytes(32)}).open(sealed) is None
    assert Opener(CLIENT_SIDE, 0x1302, b"r", {(LABEL, b"r"): bytes(32)}).open(sealed) is None


LABEL = "CLIENT_HANDSHAKE_TRAFFIC_SECRET"


# -- what nobody offered ----------------------------------------------------------------------------

HELLO = Tls.between(client_context(), server_context()).flights[0]


def test_a_choice_that_nobody_offered_is_read_all_the_same() -> None:
    suite = suite_named("RC4-SHA")
    assert suite is not None
    wire = Wire().open().says(*HELLO).says(SERVER_SIDE, server_hello.build("SSLv3", suite))
    selected = control(wire).selected
    assert selected is not None
    assert (selected.version, selected.cipher) == ("SSLv3", "RC4-SHA")
