"""Connections put together from packets, in whatever order and condition they come."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.model import Side
from lab.wire.streams import Connection, connections
from tests.unit.wire_packets import ACK, CLIENT, FIN, PSH, SERVER, SYN, Wire

DATA = bytes(range(256)) * 8


def only(wire: Wire) -> Connection:
    (found,) = connections(wire.capture())
    return found


def test_both_streams_and_who_they_belong_to() -> None:
    wire = Wire().open().dialogue("< 220 hello", "> QUIT").closes(Side.SERVER)
    made = only(wire)

    assert made.from_server.data == b"220 hello\r\n"
    assert made.from_client.data == b"QUIT\r\n"
    assert (str(made.client), str(made.server)) == (f"{CLIENT}:40000", f"{SERVER}:2100")
    assert (made.opened_by, made.control, made.established) == (Side.CLIENT, True, True)
    assert made.from_server.finished is not None
    assert made.from_server.finished.number == len(wire.capture().packets) - 1
    assert made.from_client.closed is None


def test_a_connection_that_the_server_opens() -> None:
    wire = Wire(server=(SERVER, 20000)).open(by=Side.SERVER).says(Side.CLIENT, b"x")
    made = only(wire)
    assert (made.opened_by, made.control, made.from_client.data) == (Side.SERVER, False, b"x")


@pytest.mark.parametrize("first", [1000, (1 << 32) - 100, (1 << 32) - 1])
def test_sequence_numbers_may_begin_anywhere(first: int) -> None:
    made = only(Wire(first=first).open().says(Side.SERVER, DATA))
    assert made.from_server.data == DATA
    assert not made.from_server.cut


@given(st.permutations(range(8)), st.lists(st.integers(0, 7), max_size=6))
def test_pieces_come_in_any_order_and_again(order: list[int], again: list[int]) -> None:
    # given a stream in eight pieces
    wire = Wire().open()
    # when they come in this order, and some of them once more
    for number in [*order, *again]:
        piece = DATA[number * 256 : number * 256 + 256]
        wire.put(Side.SERVER, PSH | ACK, piece, at=number * 256)
    # then each byte is there once, and it was there when all before it were
    stream = only(wire).from_server
    assert stream.data == DATA
    last_needed = max(order.index(number) for number in range(8))
    assert stream.when(len(DATA)).number == 3 + last_needed
    assert stream.when(1).number == 3 + order.index(0)
    assert not stream.cut


def test_pieces_that_overlap() -> None:
    wire = Wire().open()
    wire.put(Side.CLIENT, PSH | ACK, DATA[:300], at=0)
    wire.put(Side.CLIENT, PSH | ACK, DATA[200:500], at=200)
    assert only(wire).from_client.data == DATA[:500]


def test_behind_a_gap_nothing_is_read_and_that_is_said() -> None:
    wire = Wire().open()
    wire.put(Side.CLIENT, PSH | ACK, DATA[:100], at=0)
    wire.put(Side.CLIENT, PSH | ACK, DATA[200:300], at=200)
    stream = only(wire).from_client
    assert (stream.data, stream.cut) == (DATA[:100], True)


def test_a_packet_that_was_cut_ends_what_can_be_read() -> None:
    wire = Wire().open()
    whole = wire.put(Side.CLIENT, PSH | ACK, DATA[:1000])
    wire.packets[-1] = dataclasses.replace(whole, data=whole.data[:-900])
    wire.says(Side.CLIENT, DATA[1000:1100]).closes(Side.CLIENT)

    stream = only(wire).from_client
    assert (stream.data, stream.cut) == (DATA[:100], True)
    # and its end is seen all the same
    assert stream.finished is not None


def test_a_probe_whether_the_other_end_is_alive_is_no_data() -> None:
    wire = Wire().open().says(Side.CLIENT, b"abc")
    wire.put(Side.CLIENT, ACK, b"\0", at=-1)
    assert only(wire).from_client.data == b"abc"


def test_a_port_that_is_used_again_is_another_connection() -> None:
    wire = Wire().open().says(Side.CLIENT, b"one").closes(Side.CLIENT)
    wire.first, wire.sent = 5_000_000, {}
    wire.open().says(Side.CLIENT, b"two")
    assert [one.from_client.data for one in connections(wire.capture())] == [b"one", b"two"]


def test_a_first_packet_that_is_sent_again_is_the_same_connection() -> None:
    wire = Wire()
    wire.put(Side.CLIENT, SYN)
    wire.open().says(Side.CLIENT, b"one")
    assert only(wire).from_client.data == b"one"


def test_of_a_connection_whose_beginning_is_missing_nothing_is_said() -> None:
    wire = Wire().says(Side.CLIENT, b"in the middle")
    assert connections(wire.capture()) == ()


def test_closing_and_breaking() -> None:
    made = only(Wire().open().closes(Side.CLIENT).breaks(Side.SERVER).breaks(Side.CLIENT))
    assert made.from_client.closed == made.from_client.finished
    assert made.from_server.closed == made.from_server.reset
    assert made.from_client.finished is not None
    assert made.from_server.reset is not None
    assert made.from_client.finished < made.from_server.reset


def test_a_fin_with_data_counts_both() -> None:
    wire = Wire().open()
    wire.put(Side.CLIENT, FIN | ACK, b"bye")
    stream = only(wire).from_client
    assert (stream.data, stream.finished is not None) == (b"bye", True)
