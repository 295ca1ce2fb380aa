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
from lab.report.advice import advice_in_words
from lab.report.layout import hang, padded, print_hanging, wrap
from lab.report.view import CaseView, ClientView
from lab.report.warnings import warnings_of
from lab.text import visible

if TYPE_CHECKING:
    from lab.documents import Document, Language
    from lab.documents.verdicts import ClaimResult
    from lab.images import Provenance

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
        self._language = language
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
            words = view.verdict_in_words(verdict, self._language)
            _line(self._console, f"{words}: {visible(attempt.id)}", verdict)
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
        language = self._language
        words = view.said("run", "progress", language, made=self._made, total=self._total)
        for verdict, number in self._seen.items():
            if verdict is not Verdict.AS_EXPECTED:
                name = view.verdict_in_words(verdict, language)
                words += f"、{name} {number}" if language == "ja" else f", {number} {name}"
        rate = (self._made - 1) / (now - self._began) if now - self._began >= 1 else 0
        if rate and self._made < self._total:
            left = (self._total - self._made) / rate
            speed = {"rate": f"{rate:.{0 if rate >= 1 else 1}f}", "left": f"{left:.0f}"}
            words += view.said("run", "speed", language, **speed)
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
    cases = view.cases_of(record)
    if verbose or len(cases) == 1:
        for number, case in enumerate(cases):
            console.print("\n" * bool(number), end="")
            _print_story(case, console, language)
    elif cases:
        _print_found(record, console, language)
        _print_sections(cases, console, language)
    else:
        print_attempts(record.attempts, record, console, language=language)
    _print_unexpected(record, console, language, verbose=verbose)
    if len(cases) > 1 and not verbose:
        _print_warned(record, console, language)
    for attempt in record.attempts:
        if attempt.witnesses is not None and attempt.witnesses.disagree:
            label = view.said("label", "witnesses", language)
            _line(console, f"\n{label}: {visible(attempt.id)}", Verdict.SURPRISE)
            _line(console, f"  {view.witnesses_in_words(attempt.witnesses, language)}")
    for words, names in view.not_judged(record.attempts, language) if cases else ():
        told = view.said("run", "not-judged", language, names=", ".join(names))
        _line(console, f"\n{told}", Verdict.CANNOT)
        _line(console, f"  {words}")
    if verbose:
        _print_details(record, console, language)
    _print_foot(record, console, places, language)


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
        words = _result([attempt], language)
        style = _STYLES[Verdict.SURPRISE if view.alarming(attempt) else attempt.verdict]
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
        _print_image_records(images, console, language, details=True)
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


def _print_story(of_clients: CaseView, console: Console, language: str) -> None:
    """Tell a case from its first client; the other clients have a line for what came of each."""
    first, *others = of_clients.clients
    case, attempts = first.case, first.attempts
    section = _title(case.section, language)
    _line(console, f"{visible(case.document)}: {visible(section)}", bold=True)
    title = case.title or case.name
    story = " ".join(case.story.partition("\n\n")[0].split()).replace("``", "`")
    if language != "en":
        title, story = _in_japanese(of_clients)
    _line(console, visible(title), bold=True)
    if story:
        print_hanging(console, "", Text(visible(story), style="dim"))
    if attempts:
        console.print()
        _print_pairs(_told(case, attempts, language), console, language)
    alike: dict[str, list[str]] = {}
    for other in others:
        words = (
            _seen_in_case(other.case, other.attempts, language),
            view.rest_of_case(other.attempts, language),
        )
        alike.setdefault("; ".join(filter(None, words)), []).append(visible(other.case.label))
    also = [("also", f"{', '.join(clients)}\n{words}") for words, clients in alike.items()]
    _print_pairs(also, console, language)


def _title(title: str, language: str) -> str:
    """A title of a case or a section."""
    if language == "en":
        return title
    from lab.report.html.language import titles  # noqa: PLC0415 - English needs none of the page

    return titles().get(title, title)


def _remedy_title(title: str, language: str) -> str:
    if language == "en":
        return title
    from lab.report.html.language import remedy_titles  # noqa: PLC0415 - English needs none of the page

    return remedy_titles().get(title, title)


