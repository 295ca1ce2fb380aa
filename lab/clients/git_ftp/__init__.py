"""PyPI's git-ftp: settings to the command that delivers a git repository, its texts to a report.

Source: ``gitftp/transport/curlftp.py`` and ``gitftp/cli/options.py`` of git-ftp 2.1.0. It is on libcurl,
so that its trace (``-vv``) has the lines of ``curl -v``. It asks for TLS with ``ftpes://`` and from the first
byte on with ``ftps://``, never speaks less than TLS 1.2, and puts the file ``.git-ftp.log`` beside what it
delivers.
"""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass
from typing import Any, Literal

from lab.clients import curl
from lab.clients.base import CommandProgram, Ran, Target, payload_of
from lab.model import Agent, ClientReport, FtpClientSettings

#: libcurl hands OpenSSL's number on in its message.
_VERIFY_RESULT = re.compile(r"OpenSSL verify result: [^()]*\((\d+)\)")
_FATAL = re.compile(r"^fatal: (.*)$", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class GitFtp(FtpClientSettings):
    """What git-ftp can be told."""

    program: Literal["git-ftp"] = "git-ftp"
    platform: str = "debian13"


@dataclass(frozen=True, kw_only=True)
class GitFtpProgram(CommandProgram[GitFtp]):
    """The command ``git-ftp init``, the first delivery of a repository."""

    agent: Agent = Agent.python("git-ftp", "python_git_ftp.py", "git-ftp", "--version")

    def request(self, client: GitFtp, target: Target) -> dict[str, Any]:
        """See :meth:`Program.request`."""
        scheme = "ftps" if client.implicit_tls else "ftpes" if client.tls else "ftp"
        argv = ["git-ftp", "init", "-vv", "-u", target.user, "-p", target.password]
        argv += [] if client.verify else ["--insecure"]
        argv += ["--cacert", target.ca_file] if target.ca_file else []
        argv += ["--active"] if client.mode == "active" else []
        argv.append(f"{scheme}://{target.host}:{target.port}/")
        # Its own limits are 30 and 60 seconds, and no option changes them.
        limit_s = 2 * client.timeout_s
        return {"argv": argv, "payload": payload_of(client, target), "limit_s": limit_s}

    def read(self, ran: Ran) -> ClientReport:
        """See :meth:`CommandProgram.read`."""
        trace = curl.CurlTrace(ran.stderr)
        read = curl.report_of(ran, trace, failed=not ran.ended_well, done="quit")
        if read.protocol and read.verified is None and "--insecure" in ran.argv:
            # libcurl is told to check nothing, and then has nothing to say of it.
            read = dataclasses.replace(read, verified=False)
        fatal = " ".join(_FATAL.findall(ran.stderr))
        if not read.failed or not fatal:
            return read
        error = f"{fatal}; {read.error}" if read.error else fatal
        number = _VERIFY_RESULT.search(fatal)
        return dataclasses.replace(
            read,
            error=error,
            message=f"fatal: {fatal}",
            verify_code=int(number[1]) if number else read.verify_code,
        )


PROGRAMS = (GitFtpProgram(),)
