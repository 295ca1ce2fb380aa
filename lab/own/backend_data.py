"""The file of a backend definition: its language, its backends in TOML or JSON, and the one that is meant.

A file in TOML or JSON is one backend, or has one or several under ``backend`` or ``backends``: a list of
them, or a table with a table for each name. A JSON file may also be such a list itself, as the API answers.
The manifest of a Compute package, ``fastly.toml``, has them under ``setup`` (what the network is to make) and
``local_server`` (what its local testing server has). In Terraform's language each is a block ``backend``,
whose lines are TOML where they have plain values.
The names of the parameters are those of the network's API. Their lines are found by looking for the names in
the text, one after the other; a name that is not found stands for where its backend begins.
"""

from __future__ import annotations

import itertools
import json
import re
import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Any

from lab.own import vcl
from lab.own.findings import Findings, InputError, Lines
from lab.own.vcl import MOST_BACKENDS, ValueKind, Written, WrittenBackend, check_number, shortened
from lab.text import LONGEST_QUOTE, cut, did_you_mean, listed


class Form(StrEnum):
    """The language of a file."""

    VCL = "VCL"
    TOML = "TOML"
    JSON = "JSON"
    TERRAFORM = "Terraform"


#: So many values are read: more than the most backends with all their parameters have.
MOST_VALUES = 50_000
#: So deep may tables and lists be in each other; a file of backends has four levels.
DEEPEST = 32
#: So many parts may the dotted name of a table or a key have.
MOST_PARTS = 16
#: So often a name is looked at that may be the parameter's; then the rest have their backend's line.
MOST_STEPS = 200_000
#: Looking through the whole file in vain counts as so many.
_MISS = 2000
#: No integer of TOML or JSON needs more bits.
_MOST_BITS = 64

#: Names under which a file may have its backends.
_CONTAINERS = ("backend", "backends")
#: Parts of a package's manifest that have such a name, and whose backends are called by it as well.
_PARTS_OF_A_MANIFEST = ("setup", "local_server")
#: A block in Terraform's language, and the end of it.
_BLOCK = re.compile(r'(?m)^[ \t]*(?:dynamic[ \t]+)?"?backend"?[ \t]*\{[ \t]*(?:#.*|//.*)?$')
_END_OF_BLOCK = re.compile(r"^[ \t]*\}", re.MULTILINE)
#: A list of objects, an empty list, or one of lists.
_JSON_LIST = re.compile(r"\[\s*(?:\{|\]|\[\s*[\[{\]])")
_VCL = re.compile(r"^[ \t]*(?:backend\s+\S+\s*\{|\.\w+\s*=)", re.MULTILINE)
_PART = r"""(?:[A-Za-z0-9_-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+"""
_LONG_NAME = re.compile(rf"(?:^|[\[{{,])[ \t]*+(?:{_PART}\.[ \t]*+){{{MOST_PARTS}}}", re.MULTILINE)
_AT_LINE = re.compile(r"\(at line (\d+), column \d+\)|\(at end of document\)")
_LONG_STRING = re.compile(r"""[^=\n]*+=[ \t]*+(?:\"{3}|'{3})(?P<ends>[ \t\r]*+\n)?""")
#: What stands behind the name of a parameter.
_BEHIND = {Form.JSON: re.compile(r"\s*+:"), Form.TOML: re.compile(r"""["']?[ \t]*+=""")}
_NUMBER = re.compile(r"[=:,\[]\s*+[+-]?([0-9][0-9A-Za-z_]*+)")


def form_of(text: str, file: str) -> Form:
    """The language of a file: by its name, else by what it looks like."""
    suffix = file.rpartition(".")[2].upper()
    in_blocks = _BLOCK.search(text) is not None and _VCL.search(text) is None
    if suffix == "TF" or (in_blocks and suffix not in ("VCL", "JSON")):
        return Form.TERRAFORM
    if suffix in {str(form) for form in Form}:
        return Form(suffix)
    start = text.removeprefix("\N{BYTE ORDER MARK}").lstrip()
    if start.startswith("{"):
        return Form.JSON
    if start.startswith("["):
        # A list in JSON; or the name of a table, which may be that of a list of tables (`[[`), in TOML.
        return Form.JSON if _JSON_LIST.match(start) else Form.TOML
    return Form.VCL if _VCL.search(text) else Form.TOML


def backend_in(text: str, form: Form, name: str | None, found: Findings) -> WrittenBackend:
    """The backend of this name, or the first, with every parameter once.

    Args:
        text: of the file, which is in this language.
        form: the language.
        name: of the backend; ``None``: the first, which is said if there are others.
        found: what is to be said is added here.

    Raises:
        InputError: the file is not in this language, or has no such backend.
    """
    text = text.removeprefix("\N{BYTE ORDER MARK}")
    every = vcl.read(text, found) if form is Form.VCL else _read(text, found, form)
    backend = _chosen(every, name, found)
    last: dict[str, Written] = {}
    for parameter in backend.parameters:
        before = last.pop(parameter.name, None)
        if before is not None:
            found.say("repeated", parameter.line, now=parameter, before=before)
        last[parameter.name] = parameter
    return WrittenBackend(backend.name, backend.line, tuple(last.values()))


