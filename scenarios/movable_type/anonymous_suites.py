"""A cipher list for the client that also lets a server without a certificate in.

The document's second remedy is a cipher list for the client, ``SSL_cipher_list=AES128``. In OpenSSL such
a word stands for every suite with that cipher, those without authentication included, unless ``!aNULL``
takes them out or the security level is above 0. With one of them no certificate is presented at all, so
that there is nothing to verify, and verification that is switched on verifies nothing.

The impostor here runs vsftpd on CentOS 7's OpenSSL 1.0.2k, with one anonymous suite and no certificate.
"""

from dataclasses import replace

from lab.cases import Case, case, recommended, vsftpd_on_openssl_1_0_2
from lab.model import Attempt, ClientSettings, Reason
from lab.model.expectations import completed
from scenarios import movable_type as mt

SECTION = "No common cipher suite"
ANONYMOUS = "AECDH-AES128-SHA"
LET_IN = completed(protocol="TLSv1.2", cipher=ANONYMOUS, verified=False)
NO_SHARED_CIPHER = mt.server_refuses(Reason.NO_SHARED_CIPHER)


def impostor_meets(client: ClientSettings) -> Attempt:
    """The client against an impostor's server that has no certificate."""
    server = vsftpd_on_openssl_1_0_2(certificate="empty", ciphers=ANONYMOUS, impostor=True)
    return Attempt(server, client)


@case(section=SECTION, clients=[replace(mt.CENTOS7[0], ciphers=c) for c in ("AES128", "ALL")])
def remedy_2_and_an_impostor_without_a_certificate(client: ClientSettings) -> Case:
    """On CentOS 7 the client's verification is on, and it hands password and file to anybody.

    OpenSSL 1.0.2 has no security levels: ``AES128`` and ``ALL`` contain anonymous suites. The module's
    own list does not, nor does a list that ends in ``!aNULL``; with either the impostor gets nothing.
    """
    attempt = impostor_meets(client)
    safe = f"{client.ciphers}:!aNULL"
    told, untold = attempt.with_client(ciphers=safe), attempt.with_client(ciphers=None)
    remedies = [
        recommended(f"{mt.CLIENT_LIST}={safe}", told, NO_SHARED_CIPHER),
        recommended("mt-config.cgi: no SSL_cipher_list", untold, NO_SHARED_CIPHER),
    ]
    return Case(attempt, LET_IN, remedies=remedies)


@case(section=SECTION, clients=[replace(client, ciphers="AES128") for client in mt.ROCKY9])
def the_security_level_keeps_that_impostor_out(client: ClientSettings) -> Case:
    """On Rocky Linux 9 the same list is harmless: from level 1 on there are no anonymous suites.

    Each of its crypto policies sets level 2 or 3. ``@SECLEVEL=0``, which is often recommended against
    old servers, takes the protection away.
    """
    attempt = impostor_meets(client)
    safe = attempt.with_client(ciphers="AES128:!aNULL:@SECLEVEL=0")
    words = "no @SECLEVEL=0 in a list, and !aNULL in every list"
    remedies = [recommended(words, safe, NO_SHARED_CIPHER)]
    twin = attempt.with_client(ciphers="AES128:@SECLEVEL=0")
    return Case(attempt, NO_SHARED_CIPHER, twin=twin, remedies=remedies)
