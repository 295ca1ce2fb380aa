#!/usr/bin/env bash
# PHP delivers nothing to Pure-FTPd over TLS 1.3: it insists on a session to resume, and this server gives none.
#
# Behaviour. Pure-FTPd does not ask for a resumed session on the data connection, and over TLS 1.3 it sends no session
# tickets, so that there is nothing that could be resumed. Python's ftplib makes a full handshake for the file and
# delivers. PHP's ftp_put looks for a session of the control connection that it can resume, finds none, and closes the
# data connection before it has sent a ClientHello: "failed to retrieve the existing SSL session". It returns false, its
# second warning is the server's preliminary reply, "Accepted data connection", and an empty file is left behind. Over
# TLS 1.2, where Pure-FTPd's session can be resumed, the same two deliver.
# What follows: the client is what refuses, and nothing in the server's log or on the wire says so; the login works, and
# who reads the second warning looks for a fault in what went well.
#
# The guess. A session is resumed where there is one, because some servers want that, and where there is none a full
# handshake does; two ends that have no quarrel over TLS 1.2 have none over 1.3.
#
# Versions. Debian 12's php8.2-cli 8.2.32-1~deb12u1 and pure-ftpd 1.0.50-2.1+b2; ftplib is the machine's (seen: 3.11.7).
# Debian 13's PHP 8.4.27 and Pure-FTPd 1.0.50-2.2+b2 were seen to do the same.
# Source. PHP's ext/ftp/ftp.c, data_accept(); observed by this script on 2026-11-30:
#
#   TLS 1.2: the session of the control connection has a ticket
#     ftplib: 226, 6 bytes on the server
#     PHP: ftp_put true, 6 bytes on the server
#   TLS 1.3: the session of the control connection has no ticket
#     ftplib: 226, 6 bytes on the server
#     PHP: ftp_put false, 0 bytes on the server
#       data_accept: failed to retrieve the existing SSL session
#       Accepted data connection
#
# It needs Debian 12 with root's rights, python3, openssl and apt (nothing is installed into the system). Exit status:
# 0 the behaviour is as described, 1 it has changed, 3 the packages cannot be had.
set -euo pipefail

expected='TLS 1.2: the session of the control connection has a ticket
  ftplib: 226, 6 bytes on the server
  PHP: ftp_put true, 6 bytes on the server
TLS 1.3: the session of the control connection has no ticket
  ftplib: 226, 6 bytes on the server
  PHP: ftp_put false, 0 bytes on the server
    data_accept: failed to retrieve the existing SSL session
    Accepted data connection'

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
    --allow-downgrades pure-ftpd=1.0.50-2.1+b2 php8.2-cli=8.2.32-1~deb12u1 php8.2-common=8.2.32-1~deb12u1 \
    >"$folder/log" 2>&1 || cannot "$(tail -n 3 "$folder/log")"
