"""A run without a name has no document that is run by name alone; asked of a Python of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def test_a_document_by_name_is_no_part_of_a_run_without_one(tmp_path: Path) -> None:
    for name, by_name in (("apart", True), ("usual", False)):
        folder = tmp_path / "scenarios" / name
        folder.mkdir(parents=True)
        folder.joinpath("__init__.py").write_text(f"BY_NAME = {by_name}\n")
        folder.joinpath(f"{name}_topic.py").write_text(
            "from lab.cases import Case, case, curl, vsftpd\n"
            "from lab.model import Attempt\n"
            "from lab.model.expectations import completed\n"
            '@case(section="S", clients=[curl("rocky9", "DEFAULT")])\n'
            'def one(client):\n    """A story."""\n'
            "    return Case(Attempt(vsftpd(), client), completed())\n"
        )
    (tmp_path / "scenarios" / "__init__.py").touch()
    program = (
        "from pathlib import Path; from lab.cases import Catalogue\n"
        "found = Catalogue.load(Path('scenarios'))\n"
        "for chosen in ({}, {'document': 'apart'}, {'every': True}):\n"
        "    print([c.document for c in found.select([], **chosen)])\n"
        "print([c.document for c in found.select(['apart_topic'])])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == ["['usual']", "['apart']", "['apart', 'usual']", "['apart']"]
