"""Situations beyond the cases: what can go wrong between a client and a server, as a table.

A case tells a story and proves a remedy; a situation only says how one attempt ends. Together they make
every program say everything that it can be brought to say: the dialects are recorded from them
(``tests/transcripts``) and the outcomes are compared in ``tests/e2e/test_situations.py``.

Settings and expectations are written as on the command line. A row is made for each of its clients and
servers; ``but`` holds what ends otherwise for some of them, by words of ``PROGRAM@PLATFORM SERVER``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

from lab.clients import PROGRAMS, Installed
from lab.model import SILENT, Attempt, Goal
from lab.model.attempt import Accepts, Capability, Loads, Offers, Speaks
from lab.model.expectations import Expectation
from lab.servers import SERVERS as SOFTWARE
from lab.settings import SettingsError, parse_client, parse_server

#: Declared: the attempt cannot be made with these programs; as an alternative, not with every image.
CANNOT = "cannot"

#: Every program, on every platform that can have it.
CLIENTS = (
    "net-ftp@centos7",
    "net-ftp@rocky9",
    "ftplib@centos7",
    "ftplib@rocky9",
    "curl@rocky9",
)
#: Programs that differ from ftplib on the data channel only.
REUSING = ("ftplib-reuse@centos7", "ftplib-reuse@rocky9")
NET_FTP = ("net-ftp@centos7", "net-ftp@rocky9")
OLD_CLIENTS = ("net-ftp@centos7", "net-ftp@rocky9", "ftplib@rocky9", "curl@rocky9")
SERVERS = ("vsftpd", "pyftpdlib")
VSFTPD = ("vsftpd",)
#: vsftpd on CentOS 7's TLS library: the same lines with older codes, and no security levels.
OLD_VSFTPD = ("vsftpd@openssl-1.0.2k",)
PYFTPDLIB = ("pyftpdlib",)

#: Everybody can deliver: TLS 1.2 at most (no race at the end of an upload) and no session reuse.
CALM = "protocols=..TLSv1.2 require_ssl_reuse=no"
#: The session of a client that gave up ends before the lab ends it.
SOON = {"vsftpd": "extra=accept_timeout=3"}
#: The punishment of a wrong password, which is three seconds.
AT_ONCE = {"pyftpdlib": "extra=auth_failed_timeout=0"}


@dataclass(frozen=True)
class Built:
    """How it ends where the builds have a capability, instead of what the row says."""

    capability: Capability
    expect: str
    words: str = ""
    """For whom, as in ``but``; empty: for all."""
    lacking: bool = False
    """Where they lack it."""


@dataclass(frozen=True)
class Situation:
    """One attempt and how it ends."""

    name: str
    """The row's name, then ``CLIENT -> SERVER``; unique."""
    attempt: Attempt
    expect: tuple[Expectation, ...]
    """How it may end: more than one where the network or a race decides. Empty: it never can be made."""
    cannot: bool = False
    """Whether it may be that it cannot be made."""
    built: tuple[Built, ...] = ()
    """How it ends on builds of which more is known; the first that holds counts."""
    undecided: str = ""
    """Why nothing better than the reason ``unknown`` can be said."""
    waits: bool = False
    """Most of its time passes in waiting."""


@dataclass(frozen=True)
class Row:
    """A situation for several clients and servers."""

    name: str
    expect: str
    """``completed``, ``refused:SIDE:STAGE:REASON``, ``cannot``; alternatives are separated by ``|``."""
    server: str = ""
    client: str = ""
    clients: Sequence[str] = CLIENTS
    servers: Sequence[str] = SERVERS
    goal: Goal = Goal.HANDSHAKE
    """curl cannot stop after the handshake; it goes on to the login."""
    but: Mapping[str, str] = field(default_factory=dict)
    """Other ends, by the words that a client and a server must have; the first that fits counts."""
    only_at: Mapping[str, str] = field(default_factory=dict)
    """Further settings of one of the servers."""
    built: Sequence[Built] = ()
    """Other ends, by what the builds can do: asked of the very images, because packages move."""
    alone: bool = False
    """Those who wait do not wait for each other: an FTP client gets a listener of its own. (A web origin's
    sessions end with the client.)"""
    undecided: str = ""


def situations() -> list[Situation]:
    """All of them, in the order of the table."""
    return [situation for row in ROWS for situation in _made(row)]


#: Whose rows a program takes over that the table does not name, by what it speaks.
MODELS = {"FTP": "curl@rocky9", "HTTP": "tls-python@rocky9"}
#: It may not be able to stop after the handshake; what ends there ends there all the same.
_FURTHER = {"FTP": Goal.LOGIN, "HTTP": Goal.RESPONSE}


class _Everything(dict[str, Any]):
    """Of every program some version is installed."""

    def get(self, _name: str, _default: Any = None) -> str:
        """See ``dict``."""
        return "some version"


#: Their time limit, unless a row has another one: some wait for as long as they are let.
PATIENCE = "timeout_s=4"


def unnamed() -> list[str]:
    """Every ``PROGRAM@PLATFORM`` that the table does not name."""
    named = {client.partition(":")[0] for row in ROWS for client in row.clients}
    there = [f"{name}@{p}" for name, program in PROGRAMS.items() for p in program.platforms]
    return [client for client in there if client not in named]


def situations_of(client: str) -> list[Situation]:
    """What a client that the table does not name is brought to: what another one is, if it has the settings.

    That is the same program on rocky9, but where most of the time passes in waiting, or one that speaks the
    same. How its attempts end is not in the table.
    """
    name = client.partition("@")[0]
    speaks = PROGRAMS[name].settings.speaks
    same = f"{name}@rocky9"
    model = same if any(same in row.clients for row in ROWS) else MODELS[speaks]
    rows = [
        replace(
            row,
            clients=(client,),
            expect=CANNOT,
            but={},
            client=row.client
            if model == same or "timeout_s=" in row.client
            else f"{PATIENCE} {row.client}",
            goal=row.goal if model == same else reachable(name, row.goal),
        )
        for row in ROWS
        if model in row.clients and not (model == same and row.alone)
    ]
    return [situation for row in rows for situation in _made(row)]


def reachable(program: str, goal: Goal) -> Goal:
    """This goal, or the next one that the program can have: some always log in, some always deliver."""
    speaks = PROGRAMS[program].settings.speaks
    goal = _FURTHER[speaks] if goal is Goal.HANDSHAKE else goal
    if speaks == "FTP" and goal is Goal.LOGIN:
        installed = Installed(platform="", stand_in=False, versions=_Everything())
        settings = PROGRAMS[program].settings_with(goal=goal)
        return Goal.TRANSFER if PROGRAMS[program].unsupported(settings, installed) else goal
    return goal


