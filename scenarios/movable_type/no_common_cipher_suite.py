"""No cipher suite is common to both ends.

The document's example is a server that offers ``AES128-SHA:DES-CBC3-SHA`` and a client on Rocky Linux 9.
Cipher lists decide only where TLS 1.3 is off - TLS 1.3 has suites of its own, which ``ssl_ciphers``
does not govern - and only under a policy that has no RSA key exchange: FIPS or FUTURE, not DEFAULT.
"""

from lab.cases import Case, case, recommended, temporary, useless, vsftpd
from lab.model import Attempt, ClientSettings, Reason
from lab.model.expectations import completed
from lab.servers import SERVERS
from scenarios import movable_type as mt

SECTION = "No common cipher suite"
CLIENT_AES128 = f"{mt.CLIENT_LIST}=AES128"


@case(section=SECTION, clients=mt.clients("rocky9:FIPS"), servers=mt.BOTH_SERVERS)
def server_offers_only_suites_the_client_refuses(client: ClientSettings, server: str) -> Case:
    """The certificate is fine, but no cipher suite is common to both ends.

    With TLS 1.3 off and the document's two suites on the server, a client under the FIPS crypto policy,
    which has neither RSA key exchange nor SHA-1 MACs, finds nothing that it may use. Its user reads the
    same sentence as for a bad certificate.
    """
    settings = SERVERS[server].settings_with(ciphers=mt.DOCUMENT_SUITES, protocols=mt.WHOLE)
    attempt = Attempt(settings, client)
    unchecked = attempt.with_client(verify=False)
    remedies = [
        mt.high(attempt),
        temporary(CLIENT_AES128, attempt.with_client(ciphers="AES128"), mt.OVER_AES128_SHA),
        useless(f"{mt.VERIFY_NONE} (the certificate is not the cause)", unchecked),
    ]
    return Case(attempt, mt.server_refuses(Reason.NO_SHARED_CIPHER, server), remedies=remedies)


@case(section=SECTION, clients=mt.clients("rocky9:FUTURE"))
def the_gap_under_the_future_policy(client: ClientSettings) -> Case:
    """Under FUTURE the list is the client's own again after remedy 2, and still nothing fits.

    FUTURE also asks for 128 bits of security in everything (SECLEVEL 3), and a cipher list given to the
    client does not lower that: AES128-SHA authenticates with SHA-1 and stays out. Only the server can
    help. The key has 3072 bits here, or the certificate would be refused first.
    """
    server = vsftpd(certificate="rsa3072", ciphers=mt.DOCUMENT_SUITES, protocols=mt.WHOLE)
    attempt = Attempt(server, client)
    remedies = [mt.high(attempt), useless(CLIENT_AES128, attempt.with_client(ciphers="AES128"))]
    return Case(attempt, mt.server_refuses(Reason.NO_SHARED_CIPHER), remedies=remedies)


@case(section=SECTION, clients=mt.WITH_AES128_SHA)
def the_same_server_reached_without_that_policy(client: ClientSettings) -> Case:
    """The document's two suites are no obstacle under DEFAULT or LEGACY, nor on CentOS 7.

    DEFAULT keeps RSA key exchange, CBC and the SHA-1 MAC, so AES128-SHA is common to both ends.
    """
    server = vsftpd(ciphers=mt.DOCUMENT_SUITES, protocols=mt.WHOLE)
    return Case(Attempt(server, client), mt.OVER_AES128_SHA)


@case(section=SECTION, clients=mt.EVERYWHERE)
def the_client_is_told_to_use_aes128_only(client: ClientSettings) -> Case:
    """Remedy 2 breaks a server that was fine.

    vsftpd 3.0.5 built from upstream's source offers ``ECDHE-RSA-AES256-GCM-SHA384`` alone when nothing
    is set. A client that is limited to AES-128 suites for the sake of another server has nothing in
    common with it.
    """
    attempt = Attempt(vsftpd(protocols=mt.WHOLE), client).with_client(ciphers="AES128")
    untold = attempt.with_client(ciphers=None)
    remedies = [
        recommended("mt-config.cgi: no SSL_cipher_list", untold, mt.STRONG),
        mt.high(attempt, completed()),
    ]
    return Case(attempt, mt.server_refuses(Reason.NO_SHARED_CIPHER), remedies=remedies)


@case(section=SECTION, clients=mt.OLD_AND_NEW)
def cipher_remedies_against_a_bad_certificate(client: ClientSettings) -> Case:
    """The same sentence, and the remedies of the other cause: they change nothing."""
    attempt = Attempt(vsftpd(certificate="self-signed", protocols=mt.WHOLE), client)
    refusal = mt.client_refuses(Reason.SELF_SIGNED_LEAF)
    high = attempt.with_server(ciphers="HIGH")
    remedies = [
        useless(mt.SERVER_HIGH, high),
        useless(f"{CLIENT_AES128}, with ssl_ciphers=HIGH", high.with_client(ciphers="AES128")),
    ]
    return Case(attempt, refusal, twin=attempt.with_server(certificate="valid"), remedies=remedies)
