"""Which checkout of the lab this is.

Several checkouts may share one machine and one engine. Everything that one of them makes carries
its identity, so that each removes only its own.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

LABEL_CHECKOUT = "test.lab.checkout"
"""Label on every object that the lab makes on an engine: the identity of its checkout."""
LABEL_PATH = "test.lab.path"
"""Label beside it: the directory of that checkout."""


#: What an installed lab has of the working tree beside its package: ``compose`` and ``scenarios``.
_INSTALLED = Path(__file__).resolve().parents[1] / "_data"


def root() -> Path:
    """The directory that holds this copy of the lab: its ``compose`` and its ``scenarios``."""
    return _INSTALLED if _INSTALLED.is_dir() else _INSTALLED.parents[1]


def source() -> Path:
    """The checkout whose containers and cases are used: the one that ``LAB_ROOT`` names, or this copy."""
    return Path(os.environ.get("LAB_ROOT") or root()).resolve()


def here() -> Path:
    """The checkout to work in: :func:`source`.

    For an installed lab it is the git repository around the current directory, else that directory.
    """
    return repository(Path.cwd()) or Path.cwd() if source() == _INSTALLED else source()


def repository(path: Path) -> Path | None:
    """The top of the git repository that a folder is in; ``None``: it is in none."""
    return next((top for top in (path, *path.parents) if (top / ".git").exists()), None)


def identity(path: Path | None = None) -> str:
    """Twelve hexadecimal digits that stand for the checkout at ``path`` (default: this one)."""
    resolved = (path or root()).resolve()
    return hashlib.sha256(str(resolved).encode()).hexdigest()[:12]


def state_directory(path: Path | None = None) -> Path:
    """Where this checkout keeps what it generates; ignored by git, removed by ``make clean``."""
    return (path or root()) / ".lab"


def lock_directory() -> Path:
    """Where every lab on this machine keeps its locks, whoever runs it."""
    path = Path(tempfile.gettempdir()) / "tls-lab-locks"
    path.mkdir(exist_ok=True)
    if path.stat().st_uid == os.geteuid():
        path.chmod(0o1777)  # a lab of another user must be able to put its own locks there
    return path