def _in_japanese(case: CaseView) -> tuple[str, str]:
    """A case's title, and what else is in the first paragraph of its story."""
    from lab.report.html.language import stories  # noqa: PLC0415 - English needs none of the page

    first = " ".join(case.clients[0].case.story.partition("\n\n")[0].replace("``", "`").split())
    told = [stories().get(part, part) for part in case.story if part in first]
    return _title(case.title, "ja"), "".join(told)


def _told(
    case: CaseRecord, attempts: Sequence[AttemptResult], language: str
) -> Iterator[tuple[str, str | Text]]:
    role = attempts[0].role
    tries = [a for a in attempts if a.role is role]
    first = next((a for a in tries if a.outcome and a.outcome.by is not None), tries[0])
    names = ", ".join(first.stand_ins)
    stand_in = view.said("run", "stand-in-is", language, names=names) if names else ""
    for label, words in view.settings_in_words(first):
        yield label, words
    words = _seen_in_case(case, attempts, language) + stand_in
    style = _STYLES[Verdict.SURPRISE] if view.alarming(first) else ""
    yield "result", Text(words, style=style)
    if first.outcome is not None:
        told = view.explanation(first, language)
        yield from (pair for pair in told if pair[0] in {"warning", "user sees", "cause"})
    named: dict[tuple[Role, str], list[AttemptResult]] = {}
    for attempt in attempts:
        if attempt.role is not role:
            named.setdefault((attempt.role, attempt.label), []).append(attempt)
    for (role, label), made in named.items():
        if role is Role.REMEDY:
            title = _remedy_title(label, language)
            words = f"{visible(title)}\n{_result(made, language)}"
            for impostor in named.get((Role.IMPOSTOR, label), ()):
                got = view.captured(impostor)
                name = view.said("counted", "impostor", language)
                came = f"{name}: {_result([impostor], language)}"
                words += f"\n{view.impostor_got(got, language) if got else came}"
            yield str(made[0].standing or "remedy"), words
        elif role is Role.TWIN:
            changed = differing_fields(first.attempt, made[0].attempt)
            values = ", ".join(
                f"{name.partition('.')[2]}={attrgetter(name)(made[0].attempt)}" for name in changed
            )
            same = view.said("run", "the-same-with", language, values=visible(values))
            yield "twin", f"{same}\n{_result(made, language)}"


def _result(attempts: Sequence[AttemptResult], language: str = "en") -> str:
    """What came of an attempt, or of all tries of one, in a line that names a stand-in and the verdict."""
    first = attempts[0]
    counted = Tally(view.seen(attempt, language) for attempt in attempts)
    words = "; ".join(
        text if len(counted) == 1 else f"{view.said('label', 'tries', language, number=n)} {text}"
        for text, n in counted.items()
    )
    verdicts = [attempt.verdict for attempt in attempts if attempt.verdict is not None]
    if verdicts:
        words = f"{view.verdict_in_words(gravest(verdicts), language)}: {words}"
    return words + (view.said("said", "stood_in", language) if first.stand_ins else "")


def _seen_in_case(case: CaseRecord, attempts: Sequence[AttemptResult], language: str) -> str:
    first = None if case.race is not None or not attempts else attempts[0].verdict
    verdict = view.verdict_in_words(first or case.verdict, language)
    return f"{verdict}: {view.seen_in_case(case, attempts, language)}"


# -- many cases ------------------------------------------------------------------------------------


def _as_language(language: str) -> Language:
    """The word for a language that the documents have."""
    return "ja" if language == "ja" else "en"


def _evaluated(record: RunRecord) -> Sequence[tuple[Document, Sequence[ClaimResult]]]:
    """What a run says of the claims of each document that it tests."""
    from lab.documents import documents  # noqa: PLC0415 - a single attempt needs none of them
    from lab.documents.verdicts import evaluate_tested  # noqa: PLC0415

    return evaluate_tested(record, documents().values())


