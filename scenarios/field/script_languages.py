"""The script languages: what PHP, Ruby and Node check, what they say, and where a file ends short."""

import dataclasses

from lab.cases import Case, Race, case, nginx, recommended, useless, vsftpd
from lab.clients.basic_ftp import BasicFtp
from lab.clients.node_https import NodeHttps
from lab.clients.npm_ftp import NpmFtp
from lab.clients.php_ftp import PhpFtp
from lab.clients.ruby_net_ftp import RubyNetFtp
from lab.model import Attempt, ClientSettings, Reason, Side, Stage
from lab.model.expectations import completed, refused
from lab.remedies import cured
from lab.servers.pure_ftpd import PureFtpd
from scenarios import field

BOTH = ("debian12", "debian13")
PHP = [PhpFtp(platform=platform) for platform in BOTH]
RUBY = [RubyNetFtp(platform=platform) for platform in BOTH]
#: Over TLS 1.3 what Ruby uploads is cut short; here it is about something else.
CALM_RUBY = [RubyNetFtp(platform=platform, protocols=field.WHOLE) for platform in BOTH]
BASIC_FTP = [BasicFtp(platform=platform) for platform in BOTH]
HTTPS = [NodeHttps(platform=platform) for platform in BOTH]
NPM_FTP = [NpmFtp(platform=platform) for platform in BOTH]

CURES = ("known-authority", "served-trusted", "not-verified")


# -- PHP -----------------------------------------------------------------------------------------------


@case(section=field.VERIFIES, clients=PHP)
def php_delivers_to_a_self_signed_certificate(client: ClientSettings) -> Case:
    """PHP's ftp_ssl_connect checks no certificate: it delivers to a server with a self-signed one."""
    return Case(Attempt(vsftpd(certificate="self-signed"), client), field.DELIVERED_UNCHECKED)


@case(section=field.VERIFIES, clients=PHP)
def php_delivers_to_an_expired_certificate(client: ClientSettings) -> Case:
    """PHP delivers to a server whose certificate has expired, and warns of nothing."""
    return Case(Attempt(vsftpd(certificate="expired"), client), field.DELIVERED_UNCHECKED)


@case(section=field.VERIFIES, clients=PHP)
def php_gives_an_impostor_password_and_file(client: ClientSettings) -> Case:
    """PHP gives password and file to whoever answers under the server's name.

    The server here is an impostor: its certificate is from an authority that nobody knows, and it lets
    every password in. ftp_login returns true.
    """
    return Case(
        Attempt(vsftpd(certificate="impostor", impostor=True), client), field.DELIVERED_UNCHECKED
    )


@case(section=field.WORDS, clients=PHP)
def php_stops_where_the_server_has_no_tls(client: ClientSettings) -> Case:
    """A server that refuses AUTH gets no password from PHP: ftp_login returns false.

    The warning is the server's own reply, which says nothing of TLS.
    """
    attempt = Attempt(vsftpd(tls=False), client)
    refusal = field.server_refuses(
        Stage.AUTH,
        Reason.TLS_NOT_OFFERED,
        "Warning: ftp_login(): Please login with USER and PASS.",
    )
    remedies = [recommended("vsftpd.conf: ssl_enable=YES", attempt.with_server(tls=True))]
    return Case(attempt, refusal, remedies=remedies)


@case(section=field.WORDS, clients=PHP)
def php_says_nothing_of_a_closed_port(client: ClientSettings) -> Case:
    """Nothing listens: ftp_ssl_connect returns false without a word."""
    attempt = Attempt(vsftpd(listening=False), client)
    twin = attempt.with_server(listening=True)
    return Case(attempt, field.not_reached(Stage.CONNECT, Reason.CONNECTION_REFUSED, ""), twin=twin)


