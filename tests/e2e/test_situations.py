"""Every situation of ``tests/situations.py`` ends as it is said to end, on the real programs."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from lab.dialects import decide, hear
from lab.expectations import Verdict, judge
from lab.images import Silent
from lab.laboratory import open_laboratory
from lab.model import Reason, Result, Side
from lab.run import Finished, Job, run
from lab.stack.checkout import Checkout, new_run_id
from tests.situations import Situation, situations

pytestmark = pytest.mark.engine

#: Attempts at a time: most of those that take long wait for a limit to pass.
WORKERS = 16

ALL = situations()


#: What came of all situations, by name.
Ran = Mapping[str, Finished]


@pytest.fixture(scope="module")
def ran(images: None) -> Ran:
    """All situations, run once in one laboratory."""
    # Those that wait for a limit come first, so that the others are made meanwhile.
    ordered = sorted(ALL, key=lambda situation: not situation.waits)
    jobs = [Job(situation.name, situation.attempt) for situation in ordered]
    finished: dict[str, Finished] = {}
    with open_laboratory(Checkout.here(), Silent(), new_run_id()) as laboratory:
        run(
            laboratory.session,
            jobs,
            lambda one: finished.__setitem__(one.job.id, one),
            workers=WORKERS,
        )
    return finished


@pytest.mark.parametrize("situation", ALL, ids=lambda situation: situation.name)
def test_situation(situation: Situation, ran: Ran) -> None:
    # given
    one = ran[situation.name]

    # when it cannot be made, that is declared; when it is made, the lab did not break
    cannot = one.judgement.verdict is Verdict.CANNOT
    if cannot:
        assert situation.cannot, one.judgement.why
        return
    assert situation.expect, "it can be made, and is declared as one that cannot"
    assert one.outcome is not None, one.judgement.why

    # then it ended in one of the ways that are expected
    judgements = [judge(expected, one.outcome) for expected in situation.expect]
    assert any(j.verdict is Verdict.AS_EXPECTED for j in judgements), story(situation, one)


def test_nothing_ends_unknown_that_is_not_declared_so(ran: Ran) -> None:
    declared = {situation.name for situation in ALL if situation.undecided}
    unknown = {
        name: one
        for name, one in ran.items()
        if one.outcome is not None and one.outcome.reason is Reason.UNKNOWN
    }

    surprising = [n for n in unknown if n not in declared]
    stale = sorted(declared - set(unknown))

    assert not surprising, "\n".join(f"{n}: {unknown[n].outcome}" for n in surprising)
    assert not stale, f"declared as undecided, and decided: {stale}"


def test_every_refusal_is_decided_by_a_rule_and_by_a_side(ran: Ran) -> None:
    for name, one in ran.items():
        if one.outcome is None or one.outcome.result is Result.COMPLETED:
            continue
        assert one.evidence is not None
        observation = one.evidence.observation
        refusal = decide(observation, hear(observation))
        assert refusal is not None
        nobody = one.outcome.reason is Reason.TRUNCATED
        assert (refusal.rule is None) is nobody, name
        assert (refusal.by is Side.UNKNOWN) is nobody, name


def story(situation: Situation, one: Finished) -> str:
    """What to look at when a situation ended otherwise."""
    assert one.evidence is not None
    assert one.outcome is not None
    report = one.evidence.observation.client
    return "\n".join(
        (
            f"expected {' or '.join(str(e) for e in situation.expect)}",
            f"seen     {one.outcome.in_words()}",
            f"client   {report}",
            f"server   {one.outcome.texts.server}",
        )
    )
