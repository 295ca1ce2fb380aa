"""The record in a terminal: readable at 80 columns, coloured only where somebody looks at it."""

from __future__ import annotations

import re
import time
from collections import Counter as Tally
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from lab.model import Result, Role, differing_fields
from lab.model.expectations import Verdict
from lab.record import AttemptResult, CaseRecord, ImageRecord, RunRecord, gravest
from lab.report import view
from lab.report.advice import advice_in_words, outcome_in_words
from lab.report.layout import hang, padded, print_hanging, wrap
from lab.report.view import CaseView, ClientView
from lab.report.warnings import warnings_of
from lab.text import visible

if TYPE_CHECKING:
    from lab.documents import Document
    from lab.documents.verdicts import ClaimResult
    from lab.images import Provenance

_STYLES: dict[Verdict | None, str] = {
    Verdict.AS_EXPECTED: "green",
    Verdict.SURPRISE: "bold red",
    Verdict.CANNOT: "yellow",
    Verdict.LAB_ERROR: "bold magenta",
    None: "",
}
_WORDS: dict[Verdict | None, str] = {
    Verdict.AS_EXPECTED: "as expected",
    Verdict.SURPRISE: "SURPRISE",
    Verdict.CANNOT: "cannot",
    Verdict.LAB_ERROR: "LAB ERROR",
    None: "",
}
_STAND_IN = "bold yellow"
#: How an outcome begins in which the client's program reports what is not true.
_ALARMING = re.compile("(?m)(?:^|[:;x] )(?:false success|偽りの成功)[: ]")
#: So many unexpected attempts are told in full; of the others the ids, but with ``verbose``.
_MOST_TOLD = 5
#: Where nobody sees a line being written over, one is written every so many seconds.
_SECONDS_BETWEEN_LINES = 15.0


