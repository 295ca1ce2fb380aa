"""The agents' protocol: the same promises from the Python and the Perl runtime."""

from __future__ import annotations

import ast
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agent_process import AGENTS, AgentProcess, running

_PYTHON = f"""
import os, signal, subprocess, sys, time
sys.path.insert(0, {str(AGENTS)!r})
from resident import ResidentAgent, BadRequest, Wait

def attempt(request, progress):
    what = request.get("what")
    if what == "refuse": raise BadRequest("no sense in it")
    if what == "hang at once": time.sleep(60)
    progress(step="connect")
    progress(library="L")
    if what == "hang":
        grandchild = subprocess.Popen(["sleep", "60"])
        progress(grandchild=grandchild.pid)
        time.sleep(60)
    if what == "crash": os.kill(os.getpid(), signal.SIGSEGV)
    if what == "raise": raise RuntimeError("it broke")
    if what == "print": print("this is not an answer")
    if what == "sleep": time.sleep(request["for_s"])
    if what == "leave open": os.open("/dev/null", os.O_RDONLY)
    text = "x" * request.get("size", 0)
    variable = os.environ.get("LAB_TEST")
    return {{"failed": False, "step": "quit", "pid": os.getpid(), "text": text, "variable": variable}}

def later(request):
    yield Wait(seconds=request["for_s"])
    return {{"later": True}}

def never(request):
    while True:
        yield Wait(seconds=60)

def broken(request):
    raise RuntimeError("inline broke")

ResidentAgent("demo", {{"a": "1"}}, forked={{"attempt": attempt}}, concurrent=8,
      inline={{"now": lambda request: {{"pid": os.getpid()}}, "later": later, "never": never,
              "broken": broken}}).run()
"""

_PERL = f"""
use lib '{AGENTS}';
use Resident;

sub attempt {{
    my ($request, $progress) = @_;
    my $what = $request->{{what}} // '';
    Resident::bad_request('no sense in it') if $what eq 'refuse';
    sleep 60 if $what eq 'hang at once';
    $progress->(step => 'connect');
    $progress->(library => 'L');
    if ($what eq 'hang') {{
        my $grandchild = fork;
        if (!$grandchild) {{ exec 'sleep', '60' }}
        $progress->(grandchild => $grandchild);
        sleep 60;
    }}
    kill 'SEGV', $$ if $what eq 'crash';
    die "it broke\\n" if $what eq 'raise';
    print "this is not an answer\\n" if $what eq 'print';
    select undef, undef, undef, $request->{{for_s}} if $what eq 'sleep';
    open our $left, '<', '/dev/null' if $what eq 'leave open';
    my $text = 'x' x ($request->{{size}} // 0);
    return {{
        failed => JSON::PP::false, step => 'quit', pid => $$, text => $text, variable => $ENV{{LAB_TEST}},
    }};
}}

Resident->new(
    name => 'demo', versions => {{ a => '1' }}, concurrent => 8,
    forked => {{ attempt => \\&attempt }},
)->run;
"""


def _perl_runs() -> bool:
    return shutil.which("perl") is not None


@pytest.fixture(
    params=[
        "python",
        pytest.param(
            "perl", marks=pytest.mark.skipif(not _perl_runs(), reason="this machine has no perl")
        ),
    ]
)
def agent(request: pytest.FixtureRequest) -> Iterator[AgentProcess]:
    argv = [sys.executable, "-c", _PYTHON] if request.param == "python" else ["perl", "-e", _PERL]
    with running(argv) as process:
        yield process


@pytest.fixture(params=["python", "perl"])
def keeping(request: pytest.FixtureRequest) -> Iterator[AgentProcess]:
    """An agent whose processes make several attempts each."""
    if request.param == "perl" and not _perl_runs():
        pytest.skip("this machine has no perl")
    argv = [sys.executable, "-c", _PYTHON.replace("concurrent=8", "concurrent=8, keeps=True")]
    if request.param == "perl":
        argv = ["perl", "-e", _PERL.replace("concurrent => 8", "concurrent => 8, keeps => 1")]
    with running(argv) as process:
        yield process


@pytest.fixture
def python_agent() -> Iterator[AgentProcess]:
    with running([sys.executable, "-c", _PYTHON]) as process:
        yield process


def gone(pid: int) -> bool:
    """Whether a process has ended (a zombie that nobody has reaped yet has)."""
    until = time.monotonic() + 5
    while time.monotonic() < until:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state == "Z":
            return True
        time.sleep(0.01)
    return False


def test_the_first_line_says_who_is_there(agent: AgentProcess) -> None:
    assert agent.ready == {"ready": True, "agent": "demo", "versions": {"a": "1"}}


