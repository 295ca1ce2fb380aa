"""Peers that follow a script: they do on purpose what no real FTP server can be brought to do.

Runs inside a server's container as an agent: the first line on standard output names the port of each
script, the end of standard input ends it. The standard library of the container's Python only.

Each script is a function that is called with a fresh connection; when it returns, the connection is
closed. These speak FTP first; ``scripted_web_peer.py`` has those that do not. Records are built by hand
where no library would (RFC 5246, RFC 8446).
"""

from __future__ import annotations

import contextlib
import json
import re
import socket
import ssl
import struct
import sys
import threading
from base64 import b64decode
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

HOST = "pyftpdlib.lab.test"
CERTIFICATES = f"/opt/lab/certificates/{HOST}"
FIRST_PORT = 2900
#: Seconds after which a silent script gives up by itself; clients give up earlier.
SILENCE_S = 20.0
CRLF = "\r\n"
Script = Callable[[socket.socket], None]

# -- records ---------------------------------------------------------------------------------------

HANDSHAKE, ALERT = 22, 21
SERVER_HELLO, CERTIFICATE, SERVER_KEY_EXCHANGE = 2, 11, 12
SSL_3_0, TLS_1_0, TLS_1_2 = 0x0300, 0x0301, 0x0303
ECDHE_RSA_AES256_GCM, DHE_RSA_AES256_GCM, AES128_SHA = 0xC030, 0x009F, 0x002F
RENEGOTIATION_INFO = struct.pack(">HHB", 0xFF01, 1, 0)
RSA_PKCS1_SHA1, RSA_PKCS1_SHA256 = 0x0201, 0x0401
SCHEMES = {RSA_PKCS1_SHA1: hashes.SHA1(), RSA_PKCS1_SHA256: hashes.SHA256()}
SERVER_RANDOM = bytes(range(32))
#: The generator of P-256, as a point that is surely on the curve (SEC 2, section 2.4.2).
P256_POINT = bytes.fromhex(
    "04"
    "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
    "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"
)


def record(kind: int, body: bytes, version: int = TLS_1_2) -> bytes:
    return struct.pack(">BHH", kind, version, len(body)) + body


def alert(number: int) -> bytes:
    return record(ALERT, bytes([2, number]))


def message(kind: int, body: bytes, version: int = TLS_1_2) -> bytes:
    return record(HANDSHAKE, bytes([kind]) + len(body).to_bytes(3, "big") + body, version)


def server_hello(version: int, suite: int, extensions: bytes = RENEGOTIATION_INFO) -> bytes:
    body = struct.pack(">H", version) + SERVER_RANDOM + b"\0" + struct.pack(">HB", suite, 0)
    if extensions:
        body += struct.pack(">H", len(extensions)) + extensions
    return message(SERVER_HELLO, body, version)


def certificate(slug: str = "valid") -> bytes:
    text = Path(f"{CERTIFICATES}/{slug}.chain.pem").read_text(encoding="ascii")
    blocks = re.findall(r"-----BEGIN CERTIFICATE-----(.*?)-----END", text, re.DOTALL)
    chain = b"".join(len(der).to_bytes(3, "big") + der for der in map(b64decode, blocks))
    return message(CERTIFICATE, len(chain).to_bytes(3, "big") + chain)


def vector(value: bytes) -> bytes:
    return struct.pack(">H", len(value)) + value


def signed(parameters: bytes, client_random: bytes, scheme: int) -> bytes:
    """A ServerKeyExchange with the signature that the certificate's key makes (RFC 5246, 7.4.3)."""
    key = serialization.load_pem_private_key(
        Path(f"{CERTIFICATES}/valid.key.pem").read_bytes(), None
    )
    assert isinstance(key, rsa.RSAPrivateKey)
    text = client_random + SERVER_RANDOM + parameters
    signature = key.sign(text, padding.PKCS1v15(), SCHEMES[scheme])
    return message(SERVER_KEY_EXCHANGE, parameters + struct.pack(">H", scheme) + vector(signature))


def weak_dh(client_random: bytes) -> bytes:
    prime = ((1 << 512) - 569).to_bytes(64, "big")
    parameters = vector(prime) + vector(b"\2") + vector(b"\5" * 64)
    return signed(parameters, client_random, RSA_PKCS1_SHA256)


def ecdhe_signed_with_sha1(client_random: bytes) -> bytes:
    parameters = struct.pack(">BH", 3, 23) + bytes([len(P256_POINT)]) + P256_POINT
    return signed(parameters, client_random, RSA_PKCS1_SHA1)


# -- what every script needs -----------------------------------------------------------------------


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def say(connection: socket.socket, *lines: str) -> None:
    connection.sendall("".join(line + CRLF for line in lines).encode())


def hear_out(connection: socket.socket) -> None:
    """Wait until the client leaves, so that nothing that was sent is lost to a reset."""
    connection.settimeout(SILENCE_S)
    while connection.recv(65536):
        pass


def client_hello(connection: socket.socket) -> bytes:
    """Read one record, whole: closing with unread data would be a reset.

    Returns:
        The client's random number.
    """
    left = struct.unpack(">H", exactly(connection, 5)[3:])[0]
    return exactly(connection, left)[6:38]


