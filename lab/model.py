"""Settings, attempts and outcomes: pure data, no containers, no text matching.

Everything that can change the result of a connection is a field of :class:`ServerSettings` or
:class:`ClientSettings`. A field whose value is ``None`` is *not set*: the program's own default decides,
which is never the same as a value that happens to equal that default.

The words (stages, sides, reasons, verdicts) are a closed vocabulary; ``docs/outcomes.md`` lists it with
the rule that decides each.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Self


class Stage(StrEnum):
    """The stages of an attempt, in the order in which a connection passes them.

    A web origin passes ``resolve, connect, handshake, verify, response``; an FTPS server the others.
    """

    RESOLVE = "resolve"
    CONNECT = "connect"
    GREETING = "greeting"
    AUTH = "auth"
    HANDSHAKE = "handshake"
    VERIFY = "verify"
    LOGIN = "login"
    PROTECT = "protect"
    TRANSFER = "transfer"
    RESPONSE = "response"
    CLOSE = "close"


class Side(StrEnum):
    """Who ended an attempt."""

    CLIENT = "client"
    SERVER = "server"
    NETWORK = "network"
    UNKNOWN = "unknown"


class Result(StrEnum):
    """Whether the goal of an attempt was reached."""

    COMPLETED = "completed"
    REFUSED = "refused"


class Goal(StrEnum):
    """How far an attempt is meant to go; ``completed`` means that it got there.

    ``login`` and ``transfer`` are those of an FTP client, ``response`` is a web client's.
    """

    HANDSHAKE = "handshake"
    LOGIN = "login"
    TRANSFER = "transfer"
    RESPONSE = "response"


class Reason(StrEnum):
    """Why an attempt was refused: what the deciding end reported, normalised."""

    # resolve
    NAME_NOT_FOUND = "name-not-found"
    RESOLVER_FAILED = "resolver-failed"
    # connect
    CONNECTION_REFUSED = "connection-refused"
    TIMED_OUT = "timed-out"
    NO_ROUTE = "no-route"
    USAGE_ERROR = "usage-error"
    # greeting
    NOT_FTP = "not-ftp"
    # auth
    TLS_NOT_OFFERED = "tls-not-offered"
    # handshake
    CIPHER_LIST_EMPTY = "cipher-list-empty"
    NO_SHARED_CIPHER = "no-shared-cipher"
    NO_SERVER_CERTIFICATE = "no-server-certificate"
    NO_SHARED_PROTOCOL = "no-shared-protocol"
    INTERNAL_ERROR_ALERT = "internal-error-alert"
    SNI_REJECTED = "sni-rejected"
    ALPN_REJECTED = "alpn-rejected"
    CLIENT_CERTIFICATE_REQUIRED = "client-certificate-required"
    PLAINTEXT_PEER = "plaintext-peer"
    CLOSED = "closed"
    RESET = "reset"
    LEGACY_RENEGOTIATION = "legacy-renegotiation"
    WEAK_DH = "weak-dh"
    WEAK_SIGNATURE_ALGORITHM = "weak-signature-algorithm"
    RC4_REFUSED = "rc4-refused"
    # verify
    SELF_SIGNED_LEAF = "self-signed-leaf"
    SELF_SIGNED_IN_CHAIN = "self-signed-in-chain"
    UNKNOWN_ISSUER = "unknown-issuer"
    FIRST_CERTIFICATE_UNVERIFIABLE = "first-certificate-unverifiable"
    ISSUER_NOT_FOUND = "issuer-not-found"
    EXPIRED = "expired"
    NOT_YET_VALID = "not-yet-valid"
    HOSTNAME_MISMATCH = "hostname-mismatch"
    WEAK_KEY = "weak-key"
    WEAK_SIGNATURE = "weak-signature"
    WRONG_PURPOSE = "wrong-purpose"
    NOT_A_CA = "not-a-ca"
    REVOKED = "revoked"
    FINGERPRINT_MISMATCH = "fingerprint-mismatch"
    # login
    TLS_REQUIRED = "tls-required"
    LOGIN_FAILED = "login-failed"
    # protect
    PROTECTION_REFUSED = "protection-refused"
    # transfer
    SESSION_REUSE_REQUIRED = "session-reuse-required"
    DATA_TLS_REQUIRED = "data-tls-required"
    DATA_TLS_FAILED = "data-tls-failed"
    DATA_CONNECTION_FAILED = "data-connection-failed"
    ABORTED = "aborted"
    TRUNCATED = "truncated"
    # close
    UNCLEAN_CLOSE = "unclean-close"
    # any stage
    UNKNOWN = "unknown"


class Role(StrEnum):
    """What an attempt is for."""

    BREAKS = "breaks"
    """The documented failure of a case."""
    WORKS = "works"
    """What a case shows to complete."""
    TWIN = "twin"
    """The breaking attempt with one field changed, which completes."""
    REMEDY = "remedy"
    IMPOSTOR = "impostor"
    """A remedy, with an impostor in the server's place."""
    ATTEMPT = "attempt"
    """Asked for by itself, in no case."""


