"""Rules: which refusal the signals of both ends establish together, and so what came of an attempt.

The rules are an ordered list for FTPS, ``ftps.toml``, and one for the web, ``web.toml``; the first rule
whose conditions all hold decides. What both have in common - ``connection.toml``, ``handshake.toml`` -
exists once: a list names it where it belongs. The order is that of the stages, with the exceptions that
``docs/dialects.md`` gives the reasons for.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BeforeValidator, model_validator

from lab import dialects
from lab.dialects import SHARED, Names, Table, client_dialect, server_dialect
from lab.model import Goal, Observation, Outcome, Reason, Result, Side, Stage
from lab.model.outcome import FalseSuccess

#: As a rule's reason: what the client reports of the certificate decides, its number before its text.
BY_CERTIFICATE = "by-certificate"

#: The files of rules: the two lists, and the parts that they share.
FTPS, WEB = "ftps", "web"
PARTS = ("connection", "handshake")

#: The one signal of a server that is no wording: its log has not a line of this client.
NOBODY_CAME = "nobody-came"

_REPLY = re.compile(r"[1-5](\d\d|xx)")


def _replies(value: Any) -> Any:
    codes = tuple(str(code) for code in dialects.listed(value))
    for code in codes:
        if not _REPLY.fullmatch(code):
            raise ValueError(f"{code!r} is no reply code: write 530, or 5xx for all that begin so")
    return codes


@dataclass(frozen=True)
class Heard:
    """What both ends said, in the lab's names: all that a rule can ask about."""

    step: str
    reply: int | None
    protocol: str | None
    client: frozenset[str]
    server: frozenset[str]
    overheard: str = ""
    """What the server said in clear text where TLS had begun; no rule asks for its words."""
    data_broken: bool = False
    """Whether the client broke a data connection (RST), as the wire alone shows; no rule asks for it."""


class Rule(Table):
    """Conditions, and the refusal that they establish; what is not given is not asked."""

    stage: Stage
    by: Side
    reason: str
    because: str = ""
    """Why these signals mean that reason, where it is not plain."""
    source: str = ""
    """Where the rule is from, if it was never seen in the lab: version and file, or document."""

    step: Names | None = None
    """What the program was asked to do last."""
    reply: Annotated[tuple[str, ...], BeforeValidator(_replies)] | None = None
    """Codes of the last reply of the server, as ``530`` or ``5xx``."""
    protocol: Names | None = None
    """Versions that the client had agreed to."""
    says: Names | None = None
    """Signals, at least one of which the client gave."""
    server: Names | None = None
    """Signals, at least one of which is in the server's log."""

    @model_validator(mode="after")
    def _reason_is_known(self) -> Rule:
        if self.reason != BY_CERTIFICATE:
            Reason(self.reason)
        return self

    def holds(self, heard: Heard) -> bool:
        """Whether every condition holds."""
        return (
            (self.step is None or heard.step in self.step)
            and (self.reply is None or _among(heard.reply, self.reply))
            and (self.protocol is None or heard.protocol in self.protocol)
            and (self.says is None or not heard.client.isdisjoint(self.says))
            and (self.server is None or not heard.server.isdisjoint(self.server))
        )


class Rules(Table):
    """An ordered list, and names for several signals at once."""

    title: str
    groups: Mapping[str, tuple[str, ...]] = {}
    """Names that stand for lists of client signals."""
    rule: tuple[Rule, ...]

    @model_validator(mode="before")
    @classmethod
    def _groups_and_parts_are_spelt_out(cls, data: Any) -> Any:
        groups = data.get("groups", {})
        rules: list[Any] = []
        for rule in data.get("rule", ()):
            if "part" in rule:
                rules += _part(rule)
                continue
            if "says" in rule:
                names = dialects.listed(rule["says"])
                rule["says"] = [one for name in names for one in groups.get(name, [name])]
            rules.append(rule)
        return {**data, "rule": rules}

    def first(self, heard: Heard) -> Rule | None:
        """The rule that decides, if any does."""
        return next((rule for rule in self.rule if rule.holds(heard)), None)


