"""Edges in front of an origin: what visitors read, what is checked, and what with nothing configured."""

from lab.cases import Case, Remedy, case, edge, nginx, recommended, unsafe, useless
from lab.clients.apache import Apache
from lab.clients.caddy import Caddy
from lab.clients.haproxy import Haproxy
from lab.clients.squid import Squid
from lab.clients.stunnel import Stunnel
from lab.model import Attempt, ClientSettings, Reason, Side, Stage, only
from lab.model.expectations import Expectation, completed, refused
from scenarios import field

SECTION = field.EDGES
ALL = [Apache(), Caddy(), Haproxy(), Squid(), Stunnel()]
FETCHED = completed(verified=True)
UNCHECKED = completed(verified=False)

#: What a visitor reads where the edge has no session with its origin; Squid's page says more.
TOLD = {
    "haproxy": "503 Service Unavailable",
    "apache": "500 Proxy Error",
    "caddy": "502 Bad Gateway, an empty page",
    "stunnel": "connection reset by peer, no answer",
}
#: What else they read where the port is closed.
TOLD_OF_A_CLOSED_PORT = {**TOLD, "apache": "503 Service Unavailable"}


def refuses(client: ClientSettings, reason: Reason, **others: Reason) -> Expectation:
    """The edge does not accept the certificate; what some of them have for a reason is given by name."""
    because = others.get(client.program, reason)
    return field.client_refuses(because, TOLD.get(client.program))


def unchecked(attempt: Attempt) -> Remedy:
    """The edge is told not to look."""
    return unsafe("the edge does not check the certificate", attempt.with_client(verify=False))


def trusting(attempt: Attempt) -> list[Remedy]:
    """The edge is given what it has to trust, or told not to look."""
    told = attempt.with_client(trust=attempt.server.certificate)
    given = recommended("the certificate's issuer given to the edge as its CA", told)
    return [given, unchecked(attempt)]


@case(section=SECTION, clients=ALL)
def self_signed_behind_an_edge(client: ClientSettings) -> Case:
    """The origin's certificate signed itself; each edge tells its visitor so in its own way."""
    attempt = Attempt(nginx(certificate="self-signed"), client)
    refusal = refuses(
        client,
        Reason.SELF_SIGNED_LEAF,
        haproxy=Reason.UNKNOWN_ISSUER,
        caddy=Reason.UNKNOWN_ISSUER,
    )
    twin = attempt.with_server(certificate="valid")
    return Case(attempt, refusal, twin=twin, remedies=trusting(attempt))


@case(section=SECTION, clients=ALL)
def unknown_issuer_behind_an_edge(client: ClientSettings) -> Case:
    """The origin's certificate is of an authority that the edge does not know."""
    attempt = Attempt(nginx(certificate="private-ca"), client)
    return Case(attempt, refuses(client, Reason.UNKNOWN_ISSUER), remedies=trusting(attempt))


@case(section=SECTION, clients=ALL)
def expired_behind_an_edge(client: ClientSettings) -> Case:
    """The origin's certificate has expired, and the edge's visitor pays for it."""
    attempt = Attempt(nginx(certificate="expired"), client)
    remedies = [
        recommended(
            "a renewed certificate at the origin", attempt.with_server(certificate="renewed")
        ),
        unchecked(attempt),
    ]
    return Case(attempt, refuses(client, Reason.EXPIRED), remedies=remedies)


@case(section=SECTION, clients=ALL)
def another_name_behind_an_edge(client: ClientSettings) -> Case:
    """The origin's certificate is for another name, which Apache httpd (2.4.71) does not log by default."""
    attempt = Attempt(nginx(certificate="wrong-host"), client)
    refusal = refuses(client, Reason.HOSTNAME_MISMATCH, apache=Reason.UNKNOWN)
    remedies = [
        recommended(
            "a certificate for the name at the origin", attempt.with_server(certificate="valid")
        ),
        unchecked(attempt),
    ]
    return Case(attempt, refusal, remedies=remedies)


