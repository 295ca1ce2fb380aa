"""Which checkout of the lab this is.

Several checkouts may share one machine and one engine. Everything that one of them makes carries
its identity, so that each removes only its own.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

LABEL = "test.lab.checkout"


#: What an installed lab has of the working tree beside its package: ``compose`` and ``scenarios``.
_INSTALLED = Path(__file__).resolve().parent / "_data"


def root() -> Path:
    """The directory that holds this copy of the lab: its ``compose`` and its ``scenarios``."""
    return _INSTALLED if _INSTALLED.is_dir() else _INSTALLED.parents[1]


def source() -> Path:
    """The checkout whose containers and cases are used: the one that ``LAB_ROOT`` names, or this copy."""
    return Path(os.environ.get("LAB_ROOT") or root()).resolve()


def here() -> Path:
    """The checkout to work in: :func:`source`, but for an installed lab the current directory."""
    return Path.cwd() if source() == _INSTALLED else source()


def identity(path: Path | None = None) -> str:
    """Twelve hexadecimal digits that stand for the checkout at ``path`` (default: this one)."""
    resolved = (path or root()).resolve()
    return hashlib.sha256(str(resolved).encode()).hexdigest()[:12]


def state_directory(path: Path | None = None) -> Path:
    """Where this checkout keeps what it generates; ignored by git, removed by ``make clean``."""
    return (path or root()) / ".lab"
