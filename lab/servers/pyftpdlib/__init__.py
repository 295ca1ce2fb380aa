"""pyftpdlib: settings to the configuration of ``lab/servers/pyftpdlib/agent/pyftpdlib_program.py``.

pyftpdlib is a library; the listener is the small program that its users write around it. It uses
the library's own ``TLS_FTPHandler`` (``FTPHandler`` with TLS off) and sets the attributes that this
class documents. What it has no attribute for is no field: the listener does not teach the library
anything. (It never looks whether the data channel resumed a session, takes the end of a connection for
close_notify, asks no client for a certificate, does not look at SNI, has explicit TLS only and allows
TLS to every user.)

TLS comes from pyOpenSSL and so from the OpenSSL inside the ``cryptography`` wheel, not the image's.

Sources: pyftpdlib 2.2.0, ``handlers/ftps/control.py`` and ``handlers/ftps/ssl.py``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from lab.model import PROTOCOLS, FtpServerSettings
from lab.servers.base import ListenerPlace, Server, literals, passive_range


@dataclass(frozen=True, kw_only=True)
class Pyftpdlib(FtpServerSettings):
    """What a listener on pyftpdlib can be told."""

    hosts: ClassVar[Mapping[str, str]] = {"pyftpdlib": "pyftpdlib.lab.test"}

    software: Literal["pyftpdlib"] = "pyftpdlib"


@dataclass(frozen=True, kw_only=True)
class PyftpdlibServer(Server[Pyftpdlib]):
    """Writes the listener's configuration, which is JSON."""

    def configure(self, settings: Pyftpdlib, place: ListenerPlace) -> str:
        """The text of the JSON configuration; see :class:`lab.servers.base.Server`."""
        first, last = passive_range(settings, place)
        attributes: dict[str, Any] = {"passive_ports": list(range(first, last + 1))}
        if place.pasv_address is not None:
            attributes["masquerade_address"] = place.pasv_address
        if settings.tls:
            attributes["tls_control_required"] = settings.tls_required_login
            attributes["tls_data_required"] = settings.tls_required_data
            if certificate := place.certificate(settings):
                attributes["certfile"], key = certificate
                attributes |= {"keyfile": key} if key else {}
        attributes |= literals(settings.extra)
        allowed = settings.protocols
        configuration = {
            "address": place.address,
            "port": place.port,
            "log": place.log,
            "uploads": place.uploads,
            "user": place.user,
            "password": place.password,
            "anonymous": settings.anonymous,
            "captured": place.captured if settings.impostor else None,
            "tls": settings.tls,
            "attributes": attributes,
            "ciphers": settings.ciphers,
            "protocols_off": None
            if allowed is None
            else [v for v in PROTOCOLS if v not in allowed],
        }
        return json.dumps(configuration, indent=2) + "\n"


SERVERS = (PyftpdlibServer(),)
