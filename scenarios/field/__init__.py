"""What the cases of "FTPS in the field" share: the programs that people use, each with its own defaults.

A module is a topic, and so are its claims (``lab/documents/field/claims/TOPIC.toml``).
"""

from lab.model import Reason, Side, Stage, up_to
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
REUSE_REQUIRED = refused(by=Side.SERVER, at=Stage.TRANSFER, because=Reason.SESSION_REUSE_REQUIRED)


def client_refuses(reason: Reason, message: str | None = None) -> Expectation:
    """The client does not accept the certificate."""
    return refused(by=Side.CLIENT, at=Stage.VERIFY, because=reason, message=message)
