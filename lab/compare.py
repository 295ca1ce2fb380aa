"""Two runs side by side: what changed, cell by cell. Pure, from the records alone.

A cell is an attempt of one run and the same attempt of the other: the one with its id, and of remedies
the one with its title, so that a remedy put before another changes nothing. The tries of a race are one
cell, because single tries differ from run to run by nature: what is compared of the refusal is the verdict
on its rate.

``docs/compare.md`` says how it is used.
"""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from operator import attrgetter
from typing import Any, Final

from lab.grouping import grouped_by
from lab.model import ClientReport, Outcome, Result, Role, differing_fields, spelt
from lab.model.expectations import FACTS as FACTS_OF_COMPLETION
from lab.model.expectations import Verdict, rate_in_words
from lab.record import AttemptResult, CaseRecord, ImageRecord, RunRecord, gravest, whole
from lab.record.models import EVIDENCE, result_expected

#: Address and port in a reply to PASV (RFC 959, section 4.1.2): another in each run.
_PASSIVE = re.compile(r"\(\d+(?:,\d+){5}\)")
#: What is compared of an outcome, beside the message that the user is shown, and of what completed its facts:
#: how far a handshake had come when it was refused is often a matter of luck. The texts of libraries and
#: servers, and times, differ from run to run.
FACTS: Final = ("result", "goal", "by", "stage", "reason", "cause", "verify_code", "not_judged")
#: What is said of an image that changed, beside its packages.
IMAGE_FACTS: Final = ("source", "stand_in", "os", "tls_library")

#: Attempts that are known by the title of their remedy.
_TITLED: Final = {Role.REMEDY: "remedy", Role.IMPOSTOR: "impostor after"}
_NUMBER_OF_TRY = re.compile(r"-\d+$")
_NO_TIME = datetime(1970, 1, 1, tzinfo=UTC)


class DifferenceKind(StrEnum):
    """What a difference between two runs means."""

    WORSE = "worse"
    """What was as expected is so no longer."""
    VANISHED = "vanished"
    """It is gone: worse, whatever it was."""
    BETTER = "better"
    """What was not as expected now is."""
    OTHER = "other"
    """The verdict is as good or bad as before, and something else differs."""
    NEW = "new"
    """It is only in the new run."""


@dataclass(frozen=True)
class Difference:
    """One thing that is not as it was; what was or is not there at all is ``None``."""

    what: str
    """``verdict``, a fact of a cell (``FACTS``, ``FACTS_OF_COMPLETION``), ``message``, ``server.ciphers``,
    ``expectation``, ..."""
    old: str | None
    new: str | None


@dataclass(frozen=True)
class Change:
    """A cell that is not as it was."""

    id: str
    """Of the attempt; of a race's tries their common part, of a remedy its title in place of a number."""
    kind: DifferenceKind
    old: str | None
    """What came of it, in one line; ``None``: it was not there."""
    new: str | None
    verdict: Verdict | None
    """In the new run; of what vanished, in the old one."""
    attempts: tuple[str, ...]
    """Ids of the attempts, in the same run."""
    differences: tuple[Difference, ...] = ()
    images: tuple[str, ...] = ()
    """Names of its images that changed as well."""

    @property
    def case(self) -> str:
        """Id of its case without the client."""
        return self.id.partition("[")[0]

    @property
    def client(self) -> str:
        """The client in its id, with what else distinguishes it; empty outside of cases."""
        return self.id.rpartition("]")[0].partition("[")[2]

    @property
    def label(self) -> str:
        """Which attempt of its case; empty outside of cases."""
        return self.id.rpartition("]/")[2] if self.client else ""


@dataclass(frozen=True)
class ImageChange:
    """An image that is not as it was."""

    name: str
    differences: tuple[Difference, ...]


