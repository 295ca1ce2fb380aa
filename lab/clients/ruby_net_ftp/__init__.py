"""Net::FTP of Ruby, with ``ssl:``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from lab.clients.base import Installed, Program, Target, payload_of, python_tls
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
    name: str = "ruby-net-ftp"
    statements: Mapping[str, str] = field(default_factory=lambda: STATEMENTS)
    leaves_tickets_unread: bool = True

    def unsupported(self, client: RubyNetFtp, installed: Installed) -> str | None:
        """See :meth:`Program.unsupported`."""
        if not installed.versions.get("net-ftp"):
            return "the image has no Ruby with net-ftp"
        if client.implicit_tls and not client.tls:
            return "implicit TLS without TLS is not a connection"
        if client.session_cache != "default":
            return "Net::FTP of Ruby resumes the last session that the server gave it: it has no option"
        return None

    def request(self, client: RubyNetFtp, target: Target) -> dict[str, Any]:
        """See :meth:`Program.request`."""
        return {
            **python_tls(client, target),
            "implicit": client.implicit_tls,
            "protect_data": client.protect_data,
            "passive": client.mode != "active",
            "user": target.user,
            "password": target.password,
            "payload": payload_of(client, target),
        }


PROGRAMS = (RubyNetFtpProgram(),)
