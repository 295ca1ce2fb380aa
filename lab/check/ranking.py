"""Remedies ranked by how many clients each brings in: the advice on all that is broken, held together.

What is advised for one client is a change that others live with as well. So each distinct change of the
server is tried against everybody of the check: whom it brings in, whom it loses, and whether it lets somebody
in who must be refused. A change of a client is that client's alone.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from lab.check.judging import judged
from lab.check.result import Demand, RankedRemedy, Row, RowVerdict
from lab.check.strongest import GUARDS
from lab.check.tries import SpentError, Tries
from lab.model import Attempt, ClientSettings, Rating
from lab.remedies import Remedy, as_written, in_the_lab, remedies_for, title_of
from lab.remedies.advice import TriedRemedy
from lab.remedies.lines import changes
from lab.remedies.races import RACES
from lab.remedies.words import joined

#: The ratings from the best on; what is useless is none.
_WORTH = (Rating.RECOMMENDED, Rating.TEMPORARY, Rating.UNSAFE)
#: So many of the ranked remedies are tried thoroughly.
MOST_PROVEN = 6


@dataclass
class _Candidate:
    """A change, as people write it."""

    remedy: TriedRemedy
    before: Attempt
    """What it was advised for."""
    of: list[Row] = field(default_factory=list)
    """The broken requirements of such clients for which it was advised."""

    @property
    def ends(self) -> set[str]:
        """Where something is written."""
        return {change.end for change in self.remedy.changes}

    @property
    def key(self) -> tuple[object, ...]:
        """What is written; a client's change is for its program, whoever else writes the same."""
        program = self.before.client.program if "client" in self.ends else ""
        return program, *((c.end, c.fields, c.was, c.write) for c in self.remedy.changes)


def ranked(demanded: Sequence[Row], tries: Tries) -> tuple[RankedRemedy, ...]:
    """The distinct remedies for what is broken, best first.

    None that loses nobody comes behind one that loses somebody; of those the one that brings in most clients
    is first; what is unsafe is last. What brings nobody in is none.

    Args:
        demanded: what came of the requirements, with the advice.
        tries: makes attempts.

    Raises:
        AgentError: a container or an agent failed.
    """
    made: list[RankedRemedy] = []
    # What was made before no more could be says itself how often it was tried.
    with suppress(SpentError):
        known = _candidates(demanded)
        candidates = list(known.values())
        # All side by side, before each is looked at.
        tries(a for one in candidates for d in demanded if (a := _changed(one, d)) is not None)
        quick = [_told(one, demanded, tries, thorough=False) for one in candidates]
        held = [pair for pair in zip(quick, candidates, strict=True) if pair[0].brings_in]
        held.sort(key=lambda pair: _order(pair[0]))
        made = [told for told, _ in held]
        for number, (_, candidate) in enumerate(held[:MOST_PROVEN]):
            made[number] = alone = _told(candidate, demanded, tries, thorough=True)
            for key, further in _behind_a_race(candidate, demanded, tries).items():
                if key in known:
                    continue
                both = _told(further, demanded, tries, thorough=True)
                made += [both] if {*both.brings_in} > {*alone.brings_in} else []
    return tuple(sorted((one for one in made if one.brings_in), key=_order))


def _order(one: RankedRemedy) -> tuple[bool, bool, int, int, bool, int]:
    return (
        one.rating is Rating.UNSAFE,
        bool(one.loses or one.breaks),
        -len(one.brings_in),
        _WORTH.index(one.rating),
        any(change.end == "client" for change in one.changes),
        sum(len(change.write) + len(change.was) for change in one.changes),
    )


def _candidates(demanded: Sequence[Row]) -> dict[object, _Candidate]:
    """The distinct changes that are advised, by what people write."""
    found: dict[object, _Candidate] = {}
    for one in demanded:
        advice = one.advice
        if advice is None or one.verdict is not RowVerdict.BROKEN:
            continue
        for remedy in advice.remedies:
            before = remedy.refused
            # What races for the client for which it was tried may still bring others in.
            if not remedy.completed or remedy.attempt is None or before is None:
                continue
            candidate = _Candidate(remedy, before)
            candidate = found.setdefault(candidate.key, candidate)
            # Rows that are refused alike share one advice, and a client's change is for its program.
            if before.client.program == one.requirement.attempt.client.program:
                candidate.of.append(one)
    return found


