"""What the cases of "FTPS in the field" share: the programs that people use, each with its own defaults.

A module is a topic, and so are its claims (``lab/documents/field/claims/TOPIC.toml``).
"""

from collections.abc import Sequence

from lab.cases import Case, Remedy, recommended, unsafe
from lab.model import Attempt, Reason, Side, Stage, up_to
from lab.model.expectations import Expectation, completed, refused

#: The cases are made where they are asked for by name (``lab run --document field``, ``make field``): they
#: need images that are made on demand.
BY_NAME = True

#: The document's sections, as a case names them.
VERIFIES = "Who verifies the certificate"
RESUMES = "Who resumes the session"
TRUNCATES = "Who truncates over TLS 1.3"
SAYS_SUCCESS = "Who says success wrongly"
WORDS = "Which words for which defect"
SERVERS = "Which setting of the server cures which client"
EDGES = "Edges in front of an origin"
NETWORKS = "Networks in between"

#: With TLS 1.2 at most nobody sends a session ticket behind the handshake: what breaks is not that race.
WHOLE = up_to("TLSv1.2")

DELIVERED = completed(verified=True, data_protected=True)
DELIVERED_UNCHECKED = completed(verified=False, data_protected=True)
RESUMED = completed(data_protected=True, session_reused=True)


def server_refuses(at: Stage, because: Reason, message: str | None = None) -> Expectation:
    """The server does not go on."""
    return refused(Side.SERVER, at, because, message)


def not_reached(at: Stage, because: Reason, message: str | None = None) -> Expectation:
    """Nobody answers, or something in between does not let it through."""
    return refused(Side.NETWORK, at, because, message)


def client_refuses(reason: Reason, message: str | None = None) -> Expectation:
    """The client does not accept the certificate."""
    return refused(Side.CLIENT, Stage.VERIFY, reason, message)


def refused_certificate(
    attempt: Attempt, because: Reason, message: str | None = None, remedies: Sequence[Remedy] = ()
) -> Case:
    """The client does not accept the certificate; a valid one it would."""
    valid = attempt.with_server(certificate="valid")
    return Case(attempt, client_refuses(because, message), twin=valid, remedies=remedies)


def given_or_unchecked(
    attempt: Attempt, given: str, unchecked: str, expect: Expectation | None = None
) -> list[Remedy]:
    """The client is given the certificate that the server has, or told not to look at it."""
    trusting = attempt.with_client(trust=attempt.server.certificate)
    return [
        recommended(given, trusting, expect),
        unsafe(unchecked, attempt.with_client(verify=False)),
    ]


REUSE_REQUIRED = server_refuses(Stage.TRANSFER, Reason.SESSION_REUSE_REQUIRED)
NO_CERTIFICATE_SHOWN = server_refuses(Stage.HANDSHAKE, Reason.CLIENT_CERTIFICATE_REQUIRED)
NO_SHARED_CIPHER = server_refuses(Stage.HANDSHAKE, Reason.NO_SHARED_CIPHER)
AUTH_REFUSED = server_refuses(Stage.AUTH, Reason.TLS_NOT_OFFERED)
CLOSED_PORT = not_reached(Stage.CONNECT, Reason.CONNECTION_REFUSED)
