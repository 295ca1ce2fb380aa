"""Every case can fail: without its defect, or with another expectation, it is a surprise.

A case that is green whatever happens would be worth nothing. Each is confronted here with what really
happens when its defect is not there - its twin - and with what it does not expect.
"""

from __future__ import annotations

import re
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from lab.cases import Catalogue, LoadedCase
from lab.checkout import root
from lab.expectations import Verdict, completed, judge
from lab.images import Silent
from lab.laboratory import Laboratory, open_laboratory
from lab.model import Attempt, Outcome, Reason, Result, Side, Stage
from lab.run import Finished, Job, run
from lab.stack.checkout import new_run_id
from tests.e2e.checkouts import Copy

pytestmark = pytest.mark.engine

REFUSALS = [
    case
    for case in Catalogue.load(root() / "scenarios").cases
    if case.case.expect.result is Result.REFUSED
]
#: One case for each kind of refusal; what comes only in a race may not come in one try.
KINDS = list(
    {
        (c.case.expect.by, c.case.expect.stage, c.case.expect.reason): c
        for c in REFUSALS
        if c.case.race is None
    }.values()
)


def by_id(cases: list[LoadedCase]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", cases, ids=lambda case: case.id)


@pytest.fixture(scope="module")
def laboratory(shared: Copy) -> Iterator[Laboratory]:
    with open_laboratory(shared.checkout, Silent(), new_run_id()) as opened:
        yield opened


@pytest.fixture(scope="module")
def outcomes(laboratory: Laboratory) -> dict[Attempt, Outcome]:
    """What really comes of every twin, and of one breaking attempt of each kind."""
    twins = {case.case.twin for case in REFUSALS if case.case.twin is not None}
    breaking = {case.case.attempt for case in KINDS}
    jobs = [Job(str(n), attempt) for n, attempt in enumerate(twins | breaking)]
    made: list[Finished] = []
    run(laboratory.session, jobs, made.append)
    broken = [f"{one.job.attempt}: {one.judgement.why}" for one in made if one.outcome is None]
    assert not broken, "attempts without an outcome:\n" + "\n".join(broken)
    return {one.job.attempt: one.outcome for one in made if one.outcome is not None}


@by_id(REFUSALS)
def test_a_case_turns_red_when_its_defect_is_removed(
    case: LoadedCase, outcomes: dict[Attempt, Outcome]
) -> None:
    # given what happens without the defect
    assert case.case.twin is not None
    outcome = outcomes[case.case.twin]
    # when it is judged as if the defect were there
    judgement = judge(case.case.expect, outcome)
    # then it is a surprise, and the sentence names both
    assert judgement.verdict is Verdict.SURPRISE
    assert f"expected {case.case.expect.in_words()}" in judgement.why
    assert f"it was completed ({outcome.goal})" in judgement.why


@by_id([case for case in REFUSALS if case.case.race is not None])
def test_a_race_turns_red_by_its_rate_or_by_another_refusal(
    case: LoadedCase, outcomes: dict[Attempt, Outcome]
) -> None:
    race, expect = case.case.race, case.case.expect
    assert race is not None
    assert case.case.twin is not None
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
        outcomes[case.case.twin],
        result=Result.REFUSED,
        by=Side.CLIENT,
        stage=Stage.VERIFY,
        reason=Reason.EXPIRED,
    )
    for expected in (expect, completed()):
        assert judge(expected, other).verdict is Verdict.SURPRISE


@by_id(KINDS)
def test_a_case_turns_red_when_another_refusal_is_expected(
    case: LoadedCase, outcomes: dict[Attempt, Outcome]
) -> None:
    # given what really happens, which is as expected
    outcome, expect = outcomes[case.case.attempt], case.case.expect
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


@dataclass(frozen=True)
class Change:
    """One change in the text of one case, after which exactly its breaking attempt is a surprise."""

    module: str
    case: str
    before: str
    after: str
    why: str
    """What the failure says, as a regular expression."""

    @property
    def function(self) -> str:
        return f"def {self.case}("


