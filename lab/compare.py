"""Two runs side by side: what changed, cell by cell. Pure, from the records alone.

A cell is an attempt of one run and the same attempt of the other: the one with its id, and of remedies
the one with its title, so that a remedy put before another changes nothing. The tries of a race are one
cell, because single tries differ from run to run by nature: what is compared of the refusal is the verdict
on its rate.

=========  ========================================================================================
worse      what was as expected is so no longer, or is gone: vanished cells are worse, whatever they were
better     what was not as expected now is
other      the verdict is as good or bad as before, and something else differs
new        only in the new run
=========  ========================================================================================
"""

from __future__ import annotations

import dataclasses
import json
import re
import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from operator import attrgetter
from typing import Any, Final

from lab.expectations import Verdict
from lab.model import Outcome, Result, Role, Texts, differing_fields
from lab.record import AttemptRecord, CaseRecord, ImageRecord, RunRecord, gravest

COLUMNS: Final = 80

#: What is compared of an outcome, beside the message that the user is shown. The texts of libraries and
#: servers, and times, differ from run to run.
FACTS: Final = ("result", "goal", "by", "stage", "reason", "cause", "verify_code")
#: And of what completed: how far a handshake had come when it was refused is often a matter of luck.
FACTS_OF_COMPLETION: Final = (
    "protocol",
    "cipher",
    "verified",
    "data_protected",
    "session_reused",
)
#: What is said of an image that changed, beside its packages.
IMAGE_FACTS: Final = ("source", "stand_in", "os", "tls_library")

#: Attempts that are known by the title of their remedy.
_TITLED: Final = {Role.REMEDY: "remedy", Role.IMPOSTOR: "impostor after"}
_NUMBER_OF_TRY = re.compile(r"-\d+$")


class Kind(StrEnum):
    """What a difference between two runs means."""

    WORSE = "worse"
    VANISHED = "vanished"
    BETTER = "better"
    OTHER = "other"
    NEW = "new"


@dataclass(frozen=True)
class Difference:
    """One thing that is not as it was; what was or is not there at all is ``None``."""

    what: str
    """``verdict``, a fact of :data:`FACTS`, ``message``, ``server.ciphers``, ``expectation``, ..."""
    old: str | None
    new: str | None


@dataclass(frozen=True)
class Change:
    """A cell that is not as it was."""

    id: str
    """Of the attempt; of a race's tries their common part, of a remedy its title in place of a number."""
    kind: Kind
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
        return any(change.kind in {Kind.WORSE, Kind.VANISHED} for change in self.changes)

    @property
    def exit_status(self) -> int:
        """1 when something is worse or has vanished, else 0."""
        return int(self.worse)

    def of(self, kind: Kind) -> tuple[Change, ...]:
        """The changes of one kind."""
        return tuple(change for change in self.changes if change.kind is kind)

    def in_words(self, columns: int = COLUMNS) -> str:
        """What changed, in lines of so many columns; what changed alike is said once."""
        lines = [f"old: {self.old_run}", f"new: {self.new_run}"]
        for which in self.incomplete:
            text = f"The {which} run was ended before it was done: what it lacks may say nothing."
            lines += textwrap.wrap(text, columns)
        lines += ["", *textwrap.wrap(self._counted(), columns)]
        for kind in Kind:
            if self.of(kind):
                lines += ["", _HEADINGS[kind], *_in_groups(self.of(kind), columns)]
        if self.images or self.lab:
            lines += ["", "Changed beside it", *self._surroundings(columns)]
        return "\n".join(lines)

    def as_json(self) -> dict[str, Any]:
        """The comparison as plain data."""
        plain: dict[str, Any] = dataclasses.asdict(self)
        counts = {str(kind): len(self.of(kind)) for kind in Kind}
        return {**plain, "counts": {"same": self.same, **counts}, "worse": self.worse}

    def _counted(self) -> str:
        counts = [f"{len(self.of(kind))} {kind}" for kind in Kind]
        return f"{self.same} cells as they were, {', '.join(counts)}"

    def _surroundings(self, columns: int) -> Iterator[str]:
        if self.lab is not None:
            yield from _line(f"lab {_arrow(self.lab)}", 2, columns)
        for image in self.images:
            for difference in image.differences:
                yield from _line(f"{image.name} {_arrow(difference)}", 2, columns)


