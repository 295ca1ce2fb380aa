"""Whether the lab may start or stop an engine, and how it installs one."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from lab.host import checkout, machine, starting
from lab.host.engine import Endpoint, EngineError, NamedBy
from lab.host.starting import (
    Daemon,
    Owner,
    ensure,
    other_users,
    process,
    process_of,
    read_owner,
    refusal,
    telling,
    why_not_stop,
    write_owner,
)

DEFAULT = Endpoint("unix:///var/run/docker.sock", NamedBy.DEFAULT)
DEBIAN = {"ID": "debian", "PRETTY_NAME": "Debian GNU/Linux 12 (bookworm)"}
FEDORA = {"ID": "fedora", "PRETTY_NAME": "Fedora Linux 43"}


def error_with(problem: str) -> EngineError:
    return EngineError(
        problem,
        endpoint=DEFAULT,
        who="somebody",
        detail="nothing",
        join="join",
        happened="it is so",
    )


Here = Callable[..., None]


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> Here:
    """Makes this machine another one: whose user is root, what it is, whether dockerd is installed."""

    def be(*, root: bool, system: dict[str, str], installed: bool) -> None:
        monkeypatch.setattr(machine, "is_root", lambda: root)
        monkeypatch.setattr(machine, "os_release", lambda: system)
        monkeypatch.setattr(machine, "program", lambda name: name if installed else None)

    return be


@pytest.mark.parametrize("problem", ["no-socket", "refused", "silent"])
def test_root_on_debian_may_start_one(here: Here, problem: str) -> None:
    here(root=True, system=DEBIAN, installed=False)
    assert refusal(DEFAULT, error_with(problem)) is None


def test_root_elsewhere_may_start_an_installed_one(here: Here) -> None:
    here(root=True, system=FEDORA, installed=True)
    assert refusal(DEFAULT, error_with("no-socket")) is None


@pytest.mark.parametrize(
    ("root", "system", "reason"),
    [
        (False, DEBIAN, "this user is not root"),
        (True, FEDORA, "neither Debian nor Ubuntu but Fedora Linux 43"),
    ],
)
def test_otherwise_one_message_says_what_is_missing_and_the_two_ways(
    here: Here, root: bool, system: dict[str, str], reason: str
) -> None:
    here(root=root, system=system, installed=False)
    refused = refusal(DEFAULT, error_with("no-socket"))
    assert refused is not None
    assert "there is no such socket" in refused.happened
    assert reason in refused.happened
    assert len(refused.advice) == 2
    assert "install and start an engine" in refused.advice[0]
    assert "DOCKER_HOST" in refused.advice[1]


@pytest.mark.parametrize(
    ("origin", "problem"),
    [
        (NamedBy.DOCKER_HOST, "no-socket"),
        (NamedBy.CONTEXT, "no-socket"),
        (NamedBy.DEFAULT, "no-permission"),
        (NamedBy.DEFAULT, "unsupported"),
        (NamedBy.DEFAULT, "unreachable"),
    ],
)
def test_an_engine_that_a_person_chose_or_that_is_there_is_never_replaced(
    here: Here, origin: NamedBy, problem: str
) -> None:
    here(root=True, system=DEBIAN, installed=True)
    error = error_with(problem)
    assert refusal(Endpoint("unix:///s", origin), error) is error


def test_ensure_installs_nothing_for_a_chosen_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(*_: object, **__: object) -> None:
        raise AssertionError("a package was about to be installed")

    monkeypatch.setattr(starting, "install", forbidden)
    said: list[str] = []
    with pytest.raises(EngineError) as failure:
        ensure(said.append, environment={"DOCKER_HOST": f"unix://{tmp_path}/none"})
    assert failure.value.problem == "chosen"
    assert said == []


def test_what_is_missing_is_known_by_its_program(monkeypatch: pytest.MonkeyPatch) -> None:
    there = {"dockerd": "/usr/bin/dockerd"}
    monkeypatch.setattr(machine, "program", there.get)
    assert starting.missing_packages() == ["iptables"]
    there.clear()
    assert starting.missing_packages() == ["docker.io", "iptables"]


class FakeApt:
    """Stands in for apt-get: remembers what was asked, and fails the given commands."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, failing: set[int]) -> None:
        self.failing = failing
        self.asked: list[str] = []
        monkeypatch.setattr(machine, "run", self.run)
        monkeypatch.setattr(starting, "missing_packages", lambda: ["docker.io"])

    def run(self, argv: list[str], *, on_line: Callable[[str], None], **_: object) -> None:
        self.asked.append(" ".join(word for word in argv[1:] if not word.startswith("-")))
        if len(self.asked) in self.failing:
            raise machine.CommandError(argv, "ended with status 100", "E: 404 Not Found")
        on_line("Unpacking libmnl0:amd64 (1.0.4-3) ...")
        on_line("Setting up libmnl0:amd64 (1.0.4-3) ...")


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
    assert failure.value.problem == "not-installed"


# -- stopping ----------------------------------------------------------------------------------------

DAEMON = Daemon(100, started=5000.0)
OURS = checkout.identity(Path("/ours"))
OWNER = Owner(checkout=OURS, path="/ours", pid=100, started=5000.0)


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "state" / "engine.json"
    write_owner(DAEMON, path)
    owner = read_owner(path)
    assert owner is not None
    assert owner.owns(DAEMON)
    assert owner.owns(DAEMON._replace(started=5001.0)), "a clock that was set"
    assert (owner.checkout, owner.path) == (checkout.identity(), str(checkout.root()))
    assert [entry.name for entry in path.parent.iterdir()] == ["engine.json"]
    # and one of an earlier lab, which says more, is understood
    path.write_text(json.dumps(json.loads(path.read_text()) | {"socket": "/s", "log_file": "/l"}))
    assert read_owner(path) == owner


@pytest.mark.parametrize(
    "text", ["", "{", '{"checkout": "x"}', '{"format": 2}', "[]", "1", "[" * 100_000]
)
def test_a_broken_record_is_nobodys(tmp_path: Path, text: str) -> None:
    path = tmp_path / "engine.json"
    path.write_text(text)
    assert read_owner(path) is None


def test_a_record_of_a_later_format_is_nobodys(tmp_path: Path) -> None:
    path = tmp_path / "engine.json"
    write_owner(DAEMON, path)
    path.write_text(path.read_text().replace('"format": 2', '"format": 3'))
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
        (OWNER, DAEMON._replace(started=6000.0), OURS, "no lab started it"),
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


@pytest.mark.parametrize("text", ["", "x", "-1", "0", "4194305"])
def test_a_pid_file_that_names_no_process(tmp_path: Path, text: str) -> None:
    path = tmp_path / "docker.pid"
    path.write_text(text)
    assert process_of(path) is None
    assert process_of(tmp_path / "none" / "docker.pid") is None


def test_a_pid_file_that_names_one(tmp_path: Path) -> None:
    path = tmp_path / "docker.pid"
    path.write_text(f" {os.getpid()}\n")
    assert process_of(path) == process(os.getpid()) is not None


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
    assert telling("\n".join(lines)) == lines[1]
    assert telling(lines[0]) == lines[0]
