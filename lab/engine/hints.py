"""What the daemon's own log says about why it did not start."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Hint:
    """A text of dockerd's log and what an operator does about it."""

    pattern: re.Pattern[str]
    advice: str


def _hint(pattern: str, advice: str) -> Hint:
    return Hint(re.compile(pattern, re.IGNORECASE), advice)


# The first that matches wins: a cause stands before what follows from it.
HINTS: tuple[Hint, ...] = (
    _hint(
        r"no space left on device",
        "its disk is full: free some space below the data root (default /var/lib/docker)",
    ),
    _hint(
        r"iptables.*(not found|no such file)|failed to find iptables",
        "iptables is missing: apt-get install iptables",
    ),
    _hint(
        r"iptables.*(legacy).*(table does not exist|can't initialize|do you need to insmod)",
        "iptables does not work: this kernel lacks the legacy tables; choose the nftables variant: "
        "update-alternatives --set iptables /usr/sbin/iptables-nft",
    ),
    _hint(
        r"iptables.*(nf_tables|nft).*(permission denied|operation not permitted|must be root)",
        "iptables may not change the packet filter: this machine is probably a container without "
        "CAP_NET_ADMIN; run the lab where the engine may manage the network",
    ),
    _hint(
        r"iptables.*(nf_tables|nft)",
        "iptables does not work: this kernel does not do what the nftables variant needs; choose "
        "the legacy one: update-alternatives --set iptables /usr/sbin/iptables-legacy",
    ),
    _hint(
        r"iptables (failed|not detected)|failed to (create|set up|register).*(iptables|nat chain)",
        "iptables failed: try the other variant (update-alternatives --config iptables) and see "
        "whether the kernel has NAT (nf_nat, iptable_nat)",
    ),
    _hint(
        r"devices cgroup isn't mounted|no cgroup mount found|cgroup mountpoint does not exist",
        "the control groups are not mounted: apt-get install cgroupfs-mount, then cgroupfs-mount",
    ),
    _hint(
        r"pid file found|process with pid \d+ is still running",
        "another process has the id in the daemon's pid file: see which one, then remove the file",
    ),
    _hint(
        r"unable to configure the docker daemon with file|directives are specified both",
        "/etc/docker/daemon.json cannot be used as it is: correct it, or move it away",
    ),
    _hint(
        r"could not create bridge|failed to (create|add).*bridge|error creating default .?bridge"
        r"|(operation not permitted).*(bridge|netlink)",
        "the kernel does not let it make a network bridge: see that the bridge module exists and "
        "that this machine is not a container without privileges",
    ),
    _hint(
        r"driver not supported|failed to mount overlay|error initializing graphdriver",
        "no storage driver works below the data root: put it on a file system that overlay works "
        "on (ext4, xfs), or load the overlay module",
    ),
    _hint(
        r"(timeout waiting for|failed to (start|dial|connect to)).*containerd",
        "its containerd does not answer: end what is left of it (pgrep -a containerd), try again",
    ),
    _hint(
        r"address already in use",
        "something else listens on its socket: see what (ss -xlp | grep docker)",
    ),
    _hint(
        r"permission denied|operation not permitted|needs to be started with root",
        "it lacks privileges: run as root on the machine itself, not in an unprivileged container",
    ),
)


def explain_log(lines: Iterable[str]) -> str | None:
    """The advice for the worst thing in the log, or None when nothing known is in it.

    The last lines count most: a daemon dies of what it says last. Warnings do not count, because a
    daemon that lives prints many of them.
    """
    serious = [line for line in lines if not re.search(r"level=(info|warning|debug)", line)]
    for line in reversed(serious):
        for hint in HINTS:
            if hint.pattern.search(line):
                return hint.advice
    return None
