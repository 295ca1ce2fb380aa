"""A client of Node: ``https.get``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from lab.clients.base import Program, Target, authorization, python_tls
from lab.model import Agent, WebClientSettings


@dataclass(frozen=True, kw_only=True)
class NodeHttps(WebClientSettings):
    """What a caller of ``https.get`` can tell it."""

    program: Literal["node-https"] = "node-https"
    platform: str = "debian13"


@dataclass(frozen=True, kw_only=True)
class NodeHttpsProgram(Program[NodeHttps]):
    """``https.get`` with an answer that is read to its end."""

    agent: Agent = Agent.worker("node-https", "node", "node_https.js", concurrent=8)
    needs: str = "node"
    title: str = "Node"

    def request(self, client: NodeHttps, target: Target) -> dict[str, Any]:
        """See :meth:`Program.request`."""
        return {
            **python_tls(client, target),
            "server_name": client.sni,
            "verify_name": client.verify_name,
            "authorization": authorization(target),
        }


PROGRAMS = (NodeHttpsProgram(),)
