"""The network of a topology: its subnet, and whether the host answers inside it.

An internal network has no route out, but its host has an address in it, and by that one everything
that the host listens on can be reached. The lab asks the engine not to give it that address
(:func:`options`), and then looks: a container that is always there asks the network who has the address
that the host would have, and reads what came back from the kernel's neighbour table.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

from docker import DockerClient
from docker.errors import APIError, DockerException
from filelock import FileLock, Timeout

from lab.host.checkout import LABEL_CHECKOUT, LABEL_PATH
from lab.host.engine import parse_api
from lab.run.checkout import LABEL_KEPT, in_use
from lab.run.link import ExecutionError, execute

LABEL_PROJECT = "com.docker.compose.project"
LABEL_SERVICE = "com.docker.compose.service"


class TopologyError(Exception):
    """The topology cannot be started or removed; the message says what to do."""


@dataclass(frozen=True)
class Container:
    """A running container of a topology."""

    id: str
    image: str
    """Reference of its image, as the topology was started with it."""
    address: str | None = None
    """Its IP address in the topology's network."""


@dataclass(frozen=True)
class Found:
    """A topology, or what is left of one, as the engine's labels tell."""

    project: str
    checkout: str
    path: str
    kept: bool
    running: int
    containers: int
    alive: bool
    """A process uses it, or ``lab up`` left it running for use."""


def of_project(project: str) -> dict[str, str]:
    """The filter by which the engine finds what belongs to a project."""
    return {"label": f"{LABEL_PROJECT}={project}"}


def containers(client: DockerClient, project: str) -> dict[str, Container]:
    """The running containers of a project, by service."""
    found = client.api.containers(filters=of_project(project))
    return {c["Labels"][LABEL_SERVICE]: Container(c["Id"], c["Image"], _address(c)) for c in found}


def _address(container: Mapping[str, Any]) -> str | None:
    networks = (container.get("NetworkSettings") or {}).get("Networks") or {}
    return next((n["IPAddress"] for n in networks.values() if n.get("IPAddress")), None)


def find(client: DockerClient) -> list[Found]:
    """Every topology on the engine, of any checkout, running or not."""
    labelled = {"label": LABEL_CHECKOUT}
    found = client.api.containers(all=True, filters=labelled)
    found += client.api.networks(filters=labelled)
    by_project: dict[str, list[tuple[Mapping[str, str], bool]]] = {}
    for one in found:
        labels = one["Labels"] or {}
        if LABEL_PROJECT in labels:
            running = one.get("State") == "running"
            by_project.setdefault(labels[LABEL_PROJECT], []).append((labels, running))
    topologies = []
    for project, members in sorted(by_project.items()):
        labels = members[0][0]
        kept = labels.get(LABEL_KEPT) == "yes"
        running = sum(up for _, up in members)
        topologies.append(
            Found(
                project=project,
                checkout=labels.get(LABEL_CHECKOUT, ""),
                path=labels.get(LABEL_PATH, ""),
                kept=kept,
                running=running,
                containers=len(members),
                alive=in_use(project) or (kept and running > 0),
            )
        )
    return topologies


def acquire(lock: FileLock, whose: str, wait_s: float) -> AbstractContextManager[object]:
    """Take a lock, or say who has it; as a context the result gives it back.

    Raises:
        TopologyError: it was not free for all of ``wait_s`` seconds.
    """
    try:
        return lock.acquire(timeout=wait_s)
    except Timeout as error:
        raise TopologyError(
            f"{whose} for {wait_s:g} s: see which one with `fuser {lock.lock_file}`"
        ) from error


#: Subnets are /24s taken from here: Docker's own default pools begin at 172.17.0.0/16.
_SUBNETS = ipaddress.ip_network("172.30.0.0/16")


def free_net(client: DockerClient) -> str:
    """First three octets of a /24 that no network of the engine overlaps."""
    known = (
        one for network in client.api.networks() for one in network["IPAM"].get("Config") or []
    )
    taken = [ipaddress.ip_network(one["Subnet"]) for one in known if "Subnet" in one]
    for subnet in _SUBNETS.subnets(new_prefix=24):
        if not any(subnet.overlaps(other) for other in taken if other.version == subnet.version):
            return str(subnet.network_address).rsplit(".", 1)[0]
    raise TopologyError(
        f"no free /24 subnet is left in {_SUBNETS}: remove networks with `lab down --all`"
        " or `docker network prune`"
    )


