"""What is said about a machine, for machines of every kind."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from lab.host import doctor, machine
from lab.host.doctor import GIB, Engine, Level, Seen
from lab.host.engine import EngineError

ENGINE = Engine(
    where="unix:///var/run/docker.sock (the default socket)",
    info={
        "ServerVersion": "20.10.24",
        "Driver": "overlay2",
        "DockerRootDir": "/var/lib/docker",
        "NCPU": 2,
        "MemTotal": 8 * GIB,
    },
)
ABSENT = EngineError("no-socket", endpoint="the socket")
STARTS, MISSES = Engine(error=ABSENT, would_start=True), Engine(error=ABSENT)


def with_info(**changed: object) -> Engine:
    return replace(ENGINE, info={**ENGINE.info, **changed})


def test_a_good_machine() -> None:
    assert doctor.judge_architecture("x86_64").level is Level.OK
    engine = doctor.judge_engine(ENGINE)
    assert engine.level is Level.OK
    assert "20.10.24" in engine.found
    assert "overlay2" in engine.found
    assert doctor.look_at_resources(ENGINE).level is Level.OK


def test_another_architecture_is_named() -> None:
    finding = doctor.judge_architecture("aarch64")
    assert finding.level is Level.WARNING
    assert "linux/amd64" in finding.found


def test_no_engine_that_the_lab_would_start_is_no_obstacle() -> None:
    finding = doctor.judge_engine(STARTS)
    assert finding.level is Level.WARNING
    assert "lab engine start" in finding.advice


def test_no_engine_that_the_lab_cannot_start_is_one() -> None:
    finding = doctor.judge_engine(MISSES)
    assert finding.level is Level.MISSING
    assert "; or point DOCKER_HOST" in finding.advice


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        (with_info(Driver="vfs"), "overlay2"),
        (with_info(PidsLimit=False), "control groups"),
    ],
)
def test_an_engine_with_a_weakness(changed: Engine, word: str) -> None:
    finding = doctor.judge_engine(changed)
    assert finding.level is Level.WARNING
    assert word in finding.advice


@pytest.mark.parametrize(
    ("free", "level"),
    [
        (10 * GIB, Level.OK),
        (3 * GIB // 2, Level.WARNING),
        (GIB // 2, Level.MISSING),
        (None, Level.OK),
    ],
)
def test_room_for_the_images(
    free: int | None, level: Level, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "free_bytes", lambda _: free)
    finding = doctor.look_at_engine_disk(ENGINE)
    assert finding.level is level
    assert "/var/lib/docker" in finding.found
    assert ("making the images needs 2.0 GB" in finding.advice) is (level is not Level.OK)


def test_room_for_the_checkout() -> None:
    assert doctor.judge_disk(Path("/lab"), GIB // 2, GIB).level is Level.WARNING
    assert doctor.judge_disk(Path("/lab"), 2 * GIB, GIB).found == "2.0 GiB free in /lab"


def test_the_engines_memory_counts_where_there_is_an_engine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    small = with_info(MemTotal=GIB, NCPU=1)
    monkeypatch.setattr("os.cpu_count", lambda: 8)
    monkeypatch.setattr("psutil.virtual_memory", lambda: SimpleNamespace(total=32 * GIB))
    with_engine, without = doctor.look_at_resources(small), doctor.look_at_resources(STARTS)
    assert with_engine.level is Level.WARNING
    assert with_engine.found == "the engine's machine has 1.0 GiB of memory and 1 core"
    assert without.found == "this machine has 32.0 GiB of memory and 8 cores"


def test_a_kernel_that_lacks_something() -> None:
    lacking = {"overlay": True, "control groups": False, "bridge": False}
    seen = doctor.judge_kernel(lacking)
    assert seen.level is Level.WARNING
    assert seen.found == "not seen: bridge, control groups"
    assert doctor.judge_kernel(dict.fromkeys(lacking, True)).level is Level.OK


def test_a_kernel_is_looked_at_where_an_engine_would_be_started() -> None:
    seen = doctor.look_at_kernel(STARTS)
    assert "bridge" in seen.found or seen.level is Level.WARNING


def test_a_kernel_that_an_engine_runs_on_needs_no_look() -> None:
    assert doctor.look_at_kernel(ENGINE).found == "the engine runs on it"
    assert doctor.look_at_kernel(MISSES).level is Level.OK


@pytest.mark.parametrize(
    ("output", "line"),
    [
        ("npm error code ENOTFOUND\nnpm error A complete log: x", "npm error code ENOTFOUND"),
        ("one\ntwo", "two"),
        ("", ""),
    ],
)
def test_the_line_that_says_most(output: str, line: str) -> None:
    assert doctor.telling_line(output) == line


def test_findings_are_read_line_by_line() -> None:
    findings = {"git": Seen(Level.OK, "2.39"), "engine": Seen(Level.MISSING, "none", "get one")}
    assert doctor.render(findings).splitlines() == [
        "ok       git     2.39",
        "missing  engine  none",
        "                 what to do: get one",
        "",
        "The lab cannot run here.",
    ]
    assert doctor.render({"git": findings["git"]}).endswith("The lab can run here.")


def test_what_has_moved_in_the_images_is_listed_and_is_no_obstacle() -> None:
    # given images of which one has moved
    change = "libssl3t64 3.5.7-1 -> 3.5.9-1"
    finding = doctor.judge_builds({"dns": (), "vsftpd": (change, "vsftpd 1 -> 2")})

    # then each change has a line of its own, and the lab can run
    assert finding.found.splitlines()[1:] == [f"  vsftpd: {change}", "  vsftpd: vsftpd 1 -> 2"]
    assert doctor.worst({"builds": finding}) == 0
    lines = doctor.render({"builds": finding}).splitlines()
    assert [line.index("vsftpd") for line in lines[1:3]] == [19, 19]

    # and where nothing has moved, or there is no image, that is said
    assert doctor.judge_builds({"dns": ()}).level is Level.OK
    assert "no image" in doctor.judge_builds({}).found


def test_the_exit_status_is_that_of_the_worst() -> None:
    fine, weak, missing = (Seen(level, "") for level in Level)
    assert doctor.worst({"a": fine, "b": weak}) == 0
    assert doctor.worst({"a": fine, "b": missing, "c": weak}) == 3
    assert doctor.worst({}) == 0
