"""What the engine says of the running containers is what ``docs/containers.md`` says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from docker import DockerClient

from lab.run import network
from lab.run.containers import AGENTS, agent_files, pack, unpack
from lab.run.link import AgentLink, execute
from lab.servers import SERVERS, ListenerPlace, listen_request
from tests.containers_table import Container, documented
from tests.e2e.checkouts import Copy


def inspected(engine: DockerClient, shared: Copy) -> dict[str, Mapping[str, Any]]:
    """The containers of the topology, as the engine describes them, by service."""
    running = tabled(engine, shared)
    assert running
    return {name: engine.api.inspect_container(identity) for name, identity in running.items()}


def tabled(engine: DockerClient, shared: Copy) -> dict[str, str]:
    """The running containers that the table has, by service; it need not have those of new folders."""
    running = network.containers(engine, shared.checkout.kept_project)
    return {service: running[service].id for service in documented() if service in running}


def test_every_container_may_do_what_the_table_says(engine: DockerClient, shared: Copy) -> None:
    for service, seen in inspected(engine, shared).items():
        host = seen["HostConfig"]
        assert documented()[service] == Container(
            seen["Config"]["User"],
            frozenset(name.removeprefix("CAP_") for name in host["CapAdd"] or ()),
            frozenset(host.get("Tmpfs") or ()),
        ), service


def test_no_container_may_more(engine: DockerClient, shared: Copy) -> None:
    for service, seen in inspected(engine, shared).items():
        host = seen["HostConfig"]
        assert host["ReadonlyRootfs"], service
        assert host["CapDrop"] == ["ALL"], service
        assert host["SecurityOpt"] == ["no-new-privileges:true"], service
        assert host["Memory"] > 0, service
        assert host["PidsLimit"] > 0, service
        assert not host["Privileged"], service
        assert not host["PortBindings"], service
        # nothing of the host, and nothing that would lie on its disk
        assert not seen["Mounts"], service
        assert not host["Devices"], service
        assert len(seen["NetworkSettings"]["Networks"]) == 1, service


def test_nothing_else_can_be_written_to(engine: DockerClient, shared: Copy) -> None:
    # given what the kernel says of the mounts in each container
    for service, identity in tabled(engine, shared).items():
        lines = execute(engine, identity, ["cat", "/proc/mounts"]).output.splitlines()
        mounts = [line.split() for line in lines]
        writable = {
            place
            for _, place, kind, options, *_ in mounts
            if "rw" in options.split(",") and kind in {"tmpfs", "overlay", "ext4", "xfs", "btrfs"}
        }
        # then beside the table's there are the engine's own: what it writes for name resolution, and devices
        own = {"/etc/resolv.conf", "/etc/hostname", "/etc/hosts"}
        # of control groups v1 the place in which they are mounted, each read-only
        devices = {
            "/sys/fs/cgroup",
            "/dev",
            "/dev/shm",
            "/proc/kcore",
            "/proc/keys",
            "/proc/timer_list",
        }
        assert writable - own - devices - documented()[service].writable == set(), service


def test_the_processes_in_it_have_no_more_than_that(engine: DockerClient, shared: Copy) -> None:
    for service, identity in tabled(engine, shared).items():
        status = execute(engine, identity, ["cat", "/proc/1/status", "/proc/self/status"]).output
        effective = [line.split()[1] for line in status.splitlines() if line.startswith("CapEff")]
        users = [line.split()[1] for line in status.splitlines() if line.startswith("Uid")]
        row = documented()[service]
        assert users == (["65534"] * 2 if row.user else ["0"] * 2), service
        if not row.capabilities:
            assert effective == ["0" * 16] * 2, service


@pytest.mark.parametrize("software", ["nginx", "origin", "origin@openssl-1.0.2k", "pyftpdlib"])
def test_a_listener_has_given_up_root(engine: DockerClient, shared: Copy, software: str) -> None:
    # given a listener in its own container
    server = SERVERS[software]
    running = network.containers(engine, shared.checkout.kept_project)
    container = running[server.service].id
    unpack(engine, container, pack({f"{AGENTS}/{n}": text for n, text in agent_files().items()}))
    agent = AgentLink(engine, server.service, container, list(server.agent.argv))
    try:
        place = ListenerPlace(key="k", port=2999, passive_ports=(39990, 39999), password="x")
        request = listen_request(server, SERVERS[software].settings_with(tls=False), place)
        answer = agent.call("listen", 10, **request)
        assert answer["started"], answer
        # then neither it nor what it has started can do more than anybody
        script = (
            "for task in /proc/[0-9]*; do grep -H -e ^PPid -e ^Uid -e ^CapEff $task/status; done"
        )
        said = execute(engine, container, ["sh", "-c", script]).output
        tasks: dict[str, dict[str, str]] = {}
        for line in said.splitlines():
            path, name, *values = line.replace("\t", ":").split(":")
            tasks.setdefault(path.split("/")[2], {})[name] = next(v for v in values if v)
        pid = str(answer["pid"])
        family = [task for name, task in tasks.items() if pid in (name, task["PPid"])]
        assert family
        assert {(task["Uid"], int(task["CapEff"], 16)) for task in family} == {("65534", 0)}
    finally:
        agent.close()
