"""Files that a person names: read within bounds, or refused at once with what to do."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lab.own import files
from lab.own.files import CONFIGURATION, PEM, RECORD, ReadLimit, Unreadable, check_regular, read

FEW = ReadLimit("a small file", 10)


def refused(path: Path, limit: ReadLimit = FEW) -> str:
    with pytest.raises(Unreadable) as raised:
        read(path, limit)
    assert raised.value.remedy.endswith(".")
    return raised.value.what


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is waited for longer than it takes to see that nothing comes."""
    monkeypatch.setattr(files, "PIPE_S", 0.05)


@pytest.fixture
def fifo(tmp_path: Path) -> Path:
    path = tmp_path / "fifo"
    os.mkfifo(path)
    return path


@contextmanager
def written_by(path: Path, write: Callable[[int], object]) -> Iterator[None]:
    """A writer of the FIFO, which opens it, writes, and is done when the test is."""
    done = threading.Event()

    def run() -> None:
        descriptor = os.open(path, os.O_WRONLY)
        try:
            write(descriptor)
        except BrokenPipeError:
            pass  # the reader had enough
        finally:
            os.close(descriptor)
            done.set()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    yield
    assert done.wait(10)
    thread.join(10)


# -- what is read ------------------------------------------------------------------------------------


@pytest.mark.parametrize("content", [b"", b"abc", b"0123456789"])
def test_a_file_up_to_the_limit_is_read(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    assert read(path, FEW) == content


def test_a_link_leads_to_its_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"abc")
    (tmp_path / "link").symlink_to("file")
    assert read(tmp_path / "link", FEW) == b"abc"


def test_a_file_of_the_kernel_without_a_size_is_read() -> None:
    assert b"\nVmRSS:" in read(Path("/proc/self/status"), CONFIGURATION)


def test_a_fifo_with_a_writer_is_read_to_its_end(fifo: Path) -> None:
    large = os.urandom(300_000)  # more than a pipe holds

    def write(descriptor: int) -> None:
        sent = 0
        while sent < len(large):
            sent += os.write(descriptor, large[sent:])

    with written_by(fifo, write):
        assert read(fifo, CONFIGURATION) == large


def test_what_a_shell_puts_in_the_place_of_a_command_is_read() -> None:
    # given a pipe whose writer has gone, as of `<(command)` and `command | lab ... /dev/stdin`
    reading, writing = os.pipe()
    os.write(writing, b"abc")
    os.close(writing)
    # when it is read by its name, then all of it is there, and the descriptor blocks as before
    assert read(Path(f"/dev/fd/{reading}"), FEW) == b"abc"
    assert os.get_blocking(reading)
    os.close(reading)


# -- what is not -------------------------------------------------------------------------------------


def test_one_byte_more_than_the_limit_is_too_large(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"0123456789x")
    assert refused(path) == "this is larger than a small file may be (10 bytes)"


def test_the_size_that_a_file_claims_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.touch()
    os.truncate(path, 1 << 40)
    assert "larger than a record may be (72 MiB)" in refused(path, RECORD)


def test_a_pipe_that_never_ends_is_read_up_to_the_limit(fifo: Path) -> None:
    def write(descriptor: int) -> None:
        while True:
            os.write(descriptor, b"x" * 4096)

    with written_by(fifo, write):
        assert "larger than a PEM file may be (1 MiB)" in refused(fifo, PEM)


def test_a_fifo_that_nobody_writes_to_is_not_waited_for(fifo: Path, hasty: None) -> None:
    assert refused(fifo) == "within 0.05 s nothing came"


def test_a_writer_that_says_something_and_stays_is_not_waited_for(fifo: Path, hasty: None) -> None:
    asked = threading.Event()

    def write(descriptor: int) -> None:
        os.write(descriptor, b"abc")
        asked.wait(10)

    with written_by(fifo, write):
        assert refused(fifo) == "within 0.05 s 3 bytes came, and no end"
        asked.set()


@pytest.mark.parametrize(
    ("path", "kind"),
    [("/dev/zero", "a device"), ("/dev/null", "a device"), ("/tmp", "a directory")],
)
def test_what_is_no_file_is_refused_unopened(
    path: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "open", lambda *_: pytest.fail("it was opened"))
    assert refused(Path(path)) == f"this is {kind}, no file"


def test_a_socket_is_refused(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(tmp_path / "socket"))
        assert refused(tmp_path / "socket") == "this is a socket, no file"


@pytest.mark.parametrize(
    ("name", "why"),
    [("missing", "No such file or directory"), ("loop", "symbolic links"), ("a\0b", "null")],
)
def test_what_cannot_be_opened_says_why(tmp_path: Path, name: str, why: str) -> None:
    (tmp_path / "loop").symlink_to("loop")
    what = refused(tmp_path / name)
    assert what.startswith("the file cannot be read: ")
    assert why in what


def test_a_file_that_is_read_by_parts_must_be_regular(tmp_path: Path, fifo: Path) -> None:
    (tmp_path / "file").touch()
    check_regular(tmp_path / "file")
    with pytest.raises(Unreadable, match="this is a pipe, no file"):
        check_regular(fifo)
    with pytest.raises(Unreadable, match="No such file"):
        check_regular(tmp_path / "missing")
