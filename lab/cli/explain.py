"""``lab explain``: what a message or a log can mean."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from lab.cli import common


def explain(
    texts: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[TEXT]...",
            help="The message, after `--` if it begins with `-`; `-` or nothing: standard input.",
        ),
    ] = None,
    file: Annotated[
        Path | None, typer.Option("--file", "-f", metavar="FILE", help="A log.")
    ] = None,
    language: Annotated[Literal["en", "ja"], typer.Option("--lang", help="en, ja")] = "en",
    verbose: common.Verbose = False,
    as_json: common.AsJson = False,
) -> None:
    """``lab explain``: exit status 0 with a candidate, 1 if nothing is known, 2 if nothing was given."""
    given = _given(texts or [], file)
    from lab.explain.answer import explain as answer

    found = answer(given)
    if as_json:
        common.print_json(found.as_json(language))
    else:
        from lab.explain.telling import told

        for line in told(found, language, everything=verbose):
            common.say(line)
    raise typer.Exit(common.OK if found.candidates else common.SURPRISE)


def _given(texts: list[str], file: Path | None) -> bytes:
    """The text: arguments, a file, else what comes on standard input.

    Raises:
        typer.BadParameter: nothing was given, or the file cannot be read.
    """
    from lab.explain.reading import MOST_BYTES

    parts = [os.fsencode(text) for text in texts if text != "-"]
    if file is not None:
        try:
            parts.append(_pipe(file) if file.is_fifo() else _start(file, MOST_BYTES))
        except OSError as error:
            from lab.text import one_line

            raise typer.BadParameter(
                one_line(
                    f"{file}: {error.strerror}; give a file that can be read, or the text itself"
                )
            ) from None
    elif "-" in texts or not parts:
        if not texts and sys.stdin.isatty():
            raise typer.BadParameter(_NOTHING)
        parts.append(sys.stdin.buffer.read(MOST_BYTES))
    given = b"\n".join(parts)
    if not given.strip():
        raise typer.BadParameter(_NOTHING)
    return given


def _start(file: Path, most: int) -> bytes:
    with file.open("rb") as stream:
        return stream.read(most)


def _pipe(file: Path) -> bytes:
    """A pipe's bytes, which must come in time: one without a writer would hold the opening."""
    from lab.explain.reading import MOST_BYTES
    from lab.own import files

    try:
        return files.read(file, files.ReadLimit("log", MOST_BYTES))
    except files.Unreadable as error:
        raise typer.BadParameter(f"{file}: {error}") from None


_NOTHING = "no text was given: write the message in quotes, or `lab explain < LOG`"
