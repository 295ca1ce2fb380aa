"""Debian's folder of settings, ``/etc/pure-ftpd/conf``, one file an option, as one pure-ftpd.conf.

Debian starts Pure-FTPd with ``pure-ftpd-wrapper``, which makes options of the command line of these files. Of
a file the first line counts that is neither empty nor a comment, of a switch the first that says yes. Files
whose names are no words are passed over. Of those that say how users are known only those count to which the
folder ``auth`` beside it has a link. Two numbers have a blank between them, in a pure-ftpd.conf a colon.

Source: ``/usr/sbin/pure-ftpd-wrapper`` of Debian 12 and 13.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

from lab.own.findings import BLANKS, Findings, Origins, data
from lab.servers.pure_ftpd.own.reading import TABLE, YES, PureFtpdOption, options
from lab.text import cut

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]+", re.ASCII)


def gathered(folder: Path, read: Callable[[Path], str]) -> tuple[str, Origins]:
    """The folder as the text of a pure-ftpd.conf, and where each line stands.

    Args:
        folder: with a file for each option.
        read: reads one file; what it raises is raised.

    Raises:
        InputError: the wrapper ends at a file.
    """
    rows: list[str] = []
    origins: list[tuple[str, int]] = []
    for file in _files(folder):
        for number, row in _rows(file, read(file)):
            rows.append(row)
            origins.append((str(file), number))
    return "\n".join([*rows, ""]), Origins((*origins, (str(folder), 1)))


def _files(folder: Path) -> Iterator[Path]:
    table = data(TABLE)["folder"]
    auth = folder.absolute().parent / "auth"
    linked = (
        {one.readlink().name for one in auth.iterdir() if one.is_symlink()}
        if auth.is_dir()
        else None
    )
    for file in sorted(folder.iterdir()):
        name = file.name
        if not _NAME.fullmatch(name) or name in table["passed-over"] or file.is_dir():
            continue
        if name in table["users"] and linked is not None and name not in linked:
            continue
        if name not in table["options"] and name not in table["users"]:
            raise Findings(str(file), TABLE).fail("not-of-the-folder", None, name=cut(name))
        yield file


def _rows(file: Path, text: str) -> Iterator[tuple[int, str]]:
    """The line of an option, with the comments around it."""
    option = options()[file.name.lower()]
    said = False
    for number, row in enumerate(text.removesuffix("\n").split("\n"), 1):
        bare = row.strip(BLANKS)
        if not bare or bare.startswith("#") or said:
            yield number, bare if bare.startswith("#") or not bare else f"# {bare}"
            continue
        value = _value(option, bare)
        if value is None:
            raise Findings(str(file), TABLE).fail(
                "folder-value", number, name=file.name, value=cut(bare)
            )
        said = not option.is_switch or value == YES
        yield number, f"{option.name} {bare if option.is_switch else value}"


def _value(option: PureFtpdOption, text: str) -> str | None:
    """The value as a pure-ftpd.conf has it; ``None``: the wrapper takes none."""
    if option.is_switch:
        return option.value_of(text) if text.lower() not in ("true", "false") else None
    pairs = "):(" in option.takes[0]
    value = re.sub(r"\s+", ":", text, count=1) if pairs else text
    return value if option.value_of(value) is not None and not (pairs and ":" in text) else None
