"""The engine is found, started, survived and stopped, on a daemon beside the machine's own.

The daemon under test has its own socket, data, pid file and network namespace, so that the
machine's engine never notices. It needs root and an installed dockerd.
"""

from __future__ import annotations

import io
import os
import shutil
import signal
import struct
import subprocess
import sys
import tarfile
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import docker
import pytest

from lab import checkout, machine
from lab.engine import DaemonSettings, EngineError, Problem, Stopped, ensure, processes, stop
from lab.engine import daemon as daemons
from lab.engine.ownership import read_owner
from lab.engine.processes import Process

pytestmark = [
    pytest.mark.engine,
    pytest.mark.skipif(
        not machine.is_root() or machine.program("dockerd") is None,
        reason="starting a daemon needs root and an installed dockerd",
    ),
]

ENVIRONMENT = {"DOCKER_CONTEXT": "default"}
OTHER = Path("/nowhere/another-lab")


@pytest.fixture
def settings() -> Iterator[DaemonSettings]:
    # Not tmp_path: containerd's sockets would exceed the 107 bytes that a socket's path may have.
    root = Path(tempfile.mkdtemp(prefix="lab-engine-"))
    made = DaemonSettings(
        socket=root / "docker.sock",
        data_root=root / "data",
        exec_root=root / "exec",
        pid_file=root / "docker.pid",
        state_directory=root / "state",
        log_file=root / "log" / "dockerd.log",
        # A dockerd touches docker0 and the packet filter of its network namespace, and with
        # --bridge=none it even removes docker0: the machine's own must stay out of its reach.
        launcher=("unshare", "--net"),
        system_containerd=root / "system-containerd.sock",
        ready_timeout_s=30,
        stop_timeout_s=20,
        hung_after_s=2,
    )
    yield made
    daemons.shut_down(daemons.observe(made).daemon, made, lambda line: None)
    # dockerd mounts its data root on itself, and one that is killed leaves that.
    machine.run(["umount", "--lazy", str(made.data_root)], timeout_s=10, check=False)
    shutil.rmtree(root)


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def bring_up(settings: DaemonSettings, said: list[str]) -> Iterator[Callable[[], Process]]:
    """Ensures the engine and gives its process."""
    clients: list[docker.DockerClient] = []

    def up() -> Process:
        clients.append(ensure(say=said.append, environment=ENVIRONMENT, settings=settings))
        process = daemons.observe(settings).daemon
        assert process is not None, "\n".join(said)
        return process

    yield up
    for client in clients:
        client.close()


@pytest.fixture
def bystander() -> Iterator[subprocess.Popen[bytes]]:
    """A living process that is no daemon."""
    with subprocess.Popen(["sleep", "300"]) as process:
        yield process
        process.kill()


def left_of(settings: DaemonSettings) -> list[str]:
    """Every living process that belongs to the daemon under test."""
    root = str(settings.socket.parent)
    return [
        str(process)
        for process in processes.everyone()
        if process.running and any(root in argument for argument in process.command)
    ]


def ended(process: Process) -> bool:
    return machine.wait_until(lambda: processes.still(process) is None, timeout_s=5)


def test_a_daemon_starts_in_its_own_session_and_stops_without_remains(
    settings: DaemonSettings, bring_up: Callable[[], Process]
) -> None:
    # when
    process = bring_up()
    # then: it has a session of its own, and the record names this checkout
    assert os.getsid(process.pid) == process.pid
    # and the machine's own network is out of its reach
    assert Path(f"/proc/{process.pid}/ns/net").readlink() != Path("/proc/self/ns/net").readlink()
    owner = read_owner(settings.owner_file)
    assert owner is not None
    assert (owner.pid, owner.checkout) == (process.pid, checkout.identity())
    # when
    result = stop(environment=ENVIRONMENT, settings=settings)
    # then
    assert result.outcome is Stopped.STOPPED
    assert left_of(settings) == []
    assert not settings.owner_file.exists()
    assert not settings.pid_file.exists()


def test_a_second_start_uses_the_running_daemon(
    settings: DaemonSettings, bring_up: Callable[[], Process], said: list[str]
) -> None:
    first = bring_up()
    said.clear()
    assert bring_up() == first
    assert len(said) == 1
    assert f"at unix://{settings.socket}" in said[0]