def compare(old: RunRecord, new: RunRecord) -> Comparison:
    """Compare two runs, cell by cell."""
    races = _races(old) | _races(new)
    before, after = _cells(old, races), _cells(new, races)
    images = tuple(_image_changes(old.images, new.images))
    changed_images = {image.name for image in images}
    changes: list[Change] = []
    for name in [*before, *(name for name in after if name not in before)]:
        change = _change(name, before.get(name), after.get(name), changed_images)
        if change is not None:
            changes.append(change)
    version = Difference("version", old.lab_version, new.lab_version)
    return Comparison(
        old.run_id,
        new.run_id,
        same=len(before.keys() | after.keys()) - len(changes),
        changes=tuple(changes),
        images=images,
        lab=version if version.old != version.new else None,
        incomplete=tuple(
            which for which, record in (("old", old), ("new", new)) if not record.complete
        ),
    )


def baseline(record: RunRecord) -> str:
    """A record that holds only what a comparison reads, as text to be committed.

    It is read like any other record. An attempt is one line, in an order that does not differ from run
    to run and without its times, so that the next baseline differs only in what changed. The texts of
    both ends, configurations and what an impostor got are left out, and so is what equals a default.
    """
    slim = _slim(record)
    plain = slim.model_dump(mode="json", exclude_defaults=True, exclude_computed_fields=True)
    attempts, cases = plain.pop("attempts", []), plain.pop("cases", [])
    head = {"format": record.format, "format_version": record.format_version, **plain}
    parts = [f"{json.dumps(name)}: {json.dumps(value)}" for name, value in head.items()]
    for name, values in (("cases", cases), ("attempts", attempts)):
        lines = ",\n".join(json.dumps(value) for value in values)
        parts.append(f'"{name}": [\n{lines}\n]')
    return "{\n" + ",\n".join(parts) + "\n}\n"


# -- cells ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Cell:
    """An attempt, or all tries of one attempt of a race."""

    attempts: tuple[AttemptRecord, ...]
    rate: CaseRecord | None = None
    """Of the refusal of a race: its case."""

    @property
    def first(self) -> AttemptRecord:
        return self.attempts[0]

    @property
    def verdict(self) -> Verdict | None:
        """The gravest of its attempts, and of the rate; ``None``: nothing was expected."""
        verdicts = {attempt.verdict for attempt in self.attempts}
        if verdicts == {None}:
            return None
        return gravest([*verdicts, self._verdict_on_rate()])

    @property
    def in_words(self) -> str:
        """What came of it, in one line."""
        if self.rate is not None and self.rate.race is not None:
            race = self.rate.race
            return f"refused in {race.refused} of {race.times} tries ({self.verdict})"
        words = Counter(_seen(attempt) for attempt in self.attempts)
        each = [text if len(words) == 1 else f"{n} x {text}" for text, n in words.items()]
        return f"{'; '.join(each)}{f' ({self.verdict})' if self.verdict else ''}"

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(attempt.id for attempt in self.attempts)

    @property
    def images(self) -> frozenset[str]:
        return frozenset(image.name for a in self.attempts for image in a.images)

    def facts(self) -> dict[str, str | None]:
        """What is compared of its outcomes; nothing of the tries of a refusal that is a race."""
        if self.rate is not None:
            return {}
        outcomes = [attempt.outcome for attempt in self.attempts]
        names = (*FACTS, *FACTS_OF_COMPLETION)
        named = {name: _one([_fact(o, name) for o in outcomes]) for name in names}
        messages = [o.texts.message.strip() or None if o else None for o in outcomes]
        return named | {"message": _one(messages)}

    def _verdict_on_rate(self) -> Verdict | None:
        race = self.rate.race if self.rate else None
        if race is None:
            return None
        within = race.least <= race.refused <= race.most
        return Verdict.AS_EXPECTED if within else Verdict.SURPRISE


def _races(record: RunRecord) -> frozenset[str]:
    """Ids of the cases whose refusal is a race."""
    by_rate = {case.id for case in record.cases if case.race is not None}
    by_try = {a.case for a in record.attempts if a.otherwise is not None and a.case is not None}
    return frozenset(by_rate | by_try)


def _cells(record: RunRecord, races: frozenset[str]) -> dict[str, _Cell]:
    """The cells of a run by id, in the order of its cases, attempts outside of cases last."""
    cases = {case.id: case for case in record.cases}
    grouped: dict[str, list[AttemptRecord]] = {}
    for attempt in sorted(record.attempts, key=_in_order(record)):
        grouped.setdefault(_name(attempt, races), []).append(attempt)
    return {
        name: _Cell(tuple(attempts), _rate(attempts[0], cases, races))
        for name, attempts in grouped.items()
    }


