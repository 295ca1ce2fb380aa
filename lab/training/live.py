"""A run that is under way while somebody reads: rows as they come, and the record at the end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.cases import LoadedCase
from lab.model import Attempt
from lab.model.expectations import PlannedAttempt
from lab.record import AttemptResult, Chain, RunRecord
from lab.run.agents import Unsupported
from lab.run.laboratory import Lab, open_lab
from lab.run.link import AgentError
from lab.run.suites import SuiteComparison
from lab.training.source import CaseSource

if TYPE_CHECKING:
    from lab.run.results import Conducted


class LiveRun:
    """Attempts that are made in the background, all side by side, and recorded."""

    def __init__(
        self,
        laboratory: Lab,
        planned: Sequence[PlannedAttempt],
        cases: Sequence[LoadedCase],
    ) -> None:
        """Begin."""
        from lab.run.results import record_run  # noqa: PLC0415 - is loaded with the lab

        self._laboratory = laboratory
        self._rows: dict[str, Future[AttemptResult]] = {one.id: Future() for one in planned}
        self._given_up = False
        self._pool = ThreadPoolExecutor(1, "live")
        self._done: Future[Conducted] = self._pool.submit(
            record_run,
            laboratory,
            planned,
            cases,
            lambda row: self._rows[row.id].set_result(row),
            chosen=[case.id for case in cases],
            given_up=lambda: self._given_up,
        )
        self._done.add_done_callback(self._end)

    def result(self, identity: str) -> AttemptResult:
        """The row of an attempt, waited for.

        Raises:
            EngineError, AgentError, ...: the run has ended without it.
        """
        return self._rows[identity].result()

    def record(self) -> RunRecord:
        """The record of the run, waited for; raises what ended the run."""
        return self._done.result().record

    def chain(self, attempt: Attempt) -> Chain:
        """What a server is given; nothing, where it is given none."""
        from lab.run.results import chain_of  # noqa: PLC0415

        return chain_of(self._laboratory, attempt) if attempt.server.has_certificate else ()

    def suites(self, result: AttemptResult) -> SuiteComparison | None:
        """What both ends of an attempt offer; ``None``: they cannot be asked."""
        try:
            return self._laboratory.session.suites(result.attempt)
        except (AgentError, Unsupported):
            return None

    def of(self, case: LoadedCase) -> CaseSource:
        """One case of the run."""
        attempt = case.case.attempt
        return CaseSource(case, self.result, self.record, lambda: self.chain(attempt), self.suites)

    def close(self, *, at_once: bool) -> None:
        """Wait for the end of the run; ``at_once``: attempts under way are given up."""
        if at_once:
            self._given_up = True
            self._laboratory.session.close()
        self._pool.shutdown(wait=True, cancel_futures=at_once)

    def _end(self, run: Future[Conducted]) -> None:
        """Say to who waits for rows that did not come why there are none."""
        for row in self._rows.values():
            if not row.done():
                row.set_exception(run.exception() or CancelledError())


@contextmanager
def live(planned: Sequence[PlannedAttempt], cases: Sequence[LoadedCase] = ()) -> Iterator[LiveRun]:
    """The run of these attempts, begun; on the way out it is ended, and nothing of it stays.

    Raises:
        EngineError, ImageError, TopologyError, AgentError: the lab could not be opened.
    """
    attempts = [one.attempt for one in planned]
    with open_lab(attempts=attempts) as laboratory:
        run = LiveRun(laboratory, planned, cases)
        try:
            yield run
        except BaseException:
            run.close(at_once=True)
            raise
        run.close(at_once=False)
