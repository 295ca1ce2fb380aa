"""Writing the record of a run as the run goes on."""

from __future__ import annotations

import hashlib
import json
import os
import re
import threading
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, Self

from pydantic import BaseModel

from lab.record import models
from lab.record.models import EVIDENCE, AttemptResult, Chain, Model, RunHeader, RunRecord
from lab.text import sentences

RECORD_NAME = "record.json"
JOURNAL_NAME = "attempts.jsonl"
#: The folder of captures, beside the record.
WIRE_NAME = "wire"
#: Links beside the runs' folders: to the newest run of cases, and to the newest single attempt.
LATEST_NAME = "latest"
CASES_NAME = "last-cases"
ATTEMPT_NAME = "last-attempt"

#: What is in no file name of a capture: it is copied to other systems, and packed by CI.
_NO_FILE_NAME = re.compile(r"[^A-Za-z0-9@._=-]+")
_LONGEST_NAME = 180
# What JSON allows unescaped and a terminal or a reader may trip over: DEL, C1 controls, line
# separators, and the marks that reorder text.
_UNSAFE = re.compile("[\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")


class RecordError(Exception):
    """A record cannot be read or written; the message names the file, the place, what to do."""


def failure(section: str, problem: str, /, **values: object) -> RecordError:
    """To be raised: the sentence of ``errors.toml`` on a problem with ``reading`` or ``writing``."""
    table = sentences(Path(__file__).with_name("errors.toml"))
    return RecordError(table[section][problem].format(**values))


def to_json(model: BaseModel) -> str:
    """A model as JSON that is safe to show, in one line."""
    return escaped(model.model_dump_json())


def escaped(text: str) -> str:
    """JSON with escapes for what JSON allows and a terminal may trip over."""
    return _UNSAFE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def row(
    result: AttemptResult,
    original: AttemptResult | None,
    configurations: dict[str, str],
    *,
    computed: bool = True,
) -> str:
    """An attempt as it is in a file, where what equals a default is left out.

    Args:
        result: the attempt.
        original: the one that was made for it, too; what both have in common is left out.
        configurations: gets the server's configuration, of which the row has only the key.
        computed: with what follows from the rest.
    """
    shared = original is not None and all(
        getattr(result, name) == getattr(original, name) for name in EVIDENCE
    )
    if result.configuration and not shared:
        key = hashlib.sha256(result.configuration.encode()).hexdigest()[:12]
        configurations[key] = result.configuration
        result = result.model_copy(update={"configuration": key})
    return _plain(result, exclude=set(EVIDENCE) if shared else set(), computed=computed)


def whole(record: RunRecord, rows: Mapping[str, str] | None = None, computed: bool = True) -> str:
    """The text of ``record.json``: each attempt and each case is one line.

    Args:
        record: the run.
        rows: attempts as they are in the file, by id, where that is known.
        computed: with what follows from the rest.
    """
    configurations = dict(record.configurations)
    by_id = {attempt.id: attempt for attempt in record.attempts}
    attempts = [
        (rows or {}).get(one.id)
        or row(one, by_id.get(one.same_as or ""), configurations, computed=computed)
        for one in record.attempts
    ]
    # By the header's own serializer: the whole record's would have to be built for that.
    known = {name: getattr(record, name) for name in RunHeader.model_fields}
    header = RunHeader.model_construct(**known)
    named = {"format": header.format, "format_version": header.format_version}
    facts = json.loads(to_json(header)) if computed else named | json.loads(_plain(header))
    facts["complete"] = record.complete
    if record.ended is not None:
        facts["ended"] = record.ended.astimezone(UTC).isoformat().replace("+00:00", "Z")
    parts = [f"{json.dumps(name)}: {_json(value)}" for name, value in facts.items()]
    chains = {name: _list(chain) for name, chain in record.certificates.items()}
    texts = {key: _json(text) for key, text in configurations.items()}
    for name, table in (("certificates", chains), ("configurations", texts)):
        lines = ",\n".join(f"{_json(key)}: {value}" for key, value in table.items())
        parts += [f'"{name}": {{\n{lines}\n}}'] if table else []
    for name, values in (("attempts", attempts), ("cases", map(_plain, record.cases))):
        lines = ",\n".join(values)
        parts.append(f'"{name}": [\n{lines}\n]')
    parts += [f'"counts": {_json(record.counts)}'] if computed else []
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _plain(model: Model, *, exclude: Collection[str] = (), computed: bool = True) -> str:
    text = model.model_dump_json(
        exclude=set(exclude), exclude_defaults=True, exclude_computed_fields=not computed
    )
    return escaped(text)


def _list(parts: Iterable[Model]) -> str:
    return f"[{', '.join(map(_plain, parts))}]"


def _json(value: object) -> str:
    return escaped(json.dumps(value, ensure_ascii=False))