def _name(attempt: AttemptRecord, races: frozenset[str]) -> str:
    if attempt.case is not None and attempt.label and attempt.role in _TITLED:
        return f"{attempt.case}/{_TITLED[attempt.role]} {attempt.label!r}"
    return _NUMBER_OF_TRY.sub("", attempt.id) if attempt.case in races else attempt.id


def _rate(
    attempt: AttemptRecord, cases: Mapping[str, CaseRecord], races: frozenset[str]
) -> CaseRecord | None:
    if attempt.case not in races or attempt.role is not Role.BREAKS:
        return None
    return cases.get(attempt.case or "")


def _in_order(record: RunRecord) -> Any:
    order = {name: n for n, name in enumerate(i for case in record.cases for i in case.attempts)}
    return lambda attempt: (order.get(attempt.id, len(order)), attempt.id)


def _change(
    name: str, old: _Cell | None, new: _Cell | None, changed_images: set[str]
) -> Change | None:
    if old is None:
        if new is None:
            return None
        return Change(name, Kind.NEW, None, new.in_words, new.verdict, new.ids)
    if new is None:
        return Change(name, Kind.VANISHED, old.in_words, None, old.verdict, old.ids)
    differences = tuple(_differences(old, new))
    if not differences:
        return None
    images = tuple(sorted(changed_images & (old.images | new.images)))
    kind = _kind(old, new)
    words = old.in_words, new.in_words
    return Change(name, kind, *words, new.verdict, new.ids, differences, images)


def _kind(old: _Cell, new: _Cell) -> Kind:
    good, still = old.verdict is Verdict.AS_EXPECTED, new.verdict is Verdict.AS_EXPECTED
    if good and not still:
        return Kind.WORSE
    return Kind.BETTER if still and not good else Kind.OTHER


def _differences(old: _Cell, new: _Cell) -> Iterator[Difference]:
    if old.verdict is not new.verdict:
        yield Difference("verdict", _text(old.verdict), _text(new.verdict))
    before, after = old.facts(), new.facts()
    for name, value in before.items():
        if name in after and value != after[name]:
            yield Difference(name, value, after[name])
    yield from _other_attempt(old.first, new.first)


def _other_attempt(old: AttemptRecord, new: AttemptRecord) -> Iterator[Difference]:
    """Where the two are not the same attempt any more, or not the same is expected of it."""
    for name in differing_fields(old.attempt, new.attempt):
        side, _, field = name.partition(".")
        values = [getattr(getattr(a, side), field) for a in (old, new)]
        yield Difference(name, _text(values[0]), _text(values[1]))
    if old.expectation != new.expectation:
        words = [a.expectation.in_words() if a.expectation else None for a in (old, new)]
        yield Difference("expectation", *words)


# -- images --------------------------------------------------------------------------------------------


def _image_changes(old: Sequence[ImageRecord], new: Sequence[ImageRecord]) -> Iterator[ImageChange]:
    before, after = {i.name: i for i in old}, {i.name: i for i in new}
    for name in [*before, *(name for name in after if name not in before)]:
        if name not in before or name not in after:
            was, now = ("there", None) if name in before else (None, "there")
            yield ImageChange(name, (Difference("image", was, now),))
            continue
        facts = [_image_facts(i[name]) for i in (before, after)]
        differences = tuple(
            Difference(fact, facts[0].get(fact), facts[1].get(fact))
            for fact in {**facts[0], **facts[1]}
            if facts[0].get(fact) != facts[1].get(fact)
        )
        if differences:
            yield ImageChange(name, differences)


def _image_facts(image: ImageRecord) -> dict[str, str | None]:
    facts = {name: _text(getattr(image, name)) for name in IMAGE_FACTS}
    packages = image.facts.get("packages")
    if isinstance(packages, Mapping):
        facts |= {str(name): str(version) for name, version in packages.items()}
    return facts


# -- words ---------------------------------------------------------------------------------------------

_HEADINGS: Final[Mapping[Kind, str]] = {
    Kind.WORSE: "Worse: was as expected",
    Kind.VANISHED: "Vanished: not in the new run",
    Kind.BETTER: "Better: is as expected now",
    Kind.OTHER: "Changed, and neither better nor worse",
    Kind.NEW: "New: not in the old run",
}


#: What the lines on the outcomes do not say, and is worth one of its own if the result is the same.
_UNSAID = frozenset({"cause", "verify_code", "data_protected", "session_reused"})


