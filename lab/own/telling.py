"""What the readers of servers' options have in common: phrases of their tables, rules, and what is presumed.

A table has ``phrases``, parts of sentences in both languages, and ``rule``, what options do to a delivery
together: a rule counts where every option that it names under ``when`` has a value that the pattern matches
as a whole. ``says`` and ``presumes`` are said of it, and with ``cannot`` the file is no input.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Generic, Protocol, TypeVar

from lab.own.findings import Findings, data
from lab.own.presumed import presumption
from lab.remedies.words import InBothLanguages
from lab.text import cut, listed


def phrase(table: str, name: str, /, **values: object) -> InBothLanguages:
    """The phrase of this name, filled in."""
    return InBothLanguages(**data(table)["phrases"][name]).format(**values)


class NumberedLine(Protocol):
    """A line that sets an option; as a text it is as it is shown."""

    @property
    def number(self) -> int:
        """Counted from 1."""


L = TypeVar("L", bound=NumberedLine)


class Telling(Generic[L]):
    """What is read, said and presumed of one file, as its table has it.

    Args:
        found: the findings, whose table it is.
    """

    def __init__(self, found: Findings) -> None:
        self.found = found
        self.seen: dict[str, L] = {}
        """The line of each option that holds, by the option's name."""
        self.fields: dict[str, Any] = {}
        """Those of the server's settings that lines set."""
        self.lines: dict[str, int] = {}
        """Where they do."""
        self.presumed: list[str] = []
        self._idle: list[tuple[str, int]] = []

    def presume(self, number: int | None, what: str) -> None:
        """Note what must hold on the operator's server, and the line that presumes it, if one does."""
        self.presumed.append(presumption(what, self.found.place(number)))

    def leave_out(self, name: str, number: int) -> None:
        """An option that has no part in an upload."""
        self._idle.append((name, number))

    def say_what_is_left_out(self) -> None:
        """All of them, once."""
        if not self._idle:
            return
        table = self.found.table
        each = [
            phrase(table, "on-line", name=name, where=self.found.in_words(at))
            for name, at in self._idle
        ]
        names = InBothLanguages(
            listed(one.en for one in each), listed((one.ja for one in each), language="ja")
        )
        self.found.say("no-effect", self._idle[0][1], names=names)

    def rules(
        self, value_of: Callable[[str], str | None]
    ) -> Iterator[tuple[Mapping[str, Any], str]]:
        """The rules that count, each with the option whose line it is about.

        Args:
            value_of: the value that the program has of an option; ``None``: the build has no such option.
        """
        for rule in data(self.found.table)["rule"]:
            values = {name: value_of(name) for name in rule["when"]}
            if all(
                value is not None and re.fullmatch(rule["when"][name], value)
                for name, value in values.items()
            ):
                yield rule, rule.get("line", next(iter(rule["when"])))

    def judge(
        self,
        rule: Mapping[str, Any],
        name: str,
        values: Mapping[str, str],
        unset: str,
        **more: object,
    ) -> None:
        """Say what options do together, and note what that presumes.

        Args:
            rule: of the table.
            name: the option whose line it is about.
            values: those that the program has, by option: they are filled in, with that line and its value.
            unset: in the place of the line, where none sets the option.
            more: what is filled in where the lab's server cannot do the same.

        Raises:
            InputError: it cannot.
        """
        line = self.seen.get(name)
        number = line.number if line else None
        shown = {key: cut(value) for key, value in values.items()}
        shown |= {"line": str(line or unset), "value": shown[name]}
        if rule.get("cannot"):
            says = rule["says"].partition(": ")[2].format(**shown)
            raise self.found.fail("cannot", number, says=says, **more)
        if "says" in rule:
            self.found.say_words(rule["says"], number, rule["says_ja"], **shown)
        if "presumes" in rule:
            self.presume(number, rule["presumes"].format(**shown))
