"""The machine that the lab itself runs on: its system, its processes' commands, its free space.

Nothing here knows of containers. :func:`run` is the only way in which :mod:`lab.host` starts a program, so
that none runs without a deadline.
"""

from __future__ import annotations

import os
import platform
import re
import shlex
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import ClassVar

from lab.text import AdvisedError

POLL_INTERVAL_S = 0.1
TAIL_LINES = 15
APT_TIMEOUT_S, APT_LOCK_S = 900.0, 120

Say = Callable[[str], None]


class CommandError(Exception):
    """A program could not be started, was too slow or failed. The text names all that is known."""

    def __init__(self, argv: Sequence[str], happened: str, output: str = "") -> None:
        self.argv = tuple(argv)
        self.happened = happened
        self.output = output.strip()
        said = "".join(f"\n    {line}" for line in tail(output))
        super().__init__(f"{shlex.join(argv)}: {happened}{said}")


def tail(text: str, lines: int = TAIL_LINES) -> list[str]:
    """The last ``lines`` lines of ``text`` that are not empty."""
    return [line.rstrip() for line in text.splitlines() if line.strip()][-lines:]


def describe_status(status: int) -> str:
    """``ended with status 2`` or ``was killed by SIGKILL``."""
    if status >= 0:
        return f"ended with status {status}"
    with suppress(ValueError):
        return f"was killed by {signal.Signals(-status).name}"
    return f"was killed by signal {-status}"


def os_release() -> Mapping[str, str]:
    """What os-release(5) says about the running system; it always has ``ID`` and ``PRETTY_NAME``."""
    try:
        return platform.freedesktop_os_release()
    except OSError:
        return {"ID": "linux", "PRETTY_NAME": "Linux"}


def has_docker_io() -> bool:
    """Whether the distribution itself packages Docker as ``docker.io``: Debian and Ubuntu."""
    return os_release()["ID"] in {"debian", "ubuntu"}


def is_root() -> bool:
    """Whether this process may install packages and start a daemon."""
    return os.geteuid() == 0


def systemd_runs() -> bool:
    """Whether systemd is the service manager of this machine (sd_booted(3))."""
    return Path("/run/systemd/system").is_dir()


def free_bytes(path: Path) -> int | None:
    """Bytes that this user may still write below ``path``, or None when that cannot be told.

    A path that does not exist yet counts as its nearest existing parent.
    """
    with suppress(OSError, StopIteration):
        there = next(place for place in (path, *path.parents) if place.exists())
        return shutil.disk_usage(there).free
    return None


def write_whole(path: Path, text: str) -> None:
    """Write a file in one step: a reader never finds half of it.

    Raises:
        OSError: it cannot be written; it is as it was.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        part.write_text(text, encoding="utf-8", newline="\n")
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def program(name: str) -> str | None:
    """The full path of a program, looked for in the administrator's directories too.

    A user's PATH often lacks /usr/sbin, where dockerd and iptables are.
    """
    return shutil.which(name, path=administrator_path())


def administrator_path(path: str | None = None) -> str:
    """``path`` (default: PATH) with the directories that hold system daemons appended."""
    given = (os.environ.get("PATH", "") if path is None else path).split(os.pathsep)
    wanted = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"]
    return os.pathsep.join([*filter(None, given), *(d for d in wanted if d not in given)])


def administrator_environment() -> dict[str, str]:
    """For apt-get and daemons: with :func:`administrator_path`, and without questions."""
    settings = {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
    return {**os.environ, "PATH": administrator_path(), **settings}


def wait_until(
    condition: Callable[[], bool], *, timeout_s: float, interval_s: float = POLL_INTERVAL_S
) -> bool:
    """Poll ``condition`` until it holds; False when ``timeout_s`` passed without that."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        remaining = deadline - time.monotonic()
        if remaining <= 0:
            return False
        time.sleep(min(interval_s, remaining))
    return True


