#!/usr/bin/env bash
# A point release of OpenSSL decides whether a TLS server starts on a chain that is signed with SHA-1.
#
# Behaviour. At the default security level 2, OpenSSL 4.0.1 does not load a server's own chain whose
# intermediate is signed with SHA-1 ("ca md too weak"): the server does not start. OpenSSL 4.0.2 loads the
# same files without a word; the fault then shows at the clients, which refuse with X509 error 68. Nothing
# in the server's configuration differs.
#
# The guess. Security levels are a policy of the release line (3.5, 4.0): a fix release does not change what
# a server can be configured with, so "it does not start" can be relied on and tested for.
#
# Versions. The PyPI packages cryptography 50.0.0 (with OpenSSL 4.0.1) and 50.0.1 (with OpenSSL 4.0.2), each
# with pyOpenSSL 26.4.0. The same step lies between the 3.5.5 and the 3.5.9 of Debian 13.
# Source. OpenSSL's pull request 31271; observed by this script on 2026-11-28:
#
#   OpenSSL 4.0.1 9 Jun 2026: the server does not load it: ca md too weak
#   OpenSSL 4.0.2 25 Aug 2026: the server loads it; its client refuses: 68
#
# It needs python3 with venv and the openssl command line, which only makes the certificates.
# Exit status: 0 the behaviour is as described, 1 it has changed, 3 the packages cannot be had.
set -euo pipefail

expected='OpenSSL 4.0.1 9 Jun 2026: the server does not load it: ca md too weak
OpenSSL 4.0.2 25 Aug 2026: the server loads it; its client refuses: 68'

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

cat >"$folder/look.py" <<'PYTHON'
import socket
import sys
import threading

from OpenSSL import SSL

folder = sys.argv[1]
version = SSL.OpenSSL_version(SSL.OPENSSL_VERSION).decode()
server = SSL.Context(SSL.TLS_SERVER_METHOD)
try:
    server.use_certificate_chain_file(folder + "/chain.pem")
    server.use_privatekey_file(folder + "/key.pem")
except SSL.Error as error:
    print(f"{version}: the server does not load it: {error.args[0][0][2]}")
    sys.exit()

listening = socket.create_server(("127.0.0.1", 0))
listening.settimeout(10)


def serve():
    connection, _ = listening.accept()
    connection.settimeout(10)
    tls = SSL.Connection(server, None)
    tls.set_accept_state()
    exchange(tls, connection)


def exchange(tls, connection):
    """A handshake over a socket with a time limit."""
    while True:
        try:
            tls.do_handshake()
            break
        except SSL.WantReadError:
            send(tls, connection)
            data = connection.recv(65536)
            if not data:
                break
            tls.bio_write(data)
        except SSL.Error:
            send(tls, connection)
            break
    connection.close()


def send(tls, connection):
    try:
        connection.sendall(tls.bio_read(65536))
    except (SSL.WantReadError, OSError):
        pass


threading.Thread(target=serve, daemon=True).start()
seen = []


def verify(_connection, _certificate, number, _depth, ok):
    if not ok:
        seen.append(number)
    return ok


client = SSL.Context(SSL.TLS_CLIENT_METHOD)
client.load_verify_locations(folder + "/root.pem")
client.set_verify(SSL.VERIFY_PEER, verify)
tls = SSL.Connection(client, None)
tls.set_connect_state()
exchange(tls, socket.create_connection(listening.getsockname(), 10))
print(f"{version}: the server loads it; its client refuses: {seen[0] if seen else 'no'}")
PYTHON

# make NAME SUBJECT ISSUER DIGEST EXTENSIONS: a certificate and its key.
make() {
    openssl req -newkey rsa:2048 -nodes -subj "/CN=$2" -keyout "$folder/$1.key" -out "$folder/$1.csr"
    printf '%s\n' "$5" >"$folder/$1.ext"
    if [ "$3" = itself ]; then
        openssl x509 -req -in "$folder/$1.csr" -signkey "$folder/$1.key" "-$4" -days 30 \
            -extfile "$folder/$1.ext" -out "$folder/$1.pem"
    else
        openssl x509 -req -in "$folder/$1.csr" -CA "$folder/$3.pem" -CAkey "$folder/$3.key" \
            -CAcreateserial "-$4" -days 30 -extfile "$folder/$1.ext" -out "$folder/$1.pem"
    fi
}
{
    make root 'a root' itself sha256 'basicConstraints=critical,CA:TRUE'
    make middle 'an intermediate' root sha1 'basicConstraints=critical,CA:TRUE'
    make leaf localhost middle sha256 'subjectAltName=DNS:localhost'
} 2>"$folder/openssl.log" || { cat "$folder/openssl.log" >&2; exit 3; }
cat "$folder/leaf.pem" "$folder/middle.pem" >"$folder/chain.pem"
cp "$folder/leaf.key" "$folder/key.pem"

for version in 50.0.0 50.0.1; do
    python3 -m venv "$folder/$version"
    if ! timeout 300 "$folder/$version/bin/pip" --quiet --disable-pip-version-check install \
        "cryptography==$version" pyOpenSSL==26.4.0 2>"$folder/pip.log"; then
        echo "cryptography $version and pyOpenSSL 26.4.0 cannot be installed:" >&2
        tail -n 3 "$folder/pip.log" >&2
        exit 3
    fi
    timeout 60 "$folder/$version/bin/python" -W ignore "$folder/look.py" "$folder"
done | tee "$folder/seen"

if [ "$(cat "$folder/seen")" != "$expected" ]; then
    printf 'the behaviour has changed; expected was:\n%s\n' "$expected" >&2
    exit 1
fi
