"""What belongs to this checkout: its state directory, its name on the engine, its runs."""

from __future__ import annotations

import datetime
import secrets
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from lab.host.checkout import here, identity, lock_directory, source, state_directory

#: Labels on every object that the lab creates on the engine, beside those of :mod:`lab.host.checkout`.
LABEL_RUN = "test.lab.run"
LABEL_KEPT = "test.lab.kept"
#: Locks are shared by the labs of all users of a machine.
LOCK_MODE = 0o666


@dataclass(frozen=True)
class Checkout:
    """A working copy of the lab; several can use one machine at the same time."""

    root: Path
    source: Path | None = None
    """Where its containers are described, if that is not in it."""

    @classmethod
    def here(cls) -> Checkout:
        """The checkout to work in (see :func:`lab.host.checkout.here`)."""
        return cls(here(), source())

    @property
    def key(self) -> str:
        """The digits that name this checkout on the engine."""
        return identity(self.root)

    @property
    def state(self) -> Path:
        """Where everything generated goes; ignored by git."""
        return state_directory(self.root)

    def make_state(self) -> None:
        """Make that directory, with what keeps git from seeing it in whosever repository it is."""
        ignored = self.state / ".gitignore"
        with suppress(OSError):  # whoever writes there next says what is in the way
            self.state.mkdir(exist_ok=True)
            if not ignored.exists():
                ignored.write_text("*\n", encoding="utf-8")

    @property
    def compose_file(self) -> Path:
        """The topology, as Compose reads it."""
        return (self.source or self.root) / "compose" / "compose.yaml"

    @property
    def kept_project(self) -> str:
        """Compose project of the topology that ``lab up`` leaves running."""
        return f"tls-lab-{self.key}"

    def run_project(self, run_id: str) -> str:
        """Compose project of a run that brings its own topology."""
        return f"tls-lab-{self.key}-{run_id.lower()}"


def new_run_id(now: datetime.datetime | None = None) -> str:
    """A sortable, unique name for a run: UTC date and time and four random digits."""
    now = now or datetime.datetime.now(datetime.UTC)
    return f"{now:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


def topology_lock(project: str) -> FileLock:
    """The lock that a process holds while it uses the topology ``project``."""
    return FileLock(lock_directory() / f"{project}.lock", mode=LOCK_MODE)


def subnets_lock() -> FileLock:
    """The lock that a process holds while it chooses a subnet and makes the network with it."""
    return FileLock(lock_directory() / "subnets.lock", mode=LOCK_MODE)


def in_use(project: str) -> bool:
    """Whether some living process uses the topology ``project``."""
    lock = topology_lock(project)
    try:
        lock.acquire(blocking=False)
    except (Timeout, PermissionError):  # another user's lock is not ours to judge
        return True
    lock.release()
    return False