def run(
    argv: Sequence[str],
    *,
    timeout_s: float,
    check: bool = True,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    on_line: Say | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a program without a terminal and return what it printed.

    The program gets a session of its own, so that everything it started ends with it when ``timeout_s``
    passes or the caller is interrupted.

    Args:
        argv: the program and its arguments.
        timeout_s: seconds that it may take.
        check: a status other than 0 is an error.
        env: replaces the whole environment.
        cwd: the directory to run it in.
        on_line: is given each line as it appears, those of both streams, which are then one.

    Raises:
        CommandError: it does not exist, took longer than ``timeout_s``, or (with ``check``) failed.
    """
    try:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE if on_line is None else subprocess.STDOUT,
            env=env,
            cwd=cwd,
            text=True,
            errors="replace",
            start_new_session=True,
        )
    except OSError as error:
        raise CommandError(argv, f"could not be started: {error.strerror or error}") from error
    expired = threading.Event()

    def end() -> None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)

    def expire() -> None:
        expired.set()
        end()

    timer = threading.Timer(timeout_s, expire)
    timer.daemon = True
    timer.start()
    with process:
        try:
            seen = [] if on_line is None else list(_shown(process, on_line))
            stdout, stderr = process.communicate()
        except BaseException:
            end()
            raise
        finally:
            timer.cancel()
    printed = "".join(seen) + stdout
    done = subprocess.CompletedProcess(argv, process.returncode, printed, stderr or "")
    if expired.is_set() or (check and done.returncode != 0):
        late = f"no end after {timeout_s:g} s"
        happened = late if expired.is_set() else describe_status(done.returncode)
        raise CommandError(argv, happened, done.stderr or done.stdout)
    return done


def _shown(process: subprocess.Popen[str], on_line: Say) -> Iterator[str]:
    """The lines that a program prints, each also shown."""
    for line in process.stdout or ():
        on_line(line.rstrip("\n"))
        yield line


def apt_install(packages: Sequence[str], there: Callable[[], bool], say: Say) -> None:
    """Install ``packages`` with apt-get, without recommended ones.

    The package lists are fetched when it does not work without: there are none, or they are old.

    Args:
        packages: their names.
        there: whether what they bring is there. Installing a package also starts its service, which may
            fail where the lab's own way works.
        say: shows a line of progress.

    Raises:
        CommandError: apt-get failed.
    """

    def apt_get(*arguments: str) -> None:
        options = ("-q", f"-o=DPkg::Lock::Timeout={APT_LOCK_S}", "-o=Acquire::Retries=3")
        command = ["apt-get", *options, "-o=Dpkg::Use-Pty=0", *arguments]
        run(command, timeout_s=APT_TIMEOUT_S, env=administrator_environment(), on_line=show)

    def show(line: str) -> None:
        if done := re.match(r"Setting up ([^ :]+)", line):
            say(f"  apt: setting up {done[1]}")

    wanted = ("install", "-y", "--no-install-recommends", *packages)
    try:
        apt_get(*wanted)
    except CommandError:
        if there():
            return
        say("  apt: that failed; trying again with fresh package lists")
        apt_get("update")
        apt_get(*wanted)


class LockError(AdvisedError):
    """Another lab on this machine does what only one can do at a time."""

    table: ClassVar[Path] = Path(__file__).with_name("errors.toml")


@contextmanager
def locked(path: Path, doing: str, wait_s: float, say: Say) -> Iterator[None]:
    """Hold a lock that labs of all users share; it ends with its process, however that ends.

    Args:
        path: its file.
        doing: what it is for: ``making images``.
        wait_s: seconds to wait for another process.
        say: told when there is one to wait for.

    Raises:
        LockError: another process held it for longer, or it belongs to somebody who does not share it.
    """
    from filelock import FileLock, Timeout

    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path, mode=0o666)
    try:
        try:
            lock.acquire(timeout=0)
        except Timeout:
            say(f"another lab on this machine is {doing}; waiting")
            lock.acquire(timeout=wait_s, poll_interval=POLL_INTERVAL_S)
    except Timeout as error:
        raise LockError("locked", doing=doing, path=path, seconds=wait_s) from error
    except PermissionError as error:
        raise LockError("lock-forbidden", path=path, happened=error) from error
    try:
        yield
    finally:
        lock.release()
