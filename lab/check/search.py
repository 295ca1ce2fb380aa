"""The search for the strongest configuration: over the rungs of a server's ladders, by asking.

Nothing acts here. Who asks (:data:`Ask`) makes the attempts, so that the search is the same over a real
server and over a made-up one. It has four parts:

1. *Each member alone.* From the strongest configuration, an option is made weaker only for a reason of a
   refusal that asks for it, and as strong again afterwards as this member allows.
2. *All together.* The weakest that any member needs, of each option. Where that loses one, the members
   exclude each other, and the configuration that serves most of them counts.
3. *Tightened.* Each option by itself, as strong as nobody is lost by, until no single one can be stronger.
4. *Proven.* Enough tries of every member at the end, and of whoever one step stronger would lose.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from lab.check.ladders import Ladder, Rungs
from lab.model import Outcome, Reason

#: So often a member that is refused is asked again with weaker options: refusals come one behind the other.
MOST_ROUNDS = 6
#: So many members are asked at first who excludes another one.
MOST_NAMED = 3


@dataclass(frozen=True)
class Trial:
    """A member at a configuration."""

    member: str
    at: Rungs


@dataclass(frozen=True)
class Answer:
    """What came of the tries of one trial."""

    good: bool
    """Whether every try ended as it must."""
    completed: int
    tries: int
    outcome: Outcome | None
    """Of the first try that did not end as it must, else of the first; ``None``: none could be made."""

    @property
    def reason(self) -> Reason | None:
        """Of a refusal: why."""
        return self.outcome.reason if self.outcome is not None else None


#: Makes the trials, each often enough to rule out a race if ``thorough``.
Ask = Callable[[Collection[Trial], bool], Mapping[Trial, Answer]]


@dataclass(frozen=True)
class Lost:
    """A member that a configuration would lose."""

    member: str
    answer: Answer


@dataclass(frozen=True)
class Bound:
    """Why an option is not one step stronger."""

    option: int
    """The number of its ladder."""
    stronger: int
    """The rung that was tried."""
    lost: tuple[Lost, ...]


@dataclass(frozen=True)
class Excluded:
    """A member that the configuration does not serve."""

    member: str
    answer: Answer
    """What came of it at the configuration that was found."""
    needs: Rungs | None = None
    """A configuration that serves it; ``None``: none of these options does."""
    options: tuple[int, ...] = ()
    """The ladders in which that one differs, as far as it matters to this member."""
    by: tuple[Lost, ...] = ()
    """Who would be lost there: the first of them."""


@dataclass(frozen=True)
class FoundConfiguration:
    """What a search came to."""

    at: Rungs
    answers: Mapping[str, Answer]
    """Of every member that is served, what came of it, thoroughly."""
    bounds: tuple[Bound, ...]
    """Of every option that is not at its strongest and could be."""
    excluded: tuple[Excluded, ...] = ()
    needs: Mapping[str, Rungs] = field(default_factory=dict)
    """What each member needs by itself."""


def search(
    ladders: Sequence[Ladder],
    members: Sequence[str],
    ask: Ask,
    canonical: Callable[[Rungs], Rungs],
    strongest: Rungs,
    guards: Collection[str] = (),
) -> FoundConfiguration:
    """Find the strongest configuration that serves all members, or most of them.

    Args:
        ladders: the options.
        members: who must be served.
        ask: makes attempts.
        canonical: the rungs that say what a configuration is, of those that come to the same.
        strongest: where the search begins.
        guards: members that must be refused. No stronger configuration lets one in whom a weaker one refuses.

    What ``ask`` raises ends the search.
    """
    everybody = (*members, *sorted(guards))
    return _Search(ladders, everybody, ask, canonical, strongest, frozenset(guards)).found()


@dataclass(frozen=True)
class _Search:
    _ladders: Sequence[Ladder]
    _members: Sequence[str]
    _ask: Ask
    _canonical: Callable[[Rungs], Rungs]
    _strongest: Rungs
    _guards: frozenset[str]

    def found(self) -> FoundConfiguration:
        needs, last = self._alone()
        served = [one for one in self._members if one in needs]
        at = self._together(served, needs) if served else self._strongest
        at, answers = self._proven(at, served, needs)
        kept = [one for one in self._members if one in answers and answers[one].good]
        at, bounds = self._tightened(at, kept)
        answers = self._asked(at, kept, thorough=True)
        gone = [one for one in self._members if one not in kept]
        excluded = tuple(self._excluded(one, at, kept, needs.get(one), last) for one in gone)
        return FoundConfiguration(at, answers, bounds, excluded, needs)

    # -- each alone ------------------------------------------------------------------------------

    def _alone(self) -> tuple[dict[str, Rungs], dict[str, Answer]]:
        """What each member needs by itself; of those whom nothing serves, what came of them last."""
        at = dict.fromkeys(self._members, self._strongest)
        last = self._each(at)
        for _ in range(MOST_ROUNDS):
            eased = {
                member: weaker
                for member, answer in last.items()
                if not answer.good
                and member not in self._guards
                and (weaker := self._eased(at[member], answer)) is not None
            }
            if not eased:
                break
            at |= eased
            last |= self._each(eased)
        unserved = {m: at[m] for m, answer in last.items() if not answer.good}
        for member, found in self._by_one_option(unserved, last):
            at[member], last[member] = found
        needs = {member: at[member] for member, answer in last.items() if answer.good}
        return self._tightened_alone(needs), last

    def _each(self, at: Mapping[str, Rungs]) -> dict[str, Answer]:
        made = self._ask([Trial(*one) for one in at.items()], True)
        return {member: made[Trial(member, rungs)] for member, rungs in at.items()}

    def _eased(self, at: Rungs, answer: Answer) -> Rungs | None:
        """The weakest value of every option that the refusal asks for; ``None``: they have it."""
        weaker = tuple(
            len(ladder.rungs) - 1 if answer.reason in ladder.eased_by else rung
            for ladder, rung in zip(self._ladders, at, strict=True)
        )
        eased = self._canonical(weaker)
        return eased if eased != at else None

    def _by_one_option(
        self, unserved: Mapping[str, Rungs], last: Mapping[str, Answer]
    ) -> Iterator[tuple[str, tuple[Rungs, Answer]]]:
        """Members whom the weakest values do not serve, and a single value in between does."""
        trials = {
            member: [
                Trial(member, rungs)
                for option, rung in enumerate(eased)
                if rung != self._strongest[option]
                for rungs in self._others(self._strongest, option)
            ]
            for member, eased in unserved.items()
            if member not in self._guards and last[member].outcome is not None
        }
        made = self._ask([one for each in trials.values() for one in each], True)
        for member, each in trials.items():
            good = next((one for one in each if made[one].good), None)
            if good is not None:
                yield member, (good.at, made[good])

    def _others(self, at: Rungs, option: int) -> Iterator[Rungs]:
        """The configuration with every other value of an option, the strongest first."""
        for rung in range(len(self._ladders[option].rungs)):
            other = self._canonical(_with(at, option, rung))
            if other != at:
                yield other

    def _stronger(self, at: Rungs, option: int) -> list[Rungs]:
        """The configuration with every stronger value of an option that changes it, the strongest first."""
        made = (_with(at, option, rung) for rung in range(at[option]))
        return [one for one in made if self._canonical(one) == one]

    def _tightened_alone(self, needs: dict[str, Rungs]) -> dict[str, Rungs]:
        """The same, each option as strong as the one member allows."""
        # Twice: the newest version, once it is as new again, lets the oldest one be newer.
        for option in (*range(len(self._ladders)),) * 2:
            candidates = {
                member: [*self._stronger(rungs, option), rungs] for member, rungs in needs.items()
            }
            needs = self._first_good(candidates)
        return needs

    def _first_good(self, candidates: Mapping[str, Sequence[Rungs]]) -> dict[str, Rungs]:
        """By member the first of its configurations that serves it; the last is known to."""
        left = {member: list(each) for member, each in candidates.items()}
        quick = self._ask([Trial(m, one) for m, each in left.items() for one in each[:-1]], False)
        for member, each in left.items():
            left[member] = [one for one in each[:-1] if quick[Trial(member, one)].good] + each[-1:]
        while any(len(each) > 1 for each in left.values()):
            first = [Trial(m, each[0]) for m, each in left.items() if len(each) > 1]
            made = self._ask(first, True)
            for trial in first:
                each = left[trial.member]
                left[trial.member] = each[:1] if made[trial].good else each[1:]
        return {member: each[0] for member, each in left.items()}

    # -- all together ----------------------------------------------------------------------------

    def _together(self, served: Sequence[str], needs: Mapping[str, Rungs]) -> Rungs:
        """The weakest that anybody needs; where that loses somebody, what the largest group of them takes."""
        for group in self._groups(served, needs):
            at = self._weakest(needs[one] for one in group)
            answers = self._asked(at, (*group, *self._guards.intersection(served)), thorough=False)
            if all(answer.good for answer in answers.values()):
                return at
        return self._strongest

    def _groups(self, served: Sequence[str], needs: Mapping[str, Rungs]) -> list[tuple[str, ...]]:
        """All; those who need the same of an option, or no more than that; each alone: the largest first."""
        groups = [tuple(served)]
        for option in range(len(self._ladders)):
            for rung in range(len(self._ladders[option].rungs)):
                groups += [
                    tuple(one for one in served if needs[one][option] == rung),
                    tuple(one for one in served if needs[one][option] <= rung),
                ]
        groups += [(one,) for one in served]
        found = [one for one in dict.fromkeys(groups) if set(one) - self._guards]
        return sorted(found, key=len, reverse=True)

    def _weakest(self, each: Iterable[Rungs]) -> Rungs:
        return self._canonical(tuple(map(max, zip(*each, strict=True))))

    def _asked(self, at: Rungs, members: Iterable[str], *, thorough: bool) -> dict[str, Answer]:
        members = list(members)
        made = self._ask([Trial(one, at) for one in members], thorough)
        return {one: made[Trial(one, at)] for one in members}

    def _proven(
        self, at: Rungs, served: Sequence[str], needs: Mapping[str, Rungs]
    ) -> tuple[Rungs, dict[str, Answer]]:
        """Enough tries of everybody; whom a race loses gets what its refusal asks for, if all take that."""
        answers = self._asked(at, served, thorough=True)
        for _ in range(MOST_ROUNDS):
            racing = [a for m, a in answers.items() if not a.good and a.completed and m in needs]
            eased = [one for answer in racing if (one := self._eased(at, answer)) is not None]
            if not eased:
                break
            weaker = self._weakest([at, *eased])
            made = self._asked(weaker, served, thorough=True)
            if sum(a.good for a in made.values()) <= sum(a.good for a in answers.values()):
                break
            at, answers = weaker, made
        return at, answers

    # -- tightened -------------------------------------------------------------------------------

    def _tightened(self, at: Rungs, kept: Sequence[str]) -> tuple[Rungs, tuple[Bound, ...]]:
        """Each option as strong as nobody is lost by, and of each whom one step more would lose."""
        while True:
            before = at
            for option in range(len(self._ladders)):
                at = self._as_strong_as_all_take(at, option, kept)
            if at != before:
                continue
            bounds = tuple(self._bounds(at, kept))
            idle = next((one for one in bounds if not one.lost), None)
            if idle is None:
                return at, bounds
            # What was lost at a quick look was a race that has nothing to do with the option.
            at = _with(at, idle.option, idle.stronger)

    def _as_strong_as_all_take(self, at: Rungs, option: int, kept: Sequence[str]) -> Rungs:
        stronger = self._stronger(at, option)
        quick = self._ask([Trial(one, rungs) for rungs in stronger for one in kept], False)
        for rungs in stronger:
            if not all(quick[Trial(one, rungs)].good for one in kept):
                continue
            if all(a.good for a in self._asked(rungs, kept, thorough=True).values()):
                return rungs
        return at

    def _bounds(self, at: Rungs, kept: Sequence[str]) -> Iterator[Bound]:
        steps = {o: each[-1] for o in range(len(at)) if (each := self._stronger(at, o))}
        quick = self._ask([Trial(one, rungs) for rungs in steps.values() for one in kept], False)
        for option, rungs in steps.items():
            hasty = [one for one in kept if not quick[Trial(one, rungs)].good]
            lost = self._lost(rungs, hasty) or self._lost(rungs, kept)
            yield Bound(option, rungs[option], lost)

    def _lost(self, at: Rungs, members: Iterable[str]) -> tuple[Lost, ...]:
        return _lost_of(self._asked(at, members, thorough=True))

    # -- who is not served -----------------------------------------------------------------------

    def _excluded(
        self,
        member: str,
        at: Rungs,
        kept: Sequence[str],
        needs: Rungs | None,
        last: Mapping[str, Answer],
    ) -> Excluded:
        """Why a member is not served: nothing serves it, or it excludes others."""
        if needs is None:
            return Excluded(member, last[member])
        answer = self._asked(at, [member], thorough=False)[member]
        differing = [option for option in range(len(at)) if at[option] != needs[option]]
        single = [(o, self._canonical(_with(at, o, needs[o]))) for o in differing]
        quick = self._ask([Trial(member, rungs) for _, rungs in single], False)
        enough = next(((o, rungs) for o, rungs in single if quick[Trial(member, rungs)].good), None)
        options, there = ((enough[0],), enough[1]) if enough else (tuple(differing), needs)
        # Of many that are lost there some are enough: most of them wait for a limit, one after the other.
        others = self._asked(there, kept[:MOST_NAMED], thorough=False)
        by = _lost_of(others) or _lost_of(self._asked(there, kept[MOST_NAMED:], thorough=False))
        return Excluded(member, answer, there, options, by)


def _lost_of(answers: Mapping[str, Answer]) -> tuple[Lost, ...]:
    return tuple(Lost(member, answer) for member, answer in answers.items() if not answer.good)


def _with(at: Rungs, option: int, rung: int) -> Rungs:
    return (*at[:option], rung, *at[option + 1 :])
