"""The agent that keeps workers of another language: the protocol's promises, with a worker in Python."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.model import Agent
from tests.agent_process import AGENTS, AgentProcess, running
from tests.integration.test_agents_resident import children_of, gone

_WORKER = """
import json, os, signal, subprocess, sys, time

start = sys.argv[1] if len(sys.argv) > 1 else ""
def say(**message):
    os.write(3, json.dumps(message).encode() + b"\\n")
def step(**fields):
    os.write(4, json.dumps(fields).encode() + b"\\n")

if start:
    # How many have started; the first is always fine.
    with open(start, "a") as starts:
        starts.write("x")
    if os.path.getsize(start) > 1:
        print("no library here", file=sys.stderr)
        sys.exit(3)
print("a library greets")
say(ready=True, versions={"demo": "1"})
for line in sys.stdin:
    request = json.loads(line)
    what = request.get("what")
    more = {}
    if what == "refuse":
        say(bad_request="no sense in it")
        continue
    if what == "hang at once": time.sleep(60)
    step(step="connect")
    step(library="L")
    if what == "say nonsense of a step": os.write(4, b"nonsense\\n[]\\n")
    if what == "hang":
        step(grandchild=subprocess.Popen(["sleep", "60"]).pid)
        time.sleep(60)
    if what == "crash": os.kill(os.getpid(), signal.SIGSEGV)
    if what == "raise": raise RuntimeError("it broke")
    if what == "print":
        print("this is not an answer", flush=True)
        os.system("echo nor is this; echo this neither >&2")
    if what == "say nonsense": os.write(3, b"nonsense\\n")
    if what == "sleep": time.sleep(request["for_s"])
    if what == "leave open": os.open("/dev/null", os.O_RDONLY)
    if what == "exchange": os.dup2(os.open("/dev/zero", os.O_RDONLY | os.O_CLOEXEC), 0)
    if what == "another": more = {"kept": False}
    result = {"failed": False, "step": "quit", "pid": os.getpid()}
    result["text"] = "x" * request.get("size", 0)
    result["variable"] = os.environ.get("LAB_TEST")
    say(result=result, **more)