def _print_found(record: RunRecord, console: Console, language: str) -> None:
    """What the documents say and the run saw otherwise, a line each."""
    results = [result for _, many in _evaluated(record) for result in many]
    refuted = [
        result.claim.text.in_(_as_language(language))
        for result in results
        if result.verdict == "refuted"
    ]
    conditional = sum(result.verdict == "conditional" for result in results)
    if not refuted and not conditional:
        return
    name, number = "statement" if len(refuted) == 1 else "statements", len(refuted)
    words = view.said(
        "run",
        "found",
        language,
        refuted=view.said("run", name, language, number=number),
        conditional=view.said("run", "conditional", language, number=conditional),
    )
    _line(console, words, bold=True)
    for words in refuted:
        line, *more = wrap(visible(words), console.width - 6)
        console.print(Text("  ") + line + (" ..." if more else ""), soft_wrap=True)
    console.print()


def _print_sections(cases: Sequence[CaseView], console: Console, language: str) -> None:
    """A line for each section, or, of a single section, for each case."""
    lines: dict[str, list[ClientView]] = {}
    sections = view.by_section(cases)
    for names, many in sorted(sections.items(), key=lambda item: item[0][0]):
        for case in many:
            title = case.clients[0].case.title if language == "en" else _title(case.title, language)
            document, section = names
            several = ": ".join(filter(None, (document, _title(section, language))))
            name = title if len(sections) == 1 else several
            lines.setdefault(name, []).extend(case.clients)
    for name, clients in lines.items():
        verdicts = Tally(a.verdict for one in clients for a in one.attempts)
        ends = [one.case for one in clients]
        verdicts.update(c.verdict for c in ends if c.race and c.verdict == "surprise")
        others = (
            f"{verdicts[v]} {view.verdict_in_words(v, language)}"
            for v in Verdict
            if v != "as-expected" and verdicts[v]
        )
        style = _STYLES[gravest(case.verdict for case in ends)]
        expected = view.verdict_in_words(Verdict.AS_EXPECTED, language)
        prefix = Text(f"{verdicts[Verdict.AS_EXPECTED]:>6} {expected}  ")
        print_hanging(console, prefix, Text("; ".join([visible(name), *others]), style=style))


# -- parts -----------------------------------------------------------------------------------------


def _print_unexpected(record: RunRecord, console: Console, language: str, *, verbose: bool) -> None:
    """What did not go as expected: the first in full, of what broke in the lab each cause once."""
    known: dict[str, list[AttemptResult]] = {}
    for attempt in record.attempts if record.cases else ():
        if attempt.verdict in {Verdict.SURPRISE, Verdict.LAB_ERROR}:
            alone = verbose or attempt.verdict is Verdict.SURPRISE
            known.setdefault(attempt.id if alone else attempt.verdict_why, []).append(attempt)
    for number, (first, *others) in enumerate(known.values()):
        in_full = verbose or number < _MOST_TOLD
        blank = "\n" if in_full or number == _MOST_TOLD else ""
        verdict = first.verdict or Verdict.SURPRISE
        words = f"{blank}{view.verdict_in_words(verdict, language)}: {visible(first.id)}"
        _line(console, words, first.verdict)
        if in_full:
            _print_pairs(view.explanation(first, language), console, language)
            _print_command(first, console, language)
        if others:
            more = _more(len(others), language)
            _line(console, f"  {view.said('run', 'and-the-same', language, more=more)}")
    if len(known) > _MOST_TOLD and not verbose:
        _line(console, view.said("run", "tells-all", language), dim=True)
    for case in record.cases:
        if case.race is not None and case.verdict is Verdict.SURPRISE:
            named = view.verdict_in_words(case.verdict, language)
            _line(console, f"\n{named}: {visible(case.id)}", case.verdict)
            _line(console, f"  {case.verdict_why}")


def _print_warned(record: RunRecord, console: Console, language: str) -> None:
    """What is warned of, each text once with how often; with ``verbose`` it is beside its case."""
    warned: dict[str, list[str]] = {}
    for attempt in record.attempts:
        for one in warnings_of(attempt):
            warned.setdefault(visible(one.in_(language)), []).append(visible(attempt.id))
    for words, (first, *others) in warned.items():
        who = {"first": first, "more": _more(len(others), language)}
        where = view.said("run", "first-and-more", language, **who) if others else first
        label = view.said("label", "warning", language)
        _line(console, f"\n{label}: {words}", Verdict.SURPRISE)
        _line(console, f"  {where}", dim=True)


def _more(number: int, language: str) -> str:
    """So many more attempts."""
    return view.said("counted", "more" if number == 1 else "more-many", language, number=number)


