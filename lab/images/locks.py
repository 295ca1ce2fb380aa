"""One lock an image tag, machine-wide: two labs never build the same image at the same time."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from lab.images.errors import ImageError, Problem

WAIT_S = 1800.0


def directory() -> Path:
    """Where every lab on this machine keeps its locks, whoever runs it."""
    path = Path(tempfile.gettempdir()) / "tls-lab-locks"
    path.mkdir(exist_ok=True)
    if path.stat().st_uid == os.geteuid():
        path.chmod(0o1777)  # a lab of another user must be able to put its own locks there
    return path


@contextmanager
def tag_lock(
    tag: str, report: Callable[[str], None], *, wait_s: float = WAIT_S, where: Path | None = None
) -> Iterator[None]:
    """Hold the lock on an image tag.

    The lock ends with its process, however that ends; there is no stale lock to clean up.

    Args:
        tag: the image's final name.
        report: told when there is something to wait for.
        wait_s: seconds to wait for another process.
        where: the directory of the locks (default: the machine-wide one).

    Raises:
        ImageError: another process held it for longer than ``wait_s``, or it belongs to somebody
            who does not share it.
    """
    path = (where or directory()) / (tag.replace("/", "-").replace(":", "-") + ".lock")
    lock = FileLock(path, mode=0o666)
    try:
        try:
            lock.acquire(timeout=0)
        except Timeout:
            report("another lab on this machine is making it; waiting")
            lock.acquire(timeout=wait_s, poll_interval=0.1)
    except Timeout as error:
        raise ImageError(
            Problem.LOCKED,
            tried=f"making {tag}",
            happened=f"another lab has been making it for {wait_s:g} s and holds {path}",
            advice=[f"look for the process that holds the lock: fuser {path}"],
        ) from error
    except PermissionError as error:
        raise ImageError(
            Problem.LOCKED,
            tried=f"taking the lock {path}",
            happened=str(error),
            advice=[f"remove {path} as its owner; a lab of another user left it"],
        ) from error
    try:
        yield
    finally:
        lock.release()
