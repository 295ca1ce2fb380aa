"""A case for one client, and the attempts that are planned of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from lab.cases.declaration import Case
from lab.expectations import Expectation, OnBuild, completed
from lab.model import Attempt, ClientSettings, Result, Role, Standing, differing_fields
from lab.record.models import OwnFiles


@dataclass(frozen=True)
class PlannedAttempt:
    """One attempt that is to be made, and what is expected of it."""

    id: str
    """Unique in a run; of a case's attempt it begins with the case's."""
    attempt: Attempt
    expect: Expectation | None = None
    on_build: Sequence[OnBuild] = ()
    """What is expected instead where the builds have a capability; the first that holds counts."""
    otherwise: Expectation | None = None
    """Of a race: what happens in the tries that are not refused."""
    case_id: str | None = None
    role: Role = Role.ATTEMPT
    title: str = ""
    standing: Standing | None = None
    counted: bool = False
    """One of several tries that are counted: no other one with the same settings stands for it."""
    own: OwnFiles | None = None
    """Where the operator's own certificates were read from; ``None``: there are none."""

    @property
    def label(self) -> str:
        """The attempt within its case: `breaks`, `twin`, `remedy-1`, ..."""
        return self.id.removeprefix(f"{self.case_id}/")


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

    def plan(self) -> list[PlannedAttempt]:
        """All attempts of the case, the breaking one first."""
        return [attempt for one in self._once() for attempt in self._repeated(one)]

    def _repeated(self, planned: PlannedAttempt) -> list[PlannedAttempt]:
        race = self.case.race
        if race is None:
            return [planned]
        otherwise = completed() if planned.role is Role.BREAKS else None
        times = race.times if planned.role is Role.BREAKS else race.others
        width = len(str(times))
        return [
            replace(
                planned,
                id=f"{planned.id}-{number:0{width}}",
                otherwise=otherwise,
                counted=True,
            )
            for number in range(1, times + 1)
        ]

    def _once(self) -> Iterator[PlannedAttempt]:
        case, refusal = self.case, self.case.expect.result is Result.REFUSED
        role = Role.BREAKS if refusal else Role.WORKS
        yield self._planned(
            role.value,
            role,
            case.attempt,
            case.expect,
            title=self.title,
            on_build=tuple(case.on_build),
        )
        if case.twin is not None:
            (name,) = differing_fields(case.attempt, case.twin)
            title = f"the same with another {name}"
            yield self._planned("twin", Role.TWIN, case.twin, completed(), title=title)
        for number, remedy in enumerate(case.remedies, start=1):
            label = f"remedy-{number}"
            make = partial(self._planned, title=remedy.title, standing=remedy.standing)
            yield make(label, Role.REMEDY, remedy.attempt, remedy.expect)
            if remedy.impostor is not None:
                impostor = remedy.attempt.with_server(certificate="impostor", impostor=True)
                yield make(f"{label}-impostor", Role.IMPOSTOR, impostor, remedy.impostor)

    def _planned(
        self, label: str, role: Role, attempt: Attempt, expect: Expectation, **more: Any
    ) -> PlannedAttempt:
        return PlannedAttempt(
            f"{self.id}/{label}", attempt, expect, case_id=self.id, role=role, **more
        )
