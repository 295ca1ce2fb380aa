"""The same settings on pyftpdlib, a second implementation: what it words or does otherwise.

Its certificate cases are beside vsftpd's; here is what its own replies change.
"""

from lab.cases import Case, case, pyftpdlib, recommended, unsafe
from lab.expectations import completed, refused
from lab.model import Attempt, ClientSettings, Reason, Side, Stage
from scenarios._movable_type import DOCUMENT, WHOLE, clients

SECTION = "Another server program"
BOTH = clients("centos7", "rocky9:DEFAULT")
DELIVERED = completed(verified=True, data_protected=True)
no_data_connection = refused(
    by=Side.NETWORK, at=Stage.TRANSFER, because=Reason.DATA_CONNECTION_FAILED
)


@case(document=DOCUMENT, section=SECTION, clients=BOTH)
def plain_ftp_where_tls_is_required(client: ClientSettings) -> Case:
    """Here the user reads the truth: this server's refusal is the last reply, not an earlier one."""
    attempt = Attempt(pyftpdlib(protocols=WHOLE), client).with_client(tls=False)
    return Case(
        attempt,
        refused(
            by=Side.SERVER,
            at=Stage.LOGIN,
            because=Reason.TLS_REQUIRED,
            message="SSL/TLS required on the control channel.",
        ),
        twin=attempt.with_client(tls=True),
        remedies=[
            recommended(
                "TLS on in the delivery settings", attempt.with_client(tls=True), DELIVERED
            ),
            unsafe(
                "the server takes plain FTP",
                attempt.with_server(tls_required_login=False, tls_required_data=False),
                completed(data_protected=False),
            ),
        ],
    )


@case(document=DOCUMENT, section=SECTION, clients=BOTH)
def plain_data_where_tls_is_required(client: ClientSettings) -> Case:
    """The login may be in clear text, the file may not."""
    server = pyftpdlib(protocols=WHOLE, tls_required_login=False)
    attempt = Attempt(server, client).with_client(tls=False)
    return Case(
        attempt,
        refused(
            by=Side.SERVER,
            at=Stage.TRANSFER,
            because=Reason.DATA_TLS_REQUIRED,
            message="SSL/TLS required on the data channel.",
        ),
        twin=attempt.with_server(tls_required_data=False),
    )


@case(document=DOCUMENT, section=SECTION, clients=BOTH)
def tls_is_off_there(client: ClientSettings) -> Case:
    """Without TLS this server does not know AUTH: the sentence ends in its words."""
    attempt = Attempt(pyftpdlib(tls=False, protocols=WHOLE), client)
    return Case(
        attempt,
        refused(
            by=Side.SERVER,
            at=Stage.AUTH,
            because=Reason.TLS_NOT_OFFERED,
            message='FTP failed to start tls: Command "AUTH" not understood.',
        ),
        twin=attempt.with_server(tls=True),
    )


@case(document=DOCUMENT, section=SECTION, clients=BOTH)
def no_certificate_there(client: ClientSettings) -> Case:
    """With TLS on and no certificate this server does not start, whichever way it is missing."""
    attempt = Attempt(pyftpdlib(certificate="empty", protocols=WHOLE), client)
    return Case(
        attempt,
        refused(by=Side.NETWORK, at=Stage.CONNECT, because=Reason.CONNECTION_REFUSED),
        twin=attempt.with_server(certificate="valid"),
    )


@case(document=DOCUMENT, section=SECTION, clients=BOTH)
def the_passive_address_is_wrong_there(client: ClientSettings) -> Case:
    """The same wait for a connection that never comes."""
    attempt = Attempt(pyftpdlib(protocols=WHOLE, pasv_address="192.0.2.1"), client)
    attempt = attempt.with_client(timeout_s=2.0)
    return Case(attempt, no_data_connection, twin=attempt.with_server(pasv_address=None))


@case(document=DOCUMENT, section=SECTION, clients=BOTH)
def the_data_ports_are_rejected_there(client: ClientSettings) -> Case:
    """A packet filter in front of the passive ports does not care which server is behind it."""
    attempt = Attempt(pyftpdlib(protocols=WHOLE, data_ports="rejected"), client)
    return Case(attempt, no_data_connection, twin=attempt.with_server(data_ports="open"))
