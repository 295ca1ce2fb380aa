"""How often `lab explain` is right: ``python -m tests.explain.measure``, or ``make explain-measure``.

Every recorded text is explained, and the answer compared with what had been set up. Figures of the known part
are printed, with its misses; ``--write`` puts the figures into ``docs/explain.md``. Of a batch that
``split.toml`` holds out the figures are printed with ``--held-out``, and nothing else of it: whoever has seen
what is missed there cannot be measured by it any more. Its figures have a place of their own in the document.

The truth of a text is the set of the causes of every set-up in which this program said it, whatever the
release and the way: a text does not tell either. Of the known part only known recordings count for that, so
that its misses say nothing of what is held out.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from lab.explain.answer import explain
from lab.explain.index import load as load_index
from tests.explain.texts import (
    KNOWN,
    PASSES_ON,
    Cause,
    Recording,
    Text,
    held_out,
    load,
    passed_on,
    words_of,
)

#: Stages that git never comes to.
_OF_FTP = {"greeting", "auth", "login", "protect", "transfer"}
#: Whose words, and what all releases have of them alike.
_Words = tuple[str, str]

DOCUMENT = Path(__file__).parents[2] / "docs" / "explain.md"
#: What is measured where no batch is named.
_KNOWN = "known"
_END = "<!-- end of the figures -->"


@dataclass(frozen=True)
class Answer:
    """A text, and what was said of it."""

    of: Recording
    text: Text
    reasons: tuple[str, ...]
    """The candidates' reasons, each once, the likeliest first."""
    sure_of: frozenset[str]
    """Those with high confidence."""
    set_up: frozenset[str] = frozenset()
    """The reasons that were set up where this was said, and heard of at all."""

    @property
    def right(self) -> bool:
        """Of a text with one cause: it comes first. Of one with several: they are the candidates."""
        if len(self.text.reasons) == 1:
            return self.reasons[:1] == tuple(self.text.reasons)
        return _one_name(self.reasons) == _one_name(self.text.reasons)

    @property
    def right_as_far_as_set_up(self) -> bool:
        """As :attr:`right`, of the candidates that were set up: of any other it is not known what is said."""
        known = [reason for reason in self.reasons if reason in self.set_up]
        return _one_name(known) == _one_name(self.text.reasons)

    @property
    def within_three(self) -> bool:
        """A true cause is among the first three candidates."""
        return not self.text.reasons.isdisjoint(self.reasons[:3])

    @property
    def confidently_wrong(self) -> bool:
        """A candidate with high confidence is none of the causes."""
        return not self.sure_of <= self.text.reasons


def _one_name(reasons: Iterable[str]) -> frozenset[str]:
    """A set in which a missing issuer has one name, and so has an end of the line without a word.

    A library's number decides between the names of the first; of the second, whether the end or the reset
    is read first.
    """
    other = {
        "first-certificate-unverifiable": "unknown-issuer",
        "issuer-not-found": "unknown-issuer",
        "reset": "closed",
    }
    return frozenset(other.get(reason, reason) for reason in reasons)


@dataclass(frozen=True)
class Share:
    """So many of so many."""

    good: int
    of: int

    @classmethod
    def counted(cls, values: Iterable[bool]) -> Share:
        """How many are true."""
        known = list(values)
        return cls(sum(known), len(known))

    @property
    def percent(self) -> float:
        """100 of nothing."""
        return 100 * self.good / self.of if self.of else 100.0

    def __str__(self) -> str:
        return f"{self.percent:.1f} % ({self.good} of {self.of})"


@dataclass(frozen=True)
class Figures:
    """What is measured of one part."""

    texts: int
    programs: int
    first: Share
    """Of the texts with one cause."""
    exact: Share
    """Of the texts with several."""
    as_far_as_set_up: Share
    """The same, of the candidates that were set up with the program."""
    within_three: Share
    confidently_wrong: Share

    @classmethod
    def of(cls, answers: Sequence[Answer]) -> Figures:
        """The figures of these answers."""
        one = [answer for answer in answers if len(answer.text.reasons) == 1]
        several = [answer for answer in answers if len(answer.text.reasons) > 1]
        return cls(
            texts=len(answers),
            programs=len({answer.of.program for answer in answers}),
            first=Share.counted(answer.right for answer in one),
            exact=Share.counted(answer.right for answer in several),
            as_far_as_set_up=Share.counted(answer.right_as_far_as_set_up for answer in several),
            within_three=Share.counted(answer.within_three for answer in answers),
            confidently_wrong=Share.counted(answer.confidently_wrong for answer in answers),
        )


