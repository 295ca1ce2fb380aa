"""What is in a daemon's way and what may be cleared away: decided from what was observed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lab.engine import DaemonSettings, EngineError, Problem
from lab.engine.connect import SocketProbe, SocketState
from lab.engine.daemon.clearing import End, Remove, describe_holder, plan
from lab.engine.daemon.observing import Observed, is_containerd_of, is_dockerd_of
from lab.engine.daemon.starting import telling
from lab.engine.daemon.stopping import descendants, left_mounts, left_shims
from lab.engine.hints import explain_log
from lab.engine.ownership import Owner
from lab.engine.processes import Process
from lab.engine.settings import pid_file_of

SETTINGS = DaemonSettings()
REFUSED = SocketProbe(SocketState.REFUSED)
SILENT = SocketProbe(SocketState.SILENT, "no answer to GET /_ping within 2 s", 100)


def process(
    pid: int = 100, name: str = "dockerd", state: str = "S", parent: int = 1, *command: str
) -> Process:
    return Process(pid, name, state, parent, started_ticks=5000, command=command or (name,))


def owner_of(of: Process) -> Owner:
    return Owner(
        checkout="c" * 12,
        path="/lab",
        pid=of.pid,
        started_ticks=of.started_ticks,
        socket="/var/run/docker.sock",
        log_file="/log",
    )


class TestPlan:
    def test_nothing_is_in_the_way(self) -> None:
        assert plan(Observed(SocketProbe(SocketState.ABSENT)), SETTINGS) == ()

    def test_a_stale_pid_file_goes(self) -> None:
        observed = Observed(REFUSED, pid_file=True, pid_holder=process(name="sleep"))
        (step,) = plan(observed, SETTINGS)
        assert isinstance(step, Remove)
        assert step.path == SETTINGS.pid_file
        assert "sleep (process 100) is no dockerd" in step.why

    def test_a_stale_containerd_goes_with_its_pid_file(self) -> None:
        left = process(7, "containerd")
        observed = Observed(REFUSED, containerd=left, containerd_pid_file=True)
        assert plan(observed, SETTINGS) == (
            End(left, "its dockerd has gone"),
            Remove(SETTINGS.containerd_pid_file, "its containerd has gone"),
        )

    def test_a_dead_socket_of_a_system_containerd_goes(self) -> None:
        (step,) = plan(Observed(REFUSED, dead_system_containerd=True), SETTINGS)
        assert isinstance(step, Remove)
        assert step.path == Path("/run/containerd/containerd.sock")

    def test_a_silent_daemon_of_a_lab_is_ended(self) -> None:
        daemon = process()
        observed = Observed(SILENT, owner=owner_of(daemon), daemon=daemon, pid_file=True)
        first, second = plan(observed, SETTINGS)
        assert isinstance(first, End)
        assert first.process == daemon
        assert isinstance(second, Remove)
        assert second.path == SETTINGS.pid_file

    @pytest.mark.parametrize("later", [False, True], ids=["no record", "an older process's record"])
    def test_a_silent_daemon_of_somebody_else_is_left_alone(self, later: bool) -> None:
        daemon = process()
        earlier = owner_of(replace(daemon, started_ticks=1)) if later else None
        with pytest.raises(EngineError, match="leaves it alone") as failure:
            plan(Observed(SILENT, owner=earlier, daemon=daemon, pid_file=True), SETTINGS)
        assert failure.value.problem is Problem.NO_ANSWER
        assert "kill 100" in str(failure.value)

    def test_a_daemon_that_listens_elsewhere_is_left_alone(self) -> None:
        with pytest.raises(EngineError, match="does not listen there") as failure:
            plan(Observed(SocketProbe(SocketState.ABSENT), daemon=process()), SETTINGS)
        assert "name that place in DOCKER_HOST" in failure.value.advice[0]

    def test_a_stopped_daemon_is_called_stopped(self) -> None:
        with pytest.raises(EngineError, match=r"is stopped \(SIGSTOP\)"):
            plan(Observed(SILENT, daemon=process(state="T")), SETTINGS)

    def test_another_program_behind_the_socket_is_left_alone(self) -> None:
        systemd = process(1, "systemd")
        with pytest.raises(EngineError, match=r"systemd \(process 1\) listens there"):
            plan(Observed(SILENT, listener=systemd), SETTINGS)


class TestWhoIsWho:
    def test_a_dockerd_is_known_by_its_pid_file(self) -> None:
        other = process(100, "dockerd", "S", 1, "dockerd", "--pidfile=/tmp/other.pid")
        assert is_dockerd_of(process(), SETTINGS)
        assert not is_dockerd_of(other, SETTINGS)
        assert is_dockerd_of(other, replace(SETTINGS, pid_file=Path("/tmp/other.pid")))

    @pytest.mark.parametrize(
        "not_it", [None, process(state="Z"), process(name="sleep")], ids=["gone", "zombie", "other"]
    )
    def test_what_is_no_dockerd(self, not_it: Process | None) -> None:
        assert not is_dockerd_of(not_it, SETTINGS)

    def test_a_containerd_is_known_by_its_directory(self) -> None:
        own = ("containerd", "--config", "/var/run/docker/containerd/containerd.toml")
        assert is_containerd_of(process(7, "containerd", "S", 1, *own), SETTINGS)
        assert not is_containerd_of(process(7, "containerd", "S", 1, "containerd"), SETTINGS)

    @pytest.mark.parametrize(
        ("holder", "text"),
        [
            (None, "has gone"),
            (process(state="Z"), "has ended, only its entry is left"),
            (process(name="bash"), "bash (process 100) is no dockerd"),
        ],
    )
    def test_why_a_pid_file_is_stale(self, holder: Process | None, text: str) -> None:
        assert text in describe_holder(holder)

    def test_the_shims_of_this_daemon_alone(self) -> None:
        ours = ("containerd-shim", "-address", "/var/run/docker/containerd/containerd.sock")
        theirs = ("containerd-shim", "-address", "/run/containerd/containerd.sock")
        everyone = [
            process(1, "containerd-shim", "S", 1, *ours),
            process(2, "containerd-shim", "S", 1, *theirs),
            process(3, "sleep"),
        ]
        assert [shim.pid for shim in left_shims(everyone, SETTINGS)] == [1]

    def test_descendants_of_all_generations(self) -> None:
        tree = [process(pid, "x", "S", parent) for pid, parent in [(2, 1), (3, 2), (4, 3), (9, 8)]]
        assert [p.pid for p in descendants(process(1, "x", "S", 0), tree)] == [2, 3, 4]


class TestSettings:
    def test_paths_that_are_dockerds_own_are_not_repeated(self) -> None:
        assert SETTINGS.command("/usr/sbin/dockerd") == ["/usr/sbin/dockerd"]

    def test_other_paths_are_given(self) -> None:
        changed = replace(
            SETTINGS,
            socket=Path("/s"),
            data_root=Path("/d"),
            exec_root=Path("/e"),
            pid_file=Path("/p"),
            arguments=("--bridge=none",),
        )
        assert changed.command() == [
            "dockerd",
            "--host=unix:///s",
            "--data-root=/d",
            "--exec-root=/e",
            "--pidfile=/p",
            "--bridge=none",
        ]

    @pytest.mark.parametrize(
        ("command", "path"),
        [
            (("dockerd",), "/var/run/docker.pid"),
            (("dockerd", "-p", "/x"), "/x"),
            (("dockerd", "--pidfile", "/x"), "/x"),
            (("dockerd", "--pidfile=/x"), "/x"),
            (("dockerd", "--pidfile"), "/var/run/docker.pid"),
        ],
    )
    def test_the_pid_file_of_a_command_line(self, command: tuple[str, ...], path: str) -> None:
        assert pid_file_of(command) == Path(path)


def test_only_the_mounts_that_dockerd_made_count(tmp_path: Path) -> None:
    settings = replace(SETTINGS, data_root=tmp_path / "data", exec_root=tmp_path / "exec")
    data, run = settings.data_root, settings.exec_root
    text = "\n".join(
        [
            f"30 1 254:0 {data} {data} rw - ext4 /dev/vda rw",
            f"31 30 254:1 / {data}/volumes rw - ext4 /dev/vdb rw",
            f"32 30 0:50 / {data}/overlay2/abc/merged rw shared:7 - overlay overlay rw",
            f"33 1 0:4 net:[1] {run}/netns/1234 rw - nsfs nsfs rw",
            "34 1 0:51 / /var/lib/elsewhere/overlay2/abc/merged rw - overlay overlay rw",
            "not a line of that file",
        ]
    )
    assert left_mounts(text, settings) == [run / "netns/1234", data / "overlay2/abc/merged"]


IPTABLES_NFT = (
    "failed to start daemon: Error initializing network controller: error obtaining controller "
    "instance: failed to create NAT chain DOCKER: iptables failed: iptables -t nat -N DOCKER: "
    "iptables v1.8.9 (nf_tables): Could not fetch rule set generation id: "
)


@pytest.mark.parametrize(
    ("line", "advice"),
    [
        (IPTABLES_NFT + "Invalid argument", "--set iptables /usr/sbin/iptables-legacy"),
        (IPTABLES_NFT + "Permission denied (you must be root)", "CAP_NET_ADMIN"),
        (
            "failed to start daemon: ... iptables v1.8.9 (legacy): can't initialize iptables table "
            "`nat': Table does not exist (do you need to insmod?)",
            "--set iptables /usr/sbin/iptables-nft",
        ),
        (
            'failed to start daemon: ... failed to register "bridge" driver: failed to create NAT '
            "chain DOCKER: Iptables not found",
            "apt-get install iptables",
        ),
        ("failed to start daemon: Devices cgroup isn't mounted", "cgroupfs-mount"),
        (
            "failed to start daemon: error initializing graphdriver: driver not supported",
            "no storage driver works",
        ),
        ("write /var/lib/docker/x: no space left on device", "its disk is full"),
        ("failed to start containerd: timeout waiting for containerd to start", "pgrep -a"),
        (
            "unable to configure the Docker daemon with file /etc/docker/daemon.json: invalid",
            "/etc/docker/daemon.json",
        ),
        (
            "failed to start daemon: pid file found, ensure docker is not running or delete "
            "/var/run/docker.pid",
            "another process has the id",
        ),
    ],
)
def test_the_daemons_words_are_explained(line: str, advice: str) -> None:
    log = ['time="2026-11-21T18:52:04Z" level=info msg="Starting up"', line]
    assert advice in (explain_log(log) or "")


def test_what_a_log_says_in_passing_is_not_shown() -> None:
    info, warning = "level=info msg=x", "level=warning msg=y"
    assert telling([info, warning, "failed to start daemon"]) == [warning, "failed to start daemon"]
    assert telling([info]) == [info]


def test_warnings_of_a_log_explain_nothing() -> None:
    log = [
        'time="2026-11-21T18:52:04Z" level=warning msg="devices cgroup isn\'t mounted"',
        "something that nobody has seen before",
    ]
    assert explain_log(log) is None
