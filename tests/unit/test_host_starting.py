"""Whether the lab may start or stop an engine, how it installs one, and how it finds Compose."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from lab.host import (
    EngineError,
    EngineProblem,
    checkout,
    compose_command,
    compose_environment,
    ensure,
    machine,
    starting,
)
from lab.host.compose import candidates, compose_version
from lab.host.endpoint import Endpoint, NamedBy
from lab.host.starting import (
    Daemon,
    Owner,
    other_users,
    read_owner,
    read_pid_file,
    read_process,
    telling,
    why_not_start,
    why_not_stop,
    write_owner,
)

DEFAULT = Endpoint("unix:///var/run/docker.sock", NamedBy.DEFAULT)
DEBIAN = machine.OsRelease("debian", "bookworm", "Debian GNU/Linux 12 (bookworm)")
FEDORA = machine.OsRelease("fedora", "", "Fedora Linux 43")


def error_with(problem: EngineProblem) -> EngineError:
    return EngineError(problem, tried="Connecting", happened="nothing there", advice=["wait"])


@pytest.mark.parametrize("problem", [EngineProblem.NO_SOCKET, EngineProblem.NO_ANSWER])
def test_root_on_debian_may_start_one(problem: EngineProblem) -> None:
    refusal = why_not_start(DEFAULT, error_with(problem), root=True, system=DEBIAN, installed=False)
    assert refusal is None


def test_root_elsewhere_may_start_an_installed_one() -> None:
    error = error_with(EngineProblem.NO_SOCKET)
    assert why_not_start(DEFAULT, error, root=True, system=FEDORA, installed=True) is None


@pytest.mark.parametrize(
    ("root", "system", "reason"),
    [
        (False, DEBIAN, "this user is not root"),
        (True, FEDORA, "neither Debian nor Ubuntu but Fedora Linux 43"),
    ],
)
def test_otherwise_one_message_says_what_is_missing_and_the_two_ways(
    root: bool, system: machine.OsRelease, reason: str
) -> None:
    refusal = why_not_start(
        DEFAULT, error_with(EngineProblem.NO_SOCKET), root=root, system=system, installed=False
    )
    assert refusal is not None
    assert reason in refusal.happened
    assert len(refusal.advice) == 2
    assert "install and start an engine" in refusal.advice[0]
    assert "DOCKER_HOST" in refusal.advice[1]


@pytest.mark.parametrize("origin", [NamedBy.DOCKER_HOST, NamedBy.CONTEXT])
def test_an_engine_that_a_person_chose_is_never_replaced(origin: NamedBy) -> None:
    error = error_with(EngineProblem.NO_SOCKET)
    chosen = Endpoint("unix:///s", origin)
    assert why_not_start(chosen, error, root=True, system=DEBIAN, installed=True) is error


@pytest.mark.parametrize(
    "problem", [EngineProblem.NO_PERMISSION, EngineProblem.UNSUPPORTED, EngineProblem.UNREACHABLE]
)
def test_an_engine_that_is_there_is_never_replaced(problem: EngineProblem) -> None:
    error = error_with(problem)
    assert why_not_start(DEFAULT, error, root=True, system=DEBIAN, installed=True) is error


def test_ensure_installs_nothing_for_a_chosen_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(*_: object, **__: object) -> None:
        raise AssertionError("a package was about to be installed")

    monkeypatch.setattr(starting, "install", forbidden)
    said: list[str] = []
    with pytest.raises(EngineError) as failure:
        ensure(say=said.append, environment={"DOCKER_HOST": f"unix://{tmp_path}/none"})
    assert failure.value.problem is EngineProblem.UNREACHABLE
    assert said == []


def test_what_is_missing_is_known_by_its_program() -> None:
    assert starting.missing_packages(lambda name: None) == ["docker.io", "iptables"]
    assert starting.missing_packages(lambda name: f"/usr/sbin/{name}") == []
    there = {"dockerd": "/usr/bin/dockerd"}
    assert starting.missing_packages(there.get) == ["iptables"]


class FakeApt:
    """Stands in for apt-get: remembers what was asked, and fails the given commands."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, failing: set[int]) -> None:
        self.failing = failing
        self.asked: list[str] = []
        monkeypatch.setattr(machine, "stream", self.stream)
        monkeypatch.setattr(starting, "missing_packages", lambda: ["docker.io"])

    def stream(
        self, argv: list[str], *, on_line: Callable[[str], None], **_: object
    ) -> machine.Completed:
        self.asked.append(" ".join(word for word in argv[1:] if not word.startswith("-")))
        if len(self.asked) in self.failing:
            raise machine.CommandError(argv, "ended with status 100", "E: 404 Not Found")
        on_line("Unpacking libmnl0:amd64 (1.0.4-3) ...")
        on_line("Setting up libmnl0:amd64 (1.0.4-3) ...")
        return machine.Completed(0, "")


