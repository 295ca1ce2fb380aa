"""What edges have in common: reverse proxies and tunnels that fetch from an origin over TLS.

A program becomes an edge in a folder of its own: its settings narrow :class:`EdgeSettings`, its program
:class:`VisitedProgram` writes a configuration and reads what it logs. The agent (``lab/agents/edges.py``)
starts it with that configuration, visits it once and ends it. ``docs/edge.md`` has the directives.
"""

from __future__ import annotations

import functools
import re
from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeVar

from lab.clients.base import OK, Installed, Program, Target, authorization
from lab.clients.tls_perl import TlsPerl
from lab.model import ClientReport, Goal, WebClientSettings, setting
from lab.text import is_address

#: Debian's file of the public roots; the lab's own are in its place.
SYSTEM_ROOTS = "/etc/ssl/certs/ca-certificates.crt"
#: Where visitors come, in a configuration: address and port.
VISITORS = "{visitors}"
#: How much longer a visitor waits than the edge waits for the origin, in seconds.
LONGER_S = 5.0

_HOST = re.compile(r"[A-Za-z0-9._*-]+", re.ASCII)
#: What can stand in a quoted word of a configuration as it is.
_WORD = re.compile(r"[ !#%&()*+,./0-9:;<=>?@A-Z\[\]^_a-z|~-]*", re.ASCII)
_TAG = re.compile(r"<(script|style|head)\b.*?</\1>|<!--.*?-->|<[^>]+>", re.DOTALL | re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class EdgeSettings(WebClientSettings):
    """What every edge can be told. A proxy cannot stop after the handshake: it always asks for a page."""

    one_name: ClassVar[bool] = True
    """Whether the name that is sent (SNI) is the one that the certificate is checked for."""

    goal: Literal[Goal.RESPONSE] = setting(Goal.RESPONSE, "how far to go: response")
    configured: bool = setting(
        True,
        "off: nothing is configured but the origin and that TLS is spoken to it, the program's defaults",
    )


S = TypeVar("S", bound=EdgeSettings)


@dataclass(frozen=True, kw_only=True)
class Start:
    """How a program is started for one visit."""

    argv: list[str]
    files: Mapping[str, str | list[str]]
    """By name: a text, or the paths of files whose contents follow one another."""
    logs: list[str] = field(default_factory=list)
    """The files in which it logs, beside its output."""
    written: str = ""
    """The file that has something in it when the visit is logged; empty: its end tells."""
    host: str = ""
    """What the visitor asks for; empty: the edge's address."""
    settles_s: float = 0.0
    """How long it needs from when it listens until it serves, in seconds; with ``settled`` at most."""
    settled: str = ""
    """What its output says when it serves."""
    end_with: str = "SIGTERM"


@dataclass(frozen=True, kw_only=True)
class Visit:
    """What came of a visit, as the agent has it."""

    status: int | None
    """``None``: no answer that can be read."""
    reason: str
    headers: Mapping[str, str]
    page: str
    """The words on the page, without its markup."""
    broken: str
    """How the visitor's connection ended where nothing was answered."""
    said: Mapping[str, str]
    """What the program logged, by the name of the file; ``output`` is its output."""

    @property
    def told(self) -> str:
        """What the visitor is told: the status line, or how the line ended."""
        if self.status is not None:
            empty = "" if self.page or self.status == OK else ", an empty page"
            return f"{self.status} {self.reason}".strip() + empty
        return _BROKEN.get(self.broken, f"no answer ({self.broken})")


_BROKEN = {
    "ECONNRESET": "connection reset by peer, no answer",
    "EOF": "connection closed, no answer",
    "ETIMEDOUT": "no answer in time",
}


@dataclass(frozen=True, kw_only=True)
class VisitedProgram(Program[S]):
    """An edge that is started for each visit."""

    title: str
    """As people call it."""
    checks_unconfigured: bool = False
    """Whether it checks chain and name, by the system's roots, where nothing is configured."""

    @abstractmethod
    def start(self, client: S, target: Target) -> Start:
        """How it is started with these settings."""

    @abstractmethod
    def answered(self, visit: Visit) -> dict[str, Any]:
        """What its log says of a visit that did not get the page: fields of :class:`ClientReport`."""

    def checks(self, client: S) -> bool | None:
        """Whether chain and name are checked with these settings; ``None``: there is no TLS."""
        checks = client.verify and (client.configured or self.checks_unconfigured)
        return checks if client.tls else None

    def unsupported(self, client: S, installed: Installed) -> str | None:
        """See :meth:`Program.unsupported`."""
        if not installed.versions.get("version"):
            return f"the image has no {self.title}"
        if not client.configured:
            return unconfigured(client)
        return unsupported_words(client, self.title) or self.cannot(client)

    def request(self, client: S, target: Target) -> dict[str, Any]:
        """See :meth:`Program.request`."""
        return {
            **asdict(self.start(client, target)),
            "path": "/",
            "authorization": authorization(target),
            "visitor_s": client.timeout_s + LONGER_S,
            "verify": self.checks(client),
        }

    def report(self, raw: Mapping[str, Any]) -> ClientReport:
        """See :meth:`Program.report`.

        Raises:
            ValueError: a result without ``started``: not one of an edge.
        """
        if "started" not in raw:
            raise ValueError(f"the agent's result is not one of an edge: {dict(raw)!r}")
        shared: dict[str, Any] = {
            "library": str(raw.get("library") or ""),
            "elapsed_ms": float(raw.get("elapsed_ms") or 0.0),
            "timed_out": bool(raw.get("timed_out")),
        }
        if raw.get("timed_out"):
            error = "the attempt's deadline passed before the edge had answered"
            return ClientReport(failed=True, step="connect", error=error, **shared)
        said = {str(name): str(text) for name, text in raw["said"].items()}
        if not raw["started"]:
            words = "\n".join(self.complaints(said)) or "it said nothing"
            return ClientReport(failed=True, step="connect", error=words, message=words, **shared)
        visit = Visit(
            status=raw.get("status"),
            reason=str(raw.get("reason") or ""),
            headers=raw.get("headers") or {},
            page=words_of(str(raw.get("body") or "")),
            broken=str(raw.get("broken") or ""),
            said=said,
        )
        return self._visited(visit, raw.get("verify"), shared)

    def complaints(self, said: Mapping[str, str]) -> Iterable[str]:
        """What it says when it does not start."""
        return [line for text in said.values() for line in text.splitlines() if line.strip()]

    def _visited(
        self, visit: Visit, verify: bool | None, shared: Mapping[str, Any]
    ) -> ClientReport:
        of_origin: dict[str, Any] = {
            "reply_code": visit.status,
            "reply_text": visit.reason,
            "protocol": visit.headers.get("x-tls-protocol"),
            "cipher": visit.headers.get("x-tls-cipher"),
        }
        if visit.status == OK:
            return ClientReport(
                failed=False, step="response", verified=verify, **of_origin, **shared
            )
        found = {"step": "response", **self.answered(visit)}
        # The origin itself has answered with another status: then its certificate was accepted.
        verified = verify if found["step"] == "response" else None
        told = visit.told
        report = {"message": told, **of_origin, **found, **shared}
        return ClientReport(failed=True, verified=verified, **report)


@dataclass(frozen=True, kw_only=True)
class NamesOfOrigin:
    """The names of a connection to the origin."""

    sent: str | None
    """The server name (SNI); ``None``: none is sent."""
    checked: str
    """What the certificate has to be made out to."""


def names_of(client: WebClientSettings, target: Target) -> NamesOfOrigin:
    """The name that is sent and the one that is checked: the settings', or the origin's own."""
    sent = target.host if client.sni is None else client.sni
    # An address is no server name (RFC 6066, section 3).
    return NamesOfOrigin(
        sent=None if not sent or is_address(sent) else sent,
        checked=client.verify_name or target.host,
    )


#: Settings that a client in the place of an edge has of its own.
_ITS_OWN = frozenset({"program", "platform", "policy", "goal"})


def bare(client: WebClientSettings) -> WebClientSettings:
    """The client that does in an edge's place what it cannot: the same settings, no visitor."""
    shared = {f.name for f in fields(WebClientSettings)} - _ITS_OWN
    return TlsPerl(platform="rocky9", **{name: getattr(client, name) for name in shared})


def unsupported_words(client: WebClientSettings, title: str) -> str | None:
    """What names, and the words of a configuration, have against it."""
    for name in ("host", "verify_name", "sni"):
        value = getattr(client, name)
        if value and not _HOST.fullmatch(value):
            return f"{name} is {value!r}: {title} is given host names and IPv4 addresses only"
    if client.ciphers is not None and not _WORD.fullmatch(client.ciphers):
        return f"a cipher list is one line without quotes, this is not: {client.ciphers!r}"
    return None


#: What stays as the program has it where nothing is configured.
_OF_TLS = ("trust", "ciphers", "protocols", "client_certificate", "verify_name", "sni")


def unconfigured(client: EdgeSettings) -> str | None:
    """Why ``configured=no`` cannot be had with the other settings; ``None``: it can."""
    if not client.tls:
        return "configured=no is about what the program does with TLS of itself: it needs tls=yes"
    also = [name for name in _OF_TLS if getattr(client, name) is not None]
    if not client.verify:
        also.append("verify")
    if also:
        return f"configured=no leaves everything at the program's default: {also[0]} cannot be set"
    return None


def words_of(page: str) -> str:
    """The words on a page of HTML, line by line."""
    import html  # noqa: PLC0415 - of failures only

    text = html.unescape(_TAG.sub(" ", page))
    lines = (" ".join(line.split()) for line in text.splitlines())
    return "\n".join(line for line in lines if line)


@dataclass(frozen=True, kw_only=True)
class LogLines:
    """How a program's log is read."""

    before: re.Pattern[str]
    """What stands before the message, and is left out: time, process."""
    useless: re.Pattern[str] = field(default_factory=lambda: re.compile(r"(?!)"))
    """Messages that say nothing about a visit."""
    steps: Sequence[tuple[str, re.Pattern[str]]] = ()
    """What was under way, and what a message says of it: the first that is said counts."""

    def of(self, text: str) -> list[str]:
        """The messages."""
        lines = (self.before.sub("", line).rstrip() for line in text.splitlines())
        return [line for line in lines if line and not self.useless.search(line)]

    def read(self, text: str) -> dict[str, Any]:
        """What the messages of a visit say: its error, and the step at which it ended."""
        error = "\n".join(self.of(text))
        return {"error": error, "step": step_of(error, self.steps)}


@functools.cache
def template(module: str, name: str) -> str:
    """A configuration to be filled in, by :meth:`str.format`: a file in ``templates`` beside a module."""
    return (Path(module).parent / "templates" / name).read_text(encoding="utf-8")


def milliseconds(seconds: float) -> str:
    """A time as configurations have it: at least one millisecond."""
    return f"{max(1, round(seconds * 1000))}ms"


def step_of(text: str, steps: Sequence[tuple[str, re.Pattern[str]]]) -> str:
    """The first of the steps of which a text says something; ``response``: it says nothing of them."""
    return next((step for step, said in steps if said.search(text)), "response")
