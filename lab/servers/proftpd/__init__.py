"""ProFTPD with mod_tls: settings to ``proftpd.conf``, which begins as Debian's package has it.

A field that is ``None`` is not written: what the module does by itself holds. What is always written,
whatever the settings, is in ``fixed.toml`` with the reason.

Two things are ProFTPD's own. Every data connection must resume the control connection's session unless
``TLSOptions NoSessionReuseRequired`` says otherwise: ``require_ssl_reuse`` is on by default. And
``TLSRSACertificateFile`` is read for one certificate: intermediates that follow in the file are sent only
if ``TLSCertificateChainFile`` names it as well, which is ``certificate_chain``.

Sources: ProFTPD 1.3.8's ``contrib/mod_tls.c`` (``tls_ctx_set_rsa_cert``, ``tls_ctx_set_cert_chain``,
``set_tlsoptions``, ``set_tlsrequired``) and ``modules/mod_core.c``; Debian's ``/etc/proftpd``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

from lab.model import PROTOCOLS, FtpServerSettings, setting
from lab.model.settings import CLIENT_CERTIFICATE_HELP, KEY_OF_HELP, PRESUMED_HELP
from lab.servers.base import ListenerPlace, Server, fixed_options, passive_range

FIXED = fixed_options(__file__)
#: Stands between the lines of a section, one entry of ``extra``: ``<Limit=STOR> ⏎ DenyAll ⏎ </Limit>``.
BLOCK_LINE = " \N{RETURN SYMBOL} "

#: TLSRequired, by what it is required for: the login, the data channel.
_REQUIRED = {
    (True, True): "on",
    (True, False): "ctrl",
    (False, True): "data",
    (False, False): "off",
}


@dataclass(frozen=True, kw_only=True)
class Proftpd(FtpServerSettings):
    """What a ProFTPD can be told."""

    hosts: ClassVar[Mapping[str, str]] = {
        "proftpd": "proftpd.lab.test",
        "proftpd@debian12": "proftpd-debian12.lab.test",
    }

    software: Literal["proftpd", "proftpd@debian12"] = "proftpd"
    certificate_chain: bool = setting(
        True, "TLSCertificateChainFile: the intermediates of the certificate's file are sent, too"
    )
    implicit_tls: bool = setting(False, "TLSOptions UseImplicitSSL: TLS from the first byte on")
    require_ssl_reuse: bool = setting(
        True,
        "the data channel must resume the control channel's session (off: NoSessionReuseRequired)",
    )
    require_cert: bool | None = setting(None, CLIENT_CERTIFICATE_HELP)
    key_of: str | None = setting(None, KEY_OF_HELP)
    presumed: tuple[str, ...] = setting((), PRESUMED_HELP)


@dataclass(frozen=True, kw_only=True)
class ProftpdServer(Server[Proftpd]):
    """Writes ``proftpd.conf``."""

    adds_up: ClassVar[frozenset[str]] = frozenset({"TLSOptions"})

    service: str = "proftpd-debian13"
    version: str = "1.3.8c"
    """As ``<IfVersion>`` compares it."""

    def option_of(self, line: str) -> str:
        """See :meth:`Server.option_of`."""
        return option_of(line)

    def configure(self, settings: Proftpd, place: ListenerPlace) -> str:
        """The text of ``proftpd.conf``; see :class:`lab.servers.base.Server`."""
        place = replace(place, passive_ports=passive_range(settings, place))
        lines = [option.line(place) for option in FIXED["always"]]
        lines += [f"{name} {value}" for name, value in self._directives(settings, place)]
        lines += [text for entry in settings.extra for text in _written(entry)]
        if settings.impostor:
            lines += [option.line(place) for option in FIXED["impostor"]]
        elif settings.anonymous:
            lines.append(f"<Anonymous {place.anonymous}>")
            lines += [f"  {option.line(place)}" for option in FIXED["anonymous"]]
            lines.append("</Anonymous>")
        return "\n".join(lines) + "\n"

    def _directives(self, settings: Proftpd, place: ListenerPlace) -> Iterator[tuple[str, str]]:
        yield "TLSEngine", _on_off(settings.tls)
        both = settings.tls_required_login, settings.tls_required_data
        # Of a directive that stands twice the first holds.
        if not any(entry.startswith("TLSRequired=") for entry in settings.extra):
            yield "TLSRequired", _REQUIRED[both]
        if certificate := place.certificate(settings):
            chain, key = certificate
            yield "TLSRSACertificateFile", word(chain)
            yield "TLSRSACertificateKeyFile", word(key)
            if settings.certificate_chain:
                yield "TLSCertificateChainFile", word(chain)
        if settings.ciphers is not None:
            yield "TLSCipherSuite", word(settings.ciphers)
        if settings.protocols is not None:
            yield "TLSProtocol", " ".join(v for v in PROTOCOLS if v in settings.protocols)
        options = {"UseImplicitSSL": settings.implicit_tls}
        options["NoSessionReuseRequired"] = not settings.require_ssl_reuse
        if any(options.values()):
            yield "TLSOptions", " ".join(name for name, on in options.items() if on)
        if settings.require_cert is not None:
            yield "TLSVerifyClient", _on_off(settings.require_cert)
            yield "TLSCACertificateFile", word(place.file("client_ca", "require_cert"))
        if place.pasv_address is not None:
            yield "MasqueradeAddress", word(place.pasv_address)


def option_of(line: str) -> str:
    """What a line sets, NAME VALUE or NAME=VALUE: a directive; suites of TLS 1.3 are a list of their own."""
    name, *values = re.split(r"[= ]+", line.strip(), maxsplit=2)
    apart = name == "TLSCipherSuite" and len(values) > 1 and values[0] == "TLSv1.3"
    return f"{name} {values[0]}" if apart else name


def _written(entry: str) -> Iterator[str]:
    """The lines of an entry of ``extra``: one, or those of a section."""
    first, *others = entry.split(BLOCK_LINE)
    yield " ".join(first.split("=", 1))
    yield from others


def word(value: str) -> str:
    """One parameter of a directive: in quotes where it has blanks, quotes or nothing in it."""
    if value and not any(char in value for char in ' "\\'):
        return value
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _on_off(value: bool) -> str:
    return "on" if value else "off"


SERVERS = (
    ProftpdServer(),
    ProftpdServer(name="proftpd@debian12", service="proftpd-debian12", version="1.3.8"),
)
