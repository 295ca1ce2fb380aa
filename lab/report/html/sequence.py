"""What happened between client and server, stage by stage: an outcome and a server's log as a sequence.

Which stages were passed follows from the outcome alone. Where the server wrote down the FTP dialogue,
its commands and replies are shown at their stage, in the order in which they came.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from lab import model
from lab.dialects import DialectError, server_dialect
from lab.model import Goal, Outcome, Reason, Result, Side, Stage
from lab.record import AttemptResult
from lab.report.html.language import Text, code, inline, joined, reason_words, say, word

#: A sequence shows at most so many commands and replies.
MOST_MESSAGES = 28

# Commands in the order of the stages (RFC 959, 2228, 2428, 4217); another one belongs to where it is.
_STAGE_OF = {
    "AUTH": Stage.AUTH,
    **dict.fromkeys(("USER", "PASS", "ACCT"), Stage.LOGIN),
    **dict.fromkeys(("PBSZ", "PROT"), Stage.PROTECT),
    **dict.fromkeys(
        ("TYPE", "PASV", "EPSV", "PORT", "EPRT", "ALLO", "STOR", "PWD", "CWD", "SIZE", "RNTO"),
        Stage.TRANSFER,
    ),
    "QUIT": Stage.CLOSE,
}
_BEFORE_LOGIN = tuple(itertools.takewhile(lambda stage: stage is not Stage.LOGIN, Stage))
_DATA_OPENS = ("150", "125")


#: A line between the ends, or at one of them, and what is said: ``right``, ``left`` (an arrow to the
#: server, to the client), ``command``, ``reply`` (the same in an end's own words), ``data``, ``clear`` (a
#: protected data channel, one in clear text) or ``note``.
Message = tuple[str, Text]
#: A line of the FTP dialogue as the server wrote it down: whether it went to the server, and its text.
Said = tuple[bool, str]


@dataclass
class Band:
    """One stage: what was said in it, and whether it was the last."""

    stage: Stage
    messages: list[Message] = field(default_factory=list)
    ended_by: Side | None = None
    """Who ended the attempt here; ``None``: the stage was passed."""
    ending: Text | None = None


@dataclass
class Happened:
    """All stages of an attempt."""

    bands: list[Band]
    not_reached: tuple[Text, ...] = ()
    goal: Text | None = None


def stages_of(attempt: AttemptResult, goal: Goal) -> tuple[Stage, ...]:
    """The stages that an attempt with these settings passes on the way to its goal."""
    client = attempt.client
    tls = [Stage.HANDSHAKE, Stage.VERIFY] if client.uses_tls else []
    stages = [Stage.RESOLVE, Stage.CONNECT]
    if isinstance(client, model.WebClientSettings):
        return (*stages, *tls, *([Stage.RESPONSE] if goal is Goal.RESPONSE else []))
    if client.tls_first:
        stages += [*tls, Stage.GREETING]
    else:
        stages += [Stage.GREETING, *([Stage.AUTH] if tls else []), *tls]
    if goal is not Goal.HANDSHAKE:
        stages.append(Stage.LOGIN)
    if goal is Goal.TRANSFER:
        stages += [*([Stage.PROTECT] if tls else []), Stage.TRANSFER]
    return tuple(stages)


def sequence_of(attempt: AttemptResult) -> Happened | None:
    """The sequence of an attempt; ``None`` if nothing was observed."""
    outcome = attempt.outcome
    if outcome is None:
        return None
    planned = stages_of(attempt, outcome.goal)
    log = attempt.server_report.log if attempt.server_report else ""
    said = _dialogue(attempt.server.software, log)
    opening = [s for s in planned if s in _BEFORE_LOGIN]
    last = outcome.stage
    if last in opening:
        opening = opening[: opening.index(last) + 1]
    bands = [Band(stage, list(_opening(stage, attempt, outcome, said))) for stage in opening]
    if last not in _BEFORE_LOGIN:
        rest = [s for s in planned if s not in _BEFORE_LOGIN]
        bands += _session_bands(rest, attempt, outcome, said)
    if outcome.result is Result.COMPLETED:
        return Happened(bands, goal=say("step.reached_goal", goal=word("goal", str(outcome.goal))))
    bands = _stopped(bands, outcome)
    reached = {band.stage for band in bands}
    missing = tuple(word("stage", str(s)) for s in planned if s not in reached)
    return Happened(bands, not_reached=missing)


def _dialogue(software: str, log: str) -> Sequence[Said]:
    try:
        return server_dialect(software).dialogue(log)
    except DialectError:  # a server program that this lab does not know
        return ()


def _stopped(bands: list[Band], outcome: Outcome) -> list[Band]:
    """The bands up to where it ended; there the ending is added."""
    stage = outcome.stage or Stage.CLOSE
    by = outcome.by or Side.UNKNOWN
    ending = say(f"step.ended_{by}", reason=reason_words(outcome.reason or Reason.UNKNOWN))
    if outcome.verify_code is not None:
        ending = say("step.with_number", ending=ending, number=outcome.verify_code)
    places = [i for i, band in enumerate(bands) if band.stage is stage]
    kept = bands[: places[-1] + 1] if places else [*bands, Band(stage)]
    kept[-1].ended_by, kept[-1].ending = by, ending
    return kept


def _opening(
    stage: Stage, attempt: AttemptResult, outcome: Outcome, said: Sequence[Said]
) -> Iterator[Message]:
    """A stage before the login: the same in every session, with the server's own words if known."""
    here = outcome.stage is stage
    if stage is Stage.RESOLVE and attempt.client.host != model.HOST_ADDRESS:
        # Of an address there is nothing to look up.
        yield "note", say("step.lookup", host=code(attempt.client.host or _host(attempt), 80))
    elif stage is Stage.CONNECT and outcome.reason is not Reason.USAGE_ERROR:
        yield "right", say("step.connection")
    elif stage is Stage.GREETING and not here:
        greeting = itertools.takewhile(lambda one: not one[0], said)
        yield from [_message(one) for one in greeting] or [("left", say("step.greets"))]
    elif stage is Stage.AUTH:
        yield from [_message(one) for one in _auth(said)] or [("command", Text.same("AUTH TLS"))]
    elif stage is Stage.HANDSHAKE and outcome.reason is not Reason.CIPHER_LIST_EMPTY:
        yield from _handshake(attempt, outcome)
    elif stage is Stage.VERIFY and not here:
        yield "note", _verified(attempt, outcome)


