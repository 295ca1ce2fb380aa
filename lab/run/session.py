"""One run's use of a topology: an attempt in, the evidence out.

Agents are started on first use and stay, and so are listeners (:mod:`lab.run.listeners` says how
attempts share them). An attempt is checked, gets a listener, is announced to the server's agent, made
by the client's, and what the server has to say of it is collected.
"""

from __future__ import annotations

import datetime
import secrets
import time
from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab.certificates.material import RunCertificates
from lab.clients import PROGRAMS
from lab.dialects import server_dialect
from lab.dialects.telling import with_what_the_server_says
from lab.model import Attempt, Captured, ClientSettings, FtpClientSettings, Goal, ServerSettings
from lab.model.attempt import Capability
from lab.model.expectations import PlannedAttempt
from lab.model.outcome import ServerReport
from lab.run.agents import FACTS_S, Agents, Feasibility, Unsupported
from lab.run.containers import Containers, Equipment, OnceMap
from lab.run.link import AgentError, AgentLink
from lab.run.listeners import Listener, Listeners, RequestBuilder, deadline
from lab.run.topology import Topology
from lab.servers import SERVERS

if TYPE_CHECKING:
    from docker import DockerClient

    from lab.record import AttemptResult
    from lab.run.offers import Capabilities, OfferCache
    from lab.run.scan import ScanComparison
    from lab.run.suites import SuiteComparison
    from lab.wire.packets import Capture

