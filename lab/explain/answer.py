"""The answer to a text: its candidates with all that the lab has on them, as plain data."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lab.explain.deciding import Cause, Decision, decide
from lab.explain.hearing import Hearing, hear
from lab.explain.index import Index, load
from lab.explain.occurring import words_in
from lab.explain.patterns import literal_first
from lab.explain.reading import is_cut, text_of, unwrapped

#: Text in both languages, as the index has it.
Both = Mapping[str, str]

#: So many of the texts that the lab knows are named where it knows none of those that were given.
_NEAREST = 3
#: A text is near that has so great a part of the words of a known one.
_ALIKE = 0.6
_ADDRESS = re.compile(r"\d\d{0,2}(?:\.\d{1,3}){3}\b")
#: A client in the log of a server: vsftpd's and the edges', ProFTPD's, Pure-FTPd's, pyftpdlib's and others'.
_CLIENT = re.compile(
    r"(?:client:? \"?|\[|@|from |INFO:\w+:)((?:\d{1,3}\.){3}\d{1,3})\b", re.IGNORECASE
)
#: What only a text of FTP has, in lower case: its name, in that of a program or a host, commands and replies.
_OF_FTP = re.compile(literal_first(r"ftp|\bauth tls\b|\bauth ssl\b|\b234 |\b234-|\bprot p\b"))
#: TLS from the first byte on.
_TLS_FIRST = re.compile(literal_first(r"\bftps://|\b990\b|\bimplicit"))
_STARTTLS = "s_client -starttls ftp -connect HOST:21"


@dataclass(frozen=True)
class PossibleCause:
    """One thing that the text can mean."""

    reason: str
    by: str
    stage: str
    confidence: str
    """``high``, ``medium`` or ``low``; see :meth:`lab.explain.deciding.Decision.confidence`."""
    program: str
    """Whose wording it is, and of which versions, as far as the wording tells."""
    known: Mapping[str, Any]
    """What the index has on the reason."""
    speaks: str
    text: str
    """What was given, as it was read."""

    @property
    def case(self) -> Mapping[str, Any] | None:
        """The case that shows it: of the same side and stage and the same protocol, if there is one."""
        cases: Sequence[Mapping[str, Any]] = self.known["cases"]

        def fits(case: Mapping[str, Any]) -> tuple[bool, bool, bool]:
            return (
                self.speaks not in ("", case["speaks"]),
                case["stage"] != self.stage,
                case["by"] != self.by,
            )

        return min(cases, key=fits, default=None)

    @property
    def sections(self) -> list[Mapping[str, Any]]:
        """Sections of documents that treat it, those of the same protocol if there are any."""
        return self._of_the_protocol(self.known["sections"])

    @property
    def remedies(self) -> list[Mapping[str, Any]]:
        """Rated remedies for what the text says, the recommended ones first."""
        known: Sequence[Mapping[str, Any]] = self.known["remedies"]
        said = " ".join(self.text.split())
        return self._of_the_protocol([one for one in known if one.get("said", "") in said])

    def _of_the_protocol(self, found: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        fitting = [one for one in found if self.speaks in one["speaks"]] if self.speaks else []
        return fitting or list(found)


@dataclass(frozen=True)
class Explanation:
    """What a text can mean, or what it is only like."""

    candidates: list[PossibleCause] = field(default_factory=list)
    beside: list[PossibleCause] = field(default_factory=list)
    """What else the same text has, which does not fit the candidates."""
    apart: Mapping[str, Any] | None = None
    """What tells several candidates apart: ``ask``, ``run``, ``look``."""
    nearest: list[tuple[str, str]] = field(default_factory=list)
    """Where there are no candidates: known texts that share words with this one, and whose they are."""
    cut: bool = False
    """Whether a part of a long text, or of a long line, was not looked at."""
    words: Mapping[str, Mapping[str, Both]] = field(default_factory=dict)
    """What is said of it, by section and name: stages, sides, and those of ``telling.toml``."""

    def as_json(self, language: str) -> dict[str, Any]:
        """As ``lab explain --json`` prints it."""
        return {
            "candidates": [_as_json(one, language) for one in self.candidates],
            "beside": [_as_json(one, language) for one in self.beside],
            "apart": self.apart
            and {
                "ask": self.apart["ask"][language],
                "run": self.apart["run"],
                "look": self.apart["look"][language],
            },
            "nearest": [{"text": text, "program": title} for text, title in self.nearest],
            "cut": self.cut,
        }


def explain(given: bytes, index: Index | None = None) -> Explanation:
    """What a message or a log can mean.

    Args:
        given: as it was pasted or read: any bytes.
        index: the tables; by default they are loaded.
    """
    index = index or load()
    text = text_of(given)
    heard, decision = _decided(text, index)
    for joined in unwrapped(text):
        if decision.is_narrowest:
            break
        again, narrower = _decided(joined, index)
        # Lines that were one say more than they did apart, or something at all; they lose nothing of it.
        more = again.signals >= heard.signals
        if narrower.causes and (not decision.causes or (more and narrower < decision)):
            heard, decision = again, narrower
    words = {**index.telling, "stage": index.known["stages"], "side": index.known["sides"]}
    if not decision.causes:
        return Explanation(nearest=_nearest(text, index), cut=is_cut(given, text), words=words)
    program = _program(heard, decision, index)

    def candidate(cause: Cause) -> PossibleCause:
        return PossibleCause(
            reason=cause.reason,
            by=cause.by,
            stage=cause.stage,
            confidence=decision.confidence(cause),
            program=program,
            known=index.known["reasons"][cause.reason],
            speaks=heard.speaks,
            text=text,
        )

    return Explanation(
        candidates=[candidate(cause) for cause in decision.causes],
        beside=[candidate(cause) for cause in decision.beside],
        apart=_in_the_protocol(index.meanings["apart"].get(decision.apart), text),
        cut=is_cut(given, text),
        words=words,
    )


def _in_the_protocol(apart: Mapping[str, Any] | None, text: str) -> Mapping[str, Any] | None:
    """What tells causes apart, with the command as it is for FTP where the text is of that."""
    lower = text.lower()
    if apart is None or not _OF_FTP.search(lower) or _TLS_FIRST.search(lower):
        return apart
    return {**apart, "run": apart["run"].replace("s_client -connect HOST:PORT", _STARTTLS)}


def _decided(text: str, index: Index) -> tuple[Hearing, Decision]:
    heard = hear(text, index)
    several = len(set(_ADDRESS.findall(text))) > 1 and len(set(_CLIENT.findall(text))) > 1
    return heard, decide(heard, index, several=several)


def _program(heard: Hearing, decision: Decision, index: Index) -> str:
    """The generations that the wording tells; where it tells none, whose words they are."""
    if heard.generations:
        return "; ".join(heard.generations[:4])
    titles = {words["program"]: words["title"] for words in index.words.values()}
    return "; ".join(titles[name] for name in decision.programs[:2] if name in titles)


def _nearest(text: str, index: Index) -> list[tuple[str, str]]:
    """Known texts most of whose words occur, the longest first; of those with the same words, one."""
    said = words_in(text[:20_000])
    found = [
        (-alike * alike / len(words), literal, title)
        for words, (literal, title) in index.literals_by_words.items()
        if not words.isdisjoint(said) and (alike := len(words & said)) >= _ALIKE * len(words)
    ]
    return [(literal, title) for _, literal, title in sorted(found)[:_NEAREST]]


def _as_json(one: PossibleCause, language: str) -> dict[str, Any]:
    case = one.case
    return {
        "reason": one.reason,
        "name": one.known["name"][language],
        "confidence": one.confidence,
        "by": one.by,
        "stage": one.stage,
        "program": one.program,
        "why": one.known["why"][language],
        "case": case["case"] if case else None,
        "sections": [
            {
                "document": section["document"][language],
                "section": section["section"][language],
                "address": section["address"],
            }
            for section in one.sections
        ],
        "remedies": [
            {"title": remedy["title"][language], "rating": remedy["rating"]}
            for remedy in one.remedies
        ],
    }
