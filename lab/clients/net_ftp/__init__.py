"""Perl's Net::FTP with IO::Socket::SSL: the program whose message the upload's user sees."""

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
from lab.model import PROTOCOLS, ClientReport, ClientSettings, ProtocolRange

#: IO::Socket::SSL's spelling of a version, and of "switch this one off".
_SPELT = {version: version.replace(".", "_") for version in PROTOCOLS}

#: Versions of libnet that bring a session cache of their own (``SSL_session_cache`` in ``Net/FTP.pm``),
#: beside which the option ``SSL_session_cache_size`` does nothing.
_OWN_CACHE = frozenset({"3.11"})


class NetFtp(Program):
    """Net::FTP.

    The request holds the options of ``Net::FTP->new`` exactly as a caller would write them: those
    that the settings set, and no other. Time limit and mode are always there: the first belongs to
    every caller, the second would otherwise come from the distribution's ``libnet.cfg``.
    """

    name: ClassVar[str] = "net-ftp"
    agent: ClassVar[AgentSpec] = AgentSpec(
        name="net-ftp",
        argv=("/opt/lab/bin/perl", f"{AGENTS_DIRECTORY}/net_ftp.pl"),
        files=("net_ftp.pl", "Observed.pm", "Resident.pm"),
    )

    def unsupported(self, client: ClientSettings, installed: Installed) -> str | None:
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

    def request(self, client: ClientSettings, target: Target) -> dict[str, Any]:
        """See :meth:`Program.request`."""
        return {
            "goal": str(client.goal),
            "host": target.host,
            "starttls": client.tls and not client.implicit_tls,
            "options": options(client, target),
            "session_cache": "shared" if client.session_cache == "shared" else None,
            "libnet": client.libnet,
            "user": target.user,
            "password": target.password,
            "payload": payload_of(client, target),
        }

    def report(self, raw: Mapping[str, Any]) -> ClientReport:
        """See :meth:`Program.report`."""
        return report_from(raw)


def options(client: ClientSettings, target: Target) -> dict[str, Any]:
    """The options of ``Net::FTP->new`` (Net::FTP(3))."""
    given: dict[str, Any] = {
        "Port": target.port,
        "Timeout": client.timeout_s,
        "Passive": 0 if client.mode == "active" else 1,
    }
    if client.implicit_tls:
        given["SSL"] = 1
    given |= ssl_options(client, target)
    if client.session_cache == "none":
        given["SSL_session_cache_size"] = 0
    return given


def ssl_options(client: ClientSettings, target: Target) -> dict[str, Any]:
    """The options of IO::Socket::SSL (IO::Socket::SSL(3)): those that the settings set, and no other."""
    given: dict[str, Any] = {}
    if not client.verify:
        given["SSL_verify_mode"] = 0
    if target.ca_file is not None:
        given["SSL_ca_file"] = target.ca_file
    if target.fingerprint is not None:
        given["SSL_fingerprint"] = f"sha256${target.fingerprint}"
    if client.verify_name is not None:
        given["SSL_verifycn_name"] = client.verify_name
    if client.sni is not None:
        given["SSL_hostname"] = client.sni
    if client.ciphers is not None:
        given["SSL_cipher_list"] = client.ciphers
    if client.protocols is not None:
        given["SSL_version"] = ssl_version(client.protocols)
    if target.certificate is not None:
        given["SSL_cert_file"] = target.certificate
        given["SSL_key_file"] = target.key
    return given


def ssl_version(protocols: ProtocolRange) -> str:
    """A range as IO::Socket::SSL's option ``SSL_version`` writes it.

    One version is its name. A range is "anything" (``SSLv23``) without the versions outside it. An
    open end switches nothing off above; below, only what the module's own default switches off.
    """
    if protocols.minimum is not None and protocols.minimum == protocols.maximum:
        return _SPELT[protocols.minimum]
    inside = protocols.versions()
    off = [v for v in PROTOCOLS if v not in inside or (v == "SSLv3" and not protocols.minimum)]
    return ":".join(["SSLv23", "!SSLv2", *(f"!{_SPELT[version]}" for version in off)])
