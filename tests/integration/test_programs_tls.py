"""The bare TLS clients: their adapters, and their agents as local processes against a small web server."""

from __future__ import annotations

import base64
import contextlib
import http.server
import json
import shutil
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import trustme

from lab.clients import PROGRAMS, Installed, Target
from lab.dialects.rules import interpret
from lab.model import (
    Attempt,
    ClientReport,
    Goal,
    Observation,
    ProtocolRange,
    Reason,
    Side,
    Stage,
    from_,
    only,
    up_to,
)
from lab.model.outcome import ServerReport
from lab.servers.origin import Origin
from tests.agent_process import AGENTS, AgentProcess

TARGET = Target(host="origin.lab.test", port=2100, user="lab", password="secret")
EVERYTHING = {"perl": "5.36.0", "last_error": True, "python": "3.11.2"}
ROCKY = Installed(platform="rocky9", stand_in=True, versions=EVERYTHING)
BOTH = ("tls-perl", "tls-python")


def client(program: str, /, **settings: Any) -> Any:
    return PROGRAMS[program].settings_with(**settings)


# -- the adapters ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("program", "settings", "hint"),
    [
        ("tls-python", {"last_error": True}, "verify callback"),
        ("tls-python", {"sni": "other.lab.test"}, "one name"),
        ("tls-python", {"verify_name": "other.lab.test"}, "one name"),
        ("tls-python", {"sni": "a.lab.test", "verify_name": "b.lab.test"}, "one name"),
        ("tls-python", {"sni": ""}, "cannot send none"),
        ("tls-perl", {"last_error": True, "verify": False}, "no last one"),
        ("tls-perl", {"last_error": True, "fingerprint": "valid"}, "fingerprint"),
    ],
)
def test_what_a_program_cannot_express_has_a_cause(
    program: str, settings: dict[str, Any], hint: str
) -> None:
    cause = PROGRAMS[program].unsupported(client(program, **settings), ROCKY)

    assert cause is not None
    assert hint in cause


@pytest.mark.parametrize(
    "settings",
    [
        {"sni": "other.lab.test", "verify_name": "other.lab.test"},
        {"sni": "other.lab.test", "verify": False},
        {"sni": "", "verify": False},
    ],
)
def test_python_can_send_another_name_where_it_is_the_one_it_checks_or_none_is(
    settings: dict[str, Any],
) -> None:
    program = PROGRAMS["tls-python"]
    given = client("tls-python", **settings)

    assert program.unsupported(given, ROCKY) is None
    assert program.request(given, TARGET)["server_name"] == (settings["sni"] or None)


def test_a_perl_whose_modules_are_too_old_to_verify_by_themselves_says_so() -> None:
    old = Installed(platform="centos7", stand_in=False, versions={"last_error": False})
    program = PROGRAMS["tls-perl"]

    assert program.unsupported(client("tls-perl"), old) is None
    assert "too old" in (program.unsupported(client("tls-perl", last_error=True), old) or "")


def test_an_image_without_python_says_so() -> None:
    bare = Installed(platform="rocky9", stand_in=False)

    assert (
        PROGRAMS["tls-python"].unsupported(client("tls-python"), bare) == "the image has no Python"
    )


def test_by_default_neither_gets_an_option() -> None:
    perl = PROGRAMS["tls-perl"].request(client("tls-perl"), TARGET)
    python = PROGRAMS["tls-python"].request(client("tls-python"), TARGET)

    assert (perl["options"], perl["goal"], perl["tls"]) == ({}, "response", True)
    set_in_python = {name for name, value in python.items() if value not in (None, False)}
    always = {"goal", "host", "port", "timeout_s", "tls", "server_name", "authorization"}
    assert set_in_python == {*always, "verify"}
    assert python["server_name"] == "origin.lab.test"


@pytest.mark.parametrize("program", BOTH)
def test_a_request_has_the_credentials_of_the_target(program: str) -> None:
    given = PROGRAMS[program].request(client(program), TARGET)["authorization"]

    scheme, _, credentials = given.partition(" ")
    assert (scheme, base64.b64decode(credentials)) == ("Basic", b"lab:secret")


