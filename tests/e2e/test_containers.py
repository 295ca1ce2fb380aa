"""What the engine says of the running containers is what ``docs/containers.md`` says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from docker import DockerClient

from lab.stack import topology
from lab.stack.execution import execute
from tests.containers_table import Container, documented
from tests.e2e.checkouts import Copy


def inspected(engine: DockerClient, shared: Copy) -> dict[str, Mapping[str, Any]]:
    """Every container of the topology, as the engine describes it, by service."""
    running = topology.containers(engine, shared.checkout.kept_project)
    assert running
    return {name: engine.api.inspect_container(identity) for name, identity in running.items()}


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
    for service, identity in topology.containers(engine, shared.checkout.kept_project).items():
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
    for service, identity in topology.containers(engine, shared.checkout.kept_project).items():
        status = execute(engine, identity, ["cat", "/proc/1/status", "/proc/self/status"]).output
        effective = [line.split()[1] for line in status.splitlines() if line.startswith("CapEff")]
        users = [line.split()[1] for line in status.splitlines() if line.startswith("Uid")]
        row = documented()[service]
        assert users == (["65534"] * 2 if row.user else ["0"] * 2), service
        if not row.capabilities:
            assert effective == ["0" * 16] * 2, service
