"""Perl's Net::FTP with IO::Socket::SSL: the program whose message the upload's user sees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from lab.clients.base import Installed, Program, Target, io_socket_ssl, payload_of
from lab.model import Agent, FtpClientSettings, setting
from lab.model.settings import PIN_HELP, SNI_SENT_HELP, VERIFY_NAME_HELP

#: Versions of libnet that bring a session cache of their own (``SSL_session_cache`` in ``Net/FTP.pm``),
#: beside which the option ``SSL_session_cache_size`` does nothing.
_OWN_CACHE = frozenset({"3.11"})


@dataclass(frozen=True, kw_only=True)
class NetFtp(FtpClientSettings):
    """What Net::FTP can be told."""

    program: Literal["net-ftp"] = "net-ftp"
    fingerprint: str | None = setting(None, PIN_HELP)
    verify_name: str | None = setting(None, VERIFY_NAME_HELP)
    sni: str | None = setting(None, SNI_SENT_HELP)
    libnet: str | None = setting(None, "another libnet version than the platform's, e.g. 3.11")


@dataclass(frozen=True, kw_only=True)
class NetFtpProgram(Program[NetFtp]):
    """Net::FTP.

    The request holds the options of ``Net::FTP->new`` exactly as a caller would write them: those
    that the settings set, and no other. Time limit and mode are always there: the first belongs to
    every caller, the second would otherwise come from the distribution's ``libnet.cfg``.
    """

    agent: Agent = Agent.perl("net-ftp", "net_ftp.pl")
    leaves_tickets_unread: bool = True

    def unsupported(self, client: NetFtp, installed: Installed) -> str | None:
        """See :meth:`Program.unsupported`."""
        if client.libnet is not None:
            there = installed.versions.get("libnet") or []
            if client.libnet not in there:
                known = ", ".join(there) or "none beside the platform's own"
                why = (installed.versions.get("libnet absent") or {}).get(client.libnet)
                cause = f"the image has no libnet {client.libnet} (it has {known})"
                return f"{cause}: {why}" if why else cause
        if client.libnet in _OWN_CACHE and client.session_cache == "none":
            return (
                f"libnet {client.libnet} has a session cache of its own,"
                " which SSL_session_cache_size does not turn off"
            )
        if client.implicit_tls and not client.tls:
            return "implicit TLS without TLS is not a connection"
        return None

    def request(self, client: NetFtp, target: Target) -> dict[str, Any]:
        """See :meth:`Program.request`."""
        return {
            "goal": str(client.goal),
            "host": target.host,
            "starttls": client.tls and not client.implicit_tls,
            "options": options(client, target),
            "session_cache": "shared" if client.session_cache == "shared" else None,
            "prot": None if client.protect_data or not client.uses_tls else "C",
            "libnet": client.libnet,
            "user": target.user,
            "password": target.password,
            "payload": payload_of(client, target),
        }


def options(client: NetFtp, target: Target) -> dict[str, Any]:
    """The options of ``Net::FTP->new`` (Net::FTP(3))."""
    passive = 0 if client.mode == "active" else 1
    given = {"Port": target.port, "Timeout": client.timeout_s, "Passive": passive}
    if client.implicit_tls:
        given["SSL"] = 1
    given |= io_socket_ssl(client, target, client.verify_name, client.sni)
    if client.session_cache == "none":
        given["SSL_session_cache_size"] = 0
    return given


PROGRAMS = (NetFtpProgram(),)
