"""The report's own texts, each in both languages, and the sentences that are made of them.

Both languages are in the file; a style sheet shows one of them. So the report is whole without
JavaScript, and a text that is missing in one language is missing visibly: :func:`say` has no fallback.
Labels, which come again and again, are in the style sheet alone: :func:`labels`.
"""

from __future__ import annotations

import html
import re
import tomllib
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache, partial
from pathlib import Path
from typing import Final

from markupsafe import Markup, escape

from lab.documents import FOLDER, more_of
from lab.model import NotJudged, Outcome, Reason, Result, Side, Stage
from lab.model.expectations import Expectation
from lab.model.outcome import FalseSuccess
from lab.own.presumed import in_both_languages
from lab.remedies.words import InBothLanguages, table
from lab.text import MAY_HIDE, MAY_HIDE_IN_LINES, escaped

# -- texts from outside ----------------------------------------------------------------------------


#: A longer line is cut in its middle (in characters); the record has it whole.
LONGEST_LINE = 400
#: Where a text stands inside a sentence or in a table.
LONGEST_INLINE = 240
#: Of a longer text the middle is left out (in lines).
MOST_LINES = 40

_BLANK_TEXT = Markup("")


def quote(text: str, most_lines: int = MOST_LINES) -> Markup:
    """A foreign text of several lines: escaped, hidden characters visible, long parts cut."""
    if not text:
        return _BLANK_TEXT
    lines = text.replace("\r\n", "\n").strip("\n").split("\n")
    if len(lines) > most_lines:
        head = most_lines // 2
        left_out = len(lines) - most_lines
        mark = Markup("<mark>[{} lines: see the record]</mark>").format(left_out)
        shown = [*map(_line, lines[:head]), mark, *map(_line, lines[head + left_out :])]
        return Markup("\n").join(shown)
    if MAY_HIDE_IN_LINES.search(text) is None and max(map(len, lines)) <= LONGEST_LINE:
        return _escape("\n".join(lines))  # nearly all texts
    return Markup("\n").join([_line(line) for line in lines])


def inline(text: object, longest: int = LONGEST_INLINE) -> Markup:
    """A foreign text inside a line; its line ends become visible as well."""
    text = str(text)
    return _inline(text, longest) if len(text) <= LONGEST_INLINE else _line(text, longest, keep="")


def code(text: object, longest: int = LONGEST_INLINE) -> Markup:
    """The same as code: a setting, a command, a name."""
    return Markup(f"<code>{inline(text, longest)}</code>")


def plain(text: object, longest: int = LONGEST_INLINE) -> str:
    """The same without markup, for attributes and titles; not yet escaped."""
    return MAY_HIDE.sub(escaped, _cut(str(text), longest))


def prose(text: str) -> Markup:
    """A paragraph in which what stands between backquotes is code."""
    return Markup("").join(
        code(part, 600) if number % 2 else inline(part, 2000)
        for number, part in enumerate(text.split("`"))
    )


@lru_cache(maxsize=16_384)
def _inline(text: str, longest: int) -> Markup:
    # Names, settings and replies come again and again.
    return _line(text, longest, keep="")


def _line(line: str, longest: int = LONGEST_LINE, keep: str = "\t") -> Markup:
    if len(line) > longest:
        kept = longest // 2
        mark = Markup("<mark>[{} characters: see the record]</mark>").format(len(line) - 2 * kept)
        return _visible(line[:kept], keep) + mark + _visible(line[-kept:], keep)
    return _visible(line, keep)


def _escape(text: str) -> Markup:
    """The text as the content of an element, where quotation marks stand as they are."""
    return Markup(str(escape(text)).replace("&#34;", '"').replace("&#39;", "'"))


def _visible(text: str, keep: str) -> Markup:
    markup = _escape(text)
    if MAY_HIDE.search(markup) is None:
        return markup

    def mark(match: re.Match[str]) -> str:
        name = match[0] if match[0] in keep else escaped(match)
        return name if name == match[0] else f"<mark>{name}</mark>"

    return Markup(MAY_HIDE.sub(mark, str(markup)))


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "\u2026"


# -- the texts of the report -----------------------------------------------------------------------


LANGUAGES: Final = ("en", "ja")
TEXTS_PATH: Final = Path(__file__).with_name("texts.toml")
_TAG = re.compile(r"<[^>]*>")
_LABEL = re.compile(r"var\(--t-([a-z_]+)-([\w-]+)\)")


@dataclass(frozen=True)
class Text(InBothLanguages):
    """One text in both languages; HTML. In a template it becomes an element for each."""

    en: Markup
    ja: Markup

    @classmethod
    def same(cls, value: object) -> Text:
        """What is the same in every language: a number, a name, somebody's words."""
        words = escape(value)
        return cls(words, words)

    @classmethod
    def prose(cls, en: str, ja: str) -> Text:
        """A paragraph in which what stands between backquotes is code."""
        return cls(prose(en), prose(ja))

    def plain_in(self, language: str) -> str:
        """The text in one of :data:`LANGUAGES`, without markup."""
        return html.unescape(_TAG.sub("", self.in_(language)))

    @cached_property
    def html(self) -> Markup:
        """Both languages, as they stand on the page."""
        if self.en == self.ja:
            return self.en
        return Markup(f"<i>{self.en}</i><i lang=ja>{self.ja}</i>")

    def __html__(self) -> Markup:
        return self.html

    def __str__(self) -> str:
        return str(self.html)


