"""The certificate is for another name than the one that the client checks.

What the page calls the certificate hostname is the name to check; it changes neither the address that
is connected to nor the name that is sent in the handshake (SNI).
"""

from dataclasses import replace

from lab.cases import Case, Remedy, case, nginx, recommended, tls_perl, tls_python, useless
from lab.certificates import OTHER_HOST
from lab.model import Attempt, ClientSettings, Reason
from lab.model.expectations import Expectation
from scenarios import fastly

SECTION = "Hostname mismatch"
#: Clients that leave the check of the name to OpenSSL.
BY_OPENSSL = [tls_python("centos7"), tls_python("rocky9"), *fastly.LAST_ERROR]
#: A client that makes it itself, by the rules of IO::Socket::SSL.
BY_IO_SOCKET_SSL = [tls_perl("centos7"), tls_perl("rocky9")]
#: A client that makes it itself, and words it as the library does.
AS_THE_LIBRARY = [replace(client, last_error=True) for client in BY_IO_SOCKET_SSL]
TO_CHECK_AND_SEND = "given to the client, to check and to send"


def given(attempt: Attempt, what: str, name: str, impostor: Expectation | None = None) -> Remedy:
    """The page's way out: a name for the check of the certificate, and for SNI as well."""
    named = attempt.with_client(verify_name=name, sni=name)
    return recommended(f"{what} {TO_CHECK_AND_SEND}", named, impostor=impostor)


@case(section=SECTION, clients=fastly.EVERYWHERE)
def certificate_of_another_name(client: ClientSettings) -> Case:
    """A known authority issued the certificate, for another name than the origin's."""
    attempt = Attempt(nginx(certificate="wrong-host"), client)
    refusal = fastly.hostname_mismatch(client)
    remedies = fastly.cures(attempt, "certificate-for-name", "name-given", "not-verified")
    return Case(attempt, refusal, remedies=remedies)


@case(section=SECTION, clients=AS_THE_LIBRARY)
def as_the_library_words_it(client: ClientSettings) -> Case:
    """The page's words are those of OpenSSL 1.0.2; since 3.0 they begin with a small letter.

    Most programs word a mismatch themselves. This client hands on what the library says.
    """
    attempt = Attempt(nginx(certificate="wrong-host"), client)
    words = fastly.says(client, "", old="Hostname mismatch", new="hostname mismatch")
    refusal = fastly.client_refuses(Reason.HOSTNAME_MISMATCH, words)
    twin = attempt.with_server(certificate="valid")
    return Case(attempt, refusal, twin=twin, remedies=fastly.cures(attempt, "name-given"))


@case(section=SECTION, clients=fastly.PERL)
def the_certificate_hostname_alone(client: ClientSettings) -> Case:
    """The certificate hostname decides the check alone; the name that is sent decides nothing."""
    attempt = Attempt(nginx(certificate="wrong-host"), client)
    sent_alone = attempt.with_client(sni=OTHER_HOST, verify_name=attempt.server.host)
    remedies = [
        recommended(
            "the certificate hostname set to the name in the certificate",
            attempt.with_client(verify_name=OTHER_HOST),
            impostor=fastly.IMPOSTOR_REFUSED,
        ),
        useless("only the name that is sent (SNI) set to it", sent_alone),
    ]
    return Case(attempt, fastly.client_refuses(Reason.HOSTNAME_MISMATCH), remedies=remedies)


@case(section=SECTION, clients=fastly.PERL)
def a_client_that_checks_the_name_it_sends(client: ClientSettings) -> Case:
    """IO::Socket::SSL checks the name that it sends, unless it is told another one to check.

    There, setting SNI alone does cure the mismatch; with the CDN's parameters it does not.
    """
    attempt = Attempt(nginx(certificate="wrong-host"), client).with_client(sni=OTHER_HOST)
    return Case(attempt, fastly.FETCHED)


