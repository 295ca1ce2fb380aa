"""nginx as a reverse proxy, in the part of a content delivery network's edge.

Settings become the upstream side of an nginx configuration. The operator reads nginx's error log, the
visitor a 503 with a reason; both are in the report. ``docs/edge.md`` has the directives in a table.

``log.toml`` has the words of nginx's log, the document's ``messages.toml`` the vendor's names for them. They
are used in two places: by the helper in the container, which answers a visitor (the names travel with
the request), and by the program, which reads the report.
"""

from __future__ import annotations

import errno
import functools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from lab.clients.base import OK, Options, Program, Target, authorization, written
from lab.clients.edges import EdgeSettings, milliseconds, template, unconfigured, unsupported_words
from lab.dialects import SHARED, Pattern, Table
from lab.dialects import read as read_table
from lab.model import Agent, ClientReport, ProtocolRange, setting

#: Where the container's libraries look for trust anchors.
SYSTEM_TRUST = "/etc/pki/tls/cert.pem"
#: Docker's resolver, which asks the lab's own.
RESOLVER = "127.0.0.11"
#: nginx's default of 1 is one intermediate; a chain of the lab may have more.
VERIFY_DEPTH = 10

#: Where a visitor comes before the one whose visit is reported.
EARLIER = "/earlier"
#: The origin of a location, for whom no session is kept: nginx keeps one for an address in its configuration.
_NAMED_BY_VISITOR = "$http_x_lab_origin"


@dataclass(frozen=True, kw_only=True)
class Edge(EdgeSettings):
    """What the edge can be told."""

    program: Literal["edge"] = "edge"
    platform: str = "debian13"
    earlier: Literal["none", "unchecked", "system-roots", "named", "certificate"] = setting(
        "none",
        "another location for the same origin, visited just before; it alone: unchecked (has no"
        " proxy_ssl_verify), system-roots (trusts those), named (sends the server name), certificate"
        " (presents client_certificate)",
    )
    session_reuse: bool = setting(
        False,
        "sessions with the origin are kept for all locations, nginx's default: proxy_ssl_session_reuse",
    )


@dataclass(frozen=True, kw_only=True)
class EdgeProgram(Program[Edge]):
    """nginx, asked by a visitor through a helper that answers as the network would."""

    agent: Agent = Agent.python("edge", "edge.py")
    needs: str = "nginx"

    def cannot(self, client: Edge) -> str | None:
        """See :meth:`Program.cannot`."""
        if not client.configured:
            return unconfigured(client)
        own = _unsupported_names(client) or _unsupported_earlier(client)
        return unsupported_words(client, "nginx") or own

    def request(self, client: Edge, target: Target) -> dict[str, Any]:
        """See :meth:`Program.request`."""
        return {
            "config": configuration(client, target),
            "origin": _address(target),
            "path": "/",
            "earlier": None if client.earlier == "none" else EARLIER,
            "authorization": authorization(target),
            "verify": client.verify and client.configured if client.tls else None,
            "names": messages().as_data(),
            "refusals": edge_log().refusals.pattern,
        }

    def report(self, raw: Mapping[str, Any]) -> ClientReport:
        """See :meth:`Program.report`.

        Raises:
            ValueError: a result without ``started``: not one of the edge.
        """
        if "started" not in raw:
            raise ValueError(f"the agent's result is not one of the edge: {dict(raw)!r}")
        library, elapsed_ms = str(raw.get("library") or ""), float(raw.get("elapsed_ms") or 0.0)
        shared: dict[str, Any] = {"library": library, "elapsed_ms": elapsed_ms}
        if not raw["started"]:
            words = str(raw["output"])
            return ClientReport(failed=True, step="connect", error=words, message=words, **shared)
        if raw.get("timed_out"):
            late = "the attempt's deadline passed before the edge had answered"
            return ClientReport(failed=True, step="connect", error=late, timed_out=True, **shared)
        return _answered(raw, shared)


