#!/usr/bin/env bash
# Erlang's ftp looks in the server's certificate for the IP address, although it was given the host's name.
#
# Behaviour. ftp:open("localhost", ...) with {verify, verify_peer} and the right CA refuses a good certificate for that
# very name: hostname_check_failed. The module looks the name up, connects, and after AUTH TLS hands ssl:connect/3 a
# socket; of a name ssl knows nothing then and takes the address of the socket's other end. Newer releases say so
# ("requested,{127,0,0,1}"), OTP 25 does not. The name has to be given again, as {server_name_indication, "localhost"}
# among the tls options; or the certificate has the address beside the name. Without SNI the name is not in the
# ClientHello either, so that a server with several certificates shows its first.
# What follows: "wrong host name" where every other client is content, and verify_none as the cure that is at hand.
#
# The guess. A client that is called with a name checks the certificate against that name, as ssl:connect/3 does that
# is called with a name.
#
# Versions. Debian 12's erlang-ftp and erlang-ssl 1:25.2.3+dfsg-1+deb12u4 (OTP 25, ftp 1.1.3, ssl 10.8.7). Debian 13's
# OTP 27 and the unstable release's OTP 29 were seen to refuse the same. The server is a page of Python (seen: 3.11.7).
# Source. The manual page ssl(3erl), server_name_indication, of connections that are upgraded from TCP; observed by this
# script on 2026-11-30:
#
#   ftp, certificate for the name: hostname_check_failed; SNI: none
#   ftp, certificate for the name, the name as SNI as well: ok; SNI: localhost
#   ftp, certificate for the name and the address: ok; SNI: none
#   ssl:connect("localhost"), certificate for the name: ok; SNI: localhost
#
# It needs Debian 12 with apt, dpkg-deb, openssl and python3 (nothing is installed into the system).
# Exit status: 0 the behaviour is as described, 1 it has changed, 3 a program or a package cannot be had.
set -euo pipefail

expected='ftp, certificate for the name: hostname_check_failed; SNI: none
ftp, certificate for the name, the name as SNI as well: ok; SNI: localhost
ftp, certificate for the name and the address: ok; SNI: none
ssl:connect("localhost"), certificate for the name: ok; SNI: localhost'

cannot() {
    echo "$1" >&2
    exit 3
}

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
for needed in apt-get dpkg-deb openssl python3; do
    command -v "$needed" >/dev/null || cannot "no $needed here"
done

# An apt of its own, which downloads the packages and what the machine lacks of their libraries.
mirror=$(apt-get indextargets --format '$(CODENAME) $(COMPONENT) $(REPO_URI)' |
    awk '$1 == "bookworm" && $2 == "main" { print $3; exit }')
[ -n "$mirror" ] || cannot "apt names no mirror of Debian 12"
mkdir -p "$folder"/apt/{lists/partial,archives/partial}
{
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror bookworm main"
    apt-get indextargets --format '$(CODENAME) $(COMPONENT) $(REPO_URI) $(SUITE)' |
        awk '$1 == "bookworm-security" && $2 == "main" { print "deb", $3, $1, $2; exit }'
} >"$folder/apt/sources.list"
own=(-o "Dir::Etc::SourceList=$folder/apt/sources.list" -o Dir::Etc::SourceParts=/nonexistent
    -o "Dir::State::Lists=$folder/apt/lists" -o "Dir::Cache=$folder/apt" -o APT::Sandbox::User=root
    -o Debug::NoLocking=1)
timeout 300 apt-get "${own[@]}" update >"$folder/log" 2>&1 || cannot "$(tail -n 3 "$folder/log")"
version='1:25.2.3+dfsg-1+deb12u4'
packages=()
for name in base crypto asn1 public-key runtime-tools ssl ftp; do packages+=("erlang-$name=$version"); done
timeout 300 apt-get "${own[@]}" install --yes --no-install-recommends --download-only --reinstall --allow-downgrades \
    "${packages[@]}" >"$folder/log" 2>&1 || cannot "$(tail -n 3 "$folder/log")"
for package in "$folder"/apt/archives/*.deb; do
    dpkg-deb -x "$package" "$folder/unpacked"
done
erlang=$folder/unpacked/usr/lib/erlang
binaries=$(echo "$erlang"/erts-*/bin)

