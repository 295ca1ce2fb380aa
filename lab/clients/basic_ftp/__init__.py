"""The npm package basic-ftp, on Node."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from lab.clients.base import Program, Target, ftp_session, names_sslv3
from lab.clients.node import NODE_OPTIONS
from lab.model import Agent, FtpClientSettings, Goal


@dataclass(frozen=True, kw_only=True)
class BasicFtp(FtpClientSettings):
    """What the package can be told."""

    program: Literal["basic-ftp"] = "basic-ftp"
    platform: str = "debian13"


@dataclass(frozen=True, kw_only=True)
class BasicFtpProgram(Program[BasicFtp]):
    """``new Client()``, ``access()``, ``uploadFrom()``, ``close()``."""

    settings: type[BasicFtp] = BasicFtp
    agent: Agent = Agent.worker("basic-ftp", "node", "basic_ftp.js", concurrent=8)
    title: str = "Node with basic-ftp"
    statements: Mapping[str, str] = field(default_factory=lambda: NODE_OPTIONS)

    def cannot(self, client: BasicFtp) -> str | None:
        """See :meth:`Program.cannot`."""
        if client.goal is Goal.HANDSHAKE:
            return "basic-ftp cannot stop after the handshake: access() always logs in"
        if client.mode == "active":
            return "basic-ftp has no active mode"
        if names_sslv3(client):
            return "Node has no SSLv3"
        if client.session_cache != "default":
            return "basic-ftp gives every data connection the control channel's session: it has no option"
        if not client.protect_data and client.uses_tls:
            return "basic-ftp always asks for a protected data channel: access() has no option"
        return None

    def request(self, client: BasicFtp, target: Target) -> dict[str, Any]:
        """See :meth:`Program.request`."""
        return {
            **ftp_session(client, target),
            "secure": "implicit" if client.implicit_tls else client.tls,
        }


PROGRAMS = (BasicFtpProgram(),)
