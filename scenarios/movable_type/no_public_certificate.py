"""The server has no certificate that a public authority vouches for, or one that does not fit.

The connection stops at ``verify``, by the client's decision, after the server has already said ``234
Proceed with negotiation.`` - which is why the user reads a sentence that sounds like consent.
"""

from lab.cases import Case, case, recommended, useless
from lab.model import Attempt, ClientSettings, Reason
from lab.servers import SERVERS
from scenarios import movable_type as mt

SECTION = "No public certificate on the server"


def attempt_with(certificate: str, client: ClientSettings, server: str = "vsftpd") -> Attempt:
    """A delivery to a server that has ``certificate``."""
    settings = SERVERS[server].settings_with(certificate=certificate, protocols=mt.WHOLE)
    return Attempt(settings, client)


@case(section=SECTION, clients=mt.EVERYWHERE, servers=mt.BOTH_SERVERS)
def self_signed_certificate(client: ClientSettings, server: str) -> Case:
    """The server presents a certificate that it signed itself; nobody the client trusts vouches for it."""
    attempt = attempt_with("self-signed", client, server)
    refusal = mt.client_refuses(Reason.SELF_SIGNED_LEAF, server)
    remedies = mt.cures(attempt, "known-authority", "served-trusted", "pinned", "not-verified")
    return Case(attempt, refusal, remedies=remedies)


@case(section=SECTION, clients=mt.EVERYWHERE, servers=mt.BOTH_SERVERS)
def certificate_from_a_private_authority(client: ClientSettings, server: str) -> Case:
    """The chain is complete and correct, but its root is a private one that the client does not know."""
    attempt = attempt_with("private-ca", client, server)
    refusal = mt.client_refuses(Reason.UNKNOWN_ISSUER, server)
    remedies = mt.cures(attempt, "known-authority", "root-trusted", "not-verified")
    return Case(attempt, refusal, remedies=remedies)


@case(section=SECTION, clients=mt.EVERYWHERE, servers=mt.BOTH_SERVERS)
def expired_certificate(client: ClientSettings, server: str) -> Case:
    """A public authority issued the certificate, and its last day has passed."""
    attempt = attempt_with("expired", client, server)
    refusal = mt.client_refuses(Reason.EXPIRED, server)
    twin = attempt.with_server(certificate="valid")
    return Case(attempt, refusal, twin=twin, remedies=mt.cures(attempt, "renewed", "not-verified"))


@case(section=SECTION, clients=mt.EVERYWHERE, servers=mt.BOTH_SERVERS)
def certificate_for_another_host(client: ClientSettings, server: str) -> Case:
    """A public authority issued the certificate, but for another name than the one that is connected to."""
    attempt = attempt_with("wrong-host", client, server)
    refusal = mt.client_refuses(Reason.HOSTNAME_MISMATCH, server)
    remedies = mt.cures(attempt, "certificate-for-name", "not-verified")
    return Case(attempt, refusal, remedies=remedies)


@case(section=SECTION, clients=mt.clients("rocky9:FUTURE"))
def key_too_short_for_the_policy(client: ClientSettings) -> Case:
    """A public certificate with a 2048 bit RSA key, and a client under the FUTURE policy.

    FUTURE asks for 128 bits of security, which RSA reaches at 3072. The certificate is one that public
    authorities issue every day; the same sentence is shown as for a self-signed one.
    """
    attempt = attempt_with("valid", client)
    longer = attempt.with_server(certificate="rsa3072")
    remedies = [
        recommended("a certificate with a 3072 bit RSA key", longer),
        recommended(
            "a certificate with a P-256 key, and ssl_ciphers=HIGH for it",
            attempt.with_server(certificate="ecdsa", ciphers="HIGH"),
        ),
        useless(
            "a certificate with a P-256 key alone: the server's default list has RSA suites only",
            attempt.with_server(certificate="ecdsa"),
            mt.server_refuses(Reason.NO_SHARED_CIPHER),
        ),
    ]
    return Case(attempt, mt.client_refuses(Reason.WEAK_KEY), remedies=remedies)