def _unsupported_names(client: Edge) -> str | None:
    """What the two names have against it."""
    if client.keeps_names_apart:
        checked, sent = client.verify_name or client.host, client.sni or client.host
        of_server = "the server's own"
        return (
            "nginx has one name for the SNI and for the check of the certificate (proxy_ssl_name): it"
            f" cannot send {sent or of_server} and check {checked or of_server}; set sni and"
            " verify_name alike, or send none (sni=); or let a bare client show it (--client"
            " tls-perl@rocky9)"
        )
    return None


def _unsupported_earlier(client: Edge) -> str | None:
    """What is missing for the earlier location to have something that this one has not."""
    lacking = {
        "unchecked": (client.verify, "verify=yes"),
        "system-roots": (client.verify and client.trust is not None, "verify=yes and a trust"),
        "named": (client.sni == "", "sni= (none)"),
        "certificate": (client.client_certificate is not None, "a client_certificate"),
    }
    there, needs = lacking.get(client.earlier, (True, ""))
    if there and (client.tls or client.earlier == "none"):
        return None
    return f"earlier={client.earlier} is about what two locations have apart: it needs {needs}, and tls=yes"


def configuration(client: Edge, target: Target) -> str:
    """The nginx.conf for these settings.

    Names without a directory are in the nginx's own: nothing else can be written to.

    The origin's address is not in it, unless there are two locations: it comes with each request, in a
    header that goes no further.
    """
    scheme = "https" if client.tls else "http"
    origin = _NAMED_BY_VISITOR if client.earlier == "none" else _address(target)
    locations = [
        template(__file__, "location.conf").format(
            path=path,
            scheme=scheme,
            origin=origin,
            tls="".join(f"{' ' * 12}{directive};\n" for directive in directives),
        )
        for path, directives in _locations(client, target).items()
    ]
    return template(__file__, "nginx.conf").format(
        resolver=RESOLVER, seconds=milliseconds(client.timeout_s), locations="".join(locations)
    )


def _locations(client: Edge, target: Target) -> Mapping[str, list[str]]:
    """The directives of TLS of each location, by its path; the earlier one alone has what it is named for."""
    here, there, its_target = target, client, target
    match client.earlier:
        case "none":
            return {"/": _tls(client, target)}
        case "unchecked":
            there = replace(client, verify=False)
        case "system-roots":
            its_target = replace(target, ca_file=None)
        case "named":
            there = replace(client, sni=client.verify_name)
        case "certificate":
            here = replace(target, certificate=None)
    return {EARLIER: _tls(there, its_target), "/": _tls(client, here)}


def _address(target: Target) -> str:
    return f"{target.host}:{target.port}"


def _tls(client: Edge, target: Target) -> list[str]:
    if not (client.configured and client.tls):
        return []
    # With the check off there is one use of the name left.
    name = (client.verify_name if client.verify else None) or client.sni
    protocols = (client.protocols or ProtocolRange()).versions()
    directives: Options = {
        "proxy_ssl_server_name": "off" if client.sni == "" else "on",
        "proxy_ssl_session_reuse": "on" if client.session_reuse else "off",
        "proxy_ssl_name": name or None,
        "proxy_ssl_verify on": client.verify,
        "proxy_ssl_verify_depth": client.verify and str(VERIFY_DEPTH),
        "proxy_ssl_trusted_certificate": client.verify and (target.ca_file or SYSTEM_TRUST),
        "proxy_ssl_protocols": " ".join(protocols) if client.protocols else None,
        "proxy_ssl_ciphers": None if client.ciphers is None else f'"{client.ciphers}"',
        "proxy_ssl_certificate": target.certificate,
        "proxy_ssl_certificate_key": target.certificate and target.key,
    }
    return written(directives, " ")


#: What nginx as an origin says of a session (``$ssl_session_reused``).
_RESUMED = {"r": True, ".": False}


