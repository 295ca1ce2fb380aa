"""The server programs of the lab, by the name that ``ServerSettings.software`` has."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from lab.model import PROTOCOLS
from lab.servers.base import (
    ListenerPlace,
    Server,
    ServerAgent,
    listen_request,
    parse_ports,
    passive_range,
)
from lab.servers.nginx import Nginx
from lab.servers.origin import Origin
from lab.servers.pyftpdlib import Pyftpdlib
from lab.servers.vsftpd import EL9, Vsftpd

#: Every server software that ``ServerSettings.software`` can name.
SERVERS: Mapping[str, Server] = MappingProxyType(
    {
        server.name: server
        for server in (
            Vsftpd(),
            Pyftpdlib(),
            Vsftpd(build=EL9, name="vsftpd@rocky9", service="vsftpd-rocky9"),
            Vsftpd(
                name="vsftpd@openssl-1.0.2k",
                service="vsftpd-openssl10",
                library="OpenSSL 1.0.2k",
                newest="TLSv1.2",
            ),
            Nginx(),
            Origin(),
            Origin(
                name="origin@openssl-1.0.2k",
                service="origin-openssl10",
                library="OpenSSL 1.0.2k",
                spoken=PROTOCOLS[:4],
                has_packet_filter=False,
            ),
        )
    }
)

__all__ = [
    "SERVERS",
    "ListenerPlace",
    "Server",
    "ServerAgent",
    "listen_request",
    "parse_ports",
    "passive_range",
]
