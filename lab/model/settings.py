"""The settings of servers and clients: what all have, what those of FTP have, what those of the web have.

Each server and each client program narrows its family in its own folder (``lab/servers/NAME``,
``lab/clients/NAME``): a class there has exactly the fields that the program can be told. ``None`` means that
the program's own default holds. Names of a server's fields follow vsftpd.conf(5) where it has the option,
because that is what an operator has in front of them.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping
from dataclasses import KW_ONLY, dataclass
from typing import ClassVar, Literal, TypeVar

from lab.model.software import CLIENT_CONTAINERS, PLATFORMS
from lab.model.vocabulary import Goal, ProtocolRange

#: ``ServerSettings.certificate``: the option is not in the configuration at all / present but empty.
CERTIFICATE_UNSET = "unset"
CERTIFICATE_EMPTY = "empty"

#: ``ClientSettings.host``: the server's IP address.
HOST_ADDRESS = "address"

#: What a packet filter does with what comes to a port.
Filter = Literal["open", "dropped", "rejected"]

#: The same, where it may open those ports that it reads in clear text on the control connection.
DataFilter = Literal["open", "dropped", "rejected", "followed"]

#: Help of fields that are in several classes.
SNI_HELP = "refuse a handshake that names another host"
CLIENT_CERTIFICATE_HELP = "the client must present a certificate"
PRESUMED_HELP = (
    "what must hold on your server, which the lab does not have, for a completion to count"
)
KEY_OF_HELP = (
    "a certificate of the catalogue whose private key is configured in the place of the right one"
)
EXTRA_HELP = "a further configuration line, verbatim"
VERIFY_NAME_HELP = "the name the certificate must have (default: the host)"
SNI_SENT_HELP = "server name to send (default: the host; empty: send none)"
PIN_HELP = "accept exactly this certificate: a slug of the catalogue (pinning)"
OPTIONS_HELP = "a further word on the command line, verbatim"
REFUSE_RC4_HELP = "leave a connection that has come to an RC4 suite"

T = TypeVar("T")

_PORTS = re.compile(r"(\d{1,5})-(\d{1,5})", re.ASCII)


def setting(
    default: T,
    help_text: str,
    *,
    one_line: bool = False,
    words: Iterable[str] = (),
    says_more: T | None = None,
) -> T:
    """A field of settings.

    Args:
        default: its value where nothing is set.
        help_text: what it is, for the command line's help and the record's schema.
        one_line: the value is written into a configuration as it is: it must be one printable line.
        words: the values that there are, where the type does not say it.
        says_more: the value with which the program's log says more of a failure.
    """
    metadata = {"description": help_text, "one_line": one_line, "says_more": says_more}
    return dataclasses.field(default=default, metadata=metadata | {"words": tuple(words)})


def spelt(value: object) -> str:
    """A value as people write it: ``yes`` and ``no`` for booleans."""
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def parse_ports(text: str) -> tuple[int, int]:
    """Read ``30000-30009``.

    Raises:
        ValueError: anything else, or a range that is empty or outside 1-65535.
    """
    match = _PORTS.fullmatch(text)
    first, last = (int(match[1]), int(match[2])) if match else (0, 0)
    if not 1 <= first <= last <= 65535:
        raise ValueError(f"{text!r} is no range of ports: write FIRST-LAST, such as 30000-30009")
    return first, last


@dataclass(frozen=True, kw_only=True)
class ServerSettings:
    """What every server has, of whichever family.

    Fields that some servers have are called alike in all of them: ``ssl_sni_hostname``, ``key_of``,
    ``implicit_tls``, ``require_cert``. What follows from them is said here.
    """

    speaks: ClassVar[str]
    """The protocol above TLS."""
    hosts: ClassVar[Mapping[str, str]] = {}
    """The builds of this server in the lab, by ``software``, each with its DNS name in the lab's zone."""

    software: str
    certificate: str = setting(
        "valid", "a certificate of the catalogue; `unset`: no option; `empty`: no value"
    )
    ciphers: str | None = setting(
        None, "cipher list for TLS 1.2 and older, as OpenSSL writes it", one_line=True
    )
    protocols: ProtocolRange | None = setting(
        None, "versions offered, e.g. TLSv1.2, ..TLSv1.2, TLSv1.2.."
    )
    tls: bool = setting(True, "TLS at all (off: none is offered)")
    listening: bool = setting(True, "off: nothing listens on the server's port")
    port_filter: Filter = setting(
        "open", "what a packet filter does to the server's own port: open, dropped, rejected"
    )
    port_allowed: str | None = setting(
        None,
        "the client's container whose address that filter lets through, e.g. edge",
        words=CLIENT_CONTAINERS,
    )
    hello_filter: Literal["open", "dropped"] = setting(
        "open",
        "dropped: a middle-box drops a ClientHello that does not fit into one TCP segment, as one with a"
        " post-quantum key share",
    )
    impostor: bool = setting(
        False, "the server lets every user in, whatever the password, and notes both"
    )

    @property
    def host(self) -> str:
        """The DNS name under which this software is reached in the lab's zone."""
        return self.hosts[self.software]

    @property
    def server_name(self) -> str:
        """The name that a client must ask for (SNI) where the server looks at it."""
        return getattr(self, "ssl_sni_hostname", None) or self.host

    @property
    def has_certificate(self) -> bool:
        """Whether ``certificate`` names one."""
        return self.certificate not in (CERTIFICATE_UNSET, CERTIFICATE_EMPTY)

    @property
    def key_slug(self) -> str:
        """The certificate of the catalogue whose private key is configured."""
        return getattr(self, "key_of", None) or self.certificate

    @property
    def tls_first(self) -> bool:
        """Whether TLS is spoken from the first byte on: no AUTH TLS comes before it."""
        return getattr(self, "implicit_tls", False)

    @property
    def asks_for_certificate(self) -> bool:
        """Whether a client must present a certificate."""
        return bool(getattr(self, "require_cert", None))


