"""What vsftpd on OpenSSL 1.0.2k logs means what it means on a newer one; lines are recorded."""

from __future__ import annotations

import pytest

from lab.dialects import server_dialect

LINE = 'Sat Nov 21 19:57:05 2026 [pid 34] DEBUG: Client "172.30.1.6", "{}"\n'


@pytest.mark.parametrize(
    ("text", "signal"),
    [
        (
            "SSL_accept failed: error:1408A0C1:SSL routines:ssl3_get_client_hello:no shared cipher",
            "no-shared-cipher",
        ),
        (
            "SSL_accept failed: error:140760FC:SSL routines:SSL23_GET_CLIENT_HELLO:unknown protocol",
            "no-shared-protocol",
        ),
        (
            "SSL_accept failed: error:140890C7:SSL routines:ssl3_get_client_certificate:"
            "peer did not return a certificate",
            "no-client-certificate",
        ),
        ("SSL_accept failed: error:00000000:lib(0):func(0):reason(0)", "client-left"),
        ("SNI rejection", "sni-rejected"),
    ],
)
def test_a_line_of_the_old_library_is_understood(text: str, signal: str) -> None:
    assert server_dialect("vsftpd@openssl-1.0.2k").heard(LINE.format(text)) == {signal}


def test_a_certificate_that_the_client_refuses_is_no_decision_of_the_server() -> None:
    text = "SSL_accept failed: error:14094418:SSL routines:ssl3_read_bytes:tlsv1 alert unknown ca"
    assert server_dialect("vsftpd@openssl-1.0.2k").heard(LINE.format(text)) == frozenset()
