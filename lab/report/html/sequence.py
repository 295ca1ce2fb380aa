"""What happened between client and server, stage by stage: an outcome and a server's log as a sequence.

Which stages were passed follows from the outcome alone. Where the server wrote down the FTP dialogue,
its commands and replies are shown at their stage, in the order in which they came.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from lab.dialects import server_dialect
from lab.model import (
    HOST_ADDRESS,
    FtpClientSettings,
    Goal,
    Outcome,
    Reason,
    Result,
    Side,
    Stage,
    WebClientSettings,
)
from lab.record import AttemptResult
from lab.report.html.language import Text, joined, say, word
from lab.report.html.quoting import code, inline
from lab.report.html.signs import goal_reached, reason_words

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
_BEFORE_LOGIN = (
    Stage.RESOLVE,
    Stage.CONNECT,
    Stage.GREETING,
    Stage.AUTH,
    Stage.HANDSHAKE,
    Stage.VERIFY,
)
_DATA_OPENS = ("150", "125")


@dataclass(frozen=True)
class Message:
    """A line between the ends, or at one of them."""

    kind: str
    """``right``, ``left``: an arrow to the server, to the client; ``data``, ``data clear``; ``note``."""
    text: Text


@dataclass(frozen=True)
class Band:
    """One stage: what was said in it, and whether it was the last."""

    stage: Stage
    messages: tuple[Message, ...] = ()
    ended_by: Side | None = None
    """Who ended the attempt here; ``None``: the stage was passed."""
    ending: Text | None = None


@dataclass(frozen=True)
class Happened:
    """All stages of an attempt."""

    bands: tuple[Band, ...]
    not_reached: tuple[Text, ...] = ()
    goal: Text | None = None


@dataclass
class _Open:
    """A band that is being filled."""

    stage: Stage
    messages: list[Message] = field(default_factory=list)


@dataclass(frozen=True)
class Said:
    """One line of the FTP dialogue, as the server wrote it down."""

    to_server: bool
    text: str


def stages_of(attempt: AttemptResult, goal: Goal) -> tuple[Stage, ...]:
    """The stages that an attempt with these settings passes on the way to its goal."""
    client = attempt.client
    tls = [Stage.HANDSHAKE, Stage.VERIFY] if client.uses_tls else []
    stages = [Stage.RESOLVE, Stage.CONNECT]
    if isinstance(client, WebClientSettings):
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
    dialect = server_dialect(attempt.server.software)
    said = [Said(*line) for line in dialect.dialogue(log)]
    opening = [s for s in planned if s in _BEFORE_LOGIN]
    last = outcome.stage
    if last in opening:
        opening = opening[: opening.index(last) + 1]
    bands = [_opening_band(stage, attempt, outcome, said) for stage in opening]
    if last not in _BEFORE_LOGIN:
        rest = [s for s in planned if s not in _BEFORE_LOGIN]
        bands += _session_bands(rest, attempt, outcome, said)
    if outcome.result is Result.COMPLETED:
        return Happened(tuple(bands), goal=goal_reached(outcome.goal))
    stopped = _stopped(bands, outcome)
    reached = {band.stage for band in stopped}
    missing = tuple(word("stage", str(s)) for s in planned if s not in reached)
    return Happened(tuple(stopped), not_reached=missing)


def _stopped(bands: list[Band], outcome: Outcome) -> list[Band]:
    """The bands up to where it ended; there the ending is added."""
    stage = outcome.stage or Stage.CLOSE
    by = outcome.by or Side.UNKNOWN
    ending = say(f"step.ended_{by}", reason=reason_words(outcome.reason or Reason.UNKNOWN))
    if outcome.verify_code is not None:
        ending = say("step.with_number", ending=ending, number=outcome.verify_code)
    places = [i for i, band in enumerate(bands) if band.stage is stage]
    kept = bands[: places[-1] + 1] if places else [*bands, Band(stage)]
    kept[-1] = Band(stage, kept[-1].messages, by, ending)
    return kept


def _opening_band(
    stage: Stage, attempt: AttemptResult, outcome: Outcome, said: Sequence[Said]
) -> Band:
    """A stage before the login: the same in every session, with the server's own words if known."""
    here = outcome.stage is stage
    host = code(attempt.client.host or _host(attempt), 80)
    messages: list[Message] = []
    if stage is Stage.RESOLVE:
        # Of an address there is nothing to look up.
        named = attempt.client.host != HOST_ADDRESS
        messages = [Message("note", say("step.lookup", host=host))] if named else []
    elif stage is Stage.CONNECT:
        messages = [Message("right", say("step.connection"))]
    elif stage is Stage.GREETING and not here:
        messages = list(_said(_greeting(said))) or [Message("left", say("step.greets"))]
    elif stage is Stage.AUTH:
        messages = list(_said(_auth(said))) or [Message("right", Text.same("AUTH TLS"))]
    elif stage is Stage.HANDSHAKE:
        messages = _handshake(attempt, outcome)
    elif stage is Stage.VERIFY and not here:
        messages = [Message("note", _verified(attempt, outcome))]
    return Band(stage, tuple(messages))


