"""What is done about a refusal: remedies, each with its rating."""

from __future__ import annotations

from dataclasses import dataclass

from lab.expectations import Expectation, completed
from lab.model import Attempt, Rating


@dataclass(frozen=True)
class Remedy:
    """A change of settings that is recommended, and what comes of it."""

    rating: Rating
    title: str
    attempt: Attempt
    expect: Expectation
    impostor: Expectation | None = None
    """What happens when the server is an impostor's; None: not run."""


def recommended(
    title: str,
    attempt: Attempt,
    expect: Expectation | None = None,
    impostor: Expectation | None = None,
) -> Remedy:
    """A remedy to keep."""
    return Remedy(Rating.RECOMMENDED, title, attempt, expect or completed(), impostor)


def temporary(
    title: str,
    attempt: Attempt,
    expect: Expectation | None = None,
    impostor: Expectation | None = None,
) -> Remedy:
    """A remedy that delivers until the recommended one is in place."""
    return Remedy(Rating.TEMPORARY, title, attempt, expect or completed(), impostor)


def unsafe(
    title: str,
    attempt: Attempt,
    expect: Expectation | None = None,
    impostor: Expectation | None = None,
) -> Remedy:
    """A remedy that delivers and gives something away: it is also run against an impostor."""
    expect = expect or completed()
    return Remedy(Rating.UNSAFE, title, attempt, expect, impostor or expect)


def useless(title: str, attempt: Attempt, expect: Expectation) -> Remedy:
    """Something that might be tried, with the refusal that it leads to."""
    return Remedy(Rating.USELESS, title, attempt, expect)
