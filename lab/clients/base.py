"""What a client program is to the lab: settings in, a request to its agent out, and back a report.

A program decides nothing about outcomes and touches no container: every method is a pure function.
"""

from __future__ import annotations

import base64
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Generic, TypeVar

from lab.model import (
    PROTOCOLS,
    Agent,
    ClientReport,
    ClientSettings,
    Delivery,
    FtpClientSettings,
    Goal,
    ProtocolRange,
    container_of,
    platforms_of,
)

C = TypeVar("C", bound=ClientSettings)


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


@dataclass(frozen=True, kw_only=True)
class Program(ABC, Generic[C]):
    """A client program."""

    settings: type[C]
    """The class of its settings."""
    agent: Agent
    """The agent that runs it."""
    name: str
    """As ``ClientSettings.program`` has it."""
    leaves_tickets_unread: bool = False
    """Whether it closes the data connection of an upload without reading what TLS 1.3 sends behind the
    handshake: such an upload is a race."""
    tells_little: bool = False
    """Whether its library hands out neither replies nor what TLS has come to: the report then has in their
    place what the server's log says (:mod:`lab.dialects.telling`)."""
    statements: Mapping[str, str] = field(default_factory=dict)
    """Of a library, what its user writes for what the request has, by name (``not NAME`` where that is
    false); ``{}`` is the value, ``{digits}`` and ``{version}`` that of TLS as ``12`` and as ``1_2``."""

    @property
    def folder(self) -> str:
        """The folder that it is from, as programs are called."""
        return type(self).__module__.split(".")[2].replace("_", "-")

    @property
    def platforms(self) -> tuple[str, ...]:
        """Where it is run."""
        return platforms_of(self.folder)

    def settings_with(self, **fields: Any) -> C:
        """Settings of this program, by field.

        Raises:
            TypeError: it has no such field.
        """
        return self.settings(program=self.name, **fields)

    def service(self, client: C) -> str:
        """The container of the topology in which these settings are in force."""
        return container_of(self.folder, client.platform, client.policy)

    def unsupported(self, client: C, installed: Installed) -> str | None:  # noqa: ARG002
        """Why this program cannot express these settings on this image; ``None``: it can."""
        return None

    @abstractmethod
    def request(self, client: C, target: Target) -> dict[str, Any]:
        """The arguments of the agent's op ``attempt``.

        Raises:
            ValueError: a target without what the settings need.
        """

    def written(self, client: C, target: Target) -> tuple[str, ...] | None:  # noqa: ARG002
        """What its user writes for these settings, line by line; ``None``: the request shows it."""
        return None

    def report(self, raw: Mapping[str, Any]) -> ClientReport:
        """What the agent's result says, in the lab's words."""
        return report_from(raw)


def delivery_of(target: Target) -> Delivery:
    """The file to upload.

    Raises:
        ValueError: the target has none.
    """
    if target.delivery is None:
        raise ValueError("a transfer needs a delivery: the target names no file to upload")
    return target.delivery


def payload_of(client: FtpClientSettings, target: Target) -> dict[str, Any] | None:
    """The argument ``payload`` of the agents: what to generate and upload, if anything."""
    if client.goal is not Goal.TRANSFER:
        return None
    delivery = delivery_of(target)
    return {"name": delivery.name, "size": delivery.size}


def authorization(target: Target) -> str:
    """The credentials of a request, as HTTP's Basic scheme writes them (RFC 7617)."""
    return "Basic " + base64.b64encode(f"{target.user}:{target.password}".encode()).decode("ascii")


def python_tls(client: ClientSettings, target: Target) -> dict[str, Any]:
    """What ``python_tls.py`` makes a TLS context of, and where it connects to."""
    protocols = client.protocols or ProtocolRange()
    return {
        "goal": str(client.goal),
        "host": target.host,
        "port": target.port,
        "timeout_s": client.timeout_s,
        "tls": client.tls,
        "verify": client.verify,
        "ca_file": target.ca_file,
        "ciphers": client.ciphers,
        "minimum": protocols.minimum,
        "maximum": protocols.maximum,
        "certificate": target.certificate,
        "key": target.key,
    }


def io_socket_ssl(
    client: ClientSettings, target: Target, verify_name: str | None, sni: str | None
) -> dict[str, Any]:
    """The options of IO::Socket::SSL (IO::Socket::SSL(3)): those that the settings set, and no other."""
    given = {
        "SSL_verify_mode": None if client.verify else 0,
        "SSL_ca_file": target.ca_file,
        "SSL_fingerprint": target.fingerprint and f"sha256${target.fingerprint}",
        "SSL_verifycn_name": verify_name,
        "SSL_hostname": sni,
        "SSL_cipher_list": client.ciphers,
        "SSL_version": client.protocols and ssl_version(client.protocols),
        "SSL_cert_file": target.certificate,
        "SSL_key_file": target.key if target.certificate is not None else None,
    }
    return {option: value for option, value in given.items() if value is not None}


def ssl_version(protocols: ProtocolRange) -> str:
    """A range as IO::Socket::SSL's option ``SSL_version`` writes it.

    One version is its name. A range is "anything" (``SSLv23``) without the versions outside it. An
    open end switches nothing off above; below, only what the module's own default switches off.
    """
    spelt = {version: version.replace(".", "_") for version in PROTOCOLS}
    if protocols.minimum is not None and protocols.minimum == protocols.maximum:
        return spelt[protocols.minimum]
    inside = protocols.versions()
    off = [v for v in PROTOCOLS if v not in inside or (v == "SSLv3" and not protocols.minimum)]
    return ":".join(["SSLv23", "!SSLv2", *(f"!{spelt[version]}" for version in off)])


def report_from(raw: Mapping[str, Any]) -> ClientReport:
    """The report of an agent that speaks in the report's own field names.

    Raises:
        ValueError: a result without ``failed`` or ``step``: not one of an attempt.
    """
    if "failed" not in raw or "step" not in raw:
        raise ValueError(f"the agent's result is not a report of an attempt: {dict(raw)!r}")
    said = {f.name: raw[f.name] for f in fields(ClientReport) if raw.get(f.name) is not None}
    if said.get("timed_out") and not said.get("error"):
        said["error"] = f"the attempt's deadline passed at step {raw['step']}"
    return ClientReport(**{**said, "warnings": tuple(raw.get("warnings") or ())})
