"""A subnet for the network of a topology, chosen by one lab at a time."""

from __future__ import annotations

import contextlib
import ipaddress
from collections.abc import Iterator

from docker import DockerClient

from lab.run.checkout import subnets_lock
from lab.run.topology.locks import acquire
from lab.run.topology.projects import TopologyError

#: Subnets are /24s taken from here: Docker's own default pools begin at 172.17.0.0/16.
_SUBNETS = ipaddress.ip_network("172.30.0.0/16")


@contextlib.contextmanager
def choosing(wait_s: float) -> Iterator[None]:
    """The right to choose a subnet: held until the network with it is there.

    Raises:
        TopologyError: another lab has had it for all of ``wait_s`` seconds.
    """
    lock = subnets_lock()
    acquire(lock, "another lab on this machine has been starting its network", wait_s)
    try:
        yield
    finally:
        lock.release()


def free_net(client: DockerClient) -> str:
    """First three octets of a /24 that no network of the engine overlaps."""
    taken = [
        ipaddress.ip_network(config["Subnet"])
        for network in client.api.networks()
        for config in (network["IPAM"].get("Config") or [])
        if "Subnet" in config
    ]
    for subnet in _SUBNETS.subnets(new_prefix=24):
        if not any(subnet.overlaps(other) for other in taken if other.version == subnet.version):
            return str(subnet.network_address).rsplit(".", 1)[0]
    raise TopologyError(
        f"no free /24 subnet is left in {_SUBNETS}: remove networks with `lab down --all`"
        " or `docker network prune`"
    )
