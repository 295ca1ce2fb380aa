"""Net::FTPSSL: its adapter, and its agent as a local process with a small module in the real one's place."""

from __future__ import annotations

import shutil
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from lab.dialects import interpret
from lab.inputs.mt_client import NET_FTPSSL_VERSION, Caller, client_settings
from lab.inputs.mt_config import parse
from lab.model import (
    Attempt,
    ClientReport,
    ClientSettings,
    Delivery,
    Goal,
    Observation,
    ProtocolRange,
    Reason,
    ServerReport,
    ServerSettings,
    Side,
    Stage,
    from_,
    only,
    up_to,
)
from lab.programs import PROGRAMS, Installed, Target
from lab.programs.net_ftpssl import ABSENT, DEFAULT_VERSION, options
from tests.unit.agent_process import AGENTS, AgentProcess, ftp_server

PROGRAM = PROGRAMS["net-ftpssl"]
DELIVERY = Delivery(name="a.txt", size=1024, sha256="00")
TARGET = Target(host="ftp.lab.test", port=2121, user="lab", password="secret", delivery=DELIVERY)
WITH_IT = Installed(platform="rocky9", stand_in=True, versions={"Net::FTPSSL": "0.42"})


def client(**settings: Any) -> ClientSettings:
    return ClientSettings(program="net-ftpssl", **settings)


def configured(*lines: str) -> ClientSettings:
    """What Movable Type makes of these lines."""
    config = parse("\n".join(lines) + "\n", "mt-config.cgi")
    return client_settings(config, client(), Caller.NET_FTPSSL)[0]


# -- the adapter -----------------------------------------------------------------------------------


def test_an_image_without_the_module_cannot() -> None:
    without = Installed(platform="rocky9", stand_in=False, versions={"Net::FTPSSL": None})

    assert PROGRAM.unsupported(client(), without) == ABSENT
    assert "no Net::FTPSSL" in ABSENT


def test_a_module_that_does_not_load_says_why() -> None:
    versions = {"Net::FTPSSL": None, "Net::FTPSSL problem": "IO::Socket::SSL version 1.26 required"}
    broken = Installed(platform="rocky9", stand_in=False, versions=versions)

    cause = PROGRAM.unsupported(client(), broken)

    assert cause == "Net::FTPSSL cannot be loaded: IO::Socket::SSL version 1.26 required"


@pytest.mark.parametrize(
    ("settings", "hint"),
    [
        ({"mode": "active"}, "active mode"),
        ({"libnet": "3.11"}, "libnet"),
        ({"implicit_tls": True, "tls": False}, "implicit TLS"),
    ],
)
def test_what_it_cannot_express_is_declared(settings: dict[str, Any], hint: str) -> None:
    cause = PROGRAM.unsupported(client(**settings), WITH_IT)

    assert cause is not None
    assert hint in cause


def test_by_default_it_gets_what_movable_type_gives_it() -> None:
    request = PROGRAM.request(client(), TARGET)

    assert request["options"] == {
        "Port": 2121,
        "Timeout": 10.0,
        "SSL_Client_Certificate": {
            "SSL_verify_mode": 1,
            "SSL_version": "SSLv23:!SSLv3:!SSLv2",
            "SSL_verifycn_name": "ftp.lab.test",
            "SSL_verifycn_scheme": "ftp",
        },
        "ReuseSession": 1,
    }


def test_no_line_of_mt_config_changes_nothing() -> None:
    assert options(configured(), TARGET) == options(client(), TARGET)
    assert DEFAULT_VERSION == NET_FTPSSL_VERSION


def test_one_ftps_option_drops_the_session_reuse_and_a_second_line_keeps_it() -> None:
    one = options(configured("FTPSOptions SSL_cipher_list=AES128"), TARGET)
    both = options(
        configured("FTPSOptions SSL_cipher_list=AES128", "FTPSOptions ReuseSession=1"), TARGET
    )

    assert "ReuseSession" not in one
    assert both == {**one, "ReuseSession": 1}


def test_the_directives_go_into_the_hash_and_ftps_options_beside_it() -> None:
    settings = configured("FTPSSSLVerifyNone 1", "FTPSSSLVersion TLSv1_2")

    given = options(settings, TARGET)

    hashed = given["SSL_Client_Certificate"]
    assert (hashed["SSL_verify_mode"], hashed["SSL_version"]) == (0, "TLSv1_2")
    assert not {"SSL_verify_mode", "SSL_version"} & set(given)


