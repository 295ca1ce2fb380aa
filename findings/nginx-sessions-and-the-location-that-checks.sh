#!/usr/bin/env bash
# A location of nginx that does not check the origin makes another location, which does, refuse a good one; and one
# that trusts another CA, or has no client certificate, is served by the session of a location that does.
#
# Behaviour. Two locations pass to the same origin, https://HOST:PORT, one without proxy_ssl_verify, one with it. The
# origin's certificate is good, and the location that checks answers 200. Once the other has been visited, it answers
# 502, "upstream SSL certificate verify error: (20:unable to get local issuer certificate)", to every visitor from
# then on. nginx keeps one TLS session for each origin, whichever location made it, and what the first handshake made
# of the certificate is part of a session: where nothing was to be checked there were no authorities either, hence the
# 20. The location that checks resumes that session, sees no certificate, and reads the old result.
# The same the other way round: a location whose proxy_ssl_trusted_certificate is another CA's refuses by itself, and
# answers 200 behind the one that trusts the origin's; a location without proxy_ssl_certificate is nobody to the origin by
# itself, and behind one that has it the user of that certificate.
# What follows: who adds a quick test location breaks the careful one beside it, with an error that sends everybody to
# the origin's chain; a restart cures it if the next visitor comes by the right way. What a location trusts and who it is
# is not its own. proxy_ssl_session_reuse off ends both.
#
# The guess. proxy_ssl_verify is a setting of the location that has it: what another does changes nothing; a
# connection that is to be checked is checked, by a handshake of its own if need be.
#
# Versions. Debian 12's nginx 1.22.1-9+deb12u9; the origin is Python's own ssl module (seen: 3.11.7 on OpenSSL 3.0.19).
# The same over TLS 1.2 and 1.3.
# Source. nginx's src/http/ngx_http_upstream.c, ngx_http_upstream_add(), and ngx_http_upstream_round_robin.c,
# ngx_http_upstream_save_round_robin_peer_session(); observed by this script on 2026-11-30:
#
#   the checking location alone: checking 200, checking 200, checking 200
#   the checking location first: checking 200, careless 200, checking 200
#   the careless location first: careless 200, checking 502, checking 502, checking 502
#     (20:unable to get local issuer certificate)
#   the same without session reuse: careless 200, checking 200, checking 200, checking 200
#   another CA: other-ca 502
#     (21:unable to verify the first certificate)
#   another CA behind the checking location: checking 200, other-ca 200, other-ca 200
#   no client certificate: nobody 403
#   no client certificate behind a location that has one: user 200, nobody 200
#   the same without session reuse: checking 200, other-ca 502, user 200, nobody 403
#     (21:unable to verify the first certificate)
#
# It needs Debian 12 with python3, openssl and apt (nothing is installed into the system). Exit status: 0 the
# behaviour is as described, 1 it has changed, 3 the packages cannot be had.
set -euo pipefail

expected='the checking location alone: checking 200, checking 200, checking 200
the checking location first: checking 200, careless 200, checking 200
the careless location first: careless 200, checking 502, checking 502, checking 502
  (20:unable to get local issuer certificate)
the same without session reuse: careless 200, checking 200, checking 200, checking 200
another CA: other-ca 502
  (21:unable to verify the first certificate)
another CA behind the checking location: checking 200, other-ca 200, other-ca 200
no client certificate: nobody 403
no client certificate behind a location that has one: user 200, nobody 200
the same without session reuse: checking 200, other-ca 502, user 200, nobody 403
  (21:unable to verify the first certificate)'

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
    --allow-downgrades nginx=1.22.1-9+deb12u9 >"$folder/log" 2>&1 || cannot "$(tail -n 3 "$folder/log")"
