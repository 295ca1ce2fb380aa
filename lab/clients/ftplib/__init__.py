"""Python's ftplib, as it is and corrected to resume the control connection's session."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from lab.clients.base import Program, Target, ftp_session
from lab.model import Agent, FtpClientSettings

STOCK, REUSING = "ftplib", "ftplib-reuse"


@dataclass(frozen=True, kw_only=True)
class Ftplib(FtpClientSettings):
    """What ftplib can be told.

    ``ftplib-reuse`` is a subclass of ``FTP_TLS``: data connections get ``session=self.sock.session``.
    """

    program: Literal["ftplib", "ftplib-reuse"] = "ftplib"


@dataclass(frozen=True, kw_only=True)
class FtplibProgram(Program[Ftplib]):
    """``ftplib.FTP_TLS`` with ``ssl.create_default_context()``."""

    agent: Agent = Agent.python("python-ftp", "python_ftp.py")
    needs: str = "python"
    title: str = "Python"

    def request(self, client: Ftplib, target: Target) -> dict[str, Any]:
        """See :meth:`Program.request`."""
        return {**ftp_session(client, target), "reuse": client.program == REUSING}


PROGRAMS = (FtplibProgram(), FtplibProgram(name=REUSING))
