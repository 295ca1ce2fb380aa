"""What an impostor gets, and that it is judged."""

from __future__ import annotations

import ftplib
import io
import os
import shutil
import stat
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lab.cases import Case, LoadedCase, PlannedAttempt, net_ftp, recommended, unsafe, vsftpd
from lab.model import (
    Attempt,
    Captured,
    ClientReport,
    Delivery,
    Goal,
    Observation,
    Outcome,
    Reason,
    Role,
    Side,
    Stage,
)
from lab.model.expectations import Verdict, completed, impostor_difference, refused
from lab.model.outcome import ServerReport
from lab.report.view import explanation
from lab.run.attempts import make
from lab.run.session import Session
from lab.servers import SERVERS, ListenerPlace, listen_request
from lab.servers.vsftpd import FIXED, Vsftpd
from tests.agent_process import AGENTS
from tests.integration.test_servers_agent import agent, agents_on_path, finish, module, request
from tests.unit.made_up import DELIVERED, EXPIRED, attempt_record, made_of

__all__ = ["agent", "agents_on_path"]

pytestmark = pytest.mark.filterwarnings("ignore:The asyn:DeprecationWarning")

LOOT = Captured(user="lab", password="pw", file_bytes=1024, file_head="delivery-1.txt\ndelivery")
SENT = Delivery(name="delivery-1.txt", size=1024, sha256="")


def observed(
    captured: Captured | None, *, is_impostor: bool = True, goal: Any = Goal.TRANSFER
) -> Observation:
    server = Vsftpd(certificate="impostor", impostor=is_impostor)
    return Observation(
        attempt=Attempt(server, net_ftp("rocky9", goal=goal, verify=False)),
        client=ClientReport(failed=False, step="quit"),
        server=ServerReport(started=True, captured=captured, stored_sha256=""),
        delivery=SENT,
    )


def reached(goal: Goal) -> Outcome:
    return replace(DELIVERED, goal=goal)


# -- the judgement --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("captured", "outcome"),
    [
        (None, EXPIRED),
        (LOOT, DELIVERED),
        (replace(LOOT, file_bytes=None, file_head=""), reached(Goal.LOGIN)),
        (None, reached(Goal.HANDSHAKE)),
    ],
    ids=["refused", "transfer", "login", "handshake"],
)
def test_an_impostor_that_got_what_it_should_fits(
    captured: Captured | None, outcome: Outcome
) -> None:
    assert impostor_difference(observed(captured, goal=outcome.goal), outcome) is None


@pytest.mark.parametrize(
    ("captured", "outcome", "words"),
    [
        (LOOT, EXPIRED, "no login was made, and yet the impostor got user lab, password pw"),
        (LOOT, reached(Goal.HANDSHAKE), "no login was made, and yet"),
        (None, DELIVERED, "completed (transfer), and yet the impostor got nothing"),
        (None, reached(Goal.LOGIN), "completed (login), and yet the impostor got nothing"),
        (replace(LOOT, user="eve"), DELIVERED, "user lab logged in, and yet"),
        (replace(LOOT, password=""), DELIVERED, "user lab logged in, and yet"),
        (replace(LOOT, file_bytes=7), DELIVERED, "a file of 1024 bytes was sent, and yet"),
        (replace(LOOT, file_bytes=None), DELIVERED, "a file of 1024 bytes was sent, and yet"),
    ],
)
def test_what_does_not_fit_is_said(captured: Captured | None, outcome: Outcome, words: str) -> None:
    difference = impostor_difference(observed(captured), outcome)
    assert difference is not None
    assert difference.startswith(words)


def test_an_honest_server_is_not_asked() -> None:
    assert impostor_difference(observed(None, is_impostor=False), DELIVERED) is None


@pytest.mark.parametrize(
    ("captured", "words"),
    [
        (LOOT, 'user lab, password pw, 1024 bytes ("delivery-1.txt...")'),
        (replace(LOOT, file_bytes=2, file_head="hi"), 'user lab, password pw, 2 bytes ("hi")'),
        (replace(LOOT, file_bytes=0, file_head=""), "user lab, password pw, an empty file"),
        (replace(LOOT, file_bytes=None, file_head=""), "user lab, password pw"),
    ],
)
def test_in_words(captured: Captured, words: str) -> None:
    assert captured.in_words() == words


