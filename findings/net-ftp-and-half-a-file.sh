#!/usr/bin/env bash
# Over TLS 1.3 pyftpdlib answers 226 to an upload of which half is missing, and Net::FTP's put returns true.
#
# Behaviour. Over TLS 1.3 the server sends session tickets on the data connection. Net::FTP only writes there and never
# reads, and ends with close(): with tickets unread the system does not send FIN but a reset, and what the server has
# received and not read yet is thrown away. pyftpdlib takes a reset for the end of the file, as it takes an end without
# close_notify: "completed=1" in its log, 226 to the client. A file of 1 MiB is sometimes whole, one of 4 MiB hardly
# ever. Over TLS 1.2, with no tickets behind the handshake, and with ftplib, which waits for the server's goodbye, the
# files are whole.
# What follows: the exit status, the reply and both logs say that the file is there; only its size says that it is not.
# vsftpd answers 426 to the same end.
#
# The guess. 226 is said of a file that has arrived: the client has written all of it before it closes, TCP delivers
# what was written, or else there is an error at one of the ends.
#
# Versions. Net::FTP 3.14 of Debian 12's perl 5.36 with Debian's libio-socket-ssl-perl 2.081-2 and libnet-ssleay-perl
# 1.92-2+b1; the server is PyPI's pyftpdlib 2.2.0 with pyOpenSSL 26.4.0 and cryptography 50.0.2. ftplib is the machine's
# (seen: 3.11.7). Ruby's Net::FTP (3.1.2 and 3.3.8) was seen to be told the same.
# Source. RFC 2525, section 2.17 (a reset for data unread); pyftpdlib's handlers/ftps/ssl.py, recv(); observed by this
# script on 2026-11-30:
#
#   TLS 1.2: Net::FTP: put returned true, 226, 3 times of 3; whole: all
#   TLS 1.2: ftplib: 226, 3 times of 3; whole: all
#   TLS 1.3: Net::FTP: put returned true, 226, 3 times of 3; whole: not all
#   TLS 1.3: ftplib: 226, 3 times of 3; whole: all
#
# It needs Debian 12 with perl, python3 with venv, openssl and apt (nothing is installed into the system).
# Exit status: 0 the behaviour is as described, 1 it has changed, 3 the packages cannot be had.
set -euo pipefail

expected='TLS 1.2: Net::FTP: put returned true, 226, 3 times of 3; whole: all
TLS 1.2: ftplib: 226, 3 times of 3; whole: all
TLS 1.3: Net::FTP: put returned true, 226, 3 times of 3; whole: not all
TLS 1.3: ftplib: 226, 3 times of 3; whole: all'

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
python3 -m venv "$folder/venv"
timeout 300 "$folder/venv/bin/pip" --quiet --disable-pip-version-check install pyftpdlib==2.2.0 pyOpenSSL==26.4.0 \
    cryptography==50.0.2 2>"$folder/log" || cannot "$(tail -n 3 "$folder/log")"

cd "$folder"
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost \
    -keyout key.pem -out certificate.pem 2>log || cannot "$(tail -n 3 log)"
mkdir uploads
size=$((4 * 1024 * 1024))
head -c "$size" /dev/zero >payload

cat >server.py <<'PYTHON'
from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import TLS_FTPHandler
from pyftpdlib.servers import FTPServer

authorizer = DummyAuthorizer()
authorizer.add_user("user", "secret", "uploads", perm="elradfmw")
handler = TLS_FTPHandler
handler.certfile, handler.keyfile = "certificate.pem", "key.pem"
handler.authorizer = authorizer
server = FTPServer(("127.0.0.1", 0), handler)
with open("port", "w", encoding="ascii") as file:
    file.write(f"{server.socket.getsockname()[1]}\n")
server.serve_forever()
PYTHON

cat >put.pl <<'PERL'
use strict;
use warnings;
use Net::FTP;

my ($port, $version, $name) = @ARGV;
my $ftp = Net::FTP->new('localhost', Port => $port, Passive => 1, Timeout => 30, SSL_ca_file => 'certificate.pem',
    SSL_version => $version) or die $@;
$ftp->starttls && $ftp->login('user', 'secret') && $ftp->binary or die $ftp->message;
my $done = $ftp->put('payload', $name);
print $done ? 'put returned true' : 'put returned false', ', ', $ftp->code, "\n";
PERL

cat >put.py <<'PYTHON'
import ftplib
import ssl
import sys

port, version, name = sys.argv[1:]
context = ssl.create_default_context(cafile="certificate.pem")
context.minimum_version = context.maximum_version = ssl.TLSVersion[version]
with ftplib.FTP_TLS(context=context) as ftp, open("payload", "rb") as file:
    ftp.connect("localhost", int(port), 30)
    ftp.login("user", "secret")
    ftp.prot_p()
    print(ftp.storbinary(f"STOR {name}", file)[:3])
PYTHON

export PERL5LIB="$folder/unpacked/usr/share/perl5:$folder/unpacked/usr/lib/x86_64-linux-gnu/perl5/5.36"
timeout 300 venv/bin/python -W ignore server.py 2>log &
server=$!
for _ in $(seq 100); do
    [ -s port ] && break
    sleep 0.1
done
[ -s port ] || cannot "the server did not start: $(tail -n 1 log)"

look() { # label, version, command
    label=$1 version=$2
    shift 2
    : >answers
    whole=0
    for number in 1 2 3; do
        timeout 60 "$@" "$(cat port)" "$version" "$number" >>answers
        # The server has answered, and so it has closed the file.
        if [ "$(stat -c %s "uploads/$number")" = "$size" ]; then
            whole=$((whole + 1))
        fi
        rm "uploads/$number"
    done
    sort answers | uniq -c | sed "s/^ *\([0-9]*\) \(.*\)/$label: \2, \1 times of 3; whole: $(
        [ "$whole" = 3 ] && echo all || echo not all)/"
}

{
    for minor in 2 3; do
        look "TLS 1.$minor: Net::FTP" "TLSv1_$minor" perl put.pl
        look "TLS 1.$minor: ftplib" "TLSv1_$minor" python3 put.py
    done
} >seen
cat seen

if [ "$(cat seen)" != "$expected" ]; then
    printf 'the behaviour has changed; expected was:\n%s\n' "$expected" >&2
    exit 1
fi