for package in "$folder"/apt/archives/*.deb; do
    dpkg-deb -x "$package" "$folder/unpacked"
done

cd "$folder"
{
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=root -keyout root.key -out root.pem
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=other -keyout other.key -out other.pem
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=user -keyout user.key -out user.pem
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=origin -CA root.pem -CAkey root.key \
        -addext basicConstraints=critical,CA:FALSE -addext subjectAltName=DNS:localhost -keyout key.pem \
        -out certificate.pem
} 2>log || cannot "$(tail -n 3 log)"

cat >look.py <<'PYTHON'
"""An origin with TLS, an nginx in front of it, and a visitor of its two locations."""
import http.client
import http.server
import os
import re
import socket
import ssl
import subprocess
import sys
import threading
import time

CONFIGURATION = """
daemon off; master_process off; pid pid; error_log error.log info;
events {}
http {
    access_log off; client_body_temp_path t1; proxy_temp_path t2; fastcgi_temp_path t3; uwsgi_temp_path t4;
    scgi_temp_path t5; proxy_ssl_trusted_certificate root.pem; proxy_ssl_name localhost; %s
    server {
        listen 127.0.0.1:%d;
        location /careless { proxy_pass https://127.0.0.1:%d; }
        location /checking { proxy_pass https://127.0.0.1:%d; proxy_ssl_verify on; }
        location /other-ca { proxy_pass https://127.0.0.1:%d; proxy_ssl_verify on;
            proxy_ssl_trusted_certificate other.pem; }
        location /user { proxy_pass https://127.0.0.1:%d; proxy_ssl_verify on;
            proxy_ssl_certificate user.pem; proxy_ssl_certificate_key user.key; }
        location /nobody { proxy_pass https://127.0.0.1:%d; proxy_ssl_verify on; }
    }
}
"""


class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        private = self.path in ("/user", "/nobody")
        self.send_response(403 if private and not self.connection.getpeercert() else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


class Origin(http.server.ThreadingHTTPServer):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)

    def finish_request(self, request, client_address):
        request.settimeout(10)
        try:
            with self.context.wrap_socket(request, server_side=True) as tls:
                Page(tls, client_address, self)
        except OSError:
            pass


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return listening.getsockname()[1]


def visit(port, location):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("GET", "/" + location)
    return f"{location} {connection.getresponse().status}"


def look(title, locations, setting=""):
    port, place = free_port(), origin.server_address[1]
    with open("nginx.conf", "w", encoding="ascii") as file:
        file.write(CONFIGURATION % (setting, port, *[place] * 5))
    with open("error.log", "w", encoding="ascii"):
        pass
    command = ["unpacked/usr/sbin/nginx", "-p", os.getcwd(), "-c", "nginx.conf", "-e", "error.log"]
    nginx = subprocess.Popen(command, env={"LD_LIBRARY_PATH": sys.argv[1]})
    try:
        for _ in range(100):
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                time.sleep(0.1)
        print(f"{title}: {', '.join(visit(port, location) for location in locations)}")
    finally:
        nginx.terminate()
        nginx.wait(20)
    with open("error.log", encoding="utf-8") as file:
        for words in sorted(set(re.findall(r"verify error: (\([^)]*\))", file.read()))):
            print(f"  {words}")


Origin.context.load_cert_chain("certificate.pem", "key.pem")
Origin.context.load_verify_locations("user.pem")
Origin.context.verify_mode = ssl.CERT_OPTIONAL
origin = Origin(("127.0.0.1", 0), Page)
threading.Thread(target=origin.serve_forever, daemon=True).start()
look("the checking location alone", ["checking"] * 3)
look("the checking location first", ["checking", "careless", "checking"])
look("the careless location first", ["careless"] + ["checking"] * 3)
look("the same without session reuse", ["careless"] + ["checking"] * 3, "proxy_ssl_session_reuse off;")
look("another CA", ["other-ca"])
look("another CA behind the checking location", ["checking", "other-ca", "other-ca"])
look("no client certificate", ["nobody"])
look("no client certificate behind a location that has one", ["user", "nobody"])
without = "proxy_ssl_session_reuse off;"
look("the same without session reuse", ["checking", "other-ca", "user", "nobody"], without)
PYTHON

libraries=$folder/unpacked/usr/lib/x86_64-linux-gnu:$folder/unpacked/lib/x86_64-linux-gnu
timeout 300 python3 look.py "$libraries" >seen
cat seen

if [ "$(cat seen)" != "$expected" ]; then
    printf 'the behaviour has changed; expected was:\n%s\n' "$expected" >&2
    exit 1
fi