def test_packages_are_installed_without_fetching_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    apt, said = FakeApt(monkeypatch, failing=set()), list[str]()
    starting.install(["docker.io", "iptables"], said.append)
    assert apt.asked == ["install docker.io iptables"]
    assert said == ["engine: installing docker.io iptables", "  apt: setting up libmnl0"]


def test_missing_or_old_lists_are_fetched_once(monkeypatch: pytest.MonkeyPatch) -> None:
    apt = FakeApt(monkeypatch, failing={1})
    starting.install(["docker.io"], lambda line: None)
    assert apt.asked == ["install docker.io", "update", "install docker.io"]


def test_a_package_that_is_there_but_could_not_start_its_service_is_good(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    apt = FakeApt(monkeypatch, failing={1})
    monkeypatch.setattr(starting, "missing_packages", list)
    starting.install(["docker.io"], lambda line: None)
    assert apt.asked == ["install docker.io"]


def test_a_failed_installation_shows_apts_words(monkeypatch: pytest.MonkeyPatch) -> None:
    FakeApt(monkeypatch, failing={1, 3})
    with pytest.raises(EngineError, match="404 Not Found") as failure:
        starting.install(["docker.io"], lambda line: None)
    assert failure.value.problem is EngineProblem.INSTALL_FAILED


def program(path: Path, body: str) -> list[str]:
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return [str(path)]


@pytest.mark.parametrize(
    ("body", "version", "problem"),
    [
        ("echo v2.29.1", "2.29.1", ""),
        ("echo 5.6.1", "5.6.1", ""),
        ("echo 1.29.2", None, "is version 1.29.2, too old"),
        ("echo hello", None, "says that its version is 'hello'"),
        ("echo 'unknown command' >&2; exit 1", None, "unknown command"),
    ],
)
def test_a_compose_is_judged_by_what_it_says(
    tmp_path: Path, body: str, version: str | None, problem: str
) -> None:
    command = program(tmp_path / "compose", body)
    assert compose_version(command, dict(os.environ)) == (version, problem)


def test_a_compose_that_does_not_exist_is_named(tmp_path: Path) -> None:
    version, problem = compose_version([str(tmp_path / "none")], dict(os.environ))
    assert version is None
    assert "No such file" in problem


def test_the_plugin_comes_before_the_binary_of_the_environment() -> None:
    assert candidates(Path("/lab/.venv/bin/python")) == [
        ["docker", "compose"],
        ["/lab/.venv/bin/docker-compose"],
    ]


def test_the_binary_of_the_environment_is_used_where_there_is_no_plugin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    binary = program(tmp_path / "docker-compose", "echo 5.6.1")
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path / "empty") + ":/bin")
    program(tmp_path / "docker", "exit 1")
    monkeypatch.setattr(
        "lab.host.compose.candidates",
        lambda python: [[str(tmp_path / "docker"), "compose"], binary],
    )
    assert compose_command() == binary


def test_no_compose_at_all_names_what_was_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = str(tmp_path / "docker"), str(tmp_path / "docker-compose")
    monkeypatch.setattr(
        "lab.host.compose.candidates", lambda python: [[first, "compose"], [second]]
    )
    with pytest.raises(EngineError) as failure:
        compose_command()
    assert failure.value.problem is EngineProblem.NO_COMPOSE
    assert f"{first} compose: " in failure.value.happened
    assert f"{second}: " in failure.value.happened


def test_compose_is_pointed_to_the_engine_of_find() -> None:
    environment = compose_environment({"DOCKER_HOST": "tcp://192.0.2.1:2375", "PATH": "/bin"})
    assert environment == {"DOCKER_HOST": "tcp://192.0.2.1:2375", "PATH": "/bin"}


# -- stopping ----------------------------------------------------------------------------------------

DAEMON = Daemon(100, started_ticks=5000)
OURS = checkout.identity(Path("/ours"))
OWNER = Owner(checkout=OURS, path="/ours", pid=100, started_ticks=5000)


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "state" / "engine.json"
    write_owner(DAEMON, path)
    owner = read_owner(path)
    assert owner is not None
    assert owner.owns(DAEMON)
    assert (owner.checkout, owner.path) == (checkout.identity(), str(checkout.root()))
    assert [entry.name for entry in path.parent.iterdir()] == ["engine.json"]
    # and one of an earlier lab, which says more, is understood
    path.write_text(json.dumps(json.loads(path.read_text()) | {"socket": "/s", "log_file": "/l"}))
    assert read_owner(path) == owner


@pytest.mark.parametrize(
    "text", ["", "{", '{"checkout": "x"}', '{"format": 1}', "[]", "1", "[" * 100_000]
)
def test_a_broken_record_is_nobodys(tmp_path: Path, text: str) -> None:
    path = tmp_path / "engine.json"
    path.write_text(text)
    assert read_owner(path) is None


