"""What holds for the house as a whole: its names, and how its size is counted."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.host.checkout import root
from tools.house import Size, size_of

PUBLIC_CLASS = re.compile(r"^class ([A-Za-z]\w*)", re.MULTILINE)


def test_no_two_public_classes_have_the_same_name() -> None:
    places: defaultdict[str, list[str]] = defaultdict(list)
    for path in sorted((root() / "lab").rglob("*.py")):
        for name in PUBLIC_CLASS.findall(path.read_text("utf-8")):
            places[name].append(str(path.relative_to(root())))
    assert len(places) > 300
    several = {name: found for name, found in places.items() if len(found) > 1}
    assert not several, f"one name, several things: {several}"


#: Rooms that know servers by what is found of them.
WITHOUT_SERVERS = ("own", "check", "cli", "exercises")


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def names_in(path: Path) -> Iterator[str]:
    """Every name of a module, and every name of a thing of another."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name):
                yield name
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name) | ast.keyword(arg=str(name)):
                yield name


@pytest.mark.parametrize("room", WITHOUT_SERVERS)
def test_no_server_is_named_where_people_s_own_files_are_read(room: str) -> None:
    folders = [path.parent.name for path in (root() / "lab/servers").glob("*/__init__.py")]
    readers = [
        path.parent.parent.name for path in (root() / "lab/servers").glob("*/own/__init__.py")
    ]
    assert {"vsftpd", "nginx"} <= set(readers)
    for path in sorted((root() / "lab" / room).rglob("*.py")):
        for name in imported(path):
            assert name.split(".")[:2] != ["lab", "servers"] or name.split(".")[2] not in folders, (
                path
            )
        named = {name for name in names_in(path) for one in readers if one in name.lower()}
        assert not named, f"{path}: {named}"


def test_code_is_counted_without_blanks_comments_and_docstrings() -> None:
    source = '"""Module."""\n\n# why\nX = """not a\ndocstring"""\n\ndef f():\n    """One."""\n    return 1\n'
    assert size_of(source) == Size(files=1, small=1, code=4, docstrings=2)
