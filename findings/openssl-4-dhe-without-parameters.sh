#!/usr/bin/env bash
# With OpenSSL 4.0 at both ends, a server does DHE without Diffie-Hellman parameters, and not with its own.
#
# Behaviour. Over TLS 1.2 a server on OpenSSL 3.5 that was given no parameters has no DHE, whoever asks; one
# that was given a group of 3072 bits uses it. On OpenSSL 4.0 that holds towards older clients only. A client on
# 4.0 names finite-field groups of RFC 7919 in its hello, and the server takes one of those: it does DHE although
# nobody gave it parameters, and where it has parameters of 3072 bits, the exchange has 2048.
# What follows: "no parameters, hence no DHE" is no setting any more; a file of larger parameters does not raise
# the size; and a scanner that is linked with an older OpenSSL sees neither.
#
# The guess. Parameters are the server's to give: without them there is no DHE (nginx and pyftpdlib are
# run so), and those that were given are those that are used, whatever the client's version.
#
# Versions. The PyPI packages cryptography 46.0.7 (OpenSSL 3.5.6) with pyOpenSSL 26.2.0, and cryptography 50.0.2
# (OpenSSL 4.0.3) with pyOpenSSL 26.4.0.
# Source. OpenSSL's CHANGES has one line of it (negotiated FFDHE in TLS 1.2, RFC 7919); observed by this script
# on 2026-11-29:
#
#   server OpenSSL 3.5.6, no parameters; client OpenSSL 3.5.6: refused, no shared cipher
#   server OpenSSL 3.5.6, no parameters; client OpenSSL 4.0.3: refused, no shared cipher
#   server OpenSSL 3.5.6, own of 3072 bits; client OpenSSL 3.5.6: DHE of 3072 bits
#   server OpenSSL 3.5.6, own of 3072 bits; client OpenSSL 4.0.3: DHE of 3072 bits
#   server OpenSSL 4.0.3, no parameters; client OpenSSL 3.5.6: refused, no shared cipher
#   server OpenSSL 4.0.3, no parameters; client OpenSSL 4.0.3: DHE of 2048 bits
#   server OpenSSL 4.0.3, own of 3072 bits; client OpenSSL 3.5.6: DHE of 3072 bits
#   server OpenSSL 4.0.3, own of 3072 bits; client OpenSSL 4.0.3: DHE of 2048 bits
#
# It needs python3 with venv and the openssl command line (3.0 or newer), which only makes the certificate and
# the parameters. Exit status: 0 the behaviour is as described, 1 it has changed, 3 the packages cannot be had.
set -euo pipefail

expected='server OpenSSL 3.5.6, no parameters; client OpenSSL 3.5.6: refused, no shared cipher
server OpenSSL 3.5.6, no parameters; client OpenSSL 4.0.3: refused, no shared cipher
server OpenSSL 3.5.6, own of 3072 bits; client OpenSSL 3.5.6: DHE of 3072 bits
server OpenSSL 3.5.6, own of 3072 bits; client OpenSSL 4.0.3: DHE of 3072 bits
server OpenSSL 4.0.3, no parameters; client OpenSSL 3.5.6: refused, no shared cipher
server OpenSSL 4.0.3, no parameters; client OpenSSL 4.0.3: DHE of 2048 bits
server OpenSSL 4.0.3, own of 3072 bits; client OpenSSL 3.5.6: DHE of 3072 bits
server OpenSSL 4.0.3, own of 3072 bits; client OpenSSL 4.0.3: DHE of 2048 bits'

folder=$(mktemp -d)
server=
# shellcheck disable=SC2064 # the folder is known, the server is not yet
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || :; rm -rf "'"$folder"'"' EXIT

cat >"$folder/server.py" <<'PYTHON'
"""One connection: says in a file how its handshake ended."""
import os
import socket
import sys

from OpenSSL import SSL

folder, parameters = sys.argv[1:]
context = SSL.Context(SSL.TLS_SERVER_METHOD)
context.use_certificate_file(folder + "/certificate.pem")
context.use_privatekey_file(folder + "/key.pem")
context.set_max_proto_version(SSL.TLS1_2_VERSION)
context.set_cipher_list(b"DHE-RSA-AES256-GCM-SHA384")
if parameters == "own":
    context.load_tmp_dh(folder + "/parameters.pem")
