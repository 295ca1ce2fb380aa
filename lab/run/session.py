"""One run's use of a topology: an attempt in, the evidence out.

Agents are started on first use and stay, and so are listeners (:mod:`lab.run.listeners` says how
attempts share them). An attempt is checked, gets a listener, is announced to the server's agent, made
by the client's, and what the server has to say of it is collected.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docker import DockerClient

from lab.certificates import RunCertificates
from lab.clients import PROGRAMS
from lab.model import (
    Attempt,
    Capability,
    Captured,
    FtpClientSettings,
    Observation,
    ServerReport,
    ServerSettings,
)
from lab.run import scan as scans
from lab.run import scanner
from lab.run.agents import FACTS_S, Agents
from lab.run.capabilities import Capabilities
from lab.run.capture import KeepCapture, Recording
from lab.run.containers import Containers
from lab.run.equipment import Equipment
from lab.run.feasibility import Feasibility, Unsupported
from lab.run.link import AgentLink
from lab.run.listeners import Listener, Listeners
from lab.run.offer_cache import OfferCache
from lab.run.request import RequestBuilder, deadline
from lab.run.suites import Comparison, compare
from lab.run.topology import Topology
from lab.servers import SERVERS
from lab.wire.packets import Capture

#: Seconds for the server's agent to begin and to collect an attempt: after its own patience with sessions
#: that stay it has to find and end them, among a dozen other attempts.
COLLECT_S = 10.0


@dataclass(frozen=True)
class Evidence:
    """An observation, and exactly what each end was given."""

    observation: Observation
    configuration: str
    request: Mapping[str, Any]
    port: int
    capture: Capture | None = None
    """What it looked like on the wire, if that is kept."""


class Session:
    """A topology with this run's certificates in it, and the agents that act there.

    Raises (every method): :class:`AgentError` for a fault of the lab.
    """

    def __init__(
        self,
        client: DockerClient,
        topology: Topology,
        material: RunCertificates,
        stand_ins: Collection[str],
        absent: Mapping[str, str],
        images: Mapping[str, str],
        state: Path,
    ) -> None:
        """Put the agents, the certificates and the trust store into the containers.

        Args:
            stand_ins: the platforms whose images only stand in for the distribution.
            absent: services that are not in the topology, with the reason.
            images: the id of the image of each service.
            state: the checkout's state directory.
        """
        password = secrets.token_urlsafe(12)
        self._containers = Containers(client, topology)
        self._equipment = Equipment(self._containers, material)
        self._agents = Agents(client, self._containers)
        self._feasibility = Feasibility(self._agents, self._containers, stand_ins, absent)
        self._listeners = Listeners(self._agents, self._containers, material, password)
        self._requests = RequestBuilder(material, password)
        self._offers = OfferCache(self._agents, self._listeners, self._requests, material)
        self._capabilities = Capabilities(self._agents, self._offers, images, state)
        with ThreadPoolExecutor(1) as aside:
            silence = aside.submit(self._containers.wait_for_silence)
            self._equipment.put()
            silence.result()

    def attempt(self, attempt: Attempt, keep: KeepCapture | None = None) -> Evidence:
        """Make one attempt.

        Args:
            attempt: what to make.
            keep: says, seen what came of it, whether the capture is kept; default: there is none.

        Raises:
            Unsupported: with the cause, if these settings cannot be expressed or an image lacks something.
            AgentError: a container or an agent failed.
            DialectError: as ``keep`` does.
        """
        self._feasibility.check(attempt)
        client, server = attempt.client, attempt.server
        program = PROGRAMS[client.program]
        delivery = self._requests.delivery(client)
        client_agent = self._agents.client(client)
        server_agent = self._agents.server(server.software)
        with self._listeners.one(server) as listener:
            request = self._requests.build(attempt, listener.port, delivery)
            key, file = listener.key, delivery.name
            recording = _recording(attempt, server_agent, listener, keep)
            if listener.started:
                server_agent.call("begin", COLLECT_S, key=key, file=file, **recording.asked)
            else:
                recording.watch()
            raw = client_agent.call(
                "attempt",
                deadline(client),
                peer=server_agent,
                key_log=keep is not None,
                **request,
            )
            if listener.started:
                report = _report(server_agent.call("collect", COLLECT_S, key=key, file=file))
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
            Unsupported: as :meth:`attempt`.
            AgentError: a container or an agent failed.
        """
        self._feasibility.check(attempt)
        return compare(self._offers.client(attempt), self._offers.server(attempt.server))

    def has(self, attempt: Attempt, capability: Capability) -> bool:
        """Whether the builds that make this attempt have a capability; each image is asked once.

        Raises:
            Unsupported: as :meth:`attempt`.
            AgentError: a container or an agent failed.
        """
        return self._capabilities.has(attempt, capability)

    def scan(self, server: ServerSettings) -> scans.Comparison:
        """A listener with these settings as ``sslscan`` finds it, beside what the lab says of it.

        Raises:
            Unsupported: there is nothing to scan.
            AgentError: a container or an agent failed.
        """
        cause = scans.not_scannable(server) or self._feasibility.cannot_serve(server)
        if cause:
            raise Unsupported(cause)
        offer = self._offers.server(server)
        if offer.nothing:
            raise Unsupported(offer.nothing)
        agent = self._agents.scanner()
        with self._listeners.one(server) as listener:
            found = scanner.scan(agent, scanner.Address.of(server, listener.port))
        return scans.compare(server, found, offer)

    def facts(self) -> dict[str, Any]:
        """What the servers say of themselves, by software."""
        names = [name for name, s in SERVERS.items() if s.service in self._containers.services]

        def ask(name: str) -> dict[str, Any]:
            return self._agents.server(name).call("facts", FACTS_S)

        # Side by side: most of the time agents are being started.
        with ThreadPoolExecutor(len(names) or 1) as pool:
            return dict(zip(names, pool.map(ask, names), strict=True))

    def close(self) -> None:
        """End every agent; they take their listeners with them. No agent is started after that."""
        self._agents.close()
        self._equipment.take_own_keys_away()


def _recording(
    attempt: Attempt, link: AgentLink, listener: Listener, keep: KeepCapture | None
) -> Recording:
    """The capture around an attempt at a listener."""
    client, ports = attempt.client, [(listener.port, listener.port)]
    if listener.passive_ports is not None:
        ports.append(listener.passive_ports)
    return Recording(
        keep,
        link,
        listener.key,
        ports,
        active=isinstance(client, FtpClientSettings) and client.mode == "active",
    )


def _report(collected: Mapping[str, Any]) -> ServerReport:
    """What a server that was started has logged and stored, in the lab's words."""
    stored = collected.get("stored") or {}
    return ServerReport(
        started=True,
        log=collected["log"],
        stored_bytes=stored.get("size"),
        stored_sha256=stored.get("sha256"),
        captured=_captured(collected.get("captured")),
    )


def _captured(raw: Mapping[str, Any] | None) -> Captured | None:
    if raw is None:
        return None
    return Captured(
        user=raw["user"],
        password=raw["password"],
        file_bytes=raw["file_bytes"],
        file_head=raw["file_head"] or "",
    )
