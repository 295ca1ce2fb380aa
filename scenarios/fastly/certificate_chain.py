"""The five errors of the certificate chain, by OpenSSL's numbers 21, 18, 20, 19 and 2.

The page's two reasons are both about authorities that the client does not know. There is a third, with a
remedy of its own: the origin does not send its intermediate.
"""

from dataclasses import replace

from lab.cases import Case, case, nginx, recommended, temporary, useless
from lab.model import Attempt, ClientSettings, Reason
from lab.model.expectations import Expectation
from scenarios import fastly

SECTION = "Certificate chain mismatch"


@case(section=SECTION, clients=fastly.EVERYWHERE)
def self_signed_certificate(client: ClientSettings) -> Case:
    """Error 18: the origin's certificate is signed by itself, and no CA certificate was given."""
    attempt = Attempt(nginx(certificate="self-signed"), client)
    refusal = fastly.self_signed(client)
    twin = attempt.with_server(certificate="valid")
    remedies = fastly.cures(attempt, "served-trusted", "known-authority", "not-verified")
    return Case(attempt, refusal, twin=twin, remedies=remedies)


@case(section=SECTION, clients=fastly.EVERYWHERE)
def self_signed_certificate_in_the_chain(client: ClientSettings) -> Case:
    """Error 19: the origin sends its chain up to a root that the client does not know."""
    attempt = Attempt(nginx(certificate="root-in-chain"), client)
    page = "self signed certificate in certificate chain"
    words = fastly.says(client, page, old=page, new="self-signed certificate in certificate chain")
    refusal = fastly.client_refuses(Reason.SELF_SIGNED_IN_CHAIN, words)
    left_out = attempt.with_server(certificate="private-ca")
    still = fastly.client_refuses(Reason.UNKNOWN_ISSUER)
    remedies = [
        *fastly.cures(attempt, "root-trusted", "known-authority"),
        useless("the root left out of what the origin sends", left_out, still),
        *fastly.cures(attempt, "not-verified"),
    ]
    twin = attempt.with_server(certificate="full-chain")
    return Case(attempt, refusal, twin=twin, remedies=remedies)


@case(section=SECTION, clients=fastly.EVERYWHERE)
def authority_that_the_client_does_not_know(client: ClientSettings) -> Case:
    """Error 20: the chain is complete, and nobody gave the client its root."""
    attempt = Attempt(nginx(certificate="private-ca"), client)
    refusal = fastly.unknown_issuer(client)
    twin = attempt.with_server(certificate="valid")
    remedies = fastly.cures(attempt, "root-trusted", "known-authority", "not-verified")
    return Case(attempt, refusal, twin=twin, remedies=remedies)


@case(section=SECTION, clients=fastly.FIRST_ERROR)
def missing_intermediate(client: ClientSettings) -> Case:
    """Error 20 again: a known authority, but the origin sends its leaf alone.

    The page does not give this reason. Its remedy, the CA certificate given to the client, changes
    nothing as long as that is the root, which the client has; with the intermediate beside it, it cures.
    """
    return _leaf_alone(client, fastly.unknown_issuer(client))


@case(section=SECTION, clients=fastly.LAST_ERROR)
def missing_intermediate_reported_as_the_last_error(client: ClientSettings) -> Case:
    """Error 21 from the same origin: these clients go on after the first error and report the last."""
    words = fastly.repeats(client, "unable to verify the first certificate")
    refusal = fastly.client_refuses(Reason.FIRST_CERTIFICATE_UNVERIFIABLE, words)
    return _leaf_alone(client, refusal)


def _leaf_alone(client: ClientSettings, refusal: Expectation) -> Case:
    attempt = Attempt(nginx(certificate="incomplete-chain"), client)
    given = attempt.with_client(trust="public")
    remedies = [
        *fastly.cures(attempt, "intermediate-sent", "chain-trusted"),
        useless("the authority's root given to the client as CA certificate", given),
        *fastly.cures(attempt, "not-verified"),
    ]
    return Case(attempt, refusal, remedies=remedies)


@case(section=SECTION, clients=[*fastly.PYTHON, *fastly.EDGE])
def only_the_intermediate_is_trusted(client: ClientSettings) -> Case:
    """Error 2: the CA certificate that was given is the intermediate, and its issuer is not there."""
    words = fastly.repeats(client, "unable to get issuer certificate")
    attempt = Attempt(nginx(), replace(client, trust="public-intermediate"))
    refusal = fastly.client_refuses(Reason.ISSUER_NOT_FOUND, words)
    return Case(attempt, refusal, remedies=fastly.cures(attempt, "root-trusted", "not-verified"))


@case(section=SECTION, clients=fastly.PERL)
def only_the_intermediate_is_trusted_and_that_is_enough(client: ClientSettings) -> Case:
    """IO::Socket::SSL takes an intermediate for a trust anchor: what is error 2 elsewhere completes."""
    return Case(Attempt(nginx(), replace(client, trust="public-intermediate")), fastly.FETCHED)


@case(section=SECTION, clients=fastly.OLD_AND_NEW)
def root_sent_along(client: ClientSettings) -> Case:
    """The origin sends its trusted root as well: needless, and harmless."""
    return Case(Attempt(nginx(certificate="full-chain"), client), fastly.FETCHED)


@case(section=SECTION, clients=fastly.OLD_AND_NEW)
def chain_in_the_wrong_order(client: ClientSettings) -> Case:
    """The certificates behind the leaf are in the wrong order; these clients sort them themselves."""
    return Case(Attempt(nginx(certificate="wrong-order"), client), fastly.FETCHED)


@case(section=SECTION, clients=fastly.FUTURE)
def a_key_too_small_for_the_policy(client: ClientSettings) -> Case:
    """Under the policy FUTURE a key of RSA-2048, as most origins have it, is too small.

    A known authority vouches for the certificate; it is refused for its key alone, so that no CA
    certificate given to the client helps.
    """
    attempt = Attempt(nginx(), client)
    given = attempt.with_client(trust="public-chain")
    remedies = [
        *fastly.cures(attempt, "larger-key"),
        recommended("a certificate with an ECDSA key", attempt.with_server(certificate="ecdsa")),
        temporary(
            "the client's system under the policy DEFAULT",
            attempt.with_client(policy="DEFAULT"),
            impostor=fastly.IMPOSTOR_REFUSED,
        ),
        useless("root and intermediate given to the client as CA certificate", given),
        *fastly.cures(attempt, "not-verified"),
    ]
    return Case(attempt, fastly.client_refuses(Reason.WEAK_KEY), remedies=remedies)


@case(section=SECTION, clients=fastly.FUTURE)
def what_the_small_key_hides(client: ClientSettings) -> Case:
    """Under FUTURE a self-signed certificate of RSA-2048 is refused for its key first.

    The page's remedy, to give it to the client, brings no more than the same words again.
    """
    attempt = Attempt(nginx(certificate="self-signed"), client)
    given = attempt.with_client(trust="self-signed")
    remedies = [
        recommended(
            "a certificate with a key of RSA-3072, from an authority that the client knows",
            attempt.with_server(certificate="rsa3072"),
        ),
        useless("the certificate itself given to the client as CA certificate", given),
    ]
    return Case(attempt, fastly.client_refuses(Reason.WEAK_KEY), remedies=remedies)
