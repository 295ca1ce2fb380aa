"""Who started the daemon, and who else uses it: what decides whether it may be stopped."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from lab.checkout import LABEL
from lab.engine.processes import Process

LABEL_PATH = "test.lab.path"
FORMAT = 1


class Owner(BaseModel):
    """The record beside the daemon: written by who started it, read by every checkout."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: int = FORMAT
    checkout: str
    """Identity of the checkout, see :func:`lab.checkout.identity`."""
    path: str
    """Directory of the checkout."""
    pid: int
    started_ticks: int
    socket: str
    log_file: str

    def owns(self, process: Process) -> bool:
        """Whether this record is about ``process``, and not about an earlier one with its pid."""
        return (process.pid, process.started_ticks) == (self.pid, self.started_ticks)


@dataclass(frozen=True)
class Container:
    """A running container, as far as its owner matters."""

    name: str
    labels: Mapping[str, str]


def read_owner(path: Path) -> Owner | None:
    """The record at ``path``; None when there is none or it is not one that this version wrote.

    An unreadable record counts as nobody's: the daemon is then left alone, which is the safe side.
    """
    try:
        owner = Owner.model_validate_json(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError, PermissionError, ValidationError):
        return None
    return owner if owner.format == FORMAT else None


def write_owner(path: Path, owner: Owner) -> None:
    """Write the record in one step, so that no reader sees half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(owner.model_dump_json(indent=2) + "\n", encoding="utf-8")
    temporary.replace(path)


def other_users(containers: Iterable[Container], checkout: str) -> list[str]:
    """Running containers that are not this checkout's, each with whose it is."""
    others = []
    for container in containers:
        label = container.labels.get(LABEL)
        if label is None:
            others.append(f"{container.name} (not of a lab)")
        elif label != checkout:
            where = container.labels.get(LABEL_PATH) or f"checkout {label}"
            others.append(f"{container.name} (of the lab in {where})")
    return sorted(others)
