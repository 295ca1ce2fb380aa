"""The table of ``docs/containers.md``: what each container may do."""

from __future__ import annotations

import re
from dataclasses import dataclass

from lab.checkout import root

#: What the words of the table stand for.
USERS = {"nobody": "65534:65534", "root": ""}
PLACES = {"agents": "/opt/lab/agents", "certificates": "/opt/lab/certificates"}


@dataclass(frozen=True)
class Container:
    """A row, for one container."""

    user: str
    """As Compose and the engine have it; empty: the image's own, which is root."""
    capabilities: frozenset[str]
    writable: frozenset[str]
    """Paths of its tmpfs mounts."""


def documented() -> dict[str, Container]:
    """Every container of the table, by service; one of another folder may do no more than these."""
    text = (root() / "docs" / "containers.md").read_text(encoding="utf-8")
    found: dict[str, Container] = {}
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) != 5 or not cells[0].startswith("`"):
            continue
        names, user, capabilities, writable, _ = cells
        row = Container(
            USERS[user],
            frozenset(_words(capabilities)),
            frozenset(PLACES.get(place, place) for place in _words(writable)),
        )
        found |= dict.fromkeys(_words(names), row)
    return found


def _words(cell: str) -> list[str]:
    return [] if cell == "-" else re.split(r",\s*", cell.replace("`", ""))
