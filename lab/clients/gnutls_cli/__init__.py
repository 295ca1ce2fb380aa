"""The command ``gnutls-cli``: settings to its options, what it prints to a report.

It is GnuTLS's own client, run as a diagnosis is: without input for the handshake alone, with a request typed
for a response. It checks chain and name unless it is told ``--insecure``. Sources: gnutls-cli(1); outputs of
3.7.9 (Debian 12) and 3.8.9 (Debian 13).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal

from lab.clients import gnutls
from lab.clients.base import (
    OK,
    CommandProgram,
    Options,
    Ran,
    Target,
    Trace,
    errno_in,
    typed_request,
    written,
)
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


@dataclass(frozen=True, kw_only=True)
class GnutlsCli(WebClientSettings):
    """What gnutls-cli can be told."""

    program: Literal["gnutls-cli"] = "gnutls-cli"
    platform: str = "debian13"
    priority: str | None = setting(None, "--priority: a priority string of GnuTLS", one_line=True)


@dataclass(frozen=True, kw_only=True)
class GnutlsCliProgram(CommandProgram[GnutlsCli]):
    """The ``gnutls-cli`` command, as people run it."""

    agent: Agent = Agent.python("gnutls-cli", "commands.py", "gnutls-cli", "--version")

    def request(self, client: GnutlsCli, target: Target) -> dict[str, Any]:
        """See :meth:`Program.request`."""
        return {
            "argv": list(arguments(client, target)),
            "input": None if client.goal is Goal.HANDSHAKE else typed_request(client, target),
            "limit_s": client.timeout_s,
            "payload": None,
        }

    def read(self, ran: Ran) -> ClientReport:
        """A report from exit status and texts."""
        trace = Trace()
        log, lines = gnutls.GnutlsLog(), ran.stdout.splitlines()
        said = [*lines, *ran.stderr.splitlines()]
        found = [_COMPLAINT.match(line) for line in said if not log.take(line)]
        complaints = [next(text for text in one.groups() if text).strip() for one in found if one]
        completed = _COMPLETED in lines
        if completed and (status := next(filter(None, map(_STATUS.match, lines)), None)):
            trace.reply_code, trace.reply_text = int(status[1]), status[2]
        missed = not ran.ended_well if ran.input is None else trace.reply_code != OK
        failed = not completed or missed
        if completed:
            trace.step, trace.verified = "response", "--insecure" not in ran.argv
        elif log.sessions and any(map(_CONNECTED.match, lines)):
            trace.step = "handshake"
        trace.protocol, trace.cipher = log.control.protocol, log.control.cipher
        version = _VERSION.search(ran.version)
        return ran.report(
            trace,
            failed=failed,
            done="handshake" if ran.input is None else "response",
            error=[*ran.late, *complaints, *log.alerts],
            message="\n".join(dict.fromkeys(complaints)) if failed else "",
            errno=errno_in(" ".join(complaints)) if failed else None,
            library=f"GnuTLS {version[1]}" if version else "",
        )


def arguments(client: GnutlsCli, target: Target) -> tuple[str, ...]:
    """The whole command."""
    options: Options = {
        "--debug": DEBUG,
        "--insecure": not client.verify,
        "--x509cafile": target.ca_file,
        "--x509certfile": target.certificate,
        "--x509keyfile": target.certificate and target.key,
        "--priority": gnutls.priority_of(client.priority, client.protocols),
        "--disable-sni": client.sni == "",
        "--sni-hostname": client.sni or None,
        "--verify-hostname": client.verify_name,
        "--port": str(target.port),
    }
    return ("gnutls-cli", *written(options), target.host)


PROGRAMS = (GnutlsCliProgram(),)