def test_an_attempt_runs_in_a_process_of_its_own(agent: AgentProcess) -> None:
    first, second = agent.ask(op="attempt"), agent.ask(op="attempt")
    assert first["result"]["pid"] != second["result"]["pid"]
    assert agent.process.pid not in (first["result"]["pid"], second["result"]["pid"])


def test_a_process_that_is_kept_makes_the_next_attempt(keeping: AgentProcess) -> None:
    first = keeping.ask(op="attempt")["result"]
    assert keeping.ask(op="attempt", what="refuse")["kind"] == "bad-request"
    assert keeping.ask(op="attempt")["result"] == first
    assert children_of(keeping.process.pid) == [first["pid"]]


@pytest.mark.parametrize("what", ["leave open", "crash", "raise", "hang"])
def test_a_process_that_is_not_as_it_was_found_makes_no_other_attempt(
    keeping: AgentProcess, what: str
) -> None:
    first = keeping.ask(op="attempt")["result"]["pid"]
    keeping.ask(op="attempt", what=what, deadline_s=0.3)
    assert gone(first)
    assert keeping.ask(op="attempt")["result"]["pid"] != first


def test_an_attempt_with_variables_of_its_own_has_a_process_of_its_own(
    keeping: AgentProcess,
) -> None:
    before = keeping.ask(op="attempt")["result"]
    own = keeping.ask(op="attempt", environment={"LAB_TEST": "set"})["result"]
    assert own["variable"] == "set"
    assert own["pid"] != before["pid"]
    assert gone(own["pid"])
    assert keeping.ask(op="attempt")["result"] == before


@pytest.mark.skipif(not _perl_runs(), reason="this machine has no perl")
def test_a_process_that_attempts_change_makes_those_that_change_it_alike() -> None:
    options = "concurrent => 8, keeps => 1, changed_by => 'libnet'"
    with running(["perl", "-e", _PERL.replace("concurrent => 8", options)]) as agent:

        def made_by(libnet: str | None) -> int:
            pid: int = agent.ask(op="attempt", libnet=libnet)["result"]["pid"]
            return pid

        usual, newer, older = (made_by(version) for version in (None, "3.15", "3.11"))
        assert len({usual, newer, older}) == 3
        assert [made_by(v) for v in ("3.11", None, "3.15")] == [older, usual, newer]


def test_a_kept_process_that_was_killed_is_replaced(keeping: AgentProcess) -> None:
    first = keeping.ask(op="attempt")["result"]["pid"]
    os.kill(first, signal.SIGKILL)
    assert gone(first)
    assert keeping.ask(op="attempt")["result"]["pid"] != first


def test_kept_processes_end_with_an_agent_that_is_killed(keeping: AgentProcess) -> None:
    numbers = [keeping.request(op="attempt", what="sleep", for_s=0.3) for _ in range(3)]
    pids = {keeping.answer()["result"]["pid"] for _ in numbers}
    assert len(pids) == 3
    keeping.process.kill()
    assert all(gone(pid) for pid in pids)


def test_attempts_run_at_the_same_time_and_answer_when_they_are_done(agent: AgentProcess) -> None:
    slow = agent.request(op="attempt", what="sleep", for_s=0.6)
    quick = agent.request(op="attempt", what="sleep", for_s=0.05)
    assert [agent.answer()["id"], agent.answer()["id"]] == [quick, slow]


def test_more_attempts_than_may_run_at_the_same_time_are_all_answered(agent: AgentProcess) -> None:
    asked = {agent.request(op="attempt", what="sleep", for_s=0.01) for _ in range(40)}
    assert {agent.answer()["id"] for _ in range(40)} == asked


def test_an_answer_longer_than_a_pipe_is_one_whole_line(agent: AgentProcess) -> None:
    numbers = [agent.request(op="attempt", size=300_000) for _ in range(4)]
    answers = [agent.answer() for _ in range(4)]
    assert sorted(answer["id"] for answer in answers) == numbers
    assert all(len(answer["result"]["text"]) == 300_000 for answer in answers)


def test_what_an_attempt_prints_is_not_taken_for_an_answer(agent: AgentProcess) -> None:
    assert agent.ask(op="attempt", what="print")["result"]["step"] == "quit"


def test_the_deadline_ends_an_attempt_with_what_it_had_reported(agent: AgentProcess) -> None:
    started = time.monotonic()
    answer = agent.ask(op="attempt", what="hang", deadline_s=0.5)
    assert time.monotonic() - started < 10
    result = answer["result"]
    assert (answer["ok"], result["timed_out"], result["failed"]) == (True, True, True)
    assert (result["step"], result["library"]) == ("connect", "L")
    assert 450 < result["elapsed_ms"] < 10_000


