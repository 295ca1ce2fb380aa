"""Net::FTP of Ruby, with ``ssl:``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from lab.clients.base import Program, Target, ftp_session
from lab.model import Agent, FtpClientSettings


@dataclass(frozen=True, kw_only=True)
class RubyNetFtp(FtpClientSettings):
    """What Ruby's Net::FTP can be told."""

    program: Literal["ruby-net-ftp"] = "ruby-net-ftp"
    platform: str = "debian13"


@dataclass(frozen=True, kw_only=True)
class RubyNetFtpProgram(Program[RubyNetFtp]):
    """``Net::FTP.new(nil, ssl: ...)``, ``connect``, ``login``, ``storbinary``, ``quit``."""

    agent: Agent = Agent.worker("ruby-net-ftp", "ruby", "ruby_net_ftp.rb")
    needs: str = "net-ftp"
    title: str = "Ruby with net-ftp"
    leaves_tickets_unread: bool = True

    def request(self, client: RubyNetFtp, target: Target) -> dict[str, Any]:
        """See :meth:`Program.request`."""
        return ftp_session(client, target)


PROGRAMS = (RubyNetFtpProgram(),)
