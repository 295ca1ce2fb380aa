"""The containers of a running topology, by service: their ids, their addresses, files put into them."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from docker import DockerClient
from docker.errors import APIError, DockerException

from lab.model import SILENT
from lab.run.execution import ExecutionError, execute
from lab.run.link import AgentError
from lab.run.once import OnceMap
from lab.run.topology import Place, Topology, places

#: Seconds for the container that answers nobody to have its packet filter.
SILENCE_S = 10


def unpack(client: DockerClient, container: str, archive: bytes) -> None:
    """Unpack an archive in the container of this id, as the container's own user.

    The engine's own way to put files in does not know where a container with a read-only root can be
    written to. What comes in on standard input goes to the container's tmpfs and nowhere else: a private
    key is on no disk.

    Raises:
        ExecutionError: the container does not run, or takes no files.
    """
    # tar reads to the end of its input, which comes only with the end of the line.
    command = f"head -c {len(archive)} | tar --extract --no-same-owner --directory=/"
    done = execute(client, container, ["sh", "-c", command], archive)
    if done.status:
        raise ExecutionError(done.output.strip() or f"tar ended with status {done.status}")


class Containers:
    """The containers of one topology.

    Raises (every method): :class:`AgentError` for a fault of the lab.
    """

    def __init__(self, client: DockerClient, topology: Topology) -> None:
        self._client = client
        self._topology = topology
        self._places: OnceMap[Mapping[str, Place]] = OnceMap()

    @property
    def services(self) -> set[str]:
        """The containers in which agents of servers and clients run."""
        return {s for s in self._topology.containers if s not in ("dns", SILENT)}

    @property
    def named(self) -> set[str]:
        """The containers that settings can name: all but the DNS server's."""
        return self._topology.containers.keys() - {"dns"}

    def id_of(self, service: str) -> str:
        """The id of a container, as the engine knows it.

        Raises:
            AgentError: it does not run.
        """
        try:
            return self._topology.containers[service]
        except KeyError:
            running = ", ".join(sorted(self._topology.containers)) or "none"
            raise AgentError(
                f"the container {service} of {self._topology.project} is not running"
                f" (running: {running}); `lab down` and `lab up` start afresh"
            ) from None

    def address_of(self, service: str) -> str:
        """The IP address of a container; the engine is asked once for all of them.

        Raises:
            AgentError: it has none, or the engine does not tell.
        """
        known_places = self._places.get("all", self._find_places)
        address = known_places[service].address if service in known_places else None
        if address is None:
            raise AgentError(f"the container {service} of {self._topology.project} has no address")
        return address

    def put(self, archives: Mapping[str, bytes]) -> None:
        """Unpack an archive in each of these containers, side by side.

        Raises:
            AgentError: a container does not run or takes no files.
        """

        def put(service: str) -> None:
            try:
                unpack(self._client, self.id_of(service), archives[service])
            except ExecutionError as error:
                raise AgentError(
                    f"cannot put files into the container {service}: {error}"
                ) from error

        with ThreadPoolExecutor(len(archives) or 1) as pool:
            list(pool.map(put, archives))

    def wait_for_silence(self) -> None:
        """Wait until the container that answers nobody drops what comes in, if it is there.

        Raises:
            AgentError: it does not come to that.
        """
        if SILENT not in self._topology.containers:
            return
        # As soon as it runs, the chain is about to be there: its command makes it and then waits.
        waiting = "until nft list chain inet lab input >/dev/null 2>&1; do sleep 0.02; done"
        argv = ["timeout", str(SILENCE_S), "sh", "-c", waiting]
        try:
            done = execute(self._client, self.id_of(SILENT), argv)
        except ExecutionError as error:
            raise AgentError(f"the container {SILENT} cannot be asked: {error}") from error
        if done.status:
            raise AgentError(
                f"the container {SILENT} has no packet filter after {SILENCE_S} s: `docker logs` says"
                f" why ({done.output.strip() or 'nothing was said here'})"
            )

    def _find_places(self) -> Mapping[str, Place]:
        try:
            return places(self._client, self._topology.project)
        except (APIError, DockerException, OSError) as error:
            raise AgentError(f"the engine does not tell addresses: {error}") from error
