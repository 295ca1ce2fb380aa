"""What ``lab check`` costs: ``python -m tools.check_bench [--baseline FOLDER]``.

Twelve clients against one configuration, before remedies and races: beside the same attempts and the servers
that they need alone, on the same topology and the same cores; beside a loop over ``lab attempt`` of another
checkout, in turn with it; and with no topology up. Needs an engine; exit status 1 if a limit is not met.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from lab.check.demands import Demands
from lab.check.plan import CheckPlan, read_plan
from lab.host.checkout import root
from lab.images.errors import Progress
from lab.model.expectations import PlannedAttempt
from lab.own.configurations import GivenFiles
from lab.run.attempts import make_all
from lab.run.laboratory import open_lab
from lab.run.recording import own_files
from tests.check import GOOD
from tools.bench import LIMIT_S, BenchError, Figure, Measured, persons

#: Every program, on both platforms.
CLIENTS = (
    *(
        f"net-ftp@{where}"
        for where in ("rocky9:DEFAULT", "rocky9:LEGACY", "rocky9:FIPS", "centos7")
    ),
    *(f"curl@rocky9:{policy}" for policy in ("DEFAULT", "LEGACY", "FIPS")),
    *(f"ftplib@{where}" for where in ("rocky9:DEFAULT", "rocky9:FIPS", "centos7")),
    *(f"ftplib-reuse@rocky9:{policy}" for policy in ("DEFAULT", "FIPS")),
)
RUNS, COLD_RUNS = 3, 2


def main() -> int:
    """Return 0, or 1 if a limit is not met or nothing can be measured."""
    parser = argparse.ArgumentParser(prog="tools/check_bench.py")
    parser.add_argument("--baseline", type=Path, help="another checkout, for its `lab attempt`")
    try:
        measured = measure(parser.parse_args().baseline)
    except BenchError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{measured.in_words()}\n")
    return 0 if measured.all_met else 1


def measure(baseline: Path | None) -> Measured:
    """A check, warm and cold, beside its attempts and beside a loop.

    Raises:
        BenchError: a command failed.
    """
    measured = Measured()
    here, loop_s = root(), list[float]()
    checkouts = [here, *([baseline] if baseline else [])]
    with tempfile.TemporaryDirectory() as place:
        # Of a chain's options the other checkout may not know all.
        conf = GOOD.write(Path(place)).configurations["vsftpd-conf"]
        given = ["--vsftpd-conf", str(conf)]
        chosen = [word for client in CLIENTS for word in ("--clients", client)]
        check = ["check", "--no-remedies", *given, *chosen]
        plan = read_plan(
            Demands(), GivenFiles(configurations={"vsftpd-conf": conf}), narrowed=CLIENTS
        )
        if len(plan.requirements) != len(CLIENTS):
            raise BenchError("these are not twelve clients")
        cold = [_seconds(lambda: _lab(here, place, check)) for _ in range(COLD_RUNS)]
        try:
            for checkout in checkouts:
                _lab(checkout, place, ["up"])
            warm_s, bare_s = list[float](), list[float]()
            for _ in range(RUNS):
                bare_s.append(_seconds(lambda: _bare(plan)))
                warm_s.append(_seconds(lambda: _lab(here, place, check)))
                if baseline:
                    loop_s.append(_seconds(lambda: _loop(baseline, place, given)))
        finally:
            for checkout in checkouts:
                _lab(checkout, place, ["down"])
    warm, bare = statistics.median(warm_s), statistics.median(bare_s)
    measured.figures += [
        Figure(f"lab check, {len(CLIENTS)} clients, topology up", warm, "s"),
        Figure("  as a multiple of the same attempts alone", warm / bare, "x", 1.5),
        Figure("  more with no topology up", statistics.median(cold) - warm, "s", 8.0),
    ]
    if loop_s:
        loop = statistics.median(loop_s)
        name = f"  beside the loop over `lab attempt` there, {loop:.1f} s"
        measured.figures.append(Figure(name, warm / loop, "x", 0.25))
    return measured


def _bare(plan: CheckPlan) -> None:
    """The attempts of a plan, and the servers that they need."""
    own = own_files(plan.own)
    attempts = [one.attempt for one in plan.requirements]
    with open_lab(plan.own, attempts=attempts, progress=Progress()) as opened:
        planned = [PlannedAttempt(one.id, one.attempt, own=own) for one in plan.requirements]
        made = make_all(opened.session, planned)
    if not all(one.outcome for one in made.values()):
        raise BenchError("not every attempt could be made")


def _loop(checkout: Path, place: str, given: Sequence[str]) -> None:
    for client in CLIENTS:
        _lab(checkout, place, ["attempt", *given, "--client", client])


def _lab(checkout: Path, place: str, words: Sequence[str]) -> None:
    """Run `lab` of a checkout in a folder, as a person does.

    Raises:
        BenchError: it ended with another status than 0.
    """
    command = [str(checkout / ".venv" / "bin" / "lab"), *words]
    done = subprocess.run(
        command,
        cwd=place,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
        env=persons(),
    )
    if done.returncode:
        said = (done.stdout + done.stderr)[-2000:]
        raise BenchError(f"`lab {' '.join(words)}` ended with {done.returncode}:\n{said}")


def _seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


if __name__ == "__main__":
    sys.exit(main())
