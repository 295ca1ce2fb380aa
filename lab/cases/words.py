"""The words in which a case names its ends: each calls the class of the program's settings.

What is not here is imported from its folder: ``from lab.servers.proftpd import Proftpd``.
"""

from __future__ import annotations

from functools import partial

from lab.clients.curl import Curl
from lab.clients.edge import Edge
from lab.clients.ftplib import Ftplib
from lab.clients.net_ftp import NetFtp
from lab.clients.openssl import Openssl
from lab.clients.tls_perl import TlsPerl
from lab.clients.tls_python import TlsPython
from lab.servers.nginx import Nginx
from lab.servers.origin import Origin
from lab.servers.pyftpdlib import Pyftpdlib
from lab.servers.vsftpd import Vsftpd

# FTP servers: one as Rocky Linux 9 builds it, one on CentOS 7's OpenSSL, which can still do 3DES.
vsftpd = Vsftpd
vsftpd_of_rocky9 = partial(Vsftpd, software="vsftpd@rocky9")
vsftpd_on_openssl_1_0_2 = partial(Vsftpd, software="vsftpd@openssl-1.0.2k")
pyftpdlib = Pyftpdlib

# Web origins: the lab's own can misbehave; on CentOS 7's OpenSSL it has SSLv3, RC4 and 3DES.
nginx = Nginx
origin = Origin
origin_on_openssl_1_0_2 = partial(Origin, software="origin@openssl-1.0.2k")

# FTP clients: platform, crypto policy, settings.
net_ftp = NetFtp
ftplib = Ftplib
curl = Curl

# Clients of the web: two bare TLS clients, a command, and the content delivery network's edge.
tls_perl = TlsPerl
tls_python = TlsPython
openssl = Openssl
edge = Edge
