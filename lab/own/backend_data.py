"""The file of a backend definition: its language, its backends in TOML or JSON, and the one that is meant.

A file in TOML or JSON is one backend, or has one or several under ``backend`` or ``backends``: a list of
them, or a table with a table for each name. A JSON file may also be such a list itself, as the API answers.
The names of the parameters are those of the network's API. Their lines are found by looking for the names in
the text, one after the other; a name that is not found stands for where its backend begins.
"""

from __future__ import annotations

import bisect
import itertools
import json
import re
import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Any

from lab.own import vcl
from lab.own.findings import Findings, InputError
from lab.own.vcl import (
    MOST_BACKENDS,
    Kind,
    Written,
    WrittenBackend,
    check_number,
    check_parameters,
    shortened,
    too_long_a_number,
)
from lab.text import LONGEST_QUOTE, cut, did_you_mean, listed


class Form(StrEnum):
    """The language of a file."""

    VCL = "VCL"
    TOML = "TOML"
    JSON = "JSON"


#: So many values are read: more than the most backends with all their parameters have.
MOST_VALUES = 50_000
#: So deep may tables and lists be in each other; a file of backends has four levels.
DEEPEST = 32
#: So many parts may the dotted name of a table or a key have.
MOST_PARTS = 16
#: So often a name is looked at that may be the parameter's; then the rest have their backend's line.
MOST_STEPS = 200_000
#: Looking through the whole file in vain counts as so many.
_MISS = 100
#: No integer of TOML or JSON needs more bits.
_MOST_BITS = 64

#: Names under which a file may have its backends.
_CONTAINERS = ("backend", "backends")
#: A list of objects, an empty list, or one of lists.
_JSON_LIST = re.compile(r"\[\s*(?:\{|\]|\[\s*[\[{\]])")
_VCL = re.compile(r"^[ \t]*(?:backend\s+\S+\s*\{|\.\w+\s*=)", re.MULTILINE)
_PART = r"""(?:[A-Za-z0-9_-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+"""
_LONG_NAME = re.compile(rf"(?:^|[\[{{,])[ \t]*+(?:{_PART}\.[ \t]*+){{{MOST_PARTS}}}", re.MULTILINE)
_AT_LINE = re.compile(r"\(at line (\d+), column \d+\)|\(at end of document\)")
#: What stands behind the name of a parameter.
_BEHIND = {Form.JSON: re.compile(r"\s*+:"), Form.TOML: re.compile(r"""["']?[ \t]*+=""")}
_NUMBER = re.compile(r"[=:,\[]\s*+[+-]?([0-9][0-9A-Za-z_]*+)")


def form_of(text: str, file: str) -> Form:
    """The language of a file: by its name, else by what it looks like."""
    suffix = file.rpartition(".")[2].upper()
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
    every = vcl.read(text, found.file) if form is Form.VCL else _read(text, found.file, form)
    backend = _chosen(every, name, found)
    last: dict[str, Written] = {}
    for parameter in backend.parameters:
        before = last.pop(parameter.name, None)
        if before is not None:
            replaced = f"takes the place of `{before}` in line {before.line}"
            found.warn(parameter.line, f"`{parameter}` {replaced}")
        last[parameter.name] = parameter
    return WrittenBackend(backend.name, backend.line, tuple(last.values()))


def _chosen(every: Sequence[WrittenBackend], name: str | None, found: Findings) -> WrittenBackend:
    names = listed(map(str, every))
    if name is None:
        if len(every) > 1:
            others = "the first is read; --backend-name NAME chooses another"
            found.note(every[0].line, f"there are {len(every)} backends, {names}: {others}")
        return every[0]
    for backend in every:
        if backend.name == name:
            return backend
    known = [backend.name for backend in every if backend.name]
    hint = did_you_mean(name, known, most=1, alike=0.6, otherwise=".")
    raise found.failure(None, f"there is no backend {cut(name)!r}{hint}", f"The file has {names}.")


# -- TOML and JSON ---------------------------------------------------------------------------------


def _read(text: str, file: str, form: Form) -> list[WrittenBackend]:
    """All backends of a TOML or JSON file, in its order."""
    data = _parsed(text, file, form)
    _check_values(data, text, file)
    tables = list(itertools.islice(_tables(data), MOST_BACKENDS + 1))
    if not tables:
        example = 'address = "origin.example.com"' if form is Form.TOML else '{"address": "..."}'
        remedy = f"Write its parameters: `{example}`."
        raise InputError(file, None, "there is no backend in the file.", remedy)
    check_number(len(tables), file, None)
    places = _Places(text, form)
    return [_backend(name, table, places, file) for name, table in tables]


