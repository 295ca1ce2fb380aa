"""Whether the lab may start an engine, and how it installs one and finds Compose."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lab import machine
from lab.engine import EngineError, Problem, compose_command, compose_environment, ensure
from lab.engine import install as installing
from lab.engine.compose import candidates, compose_version
from lab.engine.endpoint import Endpoint, Origin
from lab.engine.lifecycle import why_not_start

DEFAULT = Endpoint("unix:///var/run/docker.sock", Origin.DEFAULT)
DEBIAN = machine.OsRelease("debian", "12", "bookworm", "Debian GNU/Linux 12 (bookworm)")
FEDORA = machine.OsRelease("fedora", "43", "", "Fedora Linux 43")


def error_with(problem: Problem) -> EngineError:
    return EngineError(problem, tried="Connecting", happened="nothing there", advice=["wait"])


@pytest.mark.parametrize("problem", [Problem.NO_SOCKET, Problem.NO_ANSWER])
def test_root_on_debian_may_start_one(problem: Problem) -> None:
    refusal = why_not_start(DEFAULT, error_with(problem), root=True, system=DEBIAN, installed=False)
    assert refusal is None


def test_root_elsewhere_may_start_an_installed_one() -> None:
    error = error_with(Problem.NO_SOCKET)
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
        DEFAULT, error_with(Problem.NO_SOCKET), root=root, system=system, installed=False
    )
    assert refusal is not None
    assert reason in refusal.happened
    assert len(refusal.advice) == 2
    assert "install and start an engine" in refusal.advice[0]
    assert "DOCKER_HOST" in refusal.advice[1]


@pytest.mark.parametrize("origin", [Origin.DOCKER_HOST, Origin.CONTEXT])
def test_an_engine_that_a_person_chose_is_never_replaced(origin: Origin) -> None:
    error = error_with(Problem.NO_SOCKET)
    chosen = Endpoint("unix:///s", origin)
    assert why_not_start(chosen, error, root=True, system=DEBIAN, installed=True) is error


@pytest.mark.parametrize(
    "problem", [Problem.NO_PERMISSION, Problem.UNSUPPORTED, Problem.UNREACHABLE]
)
def test_an_engine_that_is_there_is_never_replaced(problem: Problem) -> None:
    error = error_with(problem)
    assert why_not_start(DEFAULT, error, root=True, system=DEBIAN, installed=True) is error


def test_ensure_installs_nothing_for_a_chosen_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(*_: object, **__: object) -> None:
        raise AssertionError("a package was about to be installed")

    monkeypatch.setattr(installing, "install", forbidden)
    said: list[str] = []
    with pytest.raises(EngineError) as failure:
        ensure(say=said.append, environment={"DOCKER_HOST": f"unix://{tmp_path}/none"})
    assert failure.value.problem is Problem.UNREACHABLE
    assert said == []


def test_what_is_missing_is_known_by_its_program() -> None:
    assert installing.missing_packages(lambda name: None) == ["docker.io", "iptables"]
    assert installing.missing_packages(lambda name: f"/usr/sbin/{name}") == []
    there = {"dockerd": "/usr/bin/dockerd"}
    assert installing.missing_packages(there.get) == ["iptables"]


def test_candidates_are_read_from_apts_policy() -> None:
    policy = """docker.io:
  Installed: (none)
  Candidate: 20.10.24+dfsg1-1+deb12u1+b6
  Version table:
     20.10.24+dfsg1-1+deb12u1+b6 500
iptables:
  Installed: (none)
  Candidate: (none)
  Version table:
"""
    assert installing.parse_candidates(policy) == {"docker.io": True, "iptables": False}
    assert installing.parse_candidates("") == {}


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("Setting up docker.io (20.10.24) ...", "setting up docker.io"),
        ("Setting up libmnl0:amd64 (1.0.4-3) ...", "setting up libmnl0"),
        (
            "Get:1 http://x bookworm/main amd64 docker.io amd64 2 [36.3 MB]",
            "got docker.io, 36.3 MB",
        ),
        ("Get:9 http://x bookworm/main amd64 libmnl0 amd64 1.0.4-3 [12.5 kB]", None),
        ("Unpacking docker.io (20.10.24) ...", None),
        ("(Reading database ... 5%", None),
        ("", None),
    ],
)
def test_only_telling_lines_of_apt_are_shown(line: str, shown: str | None) -> None:
    assert installing.progress_line(line) == shown


class FakeApt:
    """Stands in for apt: remembers what was asked, and fails the given commands."""

    def __init__(self, candidate: str, failing: set[int]) -> None:
        self.candidate = candidate
        self.failing = failing
        self.asked: list[str] = []

    def run(self, argv: list[str], **_: object) -> machine.Completed:
        policy = "".join(f"{name}:\n  Candidate: {self.candidate}\n" for name in argv[2:])
        return machine.Completed(tuple(argv), 0, policy, "", 0.0)

    def stream(self, argv: list[str], **_: object) -> machine.Completed:
        words = [word for word in argv[1:] if not word.startswith("-")]
        self.asked.append(" ".join(words))
        if len(self.asked) in self.failing:
            raise machine.CommandError(argv, "ended with status 100", "E: 404 Not Found")
        return machine.Completed(tuple(argv), 0, "", "", 0.0)


def use(apt: FakeApt, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "run", apt.run)
    monkeypatch.setattr(machine, "stream", apt.stream)


def test_known_packages_are_installed_without_fetching_lists(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    apt = FakeApt("1.0", failing=set())
    use(apt, monkeypatch)
    installing.install(["docker.io", "iptables"], lambda line: None)
    assert apt.asked == ["install docker.io iptables"]


def test_lists_are_fetched_first_where_apt_knows_no_candidate(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    apt = FakeApt("(none)", failing=set())
    use(apt, monkeypatch)
    installing.install(["docker.io"], lambda line: None)
    assert apt.asked == ["update", "install docker.io"]


def test_old_lists_are_fetched_anew_once(monkeypatch: pytest.MonkeyPatch) -> None:
    apt = FakeApt("1.0", failing={1})
    use(apt, monkeypatch)
    installing.install(["docker.io"], lambda line: None)
    assert apt.asked == ["install docker.io", "update", "install docker.io"]


def test_a_failed_installation_shows_apts_words(monkeypatch: pytest.MonkeyPatch) -> None:
    apt = FakeApt("1.0", failing={1, 3})
    use(apt, monkeypatch)
    with pytest.raises(EngineError, match="404 Not Found") as failure:
        installing.install(["docker.io"], lambda line: None)
    assert failure.value.problem is Problem.INSTALL_FAILED


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
        "lab.engine.compose.candidates",
        lambda python: [[str(tmp_path / "docker"), "compose"], binary],
    )
    assert compose_command() == binary


def test_no_compose_at_all_names_what_was_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = str(tmp_path / "docker"), str(tmp_path / "docker-compose")
    monkeypatch.setattr(
        "lab.engine.compose.candidates", lambda python: [[first, "compose"], [second]]
    )
    with pytest.raises(EngineError) as failure:
        compose_command()
    assert failure.value.problem is Problem.NO_COMPOSE
    assert f"{first} compose: " in failure.value.happened
    assert f"{second}: " in failure.value.happened


def test_compose_is_pointed_to_the_engine_of_find() -> None:
    environment = compose_environment({"DOCKER_HOST": "tcp://192.0.2.1:2375", "PATH": "/bin"})
    assert environment == {"DOCKER_HOST": "tcp://192.0.2.1:2375", "PATH": "/bin"}
