"""ProFTPD and Pure-FTPd, the servers of most shared hosting, with the settings that they are shipped with."""

from lab.cases import Case, case, curl, ftplib, net_ftp, recommended, temporary, unsafe, useless
from lab.model import Attempt, ClientSettings, Reason, Side, Stage, from_, only
from lab.model.expectations import completed, refused
from lab.servers.proftpd import Proftpd
from lab.servers.pure_ftpd import PureFtpd
from scenarios import field

FTPLIB = [ftplib("rocky9", "DEFAULT")]
OLD_FTPLIB = [ftplib("centos7")]
NET_FTP = [net_ftp("rocky9", "DEFAULT")]
SHARING = [net_ftp("rocky9", "DEFAULT", session_cache="shared")]
CURL = [curl("rocky9", "DEFAULT")]

#: What clients are told that offer suites which the server does not have.
ECDHE_ONLY = "ECDHE+AESGCM"
NO_REUSE = "proftpd.conf: TLSOptions NoSessionReuseRequired"

DATA_REFUSED = field.server_refuses(Stage.TRANSFER, Reason.DATA_TLS_REQUIRED)
LOGIN_REFUSED = field.server_refuses(Stage.LOGIN, Reason.TLS_REQUIRED)
NO_VERSION = field.server_refuses(Stage.HANDSHAKE, Reason.NO_SHARED_PROTOCOL)
#: Alert 40, of which the server's log does not say what for.
NOT_TOLD = field.server_refuses(Stage.HANDSHAKE, Reason.UNKNOWN)
IN_CLEAR = completed(data_protected=False)
#: The login is still protected: an impostor gets none.
NO_IMPOSTOR = field.client_refuses(Reason.UNKNOWN_ISSUER)


# -- ProFTPD -----------------------------------------------------------------------------------------


@case(section=field.RESUMES, clients=FTPLIB)
def proftpd_turns_ftplib_away(client: ClientSettings) -> Case:
    """ProFTPD (1.3.8c) as it is shipped answers 425 to Python's ftplib, which does not resume the session."""
    attempt = Attempt(Proftpd(), client)
    remedies = [
        temporary(NO_REUSE, attempt.with_server(require_ssl_reuse=False)),
        useless(
            "proftpd.conf: TLSProtocol TLSv1.2", attempt.with_server(protocols=only("TLSv1.2"))
        ),
    ]
    return Case(attempt, field.REUSE_REQUIRED, remedies=remedies)


@case(section=field.RESUMES, clients=NET_FTP)
def proftpd_turns_net_ftp_away(client: ClientSettings) -> Case:
    """ProFTPD (1.3.8c) answers 425 to Net::FTP, until that hands the session on.

    As it is shipped it speaks TLS 1.3, too, and answers the same; what is uploaded then is in the race of
    ``after_the_handshake.net_ftp_over_tls_1_3``, whatever is done about the session.
    """
    attempt = Attempt(Proftpd(protocols=field.WHOLE), client)
    remedies = [
        recommended(
            "a data connection that gets the control connection's session",
            attempt.with_client(session_cache="shared"),
            field.RESUMED,
        ),
        temporary(NO_REUSE, attempt.with_server(require_ssl_reuse=False)),
    ]
    twin = attempt.with_server(require_ssl_reuse=False)
    return Case(attempt, field.REUSE_REQUIRED, twin=twin, remedies=remedies)


@case(section=field.RESUMES, clients=CURL)
def proftpd_takes_curl(client: ClientSettings) -> Case:
    """ProFTPD (1.3.8c) as it is shipped takes curl's upload: curl resumes the session by itself."""
    return Case(Attempt(Proftpd(), client), field.RESUMED)


@case(section=field.SERVERS, clients=FTPLIB)
def proftpd_wants_prot_p(client: ClientSettings) -> Case:
    """ProFTPD (1.3.8c) with TLSRequired answers 522 to a transfer for which nobody asked for PROT P."""
    settings = Proftpd(require_ssl_reuse=False)
    attempt = Attempt(settings, client).with_client(protect_data=False)
    remedies = [
        recommended("ftplib: prot_p()", attempt.with_client(protect_data=True)),
        unsafe(
            "proftpd.conf: TLSRequired ctrl",
            attempt.with_server(tls_required_data=False),
            IN_CLEAR,
            NO_IMPOSTOR,
        ),
    ]
    return Case(attempt, DATA_REFUSED, remedies=remedies)


