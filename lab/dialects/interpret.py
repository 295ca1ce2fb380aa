"""One observation in, one outcome out."""

from __future__ import annotations

from lab.dialects.rules import BY_X509_NUMBER, dialect_of, server_dialect_of, x509_numbers
from lab.model import (
    Goal,
    Observation,
    Outcome,
    Reason,
    Result,
    Side,
    Stage,
    Texts,
)

#: The stage that a step belongs to when no rule knows the words: the honest minimum.
_STAGE_OF_STEP = {
    "connect": Stage.CONNECT,
    "starttls": Stage.HANDSHAKE,
    "login": Stage.LOGIN,
    "protect": Stage.PROTECT,
    "put": Stage.TRANSFER,
    "quit": Stage.CLOSE,
}


def interpret(observation: Observation) -> Outcome:
    """Decide what happened, from what the two ends reported and from nothing else."""
    refusal = _refusal(observation)
    client = observation.client
    return Outcome(
        result=Result.REFUSED if refusal else Result.COMPLETED,
        goal=observation.attempt.client.goal,
        by=refusal[0] if refusal else None,
        stage=refusal[1] if refusal else None,
        reason=refusal[2] if refusal else None,
        cause=_cause(observation) if refusal else None,
        protocol=client.protocol,
        cipher=client.cipher,
        verified=client.verified,
        data_protected=client.data_protected,
        session_reused=client.session_reused,
        verify_code=client.verify_code,
        texts=Texts(client=client.error, message=client.message, server=observation.server.log),
        elapsed_ms=client.elapsed_ms,
    )


def _refusal(observation: Observation) -> tuple[Side, Stage, Reason] | None:
    client = observation.client
    if not client.failed:
        return None if _delivered(observation) else (Side.UNKNOWN, Stage.TRANSFER, Reason.TRUNCATED)
    software = observation.attempt.server.software
    signals = server_dialect_of(software).heard(observation.server.log)
    for rule in dialect_of(observation.attempt.client.program).rules():
        if rule.holds(client, signals):
            if rule.reason == BY_X509_NUMBER:
                reason = x509_numbers().reason(client.verify_code, client.library)
            else:
                reason = Reason(rule.reason)
            return rule.by, rule.stage, reason
    return Side.UNKNOWN, _STAGE_OF_STEP.get(client.step, Stage.CONNECT), Reason.UNKNOWN


def _cause(observation: Observation) -> str | None:
    """Why, where more is known than what was reported."""
    server = observation.server
    if not server.started:
        said = server.log.strip().splitlines()
        return f"the server did not start: {said[-1] if said else 'it said nothing'}"
    return None


def _delivered(observation: Observation) -> bool:
    """Whether the bytes on the server are the bytes that were sent, where that was the goal."""
    if observation.attempt.client.goal is not Goal.TRANSFER:
        return True
    delivery = observation.delivery
    return delivery is not None and observation.server.stored_sha256 == delivery.sha256
