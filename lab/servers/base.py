"""What every server module provides: settings in, configuration text out.

Nothing here acts. A server module decides what a listener's configuration says; the agent in the
server's container (``lab/agents/server.py``) writes it down and starts the server on it.
"""

from __future__ import annotations

import dataclasses
import json
import re
import tomllib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

from lab import model
from lab.model import Agent, FtpServerSettings, ServerSettings, WebServerSettings
from lab.model.software import parameter_of

#: Where the agent keeps a listener's files in the server's container, one directory a listener.
LISTENERS = "/run/lab/listeners"

#: The account that clients log in to.
USER = "lab"

S = TypeVar("S", bound=ServerSettings)

#: A line by which a server connects to another address than that of its control connection's client.
_FOREIGN = re.compile(r"promiscuous|foreign", re.IGNORECASE)

#: The file of a listener's directory that holds the group for DHE suites.
_DH_GROUP = "dh.pem"


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

    def certificate(self, settings: ServerSettings) -> tuple[str, str] | None:
        """Chain and key for a configuration: ``None`` where no option names any, or empty words.

        Raises:
            ValueError: the settings name a certificate of which no file is in this place.
        """
        if settings.certificate == model.CERTIFICATE_EMPTY:
            return "", ""
        if not settings.has_certificate:
            return None
        named = f"certificate={settings.certificate}"
        return self.file("chain", named), self.file("private_key", named)

    def file(self, field: str, setting: str) -> str:
        """The path in ``chain``, ``private_key`` or ``client_ca``, which a setting needs.

        Raises:
            ValueError: there is none.
        """
        path = getattr(self, field)
        if path is None:
            raise ValueError(f"{setting} needs a file: the listener's place has no {field}")
        return str(path)

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
class FixedOption:
    """An option that is written whatever the settings, and why that changes no outcome."""

    name: str
    value: str
    reason: str

    def line(self, place: ListenerPlace, between: str = " ") -> str:
        """Name and value as a line; what stands in braces comes from the place."""
        return f"{self.name}{between}{self.value.format(place=place)}"


def fixed_options(module: str) -> Mapping[str, tuple[FixedOption, ...]]:
    """The options in ``fixed.toml`` beside a module, by the name of their table."""
    tables = tomllib.loads(Path(module).with_name("fixed.toml").read_text("utf-8"))
    return {name: tuple(FixedOption(**one) for one in table) for name, table in tables.items()}


@dataclass(frozen=True, kw_only=True)
class Server(ABC, Generic[S]):
    """One server software, in one build."""

    adds_up: ClassVar[frozenset[str]] = frozenset()
    """Options of which every line holds, each with words of its own."""
    line_end: ClassVar[str] = ""
    """What the syntax of its configuration ends a line with."""

    name: str = ""
    """As ``ServerSettings.software`` has it; empty: the one that its settings have by default."""
    service: str = ""
    """Its container in the topology; empty: the one of this name."""
    start_s: float = 10.0
    """How long a listener may take until it listens, on a machine that is busy."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", self.name or vars(self.settings)["software"])
        object.__setattr__(self, "service", self.service or self.name)

    @property
    def settings(self) -> type[S]:
        """The class of its settings: ``Vsftpd`` of a ``Server[Vsftpd]``."""
        found: type[S] = parameter_of(type(self))
        return found

    @property
    def agent(self) -> Agent:
        """The agent that runs listeners of this software: the program of its folder."""
        folder = type(self).__module__.split(".")[2]
        return Agent.python(folder, "server.py", folder)

    @property
    def host(self) -> str:
        """Its DNS name in the lab's zone."""
        return self.settings.hosts[self.name]

    def settings_with(self, **fields: Any) -> S:
        """Settings of this software, by field.

        Raises:
            TypeError: it has no such field.
        """
        return self.settings(software=self.name, **fields)

    def unsupported(self, settings: S) -> str | None:
        """Why these settings cannot be expressed with this software; ``None`` if they can."""
        return unsupported_anywhere(settings)

    def option_of(self, line: str) -> str:
        """What a line sets, be it one of the configuration or ``NAME=VALUE``: the name of its option."""
        return line.partition("=")[0].split(" ")[0].strip()

    @abstractmethod
    def configure(self, settings: S, place: ListenerPlace) -> str:
        """The configuration for settings that are not :meth:`unsupported`.

        Raises:
            ValueError: ``place`` lacks what they need.
        """


def literals(lines: Iterable[str]) -> dict[str, Any]:
    """Lines ``NAME=VALUE`` as options of a library: a value is JSON where it can be (``5``), else a text."""
    told: dict[str, Any] = {}
    for line in lines:
        name, _, value = (part.strip() for part in line.partition("="))
        try:
            told[name] = json.loads(value)
        except ValueError:
            told[name] = value
    return told


def passive_range(settings: ServerSettings, place: ListenerPlace) -> tuple[int, int]:
    """First and last port for passive data connections: the setting's, else the listener's own."""
    if isinstance(settings, FtpServerSettings) and settings.pasv_ports is not None:
        return model.parse_ports(settings.pasv_ports)
    return place.passive_ports


def unsupported_anywhere(settings: ServerSettings) -> str | None:
    """Why no server at all could run with these settings; ``None`` if one could."""
    if settings.port_filter == "open" and settings.port_allowed is not None:
        return f"port_allowed={settings.port_allowed}: with port_filter=open everybody is let in"
    if settings.hello_filter != "open" and not settings.listening:
        return f"hello_filter={settings.hello_filter}: it is for the port of a listener (listening=off)"
    foreign = [line for line in getattr(settings, "extra", ()) if _FOREIGN.search(line)]
    if getattr(settings, "client_nat", False) and foreign:
        return (
            f"client_nat: nothing keeps the server from the address behind the lab's NAT, to which"
            f" {foreign[0]} would let it connect"
        )
    if settings.port_filter != "open" and not settings.listening:
        return f"listening=off: port_filter={settings.port_filter} is for the port of a listener"
    for field in dataclasses.fields(settings):
        value = getattr(settings, field.name)
        if field.metadata.get("one_line") and value is not None and not value.isprintable():
            return f"a configuration value is one printable line, this is not: {value!r}"
    for line in getattr(settings, "extra", ()):
        if not line.isprintable() or "=" not in line:
            return f"an extra configuration line is NAME=VALUE, this is not: {line!r}"
    return None


def listen_request(server: Server[S], settings: S, place: ListenerPlace) -> dict[str, Any]:
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
        "data_ports": getattr(settings, "data_ports", "open"),
        "client_nat": getattr(settings, "client_nat", False),
        "hello_filter": settings.hello_filter,
        "passive_range": list(passive_range(settings, place)),
        "port_filter": settings.port_filter,
        "port_allowed": list(place.port_allowed),
        "files": _files(settings),
    }


def _files(settings: ServerSettings) -> Mapping[str, str]:
    """What lies in the listener's directory, beside its configuration."""
    if not isinstance(settings, WebServerSettings) or settings.dh_bits is None:
        return {}
    group = Path(__file__).with_name(f"dh{settings.dh_bits}.parameters")
    return {_DH_GROUP: group.read_text(encoding="ascii")}
