"""Upload a file with ftplib."""

import ftplib
import os
import ssl
import sys

host, port, file, ca, tls = sys.argv[1:]
if tls == "plain":
    ftp = ftplib.FTP(timeout=4)
else:
    ftp = ftplib.FTP_TLS(context=ssl.create_default_context(cafile=ca), timeout=4)
ftp.connect(host, int(port))
ftp.login("lab", os.environ["PASSWORD"])
if isinstance(ftp, ftplib.FTP_TLS) and tls == "tls":
    ftp.prot_p()
with open(file, "rb") as content:
    ftp.storbinary("STOR delivery.bin", content)
ftp.quit()
