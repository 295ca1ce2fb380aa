"""The containers of a running topology, by service: their ids, their addresses, the files in them.

What a run puts into them are agents, certificates and the trust store; what is the operator's own it takes
away again.
"""

from __future__ import annotations

import io
import tarfile
import threading
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar

from docker import DockerClient

from lab.certificates import OWN, OWN_CLIENT
from lab.certificates.material import RunCertificates
from lab.model import SILENT, Attempt
from lab.run.certificates import wanted_by
from lab.run.link import AgentError, Executed, ExecutionError, execute, unpacking
from lab.run.topology import DNS, Topology
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

    Private keys (``*.key.pem``) are readable for their owner and the owner's group alone. The same content
    has the same time in the past, whenever it is packed: what Python has compiled of it stays valid.
    """
    buffer = io.BytesIO()
    folders = sorted({str(parent) for path in files for parent in Path("/", path).parents} - {"/"})
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for folder in folders:
            if not folder.startswith("/opt/lab/"):
                continue
            entry = tarfile.TarInfo(folder.lstrip("/"))
            entry.type, entry.mode, entry.mtime = tarfile.DIRTYPE, 0o755, 1
            archive.addfile(entry)
        for path, content in sorted(files.items()):
            entry = tarfile.TarInfo(path.lstrip("/"))
            entry.size, entry.mtime = len(content), zlib.crc32(content) >> 2
            entry.mode = 0o640 if path.endswith(".key.pem") else 0o644
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


#: The file in the DNS server's container with a name that is not of the lab's zone.
HOSTS_FILE = "run/lab/hosts"
#: Seconds for a container to come to what it was told.
WAIT_S = 10


def unpack(client: DockerClient, container: str, archive: bytes) -> None:
    """Unpack an archive in the container of this id, as the container's own user.

    Raises:
        ExecutionError: the container does not run, or takes no files.
    """
    done = execute(client, container, ["sh", "-c", unpacking(archive)], archive)
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
    def kept(self) -> bool:
        """Whether they outlive the run."""
        return self._topology.kept

    @property
    def services(self) -> set[str]:
        """The containers in which agents of servers and clients run."""
        return {s for s in self._topology.containers if s not in (DNS, SILENT)}

    @property
    def named(self) -> set[str]:
        """The containers that settings can name: all but the DNS server's."""
        return self._topology.containers.keys() - {DNS}

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

    def put(self, service: str, archive: bytes) -> None:
        """Unpack an archive in a container.

        Raises:
            AgentError: it does not run or takes no files.
        """
        try:
            unpack(self._client, self.id_of(service), archive)
        except ExecutionError as error:
            raise AgentError(f"cannot put files into the container {service}: {error}") from error

    def read(self, service: str, path: str) -> bytes | None:
        """A text file of an image; ``None``: it has none of that name.

        Raises:
            AgentError: the container does not run.
        """
        done = self._execute(service, ["cat", path])
        return None if done.status else done.output.encode()

    def _execute(self, service: str, argv: Sequence[str]) -> Executed:
        """Run a program in a container.

        Raises:
            AgentError: the container does not run.
        """
        try:
            return execute(self._client, self.id_of(service), argv)
        except ExecutionError as error:
            raise AgentError(f"the container {service} cannot be asked: {error}") from error

    def answer_for(self, host: str, service: str) -> None:
        """Let the lab's DNS server answer for a name outside its zone, with a container's address.

        Raises:
            AgentError: it cannot be told, or does not come to that.
        """
        line = f"{self.address_of(service)} {host}\n"
        self.put(DNS, pack({HOSTS_FILE: line.encode("ascii")}))
        waiting = f"until getent ahostsv4 {host} >/dev/null; do sleep 0.02; done"
        self._wait(service, waiting, f"{DNS} does not answer for {host}")

    def forget_host(self) -> None:
        """Let the lab's DNS server answer for its own zone alone, as it did.

        Raises:
            AgentError: it cannot be told.
        """
        self.put(DNS, pack({HOSTS_FILE: b""}))

    def wait_for_silence(self) -> bool:
        """Wait until the container that answers nobody drops what comes in; false: it is not there.

        Raises:
            AgentError: it does not come to that.
        """
        if SILENT not in self._topology.containers:
            return False
        # As soon as it runs, the chain is about to be there: its command makes it and then waits.
        waiting = "until nft list chain inet lab input >/dev/null 2>&1; do sleep 0.02; done"
        self._wait(SILENT, waiting, f"{SILENT} has no packet filter")
        return True

    def _wait(self, service: str, waiting: str, failed: str) -> None:
        """Run a command of the shell in a container, which ends when something has come about.

        Raises:
            AgentError: it does not in time; the text says of which container (``failed``).
        """
        done = self._execute(service, ["timeout", str(WAIT_S), "sh", "-c", waiting])
        if done.status:
            raise AgentError(
                f"the container {failed} after {WAIT_S} s: `docker logs` says"
                f" why ({done.output.strip() or 'nothing was said here'})"
            )


