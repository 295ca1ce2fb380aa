"""Java's commons-net, HttpsURLConnection and HttpClient, and what is written in Go: rclone and net/http."""

from dataclasses import replace
from functools import partial

from lab.cases import Case, case, nginx, origin, recommended, temporary, unsafe, useless, vsftpd
from lab.clients.commons_net import CommonsNet
from lab.clients.go import Go
from lab.clients.java import Java
from lab.clients.java_http import JavaHttp
from lab.clients.rclone import Rclone
from lab.model import Attempt, ClientSettings, Reason, Stage, only
from lab.model.expectations import completed
from scenarios import field

DISTRIBUTIONS = ("debian12", "debian13")
RCLONE = [Rclone(platform=name) for name in DISTRIBUTIONS]
COMMONS_NET = [CommonsNet(platform=name) for name in DISTRIBUTIONS]
REUSING = [CommonsNet(program="commons-net-reuse", platform=name) for name in DISTRIBUTIONS]
GO = [Go(platform=name) for name in DISTRIBUTIONS]
JAVA = [Java(platform=name) for name in DISTRIBUTIONS]
HTTP_CLIENT = [JavaHttp(platform=name) for name in DISTRIBUTIONS]

WITHOUT_TICKETS = "-Djdk.tls.client.enableSessionTicketExtension=false"
WITHOUT_EMS = "-Djdk.tls.useExtendedMasterSecret=false"

#: Nobody asks for a session: what is left is the certificate.
LENIENT = partial(vsftpd, require_ssl_reuse=False)

BINDER = field.server_refuses(
    Stage.TRANSFER,
    Reason.DATA_TLS_FAILED,
    "Failed to copyto: 2 errors occurred: * remote error: tls: error decrypting message"
    " * unexpected EOF",
)
ANSWERED_522 = replace(
    field.REUSE_REQUIRED, message="522 SSL connection failed: session reuse required"
)
ANSWERED = completed(verified=True)
NO_PATH = (
    "javax.net.ssl.SSLHandshakeException: (certificate_unknown) PKIX path building failed:"
    " sun.security.provider.certpath.SunCertPathBuilderException:"
    " unable to find valid certification path to requested target"
)


# -- rclone ----------------------------------------------------------------------------------------


@case(section=field.RESUMES, clients=RCLONE[:1])
def rclone_breaks_off_over_tls_1_3(client: ClientSettings) -> Case:
    """Debian 12's rclone (1.60.1, built with Go 1.19.8) cannot resume with vsftpd over TLS 1.3."""
    attempt = Attempt(vsftpd(), client)
    remedies = [
        recommended("rclone --ftp-disable-tls13", attempt.with_client(protocols=field.WHOLE)),
        temporary("vsftpd.conf: TLS 1.2 at most", attempt.with_server(protocols=field.WHOLE)),
        useless("vsftpd.conf: require_ssl_reuse=NO", attempt.with_server(require_ssl_reuse=False)),
        useless(
            "rclone --ftp-tls-cache-size 0",
            attempt.with_client(session_cache="none"),
            field.REUSE_REQUIRED,
        ),
    ]
    return Case(attempt, BINDER, remedies=remedies)


@case(section=field.RESUMES, clients=RCLONE[1:])
def rclone_resumes_over_tls_1_3(client: ClientSettings) -> Case:
    """Debian 13's rclone, the same 1.60.1 built with Go 1.23.2, delivers over TLS 1.3."""
    return Case(Attempt(vsftpd(), client), field.DELIVERED)


