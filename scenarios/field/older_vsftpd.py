"""vsftpd 3.0.3, which Debian 12 has, beside 3.0.5."""

from functools import partial

from lab.cases import Case, case, curl, ftplib, recommended, temporary, vsftpd
from lab.model import Attempt, ClientSettings, Goal
from lab.model.expectations import completed
from scenarios import field

vsftpd_3_0_3 = partial(vsftpd, software="vsftpd@3.0.3")
FTPLIB = [ftplib("rocky9", "DEFAULT")]
CURL = [curl("rocky9", "DEFAULT")]


@case(section=field.SERVERS, clients=FTPLIB)
def a_switch_that_3_0_3_does_not_know(client: ClientSettings) -> Case:
    """A vsftpd 3.0.3 does not start with ssl_tlsv12=YES, which 3.0.5 wants.

    It says so on descriptor 0, where nobody reads it under a service manager. TLS 1.2 and 1.3 are on without
    a line.
    """
    attempt = Attempt(vsftpd_3_0_3(extra=("ssl_tlsv12=YES",), require_ssl_reuse=False), client)
    cure = attempt.with_server(extra=())
    words = "the line is taken out: TLS 1.2 and 1.3 are on by themselves"
    return Case.cured(attempt, field.CLOSED_PORT, words, cure, field.DELIVERED)


@case(section=field.SERVERS, clients=FTPLIB)
def a_server_name_that_3_0_3_does_not_know(client: ClientSettings) -> Case:
    """A vsftpd 3.0.3 does not start with ssl_sni_hostname: that option came with 3.0.5."""
    line = ("ssl_sni_hostname=vsftpd-3-0-3.lab.test",)
    attempt = Attempt(vsftpd_3_0_3(extra=line, require_ssl_reuse=False), client)
    cure = attempt.with_server(extra=())
    return Case.cured(attempt, field.CLOSED_PORT, "the line is taken out", cure, field.DELIVERED)


@case(section=field.RESUMES, clients=FTPLIB)
def session_reuse_at_3_0_3(client: ClientSettings) -> Case:
    """A vsftpd 3.0.3 as it is shipped demands session reuse as 3.0.5 does, and ftplib cannot."""
    attempt = Attempt(vsftpd_3_0_3(), client)
    remedies = [
        recommended(
            "a client that resumes the session",
            attempt.with_client(program="ftplib-reuse"),
        ),
        temporary(
            "require_ssl_reuse=NO on the server",
            attempt.with_server(require_ssl_reuse=False),
            field.DELIVERED,
        ),
    ]
    twin = attempt.with_server(require_ssl_reuse=False)
    return Case(attempt, field.REUSE_REQUIRED, twin=twin, remedies=remedies)


@case(section=field.SERVERS, clients=CURL)
def tls_1_3_with_3_0_3(client: ClientSettings) -> Case:
    """A vsftpd 3.0.3 on OpenSSL 3.0 speaks TLS 1.3, although no line of its file can say so."""
    attempt = Attempt(vsftpd_3_0_3(), client).with_client(goal=Goal.LOGIN)
    return Case(attempt, completed(protocol="TLSv1.3", verified=True))
