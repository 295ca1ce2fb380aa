"""The search for the strongest configuration, over a made-up server whose answers follow from a table."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from lab.check.ladders import Ladder, Rung, Rungs
from lab.check.search import Answer, FoundConfiguration, Trial, search
from lab.model import Goal, Outcome, Reason, Result, Side, Stage
from lab.model.outcome import ClientReport
from lab.remedies.words import InBothLanguages

VERSION, SUITES, REUSE, MODE = range(4)
_WORDS = InBothLanguages("x", "x")


def _ladder(name: str, reasons: set[Reason], *values: str, keep: bool = False) -> Ladder:
    return Ladder(name, _WORDS, frozenset(reasons), tuple(Rung(one) for one in values), keep)


LADDERS = (
    _ladder("version", {Reason.NO_SHARED_PROTOCOL}, "1.3", "1.2", "1.1", "1.0"),
    _ladder("suites", {Reason.NO_SHARED_CIPHER, Reason.NO_SHARED_PROTOCOL}, "new", "old", "all"),
    _ladder("reuse", {Reason.SESSION_REUSE_REQUIRED, Reason.ABORTED}, "yes", "no"),
    _ladder("mode", {Reason.PLAINTEXT_PEER}, "explicit", "implicit", keep=True),
)
STRONGEST = (0, 0, 0, 0)

#: Whether a member gets through, or why not.
Member = Callable[[Rungs], Reason | None]


def needs(version: int = 0, suites: int = 0, reuse: int = 0, mode: int = 0) -> Member:
    """A member that needs a server at least so weak, with exactly this mode."""

    def answers(at: Rungs) -> Reason | None:
        if at[MODE] != mode:
            return Reason.PLAINTEXT_PEER
        if at[VERSION] < version:
            return Reason.NO_SHARED_PROTOCOL
        if at[SUITES] < suites:
            return Reason.NO_SHARED_CIPHER
        return Reason.SESSION_REUSE_REQUIRED if at[REUSE] < reuse else None

    return answers


class MadeUp:
    """Answers for members, and counts what it is asked."""

    def __init__(self, members: Mapping[str, Member]) -> None:
        self.members = members
        self.asked: set[Trial] = set()
        self.thorough: set[Trial] = set()

    def __call__(self, trials: Collection[Trial], thorough: bool) -> Mapping[Trial, Answer]:
        self.asked |= set(trials)
        self.thorough |= set(trials) if thorough else set()
        return {trial: self._answer(self.members[trial.member](trial.at)) for trial in trials}

    def _answer(self, reason: Reason | None) -> Answer:
        outcome = Outcome(
            result=Result.REFUSED if reason else Result.COMPLETED,
            goal=Goal.TRANSFER,
            by=Side.SERVER if reason else None,
            stage=Stage.HANDSHAKE if reason else None,
            reason=reason,
            report=ClientReport(failed=reason is not None, step="x"),
        )
        return Answer(reason is None, int(reason is None), 1, outcome)


def find(guards: Collection[str] = (), **members: Member) -> tuple[FoundConfiguration, MadeUp]:
    """Search over these members."""
    ask = MadeUp(members)
    found = search(
        LADDERS,
        [one for one in members if one not in guards],
        ask,
        lambda at: at,
        STRONGEST,
        guards,
    )
    return found, ask


def test_a_server_that_all_take_at_its_strongest_stays_there() -> None:
    found, ask = find(a=needs(), b=needs())
    assert found.at == STRONGEST
    assert not found.bounds
    assert {trial.at for trial in ask.asked} == {STRONGEST}


def test_only_what_a_refusal_asks_for_is_made_weaker() -> None:
    found, _ = find(a=needs(reuse=1), b=needs())
    assert found.at == (0, 0, 1, 0)
    assert [(one.option, one.stronger) for one in found.bounds] == [(REUSE, 0)]


def test_refusals_behind_each_other_are_followed_and_no_option_stays_weaker_than_needed() -> None:
    found, _ = find(a=needs(version=1, suites=1, reuse=1), b=needs(version=2))
    assert found.at == (2, 1, 1, 0)


def test_whom_one_step_stronger_would_lose_is_named_with_the_refusal() -> None:
    found, ask = find(old=needs(version=3), older_suites=needs(suites=2), new=needs())
    named = {
        one.option: [(lost.member, lost.answer.reason) for lost in one.lost] for one in found.bounds
    }
    assert named == {
        VERSION: [("old", Reason.NO_SHARED_PROTOCOL)],
        SUITES: [("older_suites", Reason.NO_SHARED_CIPHER)],
    }
    # Each was asked at exactly that configuration.
    assert Trial("old", (2, 2, 0, 0)) in ask.thorough
    assert Trial("older_suites", (3, 1, 0, 0)) in ask.thorough


def test_nobody_is_counted_as_served_who_was_not_asked_thoroughly() -> None:
    found, ask = find(a=needs(version=1), b=needs(reuse=1), c=needs())
    assert {Trial(member, found.at) for member in found.answers} <= ask.thorough


def test_the_larger_group_is_served_where_members_exclude_each_other() -> None:
    found, _ = find(a=needs(), b=needs(version=1), c=needs(mode=1, version=3))
    assert found.at == (1, 0, 0, 0)
    assert set(found.answers) == {"a", "b"}
    [excluded] = found.excluded
    assert excluded.member == "c"
    assert excluded.answer.reason is Reason.PLAINTEXT_PEER
    assert set(excluded.options) == {VERSION, MODE} | (
        {SUITES} if SUITES in excluded.options else set()
    )
    assert {one.member for one in excluded.by} == {"a", "b"}


def test_one_option_that_is_enough_is_named_alone() -> None:
    found, _ = find(a=needs(version=1), b=needs(version=1), c=needs(version=1, mode=1))
    [excluded] = found.excluded
    assert excluded.options == (MODE,)
    assert excluded.needs == (1, 0, 0, 1)


def test_a_member_that_nothing_serves_is_said_so_and_costs_the_others_nothing() -> None:
    found, _ = find(a=needs(version=1), lost=lambda _: Reason.EXPIRED)
    assert found.at == (1, 0, 0, 0)
    [excluded] = found.excluded
    assert (excluded.member, excluded.needs) == ("lost", None)
    assert excluded.answer.reason is Reason.EXPIRED


def test_a_value_in_between_is_found_where_the_weakest_does_not_serve() -> None:
    def only_old(at: Rungs) -> Reason | None:
        return None if at[SUITES] == 1 else Reason.NO_SHARED_CIPHER

    found, _ = find(a=only_old, b=needs())
    assert found.at == (0, 1, 0, 0)


def test_a_guard_that_a_client_would_break_keeps_its_configuration_away() -> None:
    def guard(at: Rungs) -> Reason | None:
        return Reason.UNKNOWN if at[VERSION] == 3 else None

    found, _ = find(
        guards=("over TLSv1",),
        **{"a": needs(version=1), "b": needs(version=3), "over TLSv1": guard},
    )
    assert found.at == (1, 0, 0, 0)
    assert set(found.answers) == {"a", "over TLSv1"}
    [excluded] = found.excluded
    assert excluded.member == "b"
    assert "over TLSv1" in {one.member for one in excluded.by}


def test_a_race_that_a_thorough_look_shows_is_no_completion() -> None:
    class Racing(MadeUp):
        def __call__(self, trials: Collection[Trial], thorough: bool) -> Mapping[Trial, Answer]:
            made = dict(super().__call__(trials, thorough))
            for trial in trials:
                racing = trial.member == "racing" and not trial.at[REUSE]
                if racing and thorough:
                    broken = self._answer(Reason.ABORTED)
                    made[trial] = Answer(good=False, completed=9, tries=12, outcome=broken.outcome)
            return made

    ask = Racing({"racing": needs(), "b": needs()})
    found = search(LADDERS, ["racing", "b"], ask, lambda at: at, STRONGEST)
    assert found.at == (0, 0, 1, 0)
    [bound] = found.bounds
    [lost] = bound.lost
    assert (lost.member, lost.answer.completed, lost.answer.tries) == ("racing", 9, 12)
