"""No file that a person names harms the machine: each ends the command with one message, soon and small."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from lab.own.configurations import readers
from lab.record.models import FORMAT
from tests.e2e.checkouts import LAB

#: What the documentation promises, and how much more a busy machine may take before a test fails.
PROMISED_S, PROMISED_MIB = 2.0, 200
PATIENCE_S = 15 * PROMISED_S
#: Beyond this the kernel gives the command no more: addresses, of which a process has more than memory.
ADDRESSES = 2 << 30
MIB = 1 << 20


@dataclass(frozen=True)
class Ended:
    status: int
    out: str
    err: str
    seconds: float
    mib: float

    def __str__(self) -> str:
        return f"exit status {self.status}, {self.seconds:.2f} s, {self.mib:.0f} MiB\n{self.err}"


#: Starts the command, and says what it took. A process has the memory of the one that it was forked from
#: for its own at first: this one has little.
LAUNCHER = """
import os, resource, signal, sys, time
resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[1]),) * 2)
began = time.monotonic()
child = os.fork()
if not child:
    signal.alarm(int(sys.argv[3]))  # it is ended even where nobody waits any more
    os.execv(sys.argv[4], sys.argv[4:])
_, status, used = os.wait4(child, 0)
took = os.waitstatus_to_exitcode(status), time.monotonic() - began, used.ru_maxrss
os.write(int(sys.argv[2]), " ".join(map(str, took)).encode())
"""


def lab(*words: str, cwd: Path, stdin: int = subprocess.DEVNULL) -> Ended:
    """The command as a person types it, on a machine without an engine."""
    environment = {
        **os.environ,
        "DOCKER_HOST": "unix:///nowhere.sock",
        "NO_COLOR": "1",
        "TMPDIR": str(cwd),
    }
    reading, writing = os.pipe()
    given = (str(ADDRESSES), str(writing), str(2 * round(PATIENCE_S)))
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-c", LAUNCHER, *given, LAB, *words],
            cwd=cwd,
            env=environment,
            stdin=stdin,
            capture_output=True,
            pass_fds=(writing,),
            text=True,
            timeout=PATIENCE_S,
            check=True,
        )
        status, seconds, kib = os.read(reading, 100).split()
    finally:
        os.close(reading)
        os.close(writing)
    return Ended(int(status), done.stdout, done.stderr, float(seconds), int(kib) / 1024)


Make = Callable[[Path], object]


def text(content: str) -> Make:
    return lambda path: path.write_text(content, encoding="utf-8")


def sparse(path: Path) -> None:
    path.touch()
    os.truncate(path, 1 << 40)


def link(target: str) -> Make:
    return lambda path: path.symlink_to(target)


KINDS: dict[str, tuple[Make, str]] = {
    "endless-device": (link("/dev/zero"), "this is a device, no file"),
    "directory": (lambda path: path.mkdir(), "this is a directory, no file"),
    "link-to-itself": (lambda path: path.symlink_to(path.name), "symbolic links"),
    "tebibyte": (sparse, "this is larger than"),
    "fifo": (os.mkfifo, "within 1 s nothing came"),
}
#: A command for each kind of file; those of servers first, which have one reader.
COMMANDS = {
    **{option: ("attempt", f"--{option}", "FILE") for option in readers()},
    "mt-config": ("attempt", "--mt-config", "FILE"),
    "backend": ("attempt", "--backend", "FILE"),
    "chain": ("attempt", "--chain", "FILE", "--key", "FILE"),
    "demands": ("check", "--config", "FILE"),
    "report": ("report", "FILE"),
    "claims": ("claims", "FILE"),
    "compare": ("compare", "FILE", "FILE"),
    "baseline": ("baseline", "baseline.json", "FILE"),
}
HEAD = f'{{"format": "{FORMAT}", "format_version": 1, '
CERTIFICATE = "-----BEGIN CERTIFICATE-----\n"
CONTENTS: dict[str, tuple[str, str, Make, str]] = {
    "one-long-line": ("mt-config", "a.cgi", text("Name " + "x" * (MIB - 10)), "characters"),
    "blanks-in-a-line": (
        "mt-config",
        "a.cgi",
        text(("FTPSOptions a" + " " * 16_000 + "b\n") * 60 + "x\n"),
        "no directive and value",
    ),
    "settings": ("vsftpd-conf", "a.conf", text("x=1\n" * 20_000), "more than 2000 settings"),
    "binary": ("vsftpd-conf", "a.conf", lambda path: path.write_bytes(bytes(MIB)), "NUL bytes"),
    "directives": (
        "proftpd-conf",
        "a.conf",
        text("Umask 022\n" * 20_000),
        "more than 2000 settings",
    ),
    "continued-line": ("proftpd-conf", "a.conf", text("Umask \\\n" * 100_000), "characters"),
    "nested-sections": ("proftpd-conf", "a.conf", text("<IfModule a>\n" * 70_000), "8 deep"),
    "section-of-blanks": (
        "proftpd-conf",
        "a.conf",
        text(("<IfModule" + " " * 16_000 + "b\n") * 60 + "<Limit STOR>\n"),
        "has no end",
    ),
    "options": ("pure-ftpd-conf", "a.conf", text("MaxIdleTime 15\n" * 20_000), "2000 settings"),
    "option-of-blanks": (
        "pure-ftpd-conf",
        "a.conf",
        text(("TLS" + " " * 16_000 + "2\n") * 60 + "x" * 20_000),
        "characters",
    ),
    "nested-blocks": ("nginx-conf", "a.conf", text("a{\n" * 300_000), "100 deep"),
    "blocks-beside-each-other": (
        "nginx-conf",
        "a.conf",
        text("events {}\n" * 100_000),
        "no server is in this file",
    ),
    "nested-json": ("backend", "a.json", text("[" * 40_000), "deep in each other"),
    "nested-toml": ("backend", "a.toml", text("a = " + "[" * 40_000), "deep in each other"),
    "dotted-toml": ("backend", "a.toml", text("a." * 400_000 + "a = 1"), "more than 16 parts"),
    "demands-nested": ("demands", "a.toml", text("a = " + "[" * 16_000), "too many brackets"),
    "demands-dotted": ("demands", "a.toml", text("a." * 400_000 + "a = 1"), "characters"),
    "demands-listed": ("demands", "a.toml", text('a = ["x"]\n' * 20_000), "more than 2000"),
    "backends-toml": (
        "backend",
        "a.toml",
        text("".join(f'[[backends]]\naddress = "a{n}"\n' for n in range(20_000))),
        "more than 50000 values",
    ),
    "backends-vcl": (
        "backend",
        "a.vcl",
        text("".join(f'backend b{n} {{ .host = "a"; }}\n' for n in range(20_000))),
        "more than 500 backends",
    ),
    "braces-vcl": ("backend", "a.vcl", text("a {" + "{}" * 500_000), "more than 250000 words"),
    "comments-vcl": ("backend", "a.vcl", text("#\n" * 500_000), "no backend in the file"),
    "blank-lines": ("backend", "backend", text("\n" * MIB), "no backend in the file"),
    "long-number": ("backend", "a.toml", text("port = 1" + "0" * 500_000), "500001 digits"),
    "pem-without-end": ("chain", "a.pem", text(CERTIFICATE + "A" * 999_999), "has no END"),
    "pem-blocks": (
        "chain",
        "a.pem",
        text("-----BEGIN A-----\n-----END A-----\n" * 30_000),
        "more than 500 PEM blocks",
    ),
    "attempts-of-a-record": (
        "report",
        "record.json",
        text(HEAD + '"attempts": [' + "{}," * 900_000 + "{}]}"),
        "attempts.0",
    ),
    "values-of-a-record": (
        "report",
        "record.json",
        text(HEAD + '"x": [' + "[]," * 5_000_000 + "[]]}"),
        "values",
    ),
    "nested-record": (
        "report",
        "record.json",
        text(HEAD + '"machine": {"x": ' + "[" * 900 + "]" * 900 + "}}"),
        "deep in each other",
    ),
    "no-record": ("report", "record.json", text("[" + "0," * 20_000_000 + "0]"), "no record"),
    "lines-of-a-journal": ("report", "attempts.jsonl", text("\n" * 30_000_000), "no record"),
}


def check(command: str, path: Path, said: str) -> None:
    """The command ends in time with status 2, one message, and nothing that was not there."""
    left = sorted(path.parent.iterdir())
    words = [str(path) if word == "FILE" else word for word in COMMANDS[command]]
    done = lab(*words, cwd=path.parent)
    assert done.status == 2, str(done)
    assert done.out == "", str(done)
    assert "Traceback" not in done.err, str(done)
    assert done.err.startswith("lab: "), str(done)
    assert done.err.count("\n") <= 2, str(done)
    assert path.name in done.err, str(done)
    assert said in done.err, str(done)
    assert len(done.err) < 1000, str(done)
    assert done.mib < PROMISED_MIB, str(done)
    assert sorted(path.parent.iterdir()) == left


#: One command with each kind; the others, which have the same reader, with what may hold it up.
FIRST = next(iter(COMMANDS))
TRIED = [(FIRST, kind) for kind in KINDS] + [
    (command, kind)
    for command in COMMANDS
    if command != FIRST
    for kind in ("endless-device", "fifo")
]


@pytest.mark.parametrize(("command", "kind"), TRIED)
def test_what_is_no_file_of_a_bounded_size_is_refused(
    command: str, kind: str, tmp_path: Path
) -> None:
    make, said = KINDS[kind]
    make(tmp_path / kind)
    check(command, tmp_path / kind, said)


@pytest.mark.parametrize("name", CONTENTS)
def test_what_a_file_holds_costs_little(name: str, tmp_path: Path) -> None:
    command, file, make, said = CONTENTS[name]
    make(tmp_path / file)
    check(command, tmp_path / file, said)


@pytest.mark.parametrize("kind", ["endless-device", "directory", "fifo", "tebibyte"])
def test_an_archive_of_images_must_be_one(kind: str, tmp_path: Path) -> None:
    path = tmp_path / kind
    KINDS[kind][0](path)
    done = lab("images", "import", str(path), cwd=tmp_path)
    assert done.status == 2, str(done)
    assert "Traceback" not in done.err, str(done)
    assert "What to do: " in done.err, str(done)
    assert done.mib < PROMISED_MIB, str(done)


def test_a_command_in_the_place_of_a_file_is_read(tmp_path: Path) -> None:
    # given what `<(command)` and `command |` are: a pipe with a name
    reading, writing = os.pipe()
    os.write(writing, b"ssl_enable YES\n")
    os.close(writing)
    # when it is read
    done = lab("attempt", "--vsftpd-conf", "/dev/stdin", cwd=tmp_path, stdin=reading)
    os.close(reading)
    # then the mistake in it is found
    assert done.status == 2, str(done)
    assert "/dev/stdin:1: this line is not NAME=VALUE: 'ssl_enable YES'" in done.err, str(done)
