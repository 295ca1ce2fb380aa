"""From no container can this host be reached: tried, at every address that the host has.

The test listens on the host's own addresses, at ports that the kernel chooses, and has every container
of a topology connect to each. Nothing is sent to any other address: of what lies beyond the host the
containers' routing tables tell.
"""

from __future__ import annotations

import contextlib
import ipaddress
import json
import socket
import subprocess
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor

import pytest
from docker import DockerClient

from lab.images.errors import Progress
from lab.run import network
from lab.run.checkout import Checkout
from lab.run.laboratory import image_store
from lab.run.link import execute
from tests.e2e.checkouts import Copy

#: Seconds for one connection; the host's kernel answers in less than a thousandth of that.
CONNECT_S = 1
#: So many side by side: the smallest containers may have few processes.
TOGETHER = 3
#: Tries every ADDRESS,PORT and prints those that answer. Every image has this shell.
TRY = f"""
for target; do
    timeout {CONNECT_S} bash -c 'exec 3<>"/dev/tcp/${{0%,*}}/${{0#*,}}"' "$target" 2>/dev/null &&
        echo "$target" &
    ((++n % {TOGETHER})) || wait
done
wait
"""


@contextlib.contextmanager
def listening() -> Iterator[dict[str, str]]:
    """Listen on every address of this host but loopback's; what a container has to connect to, and where.

    A link-local address is named with the container's own interface.
    """
    with contextlib.ExitStack() as stack:
        open_ports: dict[str, str] = {}
        for interface, address in addresses():
            version = ipaddress.ip_address(address).version
            family = socket.AF_INET6 if version == 6 else socket.AF_INET
            listener = stack.enter_context(socket.socket(family, socket.SOCK_STREAM))
            scope = f"%{interface}" if address.startswith("fe80:") else ""
            listener.bind(socket.getaddrinfo(address + scope, 0, family)[0][4])
            listener.listen(64)
            named = f"{address}%eth0" if scope else address
            open_ports[f"{named},{listener.getsockname()[1]}"] = f"{address} of {interface}"
        yield open_ports


def addresses() -> list[tuple[str, str]]:
    """Interface and address, of every address of this host that can be reached from elsewhere."""
    listed = subprocess.run(
        ["ip", "-json", "address", "show"], capture_output=True, check=True, timeout=10
    ).stdout
    return [
        (interface["ifname"], info["local"])
        for interface in json.loads(listed)
        for info in interface["addr_info"]
        if info["scope"] != "host" and not info.get("tentative")
    ]


def answered(
    engine: DockerClient, containers: Mapping[str, str], targets: Mapping[str, str]
) -> list[str]:
    """Which of the targets answer which of the containers, in words."""

    def attempt(service: str) -> list[str]:
        argv = ["bash", "-c", TRY, "try", *targets]
        done = execute(engine, containers[service], argv, user="0")
        return [f"{targets[line]} answers {service}" for line in done.output.split()]

    with ThreadPoolExecutor(4) as pool:
        return [line for lines in pool.map(attempt, sorted(containers)) for line in lines]


@pytest.fixture
def open_network(engine: DockerClient, images: None) -> Iterator[dict[str, str]]:
    """One container in an internal network without the lab's options."""
    name = "tls-lab-test-open-network"
    image = image_store(engine, Checkout.here(), Progress()).ensure(["dns"])["dns"].tag
    network = engine.networks.create(name, driver="bridge", internal=True)
    try:
        container = engine.containers.run(
            image, ["sleep", "infinity"], network=name, detach=True, init=True, cap_drop=["ALL"]
        )
        try:
            yield {"open": str(container.id)}
        finally:
            container.remove(force=True)
    finally:
        network.remove()


def test_no_container_reaches_this_host(
    shared: Copy, open_network: dict[str, str], engine: DockerClient
) -> None:
    # given every container of the topology, and an open port at each of the host's addresses
    project = shared.checkout.kept_project
    running = network.containers(engine, project)
    containers = {service: found.id for service, found in running.items()}
    with listening() as targets:
        assert len(containers) > 10
        assert any("docker0" in where for where in targets.values()), targets
        # then nobody answers, not even the network's own bridge
        assert answered(engine, containers, targets) == []
        # which in an ordinary internal network somebody does
        assert answered(engine, open_network, targets)
    # and the lab sees the same by its own look
    assert network.look(engine, project, running).holds


def test_a_run_in_a_network_that_is_not_sealed_says_so(copy: Copy) -> None:
    # given a topology that is up and in which the host has an address, as every engine gives one
    compose = copy.path / "compose" / "compose.yaml"
    text = compose.read_text(encoding="utf-8")
    compose.write_text(text.replace('inhibit_ipv4: "true"', 'inhibit_ipv4: "false"'))
    assert copy.lab("up").status == 0
    # when
    done = copy.lab(
        "attempt", "--client", "openssl@rocky9", "--server", "nginx", "-c", "goal=handshake"
    )
    # then it is done, with one line of warning, and the record has it
    assert done.status == 0, str(done)
    assert done.err.count("network: the network is not sealed: the host answers at 172.30.") == 1
    topology = copy.record().topology
    assert topology["sealed"] is False
    assert "the host answers" in str(topology["seal"])


def test_no_container_has_a_way_out(shared: Copy, engine: DockerClient) -> None:
    # given the address that the host would have, at which nobody answers
    project = shared.checkout.kept_project
    listed = engine.api.networks(filters={"label": f"{network.LABEL_PROJECT}={project}"})[0]
    nobody = network.gateway_of(listed)
    for service, container in network.containers(engine, project).items():
        # then whatever is not in the lab's own network would have to go by it
        table = execute(engine, container.id, ["cat", "/proc/net/route"]).output.splitlines()[1:]
        routes = [line.split()[:3] for line in table]
        gateways = {gateway for _, _, gateway in routes} - {"00000000"}
        assert {_address(gateway) for gateway in gateways} <= {nobody}, service
        assert {interface for interface, _, _ in routes} == {"eth0"}, service
        on_link = [destination for _, destination, gateway in routes if gateway == "00000000"]
        subnet = ipaddress.ip_network(listed["IPAM"]["Config"][0]["Subnet"])
        assert [_address(destination) for destination in on_link] == [str(subnet[0])], service


def _address(word: str) -> str:
    """An address as the kernel's table has it: hexadecimal, in the byte order of the machine (x86)."""
    return socket.inet_ntoa(bytes.fromhex(word)[::-1])