@case(section=field.WORDS, clients=PHP)
def php_says_operation_in_progress_of_a_closed_data_port(client: ClientSettings) -> Case:
    """A passive port that refuses is "Operation now in progress" to PHP's user.

    The words are the same where nobody answers at the passive port.
    """
    attempt = Attempt(vsftpd(data_ports="rejected"), client)
    refusal = field.not_reached(Stage.TRANSFER, Reason.DATA_CONNECTION_FAILED)
    return Case(attempt, refusal, remedies=cured(attempt, "data-ports"))


@case(section=field.RESUMES, clients=PHP)
def php_insists_on_a_session_that_pure_ftpd_does_not_leave(client: ClientSettings) -> Case:
    """PHP delivers nothing to Pure-FTPd over TLS 1.3: it finds no session to resume, and leaves.

    PHP gives every data connection the control connection's session. Over TLS 1.3 it has none of Pure-FTPd's,
    and closes the data connection without a ClientHello; over TLS 1.2 the same two deliver.
    """
    attempt = Attempt(PureFtpd(), client)
    remedies = [
        dataclasses.replace(remedy, expect=completed())
        for remedy in cured(attempt, "server-tls-1.2")
    ]
    refusal = refused(Side.CLIENT, Stage.TRANSFER, Reason.DATA_TLS_FAILED)
    twin = attempt.with_server(protocols=field.WHOLE)
    return Case(attempt, refusal, twin=twin, remedies=remedies)


# -- Ruby ----------------------------------------------------------------------------------------------


def _ruby_refuses(client: ClientSettings, certificate: str, because: Reason, *cures: str) -> Case:
    attempt = Attempt(vsftpd(certificate=certificate), client)
    return Case(attempt, field.client_refuses(because), remedies=cured(attempt, *cures))


@case(section=field.VERIFIES, clients=CALM_RUBY)
def ruby_refuses_a_self_signed_certificate(client: ClientSettings) -> Case:
    """Ruby's Net::FTP with ssl: true refuses a self-signed certificate, as it is shipped."""
    return _ruby_refuses(client, "self-signed", Reason.SELF_SIGNED_LEAF, *CURES)


@case(section=field.VERIFIES, clients=CALM_RUBY)
def ruby_refuses_another_hosts_certificate(client: ClientSettings) -> Case:
    """Ruby's Net::FTP refuses a certificate that is for another host."""
    return _ruby_refuses(
        client, "wrong-host", Reason.HOSTNAME_MISMATCH, "certificate-for-name", "not-verified"
    )


@case(section=field.TRUNCATES, clients=RUBY)
def ruby_is_told_426_over_tls_1_3(client: ClientSettings) -> Case:
    """Ruby's uploads to vsftpd over TLS 1.3 can end in reply 426.

    Net::FTP closes the data connection without reading the session tickets that the server sends behind the
    handshake; the connection is then reset, and the server says "Failure reading network stream."
    """
    attempt = Attempt(vsftpd(), client)
    refusal = field.server_refuses(Stage.TRANSFER, Reason.ABORTED)
    remedies = [
        recommended(
            "Net::FTP: ssl: {max_version: OpenSSL::SSL::TLS1_2_VERSION}",
            attempt.with_client(protocols=field.WHOLE),
        ),
        recommended("vsftpd.conf: ssl_tlsv13=NO", attempt.with_server(protocols=field.WHOLE)),
    ]
    return Case(attempt, refusal, remedies=remedies, race=Race(times=20, least=1))


# -- Node ----------------------------------------------------------------------------------------------


def _node_refuses(
    client: ClientSettings, certificate: str, because: Reason, message: str, *cures: str
) -> Case:
    attempt = Attempt(vsftpd(certificate=certificate), client)
    return field.refused_certificate(attempt, because, message, remedies=cured(attempt, *cures))


NODE = [*BASIC_FTP, *NPM_FTP]


@case(section=field.WORDS, clients=NODE)
def node_refuses_a_self_signed_certificate(client: ClientSettings) -> Case:
    """Node refuses a self-signed certificate: DEPTH_ZERO_SELF_SIGNED_CERT."""
    words = "Error: self-signed certificate"
    return _node_refuses(client, "self-signed", Reason.SELF_SIGNED_LEAF, words, *CURES)


