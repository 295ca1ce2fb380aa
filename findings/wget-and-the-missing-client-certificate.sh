#!/usr/bin/env bash
# Refused over TLS 1.3 for want of a client certificate, wget warns that it could not save a session.
#
# Behaviour. A server that demands a client certificate refuses wget, which has none. Over TLS 1.2 wget shows the
# server's alert and fails in AUTH TLS. Over TLS 1.3 it says "AUTH TLS ... done", logs in, and fails there: "Write
# failed, closing control connection". The alert (116, certificate required) is not shown; all that is left of it
# is a warning in between, "Could not save SSL session data for socket 4". The client's handshake is over before
# the server has looked at the certificate; wget then asks GnuTLS for the session to resume on the data
# connection, GnuTLS waits a moment for the ticket, and what it reads instead is the alert. wget takes the error for
# one of saving. Given a certificate, it says none of this.
# What follows: the warning reads like a matter of resumption, and is the only line that has to do with the cause;
# neither "certificate" nor "alert" stands anywhere. An alert that comes later than GnuTLS waits (seen: 0.4 s) leaves
# not even the warning.
#
# The guess. A fatal alert is printed in TLS 1.3 as it is in TLS 1.2, if one step later; and a warning about saving
# a session is harmless, or tells of a server that gives no tickets.
#
# Versions. Debian 12's wget 1.21.3-1+deb12u1 and libgnutls30 3.7.9-2+deb12u7; the server is Python's own ssl module
# (seen: 3.11.7 on OpenSSL 3.0.19). An https server was seen to be left with the same warning.
# Source. wget's src/gnutls.c, ssl_connect_wget(); GnuTLS's lib/session.c, gnutls_session_get_data2(); observed by
# this script on 2026-11-29:
#
#   TLS 1.2, no certificate: exit status 4
#     ==> AUTH TLS ... GnuTLS: A TLS fatal alert has been received.
#     GnuTLS: received alert [40]: Handshake failed
#   TLS 1.3, no certificate: exit status 4
#     ==> AUTH TLS ... WARNING: Could not save SSL session data for socket 4
#     done.
#     Logging in as anonymous ...
#     Write failed, closing control connection.
#     Giving up.
#   TLS 1.3, a certificate: exit status 6
#     ==> AUTH TLS ...  done.
#     Logging in as anonymous ...
#     Login incorrect.
#
# It needs Debian 12 with python3, openssl and apt (nothing is installed into the system). Exit status: 0 the
# behaviour is as described, 1 it has changed, 3 the packages cannot be had.
set -euo pipefail

expected='TLS 1.2, no certificate: exit status 4
  ==> AUTH TLS ... GnuTLS: A TLS fatal alert has been received.
  GnuTLS: received alert [40]: Handshake failed
TLS 1.3, no certificate: exit status 4
  ==> AUTH TLS ... WARNING: Could not save SSL session data for socket 4
  done.
  Logging in as anonymous ...
  Write failed, closing control connection.
  Giving up.
TLS 1.3, a certificate: exit status 6
  ==> AUTH TLS ...  done.
  Logging in as anonymous ...
  Login incorrect.'

cannot() {
    echo "$1" >&2
    exit 3
}

folder=$(mktemp -d)
server=
# shellcheck disable=SC2064 # the folder is known, the server is not yet
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || :; rm -rf "'"$folder"'"' EXIT

# An apt of its own, which downloads the packages and what the machine lacks of their libraries.
mirror=$(apt-get indextargets --format '$(CODENAME) $(COMPONENT) $(REPO_URI)' |
    awk '$1 == "bookworm" && $2 == "main" { print $3; exit }')
[ -n "$mirror" ] || cannot "apt names no mirror of Debian 12"
mkdir -p "$folder"/apt/{lists/partial,archives/partial}
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg check-valid-until=no] $mirror bookworm main" \
    >"$folder/apt/sources.list"
