"""Who may stop the daemon."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lab import checkout
from lab.engine import DaemonSettings, Stopped
from lab.engine.connect import SocketProbe, SocketState
from lab.engine.daemon import Observed
from lab.engine.lifecycle import decide_stop
from lab.engine.ownership import Container, Owner, other_users, read_owner, write_owner
from lab.engine.processes import Process

SETTINGS = DaemonSettings()
DAEMON = Process(100, "dockerd", "S", 1, started_ticks=5000)
OURS = checkout.identity(Path("/ours"))
OWNER = Owner(
    checkout=OURS, path="/ours", pid=100, started_ticks=5000, socket="/s", log_file="/log"
)
ANSWERS = SocketProbe(SocketState.ANSWERS, listener=100)


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "state" / "engine.json"
    write_owner(path, OWNER)
    assert read_owner(path) == OWNER
    assert [entry.name for entry in path.parent.iterdir()] == ["engine.json"]


@pytest.mark.parametrize("text", ["", "{", '{"checkout": "x"}', "[]"])
def test_a_broken_record_is_nobodys(tmp_path: Path, text: str) -> None:
    path = tmp_path / "engine.json"
    path.write_text(text)
    assert read_owner(path) is None


def test_a_record_of_a_later_format_is_nobodys(tmp_path: Path) -> None:
    path = tmp_path / "engine.json"
    write_owner(path, OWNER.model_copy(update={"format": 2}))
    assert read_owner(path) is None


def test_a_process_with_a_reused_id_is_not_owned() -> None:
    assert OWNER.owns(DAEMON)
    assert not OWNER.owns(replace(DAEMON, started_ticks=6000))


def test_containers_of_others_are_named_with_whose_they_are() -> None:
    containers = [
        Container("mine", {"test.lab.checkout": OURS}),
        Container("web", {}),
        Container("theirs", {"test.lab.checkout": "abc", "test.lab.path": "/home/akira/lab"}),
        Container("unnamed", {"test.lab.checkout": "abc"}),
    ]
    assert other_users(containers, OURS) == [
        "theirs (of the lab in /home/akira/lab)",
        "unnamed (of the lab in checkout abc)",
        "web (not of a lab)",
    ]


def test_the_own_daemon_may_be_stopped() -> None:
    assert decide_stop(Observed(ANSWERS, owner=OWNER, daemon=DAEMON), SETTINGS, OURS) is None


def test_what_the_own_daemon_left_may_be_removed() -> None:
    observed = Observed(SocketProbe(SocketState.REFUSED), owner=OWNER)
    assert decide_stop(observed, SETTINGS, OURS) is None


def test_the_daemon_of_another_checkout_is_left_running() -> None:
    result = decide_stop(Observed(ANSWERS, owner=OWNER, daemon=DAEMON), SETTINGS, "another")
    assert result is not None
    assert result.outcome is Stopped.NOT_OURS
    assert "the lab in /ours started it" in result.message


def test_a_daemon_that_only_has_the_id_of_ours_is_left_running() -> None:
    later = replace(DAEMON, started_ticks=6000)
    result = decide_stop(Observed(ANSWERS, owner=OWNER, daemon=later), SETTINGS, OURS)
    assert result is not None
    assert result.outcome is Stopped.NOT_OURS


def test_a_daemon_without_a_record_is_left_running() -> None:
    result = decide_stop(Observed(ANSWERS, daemon=DAEMON), SETTINGS, OURS)
    assert result is not None
    assert result.outcome is Stopped.NOT_OURS
    assert "dockerd (process 100)" in result.message


def test_an_engine_whose_process_cannot_be_seen_is_left_running() -> None:
    # In a container, the process behind a socket from outside has no id.
    result = decide_stop(Observed(SocketProbe(SocketState.ANSWERS)), SETTINGS, OURS)
    assert result is not None
    assert result.outcome is Stopped.NOT_OURS


def test_where_nothing_runs_there_is_nothing_to_stop() -> None:
    result = decide_stop(Observed(SocketProbe(SocketState.ABSENT)), SETTINGS, OURS)
    assert result is not None
    assert result.outcome is Stopped.NOT_RUNNING