@dataclass(frozen=True)
class Comparison:
    """What changed from one run to another."""

    old_run: str
    new_run: str
    same: int
    """Cells that are as they were."""
    changes: tuple[Change, ...]
    images: tuple[ImageChange, ...]
    lab: Difference | None
    """The lab's own version, if it changed."""
    incomplete: tuple[str, ...]
    """Which of the two runs were ended before they were done: ``old``, ``new``."""

    @property
    def worse(self) -> bool:
        """Whether anything is worse than it was."""
        return bool(self.of(DifferenceKind.WORSE) or self.of(DifferenceKind.VANISHED))

    def of(self, kind: DifferenceKind) -> tuple[Change, ...]:
        """The changes of one kind."""
        return tuple(change for change in self.changes if change.kind is kind)

    def as_json(self) -> dict[str, Any]:
        """The comparison as plain data."""
        plain: dict[str, Any] = dataclasses.asdict(self)
        counts = {str(kind): len(self.of(kind)) for kind in DifferenceKind}
        return {**plain, "counts": {"same": self.same, **counts}, "worse": self.worse}


def compare(old: RunRecord, new: RunRecord) -> Comparison:
    """Compare two runs, cell by cell."""
    races = _races_of(old) | _races_of(new)
    before, after = _cells_of(old, races), _cells_of(new, races)
    names = dict.fromkeys([*before, *after])
    images = tuple(_image_changes(old.images, new.images))
    changed_images = {image.name for image in images}
    found = (_change(n, before.get(n), after.get(n), changed_images) for n in names)
    changes = tuple(change for change in found if change is not None)
    version = Difference("version", old.lab_version, new.lab_version)
    return Comparison(
        old.run_id,
        new.run_id,
        same=len(names) - len(changes),
        changes=changes,
        images=images,
        lab=version if version.old != version.new else None,
        incomplete=tuple(
            which for which, record in (("old", old), ("new", new)) if not record.complete
        ),
    )


def why_not(old: RunRecord, new: RunRecord) -> str | None:
    """Why a comparison of the two would mislead, and what to do; ``None``: it would not."""
    for which, record in (("old", old), ("new", new)):
        if not record.complete:
            return (
                f"the {which} record ({record.run_id}) is of a run that was ended before it was done,"
                " so everything behind that would seem to have vanished: compare whole runs (`lab run`)"
            )
    if bool(old.cases) is not bool(new.cases):
        which = "old" if new.cases else "new"
        return (
            f"the {which} record is of single attempts and the other of a run of cases, so they have"
            " nothing in common: compare a run with a run, or an attempt with an attempt"
        )
    if old.cases and not {case.name for case in old.cases} & {case.name for case in new.cases}:
        return (
            f"the two runs have no case in common ({old.run_id}: {_some_cases(old)}; {new.run_id}:"
            f" {_some_cases(new)}): run the same cases again (`lab run`) and compare that"
        )
    if new.chosen and new.chosen != old.chosen:
        words = " ".join(new.chosen)
        return (
            f"the new record is of chosen cases (`lab run {words}`), so all others would seem to have"
            f" vanished: compare a run of all (`lab run`), or with a baseline of `lab run {words}`"
        )
    return None


def why_no_baseline(record: RunRecord) -> str | None:
    """Why a record is not fit to be a baseline, and what to do; ``None``: it is."""
    if not record.complete:
        why = "was ended before it was done, and a baseline of a part hides what the rest does"
    elif not record.cases:
        why = "is of single attempts, and a baseline is of cases"
    else:
        return None
    return f"the run {record.run_id} {why}: `lab run`, then `lab baseline FILE`"


def _some_cases(record: RunRecord) -> str:
    names = list(dict.fromkeys(case.name for case in record.cases))
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"