def _behind_a_race(
    candidate: _Candidate, demanded: Sequence[Row], tries: Tries
) -> dict[object, _Candidate]:
    """A change of the server with what ends the race into which it brings a client, by what people write."""
    found: dict[object, _Candidate] = {}
    if candidate.ends != {"server"}:
        return found
    for one in demanded:
        attempt = _changed(candidate, one)
        if attempt is None or one.verdict is not RowVerdict.BROKEN:
            continue
        outcomes = tries.outcomes(attempt)
        broken = [outcome.reason for outcome in outcomes if outcome.reason in RACES]
        if not broken or len(broken) == len(outcomes) or broken[0] is None:
            continue
        for remedy in remedies_for(broken[0], attempt):
            general = remedy.cure != "line" and remedy.rating is not Rating.UNSAFE
            if general and remedy.attempt.client == attempt.client:
                both = _both(candidate, one, attempt, remedy)
                behind = _Candidate(both, one.requirement.attempt)
                found.setdefault(behind.key, behind)
    return found


def _both(candidate: _Candidate, one: Row, attempt: Attempt, remedy: Remedy) -> TriedRemedy:
    """A change, and another one behind it."""
    first, title = candidate.remedy, title_of(attempt, remedy)
    own, before = one.requirement.own, one.requirement.attempt
    return dataclasses.replace(
        first,
        cures=(*first.cures, remedy.cure),
        title=joined([first.title, title]),
        rating=max(first.rating, remedy.rating, key=_WORTH.index),
        changes=changes(
            before,
            as_written(before, remedy.attempt, [remedy]),
            own.places,
            own.form,
            own.texts,
            own.named,
        ),
        attempt=remedy.attempt,
    )


def _told(
    candidate: _Candidate, demanded: Sequence[Row], tries: Tries, *, thorough: bool
) -> RankedRemedy:
    """What everybody makes of a change."""
    attempts = {one.requirement.id: _changed(candidate, one) for one in demanded}
    tried = [
        (one, attempt) for one in demanded if (attempt := attempts[one.requirement.id]) is not None
    ]
    tries((attempt for _, attempt in tried), thorough=thorough)
    brings_in, loses, breaks, number = [], [], [], 0
    for one, attempt in tried:
        rows = [judged(one.requirement, result) for result in tries.of(attempt)]
        number += len(rows)
        good = bool(rows) and all(row.verdict is RowVerdict.MET for row in rows)
        was_good = one.verdict is RowVerdict.MET
        if one.requirement.demand in GUARDS:
            breaks += [one.requirement.id] if was_good and not good else []
        elif good and not was_good:
            brings_in.append(one.client)
        elif was_good and not good:
            loses.append(one.client)
    return RankedRemedy(
        title=candidate.remedy.title,
        rating=candidate.remedy.rating,
        changes=candidate.remedy.changes,
        brings_in=tuple(brings_in),
        loses=tuple(loses),
        breaks=tuple(breaks),
        tries=number,
    )


def _changed(candidate: _Candidate, one: Row) -> Attempt | None:
    """The attempt that shows what a requirement comes to with a change; ``None``: it is not concerned."""
    attempt = one.requirement.attempt
    judgeable = one.verdict in (RowVerdict.MET, RowVerdict.BROKEN)
    after = candidate.remedy.attempt
    if not judgeable or after is None or attempt.server != candidate.before.server:
        return None
    advised = one in candidate.of
    if "server" not in candidate.ends:
        return _as_advised(candidate, attempt) if advised else None
    if one.requirement.demand not in (Demand.DELIVERS, *GUARDS):
        return None
    if advised and "client" in candidate.ends:
        return _as_advised(candidate, attempt)
    return in_the_lab(attempt, dataclasses.replace(attempt, server=after.server))


def _as_advised(candidate: _Candidate, attempt: Attempt) -> Attempt:
    """The change for a client that is refused as the one is for which it was tried."""
    before, after = candidate.before, candidate.remedy.attempt
    assert after is not None, "a candidate has what it leads to"
    if attempt == before:
        return after
    changed = dataclasses.replace(attempt, server=after.server)
    return changed.with_client(**dict(_differences(before.client, after.client, attempt.client)))


def _differences(
    before: ClientSettings, after: ClientSettings, client: ClientSettings
) -> Iterator[tuple[str, object]]:
    """What a change sets of a client, as far as this one has it."""
    known = {each.name for each in dataclasses.fields(client)} - {"platform", "policy"}
    for each in dataclasses.fields(after):
        if each.name in known:
            now = getattr(after, each.name)
            if getattr(before, each.name, None) != now:
                yield each.name, now
