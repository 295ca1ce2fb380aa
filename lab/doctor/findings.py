"""What was found, how much it matters, and the engine's facts that several looks need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from lab.engine import EngineError

EXIT_READY = 0
EXIT_NOT_READY = 3


class Level(StrEnum):
    """How much a finding matters."""

    OK = "ok"
    WARNING = "warning"
    MISSING = "missing"


@dataclass(frozen=True)
class Finding:
    """One thing looked at: what was found there, and what to do unless it is all right."""

    name: str
    level: Level
    found: str
    advice: str = ""


@dataclass(frozen=True)
class EngineFacts:
    """What the engine says about itself (``GET /info``)."""

    where: str
    version: str
    driver: str
    data_root: str
    local: bool
    cores: int
    memory: int
    limits: bool
    """Whether it can limit the memory and the processes of a container."""


@dataclass(frozen=True)
class NoEngine:
    """Why there is none, and whether the lab would start one here by itself."""

    error: EngineError
    would_start: bool


Engine = EngineFacts | NoEngine


def render(findings: Sequence[Finding]) -> str:
    """The findings for a person: a line each, and below it what to do."""
    width = max((len(finding.name) for finding in findings), default=0)
    lines = []
    for finding in findings:
        found, *more = finding.found.split("\n")
        lines.append(f"{finding.level:<7}  {finding.name:<{width}}  {found}")
        lines += [f"{'':<7}  {'':<{width}}  {line}" for line in more]
        if finding.advice:
            lines.append(f"{'':<7}  {'':<{width}}  what to do: {finding.advice}")
    ready = worst(findings) == EXIT_READY
    lines.append("")
    lines.append(f"The lab {'can' if ready else 'cannot'} run here.")
    return "\n".join(lines)


def worst(findings: Sequence[Finding]) -> int:
    """The exit status: 0 when the lab can run here, 3 when something that it needs is missing."""
    missing = any(finding.level is Level.MISSING for finding in findings)
    return EXIT_NOT_READY if missing else EXIT_READY
