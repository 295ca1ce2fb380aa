"""Cases: one documented failure each, with its twin and its remedies.

A case is a function decorated with :func:`case`. It is called once for each client that it is about and
returns a :class:`Case`; its name is the case's name, its docstring the story that an operator reads, its
folder the document::

    @case(section="No common cipher suite", clients=[net_ftp("rocky9", "FIPS")])
    def server_offers_only_suites_the_client_refuses(client: ClientSettings) -> Case:
        \"\"\"The certificate is fine, but no cipher suite is common to both ends.\"\"\"
        attempt = Attempt(vsftpd(ciphers="AES128-SHA:DES-CBC3-SHA", protocols=up_to("TLSv1.2")), client)
        refusal = refused(Side.SERVER, Stage.HANDSHAKE, Reason.NO_SHARED_CIPHER)
        remedies = [recommended("vsftpd.conf: ssl_ciphers=HIGH", attempt.with_server(ciphers="HIGH"))]
        return Case(attempt, refusal, remedies=remedies)

Every refusal has a twin: the same attempt with exactly one field changed, which must complete in the
same run; where a case names none, it is the first of its remedies that is one. A case that breaks one of
these rules does not load.

Where what is::

    declaration    the decorator, what a case function returns, what is planned of it, and the rules
    catalogue      all cases of a folder, for each of their clients, and choosing from them
    lab.remedies   what is done about a refusal, and its rating

``docs/cases.md`` says how to write one.
"""

from functools import partial

from lab.cases.catalogue import Catalogue, load_module
from lab.cases.declaration import Case, CaseError, LoadedCase, Race, case
from lab.clients.curl import Curl
from lab.clients.edge import Edge
from lab.clients.ftplib import Ftplib
from lab.clients.net_ftp import NetFtp
from lab.clients.openssl import Openssl
from lab.clients.tls_perl import TlsPerl
from lab.clients.tls_python import TlsPython
from lab.model.expectations import PlannedAttempt
from lab.remedies import Remedy, recommended, temporary, unsafe, useless
from lab.servers.nginx import Nginx
from lab.servers.origin import Origin
from lab.servers.pyftpdlib import Pyftpdlib
from lab.servers.vsftpd import Vsftpd

# The words in which a case names its ends: each calls the class of the program's settings. What is not here
# is imported from its folder: ``from lab.servers.proftpd import Proftpd``.

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

# The form of a case, and what is planned of it.
__all__ = ["Case", "CaseError", "LoadedCase", "PlannedAttempt", "Race", "case"]
__all__ += ["Catalogue", "load_module"]
# What is done about a refusal.
__all__ += ["Remedy", "recommended", "temporary", "unsafe", "useless"]
# Servers and clients.
__all__ += ["nginx", "origin", "origin_on_openssl_1_0_2", "pyftpdlib"]
__all__ += ["vsftpd", "vsftpd_of_rocky9", "vsftpd_on_openssl_1_0_2"]
__all__ += ["curl", "edge", "ftplib", "net_ftp", "openssl", "tls_perl", "tls_python"]
