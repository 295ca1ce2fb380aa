#!/usr/bin/env bash
# sslyze says of an OpenSSL server that it does not resume by session id; what it reports is its own goodbye.
#
# Behaviour. A pyftpdlib server resumes TLS 1.2 sessions by their id, 5 times of 5. sslyze reports "With Session
# IDs: NOT SUPPORTED (0 successful resumptions out of 5 attempts)" of the same server. It ends the connection
# that it gets its session from with FIN alone: its close_notify goes into a buffer that was flushed just before,
# and is never sent. OpenSSL drops a session whose connection ended so, and the second half of the test asks for
# what the first half has destroyed. Any client that leaves like that gets the same 0 of 5. Tickets are not in the
# server's keeping, and are reported rightly.
# What follows: the line does not help whoever looks for the cause of a "session reuse required".
#
# The guess. "0 out of 5" was measured, so the server keeps no sessions: its cache is off, too small or not shared
# between its processes.
#
# Versions. PyPI's sslyze 6.3.1 with nassl 5.4.0, against pyftpdlib 2.2.0 with pyOpenSSL 26.2.0 and cryptography
# 46.0.7 (OpenSSL 3.5.6). The client beside it is Python's ssl module (seen: 3.11.7 on OpenSSL 3.0.19).
# Source. nassl's ssl_client.py, shutdown(); OpenSSL's ssl/ssl_sess.c, ssl_clear_bad_session(); observed by this
# script on 2026-11-29:
#
#   sslyze: by session id 0 of 5, NOT_SUPPORTED; by ticket 5 of 5, FULLY_SUPPORTED
#   a client that ends with close_notify: by session id 5 of 5
#   a client that ends without: by session id 0 of 5
#
# It needs python3 with venv, and the openssl command line, which only makes the certificate.
# Exit status: 0 the behaviour is as described, 1 it has changed, 3 the packages cannot be had.
set -euo pipefail

expected='sslyze: by session id 0 of 5, NOT_SUPPORTED; by ticket 5 of 5, FULLY_SUPPORTED
a client that ends with close_notify: by session id 5 of 5
a client that ends without: by session id 0 of 5'

folder=$(mktemp -d)
server=
# shellcheck disable=SC2064 # the folder is known, the server is not yet
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || :; rm -rf "'"$folder"'"' EXIT

cat >"$folder/server.py" <<'PYTHON'
import sys

from pyftpdlib.handlers import TLS_FTPHandler
from pyftpdlib.servers import FTPServer

folder = sys.argv[1]
handler = TLS_FTPHandler
handler.certfile, handler.keyfile = folder + "/certificate.pem", folder + "/key.pem"
server = FTPServer(("127.0.0.1", 0), handler)
with open(folder + "/port", "w", encoding="ascii") as file:
    file.write(f"{server.socket.getsockname()[1]}\n")
server.serve_forever()
PYTHON

cat >"$folder/scanned.py" <<'PYTHON'
"""What sslyze wrote down."""
import json
import sys

with open(sys.argv[1], encoding="utf-8") as file:
    (scan,) = json.load(file)["server_scan_results"]
result = scan["scan_result"]["session_resumption"]["result"]


def of(kind):
    successes = result[f"{kind}_successful_resumptions_count"]
    attempts = result[f"{kind}_attempted_resumptions_count"]
    return f"{successes} of {attempts}, {result[f'{kind}_resumption_result']}"


print(f"sslyze: by session id {of('session_id')}; by ticket {of('tls_ticket')}")
PYTHON

cat >"$folder/client.py" <<'PYTHON'
import socket
import ssl
import sys
from time import sleep

folder, port = sys.argv[1], int(sys.argv[2])
ATTEMPTS = 5
context = ssl.create_default_context(cafile=folder + "/certificate.pem")
context.maximum_version = ssl.TLSVersion.TLSv1_2
context.options |= ssl.OP_NO_TICKET


def connect(session=None):
    """A control connection behind AUTH TLS."""
    plain = socket.create_connection(("localhost", port), 10)
    plain.recv(1000)
    plain.sendall(b"AUTH TLS\r\n")
    plain.recv(1000)
    return context.wrap_socket(plain, server_hostname="localhost", session=session)


def resumed(close_notify):
    count = 0
    for _ in range(ATTEMPTS):
        first = connect()
        session = first.session
        (first.unwrap() if close_notify else first).close()
        sleep(0.2)
        with connect(session) as second:
            count += bool(second.session_reused)
    return f"by session id {count} of {ATTEMPTS}"


print("a client that ends with close_notify:", resumed(close_notify=True))
print("a client that ends without:", resumed(close_notify=False))
PYTHON

openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost \
    -keyout "$folder/key.pem" -out "$folder/certificate.pem" 2>"$folder/log" || { cat "$folder/log" >&2; exit 3; }
python3 -m venv "$folder/venv"
if ! timeout 400 "$folder/venv/bin/pip" --quiet --disable-pip-version-check install sslyze==6.3.1 nassl==5.4.0 \
    pyftpdlib==2.2.0 pyOpenSSL==26.2.0 cryptography==46.0.7 2>"$folder/log"; then
    echo "sslyze 6.3.1, nassl 5.4.0, pyftpdlib 2.2.0, pyOpenSSL 26.2.0 and cryptography 46.0.7 cannot be installed:" >&2
    tail -n 3 "$folder/log" >&2
    exit 3
fi
timeout 300 "$folder/venv/bin/python" -W ignore "$folder/server.py" "$folder" 2>"$folder/log" &
server=$!
for _ in $(seq 100); do
    [ -s "$folder/port" ] && break
    sleep 0.1
done
port=$(cat "$folder/port")
timeout 120 "$folder/venv/bin/sslyze" --quiet --mozilla_config disable --starttls ftp --resum \
    --json_out "$folder/scan.json" "localhost:$port" >"$folder/log"
{
    "$folder/venv/bin/python" "$folder/scanned.py" "$folder/scan.json"
    timeout 60 python3 "$folder/client.py" "$folder" "$port"
} | tee "$folder/seen"

if [ "$(cat "$folder/seen")" != "$expected" ]; then
    printf 'the behaviour has changed; expected was:\n%s\n' "$expected" >&2
    exit 1
fi
