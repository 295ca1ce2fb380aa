"""What all tests share."""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections import Counter
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from xdist.remote import Producer
    from xdist.scheduler import LoadFileScheduling

# Tests start hundreds of processes that import the lab. It is compiled once, also where Python was told to
# keep nothing of that.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
gc.set_threshold(500_000)


def pytest_collection_finish() -> None:
    """What is imported and collected stays: it is not searched for garbage again and again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def ctrl_c_is_heard() -> None:
    """A shell's background job ignores Ctrl-C, and so would every command that tests start and interrupt."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadFileScheduling:
    """Each process has modules of its own, in this order; one has all cases: they are made in one run."""
    from xdist.scheduler import LoadFileScheduling  # noqa: PLC0415 - only where it is asked for

    config.option.loadscopereorder = False
    scheduling = LoadFileScheduling(config, log)
    scheduling._split_scope = scope_of
    return scheduling


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Of processes side by side none is to begin last with what takes long; nor with what has most tests."""
    if hasattr(config, "workerinput"):
        slow = {scope_of(item.nodeid) for item in items if item.get_closest_marker("slow")}
        tests = Counter(scope_of(item.nodeid) for item in items)
        items.sort(
            key=lambda item: (-(scope_of(item.nodeid) in slow), -tests[scope_of(item.nodeid)])
        )


def scope_of(node: str) -> str:
    """What is run by one process: a module, or all cases."""
    module = node.split("::", 1)[0]
    return "scenarios" if module.startswith("scenarios/") else module
