"""vsftpd 3.0.5 with nothing set, and with the suites that the document says it uses then.

The real defaults come first: upstream's and Debian's 3.0.5 offer ``ECDHE-RSA-AES256-GCM-SHA384`` and
have TLS 1.3 on. ``AES128-SHA:DES-CBC3-SHA`` was the default of 3.0.0 to 3.0.2.
"""

from lab.cases import Case, case, vsftpd, vsftpd_of_rocky9
from lab.model import Attempt, ClientSettings, Goal, Reason
from lab.model.expectations import completed
from scenarios import movable_type as mt

SECTION = "vsftpd 3.0.5 as an example"


def best_of(client: ClientSettings) -> str:
    """The newest version that this client's library speaks."""
    return "TLSv1.2" if client.platform == "centos7" else "TLSv1.3"


@case(section=SECTION, clients=mt.EVERYWHERE)
def nothing_set(client: ClientSettings) -> Case:
    """A stock server: nobody is refused, on either system, under any of these policies.

    The session up to the login; what becomes of an upload over TLS 1.3 is another matter.
    """
    attempt = Attempt(vsftpd(), client).with_client(goal=Goal.LOGIN)
    return Case(attempt, completed(protocol=best_of(client), verified=True))


@case(section=SECTION, clients=mt.EVERYWHERE)
def nothing_set_but_tls_1_3_off(client: ClientSettings) -> Case:
    """Without TLS 1.3 the default cipher list decides, and every client has its one suite."""
    return Case(Attempt(vsftpd(protocols=mt.WHOLE), client), mt.STRONG)


@case(section=SECTION, clients=mt.CENTOS7)
def the_documents_suites_from_centos_7(client: ClientSettings) -> Case:
    """CentOS 7 has AES128-SHA in its default list, and no TLS 1.3 that could come before it."""
    return Case(Attempt(vsftpd(ciphers=mt.DOCUMENT_SUITES), client), mt.OVER_AES128_SHA)


@case(section=SECTION, clients=mt.ROCKY9)
def the_documents_suites_with_tls_1_3_on(client: ClientSettings) -> Case:
    """With TLS 1.3 on, as it is by default, ``ssl_ciphers`` is not even looked at."""
    attempt = Attempt(vsftpd(ciphers=mt.DOCUMENT_SUITES), client).with_client(goal=Goal.LOGIN)
    return Case(attempt, completed(protocol="TLSv1.3", verified=True))


@case(section=SECTION, clients=mt.WITH_AES128_SHA)
def aes128_sha_alone(client: ClientSettings) -> Case:
    """The first half of the document's list is usable on Rocky Linux 9 under DEFAULT and LEGACY."""
    attempt = Attempt(vsftpd(ciphers="AES128-SHA", protocols=mt.WHOLE), client)
    return Case(attempt, mt.OVER_AES128_SHA)


@case(section=SECTION, clients=mt.EVERYWHERE)
def triple_des_alone(client: ClientSettings) -> Case:
    """The second half: a server whose OpenSSL has no 3DES does not start with it.

    ``500 OOPS: SSL: could not set cipher list``, exit status 2; clients see a closed port.
    """
    attempt = Attempt(vsftpd(ciphers="DES-CBC3-SHA", protocols=mt.WHOLE), client)
    return Case(attempt, mt.DOES_NOT_START, remedies=[mt.high(attempt, completed())])


@case(section=SECTION, clients=mt.clients("rocky9:FUTURE"))
def nothing_set_and_the_future_policy(client: ClientSettings) -> Case:
    """Under FUTURE the certificate's 2048 bit key is refused before ciphers matter."""
    attempt = Attempt(vsftpd(protocols=mt.WHOLE), client)
    cure = attempt.with_server(certificate="rsa3072")
    refusal = mt.client_refuses(Reason.WEAK_KEY)
    return Case.cured(attempt, refusal, "a certificate with a 3072 bit key", cure, completed())


@case(section=SECTION, clients=mt.EVERYWHERE)
def rocky_linux_9s_own_build_with_nothing_set(client: ClientSettings) -> Case:
    """The distribution's build takes its suites from the crypto policy (``PROFILE=SYSTEM``).

    So a stock vsftpd on Rocky Linux 9 offers what its policy offers, AES128-SHA last among them.
    """
    attempt = Attempt(vsftpd_of_rocky9(), client).with_client(goal=Goal.LOGIN)
    return Case(attempt, completed(protocol=best_of(client), verified=True))