def _in_groups(changes: Sequence[Change], columns: int) -> Iterator[str]:
    """Each case once, and in it once what is the same of several clients."""
    by_case: dict[str, list[Change]] = {}
    for change in changes:
        by_case.setdefault(change.case, []).append(change)
    for case, of_case in by_case.items():
        told = [change for change in of_case if not _is_plain(change)]
        plain = [change for change in of_case if _is_plain(change)]
        number = f" ({len(plain)} as expected)" if plain else ""
        yield from _line(f"{case}{number}", 2, columns)
        if plain:
            yield from _line(", ".join(dict.fromkeys(c.client for c in plain)), 4, columns)
        groups: dict[tuple[str, object], list[Change]] = {}
        for change in told:
            said = (change.old, change.new, change.differences)
            groups.setdefault((change.label, said), []).append(change)
        for (label, _), alike in groups.items():
            clients = ", ".join(filter(None, (change.client for change in alike)))
            yield from _line(": ".join(filter(None, (label, clients))), 4, columns)
            yield from _told(alike[0], columns)
            images = sorted({name for change in alike for name in change.images})
            if images:
                yield from _line(f"images changed: {', '.join(images)}", 11, columns)


def _is_plain(change: Change) -> bool:
    """Whether nothing needs to be said of it but that it is gone, or is there now."""
    apart = change.kind in {Kind.VANISHED, Kind.NEW}
    return apart and change.verdict is Verdict.AS_EXPECTED


def _told(change: Change, columns: int) -> Iterator[str]:
    if change.old == change.new:
        yield from _line(f"both {change.new}", 6, columns, hanging=5)
    else:
        for which, words in (("old", change.old), ("new", change.new)):
            if words is not None:
                yield from _line(f"{which}  {words}", 6, columns, hanging=5)
    another_result = any(difference.what == "result" for difference in change.differences)
    said = {"verdict", *FACTS, *FACTS_OF_COMPLETION}
    said -= set() if another_result else _UNSAID
    for difference in change.differences:
        if difference.what not in said:
            yield from _line(_arrow(difference), 11, columns)


def _line(text: str, indent: int, columns: int, *, hanging: int = 2) -> list[str]:
    """The text at an indent; further lines begin a little to the right of it."""
    return textwrap.wrap(
        _printable(text),
        columns,
        initial_indent=" " * indent,
        subsequent_indent=" " * (indent + hanging),
        break_on_hyphens=False,
    )


def _printable(text: str) -> str:
    """Texts of servers and of other people's records, without what moves a terminal's cursor."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text.strip())


def _arrow(difference: Difference) -> str:
    old, new = (value if value is not None else "nothing" for value in _both(difference))
    return f"{difference.what}: {old} -> {new}"


def _both(difference: Difference) -> tuple[str | None, str | None]:
    return difference.old, difference.new


def _seen(attempt: AttemptRecord) -> str:
    return attempt.outcome.in_words() if attempt.outcome else attempt.verdict_why or "no outcome"


def _fact(outcome: Outcome | None, name: str) -> str | None:
    if outcome is None or (outcome.result is Result.REFUSED and name in FACTS_OF_COMPLETION):
        return None
    return _text(getattr(outcome, name))


def _one(values: Iterable[str | None]) -> str | None:
    """One text for the tries of a race, which mostly agree."""
    distinct = sorted({value for value in values if value is not None})
    return " or ".join(distinct) or None


def _text(value: object) -> str | None:
    if value is None or value == ():
        return None
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(value) if isinstance(value, tuple) else str(value)


# -- a baseline ----------------------------------------------------------------------------------------


_NO_TIME = datetime(1970, 1, 1, tzinfo=UTC)


def _slim(record: RunRecord) -> RunRecord:
    return record.model_copy(
        update={
            "machine": {},
            "engine": {},
            "topology": {},
            "ended": record.started if record.ended else None,
            "attempts": tuple(
                _slim_attempt(attempt) for attempt in sorted(record.attempts, key=attrgetter("id"))
            ),
            "cases": tuple(
                case.model_copy(update={"story": ""})
                for case in sorted(record.cases, key=attrgetter("id"))
            ),
        }
    )


def _slim_attempt(attempt: AttemptRecord) -> AttemptRecord:
    outcome = attempt.outcome
    if outcome is not None:
        texts = Texts(message=outcome.texts.message)
        outcome = dataclasses.replace(outcome, texts=texts, elapsed_ms=0.0)
    return attempt.model_copy(
        update={
            "outcome": outcome,
            "client_report": None,
            "server_report": None,
            "configuration": "",
            "request": {},
            "started": _NO_TIME,
            "elapsed_ms": 0.0,
        }
    )
