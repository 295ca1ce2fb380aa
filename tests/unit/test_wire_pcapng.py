"""The file that Wireshark opens, block by block."""

from __future__ import annotations

import base64
import dataclasses
import struct
from typing import NamedTuple

import pytest

from lab.model import Side
from lab.wire.packets import Packet, captured, pcapng
from tests.unit.wire_packets import BEGUN, Wire


class Block(NamedTuple):
    kind: int
    body: bytes
    options: dict[int, bytes]


def blocks(data: bytes) -> list[Block]:
    """Read a file as the specification has it: draft-ietf-opsawg-pcapng, section 3.1."""
    found = []
    while data:
        kind, size = struct.unpack_from("<II", data)
        assert size % 4 == 0
        assert struct.unpack_from("<I", data, size - 4) == (size,), "both lengths are the same"
        body = data[8 : size - 4]
        fixed = {0x0A0D0D0A: 16, 1: 8, 10: 8, 6: 20}[kind]
        if kind == 10:
            fixed += (struct.unpack_from("<II", body)[1] + 3) // 4 * 4
        if kind == 6:
            fixed += (struct.unpack_from("<IIIII", body)[3] + 3) // 4 * 4
        found.append(Block(kind, body[:fixed], options(body[fixed:])))
        data = data[size:]
    return found


def options(data: bytes) -> dict[int, bytes]:
    found = {}
    while data:
        code, size = struct.unpack_from("<HH", data)
        if code == 0:
            assert data == bytes(4), "nothing is behind the end of the options"
            break
        found[code] = data[4 : 4 + size]
        data = data[4 + (size + 3) // 4 * 4 :]
    return found


def test_a_capture_with_secrets() -> None:
    wire = Wire().open().dialogue("< 220 hello").closes(Side.CLIENT)
    key_log = "CLIENT_RANDOM 00 11\n"
    section, interface, secrets, *packets = blocks(pcapng(wire.capture(key_log), "words ü"))

    assert section.kind == 0x0A0D0D0A
    assert section.body == struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)
    assert section.options[1].decode() == "words ü"
    # Ethernet, and times in nanoseconds
    assert interface.body == struct.pack("<HHI", 1, 0, 65535)
    assert interface.options[9] == b"\x09"
    # the secrets come before the packets that they open
    assert secrets.kind == 10
    assert secrets.body[:8] == struct.pack("<II", 0x544C534B, len(key_log))
    assert secrets.body[8:].rstrip(b"\0").decode() == key_log
    for block, packet in zip(packets, wire.packets, strict=True):
        number, high, low, here, size = struct.unpack_from("<IIIII", block.body)
        assert (number, high << 32 | low) == (0, packet.time_ns)
        assert (here, size) == (len(packet.data), packet.size)
        assert block.body[20 : 20 + here] == packet.data
        assert struct.unpack("<I", block.options[2]) == (2 if packet.from_server else 1,)


def test_without_secrets_there_is_no_block_for_them() -> None:
    assert [b.kind for b in blocks(pcapng(Wire().capture(), "none"))] == [0x0A0D0D0A, 1]


def test_a_packet_that_was_cut_says_how_long_it_was() -> None:
    wire = Wire().open()
    wire.packets[0] = dataclasses.replace(wire.packets[0], data=wire.packets[0].data[:50], size=900)
    block = blocks(pcapng(wire.capture(), "cut"))[2]
    assert struct.unpack_from("<IIIII", block.body)[3:] == (50, 900)


def test_a_comment_of_any_length() -> None:
    assert len(blocks(pcapng(Wire().capture(), "x" * 100_000))[0].options[1]) == 65535


# -- from the agent ----------------------------------------------------------------------------------

ANSWER = {"packets": "", "cut": 7, "lost": 1, "late": True, "unclear": 2}


def test_what_the_agent_sends_is_what_it_saw() -> None:
    # 2030-03-17, 100 bytes on the wire of which 3 are here, sent by the server; then an empty one
    sent = (
        struct.pack(">QIIB", BEGUN, 100, 3, 1) + b"abc" + struct.pack(">QIIB", BEGUN + 1, 60, 0, 0)
    )
    capture = captured(ANSWER | {"packets": _b64(sent)}, 2100, "log\n", "why")
    assert capture.packets == (
        Packet(BEGUN, 100, from_server=True, data=b"abc"),
        Packet(BEGUN + 1, 60, from_server=False, data=b""),
    )
    assert (capture.port, capture.cut, capture.lost) == (2100, 7, 1)
    assert (capture.late, capture.unclear, capture.key_log) == (True, 2, "log\n")


@pytest.mark.parametrize("size", [1, 16, 18])
def test_an_answer_that_ends_too_early_is_refused(size: int) -> None:
    sent = (struct.pack(">QIIB", BEGUN, 100, 3, 1) + b"abc")[:size]
    with pytest.raises(ValueError, match="the packets end inside"):
        captured(ANSWER | {"packets": _b64(sent)}, 2100)


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()
