"""What the cases of the Fastly document share."""

from functools import partial

from lab.cases import Remedy, edge, tls_perl, tls_python, unsafe, useless
from lab.model import Attempt, ClientSettings, Reason, Side, Stage
from lab.model.expectations import Expectation, completed, refused
from lab.remedies import cured

#: Old and new OpenSSL in two languages, and the policies that accept an RSA-2048 certificate.
BARE = (tls_perl, tls_python)
PERL = [tls_perl("centos7"), *(tls_perl("rocky9", p) for p in ("DEFAULT", "LEGACY", "FIPS"))]
PYTHON = [tls_python("centos7"), *(tls_python("rocky9", p) for p in ("DEFAULT", "LEGACY", "FIPS"))]
EDGE = [edge()]
EVERYWHERE = [*PERL, *PYTHON, *EDGE]
OLD_AND_NEW = [*(bare(name) for bare in BARE for name in ("centos7", "rocky9")), *EDGE]

#: The same, apart: OpenSSL 1.0.2; a current library that can still be told to go lower, ...
OLD = [tls_perl("centos7"), tls_python("centos7")]
NEW = [bare("rocky9", policy) for bare in BARE for policy in ("DEFAULT", "LEGACY")]
#: ... and two policies with no suite that TLS 1.1 and older know; FUTURE wants larger RSA keys as well.
FIPS = [tls_perl("rocky9", "FIPS"), tls_python("rocky9", "FIPS")]
FUTURE = [tls_perl("rocky9", "FUTURE"), tls_python("rocky9", "FUTURE")]
STRICT = [*FIPS, *FUTURE]

#: Clients whose verification goes on after an error, so that they report the last one.
LAST_ERROR = [tls_perl("centos7", last_error=True), tls_perl("rocky9", last_error=True), *EDGE]
#: Clients that stop at the first.
FIRST_ERROR = [tls_perl("centos7"), tls_perl("rocky9"), *PYTHON]

FETCHED = completed(verified=True)


def large_enough(client: ClientSettings) -> str:
    """A certificate that this client's policy accepts: FUTURE wants 3072 bits of an RSA key."""
    return "rsa3072" if client.policy == "FUTURE" else "valid"


def says(
    client: ClientSettings, page: str, *, old: str | None = None, new: str | None = None
) -> str | None:
    """The message that this client's user reads for what the page calls ``page``.

    The edge's visitor reads the page's own name in a 503. ``old`` and ``new`` are the words of OpenSSL
    1.0.2 and of 3.x; where they are not given they are not compared.
    """
    if client.program == "edge":
        return f"503 {page}"
    return old if client.platform == "centos7" else new


def repeats(client: ClientSettings, words: str, page: str = "") -> str | None:
    """The same where OpenSSL has always said ``words``, which are the page's own or nearly so."""
    return says(client, page or words, old=words, new=words)


def handshake_failure(client: ClientSettings) -> str | None:
    """What is read where the origin ends the handshake with alert 40."""
    words = "alert handshake failure"
    return says(client, "SSL handshake failure", old=f"sslv3 {words}", new=f"ssl/tls {words}")


def client_refuses(because: Reason, message: str | None = None) -> Expectation:
    """The client refuses the certificate."""
    return refused(Side.CLIENT, Stage.VERIFY, because, message)


def in_handshake(
    by: Side, because: Reason, message: str | None = None, cause: str | None = None
) -> Expectation:
    """One side breaks the handshake off."""
    return refused(by, Stage.HANDSHAKE, because, message, cause=cause)


def unconnected(because: Reason, message: str | None = None) -> Expectation:
    """The network does not let the client reach the server."""
    return refused(Side.NETWORK, Stage.CONNECT, because, message)


#: An impostor's certificate, from an authority of its own: refused by whoever checks.
IMPOSTOR_REFUSED = client_refuses(Reason.UNKNOWN_ISSUER)
#: An unsafe remedy under which the certificate is still checked.
but_checked = partial(unsafe, impostor=IMPOSTOR_REFUSED)
#: A client's list of all suites that its library has, at the lowest security level.
EVERY_SUITE = "ALL:@SECLEVEL=0"


def self_signed(client: ClientSettings) -> Expectation:
    """Refused: a self-signed certificate that the client was not given."""
    page = "self signed certificate"
    words = says(client, page, old=page, new="self-signed certificate")
    return client_refuses(Reason.SELF_SIGNED_LEAF, words)


def unknown_issuer(client: ClientSettings) -> Expectation:
    """Refused: the chain leads to no authority that the client knows, and a part of it is missing."""
    words = repeats(client, "unable to get local issuer certificate")
    return client_refuses(Reason.UNKNOWN_ISSUER, words)


def hostname_mismatch(client: ClientSettings) -> Expectation:
    """Refused: a certificate for another name than the one that the client checks."""
    return client_refuses(Reason.HOSTNAME_MISMATCH, says(client, "Hostname mismatch"))


def no_tls(client: ClientSettings) -> Expectation:
    """Broken off: what answers the client's first message is not TLS."""
    words = says(client, "Unknown protocol", old="unknown protocol")
    return in_handshake(Side.CLIENT, Reason.PLAINTEXT_PEER, words)


def no_shared_cipher(client: ClientSettings, cause: str | None = None) -> Expectation:
    """Broken off: the origin finds no suite that it has among those of the client."""
    words = handshake_failure(client)
    return in_handshake(Side.SERVER, Reason.NO_SHARED_CIPHER, words, cause=cause)


def every_suite_enabled(attempt: Attempt, suite: str, algorithm: str) -> Remedy:
    """What may be tried against an origin whose only suite is ``suite``, of this encryption algorithm.

    An old library has it, and uses it when it is told to; a current one has none to give.
    """
    title = "every cipher suite enabled at the client"
    if attempt.client.platform == "centos7":
        over = completed(cipher=suite, verified=True)
        return but_checked(title, attempt.with_client(ciphers="ALL"), over)
    refusal = no_shared_cipher(attempt.client, cause=f"none with {algorithm}")
    return useless(title, attempt.with_client(ciphers=EVERY_SUITE), refusal)


#: The page's own words for general cures.
CURES = {
    "certificate-for-name": "a certificate for the origin's name",
    "server-suites": "a current cipher list at the origin",
    "server-tls": "TLS enabled at the origin",
    "well-behaved": "the origin's software put right",
    "listening": "the web server started",
    "answers-in-time": "an origin that answers in time",
    "without-tls": "TLS disabled at the client too, and port 80",
}


def cures(attempt: Attempt, *names: str) -> list[Remedy]:
    """General cures, in the page's words."""
    return cured(attempt, *names, words=CURES)
