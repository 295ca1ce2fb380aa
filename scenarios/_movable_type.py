"""What the cases of the Movable Type document share."""

from lab.cases import net_ftp
from lab.expectations import Expectation, refused
from lab.model import ClientSettings, Reason, Side, Stage, up_to

DOCUMENT = "movable-type"

#: What the document's user reads whenever TLS does not come about after the server's 234: the sentence
#: ends with the server's own reply, so that with another server program it ends otherwise.
MESSAGE = "FTP failed to start tls: Proceed with negotiation."
MESSAGES = {"vsftpd": MESSAGE, "pyftpdlib": "FTP failed to start tls: AUTH TLS successful."}
BOTH_SERVERS = ("vsftpd", "pyftpdlib")

#: What the document says that vsftpd 3.0.5 offers when nothing is set.
DOCUMENT_SUITES = "AES128-SHA:DES-CBC3-SHA"

#: With TLS 1.2 at most and the session handed on to the data channel, an upload arrives whole: what
#: else can go wrong after the handshake is the topic of ``after_the_handshake`` alone.
WHOLE = up_to("TLSv1.2")


def clients(*where: str) -> list[ClientSettings]:
    """Net::FTP on each of these platforms (``centos7``, ``rocky9:FIPS``), so that uploads are whole."""
    named = [place.partition(":") for place in where]
    return [net_ftp(name, policy or None, session_cache="shared") for name, _, policy in named]


#: The old cloud's system, and the new one's under each policy that accepts a 2048 bit RSA key.
EVERYWHERE = clients("centos7", "rocky9:DEFAULT", "rocky9:LEGACY", "rocky9:FIPS")


def client_refuses(because: Reason, server: str = "vsftpd") -> Expectation:
    """The client refuses the certificate, and its user reads the document's sentence."""
    return refused(by=Side.CLIENT, at=Stage.VERIFY, because=because, message=MESSAGES[server])


def server_refuses(because: Reason, server: str = "vsftpd") -> Expectation:
    """The server refuses the handshake, and the client's user reads the same sentence."""
    return refused(by=Side.SERVER, at=Stage.HANDSHAKE, because=because, message=MESSAGES[server])
