"""The npm package ftp, on Node."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from lab.clients.base import Program, Target, ftp_session, names_sslv3
from lab.clients.node import NODE_OPTIONS
from lab.model import Agent, FtpClientSettings, Goal


@dataclass(frozen=True, kw_only=True)
class NpmFtp(FtpClientSettings):
    """What the package can be told."""

    program: Literal["npm-ftp"] = "npm-ftp"
    platform: str = "debian13"


@dataclass(frozen=True, kw_only=True)
class NpmFtpProgram(Program[NpmFtp]):
    """``new Client()``, ``connect()``, ``put()``, ``end()``."""

    settings: type[NpmFtp] = NpmFtp
    agent: Agent = Agent.worker("npm-ftp", "node", "npm_ftp.js", concurrent=8)
    needs: str = "ftp"
    title: str = "Node with ftp"
    statements: Mapping[str, str] = field(default_factory=lambda: NODE_OPTIONS)

    def cannot(self, client: NpmFtp) -> str | None:
        """See :meth:`Program.cannot`."""
        if client.goal is Goal.HANDSHAKE:
            return "ftp cannot stop after the handshake: connect() always logs in"
        if client.mode == "active":
            return "ftp has no active mode"
        if names_sslv3(client):
            return "Node has no SSLv3"
        if client.session_cache != "default":
            return "ftp gives every data connection the control channel's session: it has no option"
        return None

    def request(self, client: NpmFtp, target: Target) -> dict[str, Any]:
        """See :meth:`Program.request`."""
        return {**ftp_session(client, target), "secure": _secure(client)}


def _secure(client: NpmFtp) -> bool | str:
    """The option ``secure`` of connect()."""
    if client.implicit_tls:
        return "implicit"
    return client.tls and (client.protect_data or "control")


PROGRAMS = (NpmFtpProgram(),)
