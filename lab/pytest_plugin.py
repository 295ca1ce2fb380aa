"""The plug-in that pytest loads in every run of this environment, the lab's own or not.

It imports nothing until a module of ``scenarios/`` is collected; what pytest then says of cases is in
``pytest_items``.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from lab.run.pytest_items import ScenarioModule

_FOLDER = Path(__file__).parents[1] / "scenarios"
_ITEMS = "lab-items"
#: What a process of pytest-xdist hands to the one that reports: where its record is.
RECORD = "lab-record"
_RECORDS = pytest.StashKey[list[str]]()


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> ScenarioModule | None:
    """Collect the modules of the documents in the folder ``scenarios`` beside ``lab``."""
    if file_path.suffix != ".py" or _FOLDER not in file_path.parents or file_path.stem[0] == "_":
        return None
    from lab.run import pytest_items  # noqa: PLC0415 - a second of imports, of use for cases alone

    if not parent.config.pluginmanager.has_plugin(_ITEMS):
        parent.config.pluginmanager.register(pytest_items, _ITEMS)
    return pytest_items.ScenarioModule.from_parent(parent, path=file_path)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: pytest.Session) -> None:
    """Take over where the record is that a process of pytest-xdist has written."""
    path = getattr(node, "workeroutput", {}).get(RECORD)
    if path:
        add_record(node.config, path)


def add_record(config: pytest.Config, path: str) -> None:
    """Have the summary name a record."""
    config.stash.setdefault(_RECORDS, []).append(path)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Count the verdicts, and say where the record is."""
    verdicts: Counter[str] = Counter()
    for reports in terminalreporter.stats.values():
        for report in reports:
            properties = getattr(report, "user_properties", [])
            # An item counts once: by its call, or by its set-up if it did not get further.
            if properties and (report.when == "call" or (report.when == "setup" and report.failed)):
                verdicts.update(value for name, value in properties if name == "verdict")
    if not verdicts:
        return
    from lab.model.expectations import Verdict  # noqa: PLC0415 - of use for cases alone

    terminalreporter.section("scenarios")
    terminalreporter.write_line(", ".join(f"{verdicts.get(v, 0)} {v}" for v in Verdict))
    for path in terminalreporter.config.stash.get(_RECORDS, []):
        terminalreporter.write_line(f"record: {path}")
