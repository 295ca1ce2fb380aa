"""Backends in TOML or JSON, with the names that the network's API gives to the parameters.

A file is one backend, or has one or several under ``backend`` or ``backends``: a list of them, or a
table with a table for each name. A JSON file may also be such a list itself, as the API answers.
"""

from __future__ import annotations

import itertools
import json
import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lab.own.backend_written import (
    MOST_BACKENDS,
    Form,
    Kind,
    Written,
    WrittenBackend,
    check_number,
    check_parameters,
    shortened,
    too_long_a_number,
)
from lab.own.findings import InputError
from lab.text import cut

#: Names under which a file may have its backends.
_CONTAINERS = ("backend", "backends")

_JSON_STRING = re.compile(r'"(?:[^"\\]++|\\.)*+"(\s*+:)?|[{}\[\]]')
_TOML_TABLE = re.compile(r"\s*+(\[\[?)([^\]]+)\]\]?\s*+(?:#.*)?$")
_TOML_KEY = re.compile(r"""\s*("[^"]*"|'[^']*'|[A-Za-z0-9_.-]+)\s*=\s*(\"\"\"|''')?""")
_AT_LINE = re.compile(r"\(at line (\d+), column \d+\)|\(at end of document\)")

#: What is counted before a file is read: what separates and what nests, and how a string or comment begins.
_SHAPE = {
    Form.JSON: re.compile(r'["\[{,]'),
    Form.TOML: re.compile(r'"""|\'\'\'|["\'#=,\[{.]'),
}
_IN_STRING = re.compile(r'\\.|"', re.DOTALL)
_IN_LONG_STRING = re.compile(r'\\.|"""', re.DOTALL)
_NUMBER = re.compile(r"[=:,\[]\s*+[+-]?([0-9][0-9A-Za-z_]*+)")

#: So many values are read: more than the most backends with all their parameters have.
MOST_VALUES = 50_000
#: So deep may tables and lists be in each other; a file of backends has four levels.
DEEPEST = 32
#: So many parts may the dotted name of a table or a key have.
MOST_PARTS = 16
#: No integer of TOML or JSON needs more bits.
_MOST_BITS = 64

#: Finds the line of a parameter, by the way that leads to it.
_Lines = dict[tuple[str | int, ...], int]
_Value = Any


def read_json(text: str, file: str) -> list[WrittenBackend]:
    """All backends of a JSON file, in its order.

    Raises:
        InputError: it is not JSON, or has no backend.
    """
    _check_shape(text, file, Form.JSON)
    try:
        data = json.loads(text, object_pairs_hook=lambda pairs: _once(pairs, file))
    except json.JSONDecodeError as error:
        raise InputError(
            file, error.lineno, f"this is not JSON: {error.msg}.", "Correct the file from there."
        ) from error
    except RecursionError as error:
        raise _too_deep(file) from error
    except InputError:
        raise  # which is a ValueError, too
    except ValueError as error:
        raise _not_a_number(text, file, error) from error
    return _backends(data, text, file, Form.JSON)


def read_toml(text: str, file: str) -> list[WrittenBackend]:
    """All backends of a TOML file, in its order.

    Raises:
        InputError: it is not TOML, or has no backend.
    """
    _check_shape(text, file, Form.TOML)
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        said = str(error)
        at = _AT_LINE.search(said)
        line = int(at[1]) if at and at[1] else None
        what = _AT_LINE.sub("", said).strip()
        raise InputError(
            file, line, f"this is not TOML: {cut(what, 200)}.", "Correct the file from there."
        ) from error
    except RecursionError as error:
        raise _too_deep(file) from error
    except ValueError as error:
        raise _not_a_number(text, file, error) from error
    return _backends(data, text, file, Form.TOML)


# -- bounds ----------------------------------------------------------------------------------------


def _check_shape(text: str, file: str, form: Form) -> None:
    """Count what is in a text before anything is made of it.

    Raises:
        InputError: more values than any file of backends has, or a name of more parts.
    """
    at, values, dots = 0, 0, 0
    while found := _SHAPE[form].search(text, at):
        mark, at = found[0], found.end()
        if mark == ".":
            dots += 1
        elif mark in "=,[{":
            values, dots = values + 1, 0
        else:
            end = _end_of(mark, text, at)
            if end is None:
                return  # where a string has no end, reading ends with an error
            at = end
        if values > MOST_VALUES:
            raise InputError(
                file,
                text.count("\n", 0, at) + 1,
                f"up to here there are more than {MOST_VALUES} values, and that is the most that is read.",
                "Give a file with the backend alone that is to be tried.",
            )
        if dots > MOST_PARTS:
            raise InputError(
                file,
                text.count("\n", 0, at) + 1,
                f"this name has more than {MOST_PARTS} parts.",
                "A parameter of a backend has one part: `NAME = VALUE`.",
            )