@pytest.mark.parametrize(
    ("protocols", "written"),
    [
        (None, "SSLv23:!SSLv3:!SSLv2"),
        (from_("TLSv1"), "SSLv23:!SSLv3:!SSLv2"),
        (only("TLSv1.2"), "TLSv1_2"),
        (up_to("TLSv1.2"), "SSLv23:!SSLv2:!SSLv3:!TLSv1_3"),
    ],
)
def test_versions_are_written_as_the_module_reads_them(
    protocols: ProtocolRange | None, written: str
) -> None:
    given = options(client(protocols=protocols), TARGET)

    assert given["SSL_Client_Certificate"]["SSL_version"] == written


@pytest.mark.parametrize(
    ("settings", "target", "added"),
    [
        ({"tls": False}, {}, {"Encryption": "C"}),
        ({"implicit_tls": True}, {}, {"Encryption": "I"}),
        ({"trust": "private-ca"}, {"ca_file": "/ca.pem"}, {"SSL_ca_file": "/ca.pem"}),
        ({"fingerprint": "valid"}, {"fingerprint": "ab"}, {"SSL_fingerprint": "sha256$ab"}),
        ({"verify_name": "x.lab.test"}, {}, {"SSL_verifycn_name": "x.lab.test"}),
        ({"sni": ""}, {}, {"SSL_hostname": ""}),
        ({"ciphers": "AES128"}, {}, {"SSL_cipher_list": "AES128"}),
        (
            {"client_certificate": "valid"},
            {"certificate": "/c.pem", "key": "/k.pem"},
            {"SSL_cert_file": "/c.pem", "SSL_key_file": "/k.pem"},
        ),
    ],
)
def test_every_setting_adds_its_option_and_no_other(
    settings: dict[str, Any], target: dict[str, Any], added: dict[str, Any]
) -> None:
    goes_to = Target(host="ftp.lab.test", port=2121, user="lab", password="secret", **target)

    given = options(client(**settings), goes_to)

    assert given == {**options(client(), TARGET), **added}


# -- the agent -------------------------------------------------------------------------------------

#: A module with Net::FTPSSL's interface and its words, as far as the agent touches them.
MODULE = r"""
package Net::FTPSSL;
use strict;
use warnings;
use parent 'IO::Socket::SSL';
use IO::Socket::INET ();
our $VERSION = '0.0';
our $ERRSTR  = '';

sub state { return ${ *{ $_[0] } }{the_state} }

sub new {
    my ($class, $host, %given) = @_;
    my %tls = %{ $given{SSL_Client_Certificate} };
    $tls{$_} = $given{$_} for grep { /^SSL_[a-z]/ } keys %given;
    my $mode = $given{Encryption} // 'E';
    my $socket = IO::Socket::INET->new(
        PeerAddr => $host, PeerPort => $given{Port}, Timeout => $given{Timeout}) or do {
        $ERRSTR = "Can't open tcp connection! ($host:$given{Port})";
        return undef;
    };
    my %state = (said => '', limit => $given{Timeout}, clear => $mode eq 'C');
    ${*$socket}{the_state} = \%state;
    return failed($socket) if response($socket) != 2;
    return bless $socket, $class if $state{clear};
    command($socket, 'AUTH', $tls{SSL_version} =~ /^SSLv/ ? 'SSL' : 'TLS');
    return failed($socket) if response($socket) != 2;
    $tls{SSL_session_cache} = IO::Socket::SSL::Session_Cache->new(5) if $given{ReuseSession};
    $tls{SSL_session_key}   = 'one' if $given{ReuseSession};
    my $self = $class->start_SSL($socket, SSL_hostname => $host, Timeout => $given{Timeout}, %tls) or do {
        $ERRSTR = "$tls{SSL_version}: " . IO::Socket::SSL::errstr();
        return undef;
    };
    my @shared = grep { exists $tls{$_} } qw(SSL_verifycn_name SSL_verifycn_scheme SSL_session_key);
    my %data   = (SSL_reuse_ctx => ${*$self}{_SSL_ctx}, map { ($_ => $tls{$_}) } @shared);
    ${*$self}{the_state} = { %state, data => \%data };
    return $self;
}

sub failed { $ERRSTR = last_message($_[0]); return undef }
sub last_message { return state($_[0])->{said} }

sub command {
    my ($self, @words) = @_;
    syswrite $self, "@words\r\n";
    return $self;
}

sub response {
    my ($self) = @_;
    my $state = state($self);
    my $ready = '';
    vec($ready, fileno $self, 1) = 1;
    my $line;
    if ($self->can('pending') && $self->pending || select $ready, undef, undef, $state->{limit}) {
        do { $line = <$self> } while defined $line && $line !~ /^\d{3} /;
        $state->{said} = $line // '555 Unexpected EOF on Command Channel [0] (0, 1) ()';
    }
    else {
        $state->{said} = '555 Timed out waiting for a response! [0] ()';
    }
    $state->{said} =~ s/\r?\n\z//;
    return substr $state->{said}, 0, 1;
}

sub tell { my ($self, @words) = @_; command($self, @words); return response($self) }

sub login {
    my ($self, $user, $password) = @_;
    for my $words (['USER', $user], ['PASS', $password]) {
        my $digit = $self->tell(@$words);
        return failed($self) if $digit != 2 && $digit != 3;
    }
    return 1;
}

sub binary { return $_[0]->tell('TYPE', 'I') == 2 }

sub put {
    my ($self, $file, $name) = @_;
    if (!state($self)->{clear}) {
        $self->tell('PBSZ', 0);
        return failed($self) if $self->tell('PROT', 'P') != 2;
    }
    return failed($self) if $self->tell('PASV') != 2;
    my @numbers = last_message($self) =~ /\((\d+),(\d+),(\d+),(\d+),(\d+),(\d+)\)/;
    my $data = IO::Socket::INET->new(
        PeerAddr => join('.', @numbers[0 .. 3]), PeerPort => 256 * $numbers[4] + $numbers[5])
        or die "connect: $!";
    return failed($self) if $self->tell('STOR', $name) != 1;
    IO::Socket::SSL->start_SSL($data, state($self)->{data}) or return undef if !state($self)->{clear};
    while (sysread $file, my $bytes, 10240) { syswrite $data, $bytes }
    close $data;
    return response($self) == 2 || failed($self);
}

sub quit { my $digit = $_[0]->tell('QUIT'); close $_[0]; return $digit == 2 }

1;
"""