@pytest.mark.parametrize(
    ("settings", "option"),
    [
        ({"verify": False}, {"SSL_verify_mode": 0}),
        ({"verify_name": "x.lab.test"}, {"SSL_verifycn_name": "x.lab.test"}),
        ({"sni": "x.lab.test"}, {"SSL_hostname": "x.lab.test"}),
        ({"sni": ""}, {"SSL_hostname": ""}),
        ({"ciphers": "AES128"}, {"SSL_cipher_list": "AES128"}),
        ({"protocols": only("SSLv3")}, {"SSL_version": "SSLv3"}),
        ({"protocols": only("TLSv1.1")}, {"SSL_version": "TLSv1_1"}),
        ({"protocols": up_to("TLSv1.2")}, {"SSL_version": "SSLv23:!SSLv2:!SSLv3:!TLSv1_3"}),
    ],
)
def test_each_setting_is_one_option_of_the_module(
    settings: dict[str, Any], option: dict[str, Any]
) -> None:
    request = PROGRAMS["tls-perl"].request(client("tls-perl", **settings), TARGET)

    assert request["options"] == option


@pytest.mark.parametrize(
    ("protocols", "ends"),
    [
        (None, (None, None)),
        (up_to("TLSv1.2"), (None, "TLSv1.2")),
        (from_("TLSv1"), ("TLSv1", None)),
        (only("SSLv3"), ("SSLv3", "SSLv3")),
    ],
)
def test_python_gets_the_ends_of_a_range(
    protocols: ProtocolRange | None, ends: tuple[str | None, str | None]
) -> None:
    given = PROGRAMS["tls-python"].request(client("tls-python", protocols=protocols), TARGET)

    assert (given["minimum"], given["maximum"]) == ends


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({}, "origin.lab.test"),
        ({"sni": "a.lab.test"}, "a.lab.test"),
        ({"sni": ""}, "origin.lab.test"),
        ({"sni": "a.lab.test", "verify_name": "b.lab.test"}, "b.lab.test"),
    ],
)
def test_a_caller_that_verifies_by_itself_checks_a_name(
    settings: dict[str, Any], name: str
) -> None:
    given = PROGRAMS["tls-perl"].request(client("tls-perl", last_error=True, **settings), TARGET)

    assert (given["last_error"], given["check_name"]) == (True, name)


# -- the agents ------------------------------------------------------------------------------------


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
EACH = [pytest.param("tls-perl", marks=needs_perl), "tls-python"]
PERL = [pytest.param("tls-perl", marks=needs_perl)]
#: Seconds that an attempt may take. Perl's module counts those of a handshake on a clock of whole ones,
#: so that one second is luck.
PATIENCE_S = 10.0
#: The same where the peer stays silent.
SHORT_S = 0.5


def command(program: str) -> list[str]:
    """The agent's command on this machine instead of in a container."""
    script = Path(PROGRAMS[program].agent.argv[1]).name
    return ["perl" if script.endswith(".pl") else sys.executable, str(AGENTS / script)]


def started(agents: dict[str, AgentProcess], program: str) -> AgentProcess:
    """The agent of a program, started when it is first asked for."""
    if program not in agents:
        agents[program] = AgentProcess(command(program))
    return agents[program]


@pytest.fixture(scope="module")
def agents() -> Iterator[dict[str, AgentProcess]]:
    running: dict[str, AgentProcess] = {}
    yield running
    for agent in running.values():
        agent.end()
        if agent.process.stdout is not None:
            agent.process.stdout.close()


#: Makes an attempt with these settings at this port.
Attempts = Callable[..., ClientReport]


