"""Changes in words: lines for a terminal, in which what changed alike is said once."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from lab.compare.cells import FACTS, FACTS_OF_COMPLETION
from lab.compare.changes import Change, Difference, ImageChange, Kind
from lab.expectations import Verdict
from lab.text import one_line

#: Lines are so long where nobody asks for something else.
COLUMNS: Final = 80

_HEADINGS: Final[Mapping[Kind, str]] = {
    Kind.WORSE: "Worse: was as expected",
    Kind.VANISHED: "Vanished: not in the new run",
    Kind.BETTER: "Better: is as expected now",
    Kind.OTHER: "Changed, and neither better nor worse",
    Kind.NEW: "New: not in the old run",
}

#: What the lines on the outcomes do not say, and is worth one of its own if the result is the same.
_UNSAID = frozenset({"cause", "verify_code", "data_protected", "session_reused"})


def section(kind: Kind, changes: Sequence[Change], columns: int) -> list[str]:
    """What changed in one way, under its heading."""
    return [_HEADINGS[kind], *_in_groups(changes, columns)]


def surroundings(
    lab: Difference | None, images: Sequence[ImageChange], columns: int
) -> Iterator[str]:
    """What changed beside the cells: the lab's own version, its images."""
    if lab is not None:
        yield from _line(f"lab {_arrow(lab)}", 2, columns)
    for image in images:
        for difference in image.differences:
            yield from _line(f"{image.name} {_arrow(difference)}", 2, columns)


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
        one_line(text.strip()),
        columns,
        initial_indent=" " * indent,
        subsequent_indent=" " * (indent + hanging),
        break_on_hyphens=False,
    )


def _arrow(difference: Difference) -> str:
    old, new = (value if value is not None else "nothing" for value in _both(difference))
    return f"{difference.what}: {old} -> {new}"


def _both(difference: Difference) -> tuple[str | None, str | None]:
    return difference.old, difference.new
