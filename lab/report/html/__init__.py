"""The record as one HTML file that needs nothing else: no network, no other file, no JavaScript.

``language`` has the report's own texts and sentences in both languages, and makes foreign texts harmless
and visible, ``sequence`` turns an outcome and a log into what happened stage by stage, ``cases`` arranges a
record's cases. What stands beside them on the page is here, with templates, styles and script in one file.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache, cached_property
from itertools import accumulate
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from jinja2.ext import Extension
from markupsafe import Markup

from lab.documents import Bilingual, ClaimVerdict, Document
from lab.documents.verdicts import ClaimResult
from lab.grouping import grouped_by
from lab.host.machine import write_whole
from lab.model import Rating, Reason, Result, Role, Side, Stage
from lab.model.expectations import Verdict
from lab.record import ImageRecord, RunRecord
from lab.report import view
from lab.report.html import cases
from lab.report.html.cases import STATES, UNJUDGED, VERDICTS, AttemptView, CaseArticle, Unit
from lab.report.html.language import FOR_TEMPLATES, Text, inline, labels, plain, say, word

_HERE = Path(__file__).parent
#: An attribute whose value needs no quotes; there are some ten thousand.
_QUOTED = re.compile(r' (class|id|href|lang)="([\w#.-]+)"(?=[^<>]*>)')
# End tags that HTML does not need there (13.1.2.4, "Optional tags"); there are some fifteen thousand.
_IMPLIED = re.compile(
    r"</li>(?=\s*(?:<li\b|</[uo]l>))|</t[dh]>(?=\s*(?:<t[dh]\b|</tr>))"
    r"|</p>(?=\s*<(?:p|div|ul|ol|dl|pre|details|table|h\d)\b)"
)
# Of the many texts that could be referred to, those that are have an anchor.
_REFERENCE = re.compile(r"href=#(u\d+-\d+[a-z]{2})>")
_ANCHOR = re.compile(r"(<(?:pre class=[a-z]{2}|ol class=sequence|div)) id=(u\d+-\d+[a-z]{2})")
_CONSTANT = re.compile(r'\{\{ say\("(?P<name>[\w.-]+)"\) \}\}')

#: So many attempts that need a look are listed one by one.
MOST_LISTED = 50
#: With at most so many cases the rows of the table are not folded away.
MOST_UNFOLDED = 12
#: A text that was shown before is not shown again if it is longer, in characters.
SHORTEST_SHARED = 60
#: The texts of an attempt, as the style sheet names them: client, server, wire, user, configuration, command.
TEXTS = frozenset({"cs", "ss", "wi", "us", "cf", "cm"})
#: What a reader of the findings wants to know first.
FOUND = (ClaimVerdict.REFUTED, ClaimVerdict.CONDITIONAL)
ENDS = ("completed", "in-clear", "false-success", *(str(side) for side in Side))
_REACHED = "reached"


class ReportError(Exception):
    """The report cannot be written; the message says where and why."""


#: The documents that a run tests, each with the verdicts of the run on its claims.
Judged = Sequence[tuple[Document, Sequence[ClaimResult]]]
#: Parts of a bar: kind, where it begins and how wide it is in percent, what it stands for.
Bars = list[tuple[str, float, float, int]]


def render(record: RunRecord, judged: Judged = ()) -> str:
    """The report of a run as one HTML document.

    Args:
        record: the run.
        judged: what the run says about the claims of documents.
    """
    style, script = _style(), _static("report.js")
    template = _environment().get_template("page.html")
    page = template.render(
        page=Page(record, judged),
        record=record,
        style=Markup(style),
        script=Markup(script),
        policy=_policy(style, script),
    )
    page = _IMPLIED.sub("", _QUOTED.sub(r" \1=\2", page))
    named = set(_REFERENCE.findall(page))
    return _ANCHOR.sub(lambda match: match[0] if match[2] in named else match[1], page)


def load() -> None:
    """Load what every page needs: compiling the templates takes as long as filling in a thousand attempts."""
    environment = _environment()
    for name in environment.list_templates():
        environment.get_template(name)
    _style()


def write(record: RunRecord, path: Path, judged: Judged = ()) -> Path:
    """Write the report of a run, in one step: a reader never finds half of it. An older report is replaced.

    Raises:
        ReportError: the file cannot be written, or is there already and no report.
    """
    if path.is_file() and not _is_report(path):
        raise ReportError(
            f"{path} is there already, is no report of the lab's, and nothing is overwritten."
            " Name another file, or remove this one first"
        )
    try:
        write_whole(path, render(record, judged))
    except OSError as error:
        raise ReportError(
            f"the report {path} cannot be written: {error.strerror}."
            " Name another file, or make room and permit writing there"
        ) from error
    return path


def _is_report(path: Path) -> bool:
    """Whether a file can be replaced by a report: it is one, or is empty."""
    try:
        with path.open("rb") as file:
            begins = file.read(4096)
    except OSError:  # what cannot be read is said where it cannot be written
        return True
    return not begins or MARK in begins


#: What the head of every report has.
MARK = b'<meta name="generator" content="tls-lab">'


class Page:
    """Everything that the templates ask for."""

    def __init__(self, record: RunRecord, judged: Judged = ()) -> None:
        self.record = record
        self.facets = cases.facets_of(record.attempts)
        self.cases: tuple[CaseArticle, ...] = cases.arrange(record, self.facets)
        self.units = tuple(unit for case in self.cases for unit in case.units)
        self.counts = Counter(str(a.verdict or UNJUDGED) for a in record.attempts)
        self.cannot = view.causes(record.attempts)
        self._judged = judged
        self._first: dict[tuple[str, str], str] = {}

    def earlier(self, kind: str, what: str, anchor: str) -> str:
        """Where this stands on the page already; nothing, if it will now stand at ``anchor``."""
        if kind in TEXTS and len(what) < SHORTEST_SHARED:
            return ""
        first = self._first.setdefault((kind, what), anchor)
        return "" if first == anchor else first

    # -- the run -----------------------------------------------------------------------------------

    @property
    def statement(self) -> Text:
        """The run in one sentence."""
        if not self.record.attempts:
            return say("summary.empty")
        verdict = self.record.verdict
        if verdict is Verdict.AS_EXPECTED and self.counts[UNJUDGED] == len(self.record.attempts):
            return say("summary.unjudged")
        return say(f"statement.{verdict}")

    @property
    def verdicts(self) -> list[tuple[str, int]]:
        """Every verdict with its number; ``unjudged`` only if there is one."""
        return [(v, self.counts[v]) for v in VERDICTS if v != UNJUDGED or self.counts[v]]

    @property
    def verdict_bars(self) -> Bars:
        """The verdicts as parts of one bar."""
        return _bars([(verdict, number) for verdict, number in self.verdicts if number])

    @cached_property
    def stage_counts(self) -> list[tuple[str, Text, Bars, int]]:
        """Where first attempts ended, by whom, and how many; at last those that reached their goal."""
        ended: dict[str, Counter[str]] = {}
        for unit in self.units:
            outcome = unit.main.attempt.outcome if unit.main else None
            if outcome is not None:
                completed = outcome.result is Result.COMPLETED
                where, by = (_REACHED, "completed") if completed else (outcome.stage, outcome.by)
                if outcome.result is Result.FALSE_SUCCESS:
                    by = outcome.result
                elif outcome.without_tls or outcome.file_in_clear:
                    by = "in-clear"
                ended.setdefault(str(where), Counter())[str(by)] += 1
        most = max((c.total() for c in ended.values()), default=0)
        return [
            (
                stage,
                say("summary.reached") if stage == _REACHED else word("stage", stage),
                _bars(sorted(ended[stage].items()), whole=most),
                ended[stage].total(),
            )
            for stage in (*(str(s) for s in Stage), _REACHED)
            if stage in ended
        ]

    @property
    def clients(self) -> int:
        """How many different clients took part: programs on platforms."""
        return len({str(a.client) for a in self.record.attempts})

    @property
    def contents(self) -> list[str]:
        """The sections of the page that there are."""
        there = {
            "findings": bool(self._judged),
            "matrix": bool(self.units),
            "attention": not self.calm,
            "cases": not self.alone,
        }
        names = ("findings", "attention", "matrix", "cases", "run", "images", "words")
        return [name for name in names if there.get(name, True)]

    @property
    def alone(self) -> bool:
        """Whether there is one case only."""
        return len(self.cases) == 1

    # -- what was found, and what needs a look ---------------------------------------------------------

    @cached_property
    def findings(self) -> list[tuple[str, list[tuple[Document, ClaimResult]]]]:
        """The claims by verdict, what speaks against a document first; none that was not run."""
        claims = [(document, result) for document, results in self._judged for result in results]
        order = (*FOUND, *(v for v in ClaimVerdict if v not in (*FOUND, ClaimVerdict.NOT_RUN)))
        by_verdict = {str(v): [c for c in claims if c[1].verdict is v] for v in order}
        return [(verdict, found) for verdict, found in by_verdict.items() if found]

    def tested(self, result: ClaimResult) -> list[CaseArticle]:
        """The cases in the record that test a claim; a name may be without its module."""
        names = dict.fromkeys(test.case for test in result.claim.tests)
        return [self._by_name[name] for name in names if name in self._by_name]

    @cached_property
    def _by_name(self) -> dict[str, CaseArticle]:
        by_name = {case.name: case for case in self.cases}
        return by_name | {case.units[0].case.id.partition("[")[0]: case for case in self.cases}

    @property
    def calm(self) -> bool:
        """Whether nothing needs a look."""
        return not (self.attention or self.cannot or self.rates)

    @cached_property
    def attention(self) -> list[tuple[str, list[AttemptView], int]]:
        """Lab errors and surprises one by one: verdict, the first of them, how many more."""
        every = (shown for unit in self.units for shown in unit.all if shown.remarkable)
        found = grouped_by(every, lambda shown: shown.verdict)
        listed = [(v, found[v]) for v in (Verdict.LAB_ERROR, Verdict.SURPRISE) if v in found]
        return [(v, many[:MOST_LISTED], max(len(many) - MOST_LISTED, 0)) for v, many in listed]

    @cached_property
    def rates(self) -> list[Unit]:
        """Races whose rate is not as expected."""
        return [unit for unit in self.units if unit.rate_differs]

    # -- the table, and words --------------------------------------------------------------------------

    @cached_property
    def sections(self) -> list[tuple[str, tuple[str, str], list[CaseArticle]]]:
        """The sections of the documents: an anchor, document and section, cases."""
        found = view.by_section(self.cases)
        return [(f"s{n}", names, many) for n, (names, many) in enumerate(found.items(), start=1)]

    @property
    def unfolded(self) -> bool:
        """Whether the table shows the rows of every section at once."""
        return len(self.cases) <= MOST_UNFOLDED

    def tally(self, many: Iterable[CaseArticle], where: str | None = None) -> list[tuple[str, int]]:
        """How many clients there are in each state, of one platform or of all."""
        units = (unit for case in many for unit in case.units)
        states = Counter(unit.state for unit in units if where in (None, unit.where))
        return [(state, states[state]) for state in STATES if states[state]]

    @cached_property
    def platform_stand_ins(self) -> frozenset[str]:
        """Platforms that were seen on a stand-in of their own."""
        every = self.record.attempts
        return frozenset(a.client.where for a in every if a.client.platform in a.stand_ins)

    @property
    def glossary(self) -> list[tuple[str, list[tuple[Text, str, Text]]]]:
        """The words of the report with their meaning: words, token, meaning."""
        reasons = [r for r in Reason if r in self.facets["reason"]]
        return [
            ("verdicts", [(word("verdict", v), v, say(f"verdict_means.{v}")) for v in VERDICTS]),
            ("roles", [(word("role", r), r, say(f"role_means.{r}")) for r in Role]),
            ("standings", [(word("standing", s), s, say(f"standing_means.{s}")) for s in Rating]),
            ("reasons", [(word("reason", r), r, say(f"why.{r}")) for r in reasons]),
        ]


def both(text: Bilingual) -> Text:
    """A text of a document, which comes in both languages; what is between backquotes is code."""
    return Text.prose(text.en, text.ja)


def breakable(platform: str) -> Markup:
    """A client's or a platform's name for a narrow column: a line may end before platform and policy."""
    return Markup("<wbr>").join(inline(part, 40) for part in re.split("(?=@)|(?<=:)", platform))


def settings(shown: AttemptView, side: str) -> list[tuple[str, Markup]]:
    """What is set at one end (``server``, ``client``): name and value."""
    return [
        (name, cases.setting(value)) for name, value in view.settings(getattr(shown.attempt, side))
    ]


def pairs(facts: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Markup]]:
    """Nested facts as flat pairs of a name and a value."""
    flat: list[tuple[str, Markup]] = []
    for name, value in facts.items():
        label = f"{prefix}{plain(name, 60)}"
        if isinstance(value, Mapping):
            flat += pairs(value, f"{label}: ")
        elif isinstance(value, list | tuple):
            flat.append((label, inline(", ".join(map(str, value)), 600)))
        elif value is not None:
            flat.append((label, inline(value, 600)))
    return flat


def image_facts(image: ImageRecord) -> list[tuple[str, Markup]]:
    """Versions of what is in an image, and what is known of it beside what has its own place."""
    packages = image.facts.get("packages")
    rest = {n: v for n, v in image.facts.items() if n != "packages" and v not in (None, [], {}, "")}
    return [*(pairs(packages) if isinstance(packages, Mapping) else ()), *pairs(rest)]


def _bars(parts: Sequence[tuple[str, int]], whole: int = 0) -> Bars:
    total = whole or sum(number for _, number in parts)
    widths = [100 * number / total for _, number in parts]
    bars = zip(parts, accumulate(widths, initial=0.0), widths, strict=False)
    return [(kind, round(start, 2), round(width, 2), n) for (kind, n), start, width in bars]


# -- the file --------------------------------------------------------------------------------------


class _Constants(Extension):
    """Texts without values are put into the templates once, not ten thousand times into the page."""

    def preprocess(
        self,
        source: str,
        name: str | None,  # noqa: ARG002 - the interface of an extension
        filename: str | None = None,  # noqa: ARG002
    ) -> str:
        return _CONSTANT.sub(lambda match: say(match["name"]).html, source)


@cache
def stand_in(names: tuple[str, ...]) -> Markup:
    """The mark beside what was seen on stand-ins; nothing where there are none."""
    if not names:
        return Markup("")
    return Markup('<i class="mark" title="{}"></i>').format(plain(", ".join(names)))


def _policy(style: str, script: str) -> str:
    """Content-Security-Policy: this style sheet and this script, data: pictures, nothing from anywhere."""
    return (
        "default-src 'none'; "
        f"style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"


@cache
def _style() -> str:
    style = "\n".join([_static("report.css"), *_words()])
    return f"{style}\n{labels(style)}"


def _words() -> Iterator[str]:
    """What a class says in words: a word of a vocabulary that comes again and again."""
    for prefix, section, tokens in (
        ("w", "stage", Stage),
        ("why", "why", Reason),
        ("role", "role", Role),
        ("side", "side", Side),
        ("badge.", "standing", Rating),
        ("by-platform .", "claim_verdict", ClaimVerdict),
    ):
        join = "" if prefix.endswith(".") else "-"
        for token in tokens:
            yield f".{prefix}{join}{token}::after{{content:var(--t-{section}-{token})}}"


@cache
def _static(name: str) -> str:
    return (_HERE / "static" / name).read_text(encoding="utf-8")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        extensions=[_Constants],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["plain"] = plain
    functions: tuple[Callable[..., object], ...] = (
        *FOR_TEMPLATES,
        *(both, breakable, cases.moment, settings, pairs, image_facts, stand_in),
        *(view.captured, view.moved_builds, view.same_builds),
    )
    environment.globals |= {function.__name__: function for function in functions}
    environment.globals |= {"ENDS": ENDS, "STATES": STATES, "FOUND": FOUND}
    return environment
