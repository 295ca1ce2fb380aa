"""What happens after the handshake: delivery works when a file has arrived, and not before.

None of this is in the document; all of it meets those who followed it.
"""

from dataclasses import replace

from lab.cases import Case, Race, Remedy, case, curl, ftplib, net_ftp, recommended, useless, vsftpd
from lab.model import SILENT, Attempt, ClientSettings, Goal, Reason, Side, Stage, only
from lab.model.expectations import Expectation, completed, false_success, refused
from lab.servers.pyftpdlib import Pyftpdlib
from scenarios import movable_type as mt

SESSION = "After the handshake: session reuse"
UPLOAD = "After the handshake: truncated uploads"
DATA = "After the handshake: data connections"
OPTIONS = "After the handshake: options of the server"

PLAIN_NET_FTP = [net_ftp("centos7"), net_ftp("rocky9", "DEFAULT"), net_ftp("rocky9", "FIPS")]
PYTHONS = [ftplib("centos7"), ftplib("rocky9", "DEFAULT")]
RESUMING = [net_ftp(name, libnet=n) for n in ("3.11", "3.15") for name in ("centos7", "rocky9")]
SHARED = net_ftp("rocky9", "DEFAULT", session_cache="shared")
REUSED = completed(data_protected=True, session_reused=True)
NOT_REUSED = completed(data_protected=True, session_reused=False)
TLS_1_2_CLIENT = "the client limited to TLS 1.2 (SSL_version=TLSv1_2)"
TLS_1_2_SERVER = "the server limited to TLS 1.2 (vsftpd.conf: ssl_tlsv13=NO)"

DIES = refused(Side.CLIENT, Stage.TRANSFER, Reason.DATA_TLS_FAILED)
ABORTED = refused(Side.SERVER, Stage.TRANSFER, Reason.ABORTED)
#: An upload of a few bytes is hit in a third of the tries or more, and in bursts: twelve tries once had none.
A_FEW_BYTES = Race(times=24, least=1, others=5)


def limited_server(attempt: Attempt) -> Remedy:
    """TLS 1.3 switched off at vsftpd."""
    return recommended(TLS_1_2_SERVER, attempt.with_server(protocols=mt.WHOLE), REUSED)


def limited_client(attempt: Attempt, then: Expectation = REUSED) -> Remedy:
    """TLS 1.3 switched off at the client."""
    return recommended(TLS_1_2_CLIENT, attempt.with_client(protocols=only("TLSv1.2")), then)


@case(section=SESSION, clients=PLAIN_NET_FTP)
def net_ftp_in_passive_mode(client: ClientSettings) -> Case:
    """Login works, every transfer fails: vsftpd wants the data channel to resume the session.

    That is its default (``require_ssl_reuse=YES``). Net::FTP of libnet 3.12 to 3.14 keeps the session
    under the control connection's name and looks for it under the data connection's address.
    """
    attempt = Attempt(vsftpd(protocols=mt.WHOLE), client)
    remedies = [
        recommended(
            "a session cache that answers every question with the one session",
            attempt.with_client(session_cache="shared"),
            REUSED,
        ),
        recommended("active mode", attempt.with_client(mode="active"), REUSED),
        recommended("libnet 3.15 on the client", attempt.with_client(libnet="3.15"), REUSED),
        recommended(
            f"{mt.NO_REUSE} (whoever guesses the port can then steal a transfer)",
            attempt.with_server(require_ssl_reuse=False),
            NOT_REUSED,
        ),
        useless(mt.VERIFY_NONE, attempt.with_client(verify=False)),
    ]
    twin = attempt.with_client(mode="active")
    return Case(attempt, mt.REUSE_REQUIRED, twin=twin, remedies=remedies)


@case(section=SESSION, clients=RESUMING)
def older_and_newer_libnet(client: ClientSettings) -> Case:
    """Net::FTP of libnet 3.11 and of 3.15 resumes in passive mode, over TLS 1.2.

    3.11 has a cache of one session, which it gives to every connection; 3.15 looks the session up under
    the name of the host.
    """
    return Case(Attempt(vsftpd(protocols=mt.WHOLE), client), REUSED)


@case(section=SESSION, clients=[net_ftp("rocky9", p, libnet="3.11") for p in ("DEFAULT", "FIPS")])
def an_older_libnet_over_tls_1_3(client: ClientSettings) -> Case:
    """Over TLS 1.3 libnet 3.11 dies in the data connection's handshake, whatever the server.

    OpenSSL drops a session of TLS 1.3 once it has been resumed, IO::Socket::SSL hands that on to the cache
    (``del_session``, since 2.061), and the cache that libnet 3.11 brings has no such method: Perl ends the
    call. Seen with IO::Socket::SSL 2.081.
    """
    attempt = Attempt(vsftpd(), client)
    remedies = [
        limited_server(attempt),
        limited_client(attempt),
        useless(mt.NO_REUSE, attempt.with_server(require_ssl_reuse=False)),
        useless("active mode", attempt.with_client(mode="active")),
    ]
    return Case(attempt, DIES, remedies=remedies)


