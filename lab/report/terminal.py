"""The record in a terminal: readable at 80 columns, coloured only where somebody looks at it."""

from __future__ import annotations

import re
import time
from collections import Counter as Tally
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from lab.grouping import grouped_by
from lab.model import Result, Role, differing_fields
from lab.model.expectations import Verdict
from lab.record import AttemptResult, CaseRecord, ImageRecord, RunRecord, gravest
from lab.report import view
from lab.report.advice import advice_in_words
from lab.report.layout import padded, print_hanging, wrap
from lab.report.view import CaseView, ClientView
from lab.report.warnings import warnings_of
from lab.text import visible

if TYPE_CHECKING:
    from lab.documents import Document
    from lab.documents.verdicts import ClaimResult
    from lab.images.provenance import Provenance

_STYLES: dict[Verdict | None, str] = {
    Verdict.AS_EXPECTED: "green",
    Verdict.SURPRISE: "bold red",
    Verdict.CANNOT: "yellow",
    Verdict.LAB_ERROR: "bold magenta",
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
        self,
        total: int,
        console: Console,
        clock: Callable[[], float] = time.monotonic,
        language: str = "en",
    ) -> None:
        self._total, self._console, self._clock = total, console, clock
        self._printer = _Printer(console, language)
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
            self._printer.verdict_on(attempt.id, verdict)
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
        said, japanese = self._printer.said, self._printer.language == "ja"
        words = said("run", "progress", made=self._made, total=self._total)
        for verdict, number in self._seen.items():
            if verdict is not Verdict.AS_EXPECTED:
                name = said("verdict", verdict)
                words += f"、{name} {number}" if japanese else f", {number} {name}"
        rate = (self._made - 1) / (now - self._began) if now - self._began >= 1 else 0
        if rate and self._made < self._total:
            left = (self._total - self._made) / rate
            speed = f"{rate:.{0 if rate >= 1 else 1}f}"
            words += said("run", "speed", rate=speed, left=f"{left:.0f}")
        return words


