"""Each version of the protocol, at an origin that has no other, from every client.

The page counts TLS 1.0, 1.1 and 1.2 among the versions that work, and SSLv2 and SSLv3 among those that
do not. What works is decided by the client's library and its policy; no library here has SSLv2.
"""

from lab.cases import Case, Remedy, case, edge, nginx, origin_on_openssl_1_0_2, recommended
from lab.model import Attempt, ClientSettings, Reason, ServerSettings, Side, from_, only
from lab.model.attempt import Offers
from lab.model.expectations import Expectation, OnBuild, completed
from lab.servers import SERVERS
from scenarios import fastly

SECTION = "SSL and old TLS protocols"
#: TLS 1.0 and 1.1 sign with SHA-1, which the client's library or its policy does not take.
NO_SHA_1 = fastly.in_handshake(Side.CLIENT, Reason.WEAK_SIGNATURE_ALGORITHM)
#: An edge that offers TLS 1.3 as well, which nginx does by itself since 1.23.4 only.
CURRENT_EDGE = edge(protocols=from_("TLSv1.2"))


def with_only(version: str, client: ClientSettings) -> ServerSettings:
    """An old origin that has this version alone, with a certificate that is not in the client's way."""
    return origin_on_openssl_1_0_2(protocols=only(version), certificate=fastly.large_enough(client))


def over(version: str) -> Expectation:
    """Fetched over this version, from an origin whose certificate was checked."""
    return completed(protocol=version, verified=True)


# -- SSLv3 ---------------------------------------------------------------------------------------------


@case(section=SECTION, clients=[*fastly.OLD, *fastly.NEW, *fastly.EDGE])
def origin_with_sslv3_only(client: ClientSettings) -> Case:
    """The origin has nothing but SSLv3, which no client here takes by default.

    The origin answers in its version, and the client breaks off. SSLv2 cannot even be tried: no library
    here has it any more, at either end.
    """
    return _too_old(client, "SSLv3")


@case(section=SECTION, clients=fastly.STRICT)
def sslv3_only_under_a_strict_policy(client: ClientSettings) -> Case:
    """Under FIPS and FUTURE it is the origin that breaks off: none of the suites offered is one of SSLv3."""
    return _too_old_for_a_strict_policy(client, "SSLv3")


@case(section=SECTION, clients=fastly.OLD)
def sslv3_asked_for(client: ClientSettings) -> Case:
    """Told to, OpenSSL 1.0.2 still speaks SSLv3, whose ciphers are broken: it is no remedy.

    The certificate is still checked, so that an impostor is still refused.
    """
    attempt = Attempt(with_only("SSLv3", client), client)
    asked = attempt.with_client(protocols=only("SSLv3"))
    refusal = fastly.in_handshake(Side.CLIENT, Reason.NO_SHARED_PROTOCOL)
    remedy = fastly.but_checked("SSLv3 enabled at the client", asked, over("SSLv3"))
    return Case(attempt, refusal, remedies=[remedy])


# -- TLS 1.0 and 1.1 -----------------------------------------------------------------------------------


@case(section=SECTION, clients=fastly.OLD)
def tls_1_0_with_the_old_client(client: ClientSettings) -> Case:
    """CentOS 7 connects to an origin that has TLS 1.0 only."""
    return Case(Attempt(with_only("TLSv1", client), client), over("TLSv1"))


@case(section=SECTION, clients=fastly.OLD)
def tls_1_1_with_the_old_client(client: ClientSettings) -> Case:
    """CentOS 7 connects to an origin that has TLS 1.1 only."""
    return Case(Attempt(with_only("TLSv1.1", client), client), over("TLSv1.1"))


@case(section=SECTION, clients=[*fastly.NEW, *fastly.EDGE])
def origin_with_tls_1_0_only(client: ClientSettings) -> Case:
    """The page counts TLS 1.0 among the versions that work; current clients do not."""
    return _too_old(client, "TLSv1")


@case(section=SECTION, clients=[*fastly.NEW, *fastly.EDGE])
def origin_with_tls_1_1_only(client: ClientSettings) -> Case:
    """The page counts TLS 1.1 among the versions that work; current clients do not."""
    return _too_old(client, "TLSv1.1")


@case(section=SECTION, clients=fastly.STRICT)
def tls_1_0_under_a_strict_policy(client: ClientSettings) -> Case:
    """Under FIPS and FUTURE the client offers no suite that TLS 1.0 knows: the origin refuses first.

    What fails first is not the version: the user reads of a handshake failure.
    """
    return _too_old_for_a_strict_policy(client, "TLSv1")


@case(section=SECTION, clients=fastly.STRICT)
def tls_1_1_under_a_strict_policy(client: ClientSettings) -> Case:
    """TLS 1.1 has the suites of TLS 1.0, and so fails under FIPS and FUTURE in the same way."""
    return _too_old_for_a_strict_policy(client, "TLSv1.1")


def offered_and_not_finished(version: str) -> OnBuild:
    """Where the client's library still offers the version at its default security level.

    OpenSSL 3.0 does (seen: 3.0.20 of Debian 12), and only notices at the origin's signature that it takes
    no SHA-1 at that level; newer ones leave the version out (seen: 3.5.1, 3.5.9, 3.6.5).
    """
    return OnBuild(Offers(version), NO_SHA_1)


def _too_old(client: ClientSettings, version: str) -> Case:
    words = fastly.repeats(client, "unsupported protocol", "SSL handshake failure")
    refusal = fastly.in_handshake(Side.CLIENT, Reason.NO_SHARED_PROTOCOL, words)
    return _cured_at_the_origin(client, version, refusal, offered_and_not_finished(version))


