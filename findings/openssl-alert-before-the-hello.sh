#!/usr/bin/env bash
# A TLS server that cannot speak any of its protocol versions refuses a client that has not said anything yet.
#
# Behaviour. Where the versions that a server is limited to are all ones that its OpenSSL no longer speaks at
# the default security level (TLS 1.0 and 1.1), SSL_accept fails at once with "no protocols available": the
# server has sent the fatal alert 70, protocol_version, before it has read a byte of a ClientHello. With
# TLS 1.2 in the range it waits for the client, as it does in every other refusal.
# What follows: of this refusal the server's log names no version that the client offered; over FTP the alert
# comes right behind the "234" reply; and who looks for TLS by its ClientHello (Wireshark's heuristic, for
# one) shows that alert as seven bytes of nothing.
#
# The guess. An alert about versions answers a list of versions: the server reads the ClientHello, finds no
# version in common, and then refuses.
#
# Versions. The PyPI packages cryptography 50.0.2 (with OpenSSL 4.0.3) and pyOpenSSL 26.4.0; seen with Debian
# 13's OpenSSL 3.5.9 under vsftpd 3.0.5 (ssl_tlsv1 alone), too.
# Source. OpenSSL's ssl/statem/statem_lib.c, tls_setup_handshake(); observed by this script on 2026-11-29:
#
#   OpenSSL 4.0.3 29 Sep 2026
#   TLS 1.0 alone: no protocols available; to a silent client: 15030300020246
#   TLS 1.0 to 1.1: no protocols available; to a silent client: 15030300020246
#   TLS 1.0 to 1.2: waits; to a silent client: nothing
#
# It needs python3 with venv. Exit status: 0 the behaviour is as described, 1 it has changed, 3 the packages
# cannot be had.
set -euo pipefail

expected='OpenSSL 4.0.3 29 Sep 2026
TLS 1.0 alone: no protocols available; to a silent client: 15030300020246
TLS 1.0 to 1.1: no protocols available; to a silent client: 15030300020246
TLS 1.0 to 1.2: waits; to a silent client: nothing'

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

cat >"$folder/look.py" <<'PYTHON'
import socket
import threading

from OpenSSL import SSL

RANGES = {
    "TLS 1.0 alone": (SSL.TLS1_VERSION, SSL.TLS1_VERSION),
    "TLS 1.0 to 1.1": (SSL.TLS1_VERSION, SSL.TLS1_1_VERSION),
    "TLS 1.0 to 1.2": (SSL.TLS1_VERSION, SSL.TLS1_2_VERSION),
}
WAIT_S = 2


def serve(listening, lowest, highest, said):
    connection, _ = listening.accept()
    connection.settimeout(WAIT_S)
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.set_min_proto_version(lowest)
    context.set_max_proto_version(highest)
    tls = SSL.Connection(context, None)
    tls.set_accept_state()
    try:
        tls.do_handshake()
    except SSL.WantReadError:
        said.append("waits")
    except SSL.Error as error:
        said.append(error.args[0][0][2])
        connection.sendall(tls.bio_read(100))
    threading.Event().wait(WAIT_S)
    connection.close()


print(SSL.OpenSSL_version(SSL.OPENSSL_VERSION).decode())
for title, (lowest, highest) in RANGES.items():
    said = []
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(10)
        thread = threading.Thread(target=serve, args=(listening, lowest, highest, said))
        thread.start()
        with socket.create_connection(listening.getsockname(), 10) as client:
            client.settimeout(WAIT_S / 2)
            try:
                heard = client.recv(100).hex()
            except TimeoutError:
                heard = "nothing"
            thread.join(10)
    print(f"{title}: {said[0]}; to a silent client: {heard}")
PYTHON

python3 -m venv "$folder/venv"
if ! timeout 300 "$folder/venv/bin/pip" --quiet --disable-pip-version-check install \
    cryptography==50.0.2 pyOpenSSL==26.4.0 2>"$folder/pip.log"; then
    echo "cryptography 50.0.2 and pyOpenSSL 26.4.0 cannot be installed:" >&2
    tail -n 3 "$folder/pip.log" >&2
    exit 3
fi
timeout 60 "$folder/venv/bin/python" -W ignore "$folder/look.py" | tee "$folder/seen"

if [ "$(cat "$folder/seen")" != "$expected" ]; then
    printf 'the behaviour has changed; expected was:\n%s\n' "$expected" >&2
    exit 1
fi
