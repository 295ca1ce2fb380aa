"""Bare TLS clients that ask a web origin for a page: Perl's IO::Socket::SSL, and Python's ssl."""

from __future__ import annotations

import base64
import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

from lab.clients.base import AGENTS_DIRECTORY, AgentSpec, Installed, Program, Target, report_from
from lab.clients.net_ftp import ssl_options
from lab.model import ClientReport, ClientSettings, Goal

#: Settings of the other protocol, with what a client of HTTP has to do with them.
_FTP_ONLY = {
    "implicit_tls": "TLS from the first byte on is what HTTPS always is",
    "mode": "HTTP has no data connections, neither passive nor active ones",
    "session_cache": "HTTP has no data connection that could resume a session",
    "libnet": "libnet is Perl's FTP: a web client does not use it",
    "payload": "a web client asks for a page and delivers no file",
}
_DEFAULTS = {field.name: field.default for field in dataclasses.fields(ClientSettings)}


def authorization(target: Target) -> str:
    """The credentials of a request, as HTTP's Basic scheme writes them (RFC 7617)."""
    return "Basic " + base64.b64encode(f"{target.user}:{target.password}".encode()).decode("ascii")


def not_of_the_web(client: ClientSettings) -> str | None:
    """Why no client of HTTP could express these settings; ``None``: one could."""
    for name, why in _FTP_ONLY.items():
        if getattr(client, name) != _DEFAULTS[name]:
            return why
    if client.goal not in (Goal.HANDSHAKE, Goal.RESPONSE):
        return f"a web client has no {client.goal}"
    return None


class TlsPerl(Program):
    """IO::Socket::SSL, and a caller that reads HTTP itself.

    The request holds the options of ``IO::Socket::SSL->new`` as a caller would write them: those that
    the settings set, and no other.
    """

    name: ClassVar[str] = "tls-perl"
    agent: ClassVar[AgentSpec] = AgentSpec(
        name="tls-perl",
        argv=("/opt/lab/bin/perl", f"{AGENTS_DIRECTORY}/tls_client.pl"),
        files=("tls_client.pl", "Observed.pm", "Resident.pm"),
    )

    def unsupported(self, client: ClientSettings, installed: Installed) -> str | None:
        """See :meth:`Program.unsupported`."""
        cause = not_of_the_web(client)
        if cause or not client.last_error:
            return cause
        if not client.verify:
            return "without verification there is no error, and no last one"
        if client.fingerprint is not None:
            # IO::Socket::SSL looks at the fingerprint where the callback has refused.
            return "a caller that goes on after every error never comes to look at a fingerprint"
        if not installed.versions.get("last_error"):
            return "this Net::SSLeay is too old for a caller that verifies by itself"
        return None

    def request(self, client: ClientSettings, target: Target) -> dict[str, Any]:
        """See :meth:`Program.request`."""
        return {
            "goal": str(client.goal),
            "host": target.host,
            "port": target.port,
            "timeout_s": client.timeout_s,
            "tls": client.tls,
            "options": ssl_options(client, target),
            "last_error": client.last_error,
            # The name that IO::Socket::SSL itself would check.
            "check_name": client.verify_name or client.sni or target.host,
            "refuse_rc4": client.refuse_rc4,
            "authorization": authorization(target),
        }

    def report(self, raw: Mapping[str, Any]) -> ClientReport:
        """See :meth:`Program.report`."""
        return report_from(raw)


class TlsPython(Program):
    """``ssl.create_default_context()``, ``wrap_socket``, and ``http.client`` to read the answer."""

    name: ClassVar[str] = "tls-python"
    agent: ClassVar[AgentSpec] = AgentSpec(
        name="tls-python",
        argv=("/opt/lab/bin/python3", f"{AGENTS_DIRECTORY}/tls_client.py"),
        files=("tls_client.py", "python_tls.py", "resident.py"),
    )

    def unsupported(self, client: ClientSettings, installed: Installed) -> str | None:
        """See :meth:`Program.unsupported`."""
        if not installed.versions.get("python"):
            return "the image has no Python"
        cause = not_of_the_web(client)
        if cause:
            return cause
        if client.last_error:
            return "Python's ssl module has no verify callback: it stops at the first error"
        if client.fingerprint is not None:
            return "Python's ssl module has no option that pins a certificate"
        if client.verify and (client.sni or None) != client.verify_name:
            return (
                "Python's ssl module has one name, server_hostname: it is sent and it is checked;"
                " set sni and verify_name to the same, or none of them"
            )
        if client.verify and client.sni == "":
            return "Python's ssl module checks the name that it sends: it cannot send none"
        return None

    def request(self, client: ClientSettings, target: Target) -> dict[str, Any]:
        """See :meth:`Program.request`."""
        name = target.host if client.sni is None else client.sni
        protocols = client.protocols
        return {
            "goal": str(client.goal),
            "host": target.host,
            "port": target.port,
            "timeout_s": client.timeout_s,
            "tls": client.tls,
            "server_name": name or None,
            "verify": client.verify,
            "ca_file": target.ca_file,
            "ciphers": client.ciphers,
            "minimum": protocols.minimum if protocols else None,
            "maximum": protocols.maximum if protocols else None,
            "certificate": target.certificate,
            "key": target.key,
            "refuse_rc4": client.refuse_rc4,
            "authorization": authorization(target),
        }

    def report(self, raw: Mapping[str, Any]) -> ClientReport:
        """See :meth:`Program.report`."""
        return report_from(raw)
