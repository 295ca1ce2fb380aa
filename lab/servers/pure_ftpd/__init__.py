"""Pure-FTPd: settings to ``pure-ftpd.conf``.

What is always written, whatever the settings, is in ``fixed.toml`` with the reason. The cipher list of
Debian's configuration, ``HIGH``, holds where the settings have none.

It has no option for versions of TLS: it begins at TLS 1.2, and where it ends is said to OpenSSL, in the
configuration file that its process is given (``OPENSSL_CONF``; openssl's config(5), ``MaxProtocol``). It has
none for implicit TLS, and never asks for a session to be resumed. A client certificate is asked for by a
prefix of the cipher list, ``-C:``, and verified with what is in the *server's* certificate file, where the CA
of the clients has to be, too.

Sources: Pure-FTPd 1.0.50's ``src/tls.c`` (``tls_init_library``, ``tls_init_server``),
``src/simpleconf_ftpd.h`` and ``src/ftpd.c``; Debian's ``/etc/pure-ftpd/conf``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

from lab.model import FtpServerSettings, ProtocolRange, setting
from lab.model.settings import CLIENT_CERTIFICATE_HELP, KEY_OF_HELP, PRESUMED_HELP
from lab.servers.base import ListenerPlace, Server, fixed_options, passive_range

FIXED = fixed_options(__file__)
#: Debian's ``/etc/pure-ftpd/conf/TLSCipherSuite``.
SHIPPED_LIST = "HIGH"

#: ``TLS``, by what is required: a login with TLS, data with TLS.
_TLS = {(False, False): "1", (True, False): "2", (True, True): "3"}
#: Before a line that is not of ``pure-ftpd.conf``: it belongs into the OpenSSL configuration of its process.
OPENSSL = "# openssl.cnf: "
_BOUNDS = {"minimum": "MinProtocol", "maximum": "MaxProtocol"}
#: What it speaks whatever OpenSSL is told.
_SPOKEN = ("TLSv1.2", "TLSv1.3")


def _can_be_said(protocols: ProtocolRange) -> bool:
    """Whether these are versions that it speaks; an open end below is its own."""
    return protocols.minimum in (None, *_SPOKEN) and protocols.maximum in (None, *_SPOKEN)


@dataclass(frozen=True, kw_only=True)
class PureFtpd(FtpServerSettings):
    """What a Pure-FTPd can be told."""

    hosts: ClassVar[Mapping[str, str]] = {
        "pure-ftpd": "pure-ftpd.lab.test",
        "pure-ftpd@debian12": "pure-ftpd-debian12.lab.test",
    }

    software: Literal["pure-ftpd", "pure-ftpd@debian12"] = "pure-ftpd"
    require_cert: bool | None = setting(None, CLIENT_CERTIFICATE_HELP)
    key_of: str | None = setting(None, KEY_OF_HELP)
    presumed: tuple[str, ...] = setting((), PRESUMED_HELP)


@dataclass(frozen=True, kw_only=True)
class PureFtpdServer(Server[PureFtpd]):
    """Writes ``pure-ftpd.conf``."""

    service: str = "pure-ftpd-debian13"

    def unsupported(self, settings: PureFtpd) -> str | None:
        """Why ``pure-ftpd.conf`` cannot say this; ``None`` if it can."""
        if settings.protocols is not None and not _can_be_said(settings.protocols):
            return "protocols: Pure-FTPd has no option for versions; it speaks TLS 1.2 and what is newer"
        if settings.anonymous:
            return (
                "anonymous: Pure-FTPd has one directory for anonymous users, that of the account ftp, which"
                " the lab's listeners would share"
            )
        if settings.tls and settings.tls_required_data and not settings.tls_required_login:
            return "tls_required_login=no: Pure-FTPd requires TLS for data only where it does for the login"
        if settings.require_cert and not settings.has_certificate:
            return "require_cert: the clients' CA is looked for in the certificate's file, and there is none"
        return super().unsupported(settings)

    def configure(self, settings: PureFtpd, place: ListenerPlace) -> str:
        """The text of ``pure-ftpd.conf``; see :class:`lab.servers.base.Server`."""
        place = replace(place, passive_ports=passive_range(settings, place))
        lines = [option.line(place) for option in FIXED["always"]]
        users = FIXED["impostor" if settings.impostor else "users"]
        lines += [option.line(place) for option in users]
        lines += self._lines(settings, place)
        lines += [" ".join(line.split("=", 1)) for line in settings.extra]
        return "\n".join(lines) + "\n"

    def _lines(self, settings: PureFtpd, place: ListenerPlace) -> Iterator[str]:
        both = settings.tls_required_login, settings.tls_required_data
        yield f"TLS {_TLS[both] if settings.tls else '0'}"
        demand = "-C:" if settings.require_cert else ""
        listed = SHIPPED_LIST if settings.ciphers is None else settings.ciphers
        yield f"TLSCipherSuite {demand}{listed}"
        for bound in ("minimum", "maximum"):
            if version := getattr(settings.protocols, bound, None):
                yield f"{OPENSSL}{_BOUNDS[bound]} = {version}"
        if certificate := place.certificate(settings):
            chain, key = certificate
            if not key:
                yield 'CertFile ""'
            else:
                file = f"{place.directory}/certificate.pem"
                anchors = [place.file("client_ca", "require_cert")] if settings.require_cert else []
                yield f"# joined: {file} {' '.join((key, chain, *anchors))}"
                yield f"CertFile {file}"
        if place.pasv_address is not None:
            yield f"ForcePassiveIP {place.pasv_address}"


SERVERS = (
    PureFtpdServer(),
    PureFtpdServer(name="pure-ftpd@debian12", service="pure-ftpd-debian12"),
)
