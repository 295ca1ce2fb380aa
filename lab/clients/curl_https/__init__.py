"""The curl command line asking a web origin: settings to its arguments, its ``-v`` text to a report."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from lab.clients import curl
from lab.clients.base import OK, CommandProgram, Ran, Target, as_words
from lab.model import Agent, ClientReport, WebClientSettings, setting
from lab.model.settings import OPTIONS_HELP

_STATUS = re.compile(r"^< HTTP/[\d.]+ (\d{3}) ?(.*)$")
_REQUEST = re.compile(r"^> (?:GET|HEAD) ")
_CONNECTED = re.compile(r"^\* Connected to ")


@dataclass(frozen=True, kw_only=True)
class CurlHttps(WebClientSettings):
    """What curl can be told of a web origin."""

    program: Literal["curl-https"] = "curl-https"
    platform: str = "debian13"
    options: tuple[str, ...] = setting((), OPTIONS_HELP)


@dataclass(frozen=True, kw_only=True)
class CurlHttpsProgram(CommandProgram[CurlHttps]):
    """The ``curl`` command, as people run it to look at an origin."""

    agent: Agent = Agent.python("curl", "commands.py", "curl", "--version")
    needs: str = "curl"

    def request(self, client: CurlHttps, target: Target) -> dict[str, Any]:
        """See :meth:`Program.request`."""
        return {"argv": list(arguments(client, target)), "payload": None}

    def read(self, ran: Ran) -> ClientReport:
        """A report from curl's exit status and texts; every status but 200 is a failure."""
        trace = HttpsTrace(ran.stderr)
        failed = not ran.ended_well or trace.reply_code != OK
        return curl.report_of(ran, trace, failed=failed, done="response")


def arguments(client: CurlHttps, target: Target) -> tuple[str, ...]:
    """The whole command."""
    connect_to = f"{client.sni}:{target.port}:{target.host}:{target.port}" if client.sni else None
    options = {**curl.tls_options(client, target), "--connect-to": connect_to}
    argv = [*curl.begun(client, "--output", "/dev/null"), *as_words(options), *client.options]
    scheme = "https" if client.tls else "http"
    argv += ["--user", f"{target.user}:{target.password}"]
    return (*argv, f"{scheme}://{client.sni or target.host}:{target.port}/")


class HttpsTrace(curl.CurlTrace):
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


PROGRAMS = (CurlHttpsProgram(),)
