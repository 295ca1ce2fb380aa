"""netkit's ``ftp`` with TLS: settings to what is typed into it, what it prints to a report.

As it is shipped it asks for TLS, looks at no certificate, and calls an upload done when it has sent the last
byte: what the server says then changes neither its ``bytes sent`` nor its exit status, which is 0. Sources:
``-z`` and the commands of netkit-ftp-ssl 0.17.34; its outputs on OpenSSL 3.0 (Debian 12) and 3.5 (Debian 13).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal

from lab.clients.base import (
    CommandProgram,
    Options,
    Ran,
    Target,
    Trace,
    delivery_of,
    errno_in,
    payload_of,
    written,
)
from lab.dialects.telling import STEP_OF_COMMAND
from lab.model import Agent, ClientReport, FtpClientSettings, Goal, setting

#: The step in which each FTP command belongs; whatever else is sent prepares the transfer.
_STEP_OF_COMMAND = {**STEP_OF_COMMAND, "SYST": "login"}
_COMMAND = re.compile(r"^---> ([A-Z]{3,4})\b")
_REPLY = re.compile(r"^(\d{3})([ -])(.*)$")
_SENT = re.compile(r"^\d+ bytes sent in .*$")
_TLS = re.compile(r"^Active cipher: (\S+), protocol (\S+?)\.$")
#: With ``-z debug``: of the control connection before it is there, and when a data connection is.
_DATA_TLS = "===>DONE SSL connect on DATA"
_COMPLAINT = re.compile(r"^ftp: .*$")
#: Complaints about socket options, after which it goes on.
_ASIDE = ("ftp: setsockopt", "ftp: Trying next address")
_REFUSED = 400
_LOGGED_IN = 230
_BYE = 221
#: It makes this up when the connection is gone.
_NO_REPLY = "Service not available, remote server has closed connection"
#: What it says of each octet that it reads, before its own words on the same line.
_OCTETS = re.compile(r"^(?:ssl_getc: SSL_read -?\d+ \(.\) )+")
#: Of a record that the library cannot read; its user sees the closed connection alone.
_UNREAD = re.compile(r"^ssl_getc: SSL_read returned -1 - (error:.*)$")


@dataclass(frozen=True, kw_only=True)
class FtpSsl(FtpClientSettings):
    """What ftp-ssl can be told."""

    program: Literal["ftp-ssl"] = "ftp-ssl"
    platform: str = "debian12"
    verify: bool = setting(False, "-z verify=1: check the server's certificate")
    secure: bool = setting(False, "-z secure: stop where the server refuses TLS")


@dataclass(frozen=True, kw_only=True)
class FtpSslProgram(CommandProgram[FtpSsl]):
    """The ``ftp-ssl`` command, with what is typed into it."""

    agent: Agent = Agent.python(
        "ftp-ssl", "commands.py", "ftp-ssl", "--", "dpkg-query", "-W", "ftp-ssl"
    )
    leaves_tickets_unread: bool = True

    def request(self, client: FtpSsl, target: Target) -> dict[str, Any]:
        """See :meth:`Program.request`."""
        return {
            "argv": list(arguments(client, target)),
            "input": typed(client, target),
            "payload": payload_of(client, target),
            # It has no time limit.
            "limit_s": client.timeout_s,
        }

    def read(self, ran: Ran) -> ClientReport:
        """A report from what it prints; its exit status is 0 whatever came of an upload.

        What it calls done is done: ``bytes sent`` is the success that its user is told.
        """
        asked, said = ran.input or "", _Said(ran.stdout, ran.stderr)
        if "\nput " in asked:
            reached = said.sent is not None
        else:
            reached = said.logged_in if asked.startswith("user ") else said.connected
        failed = not ran.ended_well or not reached or bool(said.complaints)
        told = [*said.refusals, *said.complaints] or ([said.cut] if failed and said.cut else [])
        if said.protocol:
            said.verified = "verify=1" in ran.argv
        return ran.report(
            said,
            failed=failed,
            done="quit",
            error=[*said.complaints, *told, *said.unread, *ran.late],
            message="\n".join([*told, *([said.sent] if said.sent else [])]),
            errno=errno_in(" ".join(told)) if failed else None,
        )


def arguments(client: FtpSsl, target: Target) -> tuple[str, ...]:
    """The whole command: no ``.netrc``, replies shown as on a terminal, commands shown."""
    told: Options = {
        "nossl": not client.tls,
        "secure": client.secure,
        "verify=1": client.verify,
        "cacert": target.ca_file,
        "cert": target.certificate,
        "key": target.certificate and target.key,
        "cipher": client.ciphers,
    }
    options = [word for option in written(told) for word in ("-z", option)]
    mode = ["-p"] if client.mode == "passive" else []
    argv = ("ftp-ssl", "-n", "-v", "-d", *mode, "-z", "debug", *options)
    return (*argv, target.host, str(target.port))


def typed(client: FtpSsl, target: Target) -> str:
    """What somebody types; ``status`` says what TLS came to."""
    lines = []
    if client.goal is not Goal.HANDSHAKE:
        lines.append(f"user {target.user} {target.password}")
    if client.goal is Goal.TRANSFER:
        lines += ["binary", f"put {{payload}} {delivery_of(target).name}"]
    return "\n".join([*lines, "status", "quit", ""])


class _Said(Trace):
    """What it prints, in order."""

    def __init__(self, text: str, errors: str) -> None:
        super().__init__()
        self.connected = False
        self.logged_in = False
        self.refusals: list[str] = []
        """Replies that refuse."""
        self.complaints: list[str] = []
        """Its own words."""
        self.cut = ""
        """What it says where the connection ends without a reply."""
        self.unread: list[str] = []
        """What its library cannot read."""
        self.sent: str | None = None
        for line in text.splitlines():
            self._take(line.rstrip("\r"))
        for line in errors.splitlines():
            self._take_error(line)

    def _take(self, line: str) -> None:
        if command := _COMMAND.match(line):
            # It goes on to the end whatever failed: what is typed is typed.
            if command[1] != "QUIT":
                self.step = _STEP_OF_COMMAND.get(command[1], "put")
            if command[1] == "STOR":
                self.data_protected = False
        elif reply := _REPLY.match(line):
            self._take_reply(int(reply[1]), reply[3], last=reply[2] == " ")
        elif line.startswith("Connected to ") and self.step == "connect":
            self.connected, self.step = True, "greeting"
        elif _SENT.match(line):
            self.sent = line
        elif tls := _TLS.match(line):
            self.cipher, self.protocol = tls[1], tls[2]

    def _take_reply(self, code: int, text: str, *, last: bool) -> None:
        if text == _NO_REPLY:
            self.cut = f"{code} {text}"
            return
        if not last or (code == _BYE and self.reply_code):
            return
        self.logged_in = self.logged_in or code == _LOGGED_IN
        if code >= _REFUSED:
            self.refusals.append(f"{code} {text}")
        if not self.refusals or code >= _REFUSED:
            self.reply_code, self.reply_text = code, text

    def _take_error(self, line: str) -> None:
        line = _OCTETS.sub("", line)
        if unread := _UNREAD.match(line):
            self.unread.append(unread[1])
        elif line.startswith(_DATA_TLS) and self.data_protected is not None:
            self.data_protected = True
        elif _COMPLAINT.match(line) and not line.startswith(_ASIDE):
            self.complaints.append(line)


PROGRAMS = (FtpSslProgram(),)