def _has_perl_tls() -> bool:
    if shutil.which("perl") is None:
        return False
    tried = subprocess.run(
        ["perl", "-MIO::Socket::SSL", "-e", "1"], check=False, capture_output=True, timeout=30
    )
    return tried.returncode == 0


needs_perl = pytest.mark.skipif(
    not _has_perl_tls(), reason="this machine's perl has no IO::Socket::SSL"
)


@pytest.fixture
def started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., AgentProcess]]:
    """Starts the agent with a module of this text, or without one."""
    agents: list[AgentProcess] = []

    def start(module: str | None = None) -> AgentProcess:
        library = tmp_path / "lib"
        if module is not None:
            (library / "Net").mkdir(parents=True)
            (library / "Net" / "FTPSSL.pm").write_text(module, encoding="utf-8")
        monkeypatch.setenv("PERL5LIB", str(library))
        agents.append(AgentProcess(["perl", str(AGENTS / "net_ftpssl.pl")]))
        return agents[-1]

    yield start
    for agent in agents:
        agent.end()
        if agent.process.stdout is not None:
            agent.process.stdout.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, Path, Path]]:
    """An FTPS server for ``localhost``: its port, its directory, its authority."""
    folder = tmp_path_factory.mktemp("server")
    authority, ca_file, uploads = trustme.CA(), folder / "ca.pem", folder / "uploads"
    authority.cert_pem.write_to_path(str(ca_file))
    certificate = folder / "server.pem"
    issued = authority.issue_cert("localhost", "127.0.0.1")
    issued.private_key_and_cert_chain_pem.write_to_path(str(certificate))
    uploads.mkdir()
    with ftp_server(uploads, certificate) as port:
        yield port, uploads, ca_file


def attempt(agent: AgentProcess, settings: ClientSettings, **target: Any) -> ClientReport:
    """An attempt through adapter, agent and module, the way the lab makes it."""
    versions = agent.ready["versions"]
    installed = Installed(platform="rocky9", stand_in=False, versions=versions)
    assert PROGRAM.unsupported(settings, installed) is None
    goes_to = {"host": "localhost", "user": "lab", "password": "secret", **target}
    answer = agent.ask(op="attempt", **PROGRAM.request(settings, Target(**goes_to)))
    assert answer["ok"], answer
    return PROGRAM.report(answer["result"])


