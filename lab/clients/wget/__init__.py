"""The wget command line: settings to its options, what it says with ``--debug`` to a report.

wget delivers nothing: it logs in and fetches, here the list of the directory, over the data channel. Its
scheme ``ftps`` is explicit TLS (``AUTH TLS``); implicit TLS is an option. Sources: wget(1) of 1.21.3 and
1.25.0; their outputs on GnuTLS 3.7.9 (Debian 12) and 3.8.9 (Debian 13).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal

from lab.clients import gnutls
from lab.clients.base import CommandProgram, Options, Ran, Target, Trace, errno_in, written
from lab.dialects.telling import STEP_OF_COMMAND
from lab.model import Agent, ClientReport, FtpClientSettings, Goal, setting

_COMMAND = re.compile(r"^--> ([A-Z]{3,4})\b")
_REPLY = re.compile(r"^(\d{3}) (.*)$")
_CONNECTED = re.compile(r"^Connecting to .*\.\.\. connected\.$")
#: The end of a line of progress that says what failed: with ``--debug`` a line of its own.
_FAILED = re.compile(r"^(?:(?:Connecting|Resolving) .*\.\.\. )?failed: (.*)$")
#: Words of its own; what else it shows is progress.
_SHOWN = re.compile(
    r"^(?:==> \S.*\.\.\. )?"
    r"(ERROR: .*|The certificate.*|The peer does not support .*|GnuTLS: .*|Server does not .*"
    r"|Server error.*|Error in server .*|Error parsing .*|Login incorrect\.|Read error.*|Write failed.*"
    r"|wget: unable to .*|Unable to establish .*|No such .*|couldn't connect to .*|Data .*|Giving up\.)$"
)
_LIBRARY = "ssl/gnutls"


@dataclass(frozen=True, kw_only=True)
class Wget(FtpClientSettings):
    """What wget can be told."""

    program: Literal["wget"] = "wget"
    platform: str = "debian13"
    goal: Literal[Goal.HANDSHAKE, Goal.LOGIN, Goal.TRANSFER] = setting(
        Goal.LOGIN, "how far to go: login, with the list of the directory"
    )
    fallback: bool = setting(
        False, "--ftps-fallback-to-ftp: go on in clear text where the server refuses TLS"
    )
    tries: int | None = setting(None, "--tries: how often it may begin (default: 20 times)")
    priority: str | None = setting(None, "--ciphers: a priority string of GnuTLS", one_line=True)


@dataclass(frozen=True, kw_only=True)
class WgetProgram(CommandProgram[Wget]):
    """The ``wget`` command, as people run it."""

    agent: Agent = Agent.python("wget", "commands.py", "wget", "--version")

    def request(self, client: Wget, target: Target) -> dict[str, Any]:
        """See :meth:`Program.request`."""
        return {
            "argv": list(arguments(client, target)),
            "payload": None,
            "environment": {"GNUTLS_DEBUG_LEVEL": "5"},
            # With its twenty tries it would not end by itself within an attempt.
            "limit_s": 2 * client.timeout_s,
        }

    def read(self, ran: Ran) -> ClientReport:
        """A report from exit status and texts.

        It does its handshake before it says its next command; its certificate is accepted when a reply has
        come after it.
        """
        trace = _Trace(ran.stderr)
        failed, words = not ran.ended_well, [*trace.shown, *trace.failures]
        return ran.report(
            trace,
            failed=failed,
            done="quit",
            error=[*words, *trace.log.alerts, *ran.late],
            message="\n".join(dict.fromkeys(words)) if failed else "",
            errno=errno_in(" ".join(words)) if failed else None,
            verified="--no-check-certificate" not in ran.argv if trace.replied else None,
            library="GnuTLS" if _LIBRARY in ran.version else "",
        )


def arguments(client: Wget, target: Target) -> tuple[str, ...]:
    """The whole command: only what the settings set, the time limit and the words to read."""
    options: Options = {
        "--ftps-implicit": client.implicit_tls,
        "--ftps-fallback-to-ftp": client.fallback,
        "--ftps-clear-data-connection": not client.protect_data and client.uses_tls,
        "--no-ftps-resume-ssl": client.session_cache == "none",
        "--no-check-certificate": not client.verify,
        "--ca-certificate": target.ca_file,
        "--certificate": target.certificate,
        "--private-key": target.certificate and target.key,
        "--ciphers": gnutls.priority_of(client.priority, client.protocols),
        "--no-passive-ftp": client.mode == "active",
        "--tries": None if client.tries is None else str(client.tries),
    }
    scheme = "ftps" if client.uses_tls else "ftp"
    # A folder for what it fetches: other attempts fetch at the same time.
    folder = f"/tmp/{target.delivery.name}" if target.delivery else "/tmp/wget"
    return (
        *("wget", "--debug", f"--timeout={client.timeout_s:g}", f"--directory-prefix={folder}"),
        *written(options),
        *(f"--user={target.user}", f"--password={target.password}"),
        f"{scheme}://{target.host}:{target.port}/",
    )


class _Trace(Trace):
    """What its lines tell, in their order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.shown: list[str] = []
        self.failures: list[str] = []
        self.replied = False
        """Whether a reply has come since TLS began."""
        self.log = gnutls.GnutlsLog()
        self._command = ""
        self._listed = False
        for line in text.splitlines():
            self._take(line.rstrip("\r"))
        control, data = self.log.control, self.log.data
        self.protocol, self.cipher = control.protocol, control.cipher
        self.data_protected = data.agreed if self._listed else None
        self.session_reused = data.resumed

    def _take(self, line: str) -> None:
        if self.log.take(line):
            if self.step in ("connect", "greeting") and self.log.sessions:
                self.step = "starttls"  # TLS from the first byte on
        elif command := _COMMAND.match(line):
            self._command = command[1]
            self._listed = self._listed or command[1] == "LIST"
            self.step = STEP_OF_COMMAND.get(command[1], "put")
        elif reply := _REPLY.match(line):
            self.replied = bool(self.log.sessions) and self._command != "AUTH"
            self.reply_code, self.reply_text = int(reply[1]), reply[2]
            if not self._command:
                self.step = "greeting"
        elif _CONNECTED.match(line) and self.step == "connect":
            self.step = "greeting"
        elif failure := _FAILED.match(line):
            self.failures.append(failure[1])
        elif shown := _SHOWN.match(line):
            self.shown.append(shown[1])


PROGRAMS = (WgetProgram(),)
