"""Waiting for what another lab on this machine has locked."""

from __future__ import annotations

from filelock import FileLock, Timeout

from lab.run.topology.projects import TopologyError


def acquire(lock: FileLock, whose: str, wait_s: float) -> None:
    """Take a lock, or say who has it.

    Raises:
        TopologyError: it was not free for all of ``wait_s`` seconds.
    """
    try:
        lock.acquire(timeout=wait_s)
    except Timeout as error:
        raise TopologyError(
            f"{whose} for {wait_s:g} s: see which one with `fuser {lock.lock_file}`"
        ) from error
