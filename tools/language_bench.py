"""What an attempt of a program in another language costs, beside the bare program.

Everything is measured in turn on the same machine: the bare program, which starts and makes one attempt, as
its users run it; its script in a loop in one process, which has no start to pay; its resident agent; the lab
around that. Told is the tenth that was quickest, for a machine with other work makes most wait for it.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.cases import PlannedAttempt
from lab.clients import PROGRAMS
from lab.clients.base import Program
from lab.host.checkout import root
from lab.images.errors import Printed, Progress
from lab.model import Attempt, Goal, Result
from lab.run.attempts import make
from lab.run.checkout import Checkout
from lab.run.containers import AGENTS, pack, unpack
from lab.run.laboratory import Lab, open_lab
from lab.run.link import ExecutionError, execute
from lab.servers.nginx import Nginx
from lab.servers.vsftpd import Vsftpd
from lab.wire.packets import CapturePolicy

#: The agent that keeps workers, and the program that does without it.
RUNTIME, BARE = f"{AGENTS}/language_workers.py", f"{AGENTS}/bare_worker.py"
#: The latter, which is put beside the agents.
BARE_WORKER = Path(__file__).with_name("bare_worker.py")
ROUNDS = 5
#: Attempts in each round.
BATCH = 10
#: Seconds for the attempts of a round.
LIMIT_S = 120.0
#: At most so many times what the bare program needs.
LIMIT = 1.3
DOCUMENT = root() / "docs" / "agents.md"
BEGIN, END = "<!-- tools/language_bench.py -->", "<!-- end -->"


class WorkerBenchError(Exception):
    """A benchmark could not be made."""


@dataclass(frozen=True)
class WorkerCost:
    """In milliseconds; of ten attempts nine took longer."""

    program: str
    where: str
    start_ms: float
    """From the start of the language to the worker's ready line."""
    bare_ms: float
    """That, and the one attempt of a program that makes no other."""
    script_ms: float
    """An attempt in a loop, in a process that has made one before."""
    agent_ms: float
    lab_ms: float

    @property
    def multiple(self) -> float:
        """What an attempt costs with the resident agent, as a multiple of the bare program."""
        return self.agent_ms / self.bare_ms

    @property
    def of_script(self) -> float:
        """The same as a multiple of the script in its loop."""
        return self.agent_ms / self.script_ms


def programs() -> list[Program[Any]]:
    """The programs whose attempts workers make."""
    return [p for _, p in sorted(PROGRAMS.items()) if RUNTIME in p.agent.argv]


def attempt_of(program: Program[Any], platform: str) -> Attempt:
    """What is measured: a login, or a page."""
    if program.settings.speaks == "HTTP":
        return Attempt(Nginx(), program.settings_with(platform=platform, goal=Goal.RESPONSE))
    return Attempt(Vsftpd(), program.settings_with(platform=platform, goal=Goal.LOGIN))


def measure(
    checkout: Checkout, progress: Progress, chosen: Sequence[Program[Any]]
) -> list[WorkerCost]:
    """The costs of each program on each of its platforms.

    Raises:
        WorkerBenchError: an attempt did not complete, or the script did not run.
    """
    attempts = [attempt_of(program, p) for program in chosen for p in program.platforms]
    with open_lab(attempts=attempts, checkout=checkout, progress=progress) as laboratory:
        return [_cost(laboratory, attempt) for attempt in attempts]


def _cost(laboratory: Lab, attempt: Attempt) -> WorkerCost:
    client = attempt.client
    program = PROGRAMS[client.program]
    planned = PlannedAttempt("bench", attempt)
    result, _ = make(laboratory.session, planned, CapturePolicy.NONE)
    if result.outcome is None or result.outcome.result is not Result.COMPLETED:
        raise WorkerBenchError(f"{client} did not complete: {result.outcome}")
    container = laboratory.topology.containers[program.service(client)].id
    command = program.agent.argv[program.agent.argv.index(RUNTIME) + 4 :]
    unpack(laboratory.client, container, pack({BARE: BARE_WORKER.read_bytes()}))
    link = laboratory.session.agents.client(client)
    request: dict[str, Any] = dict(result.request or {})
    start: list[float] = []
    alone: list[float] = []
    script: list[float] = []
    agent: list[float] = []
    whole: list[float] = []
    for _ in range(ROUNDS):
        started_ms, (first, *others) = _bare(laboratory, container, command, request)
        start.append(started_ms)
        alone.append(started_ms + first)
        script += others
        for _ in range(BATCH):
            started = time.perf_counter()
            answer = link.call("attempt", LIMIT_S, **request)
            agent.append((time.perf_counter() - started) * 1000)
            if answer["failed"]:
                raise WorkerBenchError(f"{client}: {answer}")
            started = time.perf_counter()
            laboratory.session.attempt(planned)
            whole.append((time.perf_counter() - started) * 1000)
    quick = (statistics.quantiles(each, n=10)[0] for each in (script, agent, whole))
    return WorkerCost(client.program, client.where, min(start), min(alone), *quick)


def _bare(
    laboratory: Lab, container: str, command: Sequence[str], request: dict[str, Any]
) -> tuple[float, list[float]]:
    """Milliseconds of the start, and of each attempt; the first finds everything cold."""
    argv = ["/opt/lab/bin/python3", BARE, str(BATCH + 1), *command]
    line = json.dumps({"id": 0, "op": "attempt", **request}).encode() + b"\n"
    try:
        done = execute(laboratory.client, container, argv, line, deadline_s=LIMIT_S)
    except ExecutionError as error:
        raise WorkerBenchError(str(error)) from error
    if done.status:
        raise WorkerBenchError(f"{' '.join(command)}: {done.output}")
    said = json.loads(done.output)
    return said["start_ms"], said["attempt_ms"]


def table(costs: Sequence[WorkerCost]) -> str:
    """The table of :data:`DOCUMENT`."""
    lines = [
        "| program | platform | start of the language | bare program | attempt of its agent | multiple |"
        " script in a loop | multiple | attempt of the lab |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    lines += [
        f"| `{c.program}` | {c.where} | {c.start_ms:.0f} ms | {c.bare_ms:.1f} ms | {c.agent_ms:.1f} ms"
        f" | {c.multiple:.2f} | {c.script_ms:.1f} ms | {c.of_script:.2f} | {c.lab_ms:.1f} ms |"
        for c in costs
    ]
    return "\n".join(lines)


def write(costs: Sequence[WorkerCost], document: Path = DOCUMENT) -> None:
    """Write the table between the marks of a document.

    Raises:
        ValueError: it has none.
    """
    before, begin, rest = document.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        raise ValueError(f"{document} has no place for the table: {BEGIN} and {END}")
    text = f"{before}{begin}\n{table(costs)}\n{end}{after}"
    document.write_text(text, encoding="utf-8")


def main() -> int:
    """Measure and print the table; the exit status is 1 where the limit is not met."""
    parser = argparse.ArgumentParser(prog="tools/language_bench.py")
    known = [program.name for program in programs()]
    parser.add_argument("--program", action="append", choices=known, help="only this one")
    parser.add_argument("--write", action="store_true", help="of all: write them into the document")
    arguments = parser.parse_args()
    if arguments.write and arguments.program:
        parser.error("--write: the table has all of them, leave out --program")
    chosen = [p for p in programs() if p.name in (arguments.program or known)]
    costs = measure(Checkout.here(), Printed(), chosen)
    sys.stdout.write(table(costs) + "\n")
    if arguments.write:
        write(costs)
    return 0 if all(cost.multiple <= LIMIT for cost in costs) else 1


if __name__ == "__main__":
    sys.exit(main())