@case(section=field.WORDS, clients=NODE)
def node_refuses_an_expired_certificate(client: ClientSettings) -> Case:
    """Node refuses a certificate that has expired: CERT_HAS_EXPIRED."""
    words = "Error: certificate has expired"
    return _node_refuses(client, "expired", Reason.EXPIRED, words, "renewed", "not-verified")


@case(section=field.WORDS, clients=NODE)
def node_refuses_a_chain_without_its_intermediate(client: ClientSettings) -> Case:
    """Where the server sends no intermediate, Node reports its last error: UNABLE_TO_VERIFY_LEAF_SIGNATURE.

    OpenSSL's first error is 20, "unable to get local issuer certificate", which curl and Python report;
    Node goes on, and the last one is 21.
    """
    words = "Error: unable to verify the first certificate"
    return _node_refuses(
        client,
        "incomplete-chain",
        Reason.FIRST_CERTIFICATE_UNVERIFIABLE,
        words,
        "intermediate-sent",
        "not-verified",
    )


@case(section=field.WORDS, clients=NODE)
def node_refuses_another_hosts_certificate(client: ClientSettings) -> Case:
    """Node refuses a certificate that is for another host, and names the names that it has."""
    attempt = Attempt(vsftpd(certificate="wrong-host"), client)
    refusal = field.client_refuses(Reason.HOSTNAME_MISMATCH)
    return Case(attempt, refusal, remedies=cured(attempt, "certificate-for-name", "not-verified"))


@case(section=field.VERIFIES, clients=NODE)
def node_accepts_a_name_in_the_subject_alone(client: ClientSettings) -> Case:
    """Node accepts a certificate that has the host's name in its subject alone, without a subjectAltName."""
    return Case(Attempt(vsftpd(certificate="cn-only"), client), field.DELIVERED)


@case(section=field.WORDS, clients=HTTPS)
def https_get_reports_the_last_error_of_a_chain(client: ClientSettings) -> Case:
    """Of an origin without its intermediate, https.get says "unable to verify the first certificate"."""
    attempt = Attempt(nginx(certificate="incomplete-chain"), client)
    refusal = field.client_refuses(
        Reason.FIRST_CERTIFICATE_UNVERIFIABLE, "Error: unable to verify the first certificate"
    )
    return Case(attempt, refusal, remedies=cured(attempt, "intermediate-sent", "not-verified"))


@case(section=field.WORDS, clients=NPM_FTP)
def npm_ftp_waits_for_a_greeting_that_never_comes(client: ClientSettings) -> Case:
    """The npm package ftp has no time limit once it is connected: nothing is said while it waits.

    The server speaks implicit TLS and waits for the client, which waits for the greeting. Here its
    caller gives up.
    """
    attempt = Attempt(vsftpd(implicit_tls=True), client).with_client(timeout_s=3.0)
    twin = attempt.with_server(implicit_tls=False)
    return Case(attempt, field.server_refuses(Stage.GREETING, Reason.TIMED_OUT, ""), twin=twin)


@case(section=field.WORDS, clients=NPM_FTP)
def npm_ftp_never_connects_with_implicit_tls(client: ClientSettings) -> Case:
    """With secure: 'implicit' the npm package ftp never connects: no packet leaves it.

    It makes a TLS socket around one that nobody connects, and gives up at its time limit, whichever TLS the
    server speaks. Seen on Node 18 and 20.
    """
    attempt = Attempt(vsftpd(), client).with_client(implicit_tls=True, timeout_s=3.0)
    tried = attempt.with_server(implicit_tls=True)
    refusal = field.not_reached(Stage.CONNECT, Reason.TIMED_OUT)
    twin = attempt.with_client(implicit_tls=False)
    remedies = [useless("vsftpd.conf: implicit_ssl=YES", tried)]
    return Case(attempt, refusal, twin=twin, remedies=remedies)
