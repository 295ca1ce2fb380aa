"""Claims against the catalogue: does every claim have its cases, and every case its claim?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from lab.cases import LoadedCase, PlannedAttempt
from lab.documents.forms import Claim, Document, Test
from lab.model import Role


def problems(document: Document, cases: Sequence[LoadedCase]) -> list[str]:
    """What does not fit, a sentence for each; nothing: all is well.

    Args:
        document: the claims.
        cases: the whole catalogue; cases of other documents may be named, and need no claim here.
    """
    by_name: dict[str, list[LoadedCase]] = {}
    for case in cases:
        by_name.setdefault(case_name(case.id), []).append(case)
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
    planned = [p for case in cases for p in case.plan() if fits(test, p)]
    reached = {p.attempt.client.where for p in planned}
    what = f"{test.role} {test.title!r}" if test.title else str(test.role)
    for where in claim.clients_of(test):
        if where not in reached:
            yield f"{test.case} has no attempt {what} from {where}"
    for server in test.servers:
        if server not in {p.attempt.server.software for p in planned}:
            yield f"{test.case} has no attempt {what} to {server}"


def fits(test: Test, planned: PlannedAttempt) -> bool:
    """Whether a planned attempt is one of a test's, its client apart."""
    return (
        planned.role is test.role
        and (test.title is None or planned.title == test.title)
        and (not test.servers or planned.attempt.server.software in test.servers)
    )
