"""What every server module provides: settings in, configuration text out.

Nothing here acts. A server module decides what a listener's configuration says; the agent in the
server's container (``lab/agents/ftp_server.py``) writes it down and starts the server on it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Protocol

from lab.model import ServerSettings

#: Where the agent keeps a listener's files in the server's container, one directory a listener.
LISTENERS = "/run/lab/listeners"

#: The modules of the agent that every server needs, names relative to ``lab/agents/``.
AGENT_FILES = (
    "resident.py",
    "tcp_sockets.py",
    "helper_programs.py",
    "packet_filter.py",
    "listener.py",
    "captured.py",
    "ftp_server.py",
)

#: The account that clients log in to.
USER = "lab"

_PORTS = re.compile(r"(\d{1,5})-(\d{1,5})")


@dataclass(frozen=True, kw_only=True)
class ListenerPlace:
    """Where one listener lives in its container: what the caller assigns, not what is tested.

    ``key`` names the listener and its directory. ``chain`` and ``private_key`` are the paths of the
    certificate chain and key that ``ServerSettings.certificate`` names (not looked at when that is
    ``unset`` or ``empty``); ``client_ca`` is the path of the anchors for client certificates.
    """

    key: str
    port: int
    passive_ports: tuple[int, int]
    password: str
    user: str = USER
    address: str = "0.0.0.0"
    chain: str | None = None
    private_key: str | None = None
    client_ca: str | None = None

    @property
    def directory(self) -> str:
        """The listener's own directory."""
        return f"{LISTENERS}/{self.key}"

    @property
    def log(self) -> str:
        """The file that the server writes its log to."""
        return f"{self.directory}/log"

    @property
    def uploads(self) -> str:
        """The directory that the named user starts in and uploads to."""
        return f"{self.directory}/upload"

    @property
    def anonymous(self) -> str:
        """The same for anonymous users, where the server needs another."""
        return f"{self.directory}/anonymous"

    @property
    def captured(self) -> str:
        """The file in which an impostor keeps the last login; only root reads it."""
        return f"{self.directory}/captured"

    @property
    def pam_service(self) -> str:
        """The name of an impostor's own PAM service (PAM knows names in lower case only)."""
        return f"lab-impostor-{self.key.lower()}"


@dataclass(frozen=True)
class ServerAgent:
    """How the agent of a server is started in its container.

    ``files`` are names relative to ``lab/agents/``; they are put into ``/opt/lab/agents/``.
    """

    name: str
    argv: tuple[str, ...]
    files: tuple[str, ...]


class Server(Protocol):
    """One server software."""

    @property
    def name(self) -> str:
        """As ``ServerSettings.software`` has it."""

    @property
    def service(self) -> str:
        """Its container in the topology, which is also the name of its image."""

    @property
    def agent(self) -> ServerAgent:
        """The agent that runs listeners of this software."""

    def unsupported(self, settings: ServerSettings) -> str | None:
        """Why these settings cannot be expressed with this software; ``None`` if they can."""

    def configure(self, settings: ServerSettings, place: ListenerPlace) -> str:
        """The configuration for these settings.

        Raises:
            ValueError: ``settings`` are :meth:`unsupported`, or ``place`` lacks what they need.
        """


def passive_range(settings: ServerSettings, place: ListenerPlace) -> tuple[int, int]:
    """First and last port for passive data connections: the setting's, else the listener's own.

    Raises:
        ValueError: ``pasv_ports`` is not ``FIRST-LAST`` with 1 <= FIRST <= LAST <= 65535.
    """
    if settings.pasv_ports is None:
        return place.passive_ports
    return parse_ports(settings.pasv_ports)


def parse_ports(text: str) -> tuple[int, int]:
    """Read ``30000-30009``.

    Raises:
        ValueError: anything else, or a range that is empty or outside 1-65535.
    """
    match = _PORTS.fullmatch(text.strip())
    first, last = (int(match[1]), int(match[2])) if match else (0, 0)
    if not 1 <= first <= last <= 65535:
        raise ValueError(f"pasv_ports is {text!r}: write FIRST-LAST, for example 30000-30009")
    return first, last


#: What a packet filter can do to a listener's passive ports.
DATA_PORTS = ("open", "dropped", "rejected")


def unsupported_anywhere(settings: ServerSettings) -> str | None:
    """Why no server at all could run with these settings; ``None`` if one could."""
    if settings.data_ports not in DATA_PORTS:
        known = ", ".join(DATA_PORTS)
        return f"data_ports is {settings.data_ports!r}: it is one of {known}"
    try:
        if settings.pasv_ports is not None:
            parse_ports(settings.pasv_ports)
    except ValueError as error:
        return str(error)
    for line in (settings.ciphers, settings.ssl_sni_hostname, settings.pasv_address):
        if line is not None and not line.isprintable():
            return f"a configuration value is one printable line, this is not: {line!r}"
    for line in settings.extra:
        if not line.isprintable() or "=" not in line:
            return f"an extra configuration line is NAME=VALUE, this is not: {line!r}"
    return None


def listen_request(
    server: Server, settings: ServerSettings, place: ListenerPlace
) -> dict[str, Any]:
    """The arguments of the agent's op ``listen`` for these settings.

    Raises:
        ValueError: as :meth:`Server.configure`.
    """
    return {
        "key": place.key,
        "directory": place.directory,
        "config": server.configure(settings, place),
        "port": place.port,
        "user": place.user,
        "password": place.password,
        "impostor": settings.impostor,
        "data_ports": settings.data_ports,
        "passive_range": list(passive_range(settings, place)),
    }