@pytest.fixture
def attempt(agents: dict[str, AgentProcess]) -> Attempts:
    """Attempts through adapter, agent and program, the way the lab makes them."""

    def make(program: str, port: int, ca_file: Path | None = None, **settings: Any) -> ClientReport:
        agent = started(agents, program)
        given = client(program, **{"timeout_s": PATIENCE_S, **settings})
        there = Installed(platform="here", stand_in=False, versions=agent.ready["versions"])
        assert PROGRAMS[program].unsupported(given, there) is None
        target = Target(
            host=given.host or "localhost",
            port=port,
            user="",
            password="",
            ca_file=str(ca_file) if ca_file else None,
        )
        answer = agent.ask(op="attempt", **PROGRAMS[program].request(given, target))
        assert answer["ok"], answer
        return PROGRAMS[program].report(answer["result"])

    return make


class Page(http.server.BaseHTTPRequestHandler):
    """Answers with what was negotiated."""

    protocol_version = "HTTP/1.1"
    status = 200

    def do_GET(self) -> None:
        connection = self.connection
        version = connection.version() if isinstance(connection, ssl.SSLSocket) else None
        body = json.dumps({"protocol": version, "host": self.headers["Host"]}).encode()
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Nothing."""


class Failing(Page):
    """Fails, and says so."""

    status = 503


@dataclass(frozen=True)
class Web:
    """A web server's port, and the authority that its certificate is from."""

    port: int
    ca_file: Path


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> tuple[trustme.CA, Path]:
    made = trustme.CA()
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    made.cert_pem.write_to_path(str(path))
    return made, path


@contextlib.contextmanager
def serving(
    authority: tuple[trustme.CA, Path],
    *names: str,
    page: type[Page] = Page,
    tls: bool = True,
    change: Callable[[ssl.SSLContext], object] = lambda _: None,
) -> Iterator[Web]:
    """A web server whose certificate has these names."""
    issuer, ca_file = authority
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issuer.issue_cert(*(names or ("localhost",))).configure_cert(context)
    change(context)

    class Server(http.server.ThreadingHTTPServer):
        daemon_threads = True

        def finish_request(self, request: Any, client_address: Any) -> None:
            with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
                if tls:
                    request = stack.enter_context(context.wrap_socket(request, server_side=True))
                super().finish_request(request, client_address)

    with Server(("127.0.0.1", 0), page) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield Web(server.server_address[1], ca_file)
        finally:
            server.shutdown()
            thread.join(5)


