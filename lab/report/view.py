"""A record's cases as every report shows them: in the order of the record, each with all its clients."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lab.model import Attempt, ClientSettings, ServerSettings, set_fields, spelt
from lab.record import AttemptResult, CaseRecord, RunRecord, gravest

#: Settings that name an end instead of describing it.
NAMES = frozenset({"software", "program", "platform", "policy"})
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")


@dataclass(frozen=True)
class ClientView:
    """A case from one client."""

    case: CaseRecord
    attempts: tuple[AttemptResult, ...]
    """In the case's order; those that were not made are left out."""
    unfinished: bool = False
    """Whether the run ended before the case was done."""


@dataclass(frozen=True)
class CaseView:
    """A case from every client."""

    clients: tuple[ClientView, ...]

    @property
    def section(self) -> tuple[str, str]:
        """The document and the section of it that the case is about."""
        return self._first.document, self._first.section

    @property
    def name(self) -> str:
        """Its name, by which it can be run."""
        return self._first.name

    @property
    def title(self) -> str:
        """What it is about, in words: the first sentence of its story; code is between backquotes."""
        told = self._sentences[0].replace("``", "`").removesuffix(".")
        return told or (self._first.title or self.name).strip()

    @property
    def story(self) -> tuple[str, ...]:
        """What its author says beyond the title, a paragraph each; code is between backquotes."""
        paragraphs = [" ".join(self._sentences[1:]), *self._paragraphs[1:]]
        return tuple(text.replace("``", "`") for text in paragraphs if text)

    @property
    def _first(self) -> CaseRecord:
        return self.clients[0].case

    @property
    def _paragraphs(self) -> list[str]:
        return [" ".join(part.split()) for part in self._first.story.strip().split("\n\n")]

    @property
    def _sentences(self) -> list[str]:
        return _SENTENCE_END.split(self._paragraphs[0])


def cases_of(record: RunRecord) -> tuple[CaseView, ...]:
    """The cases of a record, in the order in which they first come."""
    return _grouped(ClientView(case, record.attempts_of(case)) for case in record.cases)


def everything_in(record: RunRecord) -> tuple[CaseView, ...]:
    """The cases of a record, those that the run did not finish, and attempts in no case."""
    return _grouped(
        [*(ClientView(case, record.attempts_of(case)) for case in record.cases), *_others(record)]
    )


def by_section(cases: Sequence[CaseView]) -> dict[tuple[str, str], list[CaseView]]:
    """Cases by document and section, in the order in which these first come."""
    sections: dict[tuple[str, str], list[CaseView]] = {}
    for case in cases:
        sections.setdefault(case.section, []).append(case)
    return sections


def written(value: object) -> str:
    """A setting's value as it is given on a command line."""
    return " ".join(map(str, value)) if isinstance(value, tuple) else spelt(value)


def settings(end: ServerSettings | ClientSettings) -> list[tuple[str, object]]:
    """What is set at one end, by name; defaults, and what names the end, are left out."""
    return [(name, value) for name, value in set_fields(end).items() if name not in NAMES]


def _grouped(clients: Iterator[ClientView] | Sequence[ClientView]) -> tuple[CaseView, ...]:
    groups: dict[tuple[str, str, str], list[ClientView]] = {}
    for one in clients:
        key = (one.case.document, one.case.section, one.case.name)
        groups.setdefault(key, []).append(one)
    return tuple(CaseView(tuple(many)) for many in groups.values())


def _others(record: RunRecord) -> Iterator[ClientView]:
    placed = {identity for case in record.cases for identity in case.attempts}
    unfinished: dict[str, list[AttemptResult]] = {}
    alone: dict[Attempt, list[AttemptResult]] = {}
    for attempt in record.attempts:
        if attempt.id in placed:
            continue
        if attempt.case is not None:
            unfinished.setdefault(attempt.case, []).append(attempt)
        else:
            alone.setdefault(attempt.attempt, []).append(attempt)
    for identity, many in unfinished.items():
        name, _, label = identity.partition("[")
        title = name.rpartition("/")[2].replace("_", " ")
        yield ClientView(
            _made_up(identity, name, label.removesuffix("]"), title, many), tuple(many), True
        )
    for made, many in alone.items():
        words = [
            f"{n}={written(v)}" for end in (made.server, made.client) for n, v in settings(end)
        ]
        name, client = " ".join([made.server.software, *words]), str(made.client)
        yield ClientView(_made_up(f"{name} {client}", name, client, name, many), tuple(many))


def _made_up(
    identity: str, name: str, label: str, title: str, attempts: Sequence[AttemptResult]
) -> CaseRecord:
    """A case of which the record has attempts and nothing else."""
    verdict = gravest(attempt.verdict for attempt in attempts)
    return CaseRecord(id=identity, name=name, label=label, title=title, verdict=verdict)