@case(section=field.SERVERS, clients=SHARING)
def proftpd_refuses_prot_c(client: ClientSettings) -> Case:
    """ProFTPD (1.3.8c) with TLSRequired answers 534 to PROT C."""
    attempt = Attempt(Proftpd(), client).with_client(protect_data=False)
    refusal = field.server_refuses(Stage.PROTECT, Reason.PROTECTION_REFUSED)
    return Case.cured(attempt, refusal, "PROT P", attempt.with_client(protect_data=True))


@case(section=field.SERVERS, clients=FTPLIB)
def proftpd_wants_tls_for_the_login(client: ClientSettings) -> Case:
    """ProFTPD (1.3.8c) with TLSRequired answers 550 to a login in clear text."""
    attempt = Attempt(Proftpd(require_ssl_reuse=False), client).with_client(tls=False)
    return Case.cured(attempt, LOGIN_REFUSED, "ftplib: FTP_TLS", attempt.with_client(tls=True))


@case(section=field.WORDS, clients=CURL)
def proftpd_has_no_suite_in_common(client: ClientSettings) -> Case:
    """ProFTPD (1.3.8c) ends a handshake without a common suite with alert 40; its TLSLog says why."""
    attempt = Attempt(Proftpd(ciphers="AES128-SHA", protocols=only("TLSv1.2")), client)
    attempt = attempt.with_client(ciphers=ECDHE_ONLY)
    cure = attempt.with_server(ciphers="HIGH")
    return Case.cured(attempt, field.NO_SHARED_CIPHER, "proftpd.conf: TLSCipherSuite HIGH", cure)


@case(section=field.WORDS, clients=OLD_FTPLIB)
def proftpd_speaks_no_older_version(client: ClientSettings) -> Case:
    """ProFTPD (1.3.8c) with TLSProtocol TLSv1.3 ends the handshake of CentOS 7's ftplib with alert 70."""
    attempt = Attempt(Proftpd(protocols=only("TLSv1.3"), require_ssl_reuse=False), client)
    cure = attempt.with_server(protocols=from_("TLSv1.2"))
    return Case.cured(attempt, NO_VERSION, "proftpd.conf: TLSProtocol TLSv1.2 TLSv1.3", cure)


@case(section=field.WORDS, clients=OLD_FTPLIB)
def proftpd_of_debian_12_says_internal_error(client: ClientSettings) -> Case:
    """ProFTPD of Debian 12 (1.3.8, OpenSSL 3.0) answers a client with TLS 1.0 alone with alert 80."""
    settings = Proftpd(software="proftpd@debian12", require_ssl_reuse=False)
    attempt = Attempt(settings, client).with_client(protocols=only("TLSv1"))
    cure = attempt.with_client(protocols=None)
    refusal = field.server_refuses(Stage.HANDSHAKE, Reason.INTERNAL_ERROR_ALERT)
    return Case.cured(attempt, refusal, "no limit of versions at the client", cure)


@case(section=field.WORDS, clients=CURL)
def proftpd_has_no_certificate(client: ClientSettings) -> Case:
    """ProFTPD (1.3.8c) with TLSEngine on and no certificate starts, and answers AUTH with 431."""
    attempt = Attempt(Proftpd(certificate="unset"), client)
    refusal = field.server_refuses(Stage.AUTH, Reason.NO_SERVER_CERTIFICATE)
    words = "proftpd.conf: TLSRSACertificateFile and TLSRSACertificateKeyFile"
    return Case.cured(attempt, refusal, words, attempt.with_server(certificate="valid"))


@case(section=field.WORDS, clients=CURL)
def proftpd_does_not_send_the_chain_of_its_file(client: ClientSettings) -> Case:
    """ProFTPD (1.3.8c) does not send the intermediate behind the leaf in TLSRSACertificateFile."""
    attempt = Attempt(Proftpd(certificate_chain=False), client)
    remedies = [
        recommended(
            "proftpd.conf: TLSCertificateChainFile, the same file",
            attempt.with_server(certificate_chain=True),
        ),
        unsafe("curl --insecure", attempt.with_client(verify=False)),
    ]
    return Case(attempt, field.client_refuses(Reason.UNKNOWN_ISSUER), remedies=remedies)


