"""What a run says about the claims of a document, and whether claims and cases fit: pure.

A claim names attempts and the outcome that each has if the claim is right. Here these are compared with
what the attempts of a run did. The real defaults decide: what a claim does not speak of
(``beyond = true``) is shown beside its verdict and never changes it.

=====================  =============================================================================
``confirmed``          every attempt of every test did what the claim says
``refuted``            none did
``conditional``        some did and some did not: the settings and clients are named
``not-testable-here``  the lab cannot test it; the document file says why
``not-run``            the record lacks attempts that the verdict needs: how many is said
=====================  =============================================================================

An attempt that surprised its own case is counted like every other, and named beside the verdict: first
find out whether the product has changed or the case no longer does what it says.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from lab.cases import LoadedCase
from lab.documents import Bilingual, Claim, ClaimVerdict, Document, Test, documents
from lab.grouping import grouped_by
from lab.model import Role, ServerSettings
from lab.model.expectations import Verdict, judge
from lab.record import AttemptResult, RunRecord


class State(StrEnum):
    """What the attempts of one test from one client say."""

    HOLDS = "holds"
    FAILS = "fails"
    NOT_RUN = "not-run"


@dataclass(frozen=True)
class Check:
    """One test from one client."""

    test: Test
    where: str
    """The client: ``centos7``, ``rocky9:FIPS``."""
    state: State
    seen: str
    """What was seen, in one line; of several attempts, of the first that the claim is wrong about."""
    attempts: tuple[str, ...]
    """Ids of the attempts that were looked at."""
    stand_ins: tuple[str, ...]
    """Names of the images among theirs that only stand in for a distribution."""
    surprises: tuple[str, ...] = ()
    """Ids of those attempts that did not do what their own case expects."""


@dataclass(frozen=True)
class SettingResult:
    """In one setting: from which clients the claim holds, from which not, of which nothing is known."""

    setting: Bilingual | None
    """In words; ``None``: the claim has only one."""
    beyond: bool
    """The claim does not speak of this setting."""
    clients: Mapping[State, Sequence[str]]


@dataclass(frozen=True)
class ClaimResult:
    """A claim with its verdict, overall and from each client."""

    claim: Claim
    verdict: ClaimVerdict
    where: Mapping[str, ClaimVerdict]
    """The verdict from each client that the claim is about."""
    settings: tuple[SettingResult, ...]
    checks: tuple[Check, ...]

    @property
    def made(self) -> int:
        """How many of the checks that decide were made."""
        return sum(check.state is not State.NOT_RUN for check in self._deciding)

    @property
    def needed(self) -> int:
        """How many checks decide."""
        return len(self._deciding)

    @property
    def condition(self) -> Bilingual | None:
        """When the claim holds, in a sentence; ``None``: there is none for this verdict."""
        condition = self.claim.condition
        return condition if condition and condition.verdict is self.verdict else None

    @property
    def stand_ins(self) -> tuple[str, ...]:
        """Names of the images that only stand in for a distribution, among those it was tested on."""
        return tuple(sorted({name for check in self.checks for name in check.stand_ins}))

    @property
    def surprises(self) -> tuple[str, ...]:
        """Ids of the attempts behind the verdict that did not do what their own case expects."""
        return tuple(sorted({name for check in self._deciding for name in check.surprises}))

    @property
    def _deciding(self) -> tuple[Check, ...]:
        return tuple(check for check in self.checks if not check.test.beyond)


def evaluate(document: Document, record: RunRecord) -> tuple[ClaimResult, ...]:
    """The verdict of a run on every claim of a document, in the document's order."""
    by_case = grouped_by(record.attempts, lambda attempt: case_name(attempt.case or ""))
    return tuple(_result(claim, by_case) for claim in document.claims)


def evaluate_tested(
    record: RunRecord, among: Iterable[Document] | None = None
) -> list[tuple[Document, tuple[ClaimResult, ...]]]:
    """The documents (default: all) that a run tests, each with the verdicts on its claims."""
    every = documents().values() if among is None else among
    judged = [(document, evaluate(document, record)) for document in every]
    return [(document, found) for document, found in judged if any(one.made for one in found)]


