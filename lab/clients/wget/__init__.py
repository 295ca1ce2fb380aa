"""The wget command line: settings to its options, what it says with ``--debug`` to a report.

wget delivers nothing: it logs in and fetches, here the list of the directory, over the data channel. Its
scheme ``ftps`` is explicit TLS (``AUTH TLS``); implicit TLS is an option. Sources: wget(1) of 1.21.3 and
1.25.0; their outputs on GnuTLS 3.7.9 (Debian 12) and 3.8.9 (Debian 13).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from lab.clients import gnutls
from lab.clients.base import Installed, Program, Target
from lab.model import Agent, ClientReport, FtpClientSettings, Goal, setting

#: The step in which each FTP command belongs; whatever else is sent prepares the list.
_STEP_OF_COMMAND = {
    "AUTH": "starttls",
    "USER": "login",
    "PASS": "login",
    "PBSZ": "protect",
    "PROT": "protect",
}
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
class WgetProgram(Program[Wget]):
    """The ``wget`` command, as people run it."""

    settings: type[Wget] = Wget
    agent: Agent = Agent.python("wget", "commands.py", "wget", "--version")
    name: str = "wget"

    def unsupported(self, client: Wget, installed: Installed) -> str | None:
        """See :meth:`Program.unsupported`."""
        if not installed.versions.get("wget"):
            return "the image has no wget"
        if client.goal is Goal.TRANSFER:
            return "wget delivers nothing, it only fetches: goal=login lists the directory"
        if client.goal is Goal.HANDSHAKE:
            return "wget cannot stop after the handshake: it always logs in"
        if client.session_cache == "shared":
            return "wget has no way to share a session other than its own default"
        if client.implicit_tls and not client.tls:
            return "implicit TLS without TLS is not a connection"
        return gnutls.cannot(client.protocols, client.ciphers)

    def request(self, client: Wget, target: Target) -> dict[str, Any]:
        """See :meth:`Program.request`."""
        return {
            "argv": list(arguments(client, target)),
            "payload": None,
            "environment": {"GNUTLS_DEBUG_LEVEL": "5"},
            # With its twenty tries it would not end by itself within an attempt.
            "limit_s": 2 * client.timeout_s,
        }

    def report(self, raw: Mapping[str, Any]) -> ClientReport:
        """See :meth:`Program.report`."""
        return read(raw)


def arguments(client: Wget, target: Target) -> tuple[str, ...]:
    """The whole command: only what the settings set, the time limit and the words to read."""
    priority = gnutls.priority_of(client.priority, client.protocols)
    told = {
        "--ftps-implicit": client.implicit_tls,
        "--ftps-fallback-to-ftp": client.fallback,
        "--ftps-clear-data-connection": not client.protect_data and client.uses_tls,
        "--no-ftps-resume-ssl": client.session_cache == "none",
        "--no-check-certificate": not client.verify,
        f"--ca-certificate={target.ca_file}": target.ca_file is not None,
        f"--certificate={target.certificate}": target.certificate is not None,
        f"--private-key={target.key}": target.certificate is not None,
        f"--ciphers={priority}": priority is not None,
        "--no-passive-ftp": client.mode == "active",
        f"--tries={client.tries}": client.tries is not None,
    }
    scheme = "ftps" if client.uses_tls else "ftp"
    # A folder for what it fetches: other attempts fetch at the same time.
    folder = f"/tmp/{target.delivery.name}" if target.delivery else "/tmp/wget"
    return (
        *("wget", "--debug", f"--timeout={client.timeout_s:g}", f"--directory-prefix={folder}"),
        *(option for option, on in told.items() if on),
        *(f"--user={target.user}", f"--password={target.password}"),
        f"{scheme}://{target.host}:{target.port}/",
    )


def read(raw: Mapping[str, Any]) -> ClientReport:
    """A report from exit status and texts.

    It does its handshake before it says its next command; its certificate is accepted when a reply has come
    after it.

    Raises:
        ValueError: a result without ``argv``: not one of a command.
    """
    if "argv" not in raw:
        raise ValueError(f"the agent's result is not one of a command: {dict(raw)!r}")
    trace = _Trace(str(raw.get("stderr") or ""))
    timed_out, exit_status = bool(raw.get("timed_out")), raw.get("exit_status")
    failed = timed_out or exit_status != 0
    late = ["the attempt's deadline passed"] if timed_out else []
    words = " ".join([*trace.shown, *trace.failures])
    said = dict.fromkeys([*trace.shown, *trace.failures, *trace.log.alerts, *late])
    control = trace.log.sessions[0] if trace.log.sessions else None
    checks = "--no-check-certificate" not in [str(word) for word in raw["argv"]]
    return ClientReport(
        failed=failed,
        step=trace.step if failed else "quit",
        error="; ".join(said) if failed else "",
        message="\n".join(dict.fromkeys([*trace.shown, *trace.failures])) if failed else "",
        reply_code=trace.reply_code,
        reply_text=trace.reply_text,
        errno=next((e for text, e in _ERRNO.items() if text in words), None) if failed else None,
        exit_status=exit_status,
        protocol=control.protocol if control else None,
        cipher=control.cipher if control else None,
        verified=checks if control and trace.replied else None,
        data_protected=trace.data_protected,
        session_reused=trace.session_reused,
        library="GnuTLS" if _LIBRARY in str(raw.get("version") or "") else "",
        elapsed_ms=float(raw.get("elapsed_ms") or 0.0),
        timed_out=timed_out,
    )


class _Trace:
    """What its lines tell, in their order."""

    def __init__(self, text: str) -> None:
        self.step = "connect"
        self.reply_code: int | None = None
        self.reply_text = ""
        self.shown: list[str] = []
        self.failures: list[str] = []
        self.replied = False
        """Whether a reply has come since TLS began."""
        self.log = gnutls.GnutlsLog()
        self._command = ""
        self._listed = False
        for line in text.splitlines():
            self._take(line.rstrip("\r"))

    def _take(self, line: str) -> None:
        if self.log.take(line):
            if self.step in ("connect", "greeting") and self.log.sessions:
                self.step = "starttls"  # TLS from the first byte on
        elif command := _COMMAND.match(line):
            self._command = command[1]
            self._listed = self._listed or command[1] == "LIST"
            self.step = _STEP_OF_COMMAND.get(command[1], "put")
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

    @property
    def _data(self) -> gnutls.TlsSession | None:
        return self.log.sessions[1] if len(self.log.sessions) > 1 else None

    @property
    def data_protected(self) -> bool | None:
        """Whether the list came over TLS; ``None``: it did not come to that."""
        return bool(self._data and self._data.agreed) if self._listed else None

    @property
    def session_reused(self) -> bool | None:
        """Whether the data connection resumed the control connection's session."""
        return self._data.resumed if self._data else None


PROGRAMS = (WgetProgram(),)