def _end_of(mark: str, text: str, at: int) -> int | None:
    """Where the string or the comment ends that ``mark`` begins; ``None``: nowhere."""
    if mark in ("#", "'", "'''"):
        end = text.find("\n" if mark == "#" else mark, at)
        return None if end < 0 else end + len(mark)
    parts = (_IN_STRING if mark == '"' else _IN_LONG_STRING).finditer(text, at)
    return next((part.end() for part in parts if part[0] == mark), None)


def _check_values(data: _Value, text: str, file: str) -> None:
    """Nothing is deeper, and no number larger, than in any file of backends.

    Raises:
        InputError: something is.
    """
    waiting: list[tuple[_Value, int]] = [(data, 0)]
    while waiting:
        value, depth = waiting.pop()
        if isinstance(value, dict | list):
            if depth > DEEPEST:
                raise _too_deep(file)
            inner = value.values() if isinstance(value, dict) else value
            waiting += [(one, depth + 1) for one in inner]
        elif isinstance(value, int) and value.bit_length() > _MOST_BITS:
            raise _not_a_number(text, file, None)


def _once(pairs: list[tuple[str, Any]], file: str) -> dict[str, Any]:
    """An object of JSON; which of two equal names holds is not laid down (RFC 8259, section 4)."""
    table = dict(pairs)
    if len(table) < len(pairs):
        name = next(name for name, number in Counter(n for n, _ in pairs).items() if number > 1)
        raise InputError(
            file,
            None,
            f"one object has the name {cut(name)!r} twice, and JSON does not say which of them holds.",
            "Remove one of the two.",
        )
    return table


def _too_deep(file: str) -> InputError:
    return InputError(
        file,
        None,
        f"tables or lists are more than {DEEPEST} deep in each other.",
        "Check that it is the right file: a backend is one table, in a list or in another table.",
    )


def _not_a_number(text: str, file: str, error: ValueError | None) -> InputError:
    """A number that is too long for Python or for anything."""
    found = max(_NUMBER.finditer(text), key=lambda number: len(number[1]), default=None)
    if found is None:
        return InputError(
            file,
            None,
            f"there is a value that cannot be read: {cut(str(error), 200)}.",
            "Correct the value.",
        )
    what, remedy = too_long_a_number(len(found[1]))
    return InputError(file, text.count("\n", 0, found.start(1)) + 1, f"{what}.", remedy)


# -- what is a backend -----------------------------------------------------------------------------


def _backends(data: _Value, text: str, file: str, form: Form) -> list[WrittenBackend]:
    _check_values(data, text, file)
    tables = list(itertools.islice(_tables((), data), MOST_BACKENDS + 1))
    if not tables:
        example = 'address = "origin.example.com"' if form is Form.TOML else '{"address": "..."}'
        raise InputError(
            file, None, "there is no backend in the file.", f"Write its parameters: `{example}`."
        )
    check_number(len(tables), file, None)
    lines = _json_lines(text) if form is Form.JSON else _toml_lines(text)
    begins: dict[tuple[str | int, ...], int] = {}
    for way, line in lines.items():
        for length in range(len(way) + 1):
            begins[way[:length]] = min(line, begins.get(way[:length], line))
    places = _Places(lines, begins, text.split("\n"), file, form)
    return [_backend(way, name, table, places) for way, name, table in tables]


@dataclass(frozen=True)
class _Places:
    """Where in a file things are."""

    lines: _Lines
    begins: _Lines
    """The first line of everything that a way leads to."""
    text: list[str]
    """The file's lines."""
    file: str
    form: Form


def _tables(
    way: tuple[str | int, ...], data: _Value, name: str = ""
) -> Iterator[tuple[tuple[str | int, ...], str, dict[str, Any]]]:
    """The tables that are backends: the way to each, its name and itself."""
    if isinstance(data, list):
        for number, item in enumerate(data):
            yield from _tables((*way, number), item)
    elif isinstance(data, dict):
        inner = next((key for key in _CONTAINERS if isinstance(data.get(key), dict | list)), None)
        if inner is not None:
            yield from _tables((*way, inner), data[inner])
        elif data and way and all(isinstance(value, dict) for value in data.values()):
            for key, value in data.items():
                yield from _tables((*way, key), value, key)
        elif data:
            own = data.get("name")
            yield way, own if isinstance(own, str) else name, data