def counts(results: Iterable[ClaimResult]) -> dict[ClaimVerdict, int]:
    """How many claims have each verdict; every verdict is there."""
    seen = Counter(result.verdict for result in results)
    return {verdict: seen[verdict] for verdict in ClaimVerdict}


def as_json(document: Document, results: Sequence[ClaimResult], run_id: str) -> dict[str, Any]:
    """The results as plain data."""
    return {
        "document": document.id,
        "title": document.title.model_dump(),
        "address": document.address,
        "platforms": {name: text.model_dump() for name, text in document.platforms.items()},
        "run_id": run_id,
        "counts": {str(verdict): number for verdict, number in counts(results).items()},
        "claims": [_plain(document, result) for result in results],
    }


def _result(claim: Claim, by_case: Mapping[str, Sequence[AttemptResult]]) -> ClaimResult:
    if claim.untestable is not None:
        return ClaimResult(claim, ClaimVerdict.NOT_TESTABLE_HERE, {}, (), ())
    tried = ((test, where) for test in claim.tests for where in claim.clients_of(test))
    checks = tuple(_check(test, where, by_case.get(test.case, ())) for test, where in tried)
    deciding = [check for check in checks if not check.test.beyond]
    return ClaimResult(
        claim,
        _verdict(deciding),
        {where: _verdict(c for c in deciding if c.where == where) for where in claim.about},
        tuple(_settings(checks)),
        checks,
    )


def _check(test: Test, where: str, attempts: Sequence[AttemptResult]) -> Check:
    """Compare one test with the attempts of its case: all of them have to do what it says."""
    there = (one for one in attempts if where in (one.client.where, str(one.client)))
    found = [one for one in there if _fits(test, one.role, one.label, one.server)]
    states = [_state(test, attempt) for attempt in found]
    servers = {attempt.server.software for attempt in found}
    if State.FAILS in states:
        state = State.FAILS
    elif State.NOT_RUN in states or not found or not set(test.servers) <= servers:
        state = State.NOT_RUN
    else:
        state = State.HOLDS
    shown = next((a for a, s in zip(found, states, strict=True) if s is state), None)
    return Check(
        test,
        where,
        state,
        _seen(shown) if shown else "not in the record",
        tuple(attempt.id for attempt in found),
        tuple(sorted({name for attempt in found for name in attempt.stand_ins})),
        tuple(attempt.id for attempt in found if attempt.verdict is Verdict.SURPRISE),
    )


def _fits(test: Test, role: Role, title: str, server: ServerSettings) -> bool:
    """Whether an attempt is one of a test's, its client apart."""
    return (
        role is test.role
        and test.title in (None, title)
        and (not test.servers or server.software in test.servers)
    )


def _state(test: Test, attempt: AttemptResult) -> State:
    if attempt.outcome is None or attempt.verdict in {Verdict.CANNOT, Verdict.LAB_ERROR}:
        return State.NOT_RUN
    came = judge(test.expectation, attempt.outcome).verdict is Verdict.AS_EXPECTED
    if not came or any(part not in attempt.outcome.report.message for part in test.shows):
        return State.FAILS
    if test.given_away is None:
        return State.HOLDS
    if attempt.server_report is None:
        return State.NOT_RUN  # a record that keeps only outcomes
    captured = attempt.server_report.captured is not None
    return State.HOLDS if captured is test.given_away else State.FAILS


def _seen(attempt: AttemptResult) -> str:
    if attempt.outcome is None:
        return attempt.verdict_why
    message = attempt.outcome.report.message.strip()
    words = attempt.outcome.in_words()
    return f"{words}; message {message!r}" if message else words


def _verdict(checks: Iterable[Check]) -> ClaimVerdict:
    states = {check.state for check in checks}
    if {State.HOLDS, State.FAILS} <= states:
        return ClaimVerdict.CONDITIONAL  # whatever else a run might add
    if State.NOT_RUN in states or not states:
        return ClaimVerdict.NOT_RUN
    return ClaimVerdict.CONFIRMED if State.HOLDS in states else ClaimVerdict.REFUTED


