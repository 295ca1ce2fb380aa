"""HAProxy in front of an origin: settings to the ``server`` line of a backend, its log to a report.

By default HAProxy's log has no word for why there was no session with the origin: the flags ``SC--`` mean a
closed port as well as an expired certificate. With ``log_errors`` the format has what knows more.

A health check (``check``) decides before any visitor comes whether there is a server at all: it has options
of its own (``check-ssl``, ``check-sni``), and what it says is logged. Source: the configuration manual of
HAProxy 2.6 and 3.0 (``server``, ``retries``, ``check``, 8.5 "Session state at disconnection").
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
    names_of,
    template,
)
from lab.model import Agent, ProtocolRange, setting

_BINARY = "/usr/sbin/haproxy"
#: HAProxy spells one version otherwise.
_SPELT: Mapping[str | None, str] = {"TLSv1": "TLSv1.0"}
#: What ``option httplog`` logs, and what HAProxy knows beyond that of the connection to the origin.
_HTTPLOG = (
    "%ci:%cp [%tr] %ft %b/%s %TR/%Tw/%Tc/%Tr/%Ta %ST %B %CC %CS %tsc %ac/%fc/%bc/%sc/%rc %sq/%bq"
    " %hr %hs %{+Q}r"
)

#: A line of ``option httplog``: times, status, bytes, cookies, the flags of the session's end, and the rest.
_LINE = re.compile(
    r"visitors origin/\S+ (?P<times>\S+) (?P<status>-?\d+) \d+ - - (?P<flags>[A-Za-z-]{4}) \S+ \S+"
    r'(?: "[^"]*")?(?P<more>.*)'
)
#: What a server is marked DOWN for: the layer that its health check has come to.
_DOWN = re.compile(r"^Server origin/origin is DOWN, reason: Layer(?P<layer>[467]) ")
_STEP_OF_LAYER = {"4": "connect", "6": "handshake", "7": "response"}
#: What the log has when the first check has failed, and how long to wait for that: it has nothing of one that
#: passes.
_CHECKED, _CHECKED_S = "Server origin/origin is DOWN", 3.0
_ADDRESS = re.compile(r"^\S+:\d+ \[[^\]]*\] ")
_STARTING = LogLines(
    before=re.compile(r"^\[(?:NOTICE|WARNING|ALERT)\] +\(\d+\) : "),
    useless=re.compile(r"haproxy version is|path to executable is|^config : *$"),
)


@dataclass(frozen=True, kw_only=True)
class Haproxy(EdgeSettings):
    """What HAProxy can be told."""

    program: Literal["haproxy"] = "haproxy"
    platform: str = "debian13"
    retries: Literal[0, 1, 2, 3] = setting(0, "how often it tries again (HAProxy's own default: 3)")
    log_errors: bool = setting(
        False,
        "the log has the errors of the connection to the origin: bc_err_str, ssl_bc_err_str",
        says_more=True,
    )
    check: Literal["off", "connect", "http"] = setting(
        "off", "the server's health check: check; http: with option httpchk, which asks for a page"
    )
    check_port: bool = setting(
        False, "the check names its port (port): it is then without TLS, but for check_ssl"
    )
    check_ssl: bool = setting(False, "the check is with TLS: check-ssl")
    check_sni: bool = setting(False, "the check sends the server name, too: check-sni")


@dataclass(frozen=True, kw_only=True)
class HaproxyProgram(VisitedProgram[Haproxy]):
    """The ``haproxy`` of a distribution, in the foreground and without a master."""

    agent: Agent = Agent.python("haproxy", "edges.py", _BINARY, "-v")
    title: str = "HAProxy"

    def start(self, client: Haproxy, target: Target) -> Start:
        """See :meth:`VisitedProgram.start`."""
        files: dict[str, str | list[str]] = {"haproxy.cfg": configuration(client, target)}
        if target.certificate is not None:
            files["client.pem"] = [target.certificate, str(target.key)]
        # Asked to end softly, it ends when the last session has, and has been logged.
        checked = client.check != "off"
        return Start(
            argv=[_BINARY, "-db", "-f", "haproxy.cfg"],
            files=files,
            end_with="SIGUSR1",
            settles_s=_CHECKED_S if checked else 0.0,
            settled=_CHECKED if checked else "",
        )

    def answered(self, visit: Visit) -> dict[str, Any]:
        """See :meth:`VisitedProgram.answered`.

        The second flag says what was under way: ``C`` the connection to the origin with all that belongs to
        it, TLS too; ``H`` and later an answer was waited for. Where its health check has marked the server
        DOWN nothing was under way, and what the check has come to is said.
        """
        lines = [_ADDRESS.sub("", line) for line in visit.said.get("output", "").splitlines()]
        found = [(line, match) for line in lines if (match := _LINE.search(line))]
        if not found:
            return {"error": "\n".join(lines)}
        line, match = found[-1]
        down = [(said, why) for said in lines if (why := _DOWN.search(said))]
        if "<NOSRV>" in line and down:
            said, why = down[-1]
            return {"error": f"{said}\n{line}", "step": _STEP_OF_LAYER[why["layer"]]}
        if match["flags"][1] not in "QC":
            return {"error": line}
        # Only with log_errors: what it says of TLS is of a handshake that had begun.
        more = match["more"]
        return {"error": line, "step": "handshake" if "SSL" in more else "connect"}

    def complaints(self, said: Mapping[str, str]) -> Iterable[str]:
        """See :meth:`VisitedProgram.complaints`."""
        return _STARTING.of(said.get("output", ""))


def configuration(client: Haproxy, target: Target) -> str:
    """The haproxy.cfg for these settings."""
    milliseconds = max(1, round(client.timeout_s * 1000))
    logs = f'log-format "{_HTTPLOG} %[bc_err_str] / %[ssl_bc_err_str]"'
    return template(__file__, "haproxy.cfg").format(
        logs=logs if client.log_errors else "option httplog",
        checks="    option httpchk\n" if client.check == "http" else "",
        retries=client.retries,
        milliseconds=milliseconds,
        patience=2 * milliseconds + 1000,
        visitors=VISITORS,
        host=target.host,
        port=target.port,
        options="".join(
            f" {option}" for option in [*_options(client, target), *_check(client, target)]
        ),
    )


def _options(client: Haproxy, target: Target) -> list[str]:
    """Those of the ``server`` line."""
    if not client.tls:
        return []
    if not client.configured:
        return ["ssl"]
    names, protocols = names_of(client, target), client.protocols or ProtocolRange()
    options: Options = {
        "ssl": True,
        "sni": f"str({names.sent})" if names.sent else None,
        "verify required ca-file": client.verify and (target.ca_file or SYSTEM_ROOTS),
        # Where a name is sent, that one is checked.
        "verifyhost": names.checked if client.verify and not names.sent else None,
        "verify none": not client.verify,
        "ssl-min-ver": _SPELT.get(protocols.minimum, protocols.minimum),
        "ssl-max-ver": _SPELT.get(protocols.maximum, protocols.maximum),
        "ciphers": None if client.ciphers is None else f'"{client.ciphers}"',
        "crt client.pem": target.certificate is not None,
    }
    return written(options, " ")


def _check(client: Haproxy, target: Target) -> list[str]:
    """Those of the ``server`` line about its health check."""
    options: Options = {
        "check": True,
        "port": client.check_port and str(target.port),
        "check-ssl": client.check_ssl,
        # It takes a name, no expression as ``sni`` does.
        "check-sni": client.check_sni and (names_of(client, target).sent or target.host),
    }
    return [] if client.check == "off" else written(options, " ")


PROGRAMS = (HaproxyProgram(),)
