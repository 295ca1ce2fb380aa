"""A pytest plugin: once one item of a test function has failed, its other items are not run."""

from __future__ import annotations

import pytest

_red: set[str] = set()


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Remember which functions have failed by themselves."""
    if report.when == "call" and report.failed:
        _red.add(function(report.nodeid))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what can tell nothing new."""
    if function(item.nodeid) in _red:
        pytest.skip("another item of this function has failed")


def function(node: str) -> str:
    """The node of a function, of that of one of its items."""
    return node.partition("[")[0]
