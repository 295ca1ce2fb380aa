"""The npm package basic-ftp, on Node."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from lab.clients.base import Program, Target, ftp_session
from lab.model import Agent, FtpClientSettings


@dataclass(frozen=True, kw_only=True)
class BasicFtp(FtpClientSettings):
    """What the package can be told."""

    program: Literal["basic-ftp"] = "basic-ftp"
    platform: str = "debian13"


@dataclass(frozen=True, kw_only=True)
class BasicFtpProgram(Program[BasicFtp]):
    """``new Client()``, ``access()``, ``uploadFrom()``, ``close()``."""

    agent: Agent = Agent.worker("basic-ftp", "node", "basic_ftp.js", concurrent=8)
    title: str = "Node with basic-ftp"

    def request(self, client: BasicFtp, target: Target) -> dict[str, Any]:
        """See :meth:`Program.request`."""
        return {
            **ftp_session(client, target),
            "secure": "implicit" if client.implicit_tls else client.tls,
        }


PROGRAMS = (BasicFtpProgram(),)
