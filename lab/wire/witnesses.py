"""Who refused, as each of three witnesses has it: the client, the server, the wire.

The outcome rests on the words of client and server together. Here each of them is heard alone, and the
wire beside them, which neither of them wrote.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from enum import StrEnum

from lab.dialects import client_dialect, server_dialect
from lab.dialects.rules import Heard, rules_of
from lab.model import Observation, Outcome, Reason, Result, Side, Stage
from lab.wire.reading import Ending, How, WireReading

#: The stages that are passed where the wire shows all of it.
_OPEN = (Stage.CONNECT, Stage.GREETING, Stage.AUTH, Stage.HANDSHAKE, Stage.VERIFY)
#: What still shows at a later stage: a reply of a session in clear text; silence.
_SHOWS = {Stage.LOGIN: How.REPLY, Stage.PROTECT: How.REPLY, Stage.TRANSFER: How.REPLY}
_SHOWS[Stage.RESPONSE] = How.SILENCE


class Agreement(StrEnum):
    """How a witness stands to the outcome."""

    AGREES = "agrees"
    DISAGREES = "disagrees"
    SILENT = "silent"
    """It says nothing about who refused."""


@dataclass(frozen=True)
class Statement:
    """What one witness says."""

    standing: Agreement
    names: Side | None = None
    """Who refused, by this witness alone; null: it does not say."""


@dataclass(frozen=True)
class Witnesses:
    """What the three say of one refusal."""

    client: Statement
    """The client's words, without the server's log."""
    server: Statement
    """The server's log, without the client's words."""
    wire: Statement
    """The packets alone."""

    @property
    def disagree(self) -> bool:
        """Whether one of them names another than the outcome does."""
        every = (self.client, self.server, self.wire)
        return any(one.standing is Agreement.DISAGREES for one in every)


def hear_witnesses(
    observation: Observation, heard: Heard, outcome: Outcome, reading: WireReading | None
) -> Witnesses | None:
    """Ask all three about a refusal; ``None``: there was none.

    Args:
        observation: the evidence.
        heard: what both ends said of it, in the lab's names.
        outcome: what it comes to.
        reading: what the packets show; ``None``: there are none.

    Raises:
        DialectError: a dialect file is broken or missing.
    """
    if outcome.result is Result.COMPLETED:
        return None
    by = outcome.by or Side.UNKNOWN
    return Witnesses(
        client=_statement(_client_names(observation, heard), by),
        server=_statement(_server_names(observation, heard, outcome), by),
        wire=_statement(wire_names(reading, outcome.stage), by),
    )


def wire_names(reading: WireReading | None, stage: Stage | None) -> Side | None:
    """Who refused at this stage, by the packets; ``None``: they do not show it.

    An alert that cannot be read may be a fatal one or a good-bye: it names nobody.
    """
    ending = _ending(reading, stage)
    return None if ending is None or ending.how is How.ENCRYPTED_ALERT else ending.by


def _ending(reading: WireReading | None, stage: Stage | None) -> Ending | None:
    if reading is None or stage is None:
        return None
    if stage is Stage.TRANSFER and reading.data is not None:
        return reading.data.ending
    ending = reading.control.ending if reading.control else None
    if stage in _OPEN or (ending is not None and ending.how is _SHOWS.get(stage)):
        return ending
    return None  # inside the encrypted session


def _client_names(observation: Observation, heard: Heard) -> Side | None:
    heard = dataclasses.replace(heard, server=frozenset())
    if not observation.client.failed:
        return None
    rule = rules_of(observation.attempt.client.speaks).first(heard)
    return rule.by if rule else None


def _server_names(observation: Observation, heard: Heard, outcome: Outcome) -> Side | None:
    heard = dataclasses.replace(heard, client=frozenset(), reply=None, protocol=None)
    rule = rules_of(observation.attempt.client.speaks).first(heard)
    probes = client_dialect(observation.attempt.client.program).probes
    if rule is not None:
        return None if probes and rule.by is Side.CLIENT else rule.by
    apart = outcome.stage in (Stage.GREETING, Stage.AUTH) and "waited-for-tls" in heard.server
    if probes or apart or outcome.reason is Reason.TIMED_OUT:
        # Each waited for the other, or the client in vain: the server sees that it leaves at last, no more.
        return None
    log = observation.server.log if observation.server.started else ""
    dialect = server_dialect(observation.attempt.server.software)
    return Side.CLIENT if dialect.names_the_client(log) else None


def _statement(names: Side | None, by: Side) -> Statement:
    if names in (None, Side.UNKNOWN):
        return Statement(Agreement.SILENT)
    return Statement(Agreement.AGREES if names is by else Agreement.DISAGREES, names)
