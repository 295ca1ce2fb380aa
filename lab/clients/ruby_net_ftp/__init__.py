"""Net::FTP of Ruby, with ``ssl:``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from lab.clients.base import Program, Target, ftp_session
from lab.model import Agent, FtpClientSettings

#: How it is written in a program: see :attr:`Program.statements`.
STATEMENTS: Mapping[str, str] = {
    "not verify": "ssl: {{verify_mode: OpenSSL::SSL::VERIFY_NONE}}",
    "ca_file": "ssl: {{ca_file: '{}'}}",
    "ciphers": "ssl: {{ciphers: '{}'}}",
    "minimum": "ssl: {{min_version: OpenSSL::SSL::TLS{version}_VERSION}}",
    "maximum": "ssl: {{max_version: OpenSSL::SSL::TLS{version}_VERSION}}",
}


@dataclass(frozen=True, kw_only=True)
class RubyNetFtp(FtpClientSettings):
    """What Ruby's Net::FTP can be told."""

    program: Literal["ruby-net-ftp"] = "ruby-net-ftp"
    platform: str = "debian13"


@dataclass(frozen=True, kw_only=True)
class RubyNetFtpProgram(Program[RubyNetFtp]):
    """``Net::FTP.new(nil, ssl: ...)``, ``connect``, ``login``, ``storbinary``, ``quit``."""

    settings: type[RubyNetFtp] = RubyNetFtp
    agent: Agent = Agent.worker("ruby-net-ftp", "ruby", "ruby_net_ftp.rb")
    needs: str = "net-ftp"
    title: str = "Ruby with net-ftp"
    statements: Mapping[str, str] = field(default_factory=lambda: STATEMENTS)
    leaves_tickets_unread: bool = True

    def cannot(self, client: RubyNetFtp) -> str | None:
        """See :meth:`Program.cannot`."""
        if client.implicit_tls and not client.tls:
            return "implicit TLS without TLS is not a connection"
        if client.session_cache != "default":
            return "Net::FTP of Ruby resumes the last session that the server gave it: it has no option"
        return None

    def request(self, client: RubyNetFtp, target: Target) -> dict[str, Any]:
        """See :meth:`Program.request`."""
        return ftp_session(client, target)


PROGRAMS = (RubyNetFtpProgram(),)
