"""The lab's own web origin: settings to the configuration of ``lab/servers/origin/agent/origin_listener.py``.

A small program on Python's ``ssl``, and so on the OpenSSL of the image that it runs in. It serves, and
it can do what no web server can be configured to (:data:`lab.model.BEHAVIOURS`). A field that is
``None`` leaves the interpreter's own default. Without a certificate it starts, as a program that
forgot to load one does, and the handshake fails.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from lab.model import BEHAVIOURS, CERTIFICATE_EMPTY, CERTIFICATE_UNSET, PROTOCOLS, ServerSettings
from lab.servers.base import (
    AGENT_FILES,
    FTP_FIELDS,
    ListenerPlace,
    ServerAgent,
    unsupported_anywhere,
    unsupported_of_others,
)

#: Behaviours that need no TLS: the others are about a handshake.
WITHOUT_TLS = ("serve", "plain-http", "ftp-banner", "close-after-request")
#: Behaviours that come to a request and to an answer.
ANSWERING = ("serve", "plain-http")

AGENT = ServerAgent(
    name="origin",
    argv=("/opt/lab/bin/python3", "/opt/lab/agents/server.py", "origin"),
    files=(
        *AGENT_FILES,
        "origin_program.py",
        "origin_listener.py",
        "origin_tls.py",
        "client_hello.py",
        "openssl_library.py",
    ),
)


@dataclass(frozen=True)
class Origin:
    """Writes the listener's configuration, which is JSON.

    ``spoken`` are the protocol versions that ``library`` can do; ``has_packet_filter`` says whether
    there is nftables in the image.
    """

    name: str = "origin"
    service: str = "origin"
    agent: ServerAgent = AGENT
    library: str = "Debian's OpenSSL"
    spoken: tuple[str, ...] = PROTOCOLS[1:]
    has_packet_filter: bool = True

    def unsupported(self, settings: ServerSettings) -> str | None:
        """Why the origin has no way to do this; ``None`` if it has."""
        return (
            unsupported_anywhere(settings)
            or unsupported_of_others(settings, FTP_FIELDS)
            or self._unsupported(settings)
        )

    def _unsupported(self, settings: ServerSettings) -> str | None:
        behaviour = settings.behaviour
        if behaviour not in BEHAVIOURS:
            return f"behaviour is {behaviour!r}: it is one of {', '.join(BEHAVIOURS)}"
        if not settings.tls and behaviour not in WITHOUT_TLS:
            return f"behaviour={behaviour}: it is about a handshake, and tls is off"
        if settings.answer_delay_s is not None and behaviour not in ANSWERING:
            return f"answer_delay_s={settings.answer_delay_s:g}: {behaviour} never answers"
        if settings.certificate_by_name:
            return "certificate_by_name: the origin has one certificate for every name; nginx can"
        if settings.extra:
            return "extra: the origin has no configuration file to write lines into"
        if settings.port_filter != "open" and not self.has_packet_filter:
            return f"port_filter={settings.port_filter}: {self.name}'s image has no packet filter"
        if self._versions(settings) == []:
            if behaviour == "no-secure-renegotiation":
                return f"behaviour={behaviour}: it takes a ServerHello of TLSv1.2"
            first, last = self.spoken[0], self.spoken[-1]
            return f"protocols is {settings.protocols}: {self.library} speaks {first} to {last}"
        return None

    def _versions(self, settings: ServerSettings) -> list[str] | None:
        if settings.behaviour == "no-secure-renegotiation":
            asked: Sequence[str] = ("TLSv1.2",)
        elif settings.protocols is None:
            return None
        else:
            asked = self.spoken
        return [v for v in asked if settings.protocols is None or v in settings.protocols]

    def configure(self, settings: ServerSettings, place: ListenerPlace) -> str:
        """The text of the JSON configuration; see :class:`lab.servers.base.Server`."""
        cause = self.unsupported(settings)
        if cause:
            raise ValueError(cause)
        chain, key = _certificate(settings, place)
        if settings.require_cert and place.client_ca is None:
            raise ValueError("require_cert needs a file: the listener's place has no client_ca")
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
            "client_ca": place.client_ca if settings.require_cert else None,
            "server_name": settings.ssl_sni_hostname,
        }
        return json.dumps(configuration, indent=2) + "\n"


def _certificate(settings: ServerSettings, place: ListenerPlace) -> tuple[str | None, str | None]:
    if settings.certificate == CERTIFICATE_UNSET or not settings.tls:
        return None, None
    if settings.certificate == CERTIFICATE_EMPTY:
        return "", ""
    if place.chain is None or place.private_key is None:
        raise ValueError(
            f"certificate={settings.certificate} needs files:"
            " the listener's place has no chain or no private_key"
        )
    return place.chain, place.private_key