@functools.cache
def rule_list(name: str) -> Rules:
    """The rules of a file; those of a part are the same objects in every list that names it.

    Raises:
        DialectError: the file is broken.
    """
    return dialects.read(SHARED / f"{name}.toml", Rules)


def rules_of(speaks: str) -> Rules:
    """The rules of an attempt whose ends speak this (``FTP``, ``HTTP``); raises like :func:`rule_list`."""
    return rule_list(WEB if speaks == "HTTP" else FTPS)


def _part(entry: Mapping[str, Any]) -> tuple[Rule, ...]:
    name = entry["part"]
    if name not in PARTS or len(entry) > 1:
        raise ValueError(f"a part is one of {', '.join(PARTS)} and nothing else, not {dict(entry)}")
    return rule_list(name).rule


def _among(code: int | None, wanted: tuple[str, ...]) -> bool:
    return code is not None and (str(code) in wanted or f"{code // 100}xx" in wanted)


# -- one observation in, one outcome out -----------------------------------------------------------


#: The stage that a step belongs to when no rule knows the words: the honest minimum.
STAGE_OF_STEP = {
    "connect": Stage.CONNECT,
    "greeting": Stage.GREETING,
    "starttls": Stage.HANDSHAKE,
    "handshake": Stage.HANDSHAKE,
    "login": Stage.LOGIN,
    "protect": Stage.PROTECT,
    "put": Stage.TRANSFER,
    "quit": Stage.CLOSE,
    "response": Stage.RESPONSE,
}


#: The status with which an origin answers (RFC 9110, section 15.3.1).
_OK = 200
#: The reply with which vsftpd ends a session that it cannot serve (``bug`` in its ``utility.c``).
_OOPS = 500


@dataclass(frozen=True)
class Refusal:
    """Who refused, where and why, and the rule that says so."""

    by: Side
    stage: Stage
    reason: Reason
    rule: Rule | None = None
    """``None``: no rule knows these signals, or what arrived decided."""


def interpret(observation: Observation, heard: Heard | None = None) -> Outcome:
    """Decide what happened, from what the two ends reported and from nothing else.

    Args:
        observation: the evidence.
        heard: what :func:`hear` said of it, where that is known.

    Raises:
        DialectError: a dialect file is broken or missing.
    """
    heard = heard or hear(observation)
    refusal = decide(observation, heard)
    client = observation.client
    false = None if client.failed or refusal is None else _false_success(observation)
    failed = Result.REFUSED if false is None else Result.FALSE_SUCCESS
    return Outcome(
        result=failed if refusal else Result.COMPLETED,
        goal=observation.attempt.client.goal,
        by=refusal.by if refusal else None,
        stage=refusal.stage if refusal else None,
        reason=refusal.reason if refusal else None,
        cause=cause(observation, heard, refusal) if refusal else None,
        false_success=false,
        report=client,
    )


def hear(observation: Observation, overheard: str = "", *, data_broken: bool = False) -> Heard:
    """What both ends said, in the lab's names.

    Args:
        observation: the evidence.
        overheard: what the server said in clear text where TLS had begun, which the wire alone has.
        data_broken: whether the client broke a data connection, which the wire alone has.
    """
    client, server = observation.client, observation.server
    dialect = client_dialect(observation.attempt.client.program)
    # A server that did not start said why it did not; it never met this client.
    log = server.log if server.started else ""
    said = server_dialect(observation.attempt.server.software).heard(f"{log}\n{overheard}")
    return Heard(
        step=client.step,
        reply=dialect.reply(client),
        protocol=client.protocol or _only_version(observation),
        client=dialect.heard(client),
        server=said if log.strip() else said | {NOBODY_CAME},
        overheard=overheard,
        data_broken=data_broken,
    )


def _only_version(observation: Observation) -> str | None:
    """What a handshake can have come to where the server speaks one version; ``None``: it speaks more."""
    spoken = observation.attempt.server.protocols
    return spoken.minimum if spoken is not None and spoken.minimum == spoken.maximum else None


