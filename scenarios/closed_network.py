"""TLS enabled or disabled in the delivery settings, in a network where nobody else listens.

Enabled means verified, also there. Disabled means that user, password and file cross the network in
clear text, where the server allows it.
"""

from lab.cases import Case, case, recommended, unsafe, vsftpd
from lab.expectations import completed, refused
from lab.model import Attempt, ClientSettings, Reason, Side, Stage
from scenarios._movable_type import DOCUMENT, EVERYWHERE, WHOLE, client_refuses

SECTION = "Delivery in a closed network"
CLEAR = completed(data_protected=False)


@case(document=DOCUMENT, section=SECTION, clients=EVERYWHERE)
def tls_enabled_still_verifies(client: ClientSettings) -> Case:
    """A server that offers TLS with a self-signed certificate, and does not insist on it.

    TLS in the delivery settings means verification, closed network or not. Without TLS the server takes
    the file in clear text.
    """
    server = vsftpd(
        certificate="self-signed",
        protocols=WHOLE,
        tls_required_login=False,
        tls_required_data=False,
    )
    attempt = Attempt(server, client)
    return Case(
        attempt,
        client_refuses(Reason.SELF_SIGNED_LEAF),
        twin=attempt.with_server(certificate="valid"),
        remedies=[
            recommended(
                "the server's certificate given to the client as a trust anchor",
                attempt.with_client(trust="self-signed"),
                completed(verified=True, data_protected=True),
                impostor=client_refuses(Reason.UNKNOWN_ISSUER),
            ),
            unsafe("TLS off in the delivery settings", attempt.with_client(tls=False), CLEAR),
        ],
    )


@case(document=DOCUMENT, section=SECTION, clients=EVERYWHERE)
def tls_disabled_against_a_server_that_requires_it(client: ClientSettings) -> Case:
    """Plain FTP to a server that takes no login in clear text.

    Net::FTP tries USER again after the server's ``530 Non-anonymous sessions must use encryption.``;
    the server closes, and the user reads ``Connection closed``. Only the server's log has the truth.
    """
    attempt = Attempt(vsftpd(protocols=WHOLE), client).with_client(tls=False)
    return Case(
        attempt,
        refused(
            by=Side.SERVER,
            at=Stage.LOGIN,
            because=Reason.TLS_REQUIRED,
            message="[Net::FTP] Connection closed",
        ),
        twin=attempt.with_client(tls=True),
        remedies=[
            recommended(
                "TLS on in the delivery settings",
                attempt.with_client(tls=True),
                completed(verified=True, data_protected=True),
            ),
            unsafe(
                "vsftpd.conf: force_local_logins_ssl=NO and force_local_data_ssl=NO",
                attempt.with_server(tls_required_login=False, tls_required_data=False),
                CLEAR,
            ),
        ],
    )


@case(document=DOCUMENT, section=SECTION, clients=EVERYWHERE)
def tls_required_for_data_alone(client: ClientSettings) -> Case:
    """A server that takes the login in clear text and the file not: only half of the switch was turned."""
    server = vsftpd(protocols=WHOLE, tls_required_login=False)
    attempt = Attempt(server, client).with_client(tls=False)
    return Case(
        attempt,
        refused(
            by=Side.SERVER,
            at=Stage.TRANSFER,
            because=Reason.DATA_TLS_REQUIRED,
            message="Data connections must be encrypted.",
        ),
        twin=attempt.with_server(tls_required_data=False),
        remedies=[
            recommended("TLS on in the delivery settings", attempt.with_client(tls=True)),
        ],
    )