def test_the_deadline_ends_what_the_attempt_had_started_too(agent: AgentProcess) -> None:
    answer = agent.ask(op="attempt", what="hang", deadline_s=0.5)
    assert gone(answer["result"]["grandchild"])


def test_an_attempt_that_reported_nothing_is_timed_out(agent: AgentProcess) -> None:
    answer = agent.ask(op="attempt", what="hang at once", deadline_s=0.3)
    assert (answer["ok"], answer["kind"]) == (False, "timed-out")
    assert "0.3" in answer["error"]


def test_a_crash_is_told_with_the_signal_and_the_next_attempt_works(agent: AgentProcess) -> None:
    answer = agent.ask(op="attempt", what="crash")
    assert (answer["ok"], answer["kind"]) == (False, "crashed")
    assert "SIGSEGV" in answer["error"] or "signal 11" in answer["error"]
    assert answer["partial"]["step"] == "connect"
    assert agent.ask(op="attempt")["ok"]


def test_a_defect_is_a_crash_with_its_last_words(agent: AgentProcess) -> None:
    answer = agent.ask(op="attempt", what="raise")
    assert (answer["ok"], answer["kind"]) == (False, "crashed")
    assert "it broke" in answer["error"]
    assert "exit status 1" in answer["error"]


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("this is not JSON", "JSON"),
        ("[1, 2]", "object"),
        ('{"op": "attempt"}', "id"),
        ('{"id": 5, "op": "dance"}', "dance"),
        ('{"id": 5, "op": "attempt", "deadline_s": 0}', "deadline_s"),
        ('{"id": 5, "op": "attempt", "deadline_s": "soon"}', "deadline_s"),
    ],
)
def test_a_bad_request_is_refused_with_the_reason(
    agent: AgentProcess, line: str, hint: str
) -> None:
    agent.send(line)
    answer = agent.answer()
    assert (answer["ok"], answer["kind"]) == (False, "bad-request")
    assert hint in answer["error"]


def test_a_handler_can_refuse_its_arguments(agent: AgentProcess) -> None:
    answer = agent.ask(op="attempt", what="refuse")
    assert (answer["kind"], answer["error"]) == ("bad-request", "no sense in it")


def test_the_end_of_input_ends_the_agent_and_its_attempts(agent: AgentProcess) -> None:
    agent.request(op="attempt", what="sleep", for_s=60, deadline_s=60)
    # Requests are taken in their order: with this answer the attempt before it has begun.
    agent.request(op="nothing")
    agent.answer()
    children = children_of(agent.process.pid)
    assert len(children) == 1
    assert agent.end() == 0
    assert all(gone(pid) for pid in children)


def test_sigterm_ends_the_agent(agent: AgentProcess) -> None:
    agent.process.send_signal(signal.SIGTERM)
    assert agent.process.wait(5) == 0


def children_of(pid: int) -> list[int]:
    """The processes that a process has started."""
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_an_inline_op_runs_in_the_agent_itself(python_agent: AgentProcess) -> None:
    assert python_agent.ask(op="now")["result"] == {"pid": python_agent.process.pid}


def test_an_inline_op_that_waits_does_not_hold_up_the_others(python_agent: AgentProcess) -> None:
    later = python_agent.request(op="later", for_s=0.3)
    now = python_agent.request(op="now")
    assert [python_agent.answer()["id"], python_agent.answer()["id"]] == [now, later]


def test_an_inline_op_that_waits_has_a_deadline(python_agent: AgentProcess) -> None:
    answer = python_agent.ask(op="never", deadline_s=0.2)
    assert (answer["ok"], answer["kind"]) == (False, "timed-out")


def test_a_defect_in_an_inline_op_does_not_end_the_agent(python_agent: AgentProcess) -> None:
    answer = python_agent.ask(op="broken")
    assert answer["kind"] == "crashed"
    assert "inline broke" in answer["error"]
    assert python_agent.ask(op="now")["ok"]


def test_waiting_costs_no_processor_time(agent: AgentProcess) -> None:
    agent.request(op="attempt", what="sleep", for_s=0.5)
    before = _ticks(agent.process.pid)
    agent.answer()
    used_s = (_ticks(agent.process.pid) - before) / os.sysconf("SC_CLK_TCK")
    assert used_s < 0.1


def _ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


@pytest.mark.parametrize(
    "name", ["resident.py", "python_tls.py", "python_ftp.py", "tls_client.py", "commands.py"]
)
def test_an_agent_is_written_in_the_python_of_the_oldest_client(name: str) -> None:
    # CentOS 7's python3 is 3.6.
    source = (AGENTS / name).read_text()
    assert ast.parse(source, filename=name, feature_version=(3, 6)).body