@case(section=field.WORDS, clients=[*CURL, *FTPLIB])
def proftpd_has_the_key_of_another_certificate(client: ClientSettings) -> Case:
    """ProFTPD (1.3.8c) with the key of another certificate starts, and closes every connection at once."""
    attempt = Attempt(Proftpd(key_of="self-signed", require_ssl_reuse=False), client)
    refusal = refused(
        by=Side.SERVER,
        at=Stage.GREETING,
        because=Reason.CLOSED,
        cause="the server's key does not belong to its certificate",
    )
    remedies = [
        recommended(
            "the private key that belongs to the certificate", attempt.with_server(key_of=None)
        ),
        useless("no TLS at the client", attempt.with_client(tls=False)),
    ]
    return Case(attempt, refusal, remedies=remedies)


@case(section=field.WORDS, clients=CURL)
def pure_ftpd_has_the_key_of_another_certificate(client: ClientSettings) -> Case:
    """Pure-FTPd (1.0.50) with the key of another certificate says that the file doesn't exist, and ends."""
    attempt = Attempt(PureFtpd(key_of="self-signed"), client)
    cure = attempt.with_server(key_of=None)
    remedies = [recommended("the private key that belongs to the certificate", cure)]
    return Case(attempt, field.CLOSED_PORT, remedies=remedies)


@case(section=field.WORDS, clients=FTPLIB)
def proftpd_wants_a_client_certificate_over_tls_1_3(client: ClientSettings) -> Case:
    """ProFTPD (1.3.8c) with TLSVerifyClient on: over TLS 1.3 ftplib learns of it at USER, by alert 116."""
    attempt = Attempt(Proftpd(require_cert=True, require_ssl_reuse=False), client)
    cure = attempt.with_client(client_certificate="client")
    return Case.cured(attempt, field.NO_CERTIFICATE_SHOWN, "a certificate for the client", cure)


@case(section=field.WORDS, clients=CURL)
def proftpd_wants_a_client_certificate_over_tls_1_2(client: ClientSettings) -> Case:
    """ProFTPD (1.3.8c) with TLSVerifyClient on: over TLS 1.2 the client reads alert 40; the log says why."""
    attempt = Attempt(Proftpd(require_cert=True, protocols=only("TLSv1.2")), client)
    cure = attempt.with_client(client_certificate="client")
    return Case.cured(attempt, field.NO_CERTIFICATE_SHOWN, "a certificate for the client", cure)


@case(section=field.NETWORKS, clients=SHARING)
def proftpd_announces_an_address_that_nobody_reaches(client: ClientSettings) -> Case:
    """ProFTPD (1.3.8c) with a wrong MasqueradeAddress: Net::FTP goes where it is sent, and nobody answers."""
    attempt = Attempt(Proftpd(pasv_address="silent"), client).with_client(timeout_s=3.0)
    refusal = field.not_reached(Stage.TRANSFER, Reason.DATA_CONNECTION_FAILED)
    words = "proftpd.conf: MasqueradeAddress with the address that clients reach"
    return Case.cured(attempt, refusal, words, attempt.with_server(pasv_address=None))


@case(section=field.NETWORKS, clients=CURL)
def curl_does_not_mind_the_address(client: ClientSettings) -> Case:
    """Curl (7.88.1) delivers to a ProFTPD (1.3.8c) with a wrong MasqueradeAddress: EPSV has no address."""
    return Case(Attempt(Proftpd(pasv_address="silent"), client), field.RESUMED)


@case(section=field.WORDS, clients=FTPLIB)
def proftpd_waits_for_tls(client: ClientSettings) -> Case:
    """ProFTPD (1.3.8c) with TLSOptions UseImplicitSSL says nothing to a client that waits for a greeting."""
    settings = Proftpd(implicit_tls=True, require_ssl_reuse=False)
    attempt = Attempt(settings, client).with_client(timeout_s=3.0)
    cure = attempt.with_server(implicit_tls=False)
    refusal = field.server_refuses(Stage.GREETING, Reason.TIMED_OUT)
    return Case.cured(attempt, refusal, "proftpd.conf: no UseImplicitSSL on this port", cure)


# -- Pure-FTPd ---------------------------------------------------------------------------------------


@case(section=field.RESUMES, clients=[*FTPLIB, *NET_FTP])
def pure_ftpd_asks_for_no_session(client: ClientSettings) -> Case:
    """Pure-FTPd (1.0.50) takes uploads of clients that do not resume the session."""
    expected = completed(verified=True, data_protected=True, session_reused=False)
    return Case(Attempt(PureFtpd(), client), expected)


