"""The program agents as local processes, against a real FTPS server (pyftpdlib) on this machine."""

from __future__ import annotations

import dataclasses
import hashlib
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from lab.clients import PROGRAMS, Installed, Target
from lab.model import ClientReport, ClientSettings, Delivery, Goal, up_to
from tests.agent_process import AGENTS, AgentProcess, ftp_server, running

HOST = "localhost"


def _local(program: str) -> list[str]:
    """The agent's command on this machine instead of in a container."""
    interpreter, script, *arguments = PROGRAMS[program].agent.argv
    here = "perl" if interpreter.endswith("/perl") else sys.executable
    return [here, str(AGENTS / Path(script).name), *arguments]


def _has_net_ftp() -> bool:
    if shutil.which("perl") is None:
        return False
    tried = subprocess.run(
        ["perl", "-MIO::Socket::SSL", "-MNet::FTP", "-e", "1"],
        check=False,
        capture_output=True,
        timeout=30,
    )
    return tried.returncode == 0


NET_FTP = pytest.param(
    "net-ftp",
    marks=pytest.mark.skipif(
        not _has_net_ftp(), reason="this machine's perl has no IO::Socket::SSL"
    ),
)
CURL = pytest.param(
    "curl",
    marks=pytest.mark.skipif(shutil.which("curl") is None, reason="this machine has no curl"),
)
LIBRARIES = [NET_FTP, "ftplib", "ftplib-reuse"]
ALL = [*LIBRARIES, CURL]


@dataclasses.dataclass(frozen=True)
class Server:
    port: int
    uploads: Path
    ca_file: Path


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> tuple[trustme.CA, Path]:
    authority = trustme.CA()
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return authority, path


def _serve(
    authority: trustme.CA, ca_file: Path, directory: Path, names: tuple[str, ...]
) -> Iterator[Server]:
    uploads = directory / "uploads"
    uploads.mkdir()
    certificate = directory / "server.pem"
    authority.issue_cert(*names).private_key_and_cert_chain_pem.write_to_path(str(certificate))
    with ftp_server(uploads, certificate) as port:
        yield Server(port, uploads, ca_file)