def test_two_labs_that_start_at_once_share_one_daemon(settings: DaemonSettings) -> None:
    # given: two processes' worth of starters
    failures: list[BaseException] = []
    barrier = threading.Barrier(2)

    def starter() -> None:
        barrier.wait(timeout=10)
        try:
            ensure(say=lambda line: None, environment=ENVIRONMENT, settings=settings).close()
        except EngineError as error:
            failures.append(error)

    threads = [threading.Thread(target=starter) for _ in range(2)]
    # when
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    # then
    assert failures == []
    running = [p for p in processes.everyone() if daemons.is_dockerd_of(p, settings)]
    assert len(running) == 1


def test_it_survives_pid_files_whose_ids_other_processes_have_now(
    settings: DaemonSettings,
    bring_up: Callable[[], Process],
    bystander: subprocess.Popen[bytes],
    said: list[str],
) -> None:
    # given: dockerd itself refuses to start over such a file, and waits for such a containerd
    settings.pid_file.write_text(str(bystander.pid))
    settings.containerd_directory.mkdir(parents=True)
    settings.containerd_pid_file.write_text(str(bystander.pid))
    # when
    process = bring_up()
    # then
    assert process.pid != bystander.pid
    assert bystander.poll() is None, "the bystander was ended"
    assert any("sleep" in line and "is no dockerd" in line for line in said), said


def test_it_survives_a_pid_file_that_names_a_zombie(
    settings: DaemonSettings, bring_up: Callable[[], Process]
) -> None:
    # given: a process that has ended and that its parent has not collected keeps its id
    with subprocess.Popen(["true"]) as zombie:
        assert machine.wait_until(
            lambda: (p := processes.read(zombie.pid)) is not None and not p.running, timeout_s=5
        )
        settings.pid_file.write_text(str(zombie.pid))
        # when, then
        assert bring_up().running


def test_it_survives_a_killed_daemon_whose_containerd_lives(
    settings: DaemonSettings, bring_up: Callable[[], Process]
) -> None:
    # given
    first = bring_up()
    old = daemons.observe(settings).containerd
    assert old is not None
    os.kill(first.pid, signal.SIGKILL)
    assert ended(first)
    # when
    second = bring_up()
    # then
    assert second.pid != first.pid
    assert processes.still(old) is None


def test_it_replaces_a_daemon_that_a_lab_started_and_that_no_longer_answers(
    settings: DaemonSettings, bring_up: Callable[[], Process], said: list[str]
) -> None:
    # given
    first = bring_up()
    os.kill(first.pid, signal.SIGSTOP)
    # when
    second = bring_up()
    # then
    assert second.pid != first.pid
    assert processes.still(first) is None
    assert any("does not answer" in line for line in said), said


def test_it_leaves_alone_a_daemon_of_somebody_else_that_does_not_answer(
    settings: DaemonSettings, bring_up: Callable[[], Process]
) -> None:
    # given
    process = bring_up()
    settings.owner_file.unlink()
    os.kill(process.pid, signal.SIGSTOP)
    # when
    with pytest.raises(EngineError) as failure:
        bring_up()
    # then
    assert failure.value.problem is Problem.NO_ANSWER
    assert "is stopped (SIGSTOP)" in str(failure.value)
    assert str(process.pid) in str(failure.value)
    now = processes.still(process)
    assert now is not None
    assert now.stopped
    os.kill(process.pid, signal.SIGCONT)


def test_a_daemon_that_cannot_start_shows_its_own_words_and_leaves_nothing(
    settings: DaemonSettings,
) -> None:
    # given
    broken = replace(settings, arguments=(*settings.arguments, "--storage-driver=nonsense"))
    # when
    with pytest.raises(EngineError) as failure:
        ensure(say=lambda line: None, environment=ENVIRONMENT, settings=broken)
    # then
    message = str(failure.value)
    assert failure.value.problem is Problem.START_FAILED
    assert "driver not supported" in message
    assert "no storage driver works below the data root" in message
    assert str(settings.log_file) in message
    assert left_of(settings) == []
    assert not settings.owner_file.exists()


def test_only_the_checkout_that_started_it_stops_it(
    settings: DaemonSettings, bring_up: Callable[[], Process]
) -> None:
    # given
    process = bring_up()
    # when
    result = stop(environment=ENVIRONMENT, settings=settings, root=OTHER)
    # then
    assert result.outcome is Stopped.NOT_OURS
    assert str(checkout.root()) in result.message
    assert processes.still(process) is not None


def test_a_daemon_that_no_lab_started_is_not_stopped(
    settings: DaemonSettings, bring_up: Callable[[], Process]
) -> None:
    # given
    process = bring_up()
    settings.owner_file.unlink()
    # when
    result = stop(environment=ENVIRONMENT, settings=settings)
    # then
    assert result.outcome is Stopped.NOT_OURS
    assert processes.still(process) is not None


