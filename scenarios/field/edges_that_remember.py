"""What an edge knows of an origin from before a visitor comes: sessions of other locations, health checks.

Seen with nginx 1.22.1 and 1.26.3, and with HAProxy 2.6.12 and 3.0.11.
"""

from lab.cases import Case, case, edge, nginx, recommended, unsafe, useless
from lab.clients.haproxy import Haproxy
from lab.model import Attempt, ClientSettings, Reason, Stage
from lab.model.expectations import completed
from scenarios import field

SECTION = field.EDGES
FETCHED = completed(verified=True)
RESUMED = completed(session_reused=True)
DOWN = "503 Service Unavailable"


@case(section=SECTION, clients=[edge(earlier="unchecked", session_reuse=True)])
def nginx_resumes_what_nobody_has_checked(client: ClientSettings) -> Case:
    """A location that checks refuses a good origin, once a location that does not check has been visited.

    nginx keeps one session for an origin, whichever location made it, and with it what the handshake made of
    the certificate: where nothing was to be checked, no authority was known. The location that checks resumes
    that session, and reads the old result.
    """
    attempt = Attempt(nginx(), client)
    refusal = field.client_refuses(
        Reason.UNKNOWN_ISSUER, "503 unable to get local issuer certificate"
    )
    remedies = [
        recommended(
            "sessions are not kept: proxy_ssl_session_reuse off",
            attempt.with_client(session_reuse=False),
            FETCHED,
        ),
        recommended(
            "no location leaves the check off", attempt.with_client(earlier="none"), FETCHED
        ),
        useless(
            "the root sent by the origin, too",
            attempt.with_server(certificate="full-chain"),
            field.client_refuses(Reason.SELF_SIGNED_IN_CHAIN),
        ),
        unsafe(
            "this location does not check either", attempt.with_client(verify=False, earlier="none")
        ),
    ]
    return Case(attempt, refusal, remedies=remedies)


@case(section=SECTION, clients=[edge(earlier="system-roots", trust="private-ca")])
def nginx_resumes_what_another_location_trusts(client: ClientSettings) -> Case:
    """A location that trusts one CA alone takes an origin of another CA, by the session of another location.

    Without session reuse it refuses, as its proxy_ssl_trusted_certificate says.
    """
    attempt = Attempt(nginx(), client)
    twin = attempt.with_client(session_reuse=True)
    return Case(attempt, field.client_refuses(Reason.UNKNOWN_ISSUER), twin=twin)


@case(section=SECTION, clients=[edge(earlier="certificate", client_certificate="client")])
def nginx_resumes_as_who_another_location_is(client: ClientSettings) -> Case:
    """A location without a client certificate is let in by the session of a location that has one.

    To the origin it is the user of that certificate. Without session reuse the origin answers 400.
    """
    attempt = Attempt(nginx(require_cert=True), client)
    twin = attempt.with_client(session_reuse=True)
    return Case(attempt, field.NO_CERTIFICATE_SHOWN, twin=twin)


@case(section=SECTION, clients=[edge(earlier="named", sni="")])
def nginx_resumes_what_needs_a_name(client: ClientSettings) -> Case:
    """A location without proxy_ssl_server_name works as long as the session of one that has it.

    The origin has a certificate for each name, and none for nobody: a full handshake without a name ends with
    alert 80. A session that is resumed asks for no certificate.
    """
    attempt = Attempt(nginx(certificate_by_name=True), client)
    cure = attempt.with_client(sni=None, earlier="none")
    refusal = field.server_refuses(Stage.HANDSHAKE, Reason.INTERNAL_ERROR_ALERT)
    twin = attempt.with_client(session_reuse=True)
    remedies = [recommended("the name is sent: proxy_ssl_server_name on", cure, FETCHED)]
    return Case(attempt, refusal, twin=twin, remedies=remedies)


@case(section=SECTION, clients=[Haproxy(check="http", check_port=True)])
def haproxy_checks_without_tls(client: ClientSettings) -> Case:
    """A health check that names its port is without TLS, and marks a good HTTPS origin DOWN.

    nginx answers it with its own 400; visitors read 503, and the log has `<NOSRV>` and `SC--`.
    """
    attempt = Attempt(nginx(), client)
    refusal = field.server_refuses(Stage.HANDSHAKE, Reason.PLAINTEXT_PEER, DOWN)
    remedies = [
        recommended("the check with TLS: check-ssl", attempt.with_client(check_ssl=True), FETCHED),
        recommended(
            "the check without a port, which is as the server's line",
            attempt.with_client(check_port=False),
            FETCHED,
        ),
    ]
    return Case(attempt, refusal, remedies=remedies)


@case(section=SECTION, clients=[Haproxy(check="connect")])
def haproxy_checks_without_a_name(client: ClientSettings) -> Case:
    """A health check sends no server name, and an origin that needs one is marked DOWN."""
    attempt = Attempt(nginx(certificate_by_name=True), client)
    refusal = field.server_refuses(Stage.HANDSHAKE, Reason.INTERNAL_ERROR_ALERT, DOWN)
    cure = attempt.with_client(check_sni=True)
    return Case.cured(attempt, refusal, "the check with the name: check-sni", cure, FETCHED)


@case(section=SECTION, clients=[Haproxy(check="connect")])
def haproxy_checks_the_certificate(client: ClientSettings) -> Case:
    """An expired certificate marks the server DOWN: the check verifies as the server's line does.

    It says `SSL handshake failure`, and not more.
    """
    attempt = Attempt(nginx(certificate="expired"), client)
    remedies = [
        recommended(
            "a renewed certificate at the origin", attempt.with_server(certificate="renewed")
        ),
        useless(
            "no health check",
            attempt.with_client(check="off"),
            field.client_refuses(Reason.EXPIRED, DOWN),
        ),
    ]
    return Case(attempt, field.client_refuses(Reason.EXPIRED, DOWN), remedies=remedies)


@case(section=SECTION, clients=[Haproxy(check="connect", check_sni=True)])
def haproxy_checks_the_name_that_it_sends(client: ClientSettings) -> Case:
    """With check-sni the health check looks at the certificate's name; without it the server stays UP."""
    attempt = Attempt(nginx(certificate="wrong-host"), client)
    return field.refused_certificate(
        attempt,
        Reason.HOSTNAME_MISMATCH,
        DOWN,
        remedies=[
            useless(
                "the check without the name: the server is UP, and visitors read the same",
                attempt.with_client(check_sni=False),
                field.client_refuses(Reason.HOSTNAME_MISMATCH, DOWN),
            )
        ],
    )
