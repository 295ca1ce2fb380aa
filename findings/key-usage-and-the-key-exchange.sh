#!/usr/bin/env bash
# A certificate whose RSA key may encipher keys and nothing else: lftp refuses it, and wget, on the same library, not.
#
# Behaviour. The server's certificate has keyUsage = keyEncipherment alone, as recipes from the days of the RSA key
# exchange write it. Over TLS 1.3, and in every suite of TLS 1.2 with ECDHE, the server signs with that key, which is
# what digitalSignature would allow. OpenSSL's clients do not look: they connect. GnuTLS looks, and lftp refuses with
# "Key usage violation in certificate has been detected"; wget has switched that off, by the word %COMPAT in its default
# priorities. BoringSSL (Chromium) refuses with KEY_USAGE_BIT_INCORRECT. Where the server has the RSA key exchange
# alone, all of them connect. The server does not look either: it starts.
# What follows: the certificate has served for years, and clients are lost one by one on the day the server learns
# TLS 1.3 or ECDHE; of BoringSSL's refusal the server reads alert 47, illegal parameter, and of lftp's none.
#
# The guess. A key usage that forbids what the key is used for is refused by everybody, or by nobody; what one program
# refuses, another on the same TLS library refuses too; and a certificate is good for a client or is not, whatever the
# version.
#
# Versions. Debian 12's lftp 4.9.2-2+b1 and wget 1.21.3-1+deb12u1 with libgnutls30 3.7.9-2+deb12u7, PyPI's curl_cffi
# 0.17.0 (libcurl on BoringSSL), and the machine's openssl command line (seen: 3.0.19). Node 24.19, curl 7.88.1, Deno
# 2.9.8 (rustls) and a program built with Go 1.27.3 were seen to connect; OpenJDK 17.0.15 to refuse: "KeyUsage does not
# allow digital signatures".
# Source. RFC 8446, section 4.4.2.2 ("MUST allow"); wget's src/gnutls.c, set_prio_default(); GnuTLS's manual, section
# Priority Strings (%COMPAT); BoringSSL's ssl/ssl_cert.cc, ssl_cert_check_key_usage(); observed by this script on
# 2026-11-30:
#
#   keyEncipherment, TLS 1.3: openssl connects, wget connects, lftp refuses, curl_cffi refuses
#     lftp: gnutls_handshake: Key usage violation in certificate has been detected.
#     curl_cffi: KEY_USAGE_BIT_INCORRECT
#   keyEncipherment, TLS 1.2 with RSA key exchange: openssl connects, wget connects, lftp connects, curl_cffi connects
#   digitalSignature, TLS 1.3: openssl connects, wget connects, lftp connects, curl_cffi connects
#
# It needs Debian 12 with python3 with venv, openssl and apt (nothing is installed into the system). Exit status: 0 the
# behaviour is as described, 1 it has changed, 3 the packages cannot be had.
set -euo pipefail

expected='keyEncipherment, TLS 1.3: openssl connects, wget connects, lftp refuses, curl_cffi refuses
  lftp: gnutls_handshake: Key usage violation in certificate has been detected.
  curl_cffi: KEY_USAGE_BIT_INCORRECT
keyEncipherment, TLS 1.2 with RSA key exchange: openssl connects, wget connects, lftp connects, curl_cffi connects
digitalSignature, TLS 1.3: openssl connects, wget connects, lftp connects, curl_cffi connects'

cannot() {
    echo "$1" >&2
    exit 3
}

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

python3 -m venv "$folder/venv"
timeout 300 "$folder/venv/bin/pip" --quiet --disable-pip-version-check install --only-binary :all: \
    curl_cffi==0.17.0 2>"$folder/log" || cannot "$(tail -n 3 "$folder/log")"
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
    --allow-downgrades lftp=4.9.2-2+b1 wget=1.21.3-1+deb12u1 libgnutls30=3.7.9-2+deb12u7 >"$folder/log" 2>&1 ||
    cannot "$(tail -n 3 "$folder/log")"
