"""From the agent's answer to the record, the command and the reports."""

from __future__ import annotations

import base64
import dataclasses
import datetime
import json
import struct
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from lab.model import Attempt, ClientReport, Goal, Observation, Outcome, Reason, Result, Side, Stage
from lab.model.expectations import PlannedAttempt
from lab.model.outcome import ServerReport
from lab.record import AttemptResult, RecordError, RecordWriter, load, to_json
from lab.record.models import RunHeader
from lab.report.html.cases import AttemptView
from lab.report.view import explain_surprise, wire_in_words, witnesses_in_words
from lab.run.agents import Unsupported
from lab.run.attempts import make
from lab.run.link import AgentError
from lab.run.listeners import Listeners, RequestBuilder
from lab.run.session import Session
from lab.settings import parse_client, parse_server
from lab.wire.packets import Capture, CapturePolicy
from lab.wire.reading import Ending, How, WireReading, read
from lab.wire.tls import Point
from lab.wire.witnesses import Agreement, Statement, Witnesses
from tests.unit.certificates import MATERIAL
from tests.unit.made_up import made_of
from tests.unit.wire_packets import BEGUN, Tls, Wire, client_context, ftps, server_context

ATTEMPT = Attempt(parse_server([]), parse_client("net-ftp@rocky9"))
START = datetime.datetime(2031, 5, 17, 12, 0, tzinfo=datetime.UTC)


def observation(*, failed: bool = True, library: str = "OpenSSL 3.5.1") -> Observation:
    client = ClientReport(
        failed=failed,
        step="starttls",
        error="SSL connect attempt failed error:0A000086:SSL routines::certificate verify failed",
        verify_code=10,
        library=library,
    )
    attempt = ATTEMPT.with_client(goal=Goal.HANDSHAKE)
    return Observation(attempt=attempt, client=client, server=ServerReport(started=True))


# -- asking the agent ----------------------------------------------------------------------------------


class MadeUpAgents:
    """Agents of both ends that answer what a test says, and write down what they were asked."""

    container = "vsftpd"

    def __init__(
        self, *, missing: str = "", broken: str = "", key_log: str | None = None, cannot: str = ""
    ) -> None:
        self.cannot = cannot
        self.versions: dict[str, Any] = {}
        self.missing = missing
        self.broken = broken
        self.client = {"failed": True, "step": "starttls", "library": "OpenSSL 3.5.1"}
        if key_log is not None:
            self.client["key_log"] = key_log
        self.asked: dict[str, dict[str, Any]] = {}

    def call(self, op: str, deadline_s: float, **arguments: Any) -> dict[str, Any]:
        self.asked[op] = arguments
        if op == self.broken:
            raise AgentError(f"server.py in vsftpd: {op} broke")
        if op == "attempt":
            return self.client
        if op == "listen":
            if self.cannot:
                return {"started": False, "cannot": self.cannot}
            return {"started": True, "output": ""}
        head = struct.pack(">QIIB", BEGUN, 3, 3, 0)
        packets = base64.b64encode(head + b"abc").decode()
        kept = {"packets": packets, "cut": 0, "lost": 0, "late": False, "unclear": 0}
        return {"log": "", "capture": {"missing": self.missing} if self.missing else kept}


def session_of(agents: MadeUpAgents) -> Session:
    """A session without containers in which these agents answer."""
    made = Session.__new__(Session)
    one = SimpleNamespace(client=lambda _: agents, server=lambda _: agents)
    made._feasibility = cast("Any", SimpleNamespace(check=lambda _: None))
    made.agents = cast("Any", one)
    made._requests = RequestBuilder(MATERIAL, "pw")
    made._listeners = Listeners(cast("Any", one), cast("Any", None), MATERIAL, "pw")
    return made


def attempted(
    agents: MadeUpAgents, attempt: Attempt = ATTEMPT, *, capture: bool = True
) -> Capture | None:
    return session_of(agents).attempt(PlannedAttempt("x", attempt), capture=capture)[1]


