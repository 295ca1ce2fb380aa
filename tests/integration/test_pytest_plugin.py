"""What pytest says of cases. The attempts are made up; pytest and its plug-in are real."""

from __future__ import annotations

import json
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from lab.host.checkout import root

#: Runs pytest on one scenario module; what comes of its attempts is made up, by the end of their names.
PROGRAM = """
import datetime, json, sys
from pathlib import Path

import pytest

from lab.run import pytest_items, results
from lab.model.expectations import Judgement, Verdict, judge
from lab.model import Goal, Outcome, Reason, Result, Side, Stage
from lab.model.outcome import FalseSuccess
from lab.record import AttemptResult, RunRecord
from lab.run.results import Conducted

NOW = datetime.datetime(2031, 5, 17, tzinfo=datetime.UTC)
OUTCOMES = {
    "completed": Outcome(result=Result.COMPLETED, goal=Goal.TRANSFER),
    "truncated": Outcome(
        result=Result.FALSE_SUCCESS, goal=Goal.TRANSFER, by=Side.UNKNOWN, stage=Stage.TRANSFER,
        reason=Reason.TRUNCATED, false_success=FalseSuccess(program="x", size=9, stored=3)),
}
said = json.loads(sys.argv[1])


def record(planned):
    word = next(word for end, word in said.items() if planned.id.endswith(end))
    outcome = OUTCOMES.get(word)
    judgement = Judgement(Verdict(word), "the cause") if outcome is None else judge(
        planned.otherwise if planned.otherwise and word == "completed" else planned.expect, outcome)
    return AttemptResult(
        id=planned.id, case=planned.case_id, role=planned.role, server=planned.attempt.server,
        client=planned.attempt.client, expectation=planned.expect, otherwise=planned.otherwise,
        outcome=outcome, verdict=judgement.verdict, verdict_why=judgement.why, started=NOW)


def conduct(cases, only):
    records = {p.id: record(p) for case in cases for p in case.plan() if p.id in only}
    run = RunRecord(
        run_id="made-up", lab_version="0", started=NOW, complete=True,
        attempts=tuple(records.values()),
        cases=tuple(results.case_record(case, records) for case in cases))
    return Conducted(run, Path("record.json"))


pytest_items.conduct = conduct
sys.exit(pytest.main(["-p", "no:cacheprovider", "--assert=plain", *sys.argv[2:]]))
"""
MODULE = "scenarios/movable_type/after_the_handshake.py"
RACE = f"{MODULE}::silently_truncated[net-ftp@rocky9:DEFAULT"
ORDINARY = f"{MODULE}::the_passive_address_is_wrong[net-ftp@centos7"


class Items:
    """What pytest made of the selected items."""

    def __init__(self, done: subprocess.CompletedProcess[str], report: Path) -> None:
        self.status, self.text = done.returncode, done.stdout + done.stderr
        self.results: dict[str, tuple[str, str]] = {}
        for one in ET.parse(report).getroot().iter("testcase"):
            said = [(e.tag, e.text or "") for e in one if e.tag in {"failure", "error", "skipped"}]
            role = one.get("name", "").rpartition("-")[2].rstrip("]")
            self.results[role] = said[0] if said else ("passed", "")


def run(tmp_path: Path, said: dict[str, str], *items: str) -> Items:
    report = tmp_path / "junit.xml"
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps(said), f"--junit-xml={report}", *items],
        cwd=root(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert report.exists(), done.stdout + done.stderr
    return Items(done, report)


def of(node: str, *roles: str) -> list[str]:
    return [f"{node}-{role}]" for role in roles]


def test_each_verdict_is_told_apart(tmp_path: Path) -> None:
    # given attempts of which one is a surprise, one could not be made, and one broke the lab
    said = {"/breaks": "completed", "/twin": "lab-error", "/remedy-1": "cannot"}
    # when
    items = run(tmp_path, said, *of(ORDINARY, "breaks", "twin", "remedy-1"))
    # then only the surprise is a failure; what the lab could not do is an error
    assert {name: result for name, (result, _) in items.results.items()} == {
        "breaks": "failure",
        "twin": "error",
        "1": "skipped",
    }
    assert items.status == 1
    # and the surprise says what differs and how to repeat it
    text = items.results["breaks"][1]
    assert "seen         completed (transfer)" in text
    assert "repeat       lab attempt --server vsftpd" in text
    assert "Traceback" not in items.text
    # and each is counted once
    assert "0 as-expected, 1 surprise, 1 cannot, 1 lab-error" in items.text
    assert "record: record.json" in items.text


@pytest.mark.parametrize(("tries", "result"), [("completed", "failure"), ("truncated", "passed")])
def test_a_race_is_judged_by_its_rate(tmp_path: Path, tries: str, result: str) -> None:
    # when the rate alone is asked for: its tries are made
    items = run(tmp_path, {"": tries}, *of(RACE, "rate"))
    # then a race in which nothing is refused is a failure, although each try may complete
    assert items.results["rate"][0] == result, items.text
    if result == "failure":
        assert "the rate differs: false success in 0 of" in items.results["rate"][1]


def test_a_try_that_completes_is_no_failure(tmp_path: Path) -> None:
    items = run(tmp_path, {"": "completed"}, *of(RACE, "breaks-01", "breaks-02", "twin-1"))
    assert [result for result, _ in items.results.values()] == ["passed"] * len(items.results)
    assert items.status == 0, items.text


def test_a_run_without_cases_loads_nothing_of_the_lab(tmp_path: Path) -> None:
    # given somebody else's tests, in the environment in which the lab is installed
    (tmp_path / "test_other.py").write_text(
        "import sys\n\n\ndef test_other():\n"
        "    assert sorted(n for n in sys.modules if n.split('.')[0] in ('lab', 'docker', 'pydantic'))"
        " == ['lab', 'lab.pytest_plugin']\n"
    )
    # when they are run
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path)],
        cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    # then the plug-in is there, and nothing else
    assert done.returncode == 0, done.stdout + done.stderr
