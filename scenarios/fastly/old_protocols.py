"""TLS does not come about: no TLS at the origin, or an origin that breaks the handshake off.

The page gives two causes for three error names: no TLS, and old versions of it only, which are in
``protocol_versions``. What each cause really leads to depends on the client's library, and a third of the
names belongs to neither cause.
"""

from lab.cases import Case, case, nginx, origin, origin_on_openssl_1_0_2, recommended, useless
from lab.model import Attempt, ClientSettings, Reason, Side, only
from lab.model.expectations import Expectation
from scenarios import fastly

SECTION = "SSL and old TLS protocols"


# -- no TLS at the origin ------------------------------------------------------------------------------


@case(section=SECTION, clients=fastly.EVERYWHERE)
def origin_without_tls(client: ClientSettings) -> Case:
    """The origin answers in plain HTTP on the port that the client takes for one with TLS.

    To do without TLS at both ends, as the page has it, brings the answer - from whoever is there: an
    impostor is believed, and handed the login that the request carries.
    """
    attempt = Attempt(nginx(tls=False), client)
    remedies = [
        *fastly.cures(attempt, "server-tls", "without-tls"),
        useless("the certificate is not checked", attempt.with_client(verify=False)),
    ]
    return Case(attempt, fastly.no_tls(client), remedies=remedies)


@case(section=SECTION, clients=[c for c in fastly.OLD_AND_NEW if c not in fastly.EDGE])
def another_service_on_the_port(client: ClientSettings) -> Case:
    """The port belongs to a service that speaks first, without TLS, as an FTP server does.

    Not from the edge: whether nginx sees the banner before it has sent its own first message is a matter
    of luck, and so is what it calls it.
    """
    attempt = Attempt(origin(behaviour="ftp-banner"), client)
    cure = attempt.with_server(behaviour="serve")
    refusal = fastly.no_tls(client)
    return Case(attempt, refusal, remedies=[recommended("a web server with TLS on the port", cure)])


# -- the origin breaks off -----------------------------------------------------------------------------


@case(section=SECTION, clients=fastly.EVERYWHERE)
def no_common_cipher_suite(client: ClientSettings) -> Case:
    """The origin has nothing but 3DES: what the page calls a handshake failure."""
    attempt = Attempt(origin_on_openssl_1_0_2(ciphers="DES-CBC3-SHA"), client)
    remedies = [
        *fastly.cures(attempt, "server-suites"),
        fastly.every_suite_enabled(attempt, "DES-CBC3-SHA", "3DES-CBC"),
    ]
    return Case(attempt, fastly.no_shared_cipher(client), remedies=remedies)


@case(section=SECTION, clients=fastly.OLD_AND_NEW)
def the_origin_fails_inside(client: ClientSettings) -> Case:
    """The origin's own software fails during the handshake: alert 80.

    Neither of the page's causes leads to this name, and nothing at the client helps.
    """
    attempt = Attempt(origin(behaviour="alert-internal-error"), client)
    remedies = [
        *fastly.cures(attempt, "well-behaved"),
        useless("the certificate is not checked", attempt.with_client(verify=False)),
        useless("only TLS 1.2 at the client", attempt.with_client(protocols=only("TLSv1.2"))),
    ]
    return Case(attempt, _internal_error(client), remedies=remedies)


@case(section=SECTION, clients=[*fastly.PERL, *fastly.EDGE])
def the_origin_has_no_certificate_for_the_name(client: ClientSettings) -> Case:
    """An origin that looks its certificate up by the name sent, and none is sent: alert 80 again."""
    attempt = Attempt(nginx(certificate_by_name=True), client).with_client(sni="")
    named = attempt.with_client(sni=None)
    remedies = [recommended("the origin's name sent", named, impostor=fastly.IMPOSTOR_REFUSED)]
    return Case(attempt, _internal_error(client), remedies=remedies)


def _internal_error(client: ClientSettings) -> Expectation:
    words = fastly.repeats(client, "tlsv1 alert internal error", "TLSv1 alert internal error")
    return fastly.in_handshake(Side.SERVER, Reason.INTERNAL_ERROR_ALERT, words)


@case(section=SECTION, clients=[*fastly.PERL, *fastly.EDGE])
def the_origin_does_not_know_the_name(client: ClientSettings) -> Case:
    """An origin that refuses whoever does not send its name: alert 112, which the page does not list."""
    attempt = Attempt(nginx(ssl_sni_hostname="nginx.lab.test"), client).with_client(sni="")
    named = attempt.with_client(sni=None)
    refusal = fastly.in_handshake(Side.SERVER, Reason.SNI_REJECTED)
    return Case(attempt, refusal, remedies=[recommended("the origin's own name sent", named)])


@case(section=SECTION, clients=fastly.OLD_AND_NEW)
def the_origin_closes(client: ClientSettings) -> Case:
    """The origin closes the connection after the client's first message, without a word."""
    attempt = Attempt(origin(behaviour="close"), client)
    twin = attempt.with_server(behaviour="serve")
    return Case(attempt, fastly.in_handshake(Side.SERVER, Reason.CLOSED), twin=twin)


@case(section=SECTION, clients=fastly.OLD_AND_NEW)
def the_origin_resets(client: ClientSettings) -> Case:
    """The origin resets the connection after the client's first message."""
    attempt = Attempt(origin(behaviour="reset"), client)
    twin = attempt.with_server(behaviour="serve")
    return Case(attempt, fastly.in_handshake(Side.SERVER, Reason.RESET), twin=twin)


@case(section=SECTION, clients=[*fastly.NEW, *fastly.FIPS, *fastly.EDGE])
def no_secure_renegotiation(client: ClientSettings) -> Case:
    """The origin does not know RFC 5746, without which OpenSSL 3 does not go on."""
    attempt = Attempt(origin(behaviour="no-secure-renegotiation"), client)
    cure = attempt.with_server(behaviour="serve")
    refusal = fastly.in_handshake(Side.CLIENT, Reason.LEGACY_RENEGOTIATION)
    return Case(attempt, refusal, remedies=[recommended("an origin that knows RFC 5746", cure)])


@case(section=SECTION, clients=fastly.OLD_AND_NEW)
def weak_diffie_hellman_group(client: ClientSettings) -> Case:
    """The origin's Diffie-Hellman group has 768 bits, and it offers no other key exchange.

    No client here takes so small a group, whatever its security level.
    """
    server = origin_on_openssl_1_0_2(
        ciphers="DHE-RSA-AES256-GCM-SHA384", protocols=only("TLSv1.2"), dh_bits=768
    )
    attempt = Attempt(server, client)
    curves = attempt.with_server(ciphers="ECDHE-RSA-AES256-GCM-SHA384")
    level_0 = "ALL" if client.platform == "centos7" else fastly.EVERY_SUITE
    remedies = [
        recommended("a group of 2048 bits", attempt.with_server(dh_bits=2048)),
        recommended("elliptic curves in place of it", curves),
        useless(
            "every cipher suite enabled at the client, at its lowest security level",
            attempt.with_client(ciphers=level_0),
        ),
    ]
    return Case(attempt, fastly.in_handshake(Side.CLIENT, Reason.WEAK_DH), remedies=remedies)