def _made(row: Row) -> Iterator[Situation]:
    for number, client in enumerate(row.clients):
        for software in row.servers:
            ends = _ends(row, client, software)
            goal = row.goal
            if client.startswith("curl@") and goal is Goal.HANDSHAKE:
                goal = Goal.LOGIN
            assigned = [
                *_told(row.server, software),
                *row.only_at.get(software, "").split(),
                *_own(row, number, software),
            ]
            settings = [*row.client.split(), *([] if "goal=" in row.client else [f"goal={goal}"])]
            try:
                attempt = Attempt(parse_server(assigned, software), parse_client(client, settings))
            except SettingsError as error:
                if ends == CANNOT and "has no setting" in str(error):
                    continue  # nobody can even ask for it
                raise
            yield Situation(
                name=f"{row.name}: {client} -> {software}",
                attempt=attempt,
                expect=expected_in(ends),
                cannot=CANNOT in ends.split(" | "),
                built=tuple(b for b in row.built if _fits(b.words, client, software)),
                undecided=row.undecided,
                waits=row.alone,
            )


def expected_in(ends: str) -> tuple[Expectation, ...]:
    """The alternatives that a text names, but ``cannot``."""
    return tuple(Expectation.parse(end) for end in ends.split(" | ") if end != CANNOT)


def _ends(row: Row, client: str, software: str) -> str:
    fitting = (end for key, end in row.but.items() if _fits(key, client, software))
    return next(fitting, row.expect)


def _fits(words: str, client: str, software: str) -> bool:
    program, _, platform = client.partition("@")
    return {client, program, platform, software}.issuperset(words.split())


def _told(settings: str, software: str) -> list[str]:
    """A row's settings without those that one server has to be told, and the others have no setting for."""
    known = {field.name for field in fields(SOFTWARE[software].settings)}
    return [one for one in settings.split() if one not in SO_ANYWAY or one.split("=")[0] in known]


def _own(row: Row, number: int, software: str) -> list[str]:
    """A setting that changes nothing but which listener is used."""
    if not row.alone or SOFTWARE[software].settings.speaks == "HTTP":
        return []
    option = "ftpd_banner" if software in (*VSFTPD, *OLD_VSFTPD) else "banner"
    return [f"extra={option}=client-{number}"]


#: What vsftpd alone has to be told.
SO_ANYWAY = frozenset({"require_ssl_reuse=no", "allow_anon_ssl=yes"})

# -- the words of the table --------------------------------------------------------------------------

OK = "completed"
NOT_STARTED = "refused:network:connect:connection-refused"
NO_CIPHER = "refused:server:handshake:no-shared-cipher"
#: Its certificate fits none of the signature algorithms that are left.
NO_SIGNATURE = "refused:server:handshake:no-server-certificate"
WEAK_SIGNATURE_ALGORITHM = "refused:client:handshake:weak-signature-algorithm"
#: vsftpd's list is one suite of TLS 1.2: a library that has not ruled TLS 1.0 out before finds no suite.
NO_CIPHER_LEFT = "refused:server:handshake:cipher-list-empty"
NO_PROTOCOL = "refused:server:handshake:no-shared-protocol"
NO_PROTOCOL_CLIENT = "refused:client:handshake:no-shared-protocol"
CIPHER_LIST = "refused:client:handshake:cipher-list-empty"
NEEDS_CERTIFICATE = "refused:server:handshake:client-certificate-required"
DATA_FAILED = "refused:network:transfer:data-connection-failed"
DATA_FAILED_SERVER = "refused:server:transfer:data-connection-failed"
LOGIN_FAILED = "refused:server:login:login-failed"
REUSE = "refused:server:transfer:session-reuse-required"
ABORTED = "refused:server:transfer:aborted"
TRUNCATED = "false-success"
DATA_TLS = "refused:server:transfer:data-tls-required"
FAULT_AT_LOGIN = "refused:server:login:server-fault"


def verify(reason: str) -> str:
    """The client refuses the certificate."""
    return f"refused:client:verify:{reason}"


def certificate(
    slug: str, expect: str, but: Mapping[str, str] | None = None, servers: Sequence[str] = SERVERS
) -> Row:
    """A certificate of the catalogue, as it is met by a client with its defaults."""
    name = f"certificate {slug}"
    built = [not_loaded(slug)] if slug in MAY_BE_TOO_WEAK else []
    return Row(name, expect, f"certificate={slug}", servers=servers, but=but or {}, built=built)


#: What a library may not load as a server's own at its security level. OpenSSL up to 3.5.5 and 4.0.1
#: looks at the digest as well as at the key; since its pull request 31271 only at the key (3.5.9, 4.0.2).
MAY_BE_TOO_WEAK = ("weak-key", "weak-signature")


def not_loaded(slug: str) -> Built:
    """Where the server's library does not load the certificate, the server does not start."""
    return Built(Loads(slug), NOT_STARTED, lacking=True)


# -- the table ---------------------------------------------------------------------------------------

