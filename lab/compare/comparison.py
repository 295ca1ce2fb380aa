"""Two runs compared: their cells side by side, their images, the lab's own version."""

from __future__ import annotations

import dataclasses
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lab.compare.cells import Cell, cells_of, races_of
from lab.compare.changes import Change, Difference, ImageChange, Kind, text_of
from lab.compare.images import image_changes
from lab.compare.words import COLUMNS, section, surroundings
from lab.expectations import Verdict
from lab.model import differing_fields
from lab.record import AttemptResult, RunRecord


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
                lines += ["", *section(kind, self.of(kind), columns)]
        if self.images or self.lab:
            lines += ["", "Changed beside it", *surroundings(self.lab, self.images, columns)]
        return "\n".join(lines)

    def as_json(self) -> dict[str, Any]:
        """The comparison as plain data."""
        plain: dict[str, Any] = dataclasses.asdict(self)
        counts = {str(kind): len(self.of(kind)) for kind in Kind}
        return {**plain, "counts": {"same": self.same, **counts}, "worse": self.worse}

    def _counted(self) -> str:
        counts = [f"{len(self.of(kind))} {kind}" for kind in Kind]
        return f"{self.same} cells as they were, {', '.join(counts)}"


def compare(old: RunRecord, new: RunRecord) -> Comparison:
    """Compare two runs, cell by cell."""
    races = races_of(old) | races_of(new)
    before, after = cells_of(old, races), cells_of(new, races)
    images = tuple(image_changes(old.images, new.images))
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


def _change(
    name: str, old: Cell | None, new: Cell | None, changed_images: set[str]
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


def _kind(old: Cell, new: Cell) -> Kind:
    good, still = old.verdict is Verdict.AS_EXPECTED, new.verdict is Verdict.AS_EXPECTED
    if good and not still:
        return Kind.WORSE
    return Kind.BETTER if still and not good else Kind.OTHER


def _differences(old: Cell, new: Cell) -> Iterator[Difference]:
    if old.verdict is not new.verdict:
        yield Difference("verdict", text_of(old.verdict), text_of(new.verdict))
    before, after = old.facts(), new.facts()
    for name, value in before.items():
        if name in after and value != after[name]:
            yield Difference(name, value, after[name])
    yield from _other_attempt(old.first, new.first)


def _other_attempt(old: AttemptResult, new: AttemptResult) -> Iterator[Difference]:
    """Where the two are not the same attempt any more, or not the same is expected of it."""
    for name in differing_fields(old.attempt, new.attempt):
        side, _, field = name.partition(".")
        values = [getattr(getattr(a, side), field) for a in (old, new)]
        yield Difference(name, text_of(values[0]), text_of(values[1]))
    if old.expectation != new.expectation:
        words = [a.expectation.in_words() if a.expectation else None for a in (old, new)]
        yield Difference("expectation", *words)