def _parsed(text: str, file: str, form: Form) -> Any:
    """What a text holds; it is counted before anything is made of it."""
    if sum(map(text.count, "=,[{" if form is Form.TOML else ",[{")) > MOST_VALUES:
        what = f"the file has more than {MOST_VALUES} values, and that is the most that is read."
        raise InputError(
            file, None, what, "Give a file with the backend alone that is to be tried."
        )
    if form is Form.TOML and (name := _LONG_NAME.search(text)):
        what = f"this name has more than {MOST_PARTS} parts."
        remedy = "A parameter of a backend has one part: `NAME = VALUE`."
        raise InputError(file, _line_of(text, name.end()), what, remedy)
    try:
        if form is Form.TOML:
            return tomllib.loads(text)
        return json.loads(text, object_pairs_hook=lambda pairs: _once(pairs, file))
    except (tomllib.TOMLDecodeError, json.JSONDecodeError) as error:
        at = _AT_LINE.search(str(error))
        line = int(at[1]) if at and at[1] else getattr(error, "lineno", None)
        said = getattr(error, "msg", None) or _AT_LINE.sub("", str(error)).strip()
        what = f"this is not {form}: {cut(said, 200)}."
        raise InputError(file, line, what, "Correct the file from there.") from error
    except RecursionError as error:
        raise _too_deep(file) from error
    except InputError:
        raise  # which is a ValueError, too
    except ValueError as error:
        raise _not_a_number(text, file, error) from error


def _once(pairs: list[tuple[str, Any]], file: str) -> dict[str, Any]:
    """An object of JSON; which of two equal names holds is not laid down (RFC 8259, section 4)."""
    table = dict(pairs)
    if len(table) < len(pairs):
        name = Counter(name for name, _ in pairs).most_common(1)[0][0]
        what = f"one object has the name {cut(name)!r} twice, and JSON does not say which of them holds."
        raise InputError(file, None, what, "Remove one of the two.")
    return table


def _check_values(data: Any, text: str, file: str) -> None:
    """Nothing is deeper, and no number larger, than in any file of backends."""
    waiting: list[tuple[Any, int]] = [(data, 0)]
    while waiting:
        value, depth = waiting.pop()
        if isinstance(value, dict | list):
            if depth > DEEPEST:
                raise _too_deep(file)
            inner = value.values() if isinstance(value, dict) else value
            waiting += [(one, depth + 1) for one in inner]
        elif isinstance(value, int) and value.bit_length() > _MOST_BITS:
            raise _not_a_number(text, file, None)


def _too_deep(file: str) -> InputError:
    what = f"tables or lists are more than {DEEPEST} deep in each other."
    remedy = (
        "Check that it is the right file: a backend is one table, in a list or in another table."
    )
    return InputError(file, None, what, remedy)


def _not_a_number(text: str, file: str, error: ValueError | None) -> InputError:
    """A number that is too long for Python or for anything."""
    number = max(_NUMBER.finditer(text), key=lambda number: len(number[1]), default=None)
    if number is None:
        what = f"there is a value that cannot be read: {cut(str(error), 200)}."
        return InputError(file, None, what, "Correct the value.")
    return too_long_a_number(file, _line_of(text, number.start(1)), len(number[1]))


def _tables(data: Any, name: str = "", *, top: bool = True) -> Iterator[tuple[str, dict[str, Any]]]:
    """The tables that are backends, in the order of the file, with their names."""
    if isinstance(data, list):
        for item in data:
            yield from _tables(item, top=False)
    elif isinstance(data, dict):
        inner = next((key for key in _CONTAINERS if isinstance(data.get(key), dict | list)), None)
        if inner is not None:
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
        self.ends = [end.start() for end in re.finditer("\n", self.text)]
        self.left = MOST_STEPS

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
        return bisect.bisect_left(self.ends, at)

    def shown(self, line: int) -> str:
        """A line, without blanks around it."""
        end = self.ends[line] if line < len(self.ends) else None
        return self.text[self.ends[line - 1] : end].strip()


def _backend(name: str, table: dict[str, Any], places: _Places, file: str) -> WrittenBackend:
    after = places.at
    found = [places.find(key, value) for key, value in table.items()]
    first = next((at for at in found if at is not None), None)
    line = places.line(places.begin(first, after))
    check_parameters(len(table), file, line)
    parameters = tuple(
        _parameter(key, value, line if at is None else places.line(at), places)
        for (key, value), at in zip(table.items(), found, strict=True)
        if value is not None  # what the API says of a parameter that is not set
    )
    return WrittenBackend(name, line, parameters)


def _parameter(key: str, value: Any, line: int, places: _Places) -> Written:
    kind = next((kind for type_, kind in _KINDS if isinstance(value, type_)), Kind.BLOCK)
    value = str(value) if kind is Kind.BLOCK else value
    # A string of several lines begins behind its quotes, or in the line after them.
    in_file = places.shown(line)
    content_line = None
    if places.form is Form.TOML and ('"""' in in_file or "'''" in in_file):
        content_line = line + 1 if in_file.endswith(('"""', "'''")) else line
    shown = cut(value.partition("\n")[0]) if isinstance(value, str) else value
    spelt = f"{cut(key)} = " if places.form is Form.TOML else f"{json.dumps(cut(key))}: "
    text = shortened(spelt + json.dumps(shown, ensure_ascii=False))
    return Written(key, value, kind, line, text, content_line)


#: What a value is in VCL's words; a boolean is an integer, too.
_KINDS = ((bool, Kind.BOOLEAN), (int, Kind.INTEGER), (float, Kind.NUMBER), (str, Kind.STRING))


def _line_of(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1
