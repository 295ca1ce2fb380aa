"""Configurations as files: written down, watched, and read again by the server when they are saved."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lab.run.link import AgentError
from lab.serve.names import ServedEntry
from lab.serve.servers import Servers, Started
from lab.text import visible
from lab.words import InBothLanguages, read_words

#: Seconds between two looks at the files.
LOOK_S = 0.25
#: A longer file is none that a server reads, in bytes.
LONGEST = 256 * 1024
_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9.@-]+")


@dataclass
class _File:
    """The file of an entry, as it was seen last."""

    entry: ServedEntry
    path: Path
    inside: str
    """What it is called in the container."""
    text: str
    running: bool
    stamp: tuple[int, int, int] | None
    """Time, size and number of the file; ``None``: there is none."""


@dataclass
class Editing:
    """The files of the entries, which may be changed while they are served."""

    folder: Path
    """Where they are written."""
    started: Sequence[tuple[ServedEntry, Started]]
    servers: Servers
    say: Callable[[InBothLanguages], None]
    """Tells people what came of a change."""
    _files: list[_File] = field(default_factory=list)

    def write(self) -> list[tuple[ServedEntry, Path]]:
        """Write each configuration to a file; from now on they are watched."""
        for entry, one in self.started:
            name = _NOT_IN_A_NAME.sub("-", entry.name).strip("-")
            ending = "json" if one.configuration.startswith("{") else "conf"
            program = one.settings.software.partition("@")[0]
            path = self.folder / name / f"{program}.{ending}"
            path.parent.mkdir()
            path.write_text(one.configuration, encoding="utf-8")
            inside = f"{one.directory}/config"
            file = _File(entry, path, inside, one.configuration, one.running, _stamp(path))
            self._files.append(file)
        return [(file.entry, file.path) for file in self._files]

    async def watch(self) -> None:
        """Have each server read its file again when that has changed; ends never."""
        while True:
            await asyncio.sleep(LOOK_S)
            for file in self._files:
                stamp = _stamp(file.path)
                if stamp != file.stamp:
                    file.stamp = stamp
                    if (words := await self._came_of(file)) is not None:
                        self.say(words)

    async def _came_of(self, file: _File) -> InBothLanguages | None:
        """What came of a change; ``None``: nothing has changed for the server."""
        place: dict[str, object] = {"name": file.entry.name, "file": file.path}
        if file.stamp is None:
            state = _said("goes-on" if file.running else "does-not-run")
            return _said("gone", state=state, **place)
        try:
            text = _read(file.path)
        except OSError as error:
            return _said("not-read", why=error, **place)
        if isinstance(text, InBothLanguages):
            return _said("not-read", why=text, **place)
        if text == file.text:
            return None
        file.text = text
        loop = asyncio.get_running_loop()
        try:
            started = await loop.run_in_executor(None, self.servers.restart, file.entry, text)
        except AgentError as error:
            file.running = False
            return _said("not-served", why=error, **place)
        file.running = started.running
        if started.running:
            return _said("started-again", **place)
        words = visible(started.said.replace(file.inside, str(file.path)))
        said = InBothLanguages(words, words) if words else _said("nothing")
        return _said("does-not-start", said=_indented(said), **place)


def _said(name: str, /, **values: object) -> InBothLanguages:
    return read_words(Path(__file__).with_name("said.toml"))["editing"][name].format(**values)


def _indented(said: InBothLanguages) -> InBothLanguages:
    """Each line of it, further in."""
    each = (said.en, said.ja)
    return InBothLanguages(*("".join(f"    {one}\n" for one in text.splitlines()) for text in each))


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        seen = path.stat()
    except OSError:
        return None
    return seen.st_mtime_ns, seen.st_size, seen.st_ino


def _read(path: Path) -> str | InBothLanguages:
    """The text of a file, or why it is no text of a server's.

    Raises:
        OSError: it cannot be read.
    """
    if not path.is_file():  # to open a pipe would wait for whoever writes into it
        return _said("no-file")
    if path.stat().st_size > LONGEST:
        return _said("too-long", most=LONGEST)
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        return _said("no-text", place=error.start)
