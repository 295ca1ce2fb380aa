"""The engine that a person means, a connection to it, and Compose on the same one.

The order is that of Docker's own command line (measured with 28.2): ``DOCKER_HOST`` wins over
``DOCKER_CONTEXT``, which wins over ``currentContext`` in the configuration file, and without any it is the
default socket. Contexts are read here rather than through the SDK, whose reader ignores ``DOCKER_CONTEXT``,
hides a broken configuration file and finds no context at all when that file does not exist.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import socket
import struct
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from lab.host import machine
from lab.text import AdvisedError

if TYPE_CHECKING:  # Docker's library takes 0.2 s to import, and most commands need none of it.
    from docker import DockerClient

DEFAULT_SOCKET = Path("/var/run/docker.sock")
DEFAULT_CONTEXT = "default"
TLS_FILES = ("ca.pem", "cert.pem", "key.pem")
#: The variables that name an engine, beside DOCKER_HOST.
_OF_AN_ENGINE = {"DOCKER_CONTEXT", "DOCKER_TLS", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"}

PROBE_TIMEOUT_S = 5
REQUEST_TIMEOUT_S = 120
LOST_TIMEOUT_S = 1
COMPOSE_TIMEOUT_S = 15.0
MINIMUM_API = (1, 41)
"""API of Docker 20.10, the oldest engine that the lab has been run on."""
MINIMUM_COMPOSE = 2


class EngineError(AdvisedError):
    """The lab cannot get, start or stop an engine."""

    table: ClassVar[Path] = Path(__file__).with_name("errors.toml")


# -- which engine --------------------------------------------------------------------------------------


class NamedBy(StrEnum):
    """What named the endpoint."""

    DOCKER_HOST = "DOCKER_HOST"
    CONTEXT = "Docker context"
    DEFAULT = "default socket"


@dataclass(frozen=True)
class Tls:
    """The directory with :data:`TLS_FILES`, and whether the certificate of the engine is verified."""

    directory: Path
    verify: bool = True


@dataclass(frozen=True)
class Endpoint:
    """Where the engine listens, and who said so."""

    host: str
    origin: NamedBy
    name: str = ""
    tls: Tls | None = None

    @property
    def socket(self) -> Path | None:
        """The Unix socket, or None for an engine on the network."""
        scheme, _, path = self.host.partition("://")
        return Path(path) if scheme == "unix" else None

    @property
    def chosen(self) -> bool:
        """Whether a person chose this engine; the lab then never installs or starts another."""
        return self.origin is not NamedBy.DEFAULT

    def __str__(self) -> str:
        if self.origin is NamedBy.CONTEXT:
            return f"{self.host} (from the {self.origin} {self.name!r})"
        return f"{self.host} ({'from ' if self.chosen else 'the '}{self.origin})"

    def environment(self, base: Mapping[str, str]) -> dict[str, str]:
        """``base`` changed so that docker and compose commands talk to exactly this engine."""
        changed = {name: value for name, value in base.items() if name not in _OF_AN_ENGINE}
        changed["DOCKER_HOST"] = self.host
        if self.tls is not None:
            changed["DOCKER_CERT_PATH"] = str(self.tls.directory)
            changed["DOCKER_TLS_VERIFY" if self.tls.verify else "DOCKER_TLS"] = "1"
        return changed


def resolve(
    environment: Mapping[str, str] | None = None, default_socket: Path = DEFAULT_SOCKET
) -> Endpoint:
    """Decide which engine to use, without connecting to it.

    Args:
        environment: in place of ``os.environ``.
        default_socket: where the machine's own engine listens.

    Raises:
        EngineError: a Docker context is named that does not exist or cannot be read.
    """
    env = os.environ if environment is None else environment
    directory = Path(env.get("DOCKER_CONFIG") or Path(env.get("HOME") or "/root", ".docker"))
    if host := env.get("DOCKER_HOST"):
        verify = bool(env.get("DOCKER_TLS_VERIFY"))
        files = Path(env.get("DOCKER_CERT_PATH") or directory)
        tls = Tls(files, verify) if verify or env.get("DOCKER_TLS") else None
        return Endpoint(host, NamedBy.DOCKER_HOST, tls=tls)
    name = env.get("DOCKER_CONTEXT") or _current_context(directory)
    if name in {"", DEFAULT_CONTEXT}:
        return Endpoint(f"unix://{default_socket}", NamedBy.DEFAULT)
    return _from_context(directory, name)


def _current_context(directory: Path) -> str:
    path = directory / "config.json"
    try:
        return str(_read(path).get("currentContext") or "")
    except FileNotFoundError:
        return ""
    except (OSError, ValueError, RecursionError) as error:
        raise EngineError("configuration", path=path, happened=_reason(error)) from error


def _from_context(directory: Path, name: str) -> Endpoint:
    digest = hashlib.sha256(name.encode()).hexdigest()
    path = directory / "contexts" / "meta" / digest / "meta.json"
    try:
        docker = _read(path, "Endpoints", "docker")
        host = docker.get("Host")
        if not isinstance(host, str):
            raise ValueError("it names no Endpoints.docker.Host")
    except (OSError, ValueError, RecursionError) as error:
        missing = isinstance(error, FileNotFoundError)
        happened = "it does not exist" if missing else f"{path}: {_reason(error)}"
        known = ", ".join(_context_names(directory))
        raise EngineError("context", name=name, happened=happened, known=known) from error
    files = directory / "contexts" / "tls" / digest / "docker"
    has_tls = any((files / file).exists() for file in TLS_FILES)
    tls = Tls(files, verify=not docker.get("SkipTLSVerify")) if has_tls else None
    return Endpoint(host, NamedBy.CONTEXT, name=name, tls=tls)


def _context_names(directory: Path) -> list[str]:
    names = {DEFAULT_CONTEXT}
    for path in (directory / "contexts" / "meta").glob("*/meta.json"):
        with suppress(OSError, ValueError, RecursionError):
            names.add(str(_read(path).get("Name", "")) or "?")
    return sorted(names)


def _read(path: Path, *keys: str) -> dict[str, Any]:
    """The object below these keys in a file of JSON."""
    found = json.loads(path.read_bytes())
    for key in keys:
        found = found.get(key) if isinstance(found, dict) else None
    if not isinstance(found, dict):
        raise ValueError(f"it has no object {'.'.join(keys)}" if keys else "it is no JSON object")
    return found


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)


# -- a connection --------------------------------------------------------------------------------------

#: What a failed connect(2) to a Unix socket means: a problem of `errors.toml`.
_STATE_OF: dict[type[OSError], str] = {
    FileNotFoundError: "no-socket",
    NotADirectoryError: "no-socket",
    PermissionError: "no-permission",
    ConnectionRefusedError: "refused",  # the file is there, nobody listens
    TimeoutError: "silent",  # somebody listens, and does not answer in time
    BlockingIOError: "silent",
}


@dataclass(frozen=True)
class SocketProbe:
    """What a Unix socket's other end does: a problem of `errors.toml`, or nothing where it answers."""

    problem: str = ""
    detail: str = ""
    listener: int | None = None
    """The process id of the listening end, when known."""


