"""What holds for the house as a whole: its names, and how its size is counted."""

from __future__ import annotations

import ast
from collections import defaultdict

from lab.host.checkout import root
from tools.house import Size, size_of


def test_no_two_public_classes_have_the_same_name() -> None:
    places: defaultdict[str, list[str]] = defaultdict(list)
    for path in sorted((root() / "lab").rglob("*.py")):
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(str(path.relative_to(root())))
    several = {name: found for name, found in places.items() if len(found) > 1}
    assert not several, f"one name, several things: {several}"


def test_code_is_counted_without_blanks_comments_and_docstrings() -> None:
    source = '"""Module."""\n\n# why\nX = """not a\ndocstring"""\n\ndef f():\n    """One."""\n    return 1\n'
    assert size_of(source) == Size(files=1, small=1, code=4, docstrings=2)
