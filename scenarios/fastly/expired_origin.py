"""The origin's certificate has expired."""

from dataclasses import replace

from lab.cases import Case, Remedy, case, nginx, recommended, temporary, useless
from lab.model import Attempt, ClientSettings, Reason
from lab.model.expectations import Expectation
from scenarios import fastly

SECTION = "Certificate has expired"
RENEWED = "a certificate from a new request, signed by the authority, with the same key"


def expired(client: ClientSettings) -> Expectation:
    """The refusal; the page writes the words with a capital letter."""
    words = fastly.repeats(client, "certificate has expired", "Certificate has expired")
    return fastly.client_refuses(Reason.EXPIRED, words)


def made_anew_and_given(attempt: Attempt) -> Remedy:
    """The page's remedy for a self-signed certificate, the whole of it."""
    renewed = attempt.with_server(certificate="self-signed-reissued")
    return recommended(
        "a certificate made anew from the same key, and given to the client",
        renewed.with_client(trust="self-signed-reissued"),
        impostor=fastly.IMPOSTOR_REFUSED,
    )


def made_anew_and_not_given(attempt: Attempt) -> Remedy:
    """The same remedy, half applied."""
    return useless(
        "a certificate made anew from the same key, and not given to the client",
        attempt.with_server(certificate="self-signed-reissued"),
        fastly.self_signed(attempt.client),
    )


@case(section=SECTION, clients=fastly.EVERYWHERE)
def certificate_of_an_authority(client: ClientSettings) -> Case:
    """An authority signed the certificate, and its last day has passed.

    The remedy is a new request for the same key: the fingerprint of the key stays.
    """
    attempt = Attempt(nginx(certificate="expired"), client)
    remedies = [
        recommended(RENEWED, attempt.with_server(certificate="renewed")),
        *fastly.cures(attempt, "not-verified"),
    ]
    return Case(attempt, expired(client), remedies=remedies)


@case(section=SECTION, clients=fastly.EVERYWHERE)
def self_signed_certificate(client: ClientSettings) -> Case:
    """A self-signed certificate that the client was given, and that has expired since.

    The remedy is a certificate made anew from the same key; the client has to be given the new one.
    """
    trusting = replace(client, trust="expired-self-signed")
    attempt = Attempt(nginx(certificate="expired-self-signed"), trusting)
    remedies = [
        made_anew_and_given(attempt),
        *fastly.cures(attempt, "known-authority"),
        made_anew_and_not_given(attempt),
        *fastly.cures(attempt, "not-verified"),
    ]
    return Case(attempt, expired(client), remedies=remedies)


@case(section=SECTION, clients=fastly.FIRST_ERROR)
def self_signed_and_given_to_nobody(client: ClientSettings) -> Case:
    """Self-signed, expired, and never given to the client: who stops at the first error says self-signed.

    That it has expired as well comes out only once the client has been given it.
    """
    return _given_to_nobody(client, fastly.self_signed(client))


@case(section=SECTION, clients=fastly.LAST_ERROR)
def self_signed_and_given_to_nobody_reported_as_the_last_error(client: ClientSettings) -> Case:
    """The same origin: these clients go on after the first error, and report that it has expired.

    To renew it, as the message suggests, is not enough: the client then says self-signed.
    """
    return _given_to_nobody(client, expired(client))


def _given_to_nobody(client: ClientSettings, refusal: Expectation) -> Case:
    attempt = Attempt(nginx(certificate="expired-self-signed"), client)
    given = attempt.with_client(trust="expired-self-signed")
    remedies = [
        made_anew_and_given(attempt),
        useless("the expired certificate given to the client", given, expired(client)),
        made_anew_and_not_given(attempt),
    ]
    return Case(attempt, refusal, twin=attempt.with_server(certificate="valid"), remedies=remedies)


@case(section=SECTION, clients=fastly.OLD_AND_NEW)
def expired_intermediate(client: ClientSettings) -> Case:
    """The origin's own certificate is valid; what it sends along has expired."""
    attempt = Attempt(nginx(certificate="expired-intermediate"), client)
    sent = attempt.with_server(certificate="valid")
    remedies = [
        recommended("the intermediate's current certificate sent along", sent),
        temporary(
            "the intermediate's current certificate given to the client, beside the root",
            attempt.with_client(trust="public-chain"),
            impostor=fastly.IMPOSTOR_REFUSED,
        ),
    ]
    return Case(attempt, expired(client), remedies=remedies)


@case(section=SECTION, clients=fastly.FUTURE)
def renewed_with_a_key_too_small_for_the_policy(client: ClientSettings) -> Case:
    """Under the policy FUTURE the page's remedy fails: the same key of RSA-2048 is certified once more.

    The client does not get as far as the date: before and after the renewal, it says that the key is too
    small.
    """
    attempt = Attempt(nginx(certificate="expired"), client)
    larger = attempt.with_server(certificate="rsa3072")
    remedies = [
        recommended("a certificate from a new request with a larger key", larger),
        useless(RENEWED, attempt.with_server(certificate="renewed")),
    ]
    return Case(attempt, fastly.client_refuses(Reason.WEAK_KEY), remedies=remedies)
