#!/usr/bin/env bash
# With `Timeout => 1` a handshake of 0.4 s completes or times out: it depends on when in a second it begins.
#
# Behaviour. IO::Socket::SSL waits for the server again and again until a handshake is over, and takes off what has
# passed from the time that is left. It reads the time in whole seconds. A handshake in which the clock turns to the
# next second has used up a whole second, however short it was: with a limit of one second nothing is left, and it
# ends with "Connection timed out" (ETIMEDOUT) as soon as it would have to wait once more. Begun early in a second, the
# same handshake completes. A limit of N seconds is one of N - 1 to N.
# What follows: of uploads by Net::FTP with `Timeout => 1`, as many fail as a handshake takes of a second, in AUTH TLS
# or at any data connection, on a network and with servers that nothing is wrong with; the error names a time limit
# that has not passed. From two seconds on there is at least one left.
#
# The guess. `Timeout` is a time: what takes 0.4 s is within a limit of one second; and who fails by it has waited for
# a second.
#
# Versions. Debian 12's perl 5.36 with libio-socket-ssl-perl 2.081-2 and libnet-ssleay-perl 1.92-2+b1; the server is
# Python's own ssl module (seen: 3.11.7 on OpenSSL 3.0.19), behind a relay of 0.1 s each way. 2.089 of Debian 13 has the
# same lines.
# Source. IO::Socket::SSL's lib/IO/Socket/SSL.pm, connect_SSL(): time() is Perl's own; observed by this script on
# 2026-12-01:
#
#   Timeout => 1, begun 0.05 s into a second: completed
#   Timeout => 1, begun 0.85 s into a second: Connection timed out, before 0.6 s had passed
#   Timeout => 2, begun 0.85 s into a second: completed
#
# It needs Debian 12 with perl, python3, openssl and apt (nothing is installed into the system). Exit status: 0 the
# behaviour is as described, 1 it has changed, 3 the packages cannot be had.
set -euo pipefail

expected='Timeout => 1, begun 0.05 s into a second: completed
Timeout => 1, begun 0.85 s into a second: Connection timed out, before 0.6 s had passed
Timeout => 2, begun 0.85 s into a second: completed'

cannot() {
    echo "$1" >&2
    exit 3
}

folder=$(mktemp -d)
server=
# shellcheck disable=SC2064 # the folder is known, the server is not yet
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || :; rm -rf "'"$folder"'"' EXIT

[ "$(perl -e 'printf "%vd", $^V' | cut -d. -f1,2)" = 5.36 ] || cannot "this needs perl 5.36, that of Debian 12"

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
    --allow-downgrades libio-socket-ssl-perl=2.081-2 libnet-ssleay-perl=1.92-2+b1 >"$folder/log" 2>&1 ||
    cannot "$(tail -n 3 "$folder/log")"
for package in "$folder"/apt/archives/*.deb; do
    dpkg-deb -x "$package" "$folder/unpacked"
done
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost \
    -keyout "$folder/key.pem" -out "$folder/certificate.pem" 2>"$folder/log" || cannot "$(tail -n 3 "$folder/log")"

cat >"$folder/server.py" <<'PYTHON'
"""A TLS 1.2 server behind a relay that keeps each piece for 0.1 s."""
import socket
import ssl
import sys
import threading
import time

folder = sys.argv[1]
DELAY_S = 0.1


def serve(peer):
    try:
        with context.wrap_socket(peer, server_side=True) as tls:
            tls.recv(1)
    except OSError:
        peer.close()


def pass_on(source, target):
    try:
        while data := source.recv(65536):
            time.sleep(DELAY_S)
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass


context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(folder + "/certificate.pem", folder + "/key.pem")
context.maximum_version = ssl.TLSVersion.TLSv1_2
listener = socket.create_server(("127.0.0.1", 0))
with open(folder + "/port", "w", encoding="ascii") as file:
    file.write(f"{listener.getsockname()[1]}\n")
while True:
    client, _ = listener.accept()
    near, far = socket.socketpair()
    for work in (lambda: serve(far), lambda: pass_on(client, near), lambda: pass_on(near, client)):
        threading.Thread(target=work, daemon=True).start()
PYTHON

cat >"$folder/client.pl" <<'PERL'
# A handshake that begins so many hundredths into a second.
use strict;
use warnings;
use IO::Socket::INET;
use IO::Socket::SSL;
use Time::HiRes qw(sleep time);

my ($port, $ca, $timeout, $into) = @ARGV;
my $into_s = $into / 100;
my $socket = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port") or die $@;
my $now = time;
sleep(1 + int($now) + $into_s - $now);
my $began = time;
my $done = IO::Socket::SSL->start_SSL(
    $socket,
    SSL_ca_file => $ca,
    SSL_hostname => 'localhost',
    SSL_verifycn_name => 'localhost',
    Timeout => $timeout,
);
my $error = $done ? '' : "$!";
my $took = time - $began;
printf "Timeout => %d, begun %.2f s into a second: %s\n", $timeout, $into_s,
    $done ? 'completed' : $error . ($took < 0.6 ? ', before 0.6 s had passed' : ", after $took s");
PERL

timeout 120 python3 "$folder/server.py" "$folder" 2>"$folder/log" &
server=$!
for _ in $(seq 100); do
    [ ! -s "$folder/port" ] || break
    sleep 0.1
done
[ -s "$folder/port" ] || cannot "the server did not start: $(tail -n 1 "$folder/log")"
for begun in "1 5" "1 85" "2 85"; do
    # shellcheck disable=SC2086 # two words
    LC_ALL=C PERL5LIB="$folder/unpacked/usr/share/perl5:$folder/unpacked/usr/lib/x86_64-linux-gnu/perl5/5.36" \
        timeout 30 perl "$folder/client.pl" "$(cat "$folder/port")" "$folder/certificate.pem" $begun
done >"$folder/seen"
cat "$folder/seen"

if [ "$(cat "$folder/seen")" != "$expected" ]; then
    printf 'the behaviour has changed; expected was:\n%s\n' "$expected" >&2
    exit 1
fi
