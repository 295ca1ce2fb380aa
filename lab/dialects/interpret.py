"""One observation in, one outcome out."""

from __future__ import annotations

from dataclasses import dataclass

from lab.dialects.rules import BY_CERTIFICATE, Heard, Rule, rules_of
from lab.dialects.words import client_dialect, server_dialect, x509_numbers
from lab.model import (
    Goal,
    Observation,
    Outcome,
    Reason,
    Result,
    Side,
    Stage,
)

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
    return Outcome(
        result=Result.REFUSED if refusal else Result.COMPLETED,
        goal=observation.attempt.client.goal,
        by=refusal.by if refusal else None,
        stage=refusal.stage if refusal else None,
        reason=refusal.reason if refusal else None,
        cause=cause(observation, heard, refusal) if refusal else None,
        report=client,
    )


def hear(observation: Observation, overheard: str = "") -> Heard:
    """What both ends said, in the lab's names.

    Args:
        observation: the evidence.
        overheard: what the server said in clear text where TLS had begun, which the wire alone has.
    """
    client, server = observation.client, observation.server
    dialect = client_dialect(observation.attempt.client.program)
    # A server that did not start said why it did not; it never met this client.
    log = server.log if server.started else ""
    return Heard(
        step=client.step,
        reply=dialect.reply(client),
        protocol=client.protocol,
        client=dialect.heard(client),
        server=server_dialect(observation.attempt.server.software).heard(f"{log}\n{overheard}"),
        overheard=overheard,
    )


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
        stage = STAGE_OF_STEP.get(client.step, Stage.CONNECT)
        return Refusal(Side.UNKNOWN, stage, Reason.UNKNOWN)
    return Refusal(rule.by, rule.stage, _reason(rule, observation), rule)


def cause(observation: Observation, heard: Heard, refusal: Refusal) -> str | None:
    """Why, where more is known than what the deciding end reported."""
    server, settings = observation.server, observation.attempt.client
    if refusal.reason is Reason.CONNECTION_REFUSED and not server.started:
        lines = server.log.strip().splitlines()
        return f"the server did not start: {lines[-1] if lines else 'it said nothing'}"
    if refusal.reason is Reason.NO_SHARED_PROTOCOL and "no-version-to-speak" in heard.server:
        return (
            "the server's own TLS library can do none of the versions that its configuration leaves,"
            " whichever client asks"
        )
    if refusal.stage is Stage.GREETING and "waited-for-tls" in heard.server:
        return "the server was waiting for a TLS handshake: it speaks implicit TLS"
    if refusal.reason is Reason.SERVER_FAULT and (heard.overheard or heard.reply == _OOPS):
        said = heard.overheard or f"{heard.reply} {observation.client.reply_text}"
        cut = " (the client left before the rest came)" if said.endswith("OOPS: ") else ""
        return f"the server gives up the session: {said.strip()}{cut}"
    if refusal.stage is Stage.VERIFY and settings.pin is not None:
        return "the certificate is not the pinned one, so that its chain had to verify"
    return None


def _reason(rule: Rule, observation: Observation) -> Reason:
    if rule.reason != BY_CERTIFICATE:
        return Reason(rule.reason)
    client = observation.client
    by_number = x509_numbers().reason(client.verify_code, client.library)
    if by_number is not Reason.UNKNOWN:
        return by_number
    return client_dialect(observation.attempt.client.program).certificate_reason(client.error)


def _arrived(observation: Observation) -> bool:
    """Whether what was meant to arrive did: the bytes that were sent, or the page that was asked for."""
    goal, delivery = observation.attempt.client.goal, observation.delivery
    if goal is Goal.TRANSFER:
        return delivery is not None and observation.server.stored_sha256 == delivery.sha256
    if goal is Goal.RESPONSE:
        return observation.client.reply_code == _OK
    return True