CERTIFICATES = (
    certificate("valid", OK),
    certificate("self-signed", verify("self-signed-leaf")),
    certificate("private-ca", verify("unknown-issuer")),
    certificate("expired", verify("expired")),
    certificate("not-yet-valid", verify("not-yet-valid")),
    certificate("wrong-host", verify("hostname-mismatch")),
    certificate("cn-only", OK),
    certificate("wildcard", OK),
    certificate("incomplete-chain", verify("unknown-issuer")),
    certificate("root-in-chain", verify("self-signed-in-chain")),
    certificate("full-chain", OK),
    # OpenSSL 1.0.2 has no security levels.
    certificate("weak-key", verify("weak-key"), {"centos7": OK}),
    certificate("weak-signature", verify("weak-signature"), {"centos7": OK}),
    # vsftpd's default is one suite, which authenticates with RSA; TLS 1.3 does not ask for it.
    certificate("ecdsa", OK, {"centos7 vsftpd": NO_CIPHER}),
    certificate("rsa3072", OK),
    certificate("impostor", verify("unknown-issuer")),
    certificate("expired-self-signed", verify("self-signed-leaf")),
    certificate("expired-intermediate", verify("expired")),
    certificate("not-a-ca", verify("not-a-ca")),
    certificate("wrong-purpose", verify("wrong-purpose")),
    certificate("client", verify("wrong-purpose")),
    # What RFC 5280 asks for and these have not, OpenSSL looks at with X509_V_FLAG_X509_STRICT alone.
    certificate("no-authority-key", OK),
    certificate("ca-no-key-usage", OK),
    certificate("unset", NOT_STARTED),
    certificate(
        "empty",
        "refused:server:handshake:no-server-certificate",
        {"pyftpdlib": NOT_STARTED, "centos7": NO_CIPHER},
    ),
    Row(
        "certificate empty, TLS 1.2",
        NO_CIPHER,
        "certificate=empty protocols=..TLSv1.2",
        servers=VSFTPD,
    ),
    Row(
        "certificate too weak for the policy",
        verify("weak-key"),
        clients=("net-ftp@rocky9:FUTURE", "ftplib@rocky9:FUTURE", "curl@rocky9:FUTURE"),
    ),
    Row(
        "certificate of a CA that is trusted",
        OK,
        "certificate=private-ca",
        "trust=private-ca",
        clients=("net-ftp@centos7", "ftplib@rocky9", "curl@rocky9"),
        servers=VSFTPD,
    ),
    # IO::Socket::SSL and curl take any certificate in the trust store for an anchor.
    Row(
        "certificate whose intermediate alone is trusted",
        OK,
        client="trust=public-intermediate",
        but={"ftplib": verify("issuer-not-found")},
    ),
    Row(
        "certificate is not the pinned one",
        verify("self-signed-leaf"),
        "certificate=self-signed",
        "fingerprint=private-ca",
        clients=(*NET_FTP, "ftplib@rocky9", "curl@rocky9"),
        servers=VSFTPD,
        but={"ftplib": CANNOT, "curl": CANNOT},
    ),
    Row(
        "certificate has not the name asked for",
        verify("hostname-mismatch"),
        client="verify_name=other.lab.test",
        clients=(*NET_FTP, "ftplib@rocky9", "curl@rocky9"),
        servers=VSFTPD,
        but={"ftplib": CANNOT, "curl": CANNOT},
    ),
    Row(
        "certificate is not looked at",
        OK,
        "certificate=expired-self-signed",
        "verify=none",
        servers=VSFTPD,
    ),
)

WITHOUT_TLS = (
    Row("TLS off", "refused:server:auth:tls-not-offered", "tls=off"),
    Row("TLS off, plain client", OK, "tls=off", "tls=off", goal=Goal.TRANSFER),
    Row(
        "plain login, TLS required",
        "refused:server:login:tls-required",
        client="tls=off",
        goal=Goal.LOGIN,
    ),
    Row(
        "plain data, TLS required",
        DATA_TLS,
        "tls_required_login=no",
        "tls=off",
        goal=Goal.TRANSFER,
    ),
    Row(
        "plain everything, allowed",
        OK,
        "tls_required_login=no tls_required_data=no",
        "tls=off",
        goal=Goal.TRANSFER,
    ),
)

IMPLICIT = (
    Row(
        "implicit server, implicit client",
        OK,
        "implicit_tls=yes",
        "implicit_tls=yes",
        servers=VSFTPD,
        clients=(*NET_FTP, "curl@rocky9", "ftplib@rocky9"),
        but={"ftplib": CANNOT},
    ),
    # With SSL => 1 Net::FTP never sends PROT P.
    Row(
        "implicit upload",
        DATA_TLS,
        f"implicit_tls=yes {CALM}",
        "implicit_tls=yes timeout_s=4",
        clients=(*NET_FTP, "curl@rocky9"),
        servers=VSFTPD,
        goal=Goal.TRANSFER,
        but={"curl": OK},
        alone=True,
    ),
    # What is stored then is the ClientHello.
    Row(
        "implicit upload, plain data allowed",
        "refused:client:transfer:data-tls-failed",
        f"implicit_tls=yes tls_required_data=no {CALM}",
        "implicit_tls=yes timeout_s=4",
        clients=NET_FTP,
        servers=VSFTPD,
        goal=Goal.TRANSFER,
        alone=True,
    ),
    Row(
        "implicit server, explicit client",
        "refused:server:greeting:timed-out",
        "implicit_tls=yes",
        "timeout_s=2",
        clients=(*CLIENTS, *REUSING),
        servers=(*VSFTPD, *OLD_VSFTPD, *PYFTPDLIB),
        but={"pyftpdlib": CANNOT},
        alone=True,
    ),
    Row(
        "explicit server, implicit client",
        "refused:client:handshake:plaintext-peer",
        client="implicit_tls=yes timeout_s=4",
        clients=(*NET_FTP, "curl@rocky9"),
    ),
    Row(
        "implicit server that has lost its patience",
        "refused:server:greeting:server-fault",
        "implicit_tls=yes extra=idle_session_timeout=1",
        "timeout_s=4",
        servers=VSFTPD,
        alone=True,
    ),
)

LOGIN = (
    Row(
        "wrong password",
        LOGIN_FAILED,
        client="password=wrong",
        goal=Goal.LOGIN,
        only_at=AT_ONCE,
        alone=True,
    ),
    Row(
        "unknown user",
        LOGIN_FAILED,
        client="user=nobody password=x",
        clients=("net-ftp@rocky9", "ftplib@rocky9", "curl@rocky9"),
        goal=Goal.LOGIN,
        only_at=AT_ONCE,
        alone=True,
    ),
    Row(
        "anonymous user without TLS for such",
        LOGIN_FAILED,
        "anonymous=yes",
        "user=anonymous",
        goal=Goal.LOGIN,
        servers=VSFTPD,
    ),
    Row(
        "anonymous user over TLS",
        OK,
        f"anonymous=yes allow_anon_ssl=yes {CALM}",
        "user=anonymous",
        goal=Goal.TRANSFER,
        clients=("net-ftp@rocky9", "ftplib@centos7", "curl@rocky9"),
    ),
    # Net::FTP does not look at the reply to PROT, and ftplib sends nothing that the server refuses.
    Row(
        "PBSZ is denied",
        "refused:server:protect:protection-refused",
        f"extra=cmds_denied=PBSZ {CALM}",
        servers=VSFTPD,
        goal=Goal.TRANSFER,
        but={"net-ftp": OK, "curl": OK},
    ),
    Row(
        "PROT is denied",
        "refused:server:protect:protection-refused",
        f"extra=cmds_denied=PROT {CALM}",
        servers=VSFTPD,
        goal=Goal.TRANSFER,
        but={"net-ftp": OK},
    ),
    Row(
        "server that lacks a directory",
        "refused:server:greeting:server-fault",
        "extra=secure_chroot_dir=/nonexistent",
        servers=VSFTPD,
    ),
    # What it says is in clear text between the records of TLS.
    *(
        Row(
            f"root that the user can write to, {versions}",
            FAULT_AT_LOGIN,
            f"extra=chroot_local_user=YES protocols={versions}",
            clients=CLIENTS if versions == "..TLSv1.2" else OLD_CLIENTS[1:],
            servers=VSFTPD,
            goal=Goal.LOGIN,
        )
        for versions in ("..TLSv1.2", "TLSv1.3")
    ),
    Row(
        "root that the user can write to, allowed",
        OK,
        "extra=chroot_local_user=YES extra=allow_writeable_chroot=YES",
        clients=OLD_CLIENTS[1:],
        servers=VSFTPD,
        goal=Goal.LOGIN,
    ),
    Row(
        "root that the user can write to, plain login",
        FAULT_AT_LOGIN,
        "extra=chroot_local_user=YES tls_required_login=no",
        "tls=off",
        servers=VSFTPD,
        goal=Goal.LOGIN,
    ),
    Row(
        "login that takes longer than the client waits",
        "refused:server:login:timed-out",
        "extra=delay_successful_login=5",
        "timeout_s=3",
        servers=VSFTPD,
        goal=Goal.LOGIN,
        alone=True,
    ),
)

