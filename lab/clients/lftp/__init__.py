"""The lftp command line: settings to its commands, what it says with ``debug`` to a report.

lftp as it is shipped asks for TLS and goes on in clear text, password included, where the server refuses
``AUTH``; it checks the certificate; and what fails it tries again, a thousand times. Sources: lftp(1) and
``set -a`` of 4.9.2; its outputs on GnuTLS 3.7.9 (Debian 12) and 3.8.9 (Debian 13).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from lab.clients import gnutls
from lab.clients.base import CommandProgram, Ran, Target, Trace, delivery_of, errno_in, payload_of
from lab.dialects.telling import STEP_OF_COMMAND
from lab.model import Agent, ClientReport, FtpClientSettings, Goal, setting

#: Its level of ``debug`` at which GnuTLS's log has handshakes and alerts (level 5 of the library).
DEBUG = 14

#: The step in which each FTP command belongs; whatever else is sent prepares the transfer.
_STEP_OF_COMMAND = {**STEP_OF_COMMAND, "FEAT": "greeting", "PWD": "login"}
#: Remarks in the place of a trouble: it goes on with the same connection.
_NO_TROUBLE = ("AUTH TLS is not supported", "extra server response")
#: Commands whose replies decide nothing: it goes on whatever they are.
_ASIDE = frozenset({"FEAT", "OPTS", "QUIT", "SITE", "ABOR", "CLNT", "LANG", "MFMT"})

_COMMAND = re.compile(r"^---> ([A-Z]{3,4})\b")
_REPLY = re.compile(r"^<--- (\d{3}) (.*)$")
_ATTEMPT = re.compile(r"^---- attempt number (\d+) ")
_TROUBLE = re.compile(r"^\*\*\*\* (.*)$")
#: Words of a command of lftp that failed: ``put: delivery-1.txt: Fatal error: ...``.
_SHOWN = re.compile(r"^(?:put|open|cd|quote): .*$")
_LIBRARY = re.compile(r"\bGnuTLS [\d.]+")
#: The first reply code of a refusal.
_REFUSED = 400
#: A step, with the last reply that counts.
_Place = tuple[str, int | None, str]


@dataclass(frozen=True, kw_only=True)
class Lftp(FtpClientSettings):
    """What lftp can be told."""

    program: Literal["lftp"] = "lftp"
    platform: str = "debian13"
    ssl_force: bool = setting(
        False, "ftp:ssl-force: stop where the server refuses TLS (off: go on in clear text)"
    )
    max_retries: int | None = setting(
        None, "net:max-retries: how often it may begin (default: 1000 times)"
    )
    priority: str | None = setting(None, "ssl:priority: a priority string of GnuTLS", one_line=True)


@dataclass(frozen=True, kw_only=True)
class LftpProgram(CommandProgram[Lftp]):
    """The ``lftp`` command, as people run it."""

    agent: Agent = Agent.python("lftp", "commands.py", "lftp", "--version")

    def request(self, client: Lftp, target: Target) -> dict[str, Any]:
        """See :meth:`Program.request`."""
        return {
            "argv": ["lftp", "-c", "; ".join(commands(client, target))],
            "payload": payload_of(client, target),
            # With its thousand tries it would not end by itself within any attempt.
            "limit_s": 2 * client.timeout_s,
        }

    def written(self, client: Lftp, target: Target) -> tuple[str, ...]:
        """See :meth:`Program.written`; as in ``~/.lftprc``."""
        return (
            *(f"set {name} {value}" for name, value in variables(client, target).items()),
            f"open {'ftps' if client.implicit_tls else 'ftp'}://HOST",
        )

    def read(self, ran: Ran) -> ClientReport:
        """A report from exit status and texts.

        It says its next command before the handshake that this waits for: a handshake is over when
        GnuTLS's log says so, and its certificate is accepted when a reply has come after it. ``reply_code``
        is that of the last command whose reply it minds. Of what went wrong the first counts: what it tries
        then, without TLS or from the beginning, comes of that.
        """
        trace = _Trace(f"{ran.stderr}\n{ran.stdout}")
        failed, words = not ran.ended_well, [*trace.troubles, *trace.log.alerts, *trace.shown]
        warnings, library = trace.warnings(), _LIBRARY.search(ran.version)
        if failed:
            trace.step, trace.reply_code, trace.reply_text = trace.first_trouble or trace.place
        if trace.replied:
            trace.verified = "ssl:verify-certificate" not in str(ran.argv)
        return ran.report(
            trace,
            failed=failed,
            done="quit",
            error=[*words, *ran.late],
            message="\n".join(trace.shown) if failed else "",
            errno=errno_in(" ".join(words)) if failed else None,
            library=library[0] if library else "",
            warnings=warnings,
        )


def variables(client: Lftp, target: Target) -> dict[str, str]:
    """Those of its variables that the settings set, and the time limit."""
    given: dict[str, object] = {
        "net:timeout": f"{client.timeout_s:g}",
        "net:max-retries": client.max_retries,
        "ftp:ssl-allow": None if client.tls else "no",
        "ftp:ssl-force": "yes" if client.ssl_force else None,
        "ftp:ssl-protect-data": None if client.protect_data else "no",
        "ftp:ssl-copy-sid": {"default": None, "shared": "yes", "none": "no"}[client.session_cache],
        "ftp:passive-mode": "off" if client.mode == "active" else None,
        "ssl:verify-certificate": None if client.verify else "no",
        "ssl:ca-file": target.ca_file,
        "ssl:cert-file": target.certificate,
        "ssl:key-file": target.key if target.certificate else None,
        "ssl:priority": gnutls.priority_of(client.priority, client.protocols),
    }
    return {name: str(value) for name, value in given.items() if value is not None}


def commands(client: Lftp, target: Target) -> list[str]:
    """What is typed: the variables, what is to be done, and that its words are to be read."""
    typed = [f"set {name} {quoted(value)}" for name, value in variables(client, target).items()]
    scheme = "ftps" if client.implicit_tls else "ftp"
    account = quoted(f"{target.user},{target.password}")
    typed.append(f"open -u {account} {scheme}://{target.host}:{target.port}")
    if client.goal is Goal.TRANSFER:
        typed.append(f"put {{payload}} -o {quoted(delivery_of(target).name)}")
    else:
        typed.append("quote NOOP")  # it opens no connection before there is something to do
    return [f"debug {DEBUG}", *typed]


def quoted(word: str) -> str:
    """A word of its command line, as lftp(1) has it under "Shell syntax"."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


