"""What an attempt costs, against baselines measured in the same run on the same machine.

Every figure is a median; a ratio compares two figures of this run. Machines differ, ratios less.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from docker import DockerClient
from docker.errors import DockerException

from lab.cases import Catalogue, PlannedAttempt
from lab.clients.net_ftp import NetFtp
from lab.clients.tls_perl import TlsPerl
from lab.documents import documents
from lab.exercises import exercise_named
from lab.exercises.reading import plan, read
from lab.host.checkout import LABEL_CHECKOUT
from lab.images.errors import Printed, Progress
from lab.model import Attempt, Goal, Result
from lab.record import AttemptResult, CaseRecord, load
from lab.report.html import render
from lab.run.attempts import make, make_all
from lab.run.checkout import Checkout
from lab.run.containers import AGENTS
from lab.run.laboratory import Lab, open_lab
from lab.servers.nginx import Nginx
from lab.servers.vsftpd import Vsftpd
from lab.text import one_line
from lab.training.choice import one_case, recommended
from lab.wire.packets import CapturePolicy
from tools import standing

#: Attempts behind each median.
ATTEMPTS = 60
CONTAINER_RUNS = 5
WARM_RUNS = 3
#: Whole runs of either checkout: the speed of a shared machine changes from one run to the next.
WHOLE_RUNS = 5
#: A message that `lab explain` is asked for so many times.
MESSAGE, ANSWERS = "curl: (60) SSL certificate problem: certificate has expired", 15
#: Of an attempt at each checkout, in turn.
ATTEMPT_RUNS = 7
PAGE_ATTEMPTS = 10_000
#: The exercise that is checked: two clients and two intruders, each at an impostor's server as well.
EXERCISE = "no-common-suite"
#: Seconds between two looks at the containers of a command under way.
LOOK_S = 0.1
#: Where the processor time of a container stands: control groups of version 1 and 2, and their units.
CPU_FILES = (
    ("/sys/fs/cgroup/cpuacct/docker/{}/cpuacct.usage", 1e9),
    ("/sys/fs/cgroup/system.slice/docker-{}.scope/cpu.stat", 1e6),
    ("/sys/fs/cgroup/docker/{}/cpu.stat", 1e6),
)
#: Seconds for one benchmark command, and for tests.
LIMIT_S, TESTS_S = 300, 3600

_FTPS = Attempt(
    Vsftpd(),
    NetFtp(goal=Goal.HANDSHAKE),
)
_TLS = Attempt(
    Nginx(),
    TlsPerl(goal=Goal.HANDSHAKE),
)
_MIB = 1024**2


class BenchError(Exception):
    """A benchmark could not be made."""


@dataclass(frozen=True)
class Figure:
    """One measured figure and the limit that it is held against, if there is one."""

    name: str
    value: float
    unit: str
    limit: float | None = None
    at_least: bool = False

    @property
    def met(self) -> bool:
        """Whether the limit holds; true where there is none."""
        if self.limit is None:
            return True
        return self.value >= self.limit if self.at_least else self.value <= self.limit

    def in_words(self) -> str:
        """One line."""
        line = f"{self.name:<58} {self.value:>9.1f} {self.unit}"
        if self.limit is None:
            return line
        bound = "at least" if self.at_least else "at most"
        return f"{line:<74} {bound} {self.limit:g}: {'met' if self.met else 'NOT MET'}"


@dataclass
class Measured:
    """The figures of one benchmark."""

    figures: list[Figure] = field(default_factory=list)

    @property
    def all_met(self) -> bool:
        """Whether every limit holds."""
        return all(figure.met for figure in self.figures)

    def in_words(self) -> str:
        """A line for each figure."""
        return "\n".join(figure.in_words() for figure in self.figures)

    def as_json(self) -> list[dict[str, Any]]:
        """The figures as plain data."""
        return [{**vars(figure), "met": figure.met} for figure in self.figures]


def measure(checkout: Checkout, progress: Progress) -> Measured:
    """Measure everything.

    Raises:
        BenchError: a command failed or an attempt was refused.
    """
    measured = Measured()
    with open_lab(checkout=checkout, progress=progress) as laboratory:
        progress.step("bench", f"{ATTEMPTS} handshakes with and without the lab, in turn")
        for kind, attempt in (("FTPS", _FTPS), ("TLS", _TLS)):
            bare, through = _handshakes(laboratory, attempt)
            measured.figures += [
                Figure(f"{kind}: fork and handshake, bare program (median)", bare, "ms"),
                Figure(f"{kind}: attempt to the handshake through the lab (median)", through, "ms"),
                Figure("  as a multiple of the bare program", through / bare, "x", 2.0),
            ]
            if attempt is _FTPS:
                attempt_ms = through
        progress.step("bench", f"{CONTAINER_RUNS} handshakes in a new container each")
        container = _container_runs(laboratory)
        multiple = container / attempt_ms
        measured.figures += [
            Figure("docker run for one FTPS handshake (median)", container, "ms"),
            Figure("  as a multiple of an attempt", multiple, "x", 20.0, at_least=True),
            Figure("memory of all containers", _memory(laboratory), "MiB", 1024.0),
        ]
    progress.step("bench", f"`lab run`, {WARM_RUNS} times: images there, containers not")
    for document in sorted(documents()):
        name = f"all cases of {document}, everything built (median)"
        measured.figures.append(Figure(name, _warm_run(document), "s", 30.0))
    progress.step("bench", f"a page of {PAGE_ATTEMPTS:,} attempts")
    name = f"HTML report of {PAGE_ATTEMPTS:,} attempts"
    measured.figures.append(Figure(name, _page(checkout), "s", 5.0))
    answer = statistics.median(
        _milliseconds(lambda: _command("explain", MESSAGE)) for _ in range(ANSWERS)
    )
    measured.figures.append(Figure("lab explain, the whole process (median)", answer, "ms", 200.0))
    return measured


def _page(checkout: Checkout) -> float:
    """Seconds to make the page of a record as large as that, from the attempts of the last run."""
    record = load(checkout.state / "runs" / "latest")
    cases: list[CaseRecord] = []
    attempts: list[AttemptResult] = []
    for number, case in enumerate(itertools.cycle(record.cases)):
        of_case = record.attempts_of(case)
        if len(attempts) + len(of_case) > PAGE_ATTEMPTS:
            break
        identity = f"{case.id}-{number}"
        cases.append(case.model_copy(update={"id": identity}))
        attempts += [
            a.model_copy(update={"id": f"{identity}/{a.id.rpartition('/')[2]}", "case": identity})
            for a in of_case
        ]
    large = record.model_copy(update={"attempts": tuple(attempts), "cases": tuple(cases)})
    render(record)  # templates are compiled once
    return _milliseconds(lambda: render(large)) / 1000


def _handshakes(laboratory: Lab, attempt: Attempt) -> tuple[float, float]:
    """Milliseconds of a bare handshake and of an attempt, measured in turn in small batches."""
    planned = PlannedAttempt("bench", attempt)
    result, _ = make(laboratory.session, planned, CapturePolicy.NONE)
    if result.outcome is None or result.outcome.result is not Result.COMPLETED:
        raise BenchError(f"the attempt that is measured did not complete: {result.outcome}")
    bare: list[float] = []
    through: list[float] = []
    batch = 10
    for _ in range(ATTEMPTS // batch):
        bare += _bare(laboratory, attempt, _port(result), batch)
        through += [
            _milliseconds(lambda: laboratory.session.attempt(planned)) for _ in range(batch)
        ]
    return statistics.median(bare), statistics.median(through)


def _port(result: AttemptResult) -> int:
    """The port of the listener that an attempt was made at."""
    (port,) = re.findall(r'"[Pp]ort": (\d+)', json.dumps(result.request))
    return int(port)


def _bare(laboratory: Lab, attempt: Attempt, port: int, times: int) -> list[float]:
    container = laboratory.client.containers.get(
        laboratory.topology.containers["rocky9-default"].id
    )
    done = container.exec_run(
        [
            "/opt/lab/bin/perl",
            f"{AGENTS}/bare.pl",
            attempt.client.program,
            attempt.server.host,
            str(port),
            str(times),
        ]
    )
    output = b"".join([done.output] if isinstance(done.output, bytes) else done.output).decode()
    if done.exit_code:
        raise BenchError(f"the bare program failed: {output}")
    figures: list[float] = json.loads(output)
    return figures


def _container_runs(laboratory: Lab) -> float:
    """Milliseconds of a `docker run` that makes one handshake with the same server."""
    client: DockerClient = laboratory.client
    image = laboratory.images["rocky9"].tag
    (network,) = client.api.networks(
        filters={"label": f"com.docker.compose.project={laboratory.topology.project}"}
    )
    port = _port(laboratory.session.attempt(PlannedAttempt("bench", _FTPS))[0])
    script = (
        "use Net::FTP; use IO::Socket::SSL;"
        " my $f = Net::FTP->new($ARGV[0], Port => $ARGV[1], Passive => 1,"
        " SSL_verify_mode => 0) or die $@; $f->starttls or die $f->message; $f->quit"
    )
    host = laboratory.client.containers.get(laboratory.topology.containers["vsftpd"].id)
    (attached,) = host.attrs["NetworkSettings"]["Networks"].values()

    def one() -> None:
        client.containers.run(
            image,
            ["/opt/lab/bin/perl", "-e", script, attached["IPAddress"], str(port)],
            network=network["Id"],
            environment={"LAB_CRYPTO_POLICY": "DEFAULT"},
            remove=True,
        )

    one()
    return statistics.median([_milliseconds(one) for _ in range(CONTAINER_RUNS)])


def _memory(laboratory: Lab) -> float:
    """MiB that all containers of the topology use, without the page cache."""
    total = 0
    for container in laboratory.topology.containers.values():
        memory = laboratory.client.api.stats(container.id, stream=False)["memory_stats"]
        detail = memory.get("stats", {})
        cache = detail.get("total_inactive_file", detail.get("inactive_file", 0))
        total += max(memory.get("usage", 0) - cache, 0)
    return total / _MIB


def _warm_run(document: str) -> float:
    """Seconds of `lab run --document DOCUMENT` as a person starts it."""
    return _median_s("run", "-d", document)


def measure_demos(checkout: Checkout) -> Measured:
    """Each of the demonstrations to begin with, in turn with a run of the same attempts; the topology is up.

    Raises:
        BenchError: a command failed.
    """
    measured = Measured()
    catalogue = Catalogue.load(checkout.root / "scenarios")
    _command("up")
    try:
        for name in recommended():
            case = one_case(catalogue, name).id
            both = ("demo", case, "--no-pause"), ("run", case)
            spent = [[_spent(checkout.root, words) for words in both] for _ in range(WARM_RUNS)]
            demo_s, run_s, demo_cpu_s, run_cpu_s = (
                statistics.median(one[which].of(what) for one in spent)
                for what in ("wall", "processor")
                for which in (0, 1)
            )
            measured.figures += [
                Figure(f"lab demo {name.rpartition('/')[2][:46]}", demo_s, "s", 5.0),
                Figure("  beside `lab run` of its attempts: wall", demo_s / run_s, "x", 2.0),
                Figure("  the same: processor", demo_cpu_s / run_cpu_s, "x", 2.0),
            ]
        measured.figures += _exercise(checkout)
    finally:
        _command("down")
    return measured


def _exercise(checkout: Checkout) -> list[Figure]:
    """A check of an exercise as a person starts it, beside its attempts and the servers that they need alone.

    The score stays as it was.

    Raises:
        BenchError: a command failed, or an exercise is under way.
    """
    exercise, state = exercise_named(EXERCISE), checkout.state / "exercise" / "state.json"
    score = state.read_bytes() if state.is_file() else None
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "files"
        _command("exercise", "start", EXERCISE, str(folder))
        try:
            check = [_spent(checkout.root, ("exercise", "check")).wall for _ in range(WARM_RUNS)]
            files = read(exercise, folder, folder)
        finally:
            _command("exercise", "finish", "--remove")
            state.unlink() if score is None else state.write_bytes(score)
    planned = plan(exercise, files)
    attempts = [one.attempt for one in planned]

    def alone() -> None:
        with open_lab(
            files.own, attempts=attempts, checkout=checkout, progress=Progress()
        ) as laboratory:
            make_all(laboratory.session, planned)

    bare = [_milliseconds(alone) / 1000 for _ in range(WARM_RUNS)]
    check_s, bare_s = statistics.median(check), statistics.median(bare)
    return [
        Figure(f"lab exercise check ({EXERCISE}, {len(planned)} attempts)", check_s, "s", 2.0),
        Figure("  as a multiple of its attempts, servers started", check_s / bare_s, "x", 2.0),
    ]


def _median_s(*words: str) -> float:
    """Seconds that this command takes, of a few."""
    return (
        statistics.median(_milliseconds(lambda: _command(*words)) for _ in range(WARM_RUNS)) / 1000
    )


def _command(*words: str) -> None:
    """Run `lab` with these words, as a person does.

    Raises:
        BenchError: it ended with another status than 0.
    """
    command = [sys.executable, "-m", "lab", *words]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=LIMIT_S, check=False, env=persons()
    )
    if done.returncode:
        said = (done.stdout + done.stderr)[-2000:]
        raise BenchError(f"`lab {' '.join(words)}` ended with {done.returncode}:\n{said}")


def persons() -> dict[str, str]:
    """The environment of what is measured: Python keeps what it has compiled, as it does for people."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def _milliseconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) * 1000