def exactly(connection: socket.socket, length: int) -> bytes:
    data = b""
    while len(data) < length:
        part = connection.recv(length - len(data))
        if not part:
            raise ConnectionError("the client left")
        data += part
    return data


def command(connection: socket.socket) -> str:
    """The next command line; at the end of the line, an empty text."""
    line = b""
    while not line.endswith(b"\n"):
        byte = connection.recv(1)
        if not byte:
            return ""
        line += byte
    return line.decode().strip()


# -- scripts ---------------------------------------------------------------------------------------


def silent(connection: socket.socket) -> None:
    hear_out(connection)


def closes(connection: socket.socket) -> None:
    """Nothing is said."""


def resets(connection: socket.socket) -> None:
    reset(connection)


def greets(*lines: str, leaves: bool = True) -> Script:
    def script(connection: socket.socket) -> None:
        say(connection, *lines)
        if not leaves:
            hear_out(connection)

    return script


def answers_auth(reply: str) -> Script:
    def script(connection: socket.socket) -> None:
        say(connection, "220 ready")
        while word := command(connection):
            say(connection, reply if word.startswith("AUTH") else "221 bye")

    return script


def after_hello(*sends: bytes | Callable[[bytes], bytes], then: Script = hear_out) -> Script:
    """Read the ClientHello, send this, and then do that.

    Args:
        sends: records, or what makes one of the client's random number.
    """

    def script(connection: socket.socket) -> None:
        random = client_hello(connection)
        for part in sends:
            connection.sendall(part(random) if callable(part) else part)
        then(connection)

    return script


def agree(connection: socket.socket) -> None:
    """The dialogue of FTP up to the ClientHello."""
    say(connection, "220 ready")
    command(connection)
    say(connection, "234 go ahead")


def after_234(script: Script) -> Script:
    """Agree to TLS, and then do that."""

    def whole(connection: socket.socket) -> None:
        agree(connection)
        script(connection)

    return whole


def ftps(
    connection: socket.socket,
    replies: Mapping[str, str],
    data: Script | None = None,
    after_data: str = "226 done",
    data_certificate: str = "valid",
    leaves_at: str = "",
) -> None:
    """A small FTPS server, with other replies than the usual ones; see :func:`serves`.

    Args:
        data: what to do with the data connection; ``None``: receive over TLS.
        leaves_at: the command at which it closes without a word.
    """
    agree(connection)
    control = context("valid").wrap_socket(connection, server_side=True)
    usual = {
        "USER": "331 password",
        "PASS": "230 welcome",
        "PBSZ": "200 PBSZ=0",
        "PROT": "200 private",
        "TYPE": "200 type",
        "PWD": '257 "/"',
        "ALLO": "202 superfluous",
        "STOR": "150 send",
        "QUIT": "221 bye",
    }
    with socket.create_server(("", 0)) as listener:
        listener.settimeout(SILENCE_S)
        address = control.getsockname()[0].replace(".", ",")
        port = listener.getsockname()[1]
        usual["PASV"] = f"227 passive ({address},{port // 256},{port % 256})"
        while line := command(control):
            word = line.split()[0]
            if word == leaves_at:
                break
            reply = {**usual, **replies}.get(word, "502 unknown")
            say(control, reply)
            if word == "STOR" and reply.startswith("1"):
                receive(listener, data, data_certificate)
                say(control, after_data)
            if word == "QUIT" or reply.startswith("421"):
                break
    # With close_notify, so that the last reply is not lost.
    with contextlib.suppress(OSError):
        control.unwrap()


def serves(replies: Mapping[str, str] | None = None, **other: Any) -> Script:
    """:func:`ftps` with these deviations."""
    return lambda connection: ftps(connection, replies or {}, **other)


def receive(listener: socket.socket, data: Script | None, slug: str) -> None:
    connection, _ = listener.accept()
    with connection, contextlib.suppress(OSError):
        connection.settimeout(SILENCE_S)
        if data is not None:
            data(connection)
            return
        protected = context(slug).wrap_socket(connection, server_side=True)
        while protected.recv(65536):
            pass
        protected.unwrap()