@dataclass(frozen=True, kw_only=True)
class FtpServerSettings(ServerSettings):
    """What every FTP server has."""

    speaks: ClassVar[str] = "FTP"

    tls_required_login: bool = setting(True, "no login in clear text")
    tls_required_data: bool = setting(True, "no data channel in clear text")
    anonymous: bool = setting(False, "anonymous logins are allowed")
    pasv_address: str | None = setting(
        None,
        "the address that the server announces for passive mode, or the container whose address that"
        " is, e.g. silent, which answers nobody",
        one_line=True,
    )
    pasv_ports: str | None = setting(None, "range of passive ports, e.g. 30000-30009")
    data_ports: DataFilter = setting(
        "open",
        "what a packet filter does to passive data ports: open, dropped, rejected; followed: it opens"
        " those that it can read in the server's replies, and drops what comes to the others",
    )
    client_nat: bool = setting(
        False, "a NAT is before the clients: the server sees another address than their own"
    )
    extra: tuple[str, ...] = setting((), EXTRA_HELP)


@dataclass(frozen=True, kw_only=True)
class WebServerSettings(ServerSettings):
    """What every web origin has."""

    speaks: ClassVar[str] = "HTTP"

    ssl_sni_hostname: str | None = setting(None, SNI_HELP, one_line=True)
    require_cert: bool | None = setting(None, CLIENT_CERTIFICATE_HELP)
    dh_bits: Literal[768, 1024, 2048] | None = setting(
        None, "size of the group for DHE suites, in bits: 768, 1024 or 2048"
    )

    @property
    def tls_first(self) -> bool:
        """See :attr:`ServerSettings.tls_first`."""
        return True


