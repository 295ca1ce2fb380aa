"""The curl command line: settings to its arguments, its exit status and ``-v`` text to a report."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from lab import model
from lab.clients import base
from lab.clients.base import NUMBERS, CommandProgram, Installed, Options, Ran, Target, Trace
from lab.dialects.telling import STEP_OF_COMMAND
from lab.model import Agent, ClientReport, ClientSettings, FtpClientSettings, ProtocolRange, setting
from lab.model.settings import OPTIONS_HELP

#: The line that ``--write-out`` adds, with variables that every curl since 7.19 has.
WRITE_OUT = r"\nssl_verify_result=%{ssl_verify_result}\n"

#: The step in which each FTP command belongs; whatever else is sent prepares the transfer.
_STEP_OF_COMMAND = {**STEP_OF_COMMAND, "QUIT": "quit"}

_REPLY = re.compile(r"^< (\d{3})([ -])(.*)$")
_COMMAND = re.compile(r"^> ([A-Z]{3,4})\b")
_COMPLAINT = re.compile(r"^curl: (\(\d+\) .*)$", re.MULTILINE)
_TLS = re.compile(r"^\* SSL connection using (\S+) / (\S+)")
_CLIENT_HELLO = re.compile(r"^\* \S+ \(OUT\), TLS handshake, Client hello \(1\)")
_CERTIFICATE_RECEIVED = re.compile(r"^\* \S+ \(IN\), TLS handshake, Certificate \(11\)")
_FATAL_ALERT = re.compile(r"^\* (\S+ \((?:IN|OUT)\), TLS alert, (?!close notify).*?):?$")
_LIBRARY_ERROR = re.compile(r"^\* (.*error:[0-9A-Fa-f]{8}:.*)$")
_VERIFIED = re.compile(r"^\*\s+SSL certificate verif(?:y ok|ied)")
_NOT_VERIFIED = re.compile(r"^\*\s+SSL certificate verify result: .* continuing")
_VERIFY_RESULT = re.compile(r"^ssl_verify_result=(\d+)$", re.MULTILINE)
_TLS_LIBRARY = re.compile(
    r"\b(?:OpenSSL|NSS|GnuTLS|LibreSSL|BoringSSL|AWS-LC|wolfSSL|mbedTLS|rustls-ffi)/\S+"
)
_OPERATION_TIMED_OUT = 28
_PEER_FAILED_VERIFICATION = 60


@dataclass(frozen=True, kw_only=True)
class Curl(FtpClientSettings):
    """What curl can be told."""

    program: Literal["curl"] = "curl"
    options: tuple[str, ...] = setting((), OPTIONS_HELP)


@dataclass(frozen=True, kw_only=True)
class CurlProgram(CommandProgram[Curl]):
    """The ``curl`` command, as people run it."""

    agent: Agent = Agent.python("curl", "commands.py", "curl", "--version")

    def unsupported(self, client: Curl, installed: Installed) -> str | None:
        """See :meth:`Program.unsupported`."""
        if installed.platform == "centos7" and installed.stand_in:
            # Its curl would be another distribution's, on another TLS library than CentOS 7's NSS.
            return "the stand-in image has no NSS curl"
        return super().unsupported(client, installed)

    def request(self, client: Curl, target: Target) -> dict[str, Any]:
        """See :meth:`Program.request`."""
        return {"argv": list(arguments(client, target)), "payload": base.payload_of(client, target)}

    def read(self, ran: Ran) -> ClientReport:
        """A report from curl's exit status and texts.

        What curl does not say it did not observe: without a line about verification, ``verified``
        stays ``None``. A handshake in which the server sent no certificate resumed a session (RFC 8446,
        section 2.2; RFC 5246, section 7.3).
        """
        return report_of(ran, CurlTrace(ran.stderr), failed=not ran.ended_well, done="quit")


def arguments(client: Curl, target: Target) -> tuple[str, ...]:
    """The whole command. ``{payload}`` stands for the file to upload."""
    scheme = "ftps" if client.implicit_tls else "ftp"
    url = f"{scheme}://{target.host}:{target.port}/"
    in_clear = not client.protect_data and client.uses_tls
    options: Options = {
        # TLS on the control connection all the same: curl goes on with no server that refuses AUTH.
        "--ftp-ssl-control": in_clear,
        "--ssl-reqd": client.tls and not client.implicit_tls and not in_clear,
        **tls_options(client, target),
        "--no-sessionid": client.session_cache == "none",
        "--ftp-port": "-" if client.mode == "active" else None,
    }
    argv = begun(client) + base.as_words(options)
    argv += [*client.options, "--user", f"{target.user}:{target.password}"]
    if client.goal is model.Goal.TRANSFER:
        return (*argv, "--upload-file", "{payload}", url + base.delivery_of(target).name)
    # Asked for the head of a directory, curl logs in, protects the data channel and leaves.
    return (*argv, "--head", url)


def begun(client: ClientSettings, *options: str) -> list[str]:
    """The command up to its limits of time: it reads no ``~/.curlrc``, and shows errors but no progress."""
    argv = ["curl", "-q", "-sS", "-v", "--write-out", WRITE_OUT, *options]
    argv += ["--connect-timeout", f"{client.timeout_s:g}"]
    return [*argv, "--max-time", f"{2 * client.timeout_s:g}"]


def tls_options(client: ClientSettings, target: Target) -> Options:
    """The options of TLS that the settings set."""
    protocols = client.protocols or ProtocolRange()
    return {
        "--insecure": not client.verify,
        "--cacert": target.ca_file,
        "--ciphers": client.ciphers,
        f"--tlsv{NUMBERS.get(protocols.minimum)}": protocols.minimum is not None,
        "--tls-max": NUMBERS.get(protocols.maximum),
        "--cert": target.certificate,
        "--key": target.certificate and target.key,
    }


class CurlTrace(Trace):
    """What the lines of ``curl -v`` tell, in their order."""

    first_step: ClassVar[str] = "starttls"
    """The step of a handshake that is the first thing on a connection."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.alerts: list[str] = []
        self.tls_errors: list[str] = []
        self.certificate_received = False
        for line in text.splitlines():
            self.take(line.rstrip("\r"))

    def take(self, line: str) -> None:
        """Read a line."""
        if command := _COMMAND.match(line):
            self.step = _STEP_OF_COMMAND.get(command[1], "put")
            if command[1] == "STOR":
                self.data_protected = bool(self.data_protected)
        elif reply := _REPLY.match(line):
            if reply[2] == " ":
                self.reply_code, self.reply_text = int(reply[1]), reply[3]
        elif alert := _FATAL_ALERT.match(line):
            self.alerts.append(alert[1])
        elif library := _LIBRARY_ERROR.match(line):
            self.tls_errors.append(library[1])
        else:
            self._take_remark(line)

    def _take_remark(self, line: str) -> None:
        """What curl says of its connections."""
        if line.startswith("* Connected to ") and self.step == "connect":
            self.step = "greeting"
        elif _CLIENT_HELLO.match(line) and self.step in ("connect", "greeting"):
            # TLS from the first byte on. Since 8.13 it calls itself connected when the handshake is done.
            self.step = self.first_step
        elif tls := _TLS.match(line):
            self._take_connection(tls[1], tls[2])
        elif _CERTIFICATE_RECEIVED.match(line):
            self.certificate_received = True
        elif _VERIFIED.match(line):
            self.verified = True if self.verified is None else self.verified
        elif _NOT_VERIFIED.match(line):
            self.verified = False

    def _take_connection(self, protocol: str, cipher: str) -> None:
        """A handshake is over: the first is the control connection's, a second the data's."""
        if self.protocol is None:
            self.protocol, self.cipher = protocol, cipher
            self.step = "greeting" if self.reply_code is None else self.step
        else:
            self.data_protected = True
            self.session_reused = not self.certificate_received
        self.certificate_received = False


