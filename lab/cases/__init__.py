"""Cases: one documented failure each, with its twin and its remedies.

A case is a function decorated with :func:`case`. It is called once for each client that it is about and
returns a :class:`Case`; its name is the case's name, its docstring the story that an operator reads::

    @case(
        document="movable-type",
        section="No common cipher suite",
        clients=[net_ftp("rocky9", "FIPS")],
    )
    def server_offers_only_suites_the_client_refuses(client: ClientSettings) -> Case:
        \"\"\"The certificate is fine, but no cipher suite is common to both ends.\"\"\"
        attempt = Attempt(vsftpd(ciphers="AES128-SHA:DES-CBC3-SHA", protocols=up_to("TLSv1.2")), client)
        return Case(
            attempt,
            refused(by=Side.SERVER, at=Stage.HANDSHAKE, because=Reason.NO_SHARED_CIPHER),
            twin=attempt.with_server(ciphers="HIGH"),
            remedies=[recommended("vsftpd.conf: ssl_ciphers=HIGH", attempt.with_server(ciphers="HIGH"))],
        )

Every refusal has a twin: the same attempt with exactly one field changed, which must complete in the
same run. A case that breaks one of these rules does not load.

The words in which a case is written::

    declaration    the decorator, and what a case function returns
    servers        servers, by name
    clients        clients, by name
    remedies       what is done about a refusal, and its standing
    race           a refusal that does not come every time

and what becomes of it::

    loading        a scenario module's cases, for each of their clients
    rules          what every case is checked for when it is loaded
    plan           the attempts of a case, in the order in which they are made
    catalogue      all cases of a folder, and choosing from them

``docs/cases.md`` says how to write one.
"""

from lab.cases.catalogue import Catalogue
from lab.cases.clients import (
    curl,
    edge,
    ftplib,
    net_ftp,
    openssl,
    tls_perl,
    tls_python,
)
from lab.cases.declaration import Case, CaseFunction, Declaration, case
from lab.cases.loading import load_module
from lab.cases.plan import LoadedCase, PlannedAttempt
from lab.cases.race import Race
from lab.cases.remedies import Remedy, recommended, temporary, unsafe, useless
from lab.cases.rules import CaseError
from lab.cases.servers import (
    nginx,
    origin,
    origin_on_openssl_1_0_2,
    pyftpdlib,
    vsftpd,
    vsftpd_of_rocky9,
    vsftpd_on_openssl_1_0_2,
)

__all__ = [
    "Case",
    "CaseError",
    "CaseFunction",
    "Catalogue",
    "Declaration",
    "LoadedCase",
    "PlannedAttempt",
    "Race",
    "Remedy",
    "case",
    "curl",
    "edge",
    "ftplib",
    "load_module",
    "net_ftp",
    "nginx",
    "openssl",
    "origin",
    "origin_on_openssl_1_0_2",
    "pyftpdlib",
    "recommended",
    "temporary",
    "tls_perl",
    "tls_python",
    "unsafe",
    "useless",
    "vsftpd",
    "vsftpd_of_rocky9",
    "vsftpd_on_openssl_1_0_2",
]
