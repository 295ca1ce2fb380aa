"""The second half of the document's list, ``DES-CBC3-SHA``, on a server that can do it.

Debian's vsftpd does not start with it, because Debian's OpenSSL has no 3DES (``vsftpd_3_0_5``). Here the
same vsftpd 3.0.5 runs on CentOS 7's OpenSSL 1.0.2k, which has. Nothing is said of protocol versions: that
library ends at TLS 1.2, so that the cipher list always decides.
"""

from lab.cases import Case, case, recommended, temporary, useless, vsftpd_on_openssl_1_0_2
from lab.model import Attempt, ClientSettings, Reason, Side, Stage
from lab.model.expectations import completed, refused
from scenarios import movable_type as mt

SECTION = "vsftpd 3.0.5 as an example"
TRIPLE_DES = "DES-CBC3-SHA"
SERVER_DEFAULT = "vsftpd.conf: no ssl_ciphers"

OVER_DES_CBC3_SHA = completed(protocol="TLSv1.2", cipher=TRIPLE_DES, verified=True)

NO_SHARED_CIPHER = mt.server_refuses(Reason.NO_SHARED_CIPHER)
#: The list means nothing to the client's library, which says so before it has sent anything.
LIST_EMPTY = refused(Side.CLIENT, Stage.HANDSHAKE, Reason.CIPHER_LIST_EMPTY)


def server_with(ciphers: str, client: ClientSettings) -> Attempt:
    """The client against a server with this list and a certificate that its policy accepts."""
    certificate = "rsa3072" if client.policy == "FUTURE" else "valid"
    return Attempt(vsftpd_on_openssl_1_0_2(certificate=certificate, ciphers=ciphers), client)


def told(attempt: Attempt, ciphers: str) -> tuple[str, Attempt]:
    """The document's remedy for the client with this list: its title, and the attempt with it."""
    return f"{mt.CLIENT_LIST}={ciphers}", attempt.with_client(ciphers=ciphers)


@case(section=SECTION, clients=[*mt.ROCKY9, *mt.clients("rocky9:FUTURE")])
def triple_des_alone_from_rocky_linux_9(client: ClientSettings) -> Case:
    """Rocky Linux 9 has no 3DES, whatever the crypto policy or the client's list says.

    Its libssl is built without the suites. A list of them alone is empty there; a list of everything
    (``ALL:@SECLEVEL=0``) has all but them. So the document is right about this half, and its remedy on
    the client's side has nothing to name.
    """
    attempt = server_with(TRIPLE_DES, client)
    remedies = [
        mt.high(attempt),
        recommended(SERVER_DEFAULT, attempt.with_server(ciphers=None), mt.STRONG),
        useless(*told(attempt, TRIPLE_DES), LIST_EMPTY),
        useless(*told(attempt, "ALL:@SECLEVEL=0")),
        useless(*told(attempt, "AES128")),
    ]
    if client.policy != "LEGACY":
        legacy = attempt.with_client(policy="LEGACY")
        remedies.append(useless("update-crypto-policies --set LEGACY", legacy))
    return Case(attempt, NO_SHARED_CIPHER, remedies=remedies)


@case(section=SECTION, clients=mt.CENTOS7)
def triple_des_alone_from_centos_7(client: ClientSettings) -> Case:
    """CentOS 7's library has 3DES in its default list; the Perl module above it has not.

    IO::Socket::SSL 2.081 brings a list of its own, without 3DES, and the server refuses it. With the
    library's own default (``DEFAULT``) the same client gets through, with DES-CBC3-SHA.
    """
    attempt = server_with(TRIPLE_DES, client)
    remedies = [
        mt.high(attempt),
        recommended(SERVER_DEFAULT, attempt.with_server(ciphers=None), mt.STRONG),
        temporary(*told(attempt, "DEFAULT"), OVER_DES_CBC3_SHA),
        temporary(*told(attempt, TRIPLE_DES), OVER_DES_CBC3_SHA),
        useless(*told(attempt, "AES128")),
    ]
    twin = attempt.with_client(ciphers="DEFAULT")
    return Case(attempt, NO_SHARED_CIPHER, twin=twin, remedies=remedies)


@case(section=SECTION, clients=mt.WITH_AES128_SHA)
def both_halves_of_the_documents_list(client: ClientSettings) -> Case:
    """A server that has both suites of the document's list: the first one is what is used.

    That 3DES is there as well changes nothing for anybody. Rocky Linux 9 has AES128-SHA under DEFAULT.
    """
    return Case(server_with(mt.DOCUMENT_SUITES, client), mt.OVER_AES128_SHA)


@case(section=SECTION, clients=mt.clients("rocky9:FIPS", "rocky9:FUTURE"))
def both_halves_where_the_policy_has_neither(client: ClientSettings) -> Case:
    """The document's story, with the server that the document describes.

    FIPS and FUTURE have no RSA key exchange and no SHA-1 MAC, so no AES128-SHA, and 3DES is not built in.
    Under FIPS the document's remedy for the client brings AES128-SHA back; under FUTURE its security
    level stays in force and nothing does. To ask for the other half is never possible.
    """
    attempt = server_with(mt.DOCUMENT_SUITES, client)
    aes128 = told(attempt, "AES128")
    remedies = [
        mt.high(attempt),
        temporary(*aes128, mt.OVER_AES128_SHA) if client.policy == "FIPS" else useless(*aes128),
        useless(*told(attempt, TRIPLE_DES), LIST_EMPTY),
    ]
    return Case(attempt, NO_SHARED_CIPHER, remedies=remedies)


@case(section=SECTION, clients=mt.CENTOS7)
def asking_for_the_second_half_from_centos_7(client: ClientSettings) -> Case:
    """On CentOS 7 the second half can be had: a client that asks for 3DES alone gets it."""
    attempt = server_with(mt.DOCUMENT_SUITES, client)
    return Case(attempt.with_client(ciphers=TRIPLE_DES), OVER_DES_CBC3_SHA)
