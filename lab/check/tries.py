"""Attempts of a check beyond the first ones: each as often as it takes, and none twice.

Ranking and search ask for many configurations, and often for the same ones. What was made is kept by the
settings of both ends; a further question makes only the tries that are missing.

An upload over TLS 1.3 is a race for some clients (:mod:`lab.remedies.races`). So a question that is asked
thoroughly makes it many times, with files of two sizes. One that is not is asked with less patience: who
waits for an answer that never comes holds a listener until its limit.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from lab.model import Attempt, Outcome, Role
from lab.model.expectations import PlannedAttempt
from lab.record.models import AttemptResult, OwnFiles
from lab.remedies.races import may_differ, thoroughly, variants

#: So long a client waits where nobody asks thoroughly, in seconds.
PATIENCE_S = 4.0
#: So long all of ranking and search may take, in seconds; the attempts under way are waited for.
MOST_SECONDS = 240.0
#: So many attempts they may make for each client of the check.
MOST_FOR_EACH = 240

Make = Callable[[list[PlannedAttempt]], Mapping[str, AttemptResult]]


class SpentError(Exception):
    """No more attempts may be made, or no more seconds.

    Args:
        what: ``attempts`` or ``seconds``.
        most: so many there might be.
    """

    def __init__(self, what: str, most: float) -> None:
        self.what, self.most = what, f"{most:g}"
        super().__init__(f"more than {self.most} {what}")


@dataclass
class Tries:
    """What was made so far, and how much more may be."""

    make: Make
    """Makes attempts side by side; the results by id."""
    own: OwnFiles | None
    """The person's own certificates, for the record."""
    most: int
    """So many attempts may be made."""
    seconds: float = MOST_SECONDS
    made: int = 0
    _results: dict[Attempt, list[AttemptResult]] = field(default_factory=dict)
    _begun: float = field(default_factory=time.monotonic)
    _numbers: itertools.count[int] = field(default_factory=itertools.count)

    def know(self, results: Iterable[AttemptResult]) -> None:
        """Results of the check itself: they are not made again."""
        for one in results:
            self._results.setdefault(one.attempt, []).append(one)

    def know_as(self, attempt: Attempt, results: Iterable[AttemptResult]) -> None:
        """Results of an attempt that comes to the same for both ends."""
        known = self._results.setdefault(attempt, [])
        known += [one for one in results if one not in known]

    @property
    def left(self) -> int:
        """How many attempts may still be made."""
        return self.most - self.made

    def __call__(self, attempts: Iterable[Attempt], *, thorough: bool = False) -> None:
        """Make what is missing: each once, and if ``thorough`` many times what may end otherwise then.

        Raises:
            SpentError: that would be more than may be made.
        """
        wanted = list(dict.fromkeys(attempts))
        if not thorough:
            self._make((_hurried(one), 1) for one in wanted if one not in self._results)
        else:
            self._make((one, 1) for one in wanted)
            races = [
                one for one in wanted if any(may_differ(one, made) for made in self.outcomes(one))
            ]
            self._make(pair for one in races for pair in thoroughly(one))

    def of(self, attempt: Attempt) -> tuple[AttemptResult, ...]:
        """What was made of this attempt, with files of all sizes; if nothing was, then of it in a hurry."""
        made = [one for each in variants(attempt) for one in self._results.get(each, ())]
        return tuple(made or self._results.get(_hurried(attempt), ()))

    def outcomes(self, attempt: Attempt) -> tuple[Outcome, ...]:
        """What the tries came to that could be made."""
        return tuple(one.outcome for one in self.of(attempt) if one.outcome is not None)

    def _make(self, wanted: Iterable[tuple[Attempt, int]]) -> None:
        planned = [
            PlannedAttempt(
                f"try-{next(self._numbers)}", one, role=Role.REMEDY, counted=True, own=self.own
            )
            for one, times in wanted
            for _ in range(times - len(self._results.get(one, ())))
        ]
        if not planned:
            return
        if self.made + len(planned) > self.most:
            raise SpentError("attempts", self.most)
        if time.monotonic() - self._begun > self.seconds:
            raise SpentError("seconds", self.seconds)
        self.made += len(planned)
        self.know(self.make(planned).values())


def _hurried(attempt: Attempt) -> Attempt:
    return attempt.with_client(timeout_s=min(attempt.client.timeout_s, PATIENCE_S))
