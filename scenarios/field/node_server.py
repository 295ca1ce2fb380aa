"""npm's ftp-srv: the FTP server of Node people, as it is without an option beside its certificate."""

from lab.cases import Case, Race, case, curl, ftplib, recommended
from lab.model import Attempt, ClientSettings, Goal, Reason, Side, Stage
from lab.model.expectations import completed, refused
from lab.servers.ftp_srv import FtpSrv
from scenarios import field

CURL = [curl("rocky9", "DEFAULT")]
FTPLIB = [ftplib("rocky9", "DEFAULT")]


@case(section=field.SERVERS, clients=CURL)
def ftp_srv_answers_before_it_upgrades(client: ClientSettings) -> Case:
    """A client of ftp-srv (4.6.3) may read that its server does not speak TLS: a race after AUTH TLS.

    It answers 234 before it has put TLS on the connection. A ClientHello that comes at once is read as an FTP
    command, and answered in clear text: 502 Command not allowed.
    """
    attempt = Attempt(FtpSrv(protocols=field.WHOLE), client)
    return Case(
        attempt,
        refused(Side.CLIENT, Stage.HANDSHAKE, Reason.PLAINTEXT_PEER),
        twin=attempt.with_client(tls=False),
        remedies=[
            recommended(
                "TLS from the first byte on (the option url is ftps://)",
                attempt.with_server(implicit_tls=True).with_client(implicit_tls=True),
                field.DELIVERED,
            )
        ],
        race=Race(times=10, least=1, others=3),
    )


@case(section=field.SERVERS, clients=FTPLIB)
def ftp_srv_takes_logins_in_clear(client: ClientSettings) -> Case:
    """With a certificate set, ftp-srv (4.6.3) takes a login without TLS, and cannot be told not to."""
    attempt = Attempt(FtpSrv(), client).with_client(tls=False, goal=Goal.LOGIN)
    return Case(attempt, completed())
