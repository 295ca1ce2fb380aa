"""Peers of web clients that follow a script, beside those of ``scripted_peer.py``."""

from __future__ import annotations

import socket
import ssl
import struct

from scripted_peer import (  # type: ignore[import-not-found]
    Script,
    after_hello,
    after_tls,
    closes,
    command,
    greets,
    in_the_handshake,
    main,
    make_weak,
    resets,
    say,
    silent,
)

FIRST_PORT = 2800
#: What comes after the handshake comes in every version; the oldest client has no newer one.
VERSION = ssl.TLSVersion.TLSv1_2
#: Record of an alert: protocol_version, fatal.
NOT_THIS_VERSION = struct.pack(">BHHBB", 21, 0x0303, 2, 2, 70)


def answers(*lines: str, then: Script = closes) -> Script:
    """Read the rest of a request, say this, and then do that."""

    def script(connection: socket.socket) -> None:
        while command(connection):
            pass
        say(connection, *lines)
        then(connection)

    return script


def answers_in_binary(connection: socket.socket) -> None:
    while command(connection):
        pass
    connection.sendall(NOT_THIS_VERSION)


REQUESTED: dict[str, Script] = {
    "silent": answers(then=silent),
    "closes": answers(),
    "resets": answers(then=resets),
    "answers with 503": answers("HTTP/1.1 503 Service Unavailable", "Content-Length: 0", ""),
    "answers with 301": answers("HTTP/1.1 301 Moved Permanently", "Content-Length: 0", ""),
    "answers as SSH": answers("SSH-2.0-OpenSSH_9.6"),
    "ends inside its answer": answers("HTTP/1.1 200 OK", "Content-Length: 100", "", "{"),
}

SCRIPTS: dict[str, Script] = {
    "closes at once": closes,
    "resets at once": resets,
    "greets as FTP": greets("220 ready", leaves=False),
    "greets as HTTP": greets("HTTP/1.1 400 Bad Request", "Connection: close", ""),
    "answers the ClientHello as a web server does": after_hello(
        b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"
    ),
    **in_the_handshake(knows_ftp=False),
    **{f"requested, {name}": after_tls(script, VERSION) for name, script in REQUESTED.items()},
    **make_weak(knows_ftp=False),
}

#: Peers of web clients without TLS.
#: The beginning of their names; `record.py` knows it, too.
PLAIN = "without TLS: "
PLAIN_SCRIPTS: dict[str, Script] = {
    **{PLAIN + name: script for name, script in REQUESTED.items()},
    PLAIN + "answers with an alert": answers_in_binary,
}


if __name__ == "__main__":
    main({**SCRIPTS, **PLAIN_SCRIPTS}, FIRST_PORT)
