"""The report as one HTML file: what it says, in both languages, and what it must never let in or out."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import html
import itertools
import re
import tomllib
import unicodedata
from collections import Counter
from collections.abc import Iterable
from datetime import timedelta, timezone
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from lab.certificates.description import describe
from lab.dialects import server_dialect
from lab.documents import Bilingual, ClaimVerdict, Document, documents, parse
from lab.documents.verdicts import Check, ClaimResult, State, evaluate_tested
from lab.model import (
    Attempt,
    Captured,
    ClientReport,
    Goal,
    NotJudged,
    Outcome,
    Rating,
    Reason,
    Result,
    Role,
    Side,
    Stage,
)
from lab.model.expectations import Verdict, completed, refused
from lab.model.outcome import ServerReport
from lab.record.models import (
    AttemptResult,
    CaseRecord,
    CertificateRecord,
    Chain,
    ImageUse,
    RaceRecord,
    RunRecord,
)
from lab.report import html as package
from lab.report.html import Page, ReportError, render, write
from lab.report.html.cases import (
    STATES,
    SYMBOLS,
    UNJUDGED,
    VERDICTS,
    Unit,
    arrange,
    facets_of,
    without_repetition,
)
from lab.report.html.language import (
    LANGUAGES,
    LONGEST_LINE,
    MOST_LINES,
    TEXTS_PATH,
    inline,
    plain,
    quote,
    remedy_titles,
    say,
    stories,
    texts,
    titles,
)
from lab.report.html.sequence import MOST_MESSAGES, Band, Happened, sequence_of
from lab.report.view import CaseView, ClientView
from lab.servers.vsftpd import Vsftpd
from tests.unit.catalogue import catalogue
from tests.unit.certificates import MATERIAL
from tests.unit.made_up import (
    DELIVERED,
    EXPECT_EXPIRED,
    EXPIRED,
    NO_SHARED_CIPHER,
    SHORT,
    START,
    attempt,
    attempt_record,
    case,
    reporting,
    run_record,
    unexpected,
)

SOURCES = Path(package.__file__).parent
JAPANESE = re.compile("[\u3040-\u30ff\u4e00-\u9fff]")
VOID = {"wbr", "meta", "link", "input", "br", "hr", "img", "path", "circle", "rect", "use"}

VSFTPD_LOG = "\n".join(
    f"Sat Nov 21 19:45:35 2026 [pid 51] {line}"
    for line in (
        'CONNECT: Client "172.30.0.7"',
        'FTP response: Client "172.30.0.7", "220 (vsFTPd 3.0.5)"',
        'FTP command: Client "172.30.0.7", "AUTH TLS"',
        'FTP response: Client "172.30.0.7", "234 Proceed with negotiation."',
        'DEBUG: Client "172.30.0.7", "SSL version: TLSv1.2, not reused, no cert"',
        'FTP command: Client "172.30.0.7", "PBSZ 0"',
        'FTP response: Client "172.30.0.7", "200 PBSZ set to 0."',
        'FTP command: Client "172.30.0.7", "USER lab"',
        '[lab] FTP response: Client "172.30.0.7", "331 Please specify the password."',
        '[lab] FTP command: Client "172.30.0.7", "PASS <password>"',
        '[lab] FTP response: Client "172.30.0.7", "230 Login successful."',
        '[lab] FTP command: Client "172.30.0.7", "STOR delivery.txt"',
        '[lab] FTP response: Client "172.30.0.7", "150 Ok to send data."',
        '[lab] FTP response: Client "172.30.0.7", "226 Transfer complete."',
        '[lab] FTP command: Client "172.30.0.7", "QUIT"',
        '[lab] FTP response: Client "172.30.0.7", "221 Goodbye."',
    )
)
PYFTPDLIB_LOG = """\
[I 2026-11-21 19:45:35] 172.30.0.7:44444-[] FTP session opened (connect)
[D 2026-11-21 19:45:35] 172.30.0.7:44444-[] -> 220 pyftpdlib 2.2.0 ready.
[D 2026-11-21 19:45:35] 172.30.0.7:44444-[] <- AUTH TLS
[D 2026-11-21 19:45:35] 172.30.0.7:44444-[] -> 234 AUTH TLS successful.
[D 2026-11-21 19:45:35] 172.30.0.7:44444-[lab] <- PASS ******
"""


# -- reading a page as a browser does ----------------------------------------------------------------


class Element:
    def __init__(self, tag: str, attributes: dict[str, str], parent: Element | None) -> None:
        self.tag, self.attributes, self.parent = tag, attributes, parent
        self.parts: list[Element | str] = []

    @property
    def children(self) -> list[Element]:
        return [part for part in self.parts if isinstance(part, Element)]

    @property
    def text(self) -> str:
        return "".join(p if isinstance(p, str) else p.text for p in self.parts)

    def all(self, tag: str = "", **attributes: str) -> list[Element]:
        """Every element below this one; of a class, that it has the word."""
        found: list[Element] = []
        for child in self.children:
            fits = all(
                value in child.attributes.get(name.rstrip("_"), "").split()
                for name, value in attributes.items()
            )
            found += [child] if fits and tag in ("", child.tag) else []
            found += child.all(tag, **attributes)
        return found

    def one(self, tag: str = "", **attributes: str) -> Element:
        found = self.all(tag, **attributes)
        assert len(found) == 1, f"{len(found)} of {tag} {attributes}"
        return found[0]

    def within(self) -> list[Element]:
        return [self, *self.parent.within()] if self.parent else [self]


_BLOCKS = {"p", "div", "ul", "ol", "dl", "pre", "details", "table", *(f"h{n}" for n in range(1, 7))}
#: Elements whose end tag may be missing: before which start tags, and before which end tags.
IMPLIED = {
    "li": ({"li"}, {"ul", "ol"}),
    "td": ({"td", "th"}, {"tr"}),
    "th": ({"td", "th"}, {"tr"}),
    "p": (_BLOCKS, set[str]()),
}


class Reader(HTMLParser):
    """Builds the tree of a page without scripts; a tag that is not closed where it should be fails."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = self.here = Element("#page", {}, None)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"an attribute of {tag} comes twice: {names}"
        self.imply(tag, 0)
        element = Element(tag, {name: value or "" for name, value in attrs}, self.here)
        self.here.parts.append(element)
        if tag not in VOID:
            self.here = element

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def imply(self, tag: str, where: int) -> None:
        """End the element that this start tag (0) or end tag (1) ends, as HTML says."""
        if tag in IMPLIED.get(self.here.tag, (set(), set()))[where]:
            assert self.here.parent is not None
            self.here = self.here.parent

    def handle_endtag(self, tag: str) -> None:
        self.imply(tag, 1)
        assert self.here.tag == tag, f"</{tag}> inside <{self.here.tag}>, line {self.getpos()[0]}"
        assert self.here.parent is not None
        self.here = self.here.parent

    def handle_data(self, data: str) -> None:
        self.here.parts.append(data)


def read(page: str) -> Element:
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert reader.here is reader.root, f"<{reader.here.tag}> is never closed"
    return reader.root


def unit(page: Element, words: str) -> Element:
    """The case whose summary has these words."""
    found = [u for u in page.all("details", class_="unit") if words in u.all("summary")[0].text]
    assert len(found) == 1, f"{len(found)} cases with {words!r}"
    return found[0]


