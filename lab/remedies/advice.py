"""What a person is told after a refusal: the cause, where it is decided, and remedies that were tried."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, TypeVar

from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from lab.model import Attempt, Captured, Outcome, Rating
from lab.remedies.lines import LineChange
from lab.remedies.words import InBothLanguages

_T = TypeVar("_T")
#: A field that is in no record.
_Unrecorded = Annotated[_T, SkipJsonSchema(), Field(exclude=True)]


@dataclass(frozen=True, kw_only=True)
class TriedRemedy:
    """Changes that were made together, and what came of it."""

    cures: tuple[str, ...]
    """Their names, in the order in which the refusals behind each other asked for them."""
    title: InBothLanguages
    rating: Rating
    """The worst of theirs."""
    changes: tuple[LineChange, ...]
    tries: int = 0
    """How often it was tried; 0: it cannot be tried here."""
    completed: int = 0
    """In how many of these tries the goal was reached."""
    outcome: Outcome | None = None
    """The first that did not complete, else the first; null: it cannot be tried here."""
    cannot: str = ""
    """Why it cannot be tried here."""
    impostor: Outcome | None = None
    """What comes of the same client at an impostor's server; null: not tried."""
    captured: Captured | None = None
    """What the impostor got; null: nothing, or not tried."""
    refused: _Unrecorded[Attempt | None] = field(default=None, compare=False)
    """The attempt for which they were tried; none in what was read from a record."""
    attempt: _Unrecorded[Attempt | None] = field(default=None, compare=False)
    """The attempt that they lead to; none in what was read from a record."""
    decides: _Unrecorded[tuple[str, ...]] = field(default=(), compare=False)
    """``FILE:LINE`` of what the first of these changes; nothing in what was read from a record."""
    further: _Unrecorded[bool] = field(default=False, compare=False)
    """Whether it was refused for something else than without them; false in what was read from a record."""

    @property
    def holds(self) -> bool:
        """Whether every try completed."""
        return 0 < self.tries == self.completed


@dataclass(frozen=True, kw_only=True)
class Advice:
    """What is said of one refusal."""

    cause: InBothLanguages
    where: tuple[str, ...] = ()
    """``FILE:LINE`` of what decides; nothing: no file that was given sets it."""
    remedies: tuple[TriedRemedy, ...] = ()
    """Those that hold come first, the ones to keep before the others."""
    sought: bool = True
    """Whether remedies were looked for; else only the cause is said."""