with socket.create_server(("127.0.0.1", 0)) as listening:
    with open(folder + "/port", "w", encoding="ascii") as file:
        file.write(f"{listening.getsockname()[1]}\n")
    connection, _ = listening.accept()
    tls = SSL.Connection(context, connection)
    tls.set_accept_state()
    try:
        tls.do_handshake()
        ended = "complete"
    except SSL.Error as error:
        ended = error.args[0][0][2]
    connection.close()
with open(folder + "/ended.part", "w", encoding="ascii") as file:
    file.write(f"{SSL.OpenSSL_version(0).decode()}\n{ended}\n")
os.replace(folder + "/ended.part", folder + "/ended")
PYTHON

cat >"$folder/client.py" <<'PYTHON'
"""One handshake; the size of the group is read from the server's own message."""
import socket
import sys
from pathlib import Path
from time import sleep

from OpenSSL import SSL

HANDSHAKE, SERVER_KEY_EXCHANGE = 22, 12
folder = Path(sys.argv[1])


def handshakes(received):
    """The handshake messages in clear text."""
    messages = b""
    while len(received) >= 5 and received[0] == HANDSHAKE:
        length = int.from_bytes(received[3:5], "big")
        messages += received[5 : 5 + length]
        received = received[5 + length :]
    while len(messages) >= 4:
        length = int.from_bytes(messages[1:4], "big")
        yield messages[0], messages[4 : 4 + length]
        messages = messages[4 + length :]


context = SSL.Context(SSL.TLS_CLIENT_METHOD)
context.set_max_proto_version(SSL.TLS1_2_VERSION)
tls = SSL.Connection(context, None)
tls.set_connect_state()
received = b""
with socket.create_connection(("127.0.0.1", int((folder / "port").read_text())), 10) as connection:
    while True:
        try:
            tls.do_handshake()
            break
        except SSL.WantReadError:
            try:
                connection.sendall(tls.bio_read(65536))
            except SSL.WantReadError:
                pass
            data = connection.recv(65536)
            if not data:
                break
            received += data
            tls.bio_write(data)
        except SSL.Error:
            break
for _ in range(100):
    if (folder / "ended").exists():
        break
    sleep(0.1)
library, ended = (folder / "ended").read_text().splitlines()
(folder / "ended").unlink()
sizes = [8 * int.from_bytes(body[:2], "big") for kind, body in handshakes(received) if kind == SERVER_KEY_EXCHANGE]
short = [" ".join(version.split()[:2]) for version in (library, SSL.OpenSSL_version(0).decode())]
given = {"none": "no parameters", "own": "own of 3072 bits"}[sys.argv[2]]
outcome = f"DHE of {sizes[0]} bits" if ended == "complete" and sizes else f"refused, {ended}"
print(f"server {short[0]}, {given}; client {short[1]}: {outcome}")
PYTHON

{
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -keyout "$folder/key.pem" \
        -out "$folder/certificate.pem"
    openssl genpkey -genparam -algorithm DH -pkeyopt group:modp_3072 -out "$folder/parameters.pem"
} 2>"$folder/log" || { cat "$folder/log" >&2; exit 3; }

# 3.5 and 4.0: cryptography and pyOpenSSL.
while read -r line cryptography pyopenssl; do
    python3 -m venv "$folder/$line"
    if ! timeout 300 "$folder/$line/bin/pip" --quiet --disable-pip-version-check install \
        "cryptography==$cryptography" "pyOpenSSL==$pyopenssl" 2>"$folder/log"; then
        echo "cryptography $cryptography and pyOpenSSL $pyopenssl cannot be installed:" >&2
        tail -n 3 "$folder/log" >&2
        exit 3
    fi
done <<'PACKAGES'
3.5 46.0.7 26.2.0
4.0 50.0.2 26.4.0
PACKAGES

for serving in 3.5 4.0; do
    for parameters in none own; do
        for asking in 3.5 4.0; do
            rm -f "$folder/port"
            timeout 60 "$folder/$serving/bin/python" -W ignore "$folder/server.py" "$folder" "$parameters" &
            server=$!
            for _ in $(seq 100); do
                [ -s "$folder/port" ] && break
                sleep 0.1
            done
            timeout 60 "$folder/$asking/bin/python" -W ignore "$folder/client.py" "$folder" "$parameters"
            wait "$server" || :
            server=
        done
    done
done >"$folder/seen"
cat "$folder/seen"

if [ "$(cat "$folder/seen")" != "$expected" ]; then
    printf 'the behaviour has changed; expected was:\n%s\n' "$expected" >&2
    exit 1
fi