#: The container that asks.
ASKING = "dns"
#: An answer comes within a fraction of a millisecond; a busy machine gets so many seconds.
PATIENCE_S = 0.15
#: A datagram to the port for what is thrown away (RFC 863) has the kernel ask for the address first.
_ASK = f'echo >"/dev/udp/$0/9"; sleep {PATIENCE_S}; cat /proc/net/arp'
#: ``ATF_COM`` of ``linux/if_arp.h``: the entry has a hardware address, so that somebody has answered.
_COMPLETE = 0x02
#: The first API of engines that know a bridge without a gateway (Docker 28.0).
_KNOWS_ISOLATED = (1, 48)
_PREFIX = "com.docker.network.bridge."


@dataclass(frozen=True)
class Seal:
    """Whether containers reach the host."""

    holds: bool
    """False also where that cannot be told."""
    how: str
    """What was seen."""
    options: Mapping[str, str] = field(default_factory=dict)
    """What the engine was asked for, by the last part of its name."""

    @property
    def warning(self) -> str | None:
        """One line for whoever runs something in this network; ``None``: it is sealed."""
        if self.holds:
            return None
        return (
            f"the network is not sealed: {self.how}. What runs in a container may reach what this host"
            " listens on; nothing beyond the host. What to do: `lab down`, and use Docker 20.10 or newer"
            " with its own bridge networks"
        )


def options(api: str) -> dict[str, str]:
    """The values in ``compose.yaml`` that follow from what the engine is, by variable.

    Every engine knows how to leave the host without an address (``inhibit_ipv4``). Docker 28 has its own
    word for it; Docker 27 refuses that word; older ones do not look at the option.

    Args:
        api: version of the engine's API.
    """
    return {"LAB_GATEWAY_MODE": "isolated" if parse_api(api) >= _KNOWS_ISOLATED else "nat"}


def look(client: DockerClient, project: str, containers: Mapping[str, Container]) -> Seal:
    """Look whether the host answers in the network of a running topology; takes a fifth of a second."""
    try:
        network = client.api.networks(filters=of_project(project))[0]
        gateway = gateway_of(network)
        asked = execute(client, containers[ASKING].id, ["bash", "-c", _ASK, gateway]).output
    except (APIError, DockerException, ExecutionError, OSError, LookupError) as error:
        return Seal(False, f"it cannot be told whether the host answers there ({error})")
    told = network.get("Options") or {}
    chosen = {name.removeprefix(_PREFIX): value for name, value in told.items()}
    return judge(gateway, asked.splitlines(), chosen)


def gateway_of(network: Mapping[str, Any]) -> str:
    """The address that the host has in a network, or would have.

    Args:
        network: as the engine lists it.

    Raises:
        LookupError: it has no IPv4 subnet.
    """
    for config in network["IPAM"].get("Config") or []:
        subnet = ipaddress.ip_network(config["Subnet"])
        if subnet.version == 4:
            return str(config.get("Gateway") or subnet[1])
    raise LookupError("the network has no IPv4 subnet")


def judge(gateway: str, table: Sequence[str], chosen: Mapping[str, str]) -> Seal:
    """What the neighbour table of the container that asked says.

    Args:
        gateway: the address that was asked for.
        table: lines of ``/proc/net/arp``: address, hardware type, flags, hardware address, ...
        chosen: the network's options.
    """
    entries = [words for words in map(str.split, table) if words[:1] == [gateway]]
    if not entries:
        said = f"the container said: {' '.join(table)[-200:] or 'nothing'}"
        return Seal(False, f"nobody could be asked for {gateway} ({said})", chosen)
    _, _, flags, hardware, *_ = entries[0]
    if int(flags, 16) & _COMPLETE:
        return Seal(False, f"the host answers at {gateway} ({hardware})", chosen)
    return Seal(True, f"nobody answers at {gateway}, where the host would be", chosen)
