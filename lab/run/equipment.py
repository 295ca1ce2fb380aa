"""What a run puts into the containers: agents, certificates, trust store; and what it takes away again."""

from __future__ import annotations

from lab.certificates import OWN, RunCertificates
from lab.run.containers import Containers
from lab.run.files import AGENTS, CERTIFICATES, agent_files, pack
from lab.servers import SERVERS

#: Where a client's libraries look for trust anchors: ``/etc/pki/tls/cert.pem`` is a link to it, and in a
#: stand-in the other places are links to that.
SYSTEM_TRUST_STORE = "run/lab/cert.pem"
#: Services whose containers run servers.
_SERVER_SERVICES = frozenset(server.service for server in SERVERS.values())


class Equipment:
    """The files that the containers need for a run's attempts."""

    def __init__(self, containers: Containers, material: RunCertificates) -> None:
        """Nothing is put anywhere yet."""
        self._containers = containers
        self._material = material
        self._own_keys: tuple[str, ...] = ()

    def put(self) -> None:
        """Put files into every container, side by side.

        Raises:
            AgentError: a container takes none.
        """
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
        self._containers.put(
            {
                service: for_servers if service in _SERVER_SERVICES else for_clients
                for service in self._containers.services
            }
        )

    def take_own_keys_away(self) -> None:
        """Empty the files with the operator's own key.

        A kept topology outlives the run; the operator's private key does not.

        Raises:
            AgentError: a container takes no files.
        """
        if self._own_keys:
            emptied = pack(dict.fromkeys(self._own_keys, b""))
            self._containers.put(
                dict.fromkeys(self._containers.services & _SERVER_SERVICES, emptied)
            )
