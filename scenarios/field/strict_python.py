"""Python from 3.13 on checks certificates by the letter of RFC 5280: VERIFY_X509_STRICT is a default."""

from lab.cases import Case, case, nginx, recommended, temporary, tls_python, unsafe
from lab.model import Attempt, ClientSettings, Reason
from lab.model.expectations import completed
from scenarios import field

STRICT = [tls_python("debian13")]
ANSWERED = completed(verified=True)


def refused_for_want_of(
    certificate: str, words: str, reissued: str, client: ClientSettings
) -> Case:
    """What such a certificate comes to: refused by 3.13, taken by 3.11 and with the flag cleared."""
    attempt = Attempt(nginx(certificate=certificate), client)
    refusal = field.client_refuses(Reason.MISSING_EXTENSION, words)
    remedies = [
        recommended(reissued, attempt.with_server(certificate="valid"), ANSWERED),
        temporary(
            "context.verify_flags &= ~ssl.VERIFY_X509_STRICT, until it is issued anew",
            attempt.with_client(strict=False),
            ANSWERED,
        ),
        unsafe(
            "a context without verification (CERT_NONE)",
            attempt.with_client(verify=False),
            completed(verified=False),
        ),
    ]
    return Case(attempt, refusal, twin=attempt.with_client(platform="debian12"), remedies=remedies)


@case(section=field.VERIFIES, clients=STRICT)
def python_wants_an_authority_key(client: ClientSettings) -> Case:
    """Python 3.13 refuses a certificate without Authority Key Identifier, which 3.11 accepts."""
    return refused_for_want_of(
        "no-authority-key",
        "Missing Authority Key Identifier",
        "the certificate is issued anew, with its Authority Key Identifier",
        client,
    )


@case(section=field.VERIFIES, clients=STRICT)
def python_wants_the_key_usage_of_a_ca(client: ClientSettings) -> Case:
    """Python 3.13 refuses a chain whose CA has no key usage, which 3.11 accepts."""
    return refused_for_want_of(
        "ca-no-key-usage",
        "CA cert does not include key usage extension",
        "the CA's certificate is issued anew, with its key usage, and sent",
        client,
    )