def _chosen(every: Sequence[WrittenBackend], name: str | None, found: Findings) -> WrittenBackend:
    names = listed(map(str, every))
    if name is None:
        if len(every) > 1:
            found.say("several-backends", every[0].line, number=len(every), names=names)
        return every[0]
    for backend in every:
        if backend.name == name:
            return backend
    known = [backend.name for backend in every if backend.name]
    hint = did_you_mean(name, known, most=1, alike=0.6, otherwise=".")
    raise found.fail("no-such-backend", None, name=cut(name), hint=hint, names=names)


# -- TOML and JSON ---------------------------------------------------------------------------------


def _read(text: str, found: Findings, form: Form) -> list[WrittenBackend]:
    """All backends of a TOML or JSON file, in its order."""
    if form is Form.TERRAFORM:
        text, form = _blocks_as_tables(text, found), Form.TOML
    data = _parsed(text, found, form)
    _check_values(data, text, found)
    tables = list(itertools.islice(_tables(data), MOST_BACKENDS + 1))
    if not tables:
        example = 'address = "origin.example.com"' if form is Form.TOML else '{"address": "..."}'
        raise found.fail("no-backend", None, example=example)
    check_number(found, None, len(tables))
    places = _Places(text, form)
    return [_backend(name, table, places, found) for name, table in tables]


def _blocks_as_tables(text: str, found: Findings) -> str:
    """The blocks ``backend`` as a list of tables in TOML, each line where it is.

    Raises:
        InputError: there is none; or a value is no plain one, so that its line is not TOML.
    """
    if text.count("=") > MOST_VALUES:
        raise found.fail("too-many-values", None, most=MOST_VALUES)
    lines = [""] * (text.count("\n") + 1)
    numbers = Lines(text)
    for block in _BLOCK.finditer(text):
        end = _END_OF_BLOCK.search(text, block.end())
        if end is None:
            raise found.fail("brace-never-closed", numbers.of(block.start()))
        first = numbers.of(block.start())
        lines[first - 1] = "[[backend]]"
        for number, line in enumerate(text[block.end() : end.start()].split("\n"), first):
            if number > first:
                lines[number - 1] = _plain(line, number, found)
    if not any(lines):
        raise found.fail("no-block", None)
    return "\n".join(lines)


def _plain(line: str, number: int, found: Findings) -> str:
    """A line of a block, which is TOML if its value is a plain one."""
    try:
        tomllib.loads(line.partition("//")[0] if line.lstrip().startswith("//") else line)
    except tomllib.TOMLDecodeError as error:
        raise found.fail("not-plain", number, said=shortened(line)) from error
    return "" if line.lstrip().startswith("//") else line


def _parsed(text: str, found: Findings, form: Form) -> Any:
    """What a text holds; it is counted before anything is made of it."""
    if sum(map(text.count, "=,[{" if form is Form.TOML else ",[{")) > MOST_VALUES:
        raise found.fail("too-many-values", None, most=MOST_VALUES)
    if form is Form.TOML and (name := _LONG_NAME.search(text)):
        raise found.fail("too-many-parts", Lines(text).of(name.end()), most=MOST_PARTS)
    try:
        if form is Form.TOML:
            return tomllib.loads(text)
        return json.loads(text, object_pairs_hook=lambda pairs: _once(pairs, found))
    except (tomllib.TOMLDecodeError, json.JSONDecodeError) as error:
        at = _AT_LINE.search(str(error))
        line = int(at[1]) if at and at[1] else getattr(error, "lineno", None)
        said = getattr(error, "msg", None) or _AT_LINE.sub("", str(error)).strip()
        raise found.fail("not-in-the-language", line, form=form, said=cut(said, 200)) from error
    except RecursionError as error:
        raise found.fail("too-deep", None, most=DEEPEST) from error
    except InputError:
        raise  # which is a ValueError, too
    except ValueError as error:
        raise _not_a_number(text, found, error) from error


def _once(pairs: list[tuple[str, Any]], found: Findings) -> dict[str, Any]:
    """An object of JSON; which of two equal names holds is not laid down (RFC 8259, section 4)."""
    table = dict(pairs)
    if len(table) < len(pairs):
        name = Counter(name for name, _ in pairs).most_common(1)[0][0]
        raise found.fail("twice-in-json", None, name=cut(name))
    return table


def _check_values(data: Any, text: str, found: Findings) -> None:
    """Nothing is deeper, and no number larger, than in any file of backends."""
    waiting: list[tuple[Any, int]] = [(data, 0)]
    while waiting:
        value, depth = waiting.pop()
        if isinstance(value, dict | list):
            if depth > DEEPEST:
                raise found.fail("too-deep", None, most=DEEPEST)
            inner = value.values() if isinstance(value, dict) else value
            waiting += [(one, depth + 1) for one in inner]
        elif isinstance(value, int) and value.bit_length() > _MOST_BITS:
            raise _not_a_number(text, found, None)


