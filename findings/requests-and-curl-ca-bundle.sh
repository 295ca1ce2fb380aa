#!/usr/bin/env bash
# requests' session.verify, and with it pip's --cert, lose to an environment variable, be it another program's.
#
# Behaviour. A session that is told the CA file, session.verify = "own.pem", uses the one that the environment names
# instead, if REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE is set, and refuses the server whose certificate is in own.pem. The
# same file as an argument of one call, get(..., verify="own.pem"), wins. pip hands its option --cert to its session,
# and so pip --cert own.pem refuses, too. curl, whose variable it is, has it the other way round: --cacert wins.
# What follows: what connects on a developer's machine fails in an image that sets CURL_CA_BUNDLE for curl's sake, with
# "self-signed certificate" or "unable to get local issuer certificate" and no word of a variable or of the file that
# was asked.
#
# The guess. What a program is told by option or in code goes before the environment, which is there for what was not
# said; and curl's variable is curl's.
#
# Versions. PyPI's requests 2.34.2 with urllib3 2.8.0, and pip 26.2 (which has requests inside); the machine's curl
# (seen: 7.88.1) and ssl module (seen: 3.11.7 on OpenSSL 3.0.19).
# Source. requests' sessions.py, Session.merge_environment_settings(), and its issue 3829; observed by this script on
# 2026-11-30:
#
#   no variable: session.verify connects, get(verify=) connects, pip --cert connects, curl --cacert connects
#   REQUESTS_CA_BUNDLE: session.verify refuses, get(verify=) connects, pip --cert refuses, curl --cacert connects
#   CURL_CA_BUNDLE: session.verify refuses, get(verify=) connects, pip --cert refuses, curl --cacert connects
#
# It needs python3 with venv, curl, and the openssl command line, which only makes the certificates.
# Exit status: 0 the behaviour is as described, 1 it has changed, 3 the packages cannot be had.
set -euo pipefail

expected='no variable: session.verify connects, get(verify=) connects, pip --cert connects, curl --cacert connects
REQUESTS_CA_BUNDLE: session.verify refuses, get(verify=) connects, pip --cert refuses, curl --cacert connects
CURL_CA_BUNDLE: session.verify refuses, get(verify=) connects, pip --cert refuses, curl --cacert connects'

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

cat >look.py <<'PYTHON'
"""An index of packages that has none, and whether its clients get as far as to ask for something."""
import os
import socket
import ssl
import subprocess
import sys
import threading

PAGE = b"HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
PIP = ["download", "--isolated", "--no-deps", "--disable-pip-version-check", "--retries", "0", "--cert", "own.pem"]
BY_SESSION = "import requests, sys; s = requests.Session(); s.verify = 'own.pem'; s.get(sys.argv[1])"
BY_CALL = "import requests, sys; requests.Session().get(sys.argv[1], verify='own.pem')"
CLIENTS = {
    "session.verify": [sys.executable, "-c", BY_SESSION],
    "get(verify=)": [sys.executable, "-c", BY_CALL],
    "pip --cert": [sys.executable, "-m", "pip", *PIP, "absent", "--index-url"],
    "curl --cacert": ["curl", "--disable", "--silent", "--cacert", "own.pem"],
}
asked = threading.Event()


def serve(listening, context):
    """Pages, until the socket is closed."""
    while True:
        try:
            connection, _ = listening.accept()
        except OSError:
            return
        connection.settimeout(10)
        try:
            with context.wrap_socket(connection, server_side=True) as tls:
                if tls.recv(4096):
                    asked.set()
                    tls.sendall(PAGE)
        except OSError:
            connection.close()


def attempt(command, address, variables):
    asked.clear()
    environment = {"PATH": os.environ["PATH"], "HOME": os.getcwd(), **variables}
    subprocess.run([*command, address], env=environment, capture_output=True, timeout=60)
    return "connects" if asked.wait(1) else "refuses"


context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("own.pem", "own.key")
with socket.create_server(("127.0.0.1", 0)) as listening:
    threading.Thread(target=serve, args=(listening, context), daemon=True).start()
    place = f"https://localhost:{listening.getsockname()[1]}/"
    for variable in ("no variable", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        variables = {variable: "other.pem"} if "_" in variable else {}
        said = [f"{name} {attempt(command, place, variables)}" for name, command in CLIENTS.items()]
        print(f"{variable}: {', '.join(said)}")
PYTHON

for name in own other; do
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost \
        -keyout "$name.key" -out "$name.pem" 2>log || { cat log >&2; exit 3; }
done
python3 -m venv venv
if ! timeout 300 venv/bin/pip --quiet --disable-pip-version-check install pip==26.2 requests==2.34.2 urllib3==2.8.0 \
    2>log; then
    echo "pip 26.2, requests 2.34.2 and urllib3 2.8.0 cannot be installed:" >&2
    tail -n 3 log >&2
    exit 3
fi
timeout 300 venv/bin/python look.py >seen
cat seen

if [ "$(cat seen)" != "$expected" ]; then
    printf 'the behaviour has changed; expected was:\n%s\n' "$expected" >&2
    exit 1
fi
