"""The capture on the lab's own network: real packets of real clients and servers."""

from __future__ import annotations

import struct
from concurrent.futures import ThreadPoolExecutor

import pytest

from lab.model import Attempt, Result, Side
from lab.model.expectations import PlannedAttempt
from lab.record import AttemptResult
from lab.run.attempts import make
from lab.run.laboratory import Lab
from lab.servers import SERVERS
from lab.settings import parse_client, parse_server
from lab.wire.packets import CapturePolicy
from lab.wire.reading import ConnectionReading, Ending, How, WireReading
from lab.wire.tls import Point
from lab.wire.witnesses import Agreement
from tests.e2e.checkouts import Copy, port_of

pytestmark = pytest.mark.engine

AGREES = Agreement.AGREES


def attempt(
    laboratory: Lab,
    client: str,
    *at_server: str,
    software: str = "vsftpd",
    at_client: tuple[str, ...] = (),
) -> AttemptResult:
    """One attempt, its capture kept."""
    made = Attempt(parse_server(at_server, software), parse_client(client, at_client))
    finished, _ = make(laboratory.session, PlannedAttempt("x", made), CapturePolicy.ALL)
    assert finished.outcome is not None, finished.verdict_why
    return finished


def seen(finished: AttemptResult) -> WireReading:
    assert finished.wire is not None
    assert finished.wire.missing == "", finished.wire.missing
    assert (finished.wire.lost, finished.wire.late, finished.wire.unclear) == (0, False, 0)
    return finished.wire


def control(finished: AttemptResult) -> ConnectionReading:
    found = seen(finished).control
    assert found is not None
    return found


# -- what every server's container shows ---------------------------------------------------------------

CLIENT_OF = {"ftp": "net-ftp@rocky9", "web": "tls-perl@rocky9"}


@pytest.mark.parametrize(
    ("software", "kind"),
    [
        ("vsftpd", "ftp"),
        ("pyftpdlib", "ftp"),
        ("vsftpd@openssl-1.0.2k", "ftp"),
        ("nginx", "web"),
        ("origin", "web"),
        ("origin@openssl-1.0.2k", "web"),
    ],
)
def test_three_witnesses_of_an_expired_certificate(
    laboratory: Lab, software: str, kind: str
) -> None:
    service = SERVERS[software].service
    assert service in laboratory.topology.containers
    # when
    newest = "TLSv1.2" if "1.0.2k" in software else "TLSv1.3"
    finished = attempt(
        laboratory,
        CLIENT_OF[kind],
        "certificate=expired",
        f"protocols=TLSv1.2..{newest}",
        software=software,
        at_client=("goal=handshake",),
    )
    # then the wire shows the offer with the server's name, the choice, and the client's alert
    found = control(finished)
    assert found.offered is not None
    assert found.offered.server_name == parse_server([], software).host
    assert found.offered.newest == "TLSv1.3"
    assert found.selected is not None
    assert found.selected.version == newest
    assert found.ending == Ending(
        Side.CLIENT, How.FATAL_ALERT, Point.HANDSHAKE, "certificate_expired"
    )
    # and all three name the client
    assert finished.witnesses is not None
    every = (finished.witnesses.client, finished.witnesses.server, finished.witnesses.wire)
    assert [one.standing for one in every] == [AGREES] * 3, finished.witnesses
    # and of FTP the dialogue before it is there
    said = [one.text.split()[0] for one in found.said]
    assert said == (["220", "AUTH", "234"] if kind == "ftp" else [])


def test_the_server_refuses_and_all_three_say_so(laboratory: Lab) -> None:
    finished = attempt(laboratory, "net-ftp@rocky9", "ciphers=AES128-SHA", "protocols=..TLSv1.2",
                       at_client=("goal=handshake", "ciphers=AES256-SHA"))  # fmt: skip
    found = control(finished)
    assert found.ending == Ending(
        Side.SERVER, How.FATAL_ALERT, Point.BEFORE_SERVER_HELLO, "handshake_failure"
    )
    assert finished.witnesses is not None
    assert not finished.witnesses.disagree
    assert finished.witnesses.wire.names is Side.SERVER


# -- whole sessions ------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["passive", "active"])
def test_data_connections_and_the_end_of_long_ones(laboratory: Lab, mode: str) -> None:
    finished = attempt(
        laboratory,
        "net-ftp@rocky9",
        "require_ssl_reuse=no",
        at_client=(f"mode={mode}", "payload=300000", "protocols=TLSv1.2"),
    )
    assert finished.outcome is not None
    assert finished.outcome.result is Result.COMPLETED, finished.outcome.in_words()
    reading = seen(finished)
    (data,) = [one for one in reading.connections if not one.control]
    assert data.opened_by is (Side.CLIENT if mode == "passive" else Side.SERVER)
    assert data.offered is not None
    # of the upload the beginning is kept
    assert data.cut
    assert 300_000 - 65_536 < reading.cut < 310_000
    # and it was no refusal
    assert all(one.ending is None for one in reading.connections)
    assert finished.witnesses is None


@pytest.mark.parametrize(
    "client",
    [
        "net-ftp@rocky9",
        "ftplib-reuse@rocky9",
        "curl@rocky9",
        "tls-perl@rocky9",
        "tls-python@rocky9",
        "openssl@rocky9",
    ],
)
def test_secrets_of_every_client_whose_library_gives_them(laboratory: Lab, client: str) -> None:
    web = client.startswith(("tls-", "openssl"))
    finished = attempt(
        laboratory,
        client,
        "protocols=TLSv1.2..",
        *(() if web else ("require_ssl_reuse=no",)),
        software="nginx" if web else "vsftpd",
        at_client=() if web else ("goal=login",),
    )
    reading = seen(finished)
    assert reading.key_log, reading.no_key_log
    # they are those of this session: what is encrypted in TLS 1.3 is read
    found = control(finished)
    assert found.selected is not None
    assert found.selected.version == "TLSv1.3"
    assert found.certificates is not None
    assert found.certificates.number == 2