for package in "$folder"/apt/archives/*.deb; do
    dpkg-deb -x "$package" "$folder/unpacked"
done

cd "$folder"
{
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=root -keyout root.key -out root.pem
    for usage in keyEncipherment digitalSignature; do
        openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -CA root.pem -CAkey root.key \
            -addext basicConstraints=critical,CA:FALSE -addext subjectAltName=DNS:localhost \
            -addext "keyUsage=critical,$usage" -keyout "$usage.key" -out "$usage.pem"
    done
} 2>log || cannot "$(tail -n 3 log)"

cat >look.py <<'PYTHON'
"""A server with one of the certificates, and four clients on three TLS libraries."""
import re
import socket
import ssl
import subprocess
import sys
import threading

from curl_cffi import Curl, CurlError, CurlOpt

PAGE = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


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
                    tls.sendall(PAGE)
        except OSError:
            connection.close()


def run(command, environment=None):
    return subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60
    )


def by_openssl(port):
    place = ["-connect", f"127.0.0.1:{port}", "-servername", "localhost", "-verify_hostname", "localhost"]
    return run(["openssl", "s_client", *place, "-CAfile", "root.pem", "-verify_return_error"]).returncode == 0, ""


def by_wget(port):
    options = ["--no-config", "--no-proxy", "--no-hsts", "--tries=1", "--output-document=-"]
    options.append("--ca-certificate=root.pem")
    environment = {"LD_LIBRARY_PATH": sys.argv[1], "LC_ALL": "C"}
    ended = run(["unpacked/usr/bin/wget", *options, f"https://localhost:{port}/"], environment)
    return ended.returncode == 0, "".join(re.findall(r"GnuTLS: (.*)", ended.stderr))


def by_lftp(port):
    settings = "set net:max-retries 1; set cmd:fail-exit yes; set ssl:ca-file root.pem"
    environment = {"LD_LIBRARY_PATH": sys.argv[1], "LC_ALL": "C", "HOME": sys.argv[2]}
    command = ["unpacked/usr/bin/lftp", "-c", f"{settings}; open https://localhost:{port}; cat /"]
    ended = run(command, environment)
    return ended.returncode == 0, "".join(re.findall(r"Fatal error: (.*)", ended.stderr))


def by_curl_cffi(port):
    curl = Curl()
    curl.setopt(CurlOpt.URL, f"https://localhost:{port}/".encode("ascii"))
    curl.setopt(CurlOpt.RESOLVE, [f"localhost:{port}:127.0.0.1"])
    curl.setopt(CurlOpt.PROXY, b"")
    curl.setopt(CurlOpt.CAINFO, b"root.pem")
    curl.setopt(CurlOpt.TIMEOUT, 20)
    try:
        curl.perform()
    except CurlError as error:
        return False, "".join(re.findall(r"OPENSSL_internal:(\w+)", str(error)))
    finally:
        curl.close()
    return True, ""


CLIENTS = {"openssl": by_openssl, "wget": by_wget, "lftp": by_lftp, "curl_cffi": by_curl_cffi}


def look(usage, how, version, suites=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(usage + ".pem", usage + ".key")
    context.minimum_version = context.maximum_version = version
    if suites:
        context.set_ciphers(suites)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=serve, args=(listening, context), daemon=True).start()
        tried = {name: client(listening.getsockname()[1]) for name, client in CLIENTS.items()}
    said = [f"{name} {'connects' if connects else 'refuses'}" for name, (connects, _) in tried.items()]
    print(f"{usage}, {how}: {', '.join(said)}")
    for name, (_, words) in tried.items():
        if words:
            print(f"  {name}: {words}")


look("keyEncipherment", "TLS 1.3", ssl.TLSVersion.TLSv1_3)
look("keyEncipherment", "TLS 1.2 with RSA key exchange", ssl.TLSVersion.TLSv1_2, "AES128-GCM-SHA256")
look("digitalSignature", "TLS 1.3", ssl.TLSVersion.TLSv1_3)
PYTHON

libraries=$folder/unpacked/usr/lib/x86_64-linux-gnu:$folder/unpacked/lib/x86_64-linux-gnu
timeout 300 venv/bin/python -W ignore look.py "$libraries" "$folder" >seen
cat seen

if [ "$(cat seen)" != "$expected" ]; then
    printf 'the behaviour has changed; expected was:\n%s\n' "$expected" >&2
    exit 1
fi
