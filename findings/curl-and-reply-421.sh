#!/usr/bin/env bash
# curl calls an FTP server's "421 Too many connections" a timeout, within a fraction of a second.
#
# Behaviour. A server that is full, or going down, says so with reply 421 and closes. curl ends at once with exit
# status 28, "Timeout was reached", wherever the 421 comes: as the greeting, or behind the password. The reply's
# text is not shown, and no time has run out: the limits here are a minute. Any other refusal at the same place is
# told with its number (8, "Got a 530 ftp-server response when 220 was expected"; 67, "Access denied: 530"). The
# number is kept, though: --write-out '%{response_code}' gives 421, and -v "We got a 421 - timeout!".
# What follows: "(28) Timeout was reached" from curl over FTP does not say that packets are dropped; a job that
# logs it sends people to the firewall, and longer timeouts change nothing.
#
# The guess. Exit status 28 is the time that --max-time, --connect-timeout or the server's silence used up; a
# refusal in words is status 8 with the number in it, as for 530. Python's ftplib shows the server's own line.
#
# Versions. Debian 12's curl and libcurl4 7.88.1-10+deb12u15; ftplib is the machine's (seen: 3.11.7). PyPI's pycurl
# 7.49.0 (libcurl 8.23.0) was seen to do the same.
# Source. curl's lib/ftp.c, ftp_readresp(), whose comment takes a 421 for the end of an idle session; observed by
# this script on 2026-11-29:
#
#   421 as the greeting: at once, exit status 28, response code 421
#     curl: (28) Timeout was reached
#     ftplib: 421 Too many connections
#   530 as the greeting: at once, exit status 8, response code 530
#     curl: (8) Got a 530 ftp-server response when 220 was expected
#     ftplib: 530 Not from there
#   421 to the password: at once, exit status 28, response code 421
#     curl: (28) Timeout was reached
#     ftplib: 421 Too many connections of this user
#   530 to the password: at once, exit status 67, response code 530
#     curl: (67) Access denied: 530
#     ftplib: 530 Wrong password
#
# It needs Debian 12 with python3 and apt (nothing is installed into the system). Exit status: 0 the behaviour is
# as described, 1 it has changed, 3 the packages cannot be had.
set -euo pipefail

expected='421 as the greeting: at once, exit status 28, response code 421
  curl: (28) Timeout was reached
  ftplib: 421 Too many connections
530 as the greeting: at once, exit status 8, response code 530
  curl: (8) Got a 530 ftp-server response when 220 was expected
  ftplib: 530 Not from there
421 to the password: at once, exit status 28, response code 421
  curl: (28) Timeout was reached
  ftplib: 421 Too many connections of this user
530 to the password: at once, exit status 67, response code 530
  curl: (67) Access denied: 530
  ftplib: 530 Wrong password'

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
timeout 300 apt-get "${own[@]}" install --yes --no-install-recommends --download-only --reinstall \
    --allow-downgrades curl=7.88.1-10+deb12u15 libcurl4=7.88.1-10+deb12u15 >"$folder/log" 2>&1 ||
    cannot "$(tail -n 3 "$folder/log")"
for package in "$folder"/apt/archives/*.deb; do
    dpkg-deb -x "$package" "$folder/unpacked"
done

cat >"$folder/server.py" <<'PYTHON'
"""An FTP server that answers every client with the same greeting and the same reply to its password."""
import socket
import sys

folder, greeting, after_password = sys.argv[1:]
REPLIES = {"USER": "331 Password, please", "PASS": after_password}
listener = socket.create_server(("127.0.0.1", 0))
with open(folder + "/port", "w", encoding="ascii") as file:
    file.write(f"{listener.getsockname()[1]}\n")
while True:
    client, _ = listener.accept()
    with client, client.makefile("rw", encoding="ascii", newline="\r\n") as lines:
        reply = greeting
        while True:
            lines.write(reply + "\n")
            lines.flush()
            if reply[:3] in ("421", "530"):
                break
            command = lines.readline()
            if not command:
                break
            reply = REPLIES.get(command[:4], "502 No")
PYTHON

cat >"$folder/client.py" <<'PYTHON'
import ftplib
import sys

try:
    with ftplib.FTP() as client:
        client.connect("127.0.0.1", int(sys.argv[1]), 60)
        client.login("user", "secret")
except ftplib.Error as error:
    print(error)
PYTHON

libraries=$folder/unpacked/usr/lib/x86_64-linux-gnu:$folder/unpacked/lib/x86_64-linux-gnu
look() { # label, greeting, reply to the password
    rm -f "$folder/port"
    timeout 60 python3 "$folder/server.py" "$folder" "$2" "$3" 2>"$folder/log" &
    server=$!
    for _ in $(seq 100); do
        [ ! -s "$folder/port" ] || break
        sleep 0.1
    done
    [ -s "$folder/port" ] || cannot "the server did not start: $(tail -n 1 "$folder/log")"
    port=$(cat "$folder/port")
    from=$(date +%s%N)
    status=0
    code=$(timeout 90 env LD_LIBRARY_PATH="$libraries" "$folder/unpacked/usr/bin/curl" --disable --silent \
        --show-error --max-time 60 --connect-timeout 60 --noproxy '*' --user user:secret \
        --write-out '%{response_code}' "ftp://127.0.0.1:$port/" 2>"$folder/log") || status=$?
    seconds=$((($(date +%s%N) - from) / 1000000000))
    [ "$seconds" -lt 10 ] && took="at once" || took="after $seconds s"
    echo "$1: $took, exit status $status, response code $code"
    sed 's/^/  /' "$folder/log"
    echo "  ftplib: $(timeout 90 python3 "$folder/client.py" "$port")"
    kill "$server"
    wait "$server" 2>/dev/null || :
    server=
}

{
    look "421 as the greeting" "421 Too many connections" ""
    look "530 as the greeting" "530 Not from there" ""
    look "421 to the password" "220 Hello" "421 Too many connections of this user"
    look "530 to the password" "220 Hello" "530 Wrong password"
} >"$folder/seen"
cat "$folder/seen"

if [ "$(cat "$folder/seen")" != "$expected" ]; then
    printf 'the behaviour has changed; expected was:\n%s\n' "$expected" >&2
    exit 1
fi
