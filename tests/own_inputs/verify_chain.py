"""What a container's own OpenSSL says of chains: run there, by the Python that is linked with it.

A server and a client of the library shake hands in memory: no network, and nothing of the lab. On
standard input one line of JSON: a list of {"chain", "key", "ca" (PEM), "host", "level"}. Answers with a list
of two X509 numbers for each: as the library is by itself, and with partial chains allowed, as some clients
have it; 0: it is content. The standard library of Python 3.8 only.
"""

import json
import ssl
import sys
import tempfile
from typing import Any

PARTIAL_CHAIN = 0x80000  # X509_V_FLAG_PARTIAL_CHAIN
OLD = ssl.OPENSSL_VERSION_INFO < (1, 1)


def context(side: Any, level: int) -> ssl.SSLContext:
    """A context of one end under a security level, which OpenSSL 1.0.2 does not know."""
    made = ssl.SSLContext(side)
    made.set_ciphers("ALL" if OLD else f"ALL:@SECLEVEL={level}")
    return made


def verify(asked: "dict[str, Any]", chain: str, flags: int) -> int:
    """The X509 number with which a client ends the handshake."""
    # The server takes whatever it is given.
    server = context(ssl.PROTOCOL_TLS_SERVER, 0)
    server.load_cert_chain(chain)
    client = context(ssl.PROTOCOL_TLS_CLIENT, asked["level"])
    client.load_verify_locations(cadata=asked["ca"])
    client.verify_flags |= flags
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        client.wrap_bio(down, up, server_hostname=asked["host"]),
        server.wrap_bio(up, down, server_side=True),
    ]
    for _ in range(10):
        for end in list(ends):
            try:
                end.do_handshake()
                ends.remove(end)
            except ssl.SSLWantReadError:
                pass
            except ssl.SSLCertVerificationError as error:
                return error.verify_code
    if ends:
        raise SystemExit("the handshake does not end")
    return 0


answers = []
for one in json.loads(sys.stdin.readline()):
    with tempfile.NamedTemporaryFile("w") as file:
        file.write(one["key"] + one["chain"])
        file.flush()
        answers.append([verify(one, file.name, flags) for flags in (0, PARTIAL_CHAIN)])
sys.stdout.write(json.dumps(answers))
