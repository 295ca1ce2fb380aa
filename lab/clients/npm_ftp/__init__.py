"""The npm package ftp, on Node."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from lab.clients.base import Program, Target, ftp_session
from lab.model import Agent, FtpClientSettings


@dataclass(frozen=True, kw_only=True)
class NpmFtp(FtpClientSettings):
    """What the package can be told."""

    program: Literal["npm-ftp"] = "npm-ftp"
    platform: str = "debian13"


@dataclass(frozen=True, kw_only=True)
class NpmFtpProgram(Program[NpmFtp]):
    """``new Client()``, ``connect()``, ``put()``, ``end()``."""

    agent: Agent = Agent.worker("npm-ftp", "node", "npm_ftp.js", concurrent=8)
    needs: str = "ftp"
    title: str = "Node with ftp"

    def request(self, client: NpmFtp, target: Target) -> dict[str, Any]:
        """See :meth:`Program.request`."""
        return {**ftp_session(client, target), "secure": _secure(client)}


def _secure(client: NpmFtp) -> bool | str:
    """The option ``secure`` of connect()."""
    if client.implicit_tls:
        return "implicit"
    return client.tls and (client.protect_data or "control")


PROGRAMS = (NpmFtpProgram(),)
