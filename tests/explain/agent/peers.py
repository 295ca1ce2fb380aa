"""Peers with one known defect each, beside those of ``tests/transcripts``.

Runs in a container: the one line on standard output names the port of each peer, the end of the container
ends them. The names are those of ``defects.toml``. A web server is behind every name of ``[tls]``, an FTP
server as well; the replies of ``[ftp]`` are those of real servers (``servers.py``) where one gives them.
"""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import struct
import sys
import threading

import scripted_peer
from OpenSSL import SSL
from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import TLS_DTPHandler, TLS_FTPHandler
from pyftpdlib.ioloop import IOLoop
from pyftpdlib.servers import FTPServer
from scripted_peer import (
    AES128_SHA,
    DHE_RSA_AES256_GCM,
    ECDHE_RSA_AES256_GCM,
    SSL_3_0,
    TLS_1_0,
    TLS_1_2,
    after_hello,
    alert,
    certificate,
    closes,
    command,
    ecdhe_signed_with_sha1,
    greets,
    play,
    resets,
    say,
    server_hello,
    silent,
    weak_dh,
)

MATERIAL = "/opt/lab/explain/material"
FIRST_PORT = 20000
#: A port that takes no connection any more.
NO_ANSWER = 19999
OLD = "ALL:@SECLEVEL=0"
USERS = DummyAuthorizer()
USERS.add_user("lab", "secret", "/tmp", perm="elradfmwMT")
#: Certificates that a client may refuse.
SLUGS = (
    "self-signed", "private-ca", "root-in-chain", "incomplete-chain", "expired", "not-yet-valid",
    "wrong-host", "cn-only", "weak-key", "weak-signature", "wrong-purpose", "not-a-ca",
    "expired-intermediate", "wildcard-below", "bad-signature", "name-constraints", "path-too-long",
    "unknown-extension",
)  # fmt: skip


def context(slug, versions=(None, None), ciphers=OLD, asks=False):
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.set_ciphers(ciphers)
    made.minimum_version = versions[0] or ssl.TLSVersion.TLSv1_2
    made.maximum_version = versions[1] or ssl.TLSVersion.TLSv1_3
    if slug:
        made.load_cert_chain(
            f"{MATERIAL}/server/{slug}.chain.pem", f"{MATERIAL}/server/{slug}.key.pem"
        )
    if asks:
        made.load_verify_locations(f"{MATERIAL}/anchors/public.pem")
        made.verify_mode = ssl.CERT_REQUIRED
    return made


def web(made, then=None):
    """A web server with this context; ``then`` is done in place of an answer."""

    def script(connection):
        connection.settimeout(20)
        protected = made.wrap_socket(connection, server_side=True)
        while command(protected):
            pass
        if then is None:
            body = b"hello\n"
            lines = ("HTTP/1.1 200 OK", "Content-Type: text/html", f"Content-Length: {len(body)}")
            head = "\r\n".join([*lines, "Connection: close", "", ""])
            protected.sendall(head.encode() + body)
            with contextlib.suppress(OSError):
                protected.unwrap()
        else:
            then(protected)
        protected.close()

    return script


def after_auth(script):
    """The dialogue of FTP up to the ClientHello, and then that."""

    def whole(connection):
        say(connection, "220 ready")
        while not (line := command(connection)).startswith("AUTH"):
            if not line:
                return
            features = ("211-Features", " AUTH TLS", " PBSZ", " PROT", "211 End")
            say(
                connection,
                *(
                    features
                    if line.startswith("FEAT")
                    else ("530 Please login with USER and PASS.",)
                ),
            )
        say(connection, "234 Proceed with negotiation.")
        script(connection)

    return whole


def plain_http(connection):
    connection.settimeout(5)
    with contextlib.suppress(OSError):
        connection.recv(65536)
    say(connection, "HTTP/1.1 400 Bad Request", "Connection: close", "Content-Length: 0", "")


def contexts():
    """The defects of ``[tls]`` that a whole TLS server has."""
    one, two, three = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
    yield from ((slug, context(slug)) for slug in SLUGS)
    yield "only TLS 1.0", context("valid", (one, one))
    yield "only TLS 1.1", context("valid", (ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1_1))
    yield "no cipher suite in common", context("valid", (two, two), "ADH-AES256-SHA:@SECLEVEL=0")
    yield "no certificate", context(None, (two, two))
    yield "client certificate over TLS 1.2", context("valid", (two, two), asks=True)
    yield "client certificate over TLS 1.3", context("valid", (three, three), asks=True)


