"""The listeners of a run, and what a client is asked to do at one.

A listener is started on first use for each distinct server settings, and stays. Attempts on one listener
are made one at a time, so that every line of the server's log belongs to exactly one attempt; attempts on
different listeners run side by side, and settings that many attempts share get a few listeners.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from lab import model
from lab.certificates.material import RunCertificates
from lab.clients import program_of
from lab.clients.base import Target
from lab.model import Attempt, ClientSettings, Delivery, ServerSettings
from lab.model.attempt import settings_key
from lab.run.agents import Agents, Unsupported, announced, let_in
from lab.run.containers import Containers, OnceMap, anchors_file, certificate_files
from lab.servers import SERVERS, ListenerPlace, listen_request, passive_range

#: Ports of listeners, one after the other from here on, in every server container.
FIRST_PORT = 2100
#: Passive ports: so many for each listener, from here on.
FIRST_PASSIVE_PORT = 30000
PASSIVE_PORTS = 20
#: Seconds for a listener to end.
LISTEN_S = 10.0
#: What is said in the place of a server's own words where none is started.
NOT_LISTENING = "nothing is to listen on its port (listening=off)"
#: At most so many listeners with the same settings.
MOST = 4


@dataclass(frozen=True)
class Listener:
    """One started server process, or one that did not start and what it said."""

    key: str
    port: int
    started: bool
    output: str
    configuration: str
    passive_ports: tuple[int, int] | None = None
    """First and last port for data connections."""


class ListenerPool:
    """The listeners of one set of settings: each serves one attempt at a time."""

    def __init__(self, start: Callable[[int], Listener]) -> None:
        """Begin with none.

        Args:
            start: starts the listener of this number.
        """
        self._start = start
        self._numbers = itertools.count(1)
        self._free: list[Listener] = []
        self._permits = threading.Semaphore(MOST)

    @contextmanager
    def one(self) -> Iterator[Listener]:
        """A listener that nobody else uses meanwhile: a free one, else a new one, else the next."""
        with self._permits:
            try:
                listener = self._free.pop()
            except IndexError:
                listener = self._start(next(self._numbers))
            try:
                yield listener
            finally:
                self._free.append(listener)


@dataclass(eq=False)
class Listeners:
    """A pool of listeners for each distinct server settings; they stay until they, or their agent, end."""

    _agents: Agents
    """The servers' start them."""
    _containers: Containers
    """Those that a packet filter can let in."""
    _material: RunCertificates
    """The certificates that lie in the containers."""
    _password: str
    """The one that the servers are to accept."""

    def __post_init__(self) -> None:
        self._pools: OnceMap[ListenerPool] = OnceMap()
        self._ports = {name: itertools.count() for name in SERVERS}

    def one(self, server: ServerSettings) -> AbstractContextManager[Listener]:
        """A listener with these settings that nobody else uses meanwhile.

        Raises (on entering):
            Unsupported: as :func:`let_in`; or this engine's kernel lacks what the packet filter is to do.
            AgentError: a container or an agent failed.
        """
        return self._pools.get(server, lambda: ListenerPool(partial(self._start, server))).one()

    def _start(self, server: ServerSettings, copy: int) -> Listener:
        number = next(self._ports[server.software])
        name = f"{settings_key(server)}-{copy}"
        if not server.listening:
            # Each listener has a port of its own: this one was never opened, and never will be.
            return Listener(name, FIRST_PORT + number, False, NOT_LISTENING, "")
        first = FIRST_PASSIVE_PORT + number * PASSIVE_PORTS
        chain = key = None
        if server.has_certificate:
            self._material.server(server.certificate, server.host)
            chain, key = certificate_files(server.host, server.certificate)
            if server.key_slug != server.certificate:
                self._material.server(server.key_slug, server.host)
                key = certificate_files(server.host, server.key_slug)[1]
        place = ListenerPlace(
            key=name,
            port=FIRST_PORT + number,
            passive_ports=(first, first + PASSIVE_PORTS - 1),
            password=self._password,
            chain=chain,
            private_key=key,
            client_ca=anchors_file(self._material.client_ca),
            port_allowed=let_in(server, self._containers),
            pasv_address=announced(server, self._containers),
        )
        program = SERVERS[server.software]
        request = listen_request(program, server, place)
        answer = self._agents.server(server.software).call("listen", program.start_s, **request)
        if answer.get("cannot"):
            raise Unsupported(answer["cannot"])
        started, output, passive = answer["started"], answer["output"], passive_range(server, place)
        return Listener(name, place.port, started, output, request["config"], passive)


@dataclass(eq=False)
class RequestBuilder:
    """Builds requests from settings and from what this run has made: certificates, password."""

    _material: RunCertificates
    _password: str
    """The one that the servers accept."""

    def __post_init__(self) -> None:
        self._names = itertools.count(1)

    def delivery(self, client: ClientSettings) -> Delivery:
        """A file to upload, with a name that no other attempt of the run has."""
        size = client.payload if isinstance(client, model.FtpClientSettings) else 0
        return Delivery.named(f"delivery-{next(self._names)}.txt", size)

    def build(self, attempt: Attempt, port: int, delivery: Delivery) -> dict[str, Any]:
        """The arguments of the client agent's op ``attempt``, for a listener at ``port``."""
        client = attempt.client
        request = program_of(client).request(client, self._target(attempt, port, delivery))
        if client.environment:
            variables = (variable.partition("=") for variable in client.environment)
            own = request.get("environment") or {}
            request["environment"] = {**own, **{name: value for name, _, value in variables}}
        return request

    def _target(self, attempt: Attempt, port: int, delivery: Delivery) -> Target:
        client, host = attempt.client, attempt.server.host
        pinned = self._material.server(client.pin, host).leaf_sha256 if client.pin else None
        own = client.client_certificate
        chain, key = certificate_files(host, own) if own else (None, None)
        by_address = client.host == model.HOST_ADDRESS
        reached = self._material.address(host) if by_address else client.host or host
        return Target(
            host=reached,
            port=port,
            user=client.user,
            password=client.password or self._password,
            delivery=delivery,
            ca_file=anchors_file(client.trust) if client.trust else None,
            fingerprint=pinned,
            certificate=chain,
            key=key,
        )


def deadline(client: ClientSettings) -> float:
    """Seconds for a whole attempt: the program's own limit holds for each step.

    The agent's deadline ends what ignores that.
    """
    return 3 * client.timeout_s
