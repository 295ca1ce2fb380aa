"""Starting and stopping dockerd where no service manager does it.

:func:`observe` (``observing``) looks at what an earlier daemon left, ``clearing`` decides what has
to go before a new one can start and removes it, :func:`start` (``starting``) does both and waits
for the answer, :func:`shut_down` (``stopping``) ends a daemon and what it would leave.
"""

from lab.engine.daemon.observing import Observed, is_dockerd_of, observe
from lab.engine.daemon.starting import record_owner, start
from lab.engine.daemon.stopping import Say, left_mounts, shut_down

__all__ = [
    "Observed",
    "Say",
    "is_dockerd_of",
    "left_mounts",
    "observe",
    "record_owner",
    "shut_down",
    "start",
]