def test_stopping_where_nothing_runs_says_so(settings: DaemonSettings) -> None:
    result = stop(environment=ENVIRONMENT, settings=settings)
    assert result.outcome is Stopped.NOT_RUNNING


def waiting_program() -> bytes:
    """A static x86-64 program that does nothing but pause(2): an image needs no more."""
    code = bytes.fromhex("b822000000 0f05 ebf7")  # mov eax, 34 (pause); syscall; jmp back
    base, header = 0x400000, 64 + 56
    size = header + len(code)
    elf = b"\x7fELF\x02\x01\x01" + bytes(9)
    elf += struct.pack("<HHIQQQIHHHHHH", 2, 62, 1, base + header, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    elf += struct.pack("<IIQQQQQQ", 1, 5, 0, base, base, size, size, 0x1000)
    return elf + code


@pytest.fixture
def container(
    settings: DaemonSettings, bring_up: Callable[[], Process]
) -> Iterator[Callable[[dict[str, str]], str]]:
    """Starts a container with the given labels and gives its name."""
    bring_up()
    client = docker.DockerClient(base_url=f"unix://{settings.socket}", timeout=30)

    def run(labels: dict[str, str]) -> str:
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w") as tar:
            entry = tarfile.TarInfo("wait")
            entry.mode, entry.size = 0o755, len(waiting_program())
            tar.addfile(entry, io.BytesIO(waiting_program()))
        client.api.import_image_from_data(archive.getvalue(), repository="waiting", tag="1")
        started = client.containers.run(
            "waiting:1",
            ["/wait"],
            detach=True,
            network_mode="none",
            labels=labels,
            stop_signal="SIGKILL",
        )
        return str(started.name)

    yield run
    client.close()


@pytest.mark.parametrize(
    ("labels", "whose"),
    [
        ({}, "not of a lab"),
        (
            {checkout.LABEL: checkout.identity(OTHER), "test.lab.path": str(OTHER)},
            f"of the lab in {OTHER}",
        ),
    ],
    ids=["a container of no lab", "a container of another lab"],
)
def test_an_engine_that_others_use_is_not_stopped(
    settings: DaemonSettings,
    container: Callable[[dict[str, str]], str],
    labels: dict[str, str],
    whose: str,
) -> None:
    # given
    name = container(labels)
    # when
    result = stop(environment=ENVIRONMENT, settings=settings)
    # then
    assert result.outcome is Stopped.IN_USE
    assert f"{name} ({whose})" in result.message
    assert daemons.observe(settings).daemon is not None


def test_an_engine_that_only_this_checkout_uses_is_stopped_with_its_containers(
    settings: DaemonSettings, container: Callable[[dict[str, str]], str]
) -> None:
    # given
    container({checkout.LABEL: checkout.identity()})
    assert any("containerd-shim" in process for process in left_of(settings))
    # when
    result = stop(environment=ENVIRONMENT, settings=settings)
    # then
    assert result.outcome is Stopped.STOPPED
    assert left_of(settings) == []


def test_what_a_killed_daemon_left_is_removed(
    settings: DaemonSettings, container: Callable[[dict[str, str]], str]
) -> None:
    # given: the daemon and its containerd are killed, the container lives on
    container({checkout.LABEL: checkout.identity()})
    waiting = next(p for p in processes.everyone() if p.command == ("/wait",))
    observed = daemons.observe(settings)
    for process in (observed.daemon, observed.containerd):
        assert process is not None
        os.kill(process.pid, signal.SIGKILL)
        assert ended(process)
    assert processes.still(waiting) is not None
    # when
    result = stop(environment=ENVIRONMENT, settings=settings)
    # then
    assert result.outcome is Stopped.NOT_RUNNING
    assert left_of(settings) == []
    assert processes.still(waiting) is None
    assert daemons.left_mounts(Path("/proc/self/mountinfo").read_text(), settings) == []


def test_the_command_says_which_engine_is_used(
    settings: DaemonSettings, bring_up: Callable[[], Process]
) -> None:
    # given
    bring_up()
    environment = {**os.environ, "DOCKER_HOST": f"unix://{settings.socket}"}
    # when
    done = machine.run([sys.executable, "-m", "lab.engine"], timeout_s=30, env=environment)
    # then
    assert f"unix://{settings.socket} (from DOCKER_HOST)" in done.stdout