def in_the_handshake():
    """The defects of ``[tls]`` that no library can be told to have."""
    yield "silent in the handshake", after_hello(then=silent)
    yield "closes in the handshake", after_hello(then=closes)
    yield "resets in the handshake", after_hello(then=resets)
    for number in (70, 80, 112, 120):
        yield f"alert {number}", after_hello(alert(number))
    yield "chooses SSL 3.0", after_hello(server_hello(SSL_3_0, AES128_SHA))
    yield "chooses TLS 1.0", after_hello(server_hello(TLS_1_0, AES128_SHA))
    yield "no secure renegotiation", after_hello(server_hello(TLS_1_2, ECDHE_RSA_AES256_GCM, b""))
    yield (
        "small Diffie-Hellman group",
        after_hello(server_hello(TLS_1_2, DHE_RSA_AES256_GCM), certificate(), weak_dh),
    )
    yield (
        "key exchange signed with SHA-1",
        after_hello(
            server_hello(TLS_1_2, ECDHE_RSA_AES256_GCM), certificate(), ecdhe_signed_with_sha1
        ),
    )


def scripts():
    scripted_peer.CERTIFICATES = f"{MATERIAL}/server"
    for name, made in (("valid", context("valid")), *contexts()):
        yield f"web: {name}", web(made)
    for name, script in in_the_handshake():
        yield f"web: {name}", script
    yield "web: HTTP in clear text", plain_http
    yield "web: greets as FTP", greets("220 ready", leaves=False)
    yield "web: closes at once", closes
    yield "web: resets at once", resets
    good = context("valid")
    yield "web: closes after the request", web(good, closes)
    yield "web: resets after the request", web(good, resets)
    yield "web: silent after the request", web(good, lambda connection: silent(connection))

    for name, script in in_the_handshake():
        yield f"ftp: {name}", after_auth(script)
    yield "ftp: answers the ClientHello in clear text", after_auth(after_hello(b"500 OOPS: no\r\n"))
    yield "ftp: silent from the start", silent
    yield "ftp: closes at once", closes
    yield "ftp: resets at once", resets
    yield "ftp: greets as SSH", greets("SSH-2.0-OpenSSH_9.6")
    yield "ftp: greets as HTTP", greets("HTTP/1.1 400 Bad Request", "Connection: close", "")
    yield (
        "ftp: greets with 421",
        greets("421 There are too many connected users, please try later."),
    )
    yield "ftp: greets with 500 OOPS", greets("500 OOPS: vsftpd: cannot bind listening IPv4 socket")
    yield "ftp: implicit TLS behind the port", web(context("valid"))


def ftp_servers():
    """The defects that an FTP server has which is whole but for them: a name, and its handler."""
    one, one_1, two, three = (
        SSL.TLS1_VERSION,
        SSL.TLS1_1_VERSION,
        SSL.TLS1_2_VERSION,
        SSL.TLS1_3_VERSION,
    )
    yield "valid", handler()
    yield "implicit", implicit()
    yield from ((slug, handler(slug)) for slug in SLUGS)
    yield "only TLS 1.0", handler(versions=(one, one))
    yield "only TLS 1.1", handler(versions=(one_1, one_1))
    yield (
        "no cipher suite in common",
        handler(versions=(two, two), ciphers=b"ADH-AES256-SHA:@SECLEVEL=0"),
    )
    yield "no certificate", handler("", versions=(two, two))
    yield "client certificate over TLS 1.2", handler(versions=(two, two), asks=True)
    yield "client certificate over TLS 1.3", handler(versions=(three, three), asks=True)
    for reply in (
        "431 Unable to negotiate secure connection",
        "500 Unknown command.",
        "502 Command not implemented",
        "504 Unknown AUTH type",
        "530 Please login with USER and PASS.",
        "534 Local policy on server does not allow TLS secure connections.",
    ):
        yield f"answers AUTH with {reply[:3]}", handler(replies={"AUTH": reply})
    yield "answers PROT with 534", handler(replies={"PROT": "534 PROT P not supported."})
    yield "answers PROT with 536", handler(replies={"PROT": "536 Unsupported protection level"})
    gone = "421 Service not available, closing control connection."
    yield "answers USER with 421", handler(replies={"USER": gone})
    yield "answers STOR with 421", handler(replies={"STOR": gone})
    yield "answers STOR with 425", handler(replies={"STOR": "425 Failed to establish connection."})
    yield "answers STOR with 452", handler(replies={"STOR": "452 Insufficient storage space"})
    quota = "552 Requested file action aborted: exceeded storage allocation."
    yield "answers STOR with 552", handler(replies={"STOR": quota})
    yield (
        "answers the upload with 552",
        handler(instead={"226": "552 Transfer aborted. Disk quota exceeded"}),
    )
    yield (
        "answers the upload with 426",
        handler(instead={"226": "426 Failure reading network stream."}),
    )
    yield "answers the upload with 522", handler(instead={"226": "522 SSL connection failed"})
    yield "closes at STOR", handler(replies={"STOR": ""})
    yield "500 OOPS at STOR", handler(replies={"STOR": "500 OOPS: child died"})
    yield "another certificate on the data channel", handler(data="self-signed")
    for name, port in (("closed", 9), ("unanswered", NO_ANSWER)):
        passive = {"227": f"227 Entering Passive Mode (127,0,0,1,{port // 256},{port % 256}).",
                   "229": f"229 Entering Extended Passive Mode (|||{port}|)."}  # fmt: skip
        yield f"passive port {name}", handler(instead=passive)