PORTS = [[2100, 2100], [30000, 30019]]


def test_a_listener_that_this_engines_kernel_cannot_have_is_declared() -> None:
    agents = MadeUpAgents(cannot="client_nat=yes: the kernel does not take it")
    with pytest.raises(Unsupported, match="client_nat=yes: the kernel does not take it"):
        attempted(agents)


def test_an_attempt_is_captured_from_its_beginning_to_its_end() -> None:
    agents = MadeUpAgents(key_log="# made by X\nCLIENT_RANDOM 1 2\n\nCLIENT_RANDOM 1 2\n")
    capture = attempted(agents)
    assert list(agents.asked) == ["listen", "begin", "attempt", "collect"]
    assert agents.asked["begin"]["capture"] == {"ports": PORTS, "active": False}
    assert agents.asked["collect"]["capture"] is True
    assert capture is not None
    assert [packet.data for packet in capture.packets] == [b"abc"]
    assert capture.port == 2100
    # what a program and its library both wrote is there once
    assert capture.key_log == "CLIENT_RANDOM 1 2\n"


def nobody_listens() -> Attempt:
    return ATTEMPT.with_server(listening=False)


def test_where_nobody_listens_the_port_is_watched() -> None:
    agents = MadeUpAgents()
    assert attempted(agents, nobody_listens()) is not None
    assert list(agents.asked) == ["watch", "attempt", "collect"]
    assert agents.asked["watch"]["ports"] == [[2100, 2100]]
    assert "file" not in agents.asked["collect"]


def test_nothing_is_asked_where_nothing_is_to_be_captured() -> None:
    agents = MadeUpAgents()
    assert attempted(agents, nobody_listens(), capture=False) is None
    assert list(agents.asked) == ["attempt"]
    assert attempted(agents, capture=False) is None
    assert not agents.asked["begin"]["capture"]
    assert agents.asked["attempt"]["key_log"] is False


@pytest.mark.parametrize(
    ("agents", "why"),
    [
        (MadeUpAgents(missing="eth0: not permitted"), "captured in vsftpd: eth0: not permitted"),
        (MadeUpAgents(broken="watch"), "watch broke"),
        (MadeUpAgents(broken="collect"), "collect broke"),
    ],
)
def test_an_attempt_never_fails_because_of_its_capture(agents: MadeUpAgents, why: str) -> None:
    capture = attempted(agents, nobody_listens())
    assert capture is not None
    assert why in capture.missing
    assert wire_in_words(read(capture)) == f"not captured: {capture.missing}"


def test_why_there_is_no_key_log() -> None:
    for key_log, library, why in (
        (None, "OpenSSL 3.5.1", "the agent of net-ftp has no way to ask for them"),
        ("", "OpenSSL 1.0.2k-fips", "OpenSSL 1.0.2k-fips wrote none"),
        ("# nothing but this\n", "", "the client's TLS library wrote none"),
    ):
        agents = MadeUpAgents(key_log=key_log)
        agents.client["library"] = library
        capture = attempted(agents)
        assert capture is not None
        assert (capture.key_log, capture.no_key_log) == ("", why)


def test_only_the_attempt_itself_is_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    # given an agent that takes a minute to start a listener, and two seconds for each thing of an attempt
    now = [0.0]

    class Slow(MadeUpAgents):
        def call(self, op: str, deadline_s: float, **arguments: Any) -> dict[str, Any]:
            now[0] += 60 if op == "listen" else 2
            return super().call(op, deadline_s, **arguments)

    monkeypatch.setattr("lab.run.session.time.perf_counter", lambda: now[0])
    result, _ = session_of(Slow()).attempt(PlannedAttempt("x", ATTEMPT))
    assert result.elapsed_ms == 6000


# -- of which attempts ---------------------------------------------------------------------------------


