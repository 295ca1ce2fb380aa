"""One run's use of a topology: an attempt in, the evidence out.

Agents are started on first use and stay; a listener is started once for each distinct server settings
and stays. Attempts on one listener are made one at a time, so that every line of the server's log
belongs to exactly one attempt; attempts on different listeners run side by side, and settings that
many attempts share get a few listeners.
"""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import secrets
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from docker import DockerClient
from docker.errors import APIError, DockerException

from lab import scan as scans
from lab.certificates import OWN, Material, describe
from lab.model import (
    CERTIFICATE_EMPTY,
    CERTIFICATE_UNSET,
    HOST_ADDRESS,
    ORIGINS,
    SERVER_HOSTS,
    WEB_PROGRAMS,
    Attempt,
    Captured,
    ClientSettings,
    Delivery,
    Goal,
    Observation,
    ServerReport,
    ServerSettings,
    settings_key,
)
from lab.programs import PROGRAMS
from lab.programs.base import Installed, Target
from lab.servers import SERVERS, ListenerPlace, listen_request, passive_range
from lab.stack import offers, scanner
from lab.stack.capture import KeepCapture, Recording
from lab.stack.files import AGENTS, CERTIFICATES, agent_files, pack
from lab.stack.link import AgentError, AgentLink
from lab.stack.listeners import Listener, ListenerPool
from lab.stack.topology import Place, Topology, places
from lab.suites import Comparison, Offer, compare, configured
from lab.tls.suites import Suite
from lab.wire.packets import Capture

Value = TypeVar("Value")

#: Ports of listeners, one after the other from here on, in every server container.
FIRST_PORT = 2100
#: Passive ports: so many for each listener, from here on.
FIRST_PASSIVE_PORT = 30000
PASSIVE_PORTS = 20
#: Where a client's libraries look for trust anchors; in a stand-in the other places are links to it.
SYSTEM_TRUST_STORE = "etc/pki/tls/cert.pem"
#: The agent that asks both ends for their suites, in a server's container.
PROBE = ("/opt/lab/bin/python3", f"{AGENTS}/tls_probe.py")
#: Seconds for a listener to start, and for its sessions to end after an attempt.
LISTEN_S = 10.0
COLLECT_S = 3.0
#: What is said in the place of a server's own words where none is started.
NOT_LISTENING = "nothing is to listen on its port (listening=off)"


#: Services whose containers run servers.
_SERVER_SERVICES = frozenset(server.service for server in SERVERS.values())


class Cannot(Exception):
    """These settings cannot be tried here; the text is the declared cause."""


@dataclass(frozen=True)
class Evidence:
    """An observation, and exactly what each end was given."""

    observation: Observation
    configuration: str
    request: Mapping[str, Any]
    port: int
    capture: Capture | None = None
    """What it looked like on the wire, if that is kept."""


