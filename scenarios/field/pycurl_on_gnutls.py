"""pycurl as Debian has it, on libcurl's build with GnuTLS: another library than that of the command curl."""

from dataclasses import replace
from functools import partial

from lab.cases import (
    Case,
    Race,
    case,
    nginx,
    origin,
    recommended,
    temporary,
    unsafe,
    useless,
    vsftpd,
)
from lab.clients.pycurl import Pycurl
from lab.clients.pycurl_https import PycurlHttps
from lab.model import Attempt, ClientSettings, Reason, Side, Stage
from lab.model.expectations import completed, refused
from scenarios import field

DISTRIBUTIONS = ("debian12", "debian13")
PYCURL = [Pycurl(platform=name) for name in DISTRIBUTIONS]
PAGES = [PycurlHttps(platform=name) for name in DISTRIBUTIONS]
TRYING = [Pycurl(platform=name, try_tls=True) for name in DISTRIBUTIONS]
LISTED = [Pycurl(platform=name, ciphers="AES256-SHA") for name in DISTRIBUTIONS]

#: Whoever resumes over TLS 1.2 delivers here: what is left is the certificate.
CALM = partial(vsftpd, protocols=field.WHOLE)
#: Nobody asks for a session, and TLS 1.3 is there.
LENIENT = partial(vsftpd, require_ssl_reuse=False)
WITHOUT_TLS_1_3 = "NORMAL:-VERS-TLS1.3"
OF_7_88 = "pycurl.error: (60, 'server certificate verification failed. CAfile: none CRLfile: none')"
OF_8_14 = (
    "pycurl.error: (60, 'server verification failed: {}."
    " (CAfile: /etc/ssl/certs/ca-certificates.crt CRLfile: none)')"
)


# -- who is on the other side --------------------------------------------------------------------------


@case(section=field.VERIFIES, clients=PYCURL)
def pycurl_checks_who_issued_the_certificate(client: ClientSettings) -> Case:
    """With nothing set, pycurl (7.45.2, 7.45.6) delivers nothing to a certificate that signed itself."""
    attempt = Attempt(CALM(certificate="self-signed"), client)
    return field.refused_certificate(
        attempt,
        Reason.UNKNOWN_ISSUER,
        remedies=[
            recommended(
                "pycurl: CAINFO with the certificate that the server has",
                attempt.with_client(trust="self-signed"),
                field.DELIVERED,
            ),
            unsafe("pycurl: SSL_VERIFYPEER 0", attempt.with_client(verify=False, check_name=True)),
        ],
    )


@case(section=field.VERIFIES, clients=PYCURL)
def pycurl_checks_the_name_by_an_option_of_its_own(client: ClientSettings) -> Case:
    """With SSL_VERIFYPEER 0, pycurl (7.45.2, 7.45.6) still refuses a certificate for another host.

    The name is SSL_VERIFYHOST's, and that stays on.
    """
    server = CALM(certificate="wrong-host")
    attempt = Attempt(server, client).with_client(verify=False, check_name=True)
    remedies = [
        recommended("a certificate with the host's name", attempt.with_server(certificate="valid")),
        unsafe("pycurl: SSL_VERIFYHOST 0, too", attempt.with_client(check_name=False)),
    ]
    return Case(attempt, field.client_refuses(Reason.HOSTNAME_MISMATCH), remedies=remedies)


@case(section=field.VERIFIES, clients=PYCURL)
def pycurl_does_not_look_at_the_purpose(client: ClientSettings) -> Case:
    """With nothing set, pycurl (7.45.2, 7.45.6) delivers to a certificate that is for clients only."""
    return Case(Attempt(CALM(certificate="wrong-purpose"), client), field.DELIVERED)


@case(section=field.VERIFIES, clients=PYCURL)
def pycurl_trusts_the_system_beside_cainfo(client: ClientSettings) -> Case:
    """With CAINFO, pycurl (7.45.2, 7.45.6) goes on trusting all that is in /etc/ssl/certs.

    The file that it is given has another authority than the server's alone. libcurl's default folder of
    authorities, CAPATH, is read beside it, and GnuTLS takes every file there.
    """
    attempt = Attempt(CALM(), client).with_client(trust="private-ca")
    return Case(attempt, field.DELIVERED)


# -- sessions, and whole files -------------------------------------------------------------------------