def refusal(report: ClientReport, settings: ClientSettings) -> tuple[Any, Any, Any]:
    """What the dialect makes of it, without a word from the server."""
    made = Attempt(ServerSettings(), settings)
    outcome = interpret(
        Observation(attempt=made, client=report, server=ServerReport(started=True, log=""))
    )
    return outcome.by, outcome.stage, outcome.reason


@needs_perl
def test_without_the_module_the_agent_says_so(started: Callable[..., AgentProcess]) -> None:
    agent = started()

    versions = agent.ready["versions"]
    installed = Installed(platform="rocky9", stand_in=True, versions=versions)
    answer = agent.ask(op="attempt", goal="handshake", host="localhost", options={})

    assert versions["Net::FTPSSL"] is None
    assert PROGRAM.unsupported(client(), installed) == ABSENT
    assert answer["kind"] == "bad-request"
    assert "no Net::FTPSSL" in answer["error"]


@needs_perl
def test_a_module_that_dies_is_told_from_one_that_is_not_there(
    started: Callable[..., AgentProcess],
) -> None:
    agent = started("package Net::FTPSSL; die qq{this perl is too old\\n};")

    versions = agent.ready["versions"]
    installed = Installed(platform="rocky9", stand_in=True, versions=versions)

    assert versions["Net::FTPSSL"] is None
    assert "this perl is too old" in (PROGRAM.unsupported(client(), installed) or "")


