"""pyftpdlib: settings to the configuration of ``lab/servers/pyftpdlib/agent/pyftpdlib_listener.py``.

pyftpdlib is a library; the listener is the small program that its users write around it. It uses
the library's own ``TLS_FTPHandler`` (``FTPHandler`` with TLS off) and sets the attributes that this
class documents. What it has no attribute for is :meth:`Pyftpdlib.unsupported`: the listener does
not teach the library anything. A field whose value is what the library does anyway is supported,
even if the library cannot be told to do it (``require_ssl_reuse=False``: it never asks for reuse).

TLS comes from pyOpenSSL and so from the OpenSSL inside the ``cryptography`` wheel, not the image's.

Sources: pyftpdlib 2.2.0, ``handlers/ftps/control.py`` and ``handlers/ftps/ssl.py``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from lab.model import CERTIFICATE_EMPTY, CERTIFICATE_UNSET, PROTOCOLS, ServerSettings
from lab.servers.base import (
    AGENT_FILES,
    ORIGIN_FIELDS,
    ListenerPlace,
    ServerAgent,
    passive_range,
    unsupported_anywhere,
    unsupported_of_others,
)

#: Field, the value that pyftpdlib cannot have, and why.
UNSUPPORTED: tuple[tuple[str, object, str], ...] = (
    ("require_ssl_reuse", True, "pyftpdlib never looks whether the data channel resumed a session"),
    ("strict_ssl_read_eof", True, "pyftpdlib takes the end of a connection for close_notify"),
    ("require_cert", True, "pyftpdlib never asks the client for a certificate"),
    ("implicit_tls", True, "pyftpdlib has explicit TLS (AUTH TLS) only"),
    ("allow_anon_ssl", False, "pyftpdlib allows TLS to every user"),
)


AGENT = ServerAgent(
    name="pyftpdlib",
    argv=("/opt/lab/bin/python3", "/opt/lab/agents/server.py", "pyftpdlib"),
    files=(*AGENT_FILES, "pyftpdlib_program.py", "pyftpdlib_listener.py"),
)


@dataclass(frozen=True)
class Pyftpdlib:
    """Writes the listener's configuration, which is JSON."""

    name: str = "pyftpdlib"
    service: str = "pyftpdlib"
    agent: ServerAgent = AGENT

    def unsupported(self, settings: ServerSettings) -> str | None:
        """Why pyftpdlib has no way to do this; ``None`` if it has."""
        cause = unsupported_anywhere(settings) or unsupported_of_others(settings, ORIGIN_FIELDS)
        if cause:
            return cause
        for field, value, why in UNSUPPORTED:
            if getattr(settings, field) == value and isinstance(getattr(settings, field), bool):
                return f"{field}={str(value).lower()}: {why}"
        if settings.ssl_sni_hostname is not None:
            return f"ssl_sni_hostname={settings.ssl_sni_hostname}: pyftpdlib does not look at SNI"
        return None

    def configure(self, settings: ServerSettings, place: ListenerPlace) -> str:
        """The text of the JSON configuration; see :class:`lab.servers.base.Server`."""
        cause = self.unsupported(settings)
        if cause:
            raise ValueError(cause)
        first, last = passive_range(settings, place)
        attributes: dict[str, Any] = {"passive_ports": list(range(first, last + 1))}
        if place.pasv_address is not None:
            attributes["masquerade_address"] = place.pasv_address
        if settings.tls:
            attributes["tls_control_required"] = settings.tls_required_login
            attributes["tls_data_required"] = settings.tls_required_data
            attributes |= _certificate(settings, place)
        for line in settings.extra:
            name, _, value = line.partition("=")
            attributes[name.strip()] = _literal(value.strip())
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
            "protocols_off": (
                [version for version in PROTOCOLS if version not in settings.protocols]
                if settings.protocols is not None
                else None
            ),
        }
        return json.dumps(configuration, indent=2) + "\n"


def _certificate(settings: ServerSettings, place: ListenerPlace) -> dict[str, str]:
    if settings.certificate == CERTIFICATE_UNSET:
        return {}
    if settings.certificate == CERTIFICATE_EMPTY:
        return {"certfile": ""}
    if place.chain is None or place.private_key is None:
        raise ValueError(
            f"certificate={settings.certificate} needs files:"
            " the listener's place has no chain or no private_key"
        )
    return {"certfile": place.chain, "keyfile": place.private_key}


def _literal(text: str) -> Any:
    """A JSON value where it is one (``5``, ``true``, ``"x"``), else the text itself."""
    try:
        return json.loads(text)
    except ValueError:
        return text
