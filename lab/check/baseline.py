"""A check that later ones are compared with: what got worse since, what was broken already.

A baseline is small and sorted, so that it can be committed: of each requirement what came of it, and the
versions of what it was tried with. Another version by itself is no fault of anything: it is only said.
``docs/ci.md`` says how it is used.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from lab import __version__
from lab.check.files import OutputFile
from lab.check.judging import say
from lab.check.result import CheckResult, Row, RowVerdict
from lab.images.provenance import differences
from lab.model import Stage
from lab.own import files
from lab.own.findings import InputError
from lab.remedies.words import InBothLanguages
from lab.text import cut, listed, one_line

FORMAT: Final = "tls-ftps-interop-lab/check-baseline"
FORMAT_VERSION: Final = 1
#: A check of all clients of all servers leaves some 20 kB.
BASELINE: Final = files.ReadLimit("a baseline", files.MIB)
#: So many requirements has no check, and no image so many packages.
MOST_ENTRIES: Final = 5000

_Name = Annotated[str, StringConstraints(min_length=1, max_length=300)]


class KnownRow(BaseModel):
    """What came of a requirement."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    verdict: RowVerdict
    outcome: str = Field(default="", max_length=300)
    """``completed``, or ``refused:SIDE:STAGE:REASON``, or ``false-success:...``; empty: it was not tried."""


