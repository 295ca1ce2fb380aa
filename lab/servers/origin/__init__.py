"""The lab's own web origin: settings to the configuration of ``lab/servers/origin/agent/origin_program.py``.

A small program on Python's ``ssl``, and so on the OpenSSL of the image that it runs in. It serves, and
it can do what no web server can be configured to (:data:`BEHAVIOURS`). A field that is
``None`` leaves the interpreter's own default. Without a certificate it starts, as a program that
forgot to load one does, and the handshake fails.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar, Literal

from lab.model import PROTOCOLS, WebServerSettings, setting
from lab.servers.base import ListenerPlace, Server

#: What it can do on its port.
BEHAVIOURS: Mapping[str, str] = MappingProxyType(
    {
        "serve": "TLS, and a page",
        "plain-http": "HTTP without TLS on the TLS port",
        "ftp-banner": "speaks first, as an FTP server does, without TLS",
        "alert-internal-error": "answers the ClientHello with alert 80, as a server that fails inside",
        "alert-handshake-failure": "answers the ClientHello with alert 40",
        "alert-unrecognized-name": "answers the ClientHello with alert 112",
        "close": "closes the connection after the ClientHello",
        "reset": "resets the connection after the ClientHello",
        "silent": "accepts, and never answers the ClientHello",
        "no-secure-renegotiation": "a ServerHello without RFC 5746's extension",
        "close-after-request": "completes the handshake, and closes without an answer",
    }
)
BEHAVIOUR_HELP = f"what the origin does instead of serving: {', '.join(BEHAVIOURS)}"
#: Behaviours that need no TLS: the others are about a handshake.
WITHOUT_TLS = ("serve", "plain-http", "ftp-banner", "close-after-request")
#: Behaviours that come to a request and to an answer.
ANSWERING = ("serve", "plain-http")


@dataclass(frozen=True, kw_only=True)
class Origin(WebServerSettings):
    """What the lab's own origin can be told."""

    hosts: ClassVar[Mapping[str, str]] = {
        "origin": "origin.lab.test",
        "origin@openssl-1.0.2k": "origin-openssl10.lab.test",
    }

    software: Literal["origin", "origin@openssl-1.0.2k"] = "origin"
    behaviour: str = setting("serve", BEHAVIOUR_HELP, words=BEHAVIOURS)
    answer_delay_s: float | None = setting(
        None, "the origin waits so long before it answers a request"
    )


@dataclass(frozen=True, kw_only=True)
class OriginServer(Server[Origin]):
    """Writes the listener's configuration, which is JSON.

    ``spoken`` are the protocol versions that ``library`` can do; ``has_packet_filter`` says whether
    there is nftables in the image.
    """

    library: str = "Debian's OpenSSL"
    spoken: tuple[str, ...] = PROTOCOLS[1:]
    has_packet_filter: bool = True

    def unsupported(self, settings: Origin) -> str | None:
        """Why the origin has no way to do this; ``None`` if it has."""
        if cause := super().unsupported(settings):
            return cause
        behaviour = settings.behaviour
        if not settings.tls and behaviour not in WITHOUT_TLS:
            return f"behaviour={behaviour}: it is about a handshake, and tls is off"
        if settings.answer_delay_s is not None and behaviour not in ANSWERING:
            return f"answer_delay_s={settings.answer_delay_s:g}: {behaviour} never answers"
        for name in ("port_filter", "hello_filter"):
            verdict = getattr(settings, name)
            if verdict != "open" and not self.has_packet_filter:
                return f"{name}={verdict}: {self.name}'s image has no packet filter"
        if self._versions(settings) == []:
            if behaviour == "no-secure-renegotiation":
                return f"behaviour={behaviour}: it takes a ServerHello of TLSv1.2"
            first, last = self.spoken[0], self.spoken[-1]
            return f"protocols is {settings.protocols}: {self.library} speaks {first} to {last}"
        return None

    def _versions(self, settings: Origin) -> list[str] | None:
        if settings.behaviour == "no-secure-renegotiation":
            asked: Sequence[str] = ("TLSv1.2",)
        elif settings.protocols is None:
            return None
        else:
            asked = self.spoken
        return [v for v in asked if settings.protocols is None or v in settings.protocols]

    def configure(self, settings: Origin, place: ListenerPlace) -> str:
        """The text of the JSON configuration; see :class:`lab.servers.base.Server`."""
        certificate = place.certificate(settings) if settings.tls else None
        chain, key = certificate or (None, None)
        client_ca = place.file("client_ca", "require_cert") if settings.require_cert else None
        configuration = {
            "address": place.address,
            "port": place.port,
            "log": place.log,
            "behaviour": settings.behaviour,
            "answer_delay_s": settings.answer_delay_s,
            "captured": place.captured if settings.impostor else None,
            "tls": settings.tls,
            "chain": chain,
            "private_key": key,
            "ciphers": settings.ciphers,
            "versions": self._versions(settings),
            "dh_group": place.dh_group if settings.dh_bits else None,
            "client_ca": client_ca,
            "server_name": settings.ssl_sni_hostname,
        }
        return json.dumps(configuration, indent=2) + "\n"


SERVERS = (
    OriginServer(),
    OriginServer(
        name="origin@openssl-1.0.2k",
        service="origin-openssl10",
        library="OpenSSL 1.0.2k",
        spoken=PROTOCOLS[:4],
        has_packet_filter=False,
    ),
)
