"""The same cases many times: does any outcome flip that is not declared a race?"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from lab.cases import LoadedCase
from lab.images import Progress
from lab.model import Role
from lab.record import AttemptResult, RunRecord
from lab.run.checkout import Checkout, new_run_id
from lab.run.laboratory import open_lab
from lab.run.recording import conduct_in


@dataclass(frozen=True)
class Soaked:
    """What came of so many rounds."""

    rounds: int
    attempts: int
    flips: Mapping[str, Mapping[str, int]]
    """By attempt: how often each outcome came, where there is more than one."""
    surprises: Mapping[str, int]
    """By attempt or case: in how many rounds it was not as expected."""

    @property
    def steady(self) -> bool:
        """Whether nothing flipped and nothing was unexpected."""
        return not self.flips and not self.surprises

    def in_words(self) -> str:
        """What came of it, a line for each finding."""
        lines = [f"{self.rounds} rounds, {self.attempts} attempts: {len(self.flips)} flips"]
        for attempt, outcomes in self.flips.items():
            lines.append(f"  {attempt}")
            lines += [f"    {number:>4} x {words}" for words, number in outcomes.items()]
        lines += [
            f"  not as expected in {number} rounds: {name}"
            for name, number in self.surprises.items()
        ]
        return "\n".join(lines)


def soak(
    cases: Sequence[LoadedCase],
    rounds: int,
    progress: Progress,
    after_round: Callable[[int, RunRecord], None],
) -> Soaked:
    """Run ``cases`` so many times in one laboratory.

    The breaking attempts of declared races may differ from round to round; of everything else each
    round must show the same. The record of a round in which all was as expected is not kept.
    """
    checkout = Checkout.here()
    seen: dict[str, Counter[str]] = {}
    surprises: Counter[str] = Counter()
    attempts = 0
    with open_lab(checkout, progress, new_run_id()) as laboratory:
        for number in range(1, rounds + 1):
            conducted = conduct_in(laboratory, cases, new_run_id())
            record = conducted.record
            attempts += len(record.attempts)
            for attempt in record.attempts:
                if attempt.otherwise is None or attempt.role is not Role.BREAKS:
                    seen.setdefault(attempt.id, Counter())[_words(attempt)] += 1
            unexpected = _unexpected(record)
            surprises.update(unexpected)
            if not unexpected:
                shutil.rmtree(conducted.path.parent)
            after_round(number, record)
    flips = {name: dict(found) for name, found in seen.items() if len(found) > 1}
    return Soaked(rounds, attempts, flips, dict(surprises))


def _words(attempt: AttemptResult) -> str:
    return attempt.outcome.in_words() if attempt.outcome else attempt.verdict_why


def _unexpected(record: RunRecord) -> list[str]:
    bad = ("surprise", "lab-error")
    attempts = [a.id for a in record.attempts if a.verdict in bad]
    races = [c.id for c in record.cases if c.verdict in bad and not set(c.attempts) & set(attempts)]
    return [*attempts, *races]