def _host(attempt: AttemptResult) -> str:
    try:
        return attempt.server.host
    except KeyError:  # a server program that this lab does not know: a record from another lab
        return attempt.server.software


def _handshake(attempt: AttemptResult, outcome: Outcome) -> Iterator[Message]:
    yield "right", say("step.client_hello")
    if outcome.stage is Stage.HANDSHAKE:
        return
    yield "left", say("step.server_hello", certificate=code(attempt.server.certificate, 60))
    if outcome.protocol:
        named = {"protocol": inline(outcome.protocol, 20), "cipher": inline(outcome.cipher or "?")}
        yield "note", say("step.established", **named)


def _verified(attempt: AttemptResult, outcome: Outcome) -> Text:
    if attempt.client.pin and outcome.verified is not False:
        return say("step.pinned")
    if outcome.not_judged:
        return say("step.not_judged")
    checked = attempt.client.verify and outcome.verified is not False
    return say("step.verified" if checked else "step.not_checked")


def _auth(said: Sequence[Said]) -> Iterator[Said]:
    """Every AUTH with the replies that follow it."""
    inside = False
    for one in said:
        if one[0]:
            inside = _verb(one) == "AUTH"
        if inside:
            yield one


def _session_bands(
    planned: Sequence[Stage], attempt: AttemptResult, outcome: Outcome, said: Sequence[Said]
) -> list[Band]:
    """The stages from the login on, in the order in which the client went through them."""
    bands: list[Band] = []
    stage: Stage | None = None
    shown = left_out = 0
    for one in said:
        to_server, text = one
        if to_server:
            stage = _STAGE_OF.get(_verb(one), stage)
        if stage is None or stage in _BEFORE_LOGIN:
            continue
        if stage is Stage.CLOSE and outcome.stage is not Stage.CLOSE:
            break
        if shown == MOST_MESSAGES:
            left_out += 1
            continue
        shown += 1
        if not bands or bands[-1].stage is not stage:
            bands.append(Band(stage))
        bands[-1].messages.append(_message(one))
        if stage is Stage.TRANSFER and not to_server and text.startswith(_DATA_OPENS):
            bands[-1].messages += _data(attempt, outcome)
    if left_out:
        bands[-1].messages.append(("note", say("step.more", n=left_out)))
    return bands + list(_without_words(planned, bands, attempt, outcome))


def _without_words(
    planned: Sequence[Stage], bands: Sequence[Band], attempt: AttemptResult, outcome: Outcome
) -> Iterator[Band]:
    """Stages that were passed and of which the log says nothing."""
    seen = {band.stage for band in bands}
    for stage in planned:
        if outcome.stage is stage and stage is not Stage.RESPONSE:
            return
        if stage is Stage.RESPONSE:
            yield Band(stage, list(_response(attempt)))
        elif stage not in seen:
            yield Band(stage, _data(attempt, outcome) if stage is Stage.TRANSFER else [])


def _response(attempt: AttemptResult) -> Iterator[Message]:
    """A web client's request and what came back."""
    yield "right", Text.same(code("GET / HTTP/1.1"))
    status = attempt.client_report.reply_code if attempt.client_report else None
    if status is not None:
        yield "left", Text.same(code(f"HTTP/1.1 {status}"))


def _data(attempt: AttemptResult, outcome: Outcome) -> list[Message]:
    if outcome.data_protected is None or not isinstance(attempt.client, model.FtpClientSettings):
        return []
    parts = [say("step.data_tls" if outcome.data_protected else "step.data_clear")]
    if outcome.data_protected and outcome.session_reused is not None:
        parts.append(say("step.reused" if outcome.session_reused else "step.new_session"))
    parts.append(say("step.sent", n=f"{attempt.client.payload:,}"))
    stored = attempt.server_report.stored_bytes if attempt.server_report else None
    if stored is not None:
        parts.append(say("step.stored", n=f"{stored:,}"))
    return [("data" if outcome.data_protected else "clear", joined(parts))]


@lru_cache(maxsize=4096)
def _message(one: Said) -> Message:
    return "command" if one[0] else "reply", Text.same(inline(one[1], 120))


def _verb(one: Said) -> str:
    return one[1].partition(" ")[0].upper()