def _settings(checks: Sequence[Check]) -> Iterable[SettingResult]:
    """The checks by setting, in the order in which settings first come."""
    groups: dict[tuple[Bilingual | None, bool], dict[str, set[State]]] = {}
    for check in checks:
        group = groups.setdefault((check.test.setting, check.test.beyond), {})
        group.setdefault(check.where, set()).add(check.state)
    for (setting, beyond), states in groups.items():
        by_state: dict[State, list[str]] = {state: [] for state in State}
        for where, seen in states.items():
            worst = next(s for s in (State.FAILS, State.NOT_RUN, State.HOLDS) if s in seen)
            by_state[worst].append(where)
        yield SettingResult(setting, beyond, by_state)


def _plain(document: Document, result: ClaimResult) -> dict[str, Any]:
    claim = result.claim
    return {
        "id": claim.id,
        "section": document.heading(claim.place).model_dump(),
        "paragraph": claim.place.paragraph,
        "claim": claim.text.model_dump(),
        "verdict": str(result.verdict),
        "where": {where: str(verdict) for where, verdict in result.where.items()},
        "basis": _both(claim.basis),
        "condition": _both(result.condition),
        "untestable": _both(claim.untestable),
        "made": result.made,
        "needed": result.needed,
        "settings": [
            {"setting": _both(setting.setting), "beyond": setting.beyond, **setting.clients}
            for setting in result.settings
        ],
        "checks": [
            {
                "case": check.test.case,
                "role": str(check.test.role),
                "remedy": check.test.title,
                "where": check.where,
                "beyond": check.test.beyond,
                "if-right": check.test.in_words(),
                "seen": check.seen,
                "state": str(check.state),
                "attempts": list(check.attempts),
                "stand-ins": list(check.stand_ins),
                "surprises": list(check.surprises),
            }
            for check in result.checks
        ],
        "stand-ins": list(result.stand_ins),
        "surprises": list(result.surprises),
    }


def _both(text: Bilingual | None) -> dict[str, str] | None:
    return {"en": text.en, "ja": text.ja} if text else None


# -- claims and cases ------------------------------------------------------------------------------


def problems(document: Document, cases: Sequence[LoadedCase]) -> list[str]:
    """What does not fit, a sentence for each; nothing: all is well.

    Args:
        document: the claims.
        cases: the whole catalogue; cases of other documents may be named, and need no claim here.
    """
    by_name = grouped_by(cases, lambda case: case_name(case.id))
    own = {name for name, loaded in by_name.items() if loaded[0].document == document.id}
    return [
        *_unknown_cases(document, by_name),
        *_without_claim(document, own),
        *(
            f"{claim.id}: {problem}"
            for claim in document.claims
            for test in claim.tests
            for problem in _problems_of(claim, test, by_name.get(test.case, ()))
        ),
    ]


def case_name(case_id: str) -> str:
    """``module/function`` of a case's id, which has its client behind it."""
    return case_id.partition("[")[0]


def _unknown_cases(document: Document, known: Iterable[str]) -> Iterator[str]:
    for name in sorted(document.cases - set(known)):
        yield f"there is no case {name}"
    for name in sorted(document.cases_without_claim.keys() - set(known)):
        yield f"there is no case {name}, which is listed as a case without a claim"


def _without_claim(document: Document, own: set[str]) -> Iterator[str]:
    for name in sorted(own - document.cases - document.cases_without_claim.keys()):
        yield (
            f"no claim names the case {name}: name it in a test, or give the reason under"
            " [cases-without-claim]"
        )
    for name in sorted(document.cases & document.cases_without_claim.keys()):
        yield f"the case {name} is listed as a case without a claim, and a claim names it"


def _problems_of(claim: Claim, test: Test, cases: Sequence[LoadedCase]) -> Iterator[str]:
    if not cases:
        return  # said already
    if any(case.case.race is not None for case in cases) and test.role is Role.BREAKS:
        yield f"the refusal of {test.case} is a race, which has a rate and no single outcome"
    every = (p for case in cases for p in case.plan())
    planned = [p for p in every if _fits(test, p.role, p.title, p.attempt.server)]
    clients = [p.attempt.client for p in planned]
    reached = {client.where for client in clients} | {str(client) for client in clients}
    what = f"{test.role} {test.title!r}" if test.title else str(test.role)
    for where in claim.clients_of(test):
        if where not in reached:
            yield f"{test.case} has no attempt {what} from {where}"
    for server in test.servers:
        if server not in {p.attempt.server.software for p in planned}:
            yield f"{test.case} has no attempt {what} to {server}"
