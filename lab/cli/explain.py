"""``lab explain``: what a message or a log can mean.

It reads its words with the standard library: the one that reads the others' takes longer to load than the
answer takes to be found.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from lab.cli.common import OK, SURPRISE, USAGE, asks_for_japanese, print_json, say
from lab.cli.entry import COMMANDS

_USAGE = "lab explain [OPTIONS] [TEXT]..."


class WrongUsage(Exception):
    """What was wrong with the command's words, by its name in ``telling.toml``."""

    def __init__(self, name: str, **values: object) -> None:
        super().__init__(name)
        self.name, self.values = name, values


def explain(words: Sequence[str]) -> int:
    """``lab explain``: 0 with a candidate, 1 if nothing is known, 2 if nothing was given."""
    end = words.index("--") if "--" in words else len(words)
    try:
        options = _parser().parse_intermixed_args(words[:end])
        given = _given([*options.texts, *words[end + 1 :]], options.file)
    except WrongUsage as wrong:
        _say_wrong(wrong, "ja" if asks_for_japanese(words[:end]) else "en")
        return USAGE
    from lab.explain.answer import explain as answer

    found = answer(given)
    if options.as_json:
        print_json(found.as_json(options.language))
    else:
        from lab.explain.telling import told

        for line in told(found, options.language, everything=options.verbose):
            say(line)
    return OK if found.candidates else SURPRISE


class _Help(argparse.HelpFormatter):
    """The help in the form that the other commands' has."""

    def add_usage(
        self, usage: str | None, actions: Any, groups: Any, prefix: str | None = "Usage: "
    ) -> None:
        super().add_usage(usage, actions, groups, prefix or "Usage: ")


class _Parser(argparse.ArgumentParser):
    """Leaves the message about what it does not understand to the command."""

    def error(self, message: str) -> NoReturn:
        raise WrongUsage("option", message=message)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        usage=_USAGE,
        description=COMMANDS["explain"][1],
        formatter_class=_Help,
        allow_abbrev=False,
        add_help=False,
    )
    parser.add_argument(
        "texts",
        metavar="TEXT",
        nargs="*",
        help="The message, after `--` if it begins with `-`; `-` or nothing: standard input.",
    )
    parser.add_argument("-f", "--file", metavar="FILE", type=Path, help="A log.")
    parser.add_argument(
        "--lang", dest="language", choices=("en", "ja"), default="en", help="English or Japanese."
    )
    parser.add_argument("-v", "--verbose", action="store_true", help="Print every detail.")
    parser.add_argument(
        "--json", dest="as_json", action="store_true", help="Print JSON instead of words."
    )
    parser.add_argument("-h", "--help", action="help", help="Show this message and exit.")
    return parser


def _say_wrong(wrong: WrongUsage, language: str) -> None:
    import tomllib

    from lab.explain.index import LAB, TELLING
    from lab.text import one_line

    told = tomllib.loads((LAB / TELLING).read_text(encoding="utf-8"))["wrong"]
    values = {name: one_line(str(value)) for name, value in wrong.values.items()}
    say(f"Usage: {_USAGE}\n{told['help'][language]}\n", error=True)
    say(told[wrong.name][language].format(**values), error=True)


def _given(texts: list[str], file: Path | None) -> bytes:
    """The text: arguments, a file, else what comes on standard input.

    Raises:
        WrongUsage: nothing was given, or the file cannot be read.
    """
    from lab.explain.reading import MOST_BYTES

    parts = [os.fsencode(text) for text in texts if text != "-"]
    if file is not None:
        try:
            parts.append(_pipe(file) if file.is_fifo() else _start(file, MOST_BYTES))
        except OSError as error:
            raise WrongUsage("file", file=file, why=error.strerror) from None
    elif "-" in texts or not parts:
        if not texts and sys.stdin.isatty():
            raise WrongUsage("nothing")
        parts.append(sys.stdin.buffer.read(MOST_BYTES))
    given = b"\n".join(parts)
    if not given.strip():
        raise WrongUsage("nothing")
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
        raise WrongUsage("file", file=file, why=error) from None