def _too_old_for_a_strict_policy(client: ClientSettings, version: str) -> Case:
    cause = f"no protocol version in common: the server speaks {version}"
    return _cured_at_the_origin(client, version, fastly.no_shared_cipher(client, cause=cause))


def _cured_at_the_origin(
    client: ClientSettings, version: str, refusal: Expectation, *on_build: OnBuild
) -> Case:
    attempt = Attempt(with_only(version, client), client)
    return Case(attempt, refusal, on_build=on_build, remedies=[_newer_origin(attempt)])


def _newer_origin(attempt: Attempt) -> Remedy:
    newer = attempt.with_server(protocols=only("TLSv1.2"))
    return recommended("TLS 1.2 enabled at the origin", newer, over("TLSv1.2"))


# -- what it takes to have them back -------------------------------------------------------------------


@case(section=SECTION, clients=[edge(protocols=from_("TLSv1"))])
def tls_1_0_allowed_at_the_edge(client: ClientSettings) -> Case:
    """``min_tls_version`` 1.0 alone does not bring TLS 1.0 back: current OpenSSL wants level 0 as well."""
    return _allowed_at_the_edge(client, "TLSv1")


@case(section=SECTION, clients=[edge(protocols=from_("TLSv1.1"))])
def tls_1_1_allowed_at_the_edge(client: ClientSettings) -> Case:
    """``min_tls_version`` 1.1 alone does not bring TLS 1.1 back: current OpenSSL wants level 0 as well."""
    return _allowed_at_the_edge(client, "TLSv1.1")


def _allowed_at_the_edge(client: ClientSettings, version: str) -> Case:
    attempt = Attempt(with_only(version, client), client)
    lowered = attempt.with_client(ciphers=fastly.EVERY_SUITE)
    words = "503 SSL handshake failure"
    refusal = fastly.in_handshake(Side.CLIENT, Reason.NO_SHARED_PROTOCOL, words)
    title = "ssl_ciphers ALL:@SECLEVEL=0 at the edge"
    remedies = [_newer_origin(attempt), fastly.but_checked(title, lowered, over(version))]
    builds = [offered_and_not_finished(version)]
    return Case(attempt, refusal, on_build=builds, twin=lowered, remedies=remedies)


def insisting_on(version: str) -> list[ClientSettings]:
    """Clients told to speak this version alone, at the security level at which the library would."""
    return [
        bare("rocky9", policy, protocols=only(version), ciphers=fastly.EVERY_SUITE)
        for bare in fastly.BARE
        for policy in ("DEFAULT", "FIPS", "FUTURE")
    ]


@case(section=SECTION, clients=insisting_on("TLSv1"))
def tls_1_0_insisted_on(client: ClientSettings) -> Case:
    """Told to speak TLS 1.0, at security level 0, a client on Enterprise Linux 9 still breaks off.

    TLS 1.0 signs its handshake with SHA-1, and of the system's policies only LEGACY allows that.
    """
    return _insisted_on(client, "TLSv1")


@case(section=SECTION, clients=insisting_on("TLSv1.1"))
def tls_1_1_insisted_on(client: ClientSettings) -> Case:
    """Told to speak TLS 1.1, at security level 0, the client breaks off for SHA-1 as well.

    Again only the policy LEGACY brings it back.
    """
    return _insisted_on(client, "TLSv1.1")


def _insisted_on(client: ClientSettings, version: str) -> Case:
    attempt = Attempt(with_only(version, client), client)
    newer = attempt.with_server(protocols=only("TLSv1.2"))
    legacy = attempt.with_client(policy="LEGACY")
    remedies = [
        recommended(
            "TLS 1.2 enabled at the origin, and nothing asked for at the client",
            newer.with_client(protocols=None, ciphers=None),
            over("TLSv1.2"),
        ),
        fastly.but_checked("the client's system under the policy LEGACY", legacy, over(version)),
    ]
    return Case(attempt, NO_SHA_1, remedies=remedies)


# -- TLS 1.2 and 1.3 -----------------------------------------------------------------------------------


@case(
    section=SECTION,
    clients=[*fastly.EVERYWHERE, *fastly.FUTURE],
    servers=("nginx", "origin@openssl-1.0.2k"),
)
def tls_1_2_only(client: ClientSettings, software: str) -> Case:
    """Every client connects to an origin that has TLS 1.2 only, be the origin's library new or old."""
    fields = {"protocols": only("TLSv1.2"), "certificate": fastly.large_enough(client)}
    return Case(Attempt(SERVERS[software].settings_with(**fields), client), over("TLSv1.2"))


@case(section=SECTION, clients=fastly.OLD)
def origin_with_tls_1_3_only(client: ClientSettings) -> Case:
    """The other way round: the origin is too new for OpenSSL 1.0.2, which has no TLS 1.3."""
    attempt = Attempt(nginx(protocols=only("TLSv1.3")), client)
    wider = attempt.with_server(protocols=from_("TLSv1.2"))
    words = "tlsv1 alert protocol version"
    refusal = fastly.in_handshake(Side.SERVER, Reason.NO_SHARED_PROTOCOL, words)
    return Case.cured(attempt, refusal, "TLS 1.2 enabled at the origin as well", wider)


@case(section=SECTION, clients=[*fastly.NEW, *fastly.STRICT, CURRENT_EDGE])
def tls_1_3_only_with_a_current_client(client: ClientSettings) -> Case:
    """A current client connects to an origin that has TLS 1.3 only, which the page does not know of.

    The edge is told that it may: nginx offers TLS 1.3 to an origin by itself since 1.23.4 only.
    """
    server = nginx(protocols=only("TLSv1.3"), certificate=fastly.large_enough(client))
    return Case(Attempt(server, client), over("TLSv1.3"))