HANDSHAKE = (
    Row(
        "SNI is another name",
        "refused:server:handshake:sni-rejected",
        "ssl_sni_hostname=other.lab.test",
        but={"pyftpdlib": CANNOT},
    ),
    Row(
        "SNI is missing",
        "refused:server:handshake:sni-rejected",
        "ssl_sni_hostname=ftp.lab.test",
        "sni=",
        clients=NET_FTP,
        servers=VSFTPD,
    ),
    Row(
        "client certificate required, TLS 1.2",
        NEEDS_CERTIFICATE,
        "require_cert=yes protocols=..TLSv1.2",
        but={"pyftpdlib": CANNOT},
    ),
    # Over TLS 1.3 the client has finished: an alert or a reset meets its next command.
    Row(
        "client certificate required, TLS 1.3, goal handshake",
        NEEDS_CERTIFICATE,
        "require_cert=yes",
        clients=(*NET_FTP, "ftplib@rocky9"),
        servers=VSFTPD,
    ),
    Row(
        "client certificate required, TLS 1.3, goal login",
        NEEDS_CERTIFICATE,
        "require_cert=yes",
        clients=(*CLIENTS, "ftplib-reuse@rocky9"),
        servers=VSFTPD,
        goal=Goal.LOGIN,
    ),
    Row(
        "client certificate of a stranger, TLS 1.2",
        NEEDS_CERTIFICATE,
        "require_cert=yes extra=validate_cert=YES protocols=..TLSv1.2",
        "client_certificate=impostor",
        servers=VSFTPD,
    ),
    Row(
        "client certificate of a stranger, TLS 1.3",
        NEEDS_CERTIFICATE,
        "require_cert=yes extra=validate_cert=YES",
        "client_certificate=impostor",
        servers=VSFTPD,
        goal=Goal.LOGIN,
    ),
    Row(
        "client certificate presented",
        OK,
        "require_cert=yes protocols=..TLSv1.2",
        "client_certificate=client",
        servers=VSFTPD,
    ),
    # The server cannot offer these versions at its security level: it says so before it has read
    # the whole ClientHello, and what reaches the client is a matter of luck.
    *(
        Row(
            f"server of {versions}",
            NO_PROTOCOL,
            f"protocols={versions}",
            built=[Built(Speaks("TLSv1"), NO_CIPHER_LEFT, "vsftpd")] if "TLS" in versions else [],
        )
        for versions in ("SSLv3", "TLSv1", "..TLSv1.1")
    ),
    Row("server of TLSv1.3", OK, "protocols=TLSv1.3", but={"centos7": NO_PROTOCOL}),
    Row(
        "client of SSLv3",
        NO_PROTOCOL_CLIENT,
        client="protocols=SSLv3",
        but={"curl": CANNOT, "centos7": NO_PROTOCOL},
    ),
    *(
        Row(
            f"client of {versions}",
            NO_PROTOCOL_CLIENT,
            client=f"protocols={versions}",
            but={"centos7": NO_PROTOCOL},
        )
        for versions in ("TLSv1", "..TLSv1.1")
    ),
    Row("client of TLSv1.3", OK, client="protocols=TLSv1.3", but={"centos7": NO_PROTOCOL_CLIENT}),
    Row(
        "client of TLSv1.3, server of TLSv1.2",
        NO_PROTOCOL,
        "protocols=..TLSv1.2",
        "protocols=TLSv1.3",
        but={"centos7": NO_PROTOCOL_CLIENT},
    ),
    Row(
        "client of TLSv1.2, server of TLSv1.3",
        NO_PROTOCOL,
        "protocols=TLSv1.3",
        "protocols=TLSv1.2",
    ),
    # Enterprise Linux 9 does not sign with SHA-1, without which there is no TLS 1.0.
    Row(
        "TLS 1.0 unlocked at both ends",
        "refused:client:handshake:weak-signature-algorithm",
        "protocols=TLSv1 ciphers=ALL:@SECLEVEL=0",
        "protocols=TLSv1 ciphers=ALL:@SECLEVEL=0",
        but={"centos7": CIPHER_LIST},
    ),
    Row(
        "TLS 1.0 unlocked at the server",
        NO_PROTOCOL,
        "protocols=TLSv1 ciphers=ALL:@SECLEVEL=0",
        but={"centos7": OK},
    ),
    Row(
        "cipher list that means nothing, at the client",
        CIPHER_LIST,
        client="ciphers=NOPE",
        servers=VSFTPD,
        clients=(*CLIENTS, *REUSING),
    ),
    Row(
        "3DES at the client", CIPHER_LIST, client="ciphers=DES-CBC3-SHA", but={"centos7": NO_CIPHER}
    ),
    Row("cipher list that means nothing, at the server", NOT_STARTED, "ciphers=NOPE"),
    Row("3DES alone at the server", NOT_STARTED, "ciphers=DES-CBC3-SHA", clients=NET_FTP),
    Row(
        "no common cipher suite",
        NO_CIPHER,
        "ciphers=AES256-GCM-SHA384 protocols=..TLSv1.2",
        "ciphers=AES128-SHA",
        clients=(*CLIENTS, *REUSING),
    ),
    Row(
        "no suite that the policy allows",
        NO_CIPHER,
        "ciphers=AES128-SHA:DES-CBC3-SHA protocols=..TLSv1.2",
        clients=("net-ftp@rocky9:FIPS", "ftplib@rocky9:FIPS", "curl@rocky9:FIPS"),
    ),
    # vsftpd's default suite authenticates with RSA.
    Row(
        "no suite for the certificate's key",
        NO_CIPHER,
        "certificate=ecdsa protocols=..TLSv1.2",
        servers=VSFTPD,
    ),
    Row(
        "option that the build does not know",
        NOT_STARTED,
        "extra=ssl_tlsv1_2=YES",
        clients=("net-ftp@rocky9", "ftplib@rocky9", "curl@rocky9"),
    ),
)