@case(section=field.VERIFIES, clients=RCLONE)
def rclone_checks_the_certificate(client: ClientSettings) -> Case:
    """Rclone (1.60.1) verifies by default, and for FTP passes over --ca-cert without a word."""
    attempt = Attempt(vsftpd(certificate="private-ca", protocols=field.WHOLE), client)
    remedies = [
        recommended(
            "SSL_CERT_FILE with the private authority",
            attempt.with_client(trust="private-ca"),
            field.DELIVERED,
        ),
        useless(
            "rclone --ca-cert with a file of authorities",
            attempt.with_client(
                options=("--ca-cert", "/opt/lab/certificates/anchors/private-ca.pem")
            ),
        ),
        unsafe("rclone --ftp-no-check-certificate", attempt.with_client(verify=False)),
    ]
    return Case(attempt, field.client_refuses(Reason.UNKNOWN_ISSUER), remedies=remedies)


# -- commons-net: who is on the other side ------------------------------------------------------------


@case(section=field.VERIFIES, clients=COMMONS_NET)
def commons_net_takes_any_issuer(client: ClientSettings) -> Case:
    """FTPSClient (commons-net 3.9.0) as it is delivers to a certificate that signed itself."""
    return Case(Attempt(LENIENT(certificate="self-signed"), client), field.DELIVERED_UNCHECKED)


@case(section=field.VERIFIES, clients=COMMONS_NET)
def commons_net_takes_any_name(client: ClientSettings) -> Case:
    """FTPSClient (commons-net 3.9.0) as it is delivers to a certificate of another host."""
    return Case(Attempt(LENIENT(certificate="wrong-host"), client), field.DELIVERED_UNCHECKED)


@case(section=field.VERIFIES, clients=COMMONS_NET)
def commons_net_looks_at_dates(client: ClientSettings) -> Case:
    """FTPSClient (commons-net 3.9.0) as it is refuses an expired certificate, and only says NotAfter."""
    attempt = Attempt(LENIENT(certificate="expired"), client)
    refusal = field.client_refuses(Reason.EXPIRED)
    return Case.cured(attempt, refusal, "renew it", attempt.with_server(certificate="renewed"))


@case(section=field.VERIFIES, clients=COMMONS_NET)
def commons_net_told_to_verify(client: ClientSettings) -> Case:
    """With setTrustManager(null) FTPSClient (commons-net 3.9.0) asks the JVM's authorities."""
    attempt = Attempt(LENIENT(certificate="private-ca"), client).with_client(verify=True)
    remedies = field.given_or_unchecked(
        attempt,
        "a trust manager with the private authority",
        "FTPSClient as it is",
        field.DELIVERED,
    )
    return Case(attempt, field.client_refuses(Reason.UNKNOWN_ISSUER, NO_PATH), remedies=remedies)


@case(section=field.VERIFIES, clients=COMMONS_NET)
def commons_net_told_to_check_the_name(client: ClientSettings) -> Case:
    """With setEndpointCheckingEnabled(true) FTPSClient (commons-net 3.9.0) looks at the name."""
    attempt = Attempt(LENIENT(certificate="wrong-host"), client).with_client(check_name=True)
    remedies = [
        recommended("a certificate with the host's name", attempt.with_server(certificate="valid")),
        unsafe("FTPSClient as it is", attempt.with_client(check_name=None)),
    ]
    return Case(attempt, field.client_refuses(Reason.HOSTNAME_MISMATCH), remedies=remedies)


@case(section=field.WORDS, clients=COMMONS_NET)
def commons_net_is_asked_for_a_certificate(client: ClientSettings) -> Case:
    """A vsftpd that requires a certificate of its clients turns FTPSClient (commons-net 3.9.0) away."""
    attempt = Attempt(LENIENT(require_cert=True), client)
    shown = attempt.with_client(client_certificate="client")
    words = "setKeyManager with the client's certificate and key"
    return Case.cured(attempt, field.NO_CERTIFICATE_SHOWN, words, shown, field.DELIVERED_UNCHECKED)


# -- commons-net: sessions -------------------------------------------------------------------------


