"""Backends in TOML or JSON, with the names that the network's API gives to the parameters.

A file is one backend, or has one or several under ``backend`` or ``backends``: a list of them, or a
table with a table for each name. A JSON file may also be such a list itself, as the API answers.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from typing import Any

from lab.inputs.backend_written import Form, Kind, Written, WrittenBackend, shortened
from lab.inputs.findings import InputError

#: Names under which a file may have its backends.
_CONTAINERS = ("backend", "backends")

_JSON_STRING = re.compile(r'"(?:[^"\\]|\\.)*"(\s*:)?|[{}\[\]]')
_TOML_TABLE = re.compile(r"\s*(\[\[?)\s*([^\]]+?)\s*\]\]?\s*(?:#.*)?$")
_TOML_KEY = re.compile(r"""\s*("[^"]*"|'[^']*'|[A-Za-z0-9_.-]+)\s*=\s*(\"\"\"|''')?""")
_AT_LINE = re.compile(r"\(at line (\d+), column \d+\)|\(at end of document\)")

#: Finds the line of a parameter, by the way that leads to it.
_Lines = dict[tuple[str | int, ...], int]
_Value = Any


def read_json(text: str, file: str) -> list[WrittenBackend]:
    """All backends of a JSON file, in its order.

    Raises:
        InputError: it is not JSON, or has no backend.
    """
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(
            file, error.lineno, f"this is not JSON: {error.msg}.", "Correct the file from there."
        ) from error
    return _backends(data, _json_lines(text), text, file, Form.JSON)


def read_toml(text: str, file: str) -> list[WrittenBackend]:
    """All backends of a TOML file, in its order.

    Raises:
        InputError: it is not TOML, or has no backend.
    """
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        said = str(error)
        at = _AT_LINE.search(said)
        line = int(at[1]) if at and at[1] else None
        what = _AT_LINE.sub("", said).strip()
        raise InputError(
            file, line, f"this is not TOML: {what}.", "Correct the file from there."
        ) from error
    return _backends(data, _toml_lines(text), text, file, Form.TOML)


# -- what is a backend -----------------------------------------------------------------------------


def _backends(
    data: _Value, lines: _Lines, text: str, file: str, form: Form
) -> list[WrittenBackend]:
    found = [
        _backend(way, name, table, lines, text, form) for way, name, table in _tables((), data)
    ]
    if not found:
        example = 'address = "origin.example.com"' if form is Form.TOML else '{"address": "..."}'
        raise InputError(
            file, None, "there is no backend in the file.", f"Write its parameters: `{example}`."
        )
    return found


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
    way: tuple[str | int, ...],
    name: str,
    table: dict[str, Any],
    lines: _Lines,
    text: str,
    form: Form,
) -> WrittenBackend:
    begins = min((line for place, line in lines.items() if place[: len(way)] == way), default=1)
    parameters = []
    for key, value in table.items():
        line = lines.get((*way, key), begins)
        if value is None:
            continue  # what the API says of a parameter that is not set
        parameters.append(_parameter(key, value, line, text, form))
    return WrittenBackend(name, lines.get(way, begins), tuple(parameters))


def _parameter(key: str, value: _Value, line: int, text: str, form: Form) -> Written:
    kind = _kind(value)
    value = str(value) if kind is Kind.BLOCK else value
    # A string of several lines begins behind its quotes, or in the line after them.
    in_file = text.split("\n")[line - 1].strip()
    content_line = None
    if form is Form.TOML and ('"""' in in_file or "'''" in in_file):
        content_line = line + 1 if in_file.endswith(('"""', "'''")) else line
    shown = value.partition("\n")[0] if isinstance(value, str) else value
    spelt = f"{key} = " if form is Form.TOML else f"{json.dumps(key)}: "
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
    for token in _JSON_STRING.finditer(text):
        line = text.count("\n", 0, token.start()) + 1
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
            way = _resolved(tuple(_parts(table[2])), counts)
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