#: Seconds for the server's agent to begin and to collect an attempt: after its own patience with sessions
#: that stay it has to find and end them, among a dozen other attempts.
COLLECT_S = 10.0
#: Seconds for it to begin and to hand over a capture where nobody listens.
ANSWER_S = 5.0


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
        roots: bytes | None = None,
    ) -> None:
        """No agent is started yet; the files that it needs are put into its container before.

        Args:
            stand_ins: the platforms whose images only stand in for the distribution.
            absent: services that are not in the topology, with the reason.
            images: the id of the image of each service.
            state: the checkout's state directory.
            roots: what clients trust whose image has no roots of its distribution's, in the place of the
                lab's CA; ``None``: all trust that CA.
        """
        self.password = password = secrets.token_urlsafe(12)
        """The one that the servers of this run accept."""
        self._hosts_told = False
        self.containers = Containers(client, topology)
        self._equipment = Equipment(self.containers, material, roots)
        self.agents = Agents(client, self.containers, self._equipment)
        """The agents, for whoever has servers of its own started."""
        self._feasibility = Feasibility(self.agents, self.containers, stand_ins, absent)
        self._listeners = Listeners(self.agents, self.containers, material, password)
        self._requests = RequestBuilder(material, password)
        self._material = material
        self._images, self._state = images, state
        self._asking: OnceMap[tuple[OfferCache, Capabilities]] = OnceMap()

    def _asked(self) -> tuple[OfferCache, Capabilities]:
        """What asks the ends and their builds, which few attempts need."""

        def make() -> tuple[OfferCache, Capabilities]:
            from lab.run.answers import KeptAnswers  # noqa: PLC0415
            from lab.run.offers import Capabilities, OfferCache  # noqa: PLC0415

            kept = KeptAnswers(self._images, self._state)
            offers = OfferCache(self.agents, self._listeners, self._requests, self._material, kept)
            return offers, Capabilities(self.agents, offers, kept)

        return self._asking.get("", make)

    def attempt(
        self, planned: PlannedAttempt, *, capture: bool = False
    ) -> tuple[AttemptResult, Capture | None]:
        """Make one attempt, and say what both ends and the network saw of it; nothing is interpreted.

        Args:
            planned: what to make.
            capture: with its packets; without, there are none.

        Raises:
            Unsupported: with the cause, if these settings cannot be expressed or an image lacks something.
            AgentError: a container or an agent failed.
        """
        from lab.record import AttemptResult  # noqa: PLC0415 - is loaded while agents start

        attempt = planned.attempt
        self._feasibility.check(attempt)
        client, server = attempt.client, attempt.server
        active = isinstance(client, FtpClientSettings) and client.mode == "active"
        delivery = self._requests.delivery(client)
        client_agent = self.agents.client(client)
        server_agent = self.agents.server(server.software)
        with self._listeners.one(server) as listener:
            request = self._requests.build(attempt, listener.port, delivery)
            watch = _Watch(server_agent, listener, active=active) if capture else None
            started, clock = datetime.datetime.now(datetime.UTC), time.perf_counter()
            about: dict[str, Any] = {"key": listener.key, "file": delivery.name}
            if listener.started:
                asked = watch.asked if watch else None
                server_agent.call("begin", COLLECT_S, capture=asked, **about)
            elif watch:
                watch.begin()
            raw = client_agent.call(
                "attempt", deadline(client), peer=server_agent, key_log=capture, **request
            )
            collected: Mapping[str, Any] = {}
            if listener.started:
                collected = server_agent.call("collect", COLLECT_S, capture=capture, **about)
            elif watch:
                collected = watch.end()
            elapsed_ms = (time.perf_counter() - clock) * 1000
        program = PROGRAMS[client.program]
        report = program.report(raw)
        if program.tells_little and listener.started:
            dialect = server_dialect(server.software)
            report = with_what_the_server_says(report, dialect, collected["log"])
        result = AttemptResult(
            id=planned.id,
            server=server,
            client=client,
            client_report=report,
            server_report=_report(collected)
            if listener.started
            else ServerReport(started=False, log=listener.output),
            delivery=delivery if client.goal is Goal.TRANSFER else None,
            configuration=listener.configuration,
            request=request,
            started=started,
            elapsed_ms=elapsed_ms,
        )
        if watch is None:
            return result, None
        kept, secrets_given = collected["capture"], raw.get("key_log")
        return result, watch.capture(kept, secrets_given, client.program, report.library)

    def listening(self, server: ServerSettings) -> AbstractContextManager[Listener]:
        """A listener with these settings that no attempt uses meanwhile.

        Raises (some on entering):
            Unsupported: as :meth:`attempt`.
            AgentError: a container or an agent failed.
        """
        cause = self._feasibility.cannot_serve(server)
        if cause:
            raise Unsupported(cause)
        return self._listeners.one(server)

    def suites(self, attempt: Attempt) -> SuiteComparison:
        """What both ends of an attempt agree to, and what is common; each end is asked once.

        Raises:
            Unsupported: as :meth:`attempt`.
            AgentError: a container or an agent failed.
        """
        from lab.run.suites import compare_suites  # noqa: PLC0415

        self._feasibility.check(attempt)
        offers, _ = self._asked()
        return compare_suites(offers.client(attempt), offers.server(attempt.server))

    def has(self, attempt: Attempt, capability: Capability) -> bool:
        """Whether the builds that make this attempt have a capability; each image is asked once.

        Raises:
            Unsupported: as :meth:`attempt`.
            AgentError: a container or an agent failed.
        """
        return self._asked()[1].has(attempt, capability)

    def scan(self, server: ServerSettings) -> ScanComparison:
        """A listener with these settings as ``sslscan`` finds it, beside what the lab says of it.

        Raises:
            Unsupported: there is nothing to scan.
            AgentError: a container or an agent failed.
        """
        from lab.run import scan  # noqa: PLC0415

        cause = scan.not_scannable(server) or self._feasibility.cannot_serve(server)
        if cause:
            raise Unsupported(cause)
        offer = self._asked()[0].server(server)
        if offer.nothing:
            raise Unsupported(offer.nothing)
        agent = self.agents.scanner()
        with self._listeners.one(server) as listener:
            found = scan.scan(agent, server, listener.port)
        return scan.compare_scan(server, found, offer)

    def has_own_roots(self, client: ClientSettings) -> bool:
        """Whether a client that made an attempt trusts its distribution's own public roots."""
        return self._equipment.has_own_roots(PROGRAMS[client.program].service(client))

    def facts(self, software: Collection[str]) -> dict[str, Any]:
        """What these servers say of themselves, by software; of those that are not here, nothing."""
        here = self.containers.services
        names = [name for name in SERVERS if name in software and SERVERS[name].service in here]

        def ask(name: str) -> dict[str, Any]:
            return self.agents.server(name).call("facts", FACTS_S)

        # Side by side: most of the time agents are being started.
        with ThreadPoolExecutor(len(names) or 1) as pool:
            return dict(zip(names, pool.map(ask, names), strict=True))

    def answer_for(self, host: str, server: ServerSettings) -> None:
        """Let the lab's DNS answer for a name of a person's, with the container of this server.

        Raises:
            AgentError: it does not come to that.
        """
        self._hosts_told = True
        self.containers.answer_for(host, SERVERS[server.software].service)

    def equip(self, service: str) -> None:
        """Put the files of the run into a container in which somebody else starts an agent."""
        self._equipment.put(service)

    def equip_for(self, attempts: Iterable[Attempt]) -> None:
        """Make the certificates that further attempts need, and put them into the containers.

        Raises:
            AgentError: a container takes none.
        """
        self._equipment.add(attempts)

    def close(self) -> None:
        """End every agent; they take their listeners with them. No agent is started after that.

        Nothing of this run stays in a topology that is kept; of any other nothing stays.
        """
        self.agents.close()
        if self.containers.kept:
            self._equipment.take_own_keys_away()
            if self._hosts_told:
                self.containers.forget_host()