# -- cells ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Cell:
    """An attempt, or all tries of one attempt of a race; ``rate``: of the refusal of a race, its case."""

    attempts: tuple[AttemptResult, ...]
    rate: CaseRecord | None = None

    @property
    def verdict(self) -> Verdict | None:
        """The gravest of its attempts, and of the rate; ``None``: nothing was expected."""
        verdicts = {attempt.verdict for attempt in self.attempts}
        if verdicts == {None}:
            return None
        if self.rate is not None and self.rate.race is not None:
            race = self.rate.race
            within = race.least <= race.refused <= race.most
            verdicts.add(Verdict.AS_EXPECTED if within else Verdict.SURPRISE)
        return gravest(verdicts)

    @property
    def in_words(self) -> str:
        """What came of it, in one line."""
        if self.rate is not None and self.rate.race is not None:
            race = self.rate.race
            # What its rate counts is what its attempts expect.
            result = result_expected(self.attempts)
            return f"{rate_in_words(result, race.refused, race.times)} ({self.verdict})"
        words = Counter(_seen(attempt) for attempt in self.attempts)
        each = [text if len(words) == 1 else f"{n} x {text}" for text, n in words.items()]
        return f"{'; '.join(each)}{f' ({self.verdict})' if self.verdict else ''}"

    @property
    def ids(self) -> tuple[str, ...]:
        """Of its attempts."""
        return tuple(attempt.id for attempt in self.attempts)

    def facts(self) -> dict[str, str | None]:
        """What is compared of its outcomes; nothing of the tries of a refusal that is a race."""
        if self.rate is not None:
            return {}
        outcomes = [attempt.outcome for attempt in self.attempts]
        names = (*FACTS, *FACTS_OF_COMPLETION)
        named = {name: _one([_fact(o, name) for o in outcomes]) for name in names}
        said = [_PASSIVE.sub("(...)", o.report.message.strip()) if o else "" for o in outcomes]
        messages = [text or None for text in said]
        return named | {"message": _one(messages)}


def _races_of(record: RunRecord) -> frozenset[str]:
    """Ids of the cases whose refusal is a race."""
    by_rate = {case.id for case in record.cases if case.race is not None}
    by_try = {a.case for a in record.attempts if a.otherwise is not None and a.case is not None}
    return frozenset(by_rate | by_try)


def _cells_of(record: RunRecord, races: frozenset[str]) -> dict[str, _Cell]:
    """The cells of a run by id, in the order of its cases, attempts outside of cases last."""
    cases = {case.id: case for case in record.cases}
    order = {name: n for n, name in enumerate(i for case in record.cases for i in case.attempts)}
    ordered = sorted(record.attempts, key=lambda a: (order.get(a.id, len(order)), a.id))
    return {
        name: _Cell(
            tuple(many),
            cases.get(many[0].case or "")
            if many[0].case in races and many[0].role is Role.BREAKS
            else None,
        )
        for name, many in grouped_by(ordered, lambda a: _name(a, races)).items()
    }


def _name(attempt: AttemptResult, races: frozenset[str]) -> str:
    if attempt.case is not None and attempt.label and attempt.role in _TITLED:
        return f"{attempt.case}/{_TITLED[attempt.role]} {attempt.label!r}"
    return _NUMBER_OF_TRY.sub("", attempt.id) if attempt.case in races else attempt.id


def _seen(attempt: AttemptResult) -> str:
    return attempt.outcome.in_words() if attempt.outcome else attempt.verdict_why or "no outcome"


def _fact(outcome: Outcome | None, name: str) -> str | None:
    if outcome is None or (outcome.result is not Result.COMPLETED and name in FACTS_OF_COMPLETION):
        return None
    return _text_of(getattr(outcome, name))


def _one(values: Iterable[str | None]) -> str | None:
    """One text for the tries of a race, which mostly agree."""
    return " or ".join(sorted({value for value in values if value is not None})) or None


# -- differences ---------------------------------------------------------------------------------------


def _change(
    name: str, old: _Cell | None, new: _Cell | None, changed_images: set[str]
) -> Change | None:
    if old is None or new is None:
        only = old or new
        if only is None:
            return None
        kind = DifferenceKind.VANISHED if old else DifferenceKind.NEW
        was, now = old.in_words if old else None, new.in_words if new else None
        return Change(name, kind, was, now, only.verdict, only.ids)
    differences = tuple(_differences(old, new))
    if not differences:
        return None
    good, still = old.verdict is Verdict.AS_EXPECTED, new.verdict is Verdict.AS_EXPECTED
    kind = DifferenceKind.WORSE if good else DifferenceKind.BETTER
    kind = DifferenceKind.OTHER if good is still else kind
    used = {image.name for cell in (old, new) for a in cell.attempts for image in a.images}
    images = tuple(sorted(changed_images & used))
    both = old.in_words, new.in_words
    return Change(name, kind, *both, new.verdict, new.ids, differences, images)


