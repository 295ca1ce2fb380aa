#!/usr/bin/env bash
# What an origin's log says of a refused certificate is the word of the visitor's program, not what is wrong.
#
# Behaviour. One origin, four certificates, and four programs, each of which refuses the three bad ones and names the
# right reason in its own log. The origin is told by an alert, and of that its log is made. HAProxy says "internal
# error" for a certificate that is for another name: it looks at the name in a callback that does not say why it
# refuses, and for that OpenSSL has alert 80. Caddy says "bad certificate" whatever it is: Go's crypto/tls has no other
# alert for it. nginx says nothing at all: it looks at the certificate when the handshake is over, and the origin has
# seen a connection without a fault, and without a request. Python, which leaves all of it to OpenSSL, sends 45, 48, 42.
# What follows: "internal error" in an origin's log is no fault inside of anything, "bad certificate" no broken file,
# and an origin whose log is clean may have been refused all the same.
#
# The guess. TLS has an alert for each: 45 certificate expired, 48 unknown CA, 42 or 46 for a name; a program that
# knows the reason sends the alert that says so, and sends one whenever it refuses.
#
# Versions. Debian 12's haproxy 2.6.12-1+deb12u3, caddy 2.6.2-5 (Go 1.19) and nginx 1.22.1-9+deb12u9; Python's ssl
# module is the machine's, at both ends (seen: 3.11.7 on OpenSSL 3.0.19). Of a name stunnel 5.68 was seen to say what
# HAProxy says, a program built with Go 1.27.3 what Caddy says, and curl 7.88.1, Node 24.19 and Apache httpd 2.4.68
# nothing, as nginx does.
# Source. HAProxy's src/ssl_sock.c, ssl_sock_srv_verifycbk(), and OpenSSL's crypto/x509/x509_vfy.c, X509_verify_cert();
# Go's crypto/tls/handshake_client.go, verifyServerCertificate(); observed by this script on 2026-11-30:
#
#   good: haproxy 200, caddy 200, nginx 200, python connects
#   expired: haproxy CERTIFICATE_EXPIRED, caddy BAD_CERTIFICATE, nginx no alert, python CERTIFICATE_EXPIRED
#   unknown issuer: haproxy UNKNOWN_CA, caddy BAD_CERTIFICATE, nginx no alert, python UNKNOWN_CA
#   another name: haproxy INTERNAL_ERROR, caddy BAD_CERTIFICATE, nginx no alert, python BAD_CERTIFICATE
#
# It needs Debian 12 with python3, openssl and apt (nothing is installed into the system). Exit status: 0 the
# behaviour is as described, 1 it has changed, 3 the packages cannot be had.
set -euo pipefail

expected='good: haproxy 200, caddy 200, nginx 200, python connects
expired: haproxy CERTIFICATE_EXPIRED, caddy BAD_CERTIFICATE, nginx no alert, python CERTIFICATE_EXPIRED
unknown issuer: haproxy UNKNOWN_CA, caddy BAD_CERTIFICATE, nginx no alert, python UNKNOWN_CA
another name: haproxy INTERNAL_ERROR, caddy BAD_CERTIFICATE, nginx no alert, python BAD_CERTIFICATE'

cannot() {
    echo "$1" >&2
    exit 3
}

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

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
    --allow-downgrades haproxy=2.6.12-1+deb12u3 caddy=2.6.2-5 nginx=1.22.1-9+deb12u9 >"$folder/log" 2>&1 ||
    cannot "$(tail -n 3 "$folder/log")"
