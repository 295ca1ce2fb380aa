"""The same settings on pyftpdlib, a second implementation: what it words or does otherwise.

Its certificate cases are beside vsftpd's; here is what its own replies change.
"""

from lab.cases import Case, case, pyftpdlib
from lab.model import SILENT, Attempt, ClientSettings
from scenarios import movable_type as mt

SECTION = "Another server program"


@case(section=SECTION, clients=mt.OLD_AND_NEW)
def plain_ftp_where_tls_is_required(client: ClientSettings) -> Case:
    """Here the user reads the truth: this server's refusal is the last reply, not an earlier one."""
    attempt = Attempt(pyftpdlib(protocols=mt.WHOLE), client).with_client(tls=False)
    refusal = mt.login_needs_tls("SSL/TLS required on the control channel.")
    return Case(attempt, refusal, remedies=mt.cures(attempt, "client-tls", "plain-login"))


@case(section=SECTION, clients=mt.OLD_AND_NEW)
def plain_data_where_tls_is_required(client: ClientSettings) -> Case:
    """The login may be in clear text, the file may not."""
    server = pyftpdlib(protocols=mt.WHOLE, tls_required_login=False)
    attempt = Attempt(server, client).with_client(tls=False)
    twin = attempt.with_server(tls_required_data=False)
    return Case(attempt, mt.data_needs_tls("SSL/TLS required on the data channel."), twin=twin)


@case(section=SECTION, clients=mt.OLD_AND_NEW)
def tls_is_off_there(client: ClientSettings) -> Case:
    """Without TLS this server does not know AUTH: the sentence ends in its words."""
    attempt = Attempt(pyftpdlib(tls=False, protocols=mt.WHOLE), client)
    refusal = mt.tls_not_offered('FTP failed to start tls: Command "AUTH" not understood.')
    return Case(attempt, refusal, twin=attempt.with_server(tls=True))


@case(section=SECTION, clients=mt.OLD_AND_NEW)
def no_certificate_there(client: ClientSettings) -> Case:
    """With TLS on and no certificate this server does not start, whichever way it is missing."""
    attempt = Attempt(pyftpdlib(certificate="empty", protocols=mt.WHOLE), client)
    return Case(attempt, mt.DOES_NOT_START, twin=attempt.with_server(certificate="valid"))


@case(section=SECTION, clients=mt.OLD_AND_NEW)
def the_passive_address_is_wrong_there(client: ClientSettings) -> Case:
    """The same wait for a connection that never comes."""
    attempt = Attempt(pyftpdlib(protocols=mt.WHOLE, pasv_address=SILENT), client)
    attempt = attempt.with_client(timeout_s=2.0)
    return Case(attempt, mt.NO_DATA_CONNECTION, twin=attempt.with_server(pasv_address=None))


@case(section=SECTION, clients=mt.OLD_AND_NEW)
def the_data_ports_are_rejected_there(client: ClientSettings) -> Case:
    """A packet filter in front of the passive ports does not care which server is behind it."""
    attempt = Attempt(pyftpdlib(protocols=mt.WHOLE, data_ports="rejected"), client)
    return Case(attempt, mt.NO_DATA_CONNECTION, twin=attempt.with_server(data_ports="open"))
