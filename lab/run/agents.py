"""The agents of a run: which one runs in which container, each started on first use."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from docker import DockerClient

from lab.clients import PROGRAMS
from lab.model import ClientSettings
from lab.run import scanner
from lab.run.containers import Containers
from lab.run.files import AGENTS
from lab.run.link import AgentError, AgentLink
from lab.run.once import OnceMap
from lab.servers import SERVERS

#: The agent that asks both ends for their suites, in a server's container.
PROBE = ("/opt/lab/bin/python3", f"{AGENTS}/tls_probe.py")
#: Seconds for a server's agent to say what it knows of the programs and libraries beside it.
FACTS_S = 10.0


class Agents:
    """Links to agents, which stay until they are closed together.

    Raises (every method but :meth:`close`): :class:`AgentError` if the agent cannot be started.
    """

    def __init__(self, client: DockerClient, containers: Containers) -> None:
        """No agent is started yet."""
        self._client = client
        self._containers = containers
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
        return self._agent(scanner.SERVICE, scanner.SERVICE, scanner.AGENT)

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
            link = AgentLink(self._client, service, container, list(argv))
            if not self._closed.is_set():
                return link
            link.close()
        raise AgentError(f"no agent is started in {service}: the session has ended")
