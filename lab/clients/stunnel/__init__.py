"""stunnel as a client: visitors speak HTTP to it, it speaks TLS to the origin; its log to a report.

It is a tunnel: a visitor of a session that was not made reads no status but has the line broken. Source:
stunnel(8), 5.68 and 5.74.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from lab.clients.base import Options, Target, written
from lab.clients.edges import (
    SYSTEM_ROOTS,
    VISITORS,
    EdgeSettings,
    LogLines,
    Start,
    Visit,
    VisitedProgram,
    names_of,
    template,
)
from lab.model import Agent, ProtocolRange
from lab.text import is_address

_BINARY = "/usr/bin/stunnel4"

#: Of level 5 (notice) the lines about certificates alone; what went well is not about a refusal.
_LOG = LogLines(
    before=re.compile(r"^\S+ \S+ (?=LOG\d)"),
    useless=re.compile(
        r"^LOG[5-7]\[(?!\d+\]: (CERT|SNI|Certificate|CONFIG))|^LOG\d\[ui\]: Service \[origin\] needs"
        r"|: Connection (reset|closed): \d+ byte"
        r"|Update OpenSSL|: Certificate accepted at |OCSP: No OCSP stapling"
    ),
    steps=(
        ("handshake", re.compile(r"CERT: |SSL_connect: |Rejected by |TIMEOUTbusy exceeded")),
        (
            "connect",
            re.compile(r"s_connect: |connect_blocking: |No more addresses|resolv|TIMEOUTconnect"),
        ),
    ),
)


@dataclass(frozen=True, kw_only=True)
class Stunnel(EdgeSettings):
    """What stunnel can be told."""

    one_name: ClassVar[bool] = False

    program: Literal["stunnel"] = "stunnel"
    platform: str = "debian13"


@dataclass(frozen=True, kw_only=True)
class StunnelProgram(VisitedProgram[Stunnel]):
    """The ``stunnel`` of a distribution, in the foreground."""

    agent: Agent = Agent.python("stunnel", "edges.py", _BINARY, "-version")
    title: str = "stunnel"

    def start(self, client: Stunnel, target: Target) -> Start:
        """See :meth:`VisitedProgram.start`."""
        return Start(
            argv=[_BINARY, "stunnel.conf"],
            files={"stunnel.conf": configuration(client, target)},
        )

    def answered(self, visit: Visit) -> dict[str, Any]:
        """See :meth:`VisitedProgram.answered`."""
        late = {"errno": visit.broken} if visit.broken == "ETIMEDOUT" else {}
        return {**_LOG.read(visit.said.get("output", "")), **late}

    def complaints(self, said: Mapping[str, str]) -> Iterable[str]:
        """See :meth:`VisitedProgram.complaints`."""
        return _LOG.of(said.get("output", ""))


def configuration(client: Stunnel, target: Target) -> str:
    """The stunnel.conf for these settings."""
    return template(__file__, "stunnel.conf").format(
        visitors=VISITORS,
        host=target.host,
        port=target.port,
        options="\n".join(_options(client, target)),
    )


def _options(client: Stunnel, target: Target) -> list[str]:
    if not client.configured:
        return []
    names, protocols = names_of(client, target), client.protocols or ProtocolRange()
    seconds = str(max(1, round(client.timeout_s)))
    kind = "checkIP" if is_address(names.checked) else "checkHost"
    options: Options = {
        "TIMEOUTconnect": seconds,
        "TIMEOUTbusy": seconds,
        "sni": names.sent or "",
        "verifyChain": client.verify and "yes",
        "CAfile": client.verify and (target.ca_file or SYSTEM_ROOTS),
        kind: client.verify and names.checked,
        "sslVersionMin": protocols.minimum,
        "sslVersionMax": protocols.maximum,
        "ciphers": client.ciphers,
        "cert": target.certificate,
        "key": target.certificate and target.key,
    }
    return written(options, " = ")


PROGRAMS = (StunnelProgram(),)
