"""aioftp's ``Client``: its settings to the agent's request.

Source: ``aioftp/client.py`` of aioftp 0.28.3. ``upgrade_to_tls()`` is AUTH TLS, the handshake, ``PBSZ`` and
``PROT P``, before the login; ``Client(ssl=...)`` is TLS from the first byte on, and sends no ``PROT P``. Its
data connections resume the control connection's session, and do their handshake before the command is sent.
It has no time limits but those that its caller gives (``socket_timeout``, ``connection_timeout``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from lab.clients.base import Program, Target, ftp_session
from lab.model import Agent, FtpClientSettings


@dataclass(frozen=True, kw_only=True)
class Aioftp(FtpClientSettings):
    """What aioftp can be told."""

    program: Literal["aioftp"] = "aioftp"
    platform: str = "debian13"


@dataclass(frozen=True, kw_only=True)
class AioftpProgram(Program[Aioftp]):
    """``Client`` with ``ssl.create_default_context()``, which is what it makes itself without one."""

    agent: Agent = Agent.python("aioftp", "python_aioftp.py")

    def request(self, client: Aioftp, target: Target) -> dict[str, Any]:
        """See :meth:`Program.request`."""
        return ftp_session(client, target)


PROGRAMS = (AioftpProgram(),)
