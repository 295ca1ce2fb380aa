"""Texts from outside in sentences, the words that were meant, errors that say what to do."""

from __future__ import annotations

import ast
import functools
import json
import re
import string
from pathlib import Path

import pytest

from lab.host.checkout import root
from lab.host.engine import EngineError
from lab.host.machine import LockError
from lab.images.errors import ImageError, WrongVariable
from lab.text import (
    LONGEST_MESSAGE,
    LONGEST_QUOTE,
    AdvisedError,
    closest,
    cut,
    did_you_mean,
    listed,
    no_such,
    one_line,
    sentences,
    visible,
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\r\nb\tc", "a\nb\tc"),
        ("a\rb", "a\\x0db"),
        ("\x1b[31m\x9b", "\\x1b[31m\\x9b"),
        ("a\u202eb\u200bc", "a\\u202eb\\u200bc"),
        ("\ud800", "\\ud800"),
        ("\U000e0001", "\\U000e0001"),
        ("証明書の期限\u3000é", "証明書の期限\u3000é"),
    ],
)
def test_what_would_move_a_terminal_or_not_be_seen_becomes_an_escape(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_a_sentence_is_one_line_with_an_end() -> None:
    assert one_line("a\nb") == "a\\nb"
    assert one_line("x" * 10_000) == "x" * (LONGEST_MESSAGE - 3) + "..."
    assert cut("x" * LONGEST_QUOTE) == "x" * LONGEST_QUOTE
    assert len(cut("x" * 1000)) == LONGEST_QUOTE
    assert listed("abcde", most=3) == "a, b, c and 2 more"
    assert listed(iter("ab"), most=3) == "a, b"
    assert listed("abcde", most=3, language="ja") == "a、b、c、ほか 2 件"


def test_the_closest_words_are_found_whatever_their_case() -> None:
    known = ["DEFAULT", "FIPS", "FUTURE"]
    assert closest("fips", known) == ["FIPS"]
    assert closest("FUTUR", known, most=1) == ["FUTURE"]
    assert closest("x" * 100, ["x" * 100]) == []
    assert did_you_mean("futre", known, write="`{}`") == "; did you mean `FUTURE`?"
    assert did_you_mean("nothing like it", known, otherwise=".") == "."


def test_an_unknown_word_is_answered_with_the_closest_and_with_all() -> None:
    known = ["client", "server", "network"]
    wanted = "no side 'srver'; did you mean server? There are: client, server, network"
    assert no_such("side", "srver", known) == wanted
    assert no_such("side", "x", ["client"]) == "no side 'x'. There are: client"


# -- errors that say what to do ------------------------------------------------------------------------


KINDS: tuple[type[AdvisedError], ...] = (EngineError, ImageError, LockError, WrongVariable)


def told(tmp_path: Path, *advice: str) -> str:
    """What an error says whose table has this advice."""
    path = tmp_path / "errors.toml"
    path.write_text(
        f"[ways]\nshared = 'ask'\n[broken]\ntried = 'Doing {{it}}'\nadvice = {json.dumps(advice)}\n"
    )

    class Broken(AdvisedError):
        table = path

    error = Broken("broken", it="it", happened="it {broke}", none="")
    assert (error.problem, error.tried, error.happened) == ("broken", "Doing it", "it {broke}")
    return str(error)


def test_one_way_out_is_said_in_a_line(tmp_path: Path) -> None:
    assert told(tmp_path, "{shared} {it}") == "Doing it: it {broke}\n  What to do: ask it"


def test_several_ways_out_are_numbered_and_stay_indented(tmp_path: Path) -> None:
    assert told(tmp_path, "a", "{none}", "b\nand c").splitlines()[1:] == [
        "  What to do, one of:",
        "  1. a",
        "  2. b",
        "     and c",
    ]


def test_without_a_way_out_there_is_no_empty_heading(tmp_path: Path) -> None:
    assert told(tmp_path) == "Doing it: it {broke}"


@functools.cache
def raised() -> list[tuple[str, type[AdvisedError], str, set[str] | None]]:
    """Each place where such an error is made: where, its class, its problem, the fields (none: not known)."""
    kinds = {kind.__name__: kind for kind in KINDS}
    found = []
    for path in sorted((root() / "lab").rglob("*.py")):
        source = path.read_text()
        if not any(f"{kind}(" in source for kind in kinds):
            continue
        for node in ast.walk(ast.parse(source)):
            name = (
                node.func.id
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
                else ""
            )
            if (
                isinstance(node, ast.Call)
                and name in kinds
                and isinstance(node.args[0], ast.Constant)
            ):
                fields = {word.arg for word in node.keywords}
                known = None if None in fields else {str(field) for field in fields}
                found.append((f"{path}:{node.lineno}", kinds[name], str(node.args[0].value), known))
    return found


def test_every_error_has_its_sentences_and_what_is_filled_in() -> None:
    assert len(raised()) > 30
    for where, kind, problem, given in raised():
        table = sentences(kind.table)
        assert problem in table, where
        said = {"happened": "{happened}"} | table[problem]
        wanted = {
            re.split(r"[.\[]", field)[0]
            for text in (said["tried"], said["happened"], *said["advice"])
            for _, field, _, _ in string.Formatter().parse(text)
            if field is not None
        }
        wanted -= set(table["ways"])
        assert given is None or wanted == given, where


def test_every_sentence_of_an_error_is_used() -> None:
    source = "".join(path.read_text() for path in sorted((root() / "lab").rglob("*.py")))
    for kind in KINDS:
        unused = {name for name in sentences(kind.table) if f'"{name}"' not in source}
        assert unused - {"ways"} == set(), kind