def measure_beside(baseline: Path, checkout: Checkout) -> Measured:
    """This checkout's commands as a fraction of another's, in turn on the same machine.

    Args:
        baseline: the other checkout, with its environment in ``.venv``.
        checkout: this one.

    Raises:
        BenchError: a command failed.
    """
    both = (baseline, checkout.root)
    measured = Measured()

    def beside(
        name: str,
        words: Sequence[str],
        limit: float,
        times: int = WARM_RUNS,
        here: Sequence[str] = (),
    ) -> None:
        """One command at both; ``here``: in this checkout's own words."""
        spent: dict[Path, list[Spent]] = {folder: [] for folder in both}
        for _ in range(times):
            for folder in both:
                mine = here if folder == checkout.root else ()
                spent[folder].append(_spent(folder, mine or words))
        runs = words[0] == "run"
        for what in ("wall", "processor", *(["processor an attempt made"] if runs else [])):
            old, new = (statistics.median(one.of(what) for one in spent[f]) for f in both)
            line = f"{name}: {what}, {new:.3g} s of {old:.3g} s"
            measured.figures.append(
                Figure(line, new / old, "x", limit if what == "wall" or runs else None)
            )

    beside("lab --help", ["--help"], 0.25)
    try:
        for folder in both:
            _spent(folder, ["up"])
        beside("lab attempt, topology up", ["attempt", "-c", "goal=login"], 0.5, ATTEMPT_RUNS)
        refused = ["attempt", "-s", "certificate=expired"]
        alone = [*refused, "--no-remedies"]
        beside("a refused attempt, no remedies", refused, 0.5, ATTEMPT_RUNS, here=alone)
        beside("a refused attempt and its remedies", refused, 1.0, ATTEMPT_RUNS)
    finally:
        for folder in both:
            _spent(folder, ["down"])
    whole = [_spent(folder, ["run"]) for folder in both]
    there, ours = (_tried(folder) for folder in both)
    common = [case for case, tried in there.items() if ours.get(case) == tried]
    same = f"lab run of {len(common)} cases of the same attempts"
    beside(same, ["run", *common], 0.75, WHOLE_RUNS)
    made = f"attempts made in a whole run, {whole[0].made} before"
    measured.figures.append(Figure(made, whole[1].made, ""))
    before, unit, integration = (
        _tests(folder, target)[0]
        for folder, target in (
            (baseline, "unit"),
            (checkout.root, "unit"),
            (checkout.root, "integration"),
        )
    )
    for what in ("wall", "processor"):
        old, new, rest = (one.of(what) for one in (before, unit, integration))
        limit = 0.33 if what == "wall" else None
        for name, value, held in (
            ("make unit", new, limit),
            ("make unit integration", new + rest, None),
        ):
            line = f"{name}: {what}, {value:.3g} s of {old:.3g} s"
            measured.figures.append(Figure(line, value / old, "x", held))
    for name, limit in (("record.json", 10.0), ("report.html", 4.0)):
        sizes = [(f / ".lab" / "runs" / "latest" / name).stat().st_size / 1e6 for f in both]
        measured.figures.append(Figure(f"{name}, {sizes[0]:.1f} MB before", sizes[1], "MB", limit))
    return measured