NETWORK = (
    Row(
        "name that does not exist",
        "refused:network:resolve:name-not-found",
        client="host=nope.lab.test",
        clients=(*CLIENTS, *REUSING),
        servers=VSFTPD,
    ),
    # curl reports both alike.
    Row(
        "name in a zone that the resolver refuses",
        "refused:network:resolve:resolver-failed",
        client="host=ftp.example.com",
        servers=VSFTPD,
        but={"curl": "refused:network:resolve:name-not-found"},
    ),
    Row(
        "closed port",
        "refused:network:connect:connection-refused",
        client="host=dns.lab.test",
        clients=(*CLIENTS, *REUSING),
        servers=VSFTPD,
    ),
    # TEST-NET-1. Newer engines give an internal network no default route at all.
    Row(
        "address that nobody answers for",
        "refused:network:connect:timed-out | refused:network:connect:no-route",
        client="host=192.0.2.1 timeout_s=1",
        servers=VSFTPD,
        alone=True,
    ),
    # A name of the zone with nobody at its address, unless that server's image could be made: then its
    # port is closed. The kernel gives up a neighbour after three seconds.
    Row(
        "host that is not there",
        f"refused:network:connect:no-route | {NOT_STARTED} | refused:network:resolve:name-not-found",
        client="host=vsftpd-rocky9.lab.test timeout_s=6",
        servers=VSFTPD,
        alone=True,
    ),
)

DATA = (
    # The session is then in the user's home, the system's root.
    Row(
        "directory that is not there",
        "refused:server:transfer:file-not-created",
        f"extra=local_root=/nonexistent {CALM}",
        "timeout_s=4",
        servers=VSFTPD,
        goal=Goal.TRANSFER,
    ),
    # Python 3.9 and newer use the control connection's address whatever the reply says.
    Row(
        "wrong passive address",
        DATA_FAILED,
        f"pasv_address={SILENT} {CALM}",
        "timeout_s=4",
        goal=Goal.TRANSFER,
        but={"ftplib@rocky9": OK, "curl": OK},
        only_at=SOON,
        alone=True,
    ),
    Row(
        "passive address that is none",
        "refused:server:transfer:server-fault",
        f"extra=pasv_address=not-an-address {CALM}",
        "timeout_s=4",
        servers=VSFTPD,
        goal=Goal.TRANSFER,
        but={"curl": OK},
        alone=True,
    ),
    *(
        Row(
            f"passive ports {state}",
            DATA_FAILED,
            f"data_ports={state} {CALM}",
            "timeout_s=4",
            goal=Goal.TRANSFER,
            only_at=SOON,
            alone=True,
        )
        for state in ("dropped", "rejected")
    ),
    Row(
        "passive mode is denied",
        DATA_FAILED_SERVER,
        f"extra=cmds_denied=PASV,EPSV {CALM}",
        servers=VSFTPD,
        goal=Goal.TRANSFER,
    ),
    Row(
        "active mode",
        OK,
        CALM,
        "mode=active timeout_s=4",
        goal=Goal.TRANSFER,
        # curl 7.88 sends the file in clear text after PROT P.
        but={"curl": "refused:server:transfer:data-tls-failed"},
    ),
    Row(
        "session reuse required",
        REUSE,
        "protocols=..TLSv1.2",
        clients=(*CLIENTS, *REUSING),
        goal=Goal.TRANSFER,
        but={"pyftpdlib": OK, "curl": OK, "ftplib-reuse": OK},
    ),
    Row(
        "session reuse required, TLS 1.3",
        REUSE,
        clients=("ftplib@rocky9", "ftplib-reuse@rocky9", "curl@rocky9"),
        servers=VSFTPD,
        goal=Goal.TRANSFER,
        but={"curl": OK, "ftplib-reuse": OK},
    ),
    Row("session reuse not required", OK, CALM, goal=Goal.TRANSFER),
    # No image of the registry has that version, nor has a stand-in made after Debian 11 left the mirrors.
    Row(
        "libnet 3.11 over TLS 1.3",
        f"refused:client:transfer:data-tls-failed | {CANNOT}",
        client="libnet=3.11",
        clients=("net-ftp@rocky9",),
        goal=Goal.TRANSFER,
    ),
    # A race: the client closes while session tickets that it has not read make its kernel reset.
    *(
        Row(
            f"upload of {size} over TLS 1.3",
            f"{ABORTED} | {OK} | {TRUNCATED}",
            "require_ssl_reuse=no",
            f"payload={size}",
            clients=("net-ftp@rocky9", "net-ftp@rocky9:FIPS"),
            goal=Goal.TRANSFER,
        )
        for size in ("900kB", "1MB")
    ),
    Row(
        "upload over TLS 1.3 by those who read the tickets",
        OK,
        "require_ssl_reuse=no",
        "payload=1MB",
        clients=("ftplib@rocky9", "curl@rocky9"),
        goal=Goal.TRANSFER,
    ),
    Row(
        "uploads are not permitted",
        "refused:server:transfer:upload-denied",
        f"extra=write_enable=NO {CALM}",
        "timeout_s=4",
        servers=VSFTPD,
        goal=Goal.TRANSFER,
        alone=True,
    ),
)