def _answered(raw: Mapping[str, Any], shared: Mapping[str, Any]) -> ClientReport:
    log, said = edge_log(), tuple(str(line) for line in raw["said"])
    status, headers = int(raw["status"]), raw["headers"]
    failed = status != OK
    told = f"{status} {raw['reason']}"
    step = log.step_of(said) if failed and said else "response"
    warnings: tuple[str, ...] = ()
    if failed and said and not raw["known"]:
        warnings = (f"the document has no message for this; the visitor is told: {told}",)
    return ClientReport(
        failed=failed,
        step=step,
        error="\n".join(said) if failed else "",
        message=told if failed else "",
        reply_code=status,
        reply_text=str(raw["reason"]),
        errno=log.errno(said) if failed else None,
        verify_code=log.verify_code(said) if failed else None,
        protocol=headers.get("x-tls-protocol"),
        cipher=headers.get("x-tls-cipher"),
        session_reused=_RESUMED.get(headers.get("x-tls-session", "")),
        # nginx sends its request when it has accepted the certificate, not before.
        verified=raw.get("verify") if step == "response" else None,
        warnings=warnings,
        **shared,
    )


# -- how its log is read ----------------------------------------------------------------------------


class Step(Table):
    """A step of an attempt, and what a line says while it is taken."""

    name: str
    pattern: Pattern


#: Of the number of an error.
_MOST_DIGITS = 9


class Name(Table):
    """The reason that a visitor is given for a line."""

    name: str
    """As the content delivery network words it; may refer to groups of the pattern."""
    pattern: Pattern
    source: str = ""
    """Where it is from, if it is not a message of the document's page."""

    @property
    def known(self) -> bool:
        """Whether the page has this name for this."""
        return not self.source


class Never(Table):
    """A message of the page that no line stands for, and why."""

    name: str
    because: str


class Messages(Table):
    """A vendor's names of errors, in the order in which they are tried."""

    name: tuple[Name, ...]
    never: tuple[Never, ...] = ()

    def as_data(self) -> list[dict[str, Any]]:
        """The names as the agent takes them."""
        return [{"pattern": n.pattern.pattern, "name": n.name, "known": n.known} for n in self.name]


class Numbers(Table):
    """Numbers in a line, each the first group of its pattern."""

    verify_code: Pattern
    errno: Pattern
    resolver: Pattern


class EdgeLog(Table):
    """How nginx's lines are read."""

    title: str
    source: str
    refusals: Pattern
    """What nginx says at its start of settings that its TLS library does not take."""
    step: tuple[Step, ...]
    numbers: Numbers
    resolver: Mapping[int, str]
    """The symbol of the resolver's error by the number in the line."""
    messages: str
    """The document whose vendor's names visitors are told."""

    def step_of(self, lines: Iterable[str]) -> str:
        """The step at which the last line that says so was written; ``connect`` if none does."""
        steps = [s.name for line in lines for s in self.step if s.pattern.search(line)]
        return steps[-1] if steps else "connect"

    def verify_code(self, lines: Iterable[str]) -> int | None:
        """OpenSSL's X509_V_ERR number."""
        return _number(self.numbers.verify_code, lines)

    def errno(self, lines: Iterable[str]) -> str | None:
        """The symbol of the system's error, or of the resolver's."""
        lines = list(lines)
        answer = _number(self.numbers.resolver, lines)
        if answer is not None:
            return self.resolver.get(answer, "EAI_FAIL")
        number = _number(self.numbers.errno, lines)
        return None if number is None else errno.errorcode.get(number)


def _number(pattern: re.Pattern[str], lines: Iterable[str]) -> int | None:
    found = [match for line in lines if (match := pattern.search(line))]
    # A longer number is none of an error, and Python does not read every one.
    return int(found[-1][1]) if found and len(found[-1][1]) <= _MOST_DIGITS else None


@functools.cache
def edge_log() -> EdgeLog:
    """How the log is read.

    Raises:
        DialectError: the file is broken.
    """
    return read_table(Path(__file__).with_name("log.toml"), EdgeLog)


@functools.cache
def messages() -> Messages:
    """What visitors are told; raises like :func:`edge_log`."""
    folder = edge_log().messages.replace("-", "_")
    return read_table(SHARED.parent / "documents" / folder / "messages.toml", Messages)


PROGRAMS = (EdgeProgram(),)
