"""Configurations for ``lab check``: one that all clients pass, and thirteen that break for the named ones."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from lab.check.result import Demand, Requirement
from lab.own.configurations import GivenFiles
from tests.own_inputs.chains import HOST, made

_TABLE = tomllib.loads(Path(__file__).with_name("broken.toml").read_text(encoding="utf-8"))


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """A vsftpd.conf with its chain, and what must come of it."""

    name: str
    lines: tuple[str, ...]
    chain: Mapping[str, Any]
    """What its chain is made of."""
    breaks: tuple[str, ...] = ()
    """Patterns: these clients must break what is demanded, and nobody else."""
    demand: Demand = Demand.DELIVERS
    """What they break."""
    clients: tuple[str, ...] = ()
    """Patterns: only these are looked at; none: all."""
    reason: str = ""
    """``STAGE:REASON`` of every refusal; empty: it is none, they get through."""
    line: str = ""
    """``FILE:LINE`` that must be named."""

    def __str__(self) -> str:
        return self.name

    def must_break(self, wanted: Requirement) -> bool:
        """Whether this requirement must be broken."""
        named = any(fnmatchcase(wanted.client, pattern) for pattern in self.breaks)
        return wanted.demand is self.demand and named

    def write(self, folder: Path, *more: str) -> GivenFiles:
        """Write its files into a folder, with more lines at the end of its configuration."""
        content = made(self.chain) | {"vsftpd.conf": "\n".join([*self.lines, *more, ""]).encode()}
        for name, data in content.items():
            (folder / name).write_bytes(data)
        return GivenFiles(
            configurations={"vsftpd-conf": folder / "vsftpd.conf"},
            chain=folder / "chain.pem",
            key=folder / "key.pem",
            ca=folder / "ca.pem",
            host=HOST,
        )


def _lines() -> list[str]:
    return list(_TABLE["good"]["lines"].strip().split("\n"))


def _broken() -> Iterator[Configuration]:
    for told in _TABLE["broken"]:
        row, lines = dict(told), _lines()
        for of, write in (("of", "write"), ("and_of", "and_write")):
            line, place = row.pop(write, None), row.pop(of, None)
            if line is None:
                continue
            if place is None:
                lines.append(line)
            else:
                (at,) = (n for n, one in enumerate(lines) if one.startswith(f"{place}="))
                lines[at] = line
        chain = _TABLE["good"]["chain"] | row.pop("chain", {})
        breaks, clients = (tuple(row.pop(name, ())) for name in ("breaks", "clients"))
        row["demand"] = Demand(row.get("demand", Demand.DELIVERS))
        yield Configuration(lines=tuple(lines), chain=chain, breaks=breaks, clients=clients, **row)


#: The one that all pass.
GOOD = Configuration(name="good", lines=tuple(_lines()), chain=_TABLE["good"]["chain"])
BROKEN = tuple(_broken())
