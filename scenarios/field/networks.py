"""What stands between client and server: a NAT, a firewall, a middle-box."""

from lab.cases import (
    Case,
    case,
    curl,
    ftplib,
    net_ftp,
    pyftpdlib,
    recommended,
    temporary,
    unsafe,
    vsftpd,
)
from lab.clients.aioftp import Aioftp
from lab.model import Attempt, ClientSettings, Goal, Reason, Stage
from lab.model.expectations import completed
from scenarios import field

FTPLIB = [ftplib("rocky9", "DEFAULT")]
CURL = [curl("rocky9", "DEFAULT")]
AIOFTP = [Aioftp()]

PORT_REFUSED = field.server_refuses(Stage.TRANSFER, Reason.DATA_CONNECTION_FAILED)
NO_DATA_TLS = field.server_refuses(Stage.TRANSFER, Reason.DATA_TLS_FAILED)
NO_WAY = field.not_reached(Stage.TRANSFER, Reason.DATA_CONNECTION_FAILED)
NO_ANSWER = field.server_refuses(Stage.HANDSHAKE, Reason.TIMED_OUT)
SHORT = 3.0


@case(section=field.NETWORKS, clients=[*FTPLIB, net_ftp("centos7")])
def active_mode_behind_a_nat(client: ClientSettings) -> Case:
    """A client in active mode announces its private address, and vsftpd (3.0.5) refuses PORT.

    Under TLS the NAT cannot read PORT, and so puts no other address in its place.
    """
    server = vsftpd(client_nat=True, require_ssl_reuse=False, protocols=field.WHOLE)
    attempt = Attempt(server, client).with_client(mode="active")
    cure = attempt.with_client(mode="passive")
    twin = attempt.with_server(client_nat=False)
    return Case.cured(attempt, PORT_REFUSED, "passive mode", cure, field.DELIVERED, twin=twin)


@case(section=field.NETWORKS, clients=CURL)
def curl_in_active_mode(client: ClientSettings) -> Case:
    """In active mode curl 7.88.1 puts no TLS on the data connection that it has accepted.

    PROT P is agreed, and the file is on its way in clear text when the server ends the connection.
    """
    attempt = Attempt(vsftpd(protocols=field.WHOLE), client).with_client(mode="active")
    cure = attempt.with_client(mode="passive")
    return Case(attempt, NO_DATA_TLS, remedies=[recommended("passive mode", cure, field.DELIVERED)])


@case(section=field.NETWORKS, clients=FTPLIB)
def active_mode_behind_a_nat_at_pyftpdlib(client: ClientSettings) -> Case:
    """Behind a NAT pyftpdlib (2.2.0) rejects the private address of active mode as a foreign one."""
    attempt = Attempt(pyftpdlib(client_nat=True, protocols=field.WHOLE), client)
    attempt = attempt.with_client(mode="active")
    cure = attempt.with_client(mode="passive")
    twin = attempt.with_server(client_nat=False)
    return Case.cured(attempt, PORT_REFUSED, "passive mode", cure, field.DELIVERED, twin=twin)


@case(section=field.NETWORKS, clients=[*FTPLIB, *CURL])
def a_firewall_that_follows_passive_replies(client: ClientSettings) -> Case:
    """A firewall that reads passive replies opens no port under TLS, and the transfer waits in vain.

    It is the kernel's own (nf_conntrack_ftp): what it reads in a reply to PASV or EPSV it lets in.
    """
    server = vsftpd(data_ports="followed", require_ssl_reuse=False, protocols=field.WHOLE)
    attempt = Attempt(server, client).with_client(timeout_s=SHORT)
    in_clear = attempt.with_server(
        tls=False, tls_required_login=False, tls_required_data=False, protocols=None
    )
    remedies = [
        recommended(
            "the firewall lets a fixed range of passive ports in",
            attempt.with_server(data_ports="open", pasv_ports="40000-40009"),
            field.DELIVERED,
        ),
        unsafe("FTP without TLS, which the firewall can read", in_clear.with_client(tls=False)),
    ]
    return Case(attempt, NO_WAY, twin=attempt.with_server(data_ports="open"), remedies=remedies)


@case(section=field.NETWORKS, clients=AIOFTP)
def a_long_client_hello(client: ClientSettings) -> Case:
    """A middle-box drops a ClientHello of more than one segment, as OpenSSL 3.5 sends it on Debian 13.

    Its key share of X25519MLKEM768 alone is 1216 bytes. The client waits for an answer until its own limit.
    """
    attempt = Attempt(vsftpd(hello_filter="dropped"), client)
    attempt = attempt.with_client(timeout_s=SHORT, goal=Goal.LOGIN)
    remedies = [
        recommended(
            "the middle-box is corrected, or taken away",
            attempt.with_server(hello_filter="open"),
            completed(verified=True),
        ),
        temporary(
            "TLS 1.2 at the client, whose ClientHello has no key share",
            attempt.with_client(protocols=field.WHOLE),
            completed(protocol="TLSv1.2", verified=True),
        ),
    ]
    return Case(attempt, NO_ANSWER, remedies=remedies)


@case(section=field.NETWORKS, clients=CURL)
def a_client_hello_of_enterprise_linux(client: ClientSettings) -> Case:
    """The same middle-box lets Enterprise Linux 9 pass: its crypto policy DEFAULT has no such key share."""
    attempt = Attempt(vsftpd(hello_filter="dropped", protocols=field.WHOLE), client)
    return Case(attempt, field.DELIVERED)
