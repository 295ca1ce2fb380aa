"""What the cases of the Movable Type document share."""

from dataclasses import replace

from lab.cases import Remedy, net_ftp, recommended
from lab.model import Attempt, ClientSettings, Rating, Reason, Side, Stage, up_to
from lab.model.expectations import Expectation, completed, refused
from lab.remedies import cured

#: What the document's user reads whenever TLS does not come about after the server's 234: the sentence
#: ends with the server's own reply, so that with another server program it ends otherwise.
MESSAGES = {
    "vsftpd": "FTP failed to start tls: Proceed with negotiation.",
    "pyftpdlib": "FTP failed to start tls: AUTH TLS successful.",
}
BOTH_SERVERS = ("vsftpd", "pyftpdlib")

#: What the document says that vsftpd 3.0.5 offers when nothing is set.
DOCUMENT_SUITES = "AES128-SHA:DES-CBC3-SHA"

#: What is tried against that sentence, as a remedy's title has it.
PUBLIC_CERTIFICATE = "a certificate from a public authority on the server"
VERIFY_NONE = "mt-config.cgi: FTPSSSLVerifyNone 1"
TLS_ON = "TLS on in the delivery settings"
SERVER_HIGH = "vsftpd.conf: ssl_ciphers=HIGH"
CLIENT_LIST = "mt-config.cgi: FTPSOptions SSL_cipher_list"
NO_REUSE = "vsftpd.conf: require_ssl_reuse=NO"

#: With TLS 1.2 at most and the session handed on to the data channel, an upload arrives whole: what
#: else can go wrong after the handshake is the topic of ``after_the_handshake`` alone.
WHOLE = up_to("TLSv1.2")


def clients(*where: str) -> list[ClientSettings]:
    """Net::FTP on each of these platforms (``centos7``, ``rocky9:FIPS``), so that uploads are whole."""
    named = [place.partition(":") for place in where]
    return [net_ftp(name, policy or None, session_cache="shared") for name, _, policy in named]


#: The old cloud's system, and the new one's under each policy that accepts a 2048 bit RSA key.
CENTOS7 = clients("centos7")
ROCKY9 = clients("rocky9:DEFAULT", "rocky9:LEGACY", "rocky9:FIPS")
EVERYWHERE = [*CENTOS7, *ROCKY9]
#: The document's two systems, where the new one's policy makes no difference.
OLD_AND_NEW = clients("centos7", "rocky9:DEFAULT")
#: Where the first of the document's suites, AES128-SHA, is enabled by default.
WITH_AES128_SHA = clients("centos7", "rocky9:DEFAULT", "rocky9:LEGACY")

DELIVERED = completed(verified=True, data_protected=True)
DELIVERED_UNCHECKED = completed(verified=False, data_protected=True)

#: The suite that a current client would choose anyway, and the one that the document calls weak.
STRONG = completed(protocol="TLSv1.2", cipher="ECDHE-RSA-AES256-GCM-SHA384", verified=True)
OVER_AES128_SHA = completed(protocol="TLSv1.2", cipher="AES128-SHA", verified=True)

#: The server has ended at its start, so that its port is closed.
DOES_NOT_START = refused(Side.NETWORK, Stage.CONNECT, Reason.CONNECTION_REFUSED)
#: The login works, and the data channel does not: the session is not resumed, or nothing connects.
REUSE_REQUIRED = refused(Side.SERVER, Stage.TRANSFER, Reason.SESSION_REUSE_REQUIRED)
NO_DATA_CONNECTION = refused(Side.NETWORK, Stage.TRANSFER, Reason.DATA_CONNECTION_FAILED)


def client_refuses(because: Reason, server: str = "vsftpd") -> Expectation:
    """The client refuses the certificate, and its user reads the document's sentence."""
    return refused(Side.CLIENT, Stage.VERIFY, because, MESSAGES[server])


def server_refuses(because: Reason, server: str = "vsftpd") -> Expectation:
    """The server refuses the handshake, and the client's user reads the same sentence."""
    return refused(Side.SERVER, Stage.HANDSHAKE, because, MESSAGES[server])


def tls_not_offered(message: str | None = None) -> Expectation:
    """The server does not know AUTH, and ``message`` is how the client's user reads of it."""
    return refused(Side.SERVER, Stage.AUTH, Reason.TLS_NOT_OFFERED, message)


def login_needs_tls(message: str) -> Expectation:
    """The server takes no login in clear text."""
    return refused(Side.SERVER, Stage.LOGIN, Reason.TLS_REQUIRED, message)


def data_needs_tls(message: str) -> Expectation:
    """The server takes a login in clear text, and no file."""
    return refused(Side.SERVER, Stage.TRANSFER, Reason.DATA_TLS_REQUIRED, message)


#: The document's own words for general cures.
CURES = {
    "known-authority": PUBLIC_CERTIFICATE,
    "renewed": "a renewed certificate on the server",
    "served-trusted": "the server's certificate given to the client as a trust anchor",
    "root-trusted": "the private authority's root given to the client as a trust anchor",
    "not-verified": VERIFY_NONE,
    "server-suites": SERVER_HIGH,
    "server-tls": "vsftpd.conf: ssl_enable=YES, with a certificate",
    "client-tls": TLS_ON,
    "plain-login": "vsftpd.conf: force_local_logins_ssl=NO and force_local_data_ssl=NO",
    "no-client-certificate": "vsftpd.conf: require_cert=NO",
    "data-ports": "the filter lets pasv_min_port to pasv_max_port through",
    "passive-address": "vsftpd.conf: pasv_address is the address that clients can reach",
}


def high(attempt: Attempt, then: Expectation = STRONG) -> Remedy:
    """The document's remedy for the server's list: every strong suite."""
    return recommended(SERVER_HIGH, attempt.with_server(ciphers="HIGH"), then)


def cures(attempt: Attempt, *names: str) -> list[Remedy]:
    """General cures; who is told whom to trust refuses an impostor with the document's sentence."""
    refusal = client_refuses(Reason.UNKNOWN_ISSUER, attempt.server.software)
    of_vsftpd = attempt.server.software == "vsftpd"
    words = {n: w for n, w in CURES.items() if of_vsftpd or not w.startswith("vsftpd.conf")}
    return [
        replace(remedy, impostor=refusal)
        if remedy.impostor and remedy.rating is not Rating.UNSAFE
        else remedy
        for remedy in cured(attempt, *names, words=words)
    ]
