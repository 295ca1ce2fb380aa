"""The record in a terminal: readable at 80 columns, coloured only where somebody looks at it."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from lab.documents import documents
from lab.documents.verdicts import evaluate
from lab.expectations import Verdict
from lab.model import Result
from lab.record import AttemptResult, CaseRecord, ImageRecord, RunRecord
from lab.report.claims import summary
from lab.report.layout import print_hanging
from lab.report.words import (
    captured_in_case,
    cause_of_case,
    causes,
    counts_in_words,
    excerpt,
    explain_surprise,
    explanation,
    grouped,
    image_in_words,
    impostor_got,
    not_judged,
    rest_of_case,
    seen,
    seen_in_case,
    settings_in_words,
    witnesses_in_words,
)
from lab.text import visible

if TYPE_CHECKING:
    from lab.images import Provenance

__all__ = ["Counter", "explain_surprise", "print_attempts", "print_images", "print_summary"]

_STYLES: dict[Verdict | None, str] = {
    Verdict.AS_EXPECTED: "green",
    Verdict.SURPRISE: "bold red",
    Verdict.CANNOT: "yellow",
    Verdict.LAB_ERROR: "bold magenta",
    None: "",
}
_SIGNS = {
    Verdict.AS_EXPECTED: "✓",
    Verdict.SURPRISE: "✗",
    Verdict.CANNOT: "-",
    Verdict.LAB_ERROR: "!",
    None: " ",
}
_ASCII_SIGNS = {**_SIGNS, Verdict.AS_EXPECTED: "+", Verdict.SURPRISE: "X"}
_STAND_IN = "bold yellow"
_GIVEN_AWAY = "red"
#: Where a client's name begins, behind the sign.
_CLIENT_COLUMN = 5
#: A longer label has a row of its own, above its words. `net-ftp@rocky9:DEFAULT` just fits.
_LONGEST_LABEL = 22


class Counter:
    """Progress of the attempts of a run: one line that is written over, on a terminal only."""

    def __init__(self, total: int, console: Console) -> None:
        self._total, self._console = total, console
        self._seen: Tally[Verdict] = Tally()
        self._made = 0

    def count(self, attempt: AttemptResult) -> None:
        """Take note of one more attempt, and say at once what did not go as expected."""
        self._made += 1
        if attempt.verdict is not None:
            self._seen[attempt.verdict] += 1
        if attempt.verdict in {Verdict.SURPRISE, Verdict.LAB_ERROR}:
            self._erase()
            _line(self._console, f"{attempt.verdict}: {visible(attempt.id)}", attempt.verdict)
        if self._console.is_terminal:
            others = [
                f", {self._seen[v]} {v}" for v in Verdict if v != "as-expected" and self._seen[v]
            ]
            words = f"{self._made} of {self._total} attempts{''.join(others)}"
            self._console.print(Text(words, style="dim"), end="\r", soft_wrap=True)

    def end(self) -> None:
        """Remove the line."""
        self._erase()

    def _erase(self) -> None:
        if self._console.is_terminal:
            self._console.print(" " * (self._console.width - 1), end="\r", soft_wrap=True)


def print_summary(record: RunRecord, console: Console, path: Path | None = None) -> None:
    """Print what came of a run.

    Args:
        record: the run; nothing else is read.
        console: where to; colours are the console's decision (``NO_COLOR`` and pipes have none).
        path: where the record is.
    """
    _print_head(record, console)
    _print_cases(record, console)
    for attempt in record.attempts:
        if attempt.verdict in {Verdict.SURPRISE, Verdict.LAB_ERROR}:
            console.print()
            _line(console, f"{attempt.verdict}: {visible(attempt.id)}", attempt.verdict)
            _print_explanation(attempt, console)
    for case in record.cases:
        if case.race is not None and case.verdict is Verdict.SURPRISE:
            console.print()
            _line(console, f"{case.verdict}: {visible(case.id)}", case.verdict)
            _line(console, f"  {case.verdict_why}")
    for attempt in record.attempts:
        if attempt.witnesses is not None and attempt.witnesses.disagree:
            console.print()
            _line(console, f"witnesses: {visible(attempt.id)}", Verdict.SURPRISE)
            _line(console, f"  {witnesses_in_words(attempt.witnesses)}")
    for words, names in not_judged(record.attempts):
        console.print()
        _line(console, f"certificate not judged: {', '.join(names)}", Verdict.CANNOT)
        _line(console, f"  {words}")
    _print_causes(record, console)
    console.print()
    _line(console, counts_in_words(record), record.verdict)
    if path is not None:
        _line(console, f"record: {path}")
    console.print()
    _print_image_records(record.images, console, details=False)


def print_run(
    record: RunRecord, console: Console, places: Mapping[str, Path], *, verbose: bool
) -> None:
    """Print the summary of a run: its cases, then the claims of the documents that it tested."""
    print_summary(record, console, places["record"])
    if verbose:
        _print_image_records(record.images, console, details=True)
    for document in documents().values():
        results = evaluate(document, record)
        if any(result.made for result in results):
            console.print(Text("\n" + summary(document, results, columns=min(console.width, 100))))
    for name, path in places.items():
        if name != "record":
            console.print(Text(f"\n{name}: {path}"), soft_wrap=True)


def print_attempts(
    attempts: Sequence[AttemptResult],
    record: RunRecord,
    console: Console,
    *,
    verbose: bool = False,
) -> None:
    """Print all about one attempt, or the rate of a repeated one and each of its outcomes once."""
    if len(attempts) > 1:
        _print_rate(attempts, console)
    first_of_each: dict[str, AttemptResult] = {}
    for attempt in attempts:
        first_of_each.setdefault(seen(attempt), attempt)
    for words, attempt in first_of_each.items():
        if len(attempts) > 1:
            console.print()
        style = f"bold {_STYLES[attempt.verdict]}"
        sign = f"{_sign(attempt.verdict, console)} " if attempt.verdict else ""
        print_hanging(console, Text(sign, style=style), Text(words, style=style))
        _print_pairs(settings_in_words(attempt), console)
        skipped = {"seen", "stand-in"}
        _print_pairs([p for p in explanation(attempt) if p[0] not in skipped], console)
        _print_pairs([("took", f"{attempt.elapsed_ms:.0f} ms")], console)
        _print_command(attempt, console)
    _print_stand_ins(attempts, record, console, details=verbose)


def print_images(images: Iterable[Provenance], console: Console) -> None:
    """Print where images come from, what in them is real and what is not."""
    records = [
        ImageRecord(name=image.image, **image.model_dump(mode="json", exclude={"image"}))
        for image in images
    ]
    _print_image_records(records, console, details=True)


# -- parts -----------------------------------------------------------------------------------------


def _print_head(record: RunRecord, console: Console) -> None:
    took = f", {(record.ended - record.started).total_seconds():.1f} s" if record.ended else ""
    _line(console, f"run {record.run_id}, {record.started:%Y-%m-%d %H:%M:%S %Z}{took}", dim=True)
    if not record.complete:
        _line(
            console,
            "This run was ended before it was done: what follows did happen, the rest is missing.",
            Verdict.LAB_ERROR,
        )


def _print_cases(record: RunRecord, console: Console) -> None:
    # As wide as the longest client, so that the outcomes are in one column.
    clients = min(max((len(c.label) for c in record.cases), default=0), _LONGEST_LABEL)
    shown = None
    for (document, section, _), cases in grouped(record).items():
        if (document, section) != shown:
            console.print()
            _line(console, visible(": ".join(filter(None, (document, section)))), bold=True)
            shown = (document, section)
        _line(console, f"  {visible(cases[0].title or cases[0].name)}")
        notes = [_notes(record.attempts_of(case)) for case in cases]
        kinds = list(zip(*notes, strict=True))
        common = [kind for kind in kinds if len({note.key for note in kind}) == 1]
        for case, own in zip(cases, notes, strict=True):
            _print_case(record, case, clients, console)
            for note, kind in zip(own, kinds, strict=True):
                if kind not in common:
                    _print_note(note, " " * (clients + _CLIENT_COLUMN + 1), "", console)
        prefix = "each: " if len(cases) > 1 else ""
        for kind in common:
            _print_note(kind[0], " " * _CLIENT_COLUMN, prefix, console)


@dataclass(frozen=True)
class _Note:
    """Something about a case beside its outcome; where the keys of all clients are one, said once."""

    words: str
    key: object
    style: str = "dim"


def _notes(attempts: Sequence[AttemptResult]) -> tuple[_Note, ...]:
    rest, cause, got = rest_of_case(attempts), cause_of_case(attempts), captured_in_case(attempts)
    # An impostor gets the same from each client, but for the file's name.
    loot = replace(got, file_head="") if got else None
    return (
        _Note(cause, cause),
        _Note(rest, rest),
        _Note(impostor_got(got) if got else "", loot, _GIVEN_AWAY),
    )


def _print_note(note: _Note, indent: str, prefix: str, console: Console) -> None:
    if note.words:
        print_hanging(console, Text(indent), Text(f"{prefix}{note.words}", style=note.style))


def _print_case(record: RunRecord, case: CaseRecord, clients: int, console: Console) -> None:
    attempts = record.attempts_of(case)
    words = seen_in_case(case, attempts)
    sign = Text(
        f"{_sign(case.verdict, console):>{_CLIENT_COLUMN - 1}} ", style=_STYLES[case.verdict]
    )
    label = visible(case.label)
    if len(label) > clients:
        print_hanging(console, sign, Text(label))
        print_hanging(console, Text(" " * (_CLIENT_COLUMN + clients + 1)), Text(words))
    else:
        print_hanging(console, sign + Text(f"{label:<{clients}} "), Text(words))


def _print_explanation(attempt: AttemptResult, console: Console) -> None:
    _print_pairs(explanation(attempt), console)
    _print_command(attempt, console)


def _print_pairs(pairs: Iterable[tuple[str, str]], console: Console) -> None:
    for label, text in pairs:
        style = _STAND_IN if label == "stand-in" else ""
        print_hanging(console, _label(label), Text(text, style=style))


def _print_command(attempt: AttemptResult, console: Console) -> None:
    # In one piece, however long: it is there to be copied.
    console.print(_label("repeat") + Text(visible(attempt.command)), soft_wrap=True)


def _print_causes(record: RunRecord, console: Console) -> None:
    for cause, clients in causes(record.attempts):
        console.print()
        _line(console, f"cannot: {cause}", Verdict.CANNOT)
        _line(console, f"  {', '.join(clients)}", dim=True)


def _print_rate(attempts: Sequence[AttemptResult], console: Console) -> None:
    outcomes = Tally(seen(attempt) for attempt in attempts)
    reached = sum(a.outcome is not None and a.outcome.result is Result.COMPLETED for a in attempts)
    made = len(attempts)
    words = f"{reached} of {made} completed ({reached / made:.0%})"
    left_open = sum(len(names) for _, names in not_judged(attempts))
    words += f", the certificate not judged in {left_open}" if left_open else ""
    _line(console, words, bold=True)
    _print_pairs([(f"{n} x", words) for words, n in outcomes.most_common()], console)


def _print_stand_ins(
    attempts: Sequence[AttemptResult], record: RunRecord, console: Console, *, details: bool
) -> None:
    names = {name for attempt in attempts for name in attempt.stand_ins}
    known = {image.name: image for image in record.images}
    images = [known.get(n) or ImageRecord(name=n, stand_in=True) for n in sorted(names)]
    if images:
        console.print()
        _print_image_records(images, console, details=details)


def _print_image_records(images: Sequence[ImageRecord], console: Console, *, details: bool) -> None:
    """One line an image; with ``details`` also what is real in a stand-in, what is not, and why."""
    width = max((len(visible(image.name)) for image in images), default=0)
    for image in images:
        mark = "STAND-IN" if image.stand_in else image.source
        name = Text(f"{visible(image.name):<{width}} ")
        marked = Text(f"{visible(mark):<8} ", style=_STAND_IN if image.stand_in else "dim")
        print_hanging(console, name + marked, Text(image_in_words(image)))
        for label, texts in (
            ("real", image.real),
            ("not real", image.not_real),
            ("because", (image.fallback_reason,) if image.fallback_reason else ()),
        ):
            if details and texts:
                prefix = Text(f"{'':<{width}} {label:<8} ", style="dim")
                print_hanging(console, prefix, Text(excerpt("; ".join(texts)), style="dim"))
    if not details and any(image.stand_in for image in images):
        words = "A STAND-IN is not the distribution: `lab images` says what in it is real."
        _line(console, words, dim=True)


def _label(label: str) -> Text:
    return Text(f"  {label:<11} ", style="dim")


def _sign(verdict: Verdict | None, console: Console) -> str:
    signs = _SIGNS if console.encoding.lower().startswith("utf") else _ASCII_SIGNS
    return signs[verdict]


def _line(
    console: Console,
    words: str,
    verdict: Verdict | None = None,
    *,
    bold: bool = False,
    dim: bool = False,
) -> None:
    style = " ".join(filter(None, [_STYLES[verdict], "bold" * bold, "dim" * dim]))
    console.print(Text(words, style=style, overflow="fold"))
