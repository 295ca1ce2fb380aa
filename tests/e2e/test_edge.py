"""The edge with real containers: a backend definition in, what its visitors read out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from docker import DockerClient

from lab.certificates.material import RunCertificates
from lab.host.machine import wait_until
from lab.model import Attempt, ClientReport
from lab.model.expectations import PlannedAttempt
from lab.record import load
from lab.run.attempts import make
from lab.run.laboratory import Lab
from lab.servers import SERVER_HOSTS
from lab.settings import parse_client, parse_server
from tests.e2e.checkouts import PATIENCE_S, Copy, agents_in

pytestmark = pytest.mark.engine

HOST = SERVER_HOSTS["nginx"]
EDGE = ("--client", "edge@debian13")


def backend(directory: Path, *lines: str) -> Path:
    """A declaration in VCL with these lines, from line 5 on."""
    path = directory / "my.vcl"
    first = [f'.host = "{HOST}";', '.port = "443";', ".ssl = true;"]
    path.write_text("\n".join(["backend F_origin {", *first, *lines, "}", ""]), encoding="utf-8")
    return path


# -- a definition and its remedy -------------------------------------------------------------------


def test_the_visitor_reads_what_the_page_says_and_the_remedy_works(
    shared: Copy, tmp_path: Path
) -> None:
    # given a backend and an origin whose certificate is made out to another name
    words = ("--server", "nginx", "-s", "certificate=wrong-host")
    done = shared.lab("attempt", "--backend", str(backend(tmp_path)), *words)
    # then the visitor is told so, in the network's words
    assert done.status == 1, str(done)
    assert "503 Hostname mismatch" in done.out, str(done)
    assert "refused by the client at verify: hostname-mismatch" in done.out, str(done)
    # and when the definition names the certificate's name, as the page has it: without quotes
    path = backend(tmp_path, ".ssl_cert_hostname = other.lab.test;")
    done = shared.lab("attempt", "--backend", str(path), *words, "--json")
    # then the page arrives over a connection whose certificate was checked
    assert done.status == 0, str(done)
    assert done.json()["client_report"]["verified"] is True, str(done)
    assert f"{path}:5: error: " in done.err, str(done)
    # and the record has nginx's configuration
    assert "proxy_ssl_name other.lab.test;" in done.json()["request"]["config"], str(done)


def test_a_ca_in_the_definition_is_trusted(shared: Copy, tmp_path: Path) -> None:
    # given an operator's own certificate, of a CA that nobody knows
    made = RunCertificates([HOST])
    served = made.server("private-ca", HOST)
    (tmp_path / "chain.pem").write_bytes(served.chain_pem)
    (tmp_path / "key.pem").write_bytes(served.key_pem)
    own = ("--chain", str(tmp_path / "chain.pem"), "--key", str(tmp_path / "key.pem"))
    done = shared.lab("attempt", "--backend", str(backend(tmp_path)), *own)
    assert done.status == 1, str(done)
    assert "503 unable to get local issuer certificate" in done.out, str(done)
    # when the CA is pasted into the definition
    ca = made.anchor("private-ca").decode()
    path = backend(tmp_path, f'.ssl_ca_cert = {{"{ca}"}};')
    done = shared.lab("attempt", "--backend", str(path), *own, "--json")
    # then it is trusted
    assert done.status == 0, str(done)
    assert done.json()["client_report"]["verified"] is True, str(done)
    # and the command in the record names the files and does the same again
    record = load(shared.runs()[-1])
    command = record.attempts[0].command
    assert f"--backend {path}" in command, command
    again = shared.lab(*command.split()[1:])
    assert again.status == 0, str(again)


def test_another_client_is_given_the_same_definition(shared: Copy, tmp_path: Path) -> None:
    path = backend(tmp_path, '.max_tls_version = "1.2";')
    client = (
        "--client",
        "tls-perl@rocky9",
        "--server",
        "nginx",
    )  # which speaks TLS 1.3, as nginx does
    done = shared.lab("attempt", "--backend", str(path), *client, "--json")
    assert done.status == 0, str(done)
    assert done.json()["client_report"]["protocol"] == "TLSv1.2", str(done)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (['.ssl_cert_hostname = "a"'], 'my.vcl:5: `.ssl_cert_hostname = "a"` has no `;`'),
        (['.port = "99999";'], 'my.vcl:5: `.port = "99999"`: that is no port number'),
        (['.ssl_ca_cert = "no PEM";'], "my.vcl:5: there is no PEM block here"),
    ],
)
def test_a_definition_that_cannot_be_tried(
    shared: Copy, tmp_path: Path, lines: list[str], said: str
) -> None:
    # when it is given on a machine without an engine: nothing is started to find that out
    path = backend(tmp_path, *lines)
    done = shared.lab("attempt", "--backend", str(path), DOCKER_HOST="unix:///nowhere.sock")
    assert done.status == 2, str(done)
    assert said in done.message, str(done)
    assert done.out == "", str(done)


# -- every name ------------------------------------------------------------------------------------


def report_of(laboratory: Lab, server: Sequence[str], client: Sequence[str]) -> ClientReport:
    """Of the edge, for an attempt at nginx, or at the server that ``server`` begins with."""
    software = server[0] if server and "=" not in server[0] else "nginx"
    assigned = [word for word in server if "=" in word]
    attempt = Attempt(parse_server(assigned, software), parse_client("edge@debian13", client))
    finished, _ = make(laboratory.session, PlannedAttempt("x", attempt))
    assert finished.client_report is not None, finished.verdict_why
    return finished.observation.client


@pytest.mark.parametrize(
    ("server", "client", "name"),
    [
        (["certificate=wrong-host"], [], "Hostname mismatch"),
        (["certificate=self-signed"], [], "self signed certificate"),
        (["certificate=root-in-chain"], [], "self signed certificate in certificate chain"),
        (["certificate=private-ca"], [], "unable to get local issuer certificate"),
        (["certificate=incomplete-chain"], [], "unable to verify the first certificate"),
        ([], ["trust=public-intermediate"], "unable to get issuer certificate"),
        ([], ["host=nope.lab.test"], "Gethostbyname"),
        (["port_filter=dropped"], ["timeout_s=1"], "Connection timeout"),
        (["origin", "behaviour=silent"], ["timeout_s=1"], "Connection timeout"),
        (["listening=off"], [], "Connection refused"),
        (["port_filter=rejected"], [], "Connection refused"),
        (["certificate=expired"], [], "Certificate has expired"),
        (["tls=no"], [], "Unknown protocol"),
        (["origin", "behaviour=ftp-banner"], [], "Unknown protocol"),
        (["origin@openssl-1.0.2k", "protocols=..TLSv1.1"], [], "SSL handshake failure"),
        (["origin@openssl-1.0.2k", "protocols=SSLv3"], [], "SSL handshake failure"),
        (["origin@openssl-1.0.2k", "ciphers=RC4-SHA"], [], "SSL handshake failure"),
        (["certificate_by_name=yes"], ["sni="], "TLSv1 alert internal error"),
        (["origin", "behaviour=alert-internal-error"], [], "TLSv1 alert internal error"),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value) or "-",
)
def test_a_fault_of_the_origin_has_the_name_of_the_page(
    laboratory: Lab, server: list[str], client: list[str], name: str
) -> None:
    report = report_of(laboratory, server, client)
    assert (report.failed, report.message, report.reply_code) == (True, f"503 {name}", 503), report
    assert report.warnings == (), report
    # what the operator reads is nginx's own line, and there is exactly one
    assert report.error.strip(), report
    assert "\n" not in report.error, report


def test_what_the_page_has_no_message_for_is_said(laboratory: Lab) -> None:
    report = report_of(laboratory, ["origin", "behaviour=close-after-request"], [])
    assert report.failed
    assert report.message in report.warnings[0]


def test_whoever_is_connected_to_by_address_is_checked_by_name(laboratory: Lab) -> None:
    # nginx does not look for addresses in a certificate, and this one has the server's
    server = ["certificate=ip-address"]
    assert report_of(laboratory, server, ["host=address"]).failed
    named = [f"verify_name={HOST}", f"sni={HOST}"]
    assert not report_of(laboratory, server, ["host=address", *named]).failed


# -- processes -------------------------------------------------------------------------------------


#: Kills the oldest process with this word on its command line.
KILL_OLDEST = """
import os, signal, sys
for pid in sorted(int(name) for name in os.listdir("/proc") if name.isdigit()):
    with open("/proc/%d/cmdline" % pid, "rb") as file:
        words = file.read().decode().split("\\0")
    if sys.argv[1] in words and pid != os.getpid():
        os.kill(pid, signal.SIGKILL)
        break
