"""Whatever passes a server's interface: it is read, or the documented error is raised."""

from __future__ import annotations

import base64
import contextlib
import dataclasses

from hypothesis import given
from hypothesis import strategies as st

from lab.model import Side
from lab.tls import client_hello, server_hello
from lab.tls.records import WireError, alerts, begins_record, messages, record, records
from lab.wire.packets import Capture, Packet, captured, pcapng
from lab.wire.reading import read
from lab.wire.streams import connections
from lab.wire.tls import parse_key_log
from tests.unit.fuzzing import fuzz, spoilt, spoilt_bytes
from tests.unit.wire_packets import Tls, Wire, client_context, ftps, server_context

LABEL = "CLIENT_HANDSHAKE_TRAFFIC_SECRET"
TLS = Tls.between(client_context(), server_context()).says(Side.CLIENT, b"USER lab\r\n")
HELLO, ANSWER = TLS.flights[0], TLS.flights[1]
#: A session with everything in it, and secrets that do not fit.
WHOLE = ftps().tls(TLS).closes(Side.SERVER)
SECRETS = f"{LABEL} {'00' * 32} {'11' * 32}\n"


@given(st.data(), spoilt([SECRETS]))
@fuzz
def test_a_changed_session_is_read(data: st.DataObject, secrets: str) -> None:
    packets = list(WHOLE.packets)
    for _ in range(data.draw(st.integers(1, 6))):
        number = data.draw(st.integers(0, len(packets) - 1))
        changed = bytearray(packets[number].data) or bytearray(1)
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
        cut = data.draw(st.integers(0, len(changed)) | st.just(len(changed)))
        packets[number] = dataclasses.replace(packets[number], data=bytes(changed[:cut]))
    dropped = data.draw(st.sets(st.integers(0, len(packets) - 1), max_size=3))
    kept = tuple(packet for number, packet in enumerate(packets) if number not in dropped)
    capture = Capture(packets=kept, port=2100, key_log=secrets)
    read(capture)
    pcapng(capture, "fuzz")


@given(
    st.booleans(),
    st.lists(st.tuples(st.booleans(), st.integers(18, 26), st.binary(max_size=80))),
    st.binary(max_size=60),
)
@fuzz
def test_any_answers_are_read(
    hello: bool, answers: list[tuple[bool, int, bytes]], junk: bytes
) -> None:
    wire = Wire().open()
    if hello:
        wire.says(*HELLO)
    for by_server, kind, fragment in answers:
        wire.says(Side.SERVER if by_server else Side.CLIENT, record(kind, 0x0303, fragment))
    read(wire.says(Side.SERVER, junk).closes(Side.SERVER).capture())


@given(
    st.lists(st.tuples(st.binary(max_size=120), st.integers(0, 200), st.booleans()), max_size=12)
)
@fuzz
def test_any_frames_are_put_together(frames: list[tuple[bytes, int, bool]]) -> None:
    packets = [
        Packet(number, size, from_server, data)
        for number, (data, size, from_server) in enumerate(frames)
    ]
    connections(Capture(packets=tuple(packets), port=2100))


@given(spoilt_bytes([HELLO[1], ANSWER[1], HELLO[1][5:], ANSWER[1][5:]]))
@fuzz
def test_any_bytes_are_tls_or_a_wire_error(data: bytes) -> None:
    for reader in (
        *(client_hello.parse, client_hello.read, server_hello.parse, server_hello.read),
        *(records, messages, alerts, begins_record, server_hello.accepts),
    ):
        with contextlib.suppress(WireError):
            reader(data)


@given(spoilt([SECRETS, "# comment\n" + SECRETS]))
@fuzz
def test_any_key_log_is_read(text: str) -> None:
    assert all(isinstance(secret, bytes) for secret in parse_key_log(text).values())


@given(st.binary(max_size=120))
@fuzz
def test_any_packets_of_the_agent_are_read_or_refused(blob: bytes) -> None:
    answer = {"cut": 0, "lost": 0, "late": 0, "unclear": 0}
    with contextlib.suppress(ValueError):
        assert captured({**answer, "packets": base64.b64encode(blob).decode()}, 2100).port == 2100
