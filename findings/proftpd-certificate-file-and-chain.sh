#!/usr/bin/env bash
# ProFTPD reads one certificate from TLSRSACertificateFile: an intermediate that follows in the file is not sent.
#
# Behaviour. Given a file with the server's certificate and the intermediate that issued it, in that order,
# ProFTPD sends the first and drops the second, without a word in either log. Clients that know the root alone
# refuse. The same file, named once more as TLSCertificateChainFile, is sent whole and no certificate twice; so
# is the intermediate out of TLSCACertificateFile, which is there for clients' certificates: OpenSSL completes
# the chain from what the server trusts. vsftpd sends the very file as it is.
# What follows: "fullchain.pem" where a certificate is asked for does not make a full chain here, and whether a
# server without a chain file is complete depends on a setting about somebody else's certificates.
#
# The guess. What a server reads a certificate from is a chain file, as with vsftpd, nginx, Apache since 2.4.8 and
# Python; if only the first were read, the rest would be complained of.
#
# Versions. Debian 12's proftpd-core and proftpd-mod-crypto 1.3.8+dfsg-4+deb12u5 (mod_tls 2.9.2) and vsftpd
# 3.0.3-13+b2; the client is the openssl command line (seen: 3.0.19).
# Source. ProFTPD's contrib/mod_tls.c, tls_ctx_set_rsa_cert() and tls_ctx_set_cert_chain(); observed by this
# script on 2026-11-29:
#
#   ProFTPD: sent localhost; unable to verify the first certificate
#   ProFTPD, with TLSCertificateChainFile: sent localhost, intermediate; OK
#   ProFTPD, with TLSCACertificateFile: sent localhost, intermediate; OK
#   vsftpd: sent localhost, intermediate; OK
#
# It needs Debian 12 with root's rights, openssl, python3 (for free ports) and apt (nothing is installed into the
# system). Exit status: 0 the behaviour is as described, 1 it has changed, 3 the packages cannot be had.
set -euo pipefail

expected='ProFTPD: sent localhost; unable to verify the first certificate
ProFTPD, with TLSCertificateChainFile: sent localhost, intermediate; OK
ProFTPD, with TLSCACertificateFile: sent localhost, intermediate; OK
vsftpd: sent localhost, intermediate; OK'

cannot() {
    echo "$1" >&2
    exit 3
}

folder=$(mktemp -d)
server=
# shellcheck disable=SC2064 # the folder is known, the server is not yet
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || :; rm -rf "'"$folder"'"' EXIT

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
# One after the other: only one FTP server can be installed, and apt holds to that when it downloads, too.
for packages in "proftpd-core=1.3.8+dfsg-4+deb12u5 proftpd-mod-crypto=1.3.8+dfsg-4+deb12u5" vsftpd=3.0.3-13+b2; do
    # shellcheck disable=SC2086 # they are words
    timeout 300 apt-get "${own[@]}" install --yes --no-install-recommends --download-only --reinstall \
        --allow-downgrades $packages >"$folder/log" 2>&1 || cannot "$(tail -n 3 "$folder/log")"
done
for package in "$folder"/apt/archives/*.deb; do
    dpkg-deb -x "$package" "$folder/unpacked"
done

cd "$folder"
{
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=root -keyout root.key -out root.pem
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=intermediate -CA root.pem -CAkey root.key \
        -addext basicConstraints=critical,CA:TRUE -keyout intermediate.key -out intermediate.pem
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -CA intermediate.pem \
        -CAkey intermediate.key -addext basicConstraints=critical,CA:FALSE \
        -addext subjectAltName=DNS:localhost -keyout key.pem -out certificate.pem
} 2>log || cannot "$(tail -n 3 log)"
cat certificate.pem intermediate.pem >both.pem
mkdir empty

free_port() {
    python3 -c 'import socket; print(socket.create_server(("127.0.0.1", 0)).getsockname()[1])'
}

configure_proftpd() { # port, further line
    cat <<CONFIGURATION
ServerType standalone
DefaultAddress 127.0.0.1
Port $1
User nobody
Group nogroup
ModulePath $folder/unpacked/usr/lib/proftpd
LoadModule mod_tls.c
ScoreboardFile $folder/scoreboard
PidFile $folder/pid
SystemLog $folder/system.log
WtmpLog off
TransferLog none
UseReverseDNS off
AuthPAM off
TLSEngine on
TLSLog $folder/tls.log
TLSRSACertificateFile $folder/both.pem
TLSRSACertificateKeyFile $folder/key.pem
$2
CONFIGURATION
}

configure_vsftpd() { # port
    cat <<CONFIGURATION
listen=YES
listen_address=127.0.0.1
listen_port=$1
background=NO
secure_chroot_dir=$folder/empty
anonymous_enable=NO
local_enable=YES
ftp_username=nobody
nopriv_user=nobody
ssl_enable=YES
rsa_cert_file=$folder/both.pem
rsa_private_key_file=$folder/key.pem
CONFIGURATION
}

libraries=$folder/unpacked/usr/lib/x86_64-linux-gnu:$folder/unpacked/lib/x86_64-linux-gnu
start() { # program, arguments
    LD_LIBRARY_PATH="$libraries" timeout 60 "$@" >server.log 2>&1 &
    server=$!
}

look() { # port, label; what the server sends, and whether that is enough for a client that knows the root
    for _ in $(seq 100); do
        openssl s_client -connect "127.0.0.1:$1" -starttls ftp -CAfile root.pem -showcerts </dev/null >shown 2>&1 || :
        ! grep -q 'BEGIN CERTIFICATE' shown || break
        sleep 0.1
    done
    sent=$(sed -n 's/^ *[0-9] s:CN = *//p' shown | paste -sd+ | sed 's/+/, /g')
    echo "$2: sent $sent; $(sed -n 's/^Verification\( error\)\?: //p' shown | head -n 1)"
    kill "$server"
    wait "$server" || :
    server=
}

{
    for setting in "" "TLSCertificateChainFile $folder/both.pem" "TLSCACertificateFile $folder/intermediate.pem"; do
        port=$(free_port)
        configure_proftpd "$port" "$setting" >proftpd.conf
        start unpacked/usr/sbin/proftpd --nodaemon --config "$folder/proftpd.conf"
        look "$port" "ProFTPD${setting:+, with ${setting%% *}}"
    done
    port=$(free_port)
    configure_vsftpd "$port" >vsftpd.conf
    start unpacked/usr/sbin/vsftpd "$folder/vsftpd.conf"
    look "$port" vsftpd
} >seen
cat seen

if [ "$(cat seen)" != "$expected" ]; then
    printf 'the behaviour has changed; expected was:\n%s\n' "$expected" >&2
    exit 1
fi
