"""Workers in other languages, in their images: an attempt leaves each as it was; it makes the next one.

Their containers stay from test to test, as those of a person's `lab up` from command to command. Each test
has a CA of its own, which the clients in a container trust in place of the one before.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lab.clients import PROGRAMS
from lab.host.machine import wait_until
from lab.images.errors import Progress
from lab.model import Attempt, Goal, Result
from lab.model.expectations import PlannedAttempt
from lab.run.agents import WORKERS
from lab.run.attempts import make
from lab.run.laboratory import Lab, open_lab
from lab.settings import parse_client, parse_server
from lab.wire.packets import CapturePolicy
from tests.e2e.checkouts import Copy

pytestmark = pytest.mark.engine

#: Attempts, one after the other.
MANY = 20
#: Seconds for a spare worker to be there.
PATIENCE_S = 60.0
#: Every program whose attempts workers make, on each of its platforms.
CLIENTS = [
    f"{name}@{platform}"
    for name, program in sorted(PROGRAMS.items())
    if WORKERS in program.agent.argv
    for platform in program.platforms
]


@pytest.fixture(scope="module", params=CLIENTS)
def attempt(request: pytest.FixtureRequest) -> Attempt:
    """A page of nginx, or a login at vsftpd."""
    speaks = PROGRAMS[request.param.partition("@")[0]].settings.speaks
    goal, server = (Goal.RESPONSE, "nginx") if speaks == "HTTP" else (Goal.LOGIN, "vsftpd")
    return Attempt(parse_server([], server), parse_client(request.param, [f"goal={goal}"]))


@pytest.fixture(scope="module")
def laboratory(attempt: Attempt, shared: Copy) -> Iterator[Lab]:
    """A lab with what the attempt needs, on a topology that is kept."""
    with open_lab(attempts=[attempt], checkout=shared.checkout, progress=Progress()) as opened:
        assert opened.topology.kept
        yield opened


def workers_of(laboratory: Lab, attempt: Attempt) -> set[str]:
    """The processes that the client's agent keeps, by their ids on the host."""
    program = PROGRAMS[attempt.client.program]
    container = laboratory.topology.containers[program.service(attempt.client)].id
    rows = laboratory.client.api.top(container)["Processes"]
    agents = {row[1] for row in rows if " ".join(program.agent.argv) in row[-1]}
    return {row[1] for row in rows if row[2] in agents}


def complete(laboratory: Lab, attempt: Attempt, times: int = 1) -> None:
    """Make the attempt anew so many times; each comes to its goal."""
    for _ in range(times):
        result, _ = make(laboratory.session, PlannedAttempt("x", attempt), CapturePolicy.NONE)
        assert result.outcome is not None, result.verdict_why
        assert result.outcome.result is Result.COMPLETED, (result.outcome, result.observation)


def test_a_worker_makes_many_attempts(laboratory: Lab, attempt: Attempt) -> None:
    # given an agent that has made an attempt, and has its spare worker
    complete(laboratory, attempt)
    assert wait_until(lambda: len(workers_of(laboratory, attempt)) == 2, timeout_s=PATIENCE_S)
    before = workers_of(laboratory, attempt)

    # when many others are made
    complete(laboratory, attempt, MANY)

    # then nothing had to be started for them
    assert workers_of(laboratory, attempt) == before
