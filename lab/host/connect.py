"""Connecting to an engine, and saying exactly why that does not work."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from lab.host.endpoint import DEFAULT_SOCKET, TLS_FILES, Endpoint, NamedBy, resolve
from lab.host.errors import EngineError, EngineProblem

if TYPE_CHECKING:  # Docker's library takes 0.2 s to import, and most commands need none of it.
    from docker import DockerClient

PROBE_TIMEOUT_S = 5
REQUEST_TIMEOUT_S = 120
LOST_TIMEOUT_S = 1
MINIMUM_API = (1, 41)
"""API of Docker 20.10, the oldest engine that the lab has been run on."""

WAY_INSTALL = (
    "install and start an engine (Debian, Ubuntu: apt-get install docker.io iptables; as root, "
    "`make engine` does that and starts it)"
)
WAY_POINT = "point DOCKER_HOST, or the Docker context, to an engine that runs (unix:///path or tcp://host:port)"


class SocketState(StrEnum):
    """What a Unix socket's other end does."""

    ABSENT = "absent"
    FORBIDDEN = "forbidden"
    REFUSED = "refused"  # the file is there, nobody listens
    SILENT = "silent"  # somebody listens, and does not answer in time
    ANSWERS = "answers"
    UNUSABLE = "unusable"


#: What a failed connect(2) to a Unix socket means.
_STATE_OF: dict[type[OSError], SocketState] = {
    FileNotFoundError: SocketState.ABSENT,
    NotADirectoryError: SocketState.ABSENT,
    PermissionError: SocketState.FORBIDDEN,
    ConnectionRefusedError: SocketState.REFUSED,
    TimeoutError: SocketState.SILENT,
    BlockingIOError: SocketState.SILENT,
}


@dataclass(frozen=True)
class SocketProbe:
    """What a probe found. ``listener`` is the process id of the listening end, when known."""

    state: SocketState
    detail: str = ""
    listener: int | None = None


def probe(path: Path, timeout_s: float = PROBE_TIMEOUT_S) -> SocketProbe:
    """Ask the engine behind a Unix socket whether it lives: ``GET /_ping`` within ``timeout_s``."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(timeout_s)
        try:
            client.connect(str(path))
        except OSError as error:
            states = (state for kind, state in _STATE_OF.items() if isinstance(error, kind))
            return SocketProbe(next(states, SocketState.UNUSABLE), error.strerror or str(error))
        listener = _listener(client)
        try:
            client.sendall(b"GET /_ping HTTP/1.0\r\nHost: engine\r\n\r\n")
            first = client.recv(4096).partition(b"\r\n")[0].decode(errors="replace")
        except TimeoutError:
            detail = f"no answer to GET /_ping within {timeout_s:g} s"
            return SocketProbe(SocketState.SILENT, detail, listener)
        except OSError as error:
            return SocketProbe(SocketState.SILENT, f"GET /_ping: {error.strerror}", listener)
    protocol, _, status = first.partition(" ")
    if not protocol.startswith("HTTP/1.") or not status.startswith("200"):
        detail = f"GET /_ping: it answers {first!r}" if first else "GET /_ping: it hangs up"
        return SocketProbe(SocketState.SILENT, detail, listener)
    return SocketProbe(SocketState.ANSWERS, listener=listener)


def _listener(connected: socket.socket) -> int | None:
    # SO_PEERCRED of a connected stream socket names the process that called listen(2): see unix(7).
    # It is 0 when that process lives in another pid namespace.
    credentials = connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    pid: int = struct.unpack("3i", credentials)[0]
    return pid or None


def find(
    environment: Mapping[str, str] | None = None,
    *,
    default_socket: Path = DEFAULT_SOCKET,
    timeout_s: int = PROBE_TIMEOUT_S,
) -> DockerClient:
    """Connect to the engine that DOCKER_HOST, the Docker context or the default socket names.

    The caller closes the client. Its requests have a deadline of :data:`REQUEST_TIMEOUT_S`.

    Raises:
        EngineError: there is none, or it does not answer within ``timeout_s``, or it is too old.
    """
    env = os.environ if environment is None else environment
    return connect(resolve(env, default_socket), timeout_s=timeout_s)


def lost(
    environment: Mapping[str, str] | None = None, *, timeout_s: int = LOST_TIMEOUT_S
) -> EngineError | None:
    """Why the engine of :func:`find` does not answer any more; None where it does.

    An engine that is only slow is not lost: it has to be gone, not just silent for ``timeout_s``.
    """
    try:
        endpoint = resolve(os.environ if environment is None else environment)
        if endpoint.socket is not None:
            found = probe(endpoint.socket, timeout_s)
            if found.state in {SocketState.ANSWERS, SocketState.SILENT}:
                return None
            raise explain_socket(endpoint, endpoint.socket, found)
        connect(endpoint, timeout_s=timeout_s).close()
    except EngineError as error:
        return error
    return None


def connect(endpoint: Endpoint, *, timeout_s: int = PROBE_TIMEOUT_S) -> DockerClient:
    """Connect to one engine; see :func:`find`."""
    from docker import DockerClient
    from docker.errors import DockerException
    from docker.tls import TLSConfig

    if endpoint.host.startswith("ssh://"):
        raise EngineError(
            EngineProblem.BAD_ENDPOINT,
            tried=f"Connecting to {endpoint}",
            happened="the lab does not speak to an engine over ssh://",
            advice=[
                "forward its socket (ssh -L /tmp/engine.sock:/var/run/docker.sock HOST)"
                " and set DOCKER_HOST=unix:///tmp/engine.sock"
            ],
        )
    if endpoint.socket is not None:
        found = probe(endpoint.socket, timeout_s)
        if found.state is not SocketState.ANSWERS:
            raise explain_socket(endpoint, endpoint.socket, found)
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
        client = DockerClient(endpoint.host, version="auto", timeout=timeout_s, tls=tls)
        problem = unsupported(client.version())
    except (DockerException, OSError) as error:
        raise EngineError(
            EngineProblem.UNREACHABLE,
            tried=f"Connecting to the engine at {endpoint}",
            happened=innermost(error),
            advice=_ways_out_of_a_choice(endpoint) if endpoint.chosen else [WAY_INSTALL, WAY_POINT],
        ) from error
    if problem is not None:
        client.close()
        raise EngineError(
            EngineProblem.UNSUPPORTED,
            tried=f"Using the engine at {endpoint}",
            happened=problem,
            advice=["upgrade it (Docker 20.10 or newer, Linux containers)", WAY_POINT],
        )
    client.api.timeout = REQUEST_TIMEOUT_S
    return client


def innermost(error: BaseException) -> str:
    """The operating system's own words below the layers of the SDK, where there are any."""
    seen: set[int] = set()
    current: BaseException | None = error
    text = str(error)
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        if isinstance(current, OSError) and current.strerror:
            return str(current.strerror)
        text = str(current) or text
        nested = next((arg for arg in current.args if isinstance(arg, BaseException)), None)
        current = nested or current.__cause__ or current.__context__
    return text.splitlines()[0] if text else type(error).__name__


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