COMPLETED = r"seen +completed \(transfer\)"
CHANGES = [
    # the defect is removed
    Change(
        "no_public_certificate",
        "expired_certificate",
        'attempt_with("expired"',
        'attempt_with("wildcard"',
        COMPLETED,
    ),
    Change(
        "no_certificate_at_all",
        "the_option_is_not_set",
        'certificate="unset"',
        'certificate="wildcard"',
        COMPLETED,
    ),
    Change(
        "no_common_cipher_suite",
        "the_client_is_told_to_use_aes128_only",
        'with_client(ciphers="AES128")',
        'with_client(ciphers="HIGH")',
        COMPLETED,
    ),
    Change(
        "vsftpd_3_0_5",
        "triple_des_alone",
        'ciphers="DES-CBC3-SHA"',
        'ciphers="ECDHE-RSA-AES256-GCM-SHA384"',
        COMPLETED,
    ),
    Change(
        "movable_type_directives",
        "verification_switched_off",
        'certificate="self-signed"',
        'certificate="wildcard"',
        COMPLETED,
    ),
    # something else is expected
    Change(
        "anonymous_suites",
        "the_security_level_keeps_that_impostor_out",
        "NO_SHARED_CIPHER,\n        twin",
        "server_refuses(Reason.SNI_REJECTED),\n        twin",
        "the reason differs: expected sni-rejected, seen no-shared-cipher",
    ),
    Change(
        "triple_des",
        "both_halves_where_the_policy_has_neither",
        "NO_SHARED_CIPHER,\n        twin",
        "LIST_EMPTY,\n        twin",
        "the side differs: expected client, seen server",
    ),
    Change(
        "after_the_handshake",
        "no_protocol_version_in_common",
        "Reason.NO_SHARED_PROTOCOL",
        "Reason.NO_SHARED_CIPHER",
        "the reason differs: expected no-shared-cipher, seen no-shared-protocol",
    ),
    Change(
        "closed_network",
        "tls_required_for_data_alone",
        "Stage.TRANSFER",
        "Stage.LOGIN",
        "the stage differs: expected login, seen transfer",
    ),
]


def apply(change: Change, scenarios: Path) -> None:
    path = scenarios / f"{change.module}.py"
    text = path.read_text()
    begin = text.find(change.function)
    assert begin >= 0, f"{path} has no case {change.case}: adapt {Path(__file__).name}"
    end = text.find("\n@case", begin)
    end = len(text) if end < 0 else end
    body = text[begin:end]
    assert body.count(change.before) == 1, (
        f"{change.before!r} is not exactly once in {change.case}: adapt {Path(__file__).name}"
    )
    path.write_text(text[:begin] + body.replace(change.before, change.after) + text[end:])


def test_every_module_has_a_case_that_is_changed() -> None:
    modules = {path.stem for path in (root() / "scenarios").glob("[!_]*.py")}
    assert {change.module for change in CHANGES} == modules, "add a change for the new module"


def test_a_changed_scenario_fails_in_exactly_the_changed_place(
    shared: Copy, copy: Copy, tmp_path: Path
) -> None:
    # given one case of each module, for one client, with its text changed on disk
    catalogue = Catalogue.load(copy.path / "scenarios")
    wanted: dict[str, LoadedCase] = {}
    for change in CHANGES:
        apply(change, copy.path / "scenarios")
        wanted[change.case] = catalogue.select([change.case])[0]
    # when pytest runs them, on the topology that is up
    report = tmp_path / "junit.xml"
    done = copy.run_program(
        *(sys.executable, "-m", "pytest", f"--junit-xml={report}", "-p", "no:cacheprovider"),
        *nodes(copy, wanted),
        LAB_ROOT=str(shared.path),
    ).done()
    assert done.status == 1, str(done)
    results = ET.parse(report).getroot().iter("testcase")
    texts = {one.get("name", ""): "".join(e.text or "" for e in one) for one in results}
    # then the changed attempts fail and no others: twins and remedies pass
    failed = {name for name, text in texts.items() if text}
    assert failed == {item(case, "breaks") for case in wanted.values()}, str(done)
    assert set(texts) == {item(c, p.label) for c in wanted.values() for p in c.plan()}, str(done)
    # and each says what differs, and how to see it again
    for change in CHANGES:
        text = texts[item(wanted[change.case], "breaks")]
        assert re.search(change.why, text), f"{change.why!r} is not in\n{text}"
        assert "repeat       lab attempt --server" in text, text


def item(case: LoadedCase, role: str) -> str:
    """The name of a case's item in pytest."""
    return f"{case.name}[{case.label}-{role}]"


def nodes(copy: Copy, cases: dict[str, LoadedCase]) -> list[str]:
    """The items of pytest that belong to these cases."""
    return [
        f"{copy.path / 'scenarios' / case.path.name}::{item(case, planned.label)}"
        for case in cases.values()
        for planned in case.plan()
    ]