@dataclass(frozen=True)
class Spent:
    """What a command has taken."""

    wall: float
    """Seconds."""
    processor: float
    """Processor seconds of the command, of Compose and of the containers; not the engine's."""
    made: int
    """Attempts that were made, of a run."""

    def of(self, what: str) -> float:
        """One of these figures in seconds, by its words."""
        each = self.processor / (self.made or 1)
        return {"wall": self.wall, "processor": self.processor}.get(what, each)


def _tests(folder: Path, *targets: str, **variables: str) -> tuple[Spent, Counter[str]]:
    """Run tests of a checkout once: what they take, and how many passed, failed or were skipped.

    Args:
        folder: the checkout.
        targets: of its Makefile; of `make -i` nobody asks whether all passed.
        variables: of the environment.

    Raises:
        BenchError: not all of them passed.
    """
    # What this `make bench` was told is not for that one.
    told = {
        "MAKEFLAGS",
        "MFLAGS",
        "MAKELEVEL",
        "MAKEOVERRIDES",
        "BASELINE",
        "DEMOS",
        "TESTS",
        "OPTIONS",
    }
    environment = {name: value for name, value in persons().items() if name not in told}
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(
        ["make", *targets],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=TESTS_S,
        check=False,
        env=environment | variables,
    )
    wall = time.perf_counter() - started
    if done.returncode:
        raise BenchError(f"{folder}: `make {' '.join(targets)}`: {done.stdout[-2000:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    own = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    came: Counter[str] = Counter()
    for line in re.findall(r"^=*.*\d+ passed.* in \d.*$", done.stdout, re.MULTILINE):
        came.update(
            {word: int(n) for n, word in re.findall(r"(\d+) (passed|failed|skipped)", line)}
        )
    return Spent(wall, own, 0), came


def measure_tests(baseline: Path, checkout: Checkout, commit: str) -> Measured:
    """All that CI runs of another checkout, and of this one the same, as far as it stood at a commit.

    Raises:
        BenchError: not all tests of this checkout passed; those of the other may be of other days' packages.
        subprocess.CalledProcessError: the tests of the commit cannot be collected.
    """
    with tempfile.TemporaryDirectory() as place:
        stood = Path(place, "tests")
        names = sorted(standing.tests_of(commit))
        stood.write_text("\n".join(names), encoding="utf-8")
        mine, came = _tests(
            checkout.root,
            *("lint", "unit", "integration", "end-to-end"),
            "OPTIONS=-p tools.standing",
            **{standing.VARIABLE: str(stood)},
        )
    theirs, there = _tests(baseline, "-i", "test")
    line = f"tests of {commit}: wall, {mine.wall:.3g} s of {theirs.wall:.3g} s"
    return Measured(
        [
            Figure(f"tests that stood at {commit}", len(names), ""),
            *(Figure(f"of these here: {word}", number, "") for word, number in came.items()),
            *(Figure(f"of the other: {word}", number, "") for word, number in there.items()),
            Figure(line, mine.wall / theirs.wall, "x", 0.55),
        ]
    )


def _tried(folder: Path) -> Mapping[str, int]:
    """How many attempts of each case a checkout's last whole run could try."""
    record = folder / ".lab" / "runs" / "latest" / "record.json"
    attempts = json.loads(record.read_bytes())["attempts"]
    return Counter(one["case"] for one in attempts if one["verdict"] != "cannot")


def _spent(folder: Path, words: Sequence[str]) -> Spent:
    """Run a command in a checkout.

    The containers' are added up from the control groups of the checkout's containers while they run.
    """
    engine = DockerClient.from_env()
    key = Checkout(folder.resolve()).key
    containers: dict[str, float] = {}
    _look_at_containers(engine, key, containers)
    there = sum(containers.values())
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            [folder / ".venv" / "bin" / "lab", *words],
            cwd=folder,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=persons(),
        )
        while process.poll() is None:
            _look_at_containers(engine, key, containers)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(LOOK_S)
        wall = time.perf_counter() - started
        output.seek(0)
        said = output.read()
        if process.returncode not in (0, 1):
            command, last = one_line(" ".join(words), 60), said[-2000:].decode(errors="replace")
            raise BenchError(f"{folder}: `lab {command}`: exit {process.returncode}\n{last}")
    made = re.findall(rb"attempts, (\d+) made", said)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    own = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Spent(wall, own + sum(containers.values()) - there, int(made[-1]) if made else 0)