class Standing(StrEnum):
    """What a remedy is worth."""

    RECOMMENDED = "recommended"
    TEMPORARY = "temporary"
    UNSAFE = "unsafe"
    """It delivers, and gives something away: it is also run against an impostor."""
    USELESS = "useless"
    """Looks like a remedy, and is not: it is run to show that."""


#: Protocol versions in ascending order, spelt as OpenSSL and the field spell them.
PROTOCOLS = ("SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")


@dataclass(frozen=True)
class ProtocolRange:
    """A closed range of protocol versions; an open end is ``None``.

    Written ``TLSv1.2`` (that version only), ``TLSv1..TLSv1.2``, ``..TLSv1.2`` or ``TLSv1.2..``.
    """

    minimum: str | None = None
    maximum: str | None = None

    def __post_init__(self) -> None:
        for version in (self.minimum, self.maximum):
            if version is not None and version not in PROTOCOLS:
                raise ValueError(
                    f"unknown protocol version {version!r}: write one of {', '.join(PROTOCOLS)}"
                )
        if (
            self.minimum
            and self.maximum
            and PROTOCOLS.index(self.minimum) > PROTOCOLS.index(self.maximum)
        ):
            raise ValueError(
                f"the protocol range {self} is empty: its minimum is above its maximum"
            )

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the written form.

        Raises:
            ValueError: a version that is not in :data:`PROTOCOLS`, or an empty range.
        """
        if ".." in text:
            low, _, high = text.partition("..")
            return cls(low or None, high or None)
        if not text:
            raise ValueError(
                "a protocol range is empty: write for example TLSv1.2 or TLSv1..TLSv1.2"
            )
        return cls(text, text)

    def versions(self) -> tuple[str, ...]:
        """The versions in the range, ascending; an open end reaches to the end of :data:`PROTOCOLS`."""
        low = PROTOCOLS.index(self.minimum) if self.minimum else 0
        high = PROTOCOLS.index(self.maximum) if self.maximum else len(PROTOCOLS) - 1
        return PROTOCOLS[low : high + 1]

    def __contains__(self, version: object) -> bool:
        return version in self.versions()

    def __str__(self) -> str:
        if self.minimum == self.maximum:
            return self.minimum or ".."
        return f"{self.minimum or ''}..{self.maximum or ''}"


def up_to(version: str) -> ProtocolRange:
    """Every version up to and including ``version``."""
    return ProtocolRange(None, version)


def from_(version: str) -> ProtocolRange:
    """Every version from ``version`` on."""
    return ProtocolRange(version, None)


def only(version: str) -> ProtocolRange:
    """Exactly ``version``."""
    return ProtocolRange(version, version)


#: ``ServerSettings.certificate``: the option is not in the configuration at all / present but empty.
CERTIFICATE_UNSET = "unset"
CERTIFICATE_EMPTY = "empty"
#: ``ClientSettings.host``: the server's IP address.
HOST_ADDRESS = "address"


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
        default=None, metadata={"help": "the address that the server announces for passive mode"}
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


#: DNS names of the servers in the lab's own zone.
SERVER_HOSTS = {
    "vsftpd": "ftp.lab.test",
    "pyftpdlib": "pyftpdlib.lab.test",
    "vsftpd@rocky9": "vsftpd-rocky9.lab.test",
    "vsftpd@openssl-1.0.2k": "vsftpd-openssl10.lab.test",
    "nginx": "nginx.lab.test",
    "origin": "origin.lab.test",
    "origin@openssl-1.0.2k": "origin-openssl10.lab.test",
}

#: The servers that are web origins; the others speak FTP.
ORIGINS = ("nginx", "origin", "origin@openssl-1.0.2k")

#: Client platforms and the crypto policies each can be under (none: the platform has no such thing).
PLATFORMS: dict[str, tuple[str, ...]] = {
    "rocky9": ("DEFAULT", "LEGACY", "FUTURE", "FIPS"),
    "centos7": (),
    "debian13": (),
}

_OLD_AND_NEW = ("rocky9", "centos7")
#: Client programs, and the platforms that each is run on.
PROGRAMS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "net-ftp": _OLD_AND_NEW,
        "net-ftpssl": _OLD_AND_NEW,
        "ftplib": _OLD_AND_NEW,
        "ftplib-reuse": _OLD_AND_NEW,
        "curl": _OLD_AND_NEW,
        "tls-perl": _OLD_AND_NEW,
        "tls-python": _OLD_AND_NEW,
        "openssl": _OLD_AND_NEW,
        "edge": ("debian13",),
    }
)


def container_of(platform: str, policy: str | None) -> str:
    """The container of the topology whose clients have this platform and policy."""
    if platform == "debian13":
        return "edge"
    return f"{platform}-{policy.lower()}" if policy else platform


#: The containers of all clients.
CLIENT_CONTAINERS = tuple(
    container_of(platform, policy)
    for platform, policies in PLATFORMS.items()
    for policy in policies or (None,)
)

#: The programs that reach web origins; the others speak FTP.
WEB_PROGRAMS = ("tls-perl", "tls-python", "openssl", "edge")

#: The programs that are command lines; the others are libraries, or have a configuration file.
COMMAND_LINES = ("curl", "openssl")


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


@dataclass(frozen=True)
class Attempt:
    """One client with its settings against one server with its settings."""

    server: ServerSettings
    client: ClientSettings

    def __post_init__(self) -> None:
        web = self.client.program in WEB_PROGRAMS
        if web != (self.server.software in ORIGINS):
            kind, other = ("a web client", "FTP") if web else ("an FTP client", "HTTP")
            raise ValueError(
                f"{self.client.program} is {kind} and {self.server.software} speaks {other}"
            )
        if self.client.options and self.client.program not in COMMAND_LINES:
            raise ValueError(
                f"options are those of a command line, and {self.client.program} is none"
            )

    def with_server(self, **changes: Any) -> Attempt:
        """The same attempt with other server settings."""
        return dataclasses.replace(self, server=dataclasses.replace(self.server, **changes))

    def with_client(self, **changes: Any) -> Attempt:
        """The same attempt with other client settings."""
        return dataclasses.replace(self, client=dataclasses.replace(self.client, **changes))

    @property
    def key(self) -> str:
        """Twelve hexadecimal digits that are equal exactly when all settings are equal."""
        return settings_key({"server": self.server, "client": self.client})

    def __str__(self) -> str:
        return f"{self.client} -> {self.server.software}"


def set_fields(settings: ServerSettings | ClientSettings) -> dict[str, Any]:
    """The fields that differ from the class's defaults, by name, in the order of declaration."""
    named = {f.name: getattr(settings, f.name) for f in dataclasses.fields(settings)}
    if named.get("program") in WEB_PROGRAMS and named["goal"] is Goal.RESPONSE:
        del named["goal"]
    defaults = {f.name: f.default for f in dataclasses.fields(settings)}
    return {name: value for name, value in named.items() if value != defaults[name]}


