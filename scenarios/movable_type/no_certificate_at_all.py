"""The server has no certificate: three situations, three different outcomes.

The document names one message for all of them. It appears in one.
"""

from lab.cases import Case, case, useless, vsftpd
from lab.model import Attempt, ClientSettings, Goal, Reason, Side, Stage
from lab.model.expectations import refused
from scenarios import movable_type as mt

SECTION = "No public certificate on the server"


@case(section=SECTION, clients=mt.EVERYWHERE)
def the_option_is_not_set(client: ClientSettings) -> Case:
    """Vsftpd with TLS on and no ``rsa_cert_file`` looks in a built-in place and does not start.

    Clients see a closed port: ``Connection refused``, nothing about TLS. The truth is in what the
    server said when it ended: ``500 OOPS: SSL: cannot load RSA certificate``.
    """
    attempt = Attempt(vsftpd(certificate="unset", protocols=mt.WHOLE), client)
    refusal = refused(Side.NETWORK, Stage.CONNECT, Reason.CONNECTION_REFUSED, "Connection refused")
    return Case(attempt, refusal, remedies=mt.cures(attempt, "known-authority"))


@case(section=SECTION, clients=mt.CENTOS7)
def the_option_is_empty_for_a_tls_1_2_client(client: ClientSettings) -> Case:
    """``rsa_cert_file=`` starts, and can then complete no handshake.

    To a client of TLS 1.2 a server without a certificate has no suite that it could use: its log says
    ``no shared cipher``, which leads away from the cause. The client's user reads the document's sentence.
    """
    attempt = Attempt(vsftpd(certificate="empty"), client)
    high = attempt.with_server(ciphers="HIGH")
    remedies = [
        *mt.cures(attempt, "known-authority"),
        useless(f"{mt.SERVER_HIGH}, as the server's log suggests", high),
    ]
    return Case(attempt, mt.server_refuses(Reason.NO_SHARED_CIPHER), remedies=remedies)


@case(section=SECTION, clients=mt.ROCKY9)
def the_option_is_empty_for_a_tls_1_3_client(client: ClientSettings) -> Case:
    """``rsa_cert_file=`` again, and a client of TLS 1.3: the server's log is nearer to the cause.

    ``no suitable signature algorithm``: the server has nothing that it could sign with.
    """
    attempt = Attempt(vsftpd(certificate="empty"), client).with_client(goal=Goal.LOGIN)
    refusal = mt.server_refuses(Reason.NO_SERVER_CERTIFICATE)
    return Case(attempt, refusal, remedies=mt.cures(attempt, "known-authority"))


@case(section=SECTION, clients=mt.EVERYWHERE)
def tls_is_off(client: ClientSettings) -> Case:
    """Without ``ssl_enable`` the server does not know AUTH before a login, and says so.

    The message begins like the document's and ends otherwise: the reply that it quotes is ``530``.
    """
    attempt = Attempt(vsftpd(tls=False, protocols=mt.WHOLE), client)
    refusal = mt.tls_not_offered("FTP failed to start tls: Please login with USER and PASS.")
    remedies = [
        *mt.cures(attempt, "server-tls"),
        useless(mt.VERIFY_NONE, attempt.with_client(verify=False), mt.tls_not_offered()),
    ]
    return Case(attempt, refusal, remedies=remedies)


@case(section=SECTION, clients=mt.EVERYWHERE)
def a_public_certificate(client: ClientSettings) -> Case:
    """What the document recommends: a certificate that a public authority issued for the host's name."""
    return Case(Attempt(vsftpd(protocols=mt.WHOLE), client), mt.DELIVERED)
