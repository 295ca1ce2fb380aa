"""Writing the record of a run as the run goes on."""

from __future__ import annotations

import os
import re
import threading
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, Self

from lab.record.files import (
    JOURNAL_NAME,
    LATEST_NAME,
    RECORD_NAME,
    WIRE_NAME,
    Entry,
    RecordError,
)
from lab.record.models import AttemptRecord, CaseRecord, Chain, RunHeader, RunRecord
from lab.record.text import to_json

#: What is in no file name of a capture: it is copied to other systems, and packed by CI.
_NO_FILE_NAME = re.compile(r"[^A-Za-z0-9@._=-]+")
_LONGEST_NAME = 180


class RecordWriter:
    """Writes the record of one run as the run goes on. Safe to use from several threads.

    Used as a context manager; leaving it without :meth:`finish` leaves the journal, which
    :func:`load` reads as an incomplete record.
    """

    def __init__(self, folder: Path, header: RunHeader) -> None:
        """Begin the journal in ``folder``, which exists; use :meth:`create` otherwise."""
        self.folder = folder
        self.header = header
        self._certificates: dict[str, Chain] = {}
        self._attempts: dict[str, AttemptRecord] = {}
        self._cases: dict[str, CaseRecord] = {}
        self._captures: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._broken: RecordError | None = None
        # Without a buffer: a line is on its way to the disk before anything is printed about it.
        self._journal = (folder / JOURNAL_NAME).open("xb", buffering=0)
        self._append(Entry(run=header))

    @classmethod
    def create(cls, runs: Path, header: RunHeader) -> RecordWriter:
        """Begin the record of a run in ``runs/<run id>`` and point ``runs/latest`` to it.

        Raises:
            RecordError: there is such a run already, or the folder cannot be written.
        """
        folder = runs / header.run_id
        try:
            folder.mkdir(parents=True, exist_ok=True)
            writer = cls(folder, header)
            _link(runs / LATEST_NAME, header.run_id)
        except FileExistsError as error:
            raise RecordError(
                f"{folder} already holds the record of a run: give this run another id"
            ) from error
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
            known = {name: getattr(self.header, name) for name in RunHeader.model_fields}
            self.header = RunHeader(**(known | changes))
            self._append(Entry(run=self.header))

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
                self._append(Entry(certificates={name: chain}))
                self._certificates[name] = chain
            elif known != chain:
                raise RecordError(f"two chains of the run have the name {name!r}")

    def attempt(self, attempt: AttemptRecord) -> None:
        """Write an attempt; call it before anything is printed about it.

        Raises:
            RecordError: the journal cannot be written, or the id was used before.
        """
        with self._lock:
            if attempt.id in self._attempts:
                raise RecordError(f"two attempts of the run have the id {attempt.id!r}")
            self._append(Entry(attempt=attempt))
            self._attempts[attempt.id] = attempt

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

    def case(self, case: CaseRecord) -> None:
        """Write what came of a case, after its attempts.

        Raises:
            RecordError: the journal cannot be written, or the id was used before.
        """
        with self._lock:
            if case.id in self._cases:
                raise RecordError(f"two cases of the run have the id {case.id!r}")
            self._append(Entry(case=case))
            self._cases[case.id] = case

    def so_far(self, *, complete: bool = False, ended: datetime | None = None) -> RunRecord:
        """The record as it is now."""
        known = {name: getattr(self.header, name) for name in RunHeader.model_fields}
        return RunRecord(
            **known,
            complete=complete,
            ended=ended,
            certificates=dict(self._certificates),
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
                    file.write(to_json(record, indent=2) + "\n")
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

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _append(self, entry: Entry) -> None:
        name = next(n for n in Entry.model_fields if getattr(entry, n) is not None)
        line = f"{to_json(entry, only={name})}\n".encode()
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
    return RecordError(
        f"the record {path} cannot be written: {error.strerror}."
        " Make room or permit writing there, then run again"
    )
