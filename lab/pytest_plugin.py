"""The plug-in that pytest loads in every run of this environment, the lab's own or not.

It imports nothing until a module of ``scenarios/`` is collected; what pytest then says of cases is in
``pytest_items``.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from lab.run.pytest_items import ScenarioModule

_FOLDER = Path(__file__).parents[1] / "scenarios"
_ITEMS = "lab-items"


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> ScenarioModule | None:
    """Collect the modules of the documents in the folder ``scenarios`` beside ``lab``."""
    if file_path.suffix != ".py" or _FOLDER not in file_path.parents or file_path.stem[0] == "_":
        return None
    from lab.run import pytest_items  # noqa: PLC0415 - a second of imports, of use for cases alone

    if not parent.config.pluginmanager.has_plugin(_ITEMS):
        parent.config.pluginmanager.register(pytest_items, _ITEMS)
    return pytest_items.ScenarioModule.from_parent(parent, path=file_path)
