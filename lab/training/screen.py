"""Pages of a terminal for somebody who reads along: pauses, questions, and nothing wider than 80 columns."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.control import strip_control_codes
from rich.text import Text

from lab.model import Reason
from lab.record import AttemptResult
from lab.remedies.words import InBothLanguages
from lab.report import view
from lab.report.layout import COLUMNS, hang, hung, padded
from lab.training.words import reason_in_words, say

#: Lines of a page where nobody says how many there are: an old terminal, a projector.
ROWS = 24
#: Columns of the labels on the left.
_LABEL = 11


class ReaderLeft(Exception):
    """Whoever read has left before the end."""


class Screen:
    """Where a story is told: line by line, with a pause where it is to be read or answered."""

    def __init__(self, console: Console, language: str, *, pauses: bool) -> None:
        """Nothing is shown yet.

        Args:
            console: where to; its height says how long a page is.
            language: ``en`` or ``ja``.
            pauses: wait for somebody; without, everything is shown in one go.
        """
        self._console, self.pauses = console, pauses
        self.language = "ja" if language == "ja" else "en"
        self.columns = min(console.width, COLUMNS)
        # What has no colours and no terminal is shown without the library that colours.
        self._plain = console.color_system is None and not console.is_terminal
        self._rows = max(console.height if console.is_terminal else ROWS, 10)
        self._shown = 0

    def heading(self, number: int, of: int, words: InBothLanguages) -> None:
        """The head of a step."""
        text = f"-- {number}/{of}  {words.in_(self.language)} "
        rest = self.columns - Text(text).cell_len
        self.lines([Text(), Text(text + "-" * max(rest, 0), "bold cyan")])

    def say(self, words: InBothLanguages, style: str = "") -> None:
        """A paragraph."""
        self.text("", words.in_(self.language), style)

    def text(self, prefix: str, words: str, style: str = "") -> None:
        """The same of plain text, behind a prefix."""
        self._hanging(Text(prefix), words, style)

    def pair(self, label: InBothLanguages, words: str | InBothLanguages, style: str = "") -> None:
        """A text behind its label."""
        text = words.in_(self.language) if isinstance(words, InBothLanguages) else words
        head = Text(f"  {padded(label.in_(self.language), _LABEL)}", "dim")
        self._hanging(head, text, style)

    def _hanging(self, head: Text, words: str, style: str) -> None:
        if self._plain:
            self.lines(hung(head.plain, strip_control_codes(words), self.columns))
        else:
            self.lines(hang(head, Text(words, style), self.columns))

    def lines(self, lines: Iterable[Text | str]) -> None:
        """Lines as they are; before one that a page has no room for, somebody is waited for."""
        for line in lines:
            if self.pauses and self._shown >= self._rows - 2:
                self._wait("more")
            if self._plain and "\t" not in line:
                self._console.file.write(f"{line}\n")
            else:
                self._console.print(Text(line) if isinstance(line, str) else line, soft_wrap=True)
            self._shown += 1
        self._console.file.flush()

    def pause(self) -> None:
        """Wait until it is read."""
        if self.pauses:
            self._wait("next")

    def ask(self, prompt: InBothLanguages, most: int) -> int:
        """The number that is answered, from 1 to ``most``; 0: only Enter, or nobody is asked.

        Raises:
            ReaderLeft: whoever reads has left.
        """
        if not self.pauses:
            return 0
        given = self._read(prompt.in_(self.language))
        while given and not (given.isdecimal() and len(given) < 4 and 1 <= int(given) <= most):
            self._shown = 0
            self.say(say("page", "number", most=most), "yellow")
            given = self._read(prompt.in_(self.language))
        self._shown = 0
        return int(given or 0)

    def _wait(self, name: str) -> None:
        self._read(f"  [{say('page', name).in_(self.language)}]")
        self._shown = 0

    def _read(self, prompt: str) -> str:
        self._console.print(Text(prompt + " ", "dim"), end="", soft_wrap=True)
        try:
            answer = sys.stdin.readline()
        except UnicodeDecodeError:
            answer = "\n"
        if not answer:  # the end of the input
            self._console.print()
            raise ReaderLeft
        self._shown += 1
        if answer.strip().lower() in {"q", "quit"}:
            raise ReaderLeft
        return answer.strip()


# -- a question with its candidates ------------------------------------------------------------------


def show_message(screen: Screen, row: AttemptResult, most: int) -> None:
    """What the user of the client sees, at most so many lines of it, and what only stands in here."""
    report = row.client_report
    message = view.excerpt(report.message if report else "", most, screen.language)
    missing = "silent" if report and not report.failed else "without_words"
    words = message or say("attempt", missing).in_(screen.language)
    for line in words.split("\n"):
        screen.text("    ", line, "bold" if message else "dim")
    for name in row.stand_ins:
        screen.say(say("situation", "stand_in", name=name), "dim")


def offer(screen: Screen, offered: Sequence[Reason | None]) -> None:
    """The question, and the candidates with their numbers."""
    screen.say(say("guess", "question"), "bold")
    for number, reason in enumerate(offered, start=1):
        screen.text(f"  {number}  ", reason_in_words(reason).in_(screen.language))


def answer(
    screen: Screen, offered: Sequence[Reason | None], right: Reason | None, given: int
) -> bool:
    """Say which candidate is right; whether its number was given (0: none was)."""
    correct = reason_in_words(right)
    if not given:
        screen.say(say("guess", "answer", reason=correct), "bold green")
        return False
    guess = offered[given - 1]
    if guess is right:
        screen.say(say("guess", "right", reason=correct), "bold green")
        return True
    screen.say(say("guess", "wrong", guess=reason_in_words(guess), reason=correct), "bold red")
    return False
