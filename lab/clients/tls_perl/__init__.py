"""A bare TLS client that asks a web origin for a page: Perl's IO::Socket::SSL."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from lab.clients.base import Installed, Program, Target, authorization, io_socket_ssl
from lab.model import Agent, WebClientSettings, setting
from lab.model.settings import PIN_HELP, REFUSE_RC4_HELP


@dataclass(frozen=True, kw_only=True)
class TlsPerl(WebClientSettings):
    """What a caller of IO::Socket::SSL can tell it."""

    program: Literal["tls-perl"] = "tls-perl"
    fingerprint: str | None = setting(None, PIN_HELP)
    refuse_rc4: bool = setting(False, REFUSE_RC4_HELP)


@dataclass(frozen=True, kw_only=True)
class TlsPerlProgram(Program[TlsPerl]):
    """IO::Socket::SSL, and a caller that reads HTTP itself.

    The request holds the options of ``IO::Socket::SSL->new`` as a caller would write them: those that
    the settings set, and no other.
    """

    agent: Agent = Agent.perl("tls-perl", "tls_client.pl")

    def unsupported(self, client: TlsPerl, installed: Installed) -> str | None:
        """See :meth:`Program.unsupported`."""
        if not client.last_error:
            return None
        if not client.verify:
            return "without verification there is no error, and no last one"
        if client.fingerprint is not None:
            # IO::Socket::SSL looks at the fingerprint where the callback has refused.
            return "a caller that goes on after every error never comes to look at a fingerprint"
        if not installed.versions.get("last_error"):
            return "this Net::SSLeay is too old for a caller that verifies by itself"
        return None

    def request(self, client: TlsPerl, target: Target) -> dict[str, Any]:
        """See :meth:`Program.request`."""
        return {
            "goal": str(client.goal),
            "host": target.host,
            "port": target.port,
            "timeout_s": client.timeout_s,
            "tls": client.tls,
            "options": io_socket_ssl(client, target, client.verify_name, client.sni),
            "last_error": client.last_error,
            # The name that IO::Socket::SSL itself would check.
            "check_name": client.verify_name or client.sni or target.host,
            "refuse_rc4": client.refuse_rc4,
            "authorization": authorization(target),
        }


PROGRAMS = (TlsPerlProgram(),)
