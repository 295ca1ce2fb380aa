"""Reading a record back, whole or unfinished."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from lab.model.expectations import FACTS
from lab.own import files
from lab.record import models
from lab.record.models import FORMAT, FORMAT_VERSION, AttemptResult, CaseRecord, Chain, RunRecord
from lab.record.writing import JOURNAL_NAME, RECORD_NAME, RecordError, failure
from lab.text import cut, one_line

M = TypeVar("M", bound=BaseModel)

#: So many values are read: a run of all cases leaves about 650,000.
MOST_VALUES = 4_000_000
#: So many values may one attempt have, or what there is beside the attempts; an attempt has some hundreds.
MOST_VALUES_OF_ONE = 50_000
#: So deep may one be; a run's attempts are 7 deep.
DEEPEST = 40
#: Of a name, a key or a message from the file, so many characters are said.
_LONGEST_PART = 200
_NAMES_FORMAT = re.compile(rb'"format"\s*+:\s*+"' + re.escape(FORMAT.encode()) + rb'"')


class Entry(models.Model):
    """One line of the journal; exactly one field is set."""

    run: models.RunHeader | None = None
    certificates: dict[str, Chain] | None = None
    configurations: dict[str, str] | None = None
    attempt: AttemptResult | None = None
    case: CaseRecord | None = None


def load(path: Path) -> RunRecord:
    """Read a record.

    Args:
        path: a run's folder, its ``record.json`` or its journal. Of a folder the whole record is
            read if there is one, else the journal.

    Raises:
        RecordError: there is none, it is broken (with the line), it is no record of a lab, or it
            has another format version.
    """
    if path.is_dir():
        whole, journal = path / RECORD_NAME, path / JOURNAL_NAME
        path = whole if whole.exists() or not journal.exists() else journal
    text = _read_text(path)
    return _read_journal(path, text) if path.suffix == ".jsonl" else _read_whole(path, text)


def _read_text(path: Path) -> str:
    try:
        content = files.read(path, files.RECORD)
    except files.Unreadable as error:
        raise RecordError(f"{_name(path)}: {error.what}. {error.remedy}") from error
    if not content.strip() and path.suffix != ".jsonl":
        raise _failure(path, "empty", journal=JOURNAL_NAME)
    # Before anything is made of much: what does not name the format is none.
    if len(content) > files.MIB and not _NAMES_FORMAT.search(content):
        raise _failure(path, "no-record", format=FORMAT)
    values = sum(content.count(mark) for mark in (b",", b"[", b"{"))
    if values > MOST_VALUES:
        raise _failure(path, "too-many", values=values, most=MOST_VALUES)
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise _failure(path, "not-utf-8", line=line) from error


def _read_whole(path: Path, text: str) -> RunRecord:
    data = _parse(path, text, first_line=1)
    version = _version_of(path, data)
    # One by one: the first mistake ends the reading, however many there are.
    parts: dict[str, tuple[BaseModel, ...]] = {}
    for name, model in _PARTS.items():
        given_parts = data.get(name)
        if isinstance(given_parts, list):
            del data[name]
            parts[name] = tuple(
                _validated(path, model, _current(name, part, version), place=(name, number))
                for number, part in enumerate(given_parts)
            )
    record = _validated(path, RunRecord, data).model_copy(update=parts)
    if version < FORMAT_VERSION:
        return record
    return record.model_copy(update={"attempts": _complete(record.attempts, record.configurations)})


def _read_journal(path: Path, text: str) -> RunRecord:
    lines = text.split("\n")
    # What is behind the last line end was not finished: the run was killed while it wrote it.
    lines.pop()
    if not lines:
        raise _failure(path, "not-begun")
    header: models.RunHeader | None = None
    version = FORMAT_VERSION
    certificates: dict[str, Chain] = {}
    configurations: dict[str, str] = {}
    attempts: list[AttemptResult] = []
    cases: list[CaseRecord] = []
    for number, line in enumerate(lines, start=1):
        data = _parse(path, line, first_line=number)
        if header is None:
            version = _version_of(path, data.get("run") if isinstance(data, dict) else data)
        if isinstance(data, dict) and "attempt" in data:
            data["attempt"] = _current("attempts", data["attempt"], version)
        entry = _validated(path, Entry, data, line=number)
        header = entry.run or header
        certificates |= entry.certificates or {}
        configurations |= entry.configurations or {}
        attempts += [entry.attempt] if entry.attempt else []
        cases += [entry.case] if entry.case else []
    if header is None:
        raise _failure(path, "no-run")
    older = version < FORMAT_VERSION
    return RunRecord(
        **dict(header),
        complete=False,
        certificates=certificates,
        configurations=configurations,
        attempts=tuple(attempts) if older else _complete(attempts, configurations),
        cases=tuple(cases),
    )


def _parse(path: Path, text: str, *, first_line: int) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        at = {"line": first_line + error.lineno - 1, "column": error.colno}
        raise _failure(path, "not-json", why=error.msg, **at) from error
    except (RecursionError, ValueError) as error:  # too deep, or a number of thousands of digits
        why = cut(str(error), _LONGEST_PART)
        raise _failure(path, "not-read", line=first_line, why=why) from error


def _version_of(path: Path, data: Any) -> int:
    """The version of the format of a record, or of a journal's first line, which now has the current one."""
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise _failure(path, "no-record", format=FORMAT)
    version = data.get("format_version")
    if version not in (FORMAT_VERSION, *models.OLDER_VERSIONS) or not isinstance(version, int):
        said = cut(repr(version)) if isinstance(version, str | int | float | None) else "another"
        known = " and ".join(map(str, (*models.OLDER_VERSIONS, FORMAT_VERSION)))
        raise _failure(path, "version", version=said, known=known)
    data["format_version"] = FORMAT_VERSION
    return version


