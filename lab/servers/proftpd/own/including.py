"""The files that a proftpd.conf includes, read where it does: those that lie beside it.

``Include`` names a file, a folder, whose files are read in the order of their names, or a pattern for the
last part of a path (``src/parser.c``, ``parse_config_path2``). The path is an absolute one. What is in
``/etc/proftpd`` is looked for in the folder of the file that was given, for whoever has a copy of it; any
other file counts if it is in that folder. The rest stays as it is, and so does Debian's list of modules, in
whose place the lab has its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

from lab.own.findings import ONE_FILE, Origins
from lab.servers.proftpd.own.reading import joined, words_of

#: Where Debian has the configuration.
USUAL = PurePosixPath("/etc/proftpd")
MODULES = "modules.conf"
#: So deep may files include each other.
DEEPEST = 8


def gathered(file: Path, read: Callable[[Path], str]) -> tuple[str, Origins]:
    """The text of a file with that of the files that it includes, and where each line stands.

    A directive ``Include`` that was followed is a comment in it, above what the file has.

    Args:
        file: the proftpd.conf.
        read: reads one file; what it raises is raised.
    """
    text = read(file)
    if not file.is_file():
        return text, ONE_FILE
    rows = list(_rows(text, file, file.parent, read, DEEPEST))
    return "\n".join(row for row, _ in rows), Origins([at for _, at in rows])


def _rows(
    text: str, file: Path, folder: Path, read: Callable[[Path], str], deep: int
) -> Iterator[tuple[str, tuple[str, int]]]:
    """Each row, and where it stands."""
    followed = {
        first: (last, included)
        for first, last, line in joined(text)
        if deep and (included := _included(line, folder)) is not None
    }
    end = 0
    for number, row in enumerate(text.split("\n"), 1):
        if number in followed:
            end = followed[number][0]
        yield (f"# {row}" if number <= end else row), (str(file), number)
        if number == end:
            for one in next(files for last, files in followed.values() if last == end):
                inside = read(one).removesuffix("\n")
                yield from _rows(inside, one, folder, read, deep - 1)


def _included(line: str, folder: Path) -> list[Path] | None:
    """The files that a line includes; ``None``: it includes nothing, or what does not lie in the folder."""
    words, _ = words_of(line)
    if len(words) != 2 or words[0].lower() != "include":
        return None
    named = PurePosixPath(words[1])
    for root in (USUAL, PurePosixPath(folder.resolve())):
        if named.is_relative_to(root) and str(named.relative_to(root)) != MODULES:
            found = _named(folder / named.relative_to(root))
            return found if all(_is_in(one, folder) for one in found or ()) else None
    return None


def _named(path: Path) -> list[Path] | None:
    """The file, the files of the folder, or those that a pattern means, by their names; ``None``: no such."""
    if path.is_file():
        return [path]
    if path.is_dir():
        return [one for one in sorted(path.iterdir()) if one.is_file()]
    if not path.parent.is_dir() or not any(sign in path.name for sign in "*?["):
        return None
    hidden = path.name.startswith(".")
    return [
        one
        for one in sorted(path.parent.glob(path.name))
        if one.is_file() and one.name.startswith(".") is hidden
    ]


def _is_in(file: Path, folder: Path) -> bool:
    """Whether it is in the folder whatever links lead to."""
    return file.resolve().is_relative_to(folder.resolve())