def joined(parts: list[Text]) -> Text:
    """Texts as a list inside a sentence."""
    return Text(Markup(", ").join(p.en for p in parts), Markup("、").join(p.ja for p in parts))


@cache
def texts() -> Mapping[str, Text]:
    """Every text by ``section.name``, as ``texts.toml`` has them; what a reason means as ``why.NAME``."""
    with TEXTS_PATH.open("rb") as file:
        sections = tomllib.load(file)
    own = {
        f"{section}.{name}": Text(Markup(pair["en"]), Markup(pair["ja"]))
        for section, names in sections.items()
        for name, pair in names.items()
    }
    return own | {f"why.{name}": both(means) for name, means in table("why").items()}


def both(words: InBothLanguages) -> Text:
    """InBothLanguages that are plain text."""
    return Text(escape(words.en), escape(words.ja))


def say(name: str, **values: Hashable) -> Text:
    """The text of that name with its values filled in.

    Raises:
        KeyError: no such text, or a value that is not given.
    """
    return _filled(name, tuple(values.items())) if values else texts()[name]


@lru_cache(maxsize=16_384)
def _filled(name: str, values: tuple[tuple[str, Hashable], ...]) -> Text:
    # A report of many attempts says the same of most of them.
    return texts()[name].format(**dict(values))


def word(section: str, token: str) -> Text:
    """The word for a token of a vocabulary; a token that the vocabulary lacks is shown as it is."""
    return texts().get(f"{section}.{token}") or Text.same(inline(token, 60))


@cache
def _of_documents(name: str) -> Mapping[str, str]:
    """The Japanese by the English, of the files of this name in the documents' folders."""
    found: dict[str, str] = {}
    for file in sorted(FOLDER.glob(f"*/{name}")):
        for one in (file, *more_of(file)):
            found |= tomllib.loads(one.read_text(encoding="utf-8"))
    return found


#: The titles of the documents' cases and sections.
titles = partial(_of_documents, "titles.toml")
#: Those of the cases' remedies, but those that are the same in every language.
remedy_titles = partial(_of_documents, "remedies.toml")
#: What the cases' stories say beyond their titles, by paragraph.
stories = partial(_of_documents, "stories.toml")


def titled(title: str) -> Text:
    """A title of a case or a section in both languages, as far as its document has it in both."""
    return Text.prose(title, titles().get(title, title))


def narrated(paragraph: str) -> Text:
    """A paragraph of a case's story in both languages, as far as its document has it in both."""
    return Text.prose(paragraph, stories().get(paragraph, paragraph))


def labels(style: str) -> str:
    """The rules that give a style sheet the texts that it names, as ``var(--t-SECTION-NAME)``.

    Raises:
        KeyError: there is no such text.
    """
    named = sorted({f"{section}.{name}" for section, name in _LABEL.findall(style)})
    rules = []
    for where, language in (
        (":root", "en"),
        (":root[data-lang=ja],:root:not([data-lang]):has(#lang-ja:checked)", "ja"),
    ):
        known = ((name, html.unescape(say(name).in_(language))) for name in named)
        words = (f'--t-{name.replace(".", "-")}:"{_in_css(text)}"' for name, text in known)
        rules.append(f"{where}{{{';'.join(words)}}}")
    return "\n".join(rules)


def _in_css(text: str) -> str:
    """A text inside a string of a style sheet that is inside a page."""
    return re.sub(r'["\\\\<>\n]', lambda match: f"\\{ord(match[0]):x} ", text)


def outcome_words(outcome: Outcome | None) -> Text:
    """What came of an attempt, in a sentence; a reason's token stays beside its words."""
    if outcome is None:
        return say("outcome.none")
    if outcome.result is Result.COMPLETED:
        words = _completed_words(outcome)
        if outcome.presumed:
            each = map(in_both_languages, outcome.presumed)
            what = joined([Text(inline(one.en), inline(one.ja)) for one in each])
            words = say("outcome.presumed", words=words, what=what)
    elif outcome.false_success is not None:
        return false_success_words(outcome.false_success)
    else:
        words = _refusal(outcome.by, outcome.stage, outcome.reason)
    if not outcome.not_judged:
        return words
    return _not_judged(words, outcome.not_judged, refused=outcome.stage is Stage.VERIFY)