@case(section=field.SERVERS, clients=FTPLIB)
def pure_ftpd_wants_tls_for_the_login(client: ClientSettings) -> Case:
    """Pure-FTPd (1.0.50) with TLS 2 or 3 answers 421 to a login in clear text."""
    attempt = Attempt(PureFtpd(), client).with_client(tls=False)
    return Case.cured(attempt, LOGIN_REFUSED, "ftplib: FTP_TLS", attempt.with_client(tls=True))


@case(section=field.SERVERS, clients=FTPLIB)
def pure_ftpd_wants_prot_p(client: ClientSettings) -> Case:
    """Pure-FTPd (1.0.50) with TLS 3 answers 521 to a transfer for which nobody asked for PROT P."""
    attempt = Attempt(PureFtpd(), client).with_client(protect_data=False)
    remedies = [
        recommended("ftplib: prot_p()", attempt.with_client(protect_data=True)),
        unsafe(
            "pure-ftpd.conf: TLS 2",
            attempt.with_server(tls_required_data=False),
            IN_CLEAR,
            NO_IMPOSTOR,
        ),
    ]
    return Case(attempt, DATA_REFUSED, remedies=remedies)


@case(section=field.WORDS, clients=CURL)
def pure_ftpd_does_not_say_what_is_missing(client: ClientSettings) -> Case:
    """Pure-FTPd (1.0.50) ends a handshake without a common suite with alert 40, and no log says why."""
    attempt = Attempt(PureFtpd(ciphers="AES128-SHA"), client)
    attempt = attempt.with_client(ciphers=ECDHE_ONLY, protocols=only("TLSv1.2"))
    cure = attempt.with_server(ciphers="HIGH")
    return Case.cured(attempt, NOT_TOLD, "pure-ftpd.conf: TLSCipherSuite HIGH", cure)


@case(section=field.WORDS, clients=OLD_FTPLIB)
def pure_ftpd_begins_at_tls_1_2(client: ClientSettings) -> Case:
    """Pure-FTPd (1.0.50) ends the handshake of a client that has TLS 1.1 at most with alert 70."""
    attempt = Attempt(PureFtpd(), client).with_client(protocols=only("TLSv1.1"))
    cure = attempt.with_client(protocols=None)
    return Case.cured(attempt, NO_VERSION, "no limit of versions at the client", cure)


@case(section=field.SERVERS, clients=FTPLIB)
def pure_ftpd_takes_a_client_certificate(client: ClientSettings) -> Case:
    """Pure-FTPd (1.0.50) with TLSCipherSuite -C:HIGH takes a certificate of the CA in its own CertFile."""
    attempt = Attempt(PureFtpd(require_cert=True), client)
    return Case(attempt.with_client(client_certificate="client"), field.DELIVERED)


@case(section=field.WORDS, clients=CURL)
def pure_ftpd_wants_a_client_certificate_over_tls_1_2(client: ClientSettings) -> Case:
    """Pure-FTPd (1.0.50) with TLSCipherSuite -C:HIGH: over TLS 1.2 nobody learns what is missing."""
    attempt = Attempt(PureFtpd(require_cert=True), client).with_client(protocols=only("TLSv1.2"))
    cure = attempt.with_client(client_certificate="client")
    return Case(attempt, NOT_TOLD, remedies=[recommended("a certificate for the client", cure)])


@case(section=field.WORDS, clients=CURL)
def pure_ftpd_has_no_certificate(client: ClientSettings) -> Case:
    """Pure-FTPd (1.0.50) with TLS and no /etc/ssl/private/pure-ftpd.pem does not start."""
    attempt = Attempt(PureFtpd(certificate="unset"), client)
    cure = attempt.with_server(certificate="valid")
    return Case.cured(attempt, field.CLOSED_PORT, "pure-ftpd.conf: CertFile", cure)


@case(section=field.WORDS, clients=CURL)
def pure_ftpd_denies_that_the_file_exists(client: ClientSettings) -> Case:
    """Pure-FTPd (1.0.50) says that a file doesn't exist whose RSA key has 1024 bits, and does not start."""
    attempt = Attempt(PureFtpd(certificate="weak-key"), client)
    cure = attempt.with_server(certificate="valid")
    return Case.cured(attempt, field.CLOSED_PORT, "a certificate with a key of 2048 bits", cure)
