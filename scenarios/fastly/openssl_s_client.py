"""The page's own diagnosis: ``openssl s_client``, with each version switch, against each origin."""

from dataclasses import replace

from lab import cases
from lab.cases import Case, case, nginx, openssl, origin_on_openssl_1_0_2, recommended, useless
from lab.model import Attempt, ClientSettings, Reason, Side, Stage, only, up_to
from lab.model.expectations import completed, refused
from scenarios import fastly

SECTION = "SSL and old TLS protocols"
#: As the page has the command: it goes on whatever is wrong with the certificate.
ON_ROCKY9 = [openssl("rocky9", policy, verify=False) for policy in ("DEFAULT", "LEGACY", "FIPS")]
TOOLS = [*ON_ROCKY9, openssl("centos7", verify=False)]
#: The tool breaks off: the version is one that it does not speak.
TOO_OLD = fastly.in_handshake(Side.CLIENT, Reason.NO_SHARED_PROTOCOL)


@case(section=SECTION, clients=TOOLS)
def the_version_is_served(client: ClientSettings) -> Case:
    """``-tls1_2`` against an origin that has TLS 1.2: subject and issuer are printed."""
    asked = replace(client, protocols=only("TLSv1.2"))
    return Case(Attempt(nginx(), asked), completed(protocol="TLSv1.2"))


@case(section=SECTION, clients=TOOLS)
def the_version_is_not_served(client: ClientSettings) -> Case:
    """``-tls1_2`` against an origin that has TLS 1.3 only."""
    attempt = Attempt(nginx(protocols=only("TLSv1.3")), replace(client, protocols=only("TLSv1.2")))
    twin = attempt.with_server(protocols=None)
    return Case(attempt, fastly.in_handshake(Side.SERVER, Reason.NO_SHARED_PROTOCOL), twin=twin)


@case(section=SECTION, clients=ON_ROCKY9)
def only_older_versions_are_served(client: ClientSettings) -> Case:
    """``-tls1_2`` against an origin that has nothing newer than TLS 1.1.

    The tool turns the origin's version down; under the policy FIPS the origin is first, since it knows none
    of the suites.
    """
    server = origin_on_openssl_1_0_2(protocols=up_to("TLSv1.1"))
    attempt = Attempt(server, replace(client, protocols=only("TLSv1.2")))
    refusal = TOO_OLD
    if client.policy == "FIPS":
        cause = "no protocol version in common"
        refusal = fastly.in_handshake(Side.SERVER, Reason.NO_SHARED_CIPHER, cause=cause)
    wider = attempt.with_server(protocols=up_to("TLSv1.2"))
    words = "TLS 1.2 enabled at the origin as well"
    return Case.cured(attempt, refusal, words, wider, completed(protocol="TLSv1.2"))


@case(section=SECTION, clients=ON_ROCKY9)
def a_version_that_the_tool_cannot_speak(client: ClientSettings) -> Case:
    """``-tls1`` under Enterprise Linux 9: the tool refuses by itself, whatever the origin has.

    So the test says nothing about the origin, which does serve TLS 1.0. Nor is a lower security level
    enough: the handshake is signed with SHA-1, which only the policy LEGACY allows.
    """
    return _cannot_be_spoken(client, "TLSv1", "TLS 1.0")


@case(section=SECTION, clients=ON_ROCKY9)
def tls_1_1_cannot_be_spoken_either(client: ClientSettings) -> Case:
    """``-tls1_1`` ends in the same way, although the origin does serve TLS 1.1."""
    return _cannot_be_spoken(client, "TLSv1.1", "TLS 1.1")


def _cannot_be_spoken(client: ClientSettings, version: str, name: str) -> Case:
    server = origin_on_openssl_1_0_2(protocols=up_to("TLSv1.2"))
    attempt = Attempt(server, replace(client, protocols=only(version)))
    remedies = [
        recommended(
            f"the same test on a system whose library has {name}",
            Attempt(server, cases.tls_perl("centos7", protocols=only(version))),
            completed(protocol=version, verified=True),
        ),
        _at_the_lowest_level(attempt, version),
    ]
    twin = attempt.with_client(protocols=only("TLSv1.2"))
    return Case(attempt, TOO_OLD, twin=twin, remedies=remedies)


def _at_the_lowest_level(attempt: Attempt, version: str) -> cases.Remedy:
    title = "-cipher ALL:@SECLEVEL=0 beside it"
    lowered = attempt.with_client(ciphers=fastly.EVERY_SUITE)
    if attempt.client.policy == "LEGACY":
        return cases.temporary(title, lowered, completed(protocol=version))
    refusal = fastly.in_handshake(Side.CLIENT, Reason.WEAK_SIGNATURE_ALGORITHM)
    return useless(title, lowered, refusal)


@case(section=SECTION, clients=ON_ROCKY9)
def a_version_switch_that_does_not_exist(client: ClientSettings) -> Case:
    """``-tls1_0``, as the page spells it, is no option of the tool; ``-tls1`` is."""
    return _no_such_option(client, "-tls1_0")


@case(section=SECTION, clients=ON_ROCKY9)
def sslv2_cannot_be_asked_for(client: ClientSettings) -> Case:
    """``-ssl2`` is no option any more: no library here has SSLv2."""
    return _no_such_option(client, "-ssl2")


def _no_such_option(client: ClientSettings, option: str) -> Case:
    attempt = Attempt(nginx(), client).with_client(options=(option,))
    refusal = refused(Side.CLIENT, Stage.CONNECT, Reason.USAGE_ERROR)
    return Case(attempt, refusal, twin=attempt.with_client(options=("-tls1_2",)))


@case(section=SECTION, clients=ON_ROCKY9)
def asked_by_address(client: ClientSettings) -> Case:
    """``-connect IP`` sends no name (SNI): an origin that needs one breaks off.

    The page's command is of that kind, so that it can fail where the service does not.
    """
    attempt = Attempt(nginx(ssl_sni_hostname="nginx.lab.test"), replace(client, host="address"))
    cure = attempt.with_client(sni="nginx.lab.test")
    refusal = fastly.in_handshake(Side.SERVER, Reason.SNI_REJECTED)
    return Case.cured(attempt, refusal, "-servername with the origin's name", cure, completed())


@case(section=SECTION, clients=ON_ROCKY9)
def asked_by_address_where_no_name_is_needed(client: ClientSettings) -> Case:
    """An origin that has one certificate for whoever asks takes a connection without a name as well."""
    return Case(Attempt(nginx(), replace(client, host="address")), completed(verified=False))


@case(section=SECTION, clients=ON_ROCKY9)
def it_goes_on_after_a_bad_certificate(client: ClientSettings) -> Case:
    """The tool shows subject and issuer of an expired certificate as well: that it connects says little."""
    return Case(Attempt(nginx(certificate="expired"), client), completed(verified=False))


@case(section="Certificate chain mismatch", clients=ON_ROCKY9)
def told_to_stop_at_a_bad_certificate(client: ClientSettings) -> Case:
    """With ``-verify_return_error`` the tool stops where a client that checks would."""
    attempt = Attempt(nginx(certificate="private-ca"), replace(client, verify=True))
    cure = recommended(
        "-CAfile with the authority's root",
        attempt.with_client(trust="private-ca"),
        fastly.FETCHED,
        impostor=fastly.IMPOSTOR_REFUSED,
    )
    return Case(attempt, fastly.client_refuses(Reason.UNKNOWN_ISSUER), remedies=[cure])
