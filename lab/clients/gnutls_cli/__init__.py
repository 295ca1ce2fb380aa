"""The command ``gnutls-cli``: settings to its options, what it prints to a report.

It is GnuTLS's own client, run as a diagnosis is: without input for the handshake alone, with a request typed
for a response. It checks chain and name unless it is told ``--insecure``. Sources: gnutls-cli(1); outputs of
3.7.9 (Debian 12) and 3.8.9 (Debian 13).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from lab.clients import gnutls
from lab.clients.base import Installed, Program, Target, authorization
from lab.model import Agent, ClientReport, Goal, WebClientSettings, setting

#: Its option ``-d`` at which the library's log has handshakes and alerts.
DEBUG = "5"

_CONNECTED = re.compile(r"^Connecting to '")
_COMPLETED = "- Handshake was completed"
_COMPLAINT = re.compile(
    r"^(?:\*\*\* (.*)|- (Status: The certificate is NOT .*)|((?:Cannot|Could not|Error) .*))$"
)
_STATUS = re.compile(r"^HTTP/\d\.\d (\d{3}) ?(.*)$")
_VERSION = re.compile(r"gnutls-cli ([\d.]+)")
_OK = 200
_ERRNO = {
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


@dataclass(frozen=True, kw_only=True)
class GnutlsCli(WebClientSettings):
    """What gnutls-cli can be told."""

    program: Literal["gnutls-cli"] = "gnutls-cli"
    platform: str = "debian13"
    priority: str | None = setting(None, "--priority: a priority string of GnuTLS", one_line=True)


@dataclass(frozen=True, kw_only=True)
class GnutlsCliProgram(Program[GnutlsCli]):
    """The ``gnutls-cli`` command, as people run it."""

    settings: type[GnutlsCli] = GnutlsCli
    agent: Agent = Agent.python("gnutls-cli", "commands.py", "gnutls-cli", "--version")
    name: str = "gnutls-cli"

    def unsupported(self, client: GnutlsCli, installed: Installed) -> str | None:
        """See :meth:`Program.unsupported`."""
        if not installed.versions.get("gnutls-cli"):
            return "the image has no gnutls-cli"
        if not client.tls:
            return "gnutls-cli speaks TLS and nothing else"
        if client.last_error:
            return "gnutls-cli says all that is wrong with a certificate at once: there is no last error"
        if client.verify_name == "":
            return "gnutls-cli always compares a name where it checks a certificate"
        return gnutls.cannot(client.protocols, client.ciphers)

    def request(self, client: GnutlsCli, target: Target) -> dict[str, Any]:
        """See :meth:`Program.request`."""
        return {
            "argv": list(arguments(client, target)),
            "input": None if client.goal is Goal.HANDSHAKE else request_for(client, target),
            "limit_s": client.timeout_s,
            "payload": None,
        }

    def report(self, raw: Mapping[str, Any]) -> ClientReport:
        """See :meth:`Program.report`."""
        return read(raw)


def arguments(client: GnutlsCli, target: Target) -> tuple[str, ...]:
    """The whole command."""
    priority = gnutls.priority_of(client.priority, client.protocols)
    told = {
        "--insecure": not client.verify,
        f"--x509cafile={target.ca_file}": target.ca_file is not None,
        f"--x509certfile={target.certificate}": target.certificate is not None,
        f"--x509keyfile={target.key}": target.certificate is not None,
        f"--priority={priority}": priority is not None,
        "--disable-sni": client.sni == "",
        f"--sni-hostname={client.sni}": bool(client.sni),
        f"--verify-hostname={client.verify_name}": client.verify_name is not None,
    }
    options = [option for option, on in told.items() if on]
    return ("gnutls-cli", f"--debug={DEBUG}", *options, f"--port={target.port}", target.host)


def request_for(client: GnutlsCli, target: Target) -> str:
    """The request that is typed once the connection is there."""
    return (
        f"GET / HTTP/1.1\r\nHost: {client.sni or target.host}\r\n"
        f"Authorization: {authorization(target)}\r\nConnection: close\r\n\r\n"
    )


def read(raw: Mapping[str, Any]) -> ClientReport:
    """A report from exit status and texts.

    Raises:
        ValueError: a result without ``argv``: not one of a command.
    """
    if "argv" not in raw:
        raise ValueError(f"the agent's result is not one of a command: {dict(raw)!r}")
    log, lines = gnutls.GnutlsLog(), str(raw.get("stdout") or "").splitlines()
    said = [*lines, *str(raw.get("stderr") or "").splitlines()]
    found = [_COMPLAINT.match(line) for line in said if not log.take(line)]
    complaints = [next(text for text in one.groups() if text).strip() for one in found if one]
    completed = _COMPLETED in lines
    status = next((s for line in lines if (s := _STATUS.match(line))), None) if completed else None
    wants_response = raw.get("input") is not None
    timed_out, exit_status = bool(raw.get("timed_out")), raw.get("exit_status")
    missed = (
        (status is None or int(status[1]) != _OK)
        if wants_response
        else exit_status != 0 or timed_out
    )
    failed = not completed or missed
    connected = any(_CONNECTED.match(line) for line in lines) and bool(log.sessions)
    step = "response" if completed else "handshake" if connected else "connect"
    late = ["the attempt's deadline passed"] if timed_out else []
    words = " ".join(complaints)
    control = log.sessions[0] if log.sessions else None
    checks = "--insecure" not in [str(word) for word in raw["argv"]]
    version = _VERSION.search(str(raw.get("version") or ""))
    return ClientReport(
        failed=failed,
        step=step if failed else ("response" if wants_response else "handshake"),
        error="; ".join(dict.fromkeys([*late, *complaints, *log.alerts])) if failed else "",
        message="\n".join(dict.fromkeys(complaints)) if failed else "",
        reply_code=int(status[1]) if status else None,
        reply_text=status[2] if status else "",
        errno=next((e for text, e in _ERRNO.items() if text in words), None) if failed else None,
        exit_status=exit_status,
        protocol=control.protocol if control else None,
        cipher=control.cipher if control else None,
        verified=checks if completed else None,
        library=f"GnuTLS {version[1]}" if version else "",
        elapsed_ms=float(raw.get("elapsed_ms") or 0.0),
        timed_out=timed_out,
    )


PROGRAMS = (GnutlsCliProgram(),)