class _Once(Generic[Value]):
    """Values made on first use, each exactly once, different ones side by side."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._making: dict[Any, threading.Lock] = {}
        self._made: dict[Any, Value] = {}

    def get(self, key: Any, make: Callable[[], Value]) -> Value:
        with self._lock:
            if key in self._made:
                return self._made[key]
            making = self._making.setdefault(key, threading.Lock())
        with making:
            if key not in self._made:
                self._made[key] = make()
            return self._made[key]

    def values(self) -> list[Value]:
        with self._lock:
            return list(self._made.values())


class Session:
    """A topology with this run's certificates in it, and the agents that act there.

    Raises (every method): :class:`AgentError` for a fault of the lab.
    """

    def __init__(
        self,
        client: DockerClient,
        topology: Topology,
        material: Material,
        stand_ins: Collection[str],
        absent: Mapping[str, str],
    ) -> None:
        """Put the agents, the certificates and the trust store into the containers.

        Args:
            stand_ins: the platforms whose images only stand in for the distribution.
            absent: services that are not in the topology, with the reason.
        """
        self._absent = absent
        self._stand_ins = frozenset(stand_ins)
        self._client = client
        self._topology = topology
        self._material = material
        self._password = secrets.token_urlsafe(12)
        self._links: _Once[AgentLink] = _Once()
        self._listeners: _Once[ListenerPool] = _Once()
        self._offers: _Once[Offer] = _Once()
        self._cipher_lists: _Once[tuple[Suite, ...]] = _Once()
        self._places: _Once[Mapping[str, Place]] = _Once()
        self._ports = {name: itertools.count() for name in SERVER_HOSTS}
        self._names = itertools.count(1)
        self._closed = threading.Event()
        self._own_keys: tuple[str, ...] = ()
        self._equip()

    def attempt(self, attempt: Attempt, keep: KeepCapture | None = None) -> Evidence:
        """Make one attempt.

        Args:
            attempt: what to make.
            keep: says, seen what came of it, whether the capture is kept; default: there is none.

        Raises:
            Cannot: with the cause, if these settings cannot be expressed or an image lacks something.
            AgentError: a container or an agent failed.
            DialectError: as ``keep`` does.
        """
        self._check_possible(attempt)
        program = PROGRAMS[attempt.client.program]
        delivery = self._delivery(attempt.client)
        client_agent = self._client_agent(attempt.client)
        server_agent = self._server_agent(attempt.server.software)
        with self._listener(attempt.server) as listener:
            request = self._request(attempt, listener.port, delivery)
            key, file = listener.key, delivery.name
            recording = self._recording(attempt, server_agent, listener, keep)
            if listener.started:
                server_agent.call("begin", COLLECT_S, key=key, file=file, **recording.asked)
            else:
                recording.watch()
            raw = client_agent.call(
                "attempt",
                self._deadline(attempt.client),
                peer=server_agent,
                key_log=keep is not None,
                **request,
            )
            if listener.started:
                collected = server_agent.call("collect", COLLECT_S, key=key, file=file)
                stored = collected.get("stored") or {}
                report = ServerReport(
                    started=True,
                    log=collected["log"],
                    stored_bytes=stored.get("size"),
                    stored_sha256=stored.get("sha256"),
                    captured=_captured(collected.get("captured")),
                )
            else:
                report = ServerReport(started=False, log=listener.output)
            observation = Observation(
                attempt=attempt, client=program.report(raw), server=report, delivery=delivery
            )
            capture = recording.end(observation, raw.get("key_log"))
        return Evidence(observation, listener.configuration, request, listener.port, capture)

    def suites(self, attempt: Attempt) -> Comparison:
        """What both ends of an attempt agree to, and what is common; each end is asked once.

        Raises:
            Cannot: as :meth:`attempt`.
            AgentError: a container or an agent failed.
        """
        self._check_possible(attempt)
        client, server = attempt.client, attempt.server
        # What does not come before the handshake, or is not in it, does not tell clients apart.
        web = client.program in WEB_PROGRAMS
        alike = dataclasses.replace(
            client,
            goal=Goal.HANDSHAKE if web else Goal.LOGIN,
            payload=0,
            mode="passive",
            session_cache="default",
        )
        both = (
            self._offers.get((alike, server.software), lambda: self._ask_client(alike, server)),
            self._offers.get(server, lambda: self._ask_server(server)),
        )
        return compare(*both)

    def scan(self, server: ServerSettings) -> scans.Comparison:
        """A listener with these settings as ``sslscan`` finds it, beside what the lab says of it.

        Raises:
            Cannot: there is nothing to scan.
            AgentError: a container or an agent failed.
        """
        cause = scans.not_scannable(server) or self._cannot_serve(server)
        if cause:
            raise Cannot(cause)
        offer = self._offers.get(server, lambda: self._ask_server(server))
        if offer.nothing:
            raise Cannot(offer.nothing)
        service = scanner.SERVICE
        agent = self._links.get((service, service), lambda: self._link(service, scanner.AGENT))
        own = f"{CERTIFICATES}/{server.host}/{server.certificate}" if server.require_cert else None
        with self._listener(server) as listener:
            address = scanner.Address(
                host=server.host,
                port=listener.port,
                server_name=server.ssl_sni_hostname or server.host,
                speaks_ftp=not (server.implicit_tls or server.software in ORIGINS),
                chain=f"{own}.chain.pem" if own else None,
                key=f"{own}.key.pem" if own else None,
            )
            return scans.compare(server, scanner.scan(agent, address), offer)

    def facts(self) -> dict[str, Any]:
        """What the servers say of themselves, by software."""
        names = [name for name, s in SERVERS.items() if s.service in self._topology.containers]

        def ask(name: str) -> dict[str, Any]:
            return self._server_agent(name).call("facts", LISTEN_S)

        # Side by side: most of the time agents are being started.
        with ThreadPoolExecutor(len(names) or 1) as pool:
            return dict(zip(names, pool.map(ask, names), strict=True))

    def close(self) -> None:
        """End every agent; they take their listeners with them. No agent is started after that."""
        self._closed.set()
        for link in self._links.values():
            link.close()
        if self._own_keys:
            # A kept topology outlives the run; the operator's private key does not.
            emptied = pack(dict.fromkeys(self._own_keys, b""))
            self._put(dict.fromkeys(self._services() & _SERVER_SERVICES, emptied))

    # -- the two ends -------------------------------------------------------------------------------

    def _container(self, service: str) -> str:
        try:
            return self._topology.containers[service]
        except KeyError:
            running = ", ".join(sorted(self._topology.containers)) or "none"
            raise AgentError(
                f"the container {service} of {self._topology.project} is not running"
                f" (running: {running}); `lab down` and `lab up` start afresh"
            ) from None

    def _client_agent(self, client: ClientSettings) -> AgentLink:
        program = PROGRAMS[client.program]
        service, spec = program.service(client), program.agent
        return self._links.get((service, spec.name), lambda: self._link(service, spec.argv))

    def _server_agent(self, software: str) -> AgentLink:
        server = SERVERS[software]
        return self._links.get(
            (server.service, "server"), lambda: self._link(server.service, server.agent.argv)
        )

    def _probe(self, software: str) -> AgentLink:
        service = SERVERS[software].service
        return self._links.get((service, "probe"), lambda: self._link(service, PROBE))

    def _link(self, service: str, argv: Sequence[str]) -> AgentLink:
        container = self._container(service)
        if not self._closed.is_set():
            link = AgentLink(self._client, service, container, list(argv))
            if not self._closed.is_set():
                return link
            link.close()
        raise AgentError(f"no agent is started in {service}: the session has ended")

    def _check_possible(self, attempt: Attempt) -> None:
        """Raise :class:`Cannot` if these settings cannot be tried here."""
        program = PROGRAMS[attempt.client.program]
        cause = self._cannot_serve(attempt.server) or program.unsupported(
            attempt.client, self._installed(attempt.client)
        )
        if cause:
            raise Cannot(cause)
        self._let_in(attempt.server)

    def _cannot_serve(self, server: ServerSettings) -> str | None:
        """Why there is no such server here; ``None``: there is."""
        software = SERVERS[server.software]
        absent = self._absent.get(software.service)
        return absent.partition(":")[0] if absent else software.unsupported(server)

    def _let_in(self, server: ServerSettings) -> tuple[str, ...]:
        """The addresses that the filter before the server's port lets through.

        Raises:
            Cannot: no container of that name is in the topology.
        """
        allowed = server.port_allowed
        if allowed is None:
            return ()
        if allowed not in self._services():
            known = ", ".join(sorted(self._services()))
            raise Cannot(f"port_allowed={allowed}: no container has that name; there are {known}")
        known_places = self._places.get("all", self._find_places)
        address = known_places[allowed].address if allowed in known_places else None
        if address is None:
            raise AgentError(f"the container {allowed} of {self._topology.project} has no address")
        return (address,)

    def _find_places(self) -> Mapping[str, Place]:
        try:
            return places(self._client, self._topology.project)
        except (APIError, DockerException, OSError) as error:
            raise AgentError(f"the engine does not tell addresses: {error}") from error

    def _installed(self, client: ClientSettings) -> Installed:
        return Installed(
            platform=client.platform,
            stand_in=client.platform in self._stand_ins,
            versions=self._client_agent(client).versions,
        )

    def _listener(self, server: ServerSettings) -> AbstractContextManager[Listener]:
        pool = self._listeners.get(
            server, lambda: ListenerPool(lambda number: self._listen(server, number))
        )
        return pool.one()

    def _listen(self, server: ServerSettings, copy: int) -> Listener:
        number = next(self._ports[server.software])
        name = f"{settings_key(server)}-{copy}"
        if not server.listening:
            # Each listener has a port of its own: this one was never opened, and never will be.
            return Listener(name, FIRST_PORT + number, False, NOT_LISTENING, "")
        first = FIRST_PASSIVE_PORT + number * PASSIVE_PORTS
        chain = key = None
        if server.certificate not in (CERTIFICATE_UNSET, CERTIFICATE_EMPTY):
            self._material.server(server.certificate, server.host)
            base = f"{CERTIFICATES}/{server.host}/{server.certificate}"
            chain, key = f"{base}.chain.pem", f"{base}.key.pem"
        place = ListenerPlace(
            key=name,
            port=FIRST_PORT + number,
            passive_ports=(first, first + PASSIVE_PORTS - 1),
            password=self._password,
            chain=chain,
            private_key=key,
            client_ca=f"{CERTIFICATES}/anchors/public.pem",
            port_allowed=self._let_in(server),
        )
        request = listen_request(SERVERS[server.software], server, place)
        answer = self._server_agent(server.software).call("listen", LISTEN_S, **request)
        return Listener(
            place.key,
            place.port,
            answer["started"],
            answer["output"],
            request["config"],
            passive_range(server, place),
        )

    # -- one attempt --------------------------------------------------------------------------------

    def _delivery(self, client: ClientSettings) -> Delivery:
        name = f"delivery-{next(self._names)}.txt"
        line = f"{name}\n".encode()
        content = (line * (client.payload // len(line) + 1))[: client.payload]
        return Delivery(name=name, size=client.payload, sha256=hashlib.sha256(content).hexdigest())

    @staticmethod
    def _recording(
        attempt: Attempt, link: AgentLink, listener: Listener, keep: KeepCapture | None
    ) -> Recording:
        """The capture around an attempt at a listener."""
        ports = [(listener.port, listener.port)]
        if listener.passive_ports is not None:
            ports.append(listener.passive_ports)
        return Recording(keep, link, listener.key, ports, active=attempt.client.mode == "active")

    def _request(self, attempt: Attempt, port: int, delivery: Delivery) -> dict[str, Any]:
        """The arguments of the client agent's op ``attempt``."""
        client = attempt.client
        request = PROGRAMS[client.program].request(client, self._target(attempt, port, delivery))
        if client.environment:
            variables = (variable.partition("=") for variable in client.environment)
            request["environment"] = {name: value for name, _, value in variables}
        return request

    def _target(self, attempt: Attempt, port: int, delivery: Delivery) -> Target:
        client, host = attempt.client, attempt.server.host
        anchors = f"{CERTIFICATES}/anchors"
        pinned = (
            self._material.server(client.fingerprint, host).leaf_sha256
            if client.fingerprint
            else None
        )
        own = f"{CERTIFICATES}/{host}/{client.client_certificate}"
        by_address = client.host == HOST_ADDRESS
        reached = self._material.address(host) if by_address else client.host or host
        return Target(
            host=reached,
            port=port,
            user=client.user,
            password=client.password or self._password,
            delivery=delivery,
            ca_file=f"{anchors}/{client.trust}.pem" if client.trust else None,
            fingerprint=pinned,
            certificate=f"{own}.chain.pem" if client.client_certificate else None,
            key=f"{own}.key.pem" if client.client_certificate else None,
        )

    # -- the suites of both ends --------------------------------------------------------------------

    def _ask_client(self, client: ClientSettings, server: ServerSettings) -> Offer:
        if not client.tls:
            return Offer(end=str(client), nothing="it does not ask for TLS")
        program, agent = PROGRAMS[client.program], self._client_agent(client)

        def attempt(port: int) -> str:
            request = self._request(Attempt(server, client), port, self._delivery(client))
            report = program.report(agent.call("attempt", self._deadline(client), **request))
            return report.error

        return offers.ask_client(
            self._probe(server.software),
            str(client),
            attempt,
            self._deadline(client),
            implicit=client.implicit_tls or server.software in ORIGINS,
        )

    def _ask_server(self, server: ServerSettings) -> Offer:
        key, listed = self._key_type(server), self._configured(server)
        with self._listener(server) as listener:
            if not listener.started:
                said = listener.output.strip() or "it said nothing"
                return Offer(
                    end=server.software,
                    nothing=f"it did not start: {said}",
                    configured=listed,
                    key=key,
                )
            return offers.ask_server(
                self._probe(server.software),
                server.software,
                listener.port,
                server.ssl_sni_hostname or server.host,
                listed,
                key,
                implicit=server.implicit_tls or server.software in ORIGINS,
            )

    def _configured(self, server: ServerSettings) -> tuple[Suite, ...]:
        """What the server's cipher list, or its default, means to its library."""
        agent = self._server_agent(server.software)

        def ask() -> tuple[Suite, ...]:
            answer = agent.call("expand", LISTEN_S, cipher_list=server.ciphers)
            return configured(answer["suites"])

        return self._cipher_lists.get((server.software, server.ciphers), ask)

    def _key_type(self, server: ServerSettings) -> str:
        if server.certificate in (CERTIFICATE_UNSET, CERTIFICATE_EMPTY):
            return ""
        chain = self._material.server(server.certificate, server.host).chain_pem
        return describe(chain).leaf.key

    @staticmethod
    def _deadline(client: ClientSettings) -> float:
        """The program's own limit holds for each step; the agent's ends what ignores that."""
        return 3 * client.timeout_s

    # -- equipment ----------------------------------------------------------------------------------

    def _equip(self) -> None:
        """Put files into every container, side by side."""
        material = {
            f"{CERTIFICATES}/{path}": content
            for host in self._material.hosts
            for path, content in self._material.files(host)
        }
        trust = {SYSTEM_TRUST_STORE: self._material.anchor("public")}
        agents = {f"{AGENTS}/{name}": content for name, content in agent_files().items()}
        # The operator's own key is for servers alone.
        self._own_keys = tuple(p for p in material if p.endswith(f"/{OWN}.key.pem"))
        for_servers = pack(agents | material)
        for_clients = pack(
            {p: c for p, c in (agents | material | trust).items() if p not in self._own_keys}
        )
        self._put(
            {
                service: for_servers if service in _SERVER_SERVICES else for_clients
                for service in self._services()
            }
        )

    def _services(self) -> set[str]:
        """The containers in which servers and clients run."""
        return {service for service in self._topology.containers if service != "dns"}

    def _put(self, archives: Mapping[str, bytes]) -> None:
        """Unpack an archive in each of these containers."""

        def put(service: str) -> None:
            try:
                self._client.api.put_archive(self._container(service), "/", archives[service])
            except (APIError, DockerException, OSError) as error:
                raise AgentError(
                    f"cannot put files into the container {service}: {error}"
                ) from error

        with ThreadPoolExecutor(len(archives) or 1) as pool:
            list(pool.map(put, archives))


def _captured(raw: Mapping[str, Any] | None) -> Captured | None:
    if raw is None:
        return None
    return Captured(
        user=raw["user"],
        password=raw["password"],
        file_bytes=raw["file_bytes"],
        file_head=raw["file_head"] or "",
    )
