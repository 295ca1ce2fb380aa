#!/usr/bin/env bash
# curl 7.88.1 sends an upload in clear text in active mode, although the server has agreed to PROT P.
#
# Behaviour. With --ssl-reqd and --ftp-port - curl logs in over TLS, sends PBSZ 0 and PROT P, is answered 200, and
# accepts the connection that the server opens for the file. On that connection it does no handshake: the file goes
# in clear text. A server that waits for a ClientHello finds the file in its place (vsftpd 3.0.5: "SSL_accept
# failed: wrong version number"), and ends. In passive mode the first byte is that of a TLS handshake.
# What follows: who has this curl and active mode gives the file to everybody on the way, --ssl-reqd or not, before
# anything fails; the exit status says so only because the server minds.
#
# The guess. --ssl-reqd is documented as "require SSL/TLS", for control and data (--ftp-ssl-control is the option for
# the login alone); a client that cannot protect the data would end with status 64.
#
# Versions. Debian 12's curl and libcurl4 7.88.1-10+deb12u15.
# Source. curl's lib/ftp.c, where the TLS filter is added to the data connection that was opened, and not to one that
# was accepted; observed by this script on 2026-11-30:
#
#   passive: PROT P is agreed, the data connection begins with a TLS handshake
#   active: PROT P is agreed, the data connection begins with the file
#
# It needs Debian 12 with python3, openssl and apt (nothing is installed into the system). Exit status: 0 the
# behaviour is as described, 1 it has changed, 3 the packages cannot be had.
set -euo pipefail

expected='passive: PROT P is agreed, the data connection begins with a TLS handshake
active: PROT P is agreed, the data connection begins with the file'

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
    --allow-downgrades curl=7.88.1-10+deb12u15 libcurl4=7.88.1-10+deb12u15 >"$folder/log" 2>&1 ||
    cannot "$(tail -n 3 "$folder/log")"
for package in "$folder"/apt/archives/*.deb; do
    dpkg-deb -x "$package" "$folder/unpacked"
done

openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost \
    -keyout "$folder/key.pem" -out "$folder/cert.pem" 2>"$folder/log" || cannot "$(tail -n 1 "$folder/log")"

cat >"$folder/server.py" <<'PYTHON'
"""An FTP server with TLS on the control connection, which says how one data connection begins."""
import socket
import ssl
import sys

folder, seen = sys.argv[1], []
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(folder + "/cert.pem", folder + "/key.pem")
listener = socket.create_server(("127.0.0.1", 0))
with open(folder + "/port", "w", encoding="ascii") as file:
    file.write(f"{listener.getsockname()[1]}\n")
control, _ = listener.accept()
control.sendall(b"220 Hello\r\n")
passive = active = None
REPLIES = {"USER": "331 Password", "PASS": "230 In", "PBSZ": "200 0", "TYPE": "200 Yes", "PWD": '257 "/"'}
while True:
    line = b""
    while not line.endswith(b"\n"):
        byte = control.recv(1)
        if not byte:
            sys.exit(0)
        line += byte
    word, _, argument = line.decode("ascii").strip().partition(" ")
    reply = REPLIES.get(word, "502 No")
    if word == "AUTH":
        reply = "234 Begin" if argument == "TLS" else "504 No"
    elif word == "PROT":
        seen.append(f"PROT {argument} is agreed")
        reply = "200 Yes"
    elif word == "EPSV":
        passive = socket.create_server(("127.0.0.1", 0))
        reply = f"229 Here (|||{passive.getsockname()[1]}|)"
    elif word == "EPRT":
        _, _, host, port, _ = argument.split("|")
        active = (host, int(port))
        reply = "200 Yes"
    elif word == "STOR":
        control.sendall(b"150 Come\r\n")
        data = passive.accept()[0] if active is None else socket.create_connection(active, 10)
        data.settimeout(10)
        first = data.recv(4)
        kinds = {b"\x16\x03": "a TLS handshake", b"the ": "the file"}
        begins = kinds.get(first[:2]) or kinds.get(first) or f"{first!r}"
        print(", ".join([*seen, f"the data connection begins with {begins}"]), flush=True)
        break
    control.sendall(reply.encode("ascii") + b"\r\n")
    if reply[:3] == "234":
        control = context.wrap_socket(control, server_side=True)
PYTHON

libraries=$folder/unpacked/usr/lib/x86_64-linux-gnu:$folder/unpacked/lib/x86_64-linux-gnu
echo "the file, line by line" >"$folder/file"
look() { # label, further words of curl
    label=$1
    shift
    rm -f "$folder/port"
    timeout 60 python3 "$folder/server.py" "$folder" >"$folder/said" 2>"$folder/log" &
    server=$!
    for _ in $(seq 100); do
        [ ! -s "$folder/port" ] || break
        sleep 0.1
    done
    [ -s "$folder/port" ] || cannot "the server did not start: $(tail -n 1 "$folder/log")"
    timeout 60 env LD_LIBRARY_PATH="$libraries" "$folder/unpacked/usr/bin/curl" --disable --silent --max-time 30 \
        --noproxy '*' --ssl-reqd --cacert "$folder/cert.pem" --user user:secret "$@" --upload-file "$folder/file" \
        --resolve "localhost:$(cat "$folder/port"):127.0.0.1" "ftp://localhost:$(cat "$folder/port")/file" \
        >"$folder/log" 2>&1 || :
    wait "$server" 2>/dev/null || :
    server=
    echo "$label: $(cat "$folder/said")"
}

{
    look passive
    look active --ftp-port -
} >"$folder/seen"
cat "$folder/seen"

if [ "$(cat "$folder/seen")" != "$expected" ]; then
    printf 'the behaviour has changed; expected was:\n%s\n' "$expected" >&2
    exit 1
fi