def _completed_words(outcome: Outcome) -> Text:
    if outcome.without_tls:
        what = texts().get(f"in_clear.{outcome.goal}")
        goal = word("goal", str(outcome.goal))
        if what is None:
            return say("outcome.without_tls", goal=goal)
        return say("outcome.without_tls_in_clear", goal=goal, what=what)
    certificate = None if outcome.not_judged else _certificate(outcome)
    words = _completion(outcome.goal, outcome.protocol, outcome.cipher, certificate)
    return joined([words, say("fact.file_in_clear")]) if outcome.file_in_clear else words


def false_success_words(false: FalseSuccess) -> Text:
    """What a client's program says that it delivered, and what there is of it."""
    form = "none" if false.stored is None else "short" if false.stored < false.size else "other"
    there = {"stored": false.stored or 0, "size": false.size, "program": inline(false.program)}
    return say(f"outcome.false_success_{form}", **there)


def _certificate(outcome: Outcome) -> str:
    """The key of what is said of a certificate that was not refused."""
    if outcome.verified:
        return "pinned" if outcome.pinned else "verified"
    return "not_verified"


@lru_cache(maxsize=512)
def _completion(goal: str, protocol: str | None, cipher: str | None, checked: str | None) -> Text:
    facts = [Text.same(inline(f"{protocol} {cipher or ''}".strip() if protocol else "TLS"))]
    facts += [say(f"fact.{checked}")] if checked else []
    return say("outcome.completed_with", goal=word("goal", str(goal)), facts=joined(facts))


@lru_cache(maxsize=512)
def _not_judged(words: Text, why: tuple[NotJudged, ...], *, refused: bool) -> Text:
    form = "refused" if refused else "accepted"
    if why == (NotJudged.ROOTS_STAND_IN,):
        return say(f"outcome.{form}_by_stand_in_roots", words=words)
    if why == (NotJudged.CERTIFICATE_NOT_GIVEN,) and not refused:
        return say("outcome.accepted_of_the_lab", words=words)
    form += "_not_judged"
    reasons = joined([word("not_judged", str(each)) for each in why])
    return say(f"outcome.{form}", words=words, why=reasons)


def expectation_words(expectation: Expectation) -> Text:
    """An expectation in a sentence of the same shape."""
    if expectation.result is Result.COMPLETED:
        facts = [Text.same(inline(f)) for f in (expectation.protocol, expectation.cipher) if f]
        flags = {
            "verified": ("fact.not_verified", "fact.verified"),
            "data_protected": ("fact.data_clear", "fact.data_protected"),
            "session_reused": ("fact.not_reused", "fact.reused"),
        }
        for name, (no, yes) in flags.items():
            value = getattr(expectation, name)
            facts += [say(yes if value else no)] if value is not None else []
        if not facts:
            return say("outcome.completed_any")
        return say("outcome.completed_any_with", facts=joined(facts))
    if expectation.result is Result.FALSE_SUCCESS:
        words = say("sign.false-success")
    else:
        words = _refusal(expectation.by, expectation.stage, expectation.reason)
    if expectation.message is not None:
        said = Markup("<q lang=en>{}</q>").format(inline(expectation.message))
        words = joined([words, say("outcome.message", message=said)])
    return words


@lru_cache(maxsize=512)
def _refusal(by: Side | None, stage: Stage | None, reason: Reason | None) -> Text:
    if by is None and stage is None and reason is None:
        return say("outcome.refused_any")
    form = {Side.NETWORK: "refused_network", Side.UNKNOWN: "refused_unknown"}
    return say(
        f"outcome.{form.get(by, 'refused') if by else 'refused'}",
        by=word("side", str(by)) if by else say("outcome.open"),
        stage=word("stage", str(stage)) if stage else say("outcome.open"),
        reason=reason_words(reason) if reason else say("outcome.open"),
    )


@lru_cache(maxsize=128)
def reason_words(reason: Reason) -> Text:
    """A reason in words, and its token, by which it is found in the record, where that differs."""
    token = Markup(" <code>{}</code>").format(reason)
    words = word("reason", str(reason))
    same = words.en.replace(" ", "-") == str(reason)
    return Text(words.en if same else words.en + token, words.ja + token)


def negotiated(outcome: Outcome | None) -> tuple[list[str], list[str]]:
    """What was negotiated, as far as it was observed: names, and keys of what else is to be said."""
    if outcome is None:
        return [], []
    names = [name for name in (outcome.protocol, outcome.cipher) if name and outcome.protocol]
    said: list[str] = []
    if outcome.protocol and outcome.verified is not None:
        said.append(_certificate(outcome))
    elif outcome.without_tls:
        said.append("without_tls")
    if outcome.data_protected is not None:
        said.append("data_protected" if outcome.data_protected else "data_clear")
    if outcome.session_reused is not None and outcome.data_protected:
        said.append("reused" if outcome.session_reused else "not_reused")
    return names, said


#: What of this module the templates call.
FOR_TEMPLATES: Final = (
    *(inline, plain, quote, code),
    *(say, word, titled, narrated, outcome_words, expectation_words, negotiated),
)
