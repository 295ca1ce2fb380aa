"""What every server module provides: settings in, configuration text out.

Nothing here acts. A server module decides what a listener's configuration says; the agent in the
server's container (``lab/agents/server.py``) writes it down and starts the server on it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from lab.model import ServerSettings
from lab.servers import dh_groups

#: Where the agent keeps a listener's files in the server's container, one directory a listener.
LISTENERS = "/run/lab/listeners"

#: The modules of the agent that every server needs, names relative to ``lab/agents/``.
AGENT_FILES = (
    "resident.py",
    "tcp_sockets.py",
    "helper_programs.py",
    "listener.py",
    "captured.py",
    "server_program.py",
    "server.py",
)

#: The account that clients log in to.
USER = "lab"

_PORTS = re.compile(r"(\d{1,5})-(\d{1,5})")


@dataclass(frozen=True, kw_only=True)
class ListenerPlace:
    """Where one listener lives in its container: what the caller assigns, not what is tested.

    ``key`` names the listener and its directory. ``chain`` and ``private_key`` are the paths of the
    certificate chain and key that ``ServerSettings.certificate`` names (not looked at when that is
    ``unset`` or ``empty``), in a folder that has the name of the server's host; ``client_ca`` is the
    path of the anchors for client certificates. ``port_allowed`` are the addresses of the container
    that the setting of this name names; ``pasv_address`` is the address that the setting of this name
    is, or that of the container that it names.
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
    port_allowed: tuple[str, ...] = ()
    pasv_address: str | None = None

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
        """The file in which an impostor keeps the last login; nobody else reads it."""
        return f"{self.directory}/captured"

    @property
    def dh_group(self) -> str:
        """The file with the group for DHE suites, if the settings want one."""
        return f"{self.directory}/{_DH_GROUP}"

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
        """Its container in the topology."""

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


#: What a packet filter can do to a listener's own port, and to its passive ones.
FILTERS = ("open", "dropped", "rejected")

#: Fields of web origins only, and what an FTP server has to do with them.
ORIGIN_FIELDS: Mapping[str, str] = {
    "behaviour": "only a web origin misbehaves on demand",
    "answer_delay_s": "only a web origin answers requests",
    "dh_bits": "an FTP server has the group of its build for DHE suites",
    "certificate_by_name": "the FTP servers have one certificate for every name",
}
#: Fields of FTP servers only, and what a web origin has to do with them.
FTP_FIELDS: Mapping[str, str] = {
    "tls_required_login": "nobody logs in to a web origin",
    "tls_required_data": "HTTP has no data channel",
    "require_ssl_reuse": "HTTP has no data channel",
    "strict_ssl_read_eof": "nothing is uploaded to a web origin",
    "implicit_tls": "TLS of a web origin begins with the first byte, set or not",
    "anonymous": "nobody logs in to a web origin",
    "allow_anon_ssl": "nobody logs in to a web origin",
    "pasv_address": "HTTP has no data channel",
    "pasv_ports": "HTTP has no data channel",
    "data_ports": "HTTP has no data channel",
}
#: The file of a listener's directory that holds the group for DHE suites.
_DH_GROUP = "dh.pem"


def unsupported_of_others(settings: ServerSettings, others: Mapping[str, str]) -> str | None:
    """Which of these fields, which mean nothing to a kind of server, is set; ``None`` if none is."""
    default = ServerSettings(software=settings.software)
    for field, why in others.items():
        value = getattr(settings, field)
        if value != getattr(default, field):
            written = str(value).lower() if isinstance(value, bool) else value
            return f"{field}={written}: {why}"
    return None


def unsupported_anywhere(settings: ServerSettings) -> str | None:
    """Why no server at all could run with these settings; ``None`` if one could."""
    for field in ("data_ports", "port_filter"):
        value = getattr(settings, field)
        if value not in FILTERS:
            return f"{field} is {value!r}: it is one of {', '.join(FILTERS)}"
    if settings.port_filter == "open" and settings.port_allowed is not None:
        return f"port_allowed={settings.port_allowed}: with port_filter=open everybody is let in"
    if settings.port_filter != "open" and not settings.listening:
        return f"listening=off: port_filter={settings.port_filter} is for the port of a listener"
    if settings.dh_bits is not None and settings.dh_bits not in dh_groups.SIZES:
        known = ", ".join(map(str, dh_groups.SIZES))
        return f"dh_bits is {settings.dh_bits}: there are groups of {known} bits"
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
        "port_filter": settings.port_filter,
        "port_allowed": list(place.port_allowed),
        "files": {_DH_GROUP: dh_groups.pem(settings.dh_bits)} if settings.dh_bits else {},
    }
