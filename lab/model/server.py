"""The settings of a server."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from lab.model.protocols import ProtocolRange
from lab.model.software import ORIGINS, SERVER_HOSTS

#: ``ServerSettings.certificate``: the option is not in the configuration at all / present but empty.
CERTIFICATE_UNSET = "unset"
CERTIFICATE_EMPTY = "empty"

#: What a web origin can do on its port (``ServerSettings.behaviour``); all but ``serve`` is in the lab's
#: own origin only, since no web server can be configured to it.
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


@dataclass(frozen=True, kw_only=True)
class ServerSettings:
    """Everything on the server's side that can change an outcome.

    ``None`` means that the server's own default holds. Names follow vsftpd.conf(5) where it has the
    option, because that is what an operator has in front of them.
    """

    software: str = field(
        default="vsftpd",
        metadata={
            "help": "an FTP server: vsftpd, pyftpdlib, vsftpd@rocky9, vsftpd@openssl-1.0.2k;"
            " a web origin: nginx, origin, origin@openssl-1.0.2k"
        },
    )
    certificate: str = field(
        default="valid",
        metadata={"help": "a certificate of the catalogue; `unset`: no option; `empty`: no value"},
    )
    ciphers: str | None = field(
        default=None, metadata={"help": "ssl_ciphers: TLS 1.2 and older (OpenSSL cipher list)"}
    )
    protocols: ProtocolRange | None = field(
        default=None, metadata={"help": "versions offered, e.g. TLSv1.2, ..TLSv1.2, TLSv1.2.."}
    )
    tls: bool = field(default=True, metadata={"help": "ssl_enable: TLS at all"})
    tls_required_login: bool = field(
        default=True, metadata={"help": "force_local_logins_ssl: no login in clear text"}
    )
    tls_required_data: bool = field(
        default=True, metadata={"help": "force_local_data_ssl: no data channel in clear text"}
    )
    require_ssl_reuse: bool | None = field(
        default=None,
        metadata={"help": "the data channel must resume the control channel's session"},
    )
    strict_ssl_read_eof: bool | None = field(
        default=None, metadata={"help": "an upload must end with close_notify"}
    )
    ssl_sni_hostname: str | None = field(
        default=None, metadata={"help": "refuse a handshake that names another host"}
    )
    require_cert: bool | None = field(
        default=None, metadata={"help": "the client must present a certificate"}
    )
    implicit_tls: bool = field(default=False, metadata={"help": "TLS from the first byte on"})
    anonymous: bool = field(default=False, metadata={"help": "anonymous logins are allowed"})
    allow_anon_ssl: bool | None = field(
        default=None, metadata={"help": "anonymous sessions may use TLS"}
    )
    pasv_address: str | None = field(
        default=None,
        metadata={
            "help": "the address that the server announces for passive mode, or the container whose"
            " address that is, e.g. silent, which answers nobody"
        },
    )
    pasv_ports: str | None = field(
        default=None, metadata={"help": "range of passive ports, e.g. 30000-30009"}
    )
    data_ports: str = field(
        default="open",
        metadata={
            "help": "what a packet filter does to passive data ports: open, dropped, rejected"
        },
    )
    listening: bool = field(
        default=True, metadata={"help": "off: nothing listens on the server's port"}
    )
    port_filter: str = field(
        default="open",
        metadata={
            "help": "what a packet filter does to the server's own port: open, dropped, rejected"
        },
    )
    port_allowed: str | None = field(
        default=None,
        metadata={
            "help": "the client's container whose address that filter lets through, e.g. edge"
        },
    )
    behaviour: str = field(
        default="serve",
        metadata={"help": "what the origin does instead of serving: " + ", ".join(BEHAVIOURS)},
    )
    answer_delay_s: float | None = field(
        default=None, metadata={"help": "the origin waits so long before it answers a request"}
    )
    dh_bits: int | None = field(
        default=None, metadata={"help": "size of the group for DHE suites, in bits"}
    )
    certificate_by_name: bool = field(
        default=False,
        metadata={"help": "the certificate is looked up by the name that the client sends (SNI)"},
    )
    impostor: bool = field(
        default=False,
        metadata={"help": "the server lets every user in, whatever the password, and notes both"},
    )
    extra: tuple[str, ...] = field(
        default=(), metadata={"help": "further configuration lines, verbatim"}
    )

    @property
    def host(self) -> str:
        """The DNS name under which this software is reached in the lab's zone."""
        return SERVER_HOSTS[self.software]

    @property
    def is_origin(self) -> bool:
        """Whether it is a web origin; the other servers speak FTP."""
        return self.software in ORIGINS

    @property
    def tls_first(self) -> bool:
        """Whether TLS is spoken from the first byte on: no AUTH TLS comes before it."""
        return self.implicit_tls or self.is_origin
