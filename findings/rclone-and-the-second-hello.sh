#!/usr/bin/env bash
# Since a security fix of Go 1.19, rclone delivers nothing to a server that prefers another group: no binder verifies.
#
# Behaviour. Debian 12's rclone is built with Go 1.19.8. Its first ClientHello has a key share for X25519; a server that
# takes P-256 alone, as vsftpd does by default, asks for a second one (HelloRetryRequest). On the control connection
# that works. The data connection resumes its session, and with a second ClientHello a client has to prove anew that
# it has the session. Go 1.19.6 to 1.19.8 compute that proof, the binder, without what was said before, and the server
# ends the handshake. rclone says "remote error: tls: illegal parameter", or, of vsftpd, "error decrypting message".
# With a server that takes X25519, or over TLS 1.2, the same rclone resumes and delivers.
# What follows: whether a program built so delivers is up to the server's list of groups, which no message names, and
# vsftpd's require_ssl_reuse=NO changes nothing, for it is the client that resumes.
#
# The guess. A session that cannot be resumed costs a full handshake and no more; groups matter in the handshake that
# makes the session, and a release of fixes alone breaks nothing that worked.
#
# Versions. Debian 12's rclone 1.60.1+dfsg-2+b5 (go1.19.8); the server is Python's own ssl module (seen: 3.11.7 on
# OpenSSL 3.0.19). Debian 13's rclone 1.60.1, built with go1.23.2, was seen to deliver to vsftpd.
# Source. Go's issue 59424 (since 1.19.6 and 1.20.1, by the fix for issue 58001), crypto/tls,
# processHelloRetryRequest(); observed by this script on 2026-11-30:
#
#   the server takes X25519, too: list resumed, upload resumed, 6 bytes; exit status 0
#   the server takes P-256 alone: list BINDER_DOES_NOT_VERIFY; exit status 1
#     remote error: tls: illegal parameter
#   the same over TLS 1.2: list resumed, upload resumed, 6 bytes; exit status 0
#
# It needs Debian 12 with python3, openssl and apt (nothing is installed into the system). Exit status: 0 the
# behaviour is as described, 1 it has changed, 3 the packages cannot be had.
set -euo pipefail

expected='the server takes X25519, too: list resumed, upload resumed, 6 bytes; exit status 0
the server takes P-256 alone: list BINDER_DOES_NOT_VERIFY; exit status 1
  remote error: tls: illegal parameter
the same over TLS 1.2: list resumed, upload resumed, 6 bytes; exit status 0'

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
    --allow-downgrades rclone=1.60.1+dfsg-2+b5 >"$folder/log" 2>&1 || cannot "$(tail -n 3 "$folder/log")"
for package in "$folder"/apt/archives/*.deb; do
    dpkg-deb -x "$package" "$folder/unpacked"
done

cd "$folder"
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost \
    -keyout key.pem -out certificate.pem 2>log || cannot "$(tail -n 3 log)"

cat >server.py <<'PYTHON'
"""An FTP server over explicit TLS, which says of its data connections whether they resume a session."""
import socket
import ssl
import sys
import threading

context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("certificate.pem", "key.pem")
if sys.argv[1] != "any":
    context.set_ecdh_curve(sys.argv[1])
REPLIES = {"USER": "331 password", "PASS": "230 logged in", "FEAT": "211 none", "QUIT": "221 bye", "PWD": '257 "/"'}
REPLIES |= dict.fromkeys(("PBSZ", "PROT", "TYPE"), "200 done")
stored = b""


def transfer(listening, what):
    """One data connection, with the reply to it."""
    global stored
    with listening:
        plain, _ = listening.accept()
    plain.settimeout(10)
    try:
        with context.wrap_socket(plain, server_side=True) as data:
            print(what, "resumed" if data.session_reused else "full handshake", flush=True)
            if what == "list":
                if stored:
                    data.sendall(b"-rw-r--r-- 1 user user %d Jan 01 2026 file\r\n" % len(stored))
            else:
                while chunk := data.recv(65536):
                    stored += chunk
                print(len(stored), "bytes", flush=True)
            try:
                data.unwrap()
            except OSError:
                pass  # the client has left without a goodbye
    except ssl.SSLError as error:
        print(what, error.reason, flush=True)
        return "425 no TLS"
    return "226 done"


def session(connection):
    """Everything on one control connection."""
    connection.settimeout(20)
    connection.sendall(b"220 ready\r\n")
    lines, listening = connection.makefile("rb"), None
    while line := lines.readline().decode().strip():
        command = line.split()[0].upper()
        if command == "EPSV":
            listening = socket.create_server(("127.0.0.1", 0))
            listening.settimeout(10)
            reply = f"229 passive (|||{listening.getsockname()[1]}|)"
        elif command in ("LIST", "STOR"):
            connection.sendall(b"150 go on\r\n")
            reply = transfer(listening, "list" if command == "LIST" else "upload")
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
    with open("port", "w", encoding="ascii") as file:
        file.write(f"{control.getsockname()[1]}\n")
    while True:
        threading.Thread(target=attempt, args=(control.accept()[0],), daemon=True).start()
PYTHON

echo hello >payload
rclone() {
    LD_LIBRARY_PATH="$folder/unpacked/usr/lib/x86_64-linux-gnu" SSL_CERT_FILE="$folder/certificate.pem" \
        HOME="$folder" timeout 60 unpacked/usr/bin/rclone --config /dev/null "$@"
}
password=$(rclone obscure secret)
look() { # title, group, further words of rclone
    title=$1 group=$2
    shift 2
    rm -f port
    timeout 60 python3 server.py "$group" >said 2>log &
    server=$!
    for _ in $(seq 100); do
        [ ! -s port ] || break
        sleep 0.1
    done
    [ -s port ] || cannot "the server did not start: $(tail -n 1 log)"
    status=0
    rclone copyto payload :ftp:file --ftp-host localhost --ftp-port "$(cat port)" --ftp-user user \
        --ftp-pass "$password" --ftp-explicit-tls --retries 1 --low-level-retries 1 --no-update-modtime "$@" \
        >/dev/null 2>log || status=$?
    kill "$server"
    wait "$server" 2>/dev/null || :
    server=
    # rclone lists once more when it is done.
    echo "$title: $(awk '!seen[$0]++' said | paste -sd, | sed 's/,/, /g'); exit status $status"
    sed -n 's/^.*\* \(remote error: .*\)/  \1/p' log | head -n 1
}

{
    look "the server takes X25519, too" any
    look "the server takes P-256 alone" prime256v1
    look "the same over TLS 1.2" prime256v1 --ftp-disable-tls13
} >seen
cat seen

if [ "$(cat seen)" != "$expected" ]; then
    printf 'the behaviour has changed; expected was:\n%s\n' "$expected" >&2
    exit 1
fi