"""


def started_with(*words: str) -> list[str]:
    return [sys.executable, str(AGENTS / "language_workers.py"), *words]


@pytest.fixture
def worker(tmp_path: Path) -> Path:
    file = tmp_path / "worker.py"
    file.write_text(_WORKER)
    return file


@pytest.fixture
def agent(worker: Path) -> Iterator[AgentProcess]:
    with running(started_with("--concurrent", "8", "demo", sys.executable, str(worker))) as process:
        yield process


def test_the_first_line_has_what_the_worker_says_of_itself(agent: AgentProcess) -> None:
    assert agent.ready == {"ready": True, "agent": "demo", "versions": {"demo": "1"}}


def test_a_worker_that_is_as_it_was_makes_the_next_attempt(agent: AgentProcess) -> None:
    first = agent.ask(op="attempt")["result"]
    assert agent.ask(op="attempt", what="refuse")["kind"] == "bad-request"
    assert agent.ask(op="attempt", what="print")["result"] == first
    assert agent.ask(op="attempt")["result"] == first


@pytest.mark.parametrize(
    "what",
    [
        "leave open",
        "exchange",
        "another",
        "crash",
        "raise",
        "hang",
        "say nonsense",
        "say nonsense of a step",
    ],
)
def test_a_worker_that_is_not_as_it_was_makes_no_other_attempt(
    agent: AgentProcess, what: str
) -> None:
    first = agent.ask(op="attempt")["result"]["pid"]
    agent.ask(op="attempt", what=what, deadline_s=0.3)
    assert gone(first)
    assert agent.ask(op="attempt")["result"]["pid"] != first


def test_a_spare_worker_is_there_before_it_is_needed(agent: AgentProcess) -> None:
    first = agent.ask(op="attempt")["result"]["pid"]
    agent.ask(op="attempt", what="sleep", for_s=0.3)
    (spare,) = set(children_of(agent.process.pid)) - {first}
    os.kill(first, signal.SIGKILL)
    assert gone(first)
    assert agent.ask(op="attempt")["result"]["pid"] == spare


def test_an_attempt_with_variables_of_its_own_has_a_worker_of_its_own(agent: AgentProcess) -> None:
    before = agent.ask(op="attempt")["result"]
    own = agent.ask(op="attempt", environment={"LAB_TEST": "set"})["result"]
    assert own["variable"] == "set"
    assert own["pid"] != before["pid"]
    assert gone(own["pid"])
    assert agent.ask(op="attempt")["result"]["variable"] is None


def test_attempts_run_at_the_same_time_and_answer_when_they_are_done(agent: AgentProcess) -> None:
    slow = agent.request(op="attempt", what="sleep", for_s=1.0)
    quick = agent.request(op="attempt", what="sleep", for_s=0.05)
    assert [agent.answer()["id"], agent.answer()["id"]] == [quick, slow]


def test_more_attempts_than_may_run_at_the_same_time_are_all_answered(agent: AgentProcess) -> None:
    asked = {agent.request(op="attempt", what="sleep", for_s=0.02) for _ in range(40)}
    answers = [agent.answer() for _ in range(40)]
    assert {answer["id"] for answer in answers} == asked
    assert 1 < len({answer["result"]["pid"] for answer in answers}) <= 9
    assert len(children_of(agent.process.pid)) <= 9


def test_an_answer_longer_than_a_pipe_is_one_whole_line(agent: AgentProcess) -> None:
    assert len(agent.ask(op="attempt", size=300_000)["result"]["text"]) == 300_000


def test_the_deadline_ends_an_attempt_with_what_it_had_reported(agent: AgentProcess) -> None:
    answer = agent.ask(op="attempt", what="hang", deadline_s=0.5)
    result = answer["result"]
    assert (answer["ok"], result["timed_out"], result["failed"]) == (True, True, True)
    assert (result["step"], result["library"]) == ("connect", "L")
    assert 450 < result["elapsed_ms"] < 10_000
    assert gone(result["grandchild"])


def test_an_attempt_that_reported_nothing_is_timed_out(agent: AgentProcess) -> None:
    answer = agent.ask(op="attempt", what="hang at once", deadline_s=0.3)
    assert (answer["ok"], answer["kind"]) == (False, "timed-out")


def test_a_crash_is_told_with_the_signal_and_the_next_attempt_works(agent: AgentProcess) -> None:
    answer = agent.ask(op="attempt", what="crash")
    assert (answer["ok"], answer["kind"]) == (False, "crashed")
    assert "SIGSEGV" in answer["error"]
    assert answer["partial"]["step"] == "connect"
    assert agent.ask(op="attempt")["ok"]


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("raise", "it broke"),
        ("say nonsense", "no answer"),
        ("say nonsense of a step", "no progress"),
    ],
)
def test_a_defect_of_a_worker_is_a_crash_with_its_last_words(
    agent: AgentProcess, what: str, words: str
) -> None:
    answer = agent.ask(op="attempt", what=what)
    assert (answer["ok"], answer["kind"]) == (False, "crashed")
    assert words in answer["error"]


def test_workers_end_with_their_agent(agent: AgentProcess) -> None:
    agent.ask(op="attempt")
    pids = children_of(agent.process.pid)
    assert agent.end() == 0
    assert pids
    assert all(gone(pid) for pid in pids)


def test_workers_end_with_an_agent_that_is_killed_also_in_an_attempt(agent: AgentProcess) -> None:
    agent.ask(op="attempt")
    agent.request(op="attempt", what="sleep", for_s=60, deadline_s=60)
    pids = children_of(agent.process.pid)
    agent.process.kill()
    assert all(gone(pid) for pid in pids)


def test_workers_that_do_not_start_any_more_are_told_and_not_started_without_end(
    worker: Path, tmp_path: Path
) -> None:
    starts = tmp_path / "starts"
    with running(started_with("demo", sys.executable, str(worker), str(starts))) as agent:
        agent.ask(op="attempt", what="crash")
        for _ in range(2):
            answer = agent.ask(op="attempt")
            assert (answer["ok"], answer["kind"]) == (False, "crashed")
            assert "no library here" in answer["error"]
            assert "exit status 3" in answer["error"]
    assert len(starts.read_text()) <= 5


def test_an_agent_whose_worker_never_starts_says_why_and_ends(tmp_path: Path) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text("raise SystemExit('no library here')")
    done = subprocess.run(
        started_with("demo", sys.executable, str(broken)),
        input=b"",
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 1
    assert b"no library here" in done.stderr
    assert done.stdout == b""


def test_a_command_that_is_not_there_is_told_as_of_every_program() -> None:
    with running(started_with("demo", "no-such-command", "x")) as agent:
        assert agent.ready["versions"] == {"no-such-command": None}
        answer = agent.ask(op="attempt")
    assert (answer["kind"], answer["error"]) == (
        "bad-request",
        "no-such-command is not installed here",
    )


def test_an_agent_of_workers_is_named_by_its_file() -> None:
    agent = Agent.worker("php-ftp", "php", "php_ftp.php", concurrent=4)
    assert agent.argv == (
        "/opt/lab/bin/python3",
        "/opt/lab/agents/language_workers.py",
        "--concurrent",
        "4",
        "php-ftp",
        "php",
        "/opt/lab/agents/php_ftp.php",
    )