def test_a_library_without_a_key_log_is_named(laboratory: Lab) -> None:
    reading = seen(attempt(laboratory, "net-ftp@centos7", at_client=("goal=login",)))
    assert not reading.key_log
    assert reading.no_key_log.startswith("OpenSSL 1.0.2k")


# -- what is no TLS ------------------------------------------------------------------------------------


def test_a_closed_port(laboratory: Lab) -> None:
    finished = attempt(laboratory, "tls-perl@rocky9", "listening=no", software="origin")
    assert control(finished).ending == Ending(Side.NETWORK, How.NOT_ACCEPTED, Point.CONNECT)


def test_a_filter_that_drops(laboratory: Lab) -> None:
    finished = attempt(laboratory, "tls-perl@rocky9", "port_filter=dropped", software="origin",
                       at_client=("timeout_s=1.5",))  # fmt: skip
    found = control(finished)
    assert found.ending == Ending(Side.NETWORK, How.NO_ANSWER, Point.CONNECT)
    assert not found.established


def test_where_each_waits_for_the_other_only_the_wire_says_who_was_silent(laboratory: Lab) -> None:
    # given a server that waits for TLS, and a client that waits for a greeting
    finished = attempt(laboratory, "net-ftp@rocky9", "implicit_tls=yes",
                       at_client=("goal=login", "timeout_s=1"))  # fmt: skip
    # then the server's log has a client that left, which is not why; the wire has who was silent
    assert finished.witnesses is not None
    assert finished.witnesses.server.names is None
    assert finished.witnesses.wire.names is Side.SERVER
    assert not finished.witnesses.disagree
    silence = Ending(Side.SERVER, How.SILENCE, Point.BEFORE_CLIENT_HELLO)
    assert control(finished).ending == silence
    # and what it said to a client that had gone
    assert [one.by for one in control(finished).alerts] == [Side.SERVER]


# -- side by side --------------------------------------------------------------------------------------


def test_attempts_side_by_side_never_share_a_packet(laboratory: Lab) -> None:
    # given different settings, so that there are several listeners, and clients in one container
    names = ["expired", "self-signed", "wrong-host", "valid"]

    def one(number: int) -> AttemptResult:
        return attempt(
            laboratory, "ftplib@rocky9", f"certificate={names[number % 4]}", "protocols=..TLSv1.2",
            at_client=("goal=handshake",),
        )  # fmt: skip

    with ThreadPoolExecutor(8) as pool:
        finished = list(pool.map(one, range(24)))
    ends = [(c.client, c.server) for f in finished for c in seen(f).connections]
    assert len(ends) == len(finished), "each has exactly its own control connection"
    for done in finished:
        assert done.client_report is not None
        assert {c.server.rsplit(":", 1)[1] for c in seen(done).connections} == {str(port_of(done))}


def test_it_says_why_nothing_can_be_captured(laboratory: Lab) -> None:
    # in a client's container there is no right to
    container = laboratory.client.containers.get(
        laboratory.topology.containers["rocky9-default"].id
    )
    ask = "from capture import CaptureOps; next(CaptureOps.of_interface().packets({'key': 'a'}))"
    result = container.exec_run(["/opt/lab/bin/python3", "-c", ask], workdir="/opt/lab/agents")
    assert b"StopIteration: {'missing': 'eth0: " in result.output


# -- the command ---------------------------------------------------------------------------------------


def blocks(data: bytes) -> list[int]:
    """The kinds of the blocks of a file."""
    found = []
    while data:
        kind, size = struct.unpack_from("<II", data)
        found.append(kind)
        data = data[size:]
    return found


def test_a_capture_on_request(shared: Copy) -> None:
    done = shared.lab("attempt", "-c", "goal=login", "--capture")
    assert done.status == 0, str(done)
    folder = shared.path / ".lab" / "runs" / "last-attempt"
    (written,) = (folder / "wire").iterdir()
    assert str(written.resolve()) in done.out, str(done)
    assert "the client offers TLSv1.3 TLSv1.2;" in done.out, str(done)
    # a section, an interface, secrets, packets
    kinds = blocks(written.read_bytes())
    assert kinds[:3] == [0x0A0D0D0A, 1, 10], kinds
    assert set(kinds[3:]) == {6}, kinds
    (record,) = shared.record().attempts
    assert record.wire is not None
    assert record.wire.file == f"wire/{written.name}"
    assert len(kinds) - 3 == record.wire.packets
    # and without the request there is none of an attempt that completes
    again = shared.lab("attempt", "-c", "goal=login")
    assert again.status == 0, str(again)
    assert not (shared.path / ".lab" / "runs" / "last-attempt" / "wire").exists(), str(again)


def test_of_a_run_the_refusals_are_kept_unless_otherwise_asked(shared: Copy) -> None:
    case = "expired_certificate"
    for asked, kept in ((), {Result.REFUSED}), (("--capture", "none"), set()), (
        ("--capture", "all"), {Result.REFUSED, Result.COMPLETED},
    ):  # fmt: skip
        done = shared.lab("run", case, *asked)
        assert done.status == 0, str(done)
        record = shared.record()
        for one in record.attempts:
            if one.outcome is not None:
                captured = one.wire is not None and one.wire.file is not None
                assert captured is (one.outcome.result in kept), f"{one.id}: {one.wire}"