@case(section=field.RESUMES, clients=COMMONS_NET)
def commons_net_resumes_no_session(client: ClientSettings) -> Case:
    """FTPSClient (commons-net 3.9.0) resumes no session, and vsftpd as it is shipped requires it."""
    attempt = Attempt(vsftpd(), client)
    reusing = CommonsNet(program="commons-net-reuse", platform=client.platform)
    told = replace(reusing, protocols=field.WHOLE, jvm_options=(WITHOUT_TICKETS,))
    remedies = [
        recommended(
            "_prepareDataSocket_ with the session, TLS 1.2 at most, and no session tickets",
            Attempt(vsftpd(), told),
            completed(data_protected=True),
        ),
        useless("_prepareDataSocket_ with the session alone", Attempt(vsftpd(), reusing)),
        temporary(
            "vsftpd.conf: require_ssl_reuse=NO",
            attempt.with_server(require_ssl_reuse=False),
            field.DELIVERED_UNCHECKED,
        ),
    ]
    return Case(attempt, ANSWERED_522, remedies=remedies)


@case(section=field.WORDS, clients=COMMONS_NET)
def commons_net_hides_the_reply_behind_a_large_file(client: ClientSettings) -> Case:
    """Of a file of 1 MiB the caller of commons-net (3.9.0) reads an exception, and not the 522."""
    attempt = Attempt(vsftpd(), client).with_client(payload=1 << 20)
    refusal = replace(
        field.REUSE_REQUIRED,
        message="org.apache.commons.net.io.CopyStreamException: IOException caught while copying.",
    )
    return Case(attempt, refusal, twin=attempt.with_server(require_ssl_reuse=False))


@case(section=field.RESUMES, clients=REUSING)
def reflection_needs_tls_1_2_without_tickets(client: ClientSettings) -> Case:
    """The session of Java (17, 21) over TLS 1.2 is not resumed as long as it takes session tickets."""
    attempt = Attempt(vsftpd(), client).with_client(protocols=field.WHOLE)
    remedies = [
        recommended(f"java {WITHOUT_TICKETS}", attempt.with_client(jvm_options=(WITHOUT_TICKETS,))),
        useless(f"java {WITHOUT_EMS}", attempt.with_client(jvm_options=(WITHOUT_EMS,))),
        useless(
            f"java {WITHOUT_TICKETS}, with TLS 1.3",
            attempt.with_client(jvm_options=(WITHOUT_TICKETS,), protocols=None),
        ),
    ]
    return Case(attempt, ANSWERED_522, remedies=remedies)


# -- origins ---------------------------------------------------------------------------------------


@case(section=field.VERIFIES, clients=GO)
def go_wants_a_subject_alternative_name(client: ClientSettings) -> Case:
    """Go (1.19, 1.24) refuses a certificate that has the name in its subject alone."""
    attempt = Attempt(nginx(certificate="cn-only"), client)
    remedies = [
        recommended(
            "a certificate with a subject alternative name",
            attempt.with_server(certificate="valid"),
        ),
        unsafe("InsecureSkipVerify: true", attempt.with_client(verify=False)),
    ]
    return Case(attempt, field.client_refuses(Reason.HOSTNAME_MISMATCH), remedies=remedies)


@case(section=field.VERIFIES, clients=[*JAVA, *HTTP_CLIENT])
def java_takes_a_name_in_the_subject(client: ClientSettings) -> Case:
    """Java's HTTP clients (17, 21) take a certificate that has the name in its subject alone."""
    return Case(Attempt(nginx(certificate="cn-only"), client), ANSWERED)


@case(section=field.VERIFIES, clients=HTTP_CLIENT)
def http_client_checks_the_name_whoever_is_trusted(client: ClientSettings) -> Case:
    """HttpClient (Java 17, 21) checks the name also where its trust manager takes every certificate."""
    attempt = Attempt(nginx(certificate="wrong-host"), client)
    trusting = attempt.with_client(verify=False, check_name=True)
    remedies = [
        recommended(
            "a certificate with the host's name, and the JVM's trust manager",
            Attempt(nginx(), client),
            ANSWERED,
        ),
        unsafe(
            "java -Djdk.internal.httpclient.disableHostnameVerification",
            trusting.with_client(check_name=False),
        ),
    ]
    refusal = field.client_refuses(Reason.HOSTNAME_MISMATCH)
    twin = trusting.with_server(certificate="valid")
    return Case(trusting, refusal, twin=twin, remedies=remedies)


