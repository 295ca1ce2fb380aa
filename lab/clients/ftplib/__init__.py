"""Python's ftplib, as it is and corrected to resume the control connection's session."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from lab.clients.base import (
    AGENTS_DIRECTORY,
    AgentSpec,
    Installed,
    Program,
    Target,
    payload_of,
    report_from,
)
from lab.model import ClientReport, ClientSettings


class Ftplib(Program):
    """``ftplib.FTP_TLS`` with ``ssl.create_default_context()``."""

    name: ClassVar[str] = "ftplib"
    agent: ClassVar[AgentSpec] = AgentSpec(
        name="python-ftp",
        argv=("/opt/lab/bin/python3", f"{AGENTS_DIRECTORY}/python_ftp.py"),
        files=("python_ftp.py", "python_tls.py", "resident.py"),
    )

    reuses: ClassVar[bool] = False
    """Whether data connections resume the control connection's session."""

    def unsupported(self, client: ClientSettings, installed: Installed) -> str | None:
        """See :meth:`Program.unsupported`."""
        if not installed.versions.get("python"):
            return "the image has no Python"
        if client.implicit_tls:
            return "ftplib has no implicit TLS: FTP_TLS always starts with AUTH"
        if client.fingerprint is not None:
            return "ftplib cannot pin a certificate: Python's ssl module has no such option"
        if client.verify_name is not None or client.sni is not None:
            return "ftplib takes the server name to send and to verify from the host it connects to"
        if client.libnet is not None:
            return "libnet is Perl's: ftplib does not use it"
        if client.session_cache == "shared" and not self.reuses:
            return "stock ftplib never resumes a session; ftplib-reuse does"
        if client.session_cache == "none" and self.reuses:
            return "ftplib-reuse always resumes the session; stock ftplib never does"
        return None

    def request(self, client: ClientSettings, target: Target) -> dict[str, Any]:
        """See :meth:`Program.request`."""
        protocols = client.protocols
        return {
            "goal": str(client.goal),
            "host": target.host,
            "port": target.port,
            "timeout_s": client.timeout_s,
            "tls": client.tls,
            "reuse": self.reuses,
            "passive": client.mode != "active",
            "verify": client.verify,
            "ca_file": target.ca_file,
            "ciphers": client.ciphers,
            "minimum": protocols.minimum if protocols else None,
            "maximum": protocols.maximum if protocols else None,
            "certificate": target.certificate,
            "key": target.key,
            "user": target.user,
            "password": target.password,
            "payload": payload_of(client, target),
        }

    def report(self, raw: Mapping[str, Any]) -> ClientReport:
        """See :meth:`Program.report`."""
        return report_from(raw)


class FtplibReuse(Ftplib):
    """A subclass of ``FTP_TLS``: data connections get ``session=self.sock.session``."""

    name: ClassVar[str] = "ftplib-reuse"
    reuses: ClassVar[bool] = True
