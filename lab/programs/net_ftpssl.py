"""Perl's Net::FTPSSL as the public source of Movable Type drives it (``lib/MT/FileMgr/FTPS.pm``)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from lab.model import ClientReport, ClientSettings, from_
from lab.programs.base import (
    AGENTS_DIRECTORY,
    AgentSpec,
    Installed,
    Program,
    Target,
    payload_of,
    report_from,
)
from lab.programs.net_ftp import ssl_version

#: What FTPS.pm asks for where no directive names the versions. Because it begins with SSLv, Net::FTPSSL
#: sends AUTH SSL for it, and AUTH TLS for a version's own name.
DEFAULT_VERSION = "SSLv23:!SSLv3:!SSLv2"

ABSENT = (
    "the image has no Net::FTPSSL: a CPAN module that neither Debian nor Enterprise Linux packages"
)


class NetFtpSsl(Program):
    """Net::FTPSSL, which the public source of Movable Type bundles.

    No image has it. Where it is installed all the same, or lies in ``/opt/lab/perl5/lib``, the agent
    loads it and its ready line has its version.
    """

    name: ClassVar[str] = "net-ftpssl"
    agent: ClassVar[AgentSpec] = AgentSpec(
        name="net-ftpssl",
        argv=("/opt/lab/bin/perl", f"{AGENTS_DIRECTORY}/net_ftpssl.pl"),
        files=("net_ftpssl.pl", "Observed.pm", "Resident.pm"),
    )

    def unsupported(self, client: ClientSettings, installed: Installed) -> str | None:
        """See :meth:`Program.unsupported`."""
        if not installed.versions.get("Net::FTPSSL"):
            problem = installed.versions.get("Net::FTPSSL problem")
            return f"Net::FTPSSL cannot be loaded: {problem}" if problem else ABSENT
        if client.mode != "passive":
            return "Net::FTPSSL has no active mode"
        if client.libnet is not None:
            return "Net::FTPSSL does not use libnet"
        if client.implicit_tls and not client.tls:
            return "implicit TLS without TLS is not a connection"
        return None

    def request(self, client: ClientSettings, target: Target) -> dict[str, Any]:
        """See :meth:`Program.request`."""
        return {
            "goal": str(client.goal),
            "host": target.host,
            "options": options(client, target),
            "user": target.user,
            "password": target.password,
            "payload": payload_of(client, target),
        }

    def report(self, raw: Mapping[str, Any]) -> ClientReport:
        """See :meth:`Program.report`."""
        return report_from(raw)


def options(client: ClientSettings, target: Target) -> dict[str, Any]:
    """The options of ``Net::FTPSSL->new``: FTPS.pm's own, and over them what settings add.

    FTPS.pm writes what the directives FTPSSSLVerifyNone and FTPSSSLVersion say into the hash
    ``SSL_Client_Certificate`` and puts every key of FTPSOptions beside it; Net::FTPSSL lets what is
    beside the hash go before what is in it. The time limit, which FTPS.pm leaves at 120 s, is the lab's.
    Where Mozilla::CA is installed FTPS.pm names its file of authorities; here the system's is used.
    """
    given: dict[str, Any] = {
        "Port": target.port,
        "Timeout": client.timeout_s,
        "SSL_Client_Certificate": {
            "SSL_verify_mode": 1 if client.verify else 0,
            "SSL_version": _version(client),
            "SSL_verifycn_name": target.host,
            "SSL_verifycn_scheme": "ftp",
        },
    }
    if client.session_cache != "none":
        # Movable Type's default for FTPSOptions is this key and nothing else; it is lost as soon as
        # mt-config.cgi has an FTPSOptions line of its own.
        given["ReuseSession"] = 1
    if not client.tls:
        given["Encryption"] = "C"
    elif client.implicit_tls:
        given["Encryption"] = "I"
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
    if target.certificate is not None:
        given["SSL_cert_file"] = target.certificate
        given["SSL_key_file"] = target.key
    return given


def _version(client: ClientSettings) -> str:
    if client.protocols is None or client.protocols == from_("TLSv1"):
        return DEFAULT_VERSION
    return ssl_version(client.protocols)
