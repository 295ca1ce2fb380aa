"""The curl command line: it checks certificates and resumes sessions with nothing said."""

from lab.cases import Case, case, curl, vsftpd
from lab.model import Attempt, ClientSettings, Reason
from scenarios import field

CURL = [curl("rocky9", "DEFAULT")]


@case(section=field.VERIFIES, clients=CURL)
def curl_checks_the_certificate(client: ClientSettings) -> Case:
    """With nothing said, curl (7.88.1) delivers nothing to a certificate that nobody vouches for."""
    attempt = Attempt(vsftpd(certificate="self-signed", protocols=field.WHOLE), client)
    return field.refused_certificate(
        attempt,
        Reason.SELF_SIGNED_LEAF,
        remedies=field.given_or_unchecked(
            attempt,
            "curl --cacert with the certificate that the server has",
            "curl --insecure",
            field.DELIVERED,
        ),
    )


@case(section=field.RESUMES, clients=CURL)
def curl_resumes_over_tls_1_3(client: ClientSettings) -> Case:
    """Curl (7.88.1) passes on a vsftpd as it is shipped, which requires session reuse, over TLS 1.3."""
    return Case(Attempt(vsftpd(), client), field.RESUMED)
