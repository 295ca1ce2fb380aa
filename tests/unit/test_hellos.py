"""What a ClientHello weighs."""

from __future__ import annotations

import struct

from tools.hellos import Hello, hello, table


def extension(kind: int, body: bytes) -> bytes:
    return struct.pack(">HH", kind, len(body)) + body


def client_hello(*extensions: bytes) -> bytes:
    carried = b"".join(extensions)
    body = b"\x03\x03" + bytes(32) + b"\x00" + b"\x00\x02\x13\x01" + b"\x01\x00"
    body += struct.pack(">H", len(carried)) + carried
    message = b"\x01" + len(body).to_bytes(3, "big") + body
    return b"\x16\x03\x01" + struct.pack(">H", len(message)) + message


def test_the_record_is_weighed_with_its_head_and_its_key_shares_are_named() -> None:
    shares = struct.pack(">HH", 4588, 1216) + bytes(1216) + struct.pack(">HH", 29, 32) + bytes(32)
    data = client_hello(extension(51, struct.pack(">H", len(shares)) + shares), extension(0, b""))
    assert hello(data + b"more") == Hello(len(data), ("X25519MLKEM768", "X25519"))


def test_one_without_key_shares_has_none() -> None:
    data = client_hello()
    assert hello(data) == Hello(len(data), ())


def test_what_is_no_client_hello_is_none() -> None:
    assert hello(b"220 ready\r\n") is None
    assert hello(b"\x16\x03") is None


def test_a_cell_cannot_break_the_table() -> None:
    text = table([("a", "b|c", "1", "d")])
    assert text.splitlines()[-1] == "| a | b/c | 1 | d |"