OLD_SERVER = tuple(
    Row(f"old server, {name}", expect, server, client, OLD_CLIENTS, OLD_VSFTPD, goal, but)
    for name, expect, server, client, goal, but in (
        ("certificate valid", OK, "", "", Goal.HANDSHAKE, {}),
        (
            "certificate self-signed",
            verify("self-signed-leaf"),
            "certificate=self-signed",
            "",
            Goal.HANDSHAKE,
            {},
        ),
        ("certificate empty", NO_CIPHER, "certificate=empty", "", Goal.HANDSHAKE, {}),
        (
            "certificate weak-key",
            verify("weak-key"),
            "certificate=weak-key",
            "",
            Goal.HANDSHAKE,
            {"centos7": OK},
        ),
        ("3DES alone", NO_CIPHER, "ciphers=DES-CBC3-SHA", "", Goal.HANDSHAKE, {}),
        # It chooses TLS 1.2 and then finds no suite for it.
        (
            "client of TLSv1.3",
            NO_CIPHER,
            "",
            "protocols=TLSv1.3",
            Goal.HANDSHAKE,
            {"centos7": NO_PROTOCOL_CLIENT},
        ),
        # Its alert comes in a record of SSL 3.0, which the client on 1.0.2 refuses to read.
        ("server of SSLv3", NO_CIPHER, "protocols=SSLv3", "", Goal.HANDSHAKE, {}),
        (
            "client certificate required",
            NEEDS_CERTIFICATE,
            "require_cert=yes",
            "",
            Goal.HANDSHAKE,
            {},
        ),
        (
            "client certificate of a stranger",
            NEEDS_CERTIFICATE,
            "require_cert=yes extra=validate_cert=YES",
            "client_certificate=impostor",
            Goal.HANDSHAKE,
            {},
        ),
        (
            "SNI is another name",
            "refused:server:handshake:sni-rejected",
            "ssl_sni_hostname=other.lab.test",
            "",
            Goal.HANDSHAKE,
            {},
        ),
        ("session reuse required", REUSE, "", "", Goal.TRANSFER, {"curl": OK}),
    )
)

# -- the web -------------------------------------------------------------------------------------------

#: Programs that reach web origins, where an image can have them.
TLS_PERL = ("tls-perl@centos7", "tls-perl@rocky9")
TLS_PYTHON = ("tls-python@centos7", "tls-python@rocky9")
BARE = (*TLS_PERL, *TLS_PYTHON)
WEB = (*BARE, "openssl@rocky9", "edge@debian13")
NGINX = ("nginx",)
ORIGIN = ("origin",)
#: The origin on CentOS 7's TLS library, which still has SSLv3, RC4 and 3DES.
OLD_ORIGIN = ("origin@openssl-1.0.2k",)
CURRENT = (*NGINX, *ORIGIN)

#: What the client leaves after its ClientHello, or at once.
PLAINTEXT = "refused:client:handshake:plaintext-peer"
NO_ANSWER = "refused:server:response:closed"
LATE_ANSWER = "refused:server:response:timed-out"
UNKNOWN_ANSWER = "refused:server:response:unknown"
RC4 = "refused:client:handshake:rc4-refused"
WEAK_DH = "refused:client:handshake:weak-dh"
LEGACY = "refused:client:handshake:legacy-renegotiation"
SNI = "refused:server:handshake:sni-rejected"
INTERNAL_ERROR = "refused:server:handshake:internal-error-alert"
HTTP_TO_TLS = "refused:server:handshake:plaintext-peer"
SILENCE = "refused:network:connect:timed-out"


def web(
    name: str,
    expect: str,
    server: str = "",
    client: str = "",
    *,
    clients: Sequence[str] = WEB,
    servers: Sequence[str] = ORIGIN,
    goal: Goal = Goal.RESPONSE,
    but: Mapping[str, str] | None = None,
    built: Sequence[Built] = (),
    waits: bool = False,
    undecided: str = "",
) -> Row:
    """A situation of web clients and origins."""
    return Row(
        f"web, {name}",
        expect,
        server,
        client,
        clients,
        servers,
        goal,
        but or {},
        built=built,
        alone=waits,
        undecided=undecided,
    )


#: nginx offers TLS 1.3 to an origin by itself since 1.23.4.
NO_TLS_1_3_OFFERED = Built(Offers("TLSv1.3"), NO_PROTOCOL, "edge", lacking=True)


def web_certificate(
    slug: str,
    expect: str,
    but: Mapping[str, str] | None = None,
    servers: Sequence[str] = NGINX,
    built: Sequence[Built] = (),
) -> Row:
    """A certificate of the catalogue, as it is met by a web client with its defaults."""
    return web(
        f"certificate {slug}",
        expect,
        f"certificate={slug}",
        servers=servers,
        but=but,
        built=[*built, *([not_loaded(slug)] if slug in MAY_BE_TOO_WEAK else [])],
    )


