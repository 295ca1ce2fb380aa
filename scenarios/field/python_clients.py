"""Programs of Python people: fsspec, aioftp, git-ftp, each as it is shipped."""

from lab.cases import (
    Case,
    case,
    pyftpdlib,
    recommended,
    temporary,
    unsafe,
    vsftpd,
    vsftpd_on_openssl_1_0_2,
)
from lab.clients.aioftp import Aioftp
from lab.clients.fsspec import Fsspec
from lab.clients.git_ftp import GitFtp
from lab.model import Attempt, ClientSettings, Reason, Stage
from lab.model.expectations import completed
from scenarios import field

FSSPEC, AIOFTP, GIT_FTP = [Fsspec()], [Aioftp()], [GitFtp()]
UNCHECKED = completed(verified=False, data_protected=True)


@case(section=field.VERIFIES, clients=FSSPEC)
def fsspec_checks_no_certificate(client: ClientSettings) -> Case:
    """Whoever answers gets the file from fsspec (2026.9.0): with tls=True it checks no certificate."""
    server = vsftpd(certificate="self-signed", require_ssl_reuse=False, protocols=field.WHOLE)
    return Case(Attempt(server, client), UNCHECKED)


@case(section=field.RESUMES, clients=FSSPEC)
def fsspec_resumes_nothing(client: ClientSettings) -> Case:
    """A vsftpd as it is shipped refuses fsspec (2026.9.0), whose data connections resume no session."""
    attempt = Attempt(vsftpd(protocols=field.WHOLE), client)
    cure = attempt.with_server(require_ssl_reuse=False)
    remedies = [temporary("require_ssl_reuse=NO on the server", cure, UNCHECKED)]
    return Case(attempt, field.REUSE_REQUIRED, remedies=remedies)


@case(section=field.WORDS, clients=FSSPEC)
def fsspec_with_a_word_for_tls(client: ClientSettings) -> Case:
    """With tls="tls" fsspec (2026.9.0) never sends PROT P, and speaks of a directory when that is refused."""
    server = vsftpd(implicit_tls=True, require_ssl_reuse=False, protocols=field.WHOLE)
    attempt = Attempt(server, client).with_client(implicit_tls=True)
    refusal = field.server_refuses(
        Stage.TRANSFER,
        Reason.DATA_TLS_REQUIRED,
        "ftplib.error_perm: 550 Create directory operation failed.",
    )
    remedies = [
        recommended(
            "tls=True, with a server that speaks explicit TLS",
            attempt.with_server(implicit_tls=False).with_client(implicit_tls=False),
            UNCHECKED,
        ),
        unsafe(
            "files in clear text (force_local_data_ssl=NO)",
            attempt.with_server(tls_required_data=False),
            completed(data_protected=False),
        ),
    ]
    return Case(attempt, refusal, remedies=remedies)


@case(section=field.SERVERS, clients=AIOFTP)
def aioftp_never_begins_with_vsftpd(client: ClientSettings) -> Case:
    """An upload by aioftp (0.28.3) to vsftpd never begins: each waits for the other.

    The client does the data connection's handshake before it sends STOR; vsftpd takes the connection when it
    has STOR. Without limits of its caller aioftp waits for ever.
    """
    attempt = Attempt(vsftpd(protocols=field.WHOLE), client).with_client(timeout_s=3.0)
    refusal = field.server_refuses(Stage.TRANSFER, Reason.DATA_TLS_FAILED, "TimeoutError")
    cure = Attempt(pyftpdlib(protocols=field.WHOLE), attempt.client)
    words = "a server that takes data connections at once"
    return Case.cured(attempt, refusal, words, cure, field.RESUMED)


@case(section=field.VERIFIES, clients=AIOFTP)
def aioftp_checks_the_certificate(client: ClientSettings) -> Case:
    """With nothing said, aioftp (0.28.3) delivers nothing to a certificate that has expired."""
    attempt = Attempt(pyftpdlib(certificate="expired", protocols=field.WHOLE), client)
    return field.refused_certificate(
        attempt,
        Reason.EXPIRED,
        remedies=[
            recommended(
                "the server's certificate is renewed",
                attempt.with_server(certificate="renewed"),
                field.DELIVERED,
            ),
            unsafe("a context without verification", attempt.with_client(verify=False)),
        ],
    )


@case(section=field.VERIFIES, clients=GIT_FTP)
def git_ftp_checks_the_certificate(client: ClientSettings) -> Case:
    """With nothing said, git-ftp (2.1.0) delivers nothing to a certificate that nobody vouches for."""
    attempt = Attempt(vsftpd(certificate="self-signed", protocols=field.WHOLE), client)
    return field.refused_certificate(
        attempt,
        Reason.SELF_SIGNED_LEAF,
        remedies=field.given_or_unchecked(
            attempt,
            "git-ftp --cacert with the certificate that the server has",
            "git-ftp --insecure",
            field.DELIVERED,
        ),
    )


@case(section=field.WORDS, clients=GIT_FTP)
def git_ftp_blames_the_certificate(client: ClientSettings) -> Case:
    """Where no cipher suite is in common, git-ftp (2.1.0) says that verification failed.

    Its advice, --insecure, gives the protection away and cures nothing.
    """
    attempt = Attempt(vsftpd_on_openssl_1_0_2(ciphers="DES-CBC3-SHA"), client)
    cure = attempt.with_server(ciphers="ECDHE+AESGCM")
    twin = attempt.with_server(ciphers=None)
    remedies = [recommended("suites of today on the server", cure, field.DELIVERED)]
    return Case(attempt, field.NO_SHARED_CIPHER, twin=twin, remedies=remedies)
