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
    stamp: tuple[int, int, int] | None = field(default=None)
    """Time, size and number of the file; ``None``: there is none."""


class Editing:
    """The files of the entries, which may be changed while they are served."""

    def __init__(
        self,
        folder: Path,
        started: Sequence[tuple[ServedEntry, Started]],
        servers: Servers,
        say: Callable[[str], None],
    ) -> None:
        """Nothing is written yet."""
        self._folder = folder
        self._started = started
        self._servers = servers
        self._say = say
        self._files: list[_File] = []

    def write(self) -> list[tuple[ServedEntry, Path]]:
        """Write each configuration to a file; from now on they are watched."""
        for entry, one in self._started:
            name = _NOT_IN_A_NAME.sub("-", entry.name).strip("-")
            ending = "json" if one.configuration.startswith("{") else "conf"
            program = one.settings.software.partition("@")[0]
            path = self._folder / name / f"{program}.{ending}"
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
                    await self._changed(file)

    async def _changed(self, file: _File) -> None:
        name = file.entry.name
        if file.stamp is None:
            state = "goes on with what it read last" if file.running else "does not run"
            self._say(f"{name}: {file.path} is gone; the server {state}. Write it again to go on")
            return
        try:
            text = _read(file.path)
        except (OSError, ValueError) as error:
            self._say(f"{name}: {file.path} cannot be read ({error}); the server was not touched")
            return
        if text == file.text:
            return
        file.text = text
        loop = asyncio.get_running_loop()
        try:
            started = await loop.run_in_executor(None, self._servers.restart, file.entry, text)
        except AgentError as error:
            file.running = False
            self._say(f"{name}: not served any more: {error}. Save the file again to try once more")
            return
        file.running = started.running
        if started.running:
            self._say(f"{name}: the server was started again and serves what {file.path} says")
            return
        said = visible(started.said.replace(file.inside, str(file.path))) or "nothing"
        self._say(
            f"{name}: the server does not start with this. It says:\n"
            + "".join(f"    {line}\n" for line in said.splitlines())
            + "  The one before has ended: nobody answers here until the file is saved anew"
        )


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        seen = path.stat()
    except OSError:
        return None
    return seen.st_mtime_ns, seen.st_size, seen.st_ino


def _read(path: Path) -> str:
    """The text of a file.

    Raises:
        OSError, ValueError: it cannot be read, or is no text of a server's.
    """
    if not path.is_file():  # to open a pipe would wait for whoever writes into it
        raise ValueError("it is no file")
    if path.stat().st_size > LONGEST:
        raise ValueError(f"it has more than {LONGEST} bytes")
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"it is no UTF-8 text from byte {error.start} on") from error
