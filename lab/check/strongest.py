"""The strongest configuration that serves all clients: found by :mod:`lab.check.search`, written, and proven.

What is proven is the file as it was written: it is read back, and everything that is demanded is made with
what was read. What the file said of anything else stands in it as it was.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.check.judging import judged
from lab.check.ladders import Ladders, Rungs
from lab.check.result import Demand, Requirement, Row, RowVerdict, Strongest, StrongestLine
from lab.check.search import Answer, Bound, Excluded, FoundConfiguration, Lost, Trial, search
from lab.check.tries import SpentError, Tries
from lab.grouping import grouped_by
from lab.model import Attempt, Result, ServerSettings
from lab.own.configurations import WritableConfiguration
from lab.own.rewriting import WrittenLine
from lab.record import AttemptResult
from lab.remedies.words import InBothLanguages, joined, listed_in_both, read_words
from lab.report.advice import refusal_in_words
from lab.servers import server_of

#: So many clients are named above a line.
MOST_NAMED = 3
#: So often the search begins again because its result did not hold in every try.
MOST_SEARCHES = 3
#: What is demanded of the server, so that a configuration can break it.
GUARDS = (Demand.OVER, Demand.WITHOUT_TLS, Demand.CLEAR_DATA)
_WORDS = Path(__file__).with_name("strongest.toml")


def say(section: str, name: str, /, **values: object) -> InBothLanguages:
    """The words of this name, filled in."""
    return read_words(_WORDS)[section][name].format(**values)


def strongest(
    demanded: Sequence[Row],
    server: ServerSettings,
    form: WritableConfiguration,
    tries: Tries,
    note: Callable[[InBothLanguages], object],
    language: str = "en",
) -> Strongest:
    """The strongest configuration that serves every client that must deliver, or most of them.

    Args:
        demanded: what came of the requirements with the file as it is; what cannot be tried plays no part.
        server: what the file comes to.
        form: the file.
        tries: makes attempts.
        note: told beforehand how much may be made.
        language: of the comments in the file, ``en`` or ``ja``.

    Raises:
        AgentError: a container or an agent failed.
    """
    judgeable = [one for one in demanded if one.verdict in (RowVerdict.MET, RowVerdict.BROKEN)]
    members, guards = _by_id(judgeable, (Demand.DELIVERS,)), _by_id(judgeable, GUARDS)
    ladders = Ladders(server, form.server)
    if not ladders.ladders:
        return Strongest(text="", notes=(say("said", "none-known", software=server.software),))
    if not members and _by_id(demanded, (Demand.DELIVERS,)):
        return Strongest(text="", notes=(say("said", "none-judged"),))
    most = {"most": tries.left, "seconds": f"{tries.seconds:g}"}
    note(say("said", "beforehand", options=len(ladders.ladders), **most))
    try:
        return _Finder(demanded, members, guards, form, tries, ladders, language).searched()
    except SpentError as error:
        return Strongest(text="", notes=(say("said", f"spent-{error.what}", most=error.most),))


@dataclass(frozen=True)
class _Finder:
    _all: Sequence[Row]
    _members: Mapping[str, Row]
    """Who must deliver, and whom the server must refuse, of those who can be tried here; by requirement."""
    _guards: Mapping[str, Row]
    _form: WritableConfiguration
    _tries: Tries
    _ladders: Ladders
    _language: str

    def searched(self) -> Strongest:
        for again in reversed(range(MOST_SEARCHES)):
            ladders = self._ladders
            found = search(
                ladders.ladders,
                list(self._members),
                self._ask,
                ladders.canonical,
                ladders.strongest,
                self._guards.keys(),
            )
            lines = self._lines(found)
            written = [
                WrittenLine(name, line.text, tuple(w.in_(self._language) for w in line.comment))
                for name, line in lines
            ]
            text = self._form.rewrite(self._form.text, written)
            read = self._read_back(text, found.at)
            if self._holds(found, read) or not again:
                break
        if self._members and not any(one in self._members for one in found.answers):
            # A file that serves nobody is nothing to offer.
            return Strongest(text="", notes=tuple(self._notes(found)), tries=self._tries.made)
        return Strongest(
            text=text,
            lines=tuple(line for _, line in lines),
            rows=tuple(self._row(one, read) for one in self._all),
            notes=tuple(self._notes(found)),
            served=tuple(self._members[m].client for m in found.answers if m in self._members),
            tries=self._tries.made,
        )

    # -- attempts --------------------------------------------------------------------------------

    def _ask(self, trials: Collection[Trial], thorough: bool) -> Mapping[Trial, Answer]:
        attempts = {trial: self._attempt(trial.member, trial.at) for trial in trials}
        self._tries(attempts.values(), thorough=thorough)
        return {
            trial: _answer(self._wanted(trial.member), self._tries.of(attempt))
            for trial, attempt in attempts.items()
        }

    def _wanted(self, member: str) -> Requirement:
        return (self._members.get(member) or self._guards[member]).requirement

    def _attempt(self, member: str, at: Rungs) -> Attempt:
        settings = self._ladders.settings(at)
        return dataclasses.replace(self._wanted(member).attempt, server=settings)

    def _read_back(self, text: str, at: Rungs) -> ServerSettings:
        """The settings that the written file comes to, which are those that were found."""
        found = self._ladders.settings(at)
        read = self._form.read(text)
        read = dataclasses.replace(read, certificate=found.certificate)
        if comparable(read) != comparable(found):
            raise AssertionError(f"{self._form.file} was not written as it was found: {read}")
        return read

    def _holds(self, found: FoundConfiguration, read: ServerSettings) -> bool:
        """Whether the written file serves everybody whom the search found it to serve, in every try."""
        attempts = {
            m: dataclasses.replace(self._wanted(m).attempt, server=read) for m in found.answers
        }
        self._tries(attempts.values(), thorough=True)
        good = True
        for member, attempt in attempts.items():
            results = self._tries.of(attempt)
            good &= _answer(self._wanted(member), results).good
            self._tries.know_as(self._attempt(member, found.at), results)
        return good

    def _row(self, one: Row, read: ServerSettings) -> Row:
        """What a requirement comes to with the written file."""
        judged_before = one.verdict in (RowVerdict.MET, RowVerdict.BROKEN)
        if not judged_before or one.requirement.attempt.server != self._ladders.base:
            return one
        attempt = dataclasses.replace(one.requirement.attempt, server=read)
        self._tries([attempt], thorough=True)
        results = self._tries.of(attempt)
        rows = [judged(one.requirement, result) for result in results]
        decides = next((row for row in rows if row.verdict is not RowVerdict.MET), rows[0])
        answer = _answer(one.requirement, results)
        return dataclasses.replace(
            decides,
            completed=answer.completed,
            tries=answer.tries,
            race=answer.tries > 1,
            attempts=tuple(results),
        )

    # -- lines -----------------------------------------------------------------------------------

    def _lines(self, found: FoundConfiguration) -> list[tuple[str, StrongestLine]]:
        """Every line that the search set, by the name of its option."""
        now = self._ladders.lines(found.at)
        about: dict[str, list[int]] = {}
        for option, ladder in enumerate(self._ladders.ladders):
            if not ladder.keep or found.at[option]:
                for name in sorted(self._ladders.names[option]):
                    about.setdefault(name, []).append(option)
        return [
            (name, self._line(found, name, now.get(name, ""), self._closest(options)))
            for name, options in about.items()
        ]

    def _closest(self, options: Sequence[int]) -> list[int]:
        """Of the ladders that a line belongs to those that are about the fewest lines beside it."""
        fewest = min(len(self._ladders.names[option]) for option in options)
        return [one for one in options if len(self._ladders.names[one]) == fewest]

    def _line(
        self, found: FoundConfiguration, name: str, text: str, options: Sequence[int]
    ) -> StrongestLine:
        bounds = [one for one in found.bounds if one.option in options]
        lost = [self._name(each.member) for one in bounds for each in one.lost]
        ladders = self._ladders.ladders
        comment = [words for option in options for words in self._comment(found, option)]
        comment += [
            say("line", "left-out", word=one.word, because=one.because)
            for one in self._ladders.left_out(name)
        ]
        return StrongestLine(
            text=text,
            purpose=joined([ladders[option].purpose for option in options]),
            comment=tuple(comment),
            next_stronger="; ".join(self._value(found, one).en for one in bounds),
            loses=tuple(dict.fromkeys(lost)),
        )

    def _comment(self, found: FoundConfiguration, option: int) -> Iterator[InBothLanguages]:
        """What is said above a line: what it is for, whom it lets in, whom one step stronger would lose."""
        ladder, rung = self._ladders.ladders[option], found.at[option]
        bound = next((one for one in found.bounds if one.option == option), None)
        value = ladder.rungs[rung]
        if value.lets_in is not None:
            yield say("line", "weaker", purpose=ladder.purpose, whom=value.lets_in)
        else:
            yield say("line", "strongest", purpose=ladder.purpose)
        if bound is not None:
            yield say("line", "bound", value=self._value(found, bound), lost=self._lost(bound.lost))
            if value.weak and len(bound.lost) == 1:
                yield say("line", "one-old-client", client=self._name(bound.lost[0].member))
        elif rung and not ladder.keep:
            yield say("line", "impossible")

    def _value(self, found: FoundConfiguration, bound: Bound) -> InBothLanguages:
        """The stronger value; of a switch, a line that is not there, and several fields, as a file has it."""
        option = bound.option
        value = self._ladders.ladders[option].rungs[bound.stronger].value
        if value is not None and not isinstance(value, (bool, tuple)):
            return InBothLanguages(str(value), str(value))
        stronger = (*found.at[:option], bound.stronger, *found.at[option + 1 :])
        now, then = self._ladders.lines(found.at), self._ladders.lines(stronger)
        lines = [
            InBothLanguages(then[name], then[name])
            if name in then
            else say("line", "without", line=now[name])
            for name in sorted(self._ladders.names[option])
            if now.get(name) != then.get(name)
        ]
        return joined(lines)

    def _name(self, member: str) -> str:
        """Who that is: a client, or the requirement that nobody gets through."""
        known = self._members.get(member)
        return known.client if known is not None else member

    def _lost(self, lost: Sequence[Lost]) -> InBothLanguages:
        """Who is lost, those together who are refused alike; of a race the worst rate of them."""
        alike = grouped_by(lost, lambda one: self._refusal(one.member, one.answer))
        said = []
        for refusal, each in alike.items():
            clients = listed_in_both([self._name(one.member) for one in each], MOST_NAMED)
            worst = max(
                (one.answer for one in each), key=lambda a: (a.tries - a.completed) / a.tries
            )
            rate = {"refused": worst.tries - worst.completed, "tries": worst.tries}
            name = "lost-in-a-race" if 0 < worst.completed < worst.tries else "lost"
            said.append(say("line", name, clients=clients, refusal=refusal, **rate))
        return joined(said)

    def _refusal(self, member: str, answer: Answer) -> InBothLanguages:
        """Stage and reason of a refusal; what it is instead, where nobody is refused."""
        outcome = answer.outcome
        if outcome is None:
            return say("line", "not-tried")
        if outcome.result is Result.COMPLETED:
            return say("line", "real-host" if member in self._members else "got-through")
        return InBothLanguages(*(refusal_in_words(outcome, language) for language in ("en", "ja")))

    # -- below the table -------------------------------------------------------------------------

    def _notes(self, found: FoundConfiguration) -> Iterator[InBothLanguages]:
        """Of whom it does not serve: why, those together of whom the same is to be said."""
        if not any(one in self._members for one in found.answers):
            yield say("said", "serves-nobody")

        def said_of(one: Excluded) -> object:
            refusal = self._refusal(one.member, one.answer)
            return refusal, one.needs, tuple(lost.member for lost in one.by)

        for each in grouped_by(found.excluded, said_of).values():
            yield self._excluded(each, found)

    def _excluded(self, each: Sequence[Excluded], found: FoundConfiguration) -> InBothLanguages:
        one = each[0]
        words = {
            "clients": listed_in_both([self._name(o.member) for o in each], MOST_NAMED),
            "refusal": self._refusal(one.member, one.answer),
            # Of English alone; Japanese has no plural.
            "are": "is" if len(each) == 1 else "are",
        }
        if one.needs is None:
            return say("said", "not-served", **words)
        lines, now = self._ladders.lines(one.needs), self._ladders.lines(found.at)
        wanted = [line for name, line in lines.items() if now.get(name) != line]
        needs = InBothLanguages("; ".join(wanted), "、".join(wanted))
        if not one.by:
            return say("said", "excluded-by-nobody", needs=needs, **words)
        return say("said", "excluded", needs=needs, lost=self._lost(one.by), **words)


def _by_id(demanded: Sequence[Row], demands: Collection[Demand]) -> dict[str, Row]:
    return {one.requirement.id: one for one in demanded if one.requirement.demand in demands}


def _answer(wanted: Requirement, results: Sequence[AttemptResult]) -> Answer:
    """What the tries of one attempt come to."""
    rows = [judged(wanted, result) for result in results]
    bad = next((row for row in rows if row.verdict is not RowVerdict.MET), None)
    return Answer(
        good=bool(rows) and bad is None,
        completed=sum(row.completed for row in rows),
        tries=sum(row.tries for row in rows),
        outcome=(bad or rows[0]).outcome if rows else None,
    )


def comparable(settings: ServerSettings) -> ServerSettings:
    """The settings without what does not reach the server: conditions, and how further lines are ordered."""
    changes: dict[str, Any] = {}
    server = server_of(settings)
    if hasattr(settings, "presumed"):
        changes["presumed"] = ()
    if hasattr(settings, "extra"):
        # Of an option that adds up it is the same in which of its lines a word stands, and how often.
        words = {one: server.option_of(one) in server.adds_up for one in settings.extra}
        alone = [one for one, adds_up in words.items() if not adds_up]
        alone += {
            f"{server.option_of(one)}={word}"
            for one, adds_up in words.items()
            if adds_up
            for word in one.partition("=")[2].split()
        }
        changes["extra"] = tuple(sorted(alone))
    return dataclasses.replace(settings, **changes)
