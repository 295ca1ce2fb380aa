"""Which checkout of the lab this is.

Several checkouts may share one machine and one engine. Everything that one of them makes carries
its identity, so that each removes only its own.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

LABEL = "test.lab.checkout"


def root() -> Path:
    """The directory that holds this copy of the lab."""
    return Path(__file__).resolve().parent.parent


def here() -> Path:
    """The checkout to work in: this copy of the lab, or the one that ``LAB_ROOT`` names."""
    return Path(os.environ.get("LAB_ROOT") or root()).resolve()


def identity(path: Path | None = None) -> str:
    """Twelve hexadecimal digits that stand for the checkout at ``path`` (default: this one)."""
    resolved = (path or root()).resolve()
    return hashlib.sha256(str(resolved).encode()).hexdigest()[:12]


def state_directory(path: Path | None = None) -> Path:
    """Where this checkout keeps what it generates; ignored by git, removed by ``make clean``."""
    return (path or root()) / ".lab"