@case(section=SECTION, clients=[Apache(log_level="info")])
def apache_says_the_name_at_level_info(client: ClientSettings) -> Case:
    """With LogLevel info, Apache httpd (2.4.71) logs that the name in the certificate is another."""
    attempt = Attempt(nginx(certificate="wrong-host"), client)
    twin = attempt.with_server(certificate="valid")
    return Case(attempt, refuses(client, Reason.HOSTNAME_MISMATCH), twin=twin)


@case(section=SECTION, clients=[Haproxy(log_errors=True)])
def haproxy_logs_more_when_asked(client: ClientSettings) -> Case:
    """Even with ssl_bc_err_str in its log, HAProxy (3.0.11) does not say what is wrong with a certificate."""
    attempt = Attempt(nginx(certificate="expired"), client)
    twin = attempt.with_server(certificate="renewed")
    return Case(attempt, refuses(client, Reason.EXPIRED), twin=twin)


@case(section=SECTION, clients=ALL)
def intermediate_missing_behind_an_edge(client: ClientSettings) -> Case:
    """The origin does not send its intermediate certificate, and no edge fetches it."""
    attempt = Attempt(nginx(certificate="incomplete-chain"), client)
    remedies = [
        recommended("the chain in full at the origin", attempt.with_server(certificate="valid")),
        unchecked(attempt),
    ]
    return Case(attempt, refuses(client, Reason.UNKNOWN_ISSUER), remedies=remedies)


@case(section=SECTION, clients=[edge(), Apache(), Haproxy(), Squid(), Stunnel()])
def a_common_name_is_enough_for_openssl(client: ClientSettings) -> Case:
    """A common name without alternative names is enough for the edges on OpenSSL."""
    return Case(Attempt(nginx(certificate="cn-only"), client), FETCHED)


@case(section=SECTION, clients=[Caddy()])
def a_common_name_is_not_enough_for_caddy(client: ClientSettings) -> Case:
    """A common name without alternative names is no name for Caddy (2.6.2), as for all of Go."""
    attempt = Attempt(nginx(certificate="cn-only"), client)
    cure = attempt.with_server(certificate="valid")
    refusal = refuses(client, Reason.HOSTNAME_MISMATCH)
    return Case.cured(attempt, refusal, "a certificate with alternative names", cure)


@case(section=SECTION, clients=ALL)
def plain_http_behind_an_edge(client: ClientSettings) -> Case:
    """The origin's port speaks HTTP without TLS."""
    attempt = Attempt(nginx(tls=False), client)
    refusal = refused(
        by=Side.CLIENT,
        at=Stage.HANDSHAKE,
        because=Reason.PLAINTEXT_PEER,
        message=TOLD.get(client.program),
    )
    return Case.cured(attempt, refusal, "TLS at the origin", attempt.with_server(tls=True))


@case(section=SECTION, clients=ALL)
def old_tls_behind_an_edge(client: ClientSettings) -> Case:
    """The origin speaks TLS 1.0 alone, which no edge offers as it is shipped."""
    attempt = Attempt(nginx(protocols=only("TLSv1"), ciphers="ALL:@SECLEVEL=0"), client)
    refusal = field.server_refuses(
        Stage.HANDSHAKE, Reason.NO_SHARED_PROTOCOL, TOLD.get(client.program)
    )
    cure = attempt.with_server(protocols=None)
    return Case.cured(attempt, refusal, "current versions at the origin", cure)


@case(section=SECTION, clients=ALL)
def a_closed_port_behind_an_edge(client: ClientSettings) -> Case:
    """Nobody listens at the origin's port; visitors read 503, 502 or nothing."""
    attempt = Attempt(nginx(listening=False), client)
    refusal = field.not_reached(
        Stage.CONNECT, Reason.CONNECTION_REFUSED, TOLD_OF_A_CLOSED_PORT.get(client.program)
    )
    return Case.cured(attempt, refusal, "the origin started", attempt.with_server(listening=True))