def _host(attempt: AttemptResult) -> str:
    try:
        return attempt.server.host
    except KeyError:  # a server program that this lab does not know: a record from another lab
        return attempt.server.software


def _handshake(attempt: AttemptResult, outcome: Outcome) -> list[Message]:
    if outcome.reason is Reason.CIPHER_LIST_EMPTY:
        return []  # decided before anything is sent
    messages = [Message("right", say("step.client_hello"))]
    if outcome.stage is Stage.HANDSHAKE:
        return messages
    certificate = code(attempt.server.certificate, 60)
    messages.append(Message("left", say("step.server_hello", certificate=certificate)))
    if outcome.protocol:
        named = {"protocol": inline(outcome.protocol, 20), "cipher": inline(outcome.cipher or "?")}
        messages.append(Message("note", say("step.established", **named)))
    return messages


def _verified(attempt: AttemptResult, outcome: Outcome) -> Text:
    if attempt.client.pin and outcome.verified is not False:
        return say("step.pinned")
    if outcome.not_judged:
        return say("step.not_judged")
    checked = attempt.client.verify and outcome.verified is not False
    return say("step.verified" if checked else "step.not_checked")


def _greeting(said: Sequence[Said]) -> list[Said]:
    found: list[Said] = []
    for one in said:
        if one.to_server:
            break
        found.append(one)
    return found


def _auth(said: Sequence[Said]) -> list[Said]:
    """Every AUTH with the replies that follow it."""
    found: list[Said] = []
    inside = False
    for one in said:
        if one.to_server:
            inside = _verb(one) == "AUTH"
        if inside:
            found.append(one)
    return found


def _session_bands(
    planned: Sequence[Stage], attempt: AttemptResult, outcome: Outcome, said: Sequence[Said]
) -> list[Band]:
    """The stages from the login on, in the order in which the client went through them."""
    opened: list[_Open] = []
    stage: Stage | None = None
    shown = left_out = 0
    for one in said:
        if one.to_server:
            stage = _STAGE_OF.get(_verb(one), stage)
        if stage is None or stage in _BEFORE_LOGIN:
            continue
        if stage is Stage.CLOSE and outcome.stage is not Stage.CLOSE:
            break
        if shown == MOST_MESSAGES:
            left_out += 1
            continue
        shown += 1
        if not opened or opened[-1].stage is not stage:
            opened.append(_Open(stage))
        opened[-1].messages += _said([one])
        if stage is Stage.TRANSFER and not one.to_server and one.text.startswith(_DATA_OPENS):
            opened[-1].messages += _data(attempt, outcome)
    if left_out:
        opened[-1].messages.append(Message("note", say("step.more", n=left_out)))
    bands = [Band(o.stage, tuple(o.messages)) for o in opened]
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
            yield Band(stage, tuple(_response(attempt)))
        elif stage not in seen:
            messages = _data(attempt, outcome) if stage is Stage.TRANSFER else []
            yield Band(stage, tuple(messages))


def _response(attempt: AttemptResult) -> Iterator[Message]:
    """A web client's request and what came back."""
    yield Message("right", Text.same(code("GET / HTTP/1.1")))
    status = attempt.client_report.reply_code if attempt.client_report else None
    if status is not None:
        yield Message("left", Text.same(code(f"HTTP/1.1 {status}")))


def _data(attempt: AttemptResult, outcome: Outcome) -> list[Message]:
    if outcome.data_protected is None or not isinstance(attempt.client, FtpClientSettings):
        return []
    parts = [say("step.data_tls" if outcome.data_protected else "step.data_clear")]
    if outcome.data_protected and outcome.session_reused is not None:
        parts.append(say("step.reused" if outcome.session_reused else "step.new_session"))
    parts.append(say("step.sent", n=f"{attempt.client.payload:,}"))
    stored = attempt.server_report.stored_bytes if attempt.server_report else None
    if stored is not None:
        parts.append(say("step.stored", n=f"{stored:,}"))
    return [Message("data" if outcome.data_protected else "data clear", joined(parts))]


def _said(lines: Iterable[Said]) -> Iterator[Message]:
    for one in lines:
        yield _message(one)


@lru_cache(maxsize=4096)
def _message(one: Said) -> Message:
    return Message("right" if one.to_server else "left", Text.same(code(one.text, 120)))


def _verb(one: Said) -> str:
    return one.text.partition(" ")[0].upper()