def _print_details(record: RunRecord, console: Console, language: str) -> None:
    """What only somebody reads who asks for everything: causes of ``cannot``, claims, images."""
    for cause, clients in view.causes(record.attempts).items():
        verdict = view.verdict_in_words(Verdict.CANNOT, language)
        _line(console, f"\n{verdict}: {visible(cause)}", Verdict.CANNOT)
        _line(console, f"  {view.stopped_in_words(clients, language)}", dim=True)
    for document, results in _evaluated(record):
        if any(result.made for result in results):
            from lab.report.plain import claims_summary  # noqa: PLC0415 - of use for documents alone

            words = claims_summary(
                document,
                results,
                language=_as_language(language),
                columns=min(console.width, 100),
            )
            _line(console, "\n" + words)
    console.print()
    _print_image_records(record.images, console, language, details=True)


def _print_foot(
    record: RunRecord, console: Console, places: Mapping[str, Path], language: str
) -> None:
    """Stand-ins, places, counts, and the verdict as the last line."""
    console.print()
    stand_ins = sorted({name for attempt in record.attempts for name in attempt.stand_ins})
    if stand_ins:
        names = ", ".join(map(visible, stand_ins))
        words = view.said("run", "stand-ins", language, names=names)
        print_hanging(console, "", Text(words, style="dim"))
    folders = {path.parent for path in places.values()}
    if len(folders) == 1 < len(places):
        places = {", ".join(path.name for path in places.values()): folders.pop()}
    else:
        places = {view.said("run", name, language): path for name, path in places.items()}
    for name, path in places.items():
        console.print(Text(f"{name}: {path}"), soft_wrap=True)
    _line(console, view.counts_in_words(record, language))
    took = ""
    if record.ended:
        seconds = f"{(record.ended - record.started).total_seconds():.1f}"
        took = view.said("run", "took", language, seconds=seconds)
    verdict, words = _verdict_of_run(record, language)
    _line(console, view.said("run", "verdict", language, took=took, words=words), verdict)


def _verdict_of_run(record: RunRecord, language: str) -> tuple[Verdict | None, str]:
    counts = record.counts
    verdict: Verdict | None = record.verdict
    if not record.complete:
        return Verdict.LAB_ERROR, view.said("run", "ended-early", language)
    if verdict is Verdict.LAB_ERROR:
        attempts = view.attempts_in_words(counts[Verdict.LAB_ERROR], language)
        return verdict, view.said("run", "lab-failed", language, attempts=attempts)
    if verdict is Verdict.SURPRISE:
        return verdict, view.said("run", "differs", language)
    if not any(counts.values()):
        return None, view.said("run", "nothing-expected", language)
    left_out = counts[Verdict.CANNOT]
    name = "all-but" if left_out else "all-well"
    return verdict, view.said("run", name, language, number=left_out)


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
    seen = view.seen(attempt) if language == "en" else _result([attempt], language)
    label = view.said("label", "warning", language)
    return "\n".join([seen, *(f"{label}: {one.in_(language)}" for one in warnings_of(attempt))])


def _print_image_records(
    images: Sequence[ImageRecord], console: Console, language: str = "en", *, details: bool
) -> None:
    """One line an image; with ``details`` also what is real in a stand-in, what is not, and why."""
    width = max((len(visible(image.name)) for image in images), default=0)
    columns = 8 if language == "en" else 12
    for image in images:
        mark = view.said("run", "stand-in-mark", language) if image.stand_in else image.source
        name = Text(f"{visible(image.name):<{width}} ")
        style = _STAND_IN if image.stand_in else "dim"
        marked = Text(padded(visible(mark), columns), style=style)
        print_hanging(console, name + marked, Text(view.image_in_words(image)))
        for label, texts in (
            ("real", image.real),
            ("not real", image.not_real),
            ("because", (image.fallback_reason,) if image.fallback_reason else ()),
        ):
            if details and texts:
                named = view.said("label", label, language)
                prefix = Text(f"{'':<{width}} {padded(named, columns)}", style="dim")
                words = view.excerpt("; ".join(texts), language=language)
                print_hanging(console, prefix, Text(words, style="dim"))


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
