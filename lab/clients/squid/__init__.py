"""Squid in front of an origin: settings to the options of ``cache_peer``, its page and logs to a report.

Why there was no session with the origin it says to its visitor, on the page, and not in its logs. Source:
squid.conf.documented of Squid 5.7 and 6.13 (``cache_peer``), errors/templates.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from lab.clients.base import NUMBERS, Options, Target, written
from lab.clients.edges import (
    VISITORS,
    EdgeSettings,
    Start,
    Visit,
    VisitedProgram,
    names_of,
    template,
)
from lab.model import PROTOCOLS, Agent, ProtocolRange

_BINARY = "/usr/sbin/squid"
#: So long it has to find out whether the origin is there, in seconds: it looks when it starts, and to a
#: visitor who comes earlier there is none.
SETTLES_S = 0.6

_ACCESS = re.compile(r"^\s*\d+\.\d+\s+\d+ \S+ ")
_TIME = re.compile(r"^\d{4}/\d\d/\d\d \d\d:\d\d:\d\d( kid\d+)?\| ")
#: The last that is said at the start; with its continuation.
_USELESS = re.compile(r"Configuring Parent|current master transaction|storeLateRelease")
_READY = re.compile(r"Accepting reverse-proxy HTTP Socket connections at .*\n(?:\s.*\n)?")
#: Steps by the name of the error, which the visitor has as a header.
_STEPS = {
    "ERR_SECURE_CONNECT_FAIL": "handshake",
    "ERR_CONNECT_FAIL": "connect",
    "ERR_DNS_FAIL": "connect",
    "ERR_CANNOT_FORWARD": "connect",
}
#: The page of one who finds no origin, not even one that refuses.
_NO_ORIGIN = "ERR_READ_ERROR"
#: What there is on every page, and says nothing.
_PHRASES = re.compile(
    r"^(ERROR|The requested URL could not be retrieved|Your cache administrator is .*|Generated .*"
    r"|The following error was encountered while trying to retrieve the URL: .*)$"
)


@dataclass(frozen=True, kw_only=True)
class Squid(EdgeSettings):
    """What Squid can be told."""

    program: Literal["squid"] = "squid"
    platform: str = "debian13"


@dataclass(frozen=True, kw_only=True)
class SquidProgram(VisitedProgram[Squid]):
    """The ``squid`` of a distribution (its build on OpenSSL), one process in the foreground."""

    agent: Agent = Agent.python("squid", "edges.py", _BINARY, "-v")
    title: str = "Squid"
    checks_unconfigured: bool = True

    def start(self, client: Squid, target: Target) -> Start:
        """See :meth:`VisitedProgram.start`."""
        # Asked to end in good order it takes a second and more; its logs are written at once.
        return Start(
            argv=[_BINARY, "-N", "-f", "squid.conf"],
            files={"squid.conf": configuration(client, target)},
            logs=["cache.log", "access.log"],
            settles_s=SETTLES_S,
            written="access.log",
            end_with="SIGKILL",
        )

    def answered(self, visit: Visit) -> dict[str, Any]:
        """See :meth:`VisitedProgram.answered`: what the page, its header and the logs say."""
        cache = visit.said.get("cache.log", "")
        ready = list(_READY.finditer(cache))
        lines = [_TIME.sub("", x) for x in cache[ready[-1].end() :].splitlines()] if ready else []
        lines += [_ACCESS.sub("", x) for x in visit.said.get("access.log", "").splitlines()]
        error = visit.headers.get("x-squid-error", "").partition(" ")[0]
        page = [line for line in visit.page.splitlines() if not _PHRASES.match(line)]
        told = [visit.told, *([error] if error else []), *page]
        log = "\n".join(line for line in lines if line.strip() and not _USELESS.search(line))
        no_origin = error == _NO_ORIGIN and "HIER_NONE/" in log
        if no_origin and "server" in visit.headers:
            # Whether the logs have a word for a closed port is a matter of the version.
            log += f"\nServer: {visit.headers['server']}"
        return {
            "error": log,
            "message": "\n".join(told),
            "step": "connect" if no_origin else _STEPS.get(error, "response"),
        }

    def complaints(self, said: Mapping[str, str]) -> Iterable[str]:
        """See :meth:`VisitedProgram.complaints`."""
        lines = [_TIME.sub("", line) for text in said.values() for line in text.splitlines()]
        return [line for line in lines if re.search(r"FATAL|ERROR|WARNING", line)]


def configuration(client: Squid, target: Target) -> str:
    """The squid.conf for these settings: nothing is kept, and nothing is written but the logs."""
    seconds = max(1, round(client.timeout_s))
    return template(__file__, "squid.conf").format(
        visitors=VISITORS,
        host=target.host,
        port=target.port,
        seconds=seconds,
        options=" ".join([f"connect-timeout={seconds}", *_options(client, target)]),
    )


def _options(client: Squid, target: Target) -> list[str]:
    """Those of ``cache_peer``."""
    if not client.tls:
        return []
    if not client.configured:
        return ["tls"]
    names, protocols = names_of(client, target), client.protocols or ProtocolRange()
    name = names.checked if client.verify else names.sent
    anchors = target.ca_file if client.verify else None
    maximum = protocols.maximum or PROTOCOLS[-1]
    newer = PROTOCOLS[PROTOCOLS.index(maximum) + 1 :]
    options: Options = {
        "tls": True,
        "ssldomain": name if name != target.host else None,
        "sslflags=DONT_VERIFY_PEER": not client.verify,
        "tls-cafile": anchors,
        "tls-default-ca=off": anchors is not None,
        "tls-min-version": NUMBERS.get(protocols.minimum),
        "tls-options": ",".join(f"NO_{one.replace('.', '_')}" for one in newer) or None,
        "tls-cipher": client.ciphers,
        "tls-cert": target.certificate,
        "tls-key": target.certificate and target.key,
    }
    return written(options)


PROGRAMS = (SquidProgram(),)