def report_of(ran: Ran, trace: CurlTrace, *, failed: bool, done: str) -> ClientReport:
    """What curl's exit status and texts come to; ``done`` is the step of one that has come through."""
    complaint = " ".join(_COMPLAINT.findall(ran.stderr))
    late = [] if complaint else ran.late
    return ran.report(
        trace,
        failed=failed,
        done=done,
        error=distinct([*late, complaint, *trace.tls_errors, *trace.alerts]),
        message=f"curl: {complaint}" if failed and complaint else "",
        errno=errno_of(ran.exit_status, ran.stderr) if failed else None,
        verify_code=verify_code_of(ran.exit_status, ran.stdout),
        library=library_of(ran.version),
    )


def errno_of(exit_status: object, stderr: str) -> str | None:
    """The system error in curl's words; its own time limit is a time-out like the system's."""
    return base.errno_in(stderr) or ("ETIMEDOUT" if exit_status == _OPERATION_TIMED_OUT else None)


def verify_code_of(exit_status: object, stdout: str) -> int | None:
    """OpenSSL's number; curl writes 1 where it has none (as for a wrong host name)."""
    found = _VERIFY_RESULT.search(stdout)
    if exit_status != _PEER_FAILED_VERIFICATION or not found or int(found[1]) <= 1:
        return None
    return int(found[1])


def library_of(version: str) -> str:
    """The TLS library in curl's own first line, as in ``OpenSSL/3.5.1``."""
    found = _TLS_LIBRARY.search(version)
    return found[0] if found else ""


def distinct(texts: list[str]) -> list[str]:
    """The texts that are not empty and not part of an earlier one."""
    kept: list[str] = []
    for text in texts:
        if text and not any(text in earlier for earlier in kept):
            kept.append(text)
    return kept


PROGRAMS = (CurlProgram(),)