@case(section=field.RESUMES, clients=PYCURL[:1])
def pycurl_of_debian_12_resumes_nothing_over_tls_1_3(client: ClientSettings) -> Case:
    """Over TLS 1.3, Debian 12's pycurl (7.45.2 on libcurl 7.88.1) resumes no session.

    libcurl keeps the session as it is when the handshake is done: the tickets of TLS 1.3 come later.
    """
    attempt = Attempt(vsftpd(), client)
    refusal = replace(
        field.REUSE_REQUIRED,
        message="pycurl.error: (18, 'server did not report OK, got 522')",
    )
    remedies = [
        recommended(
            "pycurl: SSLVERSION_MAX_TLSv1_2",
            attempt.with_client(protocols=field.WHOLE),
            field.RESUMED,
        ),
        temporary(
            "vsftpd.conf: TLS 1.2 at most",
            attempt.with_server(protocols=field.WHOLE),
            field.RESUMED,
        ),
        temporary(
            "vsftpd.conf: require_ssl_reuse=NO",
            attempt.with_server(require_ssl_reuse=False),
            field.DELIVERED,
        ),
    ]
    return Case(attempt, refusal, remedies=remedies)


@case(section=field.RESUMES, clients=PYCURL[1:])
def pycurl_of_debian_13_resumes_over_tls_1_3(client: ClientSettings) -> Case:
    """Debian 13's pycurl (7.45.6 on libcurl 8.14.1) resumes the session over TLS 1.3 with nothing set."""
    return Case(Attempt(vsftpd(), client), field.RESUMED)


@case(section=field.TRUNCATES, clients=PYCURL[:1])
def pycurl_of_debian_12_truncates_over_tls_1_3(client: ClientSettings) -> Case:
    """Over TLS 1.3, a file of Debian 12's pycurl (7.45.2 on libcurl 7.88.1) can arrive short, and it says so.

    It closes the data connection without reading the session tickets that lie in it. The server answers 426,
    and pycurl raises an error with that number. It is a race: many files are whole.
    """
    attempt = Attempt(LENIENT(), client).with_client(payload=1 << 18)
    refusal = field.server_refuses(
        Stage.TRANSFER,
        Reason.ABORTED,
        "pycurl.error: (18, 'server did not report OK, got 426')",
    )
    remedies = [
        recommended("pycurl: SSLVERSION_MAX_TLSv1_2", attempt.with_client(protocols=field.WHOLE)),
        temporary("vsftpd.conf: TLS 1.2 at most", attempt.with_server(protocols=field.WHOLE)),
    ]
    return Case(attempt, refusal, remedies=remedies, race=Race(times=20, least=1))


@case(section=field.TRUNCATES, clients=PYCURL[1:])
def pycurl_of_debian_13_delivers_a_large_file_whole(client: ClientSettings) -> Case:
    """Over TLS 1.3, a file of 1 MiB of Debian 13's pycurl (7.45.6 on libcurl 8.14.1) arrives whole."""
    attempt = Attempt(LENIENT(), client).with_client(payload=1 << 20)
    return Case(attempt, completed(protocol="TLSv1.3", data_protected=True))


# -- what it says --------------------------------------------------------------------------------------


@case(section=field.SAYS_SUCCESS, clients=TRYING)
def pycurl_told_to_try_tls_delivers_in_clear_text(client: ClientSettings) -> Case:
    """With USESSL_TRY, pycurl (7.45.2, 7.45.6) goes on in clear text where AUTH is refused."""
    return Case(Attempt(vsftpd(tls=False), client), completed(data_protected=False))


@case(section=field.SAYS_SUCCESS, clients=PYCURL)
def pycurl_told_to_use_tls_stops_where_auth_is_refused(client: ClientSettings) -> Case:
    """With USESSL_ALL, pycurl (7.45.2, 7.45.6) sends no password where the server refuses AUTH."""
    attempt = Attempt(CALM(tls=False), client)
    twin = attempt.with_server(tls=True)
    return Case(attempt, field.AUTH_REFUSED, twin=twin)


@case(section=field.WORDS, clients=PYCURL[:1])
def pycurl_of_debian_12_has_one_sentence_for_every_certificate(client: ClientSettings) -> Case:
    """Debian 12's pycurl (7.45.2 on libcurl 7.88.1) does not say that a certificate has expired.

    It says the same of every certificate that GnuTLS does not trust; which reasons there were is in the
    number SSL_VERIFYRESULT, for which a script has to ask.
    """
    attempt = Attempt(CALM(certificate="expired"), client)
    refusal = field.client_refuses(Reason.EXPIRED, OF_7_88)
    return Case.cured(attempt, refusal, "renew it", attempt.with_server(certificate="renewed"))


@case(section=field.WORDS, clients=PYCURL[1:])
def pycurl_of_debian_13_says_that_a_certificate_has_expired(client: ClientSettings) -> Case:
    """Debian 13's pycurl (7.45.6 on libcurl 8.14.1) says that a certificate has expired."""
    attempt = Attempt(CALM(certificate="expired"), client)
    refusal = field.client_refuses(Reason.EXPIRED, OF_8_14.format("certificate has expired"))
    return Case.cured(attempt, refusal, "renew it", attempt.with_server(certificate="renewed"))


