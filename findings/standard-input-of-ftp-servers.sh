#!/usr/bin/env bash
# Three FTP servers look at what their standard input is: one does not serve, one is mute, one is heard there alone.
#
# Behaviour. A socket as standard input means inetd to Pure-FTPd: told an address and a port to listen at, listens
# nowhere, and greets whoever is at the other end of that socket (of a UNIX socket it says "425 Sorry, invalid address
# given", and ends). A standalone ProFTPD serves all the same, but where it cannot start, a socket makes it mute: what
# is fatal stands on standard error with /dev/null, and nowhere with a socket. vsftpd says why it does not start on its
# standard input and nowhere else: with /dev/null ends without a word, with a socket the words are there.
# What follows: what a service manager or another program hands on as standard input decides whether a server serves
# and is heard (Node's child_process makes a pair of sockets of stdio: 'pipe'), and a log of standard output and error,
# however complete, has not a word of vsftpd's.
#
# The guess. A server that is configured to listen listens, and says on standard error why it does not; standard input
# is there to be read from, and it reads nothing.
#
# Versions. Debian 12's pure-ftpd 1.0.50-2.1+b2, proftpd-core 1.3.8+dfsg-4+deb12u5 and vsftpd 3.0.3-13+b2.
# Source. Pure-FTPd's src/ftpd.c, pureftpd_start() (descriptor 0 has a peer); vsftpd's defs.h, VSFTP_COMMAND_FD, 0, and
# utility.c, die(); observed by this script on 2026-11-30:
#
#   pure-ftpd, /dev/null: listens
#   pure-ftpd, a TCP socket: listens nowhere; on standard input: 220---------- Welcome to Pure-FTPd
#   pure-ftpd, a UNIX socket: ends with 252; on standard input: 425 Sorry, invalid address given
#   faulty proftpd, /dev/null: ends with 1; on standard error: fatal: unknown configuration directive 'Colour'
#   faulty proftpd, a TCP socket: ends with 1; without a word
#   faulty vsftpd, /dev/null: ends with 2; without a word
#   faulty vsftpd, a TCP socket: ends with 2; on standard input: 500 OOPS: unrecognised variable in config file: colour
#
# It needs Debian 12 with root's rights, python3 and apt (nothing is installed into the system). Exit status: 0 the
# behaviour is as described, 1 it has changed, 3 the packages cannot be had.
set -euo pipefail

expected="pure-ftpd, /dev/null: listens
pure-ftpd, a TCP socket: listens nowhere; on standard input: 220---------- Welcome to Pure-FTPd
pure-ftpd, a UNIX socket: ends with 252; on standard input: 425 Sorry, invalid address given
faulty proftpd, /dev/null: ends with 1; on standard error: fatal: unknown configuration directive 'Colour'
faulty proftpd, a TCP socket: ends with 1; without a word
faulty vsftpd, /dev/null: ends with 2; without a word
faulty vsftpd, a TCP socket: ends with 2; on standard input: 500 OOPS: unrecognised variable in config file: colour"

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
# One after the other: only one FTP server can be installed, and apt holds to that when it downloads, too.
for package in pure-ftpd=1.0.50-2.1+b2 proftpd-core=1.3.8+dfsg-4+deb12u5 vsftpd=3.0.3-13+b2; do
    timeout 300 apt-get "${own[@]}" install --yes --no-install-recommends --download-only --reinstall \
        --allow-downgrades "$package" >"$folder/log" 2>&1 || cannot "$(tail -n 3 "$folder/log")"
done
for package in "$folder"/apt/archives/*.deb; do
    dpkg-deb -x "$package" "$folder/unpacked"
done

cd "$folder"
cat >proftpd.conf <<CONFIGURATION
ServerType standalone
DefaultAddress 127.0.0.1
Port 0
ScoreboardFile $folder/scoreboard
PidFile $folder/pid
SystemLog $folder/system.log
Colour blue
CONFIGURATION
cat >vsftpd.conf <<CONFIGURATION
listen=YES
listen_address=127.0.0.1
background=NO
colour=blue
CONFIGURATION

cat >look.py <<'PYTHON'
"""What a server does and says with one thing or another as its standard input."""
import os
import re
import socket
import subprocess
import sys
import time

folder, libraries = sys.argv[1:]
WAIT_S = 15
SAID = re.compile(r"(?:220-|425 |500 |fatal: )[^\r\n[]*")


def ends_of(kind):
    """What is given to the server as standard input, and what hears what it says there."""
    if kind == "/dev/null":
        return open(os.devnull, "r+b", buffering=0), None
    if kind == "a UNIX socket":
        return socket.socketpair()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        ours = socket.create_connection(listening.getsockname())
        return listening.accept()[0], ours


def serves(port):
    try:
        with socket.create_connection(("127.0.0.1", port), 5) as client:
            return client.recv(4) == b"220-"
    except OSError:
        return False


def hear(ours):
    """What has come so far; it waits for half a second."""
    if ours is None:
        return ""
    ours.settimeout(0.5)
    try:
        return ours.recv(1000).decode("ascii")
    except OSError:
        return ""


def look(title, kind, port, program, *words):
    theirs, ours = ends_of(kind)
    command = ["unpacked/usr/sbin/" + program, *words]
    with theirs, open("output", "w+b") as output:
        environment = {"LD_LIBRARY_PATH": libraries}
        server = subprocess.Popen(command, stdin=theirs, stdout=output, stderr=output, env=environment)
    heard, deadline = "", time.monotonic() + WAIT_S
    while server.poll() is None and not heard and not serves(port) and time.monotonic() < deadline:
        heard = hear(ours)
        time.sleep(0.1)
    time.sleep(1)
    heard += hear(ours)
    does = "listens" if serves(port) else "listens nowhere"
    if server.poll() is not None:
        does = f"ends with {server.returncode}"
    server.kill()
    server.wait(10)
    with open("output", encoding="ascii") as output:
        written = output.read()
    said = [f"on {place}: {SAID.search(text)[0].partition(' on line')[0].strip()}" for place, text in
            (("standard input", heard), ("standard error", written)) if text]
    if not said and does != "listens":
        said = ["without a word"]
    print(f"{title}, {kind}: {'; '.join([does, *said])}")


for kind in ("/dev/null", "a TCP socket", "a UNIX socket"):
    with socket.create_server(("127.0.0.1", 0)) as free:
        place = free.getsockname()[1]
    look("pure-ftpd", kind, place, "pure-ftpd", "-S", f"127.0.0.1,{place}", "-E", "-g", folder + "/pid")
for name, words in {"proftpd": ["--nodaemon", "--config", folder + "/proftpd.conf"], "vsftpd": ["vsftpd.conf"]}.items():
    for kind in ("/dev/null", "a TCP socket"):
        look(f"faulty {name}", kind, 0, name, *words)
PYTHON

libraries=$folder/unpacked/usr/lib/x86_64-linux-gnu:$folder/unpacked/lib/x86_64-linux-gnu
timeout 300 python3 look.py "$folder" "$libraries" >seen
cat seen

if [ "$(cat seen)" != "$expected" ]; then
    printf 'the behaviour has changed; expected was:\n%s\n' "$expected" >&2
    exit 1
fi
