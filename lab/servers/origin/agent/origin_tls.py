"""What TLS of the lab's own web origin is: the library's context, and a ServerHello that is changed."""

# ruff: noqa: UP006, UP007, UP035, UP045

import ssl
import struct
import warnings
from typing import Any, Dict, List

_OFF = {
    "SSLv3": ssl.OP_NO_SSLv3,
    "TLSv1": ssl.OP_NO_TLSv1,
    "TLSv1.1": ssl.OP_NO_TLSv1_1,
    "TLSv1.2": ssl.OP_NO_TLSv1_2,
}
_HANDSHAKE, _SERVER_HELLO = 22, 2
_RENEGOTIATION_INFO = 0xFF01


def make_context(configuration: Dict[str, Any]) -> ssl.SSLContext:
    """The library's context for these settings; what is ``None`` is left as the library has it.

    The cipher list comes before certificate and group: it may set the security level, which decides
    about them.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if configuration["versions"] is not None:
        limit(context, configuration["versions"])
    if configuration["ciphers"] is not None:
        context.set_ciphers(configuration["ciphers"])
    if configuration["chain"] is not None:
        context.load_cert_chain(configuration["chain"], configuration["private_key"] or None)
    if configuration["dh_group"] is not None:
        context.load_dh_params(configuration["dh_group"])
    if configuration["client_ca"] is not None:
        context.load_verify_locations(configuration["client_ca"])
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def limit(context: ssl.SSLContext, versions: List[str]) -> None:
    """Allow these protocol versions, which come one after the other, and no others."""
    if hasattr(context, "minimum_version"):
        with warnings.catch_warnings():
            # That old versions are deprecated is known.
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = ssl.TLSVersion[versions[0].replace(".", "_")]
            context.maximum_version = ssl.TLSVersion[versions[-1].replace(".", "_")]
        return
    # A library from before 1.1.0 knows no limits, but switches; the interpreter sets some of them.
    for version, option in _OFF.items():
        if version in versions:
            context.options &= ~option
        else:
            context.options |= option


def without_renegotiation_info(flight: bytes) -> bytes:
    """Records as they are, except that a ServerHello has no extension ``renegotiation_info``.

    A server from before RFC 5746 sends such a one (RFC 5746, section 3.4).
    """
    if len(flight) < 9 or flight[0] != _HANDSHAKE or flight[5] != _SERVER_HELLO:
        return flight
    length = int.from_bytes(flight[6:9], "big")
    body, rest = flight[9 : 9 + length], flight[9 + length :]
    session = 2 + 32 + 1 + body[34]
    head, block = body[: session + 3], body[session + 5 :]
    kept = b""
    while block:
        kind, size = struct.unpack(">HH", block[:4])
        if kind != _RENEGOTIATION_INFO:
            kept += block[: 4 + size]
        block = block[4 + size :]
    changed = head + (struct.pack(">H", len(kept)) + kept if kept else b"")
    record = struct.unpack(">H", flight[3:5])[0] - len(body) + len(changed)
    return (
        flight[:3]
        + struct.pack(">H", record)
        + flight[5:6]
        + len(changed).to_bytes(3, "big")
        + changed
        + rest
    )
