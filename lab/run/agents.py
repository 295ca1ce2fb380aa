"""The agents of a run, each started on first use; and whether settings can be tried with them here.

What the images, the programs and the containers make possible is asked before an attempt is made.
"""

from __future__ import annotations

import ipaddress
import threading
from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass

from docker import DockerClient

from lab.clients import PROGRAMS, program_of
from lab.clients.base import Installed
from lab.model import Agent, Attempt, ClientSettings, FtpServerSettings, ServerSettings
from lab.run.containers import AGENTS, Containers, Equipment, OnceMap
from lab.run.link import AgentError, AgentLink
from lab.servers import SERVERS, server_of

#: The agent that asks both ends for their suites, in a server's container.
PROBE = ("/opt/lab/bin/python3", f"{AGENTS}/tls_probe.py")
#: The container of ``sslscan``, and its agent: the program is a command line.
SCANNER = "sslscan"
SCANNER_AGENT = Agent.python(SCANNER, "commands.py", SCANNER, "--no-colour", "--version").argv
#: The agent that keeps workers of another language.
WORKERS = f"{AGENTS}/language_workers.py"
#: Seconds for a server's agent to say what it knows of the programs and libraries beside it.
FACTS_S = 10.0


class Agents:
    """Links to agents, which stay until they are closed together.

    Raises (every method but :meth:`close`): :class:`AgentError` if the agent cannot be started.
    """

    def __init__(self, client: DockerClient, containers: Containers, equipment: Equipment) -> None:
        """No agent is started yet."""
        self._client = client
        self._containers = containers
        self._equipment = equipment
        self._links: OnceMap[AgentLink] = OnceMap()
        self._closed = threading.Event()

    def client(self, client: ClientSettings) -> AgentLink:
        """The agent that runs the client program where these settings are in force."""
        program = PROGRAMS[client.program]
        return self._agent(program.service(client), program.agent.name, program.agent.argv)

    def server(self, software: str) -> AgentLink:
        """The agent that runs the listeners of this server software."""
        server = SERVERS[software]
        return self._agent(server.service, "server", server.agent.argv)

    def probe(self, software: str) -> AgentLink:
        """The agent that asks both ends for their suites, beside this server software."""
        return self._agent(SERVERS[software].service, "probe", PROBE)

    def scanner(self) -> AgentLink:
        """The agent that runs ``sslscan``."""
        return self._agent(SCANNER, SCANNER, SCANNER_AGENT)

    def begin(self, attempts: Iterable[Attempt], pool: Executor) -> None:
        """Begin to start those of these attempts; one that does not start is told of where it is asked."""
        clients: dict[tuple[str, str], ClientSettings] = {}
        servers: dict[str, str] = {}
        for one in attempts:
            program = PROGRAMS[one.client.program]
            clients.setdefault((program.service(one.client), program.agent.name), one.client)
            servers.setdefault(SERVERS[one.server.software].service, one.server.software)
        for software in servers.values():
            pool.submit(self.server, software)
        for client in clients.values():
            pool.submit(self.client, client)

    def close(self) -> None:
        """End every agent; they take their listeners with them. No agent is started after that."""
        self._closed.set()
        for link in self._links.values():
            link.close()

    def _agent(self, service: str, name: str, argv: Sequence[str]) -> AgentLink:
        return self._links.get((service, name), lambda: self._start(service, argv))

    def _start(self, service: str, argv: Sequence[str]) -> AgentLink:
        container = self._containers.id_of(service)
        if not self._closed.is_set():
            if WORKERS in argv:
                # What its workers load at their start includes what is trusted: Ruby's openssl, Node's tls.
                self._equipment.put(service)
            come_along = self._equipment.is_made
            with ThreadPoolExecutor(1) as aside:
                if not come_along:
                    # Certificates have to be made yet; an agent needs them for its first attempt only.
                    putting = aside.submit(self._equipment.put, service)
                link = self._equipment.with_programs(
                    service,
                    lambda archive: AgentLink(
                        self._client, service, container, list(argv), archive
                    ),
                )
                if come_along:
                    putting = aside.submit(self._equipment.put, service)
            if not self._closed.is_set() and putting.exception() is None:
                return link
            link.close()
            putting.result()
        raise AgentError(f"no agent is started in {service}: the session has ended")


class Unsupported(Exception):
    """These settings cannot be tried here; the text is the declared cause."""


@dataclass(frozen=True)
class Feasibility:
    """Says of settings whether they can be tried in this topology."""

    _agents: Agents
    """The clients' say what is installed beside them."""
    _containers: Containers
    """Those that a packet filter can name."""
    _stand_ins: Collection[str]
    """The platforms whose images only stand in for the distribution."""
    _absent: Mapping[str, str]
    """Services that are not in the topology, with the reason."""

    def check(self, attempt: Attempt) -> None:
        """Let pass what can be tried here.

        Raises:
            Unsupported: with the cause, if these settings cannot be expressed or an image lacks something.
            AgentError: a container or an agent failed.
        """
        program = program_of(attempt.client)
        cause = self.cannot_serve(attempt.server) or program.unsupported(
            attempt.client, self._installed(attempt.client)
        )
        cause = cause or self._no_impostor(attempt.server)
        if cause:
            raise Unsupported(cause)
        let_in(attempt.server, self._containers)
        announced(attempt.server, self._containers)

    def cannot_serve(self, server: ServerSettings) -> str | None:
        """Why there is no such server here; ``None``: there is."""
        software = server_of(server)
        absent = self._absent.get(software.service)
        return absent.partition(":")[0] if absent else software.unsupported(server)

    def _no_impostor(self, server: ServerSettings) -> str | None:
        """Why the program cannot be made an impostor in this image; ``None``: it can, or need not."""
        if not server.impostor:
            return None
        why = self._agents.server(server.software).versions.get("no_impostor")
        return f"no impostor's {server.software} here: {why}" if why else None

    def _installed(self, client: ClientSettings) -> Installed:
        return Installed(
            platform=client.platform,
            stand_in=client.platform in self._stand_ins,
            versions=self._agents.client(client).versions,
        )


def let_in(server: ServerSettings, containers: Containers) -> tuple[str, ...]:
    """The addresses that the filter before the server's port lets through.

    Raises:
        Unsupported: no container of that name is in the topology.
        AgentError: it has no address, or the engine does not tell.
    """
    allowed = server.port_allowed
    return () if allowed is None else (_address_of("port_allowed", allowed, containers),)


def announced(server: ServerSettings, containers: Containers) -> str | None:
    """The address that the server announces for passive mode; ``None``: its own.

    Raises:
        Unsupported: it is no address, and no container of that name is in the topology.
        AgentError: that container has no address, or the engine does not tell.
    """
    wanted = server.pasv_address if isinstance(server, FtpServerSettings) else None
    if wanted is None or _is_address(wanted):
        return wanted
    return _address_of("pasv_address", wanted, containers)


def _is_address(text: str) -> bool:
    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return True


def _address_of(setting: str, name: str, containers: Containers) -> str:
    if name not in containers.named:
        known = ", ".join(sorted(containers.named))
        raise Unsupported(f"{setting}={name}: no container has that name; there are {known}")
    return containers.address_of(name)