def decide(observation: Observation, heard: Heard) -> Refusal | None:
    """The refusal, or ``None`` if the goal was reached."""
    client = observation.client
    if not client.failed:
        if _arrived(observation):
            return None
        if observation.attempt.client.goal is Goal.TRANSFER:
            return Refusal(Side.UNKNOWN, Stage.TRANSFER, Reason.TRUNCATED)
    rule = rules_of(observation.attempt.client.speaks).first(heard)
    if rule is None:
        return Refusal(Side.UNKNOWN, STAGE_OF_STEP.get(client.step, Stage.CONNECT), Reason.UNKNOWN)
    return Refusal(rule.by, rule.stage, _reason(rule, observation), rule)


def cause(observation: Observation, heard: Heard, refusal: Refusal) -> str | None:
    """Why, where more is known than what the deciding end reported."""
    server, settings = observation.server, observation.attempt.client
    if refusal.reason is Reason.CONNECTION_REFUSED and not server.started:
        words = server_dialect(observation.attempt.server.software).last_words(server.log)
        return f"the server did not start: {words or 'it said nothing'}"
    if refusal.reason is Reason.NO_SHARED_PROTOCOL and "no-version-to-speak" in heard.server:
        return (
            "the server's own TLS library can do none of the versions that its configuration leaves,"
            " whichever client asks"
        )
    if refusal.reason is Reason.UNKNOWN and "cleartext-or-weak" in heard.server:
        return (
            "the server's log has one sentence for every handshake that fails: no common suite or version, or"
            " a client certificate that is missing or not accepted"
        )
    if "no-server-up" in heard.client:
        return (
            "HAProxy's health check had marked the server DOWN: the visitor is answered without a connection"
            " to the origin, and the reason is the check's"
        )
    if refusal.stage is Stage.GREETING and "greeting-refused" in heard.server:
        return (
            "the server's key does not belong to its certificate: it starts all the same, and closes every"
            " connection without a greeting"
        )
    if refusal.stage is Stage.GREETING and "waited-for-tls" in heard.server:
        return "the server was waiting for a TLS handshake: it speaks implicit TLS"
    if refusal.reason is Reason.SERVER_FAULT and (heard.overheard or heard.reply == _OOPS):
        said = heard.overheard or f"{heard.reply} {observation.client.reply_text}"
        cut = " (the client left before the rest came)" if said.endswith("OOPS: ") else ""
        return f"the server gives up the session: {said.strip()}{cut}"
    if refusal.reason is Reason.UPLOAD_DENIED and "restart-refused" in heard.server:
        return (
            "the client sends the file in parts, each behind REST, and the server takes no part of a file:"
            " ProFTPD does with `AllowStoreRestart on`"
        )
    if refusal.reason is Reason.ABORTED and heard.data_broken:
        return (
            "the client broke the data connection (RST), as a system does that closes one in which something"
            " is unread (RFC 1122, section 4.2.2.13), of TLS 1.3 the session tickets: what the server had not"
            " read by then is lost"
        )
    if refusal.stage is Stage.VERIFY and settings.pin is not None:
        return "the certificate is not the pinned one, so that its chain had to verify"
    return None


def _reason(rule: Rule, observation: Observation) -> Reason:
    if rule.reason != BY_CERTIFICATE:
        return Reason(rule.reason)
    client = observation.client
    by_number = dialects.x509_numbers().reason(client.verify_code, client.library)
    if by_number is not Reason.UNKNOWN:
        return by_number
    dialect = client_dialect(observation.attempt.client.program)
    return dialect.certificate_reason(f"{client.error}\n{client.message}")


def _false_success(observation: Observation) -> FalseSuccess | None:
    """What there is in the place of a file that the client's program says it delivered."""
    client, delivery = observation.attempt.client, observation.delivery
    if client.goal is not Goal.TRANSFER:
        return None
    size = delivery.size if delivery is not None else 0
    return FalseSuccess(program=client.program, size=size, stored=observation.server.stored_bytes)


def _arrived(observation: Observation) -> bool:
    """Whether what was meant to arrive did: the bytes that were sent, or the page that was asked for."""
    goal, delivery = observation.attempt.client.goal, observation.delivery
    if goal is Goal.TRANSFER:
        return delivery is not None and observation.server.stored_sha256 == delivery.sha256
    if goal is Goal.RESPONSE:
        return observation.client.reply_code == _OK
    return True
