"""Claims with their verdicts, in English or Japanese, and comparisons, as text for people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import Final

from lab.compare import FACTS, Change, Comparison, Difference, DifferenceKind
from lab.documents import ClaimVerdict, Document
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


@dataclass(frozen=True)
class ClaimsTold:
    """Says what a run says about claims, in a language, in lines of so many columns."""

    language: str = "en"
    columns: int = COLUMNS

    def whole(
        self, document: Document, results: Sequence[ClaimResult], run: str, *, verbose: bool = False
    ) -> str:
        """Every claim with its verdict, how it came about and where the claim holds.

        Claims of which the run, which has this id, tried nothing are counted; with ``verbose`` they are
        listed, too.
        """
        title = f"{document.title.in_(self.language)} ({self._label('run').format(run)})"
        lines = [*self._hung("", title), document.address, self._counted(results)]
        for platform, stands_for in document.platforms.items():
            lines += self._hung(padded(f"  {platform}", 12), stands_for.in_(self.language))
        section = None
        told = [one for one in results if verbose or _says_something(one)]
        for result in told:
            place = result.claim.place
            if place.section != section:
                section = place.section
                lines += ["", *self._hung("", document.heading(place).in_(self.language))]
            lines += ["", *self._claim(result)]
        if untried := len(results) - len(told):
            lines += ["", *self._hung("", self._label("untried").format(untried))]
        return "\n".join(lines)

    def summary(self, document: Document, results: Sequence[ClaimResult]) -> str:
        """How many claims have each verdict, and in a sentence those that a reader would get wrong."""
        lines = self._hung("", f"{document.id}: {self._counted(results)}")
        for result in (one for verdict in NOTEWORTHY for one in results if one.verdict is verdict):
            label = padded(f"  {self._verdict(result.verdict)}", 14)
            lines += self._hung(label, result.claim.text.in_(self.language))
            if result.condition is not None:
                lines += self._hung(" " * 17, result.condition.in_(self.language))
            if result.surprises:
                lines += self._hung(" " * 17, self._surprises(result))
        return "\n".join(lines)

    def _counted(self, results: Iterable[ClaimResult]) -> str:
        """``31 claims: 20 confirmed, 4 conditional, ...``; verdicts that no claim has are left out."""
        by_verdict = {verdict: number for verdict, number in counts(results).items() if number}
        named = [(str(n), self._verdict(verdict)) for verdict, n in by_verdict.items()]
        english = self.language == "en"
        each = [" ".join(words if english else reversed(words)) for words in named]
        joined = (", " if english else "、").join(each)
        return self._label("counts").format(sum(by_verdict.values()), joined)

    def _claim(self, result: ClaimResult) -> Iterator[str]:
        claim = result.claim
        head = f"{self._verdict(result.verdict)}: {claim.id}"
        if claim.place.paragraph is not None:
            head += f" ({self._label('paragraph').format(claim.place.paragraph)})"
        yield from self._hung("  ", head)
        yield from self._hung("    ", claim.text.in_(self.language))
        if result.verdict is ClaimVerdict.NOT_RUN:
            yield f"    {self._label('made').format(result.made, result.needed)}"
        if result.surprises:
            yield from self._hung("    ", self._surprises(result))
        for name, text in self._details(result):
            yield from self._hung(padded(f"    {self._label(name)}", 15), text)

    def _details(self, result: ClaimResult) -> Iterator[tuple[str, str]]:
        claim = result.claim
        if claim.untestable is not None:
            yield "why", claim.untestable.in_(self.language)
        if claim.basis is not None:
            yield "basis", claim.basis.in_(self.language)
        if len(set(result.where.values())) > 1:
            each = [f"{where} {self._verdict(v)}" for where, v in result.where.items()]
            yield "clients", ", ".join(each)
        for setting in result.settings:
            yield from self._setting(setting)
        if result.condition is not None:
            yield "condition", result.condition.in_(self.language)
        if result.stand_ins:
            yield "stand-ins", ", ".join(result.stand_ins)

    def _surprises(self, result: ClaimResult) -> str:
        number = len(result.surprises)
        english = f"{number} surprise{'s' if number > 1 else ''}"
        return self._label("surprises").format(english if self.language == "en" else number)

    def _setting(self, setting: SettingResult) -> Iterator[tuple[str, str]]:
        words = setting.setting.in_(self.language) if setting.setting else ""
        beyond = f" [{self._label('beyond')}]" if setting.beyond else ""
        for state, clients in setting.clients.items():
            if clients:
                named = ", ".join(clients)
                yield state, f"{words}: {named}{beyond}" if words else named

    def _hung(self, prefix: str, words: str) -> list[str]:
        return hung(prefix, words, self.columns)

    def _verdict(self, verdict: ClaimVerdict) -> str:
        return read_words(_WORDS)["verdict"][verdict].in_(self.language)

    def _label(self, name: str) -> str:
        return read_words(_WORDS)["label"][name].in_(self.language)


def _says_something(result: ClaimResult) -> bool:
    return result.verdict is not ClaimVerdict.NOT_RUN or result.made > 0


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
