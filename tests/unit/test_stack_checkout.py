"""Names of a checkout on the engine, its runs, and the archives for its containers."""

from __future__ import annotations

import datetime
import io
import re
import tarfile
import tempfile
from pathlib import Path

import pytest

from lab.run.checkout import Checkout, in_use, new_run_id, topology_lock
from lab.run.containers import AGENTS, CERTIFICATES, agent_files, pack


def test_two_checkouts_have_nothing_in_common(tmp_path: Path) -> None:
    one, other = Checkout(tmp_path / "one"), Checkout(tmp_path / "other")
    assert one.key != other.key
    assert one.state != other.state
    assert one.kept_project != other.kept_project
    assert one.run_project("run") != other.run_project("run")
    assert one.run_project("run") != one.kept_project


def test_the_names_are_ones_that_compose_accepts(tmp_path: Path) -> None:
    # Compose: lower case letters, digits, dashes and underscores, beginning with a letter or digit.
    checkout = Checkout(tmp_path)
    for name in (checkout.kept_project, checkout.run_project(new_run_id())):
        assert re.fullmatch(r"[a-z0-9][a-z0-9_-]*", name), name


def test_another_checkout_can_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_ROOT", str(tmp_path))
    assert Checkout.here() == Checkout(tmp_path.resolve(), tmp_path.resolve())
    monkeypatch.delenv("LAB_ROOT")
    assert (Checkout.here().root / "lab" / "run" / "checkout.py").is_file()


def test_where_no_state_can_be_made_whoever_writes_there_says_so(tmp_path: Path) -> None:
    (tmp_path / ".lab").write_text("")
    Checkout(tmp_path).make_state()

    assert (tmp_path / ".lab").read_text() == ""


def test_runs_are_named_by_their_time_and_never_alike() -> None:
    now = datetime.datetime(2031, 5, 17, 12, 0, 1, tzinfo=datetime.UTC)
    names = {new_run_id(now) for _ in range(50)}
    assert len(names) > 1
    assert all(re.fullmatch(r"20310517-120001-[0-9a-f]{4}", name) for name in names)


def test_a_lock_of_somebody_else_counts_as_in_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    lock = topology_lock("project")

    def forbidden(**_: object) -> None:
        raise PermissionError(13, "Permission denied", lock.lock_file)

    monkeypatch.setattr(type(lock), "acquire", lambda *_, **options: forbidden(**options))
    assert in_use("project")


def test_a_lock_can_be_taken_by_labs_of_all_users(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with topology_lock("project") as lock:
        folder = Path(lock.lock_file).parent
        assert folder.stat().st_mode & 0o7777 == 0o1777


def test_an_archive_has_its_folders_and_hides_private_keys() -> None:
    files = {
        f"{AGENTS}/agent.py": b"agent",
        f"{CERTIFICATES}/ftp.lab.test/valid.key.pem": b"key",
        "run/lab/cert.pem": b"anchors",
    }
    with tarfile.open(fileobj=io.BytesIO(pack(files))) as archive:
        members = {member.name: member for member in archive.getmembers()}
    # then the lab's own folders are made, and those of the system are left as they are
    assert {name for name, member in members.items() if member.isdir()} == {
        "opt/lab/agents",
        "opt/lab/certificates",
        "opt/lab/certificates/ftp.lab.test",
    }
    modes = {name: member.mode for name, member in members.items() if member.isfile()}
    assert modes == {
        "opt/lab/agents/agent.py": 0o644,
        "opt/lab/certificates/ftp.lab.test/valid.key.pem": 0o640,
        "run/lab/cert.pem": 0o644,
    }


def test_every_agent_is_taken_along() -> None:
    files = agent_files()
    assert {"net_ftp.pl", "resident.py", "server.py"} <= set(files)
    assert all(content for name, content in files.items() if name != "__init__.py")
