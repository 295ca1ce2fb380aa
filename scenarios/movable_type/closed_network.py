"""TLS enabled or disabled in the delivery settings, in a network where nobody else listens.

Enabled means verified, also there. Disabled means that user, password and file cross the network in
clear text, where the server allows it.
"""

from lab.cases import Case, case, unsafe, vsftpd
from lab.model import Attempt, ClientSettings, Reason
from scenarios import movable_type as mt

SECTION = "Delivery in a closed network"


@case(section=SECTION, clients=mt.EVERYWHERE)
def tls_enabled_still_verifies(client: ClientSettings) -> Case:
    """A server that offers TLS with a self-signed certificate, and does not insist on it.

    TLS in the delivery settings means verification, closed network or not. Without TLS the server takes
    the file in clear text.
    """
    server = vsftpd(protocols=mt.WHOLE, tls_required_login=False, tls_required_data=False)
    attempt = Attempt(server, client).with_server(certificate="self-signed")
    refusal = mt.client_refuses(Reason.SELF_SIGNED_LEAF)
    remedies = [
        *mt.cures(attempt, "served-trusted"),
        unsafe("TLS off in the delivery settings", attempt.with_client(tls=False)),
    ]
    return Case(attempt, refusal, twin=attempt.with_server(certificate="valid"), remedies=remedies)


@case(section=SECTION, clients=mt.EVERYWHERE)
def tls_disabled_against_a_server_that_requires_it(client: ClientSettings) -> Case:
    """Plain FTP to a server that takes no login in clear text.

    Net::FTP tries USER again after the server's ``530 Non-anonymous sessions must use encryption.``;
    the server closes, and the user reads ``Connection closed``. Only the server's log has the truth.
    """
    attempt = Attempt(vsftpd(protocols=mt.WHOLE), client).with_client(tls=False)
    refusal = mt.login_needs_tls("[Net::FTP] Connection closed")
    return Case(attempt, refusal, remedies=mt.cures(attempt, "client-tls", "plain-login"))


@case(section=SECTION, clients=mt.EVERYWHERE)
def tls_required_for_data_alone(client: ClientSettings) -> Case:
    """A server that takes the login in clear text and the file not: only half of the switch was turned."""
    server = vsftpd(protocols=mt.WHOLE, tls_required_login=False)
    attempt = Attempt(server, client).with_client(tls=False)
    refusal = mt.data_needs_tls("Data connections must be encrypted.")
    twin = attempt.with_server(tls_required_data=False)
    return Case(attempt, refusal, twin=twin, remedies=mt.cures(attempt, "client-tls"))
