"""The machine that the lab itself runs on: its system, its processes' commands, its free space.

Nothing here knows of containers. :func:`run` and :func:`stream` are the only two ways in which
:mod:`lab.host` starts a program, so that none runs without a deadline.
"""

from __future__ import annotations

import os
import platform
import shlex
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

POLL_INTERVAL_S = 0.1
TAIL_LINES = 15


@dataclass(frozen=True)
class OsRelease:
    """What os-release(5) says about the running system."""

    id: str
    codename: str = ""
    pretty_name: str = ""

    @property
    def has_docker_io(self) -> bool:
        """Whether the distribution itself packages Docker as ``docker.io``: Debian and Ubuntu."""
        return self.id in {"debian", "ubuntu"}

    def __str__(self) -> str:
        return self.pretty_name or self.id


@dataclass(frozen=True)
class Completed:
    """A program that has ended. ``status`` is its exit status, negative for a signal."""

    status: int
    stdout: str
    stderr: str = ""

    @property
    def ok(self) -> bool:
        """Whether it succeeded."""
        return self.status == 0


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
    try:
        return f"was killed by {signal.Signals(-status).name}"
    except ValueError:
        return f"was killed by signal {-status}"


def os_release() -> OsRelease:
    """The running system; ``linux`` when it does not say."""
    try:
        said = platform.freedesktop_os_release()
    except OSError:
        return OsRelease("linux")
    return OsRelease(said["ID"], said.get("VERSION_CODENAME", ""), said.get("PRETTY_NAME", ""))


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
    for candidate in (path, *path.parents):
        try:
            return shutil.disk_usage(candidate).free
        except FileNotFoundError:
            continue
        except OSError:
            return None
    return None


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
) -> Completed:
    """Run a program without a terminal and return what it printed.

    ``env`` replaces the whole environment. The program gets a session of its own, so that
    everything it started ends with it when ``timeout_s`` passes.

    Raises:
        CommandError: it does not exist, took longer than ``timeout_s``, or (with ``check``) failed.
    """
    with _started(argv, timeout_s, subprocess.PIPE, env, cwd) as (process, expired):
        stdout, stderr = process.communicate()
    done = Completed(process.returncode, stdout, stderr)
    return _judged(argv, done, expired, timeout_s, check=check)


def stream(
    argv: Sequence[str],
    *,
    timeout_s: float,
    on_line: Callable[[str], None],
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> Completed:
    """Run a program that takes long, handing over each line (both streams) as it appears.

    Raises:
        CommandError: as for :func:`run`, with the end of its output.
    """
    lines: list[str] = []
    with _started(argv, timeout_s, subprocess.STDOUT, env, cwd) as (process, expired):
        assert process.stdout is not None  # it is always piped
        for line in process.stdout:
            lines.append(line)
            on_line(line.rstrip("\n"))
        process.wait()
    return _judged(argv, Completed(process.returncode, "".join(lines)), expired, timeout_s)


def _judged(
    argv: Sequence[str],
    done: Completed,
    expired: threading.Event,
    timeout_s: float,
    *,
    check: bool = True,
) -> Completed:
    if expired.is_set():
        raise CommandError(argv, f"no end after {timeout_s:g} s", done.stderr or done.stdout)
    if check and not done.ok:
        raise CommandError(argv, describe_status(done.status), done.stderr or done.stdout)
    return done


@contextmanager
def _started(
    argv: Sequence[str],
    timeout_s: float,
    stderr: int,
    env: Mapping[str, str] | None,
    cwd: Path | None,
) -> Iterator[tuple[subprocess.Popen[str], threading.Event]]:
    """A program that runs, and ends with all that it started when the time is over or the block fails."""
    try:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            env=env,
            cwd=cwd,
            text=True,
            errors="replace",
            start_new_session=True,
        )
    except OSError as error:
        raise CommandError(argv, f"could not be started: {error.strerror or error}") from error
    expired = threading.Event()

    def kill() -> None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)

    def expire() -> None:
        expired.set()
        kill()

    timer = threading.Timer(timeout_s, expire)
    timer.daemon = True
    timer.start()
    with process:
        try:
            yield process, expired
        except BaseException:
            kill()
            raise
        finally:
            timer.cancel()
