"""Reading a record back, whole or unfinished."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from lab.record.files import JOURNAL_NAME, RECORD_NAME, Entry, RecordError
from lab.record.models import (
    FORMAT,
    FORMAT_VERSION,
    AttemptRecord,
    CaseRecord,
    Chain,
    RunHeader,
    RunRecord,
)

M = TypeVar("M", bound=BaseModel)


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
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise RecordError(f"{path}, line {line}: not UTF-8, so this is no record") from error
    except OSError as error:
        raise RecordError(
            f"the record {path} cannot be read: {error.strerror}. `lab report` without a path"
            " shows the newest run"
        ) from error


def _read_whole(path: Path, text: str) -> RunRecord:
    data = _parse(path, text, first_line=1)
    _check_format(path, data)
    return _validated(path, RunRecord, data)


def _read_journal(path: Path, text: str) -> RunRecord:
    lines = text.split("\n")
    # What is behind the last line end was not finished: the run was killed while it wrote it.
    lines.pop()
    if not lines:
        raise RecordError(f"{path} is empty: the run was ended before it began")
    header: RunHeader | None = None
    certificates: dict[str, Chain] = {}
    attempts: list[AttemptRecord] = []
    cases: list[CaseRecord] = []
    for number, line in enumerate(lines, start=1):
        data = _parse(path, line, first_line=number)
        if header is None:
            _check_format(path, data.get("run") if isinstance(data, dict) else data)
        entry = _validated(path, Entry, data, line=number)
        header = entry.run or header
        certificates |= entry.certificates or {}
        attempts += [entry.attempt] if entry.attempt else []
        cases += [entry.case] if entry.case else []
    if header is None:
        raise RecordError(f"{path} does not begin with its run: it is no record of a lab")
    known = {name: getattr(header, name) for name in RunHeader.model_fields}
    return RunRecord(
        **known,
        complete=False,
        certificates=certificates,
        attempts=tuple(attempts),
        cases=tuple(cases),
    )


def _parse(path: Path, text: str, *, first_line: int) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise RecordError(
            f"{path}, line {first_line + error.lineno - 1}, column {error.colno}:"
            f" broken JSON ({error.msg})"
        ) from error
    except (RecursionError, ValueError) as error:  # too deep, or a number of thousands of digits
        raise RecordError(f"{path}, line {first_line}: this is no record ({error})") from error


def _check_format(path: Path, data: Any) -> None:
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise RecordError(f"{path} is no record of a lab: it has no format {FORMAT!r}")
    version = data.get("format_version")
    if version != FORMAT_VERSION:
        raise RecordError(
            f"{path} has the format version {version!r}, this lab reads {FORMAT_VERSION}:"
            " use the lab that wrote it"
        )


def _validated(path: Path, model: type[M], data: Any, line: int | None = None) -> M:
    try:
        return model.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        place = f"{path}, line {line}" if line else f"{path}"
        field = ".".join(str(part) for part in first["loc"])
        raise RecordError(
            f"{place}: {field or 'the record'}: {first['msg']}"
            + (f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else "")
        ) from error
