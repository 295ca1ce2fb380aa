#!/usr/bin/env bash
# ftp-deploy, where it may write and not read, calls every publish the first, succeeds, and removes nothing any more.
#
# Behaviour. ftp-deploy (the program of the much-used FTP-Deploy-Action) keeps the list of what it has published in a
# file on the server, and fetches that first. Whatever goes wrong there, the server's 550 for an account that may
# store and not retrieve, or a data connection that is refused, it says "No file exists on the server", takes the
# server for empty, uploads everything again, and removes nothing: a page that was deleted stays public. It ends well,
# exit status 0, and does the same at the next publish. Where the account may read, the same second publish uploads
# what has changed and removes what is gone.
# What follows: on a server with accounts for uploads only, "this must be your first publish" every time; and a file
# that was withdrawn is still served.
#
# The guess. A list that is there and cannot be read is an error: it is another thing than a list that is not there,
# and FTP says which (the server here: "Not enough privileges").
#
# Versions. npm's @samkirkland/ftp-deploy 1.2.5 with basic-ftp 5.0.5 (seen on Node 20 and newer); the server is PyPI's
# pyftpdlib 2.2.0 with pyOpenSSL 26.4.0 and cryptography 50.0.2, FTPS, with and without the right to retrieve.
# Source. ftp-deploy's dist/deploy.js, getServerFiles(); observed by this script on 2026-11-30:
#
#   may read: first publish: said to be the first, exit 0, on the server: kept withdrawn
#   may read: second publish: not said to be the first, exit 0, on the server: kept
#   may not read: first publish: said to be the first, exit 0, on the server: kept withdrawn
#   may not read: second publish: said to be the first, exit 0, on the server: kept withdrawn
#
# It needs node with npm, python3 with venv, and openssl.
# Exit status: 0 the behaviour is as described, 1 it has changed, 3 the packages cannot be had.
set -euo pipefail

expected='may read: first publish: said to be the first, exit 0, on the server: kept withdrawn
may read: second publish: not said to be the first, exit 0, on the server: kept
may not read: first publish: said to be the first, exit 0, on the server: kept withdrawn
may not read: second publish: said to be the first, exit 0, on the server: kept withdrawn'

cannot() {
    echo "$1" >&2
    exit 3
}

folder=$(mktemp -d)
server=
# shellcheck disable=SC2064 # the folder is known, the server is not yet
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || :; rm -rf "'"$folder"'"' EXIT
for needed in node npm python3 openssl; do
    command -v "$needed" >/dev/null || cannot "no $needed here"
done

cd "$folder"
echo '{"private": true, "overrides": {"basic-ftp": "5.0.5"}}' >package.json
timeout 300 npm install --silent --no-audit --no-fund @samkirkland/ftp-deploy@1.2.5 >log 2>&1 || cannot "$(tail -n 3 log)"
python3 -m venv venv
timeout 300 venv/bin/pip --quiet --disable-pip-version-check install pyftpdlib==2.2.0 pyOpenSSL==26.4.0 \
    cryptography==50.0.2 2>log || cannot "$(tail -n 3 log)"
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost \
    -keyout key.pem -out certificate.pem 2>log || cannot "$(tail -n 3 log)"

cat >server.py <<'PYTHON'
import sys

from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import TLS_FTPHandler
from pyftpdlib.servers import FTPServer

rights, port_file = sys.argv[1:]


class Handler(TLS_FTPHandler):
    authorizer = DummyAuthorizer()
    certfile, keyfile = "certificate.pem", "key.pem"
    tls_control_required = tls_data_required = True


Handler.authorizer.add_user("lab", "lab", "site", perm=rights)
server = FTPServer(("127.0.0.1", 0), Handler)
with open(port_file, "w", encoding="ascii") as file:
    file.write(f"{server.address[1]}\n")
server.serve_forever()
PYTHON

cat >publish.js <<'JAVASCRIPT'
const { deploy } = require("@samkirkland/ftp-deploy");

deploy({
    server: "localhost", port: Number(process.argv[2]), username: "lab", password: "lab", protocol: "ftps",
    security: "strict", "local-dir": "./local/", timeout: 20000, "log-level": "standard",
}).catch(() => { process.exitCode = 1; });
JAVASCRIPT

publish() { # WORDS
    local status=0 called="not said"
    NODE_EXTRA_CA_CERTS=certificate.pem timeout 60 node publish.js "$(cat port)" >said 2>&1 || status=$?
    if grep -q "No file exists on the server" said; then called="said"; fi
    echo "$1: $called to be the first, exit $status, on the server: $(cd site && echo *)"
}

try_it() { # WORDS RIGHTS
    rm -rf site local port
    mkdir site local
    timeout 200 venv/bin/python server.py "$2" port >server.log 2>&1 &
    server=$!
    for _ in $(seq 200); do [ -s port ] && break; sleep 0.05; done
    [ -s port ] || cannot "$(tail -n 3 server.log)"
    echo content >local/kept
    echo content >local/withdrawn
    publish "$1: first publish"
    rm local/withdrawn
    publish "$1: second publish"
    kill "$server"
    wait "$server" 2>/dev/null || :
    server=
}

seen=$(
    try_it "may read" elradfmw
    try_it "may not read" eladfmw
)
echo "$seen"
[ "$seen" = "$expected" ] || { echo "expected:"; echo "$expected"; exit 1; }
