"""What a client program is to the lab: settings in, a request to its agent out, and back a report.

A program decides nothing about outcomes and touches no container: every method is a pure function. What it
cannot be told, and how its user writes what it can, stands in ``told.toml`` of its folder.
"""

from __future__ import annotations

import base64
import functools
import tomllib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Generic, TypeVar

from lab import model
from lab.model import PROTOCOLS, ClientReport, ClientSettings, FtpClientSettings, ProtocolRange
from lab.model.software import container_of, parameter_of, platforms_of

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
    delivery: model.Delivery | None = None
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

    agent: model.Agent
    """The agent that runs it."""
    name: str = ""
    """As ``ClientSettings.program`` has it; empty: the one that its settings have by default."""
    needs: str = ""
    """What an image must have a version of (:attr:`Installed.versions`); empty: of ``name``."""
    title: str = ""
    """What an image without that has not; empty: what it ``needs``."""
    leaves_tickets_unread: bool = False
    """Whether it closes the data connection of an upload without reading what TLS 1.3 sends behind the
    handshake: such an upload is a race."""
    tells_little: bool = False
    """Whether its library hands out neither replies nor what TLS has come to: the report then has in their
    place what the server's log says (:mod:`lab.dialects.telling`)."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", self.name or vars(self.settings)["program"])

    @property
    def settings(self) -> type[C]:
        """The class of its settings: ``Curl`` of a ``Program[Curl]``."""
        found: type[C] = parameter_of(type(self))
        return found

    @property
    def folder(self) -> str:
        """The folder that it is from, as programs are called."""
        return type(self).__module__.split(".")[2].replace("_", "-")

    @property
    def told(self) -> Mapping[str, Mapping[str, Any]]:
        """What ``told.toml`` of its folder says.

        ``cannot``: what it cannot be told, by what is said of it; any of these, each with all the settings
        that it names. ``statements``, of a library: what its user writes for what the request has, by name,
        or by ``not NAME`` where that is false; ``{}`` is the value, ``{digits}`` and ``{version}`` that of
        TLS as ``12`` and as ``1_2``.
        """
        return _told(f"{self.folder.replace('-', '_')}/told.toml")

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

    def unsupported(self, client: C, installed: Installed) -> str | None:
        """Why this program cannot express these settings on this image; ``None``: it can."""
        needs = self.needs or self.name
        if not installed.versions.get(needs):
            return f"the image has no {self.title or needs}"
        return self.cannot(client)

    def cannot(self, client: C) -> str | None:
        """What this program cannot be told, wherever it runs; ``None``: it can be told all of it."""
        for words, asked in self.told["cannot"].items():
            if any(all(_is_set(client, one) for one in settings.split()) for settings in asked):
                return words
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


@functools.cache
def _told(file: str) -> Mapping[str, Mapping[str, Any]]:
    """What a file in this folder says, and behind it what those say that it includes."""
    path = Path(__file__).parent / file
    own = tomllib.loads(path.read_text("utf-8")) if path.exists() else {}
    every = [own, *map(_told, own.get("includes", ()))]
    return {
        part: {name: value for one in every for name, value in one.get(part, {}).items()}
        for part in ("cannot", "statements")
    }


def _is_set(client: ClientSettings, word: str) -> bool:
    """Whether a setting is as a word has it: ``NAME`` (it is set), ``NAME=VALUE`` or ``NAME!=VALUE``."""
    name, equals, wanted = word.partition("=")
    value = getattr(client, name.removesuffix("!"))
    if not equals:
        return value is not None
    return (model.spelt(value) == wanted) is not name.endswith("!")


class Trace:
    """What the lines of a program tell, in their order: fields of the report, as far as it has come."""

    def __init__(self) -> None:
        self.step = "connect"
        self.reply_code: int | None = None
        self.reply_text = ""
        self.protocol: str | None = None
        self.cipher: str | None = None
        self.verified: bool | None = None
        self.data_protected: bool | None = None
        self.session_reused: bool | None = None

    def seen(self) -> dict[str, Any]:
        """Those that a program has come to whether it failed or not."""
        return {name: getattr(self, name) for name in _SEEN}


#: What a trace has for a report, beside the step.
_SEEN = tuple(name for name in vars(Trace()) if name != "step")


@dataclass(frozen=True, kw_only=True)
class Ran:
    """What came of a command, as its agent (``lab/agents/commands.py``) says it."""

    argv: Sequence[str]
    input: str | None
    """What was typed; ``None``: nothing."""
    stdout: str
    stderr: str
    exit_status: int | None
    timed_out: bool
    """The attempt's deadline has ended it."""
    version: str
    """What the command says of itself."""
    elapsed_ms: float

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> Ran:
        """The agent's result.

        Raises:
            ValueError: a result without ``argv``: not one of a command.
        """
        if "argv" not in raw:
            raise ValueError(f"the agent's result is not one of a command: {dict(raw)!r}")
        return cls(
            argv=[str(word) for word in raw["argv"]],
            input=raw.get("input"),
            stdout=str(raw.get("stdout") or ""),
            stderr=str(raw.get("stderr") or ""),
            exit_status=raw.get("exit_status"),
            timed_out=bool(raw.get("timed_out")),
            version=str(raw.get("version") or ""),
            elapsed_ms=float(raw.get("elapsed_ms") or 0.0),
        )

    @property
    def ended_well(self) -> bool:
        """Whether it came to its end, with status 0."""
        return self.exit_status == 0 and not self.timed_out

    @property
    def late(self) -> Sequence[str]:
        """What is said of one that the deadline has ended."""
        return ["the attempt's deadline passed"] if self.timed_out else []

    def report(
        self, trace: Trace, *, failed: bool, done: str, error: Iterable[str], **said: Any
    ) -> ClientReport:
        """The report of this command.

        Args:
            trace: what its lines tell.
            failed: whether it did not come through.
            done: the step that it is at when it has.
            error: what went wrong, where it has not.
            said: what else is known: fields of the report.
        """
        return ClientReport(
            failed=failed,
            step=trace.step if failed else done,
            error="; ".join(dict.fromkeys(error)) if failed else "",
            exit_status=self.exit_status,
            elapsed_ms=self.elapsed_ms,
            timed_out=self.timed_out,
            **{**trace.seen(), **said},
        )