@dataclass(frozen=True)
class ClientSettings:
    """What every client has, of whichever family."""

    speaks: ClassVar[str]
    """The protocol above TLS."""

    platform: str = "rocky9"
    policy: str | None = setting(
        None, "crypto policy, e.g. FIPS (default: the first of the platform, if it has any)"
    )
    _: KW_ONLY
    program: str
    goal: Goal
    tls: bool = setting(True, "ask for TLS (off: none at all)")
    host: str | None = setting(
        None, "the name to connect to (default: the server's own); address: its IP address"
    )
    verify: bool = setting(True, "check the server's certificate")
    trust: str | None = setting(
        None, "trust anchors instead of the system's: a CA of the catalogue, e.g. private-ca"
    )
    ciphers: str | None = setting(None, "cipher list for TLS 1.2 and older")
    protocols: ProtocolRange | None = setting(None, "versions offered, e.g. TLSv1.2, ..TLSv1.2")
    user: str = setting("lab", "lab (named user) or anonymous")
    password: str | None = setting(None, "another password than the user's own")
    client_certificate: str | None = setting(
        None, "certificate of the catalogue that the client presents"
    )
    environment: tuple[str, ...] = setting((), "a variable of the client's process, NAME=VALUE")
    timeout_s: float = setting(10.0, "the client's own time limit for each step, in seconds")

    def __post_init__(self) -> None:
        if self.policy is None and PLATFORMS.get(self.platform):
            # A platform with crypto policies is always under one; this is the one it is shipped with.
            object.__setattr__(self, "policy", PLATFORMS[self.platform][0])

    @property
    def where(self) -> str:
        """Platform and policy as they are written: ``rocky9:FIPS``, ``centos7``."""
        return f"{self.platform}:{self.policy}" if self.policy else self.platform

    @property
    def checked_name(self) -> str | None:
        """The name that the certificate must have, where the program can be told one and is."""
        return getattr(self, "verify_name", None)

    @property
    def pin(self) -> str | None:
        """The one certificate that is accepted, of a program that can pin one."""
        return getattr(self, "fingerprint", None)

    @property
    def names_sslv3(self) -> bool:
        """Whether SSL 3.0, which current libraries have no more, is an end of the range of versions."""
        protocols = self.protocols or ProtocolRange()
        return "SSLv3" in (protocols.minimum, protocols.maximum)

    @property
    def uses_tls(self) -> bool:
        """Whether it asks for TLS, in whichever way."""
        return self.tls

    @property
    def checks_certificate(self) -> bool:
        """Whether it looks at the server's certificate: it asks for TLS, and is not told to look away."""
        return self.verify and self.uses_tls

    @property
    def tls_first(self) -> bool:
        """Whether TLS begins with the first byte, without an AUTH TLS before it."""
        return False

    def __str__(self) -> str:
        return f"{self.program}@{self.where}"


@dataclass(frozen=True)
class FtpClientSettings(ClientSettings):
    """What every FTP client has."""

    speaks: ClassVar[str] = "FTP"

    _: KW_ONLY
    goal: Literal[Goal.HANDSHAKE, Goal.LOGIN, Goal.TRANSFER] = setting(
        Goal.TRANSFER, "how far to go: handshake, login, transfer"
    )
    implicit_tls: bool = setting(False, "TLS from the first byte on")
    mode: Literal["passive", "active"] = setting("passive", "data connections: passive or active")
    session_cache: Literal["default", "shared", "none"] = setting(
        "default",
        "default: the program's own; shared: every data connection gets the control channel's session;"
        " none: no resumption",
    )
    protect_data: bool = setting(
        True, "ask for protection of the data channel (off: files in clear text after a TLS login)"
    )
    payload: int = setting(1024, "size of the file to deliver, in bytes")

    @property
    def uses_tls(self) -> bool:
        """See :attr:`ClientSettings.uses_tls`."""
        return self.tls or self.implicit_tls

    @property
    def tls_first(self) -> bool:
        """See :attr:`ClientSettings.tls_first`."""
        return self.implicit_tls


@dataclass(frozen=True)
class WebClientSettings(ClientSettings):
    """What every client of the web has."""

    speaks: ClassVar[str] = "HTTP"

    _: KW_ONLY
    goal: Literal[Goal.HANDSHAKE, Goal.RESPONSE] = setting(
        Goal.RESPONSE, "how far to go: handshake, response"
    )
    verify_name: str | None = setting(None, VERIFY_NAME_HELP)
    sni: str | None = setting(None, SNI_SENT_HELP)
    last_error: bool = setting(
        False, "verification goes on after an error and reports the last one, as nginx does"
    )

    @property
    def tls_first(self) -> bool:
        """See :attr:`ClientSettings.tls_first`."""
        return True

    @property
    def has_two_names(self) -> bool:
        """Whether a name is set to be sent, or to be checked, and the other of the two is not the same."""
        return (self.sni or None) != (self.verify_name or None)

    @property
    def keeps_names_apart(self) -> bool:
        """Whether another name is to be sent than the one that is checked, the host's where none is set."""
        checked, sent = self.verify_name or self.host, self.sni or self.host
        return self.tls and self.verify and self.sni != "" and checked != sent
