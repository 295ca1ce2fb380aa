"""Movable Type's other FTPS client: Net::FTPSSL, which its public source drives.

The same lines of mt-config.cgi reach it through the same reader. It resumes the control connection's
session only because ``FTPSOptions`` has ``ReuseSession=1`` by default, and a line of one's own replaces
that default. No image of the lab has the module: where it is missing, these cases are ``cannot``.
"""

from lab.cases import Case, case, net_ftpssl, recommended, temporary, unsafe, vsftpd
from lab.expectations import completed, refused
from lab.inputs.mt_client import Caller, client_settings
from lab.inputs.mt_config import parse
from lab.model import Attempt, ClientSettings, Goal, Reason, ServerSettings, Side, Stage
from scenarios._movable_type import (
    DELIVERED,
    DOCUMENT,
    DOCUMENT_SUITES,
    NO_REUSE,
    OVER_AES128_SHA,
    PUBLIC_CERTIFICATE,
    SERVER_HIGH,
    VERIFY_NONE,
    WHOLE,
)

SECTION = "Movable Type's directives"
CLIENTS = [net_ftpssl("centos7"), net_ftpssl("rocky9", "DEFAULT")]

#: The page's remedy for a server with the page's suites, and what goes missing with it.
CIPHER_LIST = "FTPSOptions SSL_cipher_list=AES128"
REUSE = "FTPSOptions ReuseSession=1"

#: Movable Type shows its user what is left in Perl's $@. Of a refused handshake that is the cause, ...
SELF_SIGNED = {
    "centos7": "FTPS connection failed: SSL connect attempt failed error:14090086:SSL routines:"
    "ssl3_get_server_certificate:certificate verify failed",
    "rocky9": "FTPS connection failed: SSL connect attempt failed error:0A000086:SSL routines::"
    "certificate verify failed",
}
#: ... of a refused transfer it is nothing: the server's 522 stays in the module.
NOTHING = "FTP put failed:"


def delivery(server: ServerSettings, client: ClientSettings, *lines: str) -> Attempt:
    """A delivery by a Movable Type with these lines in its mt-config.cgi."""
    config = parse("\n".join(lines) + "\n", "mt-config.cgi")
    settings, _ = client_settings(config, client, Caller.NET_FTPSSL)
    return Attempt(server, settings)


@case(document=DOCUMENT, section=SECTION, clients=CLIENTS)
def without_a_directive_the_session_is_reused(client: ClientSettings) -> Case:
    """With no line in mt-config.cgi Net::FTPSSL delivers to a vsftpd on its defaults, over TLS 1.2.

    Movable Type's default for FTPSOptions is ReuseSession=1: the data connection resumes the control
    connection's session, as vsftpd demands.
    """
    return Case(
        delivery(vsftpd(protocols=WHOLE), client),
        completed(protocol="TLSv1.2", verified=True, data_protected=True, session_reused=True),
    )


@case(document=DOCUMENT, section=SECTION, clients=CLIENTS)
def one_option_drops_the_session_reuse(client: ClientSettings) -> Case:
    """The page's remedy as it stands: with FTPSOptions SSL_cipher_list=AES128 alone, no file arrives.

    A line of FTPSOptions replaces the default, and ReuseSession=1 is gone. The suites agree, the login
    works, and the server refuses every transfer. What the user is shown ends before the cause.
    """
    server = vsftpd(ciphers=DOCUMENT_SUITES, protocols=WHOLE)
    both = delivery(server, client, CIPHER_LIST, REUSE)
    return Case(
        delivery(server, client, CIPHER_LIST),
        refused(
            by=Side.SERVER,
            at=Stage.TRANSFER,
            because=Reason.SESSION_REUSE_REQUIRED,
            message=NOTHING,
        ),
        twin=both,
        remedies=[
            recommended(
                f"{SERVER_HIGH}, and no FTPSOptions at all",
                delivery(vsftpd(ciphers="HIGH", protocols=WHOLE), client),
                completed(verified=True, data_protected=True, session_reused=True),
            ),
            temporary(
                f"both lines: {CIPHER_LIST} and {REUSE}",
                both,
                completed(
                    cipher="AES128-SHA", verified=True, data_protected=True, session_reused=True
                ),
            ),
            temporary(
                NO_REUSE,
                delivery(
                    vsftpd(ciphers=DOCUMENT_SUITES, protocols=WHOLE, require_ssl_reuse=False),
                    client,
                    CIPHER_LIST,
                ),
                completed(
                    cipher="AES128-SHA", verified=True, data_protected=True, session_reused=False
                ),
            ),
        ],
    )


@case(document=DOCUMENT, section=SECTION, clients=CLIENTS)
def one_option_does_not_stop_the_login(client: ClientSettings) -> Case:
    """The same line, and the login works: whoever tests no further finds nothing wrong."""
    server = vsftpd(ciphers=DOCUMENT_SUITES, protocols=WHOLE)
    attempt = delivery(server, client, CIPHER_LIST).with_client(goal=Goal.LOGIN)
    return Case(attempt, OVER_AES128_SHA)


@case(document=DOCUMENT, section=SECTION, clients=CLIENTS)
def a_refused_certificate_is_named_to_the_user(client: ClientSettings) -> Case:
    """A self-signed certificate: this client's user reads what was wrong, not the server's consent.

    It is the same refusal that Net::FTP words as ``FTP failed to start tls: Proceed with negotiation.``
    """
    server = vsftpd(certificate="self-signed", protocols=WHOLE)
    attempt = delivery(server, client)
    pinned = delivery(server, client, REUSE).with_client(fingerprint="self-signed")
    return Case(
        attempt,
        refused(
            by=Side.CLIENT,
            at=Stage.VERIFY,
            because=Reason.SELF_SIGNED_LEAF,
            message=SELF_SIGNED[client.platform],
        ),
        twin=attempt.with_server(certificate="valid"),
        remedies=[
            recommended(PUBLIC_CERTIFICATE, attempt.with_server(certificate="valid"), DELIVERED),
            recommended(
                f"the certificate pinned: FTPSOptions SSL_fingerprint=sha256$..., with {REUSE}",
                pinned,
                completed(verified=True, data_protected=True, session_reused=True),
                impostor=refused(by=Side.CLIENT, at=Stage.VERIFY, because=Reason.UNKNOWN_ISSUER),
            ),
            unsafe(
                VERIFY_NONE,
                delivery(server, client, "FTPSSSLVerifyNone 1"),
                completed(verified=False, data_protected=True, session_reused=True),
            ),
        ],
    )