cd "$folder"
certificate() { # FILE NAMES: from a CA of its own
    openssl req -newkey rsa:2048 -nodes -subj /CN=server -keyout "$1.key" -out request.pem &&
        openssl x509 -req -in request.pem -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -out "$1.pem" \
            -extfile <(echo "subjectAltName=$2")
}
{
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=an authority" -keyout ca.key -out ca.pem &&
        certificate name DNS:localhost && certificate both DNS:localhost,IP:127.0.0.1
} 2>log || cannot "$(tail -n 3 log)"

cat >serve.py <<'PYTHON'
"""Sessions of TLS, behind AUTH TLS unless it is at once; which name the ClientHello has is kept in the file `sni`."""
import socket
import ssl
import sys

certificate, how = sys.argv[1:]


def named(_socket, name, _context):
    with open("sni", "w", encoding="ascii") as file:
        file.write(name or "none")


context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(f"{certificate}.pem", f"{certificate}.key")
context.sni_callback = named
with socket.create_server(("127.0.0.1", 0)) as listening:
    listening.settimeout(120)
    with open("port", "w", encoding="ascii") as file:
        file.write(f"{listening.getsockname()[1]}\n")
    connection = listening.accept()[0]
    connection.settimeout(20)
    if how == "ftp":
        connection.sendall(b"220 ready\r\n")
        while not connection.recv(4096).startswith(b"AUTH"):
            connection.sendall(b"502 not here\r\n")
        connection.sendall(b"234 go ahead\r\n")
    try:
        with context.wrap_socket(connection, server_side=True) as secured:
            while secured.recv(4096):
                secured.sendall(b"200 done\r\n")
    except OSError:
        pass
PYTHON

cat >connect.erl <<'ERLANG'
-module(connect).
-export([ftp/2, tls/1]).

options() -> [{verify, verify_peer}, {cacertfile, "ca.pem"}].

ftp(Port, More) ->
    start(ftp),
    said(ftp:open("localhost", [{port, Port}, {timeout, 20000}, {tls, options() ++ More}])).

tls(Port) ->
    start(ssl),
    said(ssl:connect("localhost", Port, options(), 20000)).

start(Application) ->
    logger:set_primary_config(level, none),
    {ok, _} = application:ensure_all_started(Application),
    {ok, _} = application:ensure_all_started(ssl).

said({ok, _}) -> io:format("ok"), halt(0);
said(Refusal) -> io:format("~0p", [Refusal]), halt(0).
ERLANG

erl() { # EXPRESSION
    ROOTDIR=$erlang BINDIR=$binaries EMU=beam PROGNAME=erl HOME=$folder \
        LD_LIBRARY_PATH=$folder/unpacked/usr/lib/x86_64-linux-gnu:$folder/unpacked/lib/x86_64-linux-gnu \
        timeout 60 "$binaries/erlexec" -noshell -eval "$1" 2>>log
}
erl '{ok, _} = compile:file("connect"), halt(0).' || cannot "$(tail -n 3 log)"

try_it() { # WORDS CERTIFICATE HOW EXPRESSION
    rm -f port sni
    timeout 60 python3 serve.py "$2" "$3" >server.log 2>&1 &
    server=$!
    for _ in $(seq 100); do [ -s port ] && break; sleep 0.05; done
    [ -s port ] || cannot "$(tail -n 3 server.log)"
    local said
    said=$(erl "${4/PORT/$(cat port)}.") || said="ended with $?"
    kill "$server" 2>/dev/null || :
    wait "$server" 2>/dev/null || :
    case $said in *hostname_check_failed*) said=hostname_check_failed ;; esac
    echo "$1: $said; SNI: $(cat sni 2>/dev/null || echo "not seen")"
}

seen=$(
    try_it "ftp, certificate for the name" name ftp 'connect:ftp(PORT, [])'
    try_it "ftp, certificate for the name, the name as SNI as well" name ftp \
        'connect:ftp(PORT, [{server_name_indication, "localhost"}])'
    try_it "ftp, certificate for the name and the address" both ftp 'connect:ftp(PORT, [])'
    try_it 'ssl:connect("localhost"), certificate for the name' name tls 'connect:tls(PORT)'
)
echo "$seen"
[ "$seen" = "$expected" ] || { echo "expected:"; echo "$expected"; exit 1; }
