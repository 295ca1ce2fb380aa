"""Which engine a person means: DOCKER_HOST, else the Docker context, else the default socket.

The order is that of Docker's own command line (measured with 28.2): ``DOCKER_HOST`` wins over
``DOCKER_CONTEXT``, which wins over ``currentContext`` in the configuration file. Contexts are read
here rather than through the SDK, whose reader ignores ``DOCKER_CONTEXT``, hides a broken
configuration file and finds no context at all when that file does not exist.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from lab.host.errors import EngineError, EngineProblem

DEFAULT_SOCKET = Path("/var/run/docker.sock")
DEFAULT_CONTEXT = "default"
TLS_FILES = ("ca.pem", "cert.pem", "key.pem")


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
        changed = {
            name: value
            for name, value in base.items()
            if name not in {"DOCKER_CONTEXT", "DOCKER_TLS", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"}
        }
        changed["DOCKER_HOST"] = self.host
        if self.tls is not None:
            changed["DOCKER_CERT_PATH"] = str(self.tls.directory)
            changed["DOCKER_TLS_VERIFY" if self.tls.verify else "DOCKER_TLS"] = "1"
        return changed


def resolve(environment: Mapping[str, str], default_socket: Path = DEFAULT_SOCKET) -> Endpoint:
    """Decide which engine to use, without connecting to it.

    Raises:
        EngineError: a Docker context is named that does not exist or cannot be read.
    """
    host = environment.get("DOCKER_HOST", "")
    if host:
        return Endpoint(host, NamedBy.DOCKER_HOST, tls=_tls_from_environment(environment))
    directory = configuration_directory(environment)
    name = environment.get("DOCKER_CONTEXT", "") or _current_context(directory)
    if name in {"", DEFAULT_CONTEXT}:
        return Endpoint(f"unix://{default_socket}", NamedBy.DEFAULT)
    return _from_context(directory, name)


def configuration_directory(environment: Mapping[str, str]) -> Path:
    """Docker's configuration directory: DOCKER_CONFIG, else ~/.docker."""
    configured = environment.get("DOCKER_CONFIG", "")
    if configured:
        return Path(configured)
    return Path(environment.get("HOME", "") or "/root") / ".docker"


def _tls_from_environment(environment: Mapping[str, str]) -> Tls | None:
    verify = bool(environment.get("DOCKER_TLS_VERIFY", ""))
    if not verify and not environment.get("DOCKER_TLS", ""):
        return None
    directory = environment.get("DOCKER_CERT_PATH", "")
    return Tls(Path(directory) if directory else configuration_directory(environment), verify)


def _current_context(directory: Path) -> str:
    path = directory / "config.json"
    try:
        return str(_read(path).get("currentContext") or "")
    except FileNotFoundError:
        return ""
    except (OSError, ValueError, RecursionError) as error:
        raise EngineError(
            EngineProblem.BAD_ENDPOINT,
            tried=f"Reading Docker's configuration {path}",
            happened=_reason(error),
            advice=[f"repair {path}", "name the engine in DOCKER_HOST, which is read first"],
        ) from error


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
        raise EngineError(
            EngineProblem.BAD_ENDPOINT,
            tried=f"Looking up the Docker context {name!r}",
            happened="it does not exist" if missing else f"{path}: {_reason(error)}",
            advice=[
                f"choose one that exists (here: {', '.join(_context_names(directory))}):"
                " docker context use NAME, or DOCKER_CONTEXT=NAME",
                "name the engine in DOCKER_HOST, which is read first",
            ],
        ) from error
    tls_directory = directory / "contexts" / "tls" / digest / "docker"
    tls = None
    if any((tls_directory / file).exists() for file in TLS_FILES):
        tls = Tls(tls_directory, verify=not docker.get("SkipTLSVerify"))
    return Endpoint(host, NamedBy.CONTEXT, name=name, tls=tls)


def _context_names(directory: Path) -> list[str]:
    names = {DEFAULT_CONTEXT}
    for path in (directory / "contexts" / "meta").glob("*/meta.json"):
        with contextlib.suppress(OSError, ValueError, RecursionError):
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
