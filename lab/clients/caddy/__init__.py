"""Caddy as a reverse proxy: settings to a Caddyfile, its log to a report.

Its TLS is Go's. Its visitor reads ``502`` and an empty page; the log has Go's words. Source: the
documentation of ``reverse_proxy`` and its transport ``http``, 2.6.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from lab.clients.base import Options, Target, written
from lab.clients.edges import (
    SYSTEM_ROOTS,
    VISITORS,
    EdgeSettings,
    Start,
    Visit,
    VisitedProgram,
    milliseconds,
    names_of,
    step_of,
    template,
)
from lab.model import Agent

_BINARY = "/usr/bin/caddy"

#: What was under way, by Go's words; the first that fits.
_STEPS = (
    ("connect", re.compile(r"^dial tcp(?!.*: tls: )")),
    ("handshake", re.compile(r"x509: |tls: |remote error: |TLS handshake|^EOF$|^read tcp ")),
)


@dataclass(frozen=True, kw_only=True)
class Caddy(EdgeSettings):
    """What Caddy can be told."""

    program: Literal["caddy"] = "caddy"
    platform: str = "debian13"


@dataclass(frozen=True, kw_only=True)
class CaddyProgram(VisitedProgram[Caddy]):
    """The ``caddy`` of a distribution, in the foreground."""

    agent: Agent = Agent.python("caddy", "edges.py", _BINARY, "version")
    title: str = "Caddy"
    checks_unconfigured: bool = True

    def start(self, client: Caddy, target: Target) -> Start:
        """See :meth:`VisitedProgram.start`."""
        return Start(
            argv=[_BINARY, "run", "--adapter", "caddyfile", "--config", "Caddyfile"],
            files={"Caddyfile": configuration(client, target)},
        )

    def answered(self, visit: Visit) -> dict[str, Any]:
        """See :meth:`VisitedProgram.answered`."""
        events = _events(visit.said.get("output", ""))
        said = (str(e.get("msg", "")) for e in events if e.get("logger") == "http.log.error")
        text = "\n".join(said)
        return {"error": text, "step": step_of(text, _STEPS)}

    def complaints(self, said: Mapping[str, str]) -> Iterable[str]:
        """See :meth:`VisitedProgram.complaints`."""
        return [line for line in said.get("output", "").splitlines() if not line.startswith("{")]


def configuration(client: Caddy, target: Target) -> str:
    """The Caddyfile for these settings."""
    limit = milliseconds(client.timeout_s)
    times = {"dial_timeout": limit, "response_header_timeout": limit}
    options = [*written(times, " "), *(_tls(client, target) if client.tls else [])]
    return template(__file__, "Caddyfile").format(
        visitors=VISITORS,
        scheme="https" if client.tls else "http",
        host=target.host,
        port=target.port,
        transport="".join(f"\t\t\t{option}\n" for option in options),
    )


def _tls(client: Caddy, target: Target) -> list[str]:
    if not client.configured:
        # The scheme says that TLS is spoken.
        return []
    names = names_of(client, target)
    name = names.checked if client.verify else names.sent
    options: Options = {
        "tls_timeout": milliseconds(client.timeout_s),
        "tls_server_name": name if name != target.host else None,
        "tls_trusted_ca_certs": client.verify and (target.ca_file or SYSTEM_ROOTS),
        "tls_insecure_skip_verify": not client.verify,
        "tls_client_auth": target.certificate and f"{target.certificate} {target.key}",
    }
    return written(options, " ")


def _events(log: str) -> Iterator[Mapping[str, Any]]:
    """The lines of the log, each an object."""
    for line in log.splitlines():
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict):
            yield event


PROGRAMS = (CaddyProgram(),)