def _differences(old: _Cell, new: _Cell) -> Iterator[Difference]:
    if old.verdict is not new.verdict:
        yield Difference("verdict", _text_of(old.verdict), _text_of(new.verdict))
    after = new.facts()
    for name, value in old.facts().items():
        if name in after and value != after[name]:
            yield Difference(name, value, after[name])
    # Where the two are not the same attempt any more, or not the same is expected of it.
    was, now = old.attempts[0], new.attempts[0]
    for name in differing_fields(was.attempt, now.attempt):
        field = attrgetter(name)
        yield Difference(name, _text_of(field(was.attempt)), _text_of(field(now.attempt)))
    if was.expectation != now.expectation:
        words = [a.expectation.in_words() if a.expectation else None for a in (was, now)]
        yield Difference("expectation", *words)


def _image_changes(old: Sequence[ImageRecord], new: Sequence[ImageRecord]) -> Iterator[ImageChange]:
    """What changed of each image; nothing of one that is as it was."""
    before, after = ({i.name: _image_facts(i) for i in images} for images in (old, new))
    for name in dict.fromkeys([*before, *after]):
        if name not in before or name not in after:
            was, now = ("there", None) if name in before else (None, "there")
            yield ImageChange(name, (Difference("image", was, now),))
            continue
        was_of, now_of = before[name], after[name]
        differences = tuple(
            Difference(fact, was_of.get(fact), now_of.get(fact))
            for fact in {**was_of, **now_of}
            if was_of.get(fact) != now_of.get(fact)
        )
        if differences:
            yield ImageChange(name, differences)


def _image_facts(image: ImageRecord) -> dict[str, str | None]:
    facts = {name: _text_of(getattr(image, name)) for name in IMAGE_FACTS}
    packages = image.facts.get("packages")
    if isinstance(packages, Mapping):
        facts |= {str(name): str(version) for name, version in packages.items()}
    return facts


def _text_of(value: object) -> str | None:
    """A value as a difference shows it; ``None``: there is none."""
    if value is None or value == ():
        return None
    return ", ".join(value) if isinstance(value, tuple) else spelt(value)


# -- a baseline ----------------------------------------------------------------------------------------


def baseline(record: RunRecord) -> str:
    """A record that holds only what a comparison reads, as text to be committed.

    It is read like any other record. An attempt is one line, in an order that does not differ from run
    to run and without its times, so that the next baseline differs only in what changed. The texts of
    both ends, configurations, packets, certificates and what an impostor got are left out, and so is what
    equals a default.
    """
    slim = record.model_copy(
        update={
            "machine": {},
            "engine": {},
            "topology": {},
            "certificates": {},
            "configurations": {},
            "ended": record.started if record.ended else None,
            "attempts": tuple(map(_slim, sorted(record.attempts, key=attrgetter("id")))),
            "cases": tuple(
                case.model_copy(update={"story": ""})
                for case in sorted(record.cases, key=attrgetter("id"))
            ),
        }
    )
    return whole(slim, computed=False)


def _slim(attempt: AttemptResult) -> AttemptResult:
    outcome, report = attempt.outcome, attempt.client_report
    if report is not None:
        kept = ("failed", "message", "verify_code", *FACTS_OF_COMPLETION)
        report = ClientReport(step="", **{name: getattr(report, name) for name in kept})
        outcome = dataclasses.replace(outcome, report=report) if outcome else None
    fields = AttemptResult.model_fields
    update = {name: fields[name].get_default(call_default_factory=True) for name in EVIDENCE}
    update |= {"chain": None, "started": _NO_TIME, "elapsed_ms": 0.0}
    return attempt.model_copy(update=update | {"outcome": outcome, "client_report": report})
