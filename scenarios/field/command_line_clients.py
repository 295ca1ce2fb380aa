"""Command lines: what lftp, wget and netkit's ftp-ssl check, and what they do when TLS fails."""

from lab.cases import Case, Race, case, recommended, vsftpd
from lab.clients.ftp_ssl import FtpSsl
from lab.clients.lftp import Lftp
from lab.clients.wget import Wget
from lab.model import Attempt, ClientSettings, Reason, Stage
from lab.model.expectations import completed, false_success
from scenarios import field

LFTP = [Lftp(protocols=field.WHOLE)]
#: It would go on trying for as long as it is let.
SHORT_LFTP = [Lftp(protocols=field.WHOLE, timeout_s=2)]
FORCED_LFTP = [Lftp(protocols=field.WHOLE, ssl_force=True)]
WGET = [Wget()]
FTP_SSL = [FtpSsl()]

IN_CLEAR_TEXT = completed(data_protected=False)


def _checked(client: ClientSettings, certificate: str, because: Reason) -> Case:
    attempt = Attempt(vsftpd(certificate=certificate, protocols=field.WHOLE), client)
    return field.refused_certificate(attempt, because)


# -- lftp ----------------------------------------------------------------------------------------------


@case(section=field.VERIFIES, clients=LFTP)
def lftp_checks_who_issued_the_certificate(client: ClientSettings) -> Case:
    """With nothing set, lftp (4.9.2) refuses a certificate that signed itself.

    GnuTLS says of it what it says of every issuer that it does not know.
    """
    attempt = Attempt(vsftpd(certificate="self-signed", protocols=field.WHOLE), client)
    return field.refused_certificate(
        attempt,
        Reason.UNKNOWN_ISSUER,
        remedies=field.given_or_unchecked(
            attempt,
            "lftp: set ssl:ca-file to the certificate that the server has",
            "lftp: set ssl:verify-certificate no",
            field.DELIVERED,
        ),
    )


@case(section=field.VERIFIES, clients=LFTP)
def lftp_checks_the_name(client: ClientSettings) -> Case:
    """With nothing set, lftp (4.9.2) refuses a certificate for another host."""
    return _checked(client, "wrong-host", Reason.HOSTNAME_MISMATCH)


@case(section=field.VERIFIES, clients=LFTP)
def lftp_checks_the_dates(client: ClientSettings) -> Case:
    """With nothing set, lftp (4.9.2) refuses a certificate that has expired."""
    return _checked(client, "expired", Reason.EXPIRED)


@case(section=field.SAYS_SUCCESS, clients=LFTP)
def lftp_delivers_in_clear_text_where_auth_is_refused(client: ClientSettings) -> Case:
    """Where the server refuses AUTH, lftp (4.9.2) sends password and file in clear text, without a word."""
    return Case(Attempt(vsftpd(tls=False), client), IN_CLEAR_TEXT)


@case(section=field.SAYS_SUCCESS, clients=FORCED_LFTP)
def lftp_with_ssl_force_stops_where_auth_is_refused(client: ClientSettings) -> Case:
    """With ftp:ssl-force, lftp (4.9.2) stops where the server refuses AUTH."""
    attempt = Attempt(vsftpd(tls=False), client)
    twin = attempt.with_server(tls=True)
    return Case(attempt, field.AUTH_REFUSED, twin=twin)


@case(section=field.SAYS_SUCCESS, clients=LFTP)
def lftp_delivers_in_clear_text_where_the_handshake_fails(client: ClientSettings) -> Case:
    """Where the TLS handshake fails, lftp (4.9.2) connects again and sends all in clear text.

    AUTH was answered with 234, and the server's library then had no certificate. lftp tells its user nothing,
    and ends with status 0: whoever can break a handshake on the way is given the password.
    """
    server = vsftpd(certificate="empty", tls_required_login=False, tls_required_data=False)
    return Case(Attempt(server, client), IN_CLEAR_TEXT)


@case(section=field.SAYS_SUCCESS, clients=FORCED_LFTP)
def lftp_with_ssl_force_stops_where_the_handshake_fails(client: ClientSettings) -> Case:
    """With ftp:ssl-force, lftp (4.9.2) stops where the TLS handshake fails."""
    server = vsftpd(certificate="empty", tls_required_login=False, tls_required_data=False)
    attempt = Attempt(server, client)
    twin = attempt.with_server(certificate="valid")
    return Case(attempt, field.NO_SHARED_CIPHER, twin=twin)


@case(section=field.RESUMES, clients=LFTP)
def lftp_resumes_the_session(client: ClientSettings) -> Case:
    """With nothing set, lftp (4.9.2) passes on a vsftpd that requires session reuse."""
    return Case(Attempt(vsftpd(protocols=field.WHOLE), client), field.RESUMED)


