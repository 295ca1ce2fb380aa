"""ftp-srv: settings to the configuration of ``lab/servers/ftp_srv/agent/ftp_srv_listener.js``.

ftp-srv is a library for Node; the listener is the small program that its users write around it: options of
``new FtpSrv({...})`` and a handler of the event ``login``. What it has no option for is no field or is
unsupported: it never looks whether a data connection resumed a session, asks no client for a certificate,
and has no rule about what must be encrypted. The login handler can see whether the control connection is
(``tls_required_login``); a data connection is encrypted wherever the control connection is.

Sources: ftp-srv 4.6.3, ``src/index.js``, ``src/commands/registration/auth.js`` and ``src/connector``; the
options of ``tls.createSecureContext`` in Node's documentation.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from lab.model import PROTOCOLS, FtpServerSettings, setting
from lab.servers.base import ListenerPlace, Server, literals, passive_range

#: Node's names of protocol versions begin with TLSv1.
SPOKEN = PROTOCOLS[1:]


@dataclass(frozen=True, kw_only=True)
class FtpSrv(FtpServerSettings):
    """What a listener on ftp-srv can be told."""

    hosts: ClassVar[Mapping[str, str]] = {"ftp-srv": "ftp-srv.lab.test"}

    software: Literal["ftp-srv"] = "ftp-srv"
    implicit_tls: bool = setting(False, "TLS from the first byte on: the option url is ftps://")
    tls_required_login: bool = setting(
        False,
        "the login handler of its user refuses a connection without TLS; by itself it never does",
    )
    tls_required_data: bool = setting(
        False, "no data channel in clear text: ftp-srv has no option for that"
    )


@dataclass(frozen=True, kw_only=True)
class FtpSrvServer(Server[FtpSrv]):
    """Writes the listener's configuration, which is JSON."""

    # Node loads a second of JavaScript where others share two cores with it.
    start_s: float = 40.0

    def unsupported(self, settings: FtpSrv) -> str | None:
        """See :class:`lab.servers.base.Server`."""
        if settings.tls_required_data:
            return "tls_required_data: ftp-srv has no option by which data must be encrypted"
        if settings.implicit_tls and not settings.tls:
            return "implicit_tls: ftp-srv has no TLS without the option tls (tls=off)"
        if settings.protocols is not None and not set(SPOKEN) & set(settings.protocols.versions()):
            return f"protocols is {settings.protocols}: Node speaks {SPOKEN[0]} to {SPOKEN[-1]}"
        return super().unsupported(settings)

    def configure(self, settings: FtpSrv, place: ListenerPlace) -> str:
        """The text of the JSON configuration; see :class:`lab.servers.base.Server`."""
        first, last = passive_range(settings, place)
        scheme = "ftps" if settings.implicit_tls else "ftp"
        options: dict[str, Any] = {
            "url": f"{scheme}://{place.address}:{place.port}",
            "pasv_min": first,
            "pasv_max": last,
            "anonymous": settings.anonymous,
        }
        if place.pasv_address is not None:
            options["pasv_url"] = place.pasv_address
        options |= literals(settings.extra)
        configuration = {
            "options": options,
            "tls": self._tls(settings, place),
            "tls_required_login": settings.tls_required_login,
            "log": place.log,
            "uploads": place.uploads,
            "user": place.user,
            "password": place.password,
            "captured": place.captured if settings.impostor else None,
        }
        return json.dumps(configuration, indent=2) + "\n"

    def _tls(self, settings: FtpSrv, place: ListenerPlace) -> dict[str, str] | None:
        """The option ``tls``, with paths in the place of certificate and key; ``None``: without TLS."""
        if not settings.tls:
            return None
        given: dict[str, str] = {}
        if certificate := place.certificate(settings):
            given["cert"], given["key"] = certificate
        if settings.ciphers is not None:
            given["ciphers"] = settings.ciphers
        if settings.protocols is not None:
            spoken = [version for version in SPOKEN if version in settings.protocols]
            given["minVersion"], given["maxVersion"] = spoken[0], spoken[-1]
        return given


SERVERS = (FtpSrvServer(),)
