"""vsftpd: settings to ``vsftpd.conf``, for the build that reads it.

A field that is ``None`` is not written, so the build's own default decides. What is always written,
whatever the settings, is in ``fixed.toml`` with the reason; none of it changes how an attempt ends.

Not written on purpose, although containers suggest it: ``seccomp_sandbox`` (both builds ship it
off) and ``isolate``, ``isolate_network`` (on: without CAP_SYS_ADMIN vsftpd falls back to an
ordinary fork by itself, ``vsf_sysutil_fork_isolate_failok`` in its ``sysdeputil.c``).

Sources: ``parseconf.c`` of vsftpd 3.0.3 and 3.0.5 (the names it knows; one that it does not know ends it at
start with exit status 2), ``tunables.c`` (defaults), ``ssl.c``; for the build of Enterprise Linux 9
the patches to the same files.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

from lab.model import PROTOCOLS, FtpServerSettings, setting, spelt
from lab.model.settings import CLIENT_CERTIFICATE_HELP, PRESUMED_HELP, SNI_HELP
from lab.servers.base import ListenerPlace, Server, fixed_options, passive_range


@dataclass(frozen=True, kw_only=True)
class Vsftpd(FtpServerSettings):
    """What a vsftpd can be told."""

    hosts: ClassVar[Mapping[str, str]] = {
        "vsftpd": "ftp.lab.test",
        "vsftpd@3.0.3": "vsftpd-3-0-3.lab.test",
        "vsftpd@rocky9": "vsftpd-rocky9.lab.test",
        "vsftpd@openssl-1.0.2k": "vsftpd-openssl10.lab.test",
    }

    software: Literal["vsftpd", "vsftpd@3.0.3", "vsftpd@rocky9", "vsftpd@openssl-1.0.2k"] = "vsftpd"
    implicit_tls: bool = setting(False, "TLS from the first byte on")
    require_ssl_reuse: bool | None = setting(
        None, "the data channel must resume the control channel's session"
    )
    strict_ssl_read_eof: bool | None = setting(None, "an upload must end with close_notify")
    ssl_sni_hostname: str | None = setting(None, SNI_HELP, one_line=True)
    require_cert: bool | None = setting(None, CLIENT_CERTIFICATE_HELP)
    allow_anon_ssl: bool | None = setting(None, "anonymous sessions may use TLS")
    presumed: tuple[str, ...] = setting((), PRESUMED_HELP)


@dataclass(frozen=True)
class Build:
    """A build of vsftpd, as far as its configuration file differs.

    ``point`` stands for the point of a version in the name of its switch, ``default_ciphers`` is what holds
    without ``ssl_ciphers``.
    ``switched`` are the versions that have a switch: all others are on as far as the library has them.
    ``default_versions`` are on where no line switches any. ``lacks`` are options of 3.0.5 that it has not.
    ``version`` is vsftpd's own.
    """

    name: str
    point: str
    default_ciphers: str
    switched: tuple[str, ...] = PROTOCOLS
    default_versions: tuple[str, ...] = ("TLSv1.2", "TLSv1.3")
    lacks: frozenset[str] = frozenset()
    version: str = "3.0.5"

    @property
    def protocol_options(self) -> dict[str, str]:
        """The switches by protocol version."""
        return {v: f"ssl_{v.lower().replace('.', self.point)}" for v in self.switched}

    def switch(self, version: str, on: bool) -> str:
        """The line that switches a version on, or off."""
        return f"{self.protocol_options[version]}={_yes_no(on)}"

    @property
    def always_on(self) -> tuple[str, ...]:
        """The versions that no line switches off."""
        return tuple(v for v in PROTOCOLS if v not in self.switched)


#: Upstream 3.0.5 and the package of Debian 13 (3.0.5-0.2). Their manual page spells the switches
#: ``ssl_tlsv1_1`` and so on: the program does not know those names.
DEBIAN = Build("debian13", "", "ECDHE-RSA-AES256-GCM-SHA384")
#: The package of Enterprise Linux 9 (3.0.5-4.el9 and later).
EL9 = Build("el9", "_", "PROFILE=SYSTEM")
#: Upstream 3.0.3 and the package of Debian 12 (3.0.3-13): written before TLS 1.1 had a switch.
DEBIAN_12 = Build(
    "debian12",
    "",
    "ECDHE-RSA-AES256-GCM-SHA384",
    switched=("SSLv3", "TLSv1"),
    default_versions=PROTOCOLS[1:],
    lacks=frozenset({"ssl_sni_hostname"}),
    version="3.0.3",
)

FIXED = fixed_options(__file__)


@dataclass(frozen=True, kw_only=True)
class VsftpdServer(Server[Vsftpd]):
    """Writes ``vsftpd.conf`` for one build.

    ``newest`` is the newest protocol version that ``library`` speaks. The build knows the switches of
    newer ones all the same; they turn nothing on or off.
    """

    build: Build = DEBIAN
    library: str = "OpenSSL"
    newest: str = PROTOCOLS[-1]

    def option_of(self, line: str) -> str:
        """See :meth:`Server.option_of`; a blank before ``=`` belongs to the name, which is unknown then."""
        return line.partition("=")[0]

    def unsupported(self, settings: Vsftpd) -> str | None:
        """Why ``vsftpd.conf`` of this build cannot say this; ``None`` if it can."""
        spoken = PROTOCOLS[: PROTOCOLS.index(self.newest) + 1]
        if settings.protocols is not None:
            wanted = settings.protocols.versions()
            if not set(spoken) & set(wanted):
                return f"protocols is {settings.protocols}: {self.library} ends at {self.newest}"
            if not set(self.build.always_on) <= set(wanted):
                return (
                    f"protocols is {settings.protocols}: the build {self.build.name} has no switch for"
                    f" {', '.join(self.build.always_on)}, which are all on"
                )
        if settings.ssl_sni_hostname is not None and "ssl_sni_hostname" in self.build.lacks:
            return f"the build {self.build.name} has no option ssl_sni_hostname"
        return super().unsupported(settings)

    def configure(self, settings: Vsftpd, place: ListenerPlace) -> str:
        """The text of ``vsftpd.conf``; see :class:`lab.servers.base.Server`."""
        place = replace(place, passive_ports=passive_range(settings, place))
        fixed = [*FIXED["always"], *(FIXED["anonymous"] if settings.anonymous else ())]
        lines = [option.line(place, "=") for option in fixed]
        lines += [f"{option}={_yes_no(value)}" for option, value in self._options(settings, place)]
        lines += settings.extra
        if settings.impostor:
            lines += [option.line(place, "=") for option in FIXED["impostor"]]
        return "\n".join(lines) + "\n"

    def _options(self, settings: Vsftpd, place: ListenerPlace) -> Iterator[tuple[str, bool | str]]:
        yield "ssl_enable", settings.tls
        yield "implicit_ssl", settings.implicit_tls
        yield "force_local_logins_ssl", settings.tls_required_login
        yield "force_local_data_ssl", settings.tls_required_data
        yield "anonymous_enable", settings.anonymous
        if certificate := place.certificate(settings):
            yield "rsa_cert_file", certificate[0]
            if certificate[1]:
                # The option takes a key of any type, whatever its name says.
                yield "rsa_private_key_file", certificate[1]
        if settings.protocols is not None:
            for version, option in self.build.protocol_options.items():
                yield option, version in settings.protocols
        optional: dict[str, bool | str | None] = {
            "ssl_ciphers": settings.ciphers,
            "require_ssl_reuse": settings.require_ssl_reuse,
            "strict_ssl_read_eof": settings.strict_ssl_read_eof,
            "ssl_sni_hostname": settings.ssl_sni_hostname,
            "require_cert": settings.require_cert,
            "allow_anon_ssl": settings.allow_anon_ssl,
            "pasv_address": place.pasv_address,
        }
        for option, value in optional.items():
            if value is not None:
                yield option, value
        if settings.require_cert is not None:
            # Names the issuers that the server asks for. Whether a certificate must also verify
            # against them is vsftpd's validate_cert, off by default: any certificate will do.
            yield "ca_certs_file", place.file("client_ca", "require_cert")


def _yes_no(value: bool | str) -> str:
    return spelt(value).upper() if isinstance(value, bool) else value


SERVERS = (
    VsftpdServer(),
    VsftpdServer(build=DEBIAN_12, name="vsftpd@3.0.3", service="vsftpd-3-0-3"),
    VsftpdServer(build=EL9, name="vsftpd@rocky9", service="vsftpd-rocky9"),
    VsftpdServer(
        name="vsftpd@openssl-1.0.2k",
        service="vsftpd-openssl10",
        library="OpenSSL 1.0.2k",
        newest="TLSv1.2",
    ),
)
