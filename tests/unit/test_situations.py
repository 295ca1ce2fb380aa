"""What is asked of the real programs can be told from a busy machine."""

from __future__ import annotations

from lab.model import ClientSettings, Stage
from tests.situations import situations
from tests.unit.catalogue import catalogue

#: IO::Socket::SSL counts the time of a handshake in whole seconds of the clock: one second can be none.
PERL = {"net-ftp", "tls-perl"}
LEAST_S = 1.5
#: No handshake begins.
BEFORE = {Stage.RESOLVE, Stage.CONNECT, Stage.GREETING}


def test_a_handshake_in_perl_has_more_than_a_second() -> None:
    asked: dict[str, tuple[ClientSettings, set[Stage | None]]] = {
        s.name: (s.attempt.client, {e.stage for e in s.expect}) for s in situations() if s.expect
    }
    for case in catalogue().select([], every=True):
        for planned in case.plan():
            stage = planned.expect.stage if planned.expect else None
            asked[f"{case.id}: {planned.id}"] = (planned.attempt.client, {stage})
    short = {
        name
        for name, (client, stages) in asked.items()
        if str(client.program) in PERL and client.timeout_s < LEAST_S and not stages <= BEFORE
    }
    assert not short
