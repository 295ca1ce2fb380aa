"""Where the daemon that the lab starts keeps its things."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lab.engine.endpoint import DEFAULT_SOCKET

DEFAULT_DATA_ROOT = Path("/var/lib/docker")
DEFAULT_EXEC_ROOT = Path("/var/run/docker")
DEFAULT_PID_FILE = Path("/var/run/docker.pid")
SYSTEM_CONTAINERD = Path("/run/containerd/containerd.sock")


@dataclass(frozen=True)
class DaemonSettings:
    """One dockerd: its paths (the defaults are dockerd's own) and how long to wait for it.

    ``state_directory`` is the machine's, not a checkout's: every checkout must see who started the
    daemon. It is on /run, so that it goes with the daemon when the machine restarts.
    """

    socket: Path = DEFAULT_SOCKET
    data_root: Path = DEFAULT_DATA_ROOT
    exec_root: Path = DEFAULT_EXEC_ROOT
    pid_file: Path = DEFAULT_PID_FILE
    state_directory: Path = Path("/run/tls-lab")
    log_file: Path = Path("/var/log/tls-lab/dockerd.log")
    arguments: tuple[str, ...] = ()
    launcher: tuple[str, ...] = ()
    """Words before the command: a program that changes something and then becomes dockerd."""
    system_containerd: Path = SYSTEM_CONTAINERD
    ready_timeout_s: float = 60.0
    stop_timeout_s: float = 30.0
    hung_after_s: float = 20.0
    """How long a daemon that lives may leave its socket unanswered: it may be starting up."""

    @property
    def owner_file(self) -> Path:
        """Records which checkout started the daemon."""
        return self.state_directory / "engine.json"

    @property
    def lock_file(self) -> Path:
        """Held while an engine is being started or stopped."""
        return self.state_directory / "engine.lock"

    @property
    def containerd_directory(self) -> Path:
        """State of the containerd that dockerd starts when the machine has none of its own."""
        return self.exec_root / "containerd"

    @property
    def containerd_pid_file(self) -> Path:
        """The pid file of that containerd."""
        return self.containerd_directory / "containerd.pid"

    @property
    def containerd_socket(self) -> Path:
        """Where that containerd listens."""
        return self.containerd_directory / "containerd.sock"

    def command(self, executable: str = "dockerd") -> list[str]:
        """The command line. A path that is dockerd's default is left out.

        An option that is given both here and in /etc/docker/daemon.json makes dockerd refuse to
        start, so that file can still decide what nobody asked to change.
        """
        given = [
            ("--host", self.socket, DEFAULT_SOCKET, "unix://"),
            ("--data-root", self.data_root, DEFAULT_DATA_ROOT, ""),
            ("--exec-root", self.exec_root, DEFAULT_EXEC_ROOT, ""),
            ("--pidfile", self.pid_file, DEFAULT_PID_FILE, ""),
        ]
        options = [
            f"{name}={prefix}{value}" for name, value, default, prefix in given if value != default
        ]
        return [*self.launcher, executable, *options, *self.arguments]


def pid_file_of(command: tuple[str, ...]) -> Path:
    """The pid file that a dockerd with this command line uses."""
    for position, argument in enumerate(command):
        name, separator, value = argument.partition("=")
        if name in {"-p", "--pidfile"}:
            if separator:
                return Path(value)
            if position + 1 < len(command):
                return Path(command[position + 1])
    return DEFAULT_PID_FILE
