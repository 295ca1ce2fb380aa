"""For a process that becomes another program: the kernel ends it when its agent ends.

Not for every server: it takes ctypes, which the Python of the CentOS 7 stand-in cannot load.
"""

import ctypes
import os
import signal

_PR_SET_PDEATHSIG = 1
#: Whoever has loaded this.
_AGENT = os.getpid()


def end_with_the_agent() -> None:
    """In a forked process: be killed when the agent ends, however it ends."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != _AGENT:
        # It has ended meanwhile.
        os._exit(1)