"""


def inside(engine: DockerClient, container: str, *command: str) -> str:
    """What a command in a container prints."""
    output = engine.containers.get(container).exec_run(list(command)).output
    assert isinstance(output, bytes)
    return output.decode()


def serving(engine: DockerClient, container: str) -> list[str]:
    """The nginx processes with a configuration; the agent also asks one for its version."""
    return [line for line in agents_in(engine, container) if "/usr/sbin/nginx -p" in line]


def test_repeated_attempts_share_one_nginx_and_nothing_is_left(
    shared: Copy, engine: DockerClient
) -> None:
    (container,) = shared.containers(engine, "edge")
    running = shared.start("attempt", *EDGE, "--repeat", "200")
    seen: set[int] = set()

    def watched() -> bool:
        seen.add(len(serving(engine, container)))
        return 1 in seen

    running.wait_until(watched, "an nginx in the container of the edge")
    done = running.done()
    watched()
    assert done.status == 0, str(done)
    assert max(seen) == 1, f"{seen} nginx processes for one configuration"
    # then the agent is gone, and all that it had started and written
    assert wait_until(lambda: agents_in(engine, container) == [], timeout_s=PATIENCE_S)
    assert inside(engine, container, "ls", "/run/lab/edge") == "", "files are left"


def test_an_agent_that_is_killed_takes_nginx_with_it_and_the_next_cleans_up(
    shared: Copy, engine: DockerClient
) -> None:
    (container,) = shared.containers(engine, "edge")
    # given an attempt that waits for an origin which does not answer
    slow = ("-s", "port_filter=dropped", "-c", "timeout_s=30")
    running = shared.start("attempt", *EDGE, *slow)
    running.wait_until(
        lambda: serving(engine, container) != [],
        "an nginx in the container of the edge",
    )
    # when its agent is killed
    inside(engine, container, "/opt/lab/bin/python3", "-c", KILL_OLDEST, "/opt/lab/agents/edge.py")
    done = running.done()
    # then that is a fault of the lab, which says so
    assert done.status == 3, str(done)
    assert "LAB ERROR" in done.err + done.out, str(done)
    # and nginx has ended with it
    gone = wait_until(lambda: agents_in(engine, container) == [], timeout_s=PATIENCE_S)
    assert gone, agents_in(engine, container)
    assert inside(engine, container, "ls", "/run/lab/edge") != "", "this test finds nothing out"
    # and the next attempt works and leaves nothing
    again = shared.lab("attempt", *EDGE)
    assert again.status == 0, str(again)
    assert inside(engine, container, "ls", "/run/lab/edge") == "", "files are left"