class Truth:
    """What recordings tell of a text, all releases of its program together.

    Where programs pass on a library's words, all that do so count, as far as one text does not say more than
    the other: git has no number of libcurl's errors, and curl has two for some words.
    """

    def __init__(self, recordings: Iterable[Recording]) -> None:
        self._causes: defaultdict[_Words, set[Cause]] = defaultdict(set)
        self._set_up: defaultdict[_Words, set[str]] = defaultdict(set)
        for recording in recordings:
            heard: defaultdict[str, set[str]] = defaultdict(set)
            for text in recording.texts:
                heard[text.how] |= text.reasons
            for text in recording.texts:
                words = words_of(recording.program, text.text)
                self._causes[words].update(text.causes)
                self._set_up[words] |= heard[text.how]
        self._alike: defaultdict[_Words, set[_Words]] = defaultdict(set)
        for words in self._causes:
            if library := passed_on(words):
                self._alike[library].add(words)

    def _all_that_say(self, recording: Recording, text: Text) -> set[_Words]:
        """These words, and those of other programs that can be the same."""
        own = words_of(recording.program, text.text)
        library = passed_on(own)
        alike = {own, *(self._alike[library] if library else ())}
        with_a_number = {words for words in alike if words[0] != PASSES_ON}
        return {own} if own in with_a_number and len(with_a_number) > 1 else alike

    def of(self, recording: Recording, text: Text) -> Text:
        """The text with the causes of all set-ups in which the program said it."""
        words = self._all_that_say(recording, text)
        causes = set[Cause]().union(*(self._causes[one] for one in words))
        if recording.program == PASSES_ON:
            causes = {cause for cause in causes if cause.stage not in _OF_FTP}
        return replace(text, causes=tuple(sorted(causes)))

    def set_up(self, recording: Recording, text: Text) -> frozenset[str]:
        """The reasons with which the releases and ways that said this were heard at all."""
        words = self._all_that_say(recording, text)
        return frozenset[str]().union(*(self._set_up[one] for one in words))


def answers(folder: Path, *beside: Path) -> list[Answer]:
    """Every text of a folder with its answer; for its truth the recordings of the others count as well."""
    index, recordings = load_index(), list(load(folder))
    candidates_of = cache(lambda text: explain(text.encode(), index).candidates)
    truth = Truth([*recordings, *(one for other in beside for one in load(other))])
    found = []
    for recording in recordings:
        for text in recording.texts:
            candidates = candidates_of(text.text)
            reasons = tuple(dict.fromkeys(one.reason for one in candidates))
            sure = frozenset(one.reason for one in candidates if one.confidence == "high")
            found.append(
                Answer(
                    recording,
                    truth.of(recording, text),
                    reasons,
                    sure,
                    truth.set_up(recording, text),
                )
            )
    return found


#: What a row of the table is called, by the field of :class:`Figures`.
_ROWS = {
    "texts": "texts",
    "programs": "programs",
    "first": "one cause: it is the first candidate",
    "exact": "several causes: exactly these are the candidates",
    "as_far_as_set_up": "the same, of what was set up with the program",
    "within_three": "a true cause is within the first three",
    "confidently_wrong": "a wrong candidate with high confidence",
}


def table(parts: Mapping[str, Figures]) -> str:
    """The figures of parts as Markdown, by what a part is called."""
    rows = [["", *parts], ["---"] * (len(parts) + 1)]
    for field, name in _ROWS.items():
        rows.append([name, *(str(getattr(figures, field)) for figures in parts.values())])
    return "\n".join(f"| {' | '.join(row)} |".replace("|  |", "| |") for row in rows)


def _begin(part: str) -> str:
    """The line behind which the figures of a part stand, with the command that writes them."""
    asked = "" if part == _KNOWN else f' MEASURE="--held-out {part} --write"'
    return f"<!-- figures: make explain-measure{asked} -->"


def written(document: str, part: str = _KNOWN) -> str:
    """The figures of a part that stand in a document."""
    found = re.search(rf"{re.escape(_begin(part))}\n(.*?)\n{re.escape(_END)}", document, re.DOTALL)
    return found[1].strip() if found else ""


def put(document: str, figures: str, part: str = _KNOWN) -> str:
    """The document with other figures of a part.

    Raises:
        ValueError: it has no place for them.
    """
    if (begin := _begin(part)) not in document:
        raise ValueError(f"{DOCUMENT.name} has no line `{begin}`: write it, and `{_END}`, below it")
    before, rest = document.split(begin, 1)
    return f"{before}{begin}\n{figures}\n{_END}{rest.split(_END, 1)[1]}"


def misses(found: Iterable[Answer]) -> str:
    """What is not right, a few lines each."""
    lines = []
    for one in found:
        if one.right and not one.confidently_wrong:
            continue
        last = " / ".join(one.text.text.strip().splitlines()[:4])
        lines += [
            f"{one.of.name} ({one.text.how}): {', '.join(one.text.setups[:3])}",
            f"    is    {', '.join(sorted(one.text.reasons))}",
            f"    said  {', '.join(one.reasons) or 'nothing'}"
            + (f" (sure of {', '.join(sorted(one.sure_of))})" if one.confidently_wrong else ""),
            f"    text  {last[:300]}",
        ]
    return "\n".join(lines)


def main(argv: list[str] | None = None) -> int:
    """Measure and print; the exit status is 0."""
    parser = argparse.ArgumentParser(prog="python -m tests.explain.measure")
    parser.add_argument(
        "--held-out", choices=held_out(), help="measure this batch, and print its figures alone"
    )
    parser.add_argument("--write", action="store_true", help="put the figures into docs/explain.md")
    parser.add_argument(
        "--folder", type=Path, help="measure these recordings in place of the known ones"
    )
    arguments = parser.parse_args(argv)
    part = arguments.held_out or _KNOWN
    if arguments.held_out:
        found = answers(held_out()[part], KNOWN)
    else:
        found = answers(arguments.folder or KNOWN)
        sys.stdout.write(f"not right:\n{misses(found)}\n")
    figures = table({part.replace("_", " "): Figures.of(found)})
    sys.stdout.write(f"{figures}\n")
    if arguments.write:
        text = DOCUMENT.read_text(encoding="utf-8")
        DOCUMENT.write_text(put(text, figures, part), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