def context(slug: str, version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(f"{CERTIFICATES}/{slug}.chain.pem", f"{CERTIFICATES}/{slug}.key.pem")
    made.maximum_version = version
    return made


def alerts(connection: socket.socket) -> None:
    """The handshake of the data channel gets alert 40 for an answer."""
    client_hello(connection)
    connection.sendall(alert(40))
    hear_out(connection)


ALERTS = {
    40: "handshake failure",
    42: "bad certificate",
    46: "certificate unknown",
    48: "unknown CA",
    49: "access denied",
    70: "protocol version",
    80: "internal error",
    112: "unrecognized name",
    116: "certificate required",
    120: "no application protocol",
}


def after_tls(then: Script, version: ssl.TLSVersion, asks: bool = False) -> Script:
    """A whole handshake, the client's first line after it, and then that.

    Args:
        version: the newest that is agreed to.
        asks: require a certificate of the client.
    """

    def script(connection: socket.socket) -> None:
        made = context("valid", version)
        if asks:
            made.load_verify_locations(f"{CERTIFICATES}/../anchors/public.pem")
            made.verify_mode = ssl.CERT_REQUIRED
        control = made.wrap_socket(connection, server_side=True)
        command(control)
        then(control)
        control.close()

    return script


TLS_1_3 = ssl.TLSVersion.TLSv1_3


def in_the_handshake(knows_ftp: bool) -> dict[str, Script]:
    """What can happen in any handshake, by name.

    Args:
        knows_ftp: there is a dialogue before it.
    """
    begin = after_234 if knows_ftp else lambda script: script
    return {
        "silent in the handshake": begin(after_hello(then=silent)),
        "closes in the handshake": begin(after_hello(then=closes)),
        "resets in the handshake": begin(after_hello(then=resets)),
        "answers the ClientHello in clear text": begin(after_hello(b"500 OOPS: no\r\n")),
        **{
            f"alert {number}, {name}": begin(after_hello(alert(number)))
            for number, name in ALERTS.items()
        },
        "chooses SSL 3.0": begin(after_hello(server_hello(SSL_3_0, AES128_SHA))),
        "chooses TLS 1.0": begin(after_hello(server_hello(TLS_1_0, AES128_SHA))),
        "knows no secure renegotiation": begin(
            after_hello(server_hello(TLS_1_2, ECDHE_RSA_AES256_GCM, b""))
        ),
        "closes after the handshake of TLS 1.3": begin(after_tls(closes, TLS_1_3)),
        "resets after the handshake of TLS 1.3": begin(after_tls(resets, TLS_1_3)),
        "wants a client certificate over TLS 1.3": begin(after_tls(closes, TLS_1_3, asks=True)),
    }


SCRIPTS: dict[str, Script] = {
    "silent from the start": silent,
    "closes at once": closes,
    "resets at once": resets,
    "greets as SSH": greets("SSH-2.0-OpenSSH_9.6", leaves=False),
    "greets as HTTP": greets("HTTP/1.1 400 Bad Request", "Connection: close", ""),
    "greets with 421": greets("421 too many connections"),
    "answers AUTH with 431": answers_auth("431 no certificate at hand"),
    "answers AUTH with 502": answers_auth("502 not implemented"),
    "answers AUTH with 534": answers_auth("534 policy forbids"),
    **in_the_handshake(knows_ftp=True),
    "wants no data channel": serves({"PROT": "534 policy forbids"}),
    "answers USER with 421": serves({"USER": "421 try later"}),
    "answers STOR with 421": serves({"STOR": "421 try later"}),
    "answers STOR with 425": serves({"STOR": "425 cannot open data connection"}),
    "answers STOR with 500": serves({"STOR": "500 unknown command"}),
    "answers STOR with 522": serves({"STOR": "522 TLS negotiation failed"}),
    "answers STOR with 552": serves({"STOR": "552 disk full"}),
    "answers the upload with 426": serves(after_data="426 aborted"),
    "closes at STOR": serves(leaves_at="STOR"),
    "closes at QUIT": serves(leaves_at="QUIT"),
    "another certificate on the data channel": serves(data_certificate="self-signed"),
    "another name on the data channel": serves(data_certificate="wrong-host"),
    "alert on the data channel": serves(data=alerts, after_data="522 TLS negotiation failed"),
}


#: Scripts in which the client gets as far as the upload.
TRANSFERS = frozenset(
    name
    for name in SCRIPTS
    if any(word in name for word in ("STOR", "QUIT", "upload", "data channel"))
) - {"wants no data channel"}


def make_weak(knows_ftp: bool) -> dict[str, Script]:
    """Scripts that need the run's certificates."""
    begin = after_234 if knows_ftp else lambda script: script
    return {
        "Diffie-Hellman group of 512 bits": begin(
            after_hello(server_hello(TLS_1_2, DHE_RSA_AES256_GCM), certificate(), weak_dh)
        ),
        "key exchange signed with SHA-1": begin(
            after_hello(
                server_hello(TLS_1_2, ECDHE_RSA_AES256_GCM), certificate(), ecdhe_signed_with_sha1
            )
        ),
    }


def serve(script: Script, listener: socket.socket) -> None:
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=play, args=(script, connection), daemon=True).start()


def play(script: Script, connection: socket.socket) -> None:
    with connection, contextlib.suppress(OSError):
        script(connection)


def main(scripts: Mapping[str, Script], first_port: int) -> None:
    ports: dict[str, int] = {}
    for number, (name, script) in enumerate(scripts.items()):
        listener = socket.create_server(("", first_port + number))
        ports[name] = first_port + number
        threading.Thread(target=serve, args=(script, listener), daemon=True).start()
    ready = {"ready": True, "agent": "scripted-peer", "versions": ports}
    sys.stdout.write(json.dumps(ready) + "\n")
    sys.stdout.flush()
    sys.stdin.read()


if __name__ == "__main__":
    main({**SCRIPTS, **make_weak(knows_ftp=True)}, FIRST_PORT)
