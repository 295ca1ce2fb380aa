"""Every situation of ``tests/situations.py`` ends as it is said to end, on the real programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pytest
from docker import DockerClient

from lab.dialects.rules import decide, hear
from lab.model import Reason, Result, Side
from lab.model.attempt import Capability
from lab.model.expectations import Expectation, PlannedAttempt, Verdict, judge
from lab.record import AttemptResult
from lab.run.attempts import run
from lab.run.laboratory import Lab
from lab.wire.packets import Capture, CapturePolicy, pcapng
from tests.e2e.tshark import disagreements
from tests.situations import Situation, expected_in, situations

pytestmark = [pytest.mark.engine, pytest.mark.slow]

#: Attempts at a time: most of those that take long wait for a limit to pass.
WORKERS = 10

ALL = situations()


@dataclass(frozen=True)
class Ran:
    """What came of all situations."""

    finished: Mapping[str, AttemptResult]
    """By name."""
    captures: Mapping[str, Capture]
    """By name."""
    builds: Mapping[tuple[str, Capability], bool]
    """What the builds of a situation can do, by its name and the capability."""

    def expected(self, situation: Situation) -> Sequence[Expectation]:
        """How the situation may end on these builds."""
        for built in situation.built:
            if self.builds[situation.name, built.capability] is not built.lacking:
                return expected_in(built.expect)
        return situation.expect


@pytest.fixture(scope="module")
def ran(laboratory: Lab) -> Ran:
    """All situations, run once."""
    # Those that wait for a limit come first, so that the others are made meanwhile.
    ordered = sorted(ALL, key=lambda situation: not situation.waits)
    jobs = [PlannedAttempt(situation.name, situation.attempt) for situation in ordered]
    finished: dict[str, AttemptResult] = {}
    captures: dict[str, Capture] = {}

    def keep(one: AttemptResult, capture: Capture | None) -> None:
        finished[one.id] = one
        if capture is not None and one.same_as is None:
            captures[one.id] = capture

    run(laboratory.session, jobs, keep, workers=WORKERS, captures=CapturePolicy.ALL)
    builds = {
        (situation.name, built.capability): laboratory.session.has(
            situation.attempt, built.capability
        )
        for situation in ALL
        for built in situation.built
    }
    return Ran(finished, captures, builds)


@pytest.mark.parametrize("situation", ALL, ids=lambda situation: situation.name)
def test_situation(situation: Situation, ran: Ran) -> None:
    # given what is expected of these builds
    one, expect = ran.finished[situation.name], ran.expected(situation)

    # when it cannot be made, that is declared; when it is made, the lab did not break
    cannot = one.verdict is Verdict.CANNOT
    if cannot:
        assert situation.cannot, one.verdict_why
        return
    assert expect, "it can be made, and is declared as one that cannot"
    assert one.outcome is not None, one.verdict_why

    # then it ended in one of the ways that are expected
    judgements = [judge(expected, one.outcome) for expected in expect]
    assert any(j.verdict is Verdict.AS_EXPECTED for j in judgements), story(expect, one)


def test_nothing_ends_unknown_that_is_not_declared_so(ran: Ran) -> None:
    declared = {situation.name for situation in ALL if situation.undecided}
    unknown = {
        name: one
        for name, one in ran.finished.items()
        if one.outcome is not None and one.outcome.reason is Reason.UNKNOWN
    }

    surprising = [n for n in unknown if n not in declared]
    stale = sorted(declared - set(unknown))

    assert not surprising, "\n".join(f"{n}: {unknown[n].outcome}" for n in surprising)
    assert not stale, f"declared as undecided, and decided: {stale}"


def test_every_refusal_is_decided_by_a_rule_and_by_a_side(ran: Ran) -> None:
    for name, one in ran.finished.items():
        if one.outcome is None or one.outcome.result is Result.COMPLETED:
            continue
        assert one.client_report is not None
        observation = one.observation
        refusal = decide(observation, hear(observation))
        assert refusal is not None
        nobody = one.outcome.reason is Reason.TRUNCATED
        assert (refusal.rule is None) is nobody, name
        assert (refusal.by is Side.UNKNOWN) is nobody, name


def test_tshark_reads_every_capture_as_the_lab_does(
    laboratory: Lab, ran: Ran, engine: DockerClient
) -> None:
    # given every capture, with the secrets where a client gives them
    given = [
        (name, wire, pcapng(capture, name))
        for name, capture in ran.captures.items()
        if (wire := ran.finished[name].wire) is not None and not wire.missing
    ]
    assert len(given) > 1000
    assert any(wire.key_log for _, wire, _ in given)
    # when a reader that has nothing in common with the lab's reads them
    found = disagreements(engine, laboratory.images["sslscan"].tag, given)
    # then both have the same versions, suites, certificates and alerts, and who closed
    assert not found, f"{len(found)} disagreements\n" + "\n".join(found[:100])


def story(expect: Sequence[Expectation], one: AttemptResult) -> str:
    """What to look at when a situation ended otherwise."""
    assert one.client_report is not None
    assert one.outcome is not None
    report = one.observation.client
    return "\n".join(
        (
            f"expected {' or '.join(str(e) for e in expect)}",
            f"seen     {one.outcome.in_words()}",
            f"client   {report}",
            f"server   {one.observation.server.log}",
        )
    )