def with_attempts(*attempts: AttemptResult, **changes: Any) -> RunRecord:
    """A run of one case with these attempts."""
    labelled = case("topic/name[a client]", "Section", [*attempts]).model_copy(
        update={"label": "a client"}
    )
    return run_record(**({"attempts": attempts, "cases": (labelled,)} | changes))


def breaking(
    outcome: Outcome | None = NO_SHARED_CIPHER, *settings: str, client: str = "", **changes: Any
) -> AttemptResult:
    made = attempt(client or "net-ftp@rocky9:FIPS", *settings)
    expect = None if outcome is None else changes.pop("expect", refused_as(outcome))
    given_ = {"role": Role.BREAKS} | changes
    return attempt_record("topic/name[a client]/breaks", made, outcome, expect, **given_)


def refused_as(outcome: Outcome) -> Any:
    if outcome.result is Result.COMPLETED:
        return completed()
    assert outcome.by
    assert outcome.stage
    assert outcome.reason
    return refused(by=outcome.by, at=outcome.stage, because=outcome.reason)


def refusal(by: Side, stage: Stage, reason: Reason, **more: Any) -> Outcome:
    return Outcome(
        result=Result.REFUSED, goal=Goal.TRANSFER, by=by, stage=stage, reason=reason, **more
    )


def happened(outcome: Outcome, *settings: str, log: str = "", **client: Any) -> Happened:
    made = attempt("net-ftp@centos7", *settings).with_client(**client)
    report = ServerReport(started=True, log=log, stored_bytes=1024)
    found = sequence_of(
        breaking(outcome, server_report=report).model_copy(
            update={"server": made.server, "client": made.client}
        )
    )
    assert found is not None
    return found


def stages(sequence: Happened) -> list[str]:
    return [str(band.stage) for band in sequence.bands]


def said(band: Band) -> list[str]:
    return [html.unescape(re.sub("<[^>]*>", "", words.en)) for _, words in band.messages]


def units(record: RunRecord) -> list[Unit]:
    return [unit for case in arrange(record, facets_of(record.attempts)) for unit in case.units]


# -- both languages ------------------------------------------------------------------------------------

ALIKE = {
    # what is the same in both: a name of the protocol, a proper noun, a number
    "stage.auth",
    "step.client_hello",
    "step.established",
    "step.with_number",
    "image.os",
}


def test_every_text_is_there_in_both_languages_with_the_same_gaps() -> None:
    with TEXTS_PATH.open("rb") as file:
        sections = tomllib.load(file)
    for section, names in sections.items():
        for name, pair in names.items():
            key = f"{section}.{name}"
            assert tuple(pair) == LANGUAGES, key
            assert all(words.strip() for words in pair.values()), key
            gaps = [sorted(re.findall(r"{\w+}", words)) for words in pair.values()]
            assert gaps[0] == gaps[1], f"{key}: {gaps}"
            assert not JAPANESE.search(pair["en"]), key
            assert (key in ALIKE) or JAPANESE.search(pair["ja"]), f"{key} has no Japanese"


def test_every_title_of_a_remedy_that_is_prose_is_there_in_japanese_and_none_is_left_over() -> None:
    wanted = {remedy.title for c in catalogue().cases for remedy in c.case.remedies}
    assert remedy_titles().keys() <= wanted
    # What is left is what one writes: options, directives, commands.
    prose = re.compile(r"\b(an?|and|at|by|for|in|is|mode|no|of|on|only|that|the|to|with)\b")
    written = wanted - remedy_titles().keys()
    assert not [title for title in written if prose.search(title)]
    assert all(JAPANESE.search(words) for words in remedy_titles().values())


def told_cases() -> list[CaseView]:
    """Every case as a report shows it."""
    records = [
        CaseRecord(id=c.id, name=c.name, story=c.story, verdict=Verdict.AS_EXPECTED)
        for c in catalogue().cases
    ]
    return [CaseView((ClientView(one, ()),)) for one in records]


def test_every_title_of_a_case_and_a_section_is_there_in_japanese_and_none_is_left_over() -> None:
    wanted = {one.title for one in told_cases()} | {c.section for c in catalogue().cases}
    # a section may be there before its first case
    headings = {section.heading.en for one in documents().values() for section in one.sections}
    assert wanted <= titles().keys() <= wanted | headings
    assert all(JAPANESE.search(words) for words in titles().values())


def test_every_story_of_a_case_is_there_in_japanese_and_none_is_left_over() -> None:
    assert stories().keys() == {paragraph for one in told_cases() for paragraph in one.story}
    for english, japanese in stories().items():
        assert japanese.endswith("。"), english
        assert JAPANESE.search(japanese), english
        # what is code in one language is code in the other
        assert sorted(english.split("`")[1::2]) == sorted(japanese.split("`")[1::2]), english


def test_a_story_is_in_both_languages_as_far_as_its_document_has_it() -> None:
    record = with_attempts(breaking())
    english, japanese = next((en, ja) for en, ja in stories().items() if "`" not in en)
    told = record.cases[0].model_copy(update={"story": f"A title.\n\n{english}\n\nNew words."})

    page = read(render(record.model_copy(update={"cases": (told,)})))

    known, new, _ = [p for p in page.one(class_="story").children if p.tag == "p"]
    assert [(i.attributes.get("lang"), i.text) for i in known.all("i")] == [
        (None, english),
        ("ja", japanese),
    ]
    assert "lang" not in known.attributes
    assert (new.text, new.attributes["lang"]) == ("New words.", "en")


def test_every_word_of_the_vocabulary_has_its_texts() -> None:
    vocabulary: dict[str, Iterable[str]] = {
        "stage": Stage,
        "side": Side,
        "reason": Reason,
        "why": Reason,
        "goal": Goal,
        "role": Role,
        "role_means": Role,
        "standing": Rating,
        "standing_means": Rating,
        "not_judged": NotJudged,
        "verdict": VERDICTS,
        "verdict_means": VERDICTS,
    }
    for section, words in vocabulary.items():
        have = {key.split(".", 1)[1] for key in texts() if key.startswith(f"{section}.")}
        assert have == {str(word) for word in words}, section


def test_no_text_is_left_over() -> None:
    sources = "".join(
        path.read_text() for path in SOURCES.rglob("*") if path.suffix in {".py", ".html", ".css"}
    )
    built = ("stage", "side", "reason", "why", "goal", "role", "role_means", "standing", "filter",
             "standing_means", "verdict", "verdict_means", "sign", "nav", "claim_verdict", "words",
             "sign_word", "outcome", "not_judged", "state", "statement", "claim_heading",
             "in_clear")  # fmt: skip
    unused = [
        key
        for key in texts()
        if f'"{key}"' not in sources
        and f"(--t-{key.replace('.', '-')})" not in sources
        and key.split(".")[0] not in built
    ]
    # A few are chosen by a value.
    chosen = {"image.registry", "image.packages", *(f"step.ended_{side}" for side in Side)}
    chosen |= {f"summary.{what}" for what in ("machine", "engine", "images", "topology")}
    assert set(unused) - chosen == set()