def probe(path: Path, timeout_s: float = PROBE_TIMEOUT_S) -> SocketProbe:
    """Ask the engine behind a Unix socket whether it lives: ``GET /_ping`` within ``timeout_s``."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(timeout_s)
        try:
            client.connect(str(path))
        except OSError as error:
            states = (state for kind, state in _STATE_OF.items() if isinstance(error, kind))
            return SocketProbe(next(states, "unusable"), error.strerror or str(error))
        # SO_PEERCRED of a connected stream socket names the process that called listen(2): see unix(7).
        # It is 0 when that process lives in another pid namespace.
        peer = client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        listener = struct.unpack("3i", peer)[0] or None
        try:
            client.sendall(b"GET /_ping HTTP/1.0\r\nHost: engine\r\n\r\n")
            first = client.recv(4096).partition(b"\r\n")[0].decode(errors="replace")
        except TimeoutError:
            detail = f"no answer to GET /_ping within {timeout_s:g} s"
        except OSError as error:
            detail = f"GET /_ping: {error.strerror}"
        else:
            if re.match(r"HTTP/1\.\d 200", first):
                return SocketProbe(listener=listener)
            detail = f"GET /_ping: it answers {first!r}" if first else "GET /_ping: it hangs up"
    return SocketProbe("silent", detail, listener)


def find(
    environment: Mapping[str, str] | None = None,
    *,
    default_socket: Path = DEFAULT_SOCKET,
    timeout_s: float = PROBE_TIMEOUT_S,
) -> DockerClient:
    """Connect to the engine that DOCKER_HOST, the Docker context or the default socket names.

    The caller closes the client. Its requests have a deadline of :data:`REQUEST_TIMEOUT_S`.

    Raises:
        EngineError: there is none, or it does not answer within ``timeout_s``, or it is too old.
    """
    return connect(resolve(environment, default_socket), timeout_s=timeout_s)


def lost(
    environment: Mapping[str, str] | None = None, *, timeout_s: float = LOST_TIMEOUT_S
) -> EngineError | None:
    """Why the engine of :func:`find` does not answer any more; None where it does.

    An engine that is only slow is not lost: it has to be gone, not just silent for ``timeout_s``.
    """
    try:
        connect(resolve(environment), timeout_s=timeout_s).close()
    except EngineError as error:
        return None if error.problem == "silent" else error
    return None


def connect(endpoint: Endpoint, *, timeout_s: float = PROBE_TIMEOUT_S) -> DockerClient:
    """Connect to one engine; see :func:`find`."""
    from docker import DockerClient
    from docker.errors import DockerException
    from docker.tls import TLSConfig

    if endpoint.host.startswith("ssh://"):
        raise EngineError("ssh", endpoint=endpoint)
    if endpoint.socket is not None and (found := probe(endpoint.socket, timeout_s)).problem:
        raise _not_answering(endpoint, endpoint.socket, found)
    try:
        tls: TLSConfig | bool = False
        if endpoint.tls is not None:
            ca, *pair = (endpoint.tls.directory / name for name in TLS_FILES)
            tls = TLSConfig(
                client_cert=(str(pair[0]), str(pair[1])) if pair[0].exists() else None,
                ca_cert=str(ca) if ca.exists() else None,
                verify=endpoint.tls.verify,
            )
        # With "auto" it asks for the version, and so finds out whether anybody answers.
        client = DockerClient(endpoint.host, version="auto", timeout=math.ceil(timeout_s), tls=tls)
        problem = unsupported(client.version())
    except (DockerException, OSError) as error:
        # The operating system's own words below the layers of the SDK, where there are any.
        words = re.search(r"\[Errno -?\d+\] ([^'\")]+)", str(error))
        happened = words[1] if words else str(error).partition("\n")[0]
        raise _unreachable(endpoint, happened) from error
    if problem is not None:
        client.close()
        raise EngineError("unsupported", endpoint=endpoint, happened=problem)
    client.api.timeout = REQUEST_TIMEOUT_S
    return client


def unsupported(version: Mapping[str, object]) -> str | None:
    """Why the engine that reported ``version`` (``GET /version``) cannot be used, or None."""
    system = str(version.get("Os", ""))
    if system and system != "linux":
        return f"it runs {system} containers; the lab's are Linux containers"
    api = str(version.get("ApiVersion", ""))
    if parse_api(api) < MINIMUM_API:
        name = str(version.get("Version", "unknown"))
        wanted = ".".join(map(str, MINIMUM_API))
        return f"its API is {api or 'unknown'} (engine {name}); the lab needs {wanted} or newer"
    return None


def parse_api(text: str) -> tuple[int, ...]:
    """``"1.41"`` as numbers that compare; anything else as an empty tuple, less than all."""
    try:
        return tuple(int(part) for part in text.split("."))
    except ValueError:
        return ()


def _not_answering(endpoint: Endpoint, path: Path, found: SocketProbe) -> EngineError:
    """The error for a Unix socket whose other end is no working engine."""
    join = "let this user use it: it belongs to root"
    with suppress(KeyError, OSError):
        if (group := path.group()) != "root":
            command = f"sudo usermod -aG {group} $USER"
            join = f"join the group {group!r} that owns it, then log in anew: {command}"
    who = f"process {found.listener}" if found.listener else "a process"
    error = EngineError(found.problem, endpoint=endpoint, who=who, detail=found.detail, join=join)
    if endpoint.chosen and found.problem not in {"no-permission", "silent"}:
        return _unreachable(endpoint, error.happened)
    return error


def _unreachable(endpoint: Endpoint, happened: str) -> EngineError:
    unset = endpoint.origin is NamedBy.DOCKER_HOST
    instead = "unset DOCKER_HOST" if unset else "docker context use default"
    problem = "chosen" if endpoint.chosen else "unreachable"
    return EngineError(problem, endpoint=endpoint, happened=happened, instead=instead)


# -- Compose -------------------------------------------------------------------------------------------


def compose_command(environment: Mapping[str, str] | None = None) -> list[str]:
    """The words that start Compose; run it with :func:`compose_environment`.

    Raises:
        EngineError: there is none that works.
    """
    return find_compose(os.environ if environment is None else environment)[0]


def compose_environment(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment in which docker and compose commands use the engine of :func:`find`.

    Raises:
        EngineError: the environment names a Docker context that cannot be read.
    """
    return resolve(environment).environment(os.environ if environment is None else environment)


def find_compose(environment: Mapping[str, str]) -> tuple[list[str], str]:
    """The installed plugin, else the binary in this environment, and its version.

    Raises:
        EngineError: neither works.
    """
    tried: list[str] = []
    binary = str(Path(sys.executable).with_name("docker-compose"))
    for command in (["docker", "compose"], [binary]):
        asking = [*command, "version", "--short"]
        try:
            done = machine.run(asking, timeout_s=COMPOSE_TIMEOUT_S, env=environment)
        except machine.CommandError as error:
            said = machine.tail(error.output, 1) or [error.happened]
        else:
            version = done.stdout.strip().removeprefix("v")
            major = re.match(r"\d+", version)
            if major is not None and int(major[0]) >= MINIMUM_COMPOSE:
                return command, version
            said = [f"its version is {version!r}, not {MINIMUM_COMPOSE} or newer"]
        tried.append(f"{' '.join(command)}: {said[0]}")
    raise EngineError("no-compose", happened="; ".join(tried))