def _look_at_containers(engine: DockerClient, key: str, seen: dict[str, float]) -> None:
    """Note how many processor seconds each container of a checkout has used by now."""
    with contextlib.suppress(DockerException, OSError):
        for found in engine.api.containers(filters={"label": f"{LABEL_CHECKOUT}={key}"}):
            for file, unit in CPU_FILES:
                path = Path(file.format(found["Id"]))
                if path.is_file():
                    words = path.read_text().split()
                    seen[found["Id"]] = int(words[1] if len(words) > 1 else words[0]) / unit


def main() -> int:
    """Measure and print, with ``--json`` as JSON; the exit status is 1 where a limit is not met.

    With ``--baseline FOLDER`` this checkout is measured beside that one; with ``--tests COMMIT``, too, its
    tests of then beside all of that one's; with ``--demos`` its demonstrations.
    """
    parser = argparse.ArgumentParser(prog="tools.bench")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--baseline", type=Path, help="another checkout, to be measured beside")
    parser.add_argument(
        "--tests", metavar="COMMIT", help="tests alone, ours as far as they stood then"
    )
    parser.add_argument("--demos", action="store_true", help="demonstrations and an exercise alone")
    arguments = parser.parse_args()
    here = Checkout.here()
    if arguments.tests and not arguments.baseline:
        parser.error("--tests needs --baseline, a checkout whose tests are beside these")
    if arguments.tests:
        measured = measure_tests(arguments.baseline, here, arguments.tests)
    elif arguments.baseline:
        measured = measure_beside(arguments.baseline, here)
    else:
        measured = measure_demos(here) if arguments.demos else measure(here, Printed())
    words = json.dumps(measured.as_json()) if arguments.json else measured.in_words()
    sys.stdout.write(f"{words}\n")
    return 0 if measured.all_met else 1


if __name__ == "__main__":
    sys.exit(main())
