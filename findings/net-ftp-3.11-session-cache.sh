#!/usr/bin/env bash
# An upload dies in Perl when an older Net::FTP meets a newer IO::Socket::SSL over TLS 1.3.
#
# Behaviour. Net::FTP 3.11 (perl 5.32, Debian 11) gives IO::Socket::SSL a session cache of its own, which has
# no method del_session. IO::Socket::SSL 2.081 calls that method when a session of TLS 1.3 is dropped: the
# control connection and the login are fine, and the upload dies with an error of Perl itself. Over TLS 1.2
# the same upload is delivered.
#
# The guess. Net::FTP asks only for "IO::Socket::SSL 2.007 or newer", so any newer one will do; and if TLS is at
# fault, the message speaks of TLS.
#
# Versions. Debian's packages perl-modules-5.32 5.32.1-4+deb11u3 (Net::FTP 3.11), libio-socket-ssl-perl 2.081-2
# and libnet-ssleay-perl 1.92-2+b1, on the perl 5.36 of Debian 12; the server is PyPI's pyftpdlib 2.2.0 with
# pyOpenSSL 26.4.0 and cryptography 50.0.2.
# Source. Net/FTP.pm 3.11 (package Net::FTP::_SSL_SingleSessionCache), IO/Socket/SSL.pm 2.081; observed by this
# script on 2026-11-29:
#
#   TLSv1_2: delivered, 6 bytes
#   TLSv1_3: Can't locate object method "del_session" via package "Net::FTP::_SSL_SingleSessionCache"
#
# It needs Debian 12 with perl, python3 with venv, openssl and apt (nothing is installed into the system).
# Exit status: 0 the behaviour is as described, 1 it has changed, 3 the packages cannot be had.
set -euo pipefail

expected='TLSv1_2: delivered, 6 bytes
TLSv1_3: Can'"'"'t locate object method "del_session" via package "Net::FTP::_SSL_SingleSessionCache"'

cannot() {
    echo "$1" >&2
    exit 3
}

folder=$(mktemp -d)
server=
# shellcheck disable=SC2064 # the folder is known, the server is not yet
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || :; rm -rf "'"$folder"'"' EXIT

[ "$(perl -e 'printf "%vd", $^V' | cut -d. -f1,2)" = 5.36 ] || cannot "this needs perl 5.36, that of Debian 12"

# An apt of its own: the mirror is the machine's, for one release more.
mirror=$(apt-get indextargets --format '$(CODENAME) $(COMPONENT) $(REPO_URI)' |
    awk '$1 == "bookworm" && $2 == "main" { print $3; exit }')
[ -n "$mirror" ] || cannot "apt names no mirror of Debian 12"
mkdir -p "$folder"/apt/{lists/partial,archives/partial} "$folder/packages" "$folder/perl"
for release in bullseye bookworm; do
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg check-valid-until=no] $mirror $release main"
done >"$folder/apt/sources.list"
own=(-o "Dir::Etc::SourceList=$folder/apt/sources.list" -o Dir::Etc::SourceParts=/nonexistent
    -o "Dir::State::Lists=$folder/apt/lists" -o "Dir::Cache=$folder/apt" -o APT::Sandbox::User=root)
timeout 300 apt-get "${own[@]}" update >"$folder/log" 2>&1 || cannot "$(tail -n 3 "$folder/log")"
(cd "$folder/packages" && timeout 300 apt-get "${own[@]}" download perl-modules-5.32=5.32.1-4+deb11u3 \
    libio-socket-ssl-perl=2.081-2 libnet-ssleay-perl=1.92-2+b1) >"$folder/log" 2>&1 ||
    cannot "$(tail -n 3 "$folder/log")"
for package in "$folder"/packages/*.deb; do
    dpkg-deb -x "$package" "$folder/unpacked"
done
# Of perl 5.32 only the modules of libnet.
mkdir "$folder/perl/Net"
cp "$folder"/unpacked/usr/share/perl/5.32.*/Net/{FTP.pm,FTP,Cmd.pm,Config.pm,Netrc.pm,Domain.pm} "$folder/perl/Net" -r

python3 -m venv "$folder/venv"
timeout 300 "$folder/venv/bin/pip" --quiet --disable-pip-version-check install pyftpdlib==2.2.0 \
    pyOpenSSL==26.4.0 cryptography==50.0.2 2>"$folder/log" || cannot "$(tail -n 3 "$folder/log")"
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost \
    -keyout "$folder/key.pem" -out "$folder/certificate.pem" 2>/dev/null
mkdir "$folder/uploads"
cat >"$folder/server.py" <<'PYTHON'
import sys

from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import TLS_FTPHandler
from pyftpdlib.servers import FTPServer

folder = sys.argv[1]
authorizer = DummyAuthorizer()
authorizer.add_user("user", "secret", folder + "/uploads", perm="elradfmw")
handler = TLS_FTPHandler
handler.certfile, handler.keyfile = folder + "/certificate.pem", folder + "/key.pem"
handler.authorizer = authorizer
server = FTPServer(("127.0.0.1", 0), handler)
with open(folder + "/port", "w", encoding="ascii") as file:
    file.write(str(server.socket.getsockname()[1]) + "\n")
server.serve_forever()
PYTHON
timeout 120 "$folder/venv/bin/python" -W ignore "$folder/server.py" "$folder" 2>"$folder/server.log" &
server=$!
for _ in $(seq 100); do
    [ -s "$folder/port" ] && break
    sleep 0.1
done
[ -s "$folder/port" ] || cannot "the server did not start: $(tail -n 1 "$folder/server.log")"

cat >"$folder/upload.pl" <<'PERL'
use strict; use warnings;
use Net::FTP;
my ($folder, $port, $version) = @ARGV;
my $ftp = Net::FTP->new('localhost', Port => $port, Passive => 1, Timeout => 10,
    SSL_ca_file => "$folder/certificate.pem", SSL_version => $version) or die "no connection: $@";
$ftp->starttls or die 'no TLS: ' . $ftp->message;
$ftp->login('user', 'secret') or die 'no login: ' . $ftp->message;
$ftp->binary;
my $delivered = eval { $ftp->put("$folder/file", "$version.txt") };
my $died = $@;
if ($died) { $died =~ s/ at .*//s; print "$version: $died\n"; exit }
print $delivered ? "$version: delivered, " . (-s "$folder/uploads/$version.txt") . " bytes\n"
    : "$version: " . $ftp->message;
PERL
printf 'hello\n' >"$folder/file"
export PERL5LIB="$folder/perl:$folder/unpacked/usr/share/perl5:$folder/unpacked/usr/lib/x86_64-linux-gnu/perl5/5.36"
for version in TLSv1_2 TLSv1_3; do
    timeout 60 perl "$folder/upload.pl" "$folder" "$(cat "$folder/port")" "$version" 2>&1
done | tee "$folder/seen"

if [ "$(cat "$folder/seen")" != "$expected" ]; then
    printf 'the behaviour has changed; expected was:\n%s\n' "$expected" >&2
    exit 1
fi