@pytest.fixture(scope="module")
def server(
    ca: tuple[trustme.CA, Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    yield from _serve(*ca, tmp_path_factory.mktemp("server"), (HOST, "127.0.0.1"))


@pytest.fixture(scope="module")
def misnamed(
    ca: tuple[trustme.CA, Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    yield from _serve(*ca, tmp_path_factory.mktemp("misnamed"), ("other.lab.test",))


@pytest.fixture(scope="module")
def plain(
    ca: tuple[trustme.CA, Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    uploads = tmp_path_factory.mktemp("plain")
    with ftp_server(uploads, None) as port:
        yield Server(port, uploads, ca[1])


@pytest.fixture(scope="module")
def agents() -> Iterator[dict[str, AgentProcess]]:
    started: dict[str, AgentProcess] = {}
    yield started
    for agent in started.values():
        agent.end()
        if agent.process.stdout is not None:
            agent.process.stdout.close()


class Attempts:
    """Runs attempts through adapter, agent and program, the way the lab does."""

    def __init__(self, agents: dict[str, AgentProcess]) -> None:
        self._agents = agents

    def __call__(
        self,
        client: ClientSettings,
        server: Server,
        delivery: Delivery | None = None,
        **target: str | int,
    ) -> ClientReport:
        program = PROGRAMS[client.program]
        name = program.agent.name
        if name not in self._agents:
            self._agents[name] = AgentProcess(_local(client.program))
        agent = self._agents[name]
        installed = Installed(
            platform=client.platform, stand_in=False, versions=agent.ready["versions"]
        )
        assert program.unsupported(client, installed) is None
        goes_to = Target(
            **{
                "host": HOST,
                "port": server.port,
                "user": "lab",
                "password": "secret",
                "ca_file": str(server.ca_file),
                "delivery": delivery,
                **target,
            }  # type: ignore[arg-type]
        )
        answer = agent.ask(op="attempt", **program.request(client, goes_to))
        assert answer["ok"], answer
        return program.report(answer["result"])


@pytest.fixture
def attempt(agents: dict[str, AgentProcess]) -> Attempts:
    return Attempts(agents)


def login(program: str, **settings: object) -> Any:
    return PROGRAMS[program].settings_with(
        goal=Goal.LOGIN,
        timeout_s=5.0,
        **settings,
    )


def delivery(name: str, size: int) -> Delivery:
    """What an agent generates for this name and size."""
    line = f"{name}\n".encode()
    content = (line * (size // len(line) + 1))[:size]
    return Delivery(name=name, size=size, sha256=hashlib.sha256(content).hexdigest())


@pytest.mark.parametrize("program", LIBRARIES)
def test_a_handshake_is_reported_with_what_was_negotiated(
    attempt: Attempts, server: Server, program: str
) -> None:
    client = PROGRAMS[program].settings_with(goal=Goal.HANDSHAKE, timeout_s=5.0)
    report = attempt(client, server)
    assert (report.failed, report.step) == (False, "quit")
    assert report.protocol == "TLSv1.3"
    assert report.cipher is not None
    assert report.cipher.startswith("TLS_")
    assert report.verified is True
    assert report.library.startswith("OpenSSL ")
    assert report.warnings == ()
    assert report.elapsed_ms > 0


@pytest.mark.parametrize("program", ALL)
@pytest.mark.parametrize("size", [0, 1, 100_001])
def test_the_whole_file_arrives(attempt: Attempts, server: Server, program: str, size: int) -> None:
    # TLS 1.2: over TLS 1.3, Net::FTP loses the end of some files.
    what = delivery(f"{program}-{size}.txt", size)
    client = PROGRAMS[program].settings_with(
        payload=size, protocols=up_to("TLSv1.2"), timeout_s=5.0
    )
    report = attempt(client, server, what)
    assert (report.failed, report.error) == (False, "")
    stored = (server.uploads / what.name).read_bytes()
    assert (len(stored), hashlib.sha256(stored).hexdigest()) == (size, what.sha256)
    assert report.protocol == "TLSv1.2"
    assert report.data_protected is True


@pytest.mark.parametrize("program", ["ftplib-reuse", CURL])
def test_a_resumed_data_connection_is_seen(attempt: Attempts, server: Server, program: str) -> None:
    client = PROGRAMS[program].settings_with(protocols=up_to("TLSv1.2"), timeout_s=5.0)
    report = attempt(client, server, delivery(f"{program}-resumed.txt", 10))
    assert report.session_reused is True


@pytest.mark.parametrize("program", ["ftplib", NET_FTP])
def test_a_data_connection_that_is_not_resumed_is_seen(
    attempt: Attempts, server: Server, program: str
) -> None:
    client = PROGRAMS[program].settings_with(
        protocols=up_to("TLSv1.2"),
        session_cache="none",
        timeout_s=5.0,
    )
    report = attempt(client, server, delivery(f"{program}-full.txt", 10))
    assert report.session_reused is False


@pytest.mark.parametrize("program", [NET_FTP])
def test_a_shared_session_is_resumed(attempt: Attempts, server: Server, program: str) -> None:
    client = PROGRAMS[program].settings_with(
        protocols=up_to("TLSv1.2"), session_cache="shared", timeout_s=5.0
    )
    report = attempt(client, server, delivery("shared.txt", 10))
    assert (report.failed, report.session_reused) == (False, True)


@pytest.mark.parametrize("program", LIBRARIES)
def test_active_mode_delivers(attempt: Attempts, server: Server, program: str) -> None:
    what = delivery(f"{program}-active.txt", 10)
    client = PROGRAMS[program].settings_with(
        mode="active", protocols=up_to("TLSv1.2"), timeout_s=5.0
    )
    assert attempt(client, server, what).failed is False
    assert (server.uploads / what.name).stat().st_size == 10


@pytest.mark.parametrize("program", ALL)
def test_a_delivery_in_clear_text_is_not_called_protected(
    attempt: Attempts, plain: Server, program: str
) -> None:
    client = PROGRAMS[program].settings_with(tls=False, timeout_s=5.0)
    report = attempt(client, plain, delivery(f"{program}-clear.txt", 10))
    assert (report.failed, report.protocol) == (False, None)
    assert not report.data_protected


@pytest.mark.parametrize("program", ALL)
def test_a_file_in_clear_text_is_refused_behind_a_login_over_tls(
    attempt: Attempts, server: Server, program: str
) -> None:
    what = delivery(f"{program}-unprotected.txt", 10)
    client = PROGRAMS[program].settings_with(protect_data=False, timeout_s=5.0)
    report = attempt(client, server, what)
    assert (report.failed, report.step) == (True, "put")
    assert report.protocol is not None
    assert "required on the data channel" in report.reply_text
    assert not (server.uploads / what.name).exists()


@pytest.mark.parametrize("program", ALL)
def test_an_unknown_issuer_fails_at_the_handshake_with_its_number(
    attempt: Attempts, server: Server, tmp_path: Path, program: str
) -> None:
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(str(other))
    report = attempt(login(program), server, ca_file=str(other))
    assert (report.failed, report.step) == (True, "starttls")
    assert report.verify_code in (19, 20)
    assert "certificate" in report.error


@pytest.mark.parametrize("program", ALL)
def test_an_unknown_issuer_is_no_obstacle_without_verification(
    attempt: Attempts, server: Server, tmp_path: Path, program: str
) -> None:
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(str(other))
    report = attempt(login(program, verify=False), server, ca_file=str(other))
    assert (report.failed, report.verified) == (False, False)


@pytest.mark.parametrize("program", ALL)
def test_another_name_in_the_certificate_fails_at_the_handshake(
    attempt: Attempts, misnamed: Server, program: str
) -> None:
    report = attempt(login(program), misnamed)
    assert (report.failed, report.step) == (True, "starttls")
    assert "host" in report.error.lower()


@pytest.mark.parametrize("program", [NET_FTP])
def test_net_ftp_shows_its_user_the_reply_and_not_the_cause(
    attempt: Attempts, misnamed: Server, program: str
) -> None:
    report = attempt(login(program), misnamed)
    assert report.message == f"FTP failed to start tls: {report.reply_text}"
    assert report.reply_code == 234
    assert report.error == "hostname verification failed"


@pytest.mark.parametrize("program", [NET_FTP])
def test_net_ftp_can_expect_another_name(attempt: Attempts, misnamed: Server, program: str) -> None:
    report = attempt(login(program, verify_name="other.lab.test"), misnamed)
    assert (report.failed, report.verified) == (False, True)


@pytest.mark.parametrize("program", ALL)
def test_a_server_without_tls_fails_at_the_request_for_it(
    attempt: Attempts, plain: Server, program: str
) -> None:
    report = attempt(login(program), plain)
    assert (report.failed, report.step) == (True, "starttls")
    assert report.reply_code is not None
    assert 500 <= report.reply_code < 600


@pytest.mark.parametrize("program", ALL)
def test_a_wrong_password_fails_at_the_login(
    attempt: Attempts, server: Server, program: str
) -> None:
    report = attempt(login(program), server, password="wrong")
    assert (report.failed, report.step, report.reply_code) == (True, "login", 530)


@pytest.mark.parametrize("program", ALL)
def test_a_closed_port_is_a_refused_connection(
    attempt: Attempts, server: Server, program: str
) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        report = attempt(login(program), server, host="127.0.0.1", port=port)
    assert (report.failed, report.step, report.errno) == (True, "connect", "ECONNREFUSED")


@pytest.mark.parametrize("program", ALL)
def test_an_unparsable_cipher_list_fails_on_the_client(
    attempt: Attempts, server: Server, program: str
) -> None:
    report = attempt(login(program, ciphers="NO-SUCH-SUITE"), server)
    assert report.failed is True
    assert "cipher" in report.error.lower()
    assert report.protocol is None


@pytest.mark.parametrize("program", ALL)
def test_a_server_that_never_speaks_runs_into_the_clients_time_limit(
    attempt: Attempts, server: Server, program: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        client = PROGRAMS[program].settings_with(goal=Goal.LOGIN, timeout_s=0.5)
        report = attempt(client, server, host="127.0.0.1", port=silent.getsockname()[1])
    assert (report.failed, report.step) == (True, "greeting")
    assert report.timed_out is False
    assert report.elapsed_ms < 5000


@pytest.mark.parametrize("program", [NET_FTP, CURL])
def test_tls_from_the_first_byte_to_a_server_that_speaks_first_fails_in_the_handshake(
    attempt: Attempts, plain: Server, program: str
) -> None:
    report = attempt(login(program, implicit_tls=True), plain)
    assert (report.failed, report.step, report.reply_code) == (True, "starttls", None)


@pytest.mark.parametrize("program", LIBRARIES)
def test_a_greeting_that_refuses_is_reported_with_its_reply(
    attempt: Attempts, server: Server, program: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        thread = threading.Thread(target=_refuse_one, args=(listener,))
        thread.start()
        report = attempt(login(program), server, host="127.0.0.1", port=port)
        thread.join(5)
    assert (report.failed, report.step, report.reply_code) == (True, "greeting", 421)
    assert "Too many" in report.error


def _refuse_one(listener: socket.socket) -> None:
    listener.settimeout(5)
    connection, _ = listener.accept()
    with connection:
        connection.sendall(b"421 Too many connections.\r\n")


@pytest.mark.parametrize("program", [NET_FTP])
def test_a_libnet_that_is_not_there_is_a_bad_request(program: str) -> None:
    with running(_local(program)) as agent:
        answer = agent.ask(
            op="attempt", goal="handshake", host=HOST, options={}, libnet="0.1/../../etc"
        )
    assert answer["kind"] == "bad-request"
    assert "libnet" in answer["error"]


@pytest.mark.parametrize("program", [NET_FTP])
def test_an_agent_says_which_libnets_are_there_and_why_one_is_not(
    program: str, tmp_path: Path
) -> None:
    # given a directory of versions, one of which the image could not be made with
    versions = tmp_path / "libnet"
    (versions / "3.15/lib/Net").mkdir(parents=True)
    (versions / "3.15/lib/Net/FTP.pm").touch()
    (versions / "3.11").mkdir()
    (versions / "3.11/absent").write_text("Debian 11 is gone\n")
    for file in ("net_ftp.pl", "Observed.pm", "Resident.pm"):
        text = (AGENTS / file).read_text(encoding="utf-8")
        (tmp_path / file).write_text(text.replace("/opt/lab/libnet", str(versions)))

    # when the agent is started, and asked for the one that is missing
    with running(["perl", str(tmp_path / "net_ftp.pl")]) as agent:
        ready = agent.ready["versions"]
        answer = agent.ask(op="attempt", goal="handshake", host=HOST, options={}, libnet="3.11")

    # then
    assert ready["libnet"] == ["3.15"]
    assert ready["libnet absent"] == {"3.11": "Debian 11 is gone"}
    assert answer["kind"] == "bad-request"


@pytest.mark.parametrize("program", LIBRARIES)
def test_a_request_without_what_its_goal_needs_is_a_bad_request(program: str) -> None:
    with running(_local(program)) as agent:
        incomplete = agent.ask(op="attempt", goal="login")
        unknown = agent.ask(op="attempt", goal="fly")
    assert [incomplete["kind"], unknown["kind"]] == ["bad-request", "bad-request"]
    assert "fly" in unknown["error"]


def test_the_commands_agent_runs_nothing_else() -> None:
    with running(_local("curl")) as agent:
        answer = agent.ask(op="attempt", argv=["sh", "-c", "true"])
    assert answer["kind"] == "bad-request"
    assert "curl" in answer["error"]
