"""`lab check` as a command: the exit status of a message."""

from __future__ import annotations

from pathlib import Path

from tests.trees import run


def test_such_a_message_goes_with_the_status_of_wrong_usage(tmp_path: Path) -> None:
    (tmp_path / "vsftpd.conf").write_text("listen=YES\n")
    words = ("check", "--vsftpd-conf", "vsftpd.conf", "--junit", "none/junit.xml")

    run("lab", *words, cwd=tmp_path, status=2)
    assert [p.name for p in tmp_path.iterdir()] == ["vsftpd.conf"]
