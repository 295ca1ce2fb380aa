"""Defective files of one's own, each with its twin, as ``tests/own_vsftpd.toml`` lists them."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

TABLE = Path(__file__).with_name("own_vsftpd.toml")
#: How an input ends that completes in the lab, and that is refused before any attempt.
JUDGED, NO_INPUT = "judged", "no input"


@dataclass(frozen=True)
class Input:
    """A defective file and its twin."""

    lines: str
    twin: str
    ends: str
    says: str
    at: int = 1
    """The line of ``lines`` at which it is said; 0: of the whole file."""
    build: str | None = None
    cause: str = ""

    def __str__(self) -> str:
        return " ".join([*self.lines.split("\n"), *([self.build] if self.build else [])])


_READ = tomllib.loads(TABLE.read_text(encoding="utf-8"))
BASE: str = _READ["base"]["lines"].lstrip("\n")
INPUTS = [Input(**row) for row in _READ["input"]]