def differing_fields(one: Attempt, other: Attempt) -> tuple[str, ...]:
    """Names of the fields in which two attempts differ, as ``server.ciphers`` or ``client.verify``."""
    names: list[str] = []
    for side in ("server", "client"):
        a, b = getattr(one, side), getattr(other, side)
        names += [
            f"{side}.{f.name}"
            for f in dataclasses.fields(a)
            if getattr(a, f.name) != getattr(b, f.name)
        ]
    return tuple(names)


def settings_key(settings: Any) -> str:
    """A stable short hash of settings, for caching listeners and naming files."""

    def plain(value: Any) -> Any:
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
        if isinstance(value, dict):
            return {k: plain(v) for k, v in value.items()}
        if isinstance(value, list | tuple):
            return [plain(v) for v in value]
        return value

    text = json.dumps(plain(settings), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


@dataclass(frozen=True, kw_only=True)
class Texts:
    """The raw words of an attempt, kept beside the reason and never instead of it."""

    client: str = ""
    """The program's own error, as its library words it."""
    message: str = ""
    """What the program's user would be shown."""
    server: str = ""
    """The server's log for exactly this attempt."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What happened in one attempt."""

    result: Result
    goal: Goal
    by: Side | None = None
    stage: Stage | None = None
    reason: Reason | None = None
    cause: str | None = None
    protocol: str | None = None
    cipher: str | None = None
    verified: bool | None = None
    data_protected: bool | None = None
    session_reused: bool | None = None
    verify_code: int | None = None
    """OpenSSL's X509_V_ERR number as the client's library reported it."""
    texts: Texts = Texts()
    elapsed_ms: float = 0.0

    def __post_init__(self) -> None:
        named = (self.by, self.stage, self.reason)
        if self.result is Result.REFUSED and None in named:
            raise ValueError("a refusal names who refused, at which stage and for which reason")
        if self.result is Result.COMPLETED and any(named):
            raise ValueError("a completed attempt has no side, stage or reason of refusal")

    def in_words(self) -> str:
        """One line, for people."""
        if self.result is Result.COMPLETED:
            if not self.protocol:
                return f"completed ({self.goal}) without TLS"
            words = [f"completed ({self.goal}): {self.protocol} {self.cipher}"]
            words.append("certificate verified" if self.verified else "certificate not verified")
            return ", ".join(words)
        return f"refused by the {self.by} at {self.stage}: {self.reason}"


@dataclass(frozen=True, kw_only=True)
class ClientReport:
    """What the agent in the client's container saw: observation only, nothing interpreted.

    ``step`` is the last thing that the program was asked to do (``connect``, ``starttls``, ``login``,
    ``protect``, ``put``, ``quit``; of a web client ``connect``, ``handshake``, ``response``); on success
    it is the last one of the goal and ``failed`` is false.
    """

    failed: bool
    step: str
    error: str = ""
    """The program's own error text ($@ and SSL_ERROR, str(exception), stderr)."""
    message: str = ""
    """What the user of the program would be shown."""
    reply_code: int | None = None
    """The last FTP reply that the program read."""
    reply_text: str = ""
    errno: str | None = None
    """Symbolic name of the system error, e.g. ECONNREFUSED, or of the resolver's, e.g. EAI_NONAME."""
    verify_code: int | None = None
    exit_status: int | None = None
    """Of a command line program."""
    protocol: str | None = None
    cipher: str | None = None
    verified: bool | None = None
    data_protected: bool | None = None
    session_reused: bool | None = None
    library: str = ""
    """Version of the TLS library, as the library itself says it."""
    warnings: tuple[str, ...] = ()
    elapsed_ms: float = 0.0
    timed_out: bool = False
    """The agent's deadline ended the attempt."""


@dataclass(frozen=True, kw_only=True)
class Captured:
    """What an impostor was given in one attempt.

    The password is kept, in the record too: it is made at random for the run, opens nothing but the
    lab's own servers and belongs to no one. To see it is the point.
    """

    user: str
    password: str
    file_bytes: int | None = None
    """Size of the file that arrived, in bytes; ``None``: none did."""
    file_head: str = ""
    """Its first 60 bytes, as text."""


@dataclass(frozen=True, kw_only=True)
class ServerReport:
    """What the server's agent saw of exactly one attempt."""

    started: bool
    """Whether the listener could be started with these settings."""
    log: str = ""
    """The server's log lines of this attempt; its own words at start if it did not start."""
    stored_bytes: int | None = None
    stored_sha256: str | None = None
    captured: Captured | None = None
    """What an impostor got; ``None``: nothing, or the server is none."""


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """What was meant to arrive."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Observation:
    """All the evidence about one attempt; a dialect turns it into an :class:`Outcome`."""

    attempt: Attempt
    client: ClientReport
    server: ServerReport
    delivery: Delivery | None = None
