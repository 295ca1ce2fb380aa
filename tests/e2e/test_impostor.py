"""An impostor in a server's place: what it gets from real clients, and that nothing of it is left."""

from __future__ import annotations

import pytest
from docker import DockerClient

from lab.host.machine import wait_until
from lab.images.errors import Progress
from lab.model import Attempt, Goal, Outcome, Result, up_to
from lab.model.expectations import PlannedAttempt, Verdict, impostor_difference
from lab.model.outcome import ServerReport
from lab.run.attempts import make
from lab.run.laboratory import Lab, open_lab
from lab.servers import SERVERS
from lab.settings import parse_client, parse_server
from tests.e2e.checkouts import PATIENCE_S

pytestmark = pytest.mark.engine

#: A password that a careless shell would take apart.
ODD = 'it\'s "$HOME" \\ `id` %s'
SERVICES = "ls /etc/pam.d | grep -c '^lab-impostor-' || true"


def attempt_on(software: str, *at_client: str, client: str = "net-ftp@rocky9") -> Attempt:
    server = parse_server(["certificate=impostor", "impostor=yes"], software)
    made = Attempt(server, parse_client(client, [*at_client, "session_cache=shared"]))
    return made.with_server(protocols=up_to("TLSv1.2"))


def shell(engine: DockerClient, laboratory: Lab, software: str, command: str) -> str:
    container = laboratory.topology.containers[SERVERS[software].service].id
    output = engine.containers.get(container).exec_run(["sh", "-c", command]).output
    assert isinstance(output, bytes)
    return output.decode().strip()


def made(laboratory: Lab, attempt: Attempt) -> tuple[Outcome, ServerReport]:
    finished, _ = make(laboratory.session, PlannedAttempt("x", attempt))
    if finished.verdict is Verdict.CANNOT:
        assert "Linux-PAM's pam_exec is older than 1.5.3" in finished.verdict_why
        pytest.skip(f"cannot: {finished.verdict_why}")
    assert finished.outcome is not None, finished.verdict_why
    assert finished.client_report is not None
    assert impostor_difference(finished.observation, finished.outcome) is None
    return finished.outcome, finished.observation.server


@pytest.mark.parametrize("software", ["vsftpd", "pyftpdlib"])
@pytest.mark.parametrize("user", ["lab", "somebody-else"])
@pytest.mark.parametrize("tls", [True, False], ids=["TLS", "clear text"])
def test_whoever_does_not_check_gives_it_all_away(
    laboratory: Lab, software: str, user: str, tls: bool
) -> None:
    attempt = attempt_on(software, "verify=none", f"user={user}", f"password={ODD}")
    attempt = attempt.with_client(tls=tls, payload=2000)
    if not tls:
        attempt = attempt.with_server(tls_required_login=False, tls_required_data=False)
    outcome, report = made(laboratory, attempt)
    assert outcome.result is Result.COMPLETED, outcome.in_words()
    captured = report.captured
    assert captured is not None
    assert (captured.user, captured.password) == (user, ODD)
    assert captured.file_bytes == 2000
    assert captured.file_head.startswith("delivery-")
    assert len(captured.file_head) == 60


@pytest.mark.parametrize("software", ["vsftpd", "pyftpdlib"])
def test_whoever_checks_gives_nothing_away(laboratory: Lab, software: str) -> None:
    for at_client in ((), ("trust=private-ca",), ("fingerprint=self-signed",)):
        outcome, report = made(laboratory, attempt_on(software, *at_client))
        assert outcome.result is Result.REFUSED
        assert report.captured is None


@pytest.mark.parametrize("software", ["vsftpd", "pyftpdlib"])
def test_a_login_alone_gives_the_password_away(laboratory: Lab, software: str) -> None:
    attempt = attempt_on(software, "verify=none").with_client(goal=Goal.LOGIN)
    _, report = made(laboratory, attempt)
    assert report.captured is not None
    assert report.captured.file_bytes is None


def test_only_root_reads_the_password_and_nothing_stays(engine: DockerClient, images: None) -> None:
    with open_lab(progress=Progress()) as laboratory:
        # given an impostor that has got a login
        made(laboratory, attempt_on("vsftpd", "verify=none"))
        kept = shell(engine, laboratory, "vsftpd", "stat -c '%U %a' /run/lab/listeners/*/captured")
        assert kept == "root 600"
        assert shell(engine, laboratory, "vsftpd", SERVICES) == "1"
        # when the session ends
        laboratory.session.close()
        # then neither the password nor the PAM service is left
        left = f"ls /run/lab/listeners; {SERVICES}"
        assert wait_until(
            lambda: shell(engine, laboratory, "vsftpd", left) == "0", timeout_s=PATIENCE_S
        )
