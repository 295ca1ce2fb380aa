"""No cipher suite is common to both ends.

The document's example is vsftpd 3.0.5 offering ``AES128-SHA:DES-CBC3-SHA``. Cipher lists decide only
where TLS 1.3 is off: TLS 1.3 has suites of its own, which ``ssl_ciphers`` does not govern.
"""

from lab.cases import (
    Case,
    case,
    net_ftp,
    recommended,
    temporary,
    useless,
    vsftpd,
)
from lab.expectations import completed, refused
from lab.model import Attempt, ClientSettings, Reason, Side, Stage, up_to

#: What the document says that vsftpd 3.0.5 uses when nothing is set.
DOCUMENT_SUITES = "AES128-SHA:DES-CBC3-SHA"
SECTION = "No common cipher suite"

no_shared_cipher = refused(
    by=Side.SERVER,
    at=Stage.HANDSHAKE,
    because=Reason.NO_SHARED_CIPHER,
    message="FTP failed to start tls: Proceed with negotiation.",
)


@case(
    document="movable-type",
    section=SECTION,
    clients=[net_ftp("rocky9", "FIPS", session_cache="shared")],
)
def server_offers_only_suites_the_client_refuses(client: ClientSettings) -> Case:
    """The certificate is fine, but no cipher suite is common to both ends.

    With TLS 1.3 off and the document's two suites on the server, a client under the FIPS crypto policy,
    which has neither RSA key exchange nor SHA-1 MACs, finds nothing that it may use. Its user reads the
    same sentence as for a bad certificate.
    """
    attempt = Attempt(vsftpd(ciphers=DOCUMENT_SUITES, protocols=up_to("TLSv1.2")), client)
    return Case(
        attempt,
        no_shared_cipher,
        twin=attempt.with_server(ciphers="HIGH"),
        remedies=[
            recommended(
                "vsftpd.conf: ssl_ciphers=HIGH",
                attempt.with_server(ciphers="HIGH"),
                completed(protocol="TLSv1.2", cipher="ECDHE-RSA-AES256-GCM-SHA384", verified=True),
            ),
            temporary(
                "mt-config.cgi: FTPSOptions SSL_cipher_list=AES128",
                attempt.with_client(ciphers="AES128"),
                completed(protocol="TLSv1.2", cipher="AES128-SHA", verified=True),
            ),
            useless(
                "mt-config.cgi: FTPSSSLVerifyNone 1 (the certificate is not the cause)",
                attempt.with_client(verify=False),
                no_shared_cipher,
            ),
        ],
    )