for package in "$folder"/apt/archives/*.deb; do
    dpkg-deb -x "$package" "$folder/unpacked"
done

cd "$folder"
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost \
    -keyout key.pem -out certificate.pem 2>log || cannot "$(tail -n 3 log)"
cat key.pem certificate.pem >both.pem

cat >put.php <<'PHP'
<?php
$ftp = ftp_ssl_connect('127.0.0.1', (int) $argv[1], 20);
ftp_login($ftp, 'user', 'secret');
ftp_pasv($ftp, true);
echo 'ftp_put ', var_export(ftp_put($ftp, 'file', 'payload', FTP_BINARY), true), "\n";
PHP

cat >look.py <<'PYTHON'
"""Pure-FTPd over one version of TLS, and an upload by each client."""
import ftplib
import os
import re
import socket
import ssl
import subprocess
import sys
import time

folder, libraries = sys.argv[1:]
environment = {"LD_LIBRARY_PATH": libraries, "OPENSSL_CONF": folder + "/openssl.cnf", "LC_ALL": "C"}
NOBODY = 65534


def size():
    """What became of the upload, which is removed."""
    for _ in range(20):
        if os.path.exists("home/file"):
            break
        time.sleep(0.1)
    else:
        return "nothing on the server"
    bytes_there = os.path.getsize("home/file")
    os.remove("home/file")
    return f"{bytes_there} bytes on the server"


def by_ftplib(port):
    context = ssl.create_default_context(cafile="certificate.pem")
    with ftplib.FTP_TLS(context=context) as ftp:
        ftp.connect("localhost", port, 20)
        ftp.login("user", "secret")
        ftp.prot_p()
        ticket = "a ticket" if ftp.sock.session.has_ticket else "no ticket"
        with open("payload", "rb") as file:
            reply = ftp.storbinary("STOR file", file)
    return ticket, f"{reply[:3]}, {size()}"


def by_php(port):
    options = ["-n", "-d", "display_errors=stderr", "-d", f"extension_dir={extensions}", "-d", "extension=ftp"]
    ended = subprocess.run(
        [folder + "/unpacked/usr/bin/php8.2", *options, "put.php", str(port)],
        env={"LD_LIBRARY_PATH": libraries, "LC_ALL": "C"}, capture_output=True, text=True, timeout=60,
    )
    warnings = re.findall(r"ftp_put\(\): (.*) in \S+ on line", ended.stderr)
    return [f"{ended.stdout.strip()}, {size()}", *warnings]


extensions = folder + "/unpacked/usr/lib/php/20220829"
os.mkdir("home")
os.chown("home", NOBODY, NOBODY)
os.chmod(folder, 0o711)
with open("payload", "w", encoding="ascii") as file:
    file.write("hello\n")
PASSWORDS = ["-f", folder + "/passwords"]
account = ["useradd", "user", "-u", str(NOBODY), "-g", str(NOBODY), "-d", folder + "/home", *PASSWORDS]
for words in (account, ["mkdb", folder + "/database", *PASSWORDS]):
    subprocess.run(
        ["unpacked/usr/bin/pure-pw", *words], input="secret\nsecret\n", env=environment, check=True,
        stdout=subprocess.DEVNULL, text=True, timeout=20,
    )
for version in ("TLSv1.2", "TLSv1.3"):
    with open("openssl.cnf", "w", encoding="ascii") as file:
        file.write("openssl_conf = own\n[own]\nssl_conf = ssl\n[ssl]\nsystem_default = tls\n")
        file.write(f"[tls]\nMinProtocol = {version}\nMaxProtocol = {version}\n")
    with socket.create_server(("127.0.0.1", 0)) as free:
        place = free.getsockname()[1]
    server = subprocess.Popen(
        ["unpacked/usr/sbin/pure-ftpd", "-S", f"127.0.0.1,{place}", "-l", f"puredb:{folder}/database", "-E", "-H"]
        + ["-Y", "2", "-2", folder + "/both.pem", "-g", folder + "/pid"],
        env=environment, stdin=subprocess.DEVNULL,
    )
    try:
        for _ in range(100):
            try:
                socket.create_connection(("127.0.0.1", place)).close()
                break
            except OSError:
                time.sleep(0.1)
        ticket, delivered = by_ftplib(place)
        print(f"{version.replace('v', ' ')}: the session of the control connection has {ticket}")
        print(f"  ftplib: {delivered}")
        put, *warnings = by_php(place)
        print(f"  PHP: {put}", *(f"    {warning}" for warning in warnings), sep="\n")
    finally:
        server.terminate()
        server.wait(20)
PYTHON

libraries=$folder/unpacked/usr/lib/x86_64-linux-gnu:$folder/unpacked/lib/x86_64-linux-gnu
timeout 300 python3 look.py "$folder" "$libraries" >seen
cat seen

if [ "$(cat seen)" != "$expected" ]; then
    printf 'the behaviour has changed; expected was:\n%s\n' "$expected" >&2
    exit 1
fi
