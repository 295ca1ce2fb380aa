#!/usr/bin/env bash
# The certificate that "openssl req -x509" makes, once trusted, is good for every client except those on rustls.
#
# Behaviour. "openssl req -x509" makes a certificate that is its own authority, and says so: basicConstraints CA:TRUE.
# Given to Python, pip, curl or Node as the CA file, it is what they trust and what the server shows: they connect.
# Programs on rustls refuse it with CaUsedAsEndEntity, though it is in their store byte for byte: an authority's
# certificate is not a server's. uv does not reach the private index that pip reaches. In Deno both answers come from
# one program: Deno.startTls() refuses, node:tls connects. With CA:FALSE and all else as before, all of them connect.
# What follows: the message says nothing of a name, a date or an issuer, and no way of trusting the certificate helps;
# the cure is in how it is made (-addext basicConstraints=critical,CA:FALSE).
#
# The guess. A certificate that is trusted itself is trusted, as the anchor that it is; and one runtime has one answer.
#
# Versions. PyPI's uv 0.13.9 and deno 2.9.8; pip and Python's ssl module are the machine's (seen: pip 23.2.1, Python
# 3.11.7 on OpenSSL 3.0.19). Node 24.19, Python 3.13.0, curl 7.88.1, GnuTLS 3.7.9, OpenJDK 17.0.15, BoringSSL in
# curl_cffi 0.17.0 and a program built with Go 1.27.3 were seen to connect.
# Source. rustls's webpki, src/verify_cert.rs, check_basic_constraints(); observed by this script on 2026-11-30:
#
#   CA:TRUE: python connects, pip connects, uv refuses, Deno.startTls refuses, Deno's node:tls connects
#     uv: invalid peer certificate: Other(OtherError(CaUsedAsEndEntity))
#     Deno.startTls: invalid peer certificate: Other(OtherError(CaUsedAsEndEntity))
#   CA:FALSE: python connects, pip connects, uv connects, Deno.startTls connects, Deno's node:tls connects
#
# It needs python3 with venv, and the openssl command line, which only makes the certificates.
# Exit status: 0 the behaviour is as described, 1 it has changed, 3 the packages cannot be had.
set -euo pipefail

expected="CA:TRUE: python connects, pip connects, uv refuses, Deno.startTls refuses, Deno's node:tls connects
  uv: invalid peer certificate: Other(OtherError(CaUsedAsEndEntity))
  Deno.startTls: invalid peer certificate: Other(OtherError(CaUsedAsEndEntity))
CA:FALSE: python connects, pip connects, uv connects, Deno.startTls connects, Deno's node:tls connects"

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

cat >start.ts <<'TYPESCRIPT'
const [port] = Deno.args;
try {
  const plain = await Deno.connect({ hostname: "127.0.0.1", port: Number(port) });
  const tls = await Deno.startTls(plain, { hostname: "localhost", caCerts: [Deno.readTextFileSync("own.pem")] });
  await tls.handshake();
  await tls.write(new TextEncoder().encode("GET / HTTP/1.0\r\n\r\n"));
} catch (error) {
  console.log(error.message);
}
Deno.exit();
TYPESCRIPT
cat >node.mjs <<'JAVASCRIPT'
import { readFileSync } from "node:fs";
import process from "node:process";
import { connect } from "node:tls";

const ca = readFileSync("own.pem");
const tls = connect({ host: "127.0.0.1", port: Number(process.argv[2]), servername: "localhost", ca }, () => {
  tls.end("GET / HTTP/1.0\r\n\r\n", () => process.exit());
});
tls.on("error", (error) => {
  console.log(error.message);
  process.exit();
});
JAVASCRIPT

cat >look.py <<'PYTHON'
"""An index of packages that has none, and whether its clients get as far as to ask for something."""
import os
import re
import socket
import ssl
import subprocess
import threading

PAGE = b"HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
# Nothing of the machine's settings: pip's --cert loses to REQUESTS_CA_BUNDLE, for one.
ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "HOME": os.getcwd(),
    "SSL_CERT_FILE": "own.pem",
    "NO_COLOR": "1",
    "DENO_NO_UPDATE_CHECK": "1",
}
PIP = ["download", "--no-deps", "--disable-pip-version-check", "--retries", "0", "--cert", "own.pem"]
UV = ["pip", "install", "--no-config", "--no-cache", "--target", "target"]
CLIENTS = {
    "python": None,
    "pip": ["venv/bin/pip", "--isolated", *PIP, "absent", "--index-url", "https://localhost:%d/simple/"],
    "uv": ["venv/bin/uv", *UV, "absent", "--index-url", "https://localhost:%d/simple/"],
    "Deno.startTls": ["venv/bin/deno", "run", "--quiet", "--allow-all", "start.ts", "%d"],
    "Deno's node:tls": ["venv/bin/deno", "run", "--quiet", "--allow-all", "node.mjs", "%d"],
}


def serve(listening, context, asked):
    """Pages, until the socket is closed."""
    while True:
        try:
            connection, _ = listening.accept()
        except OSError:
            return
        connection.settimeout(10)
        try:
            with context.wrap_socket(connection, server_side=True) as tls:
                if tls.recv(4096):
                    asked.set()
                    tls.sendall(PAGE)
        except OSError:
            connection.close()


def by_python(port):
    context = ssl.create_default_context(cafile="own.pem")
    with socket.create_connection(("127.0.0.1", port), 10) as plain:
        with context.wrap_socket(plain, server_hostname="localhost") as tls:
            tls.sendall(b"GET / HTTP/1.0\r\n\r\n")
            tls.recv(4096)


def look(constraint):
    extensions = ["-addext", "subjectAltName=DNS:localhost", *constraint]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    command += [*extensions, "-keyout", "own.key", "-out", "own.pem"]
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL, timeout=60)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain("own.pem", "own.key")
    outcomes, words, asked = [], [], threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        threading.Thread(target=serve, args=(listening, context, asked), daemon=True).start()
        for name, command in CLIENTS.items():
            asked.clear()
            said = ""
            if command is None:
                by_python(port)
            else:
                command = [word % port if "%d" in word else word for word in command]
                ended = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, timeout=60)
                said = "".join(re.findall(r"(invalid peer certificate: .*)", ended.stdout + ended.stderr)[:1])
            outcomes.append(f"{name} {'connects' if asked.wait(1) else 'refuses'}")
            words += [f"  {name}: {said}"] if said else []
    print(f"{'CA:FALSE' if constraint else 'CA:TRUE'}: {', '.join(outcomes)}", *words, sep="\n")


look([])
look(["-addext", "basicConstraints=critical,CA:FALSE"])
PYTHON

python3 -m venv venv
if ! timeout 300 venv/bin/pip --quiet --disable-pip-version-check install --only-binary :all: uv==0.13.9 deno==2.9.8 \
    2>log; then
    echo "uv 0.13.9 and deno 2.9.8 cannot be installed:" >&2
    tail -n 3 log >&2
    exit 3
fi
timeout 300 python3 look.py >seen
cat seen

if [ "$(cat seen)" != "$expected" ]; then
    printf 'the behaviour has changed; expected was:\n%s\n' "$expected" >&2
    exit 1
fi
