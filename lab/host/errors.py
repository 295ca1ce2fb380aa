"""Errors that tell an operator what was tried, what happened and what to do."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Generic, TypeVar

Kind = TypeVar("Kind", bound=StrEnum)


class AdvisedError(Exception, Generic[Kind]):
    """Something the lab needs cannot be had, and there is a way out.

    Attributes:
        problem: the kind, for code that decides on it.
        tried: what the lab tried, as a noun phrase.
        happened: what came of it.
        advice: what the operator can do, each item a way of its own.
    """

    def __init__(self, problem: Kind, *, tried: str, happened: str, advice: Sequence[str]) -> None:
        self.problem = problem
        self.tried = tried
        self.happened = happened
        self.advice = tuple(advice)
        super().__init__(_message(tried, happened, self.advice))


def _message(tried: str, happened: str, advice: Sequence[str]) -> str:
    lines = [f"{tried}: {happened}"]
    if len(advice) == 1:
        lines.append(f"  What to do: {_indented(advice[0])}")
    elif advice:
        lines.append("  What to do, one of:")
        lines += [f"  {number}. {_indented(item)}" for number, item in enumerate(advice, start=1)]
    return "\n".join(lines)


def _indented(item: str) -> str:
    return item.replace("\n", "\n     ")


class EngineProblem(StrEnum):
    """Why there is no engine to work with."""

    NO_SOCKET = "no-socket"
    NO_PERMISSION = "no-permission"
    NO_ANSWER = "no-answer"
    UNREACHABLE = "unreachable"
    BAD_ENDPOINT = "bad-endpoint"
    UNSUPPORTED = "unsupported"
    INSTALL_FAILED = "install-failed"
    START_FAILED = "start-failed"
    STOP_FAILED = "stop-failed"
    NO_COMPOSE = "no-compose"
    LOST = "lost"


class EngineError(AdvisedError[EngineProblem]):
    """The lab cannot get, start or stop an engine."""