WEB_CERTIFICATES = (
    web_certificate("valid", OK, servers=(*CURRENT, *OLD_ORIGIN)),
    web_certificate("self-signed", verify("self-signed-leaf"), servers=(*CURRENT, *OLD_ORIGIN)),
    web_certificate("private-ca", verify("unknown-issuer")),
    web_certificate("expired", verify("expired"), servers=CURRENT),
    web_certificate("renewed", OK),
    web_certificate("not-yet-valid", verify("not-yet-valid")),
    web_certificate("wrong-host", verify("hostname-mismatch"), servers=CURRENT),
    web_certificate("other-cn-only", verify("hostname-mismatch")),
    web_certificate("cn-only", OK),
    web_certificate("wildcard", OK),
    web_certificate("wildcard-below", verify("hostname-mismatch")),
    web_certificate(
        "incomplete-chain",
        verify("unknown-issuer"),
        {"edge": verify("first-certificate-unverifiable")},
        servers=CURRENT,
    ),
    web_certificate("root-in-chain", verify("self-signed-in-chain"), servers=CURRENT),
    web_certificate("full-chain", OK),
    web_certificate("wrong-order", OK),
    # OpenSSL 1.0.2 does not mind at either end.
    web_certificate("weak-key", verify("weak-key"), {"centos7": OK}, servers=(*NGINX, *OLD_ORIGIN)),
    web_certificate(
        "weak-signature", verify("weak-signature"), {"centos7": OK}, servers=(*NGINX, *OLD_ORIGIN)
    ),
    web_certificate("ecdsa", OK),
    web_certificate("rsa3072", OK),
    web_certificate("impostor", verify("unknown-issuer")),
    web_certificate("expired-self-signed", verify("self-signed-leaf"), {"edge": verify("expired")}),
    web_certificate("expired-intermediate", verify("expired")),
    # The last error, where the first is that the CA is none.
    web_certificate("not-a-ca", verify("not-a-ca"), {"edge": verify("wrong-purpose")}),
    web_certificate("wrong-purpose", verify("wrong-purpose")),
    web_certificate("no-authority-key", OK),
    web_certificate("ca-no-key-usage", OK),
    web_certificate(
        "unset",
        "refused:server:handshake:no-server-certificate",
        {"nginx": NOT_STARTED, "centos7": NO_CIPHER},
        servers=CURRENT,
        built=[Built(Offers("TLSv1.3"), NO_CIPHER, "edge origin", lacking=True)],
    ),
    web_certificate("empty", NOT_STARTED, servers=CURRENT),
    web(
        "certificate that the client cannot check a signature of",
        NO_SIGNATURE,
        client="options=-sigalgs options=ECDSA+SHA256",
        clients=("openssl@rocky9",),
        servers=CURRENT,
        # In TLS 1.2 the suites say which key signs.
        built=[Built(Accepts("TLSv1.3"), NO_CIPHER, lacking=True)],
    ),
    web(
        "certificate of a CA that is trusted",
        OK,
        "certificate=private-ca",
        "trust=private-ca",
        servers=NGINX,
    ),
    # IO::Socket::SSL takes any certificate in the trust store for an anchor.
    web(
        "certificate whose intermediate alone is trusted",
        verify("issuer-not-found"),
        "",
        "trust=public-intermediate",
        servers=NGINX,
        but={"tls-perl": OK},
    ),
    web(
        "certificate too weak for the policy",
        verify("weak-key"),
        clients=("tls-perl@rocky9:FUTURE", "tls-python@rocky9:FUTURE"),
        servers=NGINX,
    ),
    web(
        "certificate is not the pinned one",
        verify("self-signed-leaf"),
        "certificate=self-signed",
        "fingerprint=private-ca",
        servers=NGINX,
        but={"tls-python": CANNOT, "openssl": CANNOT, "edge": CANNOT},
    ),
    web(
        "certificate has not the name asked for",
        verify("hostname-mismatch"),
        "",
        "verify_name=other.lab.test sni=other.lab.test",
        servers=NGINX,
    ),
    web("certificate is not looked at", OK, "certificate=expired-self-signed", "verify=none"),
    # As nginx and s_client verify: on after every error, and the last one counts.
    *(
        web(
            f"last error, certificate {slug}",
            expect,
            f"certificate={slug}",
            f"last_error=yes {client}".strip(),
            clients=(*TLS_PERL, "tls-python@rocky9"),
            servers=NGINX,
            but={"tls-python": CANNOT},
        )
        for slug, client, expect in (
            ("valid", "", OK),
            ("self-signed", "", verify("self-signed-leaf")),
            ("incomplete-chain", "", verify("first-certificate-unverifiable")),
            ("private-ca", "", verify("unknown-issuer")),
            ("root-in-chain", "", verify("self-signed-in-chain")),
            ("expired-self-signed", "", verify("expired")),
            ("wrong-host", "", verify("hostname-mismatch")),
            ("full-chain", "trust=public-intermediate", verify("issuer-not-found")),
        )
    ),
)