def print_run(
    record: RunRecord,
    console: Console,
    places: Mapping[str, Path],
    *,
    verbose: bool = False,
    language: str = "en",
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
        language: ``en`` or ``ja``.
    """
    printer, cases = _Printer(console, language), view.cases_of(record)
    if verbose or len(cases) == 1:
        for number, case in enumerate(cases):
            console.print("\n" * bool(number), end="")
            printer.story(case)
    elif cases:
        printer.found(record)
        printer.sections(cases)
    else:
        print_attempts(record.attempts, record, console, language=language)
    printer.unexpected(record, verbose=verbose)
    if len(cases) > 1 and not verbose:
        printer.warned(record)
    printer.doubts(record)
    if verbose:
        printer.details(record)
    printer.foot(record, places)


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
    printer = _Printer(console, language)
    if len(attempts) > 1:
        printer.rate(attempts)
    first_of_each: dict[str, AttemptResult] = {}
    for attempt in attempts:
        # What is warned of is an outcome of its own.
        first_of_each.setdefault(printer.came(attempt), attempt)
    for attempt in first_of_each.values():
        if len(attempts) > 1:
            console.print()
        printer.attempt(attempt, verbose=verbose)
    printer.stand_ins(attempts, record, verbose=verbose)


def print_images(images: Iterable[Provenance], console: Console) -> None:
    """Print where images come from, what in them is real and what is not."""
    records = [
        ImageRecord(name=image.image, **image.model_dump(mode="json", exclude={"image"}))
        for image in images
    ]
    _Printer(console).images(records)


@dataclass(frozen=True)
class _Printer:
    """Prints parts of a record on one console in one language."""

    console: Console
    language: str = "en"

    def said(self, section: str, name: str, /, **values: object) -> str:
        """Words of the report's own."""
        return view.said(section, name, self.language, **values)

    def line(
        self, words: str, verdict: Verdict | None = None, *, bold: bool = False, dim: bool = False
    ) -> None:
        """Print words as wide as the console is, in the colour of a verdict."""
        style = " ".join(filter(None, [_STYLES[verdict], "bold" * bold, "dim" * dim]))
        print_hanging(self.console, "", Text(words, style=style))

    def verdict_on(self, name: str, verdict: Verdict, before: str = "") -> None:
        """Print what came of an attempt or a case, by its id."""
        self.line(f"{before}{self.said('verdict', verdict)}: {visible(name)}", verdict)

    def pairs(self, pairs: Iterable[tuple[str, str | Text]]) -> None:
        """Print labels, each with its text; what is alarming in colours."""
        for label, text in pairs:
            shown = text if isinstance(text, Text) else Text(text, style=_style_of(label, text))
            print_hanging(self.console, self._label(label), shown)

    def command(self, attempt: AttemptResult) -> None:
        """Print the command that repeats it: in one piece, however long, because it is to be copied."""
        self.console.print(self._label("repeat") + Text(visible(attempt.command)), soft_wrap=True)

    def _label(self, name: str) -> Text:
        """A label; one that no table has is in its language already."""
        known = self.language != "en" and name in view.LABELS
        return self._column(self.said("label", name) if known else name)

    def _column(self, words: str) -> Text:
        return Text(f"  {padded(words, 11 if self.language == 'en' else 16)}", style="dim")

    # -- one attempt, and one case ---------------------------------------------------------------------

    def attempt(self, attempt: AttemptResult, *, verbose: bool) -> None:
        """All about one attempt."""
        style = _STYLES[Verdict.SURPRISE if view.alarming(attempt) else attempt.verdict]
        print_hanging(self.console, "", Text(self._result([attempt]), style=f"bold {style}"))
        warned = "\n".join(one.in_(self.language) for one in warnings_of(attempt))
        self.pairs([("warning", warned)] if warned else [])
        if attempt.advice is not None:
            advice = advice_in_words(attempt.advice, self.language, everything=verbose)
            self.pairs((label, visible(text)) for label, text in advice)
        self.pairs(view.settings_in_words(attempt))
        # What is behind the advice is told with ``-v``.
        skipped = {"seen", "warning", "stand-in"} | ({"cause"} if attempt.advice else set())
        for label, text in view.explanation(attempt, self.language, None):
            if label not in skipped:
                self.pairs([(label, text if verbose else self._shortened(label, text))])
        self.pairs([("took", f"{attempt.elapsed_ms:.0f} ms")])
        self.command(attempt)

    def _shortened(self, name: str, text: str) -> str:
        """What is shown of a text to who has not asked for all of it."""
        if name == "server says":
            text = view.deciding_lines(text, self.language)
        return view.excerpt(text, language=self.language, asked=True)

    def rate(self, attempts: Sequence[AttemptResult]) -> None:
        """How many of some tries completed, and how often each outcome came."""
        outcomes = Tally(self.came(attempt) for attempt in attempts)
        alarming = {self.came(attempt) for attempt in attempts if view.alarming(attempt)}
        results = [attempt.outcome.result for attempt in attempts if attempt.outcome is not None]
        reached, made = results.count(Result.COMPLETED), len(attempts)
        words = self.said("said", "rate", reached=reached, made=made, share=f"{reached / made:.0%}")
        if left_open := sum(len(names) for _, names in view.not_judged(attempts)):
            words += self.said("said", "not_judged", number=left_open)
        self.line(words, bold=True)
        for words, n in outcomes.most_common():
            style = _STYLES[Verdict.SURPRISE] if words in alarming else ""
            tries = self._column(self.said("label", "tries", number=n))
            print_hanging(self.console, tries, Text(words, style=style))

    def came(self, attempt: AttemptResult) -> str:
        """What came of an attempt, and what is warned of."""
        seen = view.seen(attempt) if self.language == "en" else self._result([attempt])
        label = self.said("label", "warning")
        warned = [f"{label}: {one.in_(self.language)}" for one in warnings_of(attempt)]
        return "\n".join([seen, *warned])

    def story(self, of_clients: CaseView) -> None:
        """Tell a case from its first client; the other clients have a line for what came of each."""
        first, *others = of_clients.clients
        case, attempts = first.case, first.attempts
        self.line(f"{visible(case.document)}: {visible(self._title(case.section))}", bold=True)
        story = " ".join(case.story.partition("\n\n")[0].split()).replace("``", "`")
        title = case.title or case.name
        if self.language != "en":
            from lab.report.html.language import stories  # noqa: PLC0415 - English needs none of the page

            told = [stories().get(part, part) for part in of_clients.story if part in story]
            title, story = self._title(of_clients.title), "".join(told)
        self.line(visible(title), bold=True)
        if story:
            self.line(visible(story), dim=True)
        if attempts:
            self.console.print()
            self.pairs(self._told(case, attempts))
        alike: dict[str, list[str]] = {}
        for other in others:
            seen = self._seen_in_case(other.case, other.attempts)
            rest = view.rest_of_case(other.attempts, self.language)
            words = "; ".join(filter(None, (seen, rest)))
            alike.setdefault(words, []).append(visible(other.case.label))
        self.pairs(("also", f"{', '.join(names)}\n{words}") for words, names in alike.items())

    def _title(self, title: str) -> str:
        """A title of a case, a section or a remedy."""
        if self.language == "en":
            return title
        from lab.report.html.language import remedy_titles, titles  # noqa: PLC0415

        return titles().get(title) or remedy_titles().get(title, title)

    def _told(
        self, case: CaseRecord, attempts: Sequence[AttemptResult]
    ) -> Iterator[tuple[str, str | Text]]:
        role = attempts[0].role
        tries = [a for a in attempts if a.role is role]
        first = next((a for a in tries if a.outcome and a.outcome.by is not None), tries[0])
        yield from view.settings_in_words(first)
        words = self._seen_in_case(case, attempts)
        if first.stand_ins:
            words += self.said("run", "stand-in-is", names=", ".join(first.stand_ins))
        yield "result", Text(words, _STYLES[Verdict.SURPRISE] if view.alarming(first) else "")
        if first.outcome is not None:
            told = view.explanation(first, self.language)
            yield from (pair for pair in told if pair[0] in {"warning", "user sees", "cause"})
        others = (attempt for attempt in attempts if attempt.role is not role)
        named = grouped_by(others, lambda attempt: (attempt.role, attempt.label))
        for (role, label), made in named.items():
            if role is Role.REMEDY:
                impostors = named.get((Role.IMPOSTOR, label), ())
                lines = [visible(self._title(label)), self._result(made)]
                lines += [self._of_impostor(one) for one in impostors]
                yield str(made[0].standing or "remedy"), "\n".join(lines)
            elif role is Role.TWIN:
                twin = made[0].attempt
                changed = differing_fields(first.attempt, twin)
                values = (f"{n.partition('.')[2]}={attrgetter(n)(twin)}" for n in changed)
                same = self.said("run", "the-same-with", values=visible(", ".join(values)))
                yield "twin", f"{same}\n{self._result(made)}"

    def _of_impostor(self, impostor: AttemptResult) -> str:
        """What an impostor got, or what came of an attempt that gave it nothing."""
        got = view.captured(impostor)
        if got is not None:
            return view.impostor_got(got, self.language)
        return f"{self.said('counted', 'impostor')}: {self._result([impostor])}"

    def _result(self, attempts: Sequence[AttemptResult]) -> str:
        """What came of an attempt, or of all tries of one, in a line with a stand-in and the verdict."""
        counted = Tally(view.seen(attempt, self.language) for attempt in attempts)
        words = next(iter(counted))
        if len(counted) > 1:
            each = (f"{self.said('label', 'tries', number=n)} {t}" for t, n in counted.items())
            words = "; ".join(each)
        verdicts = [attempt.verdict for attempt in attempts if attempt.verdict is not None]
        if verdicts:
            words = f"{self.said('verdict', gravest(verdicts))}: {words}"
        return words + (self.said("said", "stood_in") if attempts[0].stand_ins else "")

    def _seen_in_case(self, case: CaseRecord, attempts: Sequence[AttemptResult]) -> str:
        first = None if case.race is not None or not attempts else attempts[0].verdict
        seen = view.seen_in_case(case, attempts, self.language)
        return f"{self.said('verdict', first or case.verdict)}: {seen}"

    # -- many cases --------------------------------------------------------------------------------------

    def found(self, record: RunRecord) -> None:
        """What the documents say and the run saw otherwise, a line each."""
        results = [result for _, many in _evaluated(record) for result in many]
        refuted = [result.claim.text for result in results if result.verdict == "refuted"]
        conditional = sum(result.verdict == "conditional" for result in results)
        if not refuted and not conditional:
            return
        name = "statement" if len(refuted) == 1 else "statements"
        numbers = {
            "refuted": self.said("run", name, number=len(refuted)),
            "conditional": self.said("run", "conditional", number=conditional),
        }
        self.line(self.said("run", "found", **numbers), bold=True)
        for text in refuted:
            line, *more = wrap(visible(text.in_(self.language)), self.console.width - 6)
            self.console.print(Text("  ") + line + (" ..." if more else ""), soft_wrap=True)
        self.console.print()

    def sections(self, cases: Sequence[CaseView]) -> None:
        """A line for each section, or, of a single section, for each case."""
        lines: dict[str, list[ClientView]] = {}
        sections = view.by_section(cases)
        for (document, section), many in sorted(sections.items(), key=lambda item: item[0][0]):
            for case in many:
                name = ": ".join(filter(None, (document, self._title(section))))
                if len(sections) == 1:
                    english = self.language == "en"
                    name = case.clients[0].case.title if english else self._title(case.title)
                lines.setdefault(name, []).extend(case.clients)
        for name, clients in lines.items():
            verdicts = Tally(a.verdict for one in clients for a in one.attempts)
            ends = [one.case for one in clients]
            verdicts.update(c.verdict for c in ends if c.race and c.verdict == "surprise")
            unlike = [v for v in Verdict if v != "as-expected" and verdicts[v]]
            others = (f"{verdicts[v]} {self.said('verdict', v)}" for v in unlike)
            style = _STYLES[gravest(case.verdict for case in ends)]
            expected = self.said("verdict", Verdict.AS_EXPECTED)
            prefix = Text(f"{verdicts[Verdict.AS_EXPECTED]:>6} {expected}  ")
            words = Text("; ".join([visible(name), *others]), style=style)
            print_hanging(self.console, prefix, words)

    def unexpected(self, record: RunRecord, *, verbose: bool) -> None:
        """What did not go as expected: the first in full, of what broke in the lab each cause once."""
        known: dict[str, list[AttemptResult]] = {}
        for attempt in record.attempts if record.cases else ():
            if attempt.verdict in {Verdict.SURPRISE, Verdict.LAB_ERROR}:
                alone = verbose or attempt.verdict is Verdict.SURPRISE
                known.setdefault(attempt.id if alone else attempt.verdict_why, []).append(attempt)
        for number, (first, *others) in enumerate(known.values()):
            in_full = verbose or number < _MOST_TOLD
            blank = "\n" if in_full or number == _MOST_TOLD else ""
            self.verdict_on(first.id, first.verdict or Verdict.SURPRISE, blank)
            if in_full:
                self.pairs(view.explanation(first, self.language))
                self.command(first)
            if others:
                self.line(f"  {self.said('run', 'and-the-same', more=self._more(len(others)))}")
        if len(known) > _MOST_TOLD and not verbose:
            self.line(self.said("run", "tells-all"), dim=True)
        for case in record.cases:
            if case.race is not None and case.verdict is Verdict.SURPRISE:
                self.verdict_on(case.id, case.verdict, "\n")
                self.line(f"  {case.verdict_why}")

    def warned(self, record: RunRecord) -> None:
        """What is warned of, each text once with how often; with ``verbose`` it is beside its case."""
        warned: dict[str, list[str]] = {}
        for attempt in record.attempts:
            for one in warnings_of(attempt):
                warned.setdefault(visible(one.in_(self.language)), []).append(visible(attempt.id))
        for words, (first, *others) in warned.items():
            more = self._more(len(others))
            where = self.said("run", "first-and-more", first=first, more=more) if others else first
            self.line(f"\n{self.said('label', 'warning')}: {words}", Verdict.SURPRISE)
            self.line(f"  {where}", dim=True)

    def _more(self, number: int) -> str:
        """So many more attempts."""
        return self.said("counted", "more" if number == 1 else "more-many", number=number)

    def doubts(self, record: RunRecord) -> None:
        """Where the witnesses disagree, and which certificates of an operator's are not judged."""
        for attempt in record.attempts:
            if attempt.witnesses is not None and attempt.witnesses.disagree:
                label = self.said("label", "witnesses")
                self.line(f"\n{label}: {visible(attempt.id)}", Verdict.SURPRISE)
                self.line(f"  {view.witnesses_in_words(attempt.witnesses, self.language)}")
        for words, names in view.not_judged(record.attempts, self.language) if record.cases else ():
            told = self.said("run", "not-judged", names=", ".join(names))
            self.line(f"\n{told}", Verdict.CANNOT)
            self.line(f"  {words}")

    def details(self, record: RunRecord) -> None:
        """What only somebody reads who asks for everything: causes of ``cannot``, claims, images."""
        for cause, clients in view.causes(record.attempts).items():
            self.verdict_on(cause, Verdict.CANNOT, "\n")
            self.line(f"  {view.stopped_in_words(clients, self.language)}", dim=True)
        from lab.report.plain import ClaimsTold  # noqa: PLC0415 - for documents alone

        told = ClaimsTold(self.language, min(self.console.width, 100))
        for document, results in _evaluated(record):
            self.line("\n" + told.summary(document, results))
        self.console.print()
        self.images(record.images)

    def foot(self, record: RunRecord, places: Mapping[str, Path]) -> None:
        """Stand-ins, places, counts, and the verdict as the last line."""
        self.console.print()
        stand_ins = sorted({name for attempt in record.attempts for name in attempt.stand_ins})
        if stand_ins:
            names = ", ".join(map(visible, stand_ins))
            self.line(self.said("run", "stand-ins", names=names), dim=True)
        folders = {path.parent for path in places.values()}
        if len(folders) == 1 < len(places):
            places = {", ".join(path.name for path in places.values()): folders.pop()}
        else:
            places = {self.said("run", name): path for name, path in places.items()}
        for name, path in places.items():
            self.console.print(Text(f"{name}: {path}"), soft_wrap=True)
        self.line(view.counts_in_words(record, self.language))
        took = ""
        if record.ended:
            seconds = f"{(record.ended - record.started).total_seconds():.1f}"
            took = self.said("run", "took", seconds=seconds)
        verdict, words = self._verdict_of_run(record)
        self.line(self.said("run", "verdict", took=took, words=words), verdict)

    def _verdict_of_run(self, record: RunRecord) -> tuple[Verdict | None, str]:
        counts = record.counts
        verdict: Verdict | None = record.verdict
        if not record.complete:
            return Verdict.LAB_ERROR, self.said("run", "ended-early")
        if verdict is Verdict.LAB_ERROR:
            attempts = view.attempts_in_words(counts[Verdict.LAB_ERROR], self.language)
            return verdict, self.said("run", "lab-failed", attempts=attempts)
        if verdict is Verdict.SURPRISE:
            return verdict, self.said("run", "differs")
        if not any(counts.values()):
            return None, self.said("run", "nothing-expected")
        left_out = counts[Verdict.CANNOT]
        name = "all-but" if left_out else "all-well"
        return verdict, self.said("run", name, number=left_out)

    # -- images ------------------------------------------------------------------------------------------

    def stand_ins(self, made: Iterable[AttemptResult], record: RunRecord, *, verbose: bool) -> None:
        """What only stands in for a distribution: its library, with ``verbose`` what of it is real."""
        names = sorted({name for attempt in made for name in attempt.stand_ins})
        known = {image.name: image for image in record.images}
        images = [known.get(name) or ImageRecord(name=name, stand_in=True) for name in names]
        if not images:
            return
        self.console.print()
        if verbose:
            self.images(images)
            return
        for image in images:
            library = image.tls_library or self.said("said", "its_library")
            words = self.said("said", "stand_in", name=image.name, library=library)
            self.line(visible(words), dim=True)

    def images(self, images: Sequence[ImageRecord]) -> None:
        """One line an image, and what is real in a stand-in, what is not, and why."""
        width = max((len(visible(image.name)) for image in images), default=0)
        columns = 8 if self.language == "en" else 12
        for image in images:
            mark = self.said("run", "stand-in-mark") if image.stand_in else image.source
            name = Text(f"{visible(image.name):<{width}} ")
            style = _STAND_IN if image.stand_in else "dim"
            marked = Text(padded(visible(mark), columns), style=style)
            print_hanging(self.console, name + marked, Text(view.image_in_words(image)))
            because = (image.fallback_reason,) if image.fallback_reason else ()
            told = {"real": image.real, "not real": image.not_real, "because": because}
            for label, texts in told.items():
                if texts:
                    named = padded(self.said("label", label), columns)
                    prefix = Text(f"{'':<{width}} {named}", style="dim")
                    words = view.excerpt("; ".join(texts), language=self.language)
                    print_hanging(self.console, prefix, Text(words, style="dim"))


def _style_of(label: str, text: str) -> str:
    if label == "warning" or _ALARMING.search(text):
        return _STYLES[Verdict.SURPRISE]
    return _STAND_IN if label == "stand-in" else ""


def _evaluated(record: RunRecord) -> Sequence[tuple[Document, Sequence[ClaimResult]]]:
    """What a run says of the claims of each document that it tests."""
    from lab.documents.verdicts import evaluate_tested  # noqa: PLC0415 - not for a single attempt

    return evaluate_tested(record)
