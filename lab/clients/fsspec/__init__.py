"""fsspec's file system over FTP, ``fsspec.filesystem("ftp", tls=...)``: its settings to the agent's request.

Source: ``fsspec/implementations/ftp.py`` of fsspec 2026.9.0. It makes ftplib's class by itself and hands it
nothing but a time limit and an encoding: certificates, versions and suites are whatever ftplib does without
a context. ``tls=True`` is AUTH TLS with ``PROT P``; any word is TLS from the first byte on, without
``PROT P``, and limits no version whatever it says: ftplib has ignored ``ssl_version`` since Python 3.12.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from lab.clients.base import Program, Target, ftp_session
from lab.model import Agent, FtpClientSettings, setting


@dataclass(frozen=True, kw_only=True)
class Fsspec(FtpClientSettings):
    """What fsspec can be told."""

    program: Literal["fsspec"] = "fsspec"
    platform: str = "debian13"
    verify: bool = setting(False, "check the server's certificate: fsspec cannot be told to")
    security: Literal["tls", "sslv23", "tlsv1", "tlsv1_1", "tlsv1_2"] = setting(
        "tls", "the word of `tls=` for TLS from the first byte on (implicit_tls)"
    )


@dataclass(frozen=True, kw_only=True)
class FsspecProgram(Program[Fsspec]):
    """``FTPFileSystem(host, port, username, password, timeout=..., tls=...)``, then ``put``."""

    agent: Agent = Agent.python("fsspec", "python_fsspec.py")

    def request(self, client: Fsspec, target: Target) -> dict[str, Any]:
        """See :meth:`Program.request`."""
        security = client.security if client.implicit_tls else client.tls
        return {**ftp_session(client, target), "tls": security}


PROGRAMS = (FsspecProgram(),)
