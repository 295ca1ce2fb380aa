"""Movable Type's directives, as they are written in mt-config.cgi.

The lines of each case go through the same reader as an operator's own file (``lab attempt
--mt-config``), with Movable Type's merge rules; what comes out are the client's settings.
"""

from lab.cases import Case, case, recommended, temporary, unsafe, useless, vsftpd
from lab.model import Attempt, ClientSettings, Reason, Side, Stage
from lab.model.expectations import completed, refused
from lab.own.mt_client import client_settings
from lab.own.mt_config import parse
from scenarios import movable_type as mt

SECTION = "Movable Type's directives"


def configured(attempt: Attempt, *lines: str) -> Attempt:
    """The attempt of a client with these lines in its mt-config.cgi."""
    config = parse("\n".join(lines) + "\n", "mt-config.cgi")
    client, *_ = client_settings(config, attempt.client)
    return Attempt(attempt.server, client)


@case(section=SECTION, clients=mt.EVERYWHERE)
def verification_switched_off(client: ClientSettings) -> Case:
    """Two directives switch the verification off; the one with FTPS in its name is the document's."""
    attempt = Attempt(vsftpd(certificate="self-signed", protocols=mt.WHOLE), client)
    refusal = mt.client_refuses(Reason.SELF_SIGNED_LEAF)
    remedies = [
        unsafe("FTPSSSLVerifyNone 1", configured(attempt, "FTPSSSLVerifyNone 1")),
        unsafe("SSLVerifyNone 1", configured(attempt, "SSLVerifyNone 1")),
    ]
    return Case(attempt, refusal, twin=attempt.with_server(certificate="valid"), remedies=remedies)


#: What a client reads its trust anchors from when its process has this variable; OpenSSL's own.
TRUSTED_BY_VARIABLE = "SSL_CERT_FILE=/opt/lab/certificates/ftp.lab.test/self-signed.chain.pem"


@case(section=SECTION, clients=mt.OLD_AND_NEW)
def a_directive_in_the_process_environment(client: ClientSettings) -> Case:
    """``FTPSSSLVerifyNone=1`` among the variables of the client's process does nothing.

    What the document calls an environment variable is a line of mt-config.cgi. The twin shows that
    the variables do reach the client: ``SSL_CERT_FILE``, which OpenSSL reads, makes it trust the server's
    certificate - and that certificate alone.
    """
    server = vsftpd(certificate="self-signed", protocols=mt.WHOLE)
    attempt = Attempt(server, client).with_client(environment=("FTPSSSLVerifyNone=1",))
    mt_config = attempt.with_client(environment=("MT_CONFIG_FTPSSSLVerifyNone=1",))
    lwp = attempt.with_client(environment=("PERL_LWP_SSL_VERIFY_HOSTNAME=0",))
    remedies = [
        recommended(
            "the server's certificate trusted by the variable SSL_CERT_FILE",
            attempt.with_client(environment=(TRUSTED_BY_VARIABLE,)),
            impostor=mt.client_refuses(Reason.UNKNOWN_ISSUER),
        ),
        unsafe(mt.VERIFY_NONE, configured(attempt, "FTPSSSLVerifyNone 1")),
        useless("the variable MT_CONFIG_FTPSSSLVerifyNone=1", mt_config),
        useless("the variable PERL_LWP_SSL_VERIFY_HOSTNAME=0, which is LWP's", lwp),
    ]
    return Case(attempt, mt.client_refuses(Reason.SELF_SIGNED_LEAF), remedies=remedies)


@case(section=SECTION, clients=mt.clients("rocky9:FIPS"))
def the_spelling_on_the_page(client: ClientSettings) -> Case:
    """Directive and key run together, as the page prints them, are an unknown directive: nothing happens.

    ``FTPSOptionsSSL_cipher_list AES128`` is accepted without a word and changes nothing;
    ``FTPSOptions SSL_cipher_list=AES128``, with a blank, is what it means.
    """
    server = vsftpd(ciphers=mt.DOCUMENT_SUITES, protocols=mt.WHOLE)
    attempt = configured(Attempt(server, client), "FTPSOptionsSSL_cipher_list AES128")
    right = configured(Attempt(server, client), "FTPSOptions SSL_cipher_list=AES128")
    remedies = [
        mt.high(attempt, completed()),
        temporary("FTPSOptions SSL_cipher_list=AES128", right, mt.OVER_AES128_SHA),
    ]
    return Case(attempt, mt.server_refuses(Reason.NO_SHARED_CIPHER), twin=right, remedies=remedies)


@case(section=SECTION, clients=mt.OLD_AND_NEW)
def a_value_with_an_equals_sign(client: ClientSettings) -> Case:
    """The value of an option ends at its second equals sign: ``ALL:@SECLEVEL=0`` is cut to a broken list.

    The client's library refuses the list before anything is sent.
    """
    attempt = Attempt(vsftpd(protocols=mt.WHOLE), client)
    attempt = configured(attempt, "FTPSOptions SSL_cipher_list=ALL:@SECLEVEL=0")
    refusal = refused(Side.CLIENT, Stage.HANDSHAKE, Reason.CIPHER_LIST_EMPTY)
    twin = configured(Attempt(attempt.server, client), "FTPSOptions SSL_cipher_list=ALL")
    return Case(attempt, refusal, twin=twin)


@case(section=SECTION, clients=mt.clients("rocky9:DEFAULT", "rocky9:FIPS"))
def the_protocol_version(client: ClientSettings) -> Case:
    """``FTPSSSLVersion TLSv1_2`` limits the client, and so cures uploads that TLS 1.3 cuts short."""
    attempt = configured(Attempt(vsftpd(), client), "FTPSSSLVersion TLSv1_2")
    return Case(attempt, completed(protocol="TLSv1.2", verified=True, data_protected=True))


@case(section=SECTION, clients=mt.OLD_AND_NEW)
def a_session_option_that_net_ftp_does_not_know(client: ClientSettings) -> Case:
    """``FTPSOptions ReuseSession=1`` belongs to Net::FTPSSL; Net::FTP ignores it."""
    attempt = Attempt(vsftpd(protocols=mt.WHOLE), client).with_client(session_cache="default")
    attempt = configured(attempt, "FTPSOptions ReuseSession=1")
    return Case(attempt, mt.REUSE_REQUIRED, twin=attempt.with_client(session_cache="shared"))