class Counter:
    """Progress of the attempts of a run: one line that is written over; on a pipe one now and then."""

    def __init__(
        self, total: int, console: Console, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._total, self._console, self._clock = total, console, clock
        self._seen: Tally[Verdict] = Tally()
        self._told: set[str] = set()
        self._made = 0
        self._began = self._said = clock()

    def count(self, attempt: AttemptResult) -> None:
        """Take note of one more attempt; say what did not go as expected, each cause once."""
        self._made += 1
        verdict, now = attempt.verdict, self._clock()
        if self._made == 1:  # before it, containers were started
            self._began = self._said = now
        if verdict is not None:
            self._seen[verdict] += 1
        why = attempt.verdict_why if verdict is Verdict.LAB_ERROR else attempt.id
        if verdict in {Verdict.SURPRISE, Verdict.LAB_ERROR} and why not in self._told:
            self._told.add(why)
            self.end()
            _line(self._console, f"{_WORDS[verdict]}: {visible(attempt.id)}", verdict)
        if self._console.is_terminal:
            self._console.print(Text(self._words(now), style="dim"), end="\r", soft_wrap=True)
        elif now - self._said >= _SECONDS_BETWEEN_LINES and self._made < self._total:
            self._said = now
            self._console.print(Text(self._words(now)), soft_wrap=True)

    def end(self) -> None:
        """Remove the line."""
        if self._console.is_terminal:
            self._console.print(" " * (self._console.width - 1), end="\r", soft_wrap=True)

    def _words(self, now: float) -> str:
        words = f"{self._made} of {self._total} attempts"
        for verdict, number in self._seen.items():
            words += "" if verdict is Verdict.AS_EXPECTED else f", {number} {_WORDS[verdict]}"
        rate = (self._made - 1) / (now - self._began) if now - self._began >= 1 else 0
        if rate and self._made < self._total:
            left = (self._total - self._made) / rate
            words += f"; {rate:.{0 if rate >= 1 else 1}f} a second, {left:.0f} s left"
        return words


def print_run(
    record: RunRecord, console: Console, places: Mapping[str, Path], *, verbose: bool = False
) -> None:
    """Print what came of a run, the verdict last.

    Of one case its story; of several what was found out about the documents, and a line for each section.
    What was unexpected is told in full.

    Args:
        record: the run; nothing else is read.
        console: where to; colours are the console's decision (``NO_COLOR`` and pipes have none).
        places: where the record is, and the page, by ``record`` and ``report``.
        verbose: every case with what came of it, every claim that is not simply right, what is real in the
            images.
    """
    cases = view.cases_of(record)
    if verbose or len(cases) == 1:
        for number, case in enumerate(cases):
            console.print("\n" * bool(number), end="")
            _print_story(case, console)
    elif cases:
        _print_found(record, console)
        _print_sections(cases, console)
    else:
        print_attempts(record.attempts, record, console)
    _print_unexpected(record, console, verbose=verbose)
    if len(cases) > 1 and not verbose:
        _print_warned(record, console)
    for attempt in record.attempts:
        if attempt.witnesses is not None and attempt.witnesses.disagree:
            _line(console, f"\nwitnesses: {visible(attempt.id)}", Verdict.SURPRISE)
            _line(console, f"  {view.witnesses_in_words(attempt.witnesses)}")
    for words, names in view.not_judged(record.attempts) if cases else ():
        _line(console, f"\ncertificate not judged: {', '.join(names)}", Verdict.CANNOT)
        _line(console, f"  {words}")
    if verbose:
        _print_details(record, console)
    _print_foot(record, console, places)


def print_attempts(
    attempts: Sequence[AttemptResult],
    record: RunRecord,
    console: Console,
    *,
    verbose: bool = False,
    language: str = "en",
) -> None:
    """Print all about one attempt, or the rate of a repeated one and each of its outcomes once.

    A refusal is followed by what is known of its cause and its remedies, in this language.
    """
    if len(attempts) > 1:
        _print_rate(attempts, console, language)
    first_of_each: dict[str, AttemptResult] = {}
    for attempt in attempts:
        # What is warned of is an outcome of its own.
        first_of_each.setdefault(_came(attempt), attempt)
    for attempt in first_of_each.values():
        if len(attempts) > 1:
            console.print()
        words = _result([attempt])
        style = _STYLES[Verdict.SURPRISE if view.alarming(attempt) else attempt.verdict]
        if language != "en":
            words = _result_in(attempt, language)
        print_hanging(console, "", Text(words, style=f"bold {style}"))
        warned = "\n".join(one.in_(language) for one in warnings_of(attempt))
        _print_pairs([("warning", warned)] if warned else [], console, language)
        if attempt.advice is not None:
            advice = advice_in_words(attempt.advice, language, everything=verbose)
            _print_pairs([(label, visible(text)) for label, text in advice], console)
        _print_pairs(view.settings_in_words(attempt), console, language)
        # What is behind the advice is told with ``-v``.
        skipped = {"seen", "warning", "stand-in"} | ({"cause"} if attempt.advice else set())
        told = view.explanation(attempt, language, None)
        pairs = [pair for pair in told if pair[0] not in skipped]
        if not verbose:
            pairs = [(name, _shortened(name, text, language)) for name, text in pairs]
        _print_pairs(pairs, console, language)
        _print_pairs([("took", f"{attempt.elapsed_ms:.0f} ms")], console, language)
        _print_command(attempt, console, language)
    _print_stand_ins(attempts, record, console, verbose=verbose, language=language)


def _shortened(name: str, text: str, language: str) -> str:
    """What is shown of a text to who has not asked for all of it."""
    if name == "server says":
        text = view.deciding_lines(text, language)
    return view.excerpt(text, language=language, asked=True)


def _result_in(attempt: AttemptResult, language: str) -> str:
    """The verdict, and what came of an attempt, in another language than the record's."""
    from lab.report.html.language import word  # noqa: PLC0415 - English needs none of the page

    words = visible(attempt.verdict_why)
    if attempt.outcome is not None:
        words = outcome_in_words(attempt.outcome, language)
    if attempt.verdict is not None:
        words = f"{word('verdict', attempt.verdict).plain_in(language)}: {words}"
    return words + (view.said("said", "stood_in", language) if attempt.stand_ins else "")


def _print_stand_ins(
    attempts: Iterable[AttemptResult],
    record: RunRecord,
    console: Console,
    *,
    verbose: bool,
    language: str,
) -> None:
    """What only stands in for a distribution: its library on a line, with ``verbose`` what of it is real."""
    names = sorted({name for attempt in attempts for name in attempt.stand_ins})
    known = {image.name: image for image in record.images}
    images = [known.get(name) or ImageRecord(name=name, stand_in=True) for name in names]
    if not images:
        return
    console.print()
    if verbose:
        _print_image_records(images, console, details=True)
        return
    for image in images:
        library = image.tls_library or view.said("said", "its_library", language)
        words = view.said("said", "stand_in", language, name=image.name, library=library)
        _line(console, visible(words), dim=True)


def print_images(images: Iterable[Provenance], console: Console) -> None:
    """Print where images come from, what in them is real and what is not."""
    records = [
        ImageRecord(name=image.image, **image.model_dump(mode="json", exclude={"image"}))
        for image in images
    ]
    _print_image_records(records, console, details=True)


# -- one case --------------------------------------------------------------------------------------


def _print_story(of_clients: CaseView, console: Console) -> None:
    """Tell a case from its first client; the other clients have a line for what came of each."""
    first, *others = of_clients.clients
    case, attempts = first.case, first.attempts
    _line(console, f"{visible(case.document)}: {visible(case.section)}", bold=True)
    _line(console, visible(case.title or case.name), bold=True)
    story = " ".join(case.story.partition("\n\n")[0].split()).replace("``", "`")
    print_hanging(console, "", Text(visible(story), style="dim"))
    if attempts:
        console.print()
        _print_pairs(_told(case, attempts), console)
    alike: dict[str, list[str]] = {}
    for other in others:
        words = (_seen_in_case(other.case, other.attempts), view.rest_of_case(other.attempts))
        alike.setdefault("; ".join(filter(None, words)), []).append(visible(other.case.label))
    also = [("also", f"{', '.join(clients)}\n{words}") for words, clients in alike.items()]
    _print_pairs(also, console)


def _told(case: CaseRecord, attempts: Sequence[AttemptResult]) -> Iterator[tuple[str, str | Text]]:
    role = attempts[0].role
    tries = [a for a in attempts if a.role is role]
    first = next((a for a in tries if a.outcome and a.outcome.by is not None), tries[0])
    stand_in = f" (stand-in: {', '.join(first.stand_ins)})" if first.stand_ins else ""
    for label, words in view.settings_in_words(first):
        yield label, words
    words = _seen_in_case(case, attempts) + stand_in
    style = _STYLES[Verdict.SURPRISE] if view.alarming(first) else ""
    yield "result", Text(words, style=style)
    if first.outcome is not None:
        yield from (p for p in view.explanation(first) if p[0] in {"warning", "user sees", "cause"})
    named: dict[tuple[Role, str], list[AttemptResult]] = {}
    for attempt in attempts:
        if attempt.role is not role:
            named.setdefault((attempt.role, attempt.label), []).append(attempt)
    for (role, label), made in named.items():
        if role is Role.REMEDY:
            words = f"{visible(label)}\n{_result(made)}"
            for impostor in named.get((Role.IMPOSTOR, label), ()):
                got = view.captured(impostor)
                words += (
                    f"\n{view.impostor_got(got) if got else f'impostor: {_result([impostor])}'}"
                )
            yield str(made[0].standing or "remedy"), words
        elif role is Role.TWIN:
            changed = differing_fields(first.attempt, made[0].attempt)
            values = ", ".join(
                f"{name.partition('.')[2]}={attrgetter(name)(made[0].attempt)}" for name in changed
            )
            yield "twin", f"the same with {visible(values)}\n{_result(made)}"


def _result(attempts: Sequence[AttemptResult]) -> str:
    """What came of an attempt, or of all tries of one, in a line that names a stand-in and the verdict."""
    first = attempts[0]
    counted = Tally(view.seen(attempt) for attempt in attempts)
    words = "; ".join(text if len(counted) == 1 else f"{n} x {text}" for text, n in counted.items())
    verdicts = [attempt.verdict for attempt in attempts if attempt.verdict is not None]
    words = f"{_WORDS[gravest(verdicts)]}: {words}" if verdicts else words
    return f"{words} (stand-in)" if first.stand_ins else words


def _seen_in_case(case: CaseRecord, attempts: Sequence[AttemptResult]) -> str:
    first = None if case.race is not None or not attempts else attempts[0].verdict
    return f"{_WORDS[first or case.verdict]}: {view.seen_in_case(case, attempts)}"


# -- many cases ------------------------------------------------------------------------------------


def _evaluated(record: RunRecord) -> Sequence[tuple[Document, Sequence[ClaimResult]]]:
    """What a run says of the claims of each document that it tests."""
    from lab.documents import documents  # noqa: PLC0415 - a single attempt needs none of them
    from lab.documents.verdicts import evaluate_tested  # noqa: PLC0415

    return evaluate_tested(record, documents().values())


def _print_found(record: RunRecord, console: Console) -> None:
    """What the documents say and the run saw otherwise, a line each."""
    results = [result for _, many in _evaluated(record) for result in many]
    refuted = [result.claim.text.en for result in results if result.verdict == "refuted"]
    conditional = sum(result.verdict == "conditional" for result in results)
    if not refuted and not conditional:
        return
    words = (
        f"Found: {_number(len(refuted), 'statement')} refuted, {conditional} true under a condition"
    )
    _line(console, f"{words} (`lab claims`)", bold=True)
    for words in refuted:
        line, *more = wrap(visible(words), console.width - 6)
        console.print(Text("  ") + line + (" ..." if more else ""), soft_wrap=True)
    console.print()


def _print_sections(cases: Sequence[CaseView], console: Console) -> None:
    """A line for each section, or, of a single section, for each case."""
    lines: dict[str, list[ClientView]] = {}
    sections = view.by_section(cases)
    for names, many in sorted(sections.items(), key=lambda item: item[0][0]):
        for case in many:
            title = case.clients[0].case.title
            name = title if len(sections) == 1 else ": ".join(filter(None, names))
            lines.setdefault(name, []).extend(case.clients)
    for name, clients in lines.items():
        verdicts = Tally(a.verdict for one in clients for a in one.attempts)
        ends = [one.case for one in clients]
        verdicts.update(c.verdict for c in ends if c.race and c.verdict == "surprise")
        others = (
            f"{verdicts[v]} {_WORDS[v]}" for v in Verdict if v != "as-expected" and verdicts[v]
        )
        style = _STYLES[gravest(case.verdict for case in ends)]
        prefix = Text(f"{verdicts[Verdict.AS_EXPECTED]:>6} as expected  ")
        print_hanging(console, prefix, Text("; ".join([visible(name), *others]), style=style))


# -- parts -----------------------------------------------------------------------------------------


def _print_unexpected(record: RunRecord, console: Console, *, verbose: bool) -> None:
    """What did not go as expected: the first in full, of what broke in the lab each cause once."""
    known: dict[str, list[AttemptResult]] = {}
    for attempt in record.attempts if record.cases else ():
        if attempt.verdict in {Verdict.SURPRISE, Verdict.LAB_ERROR}:
            alone = verbose or attempt.verdict is Verdict.SURPRISE
            known.setdefault(attempt.id if alone else attempt.verdict_why, []).append(attempt)
    for number, (first, *others) in enumerate(known.values()):
        in_full = verbose or number < _MOST_TOLD
        blank = "\n" if in_full or number == _MOST_TOLD else ""
        words = f"{blank}{_WORDS[first.verdict]}: {visible(first.id)}"
        _line(console, words, first.verdict)
        if in_full:
            _print_pairs(view.explanation(first), console)
            _print_command(first, console)
        if others:
            _line(console, f"  and the same in {_number(len(others), 'more attempt')}")
    if len(known) > _MOST_TOLD and not verbose:
        _line(console, "`lab report -v` tells all of them in full.", dim=True)
    for case in record.cases:
        if case.race is not None and case.verdict is Verdict.SURPRISE:
            _line(console, f"\n{_WORDS[case.verdict]}: {visible(case.id)}", case.verdict)
            _line(console, f"  {case.verdict_why}")


def _print_warned(record: RunRecord, console: Console) -> None:
    """What is warned of, each text once with how often; with ``verbose`` it is beside its case."""
    warned: dict[str, list[str]] = {}
    for attempt in record.attempts:
        for one in warnings_of(attempt):
            warned.setdefault(visible(one.en), []).append(visible(attempt.id))
    for words, (first, *others) in warned.items():
        more = f" and {_number(len(others), 'more attempt')}" if others else ""
        _line(console, f"\nwarning: {words}", Verdict.SURPRISE)
        _line(console, f"  {first}{more}", dim=True)


def _print_details(record: RunRecord, console: Console) -> None:
    """What only somebody reads who asks for everything: causes of ``cannot``, claims, images."""
    for cause, clients in view.causes(record.attempts).items():
        _line(console, f"\ncannot: {visible(cause)}", Verdict.CANNOT)
        _line(console, f"  {view.stopped_in_words(clients)}", dim=True)
    for document, results in _evaluated(record):
        if any(result.made for result in results):
            from lab.report.plain import claims_summary  # noqa: PLC0415 - of use for documents alone

            words = claims_summary(document, results, columns=min(console.width, 100))
            _line(console, "\n" + words)
    console.print()
    _print_image_records(record.images, console, details=True)


def _print_foot(record: RunRecord, console: Console, places: Mapping[str, Path]) -> None:
    """Stand-ins, places, counts, and the verdict as the last line."""
    console.print()
    stand_ins = sorted({name for attempt in record.attempts for name in attempt.stand_ins})
    if stand_ins:
        words = f"STAND-IN: {', '.join(map(visible, stand_ins))} (`lab images` says what is real)"
        print_hanging(console, "", Text(words, style="dim"))
    folders = {path.parent for path in places.values()}
    if len(folders) == 1 < len(places):
        places = {", ".join(path.name for path in places.values()): folders.pop()}
    for name, path in places.items():
        console.print(Text(f"{name}: {path}"), soft_wrap=True)
    _line(console, view.counts_in_words(record))
    took = f" ({(record.ended - record.started).total_seconds():.1f} s)" if record.ended else ""
    counts = record.counts
    verdict: Verdict | None = record.verdict
    if not record.complete:
        verdict = Verdict.LAB_ERROR
        words = "none, the run was ended before it was done; the above did happen"
    elif verdict is Verdict.LAB_ERROR:
        number = _number(counts[Verdict.LAB_ERROR], "attempt")
        words = f"LAB ERROR in {number}: the lab failed, not the product"
    elif verdict is Verdict.SURPRISE:
        words = "SURPRISE: not all was as expected; what differs is above"
    elif not any(counts.values()):
        verdict, words = None, "none: nothing was expected"
    else:
        words = "all as expected"
        if counts[Verdict.CANNOT]:
            words += f"; {counts[Verdict.CANNOT]} cannot be tried on these images (-v: why)"
    _line(console, f"verdict{took}: {words}", verdict)


def _number(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _print_pairs(
    pairs: Iterable[tuple[str, str | Text]], console: Console, language: str = "en"
) -> None:
    for label, text in pairs:
        if isinstance(text, Text):
            print_hanging(console, _label(label, language), text)
            continue
        style = _STAND_IN if label == "stand-in" else ""
        if label == "warning" or _ALARMING.search(text):
            style = _STYLES[Verdict.SURPRISE]
        print_hanging(console, _label(label, language), Text(text, style=style))


def _print_command(attempt: AttemptResult, console: Console, language: str = "en") -> None:
    # In one piece, however long: it is there to be copied.
    console.print(_label("repeat", language) + Text(visible(attempt.command)), soft_wrap=True)


def _print_rate(attempts: Sequence[AttemptResult], console: Console, language: str) -> None:
    outcomes = Tally(_came(attempt, language) for attempt in attempts)
    alarming = {_came(attempt, language) for attempt in attempts if view.alarming(attempt)}
    reached = sum(a.outcome is not None and a.outcome.result is Result.COMPLETED for a in attempts)
    made = len(attempts)
    share = f"{reached / made:.0%}"
    words = view.said("said", "rate", language, reached=reached, made=made, share=share)
    if left_open := sum(len(names) for _, names in view.not_judged(attempts)):
        words += view.said("said", "not_judged", language, number=left_open)
    _line(console, words, bold=True)
    for words, n in outcomes.most_common():
        style = _STYLES[Verdict.SURPRISE] if words in alarming else ""
        tries = view.said("label", "tries", language, number=n)
        print_hanging(console, _column(tries, language), Text(words, style=style))


def _came(attempt: AttemptResult, language: str = "en") -> str:
    """What came of an attempt, and what is warned of."""
    seen = view.seen(attempt) if language == "en" else _result_in(attempt, language)
    label = view.said("label", "warning", language)
    return "\n".join([seen, *(f"{label}: {one.in_(language)}" for one in warnings_of(attempt))])


def _print_image_records(images: Sequence[ImageRecord], console: Console, *, details: bool) -> None:
    """One line an image; with ``details`` also what is real in a stand-in, what is not, and why."""
    width = max((len(visible(image.name)) for image in images), default=0)
    for image in images:
        mark = "STAND-IN" if image.stand_in else image.source
        name = Text(f"{visible(image.name):<{width}} ")
        marked = Text(f"{visible(mark):<8} ", style=_STAND_IN if image.stand_in else "dim")
        print_hanging(console, name + marked, Text(view.image_in_words(image)))
        for label, texts in (
            ("real", image.real),
            ("not real", image.not_real),
            ("because", (image.fallback_reason,) if image.fallback_reason else ()),
        ):
            if details and texts:
                prefix = Text(f"{'':<{width}} {label:<8} ", style="dim")
                print_hanging(console, prefix, Text(view.excerpt("; ".join(texts)), style="dim"))


def _label(name: str, language: str = "en") -> Text:
    """A label; one that no table has is in its language already."""
    if language != "en" and name in view.LABELS:
        name = view.said("label", name, language)
    return _column(name, language)


def _column(words: str, language: str) -> Text:
    return Text(f"  {padded(words, 11 if language == 'en' else 16)}", style="dim")


def _line(
    console: Console,
    words: str,
    verdict: Verdict | None = None,
    *,
    bold: bool = False,
    dim: bool = False,
) -> None:
    style = " ".join(filter(None, [_STYLES[verdict], "bold" * bold, "dim" * dim]))
    for line in hang("", Text(words, style=style), console.width):
        console.print(line, soft_wrap=True)
