"""Every case can fail: without its defect, or with another expectation, it is a surprise.

A case that is green whatever happens would be worth nothing. Each is confronted here with what really
happens when its defect is not there - its twin - and with what it does not expect.
"""

from __future__ import annotations

import ast
import itertools
import re
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from lab.cases import Catalogue, LoadedCase
from lab.cases.declaration import PlannedAttempt
from lab.checkout import root
from lab.expectations import Verdict, completed, judge
from lab.images import Silent
from lab.model import Attempt, Outcome, Reason, Result, Side, Stage
from lab.record import AttemptResult
from lab.run.attempts import run
from lab.run.checkout import new_run_id
from lab.run.laboratory import Lab, open_lab
from tests.e2e.checkouts import Copy

pytestmark = pytest.mark.engine

REFUSALS = [
    case
    for case in Catalogue.load(root() / "scenarios").cases
    if case.case.expect.result is Result.REFUSED
]
#: One case for each kind of refusal; what comes only in a race may not come in one try, and what depends
#: on the builds may be another refusal here.
KINDS = list(
    {
        (c.case.expect.by, c.case.expect.stage, c.case.expect.reason): c
        for c in REFUSALS
        if c.case.race is None and not c.case.on_build
    }.values()
)


def by_id(cases: list[LoadedCase]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", cases, ids=lambda case: case.id)


@pytest.fixture(scope="module")
def laboratory(shared: Copy) -> Iterator[Lab]:
    with open_lab(shared.checkout, Silent(), new_run_id()) as opened:
        yield opened


@dataclass(frozen=True)
class Made:
    """What really comes of attempts."""

    finished: dict[Attempt, AttemptResult]

    def outcome(self, attempt: Attempt | None) -> Outcome:
        """What came of one; what cannot be tried on these images is a skip with its cause."""
        assert attempt is not None
        one = self.finished[attempt]
        if one.verdict is Verdict.CANNOT:
            pytest.skip(f"cannot: {one.verdict_why}")
        assert one.outcome is not None, f"{attempt}: {one.verdict_why}"
        return one.outcome


@pytest.fixture(scope="module")
def made(laboratory: Lab) -> Made:
    """Every twin, and one breaking attempt of each kind, made once."""
    attempts = {case.case.twin for case in REFUSALS} | {case.case.attempt for case in KINDS}
    jobs = [
        PlannedAttempt(str(n), attempt) for n, attempt in enumerate(attempts) if attempt is not None
    ]
    finished: list[AttemptResult] = []
    run(laboratory.session, jobs, lambda one, _: finished.append(one))
    return Made({one.attempt: one for one in finished})


@by_id(REFUSALS)
def test_a_case_turns_red_when_its_defect_is_removed(case: LoadedCase, made: Made) -> None:
    # given what happens without the defect
    outcome = made.outcome(case.case.twin)
    # when it is judged as if the defect were there
    judgement = judge(case.case.expect, outcome)
    # then it is a surprise, and the sentence names both
    assert judgement.verdict is Verdict.SURPRISE
    assert f"expected {case.case.expect.in_words()}" in judgement.why
    assert f"it was completed ({outcome.goal})" in judgement.why


@by_id([case for case in REFUSALS if case.case.race is not None])
def test_a_race_turns_red_by_its_rate_or_by_another_refusal(case: LoadedCase, made: Made) -> None:
    race, expect = case.case.race, case.case.expect
    assert race is not None
    # given a rate that the case does not expect: below its least, above its most
    most = race.times if race.most is None else race.most
    for refused in (race.least - 1, most + 1):
        if 0 <= refused <= race.times:
            # then it is a surprise, and the rate is named
            rate = race.judge(refused)
            assert rate.verdict is Verdict.SURPRISE
            assert f"refused in {refused} of {race.times} tries" in rate.why
    # and a try that ends in any other refusal is one, also where a completed one is not
    other = replace(
        made.outcome(case.case.twin),
        result=Result.REFUSED,
        by=Side.CLIENT,
        stage=Stage.VERIFY,
        reason=Reason.EXPIRED,
    )
    for expected in (expect, completed()):
        assert judge(expected, other).verdict is Verdict.SURPRISE


@by_id(KINDS)
def test_a_case_turns_red_when_another_refusal_is_expected(case: LoadedCase, made: Made) -> None:
    # given what really happens, which is as expected
    outcome, expect = made.outcome(case.case.attempt), case.case.expect
    assert judge(expect, outcome).verdict is Verdict.AS_EXPECTED, judge(expect, outcome).why
    # when any other side, stage or reason of the vocabulary is expected
    for label, seen, others in (
        ("side", outcome.by, [(s, replace(expect, by=s)) for s in Side]),
        ("stage", outcome.stage, [(s, replace(expect, stage=s)) for s in Stage]),
        ("reason", outcome.reason, [(r, replace(expect, reason=r)) for r in Reason]),
    ):
        for word, changed in others:
            if word is not seen:
                # then exactly that is named
                judgement = judge(changed, outcome)
                why = f"the {label} differs: expected {word}, seen {seen}"
                assert (judgement.verdict, judgement.why) == (Verdict.SURPRISE, why)
    # and when its user reads another sentence
    judgement = judge(replace(expect, message="Something else."), outcome)
    assert judgement.verdict is Verdict.SURPRISE
    assert "the message differs: expected 'Something else.'" in judgement.why


# -- the whole way: a scenario that is changed on disk, under pytest ---------------------------------


#: A refusal that comes of no case.
ANOTHER = "refused(by=Side.SERVER, at=Stage.GREETING, because=Reason.NOT_FTP)"
IMPORTS = """
from lab.expectations import refused
from lab.model import Reason, Side, Stage
"""
#: Defects that are removed: module, case, the text that makes it break, and one that does not.
REMOVED = {
    "no_public_certificate": (
        "expired_certificate",
        'attempt_with("expired"',
        'attempt_with("wildcard"',
    ),
    "no_certificate_at_all": (
        "the_option_is_not_set",
        'certificate="unset"',
        'certificate="wildcard"',
    ),
    "no_common_cipher_suite": (
        "the_client_is_told_to_use_aes128_only",
        'with_client(ciphers="AES128")',
        'with_client(ciphers="HIGH")',
    ),
    "vsftpd_3_0_5": (
        "triple_des_alone",
        'ciphers="DES-CBC3-SHA"',
        'ciphers="ECDHE-RSA-AES256-GCM-SHA384"',
    ),
}


@dataclass(frozen=True)
class Change:
    """One change in the text of one case, after which exactly its first attempt is a surprise."""

    case: LoadedCase
    begin: int
    end: int
    text: str
    """What stands from ``begin`` to ``end`` afterwards."""
    says: str
    """What the failure says then, as a regular expression."""

    def apply(self) -> None:
        text = self.case.path.read_text()
        self.case.path.write_text(text[: self.begin] + self.text + text[self.end :])


def change_in(module: str, cases: list[LoadedCase]) -> Change:
    """The change in a module: its defect is removed or, where none is named, something else expected."""
    if module in REMOVED:
        name, before, after = REMOVED[module]
        case = next(c for c in cases if c.name == name)
        body = re.search(rf"^def {name}\(.*?(?=^@|\Z)", case.path.read_text(), re.M | re.S)
        assert body, f"no function {name} in {case.path}: adapt {Path(__file__).name}"
        assert body[0].count(before) == 1, f"{before} is not once in {name}: adapt the test"
        begin = body.start() + body[0].index(before)
        return Change(case, begin, begin + len(before), after, r"seen +completed \(transfer\)")
    text = cases[0].path.read_text()
    places = {c.name: expectation_in(text, c.name) for c in cases if c.case.race is None}
    ordinary = [c for c in cases if places.get(c.name)]
    case = next((c for c in ordinary if c.case.expect.result is Result.REFUSED), ordinary[0])
    place = places[case.name]
    assert place is not None
    begin, end = place
    says = r"expected +refused by the server at greeting: not-ftp"
    return Change(case, begin, end, ANOTHER, says)


def expectation_in(text: str, name: str) -> tuple[int, int] | None:
    """Where the second argument of ``Case(attempt, expectation, ...)`` stands in a case function.

    ``None``: the function leaves the case to another one.
    """
    functions = (n for n in ast.parse(text).body if isinstance(n, ast.FunctionDef))
    function = next(n for n in functions if n.name == name)
    calls = [n for n in ast.walk(function) if isinstance(n, ast.Call) and len(n.args) > 1]
    made = (n for n in calls if isinstance(n.func, ast.Name) and n.func.id == "Case")
    call = next(made, None)
    if call is None:
        return None
    starts = [0, *itertools.accumulate(len(line.encode()) for line in text.splitlines(True))]
    expectation = call.args[1]
    assert expectation.end_lineno and expectation.end_col_offset is not None  # noqa: PT018
    begin = starts[expectation.lineno - 1] + expectation.col_offset
    end = starts[expectation.end_lineno - 1] + expectation.end_col_offset
    # ast counts in bytes
    return len(text.encode()[:begin].decode()), len(text.encode()[:end].decode())


def test_a_changed_scenario_fails_in_exactly_the_changed_place(
    shared: Copy, copy: Copy, tmp_path: Path
) -> None:
    # given one case of each module, for one client, with its text changed on disk
    modules: dict[str, list[LoadedCase]] = {}
    for case in Catalogue.load(copy.path / "scenarios").cases:
        modules.setdefault(case.path.stem, []).append(case)
    changes = [change_in(module, cases) for module, cases in modules.items()]
    for change in changes:
        change.apply()
        with change.case.path.open("a") as module:
            module.write(IMPORTS)
    # when pytest runs them, on the topology that is up
    report = tmp_path / "junit.xml"
    wanted = {item(c.case, p.label): c for c in changes for p in c.case.plan()}
    done = copy.run_program(
        *(sys.executable, "-m", "pytest", f"--junit-xml={report}", "-p", "no:cacheprovider"),
        *(f"{c.case.path}::{name}" for name, c in wanted.items()),
        LAB_ROOT=str(shared.path),
    ).done()
    assert done.status == 1, str(done)
    results: dict[str, tuple[str, str]] = {}
    for one in ET.parse(report).getroot().iter("testcase"):
        said = [(e.tag, e.text or "") for e in one if e.tag in {"failure", "error", "skipped"}]
        results[one.get("name", "")] = said[0] if said else ("passed", "")
    assert set(results) == set(wanted), str(done)
    # then the changed attempts fail and no others: twins and remedies pass
    first = {item(c.case, c.case.plan()[0].label): c for c in changes}
    failed = {name for name, (result, _) in results.items() if result in {"failure", "error"}}
    cannot = {name for name, (result, _) in results.items() if result == "skipped"}
    assert failed == set(first) - cannot, str(done)
    assert len(failed) >= len(REMOVED), str(done)
    # and each says what differs, and how to see it again
    for name in failed:
        result, text = results[name]
        assert result == "failure", text
        assert re.search(first[name].says, text), f"{first[name].says!r} is not in\n{text}"
        assert "repeat       lab attempt --server" in text, text


def item(case: LoadedCase, role: str) -> str:
    """The name of a case's item in pytest."""
    return f"{case.name}[{case.label}-{role}]"
