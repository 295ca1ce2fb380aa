#!/usr/bin/env bash
# One data connection that ends without close_notify ends the resumption of all that follow it.
#
# Behaviour. Over TLS 1.2 without session tickets, a client resumes the control connection's session for every
# file. It ends one data connection with FIN alone, as many FTP clients do; the server answers 226, the file is
# whole. From then on no data connection of this login is resumed: OpenSSL on the server's side has dropped the
# session from its cache, because one of its connections was not shut down as TLS wants it. With a ticket the
# session is the client's to keep, and nothing of this is seen.
# What follows: a server that demands a resumed session refuses file 3 for what was done at the end of file 2, in
# the words for a client that cannot resume at all (vsftpd 3.0.3 of Debian 12 was seen to: 226, 226, 522); and
# whether it comes to that depends on tickets, which neither end's log names.
#
# The guess. A session that was resumed can be resumed until it expires. That a missing close_notify makes it
# unresumable was TLS 1.0's rule; TLS 1.1 took it back (RFC 4346, section 7.2.1), and since then close_notify is
# a matter of the one connection: is its file whole?
#
# Versions. PyPI's pyftpdlib 2.2.0 with pyOpenSSL 26.4.0 and cryptography 50.0.2 (OpenSSL 4.0.3) as the server;
# the client is Python's ftplib (seen: 3.11.7 on OpenSSL 3.0.19), and says itself what was resumed. Python's ssl
# module as the server was seen to do the same.
# Source. OpenSSL's ssl/ssl_sess.c, ssl_clear_bad_session(); observed by this script on 2026-11-29:
#
#   by session id, all with close_notify: 226 resumed, 226 resumed, 226 resumed, 226 resumed
#   by session id, file 2 without: 226 resumed, 226 resumed, 226 full handshake, 226 full handshake
#   by ticket, file 2 without: 226 resumed, 226 resumed, 226 resumed, 226 resumed
#
# It needs python3 (3.8 or newer) with venv, and the openssl command line, which only makes the certificate.
# Exit status: 0 the behaviour is as described, 1 it has changed, 3 the packages cannot be had.
set -euo pipefail

expected='by session id, all with close_notify: 226 resumed, 226 resumed, 226 resumed, 226 resumed
by session id, file 2 without: 226 resumed, 226 resumed, 226 full handshake, 226 full handshake
by ticket, file 2 without: 226 resumed, 226 resumed, 226 resumed, 226 resumed'

folder=$(mktemp -d)
server=
# shellcheck disable=SC2064 # the folder is known, the server is not yet
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || :; rm -rf "'"$folder"'"' EXIT

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
    file.write(f"{server.socket.getsockname()[1]}\n")
server.serve_forever()
PYTHON

cat >"$folder/client.py" <<'PYTHON'
import ftplib
import ssl
import sys
from pathlib import Path

folder = Path(sys.argv[1])
FILES = range(1, 5)


class Resuming(ftplib.FTP_TLS):
    """Data connections resume the control connection's session."""

    def ntransfercmd(self, cmd, rest=None):
        plain, size = ftplib.FTP.ntransfercmd(self, cmd, rest)
        return self.context.wrap_socket(plain, server_hostname=self.host, session=self.sock.session), size


def upload(tickets, rude):
    """What became of each file; the one numbered ``rude`` ends without close_notify."""
    context = ssl.create_default_context(cafile=folder / "certificate.pem")
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    if not tickets:
        context.options |= ssl.OP_NO_TICKET
    said = []
    with Resuming(context=context) as ftp:
        ftp.connect("localhost", int((folder / "port").read_text()), 10)
        ftp.login("user", "secret")
        ftp.prot_p()
        for number in FILES:
            data = ftp.transfercmd(f"STOR {number}")
            data.sendall(b"hello\n")
            how = "resumed" if data.session_reused else "full handshake"
            if number != rude:
                data.unwrap()
            data.close()
            said.append(f"{ftp.voidresp()[:3]} {how}")
            if (folder / "uploads" / str(number)).read_bytes() != b"hello\n":
                said[-1] += ", not whole"
    return ", ".join(said)


print("by session id, all with close_notify:", upload(tickets=False, rude=None))
print("by session id, file 2 without:", upload(tickets=False, rude=2))
print("by ticket, file 2 without:", upload(tickets=True, rude=2))
PYTHON

mkdir "$folder/uploads"
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost \
    -keyout "$folder/key.pem" -out "$folder/certificate.pem" 2>"$folder/log" || { cat "$folder/log" >&2; exit 3; }
python3 -m venv "$folder/venv"
if ! timeout 300 "$folder/venv/bin/pip" --quiet --disable-pip-version-check install pyftpdlib==2.2.0 \
    pyOpenSSL==26.4.0 cryptography==50.0.2 2>"$folder/log"; then
    echo "pyftpdlib 2.2.0, pyOpenSSL 26.4.0 and cryptography 50.0.2 cannot be installed:" >&2
    tail -n 3 "$folder/log" >&2
    exit 3
fi
timeout 120 "$folder/venv/bin/python" -W ignore "$folder/server.py" "$folder" 2>"$folder/log" &
server=$!
for _ in $(seq 100); do
    [ -s "$folder/port" ] && break
    sleep 0.1
done
timeout 60 python3 "$folder/client.py" "$folder" | tee "$folder/seen"

if [ "$(cat "$folder/seen")" != "$expected" ]; then
    printf 'the behaviour has changed; expected was:\n%s\n' "$expected" >&2
    exit 1
fi
