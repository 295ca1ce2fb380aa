"""What there is of a daemon on this machine: its sockets, files and processes. Changes nothing."""

from __future__ import annotations

from dataclasses import dataclass

from lab.engine import processes
from lab.engine.connect import SocketProbe, SocketState, probe
from lab.engine.ownership import Owner, read_owner
from lab.engine.processes import Process
from lab.engine.settings import DaemonSettings, pid_file_of

PROBE_TIMEOUT_S = 2.0


@dataclass(frozen=True)
class Observed:
    """Everything on this machine that has to do with one daemon."""

    probe: SocketProbe
    owner: Owner | None = None
    daemon: Process | None = None
    """The dockerd of these settings, when it lives."""
    listener: Process | None = None
    """The process behind the socket, when it is another one."""
    pid_file: bool = False
    pid_holder: Process | None = None
    """The process that now has the id in the pid file, whatever it is."""
    containerd: Process | None = None
    """The containerd that this dockerd started, when it lives."""
    containerd_pid_file: bool = False
    dead_system_containerd: bool = False
    """Whether the socket of a system-wide containerd is there with nobody behind it."""

    @property
    def ours(self) -> bool:
        """Whether a lab, of whichever checkout, started the daemon that lives."""
        return self.daemon is not None and self.owner is not None and self.owner.owns(self.daemon)


def observe(settings: DaemonSettings, *, probe_timeout_s: float = PROBE_TIMEOUT_S) -> Observed:
    """Look at the sockets, pid files and processes of one daemon, changing nothing."""
    found = probe(settings.socket, probe_timeout_s)
    pid = processes.read_pid_file(settings.pid_file)
    holder = processes.read(pid) if pid else None
    listener = processes.read(found.listener) if found.listener else None
    daemon = _daemon_of(settings, holder, listener)
    containerd_pid = processes.read_pid_file(settings.containerd_pid_file)
    containerd = processes.read(containerd_pid) if containerd_pid else None
    return Observed(
        probe=found,
        owner=read_owner(settings.owner_file),
        daemon=daemon,
        listener=None if daemon is not None and listener == daemon else listener,
        pid_file=settings.pid_file.exists(),
        pid_holder=holder,
        containerd=containerd if is_containerd_of(containerd, settings) else None,
        containerd_pid_file=settings.containerd_pid_file.exists(),
        dead_system_containerd=(
            probe(settings.system_containerd, probe_timeout_s).state is SocketState.REFUSED
        ),
    )


def _daemon_of(
    settings: DaemonSettings, holder: Process | None, listener: Process | None
) -> Process | None:
    for process in (holder, listener):
        if is_dockerd_of(process, settings):
            return process
    # A daemon that is just starting, or whose pid file was removed under it.
    return next((p for p in processes.everyone() if is_dockerd_of(p, settings)), None)


def is_dockerd_of(process: Process | None, settings: DaemonSettings) -> bool:
    """Whether ``process`` lives and is the dockerd that uses the pid file of ``settings``."""
    return (
        process is not None
        and process.running
        and process.name == "dockerd"
        and pid_file_of(process.command) == settings.pid_file
    )


def is_containerd_of(process: Process | None, settings: DaemonSettings) -> bool:
    """Whether ``process`` lives and is the containerd that dockerd started below its exec root."""
    directory = str(settings.containerd_directory)
    return (
        process is not None
        and process.running
        and process.name == "containerd"
        and any(argument.startswith(directory) for argument in process.command)
    )