def explain_socket(endpoint: Endpoint, path: Path, found: SocketProbe) -> EngineError:
    """The error for a Unix socket whose other end is no working engine."""
    problem, ways = EngineProblem.UNREACHABLE, [WAY_POINT]
    match found.state:
        case SocketState.ABSENT:
            happened = "there is no such socket, so no engine runs there"
            problem, ways = EngineProblem.NO_SOCKET, [WAY_INSTALL, WAY_POINT]
        case SocketState.REFUSED:
            happened = (
                "the socket file is there, but no process listens on it: the daemon that made it"
                " has gone"
            )
            ways = ["as root, `make engine` starts it again", WAY_POINT]
            problem = EngineProblem.NO_ANSWER
        case SocketState.FORBIDDEN:
            happened = "the socket is there, but this user may not use it"
            problem, ways = EngineProblem.NO_PERMISSION, _ways_to_permission(path)
        case SocketState.SILENT:
            who = f"process {found.listener}" if found.listener else "a process"
            happened = f"{who} listens there, but is no working engine: {found.detail}"
            ways = [
                f"restart that daemon ({who}); if it has just been started, wait and try again",
                WAY_POINT,
            ]
            problem = EngineProblem.NO_ANSWER
        case _:
            happened = found.detail
    # A person's choice is theirs to mend: nothing is installed or started in its place.
    if endpoint.chosen and found.state not in {SocketState.FORBIDDEN, SocketState.SILENT}:
        problem, ways = EngineProblem.UNREACHABLE, _ways_out_of_a_choice(endpoint)
    return EngineError(
        problem,
        tried=f"Connecting to the engine at {endpoint}",
        happened=happened,
        advice=ways,
    )


def _ways_out_of_a_choice(endpoint: Endpoint) -> list[str]:
    start = "start the engine there, or name another one"
    if endpoint.origin is NamedBy.DOCKER_HOST:
        return [start, "unset DOCKER_HOST: the lab then uses the machine's own engine"]
    return [start, "docker context use default: the lab then uses the machine's own engine"]


def _ways_to_permission(path: Path) -> list[str]:
    try:
        group = path.group()
    except (KeyError, OSError):
        group = "root"
    join = (
        f"join the group {group!r} that owns it, then log in anew: sudo usermod -aG {group} $USER"
    )
    way = "let this user use it: it belongs to root" if group == "root" else join
    return [way, "run the lab as root: sudo make lab"]