@case(section=SESSION, clients=PYTHONS)
def pythons_own_ftplib(client: ClientSettings) -> Case:
    """Python's ftplib.FTP_TLS never resumes: its data connections are sessions of their own."""
    attempt = Attempt(vsftpd(protocols=mt.WHOLE), client)
    handed_on = attempt.with_client(program="ftplib-reuse")
    remedies = [
        recommended("a subclass that hands the control channel's session on", handed_on, REUSED),
        recommended(mt.NO_REUSE, attempt.with_server(require_ssl_reuse=False), NOT_REUSED),
    ]
    return Case(attempt, mt.REUSE_REQUIRED, remedies=remedies)


@case(section=SESSION, clients=[*PYTHONS, net_ftp("centos7"), net_ftp("rocky9", "DEFAULT")])
def a_server_that_does_not_ask_for_it(client: ClientSettings) -> Case:
    """A server without that demand, pyftpdlib: the same clients deliver."""
    attempt = Attempt(Pyftpdlib(protocols=mt.WHOLE), client)
    return Case(attempt, completed(verified=True, data_protected=True, session_reused=False))


@case(section=SESSION, clients=[curl("rocky9", "DEFAULT"), curl("rocky9", "FIPS"), curl("centos7")])
def curl_resumes_by_itself(client: ClientSettings) -> Case:
    """With nothing said, curl passes on a stock server over TLS 1.3."""
    return Case(Attempt(vsftpd(), client), REUSED)


@case(section=UPLOAD, clients=[replace(SHARED, policy=p, payload=6) for p in ("DEFAULT", "FIPS")])
def net_ftp_over_tls_1_3(client: ClientSettings) -> Case:
    """Over TLS 1.3 an upload of Net::FTP can end in ``426 Failure reading network stream``.

    The client closes the data connection while session tickets that it never read are in its receive
    buffer; its kernel then sends RST, and what the server has not read yet is lost. A race: most
    uploads of a few bytes are hit, fewer of large files, but in those the file on the server is short.
    """
    attempt = Attempt(vsftpd(), client)
    remedies = [limited_server(attempt), limited_client(attempt)]
    return Case(attempt, ABORTED, remedies=remedies, race=A_FEW_BYTES)


@case(
    section=UPLOAD,
    clients=[
        replace(client, payload=size)
        for client in (SHARED, net_ftp("rocky9", "DEFAULT", mode="active"))
        for size in (100_000, 1_000_000)
    ],
)
def net_ftp_over_tls_1_3_by_size_and_mode(client: ClientSettings) -> Case:
    """The same race with other payloads and in active mode: the rate is what is of interest here."""
    attempt = Attempt(vsftpd(), client)
    twin = attempt.with_server(protocols=mt.WHOLE)
    return Case(attempt, ABORTED, twin=twin, race=Race(times=4, least=0, others=2))


@case(section=UPLOAD, clients=[net_ftp("rocky9", "DEFAULT", libnet="3.15", payload=6)])
def a_newer_libnet_does_not_help_there(client: ClientSettings) -> Case:
    """The same race with libnet 3.15, which resumes the session by itself."""
    attempt = Attempt(vsftpd(), client)
    return Case(attempt, ABORTED, twin=attempt.with_server(protocols=mt.WHOLE), race=A_FEW_BYTES)


@case(section=UPLOAD, clients=[replace(SHARED, payload=200_000)])
def silently_truncated(client: ClientSettings) -> Case:
    """The same race against pyftpdlib: the client is told ``226``, and the file is short.

    Nobody reports anything. Only the comparison of the bytes shows it.
    """
    attempt = Attempt(Pyftpdlib(), client)
    limited = attempt.with_server(protocols=mt.WHOLE)
    remedies = [
        recommended("the server limited to TLS 1.2", limited, completed()),
        limited_client(attempt, completed()),
    ]
    return Case(attempt, false_success(), remedies=remedies, race=Race(times=30, least=1, others=5))


@case(section=DATA, clients=mt.OLD_AND_NEW)
def the_passive_address_is_wrong(client: ClientSettings) -> Case:
    """The server announces an address that leads nowhere, as behind a NAT that it does not know of.

    TLS has hidden the reply from whatever would have corrected it. Login works, the transfer waits for
    a connection that never comes.
    """
    attempt = Attempt(vsftpd(protocols=mt.WHOLE, pasv_address=SILENT), client)
    attempt = attempt.with_client(timeout_s=2.0)
    words = mt.CURES["passive-address"]
    remedies = [
        recommended(words, attempt.with_server(pasv_address=None), REUSED),
        recommended("active mode", attempt.with_client(mode="active"), REUSED),
    ]
    return Case(attempt, mt.NO_DATA_CONNECTION, remedies=remedies)