WEB_HANDSHAKE = (
    web("plain HTTP on the port", PLAINTEXT, "behaviour=plain-http"),
    web("plain HTTP on the port of a web server", PLAINTEXT, "tls=off", servers=NGINX),
    # nginx sees the banner before or after its own first message: what it says of it is luck.
    web(
        "FTP on the port",
        PLAINTEXT,
        "behaviour=ftp-banner",
        clients=[client for client in WEB if not client.startswith("edge")],
    ),
    web("alert 80", INTERNAL_ERROR, "behaviour=alert-internal-error"),
    web(
        "alert 40",
        "refused:server:handshake:unknown",
        "behaviour=alert-handshake-failure",
        undecided="alert 40 has many causes, and the origin gives none",
    ),
    web("alert 112", SNI, "behaviour=alert-unrecognized-name"),
    web("closes", "refused:server:handshake:closed", "behaviour=close"),
    web("resets", "refused:server:handshake:reset", "behaviour=reset"),
    web(
        "silent",
        "refused:server:handshake:timed-out",
        "behaviour=silent",
        "timeout_s=2",
        waits=True,
    ),
    # A client that does not mind finds that the ServerHello was changed on its way.
    web(
        "no secure renegotiation",
        LEGACY,
        "behaviour=no-secure-renegotiation",
        clients=("tls-perl@rocky9", "tls-python@rocky9", "openssl@rocky9", "edge@debian13"),
    ),
    web("SNI is another name", SNI, "ssl_sni_hostname=other.lab.test", servers=CURRENT),
    web(
        "SNI is missing",
        SNI,
        "ssl_sni_hostname=nginx.lab.test",
        "sni=",
        clients=(*TLS_PERL, "openssl@rocky9", "edge@debian13"),
        servers=NGINX,
    ),
    web(
        "no certificate for the name",
        INTERNAL_ERROR,
        "certificate_by_name=yes",
        "sni=",
        clients=(*TLS_PERL, "openssl@rocky9", "edge@debian13"),
        servers=NGINX,
    ),
    web(
        "client certificate required, TLS 1.2",
        NEEDS_CERTIFICATE,
        "require_cert=yes protocols=..TLSv1.2",
        servers=CURRENT,
    ),
    web("client certificate required", NEEDS_CERTIFICATE, "require_cert=yes", servers=CURRENT),
    web(
        "client certificate required, goal handshake",
        NEEDS_CERTIFICATE,
        "require_cert=yes",
        clients=BARE,
        goal=Goal.HANDSHAKE,
    ),
    web(
        "client certificate of a stranger",
        NEEDS_CERTIFICATE,
        "require_cert=yes",
        "client_certificate=impostor",
        servers=CURRENT,
    ),
    web(
        "client certificate presented",
        OK,
        "require_cert=yes",
        "client_certificate=client",
        servers=CURRENT,
    ),
    *(
        web(
            f"origin of {versions}",
            NO_PROTOCOL_CLIENT,
            f"protocols={versions}",
            servers=OLD_ORIGIN,
            but=but,
            built=[Built(Offers(versions), WEAK_SIGNATURE_ALGORITHM, "edge")],
        )
        for versions, but in (
            ("SSLv3", {}),
            ("TLSv1", {"centos7": OK}),
            ("TLSv1.1", {"centos7": OK}),
        )
    ),
    web(
        "origin of TLSv1.3",
        OK,
        "protocols=TLSv1.3",
        servers=CURRENT,
        but={"centos7": NO_PROTOCOL},
        built=[NO_TLS_1_3_OFFERED],
    ),
    web(
        "SSLv3 asked for at both ends",
        NO_PROTOCOL_CLIENT,
        "protocols=SSLv3",
        "protocols=SSLv3",
        servers=OLD_ORIGIN,
        but={"centos7": OK},
    ),
    web(
        "client of SSLv3",
        NO_PROTOCOL_CLIENT,
        client="protocols=SSLv3",
        servers=(*CURRENT, *OLD_ORIGIN),
        but={"centos7": NO_PROTOCOL},
    ),
    web(
        "client of TLSv1",
        NO_PROTOCOL_CLIENT,
        client="protocols=TLSv1",
        servers=CURRENT,
        but={"centos7": NO_PROTOCOL},
        # A server that speaks it notices at its own signature that it may not use SHA-1.
        built=[
            Built(Offers("TLSv1"), NO_PROTOCOL_CLIENT, "edge", lacking=True),
            Built(Speaks("TLSv1"), NO_SIGNATURE, "edge"),
            Built(Speaks("TLSv1"), NO_SIGNATURE, "centos7"),
        ],
    ),
    web(
        "client of TLSv1.3",
        NO_CIPHER,
        client="protocols=TLSv1.3",
        servers=OLD_ORIGIN,
        but={"centos7": NO_PROTOCOL_CLIENT},
    ),
    web(
        "client of TLSv1, old origin of TLSv1.2",
        NO_PROTOCOL,
        "protocols=TLSv1.2",
        "protocols=TLSv1",
        clients=("tls-perl@centos7", "tls-python@centos7"),
        servers=OLD_ORIGIN,
    ),
    web(
        "client of TLSv1.2, origin of TLSv1.3",
        NO_PROTOCOL,
        "protocols=TLSv1.3",
        "protocols=TLSv1.2",
        servers=CURRENT,
    ),
    web("3DES alone", NO_CIPHER, "ciphers=DES-CBC3-SHA", servers=OLD_ORIGIN),
    web("RC4 alone", NO_CIPHER, "ciphers=RC4-SHA", servers=OLD_ORIGIN),
    web(
        "RC4 agreed to and refused",
        RC4,
        "ciphers=RC4-SHA",
        "ciphers=ALL refuse_rc4=yes",
        servers=OLD_ORIGIN,
        but={"openssl": CANNOT, "edge": CANNOT, "rocky9": NO_CIPHER},
    ),
    web(
        "RC4 agreed to",
        OK,
        "ciphers=RC4-SHA",
        "ciphers=ALL",
        clients=BARE,
        servers=OLD_ORIGIN,
        but={"rocky9": NO_CIPHER},
    ),
    web(
        "no common cipher suite",
        NO_CIPHER,
        "ciphers=AES256-GCM-SHA384 protocols=..TLSv1.2",
        "ciphers=AES128-SHA",
        servers=CURRENT,
    ),
    # A version as the document spells it.
    web(
        "option that the command has not",
        "refused:client:connect:usage-error",
        client="options=-tls1_0",
        clients=("openssl@rocky9",),
    ),
    web("cipher list that means nothing", CIPHER_LIST, client="ciphers=NOPE", servers=NGINX),
    web(
        "Diffie-Hellman group of 768 bits",
        WEAK_DH,
        "ciphers=DHE-RSA-AES256-GCM-SHA384 protocols=TLSv1.2 dh_bits=768",
        servers=OLD_ORIGIN,
    ),
)

WEB_NETWORK = (
    web(
        "name that does not exist",
        "refused:network:resolve:name-not-found",
        client="host=nope.lab.test",
    ),
    web(
        "name in a zone that the resolver refuses",
        "refused:network:resolve:resolver-failed",
        client="host=origin.example.com",
    ),
    web("nobody listens", NOT_STARTED, "listening=no", servers=(*CURRENT, *OLD_ORIGIN)),
    web("nobody listens, without TLS", NOT_STARTED, "listening=no", "tls=off", clients=BARE),
    web("port rejected", NOT_STARTED, "port_filter=rejected", servers=CURRENT),
    web("port dropped", SILENCE, "port_filter=dropped", "timeout_s=1", servers=CURRENT, waits=True),
    web(
        "cipher list that means nothing, at the origin",
        NOT_STARTED,
        "ciphers=NOPE",
        servers=CURRENT,
    ),
    web(
        "address that nobody answers for",
        f"{SILENCE} | refused:network:connect:no-route",
        client="host=192.0.2.1 timeout_s=1",
        waits=True,
    ),
)

WEB_RESPONSE = (
    web("answers late", LATE_ANSWER, "answer_delay_s=4", "timeout_s=3", waits=True),
    web("closes after the request", NO_ANSWER, "behaviour=close-after-request"),
    web("without TLS", OK, "tls=off", "tls=off", clients=(*BARE, "edge@debian13"), servers=CURRENT),
    web(
        "without TLS, closes after the request",
        NO_ANSWER,
        "tls=off behaviour=close-after-request",
        "tls=off",
        clients=(*BARE, "edge@debian13"),
    ),
    web(
        "without TLS, answers late",
        LATE_ANSWER,
        "tls=off answer_delay_s=4",
        "tls=off timeout_s=3",
        clients=(*BARE, "edge@debian13"),
        waits=True,
    ),
    web(
        "HTTP to a port with TLS",
        HTTP_TO_TLS,
        client="tls=off",
        clients=(*BARE, "edge@debian13"),
        servers=(*CURRENT, *OLD_ORIGIN),
    ),
    web(
        "the handshake alone",
        OK,
        clients=(*BARE, "openssl@rocky9"),
        servers=(*CURRENT, *OLD_ORIGIN),
        goal=Goal.HANDSHAKE,
    ),
)

#: What an image or a program cannot do is declared with its cause, and counted.
IMPOSSIBLE = (
    Row("no such program in the stand-in", CANNOT, clients=("curl@centos7",), servers=VSFTPD),
    web("no such command in the stand-in", CANNOT, clients=("openssl@centos7",)),
)

ROWS = (
    *CERTIFICATES,
    *WITHOUT_TLS,
    *IMPLICIT,
    *LOGIN,
    *HANDSHAKE,
    *NETWORK,
    *DATA,
    *OLD_SERVER,
    *WEB_CERTIFICATES,
    *WEB_HANDSHAKE,
    *WEB_NETWORK,
    *WEB_RESPONSE,
    *IMPOSSIBLE,
)
