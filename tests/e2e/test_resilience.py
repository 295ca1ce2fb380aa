"""What is killed in the middle, and what goes on: containers, the lab itself, its neighbours.

Nothing here waits for time to pass: an attempt that hangs (a packet filter drops its data connection)
holds a run open until the test has done to it what it wants.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

import psutil
import pytest
from docker import DockerClient

from lab.host.engine import resolve
from lab.host.machine import wait_until
from lab.model.expectations import Verdict
from lab.record import AttemptResult, RunRecord
from lab.run import network, topology
from lab.run.checkout import in_use
from tests.e2e.checkouts import PATIENCE_S, POLL_S, Copy, Running, agents_in

pytestmark = pytest.mark.engine

MakeCopy = Callable[[], Copy]

#: Instead of the real cases: some that are quick, and some that hang until their container is killed.
SCENARIO = '''
"""Cases for what happens to a run."""

from lab.cases import Case, case, net_ftp, pyftpdlib, vsftpd
from lab.model.expectations import completed
from lab.model import Attempt, Goal

HANGING = {"session_cache": "shared", "timeout_s": 300.0}


@case(section="quick", clients=[
    net_ftp("rocky9", policy, goal=goal) for policy in ("DEFAULT", "FIPS")
    for goal in (Goal.HANDSHAKE, Goal.LOGIN)
])
def quick(client):
    """Done in a moment."""
    return Case(Attempt(vsftpd(), client), completed())


@case(section="hanging", clients=[net_ftp("centos7", **HANGING)])
def the_client_hangs(client):
    """A data connection that nobody answers."""
    return Case(Attempt(vsftpd(data_ports="dropped"), client), completed())


@case(section="hanging", clients=[net_ftp("rocky9", "LEGACY", **HANGING)])
def the_server_hangs(client):
    """The same at the other server."""
    return Case(Attempt(pyftpdlib(data_ports="dropped"), client), completed())
'''
QUICK = 4
#: Seconds within which a run without an engine ends.
GONE_S = 2.0


@pytest.fixture
def hanging(copy: Copy) -> Copy:
    """A copy whose cases are those of :data:`SCENARIO`."""
    return with_hanging_cases(copy)


def with_hanging_cases(copy: Copy) -> Copy:
    for path in (copy.path / "scenarios").rglob("[!_]*.py"):
        path.unlink()
    folder = copy.path / "scenarios" / "resilience"
    folder.mkdir()
    (folder / "resilience.py").write_text(SCENARIO)
    return copy


def until_it_hangs(engine: DockerClient, copy: Copy, running: Running, *services: str) -> None:
    """Wait until all quick attempts are in the journal and an attempt is under way on ``services``."""

    def quick_ones_done() -> bool:
        record = copy.journal()
        return record is not None and len(record.attempts) >= QUICK

    running.wait_until(quick_ones_done, f"{QUICK} attempts in the journal")
    for service in services:

        def under_way(service: str = service) -> bool:
            return len(programs(engine, copy, service)) >= 2

        running.wait_until(under_way, f"an attempt under way in {service}")


def programs(engine: DockerClient, copy: Copy, service: str) -> list[str]:
    """The agents in the containers of a service, with the attempts that they have forked."""
    return [p for c in copy.containers(engine, service) for p in agents_in(engine, c)]


def attempts(record: RunRecord, case: str) -> list[AttemptResult]:
    return [a for a in record.attempts if a.case and a.case.startswith(f"resilience/{case}[")]


def test_containers_that_are_killed_take_only_their_own_attempts_with_them(
    hanging: Copy, engine: DockerClient
) -> None:
    # given a run in which one attempt hangs on a client and one on a server
    running = hanging.start("run")
    until_it_hangs(engine, hanging, running, "centos7", "rocky9-legacy")
    # when that client's and that server's containers are killed
    for service in ("centos7", "pyftpdlib"):
        (container,) = hanging.containers(engine, service)
        engine.api.kill(container)
    done = running.done()
    # then the run ends by itself, and says that the lab is at fault
    assert done.status == 3, str(done)
    record = hanging.record()
    assert record.complete, str(done)
    for case, killed in (("the_client_hangs", "centos7"), ("the_server_hangs", "pyftpdlib")):
        (hit,) = attempts(record, case)
        assert hit.verdict is Verdict.LAB_ERROR, f"{hit.id}: {hit.verdict}\n{done}"
        assert killed in hit.verdict_why, hit.verdict_why
        assert f"LAB ERROR: {hit.id}" in done.out + done.err, str(done)
    # and everything else went on
    verdicts = [attempt.verdict for attempt in attempts(record, "quick")]
    assert verdicts == [Verdict.AS_EXPECTED] * QUICK, str(done)
    assert hanging.left(engine) == []


def test_a_run_whose_engine_dies_says_so_once_and_ends(
    hanging: Copy, engine: DockerClient, tmp_path_factory: pytest.TempPathFactory
) -> None:
    # given a run that reaches its engine over a socket of its own, with attempts that hang
    with EngineDoor(tmp_path_factory.mktemp("door")) as door:
        running = hanging.start("run", DOCKER_HOST=f"unix://{door.path}")
        until_it_hangs(engine, hanging, running, "centos7", "rocky9-legacy")
        # when the engine is gone
        door.close()
        begun = time.monotonic()
        done = running.done()
    # then the run does not go on without it, and one line says what was not made
    assert time.monotonic() - begun < GONE_S, str(done)
    assert done.status == 3, str(done)
    left = [line for line in done.message.splitlines() if "lab-error" in line or "gone" in line]
    assert len(left) == 1, str(done)
    assert f"Making {QUICK + 2} attempts: the engine has gone, 2 were not made" in left[0], str(
        done
    )
    assert "lab engine start" in done.message, str(done)
    # and what was finished can be read
    record = hanging.record()
    assert not record.complete
    assert [a.verdict for a in record.attempts] == [Verdict.AS_EXPECTED] * QUICK
    # and `lab down` removes the rest once the engine is back
    assert hanging.lab("down").status == 0
    assert hanging.left(engine) == []


class EngineDoor:
    """A way to the engine that can be shut: a socket whose bytes go to the engine's and back."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / "engine.sock"
        self._real = resolve(os.environ).socket
        self._open: list[socket.socket] = []

    def __enter__(self) -> Self:
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self.path))
        self._listener.listen(64)
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End everything that goes through, and let nothing in any more."""
        self.path.unlink(missing_ok=True)
        for one in (self._listener, *self._open):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                inside, _ = self._listener.accept()
                outside = socket.socket(socket.AF_UNIX)
                outside.connect(str(self._real))
                self._open += (inside, outside)
                for ends in ((inside, outside), (outside, inside)):
                    threading.Thread(target=_carry, args=ends, daemon=True).start()


def _carry(one: socket.socket, other: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while chunk := one.recv(65536):
            other.sendall(chunk)
        other.shutdown(socket.SHUT_WR)


def test_a_lab_that_is_killed_leaves_a_record_and_nothing_that_down_cannot_remove(
    hanging: Copy, engine: DockerClient
) -> None:
    running = hanging.start("run")
    until_it_hangs(engine, hanging, running, "centos7")
    (project,) = hanging.projects(engine)
    # when the lab has no chance to clean up
    running.kill()
    # then what was finished can be read, and nobody takes it for a whole run
    report = hanging.lab("report", DOCKER_HOST="unix:///nowhere.sock")
    assert report.status == 3, str(report)
    assert "ended before it was done" in report.out, str(report)
    assert f"{QUICK} attempts: {QUICK} as-expected" in report.out, str(report)
    # and the agents have ended, with the attempts and the listeners that they had started
    still: dict[str, list[str]] = {}

    def agents_ended() -> bool:
        for service in ("centos7", "rocky9-default", "vsftpd", "pyftpdlib"):
            still[service] = programs(engine, hanging, service)
        return not any(still.values())

    assert wait_until(agents_ended, timeout_s=PATIENCE_S, interval_s=POLL_S), str(still)
    # and `lab down` removes the rest
    assert not in_use(project)
    down = hanging.lab("down")
    assert down.status == 0, str(down)
    assert f"removed {project}" in down.out, str(down)
    assert hanging.left(engine) == []
    assert "nothing to remove" in hanging.lab("down").out


@pytest.mark.parametrize("victim", ["lab", "compose"])
def test_what_is_killed_while_the_topology_starts(
    copy: Copy, engine: DockerClient, victim: str
) -> None:
    # given containers that are being made
    running = copy.start("up")
    composes: list[psutil.Process] = []

    def composing() -> bool:
        composes.extend(topology.compose_processes(copy.checkout.kept_project))
        return bool(composes)

    running.wait_until(composing, "a Compose at work")
    if victim == "lab":
        # when the lab is killed there, and Compose goes on without it
        running.kill()
        down = copy.lab("down")
        # then `lab down` ends that too
        assert down.status == 0, str(down)
    else:
        # when Compose is killed there
        for process in composes:
            process.kill()
        done = running.done()
        # then the lab says so and takes back what there was
        assert done.status == 3, str(done)
        assert "Compose could not start the topology" in done.message, str(done)
    assert psutil.wait_procs(composes, PATIENCE_S)[1] == []
    assert copy.left(engine) == []


def test_a_run_that_is_interrupted_takes_everything_back(
    hanging: Copy, engine: DockerClient
) -> None:
    running = hanging.start("run")
    until_it_hangs(engine, hanging, running, "centos7")
    # when Ctrl-C is pressed
    running.interrupt(signal.SIGINT)
    done = running.done()
    # then the command does not wait for the attempt that hangs
    assert done.status == 130, str(done)
    assert "ended by SIGINT" in done.message, str(done)
    assert hanging.left(engine) == []
    # and what was finished is in the record, which does not pass for a whole one
    record = hanging.record()
    assert not record.complete
    assert len(attempts(record, "quick")) == QUICK
    assert [case.name for case in record.cases] == ["quick"] * QUICK


def test_labs_side_by_side_do_not_disturb_each_other(
    shared: Copy, make_copy: MakeCopy, engine: DockerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, other, bystander = shared.checkout.kept_project, make_copy(), make_copy()
    with_hanging_cases(other)
    # given a run of another checkout, and two commands in one checkout: the second of them finds
    # the kept topology in use
    foreign = other.start("run")
    first = shared.start("attempt", "-c", "goal=login", "--repeat", "25")
    first.wait_until(lambda: in_use(kept), "the kept topology in use")
    with first.paused():
        second = shared.start("attempt", "-c", "goal=handshake")
        second.wait_for("topology: starting the containers")
    until_it_hangs(engine, other, foreign, "centos7")
    (living,) = other.projects(engine)
    # when a third checkout removes what all labs left behind
    only_of_these_tests(monkeypatch, shared, other, bystander)
    removed, left = topology.down(engine, bystander.checkout, every=True)
    # then nothing of those that live is taken
    assert removed == []
    assert {kept, living} <= {found.project for found in left}
    for running in (first, second):
        done = running.done()
        assert done.status == 0, str(done)
        assert re.search(r"completed \((login|handshake)\)", done.out), str(done)
    # and the second has taken its own topology with it, and no other
    assert shared.projects(engine) == {kept}
    assert other.projects(engine) == {living}
    # and when it is forced, the living one is taken: what it was doing is a lab-error
    only_of_these_tests(monkeypatch, other, bystander)
    removed, left = topology.down(engine, bystander.checkout, every=True, force=True)
    assert ([found.project for found in removed], left) == ([living], [])
    done = foreign.done()
    assert done.status == 3, str(done)
    assert other.left(engine) == []


def only_of_these_tests(monkeypatch: pytest.MonkeyPatch, *copies: Copy) -> None:
    """Keep `lab down --all` away from every other lab of this machine."""
    monkeypatch.undo()
    keys, real = {copy.checkout.key for copy in copies}, network.find

    def find(client: DockerClient) -> list[network.Found]:
        return [found for found in real(client) if found.checkout in keys]

    monkeypatch.setattr(network, "find", find)