def test_a_record_of_a_later_format_is_nobodys(tmp_path: Path) -> None:
    path = tmp_path / "engine.json"
    write_owner(DAEMON, path)
    path.write_text(path.read_text().replace('"format": 1', '"format": 2'))
    assert read_owner(path) is None


def test_containers_of_others_are_named_with_whose_they_are() -> None:
    containers: list[tuple[str, dict[str, str]]] = [
        ("mine", {"test.lab.checkout": OURS}),
        ("web", {}),
        ("theirs", {"test.lab.checkout": "abc", "test.lab.path": "/home/akira/lab"}),
        ("unnamed", {"test.lab.checkout": "abc"}),
    ]
    assert other_users(containers, OURS) == [
        "theirs (of the lab in /home/akira/lab)",
        "unnamed (of the lab in checkout abc)",
        "web (not of a lab)",
    ]


@pytest.mark.parametrize("daemon", [DAEMON, None], ids=["it runs", "it has ended"])
def test_the_own_daemon_or_its_record_may_go(daemon: Daemon | None) -> None:
    assert why_not_stop(OWNER, daemon, OURS, answers=True) is None


@pytest.mark.parametrize(
    ("owner", "daemon", "identity", "words"),
    [
        (OWNER, DAEMON, "another", "the lab in /ours started it"),
        (OWNER, replace(DAEMON, started_ticks=6000), OURS, "no lab started it"),
        (None, DAEMON, OURS, "dockerd (process 100)) is left running"),
        # In a container, the process behind a socket from outside has no id.
        (None, None, OURS, "is left running: no lab started it"),
    ],
    ids=["another checkout's", "one that only has the id of ours", "nobody's", "one not seen"],
)
def test_any_other_daemon_is_left_running(
    owner: Owner | None,
    daemon: Daemon | None,
    identity: str,
    words: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(machine, "systemd_runs", lambda: False)
    assert words in str(why_not_stop(owner, daemon, identity, answers=True))


def test_where_nothing_runs_there_is_nothing_to_stop() -> None:
    assert "no engine runs" in str(why_not_stop(None, None, OURS, answers=False))


# -- processes ---------------------------------------------------------------------------------------

FIELDS = "S 1 2152 2152 0 -1 4194560 8274 10695 5 3 10 4 6 2 20 0 9 0 9159 1418616832 18707"


@pytest.mark.parametrize("name", ["dockerd", "", "a b", "(sd-pam)", ") S 1 (", "\x04"])
def test_a_process_may_be_called_anything(tmp_path: Path, name: str) -> None:
    (tmp_path / "7").mkdir()
    (tmp_path / "7" / "stat").write_text(f"7 ({name}) {FIELDS}")
    assert read_process(7, tmp_path) == Daemon(7, 9159, name)


def test_a_process_that_has_ended_is_none(tmp_path: Path) -> None:
    assert read_process(7, tmp_path) is None
    with subprocess.Popen(["true"]) as child:
        # also while nobody has taken its exit status
        assert machine.wait_until(lambda: read_process(child.pid) is None, timeout_s=5)


@pytest.mark.parametrize(
    ("text", "pid"),
    [("2152", 2152), (" 7\n", 7), ("", None), ("x", None), ("-1", None), ("0", None)],
)
def test_pid_files(tmp_path: Path, text: str, pid: int | None) -> None:
    path = tmp_path / "docker.pid"
    path.write_text(text)
    assert read_pid_file(path) == pid
    assert read_pid_file(tmp_path / "none" / "docker.pid") is None


def test_what_a_stale_daemon_left_is_removed_and_no_process_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given pid files that name this test, nobody, and nothing
    named, gone, empty = (tmp_path / name for name in ("docker.pid", "ssd.pid", "containerd.pid"))
    named.write_text(str(os.getpid()))
    gone.write_text("4194305")
    empty.touch()
    for name, path in (
        ("PID_FILE", named),
        ("INIT_PID_FILE", gone),
        ("CONTAINERD_PID_FILE", empty),
    ):
        monkeypatch.setattr(starting, name, path)
    monkeypatch.setattr(starting, "SYSTEM_CONTAINERD", tmp_path / "none.sock")
    said: list[str] = []
    # when
    starting.remove_stale(said.append)
    # then
    assert list(tmp_path.iterdir()) == []
    assert f"(process {os.getpid()}) is no dockerd that runs" in said[0]
    assert len(said) == 3


def test_of_a_daemons_log_the_telling_lines_are_shown() -> None:
    lines = ['level=info msg="starting"', "failed to start daemon: no space left on device"]
    assert telling(lines) == lines[1:]
    assert telling(lines[:1]) == lines[:1]
