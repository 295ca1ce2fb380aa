"""What the readers of servers' options have in common: phrases of their tables, rules, and what is presumed.

A table has ``phrases``, parts of sentences in both languages, and ``rule``, what options do to a delivery
together: a rule counts where every option that it names under ``when`` has a value that the pattern matches
as a whole. ``says`` and ``presumes`` are said of it, and with ``cannot`` the file is no input.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from lab.own.findings import Findings, data
from lab.own.presumed import presumption
from lab.remedies.words import InBothLanguages
from lab.text import listed


def phrase(table: str, name: str, /, **values: object) -> InBothLanguages:
    """The phrase of this name, filled in."""
    return InBothLanguages(**data(table)["phrases"][name]).format(**values)


def presumptions(table: str, *phrases: str) -> Iterator[InBothLanguages]:
    """Every wording of what a table presumes, and these phrases, with the places of their values."""
    known = data(table)
    for row in (*known["option"].values(), *known["rule"]):
        if "presumes" in row:
            yield InBothLanguages(row["presumes"], row["presumes_ja"])
    for name in phrases:
        yield InBothLanguages(**known["phrases"][name])


class Telling:
    """What is said and presumed of one file, as its table has it.

    Args:
        found: the findings, whose table it is.
    """

    def __init__(self, found: Findings) -> None:
        self.found = found
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
        number: int | None,
        shown: Mapping[str, str],
        **more: object,
    ) -> None:
        """Say what options do together, and note what that presumes.

        Args:
            rule: of the table.
            number: the line that it is about.
            shown: what is filled in.
            more: what is filled in where the lab's server cannot do the same.

        Raises:
            InputError: it cannot.
        """
        if rule.get("cannot"):
            says = rule["says"].partition(": ")[2].format(**shown)
            raise self.found.fail("cannot", number, says=says, **more)
        if "says" in rule:
            self.found.say_words(rule["says"], number, rule["says_ja"], **shown)
        if "presumes" in rule:
            self.presume(number, rule["presumes"].format(**shown))
