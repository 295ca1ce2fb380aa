"""The form of a case: what its function returns, what is planned of it, and the rules that it keeps."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from lab.model import Attempt, ClientSettings, Result, Role, differing_fields, expectations
from lab.model.expectations import Expectation, Judgement, PlannedAttempt, Verdict, completed
from lab.remedies import UNCHANGED, Remedy, recommended
from lab.settings import SettingsError
from lab.settings import check as check_settings


class CaseError(Exception):
    """A case is not well-formed; the message names it and the rule that it breaks."""


@dataclass(frozen=True)
class Race:
    """A refusal that comes in some of many tries; the others complete.

    The breaking attempt is made ``times`` times, of which at least ``least`` and at most ``most`` are
    refused, or false successes, as the case expects. Its twin and its remedies are made ``others`` times
    each, of which all complete.
    """

    times: int
    least: int
    most: int | None = None
    others: int = 8

    def __post_init__(self) -> None:
        most = self.times if self.most is None else self.most
        if not 0 <= self.least <= most <= self.times or self.times < 1:
            raise ValueError(f"no rate of a race: {self.least} to {most} of {self.times} tries")

    def judge(self, came: int, expected: Result = Result.REFUSED) -> Judgement:
        """The verdict on a rate: in how many of the tries the result came that is expected."""
        most = self.times if self.most is None else self.most
        wanted = f"{self.least} to {most} of {self.times}"
        rate = expectations.rate_in_words(expected, came, self.times)
        if self.least <= came <= most:
            return Judgement(Verdict.AS_EXPECTED, f"{rate}; expected are {wanted}")
        why = f"the rate differs: {rate}, expected {wanted}"
        return Judgement(Verdict.SURPRISE, why)


@dataclass(frozen=True)
class Case:
    """What one case function says for one client."""

    attempt: Attempt
    expect: Expectation
    twin: Attempt | None = None
    """``None``: of a refusal, the first of its remedies that changes one field and cures."""
    remedies: Sequence[Remedy] = ()
    race: Race | None = None
    """The refusal is a race: see :class:`Race`."""
    on_build: Sequence[expectations.OnBuild] = ()
    """What is expected of the attempt on builds of which more is known; the first that holds counts."""

    def __post_init__(self) -> None:
        remedies = [
            replace(r, expect=self.expect) if r.expect is UNCHANGED else r for r in self.remedies
        ]
        object.__setattr__(self, "remedies", remedies)
        if self.twin is None and self.expect.result is not Result.COMPLETED:
            cures = (r.attempt for r in remedies if r.expect.result is Result.COMPLETED)
            found = (cure for cure in cures if len(differing_fields(self.attempt, cure)) == 1)
            object.__setattr__(self, "twin", next(found, None))

    @classmethod
    def cured(
        cls,
        attempt: Attempt,
        expect: Expectation,
        title: str,
        cure: Attempt,
        then: Expectation | None = None,
        twin: Attempt | None = None,
    ) -> Case:
        """A refusal with one remedy, which is recommended: its title, and the attempt with it."""
        return cls(attempt, expect, twin, [recommended(title, cure, then)])


#: Called with the client, or with the client and the server's software.
CaseFunction = Callable[..., Case]


@dataclass(frozen=True)
class Declaration:
    """What the decorator keeps about a case function."""

    section: str
    clients: tuple[ClientSettings, ...]
    servers: tuple[str, ...] = ()


def case(
    *, section: str, clients: Iterable[ClientSettings], servers: Iterable[str] = ()
) -> Callable[[CaseFunction], CaseFunction]:
    """Declare a function as a case about ``section`` of its folder's document, for each of ``clients``.

    With ``servers`` the function is called for each client and each of these server programs, and
    takes the program's name as its second argument.
    """
    declaration = Declaration(section, tuple(clients), tuple(servers))

    def declare(function: CaseFunction) -> CaseFunction:
        function.__dict__["lab_case"] = declaration
        return function

    return declare


@dataclass(frozen=True)
class LoadedCase:
    """A case for one client, with what its function's name, docstring and decorator say."""

    id: str
    name: str
    document: str
    section: str
    title: str
    story: str
    case: Case
    path: Path
    line: int

    @property
    def label(self) -> str:
        """The client in the id: its name, with what distinguishes it from others of that name."""
        return self.id[len(self.path.stem) + len(self.name) + 2 : -1]

    @property
    def described(self) -> dict[str, Any]:
        """What a record says of the case, whatever comes of it: fields of ``lab.record.CaseRecord``."""
        names = ("id", "name", "label", "document", "section", "title", "story")
        return {name: getattr(self, name) for name in names}

    @property
    def client(self) -> ClientSettings:
        """The client that the case is about."""
        return self.case.attempt.client

    def plan(self) -> Sequence[PlannedAttempt]:
        """All attempts of the case, the breaking one first."""
        return self._plan

    @cached_property
    def _plan(self) -> tuple[PlannedAttempt, ...]:
        return tuple(attempt for one in self._once() for attempt in self._repeated(one))

    def _repeated(self, planned: PlannedAttempt) -> list[PlannedAttempt]:
        race = self.case.race
        if race is None:
            return [planned]
        otherwise = completed() if planned.role is Role.BREAKS else None
        times = race.times if planned.role is Role.BREAKS else race.others
        width = len(str(times))
        one = replace(planned, otherwise=otherwise, counted=True)
        return [replace(one, id=f"{one.id}-{n:0{width}}") for n in range(1, times + 1)]

    def _once(self) -> Iterator[PlannedAttempt]:
        case, refusal = self.case, self.case.expect.result is not Result.COMPLETED
        role = Role.BREAKS if refusal else Role.WORKS
        make = partial(self._planned, title=self.title, on_build=tuple(case.on_build))
        yield make(role.value, role, case.attempt, case.expect)
        if case.twin is not None:
            (name,) = differing_fields(case.attempt, case.twin)
            title = f"the same with another {name}"
            yield self._planned("twin", Role.TWIN, case.twin, completed(), title=title)
        for number, remedy in enumerate(case.remedies, start=1):
            label = f"remedy-{number}"
            make = partial(self._planned, title=remedy.title, rating=remedy.rating)
            yield make(label, Role.REMEDY, remedy.attempt, remedy.expect)
            if remedy.impostor is not None:
                impostor = remedy.attempt.with_server(certificate="impostor", impostor=True)
                yield make(f"{label}-impostor", Role.IMPOSTOR, impostor, remedy.impostor)

    def _planned(
        self, label: str, role: Role, attempt: Attempt, expect: Expectation, **more: Any
    ) -> PlannedAttempt:
        name = f"{self.id}/{label}"
        return PlannedAttempt(name, attempt, expect, case_id=self.id, role=role, **more)


