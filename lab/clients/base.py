"""What a client program is to the lab: settings in, a request to its agent out, and back a report.

A program decides nothing about outcomes and touches no container: every method is a pure function.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from lab.model import ClientReport, ClientSettings, Delivery, container_of

#: Where agents lie in a container.
AGENTS_DIRECTORY = "/opt/lab/agents"


@dataclass(frozen=True, kw_only=True)
class AgentSpec:
    """How to start the resident agent of a program family."""

    name: str
    """As the agent's ready line says it; programs with the same name share one agent process."""
    argv: tuple[str, ...]
    """The command inside the container."""
    files: tuple[str, ...]
    """Its files, relative to ``lab/agents/``; they are put into ``/opt/lab/agents/``."""


@dataclass(frozen=True, kw_only=True)
class Installed:
    """What an image has of a program, as its agent's ready line says it."""

    platform: str
    stand_in: bool
    """Whether the image only carries the distribution's TLS library on another userland."""
    versions: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Target:
    """Where and with what an attempt goes: settings as names and paths inside the container."""

    host: str
    """The DNS name or address to connect to."""
    port: int
    user: str
    password: str
    delivery: Delivery | None = None
    """The file to upload; needed for the goal ``transfer``."""
    ca_file: str | None = None
    """Trust anchors (PEM) to use instead of the system's."""
    fingerprint: str | None = None
    """SHA-256 of the one certificate (DER) to accept, in hexadecimal digits."""
    certificate: str | None = None
    """Chain (PEM) that the client presents."""
    key: str | None = None
    """Its private key (PEM)."""


class Program(ABC):
    """A client program."""

    name: ClassVar[str]
    agent: ClassVar[AgentSpec]

    def service(self, client: ClientSettings) -> str:
        """The container of the topology in which these settings are in force."""
        return container_of(client.platform, client.policy)

    @abstractmethod
    def unsupported(self, client: ClientSettings, installed: Installed) -> str | None:
        """Why this program cannot express these settings on this image; ``None``: it can."""

    @abstractmethod
    def request(self, client: ClientSettings, target: Target) -> dict[str, Any]:
        """The arguments of the agent's op ``attempt``.

        Raises:
            ValueError: settings that :meth:`unsupported` names, or a target without what they need.
        """

    @abstractmethod
    def report(self, raw: Mapping[str, Any]) -> ClientReport:
        """What the agent's result says, in the lab's words."""


def delivery_of(target: Target) -> Delivery:
    """The file to upload.

    Raises:
        ValueError: the target has none.
    """
    if target.delivery is None:
        raise ValueError("a transfer needs a delivery: the target names no file to upload")
    return target.delivery


def payload_of(client: ClientSettings, target: Target) -> dict[str, Any] | None:
    """The argument ``payload`` of the agents: what to generate and upload, if anything."""
    if client.goal != "transfer":
        return None
    delivery = delivery_of(target)
    return {"name": delivery.name, "size": delivery.size}


def report_from(raw: Mapping[str, Any]) -> ClientReport:
    """The report of an agent that speaks in the report's own field names.

    Raises:
        ValueError: a result without ``failed`` or ``step``: not one of an attempt.
    """
    if "failed" not in raw or "step" not in raw:
        raise ValueError(f"the agent's result is not a report of an attempt: {dict(raw)!r}")
    timed_out = bool(raw.get("timed_out"))
    error = str(raw.get("error") or "")
    if timed_out and not error:
        error = f"the attempt's deadline passed at step {raw['step']}"
    return ClientReport(
        failed=bool(raw["failed"]),
        step=str(raw["step"]),
        error=error,
        message=str(raw.get("message") or ""),
        reply_code=raw.get("reply_code"),
        reply_text=str(raw.get("reply_text") or ""),
        errno=raw.get("errno"),
        verify_code=raw.get("verify_code"),
        exit_status=raw.get("exit_status"),
        protocol=raw.get("protocol"),
        cipher=raw.get("cipher"),
        verified=raw.get("verified"),
        data_protected=raw.get("data_protected"),
        session_reused=raw.get("session_reused"),
        library=str(raw.get("library") or ""),
        warnings=tuple(str(text) for text in raw.get("warnings") or ()),
        elapsed_ms=float(raw.get("elapsed_ms") or 0.0),
        timed_out=timed_out,
    )
