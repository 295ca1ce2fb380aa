"""The rclone command line: settings to its flags, its exit status and its log to a report.

Sources: ``rclone help flags`` and ``rclone help backend ftp`` of rclone 1.60.1; its ``backend/ftp/ftp.go``.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from typing import Any, Literal

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from lab.clients.base import (
    CommandProgram,
    Options,
    Ran,
    Target,
    Trace,
    as_words,
    delivery_of,
    errno_in,
    payload_of,
)
from lab.dialects.telling import STEP_OF_COMMAND
from lab.model import Agent, ClientReport, FtpClientSettings, Goal, setting
from lab.model.settings import OPTIONS_HELP

#: What ``rclone obscure`` scrambles passwords with. It is printed in rclone's source (fs/config/obscure) and
#: keeps nothing secret: ``rclone reveal`` is the way back for everybody.
_OBSCURING_KEY = bytes.fromhex("9c935b48730a554d6bfd7c63c886a92bd390198eb8128afbf4de162b8b95f638")

#: The step in which each FTP command belongs; whatever else is sent prepares the transfer.
_STEP_OF_COMMAND = {**STEP_OF_COMMAND, "FEAT": "login", "TYPE": "login", "OPTS": "login"}
#: Commands that look after the connection, or clean up, and decide nothing about the delivery.
_ASIDE = ("DELE", "NOOP", "QUIT")

#: System errors as Go words them.
_ERRNO = {
    "connection refused": "ECONNREFUSED",
    "connection reset by peer": "ECONNRESET",
    "broken pipe": "EPIPE",
    "no route to host": "EHOSTUNREACH",
    "network is unreachable": "ENETUNREACH",
    "i/o timeout": "ETIMEDOUT",
    "no such host": "EAI_NONAME",
    "server misbehaving": "EAI_AGAIN",
}

#: A line of its log. What it says when it gives up has no level, and may go on for several lines.
_LINE = re.compile(r"^\d{4}/\d\d/\d\d \d\d:\d\d:\d\d (?:([A-Z]+) *: )?(.*)$")
_SENT = re.compile(r'^FTP Tx: "?([A-Z]+)')
_REPLY = re.compile(r'^FTP Rx: "(\d{3}) (.*)"$')
_DIALLED = re.compile(r"> dial: conn=(\S+), err=(.*)$")
_RETRY = re.compile(r"low level retry \d+/\d+ \(error (.*)\)$")
_ATTEMPT = re.compile(r"^Attempt \d+/\d+ failed with \d+ errors? and: (.*)$", re.DOTALL)
#: The reply for which it gives up, as its last sentence quotes it; later ones are about what is left behind.
_QUOTED = re.compile(r"(?:: |\* )([45]\d\d) (.+)$")
_VERSION = re.compile(r"^rclone (v\S+)")


@dataclass(frozen=True, kw_only=True)
class Rclone(FtpClientSettings):
    """What rclone can be told."""

    program: Literal["rclone"] = "rclone"
    platform: str = "debian13"
    options: tuple[str, ...] = setting((), OPTIONS_HELP)


@dataclass(frozen=True, kw_only=True)
class RcloneProgram(CommandProgram[Rclone]):
    """The ``rclone`` command, as people run it."""

    agent: Agent = Agent.python("rclone", "commands.py", "rclone", "version")
    leaves_tickets_unread: bool = True

    def request(self, client: Rclone, target: Target) -> dict[str, Any]:
        """See :meth:`Program.request`."""
        request: dict[str, Any] = {
            "argv": list(arguments(client, target)),
            "payload": payload_of(client, target),
        }
        if target.ca_file is not None:
            # --ca-cert is not for FTP; this variable is for every program in Go (crypto/x509, root_unix.go).
            request["environment"] = {"SSL_CERT_FILE": target.ca_file}
        return request

    def read(self, ran: Ran) -> ClientReport:
        """A report from rclone's exit status and log.

        rclone says neither version nor suite. crypto/tls checks the certificate of every handshake unless it
        is told not to: ``verified`` is what the command asked for, once the server has answered over TLS.
        """
        implicit = "--ftp-tls" in ran.argv
        trace = _Trace(ran.stderr, implicit, implicit or "--ftp-explicit-tls" in ran.argv)
        failed, last = not ran.ended_well, trace.last_error
        said = [trace.given_up] if last in trace.given_up else [trace.given_up, last]
        error = [*ran.late, *filter(None, said)] if failed else []
        if failed and (quoted := _QUOTED.search(trace.given_up)):
            trace.reply_code, trace.reply_text = int(quoted[1]), quoted[2]
        if trace.protected:
            trace.verified = "--ftp-no-check-certificate" not in ran.argv
        found = _VERSION.match(ran.version)
        return ran.report(
            trace,
            failed=failed,
            done="quit",
            error=error,
            message=trace.given_up if failed else "",
            errno=errno_in("; ".join(error), _ERRNO),
            library=f"crypto/tls in rclone {found[1]}" if found else "",
        )


def obscured(password: str) -> str:
    """A password as ``--ftp-pass`` wants it, with an initialization vector of zeros."""
    vector = bytes(16)
    cipher = Cipher(algorithms.AES(_OBSCURING_KEY), modes.CTR(vector)).encryptor()
    scrambled = vector + cipher.update(password.encode()) + cipher.finalize()
    return base64.urlsafe_b64encode(scrambled).decode("ascii").rstrip("=")


def arguments(client: Rclone, target: Target) -> tuple[str, ...]:
    """The whole command. ``{payload}`` stands for the file to upload."""
    # Nothing is read from or written to a configuration. --dump shows the FTP dialogue, and implies -vv.
    argv = ["rclone", "--config", "", "-vv", "--dump", "headers"]
    argv += ["--contimeout", f"{client.timeout_s:g}s", "--timeout", f"{client.timeout_s:g}s"]
    argv += ["--ftp-host", target.host, "--ftp-port", str(target.port)]
    argv += ["--ftp-user", target.user, "--ftp-pass", obscured(target.password)]
    options: Options = {
        "--ftp-tls": client.implicit_tls,
        "--ftp-explicit-tls": client.tls and not client.implicit_tls,
        "--ftp-no-check-certificate": not client.verify,
        "--ftp-disable-tls13": client.protocols is not None,
        "--ftp-tls-cache-size": "0" if client.session_cache == "none" else None,
    }
    argv += [*as_words(options), *client.options]
    if client.goal is Goal.TRANSFER:
        # -L: the file is brought by descriptor, which to rclone is a link.
        argv += ["-L", "copyto", "{payload}", f":ftp:{delivery_of(target).name}"]
    else:
        # It logs in, protects the data channel, and finds that the root needs no making.
        argv += ["mkdir", ":ftp:"]
    return tuple(argv)


class _Trace(Trace):
    """What the lines of the log tell, in their order."""

    def __init__(self, text: str, implicit: bool, tls: bool) -> None:
        super().__init__()
        self.given_up = ""
        """What its user reads last: whatever it says without a level."""
        self.last_error = ""
        """What the last try that it makes anew ended with."""
        self.protected = False
        """Whether the server has answered over TLS."""
        self._implicit, self._tls = implicit, tls
        self._sent, self._on_tls = "", False
        for level, line in _entries(text):
            self._take(level, line)

    def _take(self, level: str, line: str) -> None:
        if not level:
            self.given_up = " ".join(line.split())
        elif sent := _SENT.match(line):
            self._take_command(sent[1])
        elif reply := _REPLY.match(line):
            self._take_reply(int(reply[1]), reply[2])
        elif dialled := _DIALLED.search(line):
            self._take_connection(dialled[1], dialled[2])
        elif tried := _RETRY.search(line) or _ATTEMPT.match(line):
            self.last_error = " ".join(tried[1].split())
        elif "Connecting to FTP server" in line:
            self.step, self.reply_code, self.reply_text, self._sent = "connect", None, "", ""

    def _take_command(self, verb: str) -> None:
        self._sent = verb
        if verb == "STOR":
            self.data_protected = self._on_tls
        # The handshake begins with the first command that is to be sent over TLS.
        handshakes = verb == "USER" and self._tls and not self._implicit
        if verb not in _ASIDE and not handshakes:
            self.step = _STEP_OF_COMMAND.get(verb, "put")

    def _take_reply(self, code: int, text: str) -> None:
        if self._sent in _ASIDE:
            return
        self.reply_code, self.reply_text = code, text
        if self._tls and self._sent != "AUTH" and (self._sent or self._implicit):
            self.protected = True
        if self._sent == "USER":
            self.step = "login"

    def _take_connection(self, kind: str, error: str) -> None:
        """A connection was made, or not: the first is the control connection's."""
        self._on_tls = kind == "*tls.Conn"
        if self.step == "connect" and error == "<nil>":
            # TLS from the first byte on: the greeting comes after the handshake.
            self.step = "starttls" if self._implicit else "greeting"


def _entries(text: str) -> list[tuple[str, str]]:
    """The entries of a log, each with its level; a line without a date belongs to the one before."""
    entries: list[tuple[str, str]] = []
    for line in text.splitlines():
        if found := _LINE.match(line):
            entries.append((found[1] or "", found[2]))
        elif entries:
            level, said = entries[-1]
            entries[-1] = (level, f"{said}\n{line}")
        elif line.strip():
            # Of a command line that it does not understand.
            entries.append(("", line))
    return entries


PROGRAMS = (RcloneProgram(),)
