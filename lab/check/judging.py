"""What the result of an attempt says of a requirement. Pure: nothing is made here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from operator import attrgetter
from pathlib import Path
from typing import Any, Final

from lab.check.result import Demand, Requirement, Row, RowVerdict, SourceLine
from lab.model import Outcome, Reason, Result, Stage
from lab.model.expectations import Verdict
from lab.model.software import HostDifference
from lab.own.configurations import reader_of
from lab.own.files import CONFIGURATION, Unreadable, check_regular, read
from lab.own.presumed import in_both_languages
from lab.record import AttemptResult, Chain
from lab.remedies.advice import Advice
from lab.remedies.causes import Evidence, cause_of
from lab.remedies.chains import ISSUER, likeness, sent
from lab.remedies.lines import LineChange, changes
from lab.remedies.words import (
    InBothLanguages,
    captured_in_words,
    joined,
    listed_in_both,
    read_words,
)
from lab.servers import server_of
from lab.text import cut

_WORDS: Final = Path(__file__).with_name("words.toml")
#: Causes that name what each end offers; both were asked for the advice.
_OF_BOTH_ENDS = (Reason.NO_SHARED_CIPHER, Reason.NO_SHARED_PROTOCOL)
#: Settings that decide, by what is demanded; the first that a file sets, and that is not on, is named.
_DECIDE = {
    Demand.VERIFIES: ("client.tls", "client.verify"),
    Demand.IMPOSTOR: ("client.tls", "client.verify", "client.trust"),
    Demand.WITHOUT_TLS: ("server.tls", "server.tls_required_login"),
    Demand.CLEAR_DATA: ("server.tls", "server.tls_required_data"),
}
#: How a server refuses a data channel in clear text: at the transfer, or PROT C itself.
_NO_CLEAR_DATA = (Reason.DATA_TLS_REQUIRED, Reason.PROTECTION_REFUSED)


def say(section: str, name: str, /, **values: object) -> InBothLanguages:
    """The words of this name, filled in."""
    return read_words(_WORDS)[section][name].format(**values)


def judged(wanted: Requirement, result: AttemptResult) -> Row:
    """What came of a requirement, by the attempt that shows it; a refused delivery has no advice yet."""
    outcome = result.outcome
    if outcome is None:
        cannot = result.verdict is Verdict.CANNOT
        verdict = RowVerdict.CANNOT if cannot else RowVerdict.LAB_ERROR
        why = result.verdict_why
        return Row(requirement=wanted, verdict=verdict, why=why, attempts=(result,))
    through = got_through(wanted.demand, outcome)
    report = result.client_report
    made: dict[str, Any] = {
        "requirement": wanted,
        "outcome": outcome,
        "completed": int(through),
        "tries": 1,
        "user_sees": report.message.strip() if report and not through else "",
        "attempts": (result,),
    }
    if wanted.demand is Demand.DELIVERS and not through and says_nothing(outcome):
        said = say("why", "not-judged", outcome=_in_words(outcome))
        return Row(verdict=RowVerdict.CANNOT, why=said.en, cause=said, **made)
    if wanted.demand is Demand.CLEAR_DATA and not through and outcome.reason not in _NO_CLEAR_DATA:
        said = say("why", "not-so-far", client=wanted.client, outcome=_in_words(outcome))
        return Row(verdict=RowVerdict.CANNOT, why=said.en, cause=said, **made)
    cause = _cause(wanted, result, outcome)
    if cause is None and (wanted.demand is not Demand.DELIVERS or through):
        return Row(verdict=RowVerdict.MET, **made)
    where = tuple(_where(wanted, result))
    remedy = _remedy(wanted)
    return Row(verdict=RowVerdict.BROKEN, cause=cause, where=where, remedy=remedy, **made)


def got_through(demand: Demand, outcome: Outcome) -> bool:
    """Whether a client got as far as a requirement is about.

    Who must deliver has not where the file is short; who must not get through has: a client that calls a
    short file delivered was refused by nobody.
    """
    if demand is Demand.DELIVERS:
        return outcome.result is Result.COMPLETED
    return outcome.result is not Result.REFUSED


def says_nothing(outcome: Outcome) -> bool:
    """Whether a refusal is of the lab's client alone, which was not told what the person's know."""
    return (
        outcome.stage is Stage.VERIFY
        and bool(outcome.not_judged)
        and not outcome.only_roots_stand_in
    )


def _in_words(outcome: Outcome) -> InBothLanguages:
    from lab.report.advice import outcome_in_words  # noqa: PLC0415 - most checks need none of it

    return InBothLanguages(outcome_in_words(outcome, "en"), outcome_in_words(outcome, "ja"))


def on_real_hosts(result: AttemptResult, *, always: bool) -> list[HostDifference]:
    """What a host of the distribution would do otherwise than the stand-in did.

    Args:
        result: of the attempt.
        always: what it does with every server, else what depends on one.
    """
    return [one for one in result.on_real_hosts if one.depends_on_server is not always]


def _cause(wanted: Requirement, result: AttemptResult, outcome: Outcome) -> InBothLanguages | None:
    """Why a requirement is broken by an attempt that got through; ``None``: it is not, or was refused."""
    if not got_through(wanted.demand, outcome):
        return None
    match wanted.demand:
        case Demand.OVER:
            return say("cause", "over", version=wanted.version, client=wanted.client)
        case Demand.WITHOUT_TLS:
            return say("cause", "without-tls")
        case Demand.CLEAR_DATA:
            return None if outcome.data_protected else say("cause", "clear-data")
        case Demand.IMPOSTOR:
            got = result.server_report.captured if result.server_report else None
            if got is None:
                return say("cause", "impostor-nothing")
            return say("cause", "impostor", captured=captured_in_words(got))
        case Demand.VERIFIES:
            if not wanted.attempt.client.uses_tls or outcome.protocol is None:
                return say("cause", "unprotected")
            return None if outcome.report.verified else say("cause", "unverified")
        case Demand.DELIVERS:
            known = on_real_hosts(result, always=True)
            said = joined(InBothLanguages(one.en, one.ja) for one in known)
            return say("cause", "real-host", said=said) if known else None


def _remedy(wanted: Requirement) -> tuple[LineChange, ...]:
    """What a server must say that lets somebody through without TLS."""
    attempt = wanted.attempt
    named = [name.partition(".") for name in _DECIDE.get(wanted.demand, ())]
    on = {field: True for end, _, field in named if end == "server"}
    if not on:
        return ()
    on = {name: value for name, value in on.items() if hasattr(attempt.server, name)}
    required = attempt.with_server(**on)
    if server_of(required.server).unsupported(required.server) is not None:
        # A program may require TLS for the data only where it does for the login.
        required = attempt.with_server(**on, tls_required_login=True)
    own = wanted.own
    return changes(attempt, required, own.places, own.form, own.texts, own.named)


def refused_in(row: Row) -> AttemptResult:
    """The try that decided."""
    return next(one for one in row.attempts if one.outcome == row.outcome)


def told(row: Row, advice: Advice, chain: Chain) -> Row:
    """A refused delivery with what is said of it.

    Args:
        row: without that.
        advice: on it, or on another one that was refused in the same way.
        chain: what the server was given.
    """
    outcome, result = row.outcome, refused_in(row)
    cause = row.cause or advice.cause
    if row.cause is None and outcome is not None and outcome.reason not in _OF_BOTH_ENDS:
        cause = cause_of(Evidence(result, chain))
    places = advice.where
    if outcome is not None and outcome.stage is Stage.VERIFY and outcome.reason and chain:
        # It is the certificate, or what is trusted, whatever else cures it.
        served = sent(result.server, chain)
        decides = likeness(outcome.reason, served, result.started).decides
        name = "client.trust" if decides is None else "server.certificate"
        if len(served) < len(chain) and outcome.reason in ISSUER:
            name = "server.certificate_chain"
        known = row.requirement.own.places_at(decides)
        places = (known[name],) if name in known else places
    return replace(row, advice=advice, cause=cause, where=row.where or source_lines(places))


# -- lines -------------------------------------------------------------------------------------------


def _where(wanted: Requirement, result: AttemptResult) -> Iterator[SourceLine]:
    """The line that decides, of what was not refused; where no line sets it, the file."""
    places = wanted.own.places
    if wanted.demand is Demand.DELIVERS:
        if result.outcome is not None and result.outcome.result is Result.COMPLETED:
            yield from source_lines([places[n] for n in ("server.ciphers",) if n in places])
        return
    if wanted.demand is Demand.OVER:
        yield from _switch(places.get("server.protocols", ""), wanted)
        return
    named = [n for n in _DECIDE[wanted.demand] if attrgetter(n)(wanted.attempt) is not True]
    found = [places[name] for name in named if name in places]
    end = _DECIDE[wanted.demand][0].partition(".")[0]
    others = [
        place.rpartition(":")[0] for name, place in places.items() if name.startswith(f"{end}.")
    ]
    yield from source_lines(found[:1] or others[:1])


def _switch(place: str, wanted: Requirement) -> Iterator[SourceLine]:
    """The line that lets an old version in."""
    named = [p for name, p in wanted.own.places.items() if name.startswith("server.")]
    file = (place or (named or [""])[0]).rpartition(":")[0]
    reader = reader_of(wanted.attempt.server)
    number = None
    if file and reader is not None:
        number = reader.reading.line_that_switches("\n".join(_lines(file)), wanted.version)
    if number is not None:
        yield from source_lines([f"{file}:{number}"])
    elif place or file:
        yield from source_lines([place or file])


def source_lines(places: Iterable[str]) -> tuple[SourceLine, ...]:
    """Places as ``FILE:LINE`` or ``FILE``, with what stands there."""
    return tuple(_source_line(place) for place in dict.fromkeys(places))


def _source_line(place: str) -> SourceLine:
    file, _, number = place.rpartition(":")
    if not file or not number.isdigit():
        return SourceLine(place)
    lines = _lines(file)
    at = int(number)
    text = lines[at - 1].strip() if at <= len(lines) else ""
    return SourceLine(file, at, "" if text.startswith("-----") else cut(text))


@cache
def _lines(file: str) -> Sequence[str]:
    """The lines of a regular file; a pipe has nothing a second time."""
    try:
        check_regular(Path(file))
        return read(Path(file), CONFIGURATION).decode("utf-8", "backslashreplace").split("\n")
    except Unreadable:
        return ()


# -- what holds of several rows ----------------------------------------------------------------------


def notes_on(rows: Sequence[Row]) -> tuple[InBothLanguages, ...]:
    """What is said once, of all rows that complete only under a condition or are not judged."""
    deliveries = [row for row in rows if row.requirement.demand is Demand.DELIVERS]
    outcomes = [row.outcome for row in deliveries if row.outcome is not None]
    notes: dict[InBothLanguages, None] = {}
    for presumed in (words for outcome in outcomes for words in outcome.presumed):
        notes[say("note", "presumed", what=in_both_languages(presumed))] = None
    for kind in (kind for outcome in outcomes for kind in outcome.not_judged):
        notes[say("note", kind)] = None
    hosts: dict[InBothLanguages, list[str]] = {}
    for row in deliveries:
        for known in (
            d for result in row.attempts[:1] for d in on_real_hosts(result, always=False)
        ):
            hosts.setdefault(InBothLanguages(known.en, known.ja), []).append(row.client)
    for said, clients in hosts.items():
        notes[say("note", "real-host", clients=listed_in_both(clients), said=said)] = None
    won = [row for row in deliveries if row.race and row.verdict is RowVerdict.MET]
    if won:
        named, times = listed_in_both(row.client for row in won), max(row.tries for row in won)
        notes[say("note", "race", clients=named, completed=times, tries=times)] = None
    return tuple(notes)
