"""gnutls-cli, with which people look at an origin as GnuTLS sees it."""

from lab.cases import Case, case, nginx, origin, recommended
from lab.clients.gnutls_cli import GnutlsCli
from lab.model import Attempt, ClientSettings, Reason, Stage, only
from lab.model.expectations import completed
from scenarios import field

GNUTLS_CLI = [GnutlsCli(platform=name) for name in ("debian12", "debian13")]

ANSWERED = completed(verified=True)


def _said(*sentences: str) -> str:
    """What it says of a certificate that it does not accept."""
    return "\n".join(
        [
            f"Status: The certificate is NOT trusted. {' '.join(sentences)}",
            "PKI verification of server certificate failed...",
            "Fatal error: Error in the certificate.",
        ]
    )


@case(section=field.VERIFIES, clients=GNUTLS_CLI)
def gnutls_cli_checks_who_issued_the_certificate(client: ClientSettings) -> Case:
    """With nothing said, gnutls-cli (3.7.9, 3.8.9) goes no further with a certificate that signed itself."""
    attempt = Attempt(nginx(certificate="self-signed"), client)
    return field.refused_certificate(
        attempt,
        Reason.UNKNOWN_ISSUER,
        _said("The certificate issuer is unknown."),
        remedies=field.given_or_unchecked(
            attempt,
            "gnutls-cli --x509cafile with the certificate that the server has",
            "gnutls-cli --insecure",
            ANSWERED,
        ),
    )


@case(section=field.VERIFIES, clients=GNUTLS_CLI)
def gnutls_cli_checks_the_name(client: ClientSettings) -> Case:
    """With nothing said, gnutls-cli (3.7.9, 3.8.9) refuses a certificate for another host."""
    attempt = Attempt(nginx(certificate="wrong-host"), client)
    return field.refused_certificate(
        attempt,
        Reason.HOSTNAME_MISMATCH,
        _said("The name in the certificate does not match the expected."),
    )


@case(section=field.VERIFIES, clients=GNUTLS_CLI)
def gnutls_cli_looks_at_the_purpose(client: ClientSettings) -> Case:
    """With nothing said, gnutls-cli (3.7.9, 3.8.9) refuses a certificate that is for clients only."""
    attempt = Attempt(nginx(certificate="wrong-purpose"), client)
    return field.refused_certificate(
        attempt,
        Reason.WRONG_PURPOSE,
        _said("The certificate chain does not match the intended purpose."),
    )


@case(section=field.VERIFIES, clients=GNUTLS_CLI)
def gnutls_cli_takes_a_name_in_the_subject(client: ClientSettings) -> Case:
    """A certificate that has the name in its subject alone is good enough for gnutls-cli (3.7.9, 3.8.9)."""
    return Case(Attempt(nginx(certificate="cn-only"), client), ANSWERED)


@case(section=field.WORDS, clients=GNUTLS_CLI)
def gnutls_cli_says_all_that_is_wrong(client: ClientSettings) -> Case:
    """Of a certificate that has expired and signed itself, gnutls-cli (3.7.9, 3.8.9) says both.

    Other programs stop at the first defect that they find.
    """
    attempt = Attempt(nginx(certificate="expired-self-signed"), client)
    return field.refused_certificate(
        attempt,
        Reason.EXPIRED,
        _said(
            "The certificate issuer is unknown.",
            "The certificate chain uses expired certificate.",
        ),
    )


@case(section=field.WORDS, clients=GNUTLS_CLI)
def gnutls_cli_calls_a_missing_intermediate_an_unknown_issuer(client: ClientSettings) -> Case:
    """Of an intermediate that is not sent, gnutls-cli (3.7.9, 3.8.9) says that the issuer is unknown."""
    attempt = Attempt(nginx(certificate="incomplete-chain"), client)
    cure = attempt.with_server(certificate="full-chain")
    refusal = field.client_refuses(
        Reason.UNKNOWN_ISSUER, _said("The certificate issuer is unknown.")
    )
    return Case(attempt, refusal, remedies=[recommended("send the intermediate too", cure)])


@case(section=field.WORDS, clients=GNUTLS_CLI)
def gnutls_cli_names_the_alert(client: ClientSettings) -> Case:
    """Where an origin wants a client's certificate, gnutls-cli (3.7.9, 3.8.9) says that one is required."""
    attempt = Attempt(origin(require_cert=True), client)
    refusal = field.server_refuses(
        Stage.HANDSHAKE,
        Reason.CLIENT_CERTIFICATE_REQUIRED,
        "Received alert [116]: Certificate is required\n"
        "Fatal error: A TLS fatal alert has been received.\n"
        "Server has terminated the connection abnormally.",
    )
    cure = attempt.with_client(client_certificate="client")
    return Case.cured(attempt, refusal, "gnutls-cli --x509certfile and --x509keyfile", cure)


@case(section=field.SERVERS, clients=GNUTLS_CLI)
def gnutls_cli_offers_the_rsa_key_exchange(client: ClientSettings) -> Case:
    """With nothing said, gnutls-cli (3.7.9, 3.8.9) comes to AES128-SHA where there is nothing else."""
    attempt = Attempt(nginx(ciphers="AES128-SHA", protocols=only("TLSv1.2")), client)
    return Case(attempt, completed(cipher="AES128-SHA", verified=True))
