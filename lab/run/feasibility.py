"""Whether settings can be tried here: what the images, the programs and the containers make possible."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Mapping

from lab.clients import program_of
from lab.clients.base import Installed
from lab.model import Attempt, ClientSettings, FtpServerSettings, ServerSettings
from lab.run.agents import Agents
from lab.run.containers import Containers
from lab.servers import server_of


class Unsupported(Exception):
    """These settings cannot be tried here; the text is the declared cause."""


class Feasibility:
    """Says of settings whether they can be tried in this topology."""

    def __init__(
        self,
        agents: Agents,
        containers: Containers,
        stand_ins: Collection[str],
        absent: Mapping[str, str],
    ) -> None:
        """Nothing is asked yet.

        Args:
            agents: the clients' say what is installed beside them.
            containers: those that a packet filter can name.
            stand_ins: the platforms whose images only stand in for the distribution.
            absent: services that are not in the topology, with the reason.
        """
        self._agents = agents
        self._containers = containers
        self._stand_ins = frozenset(stand_ins)
        self._absent = absent

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