def check(loaded: LoadedCase) -> None:
    """Check a case and everything that it plans.

    Raises:
        CaseError: the first rule that is broken.
    """
    case = loaded.case
    if case.expect.result is not Result.COMPLETED:
        if case.twin is None:
            twin = "a case that breaks has a twin that completes, or a remedy that is one"
            raise CaseError(f"{loaded.id}: {twin}")
        fields = differing_fields(case.attempt, case.twin)
        if len(fields) != 1:
            found = f"{len(fields)} ({', '.join(fields) or 'none'})"
            raise CaseError(f"{loaded.id}: the twin differs in exactly one field, not in {found}")
    elif case.twin is not None:
        raise CaseError(f"{loaded.id}: a case that expects completion has no twin")
    for remedy in case.remedies:
        if not differing_fields(case.attempt, remedy.attempt):
            raise CaseError(f"{loaded.id}: the remedy {remedy.title!r} changes nothing")
    for planned in loaded.plan():
        _check_words(planned)


def _check_words(planned: PlannedAttempt) -> None:
    """Every word is one that the command line knows too, and no refusal is left open."""
    expected = planned.expect
    for expect in (expected, *(build.expect for build in planned.on_build)):
        if expect is None or expected is None:
            continue
        if expect.result is not expected.result:
            raise CaseError(f"{planned.id}: on every build the result is the same")
        left_open = None in (expect.by, expect.stage, expect.reason)
        if left_open and expect.result is not Result.COMPLETED:
            named = "an expected refusal names who refuses, at which stage and why"
            raise CaseError(f"{planned.id}: {named}")
    try:
        check_settings(planned.attempt.server)
        check_settings(planned.attempt.client)
    except SettingsError as error:
        raise CaseError(f"{planned.id}: {error}") from error
