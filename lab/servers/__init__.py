"""The server programs of the lab, by the name that ``ServerSettings.software`` has."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from lab.model import ServerSettings
from lab.model.software import of_folders
from lab.servers.base import ListenerPlace, Server, listen_request, passive_range

#: Every server software that ``ServerSettings.software`` can name.
SERVERS: Mapping[str, Server[Any]] = MappingProxyType(
    {server.name: server for server in of_folders("servers", "SERVERS")}
)

#: The DNS name of each in the lab's zone.
SERVER_HOSTS: Mapping[str, str] = MappingProxyType({n: s.host for n, s in SERVERS.items()})


def server_of(settings: ServerSettings) -> Server[Any]:
    """The software that runs with these settings."""
    return SERVERS[settings.software]


__all__ = ["SERVERS", "SERVER_HOSTS", "ListenerPlace", "Server"]
__all__ += ["listen_request", "passive_range", "server_of"]
