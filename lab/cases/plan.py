"""A case for one client, and the attempts that are planned of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from lab.cases.declaration import Case
from lab.expectations import Expectation, OnBuild, completed
from lab.model import Attempt, ClientSettings, Result, Role, Standing, differing_fields


@dataclass(frozen=True)
class Planned:
    """One attempt of a case that is to be run."""

    case_id: str
    role: Role
    label: str
    attempt: Attempt
    expect: Expectation
    title: str
    standing: Standing | None = None
    on_build: Sequence[OnBuild] = ()
    """What is expected instead where the builds have a capability; the first that holds counts."""
    otherwise: Expectation | None = None
    """Of a race: what happens in the tries that are not refused."""

    @property
    def id(self) -> str:
        """Unique in a run."""
        return f"{self.case_id}/{self.label}"


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
    def client(self) -> ClientSettings:
        """The client that the case is about."""
        return self.case.attempt.client

    def plan(self) -> list[Planned]:
        """All attempts of the case, the breaking one first."""
        return [attempt for one in self._once() for attempt in self._repeated(one)]

    def _repeated(self, planned: Planned) -> list[Planned]:
        race = self.case.race
        if race is None:
            return [planned]
        otherwise = completed() if planned.role is Role.BREAKS else None
        times = race.times if planned.role is Role.BREAKS else race.others
        width = len(str(times))
        return [
            replace(planned, label=f"{planned.label}-{number:0{width}}", otherwise=otherwise)
            for number in range(1, times + 1)
        ]

    def _once(self) -> Iterator[Planned]:
        case, refusal = self.case, self.case.expect.result is Result.REFUSED
        role = Role.BREAKS if refusal else Role.WORKS
        yield Planned(
            self.id,
            role,
            role.value,
            case.attempt,
            case.expect,
            self.title,
            on_build=tuple(case.on_build),
        )
        if case.twin is not None:
            (name,) = differing_fields(case.attempt, case.twin)
            title = f"the same with another {name}"
            yield Planned(self.id, Role.TWIN, "twin", case.twin, completed(), title)
        for number, remedy in enumerate(case.remedies, start=1):
            label = f"remedy-{number}"
            make = partial(Planned, self.id, title=remedy.title, standing=remedy.standing)
            yield make(Role.REMEDY, label, remedy.attempt, remedy.expect)
            if remedy.impostor is not None:
                impostor = remedy.attempt.with_server(certificate="impostor", impostor=True)
                yield make(Role.IMPOSTOR, f"{label}-impostor", impostor, remedy.impostor)
