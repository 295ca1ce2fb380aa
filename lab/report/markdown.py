"""The record in Markdown, for a CI job's summary page.

GitHub shows what a step appends to the file that ``$GITHUB_STEP_SUMMARY`` names, up to 1 MiB a step
(https://docs.github.com/actions/reference/workflow-commands-for-github-actions, "Adding a job summary").
What a server or a client said is untrusted text: it is shown as code, never as markup.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence

from lab.compare import Comparison
from lab.documents import Document
from lab.documents.verdicts import ClaimResult, counts, evaluate_tested
from lab.model.expectations import Verdict
from lab.record import RunRecord
from lab.report import view
from lab.report.plain import changes_in_words
from lab.report.view import CaseView, ClientView
from lab.report.warnings import warnings_of
from lab.text import visible

#: GitHub refuses more than this in one summary, in bytes; what does not fit is left out, and said.
LIMIT = 1024 * 1024
#: So many attempts that did not go as expected are told in full.
MOST_TOLD = 20

_SIGNS = {
    Verdict.AS_EXPECTED: "✅",
    Verdict.SURPRISE: "❌",
    Verdict.CANNOT: "⬜",
    Verdict.LAB_ERROR: "⚠️",
    None: "",
}
#: Everything that Markdown or HTML could take for markup.
_MARKUP = re.compile(r"([\\`*_\[\]<>#|~&@])")


def summary(
    record: RunRecord, documents: Iterable[Document] = (), compared: Comparison | None = None
) -> str:
    """A run's summary, at most :data:`LIMIT` bytes of Markdown.

    Args:
        record: the run; nothing else is read of it.
        documents: those whose claims get their verdicts.
        compared: what changed since another run, said first.
    """
    parts = [
        _head(record),
        *([_changes(compared)] if compared else []),
        _unexpected(record),
        _not_judged(record),
        _cases(record),
        _cannot(record),
        *(_claims(document, results) for document, results in evaluate_tested(record, documents)),
        _images(record),
    ]
    return limited([part for part in parts if part])


def _head(record: RunRecord) -> str:
    verdict = record.verdict
    words = f"## {_SIGNS[verdict]} TLS/FTPS interoperability: {verdict or 'nothing judged'}\n\n"
    words += f"{text(view.counts_in_words(record))} — run `{record.run_id}`"
    if record.ended is not None:
        words += f", {(record.ended - record.started).total_seconds():.1f} s"
    if not record.complete:
        words += "\n\n> **This run was ended before it was done: the rest is missing.**"
    return words


def _changes(compared: Comparison) -> str:
    return f"### Compared with `{compared.old_run}`\n\n{block(changes_in_words(compared, 100))}"


def _unexpected(record: RunRecord) -> str:
    told = [a for a in record.attempts if a.verdict in {Verdict.SURPRISE, Verdict.LAB_ERROR}]
    races = [c for c in record.cases if c.race is not None and c.verdict is Verdict.SURPRISE]
    if not told and not races:
        return ""
    words = ["### Not as expected"]
    words += [f"- {_SIGNS[c.verdict]} {text(c.id)}: {text(c.verdict_why)}" for c in races]
    in_full = ((f"{_SIGNS[a.verdict]} {a.id}", view.explain_surprise(a)) for a in told[:MOST_TOLD])
    words += [details(title, block(surprise)) for title, surprise in in_full]
    if len(told) > MOST_TOLD:
        words.append(f"{len(told) - MOST_TOLD} more are in the record.")
    return "\n\n".join(words)


def _cases(record: RunRecord) -> str:
    sections = view.by_section(view.cases_of(record)).items()
    return "\n\n".join(_section(names, cases) for names, cases in sections)


def _section(names: tuple[str, str], cases: Sequence[CaseView]) -> str:
    verdicts = [one.case.verdict for case in cases for one in case.clients]
    signs = " ".join(f"{_SIGNS[v]} {verdicts.count(v)}" for v in Verdict if v in verdicts)
    rows = ["| case | client | | what was seen | and then |", "| --- | --- | --- | --- | --- |"]
    for case in cases:
        for number, one in enumerate(case.clients):
            rows.append(
                f"| {'' if number else text(case.title)} | {text(one.case.label)}"
                f" | {_SIGNS[one.case.verdict]} | {_seen(one)}"
                f" | {text(view.rest_of_case(one.attempts))} |"
            )
    title = ": ".join(name for name in names if name)
    return details(f"{title} ({signs})", "\n".join(rows))


def _seen(one: ClientView) -> str:
    """What came of a case from a client, loud where that is alarming, and what is warned of."""
    seen = text(view.seen_in_case(one.case, one.attempts))
    if any(view.alarming(a) for a in one.attempts[:1]) or seen.startswith("false success"):
        seen = f"🔴 **{seen}**"
    warned = dict.fromkeys(w.en for a in one.attempts for w in warnings_of(a))
    return "<br>".join([seen, *(f"⚠️ **{text(words)}**" for words in warned)])


def _not_judged(record: RunRecord) -> str:
    found = view.not_judged(record.attempts)
    lines = [f"- {text(', '.join(names))}: {text(words)}" for words, names in found]
    return "\n".join(["### Certificate not judged", "", *lines]) if found else ""


def _cannot(record: RunRecord) -> str:
    found = view.causes(record.attempts)
    lines = [f"- {text(why)}: {text(view.stopped_in_words(who))}" for why, who in found.items()]
    return "\n".join(["### Cannot be tried here", "", *lines]) if found else ""


def _claims(document: Document, results: Sequence[ClaimResult]) -> str:
    tally = ", ".join(f"{n} {verdict}" for verdict, n in counts(results).items() if n)
    rows = ["| verdict | claim | condition |", "| --- | --- | --- |"]
    for result in results:
        condition = result.condition.en if result.condition else ""
        verdict = f"{result.verdict}{' (surprises)' if result.surprises else ''}"
        rows.append(f"| {verdict} | {text(result.claim.text.en)} | {text(condition)} |")
    return details(f"Claims of {document.title.en}: {tally}", "\n".join(rows))


def _images(record: RunRecord) -> str:
    rows = ["| image | from | TLS library |", "| --- | --- | --- |"]
    for image in record.images:
        source = "**STAND-IN**" if image.stand_in else text(image.source)
        rows.append(f"| {text(image.name)} | {source} | {text(view.image_in_words(image))} |")
    words = "\n".join(rows)
    if any(image.stand_in for image in record.images):
        words += "\n\nA STAND-IN is not the distribution: the record says what in it is real."
    return details("Images", words)


def text(words: str) -> str:
    """Words as they are: no control character and no markup is left in them."""
    return _MARKUP.sub(r"\\\1", visible(words)).replace("\n", " ")


def block(words: str) -> str:
    """Lines in a fence that no line of theirs closes."""
    shown = "\n".join(visible(line) for line in words.split("\n"))
    longest = max((len(run) for run in re.findall("`+", shown)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{shown}\n{fence}"


def details(title: str, body: str) -> str:
    """A part that is folded up; its title is inside HTML, where Markdown's escapes do not count."""
    shown = html.escape(visible(title)).replace("\n", " ")
    return f"<details><summary>{shown}</summary>\n\n{body}\n\n</details>"


def limited(parts: Sequence[str]) -> str:
    """The parts one below the other, as many as GitHub takes (:data:`LIMIT`)."""
    kept: list[str] = []
    room = LIMIT - 200
    for part in parts:
        room -= len(part.encode()) + 2
        if room < 0:
            kept.append("The rest does not fit here: it is in the report.")
            break
        kept.append(part)
    return "\n\n".join(kept) + "\n"
