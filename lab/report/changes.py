"""A comparison in lines for a terminal, in which what changed alike is said once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from lab.compare import FACTS, FACTS_OF_COMPLETION, Change, Comparison, Difference, DifferenceKind
from lab.model.expectations import Verdict
from lab.report.layout import COLUMNS, hung
from lab.text import visible

_HEADINGS: Final[Mapping[DifferenceKind, str]] = {
    DifferenceKind.WORSE: "Worse: was as expected",
    DifferenceKind.VANISHED: "Vanished: not in the new run",
    DifferenceKind.BETTER: "Better: is as expected now",
    DifferenceKind.OTHER: "Changed, and neither better nor worse",
    DifferenceKind.NEW: "New: not in the old run",
}
#: What the lines on the outcomes do not say, and is worth one of its own if the result is the same.
_UNSAID = frozenset({"cause", "verify_code", "data_protected", "session_reused"})


def changes_in_words(comparison: Comparison, columns: int = COLUMNS) -> str:
    """What changed, in lines of so many columns; what changed alike is said once."""
    said = [("", f"old: {comparison.old_run}"), ("", f"new: {comparison.new_run}")]
    for which in comparison.incomplete:
        text = f"The {which} run was ended before it was done: what it lacks may say nothing."
        said.append(("", text))
    counts = ", ".join(f"{len(comparison.of(kind))} {kind}" for kind in DifferenceKind)
    said += [("", ""), ("", f"{comparison.same} cells as they were, {counts}")]
    for kind in DifferenceKind:
        if comparison.of(kind):
            said += [("", ""), ("", _HEADINGS[kind]), *_in_groups(comparison.of(kind))]
    if comparison.images or comparison.lab:
        said += [("", ""), ("", "Changed beside it")]
        said += [("  ", f"lab {_arrow(comparison.lab)}")] if comparison.lab else []
        said += [("  ", f"{i.name} {_arrow(d)}") for i in comparison.images for d in i.differences]
    return "\n".join(line for prefix, words in said for line in hung(prefix, _one(words), columns))


def _in_groups(changes: Sequence[Change]) -> Iterator[tuple[str, str]]:
    """Each case once, and in it once what is the same of several clients."""
    by_case: dict[str, list[Change]] = {}
    for change in changes:
        by_case.setdefault(change.case, []).append(change)
    for case, of_case in by_case.items():
        plain = [change for change in of_case if _is_plain(change)]
        yield "  ", f"{case} ({len(plain)} as expected)" if plain else case
        if plain:
            yield "    ", ", ".join(dict.fromkeys(c.client for c in plain))
        groups: dict[tuple[str, object], list[Change]] = {}
        for change in of_case:
            if not _is_plain(change):
                said = (change.old, change.new, change.differences)
                groups.setdefault((change.label, said), []).append(change)
        for (label, _), alike in groups.items():
            clients = ", ".join(filter(None, (change.client for change in alike)))
            yield "    ", ": ".join(filter(None, (label, clients)))
            yield from _told(alike[0])
            images = sorted({name for change in alike for name in change.images})
            if images:
                yield " " * 11, f"images changed: {', '.join(images)}"


def _is_plain(change: Change) -> bool:
    """Whether nothing needs to be said of it but that it is gone, or is there now."""
    apart = change.kind in {DifferenceKind.VANISHED, DifferenceKind.NEW}
    return apart and change.verdict is Verdict.AS_EXPECTED


def _told(change: Change) -> Iterator[tuple[str, str]]:
    if change.old == change.new:
        yield "      both ", change.new or ""
    else:
        for which, words in (("old", change.old), ("new", change.new)):
            if words is not None:
                yield f"      {which}  ", words
    another_result = any(difference.what == "result" for difference in change.differences)
    said = {"verdict", *FACTS, *FACTS_OF_COMPLETION} - (frozenset() if another_result else _UNSAID)
    for difference in change.differences:
        if difference.what not in said:
            yield " " * 11, _arrow(difference)


def _arrow(difference: Difference) -> str:
    old, new = (value or "nothing" for value in (difference.old, difference.new))
    return f"{difference.what}: {old} -> {new}"


def _one(words: str) -> str:
    """Texts of servers and of other people's records on one line, harmless for a terminal."""
    return visible(" ".join(words.split()))
