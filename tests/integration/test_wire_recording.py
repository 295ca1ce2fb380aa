"""Agents that keep the secrets of the attempts that they start."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agent_process import AGENTS, AgentProcess, running

_PYTHON = f"""
import os, subprocess, sys
sys.path.insert(0, {str(AGENTS)!r})
from resident import ResidentAgent

def attempt(request, progress):
    place = os.environ.get("SSLKEYLOGFILE", "")
    if request.get("writes"):
        subprocess.run(["sh", "-c", 'echo "$0" >> "$SSLKEYLOGFILE"', "first"], check=True)
        with open(place, "a") as file:
            file.write("second\\n")
    return {{"failed": False, "step": "quit", "place": place}}

ResidentAgent("demo", {{}}, forked={{"attempt": attempt}}).run()
"""

_PERL = f"""
use lib '{AGENTS}';
use Resident;

sub attempt {{
    my ($request) = @_;
    my $place = $ENV{{SSLKEYLOGFILE}} // '';
    if ($request->{{writes}}) {{
        system 'sh', '-c', 'echo "$0" >> "$SSLKEYLOGFILE"', 'first';
        open my $file, '>>', $place or die $!;
        print {{$file}} "second\\n";
    }}
    return {{ failed => JSON::PP::false, step => 'quit', place => $place }};
}}

Resident->new(name => 'demo', versions => {{}}, forked => {{ attempt => \\&attempt }})->run;
"""


@pytest.fixture(
    params=[
        "python",
        pytest.param(
            "perl",
            marks=pytest.mark.skipif(not shutil.which("perl"), reason="this machine has no perl"),
        ),
    ]
)
def agent(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[AgentProcess]:
    monkeypatch.delenv("SSLKEYLOGFILE", raising=False)
    argv = [sys.executable, "-c", _PYTHON] if request.param == "python" else ["perl", "-e", _PERL]
    with running(argv) as process:
        yield process


def test_an_attempt_and_what_it_starts_can_write_their_secrets(agent: AgentProcess) -> None:
    result = agent.ask(op="attempt", key_log=True, writes=True)["result"]
    assert result["key_log"] == "first\nsecond\n"
    # in a file of its own, of which nothing is left
    assert not Path(result["place"]).exists()
    assert agent.ask(op="attempt", key_log=True)["result"]["key_log"] == ""


def test_who_is_not_asked_for_secrets_writes_none(agent: AgentProcess) -> None:
    for asked in ({}, {"key_log": False}):
        result = agent.ask(op="attempt", **asked)["result"]
        assert "key_log" not in result
        assert result["place"] == ""


def test_a_key_log_of_the_attempts_own_is_left_alone(agent: AgentProcess, tmp_path: Path) -> None:
    own = tmp_path / "own"
    result = agent.ask(
        op="attempt", key_log=True, writes=True, environment={"SSLKEYLOGFILE": str(own)}
    )["result"]
    assert "key_log" not in result
    assert own.read_text() == "first\nsecond\n"


def test_a_descriptor_is_watched_in_the_resident_process() -> None:
    program = f"""
import os, sys
sys.path.insert(0, {str(AGENTS)!r})
from resident import ResidentAgent

out, into = os.pipe()
seen = []
ResidentAgent("demo", {{}}, readable={{out: lambda: seen.append(os.read(out, 9).decode())}}, inline={{
    "write": lambda request: {{"n": os.write(into, b"x")}},
    "seen": lambda request: {{"seen": list(seen)}},
}}).run()
"""
    with running([sys.executable, "-c", program]) as process:
        assert process.ask(op="write")["result"] == {"n": 1}
        for _ in range(100):
            seen = process.ask(op="seen")["result"]["seen"]
            if seen:
                break
        assert seen == ["x"]