@needs_perl
@pytest.mark.parametrize(("cache", "reused"), [("default", True), ("none", False)])
@pytest.mark.parametrize("size", [0, 100_001])
def test_the_whole_file_arrives(
    started: Callable[..., AgentProcess],
    server: tuple[int, Path, Path],
    cache: str,
    reused: bool,
    size: int,
) -> None:
    port, uploads, ca_file = server
    name = f"{cache}-{size}.txt"
    settings = client(protocols=up_to("TLSv1.2"), session_cache=cache, timeout_s=5.0)

    report = attempt(
        started(MODULE),
        settings,
        port=port,
        ca_file=str(ca_file),
        delivery=Delivery(name=name, size=size, sha256=""),
    )

    assert (report.failed, report.step, report.error) == (False, "quit", "")
    assert (report.protocol, report.verified) == ("TLSv1.2", True)
    assert (report.data_protected, report.session_reused) == (True, reused)
    assert (uploads / name).read_bytes() == (f"{name}\n".encode() * (size // len(name) + 1))[:size]


@needs_perl
def test_a_delivery_in_clear_text_is_not_called_protected(
    started: Callable[..., AgentProcess], tmp_path: Path
) -> None:
    settings = client(tls=False, timeout_s=5.0)

    with ftp_server(tmp_path, None) as port:
        report = attempt(started(MODULE), settings, port=port, delivery=DELIVERY)

    assert (report.failed, report.protocol, report.data_protected) == (False, None, False)


@needs_perl
def test_a_refused_certificate_is_in_what_the_user_reads(
    started: Callable[..., AgentProcess], server: tuple[int, Path, Path], tmp_path: Path
) -> None:
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(str(other))
    settings = client(goal=Goal.LOGIN, timeout_s=5.0)

    report = attempt(started(MODULE), settings, port=server[0], ca_file=str(other))

    assert (report.failed, report.step, report.reply_code) == (True, "starttls", 234)
    assert report.verify_code == 20
    assert "certificate verify failed" in report.message
    assert report.message.startswith("FTPS connection failed: SSL connect attempt failed")
    assert report.error.startswith(f"{DEFAULT_VERSION}: SSL connect attempt failed")
    assert refusal(report, settings) == (Side.CLIENT, Stage.VERIFY, Reason.UNKNOWN_ISSUER)


@needs_perl
def test_another_name_in_the_certificate_is_told(
    started: Callable[..., AgentProcess], server: tuple[int, Path, Path]
) -> None:
    settings = client(goal=Goal.HANDSHAKE, verify_name="other.lab.test", timeout_s=5.0)

    report = attempt(started(MODULE), settings, port=server[0], ca_file=str(server[2]))

    assert report.message == "FTPS connection failed: hostname verification failed"
    assert refusal(report, settings) == (Side.CLIENT, Stage.VERIFY, Reason.HOSTNAME_MISMATCH)


@needs_perl
@pytest.mark.parametrize(("goal", "shown"), [(Goal.LOGIN, ""), (Goal.TRANSFER, "FTP put failed:")])
def test_a_login_that_fails_is_read_as_a_delivery_that_failed(
    started: Callable[..., AgentProcess], server: tuple[int, Path, Path], goal: Goal, shown: str
) -> None:
    port, _, ca_file = server
    settings = client(goal=goal, timeout_s=5.0)

    report = attempt(
        started(MODULE),
        settings,
        port=port,
        ca_file=str(ca_file),
        password="wrong",
        delivery=DELIVERY,
    )

    assert (report.failed, report.step, report.reply_code) == (True, "login", 530)
    assert report.error == report.reply_text
    assert report.message == shown
    assert refusal(report, settings) == (Side.SERVER, Stage.LOGIN, Reason.LOGIN_FAILED)


@needs_perl
def test_a_handshake_is_the_whole_of_its_goal(
    started: Callable[..., AgentProcess], server: tuple[int, Path, Path]
) -> None:
    settings = client(goal=Goal.HANDSHAKE, timeout_s=5.0)

    report = attempt(started(MODULE), settings, port=server[0], ca_file=str(server[2]))

    assert (report.failed, report.step, report.protocol) == (False, "quit", "TLSv1.3")
    assert report.data_protected is None


@needs_perl
def test_a_closed_port_is_a_refused_connection(started: Callable[..., AgentProcess]) -> None:
    settings = client(goal=Goal.LOGIN, timeout_s=5.0)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]

        report = attempt(started(MODULE), settings, host="127.0.0.1", port=port)

    assert (report.failed, report.step, report.errno) == (True, "connect", "ECONNREFUSED")
    assert report.message == "FTPS connection failed: IO::Socket::INET: connect: Connection refused"


def _say(listener: socket.socket, *lines: bytes) -> None:
    """To one client: a line, and one more for each that it sends; then the end."""
    listener.settimeout(5)
    connection, _ = listener.accept()
    with connection:
        connection.settimeout(5)
        for number, line in enumerate(lines):
            if number:
                connection.recv(1000)
            connection.sendall(line)


@needs_perl
@pytest.mark.parametrize(
    ("lines", "step", "refused"),
    [
        ((b"421 Full.\r\n",), "greeting", (Side.SERVER, Stage.GREETING, Reason.UNKNOWN)),
        ((), "greeting", (Side.SERVER, Stage.GREETING, Reason.CLOSED)),
        (
            (b"220 Hello.\r\n", b"502 No.\r\n"),
            "starttls",
            (Side.SERVER, Stage.AUTH, Reason.TLS_NOT_OFFERED),
        ),
        (
            (b"220 Hello.\r\n", b"234 Yes.\r\n", b"and no TLS\r\n"),
            "starttls",
            (Side.CLIENT, Stage.HANDSHAKE, Reason.PLAINTEXT_PEER),
        ),
    ],
    ids=["refuses", "closes", "no TLS", "plain text for TLS"],
)
def test_what_a_server_says_instead_is_placed_at_its_step(
    started: Callable[..., AgentProcess],
    lines: tuple[bytes, ...],
    step: str,
    refused: tuple[Side, Stage, Reason],
) -> None:
    settings = client(goal=Goal.LOGIN, timeout_s=5.0)
    agent = started(MODULE)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        thread = threading.Thread(target=_say, args=(listener, *lines))
        thread.start()
        report = attempt(agent, settings, host="127.0.0.1", port=port)
        thread.join(10)

    assert (report.failed, report.step) == (True, step)
    assert refusal(report, settings) == refused


@needs_perl
def test_a_server_that_never_speaks_runs_into_the_clients_time_limit(
    started: Callable[..., AgentProcess],
) -> None:
    settings = client(goal=Goal.LOGIN, timeout_s=1.0)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        report = attempt(started(MODULE), settings, host="127.0.0.1", port=silent.getsockname()[1])

    assert (report.step, report.timed_out, report.reply_code) == ("greeting", False, None)
    assert refusal(report, settings) == (Side.SERVER, Stage.GREETING, Reason.TIMED_OUT)


@needs_perl
def test_a_request_without_what_its_goal_needs_is_a_bad_request(
    started: Callable[..., AgentProcess],
) -> None:
    agent = started(MODULE)

    incomplete = agent.ask(op="attempt", goal="login")
    unknown = agent.ask(op="attempt", goal="fly")

    assert [incomplete["kind"], unknown["kind"]] == ["bad-request", "bad-request"]
