"""What a check finds out beside its rows: the remedies ranked, and the strongest configuration.

Both are made in the laboratory in which the rows were made, and share what was tried. These attempts are in
no record: there are many, and what counts of them is said.
"""

from __future__ import annotations

from collections.abc import Sequence

from lab.check.form import WantedStrongest
from lab.check.plan import CheckPlan
from lab.check.ranking import ranked
from lab.check.result import RankedRemedy, Row, Strongest
from lab.check.strongest import Demanded, strongest
from lab.check.tries import MOST_FOR_EACH, Tries
from lab.model.expectations import PlannedAttempt
from lab.record import AttemptResult
from lab.remedies.words import InBothLanguages
from lab.run.attempts import make_all
from lab.run.laboratory import Lab
from lab.run.recording import own_files
from lab.run.results import images_of


class Further:
    """Finds more out in a laboratory in which the rows of a check were made."""

    def __init__(self, lab: Lab, plan: CheckPlan, rows: Sequence[Row]) -> None:
        """Nothing is made yet.

        Args:
            lab: where the rows were made.
            plan: the requirements.
            rows: what came of them.
        """
        self._lab, self._plan = lab, plan
        self._demanded = [Demanded(*pair) for pair in zip(plan.rows, rows, strict=True)]
        self._tries = Tries(self._make, own_files(plan.own), most=MOST_FOR_EACH * len(rows))
        for one in self._demanded:
            self._tries.know(one.row.attempts)

    def ranked(self) -> tuple[RankedRemedy, ...]:
        """What :func:`lab.check.ranking.ranked` says; raises :class:`AgentError`."""
        return ranked(self._demanded, self._tries)

    def strongest(self, wanted: WantedStrongest) -> Strongest:
        """What :func:`lab.check.strongest.strongest` says; raises :class:`AgentError`."""

        def note(words: InBothLanguages) -> None:
            self._lab.progress.step("strongest", words.in_(wanted.language))

        server = self._plan.server
        return strongest(self._demanded, server, wanted.form, self._tries, note, wanted.language)

    def _make(self, planned: list[PlannedAttempt]) -> dict[str, AttemptResult]:
        self._lab.session.equip_for(one.attempt for one in planned)
        made = make_all(self._lab.session, planned)
        # What a distribution does otherwise than its stand-in is judged by the images.
        return {name: self._with_images(one) for name, one in made.items()}

    def _with_images(self, result: AttemptResult) -> AttemptResult:
        return result.model_copy(update={"images": images_of(self._lab, result)})