@case(section=field.WORDS, clients=[*JAVA, *HTTP_CLIENT])
def java_is_asked_for_a_certificate(client: ClientSettings) -> Case:
    """An origin that requires a certificate of its clients turns Java (17, 21) away without a key manager."""
    attempt = Attempt(origin(require_cert=True), client)
    shown = attempt.with_client(client_certificate="client")
    words = "an SSLContext with the client's certificate and key"
    return Case.cured(attempt, field.NO_CERTIFICATE_SHOWN, words, shown, ANSWERED)


@case(section=field.WORDS, clients=GO)
def go_calls_a_missing_intermediate_an_unknown_authority(client: ClientSettings) -> Case:
    """Go (1.19, 1.24) has the same words for a missing intermediate as for an unknown authority."""
    attempt = Attempt(nginx(certificate="incomplete-chain"), client)
    remedies = [
        recommended("send the intermediate too", attempt.with_server(certificate="full-chain")),
        unsafe("InsecureSkipVerify: true", attempt.with_client(verify=False)),
    ]
    return Case(attempt, field.client_refuses(Reason.UNKNOWN_ISSUER), remedies=remedies)


@case(section=field.WORDS, clients=[*JAVA, *HTTP_CLIENT])
def java_calls_a_missing_intermediate_no_path(client: ClientSettings) -> Case:
    """Java (17, 21) does not say that an intermediate is missing, but that there is no path."""
    attempt = Attempt(nginx(certificate="incomplete-chain"), client)
    cure = attempt.with_server(certificate="full-chain")
    refusal = field.client_refuses(Reason.UNKNOWN_ISSUER, NO_PATH)
    return Case(attempt, refusal, remedies=[recommended("send the intermediate too", cure)])


@case(section=field.WORDS, clients=[*JAVA, *HTTP_CLIENT])
def java_calls_an_expired_certificate_a_failed_check(client: ClientSettings) -> Case:
    """Java (17, 21) says of an expired certificate that the validity check failed."""
    attempt = Attempt(nginx(certificate="expired"), client)
    refusal = field.client_refuses(
        Reason.EXPIRED,
        "javax.net.ssl.SSLHandshakeException: (certificate_expired) PKIX path validation failed:"
        " java.security.cert.CertPathValidatorException: validity check failed",
    )
    return Case.cured(attempt, refusal, "renew it", attempt.with_server(certificate="renewed"))


@case(section=field.SERVERS, clients=GO[1:])
def go_1_24_offers_no_rsa_key_exchange(client: ClientSettings) -> Case:
    """Go 1.24 has nothing in common with an origin that allows AES128-SHA alone."""
    attempt = Attempt(nginx(ciphers="AES128-SHA", protocols=only("TLSv1.2")), client)
    remedies = [
        recommended("nginx.conf: ssl_ciphers HIGH", attempt.with_server(ciphers="HIGH")),
        temporary(
            "GODEBUG=tlsrsakex=1",
            attempt.with_client(environment=("GODEBUG=tlsrsakex=1",)),
            completed(cipher="AES128-SHA"),
        ),
    ]
    return Case(attempt, field.NO_SHARED_CIPHER, remedies=remedies)


@case(section=field.SERVERS, clients=GO[:1])
def go_1_19_offers_the_rsa_key_exchange(client: ClientSettings) -> Case:
    """Go 1.19 still comes to AES128-SHA with such an origin."""
    attempt = Attempt(nginx(ciphers="AES128-SHA", protocols=only("TLSv1.2")), client)
    return Case(attempt, completed(cipher="AES128-SHA", verified=True))
