"""Apache httpd as a reverse proxy: settings to the directives of mod_ssl and mod_proxy, its log to a report.

At the log level ``warn``, Debian's, it says in AH00898 that the handshake failed, and of what is wrong with a
chain the number; a wrong name, another protocol and an alert it says at the level ``info`` only. Source: the
documentation of mod_ssl (``SSLProxy...``) and mod_proxy of 2.4.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from lab.clients.base import Options, Target, written
from lab.clients.edges import (
    SYSTEM_ROOTS,
    VISITORS,
    EdgeSettings,
    LogLines,
    Start,
    Visit,
    VisitedProgram,
    template,
)
from lab.model import Agent, ProtocolRange, setting

_BINARY = "/usr/sbin/apache2"
_MODULES = "/usr/lib/apache2/modules"
#: Apache's default of 1 is one intermediate; a chain of the lab may have more.
VERIFY_DEPTH = 10

_LOG = LogLines(
    before=re.compile(r"^\[[^\]]*\] \[[\w:]+\] \[pid [^\]]*\] |\[(?:client|remote) [^\]]*\] "),
    useless=re.compile(r"^AH(00489|00094|00491|01873|01876|01883|01887|03490|10227|10159): "),
    steps=(
        ("handshake", re.compile(r"AH02039|AH02003|AH02411|AH02005|during SSL Handshake|AH01997")),
        ("connect", re.compile(r"AH00957|AH01114|DNS lookup failure")),
        ("response", re.compile(r"AH01102|AH01097|Error reading from remote server|AH01110")),
    ),
)
_VERIFY_CODE = re.compile(r"AH02039: Certificate Verification: Error \((\d{1,9})\):")


@dataclass(frozen=True, kw_only=True)
class Apache(EdgeSettings):
    """What Apache httpd can be told."""

    program: Literal["apache"] = "apache"
    platform: str = "debian13"
    log_level: Literal["warn", "info"] = setting(
        "warn", "LogLevel; Debian's own is warn", says_more="info"
    )


@dataclass(frozen=True, kw_only=True)
class ApacheProgram(VisitedProgram[Apache]):
    """The ``apache2`` of a distribution, in the foreground."""

    agent: Agent = Agent.python("apache2", "edges.py", _BINARY, "-v")
    title: str = "Apache httpd"

    def start(self, client: Apache, target: Target) -> Start:
        """See :meth:`VisitedProgram.start`."""
        files: dict[str, str | list[str]] = {"httpd.conf": configuration(client, target)}
        if target.certificate is not None:
            # A file of pairs: what else is in the chain has a directive of its own.
            files["client.pem"] = [f"first:{target.certificate}", str(target.key)]
        return Start(
            argv=[_BINARY, "-DFOREGROUND", "-f", "{place}/httpd.conf"],
            files=files,
            logs=["error.log"],
            host=_asked(client) or "",
        )

    def answered(self, visit: Visit) -> dict[str, Any]:
        """See :meth:`VisitedProgram.answered`."""
        said = _LOG.read(visit.said.get("error.log", ""))
        number = _VERIFY_CODE.search(said["error"])
        return {**said, "verify_code": int(number[1]) if number else None}

    def complaints(self, said: Mapping[str, str]) -> Iterable[str]:
        """See :meth:`VisitedProgram.complaints`."""
        return [line for text in said.values() for line in _LOG.of(text)]


def _asked(client: Apache) -> str | None:
    """The name that is not the origin's address: the visitor asks for it, and Apache hands it on."""
    return (client.verify_name if client.verify else None) or client.sni or None


def configuration(client: Apache, target: Target) -> str:
    """The httpd.conf for these settings.

    Names without a directory are in the attempt's own: nothing else can be written to.
    """
    modules = ["mpm_event", "authz_core", "socache_shmcb", "ssl", "proxy", "proxy_http"]
    directives = _tls(client, target) if client.tls else []
    return template(__file__, "httpd.conf").format(
        visitors=VISITORS,
        level=client.log_level,
        modules="\n".join(f"LoadModule {m}_module {_MODULES}/mod_{m}.so" for m in modules),
        tls="".join(f"{directive}\n" for directive in directives),
        scheme="https" if client.tls else "http",
        host=target.host,
        port=target.port,
        milliseconds=max(1, round(client.timeout_s * 1000)),
        seconds=max(1, round(client.timeout_s)),
    )


def _tls(client: Apache, target: Target) -> list[str]:
    if not client.configured:
        return ["SSLProxyEngine on"]
    spoken = (f"+{version}" for version in (client.protocols or ProtocolRange()).versions())
    directives: Options = {
        "SSLProxyEngine": "on",
        "SSLProxyVerify": "require" if client.verify else "none",
        "SSLProxyVerifyDepth": client.verify and str(VERIFY_DEPTH),
        "SSLProxyCACertificateFile": client.verify and (target.ca_file or SYSTEM_ROOTS),
        "SSLProxyCheckPeerName off": not client.verify,
        "SSLProxyCheckPeerExpire off": not client.verify,
        "ProxyPreserveHost On": bool(_asked(client)),
        "SSLProxyProtocol": f"-all {' '.join(spoken)}" if client.protocols else None,
        "SSLProxyCipherSuite": None if client.ciphers is None else f'"{client.ciphers}"',
        "SSLProxyMachineCertificateFile client.pem": target.certificate is not None,
        "SSLProxyMachineCertificateChainFile": target.certificate,
    }
    return written(directives, " ")


PROGRAMS = (ApacheProgram(),)
