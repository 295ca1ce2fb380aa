"""The settings of a client."""

from __future__ import annotations

from dataclasses import dataclass, field

from lab.model.protocols import ProtocolRange
from lab.model.software import PLATFORMS, PROGRAMS, WEB_PROGRAMS
from lab.model.vocabulary import Goal

#: ``ClientSettings.host``: the server's IP address.
HOST_ADDRESS = "address"


@dataclass(frozen=True, kw_only=True)
class ClientSettings:
    """Everything on the client's side that can change an outcome; ``None``: the program's default."""

    program: str = field(default="net-ftp", metadata={"help": ", ".join(PROGRAMS)})
    platform: str = field(default="rocky9", metadata={"help": ", ".join(PLATFORMS)})
    policy: str | None = field(
        default=None, metadata={"help": "crypto policy; rocky9 only: DEFAULT, LEGACY, FUTURE, FIPS"}
    )
    goal: Goal = field(
        default=Goal.TRANSFER,
        metadata={"help": "how far to go: handshake, login, transfer; of a web client: response"},
    )
    tls: bool = field(default=True, metadata={"help": "ask for TLS (off: plain FTP)"})
    implicit_tls: bool = field(default=False, metadata={"help": "TLS from the first byte on"})
    host: str | None = field(
        default=None,
        metadata={
            "help": "the name to connect to (default: the server's own); address: its IP address"
        },
    )
    verify: bool = field(
        default=True, metadata={"help": "check the server's certificate (off: FTPSSSLVerifyNone 1)"}
    )
    trust: str | None = field(
        default=None,
        metadata={
            "help": "trust anchors instead of the system's: a CA of the catalogue, e.g. private-ca"
        },
    )
    fingerprint: str | None = field(
        default=None,
        metadata={"help": "accept exactly this certificate: a slug of the catalogue (pinning)"},
    )
    verify_name: str | None = field(
        default=None, metadata={"help": "the name the certificate must have (default: the host)"}
    )
    sni: str | None = field(
        default=None, metadata={"help": "server name to send (default: the host; empty: send none)"}
    )
    ciphers: str | None = field(
        default=None, metadata={"help": "cipher list for TLS 1.2 and older (SSL_cipher_list)"}
    )
    protocols: ProtocolRange | None = field(
        default=None, metadata={"help": "versions offered, e.g. TLSv1.2, ..TLSv1.2"}
    )
    mode: str = field(default="passive", metadata={"help": "data connections: passive or active"})
    session_cache: str = field(
        default="default",
        metadata={
            "help": "default: the program's own; shared: every data connection gets the control"
            " channel's session; none: no resumption"
        },
    )
    libnet: str | None = field(
        default=None, metadata={"help": "another libnet version than the platform's, e.g. 3.11"}
    )
    payload: int = field(default=1024, metadata={"help": "size of the file to deliver, in bytes"})
    user: str = field(default="lab", metadata={"help": "lab (named user) or anonymous"})
    password: str | None = field(
        default=None, metadata={"help": "another password than the user's own"}
    )
    client_certificate: str | None = field(
        default=None, metadata={"help": "certificate of the catalogue that the client presents"}
    )
    last_error: bool = field(
        default=False,
        metadata={
            "help": "verification goes on after an error and reports the last one, as nginx does"
        },
    )
    refuse_rc4: bool = field(
        default=False, metadata={"help": "leave a connection that has come to an RC4 suite"}
    )
    environment: tuple[str, ...] = field(
        default=(), metadata={"help": "a variable of the client's process, NAME=VALUE"}
    )
    options: tuple[str, ...] = field(
        default=(),
        metadata={"help": "a further word on the command line (curl, openssl), verbatim"},
    )
    timeout_s: float = field(
        default=10.0, metadata={"help": "the client's own time limit for each step, in seconds"}
    )

    def __post_init__(self) -> None:
        if self.policy is None and PLATFORMS.get(self.platform):
            # A platform with crypto policies is always under one; this is the one it is shipped with.
            object.__setattr__(self, "policy", PLATFORMS[self.platform][0])
        if self.program in WEB_PROGRAMS and self.goal is Goal.TRANSFER:
            # What an FTP client's transfer is, the response is to a web client: the whole of it.
            object.__setattr__(self, "goal", Goal.RESPONSE)

    @property
    def where(self) -> str:
        """Platform and policy as they are written: ``rocky9:FIPS``, ``centos7``."""
        return f"{self.platform}:{self.policy}" if self.policy else self.platform

    def __str__(self) -> str:
        return f"{self.program}@{self.where}"