def protection(slug, versions, ciphers, asks):
    """A context of pyOpenSSL, which pyftpdlib works with."""
    made = SSL.Context(SSL.TLS_SERVER_METHOD)
    made.set_cipher_list(ciphers)
    made.set_min_proto_version(versions[0])
    made.set_max_proto_version(versions[1])
    if slug:
        made.use_certificate_chain_file(f"{MATERIAL}/server/{slug}.chain.pem")
        made.use_privatekey_file(f"{MATERIAL}/server/{slug}.key.pem")
    if asks:
        made.load_verify_locations(f"{MATERIAL}/anchors/public.pem")
        made.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT)
    return made


def handler(
    slug="valid",
    versions=(0, 0),
    ciphers=b"ALL:@SECLEVEL=0",
    asks=False,
    replies=None,
    instead=None,
    data="valid",
):
    """A class of pyftpdlib's: replies to a command, and what is said in place of a reply of this number."""
    own, others = (
        protection(slug, versions, ciphers, asks),
        protection(data, (0, 0), OLD.encode(), False),
    )

    class Data(TLS_DTPHandler):
        def secure_connection(self, context):
            super().secure_connection(others if data != "valid" else context)

    class Handler(TLS_FTPHandler):
        ssl_context, dtp_handler, banner = own, Data, "ready"
        authorizer = USERS

        def respond(self, resp, *rest, **named):
            new = (instead or {}).get(resp[:3])
            if new and (resp[:3] != "226" or "ransfer" in resp):
                resp = new
            super().respond(resp, *rest, **named)

    for word, reply in (replies or {}).items():
        setattr(Handler, f"ftp_{word}", refusing(reply))
    return Handler


def implicit():
    """A server with which nothing is wrong, and that begins with TLS."""

    made = handler()
    made.handle = lambda self: self.secure_connection(self.ssl_context)
    made.handle_ssl_established = TLS_FTPHandler.handle
    return made


def refusing(reply):
    def method(self, *_, **__):
        if reply:
            self.respond(reply)
        if not reply or reply.startswith("421"):
            self.close_when_done()

    return method


def full(port):
    """A port that takes no connection any more: its queue is full, and SYN goes unanswered."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(0)
    kept = [listener]
    for _ in range(4):
        waiting = socket.socket()
        waiting.setblocking(False)
        waiting.connect_ex(("127.0.0.1", port))
        kept.append(waiting)
    return kept


def resolver():
    """A name server that knows no name, and fails for those that begin with ``broken``."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 53))
    while True:
        query, sender = server.recvfrom(4096)
        code = 2 if query[13:19] == b"broken" else 3
        server.sendto(
            query[:2] + struct.pack(">HHHHH", 0x8180 | code, 1, 0, 0, 0) + query[12:], sender
        )


def serve(script, listener):
    while True:
        connection, _ = listener.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=play, args=(script, connection), daemon=True).start()


def main():
    ports = {}
    for number, (name, script) in enumerate(scripts()):
        listener = socket.create_server(("127.0.0.1", FIRST_PORT + number))
        ports[name] = FIRST_PORT + number
        threading.Thread(target=serve, args=(script, listener), daemon=True).start()
    kept = full(NO_ANSWER)
    ports["any: no answer to SYN"] = NO_ANSWER
    ports["any: closed port"] = NO_ANSWER - 1
    for port, (name, made) in enumerate(ftp_servers(), FIRST_PORT + 1000):
        FTPServer(("127.0.0.1", port), made)
        ports[f"ftp: {name}"] = port
    threading.Thread(target=resolver, daemon=True).start()
    sys.stdout.write(json.dumps(ports) + "\n")
    sys.stdout.flush()
    IOLoop.instance().loop()
    del kept


if __name__ == "__main__":
    main()
