"""The page's own diagnosis: look at the suites of both ends, and see what is common.

Both lists come from the real libraries - the client's from its own ClientHello, the server's from its
answers - and the first thing that fails is said in words. `lab suites` does it for any settings.
"""

from lab.cases import Case, case, vsftpd
from lab.model import Attempt, ClientSettings, Reason, Side, Stage
from lab.model.expectations import Expectation, completed, refused
from scenarios import movable_type as mt

SECTION = "No common cipher suite"


def nothing_in_common(cause: str) -> Expectation:
    """No suite is common, and the two lists say why."""
    return refused(Side.SERVER, Stage.HANDSHAKE, Reason.NO_SHARED_CIPHER, cause=cause)


@case(section=SECTION, clients=mt.clients("rocky9:FIPS"))
def the_servers_list_against_the_policys(client: ClientSettings) -> Case:
    """The server allows one suite, with RSA key exchange, CBC and SHA-1; the policy has none of these."""
    attempt = Attempt(vsftpd(ciphers=mt.DOCUMENT_SUITES, protocols=mt.WHOLE), client)
    words = "no cipher suite in common in TLSv1.2: the server allows only AES128-SHA"
    return Case(attempt, nothing_in_common(words), remedies=[mt.high(attempt, completed())])


@case(section=SECTION, clients=mt.OLD_AND_NEW)
def the_servers_default_against_a_short_list(client: ClientSettings) -> Case:
    """The client offers AES-128 suites only; a stock server allows one suite, with AES-256."""
    attempt = Attempt(vsftpd(protocols=mt.WHOLE), client).with_client(ciphers="AES128")
    refusal = nothing_in_common("the server allows only ECDHE-RSA-AES256-GCM-SHA384")
    return Case(attempt, refusal, twin=attempt.with_client(ciphers=None))


@case(section=SECTION, clients=mt.clients("rocky9:FIPS"))
def a_key_that_no_suite_fits(client: ClientSettings) -> Case:
    """The lists have a suite in common, and the key is of another kind: ECDSA, with RSA suites only."""
    attempt = Attempt(vsftpd(certificate="ecdsa", protocols=mt.WHOLE), client)
    return Case(attempt, nothing_in_common("ECDSA"), twin=attempt.with_server(ciphers="HIGH"))