@case(section=field.WORDS, clients=SHORT_LFTP)
def lftp_shows_nothing_while_it_tries_again(client: ClientSettings) -> Case:
    """At a closed port lftp (4.9.2) tries again, a thousand times, and shows its user nothing."""
    attempt = Attempt(vsftpd(listening=False), client)
    twin = attempt.with_server(listening=True)
    return Case(attempt, field.not_reached(Stage.CONNECT, Reason.CONNECTION_REFUSED, ""), twin=twin)


# -- wget ----------------------------------------------------------------------------------------------
#
# Over TLS 1.3 GnuTLS waits about a round trip for a ticket (gnutls_session_get_data2(3)). On a busy machine
# wget then resumes nothing, which a server that wants it refuses; these cases do not depend on the version.


@case(section=field.VERIFIES, clients=WGET)
def wget_checks_who_issued_the_certificate(client: ClientSettings) -> Case:
    """With nothing set, wget (1.25.0) refuses a certificate that signed itself."""
    attempt = Attempt(vsftpd(certificate="self-signed", protocols=field.WHOLE), client)
    return field.refused_certificate(
        attempt,
        Reason.UNKNOWN_ISSUER,
        remedies=field.given_or_unchecked(
            attempt,
            "wget --ca-certificate with the certificate that the server has",
            "wget --no-check-certificate",
        ),
    )


@case(section=field.VERIFIES, clients=WGET)
def wget_checks_the_name(client: ClientSettings) -> Case:
    """With nothing set, wget (1.25.0) refuses a certificate for another host."""
    return _checked(client, "wrong-host", Reason.HOSTNAME_MISMATCH)


@case(section=field.WORDS, clients=WGET)
def wget_stops_where_auth_is_refused(client: ClientSettings) -> Case:
    """Where the server refuses AUTH, wget (1.25.0) stops before it sends the password."""
    attempt = Attempt(vsftpd(tls=False, protocols=field.WHOLE), client)
    refusal = field.server_refuses(
        Stage.AUTH, Reason.TLS_NOT_OFFERED, "Server does not support AUTH TLS."
    )
    return Case(attempt, refusal, twin=attempt.with_server(tls=True))


@case(section=field.WORDS, clients=[Wget(implicit_tls=True)])
def wget_blames_implicit_tls_for_a_certificate(client: ClientSettings) -> Case:
    """With --ftps-implicit, wget (1.25.0) blames the server's implicit TLS for a certificate that it refuses.

    Its last words are "Server does not like implicit FTPS connections."; with a good certificate it does.
    """
    attempt = Attempt(
        vsftpd(certificate="wrong-host", implicit_tls=True, protocols=field.WHOLE), client
    )
    return field.refused_certificate(
        attempt,
        Reason.HOSTNAME_MISMATCH,
        "The certificate's owner does not match hostname 'ftp.lab.test'\n"
        "Server does not like implicit FTPS connections.",
    )


# -- netkit's ftp-ssl ------------------------------------------------------------------------------------


@case(section=field.VERIFIES, clients=FTP_SSL)
def ftp_ssl_checks_no_certificate(client: ClientSettings) -> Case:
    """As it is shipped, ftp-ssl (netkit 0.17.34) checks no certificate."""
    server = vsftpd(certificate="expired-self-signed", protocols=field.WHOLE)
    return Case(Attempt(server, client), field.DELIVERED_UNCHECKED)


@case(section=field.VERIFIES, clients=[FtpSsl(verify=True)])
def ftp_ssl_told_to_check_checks_no_name(client: ClientSettings) -> Case:
    """With -z verify=1, ftp-ssl (netkit 0.17.34) accepts a certificate for another host."""
    server = vsftpd(certificate="wrong-host", protocols=field.WHOLE)
    return Case(Attempt(server, client), field.DELIVERED)


@case(section=field.SAYS_SUCCESS, clients=FTP_SSL)
def ftp_ssl_delivers_in_clear_text_where_auth_is_refused(client: ClientSettings) -> Case:
    """Where the server refuses AUTH, ftp-ssl (netkit 0.17.34) sends password and file in clear text."""
    return Case(Attempt(vsftpd(tls=False), client), IN_CLEAR_TEXT)


@case(section=field.SAYS_SUCCESS, clients=[FtpSsl(payload=1 << 18)])
def ftp_ssl_calls_a_short_file_sent(client: ClientSettings) -> Case:
    """Over TLS 1.3, ftp-ssl (netkit 0.17.34) says "262144 bytes sent" of a file that is short.

    Its exit status is 0. It closes the data connection without reading the session tickets that lie in
    it; the server's 426 changes nothing for it. It is a race: some files are whole.
    """
    attempt = Attempt(vsftpd(), client)
    cure = attempt.with_server(protocols=field.WHOLE)
    refusal = false_success()
    remedies = [recommended("vsftpd.conf: TLS 1.2 at most", cure)]
    return Case(attempt, refusal, remedies=remedies, race=Race(times=30, least=1))