class MadeUpSession:
    """Gives the capture that it is asked for, as the real one does."""

    def __init__(self, seen: Observation) -> None:
        self._seen = seen

    def attempt(
        self, planned: PlannedAttempt, *, capture: bool
    ) -> tuple[AttemptResult, Capture | None]:
        wire = ftps().tls(Tls.between(client_context(trusts=False), server_context()))
        return made_of(self._seen), wire.capture() if capture else None


@pytest.mark.parametrize(
    ("captures", "failed", "kept"),
    [
        (CapturePolicy.ALL, True, True),
        (CapturePolicy.ALL, False, True),
        (CapturePolicy.REFUSED, True, True),
        (CapturePolicy.REFUSED, False, False),
        (CapturePolicy.NONE, True, False),
    ],
)
def test_of_which_attempts_it_is_kept(captures: CapturePolicy, failed: bool, kept: bool) -> None:
    session = cast("Session", MadeUpSession(observation(failed=failed)))
    result, capture = make(session, PlannedAttempt("x", ATTEMPT), captures)
    assert (capture is not None) is (result.wire is not None) is kept
    # the words of both ends are heard in any case
    assert (result.witnesses is not None) is failed
    if kept and failed:
        assert result.witnesses is not None
        assert result.witnesses.wire == Statement(Agreement.AGREES, Side.CLIENT)


# -- beside the record ---------------------------------------------------------------------------------


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[RecordWriter]:
    header = RunHeader(run_id="r", lab_version="0", started=START)
    with RecordWriter.create(tmp_path, header) as made:
        yield made


@pytest.mark.parametrize(
    ("identity", "name"),
    [
        ("attempt-1", "wire/attempt-1.pcapng"),
        ("a/b_c[net-ftp@rocky9:FIPS]/breaks", "wire/a-b_c-net-ftp@rocky9-FIPS-breaks.pcapng"),
        ("../../etc/passwd", "wire/etc-passwd.pcapng"),
        ("é\0/", "wire/attempt.pcapng"),
    ],
)
def test_a_capture_has_a_name_that_every_system_takes(
    writer: RecordWriter, identity: str, name: str
) -> None:
    assert writer.capture(identity, b"x") == name
    assert (writer.folder / name).read_bytes() == b"x"


def test_two_captures_never_share_a_file(writer: RecordWriter) -> None:
    names = [writer.capture(name, name.encode()) for name in ("a/b", "a:b", "a-b", "x" * 999)]
    assert len(set(names)) == 4
    assert (writer.folder / names[1]).read_bytes() == b"a:b"


def test_a_folder_that_cannot_be_written_is_said(writer: RecordWriter) -> None:
    (writer.folder / "wire").write_text("in the way")
    with pytest.raises(RecordError, match=r"wire/x\.pcapng cannot be written"):
        writer.capture("x", b"")


AGREED = Statement(Agreement.AGREES, Side.CLIENT)
OUTCOME = Outcome(
    result=Result.REFUSED,
    goal=Goal.HANDSHAKE,
    by=Side.CLIENT,
    stage=Stage.VERIFY,
    reason=Reason.EXPIRED,
)


def reading(**changes: Any) -> WireReading:
    context = client_context("TLSv1.2", trusts=False)
    wire = ftps().tls(Tls.between(context, server_context()))
    seen = read(wire.closes(Side.CLIENT).capture())
    return dataclasses.replace(seen, file="wire/x.pcapng", **changes)


def record(wire: WireReading | None, witnesses: Witnesses | None) -> AttemptResult:
    return AttemptResult(
        id="x",
        server=ATTEMPT.server,
        client=ATTEMPT.client,
        outcome=OUTCOME,
        wire=wire,
        witnesses=witnesses,
        started=START,
    )


def test_a_reading_comes_back_from_the_record_as_it_was(writer: RecordWriter) -> None:
    made = record(reading(), Witnesses(AGREED, Statement(Agreement.SILENT), AGREED))
    writer.attempt(made)
    writer.finish(START)
    (found,) = load(writer.folder).attempts
    assert found == made
    plain = json.loads(to_json(made))
    assert plain["witnesses"]["server"] == {"standing": "silent", "names": None}
    assert plain["wire"]["connections"][0]["alerts"][0]["name"] == "unknown_ca"


