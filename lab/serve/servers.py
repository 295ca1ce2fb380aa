"""The servers that are served: each started in its container, with certificates for this host's own name."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from lab.certificates import CATALOGUE
from lab.certificates.material import RunCertificates, Wanted
from lab.model import FtpServerSettings, ServerSettings
from lab.run.agents import announced, let_in
from lab.run.containers import anchors_file, certificate_files
from lab.run.listeners import LISTEN_S
from lab.run.session import Session
from lab.serve.names import HOST, SERVED_ZONE, ServedEntry
from lab.servers import SERVERS, ListenerPlace, listen_request, passive_range

#: The account that can log in: what is served is no secret.
PASSWORD = "lab"
#: Passive ports begin so far behind the first port: so many for each container with FTP servers, which its
#: servers share.
PASSIVE_FROM, PASSIVE_PORTS = 400, 20
_FTP = [n for n, s in SERVERS.items() if issubclass(s.settings, FtpServerSettings)]
#: The last port is so far behind the first.
SPAN = PASSIVE_FROM + PASSIVE_PORTS * len(_FTP)
#: Where everything listens, unless another address is asked for.
LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Place:
    """Where people reach what is served."""

    address: str
    first: int

    @property
    def host(self) -> str:
        """The name that the certificates are made out to."""
        return HOST if self.address == LOOPBACK else self.address

    def port(self, entry: ServedEntry) -> int:
        """The port of an entry, at this host and in its container."""
        return self.first + entry.place

    def passive(self, software: str) -> tuple[int, int]:
        """First and last port for data connections to this software, at both."""
        first = self.first + PASSIVE_FROM + _FTP.index(software) * PASSIVE_PORTS
        return first, first + PASSIVE_PORTS - 1


@dataclass(frozen=True)
class Started:
    """A server that was started, or that did not start, and what it said."""

    settings: ServerSettings
    running: bool
    said: str
    configuration: str
    key: str
    """How the agent calls it."""
    directory: str
    """Its own, in the container."""
    passive: tuple[int, int] | None
    """First and last port for data connections."""


def begin_certificates(
    entries: Iterable[ServedEntry], place: Place
) -> tuple[RunCertificates, Future[RunCertificates]]:
    """Begin to make the certificates of these entries, with every trust anchor.

    Returns:
        The certificates, of which whoever needs one waits for it; and what is done when all are made.
    """
    named = {settings.certificate for entry in entries for settings in entry.servers}
    material = RunCertificates(
        [place.host],
        wanted=Wanted({place.host: named & CATALOGUE.keys()}),
        zone=SERVED_ZONE,
    )
    material.add_addresses({place.host: place.address})

    pool = ThreadPoolExecutor(1, "certificates")
    try:
        return material, pool.submit(material.generate)
    finally:
        pool.shutdown(wait=False)


@dataclass
class Servers:
    """The servers of the entries. Safe to use from several threads."""

    session: Session
    material: RunCertificates
    place: Place
    _started: dict[str, Started] = field(default_factory=dict)
    _locks: dict[str, threading.Lock] = field(default_factory=dict)
    _using: dict[str, int] = field(default_factory=dict)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def address_of(self, software: str) -> str:
        """The address of a server software in the lab's network.

        Raises:
            AgentError: it has none.
        """
        return self.session.containers.address_of(SERVERS[software].service)

    def ensure(self, entry: ServedEntry) -> Started:
        """An entry's server: started at the first call, and when it has been ended since.

        Raises:
            Unsupported, AgentError: it cannot be tried here; a container or an agent failed.
        """
        with self._lock(entry):
            if entry.name not in self._started:
                for settings in entry.servers:
                    self._started[entry.name] = self._start(entry, settings)
                    if self._started[entry.name].running:
                        break
            return self._started[entry.name]

    @contextmanager
    def use(self, entry: ServedEntry) -> Iterator[Started]:
        """An entry's server, which is not ended meanwhile for want of use.

        Raises (on entering):
            Unsupported, AgentError: as :meth:`ensure`.
        """
        with self._guard:
            # The last one to be used is the last one here.
            self._using[entry.name] = self._using.pop(entry.name, 0) + 1
        try:
            yield self.ensure(entry)
        finally:
            with self._guard:
                self._using[entry.name] -= 1

    def end_unused(self, most: int) -> None:
        """End servers that nobody uses, those that were used longest ago first, until so many run.

        Raises:
            AgentError: a container or an agent failed.
        """
        with self._guard:
            running = [name for name in self._using if name in self._started]
            unused = [name for name in running if not self._using[name]]
        for name in unused[: max(0, len(running) - most)]:
            with self._locks[name]:
                with self._guard:
                    if self._using[name] or name not in self._started:
                        continue  # somebody has come, or gone, meanwhile
                    one = self._started.pop(name)
                if one.running:
                    agent = self.session.agents.server(one.settings.software)
                    agent.call("close", LISTEN_S, key=one.key)

    def restart(self, entry: ServedEntry, configuration: str) -> Started:
        """Start an entry's server on another configuration; the one before is ended first.

        Raises:
            AgentError: a container or an agent failed.
        """
        with self._lock(entry):
            before = self._started[entry.name]
            if before.running:
                agent = self.session.agents.server(before.settings.software)
                agent.call("close", LISTEN_S, key=before.key)
                self._started[entry.name] = replace(before, running=False)
            self._started[entry.name] = self._start(entry, before.settings, configuration)
            return self._started[entry.name]

    def _lock(self, entry: ServedEntry) -> threading.Lock:
        with self._guard:
            return self._locks.setdefault(entry.name, threading.Lock())

    def _start(
        self, entry: ServedEntry, settings: ServerSettings, configuration: str | None = None
    ) -> Started:
        place = self._place_of(entry, settings)
        request = listen_request(SERVERS[settings.software], settings, place)
        if configuration is not None:
            request["config"] = configuration
        answer: Mapping[str, object] = {"started": False, "output": "nothing is to listen here"}
        if settings.listening:
            agent = self.session.agents.server(settings.software)
            answer = agent.call("listen", LISTEN_S, **request)
        ftp = isinstance(settings, FtpServerSettings)
        return Started(
            settings,
            bool(answer["started"]),
            str(answer["output"]).strip(),
            request["config"],
            place.key,
            place.directory,
            passive_range(settings, place) if ftp else None,
        )

    def _place_of(self, entry: ServedEntry, settings: ServerSettings) -> ListenerPlace:
        chain = key = None
        if settings.has_certificate:
            chain, key = certificate_files(self.place.host, settings.certificate)
        containers = self.session.containers
        ftp = isinstance(settings, FtpServerSettings)
        return ListenerPlace(
            key=f"serve-{entry.place}",
            port=self.place.port(entry),
            passive_ports=self.place.passive(settings.software) if ftp else (0, 0),
            password=PASSWORD,
            chain=chain,
            private_key=key,
            client_ca=anchors_file(self.material.client_ca),
            port_allowed=let_in(settings, containers),
            pasv_address=announced(settings, containers) or self.place.address,
        )