@dataclass(frozen=True, kw_only=True)
class CommandProgram(Program[C]):
    """One that is a command line, which its agent runs (``lab/agents/commands.py``)."""

    @abstractmethod
    def read(self, ran: Ran) -> ClientReport:
        """What its exit status and its words say."""

    def report(self, raw: Mapping[str, Any]) -> ClientReport:
        """See :meth:`Program.report`.

        Raises:
            ValueError: a result that is not one of a command.
        """
        return self.read(Ran.of(raw))


#: The C library's texts of system errors and the resolver's (in the C locale), by symbol.
SYSTEM_ERRORS = {
    "Connection refused": "ECONNREFUSED",
    "Connection reset by peer": "ECONNRESET",
    "Connection timed out": "ETIMEDOUT",
    "No route to host": "EHOSTUNREACH",
    "Network is unreachable": "ENETUNREACH",
    "Broken pipe": "EPIPE",
    "Name or service not known": "EAI_NONAME",
    "No address associated with hostname": "EAI_NODATA",
    "Temporary failure in name resolution": "EAI_AGAIN",
}


def errno_in(words: str, texts: Mapping[str, str] = SYSTEM_ERRORS) -> str | None:
    """The symbol of the system's error that is in a program's words; ``None``: none is.

    Args:
        words: what the program says.
        texts: symbols by their texts, of a program that has its own.
    """
    return next((symbol for text, symbol in texts.items() if text in words), None)


#: The status of an answer that is the page.
OK = 200

#: Versions of TLS as options have them that leave out the name.
NUMBERS: Mapping[str | None, str] = {
    version: "1.0" if version == "TLSv1" else version[4:] for version in PROTOCOLS[1:]
}

#: Options by name, each with its value: true where it has none, false or ``None`` where it is not set.
Options = Mapping[str, str | bool | None]


def written(options: Options, between: str = "=") -> list[str]:
    """Those that are set, as a program reads them: name and value with this between them, or the name."""
    return [between.join(words) for words in _set_ones(options)]


def as_words(options: Options) -> list[str]:
    """Those that are set, as words of a command line: the value is a word of its own."""
    return [word for words in _set_ones(options) for word in words]


def _set_ones(options: Options) -> Iterator[list[str]]:
    for name, value in options.items():
        if value is not None and value is not False:
            yield [name] if value is True else [name, value]


def delivery_of(target: Target) -> model.Delivery:
    """The file to upload.

    Raises:
        ValueError: the target has none.
    """
    if target.delivery is None:
        raise ValueError("a transfer needs a delivery: the target names no file to upload")
    return target.delivery


def payload_of(client: FtpClientSettings, target: Target) -> dict[str, Any] | None:
    """The argument ``payload`` of the agents: what to generate and upload, if anything."""
    if client.goal is not model.Goal.TRANSFER:
        return None
    delivery = delivery_of(target)
    return {"name": delivery.name, "size": delivery.size}


def authorization(target: Target) -> str:
    """The credentials of a request, as HTTP's Basic scheme writes them (RFC 7617)."""
    return "Basic " + base64.b64encode(f"{target.user}:{target.password}".encode()).decode("ascii")


def typed_request(client: model.WebClientSettings, target: Target) -> str:
    """The request that is typed into a client of TLS once the connection is there."""
    return (
        f"GET / HTTP/1.1\r\nHost: {client.sni or target.host}\r\n"
        f"Authorization: {authorization(target)}\r\nConnection: close\r\n\r\n"
    )


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


def ftp_session(client: FtpClientSettings, target: Target) -> dict[str, Any]:
    """What a worker of an FTP library is told: where it goes, its TLS, who logs in, what is uploaded."""
    return {
        **python_tls(client, target),
        "implicit": client.implicit_tls,
        "protect_data": client.protect_data,
        "passive": client.mode != "active",
        "user": target.user,
        "password": target.password,
        "payload": payload_of(client, target),
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
    named = {version: version.replace(".", "_") for version in PROTOCOLS}
    if protocols.minimum is not None and protocols.minimum == protocols.maximum:
        return named[protocols.minimum]
    inside = protocols.versions()
    off = [v for v in PROTOCOLS if v not in inside or (v == "SSLv3" and not protocols.minimum)]
    return ":".join(["SSLv23", "!SSLv2", *(f"!{named[version]}" for version in off)])


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
