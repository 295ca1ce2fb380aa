"""The server has no certificate that a public authority vouches for, or one that does not fit.

The connection stops at ``verify``, by the client's decision, after the server has already said ``234
Proceed with negotiation.`` - which is why the user reads a sentence that sounds like consent.

The server is limited to TLS 1.2 and the client hands the session on to the data channel, so that the
twins and the remedies end with a delivered file and not in what ``after_the_handshake`` is about.
"""

from lab.cases import Case, case, net_ftp, recommended, unsafe, useless, vsftpd
from lab.expectations import Expectation, completed, refused
from lab.model import Attempt, ClientSettings, Reason, Side, Stage, up_to

DOCUMENT = "movable-type"
SECTION = "No public certificate on the server"
CLIENTS = [
    net_ftp("centos7", session_cache="shared"),
    net_ftp("rocky9", "DEFAULT", session_cache="shared"),
    net_ftp("rocky9", "LEGACY", session_cache="shared"),
    net_ftp("rocky9", "FIPS", session_cache="shared"),
]
#: What the document's user reads, whatever the cause.
MESSAGE = "FTP failed to start tls: Proceed with negotiation."


def refused_by_client(because: Reason) -> Expectation:
    """The client refuses the certificate, and its user reads the document's sentence."""
    return refused(by=Side.CLIENT, at=Stage.VERIFY, because=because, message=MESSAGE)


def attempt_with(certificate: str, client: ClientSettings) -> Attempt:
    """A delivery to a server that has ``certificate``."""
    return Attempt(vsftpd(certificate=certificate, protocols=up_to("TLSv1.2")), client)


@case(document=DOCUMENT, section=SECTION, clients=CLIENTS)
def self_signed_certificate(client: ClientSettings) -> Case:
    """The server presents a certificate that it signed itself; nobody the client trusts vouches for it."""
    attempt = attempt_with("self-signed", client)
    return Case(
        attempt,
        refused_by_client(Reason.SELF_SIGNED_LEAF),
        twin=attempt.with_server(certificate="valid"),
        remedies=[
            recommended(
                "a certificate from a public authority on the server",
                attempt.with_server(certificate="valid"),
                completed(verified=True, data_protected=True),
            ),
            recommended(
                "the server's certificate given to the client as a trust anchor",
                attempt.with_client(trust="self-signed"),
                completed(verified=True, data_protected=True),
                impostor=refused_by_client(Reason.UNKNOWN_ISSUER),
            ),
            recommended(
                "the server's certificate pinned by its fingerprint",
                attempt.with_client(fingerprint="self-signed"),
                completed(verified=True, data_protected=True),
                impostor=refused_by_client(Reason.UNKNOWN_ISSUER),
            ),
            unsafe(
                "mt-config.cgi: FTPSSSLVerifyNone 1",
                attempt.with_client(verify=False),
                completed(verified=False, data_protected=True),
            ),
        ],
    )


@case(document=DOCUMENT, section=SECTION, clients=CLIENTS)
def certificate_from_a_private_authority(client: ClientSettings) -> Case:
    """The chain is complete and correct, but its root is a private one that the client does not know."""
    attempt = attempt_with("private-ca", client)
    return Case(
        attempt,
        refused_by_client(Reason.UNKNOWN_ISSUER),
        twin=attempt.with_server(certificate="valid"),
        remedies=[
            recommended(
                "a certificate from a public authority on the server",
                attempt.with_server(certificate="valid"),
                completed(verified=True, data_protected=True),
            ),
            recommended(
                "the private authority's root given to the client as a trust anchor",
                attempt.with_client(trust="private-ca"),
                completed(verified=True, data_protected=True),
                impostor=refused_by_client(Reason.UNKNOWN_ISSUER),
            ),
            unsafe(
                "mt-config.cgi: FTPSSSLVerifyNone 1",
                attempt.with_client(verify=False),
                completed(verified=False, data_protected=True),
            ),
        ],
    )


@case(document=DOCUMENT, section=SECTION, clients=CLIENTS)
def expired_certificate(client: ClientSettings) -> Case:
    """A public authority issued the certificate, and its last day has passed."""
    attempt = attempt_with("expired", client)
    return Case(
        attempt,
        refused_by_client(Reason.EXPIRED),
        twin=attempt.with_server(certificate="valid"),
        remedies=[
            recommended(
                "a renewed certificate on the server",
                attempt.with_server(certificate="valid"),
                completed(verified=True, data_protected=True),
            ),
            unsafe(
                "mt-config.cgi: FTPSSSLVerifyNone 1",
                attempt.with_client(verify=False),
                completed(verified=False, data_protected=True),
            ),
        ],
    )


@case(document=DOCUMENT, section=SECTION, clients=CLIENTS)
def certificate_for_another_host(client: ClientSettings) -> Case:
    """A public authority issued the certificate, but for another name than the one that is connected to."""
    attempt = attempt_with("wrong-host", client)
    return Case(
        attempt,
        refused_by_client(Reason.HOSTNAME_MISMATCH),
        twin=attempt.with_server(certificate="valid"),
        remedies=[
            recommended(
                "a certificate for the name that clients use",
                attempt.with_server(certificate="valid"),
                completed(verified=True, data_protected=True),
            ),
            unsafe(
                "mt-config.cgi: FTPSSSLVerifyNone 1",
                attempt.with_client(verify=False),
                completed(verified=False, data_protected=True),
            ),
        ],
    )


@case(
    document=DOCUMENT,
    section=SECTION,
    clients=[net_ftp("rocky9", "FUTURE", session_cache="shared")],
)
def key_too_short_for_the_policy(client: ClientSettings) -> Case:
    """A public certificate with a 2048 bit RSA key, and a client under the FUTURE policy.

    FUTURE asks for 128 bits of security, which RSA reaches at 3072. The certificate is one that public
    authorities issue every day; the same sentence is shown as for a self-signed one.
    """
    attempt = attempt_with("valid", client)
    return Case(
        attempt,
        refused_by_client(Reason.WEAK_KEY),
        twin=attempt.with_server(certificate="rsa3072"),
        remedies=[
            recommended(
                "a certificate with a 3072 bit RSA key",
                attempt.with_server(certificate="rsa3072"),
                completed(verified=True, data_protected=True),
            ),
            recommended(
                "a certificate with a P-256 key, and ssl_ciphers=HIGH for it",
                attempt.with_server(certificate="ecdsa", ciphers="HIGH"),
                completed(verified=True, data_protected=True),
            ),
            useless(
                "a certificate with a P-256 key alone: the server's default list has RSA suites only",
                attempt.with_server(certificate="ecdsa"),
                refused(
                    by=Side.SERVER,
                    at=Stage.HANDSHAKE,
                    because=Reason.NO_SHARED_CIPHER,
                    message=MESSAGE,
                ),
            ),
        ],
    )