@pytest.mark.parametrize(("captured", "verdict"), [(LOOT, "as-expected"), (None, "surprise")])
def test_a_completed_impostor_that_got_nothing_is_a_surprise(
    captured: Captured | None, verdict: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a session whose every attempt ends so
    seen = observed(captured)
    monkeypatch.setattr(Session, "attempt", lambda *_, **__: (made_of(seen), None))
    session = Session.__new__(Session)
    # when an attempt that is expected to complete is made
    finished, _ = make(session, PlannedAttempt("x", seen.attempt, completed()))
    # then the loot decides
    assert finished.outcome is not None
    assert finished.verdict is Verdict(verdict), finished.verdict_why


def test_the_impostor_of_a_remedy_takes_every_login() -> None:
    attempt = Attempt(vsftpd(certificate="self-signed"), net_ftp("rocky9"))
    refusal = refused(by=Side.CLIENT, at=Stage.VERIFY, because=Reason.SELF_SIGNED_LEAF)
    pinned = attempt.with_client(trust="self-signed")
    case = Case(
        attempt,
        refusal,
        twin=attempt.with_server(certificate="valid"),
        remedies=[
            unsafe("verify none", attempt.with_client(verify=False)),
            recommended("the anchor", pinned, impostor=refusal),
        ],
    )
    loaded = LoadedCase("a/b[c]", "b", "", "", "", "", case, Path("a.py"), 1)
    impostors = [p.attempt.server for p in loaded.plan() if p.role is Role.IMPOSTOR]
    assert [(s.certificate, s.impostor) for s in impostors] == [("impostor", True)] * 2
    others = [p.attempt.server for p in loaded.plan() if p.role is not Role.IMPOSTOR]
    assert not any(server.impostor for server in others)


# -- the report -----------------------------------------------------------------------------------


def test_all_that_was_given_away_is_shown() -> None:
    report = ServerReport(started=True, captured=LOOT)
    attempt = observed(LOOT).attempt
    record = attempt_record("x", attempt, DELIVERED, completed(), server_report=report)
    assert dict(explanation(record))["impostor got"].splitlines() == [
        "user      lab",
        "password  pw",
        "file      1024 bytes, beginning",
        "delivery-1.txt",
        "delivery",
    ]


def test_nothing_is_shown_where_nothing_was_given_away() -> None:
    report = ServerReport(started=True)
    record = attempt_record("x", observed(None).attempt, EXPIRED, None, server_report=report)
    assert "impostor got" not in dict(explanation(record))


# -- the servers ----------------------------------------------------------------------------------


def place_of(key: str) -> ListenerPlace:
    return ListenerPlace(
        key=key,
        port=2100,
        passive_ports=(30000, 30019),
        password="pw",
        chain="/chain",
        private_key="/key",
    )


def test_only_an_impostors_vsftpd_has_a_pam_service_of_its_own() -> None:
    place = place_of("Key-1")
    honest = SERVERS["vsftpd"].configure(Vsftpd(), place).splitlines()
    taking = SERVERS["vsftpd"].configure(Vsftpd(impostor=True), place).splitlines()
    assert set(taking) - set(honest) == {
        "pam_service_name=lab-impostor-key-1",
        "guest_enable=YES",
        "guest_username=lab",
        "virtual_use_local_privs=YES",
    }
    assert len(taking) - len(honest) == len(FIXED["impostor"])
    assert listen_request(SERVERS["vsftpd"], Vsftpd(impostor=True), place)["impostor"]


def test_the_pam_service_comes_and_goes_with_its_listener(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program, listener = module("vsftpd_program"), module("listener")
    monkeypatch.setattr(module("pam_program"), "PAM_SERVICES", str(tmp_path))
    monkeypatch.setattr(module("server_program"), "processes", dict)  # here none is ended
    (tmp_path / "vsftpd").write_text("not ours")
    first = listener.ListenerProcess("Key-1", "/run/l/Key-1", 2100, "lab", impostor=True)
    second = listener.ListenerProcess("key-2", "/run/l/key-2", 2101, "lab", impostor=True)
    # given two impostors
    server = program.PROGRAM()
    server.impersonate(first)
    server.impersonate(second)
    stack = (tmp_path / "lab-impostor-key-1").read_text()
    assert "pam_exec.so expose_authtok" in stack.splitlines()[0]
    assert "record_login.sh /run/l/Key-1/captured" in stack.splitlines()[0]
    # when one ends, and an agent comes that knows of neither
    server.stop_impersonating(first)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["lab-impostor-key-2", "vsftpd"]
    server.clean_up()
    # then nothing of them is left
    assert [p.name for p in tmp_path.iterdir()] == ["vsftpd"]


@pytest.mark.parametrize(
    "ending", [b"", b"\0"], ids=["plain", "with the zero byte of old versions"]
)
def test_what_pam_exec_hands_on_is_what_the_agent_reads(tmp_path: Path, ending: bytes) -> None:
    program, kept = module("server_program"), tmp_path / "captured"
    for user, password in (("first", "x"), ("lab", 'p "w\\ü ')):
        done = subprocess.run(
            [shutil.which("sh") or "sh", str(AGENTS / "record_login.sh"), str(kept)],
            input=password.encode() + ending,
            env={"PAM_USER": user, "PATH": os.defpath},
            timeout=10,
            check=True,
        )
        assert done.returncode == 0
    assert program.recorded_login(str(kept)) == ("lab", 'p "w\\ü '), "the last login counts"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    program.forget_login(str(kept))
    program.forget_login(str(kept))
    assert program.recorded_login(str(kept)) is None


def upload(port: int, user: str, password: str, name: str, content: bytes) -> None:
    with ftplib.FTP(timeout=10) as client:
        client.connect("127.0.0.1", port)
        client.login(user, password)
        client.storbinary(f"STOR {name}", io.BytesIO(content))


def test_pyftpdlib_takes_every_login_and_keeps_the_last(agent: Any, tmp_path: Path) -> None:
    listen = request(agent, tmp_path, tls=False, impostor=True)
    assert finish(agent.listen(listen))["started"]
    port, key = listen["port"], listen["key"]
    for user, password in (("lab", "wrong"), ("nobody at all", "geheim ü")):
        # given an attempt
        finish(agent.begin({"key": key, "file": "f.txt"}))
        # when somebody delivers
        upload(port, user, password, "f.txt", b"f.txt\n" * 100)
        # then the impostor has it all; beside the listener only root's group, the agent, could read it
        kept = Path(listen["directory"], "captured")
        assert stat.S_IMODE(kept.stat().st_mode) == 0o640
        assert finish(agent.collect({"key": key, "file": "f.txt"}))["captured"] == {
            "user": user,
            "password": password,
            "file_bytes": 600,
            "file_head": "f.txt\n" * 10,
        }
    # and the next attempt begins with nothing
    finish(agent.begin({"key": key, "file": "f.txt"}))
    assert finish(agent.collect({"key": key, "file": "f.txt"}))["captured"] is None
    agent.close({"key": key})
    assert not kept.exists()


def test_a_login_without_a_file_is_captured_too(agent: Any, tmp_path: Path) -> None:
    listen = request(agent, tmp_path, tls=False, impostor=True)
    finish(agent.listen(listen))
    finish(agent.begin({"key": listen["key"], "file": "x"}))
    with ftplib.FTP(timeout=10) as client:
        client.connect("127.0.0.1", listen["port"])
        client.login("lab", "pw")
    captured = finish(agent.collect({"key": listen["key"], "file": "x"}))["captured"]
    assert captured == {"user": "lab", "password": "pw", "file_bytes": None, "file_head": None}


def test_an_honest_server_keeps_nothing(agent: Any, tmp_path: Path) -> None:
    listen = request(agent, tmp_path, tls=False)
    finish(agent.listen(listen))
    finish(agent.begin({"key": listen["key"], "file": "f.txt"}))
    upload(listen["port"], "lab", "secret", "f.txt", b"x")
    assert finish(agent.collect({"key": listen["key"], "file": "f.txt"}))["captured"] is None
    assert not Path(listen["directory"], "captured").exists()
