"""What the unit tests share: each is made in one process; what starts others is in ``tests/integration``."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.unit import rsa_keys

#: What Python says before it starts a process.
STARTING = {"subprocess.Popen", "os.fork", "os.forkpty", "os.posix_spawn", "os.exec", "os.system"}

# A machine with other work on it makes examples slowly: that says nothing about what is tested.
settings.register_profile("lab", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("lab")


def pytest_configure(config: pytest.Config) -> None:
    """RSA keys come in turn."""
    patch = pytest.MonkeyPatch()
    config.add_cleanup(patch.undo)
    rsa_keys.in_turn(patch, rsa_keys.folder(config))
    # What the system is called the standard library asks `uname`, once.
    platform.platform()
    watch = Watch()
    sys.addaudithook(watch.hear)
    config.pluginmanager.register(watch)


class Watch:
    """Lets no unit test start a process."""

    def __init__(self) -> None:
        self._forbidden = False

    def hear(self, event: str, _arguments: tuple[object, ...]) -> None:
        """Ends what is about to start one.

        Raises:
            RuntimeError: while a unit test is made.
        """
        if self._forbidden and event in STARTING:
            raise RuntimeError("a unit test starts no process: it belongs in tests/integration")

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self._forbidden = item.path.parent.name == "unit"
        try:
            return (yield)
        finally:
            self._forbidden = False