#: Where a client's libraries look for trust anchors: ``/etc/pki/tls/cert.pem`` is a link to it, and in a
#: stand-in the other places are links to that.
SYSTEM_TRUST_STORE = "run/lab/cert.pem"
#: Where an image keeps the public roots of its distribution; a stand-in has none.
PUBLIC_ROOTS = "/opt/lab/public-roots.pem"
#: Services whose containers run servers.
_SERVER_SERVICES = frozenset(server.service for server in SERVERS.values())


class Equipment:
    """The files that the containers need for a run's attempts: agents, certificates, what clients trust."""

    def __init__(
        self, containers: Containers, material: RunCertificates, roots: bytes | None = None
    ) -> None:
        """Nothing is put anywhere yet.

        Args:
            roots: what clients trust whose image has no roots of its distribution's, in the place of the
                lab's CA; ``None``: all trust that CA.
        """
        self._containers = containers
        self._roots = roots
        self._with_own_roots: set[str] = set()
        self._material = material
        self._programs: OnceMap[str] = OnceMap()
        self._archives: OnceMap[bytes] = OnceMap()
        self._equipped: OnceMap[str] = OnceMap()

    def with_programs(self, service: str, start: Callable[[bytes], Value]) -> Value:
        """Start an agent in the container of this service, whose programs come with the first one.

        So do the certificates, where :attr:`is_made`.

        Args:
            start: is given the archive that is to be unpacked there before, or nothing: they are there. What
                it raises is raised.
        """
        first: list[Value] = []

        def start_with(files: Mapping[str, bytes]) -> str:
            first.append(start(pack(files)))
            return service

        def bring() -> str:
            files = {f"{AGENTS}/{name}": content for name, content in agent_files().items()}
            if self.is_made:
                self._equipped.get(service, lambda: start_with(files | self._files(service)))
            return service if first else start_with(files)

        self._programs.get(service, bring)
        return first[0] if first else start(b"")

    @property
    def is_made(self) -> bool:
        """Whether certificates can be put there at once: nothing has to be made or looked at before."""
        return self._roots is None and self._material.is_made

    def put(self, service: str) -> None:
        """Put certificates into the container of this service, unless they are there.

        Raises:
            AgentError: it takes none.
        """

        def put() -> str:
            is_server = service in _SERVER_SERVICES
            archive = self._archives.get(is_server, lambda: pack(self._files(service)))
            self._containers.put(service, archive)
            if not is_server:
                self._put_public_roots(service)
            return service

        self._equipped.get(service, put)

    def has_own_roots(self, service: str) -> bool:
        """Whether the clients in this container trust the public roots of their distribution."""
        return service in self._with_own_roots

    def _put_public_roots(self, service: str) -> None:
        """Put the public roots, if a client is to trust them, where it looks for the lab's CA."""
        if self._roots is None:
            return
        roots = self._containers.read(service, PUBLIC_ROOTS)
        if roots is not None:
            self._with_own_roots.add(service)
        places = (SYSTEM_TRUST_STORE, anchors_file("public"))
        self._containers.put(service, pack(dict.fromkeys(places, roots or self._roots)))

    def add(self, attempts: Iterable[Attempt]) -> None:
        """Put the certificates of further attempts where there are files already.

        Raises:
            AgentError: a container takes none.
        """
        if not self._material.want(wanted_by(list(attempts))):
            return
        for service in self._equipped.values():
            is_server = service in _SERVER_SERVICES
            self._containers.put(service, pack(self._certificates(server=is_server)))
            if not is_server:
                self._put_public_roots(service)

    def _certificates(self, *, server: bool) -> dict[str, bytes]:
        """The certificates, with the operator's own key of this end and without that of the other."""
        other = _own_key(server=not server)
        return {
            f"{CERTIFICATES}/{path}": content
            for host in self._material.hosts
            for path, content in self._material.files(host)
            if not path.endswith(other)
        }

    def _files(self, service: str) -> dict[str, bytes]:
        """All that servers need, or all that clients need."""
        if service in _SERVER_SERVICES:
            return self._certificates(server=True)
        trust = {SYSTEM_TRUST_STORE: self._material.anchor("public")}
        return self._certificates(server=False) | trust

    def take_own_keys_away(self) -> None:
        """Empty the files with the operator's own keys.

        A kept topology outlives the run; the operator's private keys do not.

        Raises:
            AgentError: a container takes no files.
        """
        for service in self._equipped.values() if self._material.has_own else ():
            is_server = service in _SERVER_SERVICES
            own = _own_key(server=is_server)
            keys = [p for p in self._certificates(server=is_server) if p.endswith(own)]
            if keys:
                self._containers.put(service, pack(dict.fromkeys(keys, b"")))


def _own_key(*, server: bool) -> str:
    """How the paths of the operator's own key of this end are called at their end."""
    return f"/{OWN if server else OWN_CLIENT}.key.pem"
