"""A refusal that does not come every time: how often an attempt is made, and its rate judged."""

from __future__ import annotations

from dataclasses import dataclass

from lab.expectations import Judgement, Verdict


@dataclass(frozen=True)
class Race:
    """A refusal that comes in some of many tries; the others complete.

    The breaking attempt is made ``times`` times, of which at least ``least`` and at most ``most`` are
    refused as the case expects. Its twin and its remedies are made ``others`` times each, of which
    none is refused.
    """

    times: int
    least: int
    most: int | None = None
    others: int = 8

    def __post_init__(self) -> None:
        most = self.times if self.most is None else self.most
        if not 0 <= self.least <= most <= self.times or self.times < 1:
            raise ValueError(f"no rate of a race: {self.least} to {most} of {self.times} tries")

    def judge(self, refused: int) -> Judgement:
        """The verdict on a rate: how many of the tries were refused."""
        most = self.times if self.most is None else self.most
        wanted = f"{self.least} to {most} of {self.times}"
        if self.least <= refused <= most:
            why = f"refused in {refused} of {self.times} tries; expected are {wanted}"
            return Judgement(Verdict.AS_EXPECTED, why)
        why = f"the rate differs: refused in {refused} of {self.times} tries, expected {wanted}"
        return Judgement(Verdict.SURPRISE, why)
