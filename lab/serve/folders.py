"""The folders of what is served: certificates to trust, and configurations to edit."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from lab.run.checkout import Checkout


def _folders(checkout: Checkout) -> Path:
    return checkout.state / "serve"


@contextmanager
def own_folder(checkout: Checkout, first: int) -> Iterator[Path]:
    """A folder for what is served from this port on, which only one command can have.

    Those of commands that were killed are removed first.
    """
    remove_left(checkout)
    own = _folders(checkout) / str(first)
    own.mkdir(parents=True, exist_ok=True)
    with FileLock(own / "lock").acquire(blocking=False):
        try:
            yield own
        finally:
            shutil.rmtree(own, ignore_errors=True)
            with contextlib.suppress(OSError):  # another one is there
                own.parent.rmdir()


def remove_left(checkout: Checkout) -> list[Path]:
    """Remove the folders of commands that were killed; which they were."""
    removed: list[Path] = []
    folders = _folders(checkout)
    for left in sorted(folders.iterdir()) if folders.is_dir() else ():
        lock = FileLock(left / "lock")
        with contextlib.suppress(Timeout, OSError), lock.acquire(blocking=False):
            shutil.rmtree(left)
            removed.append(left)
    if removed:
        with contextlib.suppress(OSError):  # another one is there
            folders.rmdir()
    return removed
