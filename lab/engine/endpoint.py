"""Which engine a person means: DOCKER_HOST, else the Docker context, else the default socket.

The order is that of Docker's own command line (measured with 28.2): ``DOCKER_HOST`` wins over
``DOCKER_CONTEXT``, which wins over ``currentContext`` in the configuration file. Contexts are read
here rather than through the SDK, whose reader ignores ``DOCKER_CONTEXT``, hides a broken
configuration file and finds no context at all when that file does not exist.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lab.engine.errors import EngineError, Problem

DEFAULT_SOCKET = Path("/var/run/docker.sock")
DEFAULT_CONTEXT = "default"
_TLS_FILES = ("ca.pem", "cert.pem", "key.pem")


class Origin(StrEnum):
    """What named the endpoint."""

    DOCKER_HOST = "DOCKER_HOST"
    CONTEXT = "Docker context"
    DEFAULT = "default socket"


@dataclass(frozen=True)
class Tls:
    """The files of a TLS connection to an engine, and whether its certificate is verified."""

    directory: Path
    verify: bool = True

    @property
    def ca(self) -> Path:
        """The certificates that the engine's must lead to."""
        return self.directory / "ca.pem"

    @property
    def certificate(self) -> Path:
        """This client's certificate."""
        return self.directory / "cert.pem"

    @property
    def key(self) -> Path:
        """The private key of that certificate."""
        return self.directory / "key.pem"


@dataclass(frozen=True)
class Endpoint:
    """Where the engine listens, and who said so."""

    host: str
    origin: Origin
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
        return self.origin is not Origin.DEFAULT

    def __str__(self) -> str:
        if self.origin is Origin.CONTEXT:
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


class _Config(BaseModel):
    """The one field of Docker's config.json that matters here."""

    model_config = ConfigDict(extra="ignore")

    current_context: str = Field(default="", alias="currentContext")


class _DockerEndpoint(BaseModel):
    model_config = ConfigDict(extra="ignore")

    host: str = Field(alias="Host")
    skip_tls_verify: bool = Field(default=False, alias="SkipTLSVerify")


class _Endpoints(BaseModel):
    model_config = ConfigDict(extra="ignore")

    docker: _DockerEndpoint


class _ContextMetadata(BaseModel):
    """``contexts/meta/<sha256 of the name>/meta.json`` below Docker's configuration directory."""

    model_config = ConfigDict(extra="ignore")

    endpoints: _Endpoints = Field(alias="Endpoints")


def resolve(environment: Mapping[str, str], default_socket: Path = DEFAULT_SOCKET) -> Endpoint:
    """Decide which engine to use, without connecting to it.

    Raises:
        EngineError: a Docker context is named that does not exist or cannot be read.
    """
    host = environment.get("DOCKER_HOST", "")
    if host:
        return Endpoint(host, Origin.DOCKER_HOST, tls=_tls_from_environment(environment))
    directory = configuration_directory(environment)
    name = environment.get("DOCKER_CONTEXT", "") or _current_context(directory)
    if name in {"", DEFAULT_CONTEXT}:
        return Endpoint(f"unix://{default_socket}", Origin.DEFAULT)
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
        return _Config.model_validate_json(path.read_bytes()).current_context
    except FileNotFoundError:
        return ""
    except (OSError, ValidationError) as error:
        raise EngineError(
            Problem.BAD_ENDPOINT,
            tried=f"Reading Docker's configuration {path}",
            happened=_first_line(error),
            advice=[f"repair {path}", "name the engine in DOCKER_HOST, which is read first"],
        ) from error


def _from_context(directory: Path, name: str) -> Endpoint:
    digest = hashlib.sha256(name.encode()).hexdigest()
    path = directory / "contexts" / "meta" / digest / "meta.json"
    try:
        metadata = _ContextMetadata.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        missing = isinstance(error, FileNotFoundError)
        raise EngineError(
            Problem.BAD_ENDPOINT,
            tried=f"Looking up the Docker context {name!r}",
            happened="it does not exist" if missing else f"{path}: {_first_line(error)}",
            advice=[
                f"choose one that exists (here: {', '.join(_context_names(directory))}):"
                " docker context use NAME, or DOCKER_CONTEXT=NAME",
                "name the engine in DOCKER_HOST, which is read first",
            ],
        ) from error
    docker = metadata.endpoints.docker
    tls_directory = directory / "contexts" / "tls" / digest / "docker"
    tls = None
    if any((tls_directory / file).exists() for file in _TLS_FILES):
        tls = Tls(tls_directory, verify=not docker.skip_tls_verify)
    return Endpoint(docker.host, Origin.CONTEXT, name=name, tls=tls)


def _context_names(directory: Path) -> list[str]:
    names = {DEFAULT_CONTEXT}
    for path in (directory / "contexts" / "meta").glob("*/meta.json"):
        try:
            names.add(str(json.loads(path.read_bytes())["Name"]))
        except (OSError, RecursionError, ValueError, KeyError, TypeError):
            continue
    return sorted(names)


def _first_line(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        return f"{first['msg']}{f' (at {where})' if where else ''}"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error).splitlines()[0] if str(error) else type(error).__name__