own=(-o "Dir::Etc::SourceList=$folder/apt/sources.list" -o Dir::Etc::SourceParts=/nonexistent
    -o "Dir::State::Lists=$folder/apt/lists" -o "Dir::Cache=$folder/apt" -o APT::Sandbox::User=root
    -o Debug::NoLocking=1)
timeout 300 apt-get "${own[@]}" update >"$folder/log" 2>&1 || cannot "$(tail -n 3 "$folder/log")"
timeout 300 apt-get "${own[@]}" install --yes --no-install-recommends --download-only --reinstall \
    --allow-downgrades wget=1.21.3-1+deb12u1 libgnutls30=3.7.9-2+deb12u7 >"$folder/log" 2>&1 ||
    cannot "$(tail -n 3 "$folder/log")"
for package in "$folder"/apt/archives/*.deb; do
    dpkg-deb -x "$package" "$folder/unpacked"
done
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost \
    -keyout "$folder/key.pem" -out "$folder/certificate.pem" 2>"$folder/log" || cannot "$(tail -n 3 "$folder/log")"

cat >"$folder/server.py" <<'PYTHON'
"""An FTP server that demands a client certificate, and lets nobody in who has one, either."""
import socket
import ssl
import sys

folder, version = sys.argv[1:]
REPLIES = {"USER": "331 Password, please", "PASS": "530 Wrong password"}
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(folder + "/certificate.pem", folder + "/key.pem")
context.load_verify_locations(folder + "/certificate.pem")
context.verify_mode = ssl.CERT_REQUIRED
context.minimum_version = context.maximum_version = ssl.TLSVersion[version]
listener = socket.create_server(("127.0.0.1", 0))
with open(folder + "/port", "w", encoding="ascii") as file:
    file.write(f"{listener.getsockname()[1]}\n")
while True:
    client, _ = listener.accept()
    try:
        client.sendall(b"220 Hello\r\n")
        client.recv(1000)
        client.sendall(b"234 Go on\r\n")
        with context.wrap_socket(client, server_side=True) as tls:
            while command := tls.recv(1000).decode("ascii"):
                tls.sendall(REPLIES.get(command[:4], "200 Fine").encode("ascii") + b"\r\n")
    except OSError:
        client.close()
PYTHON

libraries=$folder/unpacked/usr/lib/x86_64-linux-gnu:$folder/unpacked/lib/x86_64-linux-gnu
look() { # version, label, further options of wget
    version=$1 label=$2
    shift 2
    rm -f "$folder/port"
    timeout 60 python3 "$folder/server.py" "$folder" "$version" 2>"$folder/log" &
    server=$!
    for _ in $(seq 100); do
        [ ! -s "$folder/port" ] || break
        sleep 0.1
    done
    [ -s "$folder/port" ] || cannot "the server did not start: $(tail -n 1 "$folder/log")"
    status=0
    timeout 60 env LC_ALL=C HOME="$folder" LD_LIBRARY_PATH="$libraries" \
        "$folder/unpacked/usr/bin/wget" --no-config --no-proxy --tries 1 --timeout 20 --no-hsts \
        --ca-certificate "$folder/certificate.pem" "$@" --output-document "$folder/file" \
        "ftps://localhost:$(cat "$folder/port")/file" >"$folder/log" 2>&1 || status=$?
    echo "$label: exit status $status"
    sed "1,/ connected\.\$/d; s/^ */  /; s/ *\$//; /^\$/d" "$folder/log"
    kill "$server"
    wait "$server" 2>/dev/null || :
    server=
}

{
    look TLSv1_2 "TLS 1.2, no certificate"
    look TLSv1_3 "TLS 1.3, no certificate"
    look TLSv1_3 "TLS 1.3, a certificate" --certificate "$folder/certificate.pem" --private-key "$folder/key.pem"
} >"$folder/seen"
cat "$folder/seen"

if [ "$(cat "$folder/seen")" != "$expected" ]; then
    printf 'the behaviour has changed; expected was:\n%s\n' "$expected" >&2
    exit 1
fi