@case(section=field.WORDS, clients=PYCURL[1:])
def pycurl_of_debian_13_has_no_details_of_a_future_certificate(client: ClientSettings) -> Case:
    """Debian 13's pycurl (7.45.6 on libcurl 8.14.1) has no details of a certificate that is not yet valid."""
    attempt = Attempt(CALM(certificate="not-yet-valid"), client)
    return field.refused_certificate(
        attempt, Reason.NOT_YET_VALID, OF_8_14.format("certificate error, no details available")
    )


@case(section=field.WORDS, clients=PAGES[1:])
def pycurl_calls_a_missing_intermediate_an_untrusted_signer(client: ClientSettings) -> Case:
    """Debian 13's pycurl (7.45.6) does not say that an origin's intermediate is missing."""
    attempt = Attempt(nginx(certificate="incomplete-chain"), client)
    refusal = field.client_refuses(
        Reason.UNKNOWN_ISSUER, OF_8_14.format("certificate signer not trusted")
    )
    cure = attempt.with_server(certificate="full-chain")
    return Case.cured(attempt, refusal, "send the intermediate too", cure)


@case(section=field.WORDS, clients=PAGES)
def pycurl_does_not_say_that_a_certificate_is_asked_for(client: ClientSettings) -> Case:
    """Of a certificate that an origin wants, pycurl (7.45.2, 7.45.6) only says that there is an alert."""
    attempt = Attempt(origin(require_cert=True), client)
    refusal = field.server_refuses(
        Stage.HANDSHAKE,
        Reason.CLIENT_CERTIFICATE_REQUIRED,
        "pycurl.error: (56, 'GnuTLS recv error (-12): A TLS fatal alert has been received.')",
    )
    cure = attempt.with_client(client_certificate="client")
    return Case.cured(attempt, refusal, "pycurl: SSLCERT and SSLKEY", cure)


@case(section=field.WORDS, clients=PYCURL[:1])
def pycurl_of_debian_12_cannot_deliver_in_active_mode(client: ClientSettings) -> Case:
    """In active mode, Debian 12's pycurl (7.45.2 on libcurl 7.88.1) speaks no TLS on the data connection.

    What it says is of an address family, and has nothing to do with it.
    """
    attempt = Attempt(CALM(), client).with_client(mode="active")
    refusal = field.server_refuses(
        Stage.TRANSFER,
        Reason.DATA_TLS_FAILED,
        "pycurl.error: (56, 'sa_addr inet_ntop() failed with errno 97:"
        " Address family not supported by protocol')",
    )
    cure = attempt.with_client(mode="passive")
    return Case.cured(attempt, refusal, "pycurl: passive mode, no FTPPORT", cure)


@case(section=field.WORDS, clients=PYCURL[1:])
def pycurl_of_debian_13_delivers_in_active_mode(client: ClientSettings) -> Case:
    """In active mode, Debian 13's pycurl (7.45.6 on libcurl 8.14.1) delivers over TLS."""
    attempt = Attempt(CALM(), client).with_client(mode="active")
    return Case(attempt, field.DELIVERED)


# -- suites and versions -------------------------------------------------------------------------------


@case(section=field.SERVERS, clients=LISTED[:1])
def pycurl_of_debian_12_passes_over_its_cipher_list(client: ClientSettings) -> Case:
    """Debian 12's pycurl (7.45.2 on libcurl 7.88.1) passes over SSL_CIPHER_LIST without a word."""
    attempt = Attempt(LENIENT(), client)
    return Case(attempt, completed(protocol="TLSv1.3", cipher="TLS_AES_256_GCM_SHA384"))


@case(section=field.SERVERS, clients=LISTED[1:])
def pycurl_of_debian_13_takes_a_priority_string(client: ClientSettings) -> Case:
    """To Debian 13's pycurl (7.45.6 on libcurl 8.14.1) SSL_CIPHER_LIST is a priority string of GnuTLS.

    A list of OpenSSL's, as it is written for other builds of libcurl, is none.
    """
    attempt = Attempt(LENIENT(), client)
    refusal = refused(
        by=Side.CLIENT,
        at=Stage.HANDSHAKE,
        because=Reason.CIPHER_LIST_EMPTY,
        message="pycurl.error: (35, 'Error -50 setting GnuTLS priority: AES256-SHA')",
    )
    remedies = [
        recommended(
            f"pycurl: SSL_CIPHER_LIST {WITHOUT_TLS_1_3}",
            attempt.with_client(ciphers=WITHOUT_TLS_1_3),
            completed(protocol="TLSv1.2"),
        ),
        useless("vsftpd.conf: ssl_ciphers=HIGH", attempt.with_server(ciphers="HIGH")),
    ]
    return Case(attempt, refusal, twin=attempt.with_client(ciphers=None), remedies=remedies)