#: What was negotiated, which version 1 has in the outcome as well.
_NEGOTIATED = (*FACTS, "verify_code")


def _current(name: str, part: Any, version: int) -> Any:
    """A part of a record of an older version, in the current one.

    Version 1 has the texts of both ends and what was negotiated in the outcome, too; a baseline of it
    has them only there.
    """
    if version == FORMAT_VERSION or name != "attempts" or not isinstance(part, dict):
        return part
    outcome = part.get("outcome")
    if isinstance(outcome, dict) and part.get("client_report") is None:
        texts = outcome.get("texts")
        said = texts if isinstance(texts, dict) else {}
        report = {fact: outcome[fact] for fact in _NEGOTIATED if fact in outcome} | {
            "failed": outcome.get("result") == "refused",
            "step": "",
            "error": said.get("client", ""),
            "message": said.get("message", ""),
        }
        return {**part, "client_report": report}
    return part


def _complete(
    attempts: Sequence[AttemptResult], configurations: Mapping[str, str]
) -> tuple[AttemptResult, ...]:
    """The attempts with what is elsewhere in the file: the configurations, and what another one saw."""
    by_id: dict[str, AttemptResult] = {}
    for one in attempts:
        text = configurations.get(one.configuration, one.configuration)
        by_id[one.id] = one.model_copy(update={"configuration": text})
    for one in attempts:
        original = by_id.get(one.same_as or "")
        if original is not None and one.client_report is None:
            seen = {name: getattr(original, name) for name in models.EVIDENCE}
            if one.outcome is not None and original.client_report is not None:
                report = original.client_report
                seen["outcome"] = dataclasses.replace(one.outcome, report=report)
            by_id[one.id] = one.model_copy(update=seen)
    return tuple(by_id[one.id] for one in attempts)


#: The parts of a record of which there are many.
_PARTS: dict[str, type[BaseModel]] = {"attempts": AttemptResult, "cases": CaseRecord}


def _check_bounds(place: str, data: Any) -> None:
    values = 0
    waiting = [(data, 0)]
    while waiting:
        value, depth = waiting.pop()
        values += 1
        if isinstance(value, dict | list):
            if depth > DEEPEST:
                raise failure("reading", "too-deep", path=place, deepest=DEEPEST)
            inner = value.values() if isinstance(value, dict) else value
            values += len(inner)
            if values > MOST_VALUES_OF_ONE:
                raise failure("reading", "too-large", path=place, most=MOST_VALUES_OF_ONE)
            waiting += [(one, depth + 1) for one in inner]


def _name(path: Path) -> str:
    return one_line(str(path))


def _failure(path: Path, problem: str, /, **values: object) -> RecordError:
    return failure("reading", problem, path=_name(path), **values)


def _validated(
    path: Path,
    model: type[M],
    data: Any,
    line: int | None = None,
    place: tuple[str | int, ...] = (),
) -> M:
    where = f"{_name(path)}, line {line}" if line else _name(path)
    _check_bounds(where, data)
    try:
        return model.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = cut(".".join(str(part) for part in (*place, *first["loc"])), _LONGEST_PART)
        message, more = cut(first["msg"], _LONGEST_PART), error.error_count() - 1
        said = one_line(f"{where}: {field or 'the record'}: {message}")
        raise RecordError(f"{said} (and {more} more)" if more else said) from error