def test_a_page_says_everything_of_its_own_in_both_languages() -> None:
    page = read(render(run_record()))

    japanese = page.all("i", lang="ja")
    assert len(japanese) > 100
    for text in japanese:
        assert text.parent is not None
        siblings = text.parent.children
        before = siblings[siblings.index(text) - 1]
        assert (before.tag, before.attributes) == ("i", {}), text.text
    english = [i for i in page.all("i") if not i.attributes and i.text]
    assert len(english) == len(japanese)
    for element in page.all():
        assert ("data-en" in element.attributes) == ("data-ja" in element.attributes)


# -- the file: whole by itself, and closed --------------------------------------------------------------


def test_the_page_is_well_formed_and_its_links_lead_somewhere() -> None:
    page = read(render(run_record(), judged()))

    ids = Counter(e.attributes["id"] for e in page.all() if "id" in e.attributes)
    assert ids.most_common(1)[0][1] == 1
    for name in ("for", "aria-labelledby"):
        assert {e.attributes[name] for e in page.all() if name in e.attributes} <= set(ids)
    links = [a.attributes["href"] for a in page.all("a")]
    assert links
    for link in links:
        assert link.startswith("#"), link
        assert link[1:] in ids or "=" in link, link


def test_nothing_is_loaded_and_the_policy_allows_nothing_to_be() -> None:
    text = render(run_record())
    page = read(text)

    for element in page.all():
        for name, value in element.attributes.items():
            assert not name.startswith("on"), f"an inline handler: {name}={value}"
            assert name not in {"style", "src", "srcset", "action", "formaction", "ping"}
            if name == "href":
                assert value.startswith(("#", "data:image/svg+xml,")), value
    assert not page.all("iframe") + page.all("img") + page.all("object") + page.all("base")
    assert not re.search(
        r'url\((?!"data:image/svg)', re.sub("url\\(%23", "", page.one("style").text)
    )
    assert "@import" not in page.one("style").text
    policy = next(
        m.attributes["content"]
        for m in page.all("meta")
        if m.attributes.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    assert "http" not in policy
    for tag in ("style", "script"):
        source = re.search(f"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        assert source is not None
        digest = base64.b64encode(hashlib.sha256(source[1].encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy


def test_the_page_can_be_read_by_a_screen_reader() -> None:
    page = read(render(run_record(), judged()))

    assert page.one("html").attributes["lang"] == "en"
    assert [len(page.all(landmark)) for landmark in ("main", "nav", "footer", "search")] == [1] * 4
    levels = [int(e.tag[1]) for e in page.all() if re.fullmatch("h[1-6]", e.tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    for table in page.all("table"):
        assert all(th.attributes.get("scope") for th in table.all("th"))
        assert table.all("caption") or "stages" in table.attributes["class"]
    for svg in page.all("svg"):
        assert svg.attributes["aria-hidden"] == "true"
    for control in page.all("input") + page.all("select"):
        in_label = any(e.tag == "label" for e in control.within())
        assert in_label or page.all("label", for_=control.attributes["id"])
    style = page.one("style").text
    for sign in (*SYMBOLS, *STATES):
        assert re.search(rf"\.{sign}\b[^{{]*{{[^}}]*--as: var\(--t-", style), (
            f"{sign} in words, too"
        )


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_what_is_behind_it(scheme: str) -> None:
    style = (SOURCES / "static" / "report.css").read_text()
    colours = {
        name: luminance(light if scheme == "light" else dark)
        for name, light, dark in re.findall(r"--([\w-]+): light-dark\((#\w{6}), (#\w{6})\)", style)
    }
    behind = {
        **dict.fromkeys(("ink", "soft", "link"), ("bg", "card", "sunk")),
        **dict.fromkeys(("done", "client", "server", "network", "nobody"), ("card", "sunk")),
        "alarm": ("card", "alarm-bg"),
        "lab": ("card",),
        "wait": ("card", "wait-bg"),
        "on": ("done", "client", "server", "network", "alarm", "lab"),
    }

    for text, backs in behind.items():
        for back in backs:
            low, high = sorted((colours[text], colours[back]))
            assert (high + 0.05) / (low + 0.05) >= 4.5, f"{text} on {back}, {scheme}"


def test_everything_is_there_without_scripts() -> None:
    record = run_record()
    text = read(render(record)).one("main").text

    for one in record.attempts:
        assert one.command in text
    for case_ in record.cases:
        for words in case_.story.removesuffix(".").split(". "):
            assert words in text
    assert "SSL_accept failed: error:0A0000C1:SSL routines::no shared cipher" in text


# -- the summary ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("verdicts", "sentence"),
    [
        ([Verdict.AS_EXPECTED], "statement.as-expected"),
        ([Verdict.AS_EXPECTED, Verdict.CANNOT], "statement.cannot"),
        ([Verdict.AS_EXPECTED, Verdict.CANNOT, Verdict.SURPRISE], "statement.surprise"),
        ([Verdict.SURPRISE, Verdict.LAB_ERROR], "statement.lab-error"),
        ([None], "summary.unjudged"),
        ([], "summary.empty"),
    ],
)
def test_the_run_in_one_sentence(verdicts: list[Verdict | None], sentence: str) -> None:
    attempts = tuple(
        attempt_record(f"a{n}", attempt(), EXPIRED, EXPECT_EXPIRED, verdict=v, verdict_why="why")
        for n, v in enumerate(verdicts)
    )

    assert Page(run_record(attempts=attempts, cases=())).statement == say(sentence)


def test_every_verdict_is_counted_and_explained() -> None:
    page = read(render(run_record()))

    counts = page.one("dl", class_="verdicts")
    shown = {d.attributes["class"].split()[0]: d.all("dd")[0].text for d in counts.children}
    expected = {str(v): str(n) for v, n in run_record().counts.items()}
    assert shown == expected
    for verdict in Verdict:
        assert say(f"verdict_means.{verdict}").en in counts.text
    assert UNJUDGED not in shown


def test_a_run_that_was_cut_short_says_so_and_shows_what_there_is() -> None:
    whole = run_record()
    attempts = tuple(a.model_copy(update={"case": a.id.rpartition("/")[0]}) for a in whole.attempts)

    page = read(render(run_record(complete=False, attempts=attempts, cases=whole.cases[:1])))

    assert say("summary.incomplete").en in page.one("main").text
    assert say("case.unfinished").en in unit(page, "curl@centos7").text
    assert len(page.all("details", class_="unit")) == len(run_record().cases)


def test_what_needs_a_look_comes_first_with_the_difference() -> None:
    page = read(render(run_record()))

    attention = page.one("section", id="attention")
    assert "certificates/expired[net-ftp@centos7]/twin" in attention.text
    assert say("outcome.completed_any").en in attention.text
    assert "its container was killed" in attention.text
    assert "the stand-in image has no curl on NSS" in attention.text
    lone = as_expected(breaking(), "topic/name[a client]/breaks")
    assert not read(render(with_attempts(lone))).all("section", id="attention")


MOVED, SAME = say("case.moved"), say("case.same_builds")


def test_a_surprise_names_the_builds_that_have_moved_in_both_languages() -> None:
    one = unexpected(("libssl3t64 3.5.7-1 -> 3.5.9-1",), ("perl <5.36> -> 5.38",))
    page = read(render(with_attempts(one)))

    shown = unit(page, "a client")
    for language in LANGUAGES:
        place = LANGUAGES.index(language)
        labels = [p.all("i")[place].text for p in shown.all("p", class_="label")]
        assert labels.count(MOVED.in_(language)) == 1
        assert SAME.in_(language) not in shown.text
    quoted = [pre.text for pre in shown.all("pre")]
    assert "vsftpd: libssl3t64 3.5.7-1 -> 3.5.9-1\nrocky9: perl <5.36> -> 5.38" in quoted


def test_a_surprise_on_the_same_builds_says_so_in_both_languages() -> None:
    shown = unit(read(render(with_attempts(unexpected((), ())))), "a client")

    for language in LANGUAGES:
        assert shown.text.count(SAME.in_(language)) == 1
        assert MOVED.in_(language) not in shown.text


@pytest.mark.parametrize("moved", [(None, None), (None, ()), ((), None), ()])
def test_of_builds_of_which_nothing_is_known_the_page_says_nothing(
    moved: tuple[tuple[str, ...] | None, ...],
) -> None:
    shown = unit(read(render(with_attempts(unexpected(*moved)))), "a client")

    for language in LANGUAGES:
        assert MOVED.in_(language) not in shown.text
        assert SAME.in_(language) not in shown.text


def test_the_run_machine_engine_and_images_are_told() -> None:
    record = run_record(machine={"system": "Linux-6.1", "cores": 2}, engine={"version": "20.10.24"})

    text = read(render(record)).text

    for fact in (record.run_id, "2031-05-17 12:00:00 UTC", "9.3 s", "Linux-6.1", "20.10.24"):
        assert fact in text
    images = read(render(record)).one("section", id="images")
    for fact in (
        "the crypto policies",
        "perl is Debian's 5.36",
        "no registry answered",
        "3.0.5-0.2",
    ):
        assert fact in images.text


# -- stand-ins ---------------------------------------------------------------------------------------


def test_a_stand_in_is_marked_wherever_its_result_is_shown() -> None:
    page = read(render(run_record()))

    on_stand_in = unit(page, "net-ftp@rocky9:FIPS")
    assert on_stand_in.all("summary")[0].one(class_="mark").attributes["title"] == "rocky9"
    for shown in on_stand_in.all("div", class_="attempt"):
        assert shown.all(class_="mark")
    assert on_stand_in.one(class_="stand-in-note").text == "rocky9"
    tables = page.all("table", class_="overview") + page.all("table", class_="matrix")
    for head in [th for table in tables for th in table.one("thead").all("th")[1:]]:
        assert bool(head.all(class_="mark")) == ("rocky9" in head.text)
    assert not unit(page, "net-ftp@centos7").all(class_="mark")


# -- cases -------------------------------------------------------------------------------------------


def test_a_case_tells_what_breaks_what_is_seen_and_how_to_repeat_it() -> None:
    record = with_attempts(
        breaking(
            NO_SHARED_CIPHER,
            "ciphers=AES128-SHA:DES-CBC3-SHA",
            client_report=dataclasses.replace(NO_SHARED_CIPHER.report, library="OpenSSL 3.5.1"),
            configuration="ssl_ciphers=AES128-SHA:DES-CBC3-SHA",
        )
    )

    shown = unit(read(render(record)), "a client")

    set_ = [[e.text for e in end.all("li")] for end in shown.all("ul", class_="settings")]
    assert set_ == [[], ["ciphers AES128-SHA:DES-CBC3-SHA"]]
    assert "OpenSSL 3.5.1" in shown.text
    assert "FTP failed to start tls: Proceed with negotiation." in shown.one(class_="message").text
    assert shown.all(class_="why-no-shared-cipher")
    assert record.attempts[0].command == shown.one("pre", class_="cm").text
    assert shown.one("pre", class_="cf").text == "ssl_ciphers=AES128-SHA:DES-CBC3-SHA"
    assert "ssl/tls alert handshake failure" in shown.one("pre", class_="cs").text
    assert "SSL_accept failed" in shown.one("pre", class_="ss").text


def test_a_false_success_is_said_loudly_in_both_languages() -> None:
    page = read(render(with_attempts(breaking(SHORT))))

    shown = unit(page, "a client")

    assert shown.all(class_="false-success")
    assert "curl says it delivered; the server has 122880 of 1048576 bytes" in shown.text
    assert "サーバーにあるのは 1048576 バイト中 122880 バイト" in shown.text


def test_the_number_of_a_verification_error_and_what_was_negotiated_are_shown() -> None:
    shown = unit(read(render(with_attempts(breaking(EXPIRED)))), "a client")
    assert "X509 10" in shown.text
    assert shown.one("p", class_="number").text == "10"

    shown = unit(read(render(with_attempts(breaking(DELIVERED, role=Role.WORKS)))), "a client")
    negotiated = shown.one(class_="negotiated")
    assert negotiated.text == "TLSv1.2 ECDHE-RSA-AES256-GCM-SHA384"
    assert negotiated.attributes["class"].split()[1:] == [
        "f-verified",
        "f-data_protected",
        "f-reused",
    ]


def given_certificates(*slugs: str) -> dict[str, Chain]:
    """Real chains, as a record has them."""
    return {
        f"ftp.lab.test/{slug}": tuple(
            CertificateRecord(**vars(certificate))
            for certificate in describe(
                MATERIAL.server(slug, "ftp.lab.test").chain_pem
            ).certificates
        )
        for slug in slugs
    }


def test_what_the_server_was_given_is_listed_in_words_in_both_languages() -> None:
    certificates = given_certificates("expired", "valid")
    (expired, issuing), (valid, _) = certificates.values()
    record = with_attempts(
        breaking(EXPIRED, chain="ftp.lab.test/expired"),
        attempt_record("t/twin", attempt(), DELIVERED, completed(), role=Role.TWIN,
                       chain="ftp.lab.test/valid"),
        attempt_record("t/remedy", attempt(), DELIVERED, completed(), role=Role.REMEDY,
                       chain="ftp.lab.test/expired"),
        certificates=certificates,
    )  # fmt: skip

    chains = unit(read(render(record)), "a client").all("ol", class_="chain")

    assert len(chains) == 2, "the remedy's is the one of what breaks"
    assert [len(c.all("dl")) for c in chains] == [2, 2]
    ended = f"{expired.not_after:%Y-%m-%d %H:%M:%S}"
    for part in (expired.subject, "ftp.lab.test", "RSA-2048, sha256WithRSAEncryption", ended,
                 expired.sha256, expired.public_key_sha256, expired.issuer, issuing.sha256,
                 *(say("certificate.authority").in_(language) for language in LANGUAGES)):  # fmt: skip
        assert part in chains[0].text, part
    named = [dt.attributes["class"] for dt in chains[0].all("dt")]
    assert named == ["names", "issuer", "validity", "key", "sha256", "public-key"] * 2
    for name in (n.replace("-", "_") for n in set(named)):
        assert f"--t-certificate-{name}:" in read(render(record)).one("style").text
    assert valid.sha256 in chains[1].text
    assert valid.sha256 not in chains[0].text


def test_the_names_in_an_operators_certificate_are_shown_as_they_are_and_harmless() -> None:
    (made,) = given_certificates("self-signed").values()
    hostile = made[0].model_copy(update={"subject": "CN=<script>\u202e", "names": ()})
    record = with_attempts(
        breaking(EXPIRED, chain="ftp.lab.test/own"), certificates={"ftp.lab.test/own": (hostile,)}
    )
    shown = unit(read(render(record)), "a client").one("ol", class_="chain")
    assert "CN=<script>\\u202e" in shown.text
    for text in ("certificate.itself", "certificate.authority"):
        assert say(text).en in shown.text


def test_a_chain_that_the_record_does_not_have_is_not_shown() -> None:
    record = with_attempts(breaking(EXPIRED, chain="ftp.lab.test/lost"))
    assert not unit(read(render(record)), "a client").all("ol", class_="chain")


def test_an_address_is_not_looked_up() -> None:
    bands = happened(EXPIRED, host="address").bands
    assert (str(bands[0].stage), said(bands[0])) == ("resolve", [])


def test_the_twin_names_the_one_thing_that_is_changed() -> None:
    weak = attempt("net-ftp@rocky9:FIPS", "ciphers=AES128-SHA")
    twin = attempt_record(
        "t/twin", weak.with_server(ciphers=None), DELIVERED, completed(), role=Role.TWIN
    )
    record = with_attempts(breaking(NO_SHARED_CIPHER, "ciphers=AES128-SHA"), twin)

    change = unit(read(render(record)), "a client").one("p", class_="change")

    assert change.text == "server.ciphers AES128-SHA → "
    assert change.all("i", class_="default")


def impostor_case(captured: Captured | None, outcome: Outcome) -> RunRecord:
    made = attempt("net-ftp@rocky9:FIPS").with_client(verify=False)
    remedy = attempt_record(
        "t/remedy-1", made, DELIVERED, completed(), role=Role.REMEDY, standing="unsafe",
        label="FTPSSSLVerifyNone 1",
    )  # fmt: skip
    impostor = attempt_record(
        "t/remedy-1-impostor", made.with_server(certificate="impostor", impostor=True), outcome,
        refused_as(outcome), role=Role.IMPOSTOR, standing="unsafe", label="FTPSSSLVerifyNone 1",
        server_report=ServerReport(started=True, captured=captured),
    )  # fmt: skip
    return with_attempts(breaking(EXPIRED), remedy, impostor)


def test_an_unsafe_remedy_shows_what_an_impostor_got() -> None:
    captured = Captured(user="lab", password="s3cret<&", file_bytes=1024, file_head="delivery-1\n")
    record = impostor_case(captured, DELIVERED)

    shown = unit(read(render(record)), "a client").one("div", class_="unsafe")

    assert "FTPSSSLVerifyNone 1" in shown.text
    got = shown.one("div", class_="impostor").one("div", class_="got")
    assert [p.text for p in got.all("p")] == ["lab", "s3cret<&", "1,024 delivery-1"]
    assert shown.one("div", class_="impostor").all("p", class_="given-away")


def test_an_impostor_that_got_nothing_is_said_to_have_got_nothing() -> None:
    shown = unit(read(render(impostor_case(None, EXPIRED))), "a client")

    assert (
        shown.one("div", class_="impostor").one(class_="got").attributes["class"] == "got nothing"
    )


def test_a_race_shows_its_rate_and_each_outcome_once() -> None:
    tries = [
        as_expected(breaking(outcome, otherwise=completed()), f"t/breaks-{n}")
        for n, outcome in enumerate([DELIVERED, NO_SHARED_CIPHER, DELIVERED, DELIVERED])
    ]
    record = with_attempts(*tries)
    raced = record.cases[0].model_copy(
        update={"race": RaceRecord(times=4, refused=1, least=1, most=4)}
    )

    page = read(render(record.model_copy(update={"cases": (raced,)})))

    shown = unit(page, "a client")
    assert "refused in 1 of 4 tries" in shown.all("summary")[0].text
    assert shown.all("summary")[0].all("i", class_="server"), "the refusal is what it is about"
    assert "\u00d73" in shown.one("div", class_="attempt").text
    assert page.one("table", class_="matrix").one("a", class_="c").text == "1/4"


def as_expected(record: AttemptResult, identity: str) -> AttemptResult:
    return record.model_copy(update={"id": identity, "verdict": Verdict.AS_EXPECTED})


def test_attempts_in_no_case_are_shown_by_what_is_set() -> None:
    repeated = tuple(
        attempt_record(f"attempt-{n}", attempt("curl@centos7", "ciphers=HIGH"), DELIVERED, None)
        for n in (1, 2)
    )

    page = read(render(run_record(attempts=repeated, cases=())))

    assert "vsftpd ciphers=HIGH" in page.one("details", class_="case").text
    assert len(page.all("details", class_="unit")) == 1
    assert say("case.no_document").en in page.one("section", class_="topic").text
    assert page.all(class_="unjudged")
    # what is in no case cannot be run as one
    assert "<code>lab run " not in render(run_record(attempts=repeated, cases=()))
    assert "<code>lab run " in render(run_record())


def test_the_title_is_the_first_sentence_of_the_story_and_both_have_their_code() -> None:
    record = with_attempts(breaking())
    story = "Without ``ssl_enable`` in vsftpd 3.0.5 it ends. So it\nis.\n\nA < B."
    told = record.cases[0].model_copy(update={"title": "the function name", "story": story})

    group = read(render(record.model_copy(update={"cases": (told,)}))).one("details", class_="case")

    assert group.one("h4").text == "Without ssl_enable in vsftpd 3.0.5 it ends"
    assert group.one("h4").one("code").text == "ssl_enable"
    paragraphs = [p.text for p in group.one(class_="story").children if p.tag == "p"]
    assert paragraphs == ["So it is.", "A < B.", "lab run topic/name"]


def test_a_lone_case_stands_open_before_everything_else() -> None:
    page = read(render(with_attempts(breaking()), judged()))

    sections = [s.attributes["id"] for s in page.one("main").children if s.tag == "section"]
    assert sections.index("cases") < sections.index("findings")
    assert "open" in page.one("details", class_="case").attributes
    assert "open" in page.one("details", class_="unit").attributes
    assert not page.one("section", id="cases").all("noscript"), (
        "with scripts it is read at once, too"
    )

    every = read(render(run_record(), judged()))
    sections = [s.attributes["id"] for s in every.one("main").children if s.tag == "section"]
    assert sections.index("findings") < sections.index("cases")
    assert not [d for d in every.all("details", class_="case") if "open" in d.attributes]


def test_what_stands_on_the_page_already_is_referred_to() -> None:
    said = (
        "the very same words of a server, which are longer than a link would be, on several lines"
    )
    report = ServerReport(started=True, log=said)
    made = [
        as_expected(breaking(DELIVERED, role=Role.WORKS, server_report=report), "t/breaks"),
        attempt_record("t/twin", attempt(), DELIVERED, completed(), role=Role.TWIN,
                       server_report=report),
        attempt_record("t/remedy", attempt(), DELIVERED, completed(), role=Role.REMEDY,
                       server_report=report, same_as="t/twin"),
    ]  # fmt: skip
    text = render(with_attempts(*made))
    page = read(text)

    assert text.count(said) == 1
    links = [a for a in page.all("a", class_="as") if a.attributes["class"] != "as cm"]
    assert [a.attributes["class"].split()[1] for a in links] == ["ss", "ev"]
    for link in links:
        assert len(page.all(id=link.attributes["href"][1:])) == 1


def test_what_all_lines_of_a_log_have_in_common_stands_once() -> None:
    date = "Sun Nov 29 05:43:08 2026"
    assert (
        without_repetition(f"{date} [pid 1] a b\n{date} [pid 2] c")
        == f"{date} \u2026\n[pid 1] a b\n[pid 2] c"
    )
    assert without_repetition("[I 2026-11-29] up\n[D 2026-11-29] -> 220") == (
        "\u2026 2026-11-29] \u2026\n[I up\n[D -> 220"
    )
    for log in ("", "one line", "other lines\nwithout anything", f"{date} a\n\n{date} b"):
        assert without_repetition(log) == log


# -- the matrix and the filters ------------------------------------------------------------------------


def test_every_cell_of_the_matrix_says_how_cases_stand_and_leads_to_one() -> None:
    page = read(render(run_record()))
    matrix = page.one("table", class_="matrix")

    columns = [th.one(class_="platform").text for th in
               matrix.one("thead").all("th")[1:]]  # fmt: skip
    assert columns == ["rocky9:FUTURE", "rocky9:FIPS", "centos7"]
    found: dict[str, str] = {}
    for row in [tr for tr in matrix.all("tr") if "data-case" in tr.attributes]:
        for column, td in zip(columns, row.all("td"), strict=True):
            for cell in td.all("a"):
                target = page.one("details", id=cell.attributes["href"][1:])
                label = target.all("summary")[0].one("h5").text
                assert column in label
                assert cell.attributes["data-u"] == target.attributes["id"]
                found[label] = cell.attributes["class"].split()[1]
    assert found == {
        "net-ftp@rocky9:FIPS": "refused",
        "net-ftp@centos7": "unexpected",
        "curl@centos7": "cannot",
        "ftplib@rocky9:FUTURE": "unexpected",
    }
    tallies = [
        [i.attributes["class"].split()[1] + i.text for i in td.all("i", class_="c")]
        for section in matrix.all("tr", class_="section")
        for td in section.all("td")
    ]
    assert sorted(itertools.chain(*tallies)) == [
        "cannot1",
        "refused1",
        "unexpected1",
        "unexpected1",
    ]


def test_the_rows_of_many_cases_are_folded_by_section() -> None:
    few, many = read(render(run_record())), read(render(many_attempts(1_000)))

    for page, unfolded in ((few, True), (many, False)):
        for row in page.all("tr", class_="section"):
            assert ("checked" in row.one("input").attributes) is unfolded


def test_the_keys_of_a_case_are_the_facets_of_its_attempts() -> None:
    record = run_record()
    platforms, verdicts, stages, reasons = facets_of(record.attempts).values()
    by_case = {c.id: record.attempts_of(c) for c in record.cases}

    for one in units(record):
        keys = set()
        for key in one.keys.split():
            platform, verdict, stage, reason = key.split(".")
            keys.add(
                (
                    platforms[int(platform)],
                    verdicts[int(verdict)],
                    stages[int(stage)] if stage else None,
                    reasons[int(reason)] if reason else None,
                )
            )
        assert keys == {
            (
                a.client.where,
                a.verdict,
                a.outcome and a.outcome.stage,
                a.outcome and a.outcome.reason,
            )
            for a in by_case[one.case.id]
        }


def test_the_options_of_a_filter_are_numbered_as_the_keys_are() -> None:
    page = read(render(run_record()))
    for name, values in facets_of(run_record().attempts).items():
        select = next(s for s in page.all("select") if s.attributes["name"] == name)
        options = [o.attributes["value"] for o in select.all("option")]
        assert options == ["", *values]


# -- the sequence --------------------------------------------------------------------------------------


def test_the_dialogue_is_read_from_both_servers_logs() -> None:
    vsftpd, pyftpdlib = server_dialect("vsftpd"), server_dialect("pyftpdlib")
    assert vsftpd.dialogue(VSFTPD_LOG)[:3] == [
        (False, "220 (vsFTPd 3.0.5)"),
        (True, "AUTH TLS"),
        (False, "234 Proceed with negotiation."),
    ]
    assert pyftpdlib.dialogue(PYFTPDLIB_LOG) == [
        (False, "220 pyftpdlib 2.2.0 ready."),
        (True, "AUTH TLS"),
        (False, "234 AUTH TLS successful."),
        (True, "PASS ******"),
    ]
    assert vsftpd.dialogue("500 OOPS: unrecognised variable in config file: ssl_tlsv1_2") == []


def test_a_completed_session_passes_its_stages_in_the_order_of_the_dialogue() -> None:
    sequence = happened(DELIVERED, log=VSFTPD_LOG)

    assert stages(sequence) == [
        "resolve", "connect", "greeting", "auth", "handshake", "verify", "protect", "login", "transfer",
    ]  # fmt: skip
    transfer = sequence.bands[-1]
    assert [kind for kind, _ in transfer.messages] == ["command", "reply", "data", "reply"]
    assert "1,024 bytes sent" in said(transfer)[2]
    assert sequence.goal == say("step.reached_goal", goal=say("goal.transfer"))
    assert not sequence.not_reached
    assert not any(band.ending for band in sequence.bands)


@pytest.mark.parametrize(
    ("by", "stage", "reason", "passed", "missing"),
    [
        (Side.NETWORK, Stage.RESOLVE, Reason.NAME_NOT_FOUND, [], 8),
        (Side.NETWORK, Stage.CONNECT, Reason.CONNECTION_REFUSED, ["resolve"], 7),
        (Side.SERVER, Stage.AUTH, Reason.TLS_NOT_OFFERED, ["resolve", "connect", "greeting"], 5),
        (Side.SERVER, Stage.HANDSHAKE, Reason.NO_SHARED_CIPHER,
         ["resolve", "connect", "greeting", "auth"], 4),
        (Side.CLIENT, Stage.VERIFY, Reason.EXPIRED,
         ["resolve", "connect", "greeting", "auth", "handshake"], 3),
        (Side.SERVER, Stage.LOGIN, Reason.LOGIN_FAILED,
         ["resolve", "connect", "greeting", "auth", "handshake", "verify"], 2),
        (Side.SERVER, Stage.TRANSFER, Reason.SESSION_REUSE_REQUIRED,
         ["resolve", "connect", "greeting", "auth", "handshake", "verify", "login", "protect"], 0),
    ],
)  # fmt: skip
def test_a_refusal_ends_at_its_stage(
    by: Side, stage: Stage, reason: Reason, passed: list[str], missing: int
) -> None:
    sequence = happened(refusal(by, stage, reason))

    assert stages(sequence) == [*passed, str(stage)]
    *before, last = sequence.bands
    assert last.ended_by is by
    assert last.ending is not None
    assert say(f"reason.{reason}").en in last.ending.en
    assert all(band.ended_by is None for band in before)
    assert len(sequence.not_reached) == missing


def test_the_words_of_a_log_do_not_outlive_the_end_that_was_observed() -> None:
    sequence = happened(EXPIRED, log=VSFTPD_LOG)

    assert stages(sequence)[-1] == "verify"
    assert said(sequence.bands[3]) == ["AUTH TLS", "234 Proceed with negotiation."]


def test_plain_ftp_and_implicit_tls_pass_other_stages() -> None:
    assert stages(happened(DELIVERED, tls=False)) == [
        "resolve", "connect", "greeting", "login", "transfer",
    ]  # fmt: skip
    assert stages(happened(DELIVERED, implicit_tls=True)) == [
        "resolve", "connect", "handshake", "verify", "greeting", "login", "protect", "transfer",
    ]  # fmt: skip
    handshake_only = dataclasses.replace(DELIVERED, goal=Goal.HANDSHAKE)
    assert stages(happened(handshake_only))[-1] == "verify"


def test_an_unverified_certificate_is_not_said_to_be_accepted() -> None:
    unverified = reporting(DELIVERED, verified=False)

    assert said(happened(unverified, verify=False).bands[5]) == [say("step.not_checked").en]
    assert said(happened(DELIVERED).bands[5]) == [say("step.verified").en]


def test_a_client_without_suites_sends_nothing() -> None:
    sequence = happened(refusal(Side.CLIENT, Stage.HANDSHAKE, Reason.CIPHER_LIST_EMPTY))

    assert sequence.bands[-1].messages == []


def test_a_dialogue_without_end_is_cut() -> None:
    noise = "\n".join(f'FTP command: Client "x", "STOR {n}"' for n in range(1000))

    sequence = happened(DELIVERED, log=noise)

    kinds = [kind for band in sequence.bands for kind, _ in band.messages]
    assert len([kind for kind in kinds if kind in {"command", "reply"}]) <= MOST_MESSAGES + 6
    assert f"{1000 - MOST_MESSAGES} more" in said(sequence.bands[6])[-1]


# -- claims --------------------------------------------------------------------------------------------

PAPER = """
id = "made-up"
title = { en = "A page", ja = "あるページ" }
address = "https://example.test/page"
[[section]]
id = "only"
heading = { en = "No public certificate", ja = "公的証明書がない" }
[[claim]]
id = "no-certificate"
place = { section = "only", paragraph = 2 }
about = ["rocky9:FIPS", "centos7"]
text = { en = "With `FTPSSSLVerifyNone 1` <b>it</b> delivers.", ja = "`FTPSSSLVerifyNone 1` で配信できる。" }
basis = { en = "The same delivery is made twice.", ja = "同じ配信を二度行う。" }
condition = { verdict = "conditional", en = "only with a session cache", ja = "キャッシュがある場合のみ" }
[[claim.test]]
case = "ciphers/none_shared"
role = "breaks"
outcome = "completed"
[[claim.test]]
case = "not/in_the_record"
role = "breaks"
outcome = "completed"
"""


def judged(
    verdict: ClaimVerdict = ClaimVerdict.CONDITIONAL, surprises: int = 0, **texts_: Bilingual
) -> list[tuple[Document, tuple[ClaimResult, ...]]]:
    """A document of one claim, with what a run says of it."""
    document = parse(PAPER, "made-up.toml")
    claim = document.claims[0].model_copy(update=texts_)
    names = tuple(f"attempt-{number}" for number in range(surprises))
    check = Check(claim.tests[0], "centos7", State.FAILS, "", names, ("rocky9",), names)
    where = {"rocky9:FIPS": ClaimVerdict.CONFIRMED, "centos7": ClaimVerdict.REFUTED}
    return [(document, (ClaimResult(claim, verdict, where, (), (check,)),))]


def test_what_was_found_is_told_with_condition_platforms_and_cases() -> None:
    found = read(render(run_record(), judged())).one("section", id="findings")

    for words in ("No public certificate", "公的証明書がない", "<b>it</b> delivers", "配信できる",
                  "only with a session cache", "のみ", "made twice", "二度"):  # fmt: skip
        assert words in found.text
    one = found.one("details", class_="claim")
    assert "session cache" not in one.all("summary")[0].text, "one line, and the rest behind it"
    platforms = found.one("ul", class_="by-platform").children
    assert [(li.text.strip(), li.attributes["class"]) for li in platforms] == [
        ("rocky9:FIPS", "confirmed"),
        ("centos7", "refuted"),
    ]
    assert [a.text for a in found.all("a")] == ["The story"]
    assert found.all(class_="mark")


@pytest.mark.parametrize("number", [0, 3])
def test_a_verdict_that_rests_on_surprises_says_so(number: int) -> None:
    found = read(render(run_record(), judged(surprises=number))).one("section", id="findings")
    words = [p.text for p in found.all("p", class_="alarm")]
    assert [say("claim.surprises", n=3).en in text for text in words] == [True] * bool(number)


def test_what_is_not_so_comes_first_and_what_was_not_run_is_not_listed() -> None:
    every = [judged(verdict)[0] for verdict in reversed(ClaimVerdict)]
    found = read(render(run_record(), every)).one("section", id="findings")

    order = [h.attributes["class"] for h in found.all("h3")]
    assert order == ["refuted", "conditional", "confirmed", "not-testable-here"]
    folded = [
        h.attributes["class"] for d in found.all("details", class_="folded") for h in d.all("h3")
    ]
    assert folded == ["confirmed", "not-testable-here"]
    assert len(found.all("details", class_="claim")) == len(ClaimVerdict) - 1


def test_documents_that_a_run_does_not_test_are_not_judged() -> None:
    document = documents()["movable-type"]
    tested = next(c for c in document.claims if c.tests and c.tests[0].role is Role.BREAKS)
    test = tested.tests[0]
    made = attempt(f"net-ftp@{tested.clients_of(test)[0]}")
    right = attempt_record("a", made, NO_SHARED_CIPHER, None, role=Role.BREAKS)
    record = run_record(
        attempts=(right.model_copy(update={"case": f"{test.case}[a client]"}),), cases=()
    )

    ((found, results),) = evaluate_tested(record, documents().values())

    assert found is document
    assert [r.claim for r in results] == list(document.claims)
    assert evaluate_tested(run_record(), documents().values()) == []


def test_without_judged_documents_there_is_no_such_section() -> None:
    page = read(render(run_record()))

    assert not page.all("section", id="findings")
    assert not [a for a in page.all("a") if a.attributes["href"] == "#findings"]


# -- hostile texts ---------------------------------------------------------------------------------------

HOSTILE = (
    "</pre></noscript></script><script>alert(1)</script><img src=x onerror=alert(1)>\"'><b>&amp;"
    " \x1b[31m \x00 \r \u202egnp.exe \u2066\u200b\ufeff \u2028 \x9b31m \ufffd {{ 7*7 }} {% raw %}"
)


def hostile_record() -> RunRecord:
    text = HOSTILE
    made = Attempt(
        Vsftpd(extra=(text,), certificate=text),
        dataclasses.replace(
            attempt().client, platform=text, policy=text, program=text, ciphers=text
        ),
    )
    log = f'{text}\nFTP command: Client "x", "{text}"'
    captured = Captured(user=text, password=text, file_bytes=1, file_head=text)
    outcome = dataclasses.replace(EXPIRED, cause=text)
    attempts = [
        attempt_record(
            f"{text}/{role}", made, outcome, EXPECT_EXPIRED, role=role, label=text,
            verdict=verdict, verdict_why=text, configuration=text, images=(
                ImageUse(name=text, stand_in=True),), standing=text,
            client_report=ClientReport(
                failed=True, step="put", error=text, message=text, library=text, cipher=text,
                protocol=text,
            ),
            server_report=ServerReport(started=True, log=log, captured=captured),
        )
        for role, verdict in (
            (Role.BREAKS, Verdict.SURPRISE), (Role.REMEDY, Verdict.AS_EXPECTED),
            (Role.IMPOSTOR, Verdict.LAB_ERROR), (Role.TWIN, Verdict.CANNOT),
        )
    ]  # fmt: skip
    case_ = CaseRecord(
        id=text, name=text, label=text, document=text, section=text, title=text, story=text,
        attempts=tuple(a.id for a in attempts), verdict=Verdict.SURPRISE, verdict_why=text,
    )  # fmt: skip
    image = (
        run_record()
        .images[0]
        .model_copy(
            update={"name": text, "os": text, "source": text, "real": (text,), "not_real": (text,)}
        )
    )
    return run_record(
        attempts=tuple(attempts), cases=(case_,), images=(image,), lab_version=text,
        machine={text: text}, engine={"version": text, "deep": {text: [text]}},
        topology={text: {text: text}},
    )  # fmt: skip


def test_hostile_texts_become_neither_markup_nor_invisible() -> None:
    hostile = Bilingual(en=HOSTILE, ja=HOSTILE)
    text = render(hostile_record(), judged(text=hostile, basis=hostile))

    page = read(text)
    assert len(page.all("script")) == 1
    assert not page.all("img")
    ordinary = read(render(run_record(), judged()))
    assert {e.tag for e in page.all()} <= {e.tag for e in ordinary.all()} | {"mark", "q"}
    hidden = {c for c in text if unicodedata.category(c) in {"Cc", "Cf", "Zl", "Zp"}} - {"\n"}
    assert not hidden, [hex(ord(c)) for c in hidden]
    body = page.one("main").text
    for visible in ("\\x1b[31m", "\\u202egnp.exe", "\\x00", "\\u200b", "\\ufeff", "{{ 7*7 }}"):
        assert visible in body


def test_a_line_of_a_megabyte_is_cut_everywhere() -> None:
    record = hostile_record()
    long = "x" * 1_000_000
    attempts = tuple(
        a.model_copy(update={"label": long, "verdict_why": long, "configuration": long,
                             "server": dataclasses.replace(a.server, ciphers=long)})
        for a in record.attempts
    )  # fmt: skip
    case_ = record.cases[0].model_copy(update={"title": long, "label": long, "section": long})

    text = render(record.model_copy(update={"attempts": attempts, "cases": (case_,)}))

    assert len(text) < 400_000
    assert max(len(run) for run in re.findall("x+", text)) <= 4096
    assert "characters: see the record" in text


@given(st.text(alphabet=st.characters(exclude_categories=()), max_size=80))
def test_any_text_is_escaped_and_visible(text: str) -> None:
    for shown in (quote(text), inline(text), Markup(html.escape(plain(text)))):
        without_marks = re.sub(r"</?mark>", "", shown)
        assert "<" not in without_marks
        assert ">" not in without_marks
        hidden = [
            c for c in shown if unicodedata.category(c) in {"Cc", "Cf", "Cs", "Cn", "Zl", "Zp"}
        ]
        assert set(hidden) <= {"\n", "\t"}
    assert "\n" not in inline(text)


def test_a_harmless_text_stays_as_it_is() -> None:
    words = "Größe 10 < 20 & 日本語、カタカナ\u3000\uff08全角\uff09 \u2013 “quoted”\tend"

    assert html.unescape(quote(words)) == words
    assert html.unescape(quote("a\r\nb\n\n")) == "a\nb"


def test_a_text_of_many_lines_loses_its_middle() -> None:
    lines = [f"line {n}" for n in range(1000)]

    shown = html.unescape(quote("\n".join(lines))).split("\n")

    assert len(shown) == MOST_LINES + 1
    assert shown[0] == "line 0"
    assert shown[-1] == "line 999"
    assert str(1000 - MOST_LINES) in shown[MOST_LINES // 2]
    assert len(quote("y" * 10_000)) < LONGEST_LINE + 100


# -- many attempts, and the file ---------------------------------------------------------------------------


def many_attempts(number: int) -> RunRecord:
    """A run of so many attempts, five to a case, each with the log of a real session."""
    report = ServerReport(started=True, log=VSFTPD_LOG, stored_bytes=1024)
    attempts: list[AttemptResult] = []
    cases: list[CaseRecord] = []
    clients = [f"net-ftp@rocky9:{policy}" for policy in ("DEFAULT", "LEGACY", "FUTURE", "FIPS")]
    roles = (Role.BREAKS, Role.TWIN, *([Role.REMEDY] * 3))
    for place in range(number // 5):
        client = [*clients, "net-ftp@centos7"][place % 5]
        name = f"topic/case_{place // 5}"
        own = [
            attempt_record(
                f"{name}[{client}]/{n}",
                attempt(client, f"pasv_ports={30000 + place}-{40000 + n}"),
                DELIVERED if role is not Role.BREAKS else EXPIRED,
                completed() if role is not Role.BREAKS else EXPECT_EXPIRED,
                role=role,
                label=f"remedy {n}",
                standing="recommended",
                server_report=report,
                configuration="ssl_enable=YES\n" * 30,
            )
            for n, role in enumerate(roles)
        ]
        attempts += own
        cases.append(case(f"{name}[{client}]", f"Section {place // 100}", own))
    return run_record(attempts=tuple(attempts), cases=tuple(cases))


def test_with_scripts_only_what_is_opened_becomes_elements() -> None:
    text = render(many_attempts(2_000))

    eager = re.sub("<noscript>.*?</noscript>", "", text, flags=re.DOTALL)

    assert eager.count("<") / 2 < 12 * 2_000
    assert len(eager) < len(text) / 2


def test_the_file_is_written_in_one_step(tmp_path: Path) -> None:
    path = tmp_path / "report.html"

    assert write(run_record(), path) == path

    assert path.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert list(tmp_path.iterdir()) == [path]


def test_nothing_but_an_older_report_is_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "notes.html"
    path.write_text("<!doctype html><title>mine</title>", encoding="utf-8")
    with pytest.raises(ReportError, match=r"is there already, is no report .* Name another file"):
        write(run_record(), path)
    assert "mine" in path.read_text(encoding="utf-8")
    # the twins: an older report, and an empty file, as `mktemp` leaves one
    for begins in ("", render(run_record())):
        path.write_text(begins, encoding="utf-8")
        write(run_record(run_id="20310517-130000-ab12cd"), path)
        assert "20310517-130000-ab12cd" in path.read_text(encoding="utf-8")


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match=r"missing/report\.html cannot be written: No such file"):
        write(run_record(), tmp_path / "missing" / "report.html")


def test_the_start_is_told_in_utc() -> None:
    tokyo = START.astimezone(timezone(timedelta(hours=9)))

    assert "2031-05-17 12:00:00 UTC" in render(run_record(started=tokyo))