class _Watch:
    """What the agent in the server's container keeps of the network during one attempt.

    An attempt never fails because of its capture: what could not be captured is said in its place.
    """

    def __init__(self, agent: AgentLink, listener: Listener, *, active: bool) -> None:
        """Nothing is asked yet.

        Args:
            agent: the server's.
            listener: whose ports are watched.
            active: the server opens data connections to the client.
        """
        self._agent = agent
        self._key = listener.key
        self._port = listener.port
        self._missing = ""
        ranges = [(listener.port, listener.port), listener.passive_ports]
        ports = [list(each) for each in ranges if each]
        self.asked: dict[str, Any] = {"ports": ports, "active": active}

    def begin(self) -> None:
        """Ask for a capture by itself, at a port where nobody listens and no attempt begins."""
        try:
            self._agent.call("watch", ANSWER_S, key=self._key, **self.asked)
        except AgentError as error:
            self._missing = str(error)

    def end(self) -> Mapping[str, Any]:
        """What came by at such a port."""
        try:
            if not self._missing:
                return self._agent.call("collect", ANSWER_S, key=self._key)
        except AgentError as error:
            self._missing = str(error)
        return {"capture": {"missing": self._missing}}

    def capture(
        self, answer: Mapping[str, Any], key_log: str | None, program: str, library: str
    ) -> Capture:
        """The capture: what the agent kept, with the secrets that the client's agent gave, if any."""
        from lab.wire.packets import Capture, captured  # noqa: PLC0415

        if "missing" in answer:
            where = f"nothing can be captured in {self._agent.container}"
            return Capture(missing=f"{where}: {answer['missing']}")
        library = library or "the client's TLS library"
        why_none = f"{library} wrote none"
        if key_log is None:
            why_none = f"the agent of {program} has no way to ask for them"
        return captured(answer, self._port, _without_repetition(key_log or ""), why_none)


def _without_repetition(key_log: str) -> str:
    """The lines of secrets, each once: a program and its library may both write them."""
    lines = [line for line in key_log.splitlines() if line and not line.startswith("#")]
    return "".join(f"{line}\n" for line in dict.fromkeys(lines))


def _report(collected: Mapping[str, Any]) -> ServerReport:
    """What a server that was started has logged and stored, in the lab's words."""
    stored, got = collected.get("stored") or {}, collected.get("captured")
    return ServerReport(
        started=True,
        log=collected["log"],
        stored_bytes=stored.get("size"),
        stored_sha256=stored.get("sha256"),
        captured=Captured(**{**got, "file_head": got["file_head"] or ""}) if got else None,
    )