@case(section=DATA, clients=mt.OLD_AND_NEW)
def the_data_ports_are_blocked(client: ClientSettings) -> Case:
    """A packet filter lets the control port through and drops the passive ports."""
    attempt = Attempt(vsftpd(protocols=mt.WHOLE, data_ports="dropped"), client)
    attempt = attempt.with_client(timeout_s=2.0)
    cure = attempt.with_server(data_ports="open")
    return Case.cured(attempt, mt.NO_DATA_CONNECTION, mt.CURES["data-ports"], cure, REUSED)


@case(section=DATA, clients=mt.OLD_AND_NEW)
def the_data_ports_are_rejected(client: ClientSettings) -> Case:
    """The same with a filter that answers: the failure comes at once."""
    attempt = Attempt(vsftpd(protocols=mt.WHOLE, data_ports="rejected"), client)
    attempt = attempt.with_client(timeout_s=2.0)
    return Case(attempt, mt.NO_DATA_CONNECTION, twin=attempt.with_server(data_ports="open"))


@case(section=OPTIONS, clients=mt.OLD_AND_NEW)
def a_misspelt_tls_option(client: ClientSettings) -> Case:
    """``ssl_tlsv1_2=YES``, as the manual page spells it: vsftpd 3.0.5 does not start.

    Upstream's program knows ``ssl_tlsv12``; Enterprise Linux 9's build knows the page's spelling.
    """
    attempt = Attempt(vsftpd(extra=("ssl_tlsv1_2=YES",), protocols=mt.WHOLE), client)
    cure = attempt.with_server(extra=("ssl_tlsv12=YES",))
    twin = attempt.with_server(extra=())
    remedies = [recommended("vsftpd.conf: ssl_tlsv12=YES", cure, completed())]
    return Case(attempt, mt.DOES_NOT_START, twin=twin, remedies=remedies)


@case(section=OPTIONS, clients=mt.EVERYWHERE)
def the_server_rejects_the_name(client: ClientSettings) -> Case:
    """``ssl_sni_hostname`` names another host than the client does: alert 112, the same sentence."""
    attempt = Attempt(vsftpd(protocols=mt.WHOLE, ssl_sni_hostname="other.lab.test"), client)
    right = attempt.with_server(ssl_sni_hostname="ftp.lab.test")
    words = "vsftpd.conf: ssl_sni_hostname is the name that clients use"
    remedies = [
        recommended(words, right, completed()),
        useless(mt.VERIFY_NONE, attempt.with_client(verify=False)),
    ]
    return Case(attempt, mt.server_refuses(Reason.SNI_REJECTED), remedies=remedies)


@case(section=OPTIONS, clients=mt.EVERYWHERE)
def the_server_wants_a_client_certificate(client: ClientSettings) -> Case:
    """``require_cert=YES`` and a client that has none, over TLS 1.2: alert 40 inside the handshake."""
    attempt = Attempt(vsftpd(protocols=mt.WHOLE, require_cert=True), client)
    given = attempt.with_client(client_certificate="client")
    not_asked = attempt.with_server(require_cert=False)
    remedies = [
        recommended("a certificate for the client", given, completed()),
        recommended("vsftpd.conf: require_cert=NO", not_asked, completed()),
    ]
    return Case(attempt, mt.server_refuses(Reason.CLIENT_CERTIFICATE_REQUIRED), remedies=remedies)


@case(section=OPTIONS, clients=mt.clients("rocky9:DEFAULT", "rocky9:FIPS"))
def the_server_wants_a_client_certificate_over_tls_1_3(client: ClientSettings) -> Case:
    """The same over TLS 1.3: the client has finished its handshake when the server refuses.

    Its first command after that fails; the user reads ``Connection closed``.
    """
    attempt = Attempt(vsftpd(require_cert=True), client).with_client(goal=Goal.LOGIN)
    words = "[Net::FTP] Connection closed"
    refusal = refused(Side.SERVER, Stage.HANDSHAKE, Reason.CLIENT_CERTIFICATE_REQUIRED, words)
    return Case(attempt, refusal, twin=attempt.with_client(client_certificate="client"))


@case(section=OPTIONS, clients=mt.CENTOS7)
def no_protocol_version_in_common(client: ClientSettings) -> Case:
    """A server of TLS 1.3 alone, and a client on CentOS 7, which has none: alert 70."""
    attempt = Attempt(vsftpd(protocols=only("TLSv1.3")), client)
    cure = attempt.with_server(protocols=None)
    refusal = mt.server_refuses(Reason.NO_SHARED_PROTOCOL)
    return Case.cured(attempt, refusal, "vsftpd.conf: ssl_tlsv12=YES", cure, completed())
