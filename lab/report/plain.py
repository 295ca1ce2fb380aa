"""Claims with their verdicts, in English or Japanese, and comparisons, as text for people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import attrgetter
from pathlib import Path
from typing import Final

from lab.compare import FACTS, Change, Comparison, Difference, DifferenceKind
from lab.documents import ClaimVerdict, Document, Language
from lab.documents.verdicts import ClaimResult, SettingResult, counts
from lab.grouping import grouped_by
from lab.model.expectations import FACTS as FACTS_OF_COMPLETION
from lab.model.expectations import Verdict
from lab.report.layout import COLUMNS, hung, padded
from lab.text import visible
from lab.words import read_words

_WORDS = Path(__file__).with_name("claims.toml")
#: What a reader of a summary has to know of, gravest first.
NOTEWORTHY: Final = (ClaimVerdict.REFUTED, ClaimVerdict.CONDITIONAL)


def claims_in_words(
    document: Document,
    results: Sequence[ClaimResult],
    run_id: str,
    *,
    language: Language = "en",
    columns: int = COLUMNS,
    everything: bool = False,
) -> str:
    """Every claim with its verdict, how it came about and where the claim holds.

    Claims of which the run tried nothing are counted; with ``everything`` they are listed, too.
    """
    head = f"{document.title.in_(language)} ({_label('run', language).format(run_id)})"
    lines = [*hung("", head, columns), document.address, counted(results, language)]
    for platform, stands_for in document.platforms.items():
        lines += hung(padded(f"  {platform}", 12), stands_for.in_(language), columns)
    section = None
    told = [one for one in results if everything or _says_something(one)]
    for result in told:
        place = result.claim.place
        if place.section != section:
            section = place.section
            lines += ["", *hung("", document.heading(place).in_(language), columns)]
        lines += ["", *_claim(result, language, columns)]
    if untried := len(results) - len(told):
        lines += ["", *hung("", _label("untried", language).format(untried), columns)]
    return "\n".join(lines)


def _says_something(result: ClaimResult) -> bool:
    return result.verdict is not ClaimVerdict.NOT_RUN or result.made > 0


def claims_summary(
    document: Document,
    results: Sequence[ClaimResult],
    *,
    language: Language = "en",
    columns: int = COLUMNS,
) -> str:
    """How many claims have each verdict, and in a sentence those that a reader would get wrong."""
    lines = hung("", f"{document.id}: {counted(results, language)}", columns)
    for verdict in NOTEWORTHY:
        for result in results:
            if result.verdict is verdict:
                label = padded(f"  {_word('verdict', verdict, language)}", 14)
                lines += hung(label, result.claim.text.in_(language), columns)
                if result.condition is not None:
                    lines += hung(" " * 17, result.condition.in_(language), columns)
                if result.surprises:
                    lines += hung(" " * 17, _surprises(result, language), columns)
    return "\n".join(lines)


def counted(results: Iterable[ClaimResult], language: Language = "en") -> str:
    """``31 claims: 20 confirmed, 4 conditional, ...``; verdicts that no claim has are left out."""
    by_verdict = {verdict: number for verdict, number in counts(results).items() if number}
    named = [(str(n), _word("verdict", verdict, language)) for verdict, n in by_verdict.items()]
    each = [" ".join(words if language == "en" else reversed(words)) for words in named]
    joined = (", " if language == "en" else "、").join(each)
    return _label("counts", language).format(sum(by_verdict.values()), joined)


def _claim(result: ClaimResult, language: Language, columns: int) -> Iterator[str]:
    claim = result.claim
    head = f"{_word('verdict', result.verdict, language)}: {claim.id}"
    if claim.place.paragraph is not None:
        head += f" ({_label('paragraph', language).format(claim.place.paragraph)})"
    yield from hung("  ", head, columns)
    yield from hung("    ", claim.text.in_(language), columns)
    if result.verdict is ClaimVerdict.NOT_RUN:
        yield f"    {_label('made', language).format(result.made, result.needed)}"
    if result.surprises:
        yield from hung("    ", _surprises(result, language), columns)
    for label, text in _details(result, language):
        yield from hung(padded(f"    {label}", 15), text, columns)


def _details(result: ClaimResult, language: Language) -> Iterator[tuple[str, str]]:
    claim = result.claim
    if claim.untestable is not None:
        yield _label("why", language), claim.untestable.in_(language)
    if claim.basis is not None:
        yield _label("basis", language), claim.basis.in_(language)
    if len(set(result.where.values())) > 1:
        each = [f"{where} {_word('verdict', v, language)}" for where, v in result.where.items()]
        yield _label("clients", language), ", ".join(each)
    for setting in result.settings:
        yield from _setting(setting, language)
    if result.condition is not None:
        yield _label("condition", language), result.condition.in_(language)
    if result.stand_ins:
        yield _label("stand-ins", language), ", ".join(result.stand_ins)


def _surprises(result: ClaimResult, language: Language) -> str:
    number = len(result.surprises)
    words = f"{number} surprise{'s' if number > 1 else ''}" if language == "en" else str(number)
    return _label("surprises", language).format(words)


def _setting(setting: SettingResult, language: Language) -> Iterator[tuple[str, str]]:
    words = setting.setting.in_(language) if setting.setting else ""
    beyond = f" [{_label('beyond', language)}]" if setting.beyond else ""
    for state, clients in (
        ("holds", setting.holds),
        ("fails", setting.fails),
        ("not-run", setting.not_run),
    ):
        if clients:
            named = ", ".join(clients)
            yield _label(state, language), f"{words}: {named}{beyond}" if words else named


def _label(name: str, language: Language) -> str:
    return _word("label", name, language)


def _word(section: str, name: str, language: Language) -> str:
    return read_words(_WORDS)[section][name].in_(language)


# -- a comparison of two runs ----------------------------------------------------------------------


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
    for case, of_case in grouped_by(changes, lambda change: change.case).items():
        plain = [change for change in of_case if _is_plain(change)]
        yield "  ", f"{case} ({len(plain)} as expected)" if plain else case
        if plain:
            yield "    ", ", ".join(dict.fromkeys(c.client for c in plain))
        others = (change for change in of_case if not _is_plain(change))
        groups = grouped_by(others, attrgetter("label", "old", "new", "differences"))
        for (label, *_), alike in groups.items():
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
