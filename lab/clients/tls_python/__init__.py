"""A bare TLS client that asks a web origin for a page: Python's ssl."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from lab.clients.base import Program, Target, authorization, python_tls
from lab.model import Agent, WebClientSettings, setting
from lab.model.settings import REFUSE_RC4_HELP


@dataclass(frozen=True, kw_only=True)
class TlsPython(WebClientSettings):
    """What a caller of Python's ssl can tell it."""

    program: Literal["tls-python"] = "tls-python"
    refuse_rc4: bool = setting(False, REFUSE_RC4_HELP)
    strict: bool | None = setting(
        None,
        "ssl.VERIFY_X509_STRICT in verify_flags: check what RFC 5280 asks for (default: on from Python 3.13)",
    )


@dataclass(frozen=True, kw_only=True)
class TlsPythonProgram(Program[TlsPython]):
    """``ssl.create_default_context()``, ``wrap_socket``, and ``http.client`` to read the answer."""

    agent: Agent = Agent.python("tls-python", "tls_client.py")
    needs: str = "python"
    title: str = "Python"

    def request(self, client: TlsPython, target: Target) -> dict[str, Any]:
        """See :meth:`Program.request`."""
        name = target.host if client.sni is None else client.sni
        return {
            **python_tls(client, target),
            "server_name": name or None,
            "refuse_rc4": client.refuse_rc4,
            "strict": client.strict,
            "authorization": authorization(target),
        }


PROGRAMS = (TlsPythonProgram(),)
