"""A client of Node: ``https.get``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from lab.clients.base import Program, Target, authorization, names_sslv3, python_tls
from lab.clients.node import NODE_OPTIONS
from lab.model import Agent, Goal, WebClientSettings


@dataclass(frozen=True, kw_only=True)
class NodeHttps(WebClientSettings):
    """What a caller of ``https.get`` can tell it."""

    program: Literal["node-https"] = "node-https"
    platform: str = "debian13"


@dataclass(frozen=True, kw_only=True)
class NodeHttpsProgram(Program[NodeHttps]):
    """``https.get`` with an answer that is read to its end."""

    settings: type[NodeHttps] = NodeHttps
    agent: Agent = Agent.worker("node-https", "node", "node_https.js", concurrent=8)
    needs: str = "node"
    title: str = "Node"
    statements: Mapping[str, str] = field(default_factory=lambda: NODE_OPTIONS)

    def cannot(self, client: NodeHttps) -> str | None:
        """See :meth:`Program.cannot`."""
        if client.goal is Goal.HANDSHAKE:
            return "https.get cannot stop after the handshake: it always asks for the page"
        if client.last_error:
            return "Node always goes on after an error and reports the last one: it has no option"
        if names_sslv3(client):
            return "Node has no SSLv3"
        return None

    def request(self, client: NodeHttps, target: Target) -> dict[str, Any]:
        """See :meth:`Program.request`."""
        return {
            **python_tls(client, target),
            "server_name": client.sni,
            "verify_name": client.verify_name,
            "authorization": authorization(target),
        }


PROGRAMS = (NodeHttpsProgram(),)
