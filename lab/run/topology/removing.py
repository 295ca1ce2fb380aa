"""Removing what runs have left, and what is still being started."""

from __future__ import annotations

import contextlib
import itertools
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
from docker import DockerClient
from docker.errors import APIError, NotFound

from lab.host.machine import wait_until
from lab.run.checkout import Checkout, in_use, topology_lock
from lab.run.topology.projects import Found, TopologyError, find, of_project

#: Seconds for a Compose that nobody waits for any more to end when it is asked to.
COMPOSE_END_S = 5.0
#: Seconds without a new container after which the engine has done what such a Compose had asked for,
#: and how long that is waited for at most.
QUIET_S = 1.5
SETTLE_S = 20.0
#: Seconds after its last container's creation in which a topology may still be being started.
YOUNG_S = 10.0
#: Seconds for a network to be let go by containers that somebody else is removing.
NETWORK_S = 10.0


def down(
    client: DockerClient, checkout: Checkout, *, every: bool = False, force: bool = False
) -> tuple[list[Found], list[Found]]:
    """Remove what runs left behind.

    Of this checkout: everything that no living process uses, the kept topology included. With
    ``every``: also what other checkouts left, except a topology that is alive. With ``force``: those too.

    Returns:
        The topologies removed, and those left because they are in use.

    Raises:
        TopologyError: of one of them something stays; the others are removed.
    """
    removed: list[Found] = []
    left: list[Found] = []
    for found in find(client):
        ours = found.checkout == checkout.key
        if not (ours or every):
            continue
        busy = in_use(found.project) if ours else found.alive
        (left if busy and not force else removed).append(found)
    stuck: list[TopologyError] = []
    for found in removed:
        try:
            starting = _may_be_starting(client, found.project)
            remove(client, [found.project], starting=starting)
        except TopologyError as error:
            stuck.append(error)  # the others can go all the same
    if stuck:
        raise TopologyError("\n".join(map(str, stuck)))
    return removed, left


def remove(client: DockerClient, projects: Iterable[str], *, starting: bool = False) -> None:
    """Remove all containers, networks and volumes of the projects.

    Args:
        starting: they were being started by a Compose that was ended. The engine does not drop a
            request whose sender has gone, so that a container may still come.

    Raises:
        TopologyError: a network does not let go of its containers.
    """
    for project in projects:
        filters = of_project(project)
        if _end_compose(project) or starting:
            _remove_until_quiet(client, filters)
        _remove_containers(client, filters)
        for network in client.api.networks(filters=filters):
            _remove_network(client, network["Id"])
        for volume in client.api.volumes(filters=filters)["Volumes"] or []:
            client.api.remove_volume(volume["Name"], force=True)
        Path(topology_lock(project).lock_file).unlink(missing_ok=True)


def _remove_containers(client: DockerClient, filters: dict[str, str]) -> bool:
    """Remove what there is; whether there was anything."""

    def remove_container(identity: str) -> None:
        try:
            client.api.remove_container(identity, force=True, v=True)
        except NotFound:
            pass  # somebody else was first
        except APIError as error:
            if "already in progress" not in str(error):
                raise

    found = client.api.containers(all=True, filters=filters)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(remove_container, [c["Id"] for c in found]))
    return bool(found)


def _remove_until_quiet(client: DockerClient, filters: dict[str, str]) -> None:
    """Remove containers until none has come for :data:`QUIET_S`."""
    seen = time.monotonic()

    def quiet() -> bool:
        nonlocal seen
        if _remove_containers(client, filters):
            seen = time.monotonic()
        return time.monotonic() - seen >= QUIET_S

    wait_until(quiet, timeout_s=SETTLE_S)


def _may_be_starting(client: DockerClient, project: str) -> bool:
    """Whether a Compose may have been at work on it until a moment ago."""
    filters = of_project(project)
    created = [c["Created"] for c in client.api.containers(all=True, filters=filters)]
    return not created or time.time() - max(created) < YOUNG_S


def compose_processes(project: str) -> list[psutil.Process]:
    """The processes of this machine that are a Compose at work on ``project``."""
    option = ("--project-name", project)
    running = ((p, p.info["cmdline"] or ()) for p in psutil.process_iter(["cmdline"]))
    return [p for p, command in running if option in itertools.pairwise(command)]


def _end_compose(project: str) -> bool:
    """End a Compose that outlived the lab that started it; whether there was one."""
    found = compose_processes(project)
    for process in found:
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):  # it ends by itself
            process.terminate()
    for process in psutil.wait_procs(found, COMPOSE_END_S)[1]:
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            process.kill()
    return bool(found)


def _remove_network(client: DockerClient, identity: str) -> None:
    """Remove a network; again and again while a container on its way out still holds it."""

    def removed() -> bool:
        try:
            client.api.remove_network(identity)
        except NotFound:
            return True  # somebody else was first
        except APIError as error:
            if "active endpoints" not in str(error):
                raise
            return False
        return True

    if not wait_until(removed, timeout_s=NETWORK_S):
        raise TopologyError(
            f"the network {identity[:12]} cannot be removed: for {NETWORK_S:.0f} s the engine has said"
            f" that a container is connected to it. `docker network inspect {identity[:12]}` names it;"
            " where it names none the engine has lost count, which its next restart puts right"
        )
