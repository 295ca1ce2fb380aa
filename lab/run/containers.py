"""The containers of a running topology, by service: their ids, their addresses, the files in them.

What a run puts into them are agents, certificates and the trust store; what is the operator's own it takes
away again.
"""

from __future__ import annotations

import io
import tarfile
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Generic, TypeVar

from docker import DockerClient

from lab.certificates import OWN, RunCertificates
from lab.model import SILENT, Attempt
from lab.run.certificates import wanted_by
from lab.run.link import AgentError, ExecutionError, execute
from lab.run.topology import Topology
from lab.servers import SERVERS

Value = TypeVar("Value")


class OnceMap(Generic[Value]):
    """Values made on first use, each exactly once, different ones side by side."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._making: dict[Any, threading.Lock] = {}
        self._made: dict[Any, Value] = {}

    def get(self, key: Any, make: Callable[[], Value]) -> Value:
        """The value of this key; what ``make`` raises is raised, and the next one who asks tries again."""
        with self._lock:
            if key in self._made:
                return self._made[key]
            making = self._making.setdefault(key, threading.Lock())
        with making:
            if key not in self._made:
                self._made[key] = make()
            return self._made[key]

    def values(self) -> list[Value]:
        """Those made so far."""
        with self._lock:
            return list(self._made.values())


#: Where agents and certificates are, in every container.
AGENTS = "/opt/lab/agents"
CERTIFICATES = "/opt/lab/certificates"


def anchors_file(name: str) -> str:
    """Where the trust anchors of this name are, in every container."""
    return f"{CERTIFICATES}/anchors/{name}.pem"


def certificate_files(host: str, slug: str) -> tuple[str, str]:
    """Where a host's certificate of this name is, in a container that has it: its chain and its key."""
    base = f"{CERTIFICATES}/{host}/{slug}"
    return f"{base}.chain.pem", f"{base}.key.pem"


def agent_files() -> dict[str, bytes]:
    """The programs that run inside containers, by file name: what all share, and each one's own."""
    lab = Path(__file__).parents[1]
    folders = [lab / "agents", *lab.glob("servers/*/agent"), *lab.glob("clients/*/agent")]
    files = sorted(p for folder in folders for p in folder.iterdir() if p.is_file())
    return {p.name: p.read_bytes() for p in files}


def pack(files: Mapping[str, bytes]) -> bytes:
    """A tar archive of ``files`` by absolute path, with their folders.

    Private keys (``*.key.pem``) are readable for their owner and the owner's group alone.
    """
    now = int(time.time())
    buffer = io.BytesIO()
    folders = sorted({str(parent) for path in files for parent in Path("/", path).parents} - {"/"})
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for folder in folders:
            if not folder.startswith("/opt/lab/"):
                continue
            entry = tarfile.TarInfo(folder.lstrip("/"))
            entry.type, entry.mode, entry.mtime = tarfile.DIRTYPE, 0o755, now
            archive.addfile(entry)
        for path, content in sorted(files.items()):
            entry = tarfile.TarInfo(path.lstrip("/"))
            entry.size, entry.mtime = len(content), now
            entry.mode = 0o640 if path.endswith(".key.pem") else 0o644
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


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
        self._silence: OnceMap[bool] = OnceMap()

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
            return self._topology.containers[service].id
        except KeyError:
            running = ", ".join(sorted(self._topology.containers)) or "none"
            raise AgentError(
                f"the container {service} of {self._topology.project} is not running"
                f" (running: {running}); `lab down` and `lab up` start afresh"
            ) from None

    def address_of(self, service: str) -> str:
        """The IP address of a container.

        Raises:
            AgentError: it has none.
        """
        if service == SILENT:
            self._silence.get(service, self.wait_for_silence)
        found = self._topology.containers.get(service)
        address = found.address if found else None
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

    def wait_for_silence(self) -> bool:
        """Wait until the container that answers nobody drops what comes in; false: it is not there.

        Raises:
            AgentError: it does not come to that.
        """
        if SILENT not in self._topology.containers:
            return False
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
        return True


#: Where a client's libraries look for trust anchors: ``/etc/pki/tls/cert.pem`` is a link to it, and in a
#: stand-in the other places are links to that.
SYSTEM_TRUST_STORE = "run/lab/cert.pem"
#: Services whose containers run servers.
_SERVER_SERVICES = frozenset(server.service for server in SERVERS.values())


class Equipment:
    """The files that the containers need for a run's attempts, put there before an agent starts."""

    def __init__(self, containers: Containers, material: RunCertificates) -> None:
        """Nothing is put anywhere yet."""
        self._containers = containers
        self._material = material
        self._own_keys: tuple[str, ...] = ()
        self._archives: OnceMap[tuple[bytes, bytes]] = OnceMap()
        self._equipped: OnceMap[str] = OnceMap()

    def put(self, service: str) -> None:
        """Put files into the container of this service, unless they are there.

        Raises:
            AgentError: it takes none.
        """

        def put() -> str:
            for_servers, for_clients = self._archives.get("all", self._pack)
            is_server = service in _SERVER_SERVICES
            self._containers.put({service: for_servers if is_server else for_clients})
            return service

        self._equipped.get(service, put)

    def add(self, attempts: Iterable[Attempt]) -> None:
        """Put the certificates of further attempts where there are files already.

        Raises:
            AgentError: a container takes none.
        """
        if not self._material.want(wanted_by(attempts)):
            return
        files = self._certificates()
        own = {path for path in files if path.endswith(f"/{OWN}.key.pem")}
        everything, public = pack(files), pack({p: c for p, c in files.items() if p not in own})
        for service in self._equipped.values():
            self._containers.put({service: everything if service in _SERVER_SERVICES else public})

    def _certificates(self) -> dict[str, bytes]:
        return {
            f"{CERTIFICATES}/{path}": content
            for host in self._material.hosts
            for path, content in self._material.files(host)
        }

    def _pack(self) -> tuple[bytes, bytes]:
        """Archives with all that servers need, and with all that clients need."""
        material = self._certificates()
        trust = {SYSTEM_TRUST_STORE: self._material.anchor("public")}
        agents = {f"{AGENTS}/{name}": content for name, content in agent_files().items()}
        # The operator's own key is for servers alone.
        self._own_keys = tuple(p for p in material if p.endswith(f"/{OWN}.key.pem"))
        public = {p: c for p, c in material.items() if p not in self._own_keys}
        return pack(agents | material), pack(agents | public | trust)

    def take_own_keys_away(self) -> None:
        """Empty the files with the operator's own key.

        A kept topology outlives the run; the operator's private key does not.

        Raises:
            AgentError: a container takes no files.
        """
        if self._own_keys:
            emptied = pack(dict.fromkeys(self._own_keys, b""))
            equipped = _SERVER_SERVICES.intersection(self._equipped.values())
            self._containers.put(dict.fromkeys(equipped, emptied))
