#!/usr/bin/env bash
# Erlang's ftp has an option for servers that want the session resumed; over TLS 1.3 it resumes nothing.
#
# Behaviour. ftp:open/2 knows {tls_ctrl_session_reuse, true}: the control connection's session is to be used on data
# connections, "as enforced by many FTP servers". Over TLS 1.2 it does that. Over TLS 1.3, which is the default where
# both ends have it, every data connection is a full handshake with the option and without, and vsftpd, which wants
# the session by default, answers 522. ftp:send_bin/3 returns {error, perm_neg_compl}, without the server's words, and
# the connection is gone. What resumes over TLS 1.3 is an option of the library below, {session_tickets, auto} among
# the tls options, with tls_ctrl_session_reuse or without it; over TLS 1.2 that one does nothing.
#
# The guess. An option that is named for the purpose serves it in every protocol version, or refuses one where it
# cannot.
#
# Versions. Debian 12's erlang-ftp and erlang-ssl 1:25.2.3+dfsg-1+deb12u4 (OTP 25, ftp 1.1.3, ssl 10.8.7). Debian 13's
# OTP 27 and the unstable release's OTP 29 were seen to do the same. The server is a page of Python, whose ssl module
# says which connection is a resumed one (seen: 3.11.7 on OpenSSL 3.0); vsftpd 3.0.3 (require_ssl_reuse=YES) was seen
# to accept and refuse the same ones.
# Source. The manual page ftp(3erl), tls_ctrl_session_reuse; that of ssl(3erl), session_tickets; observed by this
# script on 2026-11-30:
#
#   TLS 1.2, nothing else: data not resumed, perm_neg_compl
#   TLS 1.2, tls_ctrl_session_reuse: data resumed, ok
#   TLS 1.2, session_tickets: data not resumed, perm_neg_compl
#   TLS 1.3, nothing else: data not resumed, perm_neg_compl
#   TLS 1.3, tls_ctrl_session_reuse: data not resumed, perm_neg_compl
#   TLS 1.3, session_tickets: data resumed, ok
#
# It needs Debian 12 with apt, dpkg-deb, openssl and python3 (nothing is installed into the system).
# Exit status: 0 the behaviour is as described, 1 it has changed, 3 a program or a package cannot be had.
set -euo pipefail

expected='TLS 1.2, nothing else: data not resumed, perm_neg_compl
TLS 1.2, tls_ctrl_session_reuse: data resumed, ok
TLS 1.2, session_tickets: data not resumed, perm_neg_compl
TLS 1.3, nothing else: data not resumed, perm_neg_compl
TLS 1.3, tls_ctrl_session_reuse: data not resumed, perm_neg_compl
TLS 1.3, session_tickets: data resumed, ok'

cannot() {
    echo "$1" >&2
    exit 3
}

folder=$(mktemp -d)
servers=()
trap 'kill "${servers[@]}" 2>/dev/null || :; rm -rf "$folder"' EXIT
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
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost \
    -keyout key.pem -out certificate.pem 2>log || cannot "$(tail -n 3 log)"

cat >serve.py <<'PYTHON'
"""FTPS sessions, each with one upload, which is refused as vsftpd does it unless its session is a resumed one."""
import socket
import ssl
import sys

context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("certificate.pem", "key.pem")
context.maximum_version = ssl.TLSVersion[sys.argv[1]]
REPLIES = {"USER": "331 password", "PASS": "230 logged in", "PBSZ": "200 done", "PROT": "200 done", "TYPE": "200 done"}


def serve(session, passive):
    lines = session.makefile("rw", newline="\r\n", encoding="ascii")

    def say(reply):
        lines.write(reply + "\n")
        lines.flush()

    say("220 ready")
    while line := lines.readline():
        word = line[:4].strip()
        if word == "AUTH":
            say("234 go ahead")
            session = context.wrap_socket(session, server_side=True)
            lines = session.makefile("rw", newline="\r\n", encoding="ascii")
        elif word == "PASV":
            port = passive.getsockname()[1]
            say(f"227 passive (127,0,0,1,{port >> 8},{port & 255})")
        elif word == "STOR":
            say("150 go ahead")
            raw = passive.accept()[0]
            raw.settimeout(20)
            with context.wrap_socket(raw, server_side=True) as data:
                resumed = data.session_reused
                with open("resumed", "w", encoding="ascii") as file:
                    file.write("resumed" if resumed else "not resumed")
                while data.recv(4096):
                    pass
            say("226 stored" if resumed else "522 session reuse required")
        else:
            say(REPLIES.get(word, "502 not here"))


with socket.create_server(("127.0.0.1", 0)) as listening, socket.create_server(("127.0.0.1", 0)) as passive:
    with open(sys.argv[1], "w", encoding="ascii") as file:
        file.write(f"{listening.getsockname()[1]}\n")
    listening.settimeout(120)
    passive.settimeout(20)
    while True:
        connection = listening.accept()[0]
        connection.settimeout(20)
        try:
            serve(connection, passive)
        except OSError:
            pass
PYTHON
for version in TLSv1_2 TLSv1_3; do
    timeout 200 python3 serve.py "$version" >"$version.log" 2>&1 &
    servers+=("$!")
    for _ in $(seq 100); do [ -s "$version" ] && break; sleep 0.05; done
    [ -s "$version" ] || cannot "$(tail -n 3 "$version.log")"
done

cat >upload.erl <<'ERLANG'
-module(upload).
-export([main/3]).

main(Port, Tls, More) ->
    logger:set_primary_config(level, none),
    {ok, _} = application:ensure_all_started(ftp),
    {ok, _} = application:ensure_all_started(ssl),
    {ok, Client} = ftp:open("127.0.0.1", [{port, Port}, {timeout, 20000}, {tls, [{verify, verify_none} | Tls]} | More]),
    ok = ftp:user(Client, "lab", "lab"),
    Said = case ftp:send_bin(Client, <<"content">>, "file") of
        {error, Reason} -> Reason;
        Other -> Other
    end,
    io:format("~s", [Said]),
    halt(0).
ERLANG

erl() { # EXPRESSION
    ROOTDIR=$erlang BINDIR=$binaries EMU=beam PROGNAME=erl HOME=$folder \
        LD_LIBRARY_PATH=$folder/unpacked/usr/lib/x86_64-linux-gnu:$folder/unpacked/lib/x86_64-linux-gnu \
        timeout 60 "$binaries/erlexec" -noshell -eval "$1" 2>>log
}
erl '{ok, _} = compile:file("upload"), halt(0).' || cannot "$(tail -n 3 log)"

try_it() { # WORDS PORT TLS-OPTIONS OTHER-OPTIONS
    rm -f resumed
    local said
    said=$(erl "upload:main($2, $3, $4).") || said="ended with $?"
    echo "$1: data $(cat resumed 2>/dev/null || echo "not seen"), $said"
}

seen=$(
    for minor in 2 3; do
        port=$(cat "TLSv1_$minor")
        try_it "TLS 1.$minor, nothing else" "$port" "[]" "[]"
        try_it "TLS 1.$minor, tls_ctrl_session_reuse" "$port" "[]" "[{tls_ctrl_session_reuse, true}]"
        try_it "TLS 1.$minor, session_tickets" "$port" "[{session_tickets, auto}]" "[]"
    done
)
echo "$seen"
[ "$seen" = "$expected" ] || { echo "expected:"; echo "$expected"; exit 1; }
