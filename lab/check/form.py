"""How a person's configuration file is read and written again, by the server that it is for."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from lab.check.demands import failure
from lab.model import ServerSettings
from lab.own.configurations import (
    ConfigurationText,
    GivenFiles,
    WritableConfiguration,
    options_in_words,
    readers,
)
from lab.own.files import Unreadable, check_regular
from lab.own.rewriting import as_bytes, read_exactly
from lab.servers import server_of


@dataclass(frozen=True)
class WantedStrongest:
    """That the strongest configuration is to be found, and for which file."""

    form: WritableConfiguration
    language: str = "en"
    """Of the comments in it."""
    always: bool = False
    """Whether it is looked for where nothing is broken as well."""


def form_of(server: ServerSettings, files: GivenFiles) -> WritableConfiguration | None:
    """The form of the configuration that was read as these settings.

    Args:
        server: what was read.
        files: what is checked.

    Returns:
        ``None``: there is no configuration, or it is a pipe, which has nothing a second time.

    Raises:
        InputError: it cannot be read any more.
    """
    one = next(iter(files.given), None)
    if one is None or not isinstance(server, one.reader.settings) or not one.reader.is_written:
        return None
    try:
        if not one.file.is_dir():
            check_regular(one.file)
    except Unreadable:
        return None
    text, _ = one.reader.reading.gather(one.file, read_exactly)
    program = server_of(server)
    return one.reader.reading.writable(
        ConfigurationText(text=text, file=str(one.file), server=program, build=one.build)
    )


def wanted_strongest(
    server: ServerSettings,
    files: GivenFiles,
    language: str,
    *,
    search: bool | None,
    write: Path | None,
) -> WantedStrongest | None:
    """Whether the strongest configuration is to be found: by itself where something is broken.

    Args:
        server: what was read.
        files: what is checked.
        language: of the comments in it.
        search: whether it is wanted; ``None``: nobody has said.
        write: where it is to be written; then it is wanted.

    Raises:
        InputError: it cannot be found, or not be written there.
    """
    if write is not None:
        if search is False:
            raise failure("--write", None, "not-searched")
        _check_unwritten(write)
    if search is False:
        return None
    form, always = form_of(server, files), bool(search or write)
    if form is None and always:
        option = "--write" if write else "--strongest"
        written = [one for one in readers().values() if one.is_written]
        unwritten = [one.reader.file for one in files.given if not one.reader.is_written]
        if unwritten:
            raise failure(option, None, "no-stronger", file=unwritten[0])
        named = options_in_words(written)
        raise failure(option, None, "no-configuration", configurations=named)
    return WantedStrongest(form, language, always) if form is not None else None


def write_new(file: Path, text: str) -> None:
    """Write a configuration into a new file.

    Raises:
        InputError: it is there by now, or cannot be written.
    """
    _check_unwritten(file)
    try:
        with file.open("xb") as new:
            new.write(as_bytes(text))
    except OSError as error:
        raise failure(str(file), None, "not-written", error=error.strerror or error) from error


def _check_unwritten(file: Path) -> None:
    """Nothing is overwritten: there must be no such file.

    Raises:
        InputError: there is one, or no folder for it.
    """
    if os.path.lexists(file):
        raise failure(str(file), None, "is-there")
    if not file.absolute().parent.is_dir():
        raise failure(str(file), None, "no-folder")
