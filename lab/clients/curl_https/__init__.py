"""The curl command line asking a web origin: settings to its arguments, its ``-v`` text to a report."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from lab.clients.base import Installed, Program, Target
from lab.clients.curl import (
    WRITE_OUT,
    CurlTrace,
    distinct,
    errno_of,
    library_of,
    protocol_arguments,
    verify_code_of,
)
from lab.model import Agent, ClientReport, Goal, WebClientSettings, setting
from lab.model.settings import OPTIONS_HELP

_STATUS = re.compile(r"^< HTTP/[\d.]+ (\d{3}) ?(.*)$")
_REQUEST = re.compile(r"^> (?:GET|HEAD) ")
_CONNECTED = re.compile(r"^\* Connected to ")
_COMPLAINT = re.compile(r"^curl: (\(\d+\) .*)$", re.MULTILINE)
_OK = 200


@dataclass(frozen=True, kw_only=True)
class CurlHttps(WebClientSettings):
    """What curl can be told of a web origin."""

    program: Literal["curl-https"] = "curl-https"
    platform: str = "debian13"
    options: tuple[str, ...] = setting((), OPTIONS_HELP)


@dataclass(frozen=True, kw_only=True)
class CurlHttpsProgram(Program[CurlHttps]):
    """The ``curl`` command, as people run it to look at an origin."""

    settings: type[CurlHttps] = CurlHttps
    agent: Agent = Agent.python("curl", "commands.py", "curl", "--version")
    name: str = "curl-https"

    def unsupported(self, client: CurlHttps, installed: Installed) -> str | None:
        """See :meth:`Program.unsupported`."""
        if not installed.versions.get("curl"):
            return "the image has no curl"
        return unsupported(client)

    def request(self, client: CurlHttps, target: Target) -> dict[str, Any]:
        """See :meth:`Program.request`."""
        return {"argv": list(arguments(client, target)), "payload": None}

    def report(self, raw: Mapping[str, Any]) -> ClientReport:
        """See :meth:`Program.report`."""
        return read(raw)


def unsupported(client: WebClientSettings) -> str | None:
    """What no build of curl can be told."""
    if client.goal is Goal.HANDSHAKE:
        return "curl cannot stop after the handshake: it always asks for a page"
    if client.last_error:
        return "curl stops at the first error of a certificate"
    if client.sni == "":
        return "curl always sends the name of the URL"
    if (client.sni or None) != (client.verify_name or None):
        return (
            "curl has one name, that of the URL: it is sent and it is checked; set sni and"
            " verify_name to the same, or none of them"
        )
    if client.protocols is not None and "SSLv3" in (
        client.protocols.minimum,
        client.protocols.maximum,
    ):
        return "curl has had no SSLv3 since 7.77"
    return None


def arguments(client: CurlHttps, target: Target) -> tuple[str, ...]:
    """The whole command."""
    # -q: no ~/.curlrc. -sS: no progress meter, but error messages.
    argv = ["curl", "-q", "-sS", "-v", "--write-out", WRITE_OUT, "--output", "/dev/null"]
    argv += ["--connect-timeout", f"{client.timeout_s:g}"]
    argv += ["--max-time", f"{2 * client.timeout_s:g}"]
    if not client.verify:
        argv.append("--insecure")
    if target.ca_file is not None:
        argv += ["--cacert", target.ca_file]
    if client.ciphers is not None:
        argv += ["--ciphers", client.ciphers]
    if client.protocols is not None:
        argv += protocol_arguments(client.protocols)
    if target.certificate is not None:
        argv += ["--cert", target.certificate, "--key", str(target.key)]
    if client.sni:
        argv += ["--connect-to", f"{client.sni}:{target.port}:{target.host}:{target.port}"]
    argv += client.options
    scheme = "https" if client.tls else "http"
    argv += ["--user", f"{target.user}:{target.password}"]
    return (*argv, f"{scheme}://{client.sni or target.host}:{target.port}/")


class HttpsTrace(CurlTrace):
    """What the lines of ``curl -v`` tell of a request."""

    first_step: ClassVar[str] = "handshake"

    def take(self, line: str) -> None:
        """See :meth:`CurlTrace.take`."""
        if status := _STATUS.match(line):
            self.reply_code, self.reply_text = int(status[1]), status[2]
        elif _REQUEST.match(line):
            self.step = "response"
        elif _CONNECTED.match(line) and self.step == "connect":
            self.step = "handshake"
        elif not line.startswith(("< ", "> ")):
            step = self.step
            super().take(line)
            # It has agreed to a suite before it looks at the name; then it sends its request.
            self.step = self.step if step == "connect" else step


def read(raw: Mapping[str, Any]) -> ClientReport:
    """A report from curl's exit status and texts; every status but 200 is a failure.

    Raises:
        ValueError: a result without ``argv``: not one of a command.
    """
    if "argv" not in raw:
        raise ValueError(f"the agent's result is not one of a command: {dict(raw)!r}")
    stderr = str(raw.get("stderr") or "")
    timed_out, exit_status = bool(raw.get("timed_out")), raw.get("exit_status")
    trace = HttpsTrace(stderr)
    failed = timed_out or exit_status != 0 or trace.reply_code != _OK
    complaint = " ".join(_COMPLAINT.findall(stderr))
    late = ["the attempt's deadline passed"] if timed_out and not complaint else []
    error = "; ".join(distinct([*late, complaint, *trace.library_errors, *trace.alerts]))
    return ClientReport(
        failed=failed,
        step=trace.step if failed else "response",
        error=error if failed else "",
        message=f"curl: {complaint}" if failed and complaint else "",
        reply_code=trace.reply_code,
        reply_text=trace.reply_text,
        errno=errno_of(exit_status, stderr) if failed else None,
        verify_code=verify_code_of(exit_status, str(raw.get("stdout") or "")),
        exit_status=exit_status,
        protocol=trace.protocol,
        cipher=trace.cipher,
        verified=trace.verified,
        library=library_of(str(raw.get("version") or "")),
        elapsed_ms=float(raw.get("elapsed_ms") or 0.0),
        timed_out=timed_out,
    )


PROGRAMS = (CurlHttpsProgram(),)