class RecordWriter:
    """Writes the record of one run as the run goes on. Safe to use from several threads.

    Used as a context manager; leaving it without :meth:`finish` leaves the journal, which
    :func:`load` reads as an incomplete record.
    """

    #: Whether this process has written an attempt into a record.
    has_written: ClassVar[bool] = False

    def __init__(self, folder: Path, header: RunHeader) -> None:
        """Begin the journal in ``folder``, which exists; use :meth:`create` otherwise."""
        self.folder = folder
        self.header = header
        self._certificates: dict[str, Chain] = {}
        self._attempts: dict[str, AttemptResult] = {}
        self._rows: dict[str, str] = {}
        self._configurations: dict[str, str] = {}
        self._cases: dict[str, models.CaseRecord] = {}
        self._captures: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._broken: RecordError | None = None
        # Without a buffer: a line is on its way to the disk before anything is printed about it.
        self._journal = (folder / JOURNAL_NAME).open("xb", buffering=0)
        self._append("run", to_json(header))

    @classmethod
    def create(cls, runs: Path, header: RunHeader, link: str = LATEST_NAME) -> RecordWriter:
        """Begin the record of a run in ``runs/<run id>`` and point ``runs/<link>`` to it.

        Raises:
            RecordError: there is such a run already, or the folder cannot be written.
        """
        folder = runs / header.run_id
        try:
            folder.mkdir(parents=True, exist_ok=True)
            writer = cls(folder, header)
            _link(runs / link, header.run_id)
        except FileExistsError as error:
            raise failure("writing", "there", path=folder) from error
        except OSError as error:
            raise _not_written(folder, error) from error
        return writer

    @property
    def path(self) -> Path:
        """The whole record; it is there once :meth:`finish` has returned."""
        return self.folder / RECORD_NAME

    def describe(self, **changes: Any) -> None:
        """Add what became known of the run, e.g. ``images=...`` or ``topology=...``.

        Raises:
            RecordError: the journal cannot be written.
            pydantic.ValidationError: a value that does not fit.
        """
        with self._lock:
            self.header = RunHeader(**(dict(self.header) | changes))
            self._append("run", to_json(self.header))

    @property
    def certificates(self) -> Mapping[str, Chain]:
        """The chains that are written, by name."""
        return MappingProxyType(self._certificates)

    def chain(self, name: str, chain: Chain) -> None:
        """Write what a server was given, before the first attempt whose ``chain`` is this name.

        What is there already is not written again.

        Raises:
            RecordError: the journal cannot be written, or the name stands for another chain.
        """
        with self._lock:
            known = self._certificates.get(name)
            if known is None:
                self._append("certificates", f"{{{_json(name)}: {_list(chain)}}}")
                self._certificates[name] = chain
            elif known != chain:
                raise failure("writing", "two-chains", name=name)

    def attempt(self, attempt: AttemptResult) -> None:
        """Write an attempt; call it before anything is printed about it.

        Raises:
            RecordError: the journal cannot be written, or the id was used before.
        """
        with self._lock:
            if attempt.id in self._attempts:
                raise failure("writing", "two-attempts", name=attempt.id)
            texts: dict[str, str] = {}
            line = row(attempt, self._attempts.get(attempt.same_as or ""), texts)
            if not texts.keys() <= self._configurations.keys():
                self._append("configurations", _json(texts))
                self._configurations |= texts
            self._append("attempt", line)
            self._rows[attempt.id] = line
            self._attempts[attempt.id] = attempt
            RecordWriter.has_written = True

    def capture(self, identity: str, content: bytes) -> str:
        """Write what the attempt of this id looked like on the wire, before the attempt itself.

        Returns:
            The file, as it is called from the record's folder.

        Raises:
            RecordError: it cannot be written.
        """
        words = _NO_FILE_NAME.sub("-", identity).strip("-.")[-_LONGEST_NAME:] or "attempt"
        with self._lock:
            number = self._captures[words]
            self._captures[words] += 1
        name = f"{WIRE_NAME}/{words}{f'.{number}' if number else ''}.pcapng"
        path = self.folder / name
        try:
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content)
        except OSError as error:
            raise _not_written(path, error) from error
        return name

    def case(self, case: models.CaseRecord) -> None:
        """Write what came of a case, after its attempts.

        Raises:
            RecordError: the journal cannot be written, or the id was used before.
        """
        with self._lock:
            if case.id in self._cases:
                raise failure("writing", "two-cases", name=case.id)
            self._append("case", _plain(case))
            self._cases[case.id] = case

    def so_far(self, *, complete: bool = False, ended: datetime | None = None) -> RunRecord:
        """The record as it is now."""
        return RunRecord.model_construct(
            **dict(self.header),
            complete=complete,
            ended=ended,
            certificates=dict(self._certificates),
            configurations=dict(self._configurations),
            attempts=tuple(self._attempts.values()),
            cases=tuple(self._cases.values()),
        )

    def finish(self, ended: datetime, *, complete: bool = True) -> RunRecord:
        """Write the whole record in one piece and end the journal.

        Args:
            ended: when the run ended.
            complete: False: the run was interrupted and could still say so.

        Raises:
            RecordError: it cannot be written; the journal then still holds every attempt.
        """
        with self._lock:
            record = self.so_far(complete=complete, ended=ended)
            temporary = self.path.with_suffix(".tmp")
            try:
                with temporary.open("w", encoding="utf-8", newline="\n") as file:
                    file.write(whole(record, rows=self._rows))
                    file.flush()
                    os.fsync(file.fileno())
                temporary.replace(self.path)
            except OSError as error:
                raise _not_written(self.path, error) from error
        self.close()
        return record

    def close(self) -> None:
        """Close the journal; a second call does nothing."""
        self._journal.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _append(self, name: str, value: str) -> None:
        """Write one line of the journal; ``value`` is JSON."""
        line = f'{{"{name}": {value}}}\n'.encode()
        if self._broken is not None:
            raise self._broken
        try:
            while line:
                line = line[self._journal.write(line) :]
        except OSError as error:
            # The line may be there in part: as the last one, it is left out by a reader.
            self._broken = _not_written(self.folder / JOURNAL_NAME, error)
            raise self._broken from error


def _link(link: Path, target: str) -> None:
    """Point a symbolic link to ``target`` in one step."""
    temporary = link.with_name(f".{link.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(target)
    temporary.replace(link)


def _not_written(path: Path, error: OSError) -> RecordError:
    return failure("writing", "not-written", path=path, why=error.strerror)