def _backend(
    way: tuple[str | int, ...], name: str, table: dict[str, Any], places: _Places
) -> WrittenBackend:
    begins = places.begins.get(way, 1)
    line = places.lines.get(way, begins)
    check_parameters(len(table), places.file, line)
    parameters = tuple(
        _parameter(key, value, places.lines.get((*way, key), begins), places)
        for key, value in table.items()
        if value is not None  # what the API says of a parameter that is not set
    )
    return WrittenBackend(name, line, parameters)


def _parameter(key: str, value: _Value, line: int, places: _Places) -> Written:
    form = places.form
    kind = _kind(value)
    value = str(value) if kind is Kind.BLOCK else value
    # A string of several lines begins behind its quotes, or in the line after them.
    in_file = places.text[line - 1].strip()
    content_line = None
    if form is Form.TOML and ('"""' in in_file or "'''" in in_file):
        content_line = line + 1 if in_file.endswith(('"""', "'''")) else line
    shown = cut(value.partition("\n")[0]) if isinstance(value, str) else value
    spelt = f"{cut(key)} = " if form is Form.TOML else f"{json.dumps(cut(key))}: "
    return Written(
        name=key,
        value=value,
        kind=kind,
        line=line,
        text=shortened(spelt + json.dumps(shown, ensure_ascii=False)),
        content_line=content_line,
    )


def _kind(value: _Value) -> Kind:
    if isinstance(value, bool):
        return Kind.BOOLEAN
    if isinstance(value, int):
        return Kind.INTEGER
    if isinstance(value, float):
        return Kind.NUMBER
    return Kind.STRING if isinstance(value, str) else Kind.BLOCK


# -- lines -----------------------------------------------------------------------------------------


def _json_lines(text: str) -> _Lines:
    """The lines of all keys, and of all objects in lists; the text is JSON."""
    lines: _Lines = {}
    way: list[str | int] = []
    waiting: str | None = None
    counts: list[int | None] = []
    line, counted = 1, 0
    for token in _JSON_STRING.finditer(text):
        line += text.count("\n", counted, token.start())
        counted = token.start()
        word = token[0]
        if word[0] == '"':
            if token[1]:
                waiting = json.loads(word[: len(word) - len(token[1])])
                lines[(*way, waiting)] = line
            continue
        if word in "{[":
            if counts and counts[-1] is not None:
                way.append(counts[-1])
                counts[-1] += 1
            elif counts:
                way.append(waiting or "")
            lines.setdefault(tuple(way), line)
            counts.append(0 if word == "[" else None)
        else:
            counts.pop()
            if way:
                way.pop()
    return lines


def _toml_lines(text: str) -> _Lines:
    """The lines of all tables and of the keys in them; the text is TOML."""
    lines: _Lines = {}
    way: tuple[str | int, ...] = ()
    counts: dict[tuple[str | int, ...], int] = {}
    inside: str | None = None
    for number, line in enumerate(text.split("\n"), 1):
        if inside is not None:
            inside = None if inside in line else inside
            continue
        if table := _TOML_TABLE.match(line):
            way = _resolved(tuple(_parts(table[2].strip())), counts)
            if table[1] == "[[":
                counts[way] = counts.get(way, -1) + 1
                way = (*way, counts[way])
            lines[way] = number
        elif key := _TOML_KEY.match(line):
            lines[(*way, *_parts(key[1]))] = number
            if key[2] and key[2] not in line[key.end() :]:
                inside = key[2]
    return lines


def _parts(name: str) -> list[str]:
    """The parts of a dotted name."""
    return [part.strip().strip("\"'") for part in name.split(".")]


def _resolved(
    way: tuple[str | int, ...], counts: dict[tuple[str | int, ...], int]
) -> tuple[str | int, ...]:
    """The way into a list of tables leads to the last of them."""
    resolved: tuple[str | int, ...] = ()
    for part in way[:-1]:
        resolved = (*resolved, part)
        if resolved in counts:
            resolved = (*resolved, counts[resolved])
    return (*resolved, *way[-1:])