# -- in words ------------------------------------------------------------------------------------------

DISAGREE = Witnesses(
    AGREED, Statement(Agreement.SILENT), Statement(Agreement.DISAGREES, Side.SERVER)
)


def test_the_reading_in_words() -> None:
    context = client_context("TLSv1.2", trusts=False)
    context.set_ciphers("ECDHE-ECDSA-AES256-GCM-SHA384:AES128-SHA")
    wire = ftps().tls(Tls.between(context, server_context())).closes(Side.CLIENT)
    seen = dataclasses.replace(read(wire.capture()), file="wire/x.pcapng", cut=9, lost=3, unclear=1)
    packets = len(wire.packets)
    assert wire_in_words(seen).split("\n") == [
        "the client offers TLSv1.2 or older; ECDHE-ECDSA-AES256-GCM-SHA384 AES128-SHA;"
        " the name ftp.lab.test",
        "the server selects TLSv1.2 ECDHE-ECDSA-AES256-GCM-SHA384; 1 certificate",
        "fatal alert unknown_ca (48) from the client after the ServerHello",
        f"{packets} packets in wire/x.pcapng;"
        " no secrets: the handshake ended before there were secrets",
        "9 bytes of long transfers are left out",
        "packets may be missing: the capture lost 3",
        "1 connections may have been another attempt's, and are left out",
    ]


@pytest.mark.parametrize(
    ("why", "said"),
    [
        ("the handshake ended before there were secrets", "鍵ができる前にハンドシェイクが終わった"),
        ("OpenSSL 1.0.2k wrote none", "OpenSSL 1.0.2k が鍵を書き出さなかった"),
        (
            "the agent of wget has no way to ask for them",
            "wget のエージェントには鍵を得る方法がない",
        ),
    ],
)
def test_why_there_are_no_secrets_is_said_in_both_languages(why: str, said: str) -> None:
    wire = ftps().closes(Side.CLIENT)
    seen = dataclasses.replace(read(wire.capture()), file="x.pcapng", no_key_log=why)
    assert f"no secrets: {why}" in wire_in_words(seen)
    assert f"鍵なし: {said}" in wire_in_words(seen, "ja")


def test_every_way_to_end_has_words() -> None:
    for how in set(How) - {How.FATAL_ALERT}:
        for point in Point:
            one = dataclasses.replace(
                read(Wire().open().capture()).connections[0], ending=Ending(Side.SERVER, how, point)
            )
            assert wire_in_words(WireReading(connections=(one,))), (how, point)


def test_without_packets_that_is_said() -> None:
    assert wire_in_words(read(Capture())) == "no packet came to the server"
    assert wire_in_words(None) == ""


def test_a_disagreement_is_said() -> None:
    assert witnesses_in_words(DISAGREE) == (
        "they disagree - the client, according to client; silent: server;"
        " the server (!), according to wire"
    )
    agreed = Witnesses(AGREED, AGREED, AGREED)
    assert witnesses_in_words(agreed) == "the client, according to client, server, wire"
    assert witnesses_in_words(None) == ""


def test_the_explanation_has_both() -> None:
    words = explain_surprise(record(reading(), DISAGREE))
    assert "  wire         the client offers TLSv1.2" in words
    assert "  witnesses    they disagree - the client, according to" in words


def test_the_page_has_both() -> None:
    one = AttemptView("a", record(reading(), DISAGREE), 1, None)
    assert one.wire is not None
    assert "fatal alert unknown_ca (48)" in "\n".join(one.wire)
    assert len(set(one.witnesses)) > 1
    plain = AttemptView("a", record(None, None), 1, None)
    assert (plain.wire, plain.witnesses) == (None, [])