for package in "$folder"/apt/archives/*.deb; do
    dpkg-deb -x "$package" "$folder/unpacked"
done

cd "$folder"
make() { # name, authority, alternative name, further words
    openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=origin -CA "$2.pem" -CAkey "$2.key" \
        -addext basicConstraints=critical,CA:FALSE -addext "subjectAltName=DNS:$3" \
        -keyout "$1.key" -out "$1.pem" "${@:4}"
}
{
    for authority in root unknown; do
        openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=$authority" \
            -keyout $authority.key -out $authority.pem
    done
    make good root localhost -days 2
    make "unknown issuer" unknown localhost -days 2
    make "another name" root elsewhere.test -days 2
    # A validity in the past is for "openssl ca": "req" of OpenSSL 3.0 knows days from now alone.
    openssl req -new -newkey rsa:2048 -nodes -subj /CN=origin -keyout expired.key -out expired.csr
    printf 'basicConstraints=critical,CA:FALSE\nsubjectAltName=DNS:localhost\n' >extensions
    mkdir issued
    : >index
    echo 01 >serial
    printf '[ca]\ndefault_ca=own\n[own]\ndatabase=index\nserial=serial\nnew_certs_dir=issued\npolicy=any\n' >ca.conf
    printf '[any]\ncommonName=supplied\n' >>ca.conf
    openssl ca -batch -config ca.conf -md sha256 -notext -cert root.pem -keyfile root.key \
        -startdate 20200101000000Z -enddate 20200201000000Z -extfile extensions -in expired.csr -out expired.pem
} >log 2>&1 || cannot "$(tail -n 3 log)"

cat >haproxy.conf <<'CONFIGURATION'
defaults
    mode http
    retries 0
    timeout connect 10s
    timeout client 10s
    timeout server 10s
listen edge
    bind 127.0.0.1:EDGE
    server origin 127.0.0.1:ORIGIN ssl verify required ca-file root.pem verifyhost localhost
CONFIGURATION
cat >caddy.conf <<'CONFIGURATION'
{
    admin off
    auto_https off
}
http://127.0.0.1:EDGE {
    reverse_proxy https://127.0.0.1:ORIGIN {
        transport http {
            tls_trusted_ca_certs root.pem
            tls_server_name localhost
        }
    }
}
CONFIGURATION
cat >nginx.conf <<'CONFIGURATION'
daemon off; master_process off; pid pid;
events {}
http {
    access_log off; client_body_temp_path t1; proxy_temp_path t2; fastcgi_temp_path t3; uwsgi_temp_path t4;
    scgi_temp_path t5; proxy_ssl_name localhost; proxy_ssl_verify on; proxy_ssl_trusted_certificate root.pem;
    server { listen 127.0.0.1:EDGE; location / { proxy_pass https://127.0.0.1:ORIGIN; } }
}
CONFIGURATION

cat >look.py <<'PYTHON'
"""An origin with one certificate after the other, and what it is told by each program that visits it."""
import http.client
import os
import socket
import ssl
import subprocess
import sys
import threading
import time

PAGE = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
EDGES = {
    "haproxy": ["sbin/haproxy", "-db", "-f", "haproxy.edge"],
    "caddy": ["bin/caddy", "run", "--adapter", "caddyfile", "--config", "caddy.edge"],
    "nginx": ["sbin/nginx", "-p", os.getcwd(), "-c", "nginx.edge", "-e", "log"],
}
told = []


def serve(listening, context):
    """Handshakes, each with a page, until the socket is closed."""
    while True:
        try:
            connection, _ = listening.accept()
        except OSError:
            return
        connection.settimeout(10)
        try:
            with context.wrap_socket(connection, server_side=True) as tls:
                if tls.recv(4096):
                    tls.sendall(PAGE)
        except ssl.SSLError as error:
            told.append(error.reason.partition("_ALERT_")[2] or "no alert")
        except OSError:
            told.append("no alert")


def by_edge(name, origin):
    """What the origin was told; without that, what the edge has answered."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with open(name + ".conf", encoding="ascii") as template, open(name + ".edge", "w", encoding="ascii") as file:
        file.write(template.read().replace("EDGE", str(port)).replace("ORIGIN", str(origin)))
    program, *words = EDGES[name]
    environment = {"LD_LIBRARY_PATH": sys.argv[1], "HOME": os.getcwd()}
    with open("log", "wb") as log:
        edge = subprocess.Popen(["unpacked/usr/" + program, *words], env=environment, stdout=log, stderr=log)
    try:
        for _ in range(200):
            try:
                visitor = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
                visitor.request("GET", "/")
                break
            except ConnectionRefusedError:
                time.sleep(0.1)
        status = visitor.getresponse().status
    finally:
        edge.terminate()
        edge.wait(20)
    return f"{name} 200" if status == 200 else f"{name} {told[0] if told else 'no alert'}"


def by_python(origin):
    context = ssl.create_default_context(cafile="root.pem")
    try:
        with socket.create_connection(("127.0.0.1", origin), 10) as plain:
            with context.wrap_socket(plain, server_hostname="localhost"):
                return "python connects"
    except ssl.SSLCertVerificationError:
        time.sleep(1)
        return f"python {told[0]}"


for title in ("good", "expired", "unknown issuer", "another name"):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(title + ".pem", title + ".key")
    said = []
    with socket.create_server(("127.0.0.1", 0)) as listening:
        place = listening.getsockname()[1]
        threading.Thread(target=serve, args=(listening, context), daemon=True).start()
        for name in EDGES:
            told.clear()
            said.append(by_edge(name, place))
        told.clear()
        said.append(by_python(place))
    print(f"{title}: {', '.join(said)}")
PYTHON

libraries=$folder/unpacked/usr/lib/x86_64-linux-gnu:$folder/unpacked/lib/x86_64-linux-gnu
timeout 300 python3 look.py "$libraries" >seen
cat seen

if [ "$(cat seen)" != "$expected" ]; then
    printf 'the behaviour has changed; expected was:\n%s\n' "$expected" >&2
    exit 1
fi
