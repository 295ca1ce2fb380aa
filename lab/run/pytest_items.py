"""Cases as pytest items: ``pytest scenarios`` runs what ``lab run`` runs, one item an attempt.

All selected attempts are made together, several at a time, when the first item is reached; each item
then says what came of its own, and one more item for each race what came of its rate. A ``cannot`` is
a skip with its cause, and is counted in a summary of its own; a ``lab-error`` is an error, not a
failure of the product.

``pytest_plugin`` loads this module, and makes it a plug-in, when the first scenario module is collected.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from lab.cases import CaseError, LoadedCase, PlannedAttempt, load_module
from lab.model import Role
from lab.model.expectations import Verdict
from lab.pytest_plugin import RECORD, add_record
from lab.record import AttemptResult, CaseRecord
from lab.report.view import explain_surprise
from lab.run.recording import conduct


class Surprise(Exception):
    """An attempt, or the rate of a race, is not what its case expects."""


class LabFailure(Exception):
    """The lab itself broke; the product was not shown to be at fault."""


class _Results:
    """What came of the attempts of this pytest run, made once for all items."""

    def __init__(self) -> None:
        self.selected: dict[str, LoadedCase] = {}
        self.only: set[str] = set()
        self._attempts: dict[str, AttemptResult] | None = None
        self._cases: dict[str, CaseRecord] = {}
        self._broken: Exception | None = None
        self.path: Path | None = None

    def select(self, case: LoadedCase, planned: Iterable[PlannedAttempt]) -> None:
        """Have these attempts of a case made."""
        self.selected[case.id] = case
        self.only |= {one.id for one in planned}

    def attempt(self, planned: PlannedAttempt) -> AttemptResult:
        """The record of one attempt; the first call makes them all."""
        return self._made()[planned.id]

    def case(self, case: LoadedCase) -> CaseRecord:
        """The record of one case; the first call makes all attempts."""
        self._made()
        return self._cases[case.id]

    def _made(self) -> dict[str, AttemptResult]:
        if self._broken:
            raise LabFailure(f"the lab could not be opened: {self._broken}") from None
        if self._attempts is None:
            try:
                run = conduct(list(self.selected.values()), only=self.only)
            except Exception as error:
                self._broken = error
                raise LabFailure(f"the lab could not be opened: {error}") from error
            self._attempts = {a.id: a for a in run.record.attempts}
            self._cases = {c.id: c for c in run.record.cases}
            self.path = run.path
        return self._attempts


_RESULTS = pytest.StashKey[_Results]()


class _Item(pytest.Item):
    """One thing that is said about a case."""

    def __init__(self, *, case: LoadedCase, planned: Sequence[PlannedAttempt], **more: Any) -> None:
        super().__init__(**more)
        self.case = case
        self.planned = planned
        """The attempts that have to be made for it."""
        self.add_marker("engine")

    def repr_failure(
        self,
        excinfo: pytest.ExceptionInfo[BaseException],
        style: object = None,  # noqa: ARG002 - pytest's signature
    ) -> str:
        """The story, without the lab's own stack."""
        if isinstance(excinfo.value, Surprise | LabFailure):
            return str(excinfo.value)
        return str(super().repr_failure(excinfo))

    def reportinfo(self) -> tuple[Path, int, str]:
        """Where the case is, and the item's name."""
        return self.case.path, self.case.line, f"{self.case.path.stem}/{self.name}"


class AttemptItem(_Item):
    """One attempt of one case."""

    def setup(self) -> None:
        """Have the attempts made; what the lab itself could not do is an error already here."""
        record = self._record()
        self.user_properties.append(("verdict", str(record.verdict)))
        if record.outcome is not None:
            self.user_properties.append(("outcome", record.outcome.in_words()))
        if record.verdict is Verdict.LAB_ERROR:
            raise LabFailure(record.verdict_why)

    def runtest(self) -> None:
        """Say what came of the attempt."""
        record = self._record()
        if record.verdict is Verdict.CANNOT:
            pytest.skip(f"cannot: {record.verdict_why}")
        if record.verdict is Verdict.SURPRISE:
            raise Surprise(explain_surprise(record))

    def _record(self) -> AttemptResult:
        (planned,) = self.planned
        return self.config.stash[_RESULTS].attempt(planned)


class RateItem(_Item):
    """How often the refusal of a race came."""

    def runtest(self) -> None:
        """Compare the rate with the one that the case expects."""
        record = self.config.stash[_RESULTS].case(self.case)
        race = self.case.case.race
        if race is None or record.race is None:
            pytest.skip("cannot: not every try has an outcome")
        judgement = race.judge(record.race.refused, self.case.case.expect.result)
        if judgement.verdict is Verdict.SURPRISE:
            raise Surprise(f"{record.id}\n  {judgement.why}")


class ScenarioModule(pytest.File):
    """A module of ``scenarios/``."""

    def collect(self) -> Iterator[AttemptItem | RateItem]:
        """One item for each attempt of each case, and one for the rate of each race."""
        try:
            cases = load_module(self.path)
        except CaseError as error:
            raise self.CollectError(str(error)) from error
        for case in cases:
            for planned in case.plan():
                name = f"{case.name}[{case.label}-{planned.label}]"
                yield AttemptItem.from_parent(self, name=name, case=case, planned=[planned])
            if case.case.race is not None:
                tries = [planned for planned in case.plan() if planned.role is Role.BREAKS]
                name = f"{case.name}[{case.label}-rate]"
                yield RateItem.from_parent(self, name=name, case=case, planned=tries)


def pytest_configure(config: pytest.Config) -> None:
    """Make room for the results."""
    config.stash[_RESULTS] = _Results()


def pytest_collection_finish(session: pytest.Session) -> None:
    """Remember what was selected: nothing else is run."""
    results = session.config.stash[_RESULTS]
    for item in session.items:
        if isinstance(item, _Item):
            results.select(item.case, item.planned)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand on where the record is, also from a process of pytest-xdist."""
    path = session.config.stash[_RESULTS].path
    if path is None:
        return
    output = getattr(session.config, "workeroutput", None)
    if output is None:
        add_record(session.config, str(path))
    else:
        output[RECORD] = str(path)
