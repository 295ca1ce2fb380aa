"""Uploads a file over FTPS with Python's ftplib: python3 ftps.py HOST PORT USER PASSWORD FILE."""

import ftplib
import pathlib
import ssl
import sys

host, port, user, password, file = sys.argv[1:]
ftp = ftplib.FTP_TLS(context=ssl.create_default_context(), timeout=10)
ftp.connect(host, int(port))
ftp.login(user, password)
ftp.prot_p()
with pathlib.Path(file).open("rb") as content:
    reply = ftp.storbinary("STOR " + pathlib.Path(file).name, content)
if isinstance(ftp.sock, ssl.SSLSocket):
    reply += f"\n{ftp.sock.version()} {(ftp.sock.cipher() or '?')[0]}"
sys.stdout.write(reply + "\n")
ftp.quit()
