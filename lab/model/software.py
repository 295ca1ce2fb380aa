"""Where programs run: the platforms of clients, their containers, and the agents inside."""

from __future__ import annotations

from dataclasses import dataclass

#: Where agents lie, in every container.
AGENTS = "/opt/lab/agents"

#: Client platforms and the crypto policies each can be under (none: the platform has no such thing).
PLATFORMS: dict[str, tuple[str, ...]] = {
    "rocky9": ("DEFAULT", "LEGACY", "FUTURE", "FIPS"),
    "centos7": (),
    "debian13": (),
}


def container_of(platform: str, policy: str | None) -> str:
    """The container of the topology whose clients have this platform and policy."""
    if platform == "debian13":
        return "edge"
    return f"{platform}-{policy.lower()}" if policy else platform


#: The containers of all clients.
CLIENT_CONTAINERS = tuple(
    container_of(platform, policy)
    for platform, policies in PLATFORMS.items()
    for policy in policies or (None,)
)

#: The container at whose address nobody ever answers: its packet filter drops whatever comes in.
SILENT = "silent"

#: The containers that a server's settings can name by an address of theirs.
NAMED_CONTAINERS = (*CLIENT_CONTAINERS, SILENT)


@dataclass(frozen=True)
class Agent:
    """The resident program that makes attempts, or runs listeners, inside a container."""

    name: str
    """As its ready line says it; programs with the same name in a container share one process."""
    argv: tuple[str, ...]
    """The command inside the container."""

    @classmethod
    def python(cls, name: str, script: str, *arguments: str) -> Agent:
        """One in Python, by the name of its file."""
        return cls(name, ("/opt/lab/bin/python3", f"{AGENTS}/{script}", *arguments))

    @classmethod
    def perl(cls, name: str, script: str) -> Agent:
        """One in Perl, by the name of its file."""
        return cls(name, ("/opt/lab/bin/perl", f"{AGENTS}/{script}"))