def _not_a_number(text: str, found: Findings, error: ValueError | None) -> InputError:
    """A number that is too long for Python or for anything."""
    number = max(_NUMBER.finditer(text), key=lambda number: len(number[1]), default=None)
    if number is None:
        return found.fail("unreadable-value", None, said=cut(str(error), 200))
    return found.fail("long-number", Lines(text).of(number.start(1)), digits=len(number[1]))


def _tables(data: Any, name: str = "", *, top: bool = True) -> Iterator[tuple[str, dict[str, Any]]]:
    """The tables that are backends, in the order of the file, with their names."""
    if isinstance(data, list):
        for item in data:
            yield from _tables(item, top=False)
    elif isinstance(data, dict):
        inner = next((key for key in _CONTAINERS if isinstance(data.get(key), dict | list)), None)
        parts = [part for part in _PARTS_OF_A_MANIFEST if top and isinstance(data.get(part), dict)]
        if parts:
            for part in parts:
                for called, table in _tables(data[part].get("backends", {}), top=False):
                    # What the command line of the network makes of a backend without one.
                    port = {"port": 443} if part == "setup" else {}
                    yield f"{part}.backends.{called}", {**port, **table}
        elif inner is not None:
            yield from _tables(data[inner], top=False)
        elif data and not top and all(isinstance(value, dict) for value in data.values()):
            for key, value in data.items():
                yield from _tables(value, key, top=False)
        elif data:
            own = data.get("name")
            yield own if isinstance(own, str) else name, data


class _Places:
    """Where in a text the names of parameters are: each is looked for from the last one on."""

    def __init__(self, text: str, form: Form) -> None:
        self.form, self.text, self.at = form, f"\n{text}", 0
        self.lines, self.left = Lines(self.text), MOST_STEPS

    def find(self, key: str, value: Any) -> int | None:
        """The place of a name, behind which its value is passed over; ``None``: it is not found."""
        spelt = json.dumps(key, ensure_ascii=False) if self.form is Form.JSON else key
        at = self.at
        while self.left > 0:
            at = self.text.find(spelt, at)
            if at < 0:
                self.left -= _MISS
                return None
            self.left -= 1
            behind = _BEHIND[self.form].match(self.text, at + len(spelt))
            if behind is not None and (self.form is Form.JSON or self._is_first(at)):
                # A text is in the file at least as long as it is.
                self.at = behind.end() + (len(value) if isinstance(value, str) else 0)
                return at
            at += 1
        return None

    def _is_first(self, at: int) -> bool:
        """Whether a name of TOML begins there: first in its line, or in a table on one line."""
        before = self.text[max(at - LONGEST_QUOTE, self.text.rfind("\n", 0, at)) : at]
        return before.rstrip(" \t\"'")[-1:] in ("\n", "{", ",")

    def begin(self, first: int | None, after: int) -> int:
        """Where the table begins that has this first name, and that is behind the other place."""
        first = self.at if first is None else first
        opening = self.text.rfind("{" if self.form is Form.JSON else "\n[", after, first)
        return first if opening < 0 else opening + (self.form is Form.TOML)

    def line(self, at: int) -> int:
        """The line of a place, counted from 1."""
        return max(self.lines.of(at) - 1, 1)


def _backend(name: str, table: dict[str, Any], places: _Places, found: Findings) -> WrittenBackend:
    after = places.at
    ways = [places.find(key, value) for key, value in table.items()]
    first = next((at for at in ways if at is not None), None)
    line = places.line(places.begin(first, after))
    check_number(found, line, 1, len(table))
    parameters = tuple(
        _parameter(key, value, line, at, places)
        for (key, value), at in zip(table.items(), ways, strict=True)
        if value is not None  # what the API says of a parameter that is not set
    )
    return WrittenBackend(name, line, parameters)


def _parameter(key: str, value: Any, line: int, at: int | None, places: _Places) -> Written:
    """A parameter; where it is not found, the line is its backend's."""
    kind = next((kind for type_, kind in _KINDS if isinstance(value, type_)), ValueKind.BLOCK)
    value = str(value) if kind is ValueKind.BLOCK else value
    content_line = None
    if at is not None:
        line = places.line(at)
        # A string of several lines begins behind its quotes, or in the line after them.
        quotes = _LONG_STRING.match(places.text, at) if places.form is Form.TOML else None
        content_line = None if quotes is None else line + bool(quotes["ends"])
    shown = cut(value.partition("\n")[0]) if isinstance(value, str) else value
    spelt = f"{cut(key)} = " if places.form is Form.TOML else f"{json.dumps(cut(key))}: "
    text = shortened(spelt + json.dumps(shown, ensure_ascii=False))
    return Written(key, value, kind, line, text, content_line)


#: What a value is in VCL's words; a boolean is an integer, too.
_KINDS = (
    (bool, ValueKind.BOOLEAN),
    (int, ValueKind.INTEGER),
    (float, ValueKind.NUMBER),
    (str, ValueKind.STRING),
)