class CheckBaseline(BaseModel):
    """A baseline as it is in its file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal["tls-ftps-interop-lab/check-baseline"] = FORMAT
    format_version: Literal[1] = FORMAT_VERSION
    lab: str = Field(default=__version__, max_length=80)
    """The version of the lab that wrote it."""
    rows: dict[_Name, KnownRow] = Field(max_length=MOST_ENTRIES)
    """By the id of the requirement."""
    builds: dict[_Name, dict[_Name, _Name]] = Field(max_length=MOST_ENTRIES)
    """By image, the version of each program and library in it."""

    @classmethod
    def of(cls, result: CheckResult) -> CheckBaseline:
        """What is kept of a check."""
        rows = {
            row.requirement.id: KnownRow(verdict=row.verdict, outcome=_outcome(row))
            for row in result.rows
        }
        return cls(rows=rows, builds={name: dict(found) for name, found in result.builds.items()})

    @classmethod
    def read(cls, path: Path) -> CheckBaseline:
        """Read one.

        Raises:
            InputError: it cannot be read, or is none.
        """
        again = "Write it anew: lab check --write-baseline FILE"
        try:
            return cls.model_validate_json(files.read(path, BASELINE))
        except files.Unreadable as error:
            remedy = error.remedy if path.exists() else again
            raise InputError(str(path), None, f"{error.what}.", remedy) from error
        except ValidationError as error:
            raise InputError(
                str(path), None, f"this is no baseline of a check: {_said(error)}.", again
            ) from error

    def text(self) -> str:
        """As it is in its file: sorted, so that the next one differs only in what changed."""
        whole = self.model_dump(mode="json")
        return json.dumps(whole, ensure_ascii=False, indent=2, sort_keys=True) + "\n"


@dataclass(frozen=True, kw_only=True)
class BaselineChange:
    """A requirement of which something else came than the baseline has."""

    id: str
    was: str
    now: str


@dataclass(frozen=True, kw_only=True)
class BaselineComparison:
    """A check beside a baseline."""

    file: str
    worse: tuple[BaselineChange, ...] = ()
    """Broken now, and was not, or is refused at an earlier stage than it was: these decide."""
    better: tuple[BaselineChange, ...] = ()
    """Was broken, and is met now."""
    known: frozenset[str] = frozenset()
    """Broken, and was broken already."""
    otherwise: tuple[BaselineChange, ...] = ()
    """Of the known: broken in another way than before."""
    gone: tuple[str, ...] = ()
    """In the baseline, and not checked now."""
    moved: Mapping[str, tuple[str, ...]]
    """By image, which versions are others."""

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        changed = {
            name: [vars(one) for one in getattr(self, name)]
            for name in ("worse", "better", "otherwise")
        }
        rest = {"known": sorted(self.known), "gone": self.gone, "moved": self.moved}
        return {"file": self.file, **changed, **rest}


def compare(baseline: CheckBaseline, result: CheckResult, file: str) -> BaselineComparison:
    """What changed between a baseline and a check."""
    worse, better, otherwise, known = [], [], [], set()
    for row in result.rows:
        name, now = row.requirement.id, _outcome(row) or row.verdict
        was = baseline.rows.get(name)
        before = "" if was is None else was.outcome or was.verdict
        change = BaselineChange(id=name, was=before, now=now)
        if row.verdict is RowVerdict.BROKEN:
            earlier = _reached(now) < _reached(before)
            if was is None or was.verdict is not RowVerdict.BROKEN or earlier:
                worse.append(change)
                continue
            known.add(name)
            if before != now:
                otherwise.append(change)
        elif was is not None and was.verdict is RowVerdict.BROKEN and row.verdict is RowVerdict.MET:
            better.append(change)
    checked = {row.requirement.id for row in result.rows}
    moved = {
        image: found
        for image, builds in result.builds.items()
        if image in baseline.builds and (found := differences(baseline.builds[image], builds))
    }
    return BaselineComparison(
        file=file,
        worse=tuple(worse),
        better=tuple(better),
        known=frozenset(known),
        otherwise=tuple(otherwise),
        gone=tuple(sorted(set(baseline.rows) - checked)),
        moved=moved,
    )


def baseline_in_words(compared: BaselineComparison, language: str) -> list[str]:
    """What changed since the baseline, a line each; the first says beside which."""

    def said(name: str, **values: object) -> str:
        return say("baseline", name, **values).in_(language)

    lines = [said("worse" if one.was else "new", **vars(one)) for one in compared.worse]
    lines += [said("otherwise", **vars(one)) for one in compared.otherwise]
    lines += [said("better", **vars(one)) for one in compared.better]
    lines += [said("renew", file=compared.file)] if compared.better else []
    lines += [said("known", number=len(compared.known))] if compared.known else []
    lines += [said("gone", ids=listed(compared.gone, language=language))] if compared.gone else []
    lines += [
        said("moved", image=image, changes=listed(changes, language=language))
        for image, changes in sorted(compared.moved.items())
    ]
    return lines or [said("same")]


class BaselineUse:
    """What is read before a check, and written after it.

    Args:
        known: the baseline to compare with; it need not be there if it is the one that is written.
        written: where the check is to be kept as a baseline; ``None``: it is not.

    Raises:
        InputError: one cannot be read, the other cannot be written.
    """

    def __init__(self, known: Path, written: Path | None) -> None:
        if written is not None:
            OutputFile(written).look()
        # What is written anew may be none yet, or no baseline any more.
        anew = written is not None and (not known.exists() or known.resolve() == written.resolve())
        self._known = None if anew else CheckBaseline.read(known)
        self._file, self._written = str(known), written

    def compare(self, result: CheckResult) -> BaselineComparison | None:
        """The check beside its baseline; one that is written knows all that is broken.

        Raises:
            InputError: it cannot be written any more.
        """
        if self.is_written(result) and self._written is not None:
            now = CheckBaseline.of(result)
            OutputFile(self._written).write(now.text())
            return compare(now, result, str(self._written))
        return compare(self._known, result, self._file) if self._known else None

    def is_written(self, result: CheckResult) -> bool:
        """Whether a baseline is to be written and can be: nobody knows what is left open."""
        return self._written is not None and not result.left_open

    def in_words(self, result: CheckResult) -> InBothLanguages | None:
        """What became of the baseline that was to be written; ``None``: none was."""
        if self._written is None:
            return None
        name = "written" if self.is_written(result) else "not-written"
        return say("baseline", name, file=self._written, number=len(result.left_open))


def _outcome(row: Row) -> str:
    found = row.outcome
    if found is None:
        return ""
    return ":".join(filter(None, (found.result, found.by, found.stage, found.reason)))


def _reached(outcome: str) -> int:
    """How many stages a connection passed; who completed passed them all."""
    stages = [str(stage) for stage in Stage]
    stopped = [stages.index(part) for part in outcome.split(":")[1:] if part in stages]
    return stopped[0] if stopped else len(stages)


def _said(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(cut(str(part)) for part in first["loc"])
    return one_line(f"{place}: {first['msg']}" if place else str(first["msg"]), 300)
