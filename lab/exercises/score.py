"""How far the exercises are: files in the state directory, and nothing else.

``state.json`` has the exercise that is under way and the score of all; beside it each exercise that was
started has a folder with its files as they were at the start, and as the solution leaves them. Whatever is
written replaces what was there at once, so that nothing that ends a command leaves a half.
"""

from __future__ import annotations

import dataclasses
import datetime
import getpass
import json
import os
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lab import exercises
from lab.exercises import HINTS, ExerciseError

#: So long a certificate of the catalogue is valid, less a day; a day, in seconds.
VALID_DAYS, DAY_S = 29, 24 * 60 * 60
#: What a solved exercise counts, and what each hint takes off that.
POINTS, HINT_COSTS = 10, 2


@dataclass(frozen=True)
class ExerciseScore:
    """How far one exercise is, of one trainee."""

    started: str = ""
    """When it was begun, in UTC (ISO 8601)."""
    checks: int = 0
    hints: int = 0
    """The highest level of hint that was read."""
    gave_up: bool = False
    """Whether the solution was read before it was solved."""
    solved: str = ""
    """When it was solved; empty: it is not."""
    rating: str = ""
    """What the solution is worth: recommended, temporary; unsafe where that is all there was."""

    @property
    def told(self) -> bool:
        """Whether what is behind it may be said: it is solved, or the solution was read."""
        return bool(self.solved) or self.gave_up

    @property
    def points(self) -> int:
        """What it counts."""
        if not self.solved or self.gave_up:
            return 0
        return POINTS - HINT_COSTS * self.hints


@dataclass(frozen=True)
class UnderWay:
    """The exercise that is under way."""

    name: str
    folder: Path


@dataclass(frozen=True)
class Score:
    """All of it."""

    path: Path
    current: UnderWay | None = None
    scores: Mapping[str, ExerciseScore] = field(default_factory=dict)

    @classmethod
    def load(cls, state: Path) -> Score:
        """Read what is in a state directory; where nothing is, nothing has begun.

        Raises:
            ExerciseError: it cannot be read.
        """
        path = state / "exercise" / "state.json"
        try:
            table = json.loads(path.read_text(encoding="utf-8"))
            current = table["current"]
            scores = {n: ExerciseScore(**one) for n, one in table["scores"].items()}
            under_way = UnderWay(current["name"], Path(current["folder"])) if current else None
        except FileNotFoundError:
            return cls(path)
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise ExerciseError(
                "state-unreadable", path=path, error=f"{type(error).__name__}: {error}"
            ) from error
        return cls(path, under_way, scores)

    def save(self) -> None:
        """Write it down, all at once.

        Raises:
            ExerciseError: that cannot be done.
        """
        current = self.current
        table: dict[str, Any] = {
            "current": current and {"name": current.name, "folder": str(current.folder)},
            "scores": {name: dataclasses.asdict(one) for name, one in self.scores.items()},
        }
        beside = self.path.with_name(f"state-{os.getpid()}.json")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            beside.write_text(json.dumps(table, indent=2) + "\n", encoding="utf-8")
            beside.replace(self.path)
        except OSError as error:
            raise ExerciseError("state-not-writable", path=self.path, error=error) from error

    def kept(self, name: str) -> Path:
        """Where the files of an exercise are kept: ``files`` and ``solution`` are below it."""
        return self.path.parent / name

    def originals(self, name: str) -> Path:
        """The files of an exercise as they were at the start.

        Raises:
            ExerciseError: they are no longer there, or their certificates are too old.
        """
        path = self.kept(name) / "files"
        exercise = exercises.exercise_named(name)
        if not path.is_dir():
            raise ExerciseError("kept-gone", number=exercise.number, path=path)
        days = int((time.time() - path.stat().st_mtime) / DAY_S)
        if days >= VALID_DAYS and exercise.certificates:
            raise ExerciseError("certificates-ended", number=exercise.number, days=days)
        return path

    def of(self, name: str) -> ExerciseScore:
        """How far an exercise is."""
        return self.scores.get(name, ExerciseScore())

    def changed(self, name: str, **changes: Any) -> Score:
        """The same with these changes to one exercise."""
        one = dataclasses.replace(self.of(name), **changes)
        return dataclasses.replace(self, scores={**self.scores, name: one})

    def under_way(self) -> UnderWay:
        """The exercise that is under way.

        Raises:
            ExerciseError: there is none.
        """
        if self.current is None:
            raise ExerciseError("none")
        return self.current

    def started(self, name: str, folder: Path) -> Score:
        """The same with this exercise under way; one that was solved keeps that."""
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        begun = self.changed(name, started=self.of(name).started or now)
        return dataclasses.replace(begun, current=UnderWay(name, folder))

    def solved(self, name: str, rating: str) -> Score:
        """The same with this exercise solved now, by a solution of this rating."""
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        return self.changed(name, solved=now, rating=rating)

    def ended(self) -> Score:
        """The same with none under way."""
        return dataclasses.replace(self, current=None)

    def forget_files(self, name: str) -> None:
        """Remove what is kept of an exercise's files."""
        shutil.rmtree(self.kept(name), ignore_errors=True)

    # -- what a class is shown ---------------------------------------------------------------------------

    def as_json(self) -> dict[str, Any]:
        """Everything, for a class's own tools."""
        every = exercises.exercises()
        rows = {name: self.of(name) for name in every}
        return {
            "trainee": trainee(),
            "current": self.current.name if self.current else None,
            "points": sum(one.points for one in rows.values()),
            "most": POINTS * len(every),
            "hints_each": HINTS,
            "exercises": [
                {
                    "name": name,
                    "number": every[name].number,
                    "title": {"en": every[name].title.en, "ja": every[name].title.ja},
                    "points": one.points,
                    **dataclasses.asdict(one),
                }
                for name, one in rows.items()
            ],
        }


def trainee() -> str:
    """Whose score it is: the name of the account."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "trainee"