@case(section=SECTION, clients=fastly.OLD_AND_NEW)
def the_name_is_only_the_common_name(client: ClientSettings) -> Case:
    """No subject alternative name: the origin's name is the common name of the subject alone.

    The page names both. The clients here still look at the common name where there is no other.
    """
    return Case(Attempt(nginx(certificate="cn-only"), client), fastly.FETCHED)


@case(section=SECTION, clients=fastly.OLD_AND_NEW)
def another_name_in_the_common_name(client: ClientSettings) -> Case:
    """No subject alternative name, and the common name is not the origin's."""
    attempt = Attempt(nginx(certificate="other-cn-only"), client)
    refusal = fastly.hostname_mismatch(client)
    twin = attempt.with_server(certificate="cn-only")
    remedies = [given(attempt, "the common name", OTHER_HOST)]
    return Case(attempt, refusal, twin=twin, remedies=remedies)


@case(section=SECTION, clients=BY_OPENSSL)
def the_common_name_beside_other_names(client: ClientSettings) -> Case:
    """The common name is the origin's; the list of alternative names has only another name.

    Where there is such a list it alone counts: the common name may be set as the certificate hostname,
    and it is still refused.
    """
    attempt = Attempt(nginx(certificate="cn-beside-other"), client)
    own = attempt.server.host
    listed = attempt.with_server(certificate="valid")
    named = attempt.with_client(verify_name=own, sni=own)
    remedies = [
        given(attempt, "a name from the list", OTHER_HOST, impostor=fastly.IMPOSTOR_REFUSED),
        recommended("a certificate with the origin's name in its list", listed),
        useless(f"the common name {TO_CHECK_AND_SEND}", named),
    ]
    refusal = fastly.hostname_mismatch(client)
    twin = attempt.with_server(certificate="cn-only")
    return Case(attempt, refusal, twin=twin, remedies=remedies)


@case(section=SECTION, clients=BY_IO_SOCKET_SSL)
def the_common_name_taken_for_one_of_the_names(client: ClientSettings) -> Case:
    """IO::Socket::SSL looks at the common name in any case: what others refuse completes."""
    return Case(Attempt(nginx(certificate="cn-beside-other"), client), fastly.FETCHED)


@case(section=SECTION, clients=fastly.OLD_AND_NEW)
def a_wildcard_covers_the_name(client: ClientSettings) -> Case:
    """``*.lab.test`` covers the origin's name, and every other name of one label."""
    return Case(Attempt(nginx(certificate="wildcard"), client), fastly.FETCHED)


@case(section=SECTION, clients=fastly.OLD_AND_NEW)
def a_wildcard_of_another_level(client: ClientSettings) -> Case:
    """A wildcard stands for one label: ``*.nginx.lab.test`` does not cover ``nginx.lab.test``."""
    attempt = Attempt(nginx(certificate="wildcard-below"), client)
    refusal = fastly.hostname_mismatch(client)
    twin = attempt.with_server(certificate="wildcard")
    remedies = [given(attempt, "a name that the wildcard covers", "www.nginx.lab.test")]
    return Case(attempt, refusal, twin=twin, remedies=remedies)


@case(section=SECTION, clients=[c for c in fastly.OLD_AND_NEW if c not in fastly.EDGE])
def connected_to_by_address(client: ClientSettings) -> Case:
    """The origin is configured by its IP address, which the certificate does not name."""
    attempt = Attempt(nginx(), client).with_client(host="address")
    refusal = fastly.hostname_mismatch(client)
    twin = attempt.with_server(certificate="ip-address")
    remedies = [given(attempt, "the origin's name", "nginx.lab.test")]
    return Case(attempt, refusal, twin=twin, remedies=remedies)


@case(section=SECTION, clients=fastly.EDGE)
def connected_to_by_address_from_the_edge(client: ClientSettings) -> Case:
    """Nginx compares names alone: an address in the certificate does not help it."""
    attempt = Attempt(nginx(certificate="ip-address"), client).with_client(host="address")
    remedies = [
        recommended("the origin configured by its name", attempt.with_client(host=None)),
        given(attempt, "the origin's name", "nginx.lab.test"),
    ]
    return Case(attempt, fastly.hostname_mismatch(client), remedies=remedies)
