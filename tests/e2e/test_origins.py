"""Every setting of a web origin on a real listener, with real clients in containers.

What the origins are told and how their listeners behave by themselves is in ``tests/integration``; here it is
what comes out at the other end: the whole way from the settings to the outcome.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from lab.host.machine import wait_until
from lab.images.errors import Progress
from lab.model import Attempt
from lab.model.expectations import Expectation, PlannedAttempt, Verdict
from lab.record import AttemptResult
from lab.run.attempts import make
from lab.run.containers import AGENTS
from lab.run.laboratory import Lab, open_lab
from lab.run.link import AgentLink
from lab.servers import SERVER_HOSTS, SERVERS, ListenerPlace, listen_request
from lab.servers.origin import BEHAVIOURS, Origin
from lab.settings import parse_client, parse_server
from tests.e2e.checkouts import port_of

ORIGINS = ("nginx", "origin", "origin@openssl-1.0.2k")

pytestmark = pytest.mark.engine

OLD = "origin@openssl-1.0.2k"
NEW_CLIENTS = ("tls-perl@rocky9", "tls-python@rocky9")
OLD_CLIENTS = ("tls-perl@centos7", "tls-python@centos7")
CLIENTS = NEW_CLIENTS + OLD_CLIENTS
DHE = "ciphers=DHE-RSA-AES128-GCM-SHA256"
LEVEL_0 = f"{DHE}:@SECLEVEL=0"

#: Origins, their settings, clients, their settings, and how it ends.
SITUATIONS: list[tuple[tuple[str, ...], str, tuple[str, ...], str, str]] = [
    # -- it serves
    # nginx has TLS 1.3 by default since 1.23.4
    (ORIGINS[:2], "", NEW_CLIENTS, "", "completed:verified=yes"),
    (
        ORIGINS[:2],
        "protocols=TLSv1.2..",
        NEW_CLIENTS,
        "",
        "completed:protocol=TLSv1.3,verified=yes",
    ),
    (ORIGINS[:2], "", OLD_CLIENTS, "", "completed:protocol=TLSv1.2,verified=yes"),
    ((OLD,), "", CLIENTS, "", "completed:protocol=TLSv1.2,verified=yes"),
    (ORIGINS, "tls=off", CLIENTS, "tls=off", "completed"),
    (ORIGINS, "tls=off", CLIENTS, "", "refused:client:handshake:plaintext-peer"),
    (ORIGINS, "", CLIENTS, "tls=off", "refused:server:handshake:plaintext-peer"),
    # -- the certificate
    (("nginx",), "certificate=unset", CLIENTS, "", "refused:network:connect:connection-refused"),
    (ORIGINS, "certificate=empty", CLIENTS, "", "refused:network:connect:connection-refused"),
    (
        ("origin",),
        "certificate=unset",
        NEW_CLIENTS,
        "",
        "refused:server:handshake:no-server-certificate",
    ),
    ((OLD,), "certificate=unset", CLIENTS, "", "refused:server:handshake:no-shared-cipher"),
    (ORIGINS, "certificate=expired", CLIENTS, "", "refused:client:verify:expired"),
    # The library does not load a key that its security level finds too small.
    (
        ORIGINS[:2],
        "certificate=weak-key",
        CLIENTS,
        "",
        "refused:network:connect:connection-refused",
    ),
    (
        ORIGINS[:2],
        "certificate=weak-key ciphers=ALL:@SECLEVEL=0",
        NEW_CLIENTS,
        "",
        "refused:client:verify:weak-key",
    ),
    ((OLD,), "certificate=weak-key", OLD_CLIENTS, "", "completed:verified=yes"),
    # -- looked up by the name that the client sends: there is none for this one
    (("nginx",), "certificate_by_name=on", CLIENTS, "", "completed:verified=yes"),
    (
        ("nginx",),
        "certificate_by_name=on",
        CLIENTS,
        "sni=www.lab.test verify=none",
        "refused:server:handshake:internal-error-alert",
    ),
    # -- cipher lists
    (ORIGINS, "ciphers=AES128-SHA protocols=TLSv1.2", CLIENTS, "", "completed:cipher=AES128-SHA"),
    (
        ORIGINS,
        "ciphers=AES128-SHA protocols=TLSv1.2",
        CLIENTS,
        "ciphers=AES256-SHA",
        "refused:server:handshake:no-shared-cipher",
    ),
    (ORIGINS, "ciphers=NOPE", CLIENTS, "", "refused:network:connect:connection-refused"),
    ((OLD,), "ciphers=RC4-SHA", OLD_CLIENTS, "ciphers=ALL", "completed:cipher=RC4-SHA"),
    ((OLD,), "ciphers=DES-CBC3-SHA", OLD_CLIENTS, "ciphers=ALL", "completed:cipher=DES-CBC3-SHA"),
    ((OLD,), "ciphers=RC4-SHA", CLIENTS, "", "refused:server:handshake:no-shared-cipher"),
    # -- protocol versions
    (ORIGINS, "protocols=TLSv1.2", CLIENTS, "", "completed:protocol=TLSv1.2"),
    (
        ORIGINS[:2],
        "protocols=TLSv1.3",
        OLD_CLIENTS,
        "",
        "refused:server:handshake:no-shared-protocol",
    ),
    ((OLD,), "protocols=TLSv1", OLD_CLIENTS, "", "completed:protocol=TLSv1"),
    ((OLD,), "protocols=TLSv1.1", OLD_CLIENTS, "", "completed:protocol=TLSv1.1"),
    ((OLD,), "protocols=TLSv1", NEW_CLIENTS, "", "refused:client:handshake:no-shared-protocol"),
    ((OLD,), "protocols=SSLv3", OLD_CLIENTS, "protocols=SSLv3", "completed:protocol=SSLv3"),
    ((OLD,), "protocols=SSLv3", CLIENTS, "", "refused:client:handshake:no-shared-protocol"),
    (
        (OLD,),
        "protocols=TLSv1.2",
        OLD_CLIENTS,
        "protocols=TLSv1",
        "refused:server:handshake:no-shared-protocol",
    ),
    (
        ORIGINS[:2],
        "protocols=TLSv1 ciphers=ALL:@SECLEVEL=0",
        OLD_CLIENTS,
        "",
        "completed:protocol=TLSv1",
    ),
    # -- groups for DHE
    (
        ORIGINS,
        f"{DHE} protocols=TLSv1.2 dh_bits=2048",
        CLIENTS,
        DHE,
        "completed:cipher=DHE-RSA-AES128-GCM-SHA256",
    ),
    (
        ORIGINS[:2],
        f"{LEVEL_0} protocols=TLSv1.2 dh_bits=1024",
        NEW_CLIENTS,
        DHE,
        "refused:client:handshake:weak-dh",
    ),
    ((OLD,), f"{DHE} dh_bits=1024", NEW_CLIENTS, DHE, "refused:client:handshake:weak-dh"),
    ((OLD,), f"{DHE} dh_bits=1024", OLD_CLIENTS, DHE, "completed:protocol=TLSv1.2"),
    # The library itself refuses a group that its security level finds too small.
    (
        ORIGINS[:2],
        f"{DHE} protocols=TLSv1.2 dh_bits=1024",
        NEW_CLIENTS,
        "",
        "refused:network:connect:connection-refused",
    ),
    # -- names and client certificates
    (ORIGINS, "ssl_sni_hostname={host}", CLIENTS, "", "completed:verified=yes"),
    (
        ORIGINS,
        "ssl_sni_hostname={host}",
        CLIENTS,
        "sni=www.lab.test verify=none",
        "refused:server:handshake:sni-rejected",
    ),
    (ORIGINS, "require_cert=on", CLIENTS, "client_certificate=valid", "completed"),
    (ORIGINS, "require_cert=off", CLIENTS, "", "completed"),
    (
        ORIGINS,
        "require_cert=on",
        CLIENTS,
        "",
        "refused:server:handshake:client-certificate-required",
    ),
    # -- misbehaviour
    (
        ORIGINS[1:],
        "behaviour=plain-http",
        CLIENTS,
        "",
        "refused:client:handshake:plaintext-peer",
    ),
    (ORIGINS[1:], "behaviour=plain-http", CLIENTS, "tls=off", "completed"),
    (
        ORIGINS[1:],
        "behaviour=ftp-banner",
        CLIENTS,
        "",
        "refused:client:handshake:plaintext-peer",
    ),
    (
        ORIGINS[1:],
        "behaviour=alert-internal-error",
        CLIENTS,
        "",
        "refused:server:handshake:internal-error-alert",
    ),
    (
        ORIGINS[1:],
        "behaviour=alert-handshake-failure",
        CLIENTS,
        "",
        "refused:server:handshake:unknown",
    ),
    (
        ORIGINS[1:],
        "behaviour=alert-unrecognized-name",
        CLIENTS,
        "",
        "refused:server:handshake:sni-rejected",
    ),
    (ORIGINS[1:], "behaviour=close", CLIENTS, "", "refused:server:handshake:closed"),
    (ORIGINS[1:], "behaviour=reset", CLIENTS, "", "refused:server:handshake:reset"),
    (
        ORIGINS[1:],
        "behaviour=silent",
        CLIENTS,
        "timeout_s=1",
        "refused:server:handshake:timed-out",
    ),
    (
        ORIGINS[1:],
        "behaviour=no-secure-renegotiation",
        NEW_CLIENTS,
        "",
        "refused:client:handshake:legacy-renegotiation",
    ),
    (
        ORIGINS[1:],
        "behaviour=close-after-request",
        CLIENTS,
        "",
        "refused:server:response:closed",
    ),
    (ORIGINS[1:], "answer_delay_s=0.2", CLIENTS, "", "completed"),
    (
        ORIGINS[1:],
        "answer_delay_s=30",
        CLIENTS,
        "timeout_s=2.2",
        "refused:server:response:timed-out",
    ),
    # -- the port
    (ORIGINS, "listening=off", CLIENTS, "", "refused:network:connect:connection-refused"),
    (
        ORIGINS[:2],
        "port_filter=rejected",
        CLIENTS,
        "",
        "refused:network:connect:connection-refused",
    ),
    (
        ORIGINS[:2],
        "port_filter=dropped",
        CLIENTS,
        "timeout_s=1",
        "refused:network:connect:timed-out",
    ),
    (
        ORIGINS[:2],
        "port_filter=dropped port_allowed=rocky9-default",
        NEW_CLIENTS,
        "",
        "completed",
    ),
    (
        ORIGINS[:2],
        "port_filter=dropped port_allowed=rocky9-default",
        OLD_CLIENTS,
        "timeout_s=1",
        "refused:network:connect:timed-out",
    ),
]


def attempt(software: str, server: str, client: str, settings: str) -> Attempt:
    server = server.replace("{host}", SERVER_HOSTS[software])
    return Attempt(parse_server(server.split(), software), parse_client(client, settings.split()))


def every() -> list[tuple[Attempt, str]]:
    return [
        (attempt(software, server, client, settings), expected)
        for origins, server, clients, settings, expected in SITUATIONS
        for software in origins
        for client in clients
    ]


@pytest.fixture(scope="module")
def laboratory(images: None) -> Iterator[Lab]:
    attempts = [one for one, _ in every()]
    with open_lab(attempts=attempts, progress=Progress()) as opened:
        yield opened


@pytest.fixture(scope="module")
def results(laboratory: Lab) -> dict[str, AttemptResult]:
    """Every attempt, several at a time, by its key."""
    jobs = [PlannedAttempt(one.key, one, Expectation.parse(expected)) for one, expected in every()]
    with ThreadPoolExecutor(8) as pool:
        return {done.id: done for done, _ in pool.map(lambda j: make(laboratory.session, j), jobs)}


@pytest.mark.parametrize("given", every(), ids=lambda given: f"{given[0]} {given[1]}")
def test_a_setting_does_what_it_says(
    results: dict[str, AttemptResult], given: tuple[Attempt, str]
) -> None:
    done = results[given[0].key]
    assert done.verdict is Verdict.AS_EXPECTED, f"{done.verdict_why}\n{done.outcome}"


def test_every_behaviour_was_tried() -> None:
    tried = {one.server.behaviour for one, _ in every() if isinstance(one.server, Origin)} | {
        "serve"
    }
    assert tried == set(BEHAVIOURS)


# -- the contract of the answer -----------------------------------------------------------------------


class Box:
    """A container of the topology."""

    def __init__(self, laboratory: Lab, service: str) -> None:
        self.client = laboratory.client
        self.id = laboratory.topology.containers[service].id

    def run(self, *argv: str) -> str:
        """What a command prints, whatever its status."""
        started = self.client.api.exec_create(self.id, list(argv), stderr=False)
        output = self.client.api.exec_start(started["Id"])
        assert isinstance(output, bytes)
        return output.decode()

    def processes(self) -> list[tuple[int, str]]:
        """Process ids on this machine, and command lines, of what runs there."""
        return [(int(row[1]), row[-1]) for row in self.client.api.top(self.id)["Processes"]]


def listening(laboratory: Lab, software: str, server: str = "") -> int:
    """The port of a listener with these settings, which stays."""
    done, _ = make(
        laboratory.session, PlannedAttempt("x", attempt(software, server, "tls-perl@rocky9", ""))
    )
    assert done.client_report is not None, done.verdict_why
    return port_of(done)


@pytest.mark.parametrize("software", ORIGINS)
@pytest.mark.parametrize("tls", [True, False])
def test_an_answer_says_what_was_negotiated(laboratory: Lab, software: str, tls: bool) -> None:
    newest = "TLSv1.2" if software == OLD else "TLSv1.3"
    port = listening(laboratory, software, f"protocols=TLSv1.2..{newest}" if tls else "tls=off")
    host, scheme = SERVER_HOSTS[software], "https" if tls else "http"
    client = Box(laboratory, "rocky9-default")
    said = client.run("curl", "-sSi", "--tlsv1.2", f"{scheme}://{host}:{port}/")
    head, _, body = said.replace("\r\n", "\n").partition("\n\n")
    status, *lines = head.splitlines()
    headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in lines)}
    negotiated: dict[str, Any] = json.loads(body)
    assert status == "HTTP/1.1 200 OK"
    assert headers["content-type"] == "application/json"
    assert headers["connection"] == "close"
    assert negotiated["server_name"] == (host if tls else None)
    assert negotiated["protocol"] == (newest if tls else None)
    assert headers.get("x-tls-protocol") == negotiated["protocol"]
    assert headers.get("x-tls-cipher") == negotiated["cipher"]
    assert (negotiated["cipher"] is None) is not tls


@pytest.mark.parametrize("software", ORIGINS)
def test_a_client_that_hangs_holds_up_no_other(laboratory: Lab, software: str) -> None:
    port = listening(laboratory, software)
    client, host = Box(laboratory, "rocky9-default"), SERVER_HOSTS[software]
    # One says nothing, one the beginning of a ClientHello, and then there is one with a question.
    program = (
        "import socket, subprocess\n"
        f"hanging = [socket.create_connection(('{host}', {port})) for _ in range(2)]\n"
        "hanging[1].sendall(b'\\x16\\x03\\x01\\x02\\x00\\x01')\n"
        f"subprocess.run(['curl', '-sS', '--max-time', '5', 'https://{host}:{port}/'])\n"
    )
    answered = client.run("/opt/lab/bin/python3", "-c", program)
    assert json.loads(answered)["server_name"] == host


# -- both ends are asked ------------------------------------------------------------------------------


@pytest.mark.parametrize("software", ORIGINS)
def test_the_suites_of_an_origin_are_those_of_its_list(laboratory: Lab, software: str) -> None:
    listed = "AES128-SHA:ECDHE-RSA-AES256-GCM-SHA384"
    wanted = attempt(software, f"ciphers={listed} protocols=TLSv1.2", "tls-perl@centos7", "")
    compared = laboratory.session.suites(wanted)
    assert [s.name for s in compared.server.suites["TLSv1.2"]] == listed.split(":")
    assert [s.name for s in compared.server.configured] == listed.split(":")
    assert compared.server.versions == ("TLSv1.2",)
    assert {s.name for s in compared.common["TLSv1.2"]} == set(listed.split(":"))


@pytest.mark.parametrize("software", ORIGINS)
def test_the_default_list_of_the_facts_is_what_a_listener_offers(
    laboratory: Lab, software: str
) -> None:
    default = laboratory.session.facts([software])[software]["default_ciphers"]["list"]
    wanted = attempt(software, "protocols=TLSv1.2", "tls-perl@centos7", "")
    told = attempt(software, f"protocols=TLSv1.2 ciphers={default}", "tls-perl@centos7", "")
    by_default, as_told = (laboratory.session.suites(one).server for one in (wanted, told))
    assert by_default.suites == as_told.suites
    assert by_default.suites["TLSv1.2"]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ("tls=off", "it does not speak TLS: it says HTTP/1.1 400 Bad Request"),
        ("behaviour=ftp-banner", "it does not speak TLS: it says 220"),
        ("behaviour=silent", "it does not answer a ClientHello"),
        ("listening=off", "it did not start"),
    ],
)
def test_an_origin_without_suites_says_why(laboratory: Lab, settings: str, words: str) -> None:
    wanted = attempt("origin", settings, "tls-perl@rocky9", "")
    assert laboratory.session.suites(wanted).server.nothing.startswith(words)


# -- what cannot be, and what is left -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("software", "settings", "words"),
    [
        (OLD, "port_filter=dropped", "no packet filter"),
    ],
)
def test_what_cannot_be_is_said(laboratory: Lab, software: str, settings: str, words: str) -> None:
    done, _ = make(
        laboratory.session, PlannedAttempt("x", attempt(software, settings, "tls-perl@rocky9", ""))
    )
    assert done.verdict is Verdict.CANNOT
    assert words in done.verdict_why


@pytest.mark.parametrize("software", ["nginx", "origin"])
def test_nothing_outlives_the_session_or_an_agent_that_was_killed(
    laboratory: Lab, software: str
) -> None:
    """The last test: it ends the session that the others use."""
    laboratory.session.close()
    box, server = Box(laboratory, SERVERS[software].service), SERVERS[software]
    assert wait_until(lambda: not agents_of(box), timeout_s=10.0)
    assert_nothing_is_left(box)
    for _ in range(2):
        laboratory.session.equip(server.service)
        link = AgentLink(laboratory.client, server.service, box.id, list(server.agent.argv))
        settings = parse_server(["port_filter=dropped", "tls=off"], software)
        place = ListenerPlace(key="k", port=2999, passive_ports=(30000, 30001), password="x")
        answer = link.call("listen", 10.0, **listen_request(server, settings, place))
        assert answer["started"], answer
        assert "lab_2999" in box.run("nft", "list", "tables")
        os.kill(min(agents_of(box)), signal.SIGKILL)
        link.close()
    # The next agent clears up after the one that was killed, and ends with its input.
    AgentLink(laboratory.client, server.service, box.id, list(server.agent.argv)).close()
    assert wait_until(lambda: not agents_of(box), timeout_s=10.0)
    assert_nothing_is_left(box)


def agents_of(box: Box) -> list[int]:
    """Process ids, on this machine, of agents and of the listeners that are forked from them."""
    return [number for number, command in box.processes() if f"{AGENTS}/server.py" in command]


def assert_nothing_is_left(box: Box) -> None:
    assert "lab_" not in box.run("nft", "list", "tables")
    assert box.run("ls", "/run/lab/listeners") == ""
    left = [command for _, command in box.processes()]
    assert not [command for command in left if "nginx:" in command or "server.py" in command]