class _Trace(Trace):
    """What its lines tell, in their order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.troubles: list[str] = []
        """What made it begin again, or give up."""
        self.shown: list[str] = []
        """What its user sees."""
        self.first_trouble: _Place | None = None
        self.replied = False
        """Whether a reply has come since TLS began on this connection."""
        self.log = gnutls.GnutlsLog()
        self._attempts = 1
        self._command = ""
        self._earlier = 0
        """TLS sessions of earlier connections."""
        self._failed_tls = False
        self._auth_refused = False
        self._stored = False
        for line in text.splitlines():
            self._take(line.rstrip("\r"))
        if sessions := self._sessions:
            self.protocol, self.cipher = sessions[0].protocol, sessions[0].cipher
        if self._stored:
            data = sessions[-1] if len(sessions) > 1 else gnutls.TlsSession()
            self.data_protected, self.session_reused = data.agreed, data.resumed

    def _take(self, line: str) -> None:
        if self.log.take(line):
            return
        if command := _COMMAND.match(line):
            self._command = command[1]
            self._stored = self._stored or command[1] == "STOR"
            aside = self.step if command[1] in _ASIDE else "put"
            self.step = _STEP_OF_COMMAND.get(command[1], aside)
        elif reply := _REPLY.match(line):
            self._take_reply(int(reply[1]), reply[2])
        elif attempt := _ATTEMPT.match(line):
            self._attempts = max(self._attempts, int(attempt[1]))
        elif line.startswith("---- Connecting to "):
            self.step, self._command, self.replied, self._stored = "connect", "", False, False
            self.reply_code, self.reply_text = None, ""
            self._earlier = len(self.log.sessions)
        elif trouble := _TROUBLE.match(line):
            self._take_trouble(trouble[1])
        elif _SHOWN.match(line):
            self.shown.append(line)

    def _take_reply(self, code: int, text: str) -> None:
        if self._command == "AUTH" and code >= _REFUSED:
            self._auth_refused = True
        self.replied = bool(self._sessions) and self._command != "AUTH"
        if self._command not in _ASIDE:
            self.reply_code, self.reply_text = code, text
        if not self._command:
            self.step = "greeting"

    def _take_trouble(self, words: str) -> None:
        if words.startswith(_NO_TROUBLE):
            return
        self.troubles.append(words)
        self._failed_tls = self._failed_tls or words.startswith("gnutls_handshake")
        if self.first_trouble is None:
            self.first_trouble = self.place
            if words.startswith("Peer closed connection") and self.place[0] == "connect":
                self.first_trouble = "greeting", None, ""  # there was a connection to be closed

    @property
    def _sessions(self) -> Sequence[gnutls.TlsSession]:
        """Those of this connection: the control connection's, and others."""
        return self.log.sessions[self._earlier :]

    @property
    def place(self) -> _Place:
        """How far it is; what it wants to say next is not sent before the handshake is over."""
        step = self.step
        if self._sessions and not self.replied:
            untrusted = any("Certificate verification" in words for words in self.troubles)
            step = "starttls" if untrusted or not self._sessions[0].agreed else step
        return step, self.reply_code, self.reply_text

    def warnings(self) -> tuple[str, ...]:
        """What it did without a word to its user."""
        said = []
        clear = not self._sessions and self.step in ("login", "protect", "put")
        if clear and (self._auth_refused or self._failed_tls):
            why = "TLS failed" if self._failed_tls else "the server refused AUTH"
            said.append(f"{why}: lftp went on in clear text, with user and password")
        if self._attempts > 1:
            said.append(f"lftp began {self._attempts} times, without a word")
        return tuple(said)


PROGRAMS = (LftpProgram(),)
