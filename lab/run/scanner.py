"""Running ``sslscan`` in its own container against a listener in another."""

from __future__ import annotations

from dataclasses import dataclass

from lab.model import ServerSettings
from lab.run.files import AGENTS, certificate_files
from lab.run.link import AgentError, AgentLink
from lab.run.scan import Scan, ScanError, read

#: The container of the topology, and its agent.
SERVICE = "sslscan"
AGENT = ("/opt/lab/bin/python3", f"{AGENTS}/sslscan.py")
#: Seconds for one listener: some 200 connections where a long list of suites is to be found.
SCAN_S = 60.0
#: How often it is asked at most. It writes its hello of SSL 3.0 in three pieces and gives up altogether
#: when the server refuses after the first, as OpenSSL 1.0.x does: once in some twenty times.
TRIES = 5


@dataclass(frozen=True, kw_only=True)
class Address:
    """A listener, as the scanner reaches it."""

    host: str
    port: int
    server_name: str
    """The name to ask for (SNI)."""
    speaks_ftp: bool
    """AUTH TLS comes first; else TLS from the first byte on."""
    chain: str | None = None
    """A certificate to present, and its key (paths in the scanner's container)."""
    key: str | None = None

    @classmethod
    def of(cls, server: ServerSettings, port: int) -> Address:
        """A listener with these settings at ``port``."""
        asked = server.asks_for_certificate
        chain, key = certificate_files(server.host, server.certificate) if asked else (None, None)
        return cls(
            host=server.host,
            port=port,
            server_name=server.server_name,
            speaks_ftp=not server.tls_first,
            chain=chain,
            key=key,
        )


def scan(agent: AgentLink, address: Address) -> Scan:
    """What ``sslscan`` finds there.

    Raises:
        AgentError: the agent failed, or the program could not look.
    """
    for left in reversed(range(TRIES)):
        answer = agent.call(
            "scan",
            SCAN_S,
            host=address.host,
            port=address.port,
            server_name=address.server_name,
            starttls="ftp" if address.speaks_ftp else None,
            certificate=address.chain,
            key=address.key,
        )
        try:
            return read(answer["xml"])
        except ScanError as error:
            if not left:
                said = " ".join(answer["stderr"].split())
                ended = f"exit status {answer['exit_status']}{': ' + said if said else ''}"
                raise AgentError(f"{error} ({ended}; {TRIES} times)") from error
    raise AssertionError("the last try has returned or raised")