@contextlib.contextmanager
def one_connection(act: Callable[[socket.socket], None]) -> Iterator[int]:
    """A port at which one connection is accepted and treated so."""

    def accept(listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            connection, _ = listener.accept()
            with connection:
                connection.settimeout(5)
                act(connection)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(5)
        thread = threading.Thread(target=accept, args=(listener,))
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            thread.join(10)


def decided(program: str, report: ClientReport, **settings: Any) -> tuple[Any, Any, Any]:
    """What the dialect makes of it, without a word from the server."""
    made = Attempt(Origin(), client(program, **settings))
    server = ServerReport(started=False)
    outcome = interpret(Observation(attempt=made, client=report, server=server))
    return outcome.by, outcome.stage, outcome.reason


@pytest.mark.parametrize("program", EACH)
def test_a_page_is_asked_for_and_what_was_negotiated_is_reported(
    attempt: Attempts, authority: tuple[trustme.CA, Path], program: str
) -> None:
    with serving(authority) as web:
        report = attempt(program, web.port, web.ca_file, protocols=up_to("TLSv1.2"))

    assert (report.failed, report.step, report.error) == (False, "response", "")
    assert (report.reply_code, report.reply_text) == (200, "OK")
    assert (report.protocol, report.verified) == ("TLSv1.2", True)
    assert report.cipher is not None
    assert report.library.startswith("OpenSSL ")
    assert report.warnings == ()
    assert report.elapsed_ms > 0


@pytest.mark.parametrize("program", EACH)
def test_without_tls_nothing_is_negotiated(
    attempt: Attempts, authority: tuple[trustme.CA, Path], program: str
) -> None:
    with serving(authority, tls=False) as web:
        report = attempt(program, web.port, tls=False)

    assert (report.failed, report.step, report.reply_code) == (False, "response", 200)
    assert (report.protocol, report.cipher, report.verified) == (None, None, None)


@pytest.mark.parametrize("program", EACH)
@pytest.mark.parametrize("versions", ["..TLSv1.2", "TLSv1.3"])
def test_the_goal_handshake_ends_with_it(
    attempt: Attempts, authority: tuple[trustme.CA, Path], program: str, versions: str
) -> None:
    with serving(authority) as web:
        report = attempt(
            program,
            web.port,
            web.ca_file,
            goal=Goal.HANDSHAKE,
            protocols=ProtocolRange.parse(versions),
        )

    assert (report.failed, report.step, report.reply_code) == (False, "handshake", None)
    assert report.protocol == versions.removeprefix("..")
    assert report.elapsed_ms < 1000 * PATIENCE_S


@pytest.mark.parametrize("program", EACH)
@pytest.mark.parametrize("goal", [Goal.HANDSHAKE, Goal.RESPONSE])
@pytest.mark.parametrize("versions", ["..TLSv1.2", "TLSv1.3"])
def test_a_client_certificate_that_is_missing_is_noticed_whenever_the_server_says_so(
    attempt: Attempts, authority: tuple[trustme.CA, Path], program: str, goal: Goal, versions: str
) -> None:
    def require(context: ssl.SSLContext) -> None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(authority[1])

    with serving(authority, change=require) as web:
        report = attempt(
            program, web.port, web.ca_file, goal=goal, protocols=ProtocolRange.parse(versions)
        )

    assert report.failed is True
    by, stage, reason = decided(program, report)
    assert (by, stage) == (Side.SERVER, Stage.HANDSHAKE)
    # Up to TLS 1.2 it is alert 40, which says nothing more.
    told = versions == "TLSv1.3"
    assert reason is (Reason.CLIENT_CERTIFICATE_REQUIRED if told else Reason.UNKNOWN)


@pytest.mark.parametrize("program", EACH)
def test_an_unknown_issuer_is_reported_with_number_and_words(
    attempt: Attempts, authority: tuple[trustme.CA, Path], tmp_path: Path, program: str
) -> None:
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(str(other))

    with serving(authority) as web:
        report = attempt(program, web.port, other)

    assert (report.failed, report.step, report.verify_code) == (True, "handshake", 20)
    # What is wrong with the certificate and nothing around it; and the library's words hold it.
    assert report.message
    assert report.message in report.error
    assert len(report.message) < len(report.error)
    assert decided(program, report) == (Side.CLIENT, Stage.VERIFY, Reason.UNKNOWN_ISSUER)


@pytest.mark.parametrize("program", PERL)
def test_a_caller_that_goes_on_reports_the_last_error(
    attempt: Attempts, authority: tuple[trustme.CA, Path], tmp_path: Path, program: str
) -> None:
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(str(other))

    with serving(authority) as web:
        report = attempt(program, web.port, other, last_error=True)
        trusted = attempt(program, web.port, web.ca_file, last_error=True)

    # Alone in its chain, the certificate has this error after 20.
    assert (report.failed, report.step, report.verify_code) == (True, "handshake", 21)
    assert (report.protocol is not None, report.verified) == (True, False)
    reason = Reason.FIRST_CERTIFICATE_UNVERIFIABLE
    assert decided(program, report) == (Side.CLIENT, Stage.VERIFY, reason)
    assert (trusted.failed, trusted.verified) == (False, True)


@pytest.mark.parametrize("program", EACH)
def test_another_name_in_the_certificate_is_refused(
    attempt: Attempts, authority: tuple[trustme.CA, Path], program: str
) -> None:
    with serving(authority, "other.lab.test") as web:
        report = attempt(program, web.port, web.ca_file)

    assert (report.failed, report.step) == (True, "handshake")
    assert decided(program, report) == (Side.CLIENT, Stage.VERIFY, Reason.HOSTNAME_MISMATCH)


@pytest.mark.parametrize("program", PERL)
def test_a_caller_that_goes_on_checks_the_name_afterwards(
    attempt: Attempts, authority: tuple[trustme.CA, Path], program: str
) -> None:
    with serving(authority, "other.lab.test") as web:
        wrong = attempt(program, web.port, web.ca_file, last_error=True)
        right = attempt(
            program, web.port, web.ca_file, last_error=True, verify_name="other.lab.test"
        )

    assert (wrong.failed, wrong.verify_code) == (True, 62)
    assert decided(program, wrong) == (Side.CLIENT, Stage.VERIFY, Reason.HOSTNAME_MISMATCH)
    assert right.failed is False


@pytest.mark.parametrize("program", PERL)
def test_a_name_can_be_expected_and_another_one_sent(
    attempt: Attempts, authority: tuple[trustme.CA, Path], program: str
) -> None:
    with serving(authority, "other.lab.test") as web:
        report = attempt(program, web.port, web.ca_file, verify_name="other.lab.test")

    assert (report.failed, report.verified) == (False, True)


@pytest.mark.parametrize("program", PERL)
def test_a_module_that_gives_up_the_name_has_not_verified(
    attempt: Attempts, authority: tuple[trustme.CA, Path], program: str
) -> None:
    """Told to send no name, IO::Socket::SSL checks none, and warns."""
    with serving(authority, "other.lab.test") as web:
        report = attempt(program, web.port, web.ca_file, sni="")

    assert (report.failed, report.verified) == (False, False)
    assert len(report.warnings) == 1


@pytest.mark.parametrize("program", EACH)
def test_a_certificate_is_no_obstacle_without_verification(
    attempt: Attempts, authority: tuple[trustme.CA, Path], program: str
) -> None:
    with serving(authority, "other.lab.test") as web:
        report = attempt(program, web.port, verify=False)

    assert (report.failed, report.verified) == (False, False)


@pytest.mark.parametrize("program", EACH)
def test_a_peer_without_tls_is_told_from_one_that_refuses(
    attempt: Attempts, authority: tuple[trustme.CA, Path], program: str
) -> None:
    with serving(authority, tls=False) as web:
        report = attempt(program, web.port, web.ca_file)

    assert (report.failed, report.step) == (True, "handshake")
    assert decided(program, report) == (Side.CLIENT, Stage.HANDSHAKE, Reason.PLAINTEXT_PEER)
    # Nothing of the library's frame around its reason.
    assert report.message in report.error
    assert ":" not in report.message


@pytest.mark.parametrize("program", EACH)
def test_a_status_that_is_not_200_is_a_failure(
    attempt: Attempts, authority: tuple[trustme.CA, Path], program: str
) -> None:
    with serving(authority, page=Failing) as web:
        report = attempt(program, web.port, web.ca_file)

    assert (report.failed, report.step, report.reply_code) == (True, "response", 503)
    assert decided(program, report) == (Side.SERVER, Stage.RESPONSE, Reason.UNKNOWN)


def _silent(connection: socket.socket) -> None:
    while connection.recv(4096):
        pass


def _say(words: bytes) -> Callable[[socket.socket], None]:
    def say(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(words)

    return say


@pytest.mark.parametrize("program", EACH)
@pytest.mark.parametrize(
    ("tls", "act", "ends"),
    [
        (True, _silent, (Side.SERVER, Stage.HANDSHAKE, Reason.TIMED_OUT)),
        (True, _say(b""), (Side.SERVER, Stage.HANDSHAKE, Reason.CLOSED)),
        (False, _silent, (Side.SERVER, Stage.RESPONSE, Reason.TIMED_OUT)),
        (False, _say(b""), (Side.SERVER, Stage.RESPONSE, Reason.CLOSED)),
        (
            False,
            _say(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"),
            (Side.SERVER, Stage.RESPONSE, Reason.CLOSED),
        ),
        (False, _say(b"220 ready\r\n"), (Side.SERVER, Stage.RESPONSE, Reason.UNKNOWN)),
    ],
    ids=["silent", "closes", "plain, silent", "plain, closes", "half an answer", "no HTTP"],
)
def test_a_peer_that_does_not_do_its_part(
    attempt: Attempts,
    program: str,
    tls: bool,
    act: Callable[[socket.socket], None],
    ends: tuple[Side, Stage, Reason],
) -> None:
    limit_s = SHORT_S if act is _silent else PATIENCE_S
    with one_connection(act) as port:
        report = attempt(program, port, tls=tls, timeout_s=limit_s)

    assert report.failed is True
    assert decided(program, report) == ends
    # The program's own time limit, not the agent's.
    assert report.timed_out is False
    assert report.elapsed_ms < 1000 * (limit_s + PATIENCE_S)


@pytest.mark.parametrize("program", EACH)
@pytest.mark.parametrize("tls", [True, False])
def test_a_body_without_a_length_ends_with_the_connection(
    attempt: Attempts, authority: tuple[trustme.CA, Path], program: str, tls: bool
) -> None:
    words = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nall of it"
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority[0].issue_cert("localhost").configure_cert(context)

    def act(connection: socket.socket) -> None:
        if not tls:
            _say(words)(connection)
            return
        with context.wrap_socket(connection, server_side=True) as stream:
            _say(words)(stream)
            with contextlib.suppress(OSError):
                stream.unwrap()

    with one_connection(act) as port:
        report = attempt(program, port, authority[1], tls=tls)

    assert (report.failed, report.reply_code) == (False, 200), report


@pytest.mark.parametrize("program", EACH)
def test_a_closed_port_is_a_refused_connection(attempt: Attempts, program: str) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        report = attempt(program, closed.getsockname()[1])

    assert (report.failed, report.step, report.errno) == (True, "connect", "ECONNREFUSED")
    assert report.message


@pytest.mark.parametrize("program", EACH)
@pytest.mark.parametrize("tls", [True, False])
def test_a_name_that_does_not_exist_is_the_resolvers(
    attempt: Attempts, program: str, tls: bool
) -> None:
    report = attempt(program, 1, host="no-such-name.invalid", tls=tls)

    assert (report.failed, report.step) == (True, "connect")
    assert report.errno in ("EAI_NONAME", "EAI_AGAIN", "EAI_NODATA", "EAI_FAIL")


@pytest.mark.parametrize("program", EACH)
def test_a_cipher_list_that_means_nothing_fails_before_anything_is_sent(
    attempt: Attempts, authority: tuple[trustme.CA, Path], program: str
) -> None:
    with serving(authority) as web:
        report = attempt(program, web.port, ciphers="NO-SUCH-SUITE")

    assert (report.failed, report.step, report.protocol) == (True, "connect", None)
    ends = (Side.CLIENT, Stage.HANDSHAKE, Reason.CIPHER_LIST_EMPTY)
    assert decided(program, report, ciphers="NO-SUCH-SUITE") == ends


@pytest.mark.parametrize("program", EACH)
def test_a_suite_that_is_not_rc4_is_not_refused(
    attempt: Attempts, authority: tuple[trustme.CA, Path], program: str
) -> None:
    with serving(authority) as web:
        report = attempt(program, web.port, web.ca_file, refuse_rc4=True)

    assert report.failed is False


@pytest.mark.parametrize("program", EACH)
def test_a_request_without_what_it_needs_is_a_bad_request(
    agents: dict[str, AgentProcess], program: str
) -> None:
    agent = started(agents, program)

    incomplete = agent.ask(op="attempt", goal="response")
    unknown = agent.ask(op="attempt", goal="login")

    assert [incomplete["kind"], unknown["kind"]] == ["bad-request", "bad-request"]
    assert "login" in unknown["error"]


@pytest.mark.parametrize("program", EACH)
def test_a_deadline_leaves_the_step_that_it_ended(
    agents: dict[str, AgentProcess], program: str
) -> None:
    agent = started(agents, program)
    request = PROGRAMS[program].request(client(program, timeout_s=30.0), TARGET)

    with one_connection(_silent) as port:
        where = {"host": "127.0.0.1", "port": port}
        answer = agent.ask(op="attempt", **{**request, **where, "deadline_s": 0.8})

    report = PROGRAMS[program].report(answer["result"])
    assert (report.timed_out, report.step) == (True, "handshake")
    assert decided(program, report) == (Side.SERVER, Stage.HANDSHAKE, Reason.TIMED_OUT)