@case(section=SECTION, clients=ALL)
def an_origin_that_wants_a_certificate(client: ClientSettings) -> Case:
    """The origin wants a certificate of the edge; it answers 400, and every edge passes that on."""
    attempt = Attempt(nginx(require_cert=True), client)
    cure = attempt.with_client(client_certificate="client")
    remedies = [recommended("a certificate given to the edge, to present", cure)]
    return Case(attempt, field.NO_CERTIFICATE_SHOWN, remedies=remedies)


@case(section=SECTION, clients=[Haproxy(configured=False)])
def haproxy_does_not_start_without_a_ca(client: ClientSettings) -> Case:
    """A server line with ssl and nothing else does not start HAProxy (3.0.11)."""
    attempt = Attempt(nginx(), client)
    cure = attempt.with_client(configured=True)
    refusal = refused(by=Side.CLIENT, at=Stage.CONNECT, because=Reason.USAGE_ERROR)
    return Case.cured(attempt, refusal, "a CA, and verify required", cure, FETCHED)


@case(section=SECTION, clients=[edge(configured=False), Stunnel(configured=False)])
def nobody_looks_at_the_certificate(client: ClientSettings) -> Case:
    """With nothing configured, nginx (1.26.3) and stunnel (5.74) take an expired certificate."""
    attempt = Attempt(nginx(certificate="expired"), client)
    remedies = [
        useless(
            "the check switched on, and the certificate left as it is",
            attempt.with_client(configured=True),
            field.client_refuses(Reason.EXPIRED),
        ),
    ]
    return Case(attempt, UNCHECKED, remedies=remedies)


@case(
    section=SECTION,
    clients=[Apache(configured=False), edge(configured=False), Stunnel(configured=False)],
)
def nobody_looks_at_the_issuer(client: ClientSettings) -> Case:
    """With nothing configured, nginx, Apache httpd (2.4.71) and stunnel (5.74) take any issuer."""
    return Case(Attempt(nginx(certificate="self-signed"), client), UNCHECKED)


@case(section=SECTION, clients=[Apache(configured=False)])
def apache_looks_at_the_dates_alone(client: ClientSettings) -> Case:
    """SSLProxyEngine on and nothing else: Apache httpd (2.4.71) refuses an expired certificate."""
    attempt = Attempt(nginx(certificate="expired"), client)
    twin = attempt.with_server(certificate="valid")
    return Case(attempt, refuses(client, Reason.UNKNOWN), twin=twin)


@case(section=SECTION, clients=[Apache(configured=False)])
def apache_looks_at_the_name_alone(client: ClientSettings) -> Case:
    """SSLProxyEngine on and nothing else: Apache httpd (2.4.71) refuses another name."""
    attempt = Attempt(nginx(certificate="wrong-host"), client)
    twin = attempt.with_server(certificate="valid")
    return Case(attempt, refuses(client, Reason.UNKNOWN), twin=twin)


@case(section=SECTION, clients=[Caddy(configured=False), Squid(configured=False)])
def system_roots_with_nothing_configured(client: ClientSettings) -> Case:
    """With nothing configured, Squid (6.13) and Caddy (2.6.2) check by the roots of the system."""
    attempt = Attempt(nginx(certificate="private-ca"), client)
    twin = attempt.with_server(certificate="valid")
    return Case(attempt, refuses(client, Reason.UNKNOWN_ISSUER), twin=twin)


@case(section=SECTION, clients=[Stunnel(sni="other.lab.test", verify_name="nginx.lab.test")])
def stunnel_sends_one_name_and_checks_another(client: ClientSettings) -> Case:
    """Of these edges stunnel (5.74) alone can send one name and check another."""
    return Case(Attempt(nginx(), client), FETCHED)
