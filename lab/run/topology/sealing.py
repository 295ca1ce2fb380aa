"""Whether the host answers inside a topology's network: observed, not assumed.

An internal network has no route out, but its host has an address in it, and by that one everything
that the host listens on can be reached. The lab asks the engine not to give it that address
(:func:`options`), and then looks: a container that is always there asks the network who has the address
that the host would have, and reads what came back from the kernel's neighbour table.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from docker import DockerClient
from docker.errors import APIError, DockerException

from lab.host.connect import parse_api
from lab.run.execution import ExecutionError, execute
from lab.run.topology.projects import containers, of_project

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


def look(client: DockerClient, project: str) -> Seal:
    """Look whether the host answers in the network of a running topology; takes a fifth of a second."""
    try:
        network = client.api.networks(filters=of_project(project))[0]
        gateway = gateway_of(network)
        asked = execute(
            client, containers(client, project)[ASKING], ["bash", "-c", _ASK, gateway]
        ).output
    except (APIError, DockerException, ExecutionError, OSError, LookupError) as error:
        return Seal(False, f"it cannot be told whether the host answers there ({error})")
    chosen = {
        name.removeprefix(_PREFIX): value for name, value in (network.get("Options") or {}).items()
    }
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
        said = " ".join(table)[-200:] or "nothing"
        return Seal(
            False, f"nobody could be asked for {gateway} (the container said: {said})", chosen
        )
    _, _, flags, hardware, *_ = entries[0]
    if int(flags, 16) & _COMPLETE:
        return Seal(False, f"the host answers at {gateway} ({hardware})", chosen)
    return Seal(True, f"nobody answers at {gateway}, where the host would be", chosen)
