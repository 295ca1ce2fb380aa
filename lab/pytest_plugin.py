"""Cases as pytest items: ``pytest scenarios`` runs what ``lab run`` runs, one item an attempt.

All selected attempts are made together, several at a time, when the first item is reached; each item
then says what came of its own. A ``cannot`` is a skip with its cause, and is counted in a summary of
its own; a ``lab-error`` is an error, not a failure of the product.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from lab.cases import CaseError, LoadedCase, Planned, load_module
from lab.expectations import Verdict
from lab.record import AttemptRecord
from lab.recording import conduct
from lab.report.words import explain_surprise

_FOLDER = "scenarios"


class Surprise(Exception):
    """An attempt did not do what its case expects."""


class LabFailure(Exception):
    """The lab itself broke; the product was not shown to be at fault."""


class _Results:
    """What came of the attempts of this pytest run, made once for all items."""

    def __init__(self) -> None:
        self.cases: list[LoadedCase] = []
        self.only: set[str] = set()
        self._records: dict[str, AttemptRecord] | None = None
        self._broken: Exception | None = None
        self.path: Path | None = None

    def of(self, planned: Planned) -> AttemptRecord:
        """The record of one attempt; the first call makes them all."""
        if self._broken:
            raise LabFailure(f"the lab could not be opened: {self._broken}") from None
        if self._records is None:
            try:
                run = conduct(self.cases, only=self.only)
            except Exception as error:
                self._broken = error
                raise LabFailure(f"the lab could not be opened: {error}") from error
            self._records = {a.id: a for a in run.record.attempts}
            self.path = run.path
        return self._records[planned.id]


_RESULTS = pytest.StashKey[_Results]()


class CaseItem(pytest.Item):
    """One attempt of one case."""

    def __init__(self, *, planned: Planned, case: LoadedCase, **kwargs: object) -> None:
        super().__init__(**kwargs)  # type: ignore[arg-type]
        self.planned = planned
        self.case = case
        self.add_marker("engine")

    def runtest(self) -> None:
        """Say what came of the attempt."""
        record = self.config.stash[_RESULTS].of(self.planned)
        self.user_properties.append(("verdict", str(record.verdict)))
        if record.outcome is not None:
            self.user_properties.append(("outcome", record.outcome.in_words()))
        if record.verdict is Verdict.CANNOT:
            pytest.skip(f"cannot: {record.verdict_why}")
        if record.verdict is Verdict.LAB_ERROR:
            raise LabFailure(record.verdict_why)
        if record.verdict is Verdict.SURPRISE:
            raise Surprise(explain_surprise(record))

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
        """Where the case is, and its id."""
        return self.case.path, self.case.line, self.planned.id


class ScenarioModule(pytest.File):
    """A module of ``scenarios/``."""

    def collect(self) -> Iterator[CaseItem]:
        """One item for each attempt of each case."""
        try:
            cases = load_module(self.path)
        except CaseError as error:
            raise self.CollectError(str(error)) from error
        for case in cases:
            for planned in case.plan():
                name = f"{case.name}[{case.client}]-{planned.label}"
                yield CaseItem.from_parent(self, name=name, planned=planned, case=case)


def pytest_configure(config: pytest.Config) -> None:
    """Make room for the results."""
    config.stash[_RESULTS] = _Results()


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> ScenarioModule | None:
    """Collect the modules of the folder ``scenarios`` beside ``lab``."""
    folder = Path(__file__).parents[1] / _FOLDER
    if file_path.suffix == ".py" and file_path.parent == folder and file_path.stem[0] != "_":
        return ScenarioModule.from_parent(parent, path=file_path)
    return None


def pytest_collection_finish(session: pytest.Session) -> None:
    """Remember what was selected: nothing else is run."""
    items: Sequence[CaseItem] = [i for i in session.items if isinstance(i, CaseItem)]
    results = session.config.stash[_RESULTS]
    results.cases = list({i.case.id: i.case for i in items}.values())
    results.only = {i.planned.id for i in items}


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Count the verdicts, and say where the record is."""
    verdicts: Counter[str] = Counter()
    for reports in terminalreporter.stats.values():
        for report in reports:
            verdicts.update(
                value
                for name, value in getattr(report, "user_properties", [])
                if name == "verdict" and report.when == "call"
            )
    if not verdicts:
        return
    terminalreporter.section("scenarios")
    counted = ", ".join(f"{verdicts.get(v, 0)} {v}" for v in Verdict)
    terminalreporter.write_line(counted)
    path = terminalreporter.config.stash[_RESULTS].path
    if path:
        terminalreporter.write_line(f"record: {path}")
