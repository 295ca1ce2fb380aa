"""Somebody else's server in the place of the right one, which takes whatever it is given."""

from __future__ import annotations

import dataclasses
from typing import Any

from lab.model import Attempt, FtpServerSettings
from lab.servers import SERVERS
from lab.servers.nginx import Nginx


def impostors(attempt: Attempt) -> Attempt:
    """The same client at a server of somebody who lets everybody in, and has no certificate for the name."""
    server = attempt.server
    lenient: dict[str, Any] = {}
    if isinstance(server, FtpServerSettings):
        lenient = {"tls_required_login": False, "tls_required_data": False}
        kept = ("implicit_tls",)
        lenient |= {name: getattr(server, name) for name in kept if hasattr(server, name)}
        lenient |= {"require_ssl_reuse": False} if hasattr(server, "require_ssl_reuse") else {}
    elif isinstance(server, Nginx):
        lenient = {"tls": attempt.client.tls}
    settings = SERVERS[server.software].settings_with(
        certificate="impostor", impostor=True, **lenient
    )
    return dataclasses.replace(attempt, server=settings)
