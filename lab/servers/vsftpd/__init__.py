"""vsftpd: settings to ``vsftpd.conf``, for the build that reads it.

A field that is ``None`` is not written, so the build's own default decides. What is always written,
whatever the settings, is in :data:`ALWAYS` with the reason; none of it changes how an attempt ends.

Not written on purpose, although containers suggest it: ``seccomp_sandbox`` (both builds ship it
off) and ``isolate``, ``isolate_network`` (on: without CAP_SYS_ADMIN vsftpd falls back to an
ordinary fork by itself, ``vsf_sysutil_fork_isolate_failok`` in its ``sysdeputil.c``).

Sources: vsftpd 3.0.5's ``parseconf.c`` (the names it knows; one that it does not know ends it at
start with exit status 2), ``tunables.c`` (defaults), ``ssl.c``; for the build of Enterprise Linux 9
the patches to the same files.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

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


@dataclass(frozen=True)
class Build:
    """A build of vsftpd, as far as its configuration file differs.

    ``protocol_options`` are the switches by protocol version, ``default_ciphers`` is what holds
    without ``ssl_ciphers``; ``ciphersuites_option`` governs TLS 1.3, where there is such an option.
    """

    name: str
    protocol_options: Mapping[str, str]
    ciphersuites_option: str | None
    default_ciphers: str


#: Upstream 3.0.5 and the package of Debian 13 (3.0.5-0.2). Their manual page spells the switches
#: ``ssl_tlsv1_1`` and so on: the program does not know those names.
DEBIAN = Build(
    name="debian13",
    protocol_options={
        "SSLv3": "ssl_sslv3",
        "TLSv1": "ssl_tlsv1",
        "TLSv1.1": "ssl_tlsv11",
        "TLSv1.2": "ssl_tlsv12",
        "TLSv1.3": "ssl_tlsv13",
    },
    ciphersuites_option=None,
    default_ciphers="ECDHE-RSA-AES256-GCM-SHA384",
)

#: The package of Enterprise Linux 9 (3.0.5-4.el9 and later).
EL9 = Build(
    name="el9",
    protocol_options={
        "SSLv3": "ssl_sslv3",
        "TLSv1": "ssl_tlsv1",
        "TLSv1.1": "ssl_tlsv1_1",
        "TLSv1.2": "ssl_tlsv1_2",
        "TLSv1.3": "ssl_tlsv1_3",
    },
    ciphersuites_option="ssl_ciphersuites",
    default_ciphers="PROFILE=SYSTEM",
)


@dataclass(frozen=True)
class Always:
    """An option that is written for every listener, and why that changes no outcome."""

    option: str
    value: str
    reason: str


#: Written for every listener. Values in braces come from the listener's place.
ALWAYS = (
    Always("listen", "YES", "a listener is a process of its own; the builds differ in the default"),
    Always("listen_ipv6", "NO", "goes with listen: vsftpd refuses to start with both"),
    Always("listen_address", "{address}", "the container's address"),
    Always("listen_port", "{port}", "one port a listener, so that a log has one attempt at a time"),
    Always("background", "NO", "the agent is the parent: it sees the end and the last words"),
    Always(
        "pasv_min_port", "{first}", "the packet filter (data_ports) acts on one listener's ports"
    ),
    Always("pasv_max_port", "{last}", "as pasv_min_port"),
    Always("local_enable", "YES", "the user `lab` can log in; off in upstream, on in packages"),
    Always("write_enable", "YES", "the goal of an attempt is an upload; off in every build"),
    Always("local_root", "{uploads}", "an upload directory for each listener; not a chroot"),
    Always("xferlog_enable", "YES", "evidence: without it there is no log at all"),
    Always("xferlog_std_format", "NO", "evidence: vsftpd's own log format, not wu-ftpd's"),
    Always("vsftpd_log_file", "{log}", "evidence: a log for each listener"),
    Always("log_ftp_protocol", "YES", "evidence: commands and replies; ftpcmdio.c only logs them"),
    Always("debug_ssl", "YES", "evidence: version, cipher, reuse, errors; ssl.c only logs them"),
)

#: Written when ``anonymous`` is on, beside ``anonymous_enable``.
ANONYMOUS = (
    Always("anon_root", "{anonymous}", "an upload directory for each listener"),
    Always("anon_upload_enable", "YES", "the goal of an attempt is an upload"),
    Always(
        "anon_other_write_enable",
        "YES",
        "anonymous users may not be able to write to their root, so that the agent makes the file"
        " there and the upload overwrites it",
    ),
)

#: Written when ``impostor`` is on: who logs in becomes ``user``, whatever the name and the password.
IMPOSTOR = (
    Always(
        "pam_service_name", "{pam_service}", "a PAM service that takes every login and notes it"
    ),
    Always("guest_enable", "YES", "a name that is no account of the system is taken too"),
    Always("guest_username", "{user}", "its files are this account's"),
    Always("virtual_use_local_privs", "YES", "with the rights of a named user, not of a guest"),
)


AGENT = ServerAgent(
    name="vsftpd",
    argv=("/opt/lab/bin/python3", "/opt/lab/agents/server.py", "vsftpd"),
    files=(
        *AGENT_FILES,
        "vsftpd_program.py",
        "openssl_library.py",
        "record_login.sh",
    ),
)


@dataclass(frozen=True)
class Vsftpd:
    """Writes ``vsftpd.conf`` for one build.

    ``newest`` is the newest protocol version that ``library`` speaks. The build knows the switches of
    newer ones all the same; they turn nothing on or off.
    """

    build: Build = DEBIAN
    name: str = "vsftpd"
    service: str = "vsftpd"
    agent: ServerAgent = AGENT
    library: str = "OpenSSL"
    newest: str = PROTOCOLS[-1]

    def unsupported(self, settings: ServerSettings) -> str | None:
        """Why ``vsftpd.conf`` of this build cannot say this; ``None`` if it can."""
        cause = unsupported_anywhere(settings) or unsupported_of_others(settings, ORIGIN_FIELDS)
        if cause:
            return cause
        spoken = PROTOCOLS[: PROTOCOLS.index(self.newest) + 1]
        if settings.protocols is not None and not set(spoken) & set(settings.protocols.versions()):
            return f"protocols is {settings.protocols}: {self.library} ends at {self.newest}"
        return None

    def configure(self, settings: ServerSettings, place: ListenerPlace) -> str:
        """The text of ``vsftpd.conf``; see :class:`lab.servers.base.Server`."""
        cause = self.unsupported(settings)
        if cause:
            raise ValueError(cause)
        first, last = passive_range(settings, place)
        values = {
            "address": place.address,
            "port": place.port,
            "first": first,
            "last": last,
            "uploads": place.uploads,
            "anonymous": place.anonymous,
            "log": place.log,
            "pam_service": place.pam_service,
            "user": place.user,
        }
        always = [
            *ALWAYS,
            *(ANONYMOUS if settings.anonymous else ()),
            *(IMPOSTOR if settings.impostor else ()),
        ]
        lines = [f"{entry.option}={entry.value.format_map(values)}" for entry in always]
        lines += [f"{option}={_written(value)}" for option, value in self._options(settings, place)]
        lines += settings.extra
        return "\n".join(lines) + "\n"

    def _options(
        self, settings: ServerSettings, place: ListenerPlace
    ) -> Iterator[tuple[str, bool | str]]:
        yield "ssl_enable", settings.tls
        yield "implicit_ssl", settings.implicit_tls
        yield "force_local_logins_ssl", settings.tls_required_login
        yield "force_local_data_ssl", settings.tls_required_data
        yield "anonymous_enable", settings.anonymous
        yield from _certificate(settings, place)
        if settings.protocols is not None:
            for version in PROTOCOLS:
                yield self.build.protocol_options[version], version in settings.protocols
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
            yield "ca_certs_file", _path(place.client_ca, "require_cert", "client_ca")


def _certificate(settings: ServerSettings, place: ListenerPlace) -> Iterator[tuple[str, str]]:
    if settings.certificate == CERTIFICATE_UNSET:
        return
    if settings.certificate == CERTIFICATE_EMPTY:
        yield "rsa_cert_file", ""
        return
    # The options take a key of any type, whatever their names say.
    named = f"certificate={settings.certificate}"
    yield "rsa_cert_file", _path(place.chain, named, "chain")
    yield "rsa_private_key_file", _path(place.private_key, named, "private_key")


def _path(path: str | None, setting: str, field: str) -> str:
    if path is None:
        raise ValueError(f"{setting} needs a file: the listener's place has no {field}")
    return path


def _written(value: bool | str) -> str:
    if isinstance(value, bool):
        return "YES" if value else "NO"
    return value
